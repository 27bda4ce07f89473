package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// bankNotice books what a bank tells by itself. Money that is at the bank is booked at
// once, against suspense, so that the books and the bank agree; what it is for is
// decided after that: a transfer that came back goes to whom it was taken from.
type bankNotice struct {
	*flow
	in     contract.BankNotice
	notice contract.Notice
}

// BankNotice runs the flow of one notice. It takes no cancellation: what a bank has done
// is done.
func BankNotice(ctx workflow.Context, in contract.BankNotice) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, "")
	if err != nil {
		return contract.Outcome{}, err
	}
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	return f.run(ctx, &bankNotice{flow: f, in: in})
}

func (n *bankNotice) begin(ctx workflow.Context) contract.Begun {
	n.notice = do[contract.Notice](ctx, contract.BankingNotices, "what the bank has told", n.in.ID)
	return n.notice.Begun
}

func (n *bankNotice) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.BankingMoveNotices, databaseStep("state of the notice"), m)
}

func (n *bankNotice) do(ctx workflow.Context) (record.Failure, error) {
	n.say(ctx, record.Processing, contract.StepBooking, "amount", won(n.notice.Amount))
	if !n.notice.Returned {
		n.arrive(ctx, ledger.Deposit)
		return record.Failure{}, nil
	}
	returned := do[contract.Returned](ctx, contract.BankingReturnTransfers, "return of the transfer", n.in.ID)
	if returned.Failure.Code == errs.BankReturned.Code { // it came back once, and was told of then
		return returned.Failure, nil
	}
	n.arrive(ctx, ledger.BankReturn)
	if returned.Failure.Is() { // none of our transfers: it stays in suspense
		return record.Failure{}, nil
	}
	if err := n.giveBack(ctx, returned); err != nil {
		return record.Failure{}, err
	}
	n.tellOwner(ctx, returned)
	return record.Failure{}, nil
}

// arrive books money that has come to the bank.
func (n *bankNotice) arrive(ctx workflow.Context, kind ledger.Kind) {
	book(ctx, "arrival at the bank", n.posting(kind, n.in.ID, ledger.BankFloat, ledger.Suspense))
}

func (n *bankNotice) posting(kind ledger.Kind, ref, from, to string) contract.Command {
	c := postCommand(kind, ref, ledger.Leg{From: from, To: to, Amount: n.notice.Amount})
	c.FlowID = n.in.ID
	return c
}

// parkedPause is how long to wait before money is tried again on a wallet without room.
// Each time is a dozen events, and a history has a limit: after parkedTries, more than a
// day, the flow goes on as a new run. All it did so far is done once.
const (
	parkedPause = 10 * time.Minute
	parkedTries = 200
)

// giveBack credits whom the money was taken from. A wallet that has no room for it (its
// limit is the law's) gets it as soon as there is. Nobody may give it up: it is somebody's
// money. The error is that it goes on in another run.
func (n *bankNotice) giveBack(ctx workflow.Context, r contract.Returned) error {
	to := origin(ctx, r)
	if to == "" { // an operator's transfer: from suspense, and back there
		return nil
	}
	credit := n.posting(ledger.BankReturn, n.in.ID+"/credit", ledger.Suspense, to)
	for range parkedTries {
		refusal := do[contract.Result](ctx, contract.MoneyPost, "credit of what came back", credit).Refusal
		if !refusal.Is() {
			return nil
		}
		until := workflow.Now(ctx).Add(parkedPause)
		must(contract.MoneyPost, n.wait(ctx, n, until, contract.StepParked, "amount", won(n.notice.Amount)))
	}
	return workflow.NewContinueAsNewError(ctx, contract.BankNoticeFlow, n.in)
}

// origin is the account a returned transfer was taken from.
func origin(ctx workflow.Context, r contract.Returned) string {
	switch prefix, _, _ := strings.Cut(r.FlowID, "_"); prefix {
	case id.Withdrawal, id.Remittance:
		return ledger.WalletAccount(r.MembershipID)
	case id.Statement:
		return ledger.FranchisePayable(do[string](ctx, contract.SettlementPayees, "franchise of the payout", r.FlowID))
	default:
		return ""
	}
}

// tellOwner marks the request that the transfer was for as returned. It waits until that
// request has succeeded: its own flow may still be on its last step.
func (n *bankNotice) tellOwner(ctx workflow.Context, r contract.Returned) {
	back := record.Move{ID: r.FlowID, State: record.Returned, Failure: record.FailureOf(errs.BankReturned.With("reason", r.Reason.Code))}
	switch prefix, _, _ := strings.Cut(r.FlowID, "_"); prefix {
	case id.Withdrawal:
		run(ctx, contract.MoneyMove, databaseStep("return of the withdrawal"), back)
	case id.Remittance:
		run(ctx, contract.RemittanceMove, databaseStep("return of the remittance"), back)
	case id.Statement:
		run(ctx, contract.SettlementMovePayouts, databaseStep("return of the payout"), back)
	}
}
