package activities

import (
	"context"

	"durapay/internal/record"
	"durapay/services/franchise"
	"durapay/workflows/contract"
)

// Franchise calls the franchise service.
type Franchise struct{ Service *franchise.Service }

// Begin records registrations, or finds what is recorded.
func (a *Franchise) Begin(ctx context.Context, in []contract.Franchise) ([]contract.Begun, error) {
	rows, err := a.Service.Begin(ctx, each(in, newFranchise))
	return each(rows, func(f franchise.Franchise) contract.Begun {
		return contract.Begun{State: f.State, Failure: f.Failure, Refusal: f.Refusal, Fingerprint: f.Fingerprint}
	}), trouble(ctx, err)
}

func newFranchise(f contract.Franchise) franchise.NewFranchise {
	fee := f.Contract.FeeBasisPoints
	return franchise.NewFranchise{ID: f.ID, Name: f.Name, BusinessNumber: f.BusinessNumber, Contact: f.Contact, Payout: payoutOf(f.Payout),
		Contract: franchise.NewContract{EffectiveFrom: f.Contract.EffectiveFrom, FeeBasisPoints: &fee,
			Cycle: franchise.Cycle(f.Contract.Cycle), PayoutBusinessDays: f.Contract.PayoutBusinessDays},
		Fingerprint: f.Fingerprint}
}

func payoutOf(a contract.Account) franchise.Payout {
	return franchise.Payout{BankCode: a.BankCode, Number: a.Number, HolderName: a.HolderName}
}

// Move stores changes of their states.
func (a *Franchise) Move(ctx context.Context, in []record.Move) error {
	return trouble(ctx, a.Service.Move(ctx, in))
}

// Terms tells on what terms franchises take payments now. One without a contract in
// force takes none.
func (a *Franchise) Terms(ctx context.Context, ids []string) ([]contract.Terms, error) {
	terms, err := a.Service.Terms(ctx, each(ids, func(id string) franchise.TermsQuery { return franchise.TermsQuery{FranchiseID: id} }))
	return each(terms, func(t franchise.Terms) contract.Terms {
		return contract.Terms{Exists: t.Exists, Active: t.Active && t.HasContract, FeeBasisPoints: t.FeeBasisPoints, Webhook: t.Webhook}
	}), trouble(ctx, err)
}

// Contracts tells how franchises are settled on a date.
func (a *Franchise) Contracts(ctx context.Context, in []contract.ContractOn) ([]contract.Cycle, error) {
	terms, err := a.Service.Contracts(ctx, each(in, func(q contract.ContractOn) franchise.ContractQuery {
		return franchise.ContractQuery{FranchiseID: q.FranchiseID, On: q.On}
	}))
	return each(terms, func(t franchise.ContractTerms) contract.Cycle {
		return contract.Cycle{Exists: t.Exists, Cycle: string(t.Cycle), PayoutBusinessDays: t.PayoutBusinessDays}
	}), trouble(ctx, err)
}

// Payouts tells where franchises are paid out.
func (a *Franchise) Payouts(ctx context.Context, ids []string) ([]contract.PayoutAccount, error) {
	accounts, err := a.Service.Payouts(ctx, ids)
	return each(accounts, func(p franchise.PayoutAccount) contract.PayoutAccount {
		return contract.PayoutAccount{Exists: p.Exists, Account: contract.Account{BankCode: p.BankCode, Number: p.Number, HolderName: p.HolderName}}
	}), trouble(ctx, err)
}

// BeginPayoutChanges records changes of payout accounts, or finds what is recorded.
func (a *Franchise) BeginPayoutChanges(ctx context.Context, in []contract.PayoutChange) ([]contract.Begun, error) {
	rows, err := a.Service.BeginPayoutChanges(ctx, each(in, func(c contract.PayoutChange) franchise.PayoutChange {
		return franchise.PayoutChange{ID: c.ID, FranchiseID: c.FranchiseID, Payout: payoutOf(c.Payout), Fingerprint: c.Fingerprint}
	}))
	return each(rows, func(c franchise.PayoutChange) contract.Begun {
		return contract.Begun{State: c.State, Failure: c.Failure, Refusal: c.Refusal, Fingerprint: c.Fingerprint}
	}), trouble(ctx, err)
}

// MovePayoutChanges stores changes of their states; success applies the account.
func (a *Franchise) MovePayoutChanges(ctx context.Context, in []record.Move) error {
	return trouble(ctx, a.Service.MovePayoutChanges(ctx, in))
}

// BeginDeliveries records deliveries, or finds what is recorded. One that nobody wants
// has succeeded already.
func (a *Franchise) BeginDeliveries(ctx context.Context, in []contract.WebhookEvent) ([]contract.Begun, error) {
	rows, err := a.Service.BeginDeliveries(ctx, each(in, func(e contract.WebhookEvent) franchise.NewEvent {
		return franchise.NewEvent{EventID: e.ID, FranchiseID: e.FranchiseID, Type: franchise.EventType(e.Type), Data: e.Data, At: e.At}
	}))
	return each(rows, func(d franchise.Delivery) contract.Begun {
		if d.ID == "" {
			return contract.Begun{State: record.Succeeded}
		}
		return contract.Begun{State: d.State, Failure: d.Failure}
	}), trouble(ctx, err)
}

// MoveDeliveries stores changes of their states.
func (a *Franchise) MoveDeliveries(ctx context.Context, in []record.Move) error {
	return trouble(ctx, a.Service.MoveDeliveries(ctx, in))
}

// Attempt sends a message once.
func (a *Franchise) Attempt(ctx context.Context, deliveryID string) (contract.Attempt, error) {
	out, err := a.Service.Attempt(ctx, deliveryID)
	return contract.Attempt{Done: out.Done, Delivered: out.Delivered, Busy: out.Busy}, trouble(ctx, err)
}
