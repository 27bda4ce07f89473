package activities

import (
	"context"

	"durapay/internal/record"
	"durapay/services/remittance"
	"durapay/workflows/contract"
)

// Remittance calls the remittance service.
type Remittance struct{ Service *remittance.Service }

// Begin records remittances, or finds what is recorded.
func (a *Remittance) Begin(ctx context.Context, in []contract.Remittance) ([]contract.Begun, error) {
	rows, err := a.Service.Begin(ctx, each(in, func(r contract.Remittance) remittance.Remittance {
		return remittance.Remittance{ID: r.ID, SenderID: r.SenderID, Amount: r.Amount, Memo: r.Memo,
			To:                 remittance.Receiver{MembershipID: r.ReceiverID, BankCode: r.To.BankCode, AccountNumber: r.To.Number, HolderName: r.To.HolderName},
			AutoTopUpAccountID: r.AutoTopUpAccountID, ExecuteAt: r.ExecuteAt, Fingerprint: r.Fingerprint}
	}))
	return each(rows, func(r remittance.Remittance) contract.Begun {
		return contract.Begun{State: r.State, Failure: r.Failure, Refusal: r.Refusal, Fingerprint: r.Fingerprint}
	}), trouble(ctx, err)
}

// Move stores changes of their states.
func (a *Remittance) Move(ctx context.Context, in []record.Move) error {
	return trouble(ctx, a.Service.Move(ctx, in))
}

// SetTopUp ties remittances to the top-ups they started.
func (a *Remittance) SetTopUp(ctx context.Context, in []contract.TopUpLink) error {
	for _, l := range in {
		if err := a.Service.SetTopUp(ctx, l.RecordID, l.TopUpID); err != nil {
			return trouble(ctx, err)
		}
	}
	return nil
}
