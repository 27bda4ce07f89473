package workflows

import (
	"go.temporal.io/sdk/workflow"

	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// firmbanking moves money between the corporate account and any account, for an
// operator. The other side of the books is the suspense account: what the money is for
// is decided later, and until then the books say that it is open.
type firmbanking struct {
	*flow
	in contract.Firmbanking
}

// Firmbanking runs the flow of one firm banking request. Its record is the firm banking
// row itself, whose states are the banking service's.
func Firmbanking(ctx workflow.Context, in contract.Firmbanking) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	return f.run(ctx, &firmbanking{flow: f, in: in})
}

func (b *firmbanking) begin(ctx workflow.Context) contract.Begun {
	return prepare(ctx, b.transfer())
}

// move has nothing to store: the row is the banking service's, which moves it as the
// transfer is sent, answered or given up.
func (b *firmbanking) move(workflow.Context, record.Move) {}

func (b *firmbanking) do(ctx workflow.Context) (record.Failure, error) {
	hold := holdCommand(ledger.Firmbanking, b.in.ID, b.leg(), b.in.OperatorID)
	b.saga.onFailure(undoHold(hold.Ref))
	b.saga.onFailure(undoTransfer(b.transfer(), hold.Ref))
	if failure := b.reserve(ctx, hold); failure.Is() {
		return failure, nil
	}
	return b.settle(ctx, b, b.in.BankCode, hold.Ref, b.transfer())
}

func (b *firmbanking) leg() ledger.Leg {
	if b.in.Direction == contract.Debit {
		return ledger.Leg{From: ledger.BankFloat, To: ledger.Suspense, Amount: b.in.Amount}
	}
	return ledger.Leg{From: ledger.Suspense, To: ledger.BankFloat, Amount: b.in.Amount}
}

func (b *firmbanking) transfer() contract.Transfer {
	return contract.Transfer{ID: b.in.ID, Reference: contract.WorkflowID(b.in.ID), FlowID: b.in.ID,
		To:        contract.Account{BankCode: b.in.BankCode, Number: b.in.Number, HolderName: b.in.HolderName},
		Direction: b.in.Direction, Amount: b.in.Amount, Fingerprint: b.in.Fingerprint}
}
