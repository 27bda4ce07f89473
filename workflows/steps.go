package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"durapay/internal/record"
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
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	ctx = workflow.WithLocalActivityOptions(ctx, databaseStep(summary))
	return pending[Out]{name, len(items), workflow.ExecuteLocalActivity(ctx, name, items)}
}

// wait gives the outcomes of a started step.
func (p pending[Out]) wait(ctx workflow.Context) ([]Out, error) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var outs []Out
	if err := p.future.Get(ctx, &outs); err != nil {
		return nil, err
	}
	if len(outs) != p.items {
		return nil, fmt.Errorf("%s: %d outcomes for %d items", p.name, len(outs), p.items)
	}
	return outs, nil
}

// do runs a database step on one item to its outcome.
func do[Out, In any](ctx workflow.Context, name, summary string, item In) (Out, error) {
	outs, err := start[Out](ctx, name, summary, item).wait(ctx)
	if err != nil {
		var none Out
		return none, err
	}
	return outs[0], nil
}

// run runs a database step that has no outcome but being done.
func run[In any](ctx workflow.Context, name, summary string, item In) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	ctx = workflow.WithLocalActivityOptions(ctx, databaseStep(summary))
	return workflow.ExecuteLocalActivity(ctx, name, []In{item}).Get(ctx, nil)
}

func askStandings(ctx workflow.Context, membershipIDs ...string) pending[contract.Standing] {
	return start[contract.Standing](ctx, contract.MembershipStandings, "members' standing", membershipIDs...)
}

func authorize(ctx workflow.Context, membershipID, bankAccountID string) (contract.Grant, error) {
	return do[contract.Grant](ctx, contract.BankingAuthorize, "linked account and consent",
		contract.Use{MembershipID: membershipID, BankAccountID: bankAccountID})
}

func post(ctx workflow.Context, summary string, c contract.Command) (record.Failure, error) {
	r, err := do[contract.Result](ctx, contract.MoneyPost, summary, c)
	return r.Refusal, err
}

// book posts what the outside world has already decided (a bank moved the money): it
// cannot be refused, and is tried until it is booked.
func book(ctx workflow.Context, summary string, c contract.Command) error {
	return run(ctx, contract.MoneyBook, summary, c)
}
