package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/settlement"
	"durapay/workflows/contract"
)

// PayoutRetryRequest asks for a statement to be paid again.
type PayoutRetryRequest struct {
	Reason string `json:"reason" validate:"required,max=200,plain" example:"지급 계좌가 바뀌었습니다"`
} // @name PayoutRetryRequest

// PayoutRetry is a request to pay a statement again, which a second operator decides.
type PayoutRetry struct {
	ID          string     `json:"id" example:"prt_01JZ0000000000000000000000"`
	StatementID string     `json:"statementId" example:"stl_01JZ0000000000000000000000"`
	Attempt     int        `json:"attempt" example:"2"` // the one it asks for
	State       string     `json:"state" enums:"REQUESTED,APPROVED,REJECTED" example:"REQUESTED"`
	AskedBy     string     `json:"askedBy" example:"mem_01JZ0000000000000000000000"`
	DecidedBy   string     `json:"decidedBy,omitempty" example:"mem_01JZ0000000000000000000001"`
	Reason      string     `json:"reason" example:"지급 계좌가 바뀌었습니다"`
	CreatedAt   *time.Time `json:"createdAt,omitempty" example:"2026-11-20T00:30:00Z"`
	UpdatedAt   *time.Time `json:"updatedAt,omitempty" example:"2026-11-20T00:30:02Z"`
} // @name PayoutRetry

// PayoutRetryPage lists the retries of a statement.
type PayoutRetryPage struct {
	Items []PayoutRetry `json:"items"`
	Next  string        `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name PayoutRetryPage

func retryView(r settlement.Retry) PayoutRetry {
	return PayoutRetry{ID: r.ID, StatementID: r.StatementID, Attempt: r.Attempt, State: string(r.State), AskedBy: r.AskedBy,
		DecidedBy: r.DecidedBy, Reason: r.Reason, CreatedAt: optionalTime(r.CreatedAt), UpdatedAt: optionalTime(r.UpdatedAt)}
}

// requestPayoutRetry asks for a failed or returned payout to be made again.
//
//	@Summary		Ask for a statement to be paid again
//	@Description	Only a payout that failed or was returned. Nothing is paid until another operator approves.
//	@ID				requestPayoutRetry
//	@Tags			settlement
//	@Security		Bearer
//	@Param			Idempotency-Key	header		string				false	"makes a repeat the same request"
//	@Param			id				path		string				true	"the statement's id"
//	@Param			body			body		PayoutRetryRequest	true	"why"
//	@Success		201				{object}	PayoutRetry
//	@Header			201				{string}	Location	"the retry"
//	@Failure		400,401,403,404,409,422,500,503	{object}	problem.Problem
//	@Router			/v1/settlements/statements/{id}/payout-retries [post]
func (s *Server) requestPayoutRetry(c *gin.Context) {
	var body PayoutRetryRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	who := callerOf(c).ID
	retryID, err := optionalKeyID(c, id.PayoutRetry, who, "payout-retry")
	if err != nil {
		fail(c, err)
		return
	}
	r, err := s.Settlement.RequestRetry(c, settlement.NewRetry{ID: retryID, StatementID: c.Param("id"), AskedBy: who, Reason: body.Reason})
	if err == nil && (r.StatementID != c.Param("id") || r.Reason != body.Reason) {
		err = errs.IdempotencyReused
	}
	if err != nil {
		fail(c, err)
		return
	}
	c.Header("Location", "/v1/settlements/payout-retries/"+r.ID)
	c.JSON(http.StatusCreated, retryView(r))
}

// listPayoutRetries lists a statement's retries.
//
//	@Summary	The last 100 retries of a statement's payout, newest first
//	@ID			findPayoutRetries
//	@Tags		settlement
//	@Security	Bearer
//	@Param		id		path		string	true	"the statement's id"
//	@Success	200		{object}	PayoutRetryPage
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/settlements/statements/{id}/payout-retries [get]
func (s *Server) listPayoutRetries(c *gin.Context) {
	retries, err := s.Settlement.ListRetries(c, c.Param("id"))
	if err != nil {
		fail(c, err)
		return
	}
	items := make([]PayoutRetry, len(retries))
	for i, r := range retries {
		items[i] = retryView(r)
	}
	c.JSON(http.StatusOK, PayoutRetryPage{Items: items})
}

// findPayoutRetry shows one retry.
//
//	@Summary	One retry of a payout
//	@ID			findPayoutRetry
//	@Tags		settlement
//	@Security	Bearer
//	@Param		retryId	path		string	true	"the retry's id"
//	@Success	200		{object}	PayoutRetry
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/settlements/payout-retries/{retryId} [get]
func (s *Server) findPayoutRetry(c *gin.Context) {
	r, err := s.Settlement.FindRetry(c, c.Param("retryId"))
	answerRetry(c, r, err)
}

// approvePayoutRetry lets the statement be paid again, and starts the payout at once.
//
//	@Summary		Approve a retry
//	@Description	Another operator than the one who asked. The payout starts at once.
//	@ID				approvePayoutRetry
//	@Tags			settlement
//	@Security		Bearer
//	@Param			retryId	path		string	true	"the retry's id"
//	@Success		200		{object}	PayoutRetry
//	@Failure		401,403,404,409,500,503	{object}	problem.Problem
//	@Router			/v1/settlements/payout-retries/{retryId}/approve [post]
func (s *Server) approvePayoutRetry(c *gin.Context) {
	r, err := s.Settlement.ApproveRetry(c, c.Param("retryId"), callerOf(c).ID)
	if err == nil {
		s.payAgain(c, r)
	}
	answerRetry(c, r, err)
}

// rejectPayoutRetry closes a retry without paying.
//
//	@Summary	Reject a retry, or take it back
//	@ID			rejectPayoutRetry
//	@Tags		settlement
//	@Security	Bearer
//	@Param		retryId	path		string	true	"the retry's id"
//	@Success	200		{object}	PayoutRetry
//	@Failure	401,403,404,409,500,503	{object}	problem.Problem
//	@Router		/v1/settlements/payout-retries/{retryId}/reject [post]
func (s *Server) rejectPayoutRetry(c *gin.Context) {
	r, err := s.Settlement.RejectRetry(c, c.Param("retryId"), callerOf(c).ID)
	answerRetry(c, r, err)
}

func answerRetry(c *gin.Context, r settlement.Retry, err error) {
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, retryView(r))
}

// payAgain starts the approved attempt. That it cannot is no error of the request's: the
// statement is due again, and the next run pays it.
func (s *Server) payAgain(c *gin.Context, r settlement.Retry) {
	st, err := s.Settlement.FindStatement(c, settlement.Scope{}, r.StatementID)
	if err == nil && st.Payout.State == settlement.PayoutScheduled && st.Payout.Attempt == r.Attempt {
		err = s.startPayout(c, st)
	}
	if err != nil {
		s.Log.Warn("a payout's retry waits for the next run", "retryId", r.ID, "statementId", r.StatementID, "error", err)
	}
}

// startPayout starts the flow of a statement's current attempt, unless one runs.
func (s *Server) startPayout(ctx context.Context, st settlement.Statement) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rpcTimeout)
	defer cancel()
	in := contract.Payout{StatementID: st.ID, FranchiseID: st.FranchiseID, Net: st.Net, Attempt: st.Payout.Attempt}
	_, err := s.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                    contract.WorkflowID(st.ID),
		TaskQueue:             contract.FlowQueue,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, // each attempt is a run of its own
		// An earlier attempt's last steps may still run: then the next settlement run starts this one.
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		EnableEagerStart:                         true,
		Memo:                                     map[string]any{contract.FingerprintMemo: ""},
		TypedSearchAttributes: temporal.NewSearchAttributes(contract.FranchiseIDKey.ValueSet(st.FranchiseID),
			contract.BusinessDateKey.ValueSet(st.BusinessDate.String()), contract.FlowStateKey.ValueSet(string(record.Processing))),
		StaticSummary: contract.PayoutSummary(in),
	}, contract.PayoutFlow, in)
	return err
}
