package gateway

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/banking"
	"durapay/workflows/contract"
)

// FirmbankingRequest asks to move money between the corporate account and an account.
type FirmbankingRequest struct {
	Direction     string `json:"direction" validate:"required,oneof=DEBIT CREDIT" enums:"DEBIT,CREDIT" example:"CREDIT"` // DEBIT collects, CREDIT pays out
	BankCode      string `json:"bankCode" validate:"required" example:"088"`
	AccountNumber string `json:"accountNumber" validate:"required" example:"110234567890"`
	HolderName    string `json:"holderName" validate:"required" example:"김하나"`
	Amount        int64  `json:"amount" validate:"min=1,max=1000000000000" minimum:"1" maximum:"1000000000000" example:"100000"` // won
	Currency      string `json:"currency,omitempty" validate:"omitempty,eq=KRW" example:"KRW"`
} // @name FirmbankingRequest

// Firmbanking is one transfer at a bank.
type Firmbanking struct {
	ID                string     `json:"id" example:"fbk_01JZ0000000000000000000000"`
	State             string     `json:"state" enums:"REQUESTED,SENT,UNKNOWN,SETTLED,REJECTED,RETURNED" example:"SETTLED"`
	Direction         string     `json:"direction" example:"CREDIT"`
	BankCode          string     `json:"bankCode" example:"088"`
	BankAccountID     string     `json:"bankAccountId,omitempty" example:"acc_01JZ0000000000000000000000"`
	MembershipID      string     `json:"membershipId,omitempty" example:"mem_01JZ0000000000000000000000"`
	Amount            int64      `json:"amount" example:"100000"`
	Currency          string     `json:"currency" example:"KRW"`
	FlowID            string     `json:"flowId,omitempty" example:"top_01JZ0000000000000000000000"`
	Reference         string     `json:"reference" example:"topup/top_01JZ0000000000000000000000/debit"` // ours, at the bank
	BankTransactionID string     `json:"bankTransactionId,omitempty" example:"BTX0000000000000001"`
	Failure           *Failure   `json:"failure,omitempty"`
	SentAt            *time.Time `json:"sentAt,omitempty" example:"2026-11-20T00:30:00Z"`
	CreatedAt         *time.Time `json:"createdAt,omitempty" example:"2026-11-20T00:30:00Z"`
	UpdatedAt         *time.Time `json:"updatedAt,omitempty" example:"2026-11-20T00:30:02Z"`
} // @name Firmbanking

// FirmbankingPage is a page of firm banking transfers.
type FirmbankingPage struct {
	Items []Firmbanking `json:"items"`
	Next  string        `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name FirmbankingPage

func firmbankingView(c *gin.Context, f banking.Firmbanking) Firmbanking {
	v := Firmbanking{ID: f.ID, State: string(f.State), Direction: string(f.Direction), BankCode: f.BankCode, BankAccountID: f.BankAccountID,
		MembershipID: f.MembershipID, Amount: f.Amount, Currency: krw, FlowID: f.FlowID, Reference: f.Reference, BankTransactionID: f.BankTransactionID,
		SentAt: optionalTime(f.SentAt), CreatedAt: optionalTime(f.CreatedAt), UpdatedAt: optionalTime(f.UpdatedAt)}
	if f.Reason != "" {
		v.Failure = failureView(c, record.FailureOf(errs.ByCode(f.Reason)))
	}
	return v
}

// rowOfFirmbanking reads a firm banking row as a request's record.
func rowOfFirmbanking(f banking.Firmbanking) row {
	r := row{Owner: f.MembershipID, State: record.Processing, Fingerprint: f.Fingerprint}
	switch f.State {
	case banking.StateSettled:
		r.State = record.Succeeded
	case banking.StateRejected:
		r.State, r.Failure = record.Failed, record.FailureOf(errs.ByCode(f.Reason))
	case banking.StateReturned:
		r.State = record.Returned
	case banking.StateUnknown:
		r.State = record.Unknown
	}
	return r
}

// requestFirmbanking moves money between the corporate account and an account.
//
//	@Summary	Move corporate money at a bank
//	@ID			requestFirmbanking
//	@Tags		banking
//	@Security	Bearer
//	@Param		Idempotency-Key	header		string				true	"1 to 255 visible ASCII characters"
//	@Param		Prefer			header		string				false	"respond-async answers 202 at once"
//	@Param		body			body		FirmbankingRequest	true	"the transfer"
//	@Success	201				{object}	Firmbanking
//	@Header		201				{string}	Location	"the transfer"
//	@Success	202				{object}	Accepted
//	@Failure	400,401,403,422,500,503	{object}	problem.Problem
//	@Router		/v1/firmbankings [post]
func (s *Server) requestFirmbanking(c *gin.Context) { s.firmbanking(c, respondAsync(c)) }

// requestFirmbankingByEvent does it without waiting.
//
//	@Summary	Move corporate money at a bank, as a flow
//	@ID			requestFirmbankingByEvent
//	@Tags		banking
//	@Security	Bearer
//	@Param		Idempotency-Key	header		string				true	"1 to 255 visible ASCII characters"
//	@Param		body			body		FirmbankingRequest	true	"the transfer"
//	@Success	202				{object}	Accepted
//	@Header		202				{string}	Location	"the flow"
//	@Failure	400,401,403,422,500,503	{object}	problem.Problem
//	@Router		/v1/firmbankings/async [post]
func (s *Server) requestFirmbankingByEvent(c *gin.Context) { s.firmbanking(c, true) }

func (s *Server) firmbanking(c *gin.Context, async bool) {
	key, err := idempotencyKey(c)
	if err != nil {
		fail(c, err)
		return
	}
	var body FirmbankingRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	ref := banking.BankAccountRef{BankCode: body.BankCode, Number: body.AccountNumber, HolderName: body.HolderName}
	if err := ref.Check(); err != nil {
		fail(c, err)
		return
	}
	ref = ref.Normal() // a queue is named by the bank's code: as it is known, not as it was typed
	body.BankCode, body.AccountNumber, body.HolderName, body.Currency = ref.BankCode, ref.Number, ref.HolderName, krw
	operator := callerOf(c).ID
	in := contract.Firmbanking{ID: recordIDFor(id.Firmbanking, operator, "firmbanking", key), OperatorID: operator,
		Direction: contract.Direction(body.Direction), BankCode: body.BankCode, Number: body.AccountNumber, HolderName: body.HolderName,
		Amount: body.Amount, Fingerprint: s.fingerprint("firmbanking", body)}
	f := launch{recordID: in.ID, workflow: contract.FirmbankingFlow, input: in, fingerprint: in.Fingerprint,
		summary: contract.FirmbankingSummary(in), row: s.rowReader(in.ID),
		attributes: []temporal.SearchAttributeUpdate{contract.MembershipIDKey.ValueSet(operator), contract.BankCodeKey.ValueSet(in.BankCode)}}
	s.serve(c, f, async, "/v1/firmbankings/"+in.ID, func(o outcome) any {
		return Firmbanking{ID: in.ID, State: string(banking.StateSettled), Direction: body.Direction, BankCode: body.BankCode,
			Amount: body.Amount, Currency: krw, FlowID: in.ID}
	})
}

// listFirmbankings lists the transfers at banks, those of flows too.
//
//	@Summary	Transfers at banks
//	@ID			findFirmbanking
//	@Tags		banking
//	@Security	Bearer
//	@Param		state			query		string	false	"REQUESTED, SENT, UNKNOWN, SETTLED, REJECTED or RETURNED"
//	@Param		bankCode		query		string	false	"the bank's code"
//	@Param		bankAccountId	query		string	false	"a linked account"
//	@Param		membershipId	query		string	false	"whose"
//	@Param		flowId			query		string	false	"of which flow"
//	@Param		date			query		string	false	"a day in Seoul, YYYY-MM-DD"
//	@Param		cursor			query		string	false	"next of the page before"
//	@Param		limit			query		int		false	"1 to 100, default 20"
//	@Success	200				{object}	FirmbankingPage
//	@Failure	400,401,403,500,503	{object}	problem.Problem
//	@Router		/v1/firmbankings [get]
func (s *Server) listFirmbankings(c *gin.Context) {
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	p, err := s.Banking.ListFirmbankings(c, banking.Filter{State: banking.FirmbankingState(c.Query("state")), BankCode: c.Query("bankCode"),
		BankAccountID: c.Query("bankAccountId"), MembershipID: c.Query("membershipId"), FlowID: c.Query("flowId"), Date: c.Query("date")}, request)
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, func(f banking.Firmbanking) Firmbanking { return firmbankingView(c, f) })
	c.JSON(http.StatusOK, FirmbankingPage{Items: items, Next: next})
}

// findFirmbanking shows one transfer.
//
//	@Summary	One transfer at a bank
//	@ID			findFirmbankingById
//	@Tags		banking
//	@Security	Bearer
//	@Param		id		path		string	true	"the transfer's id"
//	@Success	200		{object}	Firmbanking
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/firmbankings/{id} [get]
func (s *Server) findFirmbanking(c *gin.Context) {
	f, err := s.Banking.FindFirmbanking(c, c.Param("id"))
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, firmbankingView(c, f))
}
