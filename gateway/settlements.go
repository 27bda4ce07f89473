package gateway

import (
	"context"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/calendar"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/internal/secret"
	"durapay/services/settlement"
	"durapay/workflows/contract"
)

// settlementRoutes are the operators' and, for their own statements, the franchises'.
func (s *Server) settlementRoutes(r gin.IRouter) {
	run := named(id.SettlementRun, errs.SettlementRunNotFound)
	r.POST("/v1/settlements/runs", operator, s.startSettlement)
	r.GET("/v1/settlements/runs", overseers, s.listSettlementRuns)
	r.GET("/v1/settlements/runs/:id", overseers, run, s.findSettlementRun)
	r.GET("/v1/settlements/runs/:id/statements", overseers, run, s.listRunStatements)

	statement := named(id.Statement, errs.StatementNotFound)
	r.GET("/v1/settlements/statements", onlookers, s.listStatements)
	r.GET("/v1/settlements/statements/:id", onlookers, statement, s.findStatement)
	r.GET("/v1/settlements/statements/:id/lines", onlookers, statement, s.listStatementLines)
	r.GET("/v1/settlements/statements/:id/csv", onlookers, statement, s.downloadStatement)

	retry := named(id.PayoutRetry, errs.PayoutRetryNotFound)
	r.POST("/v1/settlements/statements/:id/payout-retries", operator, statement, s.requestPayoutRetry)
	r.GET("/v1/settlements/statements/:id/payout-retries", overseers, statement, s.listPayoutRetries)
	r.GET("/v1/settlements/payout-retries/:retryId", overseers, retry, s.findPayoutRetry)
	r.POST("/v1/settlements/payout-retries/:retryId/approve", operator, retry, s.approvePayoutRetry)
	r.POST("/v1/settlements/payout-retries/:retryId/reject", operator, retry, s.rejectPayoutRetry)

	r.GET("/v1/settlements/schedule", overseers, s.getSettlementSchedule)
	r.POST("/v1/settlements/schedule/pause", operator, s.pauseSettlementSchedule)
	r.POST("/v1/settlements/schedule/resume", operator, s.resumeSettlementSchedule)
	r.POST("/v1/settlements/schedule/backfill", operator, s.backfillSettlementSchedule)
}

// RunRequest asks for a business date to be settled.
type RunRequest struct {
	BusinessDate string `json:"businessDate" validate:"required" format:"date" example:"2026-11-20"` // in Seoul; at most a year back and a month ahead
	DryRun       bool   `json:"dryRun,omitempty" example:"false"`                                    // shows the statements and books nothing
} // @name SettlementRunRequest

// RunTotals sum up the statements of a run as they are now. Amounts are in won.
type RunTotals struct {
	Count  int64 `json:"count" example:"12"`
	Net    int64 `json:"net" example:"4812300"`
	Paid   int64 `json:"paid" example:"11"`  // statements
	Failed int64 `json:"failed" example:"1"` // statements whose payout failed or was returned
} // @name SettlementRunTotals

// SettlementRun is one settlement of a business date.
type SettlementRun struct {
	ID           string       `json:"id" example:"run_01JZ0000000000000000000000"`
	State        record.State `json:"state" example:"SUCCEEDED"`
	BusinessDate string       `json:"businessDate" format:"date" example:"2026-11-20"`
	DryRun       bool         `json:"dryRun" example:"false"`
	Statements   *RunTotals   `json:"statements,omitempty"`
	Currency     string       `json:"currency" example:"KRW"`
	AskedBy      string       `json:"askedBy,omitempty" example:"mem_01JZ0000000000000000000000"` // an operator, or "schedule"
	Failure      *Failure     `json:"failure,omitempty"`
	CreatedAt    *time.Time   `json:"createdAt,omitempty" example:"2026-11-20T00:30:00Z"`
	UpdatedAt    *time.Time   `json:"updatedAt,omitempty" example:"2026-11-20T00:30:02Z"`
} // @name SettlementRun

// SettlementRunPage is a page of runs.
type SettlementRunPage struct {
	Items []SettlementRun `json:"items"`
	Next  string          `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name SettlementRunPage

func runView(c *gin.Context, r settlement.Run) SettlementRun {
	return SettlementRun{ID: r.ID, State: r.State, BusinessDate: r.BusinessDate.String(), DryRun: r.Dry, Currency: krw, AskedBy: r.AskedBy,
		Statements: &RunTotals{Count: r.Totals.Count, Net: r.Totals.Net, Paid: r.Totals.Paid, Failed: r.Totals.Failed},
		Failure:    failureView(c, r.Failure), CreatedAt: optionalTime(r.CreatedAt), UpdatedAt: optionalTime(r.UpdatedAt)}
}

// RunFingerprint is the fingerprint of a run's request. It knows neither who asks nor by
// which key: the run of a date is the same whoever starts it, the schedule included.
func RunFingerprint(index *secret.Indexer, businessDate string, dryRun bool) string {
	return hex.EncodeToString(index.Index("request.settlement", businessDate+" "+strconv.FormatBool(dryRun)))
}

func (s *Server) runFingerprint(businessDate string, dryRun bool) string {
	return RunFingerprint(s.Fingerprint, businessDate, dryRun)
}

// startSettlement settles a business date, and waits a short time for the end.
//
//	@Summary		Settle a business date
//	@Description	Cuts what was approved by the close of the date into one statement for each franchise, books the fees and pays what is due. The run of a date exists once: whoever asks again gets it. A dry run shows the statements and books nothing; each key has its own.
//	@ID				startSettlement
//	@Tags			settlement
//	@Security		Bearer
//	@Param			Idempotency-Key	header		string		true	"1 to 255 visible ASCII characters"
//	@Param			Prefer			header		string		false	"respond-async answers 202 at once"
//	@Param			body			body		RunRequest	true	"which date"
//	@Success		201				{object}	SettlementRun
//	@Header			201				{string}	Location	"the run"
//	@Success		202				{object}	Accepted
//	@Failure		400,401,403,422,500,503	{object}	problem.Problem
//	@Router			/v1/settlements/runs [post]
func (s *Server) startSettlement(c *gin.Context) {
	in, date, err := s.runInput(c)
	if err == nil {
		err = s.checkRun(c, in.ID, date)
	}
	if err != nil {
		fail(c, err)
		return
	}
	f := launch{recordID: in.ID, workflow: contract.SettlementFlow, input: in, fingerprint: in.Fingerprint, summary: contract.SettlementSummary(in),
		row: s.rowReader(in.ID), attributes: []temporal.SearchAttributeUpdate{contract.BusinessDateKey.ValueSet(in.BusinessDate)}}
	s.serve(c, f, respondAsync(c), "/v1/settlements/runs/"+in.ID, func(o outcome) any { return s.settled(c, in, o) })
}

func (s *Server) runInput(c *gin.Context) (in contract.Settlement, date calendar.Date, err error) {
	key, err := idempotencyKey(c)
	if err != nil {
		return in, date, err
	}
	var body RunRequest
	if err := bind(c, &body); err != nil {
		return in, date, err
	}
	if date, err = parseDate("/businessDate", body.BusinessDate); err != nil {
		return in, date, err
	}
	in = contract.Settlement{ID: settlement.LiveRunID(date), BusinessDate: date.String(), DryRun: body.DryRun, AskedBy: callerOf(c).ID,
		Fingerprint: s.runFingerprint(date.String(), body.DryRun)}
	keyID := recordIDFor(id.SettlementRun, in.AskedBy, "settlement", key)
	if in.DryRun {
		in.ID = keyID
	}
	return in, date, s.Settlement.BindKey(c, keyID, in.Fingerprint)
}

// checkRun refuses a date before anything begins. A run that was stored when its date was
// near goes by its record.
func (s *Server) checkRun(ctx context.Context, runID string, date calendar.Date) error {
	refusal := s.Settlement.CheckDate(date)
	if refusal == nil {
		return nil
	}
	_, err := s.Settlement.FindRun(ctx, runID)
	if errs.KindOf(err) == errs.NotFound {
		return refusal
	}
	return err
}

// settled is the answer to a run that has ended.
func (s *Server) settled(c *gin.Context, in contract.Settlement, o outcome) SettlementRun {
	r, err := s.Settlement.FindRun(c, in.ID)
	if err != nil { // it has ended all the same; its address tells the rest
		_ = c.Error(err)
		return SettlementRun{ID: in.ID, State: o.State, BusinessDate: in.BusinessDate, DryRun: in.DryRun, Currency: krw}
	}
	return runView(c, r)
}

// listSettlementRuns lists the runs.
//
//	@Summary	Runs, dry ones too, newest first
//	@ID			findSettlementRuns
//	@Tags		settlement
//	@Security	Bearer
//	@Param		cursor	query		string	false	"next of the page before"
//	@Param		limit	query		int		false	"1 to 100, default 20"
//	@Success	200		{object}	SettlementRunPage
//	@Failure	400,401,403,500,503	{object}	problem.Problem
//	@Router		/v1/settlements/runs [get]
func (s *Server) listSettlementRuns(c *gin.Context) {
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	p, err := s.Settlement.ListRuns(c, request)
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, func(r settlement.Run) SettlementRun { return runView(c, r) })
	c.JSON(http.StatusOK, SettlementRunPage{Items: items, Next: next})
}

// findSettlementRun shows one run.
//
//	@Summary	One run
//	@ID			findSettlementRun
//	@Tags		settlement
//	@Security	Bearer
//	@Param		id		path		string	true	"the run's id"
//	@Success	200		{object}	SettlementRun
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/settlements/runs/{id} [get]
func (s *Server) findSettlementRun(c *gin.Context) {
	r, err := s.Settlement.FindRun(c, c.Param("id"))
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, runView(c, r))
}
