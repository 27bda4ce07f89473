package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

// undoTransfer closes a transfer that was not sent, so that no row stays open for ever.
// One that a bank has executed after all is booked: it is too late. A transfer that was
// refused because the bank was shut may have been made anew, by this run or by one that
// was ended by hand: so the attempts are walked through to the last one there is.
func undoTransfer(t contract.Transfer, holdRef string) undo {
	return func(ctx workflow.Context) finding {
		for attempt := 1; attempt <= mostAttempts; attempt++ {
			answer := do[contract.Answer](ctx, contract.BankingAbandon, "end of a transfer that was not sent", t.Again(attempt).ID)
			if answer.Kind == contract.Accepted {
				book(ctx, "capture of the hold", captureCommand(holdRef))
				return tooLate
			}
			if answer.Failure.Code != errs.BankMaintenance.Code {
				return undone
			}
		}
		return undone
	}
}

// prepare stores a transfer before any bank is called.
func prepare(ctx workflow.Context, t contract.Transfer) contract.Begun {
	return do[contract.Begun](ctx, contract.BankingPrepare, "write-ahead of the bank transfer", t)
}

// mostAttempts bounds how often a transfer is made anew for a bank that was shut.
const mostAttempts = 20

// carry prepares a transfer and settles it. A bank that refused it because it was shut,
// outside the hours we know of, is asked again later with a transfer of its own. Attempts
// that an earlier run of the flow has made are passed over.
func (f *flow) carry(ctx workflow.Context, w work, bankCode, holdRef string, t contract.Transfer) (record.Failure, error) {
	for attempt := 1; ; attempt++ {
		next := t.Again(attempt)
		failure := prepare(ctx, next).Failure
		shutBefore := failure.Code == errs.BankMaintenance.Code
		if failure.Is() && !shutBefore {
			return failure, nil
		}
		var err error
		if !shutBefore {
			failure, err = f.settle(ctx, w, bankCode, holdRef, next)
		}
		if err != nil || failure.Code != errs.BankMaintenance.Code || attempt == mostAttempts {
			return failure, err
		}
		if shutBefore { // the wait is over, or was: there may be a next attempt already
			continue
		}
		if err := f.wait(ctx, w, workflow.Now(ctx).Add(shutPause(attempt)), contract.StepBankShut, "bank", bankCode); err != nil {
			return record.Failure{}, err
		}
	}
}

// shutPause is how long to wait for a bank that is shut and does not say until when: half
// a minute at first, half an hour at most.
func shutPause(attempt int) time.Duration {
	const first, most = 30 * time.Second, 30 * time.Minute
	return min(first<<(attempt-1), most)
}

// mostWindows bounds the maintenance windows waited for in a row; then the bank decides.
const mostWindows = 50

// awaitBank waits until neither the bank nor our own is under maintenance, and tells
// until when. It may be cancelled meanwhile.
func (f *flow) awaitBank(ctx workflow.Context, w work, bankCode string) error {
	for range mostWindows {
		until := do[contract.Opening](ctx, contract.BankingOpening, "maintenance windows", bankCode).Until
		if !until.After(workflow.Now(ctx)) {
			return nil
		}
		if err := f.wait(ctx, w, until, contract.StepBankShut, "bank", bankCode); err != nil {
			return err
		}
	}
	return nil
}

// settle moves the money of a hold at the bank and captures the hold. A rejection is a
// refusal, and the hold is released with everything else that is undone.
func (f *flow) settle(ctx workflow.Context, w work, bankCode, holdRef string, t contract.Transfer) (record.Failure, error) {
	if err := f.awaitBank(ctx, w, bankCode); err != nil {
		return record.Failure{}, err
	}
	answer, err := f.bankTransfer(ctx, w, bankCode, t)
	if err != nil || answer.Kind == contract.Rejected {
		return answer.Failure, err
	}
	f.saga.forget() // the bank has moved the money: there is only one way to go
	f.say(ctx, record.Processing, contract.StepBooking, "amount", won(t.Amount))
	book(ctx, "capture of the hold", captureCommand(holdRef))
	return record.Failure{}, nil
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
	if answer, known := submit(ctx, bankCode, t); known {
		return answer, nil
	}
	f.enter(ctx, record.Unknown, contract.StepInquiring, "bank", bankCode)
	w.move(ctx, record.Move{ID: f.id, State: record.Unknown})
	return findOut(ctx, bankCode, t), nil
}

// submit sends the transfer. Whatever goes wrong for good on the way, a worker's death
// included, is the bank's answer Unknown.
func submit(ctx workflow.Context, bankCode string, t contract.Transfer) (_ contract.Answer, known bool) {
	ctx = workflow.WithActivityOptions(ctx, bankSubmit(bankCode, fmt.Sprintf("%s at bank %s", t.Direction, bankCode)))
	var answer contract.Answer
	err := workflow.ExecuteActivity(ctx, contract.BankingSubmit, t.ID).Get(ctx, &answer)
	if failed(contract.BankingSubmit, err) {
		workflow.GetLogger(ctx).Warn("no answer from the bank", "id", t.ID, "error", err)
		return contract.Answer{}, false
	}
	return answer, answer.Kind != contract.Unknown
}

// inquiryPause is how long to wait before an inquiry that somebody failed by hand is
// made again.
const inquiryPause = time.Minute

// findOut asks until the outcome is known. Nobody may give it up: the loop has no other
// end.
func findOut(ctx workflow.Context, bankCode string, t contract.Transfer) contract.Answer {
	ctx = workflow.WithActivityOptions(ctx, bankInquire(bankCode, "inquiry by our reference at bank "+bankCode))
	for {
		var answer contract.Answer
		err := workflow.ExecuteActivity(ctx, contract.BankingInquire, t.ID).Get(ctx, &answer)
		if !failed(contract.BankingInquire, err) {
			return answer
		}
		must(contract.BankingInquire, workflow.Sleep(ctx, inquiryPause))
	}
}

// verify asks the bank about an account. A bank that does not answer in time is a
// refusal: nothing was moved, and it can be asked again.
func (f *flow) verify(ctx workflow.Context, account contract.Account) (record.Failure, error) {
	f.say(ctx, record.Processing, contract.StepVerifying, "bank", account.BankCode)
	ctx = workflow.WithActivityOptions(ctx, bankVerify(account.BankCode, "holder's name at bank "+account.BankCode))
	var failure record.Failure
	err := workflow.ExecuteActivity(ctx, contract.BankingVerify, account).Get(ctx, &failure)
	if temporal.IsCanceledError(err) {
		return record.Failure{}, err
	}
	if failed(contract.BankingVerify, err) {
		return record.FailureOf(errs.BankUnreachable), nil
	}
	return failure, nil
}

// failed tells whether an activity failed. An answer that cannot be read is another
// thing: it stops the task.
func failed(name string, err error) bool {
	var activity *temporal.ActivityError
	if err != nil && !errors.As(err, &activity) {
		must(name, err)
	}
	return err != nil
}
