package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/banking"
	"durapay/workflows/contract"
)

// Banking calls the banking service.
type Banking struct{ Service *banking.Service }

// BeginLinks records links, or finds what is recorded.
func (a *Banking) BeginLinks(ctx context.Context, in []contract.Link) ([]contract.Begun, error) {
	rows, err := a.Service.BeginLinks(ctx, each(in, func(l contract.Link) banking.LinkRecord {
		return banking.LinkRecord{ID: l.ID, MembershipID: l.MembershipID, Fingerprint: l.Fingerprint}
	}))
	return each(rows, func(l banking.LinkRecord) contract.Begun {
		return contract.Begun{State: l.State, Failure: l.Failure, Fingerprint: l.Fingerprint}
	}), trouble(ctx, err)
}

// MoveLinks stores changes of their states.
func (a *Banking) MoveLinks(ctx context.Context, in []record.Move) error {
	return trouble(ctx, a.Service.MoveLinks(ctx, in))
}

// Link links accounts. Refused: bank_account_duplicate.
func (a *Banking) Link(ctx context.Context, in []contract.Link) ([]record.Failure, error) {
	failures, err := a.Service.LinkAccounts(ctx, each(in, func(l contract.Link) banking.NewAccount {
		return banking.NewAccount{ID: l.ID, MembershipID: l.MembershipID, BankCode: l.BankCode, Number: l.Number,
			HolderName: l.HolderName, DebitConsent: true}
	}))
	return failures, trouble(ctx, err)
}

// Authorize tells whether members may use linked accounts. Refused:
// bank_account_not_found, bank_account_unlinked.
func (a *Banking) Authorize(ctx context.Context, in []contract.Use) ([]contract.Grant, error) {
	grants, err := a.Service.AuthorizeAccounts(ctx, each(in, func(u contract.Use) banking.AccountUse {
		return banking.AccountUse{MembershipID: u.MembershipID, BankAccountID: u.BankAccountID}
	}))
	return each(grants, func(g banking.AccountGrant) contract.Grant {
		return contract.Grant{BankCode: g.BankCode, Failure: g.Failure}
	}), trouble(ctx, err)
}

// Prepare stores transfers before any bank is called, or finds what is stored.
func (a *Banking) Prepare(ctx context.Context, in []contract.Transfer) ([]contract.Begun, error) {
	rows, err := a.Service.Prepare(ctx, each(in, func(t contract.Transfer) banking.Firmbanking {
		return banking.Firmbanking{ID: t.ID, Reference: t.Reference, FlowID: t.FlowID, MembershipID: t.MembershipID,
			BankAccountID: t.BankAccountID, BankCode: t.To.BankCode, Number: t.To.Number, HolderName: t.To.HolderName,
			Direction: banking.Direction(t.Direction), Amount: t.Amount, Fingerprint: t.Fingerprint}
	}))
	if errors.Is(err, errs.IdempotencyReused) {
		return a.taken(ctx, in, err)
	}
	return each(rows, begunFirmbanking), trouble(ctx, err)
}

// taken gives the row of the request that had an operator's key before; the flow tells
// it by its fingerprint. A flow's own transfer has none, because nobody chooses its id:
// that another has it is a defect.
func (a *Banking) taken(ctx context.Context, in []contract.Transfer, cause error) ([]contract.Begun, error) {
	if len(in) != 1 || in[0].Fingerprint == "" {
		return nil, trouble(ctx, cause)
	}
	first, err := a.Service.FindFirmbanking(ctx, in[0].ID)
	if err != nil {
		return nil, trouble(ctx, err)
	}
	return []contract.Begun{begunFirmbanking(first)}, nil
}

// Abandon closes transfers that were never sent, and tells how those that were have
// ended. One whose outcome the bank has not told yet is asked for again.
func (a *Banking) Abandon(ctx context.Context, ids []string) ([]contract.Answer, error) {
	answers := make([]contract.Answer, len(ids))
	for i, id := range ids {
		answer, err := a.Service.Inquire(ctx, id)
		switch {
		case errors.Is(err, errs.FirmbankingNotFound): // refused before it was prepared
			answers[i] = contract.Answer{Kind: contract.Rejected, Failure: record.FailureOf(errs.BankNotExecuted)}
		case err != nil:
			return nil, trouble(ctx, err)
		case answer.Kind == banking.Unknown:
			return nil, stillUnknown()
		default:
			answers[i] = answerOf(answer)
		}
	}
	return answers, nil
}

// Opening tells until when transfers have to wait for maintenance.
func (a *Banking) Opening(ctx context.Context, bankCodes []string) ([]contract.Opening, error) {
	return each(a.Service.Opening(ctx, bankCodes), func(o banking.Opening) contract.Opening { return contract.Opening{Until: o.Until} }), nil
}

// Notices gives what banks have told by themselves.
func (a *Banking) Notices(ctx context.Context, ids []string) ([]contract.Notice, error) {
	notices, err := a.Service.Notices(ctx, ids)
	return each(notices, func(n banking.Notice) contract.Notice {
		return contract.Notice{Begun: contract.Begun{State: n.State, Failure: n.Failure}, Returned: n.Type == banking.NoticeReturned, Amount: n.Amount}
	}), trouble(ctx, err)
}

// MoveNotices stores changes of their states.
func (a *Banking) MoveNotices(ctx context.Context, in []record.Move) error {
	return trouble(ctx, a.Service.MoveNotices(ctx, in))
}

// ReturnTransfers marks transfers that came back.
func (a *Banking) ReturnTransfers(ctx context.Context, noticeIDs []string) ([]contract.Returned, error) {
	returned, err := a.Service.ReturnTransfers(ctx, noticeIDs)
	return each(returned, func(r banking.Returned) contract.Returned {
		out := contract.Returned{FlowID: r.FlowID, MembershipID: r.MembershipID, Failure: r.Failure}
		if r.Reason != "" {
			out.Reason = reasonOf(r.Reason)
		}
		return out
	}), trouble(ctx, err)
}

// Verify asks the bank about an account. Refused: the bank_* codes.
func (a *Banking) Verify(ctx context.Context, in contract.Account) (record.Failure, error) {
	failure, err := a.Service.Verify(ctx, banking.BankAccountRef{BankCode: in.BankCode, Number: in.Number, HolderName: in.HolderName})
	return failure, trouble(ctx, err)
}

// Submit sends a stored transfer to the bank, at most once.
func (a *Banking) Submit(ctx context.Context, id string) (contract.Answer, error) {
	answer, err := a.Service.Submit(ctx, id)
	return answerOf(answer), trouble(ctx, err)
}

// Inquire asks the bank how a transfer ended. While it does not know, the answer is an
// error that asks for a later attempt; benign, since waiting is what is expected.
func (a *Banking) Inquire(ctx context.Context, id string) (contract.Answer, error) {
	answer, err := a.Service.Inquire(ctx, id)
	if err != nil {
		return contract.Answer{}, trouble(ctx, err)
	}
	if answer.Kind == banking.Unknown {
		return contract.Answer{}, stillUnknown()
	}
	return answerOf(answer), nil
}

func stillUnknown() error {
	return temporal.NewApplicationErrorWithOptions("the bank has not told the outcome yet", contract.StillUnknown,
		temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
}

func begunFirmbanking(f banking.Firmbanking) contract.Begun {
	b := contract.Begun{State: record.Processing, Fingerprint: f.Fingerprint}
	switch f.State {
	case banking.StateSettled:
		b.State = record.Succeeded
	case banking.StateRejected:
		b.State, b.Failure = record.Failed, reasonOf(f.Reason)
	case banking.StateReturned:
		b.State = record.Returned
	}
	return b
}

func answerOf(a banking.Answer) contract.Answer {
	switch a.Kind {
	case banking.Accepted:
		return contract.Answer{Kind: contract.Accepted}
	case banking.Rejected:
		return contract.Answer{Kind: contract.Rejected, Failure: reasonOf(a.Reason)}
	default:
		return contract.Answer{Kind: contract.Unknown}
	}
}

func reasonOf(code errs.Code) record.Failure { return record.FailureOf(errs.ByCode(code)) }
