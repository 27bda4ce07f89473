package workflows

import (
	"go.temporal.io/sdk/workflow"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// remittance sends money from a wallet. To another wallet, one posting debits and
// credits, so that there is no moment between the two. To a bank account, it goes as a
// withdrawal does: holder's name, hold, bank, capture. It may be scheduled, and can be
// cancelled as long as the money has not left.
//
// Cost to a wallet, at once and without a top-up: one workflow task with four database
// steps, the record and the members' standing at the same time.
type remittance struct {
	*flow
	in      contract.Remittance
	members pending[contract.Standing] // sender and receiver, asked for while the row is stored
}

// Remittance runs the flow of one remittance.
func Remittance(ctx workflow.Context, in contract.Remittance) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	return f.run(ctx, &remittance{flow: f, in: in})
}

func (r *remittance) begin(ctx workflow.Context) contract.Begun {
	if r.in.ExecuteAt.IsZero() { // later, their standing is another
		r.askMembers(ctx)
	}
	return do[contract.Begun](ctx, contract.RemittanceBegin, "record of the remittance", r.in)
}

func (r *remittance) askMembers(ctx workflow.Context) {
	ids := []string{r.in.SenderID}
	if r.in.ReceiverID != "" {
		ids = append(ids, r.in.ReceiverID)
	}
	r.members = askStandings(ctx, ids...)
}

func (r *remittance) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.RemittanceMove, databaseStep("state of the remittance"), m)
}

func (r *remittance) do(ctx workflow.Context) (record.Failure, error) {
	r.registerUndos()
	if err := r.awaitDate(ctx); err != nil {
		return record.Failure{}, err
	}
	if failure := r.checkMembers(ctx); failure.Is() {
		return failure, nil
	}
	if r.in.ReceiverID != "" {
		return r.pay(ctx, r.purse(), r.post)
	}
	return r.toBank(ctx)
}

func (r *remittance) registerUndos() {
	if r.in.ReceiverID != "" {
		r.saga.onFailure(undoPost(r.in.ID))
		return
	}
	r.saga.onFailure(undoHold(r.in.ID))
	r.saga.onFailure(undoTransfer(r.credit(), r.in.ID))
}

// awaitDate waits for the time that the sender has chosen.
func (r *remittance) awaitDate(ctx workflow.Context) error {
	if r.in.ExecuteAt.IsZero() {
		return nil
	}
	if r.in.ExecuteAt.After(workflow.Now(ctx)) {
		if err := r.wait(ctx, r, r.in.ExecuteAt, contract.StepScheduled); err != nil {
			return err
		}
	}
	r.askMembers(ctx)
	return nil
}

func (r *remittance) checkMembers(ctx workflow.Context) record.Failure {
	standings := r.members.wait(ctx)
	if !standings[0].Active {
		return record.FailureOf(errs.MemberDeactivated)
	}
	if r.in.ReceiverID == "" {
		return record.Failure{}
	}
	switch receiver := standings[1]; {
	case !receiver.Exists:
		return record.FailureOf(errs.ReceiverNotFound)
	case !receiver.Active:
		return record.FailureOf(errs.ReceiverInactive)
	default:
		return record.Failure{}
	}
}

// checkAgain asks for the members' standing of now.
func (r *remittance) checkAgain(ctx workflow.Context) record.Failure {
	r.askMembers(ctx)
	return r.checkMembers(ctx)
}

func (r *remittance) purse() purse {
	return purse{r.in.SenderID, r.in.AutoTopUpAccountID, contract.RemittanceSetTopUp, r.checkAgain}
}

// post books the transfer. What the ledger says of the receiver's wallet is told
// without its figures: they are the receiver's.
func (r *remittance) post(ctx workflow.Context) record.Failure {
	r.say(ctx, record.Processing, contract.StepBooking, "amount", won(r.in.Amount))
	failure := post(ctx, "transfer between the wallets", postCommand(ledger.Remittance, r.in.ID,
		ledger.Leg{From: ledger.WalletAccount(r.in.SenderID), To: ledger.WalletAccount(r.in.ReceiverID), Amount: r.in.Amount}))
	switch {
	case failure.Code == errs.BalanceLimit.Code:
		return record.FailureOf(errs.ReceiverLimit)
	case failure.Code == errs.WalletNotFound.Code && failure.Params["membershipId"] == r.in.ReceiverID:
		return record.FailureOf(errs.ReceiverNotFound)
	default:
		return failure
	}
}

// toBank sends the money to an account at a bank. The amount is held before the bank is
// asked for the holder's name: it may be shut for a while.
func (r *remittance) toBank(ctx workflow.Context) (record.Failure, error) {
	hold := func(ctx workflow.Context) record.Failure { return r.reserve(ctx, r.hold()) }
	if failure, err := r.pay(ctx, r.purse(), hold); err != nil || failure.Is() {
		return failure, err
	}
	if err := r.awaitBank(ctx, r, r.in.To.BankCode); err != nil {
		return record.Failure{}, err
	}
	if failure, err := r.verify(ctx, r.in.To); err != nil || failure.Is() {
		return failure, err
	}
	return r.carry(ctx, r, r.in.To.BankCode, r.in.ID, r.credit())
}

func (r *remittance) hold() contract.Command {
	return holdCommand(ledger.Remittance, r.in.ID,
		ledger.Leg{From: ledger.WalletAccount(r.in.SenderID), To: ledger.BankFloat, Amount: r.in.Amount}, "bank "+r.in.To.BankCode)
}

func (r *remittance) credit() contract.Transfer {
	fbk, reference := contract.FirmbankingID(r.in.ID, "credit")
	return contract.Transfer{ID: fbk, Reference: reference, FlowID: r.in.ID, MembershipID: r.in.SenderID,
		To: r.in.To, Direction: contract.Credit, Amount: r.in.Amount}
}
