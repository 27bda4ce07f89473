package gateway

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/services/membership"
	"durapay/services/payment"
	"durapay/services/settlement"
	"durapay/workflows/contract"
)

// PaymentRequest asks to pay a franchise.
type PaymentRequest struct {
	FranchiseID   string     `json:"franchiseId" validate:"required,id=fra" example:"fra_01JZ0000000000000000000000"`
	OrderID       string     `json:"orderId" validate:"required" maxLength:"64" example:"order-20261122-0001"`                      // the franchise's, once for each payment
	Amount        int64      `json:"amount" validate:"min=1,max=1000000000000" minimum:"1" maximum:"1000000000000" example:"12000"` // won
	TaxFreeAmount int64      `json:"taxFreeAmount,omitempty" validate:"min=0,max=1000000000000" minimum:"0" example:"0"`            // won, part of amount
	Currency      string     `json:"currency,omitempty" validate:"omitempty,eq=KRW" example:"KRW"`
	AutoTopUp     *AutoTopUp `json:"autoTopUp,omitempty"`
} // @name PaymentRequest

// Payment is money paid to a franchise, or the refusal to.
type Payment struct {
	ID              string     `json:"id" example:"pay_01JZ0000000000000000000000"`
	State           string     `json:"state" example:"APPROVED" enums:"REQUESTED,PROCESSING,WAITING,UNKNOWN,APPROVED,PARTIALLY_CANCELLED,CANCELLED,SETTLED,FAILED"`
	MembershipID    string     `json:"membershipId,omitempty" example:"mem_01JZ0000000000000000000000"`
	FranchiseID     string     `json:"franchiseId" example:"fra_01JZ0000000000000000000000"`
	OrderID         string     `json:"orderId" example:"order-20261122-0001"`
	Amount          int64      `json:"amount" example:"12000"`
	TaxFreeAmount   int64      `json:"taxFreeAmount" example:"0"`
	CancelledAmount int64      `json:"cancelledAmount" example:"0"`
	Cancellable     int64      `json:"cancellable" example:"12000"`  // won that can still be given back
	FeeBasisPoints  int        `json:"feeBasisPoints" example:"176"` // pinned at approval
	Currency        string     `json:"currency" example:"KRW"`
	TopUpID         string     `json:"topUpId,omitempty" example:"top_01JZ0000000000000000000000"`
	StatementID     string     `json:"statementId,omitempty" example:"stl_01JZ0000000000000000000000"`
	Failure         *Failure   `json:"failure,omitempty"`
	Until           *time.Time `json:"until,omitempty" example:"2026-11-20T15:30:00Z"`
	ApprovedAt      *time.Time `json:"approvedAt,omitempty" example:"2026-11-20T00:30:01Z"`
	SettledAt       *time.Time `json:"settledAt,omitempty" example:"2026-11-24T01:00:00Z"`
	CreatedAt       *time.Time `json:"createdAt,omitempty" example:"2026-11-20T00:30:00Z"`
	UpdatedAt       *time.Time `json:"updatedAt,omitempty" example:"2026-11-20T00:30:02Z"`
} // @name Payment

// PaymentPage is a page of payments.
type PaymentPage struct {
	Items []Payment `json:"items"`
	Next  string    `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name PaymentPage

// CancelRequest asks to give a payment back; without an amount, all that is left of it.
type CancelRequest struct {
	Amount   *int64 `json:"amount,omitempty" validate:"omitempty,min=1,max=1000000000000" minimum:"1" example:"2000"` // won
	Currency string `json:"currency,omitempty" validate:"omitempty,eq=KRW" example:"KRW"`
	Reason   string `json:"reason" validate:"required,max=200,plain" example:"재고 없음"`
} // @name CancelRequest

// Cancel is money given back, or the refusal to.
type Cancel struct {
	ID        string       `json:"id" example:"cxl_01JZ0000000000000000000000"`
	PaymentID string       `json:"paymentId" example:"pay_01JZ0000000000000000000000"`
	State     record.State `json:"state" example:"SUCCEEDED"`
	Amount    int64        `json:"amount" example:"2000"`
	Remaining int64        `json:"remaining" example:"10000"` // of the payment, in won, once this one had its effect
	Currency  string       `json:"currency" example:"KRW"`
	Reason    string       `json:"reason,omitempty" example:"재고 없음"`
	Failure   *Failure     `json:"failure,omitempty"`
	CreatedAt *time.Time   `json:"createdAt,omitempty" example:"2026-11-20T00:30:00Z"`
	UpdatedAt *time.Time   `json:"updatedAt,omitempty" example:"2026-11-20T00:30:02Z"`
} // @name Cancel

// CancelPage is a page of cancels.
type CancelPage struct {
	Items []Cancel `json:"items"`
	Next  string   `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name CancelPage

// paymentScope is whose payments the caller may read.
func (p caller) paymentScope() payment.Scope {
	switch {
	case p.oversees():
		return payment.Scope{}
	case p.Role == membership.RoleFranchise:
		return payment.Scope{FranchiseID: p.ID}
	default:
		return payment.Scope{MembershipID: p.ID}
	}
}

// requestPayment pays a franchise from the caller's wallet.
//
// Hot path without a top-up: one token check without a database, one call to Temporal
// that starts the flow on this process, one workflow task with five database steps, one
// long poll for the result, one read of the row for the fee that was pinned.
//
//	@Summary		Pay a franchise
//	@Description	One posting debits the wallet and credits what the franchise is owed. The fee in force is pinned on the payment. An order id is taken once for each franchise, unless its payment failed. When the balance is short and autoTopUp is given, the wallet is topped up first.
//	@ID				requestPayment
//	@Tags			payment
//	@Security		Bearer
//	@Param			Idempotency-Key	header		string			true	"1 to 255 visible ASCII characters"
//	@Param			Prefer			header		string			false	"respond-async answers 202 at once"
//	@Param			body			body		PaymentRequest	true	"to whom and how much"
//	@Success		201				{object}	Payment
//	@Header			201				{string}	Location	"the payment"
//	@Success		202				{object}	Accepted
//	@Failure		400,401,403,404,409,422,500,503	{object}	problem.Problem
//	@Router			/v1/payments [post]
func (s *Server) requestPayment(c *gin.Context) {
	key, err := idempotencyKey(c)
	if err != nil {
		fail(c, err)
		return
	}
	var body PaymentRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	body.Currency = krw
	in := s.paymentInput(body, callerOf(c).ID, key)
	if err := s.checkPayment(in); err != nil {
		fail(c, err)
		return
	}
	f := launch{recordID: in.ID, workflow: contract.PaymentFlow, input: in, fingerprint: in.Fingerprint,
		summary: contract.PaymentSummary(in), row: s.rowReader(in.ID), attributes: []temporal.SearchAttributeUpdate{
			contract.MembershipIDKey.ValueSet(in.MembershipID), contract.FranchiseIDKey.ValueSet(in.FranchiseID)}}
	s.serve(c, f, respondAsync(c), "/v1/payments/"+in.ID, func(outcome) any { return s.approved(c, in) })
}

func (s *Server) paymentInput(body PaymentRequest, memberID, key string) contract.Payment {
	in := contract.Payment{ID: recordIDFor(id.Payment, memberID, "payment", key), MembershipID: memberID, FranchiseID: body.FranchiseID,
		OrderID: body.OrderID, Amount: body.Amount, TaxFreeAmount: body.TaxFreeAmount, Fingerprint: s.fingerprint("payment", body)}
	if body.AutoTopUp != nil {
		in.AutoTopUpAccountID = body.AutoTopUp.BankAccountID
	}
	return in
}

// checkPayment refuses what is malformed; what is refused for another reason goes on record.
func (s *Server) checkPayment(in contract.Payment) error {
	bad := s.Payment.Check(payment.NewPayment{ID: in.ID, MembershipID: in.MembershipID, FranchiseID: in.FranchiseID, OrderID: in.OrderID, Amount: in.Amount,
		TaxFreeAmount: in.TaxFreeAmount, AutoTopUpAccountID: in.AutoTopUpAccountID, Fingerprint: in.Fingerprint})
	if bad != nil && bad.Kind == errs.Invalid {
		return bad
	}
	return nil
}

// approved is the answer to an approved payment: as it was approved, whatever has become
// of it since, so that a repeat gets the same.
func (s *Server) approved(c *gin.Context, in contract.Payment) Payment {
	v := Payment{ID: in.ID, State: string(payment.Approved), MembershipID: in.MembershipID, FranchiseID: in.FranchiseID, OrderID: in.OrderID,
		Amount: in.Amount, TaxFreeAmount: in.TaxFreeAmount, Cancellable: in.Amount, Currency: krw}
	p, err := s.Payment.Find(c, payment.Scope{}, in.ID)
	if err != nil { // it is approved all the same; its address tells the rest
		_ = c.Error(err)
		return v
	}
	v.FeeBasisPoints, v.TopUpID, v.ApprovedAt = p.FeeBasisPoints, p.TopUpID, optionalTime(p.ApprovedAt)
	return v
}

// listPayments lists payments: a member's own, what has reached a franchise, or all.
//
//	@Summary	Payments, newest first
//	@ID			findPayments
//	@Tags		payment
//	@Security	Bearer
//	@Security	APIKey
//	@Param		state	query		string	false	"only in this state"
//	@Param		from	query		string	false	"requested from this moment on, RFC 3339"
//	@Param		to		query		string	false	"requested before this moment, RFC 3339"
//	@Param		cursor	query		string	false	"next of the page before"
//	@Param		limit	query		int		false	"1 to 100, default 20"
//	@Success	200		{object}	PaymentPage
//	@Failure	400,401,500,503	{object}	problem.Problem
//	@Router		/v1/payments [get]
func (s *Server) listPayments(c *gin.Context) {
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	from, to, err := periodOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	state := payment.State(c.Query("state"))
	if state != "" && !state.Valid() {
		fail(c, errs.InvalidField("?state", errs.FieldNotOneOf, "allowed", paymentStates()))
		return
	}
	p, err := s.Payment.List(c, callerOf(c).paymentScope(), payment.Filter{State: state, From: from, Until: to}, request)
	s.answerPayments(c, p, err)
}

// paymentStates names all states, for people.
func paymentStates() string {
	var names []string
	for _, state := range payment.States() {
		names = append(names, string(state))
	}
	return strings.Join(names, ", ")
}

func (s *Server) answerPayments(c *gin.Context, p page.Page[payment.Payment], err error) {
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, func(p payment.Payment) Payment { return paymentView(c, p) })
	c.JSON(http.StatusOK, PaymentPage{Items: items, Next: next})
}

// getNormalStatusPayments lists payments that are to be settled.
//
//	@Summary	Payments that are approved and not settled yet
//	@ID			getNormalStatusPayments
//	@Tags		payment
//	@Security	Bearer
//	@Security	APIKey
//	@Param		franchiseId	query		string	false	"of this franchise; a franchise sees its own only"
//	@Param		from		query		string	false	"approved from this moment on, RFC 3339"
//	@Param		to			query		string	false	"approved before this moment, RFC 3339"
//	@Param		cursor		query		string	false	"next of the page before"
//	@Param		limit		query		int		false	"1 to 100, default 20"
//	@Success	200			{object}	PaymentPage
//	@Failure	400,401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/payments/normal [get]
func (s *Server) getNormalStatusPayments(c *gin.Context) {
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	from, to, err := periodOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	franchiseID := c.Query("franchiseId")
	if who := callerOf(c); who.Role == membership.RoleFranchise {
		if franchiseID != "" && franchiseID != who.ID {
			fail(c, errs.FranchiseNotFound)
			return
		}
		franchiseID = who.ID
	}
	if franchiseID != "" && !id.Valid(id.Franchise, franchiseID) {
		fail(c, errs.InvalidField("?franchiseId", errs.FieldFormat, "expected", "fra_ and 26 characters"))
		return
	}
	p, err := s.Payment.Normal(c, payment.NormalFilter{FranchiseID: franchiseID, From: from, Until: to}, request)
	s.answerPayments(c, p, err)
}

// periodOf reads a period's bounds; each may be absent.
func periodOf(c *gin.Context) (from, to time.Time, err error) {
	if from, err = momentOf(c, "from"); err != nil {
		return
	}
	to, err = momentOf(c, "to")
	return
}

func momentOf(c *gin.Context, name string) (time.Time, error) {
	q, given := c.GetQuery(name)
	if !given {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, q)
	if err != nil || at.UTC().Year() < firstYear || at.UTC().Year() > lastYear {
		return time.Time{}, errs.InvalidField("?"+name, errs.FieldFormat, "expected", "2026-01-31T12:00:00+09:00")
	}
	return at, nil
}

// The years that a database can compare with.
const firstYear, lastYear = 1000, 9998

// findPayment shows one payment.
//
//	@Summary	One payment, a refused one too
//	@ID			findPayment
//	@Tags		payment
//	@Security	Bearer
//	@Security	APIKey
//	@Param		id		path		string	true	"the payment's id"
//	@Success	200		{object}	Payment
//	@Failure	401,404,500,503	{object}	problem.Problem
//	@Router		/v1/payments/{id} [get]
func (s *Server) findPayment(c *gin.Context) {
	p, err := s.Payment.Find(c, callerOf(c).paymentScope(), c.Param("id"))
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, paymentView(c, p))
}

func paymentView(c *gin.Context, p payment.Payment) Payment {
	return Payment{ID: p.ID, State: string(p.State), MembershipID: p.MembershipID, FranchiseID: p.FranchiseID, OrderID: p.OrderID, Amount: p.Amount,
		TaxFreeAmount: p.TaxFreeAmount, CancelledAmount: p.CancelledAmount, Cancellable: p.Cancellable(), FeeBasisPoints: p.FeeBasisPoints, Currency: krw,
		TopUpID: p.TopUpID, StatementID: p.StatementID, Failure: failureView(c, p.Failure), Until: optionalTime(p.Until),
		ApprovedAt: optionalTime(p.ApprovedAt), SettledAt: optionalTime(p.SettledAt), CreatedAt: optionalTime(p.CreatedAt), UpdatedAt: optionalTime(p.UpdatedAt)}
}

// finishPayment settles one payment by hand. The settlement does it by itself, for all
// payments of a statement that was paid; this is for what was left open.
//
//	@Summary	Settle a payment whose statement is paid
//	@ID			finishPayment
//	@Tags		payment
//	@Security	Bearer
//	@Param		id		path		string	true	"the payment's id"
//	@Success	200		{object}	Payment
//	@Failure	401,403,404,409,500,503	{object}	problem.Problem
//	@Router		/v1/payments/{id}/finish [post]
func (s *Server) finishPayment(c *gin.Context) {
	p, err := s.Payment.Find(c, payment.Scope{}, c.Param("id"))
	if err == nil {
		err = s.checkPaid(c, p)
	}
	if err == nil {
		p, err = s.Payment.Finish(c, p.ID)
	}
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, paymentView(c, p))
}

// checkPaid tells whether a payment's statement has reached the franchise.
func (s *Server) checkPaid(c *gin.Context, p payment.Payment) error {
	switch {
	case !p.State.Normal():
		return errs.PaymentNotFinishable.With("reason", p.State)
	case p.StatementID == "":
		return errs.PaymentNotFinishable.With("reason", "no statement")
	}
	st, err := s.Neighbours.FindStatement(c, settlement.Scope{}, p.StatementID)
	if err != nil {
		return err
	}
	switch st.Payout.State {
	case settlement.PayoutPaid, settlement.PayoutNone, settlement.PayoutCarriedOver: // nothing is owed for it any more
		return nil
	default:
		return errs.PaymentNotFinishable.With("reason", "statement "+string(st.Payout.State))
	}
}

// cancelPayment gives a payment back.
//
//	@Summary		Cancel a payment, in full or in part
//	@Description	By the franchise or an operator, as often as something is left. The money goes back to the wallet at once; a payment that was settled is netted in the franchise's next statement.
//	@ID				cancelPayment
//	@Tags			payment
//	@Security		Bearer
//	@Security		APIKey
//	@Param			id				path		string			true	"the payment's id"
//	@Param			Idempotency-Key	header		string			true	"1 to 255 visible ASCII characters"
//	@Param			Prefer			header		string			false	"respond-async answers 202 at once"
//	@Param			body			body		CancelRequest	true	"how much and why"
//	@Success		201				{object}	Cancel
//	@Header			201				{string}	Location	"the cancel"
//	@Success		202				{object}	Accepted
//	@Failure		400,401,403,404,409,422,500,503	{object}	problem.Problem
//	@Router			/v1/payments/{id}/cancels [post]
func (s *Server) cancelPayment(c *gin.Context) {
	key, err := idempotencyKey(c)
	if err != nil {
		fail(c, err)
		return
	}
	var body CancelRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	body.Currency = krw
	who, paymentID := callerOf(c), c.Param("id")
	p, err := s.Payment.Find(c, who.paymentScope(), paymentID)
	if err != nil {
		fail(c, err)
		return
	}
	in := contract.Cancel{ID: recordIDFor(id.Cancel, who.ID, "cancel/"+paymentID, key), PaymentID: paymentID, AskedBy: who.ID, Reason: body.Reason,
		Fingerprint: s.fingerprint("cancel/"+paymentID, body)}
	if who.Role == membership.RoleFranchise {
		in.FranchiseID = who.ID
	}
	if body.Amount != nil {
		in.Amount = *body.Amount
	}
	if bad := s.Payment.CheckCancel(payment.NewCancel{Amount: in.Amount, Reason: in.Reason}); bad != nil {
		fail(c, bad)
		return
	}
	f := launch{recordID: in.ID, workflow: contract.CancelFlow, input: in, fingerprint: in.Fingerprint,
		summary: contract.CancelSummary(in), row: s.rowReader(in.ID), attributes: []temporal.SearchAttributeUpdate{
			contract.MembershipIDKey.ValueSet(p.MembershipID), contract.FranchiseIDKey.ValueSet(p.FranchiseID)}}
	s.serve(c, f, respondAsync(c), "/v1/payments/"+paymentID+"/cancels/"+in.ID, func(outcome) any { return s.cancelled(c, in) })
}

// cancelled is the answer to a cancel that succeeded: as it took effect, whatever has
// become of it since, so that a repeat gets the same.
func (s *Server) cancelled(c *gin.Context, in contract.Cancel) Cancel {
	x, err := s.Payment.FindCancel(c, payment.Scope{}, in.ID)
	if err != nil { // it succeeded all the same; its address tells the rest
		_ = c.Error(err)
		return Cancel{ID: in.ID, PaymentID: in.PaymentID, State: record.Succeeded, Amount: in.Amount, Currency: krw, Reason: in.Reason}
	}
	v := cancelView(c, x)
	v.UpdatedAt = optionalTime(x.ApprovedAt)
	return v
}

func cancelView(c *gin.Context, x payment.Cancel) Cancel {
	return Cancel{ID: x.ID, PaymentID: x.PaymentID, State: x.State, Amount: x.Amount, Remaining: x.Remaining, Currency: krw, Reason: x.Reason,
		Failure: failureView(c, x.Failure), CreatedAt: optionalTime(x.CreatedAt), UpdatedAt: optionalTime(x.UpdatedAt)}
}

// listCancels lists the cancels of a payment.
//
//	@Summary	A payment's cancels, newest first
//	@ID			findPaymentCancels
//	@Tags		payment
//	@Security	Bearer
//	@Security	APIKey
//	@Param		id		path		string	true	"the payment's id"
//	@Param		cursor	query		string	false	"next of the page before"
//	@Param		limit	query		int		false	"1 to 100, default 20"
//	@Success	200		{object}	CancelPage
//	@Failure	400,401,404,500,503	{object}	problem.Problem
//	@Router		/v1/payments/{id}/cancels [get]
func (s *Server) listCancels(c *gin.Context) {
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	var p page.Page[payment.Cancel]
	scope := callerOf(c).paymentScope()
	if _, err = s.Payment.Find(c, scope, c.Param("id")); err == nil { // a payment that is not there has no list
		p, err = s.Payment.ListCancels(c, scope, c.Param("id"), request)
	}
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, func(x payment.Cancel) Cancel { return cancelView(c, x) })
	c.JSON(http.StatusOK, CancelPage{Items: items, Next: next})
}

// findCancel shows one cancel.
//
//	@Summary	One cancel, a refused one too
//	@ID			findPaymentCancel
//	@Tags		payment
//	@Security	Bearer
//	@Security	APIKey
//	@Param		id			path		string	true	"the payment's id"
//	@Param		cancelId	path		string	true	"the cancel's id"
//	@Success	200			{object}	Cancel
//	@Failure	401,404,500,503	{object}	problem.Problem
//	@Router		/v1/payments/{id}/cancels/{cancelId} [get]
func (s *Server) findCancel(c *gin.Context) {
	cancelID := c.Param("cancelId")
	if !id.Valid(id.Cancel, cancelID) {
		fail(c, errs.CancelNotFound)
		return
	}
	x, err := s.Payment.FindCancel(c, callerOf(c).paymentScope(), cancelID)
	if err == nil && x.PaymentID != c.Param("id") {
		err = errs.CancelNotFound
	}
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, cancelView(c, x))
}
