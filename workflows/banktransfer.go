package workflows

import (
	"go.temporal.io/sdk/workflow"

	"durapay/internal/record"
	"durapay/workflows/contract"
)

// prepare stores a transfer before any bank is called. One that is never sent is closed
// again, so that no row stays open for ever.
func (f *flow) prepare(ctx workflow.Context, t contract.Transfer) (contract.Begun, error) {
	f.unsent = f.saga.onFailure(func(ctx workflow.Context) error {
		return run(ctx, contract.BankingAbandon, "end of a transfer that was not sent", t.ID)
	})
	return do[contract.Begun](ctx, contract.BankingPrepare, "write-ahead of the bank transfer", t)
}

// prepareAndSettle does both for a flow whose own record is another row.
func (f *flow) prepareAndSettle(ctx workflow.Context, w work, bankCode, holdRef string, t contract.Transfer) (record.Failure, error) {
	prepared, err := f.prepare(ctx, t)
	if err != nil || prepared.Failure.Is() {
		return prepared.Failure, err
	}
	return f.settle(ctx, w, bankCode, holdRef, t)
}

// settle moves the money of a hold at the bank and captures the hold. A rejection is a
// refusal, and the hold is released with everything else that is undone.
func (f *flow) settle(ctx workflow.Context, w work, bankCode, holdRef string, t contract.Transfer) (record.Failure, error) {
	answer, err := f.bankTransfer(ctx, w, bankCode, t)
	if err != nil || answer.Kind == contract.Rejected {
		return answer.Failure, err
	}
	f.saga.forget() // the bank has moved the money: there is only one way to go
	f.say(ctx, record.Processing, contract.StepBooking, "amount", won(t.Amount))
	return record.Failure{}, book(ctx, "capture of the hold", captureCommand(holdRef))
}

// bankTransfer moves money at a bank and comes back only when the outcome is known. The
// transfer is sent at most once; an answer that is lost is asked for by our own
// reference. From the moment it is sent a cancellation of the flow no longer reaches it:
// money that may have left cannot be called off.
func (f *flow) bankTransfer(ctx workflow.Context, w work, bankCode string, t contract.Transfer) (contract.Answer, error) {
	// Only here may a flow ask whether it is cancelled: what follows is an activity, which
	// history records. Asked before a database step, the answer could differ when the
	// task is run again after a crash, and undo what the first run had finished.
	if err := ctx.Err(); err != nil {
		return contract.Answer{}, err
	}
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	f.say(ctx, record.Processing, contract.StepAtBank, "bank", bankCode)
	answer := submit(ctx, bankCode, t)
	f.unsent()
	if answer.Kind != contract.Unknown {
		return answer, nil
	}
	return f.findOut(ctx, w, bankCode, t)
}

// submit sends the transfer. Whatever goes wrong for good on the way, a worker's death
// included, is the bank's answer Unknown.
func submit(ctx workflow.Context, bankCode string, t contract.Transfer) contract.Answer {
	ctx = workflow.WithActivityOptions(ctx, bankSubmit(bankCode, string(t.Direction)+" at bank "+bankCode))
	var answer contract.Answer
	if err := workflow.ExecuteActivity(ctx, contract.BankingSubmit, t.ID).Get(ctx, &answer); err != nil {
		workflow.GetLogger(ctx).Warn("no answer from the bank", "id", t.ID, "error", err)
		return contract.Answer{Kind: contract.Unknown}
	}
	return answer
}

// findOut says that the outcome is unknown, and asks until it is known.
func (f *flow) findOut(ctx workflow.Context, w work, bankCode string, t contract.Transfer) (contract.Answer, error) {
	f.enter(ctx, record.Unknown, contract.StepInquiring, "bank", bankCode)
	if err := w.move(ctx, record.Move{ID: f.id, State: record.Unknown}); err != nil {
		return contract.Answer{}, err
	}
	ctx = workflow.WithActivityOptions(ctx, bankInquire(bankCode, "inquiry by our reference at bank "+bankCode))
	var answer contract.Answer
	err := workflow.ExecuteActivity(ctx, contract.BankingInquire, t.ID).Get(ctx, &answer)
	return answer, err
}
