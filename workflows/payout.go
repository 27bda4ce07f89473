package workflows

import (
	"strconv"

	"go.temporal.io/sdk/workflow"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// payout pays a statement out to the franchise: hold on what it is owed, bank credit,
// capture; then the statement's payments are settled. One flow is one attempt: another
// one needs the approval of two operators, and has a transfer of its own.
type payout struct {
	*flow
	in      contract.Payout
	account contract.PayoutAccount
}

// Payout runs the flow of one attempt to pay a statement out.
func Payout(ctx workflow.Context, in contract.Payout) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID(), "")
	if err != nil {
		return contract.Outcome{}, err
	}
	p := &payout{flow: f, in: in}
	out, err := f.run(ctx, p)
	if err != nil || out.State != record.Succeeded {
		return out, err
	}
	if listens(ctx, in.FranchiseID) {
		f.tell(ctx, p.paid(ctx))
	}
	return out, nil
}

func (p *payout) begin(ctx workflow.Context) contract.Begun {
	return do[contract.Begun](ctx, contract.SettlementBeginPayouts, "write-ahead of the payout",
		contract.PayoutStart{Payout: p.in, FirmbankingID: p.firmbankingID()})
}

// move stores the state. The payments are settled before the payout is final: what is final
// is not looked at again, by whichever run.
func (p *payout) move(ctx workflow.Context, m record.Move) {
	if m.State == record.Succeeded {
		finish(ctx, []string{p.in.StatementID})
	}
	run(ctx, contract.SettlementMovePayouts, databaseStep("state of the payout"), m)
}

func (p *payout) do(ctx workflow.Context) (record.Failure, error) {
	p.saga.onFailure(undoHold(p.id))
	p.saga.onFailure(undoTransfer(p.credit(), p.id))
	p.account = do[contract.PayoutAccount](ctx, contract.FranchisePayouts, "payout account", p.in.FranchiseID)
	if !p.account.Exists {
		return record.FailureOf(errs.FranchiseNotFound), nil
	}
	if failure := p.reserve(ctx, p.hold()); failure.Is() {
		return failure, nil
	}
	return p.carry(ctx, p, p.account.BankCode, p.id, p.credit())
}

func (p *payout) hold() contract.Command {
	return holdCommand(ledger.Settlement, p.id,
		ledger.Leg{From: ledger.FranchisePayable(p.in.FranchiseID), To: ledger.BankFloat, Amount: p.in.Net}, p.in.StatementID)
}

func (p *payout) firmbankingID() string {
	id, _ := contract.FirmbankingID(p.in.StatementID, p.step())
	return id
}

func (p *payout) step() string { return "attempt-" + strconv.Itoa(p.in.Attempt) }

func (p *payout) credit() contract.Transfer {
	id, reference := contract.FirmbankingID(p.in.StatementID, p.step())
	return contract.Transfer{ID: id, Reference: reference, FlowID: p.id, To: p.account.Account, Direction: contract.Credit, Amount: p.in.Net}
}

// payoutEvent is what a franchise is told of a payout.
type payoutEvent struct {
	StatementID   string `json:"statementId"`
	FirmbankingID string `json:"firmbankingId"`
	Net           int64  `json:"net"`
	Currency      string `json:"currency"`
}

func (p *payout) paid(ctx workflow.Context) contract.WebhookEvent {
	return event(ctx, contract.SettlementPaid, p.in.FranchiseID, p.id, payoutEvent{
		StatementID: p.in.StatementID, FirmbankingID: p.firmbankingID(), Net: p.in.Net, Currency: krw})
}
