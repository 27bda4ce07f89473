package workflows

import (
	"encoding/json"

	"go.temporal.io/sdk/workflow"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// payment pays a franchise from a wallet: one posting debits the wallet and credits what
// the franchise is owed. The fee in force when it is approved is pinned on its row. When
// the balance is short and the member allows it, a top-up runs first.
//
// Cost without a top-up and a webhook: one workflow task with five database steps, the
// record, the member's standing and the franchise's terms at the same time.
type payment struct {
	*flow
	in     contract.Payment
	member pending[contract.Standing]
	asked  pending[contract.Terms]
	terms  contract.Terms
}

// Payment runs the flow of one payment.
func Payment(ctx workflow.Context, in contract.Payment) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	p := &payment{flow: f, in: in}
	out, err := f.run(ctx, p)
	if err == nil && out.State == record.Succeeded {
		p.tellFranchise(ctx)
	}
	return out, err
}

// tellFranchise tells the franchise, if it wants to be told. The terms are asked for here
// too: a task that is run again finds the row that the lost one had ended, and nobody told.
func (p *payment) tellFranchise(ctx workflow.Context) {
	p.terms = p.asked.wait(ctx)[0]
	if p.terms.Webhook {
		p.tell(ctx, p.approved(ctx))
	}
}

func (p *payment) begin(ctx workflow.Context) contract.Begun {
	p.ask(ctx)
	return do[contract.Begun](ctx, contract.PaymentBegin, "record of the payment", p.in)
}

func (p *payment) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.PaymentMove, databaseStep("state of the payment"), contract.PaymentChange{Move: m, FeeBasisPoints: p.terms.FeeBasisPoints})
}

func (p *payment) do(ctx workflow.Context) (record.Failure, error) {
	p.saga.onFailure(undoPost(p.in.ID))
	if failure := p.check(ctx); failure.Is() {
		return failure, nil
	}
	return p.pay(ctx, purse{p.in.MembershipID, p.in.AutoTopUpAccountID, contract.PaymentSetTopUp, p.checkAgain}, p.post)
}

// ask asks for the member's standing and the franchise's terms, side by side.
func (p *payment) ask(ctx workflow.Context) {
	p.member = askStandings(ctx, p.in.MembershipID)
	p.asked = start[contract.Terms](ctx, contract.FranchiseTerms, "franchise and its fee", p.in.FranchiseID)
}

// checkAgain asks for those of now: the fee in force when the payment is approved counts.
func (p *payment) checkAgain(ctx workflow.Context) record.Failure {
	p.ask(ctx)
	return p.check(ctx)
}

func (p *payment) check(ctx workflow.Context) record.Failure {
	member := p.member.wait(ctx)[0]
	p.terms = p.asked.wait(ctx)[0]
	switch {
	case !member.Active:
		return record.FailureOf(errs.MemberDeactivated)
	case !p.terms.Exists:
		return record.FailureOf(errs.FranchiseNotFound)
	case !p.terms.Active:
		return record.FailureOf(errs.FranchiseInactive)
	default:
		return record.Failure{}
	}
}

func (p *payment) post(ctx workflow.Context) record.Failure {
	p.say(ctx, record.Processing, contract.StepBooking, "amount", won(p.in.Amount))
	return post(ctx, "wallet to what the franchise is owed", postCommand(ledger.Payment, p.in.ID,
		ledger.Leg{From: ledger.WalletAccount(p.in.MembershipID), To: ledger.FranchisePayable(p.in.FranchiseID), Amount: p.in.Amount}))
}

func (p *payment) approved(ctx workflow.Context) contract.WebhookEvent {
	return event(ctx, contract.PaymentApproved, p.in.FranchiseID, p.in.ID, paymentEvent{
		PaymentID: p.in.ID, OrderID: p.in.OrderID, Amount: p.in.Amount, Currency: krw, FeeBasisPoints: p.terms.FeeBasisPoints})
}

// krw is the currency of every amount.
const krw = "KRW"

// paymentEvent is what a franchise is told of a payment or a cancel.
type paymentEvent struct {
	PaymentID      string `json:"paymentId"`
	CancelID       string `json:"cancelId,omitempty"`
	OrderID        string `json:"orderId"`
	Amount         int64  `json:"amount"`
	Currency       string `json:"currency"`
	FeeBasisPoints int    `json:"feeBasisPoints,omitempty"`
}

// event makes the message of something that has happened to a record, once for each.
func event(ctx workflow.Context, kind, franchiseID, recordID string, data any) contract.WebhookEvent {
	b, err := json.Marshal(data) //workflowcheck:ignore plain structs: the same bytes each time
	must(kind, err)
	return contract.WebhookEvent{ID: id.Derive(id.Event, kind, recordID), FranchiseID: franchiseID, Type: kind, Data: b, At: workflow.Now(ctx).UTC()}
}

// cancel gives a payment back, or a part of it: from what the franchise is owed to the
// wallet. What is left of the payment is reserved with the record, so that cancels at
// the same time do not give back more than was paid.
type cancel struct {
	*flow
	in    contract.Cancel
	begun contract.BegunCancel
}

// PaymentCancel runs the flow of one cancel.
func PaymentCancel(ctx workflow.Context, in contract.Cancel) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	c := &cancel{flow: f, in: in}
	out, err := f.run(ctx, c)
	if err == nil && out.State == record.Succeeded && listens(ctx, c.begun.FranchiseID) {
		f.tell(ctx, c.cancelled(ctx))
	}
	return out, err
}

func (c *cancel) begin(ctx workflow.Context) contract.Begun {
	c.begun = do[contract.BegunCancel](ctx, contract.PaymentBeginCancels, "record of the cancel", c.in)
	return c.begun.Begun
}

func (c *cancel) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.PaymentMoveCancels, databaseStep("state of the cancel"), m)
}

func (c *cancel) do(ctx workflow.Context) (record.Failure, error) {
	c.saga.onFailure(undoPost(c.in.ID))
	c.say(ctx, record.Processing, contract.StepBooking, "amount", won(c.begun.Amount))
	failure := post(ctx, "refund to the wallet", postCommand(ledger.PaymentCancel, c.in.ID,
		ledger.Leg{From: ledger.FranchisePayable(c.begun.FranchiseID), To: ledger.WalletAccount(c.begun.MembershipID), Amount: c.begun.Amount}))
	if failure.Code == errs.BalanceLimit.Code { // the figures are the member's
		return record.FailureOf(errs.MemberLimit), nil
	}
	return failure, nil
}

func (c *cancel) cancelled(ctx workflow.Context) contract.WebhookEvent {
	return event(ctx, contract.PaymentCancelled, c.begun.FranchiseID, c.in.ID, paymentEvent{
		PaymentID: c.begun.PaymentID, CancelID: c.in.ID, OrderID: c.begun.OrderID, Amount: c.begun.Amount, Currency: krw})
}
