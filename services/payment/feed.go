package payment

import (
	"context"
	"time"

	"durapay/errs"
	"durapay/internal/page"
)

// The feed of the settlement: approved payments, and cancels that took effect, are its
// items. Each waits for its franchise's next statement, and is cut into it once.

// maxCut bounds how many items of each kind one transaction of Cut or FinishStatement takes.
const maxCut = 2_000

// MaxOpenFranchises bounds what one call of OpenFranchises gives.
const MaxOpenFranchises = 1_000

// CutOrder asks to cut a franchise's items, approved before a time, into a statement.
type CutOrder struct {
	StatementID string
	FranchiseID string
	Before      time.Time // exclusive; of the first call for the statement
}

// CutOutcome tells whether there is more to cut by the same order.
type CutOutcome struct {
	More bool
}

// Sums are the figures of one statement, in won. Fee and VAT are net of what cancels gave back.
type Sums struct {
	StatementID   string
	PaymentCount  int64
	PaymentAmount int64
	TaxFreeAmount int64 // of the payments
	CancelCount   int64
	CancelAmount  int64
	Fee           int64
	VAT           int64
	From          time.Time // of the first item; zero when there is none
	Until         time.Time // of the last item; zero when there is none
}

// LineType tells what a line of a statement is about.
type LineType string

// The types of lines.
const (
	LinePayment LineType = "PAYMENT"
	LineCancel  LineType = "CANCEL"
)

// Line is one item of a statement. Amounts are in won, those of a cancel are negative.
type Line struct {
	Type           LineType  `db:"type"`
	ID             string    `db:"id"`
	PaymentID      string    `db:"payment_id"`
	OrderID        string    `db:"order_id"`
	Amount         int64     `db:"amount"`
	FeeBasisPoints int       `db:"fee_basis_points"`
	Fee            int64     `db:"fee"`
	VAT            int64     `db:"vat"`
	At             time.Time `db:"at"`
}

// OpenFranchises gives the franchises that have items approved before a time and not
// cut yet, ascending by id, those behind after ("" for the first page). At most
// MaxOpenFranchises; fewer than limit means that there are no more.
func (s *Service) OpenFranchises(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
	return s.store.OpenFranchises(ctx, before, after, max(1, min(limit, MaxOpenFranchises)))
}

// Cut puts items into statements, at most 2,000 of each kind for each order, and tells
// which orders have more. Each item is cut once, by whoever comes first. A statement is
// closed by the call that finds no more, or by Seal: from then on Cut leaves it alone, so
// that its sums stay; what was approved in time but committed later goes into the next one. It
// is idempotent. Errors: errs.ConcurrentEdit when the statement is another franchise's;
// infrastructure trouble.
func (s *Service) Cut(ctx context.Context, orders []CutOrder) ([]CutOutcome, error) {
	outs := make([]CutOutcome, len(orders))
	for i, o := range orders {
		more, err := s.store.Cut(ctx, o, maxCut, s.now())
		if err != nil {
			return nil, err
		}
		outs[i].More = more
	}
	return outs, nil
}

// Seal closes statements, whether Cut has come to their end or not, and gives their
// figures, in order: nothing joins them afterwards. It is idempotent.
func (s *Service) Seal(ctx context.Context, statementIDs []string) ([]Sums, error) {
	if err := s.store.Seal(ctx, statementIDs, s.now()); err != nil {
		return nil, err
	}
	return s.Sums(ctx, statementIDs)
}

// Sums gives the figures of statements, in order; all zero for one without items.
func (s *Service) Sums(ctx context.Context, statementIDs []string) ([]Sums, error) {
	found, err := s.store.Sums(ctx, statementIDs)
	if err != nil {
		return nil, err
	}
	sums := make([]Sums, len(statementIDs))
	for i, id := range statementIDs {
		sums[i] = found[id]
		sums[i].StatementID = id
	}
	return sums, nil
}

// Preview gives the figures of what would be cut now, in order. It changes nothing.
func (s *Service) Preview(ctx context.Context, orders []CutOrder) ([]Sums, error) {
	sums := make([]Sums, len(orders))
	for i, o := range orders {
		var err error
		if sums[i], err = s.store.Preview(ctx, o); err != nil {
			return nil, err
		}
		sums[i].StatementID = o.StatementID
	}
	return sums, nil
}

// Lines gives the items of a statement to its franchise and an operator, ascending by
// the time at which they took effect. A stranger gets none.
func (s *Service) Lines(ctx context.Context, scope Scope, statementID string, q page.Request) (page.Page[Line], error) {
	if scope.MembershipID != "" {
		return page.Page[Line]{Items: []Line{}}, nil
	}
	lines, err := s.store.Lines(ctx, scope.FranchiseID, statementID, q)
	if err != nil {
		return page.Page[Line]{}, err
	}
	return page.Of(lines, q.Limit, func(l Line) page.Cursor { return page.Cursor{At: l.At, ID: l.ID} }), nil
}

// FinishStatement settles the payments of paid statements, at most 2,000 of each, and
// tells which have more. A payment cancelled in full stays so, and gets its time of
// settlement. It is idempotent.
func (s *Service) FinishStatement(ctx context.Context, statementIDs []string) ([]bool, error) {
	more := make([]bool, len(statementIDs))
	for i, id := range statementIDs {
		n, err := s.store.FinishStatement(ctx, id, maxCut, s.now())
		if err != nil {
			return nil, err
		}
		more[i] = n == maxCut
	}
	return more, nil
}

// Finish settles one payment; that its statement is paid is the caller's to know. Errors:
// errs.PaymentNotFound; errs.PaymentNotFinishable with the reason "state" (not normal,
// settled already included) or "not_cut" (in no statement).
func (s *Service) Finish(ctx context.Context, id string) (Payment, error) {
	now := s.now()
	row, err := s.store.Update(ctx, id, func(p Row) (Row, error) { return finish(p, now) })
	if err != nil {
		return Payment{}, notFound(err)
	}
	return row.payment(), nil
}

func finish(p Row, at time.Time) (Row, error) {
	switch {
	case !p.State.Normal():
		return p, errs.PaymentNotFinishable.With("reason", "state")
	case p.StatementID == nil:
		return p, errs.PaymentNotFinishable.With("reason", "not_cut")
	}
	p.State, p.SettledAt, p.UpdatedAt = Settled, &at, at
	return p, nil
}
