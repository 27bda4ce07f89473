package workflows

import (
	"go.temporal.io/sdk/workflow"

	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// franchise takes a franchise up: the bank confirms the account it is to be paid out to,
// and the ledger gets an account for what it is owed.
type franchise struct {
	*flow
	in contract.Franchise
}

// FranchiseRegistration runs the flow of one registration of a franchise.
func FranchiseRegistration(ctx workflow.Context, in contract.Franchise) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	return f.run(ctx, &franchise{flow: f, in: in})
}

func (r *franchise) begin(ctx workflow.Context) contract.Begun {
	return do[contract.Begun](ctx, contract.FranchiseBegin, "record of the franchise", r.in)
}

func (r *franchise) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.FranchiseMove, databaseStep("state of the franchise"), m)
}

func (r *franchise) do(ctx workflow.Context) (record.Failure, error) {
	open := ledger.OpenUnbounded(r.in.ID+"/open", ledger.FranchisePayable(r.in.ID), ledger.KindPayable)
	open.FlowID = r.in.ID
	r.saga.onFailure(func(ctx workflow.Context) finding {
		do[contract.Result](ctx, contract.MoneyPost, "end of the payable", contract.Command{Op: ledger.OpClose, Ref: open.Ref + "/undone", OpenRef: open.Ref})
		return undone
	})
	if failure, err := r.verify(ctx, r.in.Payout); err != nil || failure.Is() {
		return failure, err
	}
	r.say(ctx, record.Processing, contract.StepPayable)
	return post(ctx, "account of what is owed", open), nil
}

// payoutChange has a franchise paid out to another account, once its bank confirms it.
type payoutChange struct {
	*flow
	in contract.PayoutChange
}

// PayoutAccountChange runs the flow of one change of a payout account.
func PayoutAccountChange(ctx workflow.Context, in contract.PayoutChange) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	return f.run(ctx, &payoutChange{flow: f, in: in})
}

func (p *payoutChange) begin(ctx workflow.Context) contract.Begun {
	return do[contract.Begun](ctx, contract.FranchiseBeginPayoutChanges, "record of the change", p.in)
}

// move stores the state; with success the account is the franchise's.
func (p *payoutChange) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.FranchiseMovePayoutChanges, databaseStep("state of the change"), m)
}

func (p *payoutChange) do(ctx workflow.Context) (record.Failure, error) {
	return p.verify(ctx, p.in.Payout)
}
