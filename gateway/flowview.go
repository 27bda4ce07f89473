package gateway

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/gateway/problem"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/payment"
	"durapay/services/settlement"
	"durapay/workflows/contract"
)

// FlowView is where a flow stands, in words.
type FlowView struct {
	ID      string       `json:"id" example:"top_01JZ0000000000000000000000"`
	State   record.State `json:"state" example:"UNKNOWN"`
	Doing   string       `json:"doing" example:"Bank 004 has not told the outcome yet."`
	Until   *time.Time   `json:"until,omitempty" example:"2026-11-20T15:30:00Z"`
	Final   bool         `json:"final" example:"false"`
	Failure *Failure     `json:"failure,omitempty"`
	Flow    Flow         `json:"flow"`
} // @name FlowView

// Failure is why a request was refused.
type Failure struct {
	Code   string `json:"code" example:"insufficient_balance"`
	Detail string `json:"detail" example:"The wallet has 1000 won available; 5000 won are needed."`
} // @name Failure

// The bounds of a look at a flow.
const (
	longestPoll  = 30 * time.Second
	queryTimeout = 2 * time.Second
)

// findFlow tells what a flow is doing now.
//
//	@Summary		Where a flow stands, in words
//	@Description	Asks the flow itself, and its record when it has ended. With wait, answers when it has ended or the time is over. A registration's flow is readable by whoever knows its id; all others by their owner and by operators.
//	@ID				findFlow
//	@Tags			flows
//	@Security		Bearer
//	@Param			id		path		string	true	"the flow's id"
//	@Param			wait	query		int		false	"seconds to wait for the end, at most 30"
//	@Success		200		{object}	FlowView
//	@Failure		400,401,404,500,503	{object}	problem.Problem
//	@Router			/v1/flows/{id} [get]
func (s *Server) findFlow(c *gin.Context) {
	flowID := c.Param("id")
	wait, err := waitOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	if contract.WorkflowID(flowID) == "" || !s.has(serviceOfFlow(flowID)) {
		fail(c, errs.FlowNotFound)
		return
	}
	defer limit(c, wait+requestTimeout)()
	r, err := s.standing(c, flowID)
	if err == nil && !s.maySee(c, flowID, r) {
		err = errs.FlowNotFound
	}
	if err == nil && wait > 0 && !r.State.Final() {
		r, err = s.poll(c, flowID, r, wait)
	}
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, s.flowView(c, flowID, r))
}

// authenticateUnlessRegistration asks for a credential, but for a registration's flow:
// whoever registers has none yet, and the flow's id, which cannot be guessed, is told to
// nobody else.
func (s *Server) authenticateUnlessRegistration() gin.HandlerFunc {
	authenticate := s.authenticate()
	return func(c *gin.Context) {
		if id.Valid(id.Registration, c.Param("id")) {
			c.Next()
			return
		}
		authenticate(c)
	}
}

func (s *Server) maySee(c *gin.Context, flowID string, r row) bool {
	return id.Valid(id.Registration, flowID) || callerOf(c).sees(r.Owner)
}

func waitOf(c *gin.Context) (time.Duration, error) {
	q, given := c.GetQuery("wait")
	if !given {
		return 0, nil
	}
	seconds, err := strconv.Atoi(q)
	if err != nil || seconds < 0 || seconds > int(longestPoll/time.Second) {
		return 0, errs.InvalidField("?wait", errs.FieldMustBe, "expected", "0 to 30 (seconds)")
	}
	return time.Duration(seconds) * time.Second, nil
}

// rowOf reads the record a flow works on, by the kind its id tells.
func (s *Server) rowOf(ctx context.Context, recordID string) (row, error) {
	switch id.Prefix(recordID) {
	case id.TopUp, id.Withdrawal:
		r, err := s.Money.Find(ctx, recordID)
		return row{r.MembershipID, r.State, r.Failure, r.Fingerprint, r.Until}, err
	case id.Remittance:
		r, err := s.Remittance.Find(ctx, "", recordID)
		return row{r.SenderID, r.State, r.Failure, r.Fingerprint, r.Until}, err
	case id.BankAccount:
		r, err := s.Banking.FindLink(ctx, recordID)
		return row{Owner: r.MembershipID, State: r.State, Failure: r.Failure, Fingerprint: r.Fingerprint}, err
	case id.Firmbanking:
		r, err := s.Banking.FindFirmbanking(ctx, recordID)
		return rowOfFirmbanking(r), err
	case id.Franchise:
		r, err := s.Franchise.Find(ctx, recordID)
		return row{Owner: recordID, State: r.State, Failure: r.Failure, Fingerprint: r.Fingerprint, Until: r.Until}, err
	case id.PayoutChange:
		r, err := s.Franchise.FindPayoutChange(ctx, "", recordID)
		return row{Owner: r.FranchiseID, State: r.State, Failure: r.Failure, Fingerprint: r.Fingerprint, Until: r.Until}, err
	case id.Delivery:
		r, err := s.Franchise.FindDelivery(ctx, "", recordID)
		return row{Owner: r.FranchiseID, State: r.State, Failure: r.Failure, Until: r.Until}, err
	case id.Payment:
		r, err := s.Payment.Find(ctx, payment.Scope{}, recordID)
		return row{Owner: r.MembershipID, State: r.Record(), Failure: r.Failure, Fingerprint: r.Fingerprint, Until: r.Until}, err
	case id.Cancel:
		r, err := s.Payment.FindCancel(ctx, payment.Scope{}, recordID)
		return row{Owner: r.FranchiseID, State: r.State, Failure: r.Failure, Fingerprint: r.Fingerprint, Until: r.Until}, err
	case id.SettlementRun:
		r, err := s.Settlement.FindRun(ctx, recordID)
		return row{State: r.State, Failure: r.Failure, Fingerprint: r.Fingerprint}, err
	case id.Statement:
		return s.rowOfPayout(ctx, recordID)
	case id.BankNotice:
		r, err := s.Banking.FindNotice(ctx, recordID)
		return row{State: r.State, Failure: r.Failure, Until: r.Until}, err
	case id.Registration:
		r, err := s.Membership.FindRegistration(ctx, recordID)
		return row{Owner: r.MemberID, State: r.State, Failure: r.Failure, Fingerprint: r.Fingerprint}, err
	default:
		return row{}, errs.FlowNotFound
	}
}

// rowOfPayout tells how the payout of a statement stands.
func (s *Server) rowOfPayout(ctx context.Context, statementID string) (row, error) {
	st, err := s.Settlement.FindStatement(ctx, settlement.Scope{}, statementID)
	return row{Owner: st.FranchiseID, State: recordOfPayout(st.Payout.State), Failure: st.Payout.Failure, Until: st.Payout.Until}, err
}

func recordOfPayout(s settlement.PayoutState) record.State {
	switch s {
	case settlement.PayoutPaid, settlement.PayoutNone, settlement.PayoutCarriedOver:
		return record.Succeeded
	case settlement.PayoutScheduled:
		return record.Requested
	default: // the other names are the same
		return record.State(s)
	}
}

// rowReader gives the row function of a launch.
func (s *Server) rowReader(recordID string) func(context.Context) (row, error) {
	return func(ctx context.Context) (row, error) { return s.rowOf(ctx, recordID) }
}

// standing reads a flow's record, or, before its first step has stored one, the flow.
func (s *Server) standing(ctx context.Context, flowID string) (row, error) {
	r, err := s.rowOf(ctx, flowID)
	if errs.KindOf(err) != errs.NotFound || err == nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(ctx, rpcTimeout)
	defer cancel()
	d, err := s.Temporal.DescribeWorkflow(ctx, contract.WorkflowID(flowID), "")
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return row{}, errs.FlowNotFound
	}
	if err != nil {
		return row{}, errs.ServiceUnavailable.Because(err)
	}
	owner, isMembers := d.TypedSearchAttributes.GetKeyword(contract.MembershipIDKey)
	if !isMembers || id.Prefix(flowID) == id.Cancel { // a cancel is its franchise's, whoever had paid
		owner, _ = d.TypedSearchAttributes.GetKeyword(contract.FranchiseIDKey)
	}
	return row{Owner: owner, State: record.Requested}, nil
}

// poll waits for the flow's end, at most so long.
func (s *Server) poll(ctx context.Context, flowID string, before row, wait time.Duration) (row, error) {
	waitCtx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var out contract.Outcome
	err := s.Temporal.GetWorkflow(waitCtx, contract.WorkflowID(flowID), "").Get(waitCtx, &out)
	var ended *temporal.WorkflowExecutionError // without an outcome, by hand
	var none *serviceerror.NotFound            // history deleted
	switch {
	case err == nil, errors.As(err, &ended), errors.As(err, &none):
		return s.standing(ctx, flowID)
	case waitCtx.Err() != nil || timedOut(err):
		return before, nil
	default:
		return row{}, errs.ServiceUnavailable.Because(err)
	}
}

// flowView asks a running flow what it is doing; one that has ended, or does not answer,
// is told by its record.
func (s *Server) flowView(c *gin.Context, flowID string, r row) FlowView {
	status := contract.Status{State: r.State, Step: stepOf(r.State), Failure: r.Failure}
	if !r.State.Final() {
		asked, ended, err := s.query(c, flowID)
		switch {
		case err == nil && ended:
			status.Step = contract.StepEnded
		case err == nil && !asked.State.Final():
			status = asked
		}
	}
	v := FlowView{ID: flowID, State: status.State, Final: status.State.Final(), Failure: failureView(c, status.Failure), Flow: s.flowOf(flowID),
		Doing: problem.Sentence("step_"+string(status.Step), languageOf(c), status.Params...)}
	if v.Failure != nil {
		v.Doing = v.Failure.Detail
	}
	if !r.Until.IsZero() && r.State == record.Waiting {
		v.Until = &r.Until
	}
	return v
}

// query asks a flow what it is doing. ended tells that nobody works on it any more, though
// it did not come to its end by itself.
func (s *Server) query(ctx context.Context, flowID string) (status contract.Status, ended bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	answer, err := s.Temporal.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{WorkflowID: contract.WorkflowID(flowID),
		QueryType: contract.StatusQuery, QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN})
	if err != nil {
		return status, false, err
	}
	if closed := answer.QueryRejected; closed != nil {
		return contract.Status{State: record.Succeeded}, closed.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, nil
	}
	return status, false, answer.QueryResult.Get(&status)
}

func stepOf(state record.State) contract.Step {
	switch state {
	case record.Succeeded, record.Returned:
		return contract.StepSucceeded
	case record.Failed:
		return contract.StepFailed
	case record.Cancelled:
		return contract.StepCancelled
	default:
		return contract.StepStarting
	}
}

func failureView(c *gin.Context, f record.Failure) *Failure {
	if !f.Is() {
		return nil
	}
	p := problemOf(c, f.Err())
	return &Failure{Code: p.Code, Detail: p.Detail}
}
