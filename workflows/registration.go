package workflows

import (
	"go.temporal.io/sdk/workflow"

	"durapay/internal/record"
	"durapay/workflows/contract"
)

// registration makes a member and its wallet, both or neither. The member is pending,
// and can do nothing, until the wallet is there. It takes no cancellation: all of it is
// one workflow task (see bankTransfer for where a flow may ask for one).
type registration struct {
	*flow
	in contract.Registration
}

// Registration runs the flow of one registration.
func Registration(ctx workflow.Context, in contract.Registration) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	return f.run(ctx, &registration{flow: f, in: in})
}

func (r *registration) begin(ctx workflow.Context) contract.Begun {
	in := r.in
	in.Sealed = nil // the record needs no personal data
	return do[contract.Begun](ctx, contract.MembershipBeginRegistrations, "record of the registration", in)
}

func (r *registration) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.MembershipMoveRegistrations, databaseStep("state of the registration"), m)
}

func (r *registration) do(ctx workflow.Context) (record.Failure, error) {
	wallet := contract.OpenWallet{MembershipID: r.in.MemberID, FlowID: r.in.ID}
	r.saga.onFailure(func(ctx workflow.Context) finding {
		run(ctx, contract.MembershipUnregister, databaseStep("removal of the pending member"), r.in.MemberID)
		return undone
	})
	r.say(ctx, record.Processing, contract.StepChecking)
	if failure := do[record.Failure](ctx, contract.MembershipRegister, "pending member", r.in); failure.Is() {
		return failure, nil
	}
	r.saga.onFailure(func(ctx workflow.Context) finding {
		run(ctx, contract.MoneyCloseWallets, databaseStep("removal of the empty wallet"), wallet)
		return undone
	})
	r.say(ctx, record.Processing, contract.StepOpening)
	if failure := do[record.Failure](ctx, contract.MoneyOpenWallets, "wallet", wallet); failure.Is() {
		return failure, nil
	}
	run(ctx, contract.MembershipActivate, databaseStep("activation of the member"), r.in.MemberID)
	return record.Failure{}, nil
}
