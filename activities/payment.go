package activities

import (
	"context"
	"time"

	"durapay/internal/record"
	"durapay/services/payment"
	"durapay/workflows/contract"
)

// Payment calls the payment service.
type Payment struct{ Service *payment.Service }

// Begin records payments, or finds what is recorded.
func (a *Payment) Begin(ctx context.Context, in []contract.Payment) ([]contract.Begun, error) {
	rows, err := a.Service.Begin(ctx, each(in, func(p contract.Payment) payment.NewPayment {
		return payment.NewPayment{ID: p.ID, MembershipID: p.MembershipID, FranchiseID: p.FranchiseID, OrderID: p.OrderID, Amount: p.Amount,
			TaxFreeAmount: p.TaxFreeAmount, AutoTopUpAccountID: p.AutoTopUpAccountID, Fingerprint: p.Fingerprint}
	}))
	return each(rows, func(p payment.Payment) contract.Begun {
		return contract.Begun{State: p.Record(), Failure: p.Failure, Refusal: p.Refusal, Fingerprint: p.Fingerprint}
	}), trouble(ctx, err)
}

// Move stores changes of their states; success pins the fee.
func (a *Payment) Move(ctx context.Context, in []contract.PaymentChange) error {
	return trouble(ctx, a.Service.Move(ctx, each(in, func(m contract.PaymentChange) payment.Move {
		return payment.Move{Move: m.Move, FeeBasisPoints: m.FeeBasisPoints}
	})))
}

// SetTopUp ties payments to the top-ups they started.
func (a *Payment) SetTopUp(ctx context.Context, in []contract.TopUpLink) error {
	for _, l := range in {
		if err := a.Service.SetTopUp(ctx, l.RecordID, l.TopUpID); err != nil {
			return trouble(ctx, err)
		}
	}
	return nil
}

// BeginCancels records cancels and reserves what they give back, or finds what is recorded.
func (a *Payment) BeginCancels(ctx context.Context, in []contract.Cancel) ([]contract.BegunCancel, error) {
	rows, err := a.Service.BeginCancels(ctx, each(in, func(c contract.Cancel) payment.NewCancel {
		return payment.NewCancel{ID: c.ID, PaymentID: c.PaymentID, FranchiseID: c.FranchiseID, Amount: c.Amount, Reason: c.Reason,
			AskedBy: c.AskedBy, Fingerprint: c.Fingerprint}
	}))
	if err != nil {
		return nil, trouble(ctx, err)
	}
	out := make([]contract.BegunCancel, len(rows))
	for i, c := range rows {
		out[i] = contract.BegunCancel{
			Begun:     contract.Begun{State: c.State, Failure: c.Failure, Refusal: c.Refusal, Fingerprint: c.Fingerprint},
			PaymentID: c.PaymentID, MembershipID: c.MembershipID, FranchiseID: c.FranchiseID, Amount: c.Amount}
		if c.Refusal.Is() {
			continue
		}
		p, err := a.Service.Find(ctx, payment.Scope{}, c.PaymentID)
		if err != nil {
			return nil, trouble(ctx, err)
		}
		out[i].OrderID = p.OrderID
	}
	return out, nil
}

// MoveCancels stores changes of their states; success changes the payment.
func (a *Payment) MoveCancels(ctx context.Context, in []record.Move) error {
	return trouble(ctx, a.Service.MoveCancels(ctx, in))
}

// OpenFranchises lists franchises with something to settle.
func (a *Payment) OpenFranchises(ctx context.Context, in []contract.FranchisePage) ([]contract.FranchiseIDs, error) {
	out := make([]contract.FranchiseIDs, len(in))
	for i, p := range in {
		var err error
		if out[i].IDs, err = a.Service.OpenFranchises(ctx, p.Before, p.After, p.Limit); err != nil {
			return nil, trouble(ctx, err)
		}
	}
	return out, nil
}

// cutBudget is how long one step cuts before it leaves the rest to the next one.
const cutBudget = 10 * time.Second

// Cut puts items into statements, some thousands of each. What is not begun within its
// time is told as more.
func (a *Payment) Cut(ctx context.Context, in []contract.Cut) ([]contract.CutOutcome, error) {
	until := time.Now().Add(cutBudget)
	out := make([]contract.CutOutcome, len(in))
	for i, c := range in {
		if time.Now().After(until) {
			out[i].More = true
			continue
		}
		cut, err := a.Service.Cut(ctx, []payment.CutOrder{cutOrder(c)})
		if err != nil {
			return nil, trouble(ctx, err)
		}
		out[i].More = cut[0].More
	}
	return out, nil
}

func cutOrder(c contract.Cut) payment.CutOrder {
	return payment.CutOrder{StatementID: c.StatementID, FranchiseID: c.FranchiseID, Before: c.Before}
}

// Seal closes statements, and gives what they add up to: nothing gets into them any more.
func (a *Payment) Seal(ctx context.Context, in []contract.Cut) ([]contract.Sums, error) {
	sums, err := a.Service.Seal(ctx, each(in, func(c contract.Cut) string { return c.StatementID }))
	return each(sums, sumsOf), trouble(ctx, err)
}

// Preview gives what statements would add up to.
func (a *Payment) Preview(ctx context.Context, in []contract.Cut) ([]contract.Sums, error) {
	sums, err := a.Service.Preview(ctx, each(in, cutOrder))
	return each(sums, sumsOf), trouble(ctx, err)
}

func sumsOf(s payment.Sums) contract.Sums {
	return contract.Sums{StatementID: s.StatementID, PaymentCount: s.PaymentCount, PaymentAmount: s.PaymentAmount, TaxFreeAmount: s.TaxFreeAmount,
		CancelCount: s.CancelCount, CancelAmount: s.CancelAmount, Fee: s.Fee, VAT: s.VAT, From: s.From, Until: s.Until}
}

// FinishStatements settles the payments of paid statements, some thousands of each, and
// tells whether there are more.
func (a *Payment) FinishStatements(ctx context.Context, statementIDs []string) ([]bool, error) {
	more, err := a.Service.FinishStatement(ctx, statementIDs)
	return more, trouble(ctx, err)
}
