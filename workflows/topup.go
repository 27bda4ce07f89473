package workflows

import (
	"strconv"

	"go.temporal.io/sdk/workflow"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// topUp fills a wallet from a linked bank account: reserve room in the wallet, debit
// the account, credit the wallet. The room is reserved first, so that money that has
// left the bank always has a place to go.
//
// Cost: four database steps before the bank and two after it, one task hop each way to
// the bank's queue.
type topUp struct {
	*flow
	in contract.TopUp
}

// TopUp runs the flow of one top-up.
func TopUp(ctx workflow.Context, in contract.TopUp) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	return f.run(ctx, &topUp{flow: f, in: in})
}

func (t *topUp) begin(ctx workflow.Context) (contract.Begun, error) {
	return do[contract.Begun](ctx, contract.MoneyBegin, "record of the top-up", contract.MoneyRequest{
		ID: t.in.ID, MembershipID: t.in.MembershipID, BankAccountID: t.in.BankAccountID, Amount: t.in.Amount, Fingerprint: t.in.Fingerprint})
}

func (t *topUp) move(ctx workflow.Context, m record.Move) error {
	return run(ctx, contract.MoneyMove, "state of the top-up", m)
}

func (t *topUp) do(ctx workflow.Context) (record.Failure, error) {
	bankCode, failure, err := t.usableAccount(ctx, t.in.MembershipID, t.in.BankAccountID)
	if err != nil || failure.Is() {
		return failure, err
	}
	if failure, err = t.reserve(ctx); err != nil || failure.Is() {
		return failure, err
	}
	return t.prepareAndSettle(ctx, t, bankCode, t.in.ID, t.debit())
}

// reserve keeps room for the amount in the wallet.
func (t *topUp) reserve(ctx workflow.Context) (record.Failure, error) {
	return t.hold(ctx, "room in the wallet", holdCommand(ledger.TopUp, t.in.ID,
		ledger.Leg{From: ledger.BankFloat, To: ledger.WalletAccount(t.in.MembershipID), Amount: t.in.Amount}, t.in.BankAccountID))
}

func (t *topUp) debit() contract.Transfer {
	fbk, reference := contract.FirmbankingID(t.in.ID, "debit")
	return contract.Transfer{ID: fbk, Reference: reference, FlowID: t.in.ID, MembershipID: t.in.MembershipID,
		BankAccountID: t.in.BankAccountID, Direction: contract.Debit, Amount: t.in.Amount}
}

// usableAccount checks that the member is active and may use the linked account, and
// gives the account's bank. Both questions are asked at once.
func (f *flow) usableAccount(ctx workflow.Context, membershipID, bankAccountID string) (bankCode string, _ record.Failure, _ error) {
	f.say(ctx, record.Processing, contract.StepChecking)
	asking := askStandings(ctx, membershipID)
	grant, err := authorize(ctx, membershipID, bankAccountID)
	if err != nil {
		return "", record.Failure{}, err
	}
	standings, err := asking.wait(ctx)
	if err != nil {
		return "", record.Failure{}, err
	}
	if !standings[0].Active {
		return "", record.FailureOf(errs.MemberDeactivated), nil
	}
	return grant.BankCode, grant.Failure, nil
}

// hold reserves an amount in the ledger until the bank has spoken.
func (f *flow) hold(ctx workflow.Context, summary string, c contract.Command) (record.Failure, error) {
	f.say(ctx, record.Processing, contract.StepReserving, "amount", won(c.Amount))
	drop := f.saga.onFailure(func(ctx workflow.Context) error {
		_, err := post(ctx, "release of the hold", releaseCommand(c.Ref))
		return err
	})
	failure, err := post(ctx, summary, c)
	if failure.Is() {
		drop()
	}
	return failure, err
}

func won(amount int64) string { return strconv.FormatInt(amount, 10) }
