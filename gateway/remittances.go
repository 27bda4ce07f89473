package gateway

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/temporal"

	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/remittance"
	"durapay/workflows/contract"
)

// Receiver is whom money is sent to.
type Receiver struct {
	MembershipID string `json:"membershipId" validate:"required,id=mem" example:"mem_01JZ0000000000000000000000"`
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
	Memo      string     `json:"memo,omitempty" validate:"max=100" example:"점심값"`
	AutoTopUp *AutoTopUp `json:"autoTopUp,omitempty"`
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
	CreatedAt *time.Time   `json:"createdAt,omitempty"`
	UpdatedAt *time.Time   `json:"updatedAt,omitempty"`
} // @name Remittance

// RemittancePage is a page of remittances.
type RemittancePage struct {
	Items []Remittance `json:"items"`
	Next  string       `json:"next,omitempty"`
} // @name RemittancePage

// requestRemittance sends money from the caller's wallet to another member's.
//
// Hot path without a top-up: one token check without a database, one call to Temporal
// that starts the flow on this process, one workflow task, one long poll for the result.
//
//	@Summary		Send money to a member
//	@Description	One posting debits and credits. When the balance is short and autoTopUp is given, the wallet is topped up first in units of 10,000 won.
//	@ID				requestRemittance
//	@Tags			remittance
//	@Security		Bearer
//	@Param			Idempotency-Key	header		string				true	"1 to 255 visible ASCII characters"
//	@Param			Prefer			header		string				false	"respond-async answers 202 at once"
//	@Param			body			body		RemittanceRequest	true	"to whom and how much"
//	@Success		201				{object}	Remittance
//	@Header			201				{string}	Location	"the remittance"
//	@Success		202				{object}	Accepted
//	@Failure		400,401,422,503	{object}	problem.Problem
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
	in := contract.Remittance{ID: recordIDFor(id.Remittance, sender, "remittance", key), SenderID: sender, ReceiverID: body.To.MembershipID,
		Amount: body.Amount, Memo: body.Memo, Fingerprint: s.fingerprint("remittance", body)}
	if body.AutoTopUp != nil {
		in.AutoTopUpAccountID = body.AutoTopUp.BankAccountID
	}
	f := launch{recordID: in.ID, workflow: contract.RemittanceFlow, input: in, fingerprint: in.Fingerprint,
		summary: contract.RemittanceSummary(in), row: s.rowReader(in.ID),
		attributes: []temporal.SearchAttributeUpdate{contract.MembershipIDKey.ValueSet(sender)}}
	s.serve(c, f, respondAsync(c), "/v1/remittances/"+in.ID, func(o outcome) any {
		return Remittance{ID: in.ID, State: o.State, From: &Receiver{MembershipID: sender}, To: body.To, Amount: body.Amount, Currency: krw, Memo: body.Memo}
	})
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
//	@Failure	400,401	{object}	problem.Problem
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
//	@Failure	401,404	{object}	problem.Problem
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
	v := Remittance{ID: r.ID, State: r.State, From: &Receiver{MembershipID: r.SenderID}, To: Receiver{MembershipID: r.To.MembershipID},
		Amount: r.Amount, Currency: krw, Memo: r.Memo, CreatedAt: optionalTime(r.CreatedAt), UpdatedAt: optionalTime(r.UpdatedAt)}
	if who := callerOf(c); who.sees(r.SenderID) { // how the sender paid for it is not the receiver's
		v.TopUpID, v.Failure = r.TopUpID, failureView(c, r.Failure)
	}
	return v
}
