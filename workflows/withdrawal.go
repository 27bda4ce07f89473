package workflows

import (
	"go.temporal.io/sdk/workflow"

	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// withdrawal pays a wallet's money out to a linked account: hold, bank credit, then the
// hold is settled, or released when the bank says no.
//
// Cost: as a top-up.
type withdrawal struct {
	*flow
	in contract.Withdrawal
}

// Withdrawal runs the flow of one withdrawal.
func Withdrawal(ctx workflow.Context, in contract.Withdrawal) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	return f.run(ctx, &withdrawal{flow: f, in: in})
}

func (w *withdrawal) begin(ctx workflow.Context) (contract.Begun, error) {
	return do[contract.Begun](ctx, contract.MoneyBegin, "record of the withdrawal", contract.MoneyRequest{
		ID: w.in.ID, MembershipID: w.in.MembershipID, BankAccountID: w.in.BankAccountID, Amount: w.in.Amount, Fingerprint: w.in.Fingerprint})
}

func (w *withdrawal) move(ctx workflow.Context, m record.Move) error {
	return run(ctx, contract.MoneyMove, "state of the withdrawal", m)
}

func (w *withdrawal) do(ctx workflow.Context) (record.Failure, error) {
	bankCode, failure, err := w.usableAccount(ctx, w.in.MembershipID, w.in.BankAccountID)
	if err != nil || failure.Is() {
		return failure, err
	}
	if failure, err = w.hold(ctx); err != nil || failure.Is() {
		return failure, err
	}
	answer, err := w.bankTransfer(ctx, w, bankCode, w.credit())
	if err != nil || answer.Kind == contract.Rejected {
		return answer.Failure, err
	}
	w.saga.forget() // the bank has moved the money: there is only one way to go
	w.say(ctx, record.Processing, contract.StepBooking, "amount", won(w.in.Amount))
	return record.Failure{}, book(ctx, "settlement of the hold", captureCommand(w.in.ID))
}

func (w *withdrawal) hold(ctx workflow.Context) (record.Failure, error) {
	w.say(ctx, record.Processing, contract.StepReserving, "amount", won(w.in.Amount))
	w.releaseOnFailure(w.in.ID)
	return post(ctx, "hold in the wallet", holdCommand(ledger.Withdrawal, w.in.ID,
		ledger.Leg{From: ledger.WalletAccount(w.in.MembershipID), To: ledger.BankFloat, Amount: w.in.Amount}, w.in.BankAccountID))
}

func (w *withdrawal) credit() contract.Transfer {
	fbk, reference := contract.FirmbankingID(w.in.ID, "credit")
	return contract.Transfer{ID: fbk, Reference: reference, FlowID: w.in.ID, MembershipID: w.in.MembershipID,
		BankAccountID: w.in.BankAccountID, Direction: contract.Credit, Amount: w.in.Amount}
}
