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

func (w *withdrawal) begin(ctx workflow.Context) contract.Begun {
	return do[contract.Begun](ctx, contract.MoneyBegin, "record of the withdrawal", contract.MoneyRequest{
		ID: w.in.ID, MembershipID: w.in.MembershipID, BankAccountID: w.in.BankAccountID, Amount: w.in.Amount, Fingerprint: w.in.Fingerprint})
}

func (w *withdrawal) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.MoneyMove, databaseStep("state of the withdrawal"), m)
}

func (w *withdrawal) do(ctx workflow.Context) (record.Failure, error) {
	return w.throughBank(ctx, w, bankMovement{w.in.MembershipID, w.in.BankAccountID, w.hold(), w.credit()})
}

func (w *withdrawal) hold() contract.Command {
	return holdCommand(ledger.Withdrawal, w.in.ID,
		ledger.Leg{From: ledger.WalletAccount(w.in.MembershipID), To: ledger.BankFloat, Amount: w.in.Amount}, w.in.BankAccountID)
}

func (w *withdrawal) credit() contract.Transfer {
	fbk, reference := contract.FirmbankingID(w.in.ID, "credit")
	return contract.Transfer{ID: fbk, Reference: reference, FlowID: w.in.ID, MembershipID: w.in.MembershipID,
		BankAccountID: w.in.BankAccountID, Direction: contract.Credit, Amount: w.in.Amount}
}
