// Package remittance keeps members' requests to send money to other members and to
// bank accounts: its rules and limits, the record of every request, and each member's history. The money itself is moved by the ledger.
package remittance

import (
	"context"
	"errors"
	"time"

	"durapay/errs"
	"durapay/internal/batch"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/internal/secret"
)

// Options are what differs between deployments.
type Options struct {
	Now            func() time.Time // nil means time.Now
	MaxPerTransfer int64            // won; 0 means MaxPerTransfer
	MaxPerDay      int64            // won for each sender and Asia/Seoul day; 0 means MaxPerDay
}

// Service has the use cases of remittance.
type Service struct {
	store  Store
	ring   *secret.KeyRing
	o      Options
	begins *batch.Group[Row, Row]
	moves  *batch.Group[record.Move, error]
}

// maxBatch bounds how many concurrent requests share one statement.
const maxBatch = 256

// New makes a Service.
func New(store Store, ring *secret.KeyRing, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxPerTransfer == 0 {
		o.MaxPerTransfer = MaxPerTransfer
	}
	if o.MaxPerDay == 0 {
		o.MaxPerDay = MaxPerDay
	}
	s := &Service{store: store, ring: ring, o: o}
	s.begins = batch.New(maxBatch, s.runBegins)
	s.moves = batch.New(maxBatch, s.runMoves)
	return s
}

// now is the time as the database keeps it.
func (s *Service) now() time.Time { return s.o.Now().UTC().Truncate(time.Microsecond) }

// Check applies the rules that need nothing but the request and, while it is not
// stored, the clock. Errors: errs.InvalidRequest (/to/membershipId, /to/bankCode,
// /to/accountNumber, /to/holderName, /amount, /memo, /autoTopUp/bankAccountId,
// /executeAt), errs.SelfTransfer, errs.TransferLimit with the parameter limit.
func (s *Service) Check(r Remittance) *errs.Error {
	at := r.CreatedAt
	if at.IsZero() {
		at = s.now()
	}
	return check(r, s.o.MaxPerTransfer, at)
}

// Begin stores requests as REQUESTED, or gives back the stored rows of those that came
// before, in whatever state: the caller compares fingerprints. It takes what the rules
// of Check and the daily limit refuse, because a refusal is on record too: as Refusal,
// with the same answer whenever it is asked again. The rest is counted for the sender
// and the day, until it ends without the money having been sent. Refusals beside those
// of Check: errs.DailyLimit with the parameters limit, left and day.
//
// Concurrent calls share a transaction of seven round trips, however many they are.
// Errors: errs.InvalidRequest for a request that cannot be stored; infrastructure trouble.
func (s *Service) Begin(ctx context.Context, requests []Remittance) ([]Remittance, error) {
	now := s.now()
	rows := make([]Row, len(requests))
	for i, r := range requests {
		if bad := wellFormed(r); bad != nil { // before the statement is shared: it would fail for everyone
			return nil, bad
		}
		var err error
		if rows[i], err = s.newRow(r, now); err != nil {
			return nil, err
		}
	}
	outs, err := s.begins.Do(ctx, rows)
	if err != nil {
		return nil, err
	}
	stored := make([]Remittance, len(outs))
	for i, out := range outs {
		if stored[i], err = s.open(out); err != nil {
			return nil, err
		}
	}
	return stored, nil
}

// Move changes the states of requests as record.State.CanBecome allows. It is
// idempotent, and all allowed moves are made. FAILED, CANCELLED and RETURNED take the
// amount out of the sender's day, once. Concurrent calls share a statement; all allowed
// and none of those: one round trip. Errors: the first refused move's errs.RemittanceNotFound or
// errs.ConcurrentEdit, or infrastructure trouble.
func (s *Service) Move(ctx context.Context, moves []record.Move) error {
	outs, err := s.moves.Do(ctx, moves)
	if err != nil {
		return err
	}
	for _, err := range outs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) runBegins(ctx context.Context, rows []Row) ([]Row, error) {
	return s.store.Begin(ctx, rows, s.o.MaxPerDay)
}

func (s *Service) runMoves(ctx context.Context, moves []record.Move) ([]error, error) {
	return s.store.Move(ctx, moves, s.now())
}

// SetTopUp notes the top-up that a request waits for. It is idempotent. Errors:
// errs.RemittanceNotFound; errs.ConcurrentEdit when another top-up is noted.
func (s *Service) SetTopUp(ctx context.Context, id, topUpID string) error {
	done, err := s.store.SetTopUp(ctx, id, topUpID, s.now())
	if err != nil || done {
		return err
	}
	if _, err := s.store.Find(ctx, id); err != nil {
		return notFound(err)
	}
	return errs.ConcurrentEdit
}

// Find gives a request to its sender in any state, to its receiver once it has
// succeeded, and to an operator (membershipID ""). Errors: errs.RemittanceNotFound.
func (s *Service) Find(ctx context.Context, membershipID, id string) (Remittance, error) {
	row, err := s.store.Find(ctx, id)
	if err != nil {
		return Remittance{}, notFound(err)
	}
	r, err := s.open(row)
	if err != nil {
		return Remittance{}, err
	}
	r, visible := r.seenBy(membershipID)
	if !visible {
		return Remittance{}, errs.RemittanceNotFound
	}
	return r, nil
}

func notFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return errs.RemittanceNotFound
	}
	return err
}

// History gives what a member has sent, failures with their reason included, and what
// has reached them; newest first, by the time of the request. Nobody ("") has none.
func (s *Service) History(ctx context.Context, membershipID string, q page.Request) (page.Page[Remittance], error) {
	if membershipID == "" { // whom the rows of transfers to banks name as their receiver
		return page.Page[Remittance]{}, nil
	}
	rows, err := s.store.History(ctx, membershipID, q)
	if err != nil {
		return page.Page[Remittance]{}, err
	}
	items := make([]Remittance, len(rows))
	for i, row := range rows {
		r, err := s.open(row)
		if err != nil {
			return page.Page[Remittance]{}, err
		}
		items[i], _ = r.seenBy(membershipID) // the store selects what is visible
	}
	return page.Of(items, q.Limit, func(r Remittance) page.Cursor { return page.Cursor{At: r.CreatedAt, ID: r.ID} }), nil
}
