// Package workflows holds the flows that move money: deterministic, durable, each
// readable from top to bottom. They decide; the activities act. A flow touches no
// database and no network, and learns the time only from Temporal.
package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

// flow is what every flow keeps while it runs: whom it works for, what it is doing now,
// and how to undo what it did.
type flow struct {
	id          string
	fingerprint string
	status      contract.Status
	shown       record.State // the FlowState that visibility has
	saga        saga
}

// work is the part in which flows differ.
type work interface {
	// begin stores the request's row, or finds the one an earlier run left.
	begin(ctx workflow.Context) contract.Begun
	// do does the work. A refusal is a Failure; the one error is a cancellation, or that the
	// work goes on in another run. Undos are registered before anything is asked.
	do(ctx workflow.Context) (record.Failure, error)
	// move stores a change of the row's state.
	move(ctx workflow.Context, m record.Move)
}

// newFlow sets the flow up and answers its query from the first task on.
func newFlow(ctx workflow.Context, id, fingerprint string) (*flow, error) {
	f := &flow{id: id, fingerprint: fingerprint, shown: record.Processing}
	f.say(ctx, record.Processing, contract.StepStarting)
	return f, workflow.SetQueryHandler(ctx, contract.StatusQuery, func() (contract.Status, error) { return f.status, nil })
}

// run takes a flow through its life: row, work, undo when refused, outcome in the row.
func (f *flow) run(ctx workflow.Context, w work) (contract.Outcome, error) {
	begun := w.begin(ctx)
	if begun.Fingerprint != f.fingerprint {
		return f.ended(ctx, record.Failed, record.FailureOf(errs.IdempotencyReused)), nil
	}
	if begun.State.Final() { // a repeat from beyond the retention of the first flow
		return f.ended(ctx, begun.State, begun.Failure), nil
	}
	if begun.Refusal.Is() {
		return f.end(ctx, w, begun.Refusal, nil), nil
	}
	failure, err := w.do(ctx)
	if workflow.IsContinueAsNewError(err) { // the next run ends it
		return contract.Outcome{}, err
	}
	return f.end(ctx, w, failure, err), nil
}

// end takes a refused flow's steps back and stores how it ended.
func (f *flow) end(ctx workflow.Context, w work, failure record.Failure, cancelled error) contract.Outcome {
	state := record.Succeeded
	switch {
	case cancelled != nil:
		state, failure = record.Cancelled, record.FailureOf(errs.FlowCancelled)
	case failure.Is():
		state = record.Failed
	}
	if state != record.Succeeded {
		f.say(ctx, record.Processing, contract.StepUndoing)
		if f.saga.undo(ctx) == tooLate {
			state, failure = record.Succeeded, record.Failure{}
		}
	}
	w.move(ctx, record.Move{ID: f.id, State: state, Failure: failure})
	return f.ended(ctx, state, failure)
}

// ended says how the flow ended, and gives it.
func (f *flow) ended(ctx workflow.Context, state record.State, failure record.Failure) contract.Outcome {
	f.status.Failure = failure
	f.enter(ctx, state, finalStep(state))
	return contract.Outcome{ID: f.id, State: state, Failure: failure, Fingerprint: f.fingerprint}
}

// wait lets the flow sleep until a time that is known, and says so. It can be cancelled
// meanwhile, which is the error.
func (f *flow) wait(ctx workflow.Context, w work, until time.Time, step contract.Step, params ...string) error {
	f.enter(ctx, record.Waiting, step, append(params, "until", until.UTC().Format(time.RFC3339))...)
	w.move(ctx, record.Move{ID: f.id, State: record.Waiting, Until: until})
	if err := workflow.NewTimerWithOptions(ctx, until.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: details(f.status)}).Get(ctx, nil); err != nil {
		return err
	}
	w.move(ctx, record.Move{ID: f.id, State: record.Processing})
	f.enter(ctx, record.Processing, contract.StepChecking)
	return nil
}

func finalStep(s record.State) contract.Step {
	switch s {
	case record.Succeeded:
		return contract.StepSucceeded
	case record.Cancelled:
		return contract.StepCancelled
	default:
		return contract.StepFailed
	}
}

// say tells people what the flow is doing; it costs no task and no event.
func (f *flow) say(ctx workflow.Context, state record.State, step contract.Step, params ...string) {
	f.status.State, f.status.Step, f.status.Params = state, step, params
	workflow.SetCurrentDetails(ctx, details(f.status))
}

// enter says so, and lets visibility know of a new state. That is an event and a write
// of the server's, so it is kept for states in which somebody would look for the flow.
func (f *flow) enter(ctx workflow.Context, state record.State, step contract.Step, params ...string) {
	f.say(ctx, state, step, params...)
	if f.shown == state {
		return
	}
	f.shown = state
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.FlowStateKey.ValueSet(string(state))); err != nil {
		// Visibility is for people looking around, never for deciding.
		workflow.GetLogger(ctx).Warn("search attribute refused", "id", f.id, "error", err)
	}
}
