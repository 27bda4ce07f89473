package workflows

import (
	"errors"
	"strconv"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	rules "durapay/services/remittance"
	"durapay/workflows/contract"
)

// remittance sends money from one wallet to another: one posting debits and credits, so
// that there is no moment between the two. When the balance is short and the sender
// allows it, a top-up runs first as a flow of its own.
//
// Cost without a top-up: one workflow task with four database steps, the record and the
// members' standing at the same time.
type remittance struct {
	*flow
	in      contract.Remittance
	members pending[contract.Standing] // sender and receiver, asked for while the row is stored
}

// Remittance runs the flow of one remittance between members.
func Remittance(ctx workflow.Context, in contract.Remittance) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	return f.run(ctx, &remittance{flow: f, in: in})
}

func (r *remittance) begin(ctx workflow.Context) contract.Begun {
	r.members = askStandings(ctx, r.in.SenderID, r.in.ReceiverID)
	return do[contract.Begun](ctx, contract.RemittanceBegin, "record of the remittance", r.in)
}

func (r *remittance) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.RemittanceMove, databaseStep("state of the remittance"), m)
}

func (r *remittance) do(ctx workflow.Context) (record.Failure, error) {
	r.saga.onFailure(undoPost(r.in.ID))
	if failure := r.checkMembers(ctx); failure.Is() {
		return failure, nil
	}
	failure := r.post(ctx)
	if failure.Code != errs.InsufficientBalance.Code || r.in.AutoTopUpAccountID == "" {
		return failure, nil
	}
	if failure, err := r.topUp(ctx, failure); err != nil || failure.Is() {
		return failure, err
	}
	return r.post(ctx), nil
}

func (r *remittance) checkMembers(ctx workflow.Context) record.Failure {
	standings := r.members.wait(ctx)
	sender, receiver := standings[0], standings[1]
	switch {
	case !sender.Active:
		return record.FailureOf(errs.MemberDeactivated)
	case !receiver.Exists:
		return record.FailureOf(errs.ReceiverNotFound)
	case !receiver.Active:
		return record.FailureOf(errs.ReceiverInactive)
	default:
		return record.Failure{}
	}
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

// topUp fills the sender's wallet by what is missing, rounded up to the unit of
// automatic top-ups.
func (r *remittance) topUp(ctx workflow.Context, short record.Failure) (record.Failure, error) {
	missing := missingWon(short)
	in := contract.TopUp{ID: contract.AutoTopUpID(r.in.ID), MembershipID: r.in.SenderID, BankAccountID: r.in.AutoTopUpAccountID,
		Amount: rules.AutoTopUpAmount(missing), Fingerprint: r.in.Fingerprint}
	r.say(ctx, record.Processing, contract.StepToppingUp, "short", won(missing), "amount", won(in.Amount))
	var out contract.Outcome
	err := workflow.ExecuteChildWorkflow(childTopUp(ctx, in), contract.TopUpFlow, in).Get(ctx, &out)
	if temporal.IsCanceledError(err) {
		return record.Failure{}, err
	}
	var ended *temporal.ChildWorkflowExecutionError
	var running *temporal.ChildWorkflowExecutionAlreadyStartedError
	if errors.As(err, &ended) || errors.As(err, &running) { // by hand: its own story goes on without us
		return record.FailureOf(errs.AutoTopUpFailed.With("reason", errs.InternalError.Code)), nil
	}
	must(contract.TopUpFlow, err)
	// Linked only now: a task that is lost before the top-up began may find, when it is
	// run again, that the balance is no longer short.
	run(ctx, contract.RemittanceSetTopUp, databaseStep("link to the top-up"), contract.TopUpLink{RemittanceID: r.in.ID, TopUpID: in.ID})
	if out.State != record.Succeeded {
		return record.FailureOf(errs.AutoTopUpFailed.With("reason", out.Failure.Code)), nil
	}
	return record.Failure{}, nil
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
