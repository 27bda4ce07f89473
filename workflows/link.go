package workflows

import (
	"go.temporal.io/sdk/workflow"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

// link links a bank account to a member: the member is active, the bank says that the
// account is open and the holder's name matches, and nobody else has it linked. When the
// holder is the member by name, the member's real name is confirmed, and with it the
// higher limit of the wallet.
type link struct {
	*flow
	in contract.Link
}

// Link runs the flow of one link.
func Link(ctx workflow.Context, in contract.Link) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	return f.run(ctx, &link{flow: f, in: in})
}

func (l *link) begin(ctx workflow.Context) contract.Begun {
	in := l.in
	in.Number, in.HolderName = "", "" // the record needs no personal data
	return do[contract.Begun](ctx, contract.BankingBeginLinks, "record of the link", in)
}

func (l *link) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.BankingMoveLinks, databaseStep("state of the link"), m)
}

func (l *link) do(ctx workflow.Context) (record.Failure, error) {
	l.say(ctx, record.Processing, contract.StepChecking)
	if !askStandings(ctx, l.in.MembershipID).wait(ctx)[0].Active {
		return record.FailureOf(errs.MemberDeactivated), nil
	}
	if failure, err := l.verify(ctx, contract.Account{BankCode: l.in.BankCode, Number: l.in.Number, HolderName: l.in.HolderName}); err != nil || failure.Is() {
		return failure, err
	}
	if failure := do[record.Failure](ctx, contract.BankingLink, "link of the account", l.in); failure.Is() {
		return failure, nil
	}
	l.confirmName(ctx)
	return record.Failure{}, nil
}

// confirmName raises the wallet's limit when the account's holder is the member.
func (l *link) confirmName(ctx workflow.Context) {
	same := do[bool](ctx, contract.MembershipConfirmName, "holder and member by name",
		contract.NameCheck{MembershipID: l.in.MembershipID, HolderName: l.in.HolderName})
	if same {
		run(ctx, contract.MoneyRaiseLimit, databaseStep("limit of a verified member"), l.in.MembershipID)
	}
}
