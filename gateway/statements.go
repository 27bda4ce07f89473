package gateway

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/services/membership"
	"durapay/services/payment"
	"durapay/services/settlement"
)

// Statement is what a franchise gets for what one run has cut. Amounts are in won; net is
// payments − cancels − fee − vat + carriedOver.
type Statement struct {
	ID            string          `json:"id" example:"stl_01JZ0000000000000000000000"`
	RunID         string          `json:"runId" example:"run_01JZ0000000000000000000000"`
	FranchiseID   string          `json:"franchiseId" example:"fra_01JZ0000000000000000000000"`
	BusinessDate  string          `json:"businessDate" format:"date" example:"2026-11-20"`
	DryRun        bool            `json:"dryRun" example:"false"`
	Period        StatementPeriod `json:"period"`
	Payments      StatementItems  `json:"payments"`
	Cancels       StatementItems  `json:"cancels"`
	TaxFreeAmount int64           `json:"taxFreeAmount" example:"0"` // of the payments
	Fee           int64           `json:"fee" example:"3000"`        // less what cancels gave back; may be negative
	VAT           int64           `json:"vat" example:"300"`         // on the fee, cut off below 1 won for each line
	Net           int64           `json:"net" example:"96700"`
	CarriedOver   int64           `json:"carriedOver" example:"0"`                                      // the earlier statement's net that this one takes over, at most 0
	CarriedTo     string          `json:"carriedTo,omitempty" example:"stl_01JZ0000000000000000000001"` // the later statement that took this one's negative net over
	Currency      string          `json:"currency" example:"KRW"`
	Payout        StatementPayout `json:"payout"`
	CreatedAt     *time.Time      `json:"createdAt,omitempty" example:"2026-11-20T00:30:00Z"`
} // @name Statement

// StatementPeriod is the days a statement is about, both included.
type StatementPeriod struct {
	From    string `json:"from" format:"date" example:"2026-11-16"`
	Through string `json:"through" format:"date" example:"2026-11-22"`
} // @name StatementPeriod

// StatementItems sum up the items of one kind.
type StatementItems struct {
	Count  int64 `json:"count" example:"7"`
	Amount int64 `json:"amount" example:"100000"`
} // @name StatementItems

// StatementPayout is how a statement is paid.
type StatementPayout struct {
	State         string     `json:"state" enums:"NONE,SCHEDULED,PROCESSING,WAITING,UNKNOWN,PAID,FAILED,RETURNED,CARRIED_OVER" example:"PAID"`
	Date          string     `json:"date" format:"date" example:"2026-11-24"` // the business day from which it is paid
	Attempt       int        `json:"attempt" example:"1"`                     // 0 when there is nothing to pay
	FirmbankingID string     `json:"firmbankingId,omitempty" example:"fbk_01JZ0000000000000000000000"`
	Failure       *Failure   `json:"failure,omitempty"`
	Until         *time.Time `json:"until,omitempty" example:"2026-11-20T15:30:00Z"`
	PaidAt        *time.Time `json:"paidAt,omitempty" example:"2026-11-24T01:00:00Z"`
} // @name StatementPayout

// StatementPage is a page of statements.
type StatementPage struct {
	Items []Statement `json:"items"`
	Next  string      `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name StatementPage

// StatementLine is one item of a statement. Amounts are in won; those of a cancel are negative.
type StatementLine struct {
	Type           string    `json:"type" enums:"PAYMENT,CANCEL" example:"PAYMENT"`
	ID             string    `json:"id" example:"pay_01JZ0000000000000000000000"`
	PaymentID      string    `json:"paymentId" example:"pay_01JZ0000000000000000000000"`
	OrderID        string    `json:"orderId" example:"order-20261120-1"`
	Amount         int64     `json:"amount" example:"15000"`
	FeeBasisPoints int       `json:"feeBasisPoints" example:"300"`
	Fee            int64     `json:"fee" example:"450"`
	VAT            int64     `json:"vat" example:"45"`
	Currency       string    `json:"currency" example:"KRW"`
	At             time.Time `json:"at" example:"2026-11-20T00:30:00Z"` // when it was approved
} // @name StatementLine

// StatementLinePage is a page of a statement's lines.
type StatementLinePage struct {
	Items []StatementLine `json:"items"`
	Next  string          `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name StatementLinePage

func statementView(c *gin.Context, st settlement.Statement) Statement {
	return Statement{ID: st.ID, RunID: st.RunID, FranchiseID: st.FranchiseID, BusinessDate: st.BusinessDate.String(), DryRun: st.Dry,
		Period:        StatementPeriod{From: st.Period.From.String(), Through: st.Period.Through.String()},
		Payments:      StatementItems{Count: st.Sums.PaymentCount, Amount: st.Sums.PaymentAmount},
		Cancels:       StatementItems{Count: st.Sums.CancelCount, Amount: st.Sums.CancelAmount},
		TaxFreeAmount: st.Sums.TaxFreeAmount, Fee: st.Sums.Fee, VAT: st.Sums.VAT, Net: st.Net,
		CarriedOver: st.CarriedOver, CarriedTo: st.CarriedTo, Currency: krw, Payout: payoutView(c, st.Payout), CreatedAt: optionalTime(st.CreatedAt)}
}

func payoutView(c *gin.Context, p settlement.Payout) StatementPayout {
	return StatementPayout{State: string(p.State), Date: p.Date.String(), Attempt: p.Attempt, FirmbankingID: p.FirmbankingID,
		Failure: failureView(c, p.Failure), Until: optionalTime(p.Until), PaidAt: optionalTime(p.PaidAt)}
}

func lineView(l payment.Line) StatementLine {
	return StatementLine{Type: string(l.Type), ID: l.ID, PaymentID: l.PaymentID, OrderID: l.OrderID, Amount: l.Amount,
		FeeBasisPoints: l.FeeBasisPoints, Fee: l.Fee, VAT: l.VAT, Currency: krw, At: l.At}
}

// statementScope is whose statements the caller may read.
func (p caller) statementScope() settlement.Scope { return settlement.Scope{FranchiseID: p.scope()} }

// listRunStatements lists what one run has cut.
//
//	@Summary	The statements of a run, also of a dry one
//	@ID			findRunStatements
//	@Tags		settlement
//	@Security	Bearer
//	@Param		id			path		string	true	"the run's id"
//	@Param		franchiseId	query		string	false	"only of this franchise"
//	@Param		payoutState	query		string	false	"only in this state"
//	@Param		cursor		query		string	false	"next of the page before"
//	@Param		limit		query		int		false	"1 to 100, default 20"
//	@Success	200			{object}	StatementPage
//	@Failure	400,401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/settlements/runs/{id}/statements [get]
func (s *Server) listRunStatements(c *gin.Context) {
	f, err := statementFilter(c)
	if err == nil {
		_, err = s.Settlement.FindRun(c, c.Param("id"))
	}
	if err != nil {
		fail(c, err)
		return
	}
	f.RunID = c.Param("id")
	s.answerStatements(c, f)
}

// listStatements lists statements that count; what a dry run shows is found by its run.
//
//	@Summary	Statements, newest first: a franchise's own, or all
//	@ID			findStatements
//	@Tags		settlement
//	@Security	Bearer
//	@Security	APIKey
//	@Param		franchiseId		query		string	false	"only of this franchise; not for a franchise"
//	@Param		businessDate	query		string	false	"only of this run's date, YYYY-MM-DD"
//	@Param		payoutState		query		string	false	"only in this state"
//	@Param		cursor			query		string	false	"next of the page before"
//	@Param		limit			query		int		false	"1 to 100, default 20"
//	@Success	200				{object}	StatementPage
//	@Failure	400,401,403,500,503	{object}	problem.Problem
//	@Router		/v1/settlements/statements [get]
func (s *Server) listStatements(c *gin.Context) {
	f, err := statementFilter(c)
	if err != nil {
		fail(c, err)
		return
	}
	f.Dry = new(bool)
	s.answerStatements(c, f)
}

// statementFilter reads the query. Nothing of it reaches a database unless it is well formed.
func statementFilter(c *gin.Context) (settlement.Filter, error) {
	date, err := dateOf(c, "businessDate")
	if err != nil {
		return settlement.Filter{}, err
	}
	f := settlement.Filter{BusinessDate: date}
	if q, given := c.GetQuery("franchiseId"); given {
		switch {
		case callerOf(c).Role == membership.RoleFranchise:
			return f, errs.InvalidField("?franchiseId", errs.FieldForbidden)
		case !id.Valid(id.Franchise, q):
			return f, errs.InvalidField("?franchiseId", errs.FieldFormat, "expected", id.Franchise+"_ and 26 characters")
		}
		f.FranchiseID = q
	}
	if q, given := c.GetQuery("payoutState"); given {
		if f.PayoutState = settlement.PayoutState(q); !f.PayoutState.Valid() {
			return f, errs.InvalidField("?payoutState", errs.FieldNotOneOf, "allowed", "NONE, SCHEDULED, PROCESSING, WAITING, UNKNOWN, PAID, FAILED, RETURNED, CARRIED_OVER")
		}
	}
	return f, nil
}

func (s *Server) answerStatements(c *gin.Context, f settlement.Filter) {
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	p, err := s.Settlement.ListStatements(c, callerOf(c).statementScope(), f, request)
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, func(st settlement.Statement) Statement { return statementView(c, st) })
	c.JSON(http.StatusOK, StatementPage{Items: items, Next: next})
}

// findStatement shows one statement.
//
//	@Summary	One statement
//	@ID			findStatement
//	@Tags		settlement
//	@Security	Bearer
//	@Security	APIKey
//	@Param		id		path		string	true	"the statement's id"
//	@Success	200		{object}	Statement
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/settlements/statements/{id} [get]
func (s *Server) findStatement(c *gin.Context) {
	st, err := s.statementOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, statementView(c, st))
}

// statementOf finds the statement that the path names, if the caller may read it.
func (s *Server) statementOf(c *gin.Context) (settlement.Statement, error) {
	return s.Settlement.FindStatement(c, callerOf(c).statementScope(), c.Param("id"))
}

// listStatementLines lists what was cut into a statement.
//
//	@Summary	The lines of a statement, oldest first; a dry one has none
//	@ID			findStatementLines
//	@Tags		settlement
//	@Security	Bearer
//	@Security	APIKey
//	@Param		id		path		string	true	"the statement's id"
//	@Param		cursor	query		string	false	"next of the page before"
//	@Param		limit	query		int		false	"1 to 100, default 20"
//	@Success	200		{object}	StatementLinePage
//	@Failure	400,401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/settlements/statements/{id}/lines [get]
func (s *Server) listStatementLines(c *gin.Context) {
	request, err := pageOf(c)
	var st settlement.Statement
	if err == nil {
		st, err = s.statementOf(c)
	}
	var p page.Page[payment.Line]
	if err == nil {
		p, err = s.Neighbours.Lines(c, callerOf(c).paymentScope(), st.ID, request)
	}
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, lineView)
	c.JSON(http.StatusOK, StatementLinePage{Items: items, Next: next})
}
