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
// Cost: five database steps before the bank, two of them at once, and two after it; one
// task hop each way to the bank's queue.
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

func (t *topUp) begin(ctx workflow.Context) contract.Begun {
	return do[contract.Begun](ctx, contract.MoneyBegin, "record of the top-up", contract.MoneyRequest{
		ID: t.in.ID, MembershipID: t.in.MembershipID, BankAccountID: t.in.BankAccountID, Amount: t.in.Amount, Fingerprint: t.in.Fingerprint})
}

func (t *topUp) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.MoneyMove, databaseStep("state of the top-up"), m)
}

func (t *topUp) do(ctx workflow.Context) (record.Failure, error) {
	return t.throughBank(ctx, t, bankMovement{t.in.MembershipID, t.in.BankAccountID, t.room(), t.debit()})
}

// room reserves the amount in the wallet: money that has left the bank has a place to go.
func (t *topUp) room() contract.Command {
	return holdCommand(ledger.TopUp, t.in.ID,
		ledger.Leg{From: ledger.BankFloat, To: ledger.WalletAccount(t.in.MembershipID), Amount: t.in.Amount}, t.in.BankAccountID)
}

func (t *topUp) debit() contract.Transfer {
	fbk, reference := contract.FirmbankingID(t.in.ID, "debit")
	return contract.Transfer{ID: fbk, Reference: reference, FlowID: t.in.ID, MembershipID: t.in.MembershipID,
		BankAccountID: t.in.BankAccountID, Direction: contract.Debit, Amount: t.in.Amount}
}

// bankMovement is money between a wallet and a linked account.
type bankMovement struct {
	membershipID, bankAccountID string
	hold                        contract.Command
	transfer                    contract.Transfer
}

// throughBank checks, reserves in the ledger, moves at the bank, and books.
func (f *flow) throughBank(ctx workflow.Context, w work, m bankMovement) (record.Failure, error) {
	f.saga.onFailure(undoHold(m.hold.Ref))
	f.saga.onFailure(undoTransfer(m.transfer, m.hold.Ref))
	f.say(ctx, record.Processing, contract.StepChecking)
	bankCode, failure := usableAccount(ctx, m.membershipID, m.bankAccountID)
	if failure.Is() {
		return failure, nil
	}
	if failure := f.reserve(ctx, m.hold); failure.Is() {
		return failure, nil
	}
	return f.carry(ctx, w, bankCode, m.hold.Ref, m.transfer)
}

// reserve holds an amount in the ledger until the bank has spoken.
func (f *flow) reserve(ctx workflow.Context, hold contract.Command) record.Failure {
	f.say(ctx, record.Processing, contract.StepReserving, "amount", won(hold.Amount))
	return post(ctx, "hold in the ledger", hold)
}

// usableAccount checks that the member is active and may use the linked account, and
// gives the account's bank. Both questions are asked at once.
func usableAccount(ctx workflow.Context, membershipID, bankAccountID string) (bankCode string, _ record.Failure) {
	asking := askStandings(ctx, membershipID)
	grant := authorize(ctx, membershipID, bankAccountID)
	if !asking.wait(ctx)[0].Active {
		return "", record.FailureOf(errs.MemberDeactivated)
	}
	return grant.BankCode, grant.Failure
}

func won(amount int64) string { return strconv.FormatInt(amount, 10) }
