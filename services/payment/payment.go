// Package payment keeps members' payments at franchises and their cancels: the rules,
// the record of each, and the feed from which statements are cut. The money itself is
// moved by the ledger.
package payment

import (
	"context"
	"errors"
	"time"

	"durapay/errs"
	"durapay/internal/batch"
	"durapay/internal/page"
	"durapay/internal/secret"
)

// Options are what differs between deployments.
type Options struct {
	Now       func() time.Time // nil means time.Now
	MaxAmount int64            // of one payment, in won; 0 means MaxAmount
}

// Service has the use cases of payment.
type Service struct {
	store  Store
	ring   *secret.KeyRing
	o      Options
	begins *batch.Group[Row, Row]
	moves  *batch.Group[Change, error]
}

// maxBatch bounds how many concurrent requests share one statement.
const maxBatch = 256

// New makes a Service.
func New(store Store, ring *secret.KeyRing, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxAmount == 0 {
		o.MaxAmount = MaxAmount
	}
	s := &Service{store: store, ring: ring, o: o}
	s.begins = batch.New(maxBatch, store.Begin)
	s.moves = batch.New(maxBatch, s.runMoves)
	return s
}

// now is the time as the database keeps it.
func (s *Service) now() time.Time { return s.o.Now().UTC().Truncate(time.Microsecond) }

// Check applies the rules that need nothing but the request. Errors:
// errs.InvalidRequest (/franchiseId, /orderId, /amount, /taxFreeAmount,
// /autoTopUp/bankAccountId).
func (s *Service) Check(n NewPayment) *errs.Error { return check(n, s.o.MaxAmount) }

// Begin stores requests as REQUESTED, or gives back the stored ones of those that came
// before, in whatever state: the caller compares fingerprints. A franchise's order id
// belongs to one payment that has not failed: another one is stored with the Refusal
// errs.OrderIDTaken, which names the first (paymentId) to its own member, and it never changes. Amounts
// over the limit of Check are taken, because a refusal is on record too. Concurrent
// calls share a statement; all new and no clash: one round trip. Errors:
// errs.InvalidRequest for a request that cannot be stored; infrastructure trouble.
func (s *Service) Begin(ctx context.Context, requests []NewPayment) ([]Payment, error) {
	now := s.now()
	rows := make([]Row, len(requests))
	for i, n := range requests {
		if bad := wellFormed(n); bad != nil { // before the statement is shared: it would fail for everyone
			return nil, bad
		}
		rows[i] = newRow(n, now)
	}
	stored, err := s.begins.Do(ctx, rows)
	if err != nil {
		return nil, err
	}
	return payments(stored), nil
}

func payments(rows []Row) []Payment {
	list := make([]Payment, len(rows))
	for i, r := range rows {
		list[i] = r.payment()
	}
	return list
}

// Move changes the states of payments on the way: Succeeded approves, with the fee at
// the given rate; Failed and Cancelled fail it and give its order id free. A payment
// with a Refusal is never approved. It is idempotent: a repeated approval keeps the
// first one's fee and time. All allowed moves are made. Concurrent calls share a
// statement; all allowed: one round trip. Errors: errs.InvalidRequest for a rate that
// is none; the first refused move's errs.PaymentNotFound or errs.ConcurrentEdit;
// infrastructure trouble.
func (s *Service) Move(ctx context.Context, moves []Move) error {
	changes := make([]Change, len(moves))
	for i, m := range moves {
		if m.FeeBasisPoints < 0 || m.FeeBasisPoints > MaxFeeBasisPoints {
			return errs.InvalidField("/feeBasisPoints", errs.FieldMustBe, "expected", "0 to 10000")
		}
		changes[i] = change(m)
	}
	outs, err := s.moves.Do(ctx, changes)
	if err != nil {
		return err
	}
	return first(outs)
}

// first gives the first error there is.
func first(outs []error) error {
	for _, err := range outs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) runMoves(ctx context.Context, changes []Change) ([]error, error) {
	return s.store.Move(ctx, changes, s.now())
}

// SetTopUp notes the top-up that a payment waits for. It is idempotent. Errors:
// errs.PaymentNotFound; errs.ConcurrentEdit when another top-up is noted.
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

// Find gives a payment to its member in any state, to its franchise once it is
// approved, and to an operator. Errors: errs.PaymentNotFound.
func (s *Service) Find(ctx context.Context, scope Scope, id string) (Payment, error) {
	row, err := s.store.Find(ctx, id)
	if err != nil {
		return Payment{}, notFound(err)
	}
	p, visible := scope.sees(row.payment())
	if !visible {
		return Payment{}, errs.PaymentNotFound
	}
	return p, nil
}

func notFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return errs.PaymentNotFound
	}
	return err
}

// Filter narrows List. The zero value of each field means all.
type Filter struct {
	State State
	From  time.Time // of the request, inclusive
	Until time.Time // of the request, exclusive
}

// List gives the payments that the scope may see, newest first by the time of the request.
func (s *Service) List(ctx context.Context, scope Scope, f Filter, q page.Request) (page.Page[Payment], error) {
	rows, err := s.store.List(ctx, scope, f, q)
	if err != nil {
		return page.Page[Payment]{}, err
	}
	list := payments(rows)
	for i, p := range list {
		list[i], _ = scope.sees(p) // the store selects what is visible
	}
	return page.Of(list, q.Limit, func(p Payment) page.Cursor { return page.Cursor{At: p.CreatedAt, ID: p.ID} }), nil
}

// NormalFilter narrows Normal. The zero value of each field means all.
type NormalFilter struct {
	FranchiseID string
	From        time.Time // of the approval, inclusive
	Until       time.Time // of the approval, exclusive
}

// Normal gives the payments in a normal state: approved, not cancelled in full and not
// settled; newest first by the time of the approval.
func (s *Service) Normal(ctx context.Context, f NormalFilter, q page.Request) (page.Page[Payment], error) {
	rows, err := s.store.Normal(ctx, f, q)
	if err != nil {
		return page.Page[Payment]{}, err
	}
	list := payments(rows)
	for i, p := range list {
		list[i], _ = Scope{FranchiseID: f.FranchiseID}.sees(p)
	}
	return page.Of(list, q.Limit, func(p Payment) page.Cursor { return page.Cursor{At: p.ApprovedAt, ID: p.ID} }), nil
}
