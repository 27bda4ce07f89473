package activities

import (
	"context"

	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/money"
	"durapay/workflows/contract"
)

// Money calls the money service.
type Money struct{ Service *money.Service }

// Begin records top-ups and withdrawals, or finds what is recorded.
func (a *Money) Begin(ctx context.Context, in []contract.MoneyRequest) ([]contract.Begun, error) {
	rows, err := a.Service.Begin(ctx, each(in, func(r contract.MoneyRequest) money.Request {
		return money.Request{ID: r.ID, Type: typeOf(r.ID), MembershipID: r.MembershipID, BankAccountID: r.BankAccountID, Amount: r.Amount, Fingerprint: r.Fingerprint}
	}))
	return each(rows, func(r money.Request) contract.Begun {
		return contract.Begun{State: r.State, Failure: r.Failure, Fingerprint: r.Fingerprint}
	}), trouble(ctx, err)
}

// typeOf tells a request's type by its id.
func typeOf(requestID string) money.RequestType {
	if id.Prefix(requestID) == id.Withdrawal {
		return money.TypeWithdrawal
	}
	return money.TypeTopUp
}

// Move stores changes of their states.
func (a *Money) Move(ctx context.Context, in []record.Move) error {
	return trouble(ctx, a.Service.Move(ctx, in))
}

// Post gives each command to the ledger. Refusals are in the results.
func (a *Money) Post(ctx context.Context, in []contract.Command) ([]contract.Result, error) {
	results, err := a.Service.Post(ctx, in)
	return results, trouble(ctx, err)
}

// Book gives the ledger commands whose cause has already happened outside. A refusal is
// an error here, retried in sight of everybody until somebody mends its reason.
func (a *Money) Book(ctx context.Context, in []contract.Command) error {
	results, err := a.Service.Post(ctx, in)
	if err != nil {
		return trouble(ctx, err)
	}
	for _, r := range results {
		if r.Refusal.Is() {
			return trouble(ctx, r.Refusal.Err())
		}
	}
	return nil
}

// OpenWallets opens wallets. Refused: wallet_exists.
func (a *Money) OpenWallets(ctx context.Context, in []contract.OpenWallet) ([]record.Failure, error) {
	failures, err := a.Service.OpenWallets(ctx, each(in, func(w contract.OpenWallet) money.OpenWallet {
		return money.OpenWallet{MembershipID: w.MembershipID, OnceRef: w.FlowID}
	}))
	return failures, trouble(ctx, err)
}

// CloseWallets removes wallets that the same flow opened and nobody used.
func (a *Money) CloseWallets(ctx context.Context, in []contract.OpenWallet) error {
	for _, w := range in {
		if err := a.Service.CloseUnusedWallets(ctx, []string{w.MembershipID}, w.FlowID); err != nil {
			return trouble(ctx, err)
		}
	}
	return nil
}

// RaiseLimit gives wallets the limit of a verified member. A member without a wallet
// has none to raise: the limit is set when it is opened.
func (a *Money) RaiseLimit(ctx context.Context, membershipIDs []string) error {
	for _, m := range membershipIDs {
		if _, err := refusal(ctx, a.Service.RaiseLimit(ctx, m, true)); err != nil {
			return err
		}
	}
	return nil
}
