package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

// webhook tells a franchise's server of an event, signed, until it has taken the message
// or nobody can expect it any more. It promises at least one delivery, not exactly one:
// the message carries its id.
type webhook struct {
	*flow
	in contract.WebhookEvent
}

// WebhookDelivery runs the flow of one delivery.
func WebhookDelivery(ctx workflow.Context, in contract.WebhookEvent) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.DeliveryID(), "")
	if err != nil {
		return contract.Outcome{}, err
	}
	return f.run(ctx, &webhook{flow: f, in: in})
}

func (h *webhook) begin(ctx workflow.Context) contract.Begun {
	return do[contract.Begun](ctx, contract.FranchiseBeginDeliveries, "record of the delivery", h.in)
}

func (h *webhook) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.FranchiseMoveDeliveries, databaseStep("state of the delivery"), m)
}

// deliveryPauses are the waits between attempts, as the Standard Webhooks specification
// recommends: a bit more than a day in all.
func deliveryPauses() []time.Duration {
	return []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour}
}

func (h *webhook) do(ctx workflow.Context) (record.Failure, error) {
	pauses := deliveryPauses()
	for attempt := 1; ; attempt++ {
		out, err := h.attemptWhenFree(ctx, attempt)
		if err != nil || out.Delivered {
			return record.Failure{}, err
		}
		if out.Done || attempt > len(pauses) { // nobody takes it any more, or ever did
			return record.FailureOf(errs.WebhookUndelivered.With("attempts", attempt)), nil
		}
		if err := h.wait(ctx, h, workflow.Now(ctx).Add(pauses[attempt-1]), contract.StepRetryLater); err != nil {
			return record.Failure{}, err
		}
	}
}

// mostBusy bounds how often a message waits for others of its franchise's, for a minute
// at most each time; then it counts as an attempt.
const mostBusy = 60

// attemptWhenFree sends the message once there is a place for it among those that are on
// their way to the franchise.
func (h *webhook) attemptWhenFree(ctx workflow.Context, n int) (contract.Attempt, error) {
	for busy := 0; ; busy++ {
		out, err := h.attempt(ctx, n)
		if err != nil || !out.Busy || busy == mostBusy {
			return out, err
		}
		pause := min(time.Second<<min(busy, 6), time.Minute)
		if err := workflow.NewTimerWithOptions(ctx, pause, workflow.TimerOptions{Summary: "others are on their way"}).Get(ctx, nil); err != nil {
			return contract.Attempt{}, err
		}
	}
}

// attempt sends the message once. An attempt that died with its worker counts as one. The
// error is a cancellation.
func (h *webhook) attempt(ctx workflow.Context, n int) (contract.Attempt, error) {
	h.say(ctx, record.Processing, contract.StepDelivering)
	ctx = workflow.WithActivityOptions(ctx, webhookCall(fmt.Sprintf("attempt %d to deliver %s", n, h.in.Type)))
	var out contract.Attempt
	err := workflow.ExecuteActivity(ctx, contract.FranchiseAttempt, h.id).Get(ctx, &out)
	if temporal.IsCanceledError(err) {
		return contract.Attempt{}, err
	}
	if failed(contract.FranchiseAttempt, err) {
		return contract.Attempt{}, nil
	}
	return out, nil
}

// listens tells whether a franchise wants to be told of what happens.
func listens(ctx workflow.Context, franchiseID string) bool {
	return do[contract.Terms](ctx, contract.FranchiseTerms, "franchise and its webhook", franchiseID).Webhook
}

// tell starts the delivery of an event as a flow of its own, which outlives this one: its
// context is never cancelled, since that would cancel the delivery. A delivery that
// exists is the same event's.
func (f *flow) tell(ctx workflow.Context, e contract.WebhookEvent) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            contract.WorkflowID(e.DeliveryID()),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			contract.FranchiseIDKey.ValueSet(e.FranchiseID), contract.FlowStateKey.ValueSet(string(record.Processing))),
		StaticSummary: contract.WebhookSummary(e),
	})
	err := workflow.ExecuteChildWorkflow(ctx, contract.WebhookFlow, e).GetChildWorkflowExecution().Get(ctx, nil)
	var told *temporal.ChildWorkflowExecutionAlreadyStartedError
	if !errors.As(err, &told) {
		must(contract.WebhookFlow, err)
	}
}
