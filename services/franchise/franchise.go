// Package franchise keeps the merchants of the platform: their registration, fee
// contracts, payout account, API keys, and the webhook by which they are told of what
// happens to them.
package franchise

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
	Now                  func() time.Time // nil means time.Now
	AllowPrivateWebhooks bool             // webhooks may lead into the platform's own network, and go over http: for trials, never in production
}

// Service has the use cases of franchises.
type Service struct {
	lanes      lanes
	store      Store
	sender     Sender
	sealer     sealer
	o          Options
	terms      *batch.Group[TermsQuery, Terms]
	deliveries *batch.Group[DeliveryRow, DeliveryRow]
	moves      *batch.Group[record.Move, error]
}

// maxBatch bounds how many concurrent requests share one statement.
const maxBatch = 256

// New makes a Service. The sender may be nil in a process that attempts no deliveries.
func New(store Store, sender Sender, ring *secret.KeyRing, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Service{store: store, sender: sender, sealer: sealer{ring: ring}, o: o}
	s.terms = batch.New(maxBatch, s.runTerms)
	s.deliveries = batch.New(maxBatch, store.BeginDeliveries)
	s.moves = batch.New(maxBatch, s.runDeliveryMoves)
	return s
}

// now is the time as the database keeps it.
func (s *Service) now() time.Time { return s.o.Now().UTC().Truncate(time.Microsecond) }

// Check looks at what a client asks to register. Errors: errs.InvalidRequest with the
// pointers /name, /businessNumber, /contact, /payout/bankCode, /payout/accountNumber,
// /payout/holderName, /contract/feeBasisPoints, /contract/tier/yearlySales,
// /contract/tier/method, /contract/effectiveFrom, /contract/cycle and
// /contract/payoutBusinessDays.
func (s *Service) Check(n NewFranchise) *errs.Error { return n.check() }

// Begin stores registrations as REQUESTED, or gives back the stored ones of those that
// came before, in whatever state: the caller compares fingerprints. A registration
// whose business number another franchise holds is stored with a Refusal, and it can
// only fail. Errors: errs.InvalidRequest as of Check; infrastructure trouble.
func (s *Service) Begin(ctx context.Context, registrations []NewFranchise) ([]Franchise, error) {
	now := s.now()
	rows := make([]Row, len(registrations))
	for i, n := range registrations {
		if bad := n.wellFormed(); bad != nil {
			return nil, bad
		}
		var err error
		if rows[i], err = s.sealer.newRow(n.Normal(), now); err != nil {
			return nil, err
		}
	}
	stored, err := s.store.Begin(ctx, rows)
	if err != nil {
		return nil, err
	}
	return s.openAll(stored)
}

func (s *Service) openAll(rows []Row) ([]Franchise, error) {
	franchises := make([]Franchise, len(rows))
	for i, row := range rows {
		var err error
		if franchises[i], err = s.sealer.open(row); err != nil {
			return nil, err
		}
	}
	return franchises, nil
}

// Move changes the states of registrations as record.State.CanBecome allows. SUCCEEDED
// makes the franchise active and its payout account verified; FAILED and CANCELLED give
// its business number free. It is idempotent, and all allowed moves are made. Errors:
// the first refused move's errs.FranchiseNotFound or errs.ConcurrentEdit (a refused
// registration cannot succeed), or infrastructure trouble.
func (s *Service) Move(ctx context.Context, moves []record.Move) error {
	return firstOf(s.store.Move(ctx, moves, s.now()))
}

// firstOf gives the first error there is.
func firstOf(outs []error, err error) error {
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

// Find gives a franchise, or a registration in any state. Errors: errs.FranchiseNotFound.
func (s *Service) Find(ctx context.Context, id string) (Franchise, error) {
	row, err := s.store.Find(ctx, id)
	if err != nil {
		return Franchise{}, orElse(err, errs.FranchiseNotFound)
	}
	return s.sealer.open(row)
}

// orElse names what was not found.
func orElse(err error, notFound *errs.Error) error {
	if errors.Is(err, ErrNotFound) {
		return notFound
	}
	return err
}

// List gives franchises, newest first: those with this status, or, for "", all of them
// and the registrations that have not succeeded. Two round trips for a page.
func (s *Service) List(ctx context.Context, q page.Request, status Status) (page.Page[Franchise], error) {
	rows, err := s.store.List(ctx, q, status)
	if err != nil {
		return page.Page[Franchise]{}, err
	}
	items, err := s.openAll(rows)
	if err != nil {
		return page.Page[Franchise]{}, err
	}
	return page.Of(items, q.Limit, func(f Franchise) page.Cursor { return page.Cursor{At: f.CreatedAt, ID: f.ID} }), nil
}

// Modify changes a registered franchise that still has this version. A new contract may
// begin from tomorrow (Asia/Seoul) on, and replaces one planned for the same date.
// Errors: errs.InvalidRequest (/name, /contact, /status, /contract/…),
// errs.FranchiseNotFound (also while its registration has not succeeded),
// errs.EtagMismatch, errs.ContractInForce with the parameters since and from.
func (s *Service) Modify(ctx context.Context, id string, version int64, p Patch) (Franchise, error) {
	p = p.normal()
	contract, bad := p.check()
	if bad != nil {
		return Franchise{}, bad
	}
	now := s.now()
	row, err := s.store.Update(ctx, id, func(row Row) (Change, error) {
		if refusal := row.modifiable(version, contract, now); refusal != nil {
			return Change{}, refusal
		}
		return s.sealer.apply(row, p, contract, now)
	})
	if err != nil {
		return Franchise{}, orElse(err, errs.FranchiseNotFound)
	}
	return s.sealer.open(row)
}
