package workflows

import (
	"errors"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/money"
	rules "durapay/services/remittance"
	"durapay/workflows/contract"
)

// purse is the wallet a flow pays from, and how it may be filled when it is short.
type purse struct {
	membershipID  string
	bankAccountID string // "" means no automatic top-up
	link          string // the step that ties the top-up to the flow's record
	// check asks again what was asked before a top-up, which may have taken hours.
	check func(workflow.Context) record.Failure
}

// pay takes money out of a purse. When the balance is short and its owner allows it, a
// top-up runs first as a flow of its own, and taking is tried once more.
func (f *flow) pay(ctx workflow.Context, p purse, take func(workflow.Context) record.Failure) (record.Failure, error) {
	failure := take(ctx)
	if failure.Code != errs.InsufficientBalance.Code || p.bankAccountID == "" {
		return failure, nil
	}
	if failure, err := f.topUp(ctx, p, failure); err != nil || failure.Is() {
		return failure, err
	}
	// The child's end is on record, and whatever a lost run took is found by the undos: a
	// cancellation may be asked for here.
	if err := ctx.Err(); err != nil {
		return record.Failure{}, err
	}
	if failure := p.check(ctx); failure.Is() {
		return failure, nil
	}
	return take(ctx), nil
}

// topUp fills the purse by what is missing, rounded up to the unit of automatic top-ups.
func (f *flow) topUp(ctx workflow.Context, p purse, short record.Failure) (record.Failure, error) {
	missing := missingWon(short)
	in := contract.TopUp{ID: contract.AutoTopUpID(f.id), MembershipID: p.membershipID, BankAccountID: p.bankAccountID,
		Amount: rules.AutoTopUpAmount(missing), Fingerprint: f.fingerprint}
	if in.Amount < 1 || in.Amount > money.MaxAmount { // more than any wallet holds
		return record.FailureOf(errs.AutoTopUpFailed.With("reason", errs.BalanceLimit.Code)), nil
	}
	f.say(ctx, record.Processing, contract.StepToppingUp, "short", won(missing), "amount", won(in.Amount))
	out, err := awaitTopUp(ctx, in)
	if err != nil {
		return record.Failure{}, err
	}
	// Linked only now: a task that is lost before the top-up began may find, when it is
	// run again, that the balance is no longer short.
	run(ctx, p.link, databaseStep("link to the top-up"), contract.TopUpLink{RecordID: f.id, TopUpID: in.ID})
	switch out.State {
	case record.Succeeded:
		return record.Failure{}, nil
	case record.Cancelled: // with this flow, or by itself: its owner does not want it to go on
		return record.Failure{}, temporal.NewCanceledError()
	default:
		return record.FailureOf(errs.AutoTopUpFailed.With("reason", out.Failure.Code)), nil
	}
}

// The pauses before a top-up that is not ours to wait for, or was ended by hand, is asked
// for again.
const (
	firstTopUpPause   = 2 * time.Second
	longestTopUpPause = 10 * time.Minute
)

// awaitTopUp runs the top-up to its outcome. One that was ended by hand, or runs already
// (this flow was ended by hand, and taken up again), may have the member's money on its
// way: it is asked for until it tells. Its row makes a second run harmless. The error is
// a cancellation.
func awaitTopUp(ctx workflow.Context, in contract.TopUp) (out contract.Outcome, err error) {
	for pause := firstTopUpPause; ; pause = min(2*pause, longestTopUpPause) {
		err := workflow.ExecuteChildWorkflow(childTopUp(ctx, in), contract.TopUpFlow, in).Get(ctx, &out)
		if temporal.IsCanceledError(err) {
			return out, err
		}
		var ended *temporal.ChildWorkflowExecutionError
		var running *temporal.ChildWorkflowExecutionAlreadyStartedError
		if !errors.As(err, &ended) && !errors.As(err, &running) {
			must(contract.TopUpFlow, err)
			return out, nil
		}
		if err := workflow.NewTimerWithOptions(ctx, pause, workflow.TimerOptions{Summary: "the top-up is asked for again"}).Get(ctx, nil); err != nil {
			return out, err
		}
	}
}

// childTopUp gives the context of an automatic top-up. It outlives its parent: once
// begun, its story is told to the end. Its row makes a second run harmless, so a closed
// flow of that id may be run again.
func childTopUp(ctx workflow.Context, in contract.TopUp) workflow.Context {
	return workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            contract.WorkflowID(in.ID),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WaitForCancellation:   true,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			contract.MembershipIDKey.ValueSet(in.MembershipID), contract.FlowStateKey.ValueSet(string(record.Processing))),
		Memo:          map[string]any{contract.FingerprintMemo: in.Fingerprint},
		StaticSummary: contract.TopUpSummary(in),
	})
}

// missingWon reads from a refusal how much the balance falls short, in won.
func missingWon(f record.Failure) int64 {
	needed, err := strconv.ParseInt(f.Params["needed"], 10, 64)
	must("insufficient_balance", err)
	available, err := strconv.ParseInt(f.Params["available"], 10, 64)
	must("insufficient_balance", err)
	return needed - available
}
