package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// The steps: a function for each activity, so that a flow reads as plain Go.

// pending is a step under way. Steps on our own database take a list and give a list, in
// the same order.
type pending[Out any] struct {
	name   string
	items  int
	future workflow.Future
}

// start begins a database step. It runs detached from the flow's cancellation: it is
// short, and one that was abandoned half-way could still have its effect after its undo.
func start[Out, In any](ctx workflow.Context, name, summary string, items ...In) pending[Out] {
	return startWith[Out](ctx, name, databaseStep(summary), items)
}

// bulk runs a database step on many rows for each item.
func bulk[Out, In any](ctx workflow.Context, name, summary string, items []In) []Out {
	return startWith[Out](ctx, name, bulkStep(summary), items).wait(ctx)
}

func startWith[Out, In any](ctx workflow.Context, name string, options workflow.LocalActivityOptions, items []In) pending[Out] {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	ctx = workflow.WithLocalActivityOptions(ctx, options)
	return pending[Out]{name, len(items), workflow.ExecuteLocalActivity(ctx, name, items)}
}

// wait gives the outcomes of a started step.
func (p pending[Out]) wait(ctx workflow.Context) []Out {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var outs []Out
	must(p.name, p.future.Get(ctx, &outs))
	if len(outs) != p.items {
		must(p.name, fmt.Errorf("%d outcomes for %d items", len(outs), p.items))
	}
	return outs
}

// do runs a database step on one item to its outcome.
func do[Out, In any](ctx workflow.Context, name, summary string, item In) Out {
	return start[Out](ctx, name, summary, item).wait(ctx)[0]
}

// run runs a database step that has no outcome but being done.
func run[In any](ctx workflow.Context, name string, options workflow.LocalActivityOptions, item In) {
	runAll(ctx, name, options, []In{item})
}

// runAll runs such a step on several items.
func runAll[In any](ctx workflow.Context, name string, options workflow.LocalActivityOptions, items []In) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	ctx = workflow.WithLocalActivityOptions(ctx, options)
	must(name, workflow.ExecuteLocalActivity(ctx, name, items).Get(ctx, nil))
}

// must stops the workflow task on an error that no decision of a flow can answer. Steps
// are tried until they are done; what is left is an outcome that this worker cannot read
// (it lacks a key that another one has), or a defect. The task is tried again, in sight
// of everybody, and nothing is decided on a guess.
func must(step string, err error) {
	if err != nil {
		panic(fmt.Errorf("%s: %w", step, err))
	}
}

func askStandings(ctx workflow.Context, membershipIDs ...string) pending[contract.Standing] {
	return start[contract.Standing](ctx, contract.MembershipStandings, "members' standing", membershipIDs...)
}

func authorize(ctx workflow.Context, membershipID, bankAccountID string) contract.Grant {
	return do[contract.Grant](ctx, contract.BankingAuthorize, "linked account and consent",
		contract.Use{MembershipID: membershipID, BankAccountID: bankAccountID})
}

// post gives the ledger one command. A reference that an earlier run of this task has
// burnt, when it was refused, is an interruption.
func post(ctx workflow.Context, summary string, c contract.Command) record.Failure {
	refusal := do[contract.Result](ctx, contract.MoneyPost, summary, c).Refusal
	switch refusal.Code {
	case errs.LedgerReferenceReused.Code, errs.LedgerHoldClosed.Code:
		return record.FailureOf(errs.Interrupted)
	default:
		return refusal
	}
}

// book posts what the outside world has already decided (a bank moved the money): it
// cannot be refused, and is tried until it is booked.
func book(ctx workflow.Context, summary string, c contract.Command) {
	run(ctx, contract.MoneyBook, bookingStep(summary), c)
}

// undoPost keeps a posting from being made, now and by any straggler.
func undoPost(ref string) undo {
	return func(ctx workflow.Context) finding {
		refusal := do[contract.Result](ctx, contract.MoneyPost, "end of the reference", releaseCommand(ref)).Refusal
		if refusal.Code == errs.LedgerHoldNotFound.Code { // the reference is a posting's
			return tooLate
		}
		return undone
	}
}

// undoHold releases a hold, and keeps one that was not made from being made.
func undoHold(ref string) undo {
	return func(ctx workflow.Context) finding {
		refusal := do[contract.Result](ctx, contract.MoneyPost, "release of the hold", releaseCommand(ref)).Refusal
		if refusal.Code == errs.LedgerHoldClosed.Code && refusal.Params["state"] == string(ledger.HoldCaptured) {
			return tooLate
		}
		return undone
	}
}
