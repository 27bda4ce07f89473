package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
)

const (
	maxReasonRunes = 200
	maxAskedByLen  = 128
)

// NewCancel is a request to give a payment back, wholly or in part.
type NewCancel struct {
	ID          string
	PaymentID   string
	FranchiseID string // who asks; "" for an operator
	Amount      int64  // won; 0 for all that is left
	Reason      string // 1 to 200 characters
	AskedBy     string // the subject of the caller's credential
	Fingerprint string
}

// LogValue keeps the reason out of logs.
func (n NewCancel) LogValue() slog.Value { return slog.StringValue(n.ID) }

// Cancel is a request to give a payment back and what became of it. Amounts are in won.
type Cancel struct {
	ID           string
	PaymentID    string
	MembershipID string // of the payment; "" when the payment is not the asker's
	FranchiseID  string // of the payment; the asker's when the payment is not theirs
	Amount       int64
	Reason       string
	AskedBy      string
	Fingerprint  string
	State        record.State
	Failure      record.Failure
	Refusal      record.Failure // why it may not begin, found when it was stored; it never changes
	Fee          int64          // given back
	VAT          int64          // given back
	Remaining    int64          // of the payment, once this cancel took effect; 0 until then
	StatementID  string         // the one statement it is in; "" until it is cut
	ApprovedAt   time.Time      // when it took effect; zero until then
	Until        time.Time      // for WAITING; zero otherwise
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// LogValue keeps the reason out of logs.
func (c Cancel) LogValue() slog.Value { return slog.StringValue(c.ID) }

// seesCancel gives what this scope may see of a cancel: a member what has come back to them.
func (s Scope) seesCancel(c Cancel) (Cancel, bool) {
	switch {
	case s.FranchiseID != "" && s.FranchiseID != c.FranchiseID:
		return Cancel{}, false
	case s.MembershipID == "":
		return c, true
	case s.MembershipID != c.MembershipID || c.State != record.Succeeded:
		return Cancel{}, false
	default:
		c.AskedBy, c.Fingerprint = "", ""
		return c, true
	}
}

// CheckCancel applies the rules that need nothing but the request. Errors:
// errs.InvalidRequest (/amount, /reason).
func (s *Service) CheckCancel(n NewCancel) *errs.Error { return checkCancel(n) }

func checkCancel(n NewCancel) *errs.Error {
	const pointer = "/reason"
	switch {
	case n.Amount < 0:
		return errs.InvalidField("/amount", errs.FieldTooSmall, "min", "1")
	case n.Amount > MaxStored:
		return errs.InvalidField("/amount", errs.FieldTooLarge, "max", strconv.FormatInt(MaxStored, 10))
	case n.Reason == "":
		return errs.InvalidField(pointer, errs.FieldRequired)
	case !utf8.ValidString(n.Reason):
		return errs.InvalidField(pointer, errs.FieldFormat, "expected", "text")
	case utf8.RuneCountInString(n.Reason) > maxReasonRunes:
		return errs.InvalidField(pointer, errs.FieldTooLong, "max", strconv.Itoa(maxReasonRunes))
	default:
		return nil
	}
}

// wellFormedCancel looks at what has to hold for a request to be stored at all.
func wellFormedCancel(n NewCancel) *errs.Error {
	switch {
	case !id.Valid(id.Cancel, n.ID):
		return errs.InvalidField("/id", errs.FieldFormat)
	case !id.Valid(id.Payment, n.PaymentID):
		return errs.PaymentNotFound
	case n.FranchiseID != "" && !id.Valid(id.Franchise, n.FranchiseID):
		return errs.InvalidField("/franchiseId", errs.FieldFormat)
	case len(n.AskedBy) > maxAskedByLen || !utf8.ValidString(n.AskedBy):
		return errs.InvalidField("/askedBy", errs.FieldFormat)
	case len(n.Fingerprint) > maxFingerprintLen:
		return errs.InvalidField("/fingerprint", errs.FieldTooLong)
	default:
		return checkCancel(n)
	}
}

// BeginCancels stores requests as REQUESTED, or gives back the stored ones of those
// that came before. A new one is decided under the lock of its payment: its amount is
// resolved, and it reserves that much of the payment until it fails. One that may not
// begin is stored with a Refusal that never changes: errs.PaymentNotFound (unknown, or
// not the asker's to see), errs.PaymentNotCancellable (state), errs.CancelExceeded
// (remaining, in won). Errors: errs.InvalidRequest and, for an id that no payment can
// have, errs.PaymentNotFound: nothing is stored; infrastructure trouble.
func (s *Service) BeginCancels(ctx context.Context, requests []NewCancel) ([]Cancel, error) {
	for _, n := range requests {
		if bad := wellFormedCancel(n); bad != nil {
			return nil, bad
		}
	}
	cancels := make([]Cancel, len(requests))
	for i, n := range requests {
		row, err := s.newCancelRow(n, s.now())
		if err != nil {
			return nil, err
		}
		row, err = s.store.BeginCancel(ctx, row, func(p *Row, reserved int64) CancelRow { return decide(row, p, reserved) })
		if err != nil {
			return nil, err
		}
		if cancels[i], err = s.openCancel(row); err != nil {
			return nil, err
		}
	}
	return cancels, nil
}

// decide resolves a new cancel against its payment (nil when unknown), of which reserved
// won are taken by other cancels, those on the way included.
func decide(c CancelRow, p *Row, reserved int64) CancelRow {
	if p == nil || c.FranchiseID != "" && (c.FranchiseID != p.FranchiseID || !p.State.Reached()) {
		c.Refusal = record.FailureOf(errs.PaymentNotFound)
		return c
	}
	c.FranchiseID, c.MembershipID = p.FranchiseID, p.MembershipID
	remaining := p.Amount - reserved
	if c.Amount == 0 {
		c.Amount = remaining
	}
	switch {
	case !p.State.cancellable():
		c.Refusal = record.FailureOf(errs.PaymentNotCancellable.With("state", p.State))
	case remaining == 0 || c.Amount > remaining:
		c.Refusal = record.FailureOf(errs.CancelExceeded.With("remaining", remaining))
	}
	return c
}

// MoveCancels changes the states of cancels. Succeeded takes effect under the lock of
// the payment: its cancelled amount and state, and the share of fee and VAT given back.
// Failed and Cancelled give the reserved amount free. It is idempotent: a cancel takes
// effect at most once. All allowed moves are made. Errors: the first refused move's
// errs.CancelNotFound or errs.ConcurrentEdit (a refused cancel never succeeds either);
// infrastructure trouble.
func (s *Service) MoveCancels(ctx context.Context, moves []record.Move) error {
	outs := make([]error, len(moves))
	for i, m := range moves {
		var err error
		if outs[i], err = s.moveCancel(ctx, m); err != nil {
			return err
		}
	}
	return first(outs)
}

// moveCancel gives the outcome of a move, and infrastructure trouble as err.
func (s *Service) moveCancel(ctx context.Context, m record.Move) (outcome, err error) {
	if m.State != record.Succeeded {
		return s.store.MoveCancel(ctx, m, s.now())
	}
	err = s.store.ApplyCancel(ctx, m.ID, func(p Row, c CancelRow) (Row, CancelRow, error) { return apply(p, c, s.now()) })
	switch {
	case errors.Is(err, ErrNotFound):
		return errs.CancelNotFound, nil
	case errors.Is(err, errs.ConcurrentEdit):
		return err, nil
	default:
		return nil, err
	}
}

// apply gives payment and cancel after the cancel took effect at this time; one that did
// before stays as it is. Errors: errs.ConcurrentEdit.
func apply(p Row, c CancelRow, at time.Time) (Row, CancelRow, error) {
	if c.State == record.Succeeded {
		return p, c, nil
	}
	before := p.Amount - p.CancelledAmount
	if !c.State.CanBecome(record.Succeeded) || c.Refusal.Is() || !p.State.cancellable() || c.Amount > before {
		return p, c, errs.ConcurrentEdit.With("state", c.State).With("asked", record.Succeeded)
	}
	after := before - c.Amount
	c.Fee, c.VAT = giveBack(before, after, p.FeeBasisPoints)
	c.State, c.Remaining, c.UntilAt, c.ApprovedAt, c.UpdatedAt = record.Succeeded, &after, nil, &at, at
	p.State, p.CancelledAmount, p.UpdatedAt = p.State.afterCancel(after), p.CancelledAmount+c.Amount, at
	return p, c, nil
}

// FindCancel gives a cancel to its franchise and an operator in any state, and to the
// member once it has succeeded. Errors: errs.CancelNotFound.
func (s *Service) FindCancel(ctx context.Context, scope Scope, id string) (Cancel, error) {
	row, err := s.store.FindCancel(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return Cancel{}, errs.CancelNotFound
	}
	if err != nil {
		return Cancel{}, err
	}
	c, err := s.openCancel(row)
	if err != nil {
		return Cancel{}, err
	}
	c, visible := scope.seesCancel(c)
	if !visible {
		return Cancel{}, errs.CancelNotFound
	}
	return c, nil
}

// ListCancels gives the cancels of a payment that the scope may see, newest first by
// the time of the request.
func (s *Service) ListCancels(ctx context.Context, scope Scope, paymentID string, q page.Request) (page.Page[Cancel], error) {
	rows, err := s.store.ListCancels(ctx, scope, paymentID, q)
	if err != nil {
		return page.Page[Cancel]{}, err
	}
	list := make([]Cancel, len(rows))
	for i, row := range rows {
		c, err := s.openCancel(row)
		if err != nil {
			return page.Page[Cancel]{}, err
		}
		list[i], _ = scope.seesCancel(c) // the store selects what is visible
	}
	return page.Of(list, q.Limit, func(c Cancel) page.Cursor { return page.Cursor{At: c.CreatedAt, ID: c.ID} }), nil
}

// newCancelRow seals a request for storage.
func (s *Service) newCancelRow(n NewCancel, at time.Time) (CancelRow, error) {
	reason, err := s.ring.Seal([]byte(n.Reason), reasonPlace(n.ID))
	if err != nil {
		return CancelRow{}, fmt.Errorf("seal %s: %w", n.ID, err)
	}
	return CancelRow{
		ID: n.ID, PaymentID: n.PaymentID, FranchiseID: n.FranchiseID, Amount: n.Amount, ReasonSealed: reason,
		AskedBy: n.AskedBy, Fingerprint: n.Fingerprint, State: record.Requested, CreatedAt: at, UpdatedAt: at,
	}, nil
}

func (s *Service) openCancel(r CancelRow) (Cancel, error) {
	reason, err := s.ring.Open(r.ReasonSealed, reasonPlace(r.ID))
	if err != nil {
		return Cancel{}, fmt.Errorf("open %s: %w", r.ID, err)
	}
	return Cancel{
		ID: r.ID, PaymentID: r.PaymentID, MembershipID: r.MembershipID, FranchiseID: r.FranchiseID, Amount: r.Amount,
		Reason: string(reason), AskedBy: r.AskedBy, Fingerprint: r.Fingerprint, State: r.State, Failure: r.Failure,
		Refusal: r.Refusal, Fee: r.Fee, VAT: r.VAT, Remaining: wonOf(r.Remaining), StatementID: textOf(r.StatementID), ApprovedAt: timeOf(r.ApprovedAt),
		Until: timeOf(r.UntilAt), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}, nil
}

// reasonPlace binds a sealed reason to its row, so that it does not open in another one.
func reasonPlace(cancelID string) string { return "cancels.reason_sealed/" + cancelID }
