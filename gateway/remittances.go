package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/banking"
	"durapay/services/remittance"
	"durapay/workflows/contract"
)

// Receiver is whom money is sent to: a member, or the holder of an account at any bank.
type Receiver struct {
	MembershipID  string `json:"membershipId,omitempty" validate:"omitempty,id=mem" example:"mem_01JZ0000000000000000000000"`
	BankCode      string `json:"bankCode,omitempty" example:"088"`
	AccountNumber string `json:"accountNumber,omitempty" example:"110-234-567890"` // masked in answers
	HolderName    string `json:"holderName,omitempty" example:"김하나"`               // confirmed by the bank before the money leaves
} // @name Receiver

// AutoTopUp allows a top-up when the balance is short.
type AutoTopUp struct {
	BankAccountID string `json:"bankAccountId" validate:"required,id=acc" example:"acc_01JZ0000000000000000000000"`
} // @name AutoTopUp

// RemittanceRequest asks to send money.
type RemittanceRequest struct {
	To        Receiver   `json:"to"`
	Amount    int64      `json:"amount" validate:"min=1,max=1000000000000" minimum:"1" maximum:"1000000000000" example:"5000"` // won
	Currency  string     `json:"currency,omitempty" validate:"omitempty,eq=KRW" example:"KRW"`
	Memo      string     `json:"memo,omitempty" validate:"max=100,plain" example:"점심값"`
	AutoTopUp *AutoTopUp `json:"autoTopUp,omitempty"`
	ExecuteAt *string    `json:"executeAt,omitempty" example:"2026-12-24T09:00:00+09:00"` // within a year; absent means at once
} // @name RemittanceRequest

// Remittance is money sent or received, or the refusal to.
type Remittance struct {
	ID        string       `json:"id" example:"rem_01JZ0000000000000000000000"`
	State     record.State `json:"state" example:"SUCCEEDED"`
	From      *Receiver    `json:"from,omitempty"`
	To        Receiver     `json:"to"`
	Amount    int64        `json:"amount" example:"5000"`
	Currency  string       `json:"currency" example:"KRW"`
	Memo      string       `json:"memo,omitempty" example:"점심값"`
	TopUpID   string       `json:"topUpId,omitempty" example:"top_01JZ0000000000000000000000"`
	Failure   *Failure     `json:"failure,omitempty"`
	ExecuteAt *time.Time   `json:"executeAt,omitempty" example:"2026-12-24T00:00:00Z"`
	Until     *time.Time   `json:"until,omitempty" example:"2026-11-20T15:30:00Z"` // when a waiting one goes on
	CreatedAt *time.Time   `json:"createdAt,omitempty" example:"2026-11-20T00:30:00Z"`
	UpdatedAt *time.Time   `json:"updatedAt,omitempty" example:"2026-11-20T00:30:02Z"`
} // @name Remittance

// RemittancePage is a page of remittances.
type RemittancePage struct {
	Items []Remittance `json:"items"`
	Next  string       `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name RemittancePage

// requestRemittance sends money from the caller's wallet to another member's, or to any
// bank account.
//
// Hot path to a member without a top-up: one token check without a database, one call to Temporal
// that starts the flow on this process, one workflow task, one long poll for the result.
//
//	@Summary		Send money to a member or to any bank account
//	@Description	To a member, one posting debits and credits. To a bank account, the bank confirms the holder's name first; the amount is held until the bank has answered. When the balance is short and autoTopUp is given, the wallet is topped up first in units of 10,000 won. With executeAt the money leaves then, and can be called off until it has.
//	@ID				requestRemittance
//	@Tags			remittance
//	@Security		Bearer
//	@Param			Idempotency-Key	header		string				true	"1 to 255 visible ASCII characters"
//	@Param			Prefer			header		string				false	"respond-async answers 202 at once"
//	@Param			body			body		RemittanceRequest	true	"to whom and how much"
//	@Success		201				{object}	Remittance
//	@Header			201				{string}	Location	"the remittance"
//	@Success		202				{object}	Accepted
//	@Failure		400,401,403,404,422,500,503	{object}	problem.Problem
//	@Router			/v1/remittances [post]
func (s *Server) requestRemittance(c *gin.Context) {
	key, err := idempotencyKey(c)
	if err != nil {
		fail(c, err)
		return
	}
	var body RemittanceRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	body.Currency = krw
	sender := callerOf(c).ID
	in, err := remittanceInput(&body, sender, recordIDFor(id.Remittance, sender, "remittance", key))
	if err == nil {
		err = s.checkRemittance(c, in)
	}
	if err != nil {
		fail(c, err)
		return
	}
	in.Fingerprint = s.fingerprint("remittance", body)
	f := launch{recordID: in.ID, workflow: contract.RemittanceFlow, input: in, fingerprint: in.Fingerprint,
		summary: contract.RemittanceSummary(in), row: s.rowReader(in.ID), attributes: remittanceAttributes(in)}
	s.serve(c, f, respondAsync(c), "/v1/remittances/"+in.ID, func(o outcome) any {
		to := Receiver{MembershipID: in.ReceiverID, BankCode: in.To.BankCode, HolderName: in.To.HolderName,
			AccountNumber: remittance.Receiver{AccountNumber: in.To.Number}.MaskedNumber()}
		return Remittance{ID: in.ID, State: o.State, From: &Receiver{MembershipID: sender}, To: to, Amount: body.Amount, Currency: krw,
			Memo: body.Memo, ExecuteAt: optionalTime(in.ExecuteAt)}
	})
}

// remittanceInput gives the flow's input, and writes the request in its one normal form.
func remittanceInput(body *RemittanceRequest, sender, recordID string) (contract.Remittance, error) {
	to := remittance.Receiver{MembershipID: body.To.MembershipID, BankCode: body.To.BankCode, AccountNumber: body.To.AccountNumber,
		HolderName: body.To.HolderName}.Normal()
	body.To = Receiver{MembershipID: to.MembershipID, BankCode: to.BankCode, AccountNumber: to.AccountNumber, HolderName: to.HolderName}
	in := contract.Remittance{ID: recordID, SenderID: sender, ReceiverID: to.MembershipID, Amount: body.Amount, Memo: body.Memo,
		To: contract.Account{BankCode: to.BankCode, Number: to.AccountNumber, HolderName: to.HolderName}}
	if body.AutoTopUp != nil {
		in.AutoTopUpAccountID = body.AutoTopUp.BankAccountID
	}
	if body.ExecuteAt == nil {
		return in, nil
	}
	at, err := time.Parse(time.RFC3339Nano, *body.ExecuteAt)
	if err != nil {
		return in, errs.InvalidField("/executeAt", errs.FieldFormat, "expected", "a time with zone such as 2026-12-24T09:00:00+09:00")
	}
	if at.IsZero() { // what an unset time is written as by many: not a wish to send at once
		return in, errs.InvalidField("/executeAt", errs.FieldMustBe, "expected", "a time in the future")
	}
	in.ExecuteAt = at.UTC()
	*body.ExecuteAt = in.ExecuteAt.Format(time.RFC3339Nano)
	return in, nil
}

// checkRemittance refuses what is malformed. What is refused for another reason goes on
// record, by the flow. A date in the past is no refusal of a repeat whose first request
// came in time.
func (s *Server) checkRemittance(ctx context.Context, in contract.Remittance) error {
	r := remittance.Remittance{ID: in.ID, SenderID: in.SenderID, Amount: in.Amount, Memo: in.Memo, AutoTopUpAccountID: in.AutoTopUpAccountID, ExecuteAt: in.ExecuteAt,
		To: remittance.Receiver{MembershipID: in.ReceiverID, BankCode: in.To.BankCode, AccountNumber: in.To.Number, HolderName: in.To.HolderName}}
	bad := s.Remittance.Check(r)
	if malformed(bad) && !in.ExecuteAt.IsZero() {
		if first, err := s.Remittance.Find(ctx, in.SenderID, in.ID); err == nil {
			r.CreatedAt = first.CreatedAt
			bad = s.Remittance.Check(r)
		}
	}
	if malformed(bad) {
		return bad
	}
	if in.ReceiverID != "" {
		return nil
	}
	return checkBank("/to/bankCode", in.To.BankCode)
}

func malformed(e *errs.Error) bool { return e != nil && e.Kind == errs.Invalid }

// checkBank refuses a bank that has no queue: nobody would work on its calls.
func checkBank(pointer, code string) error {
	if _, known := banking.FindInstitution(code); !known {
		return errs.InvalidField(pointer, errs.FieldNotOneOf, "allowed", "the code of a bank")
	}
	return nil
}

func remittanceAttributes(in contract.Remittance) []temporal.SearchAttributeUpdate {
	attributes := []temporal.SearchAttributeUpdate{contract.MembershipIDKey.ValueSet(in.SenderID)}
	if in.To.BankCode != "" {
		attributes = append(attributes, contract.BankCodeKey.ValueSet(in.To.BankCode))
	}
	return attributes
}

// cancelRemittance calls a remittance off.
//
//	@Summary		Call a remittance off while the money has not left
//	@Description	A scheduled remittance, and one that waits for a bank, ends as CANCELLED. One that is at the bank or has ended is 409. 202 when it is not decided yet.
//	@ID				cancelRemittance
//	@Tags			remittance
//	@Security		Bearer
//	@Param			id		path		string	true	"the remittance's id"
//	@Success		200		{object}	Remittance
//	@Success		202		{object}	Accepted
//	@Failure		401,403,404,409,500,503	{object}	problem.Problem
//	@Router			/v1/remittances/{id}/cancel [post]
func (s *Server) cancelRemittance(c *gin.Context) {
	recordID := c.Param("id")
	r, err := s.sentRemittance(c, recordID)
	if err == nil && r.SenderID != callerOf(c).ID {
		err = errs.RemittanceNotFound // the receiver sees it, and has no say in it
	}
	if err == nil && !r.State.Final() {
		if err = s.callOff(c, r); err == nil {
			_, _ = s.flows.result(c, launch{recordID: recordID, fingerprint: r.Fingerprint, row: s.rowReader(recordID)}) // the row tells
			r, err = s.sentRemittance(c, recordID)
		}
	}
	switch {
	case err != nil:
		fail(c, err)
	case r.State == record.Cancelled:
		c.JSON(http.StatusOK, remittanceView(c, r))
	case r.State.Final() || r.State == record.Unknown:
		fail(c, errs.NotCancellable)
	default:
		s.accepted(c, recordID, recordID)
	}
}

// callOff asks a remittance's flow to end. One that was ended by hand is begun again from
// its record, to be asked: otherwise the next request under its key would send the money
// that was called off.
func (s *Server) callOff(ctx context.Context, r remittance.Remittance) error {
	running, err := s.flows.cancel(ctx, r.ID)
	if err != nil || running {
		return err
	}
	in := contract.Remittance{ID: r.ID, SenderID: r.SenderID, ReceiverID: r.To.MembershipID, Amount: r.Amount, Memo: r.Memo,
		To:                 contract.Account{BankCode: r.To.BankCode, Number: r.To.AccountNumber, HolderName: r.To.HolderName},
		AutoTopUpAccountID: r.AutoTopUpAccountID, ExecuteAt: r.ExecuteAt, Fingerprint: r.Fingerprint}
	_, err = s.flows.start(ctx, launch{recordID: r.ID, workflow: contract.RemittanceFlow, input: in, fingerprint: in.Fingerprint,
		summary: contract.RemittanceSummary(in), row: s.rowReader(r.ID), attributes: remittanceAttributes(in)})
	if err != nil {
		return err
	}
	_, err = s.flows.cancel(ctx, r.ID)
	return err
}

// sentRemittance finds a remittance, also one whose flow has just begun and has not stored
// it yet: its sender has been told its id.
func (s *Server) sentRemittance(c *gin.Context, recordID string) (remittance.Remittance, error) {
	r, err := s.Remittance.Find(c, callerOf(c).ID, recordID)
	if errs.KindOf(err) != errs.NotFound || err == nil {
		return r, err
	}
	begun, unknown := s.standing(c, recordID)
	switch {
	case unknown == nil && begun.State == record.Requested && begun.Owner == callerOf(c).ID:
		return remittance.Remittance{ID: recordID, SenderID: begun.Owner, State: begun.State}, nil
	case unknown != nil && errs.KindOf(unknown) != errs.NotFound:
		return r, unknown
	}
	return r, err
}

// listRemittances lists what the caller sent and received.
//
//	@Summary	What the caller sent and received, refusals too
//	@ID			findRemittanceHistory
//	@Tags		remittance
//	@Security	Bearer
//	@Param		cursor	query		string	false	"next of the page before"
//	@Param		limit	query		int		false	"1 to 100, default 20"
//	@Success	200		{object}	RemittancePage
//	@Failure	400,401,403,500,503	{object}	problem.Problem
//	@Router		/v1/remittances [get]
func (s *Server) listRemittances(c *gin.Context) {
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	p, err := s.Remittance.History(c, callerOf(c).ID, request)
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, func(r remittance.Remittance) Remittance { return remittanceView(c, r) })
	c.JSON(http.StatusOK, RemittancePage{Items: items, Next: next})
}

// findRemittance shows one remittance to its sender, and to its receiver once it succeeded.
//
//	@Summary	One remittance
//	@ID			findRemittance
//	@Tags		remittance
//	@Security	Bearer
//	@Param		id		path		string	true	"the remittance's id"
//	@Success	200		{object}	Remittance
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/remittances/{id} [get]
func (s *Server) findRemittance(c *gin.Context) {
	r, err := s.Remittance.Find(c, callerOf(c).scope(), c.Param("id"))
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, remittanceView(c, r))
}

func remittanceView(c *gin.Context, r remittance.Remittance) Remittance {
	v := Remittance{ID: r.ID, State: r.State, From: &Receiver{MembershipID: r.SenderID}, Amount: r.Amount, Currency: krw, Memo: r.Memo,
		To:        Receiver{MembershipID: r.To.MembershipID, BankCode: r.To.BankCode, AccountNumber: r.To.MaskedNumber(), HolderName: r.To.HolderName},
		ExecuteAt: optionalTime(r.ExecuteAt), Until: optionalTime(r.Until), CreatedAt: optionalTime(r.CreatedAt), UpdatedAt: optionalTime(r.UpdatedAt)}
	if who := callerOf(c); who.sees(r.SenderID) { // how the sender paid for it is not the receiver's
		v.TopUpID, v.Failure = r.TopUpID, failureView(c, r.Failure)
	}
	return v
}
