package gateway

import (
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/banking"
	"durapay/workflows/contract"
)

// BankNotice is what a bank has told by itself.
type BankNotice struct {
	ID                string       `json:"id" example:"bno_01JZ0000000000000000000000"`
	Type              string       `json:"type" example:"TRANSFER_RETURNED" enums:"TRANSFER_RETURNED,DEPOSIT"`
	State             record.State `json:"state" example:"SUCCEEDED"`
	Reference         string       `json:"reference" example:"withdrawal/wdr_01JZ0000000000000000000000/credit"`
	BankTransactionID string       `json:"bankTransactionId,omitempty" example:"BTX0000000000000001"`
	FirmbankingID     string       `json:"firmbankingId,omitempty" example:"fbk_01JZ0000000000000000000000"`
	Amount            int64        `json:"amount" example:"10000"`
	Currency          string       `json:"currency" example:"KRW"`
	Reason            string       `json:"reason,omitempty" example:"bank_account_closed"`
	Until             *time.Time   `json:"until,omitempty" example:"2026-11-20T15:30:00Z"` // when a waiting one is tried again
	At                time.Time    `json:"at" example:"2026-11-20T00:30:00Z"`
	CreatedAt         time.Time    `json:"createdAt" example:"2026-11-20T00:30:00Z"`
	Failure           *Failure     `json:"failure,omitempty"`
	Flow              Flow         `json:"flow"`
} // @name BankNotice

// BankNoticePage is a page of notices.
type BankNoticePage struct {
	Items []BankNotice `json:"items"`
	Next  string       `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name BankNoticePage

// receiveBankNotice takes a bank's call-back: it is stored first, then a flow books it.
// The bank repeats it until the answer is 204, and a repeat is the same notice.
//
//	@Summary		A bank tells by itself: a transfer came back, or money has arrived
//	@Description	For banks only. The body is signed with the shared secret by the Standard Webhooks specification (headers webhook-id, webhook-timestamp and webhook-signature).
//	@ID				receiveBankNotice
//	@Tags			banking
//	@Param			webhook-id			header	string	true	"the notice's id"
//	@Param			webhook-timestamp	header	string	true	"seconds since 1970"
//	@Param			webhook-signature	header	string	true	"v1,…"
//	@Success		204
//	@Failure		400,401,422,500,503	{object}	problem.Problem
//	@Router			/v1/bank-notices [post]
func (s *Server) receiveBankNotice(c *gin.Context) {
	if s.Notices == nil {
		fail(c, errs.SignatureInvalid)
		return
	}
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		fail(c, decodeError(err))
		return
	}
	told, err := s.Notices(c.Request.Header, body)
	if err == nil {
		told, err = s.Banking.RecordNotice(c, told)
	}
	if err == nil && !told.State.Final() {
		err = s.bookNotice(c, told)
	}
	if err != nil {
		fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// bookNotice starts the flow of a notice, once: one that runs or has run is this notice's.
func (s *Server) bookNotice(c *gin.Context, told banking.Notice) error {
	in := contract.BankNotice{ID: told.ID}
	_, err := s.Temporal.ExecuteWorkflow(c, client.StartWorkflowOptions{
		ID:                       contract.WorkflowID(in.ID),
		TaskQueue:                contract.FlowQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		Memo:                     map[string]any{contract.FingerprintMemo: ""},
		TypedSearchAttributes:    temporal.NewSearchAttributes(contract.FlowStateKey.ValueSet(string(record.Processing))),
		StaticSummary:            contract.BankNoticeSummary(in),
	}, contract.BankNoticeFlow, in)
	if err != nil && !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return errs.ServiceUnavailable.Because(err)
	}
	return nil
}

// listBankNotices lists what banks have told.
//
//	@Summary	What banks have told by themselves, newest first
//	@ID			findBankNotices
//	@Tags		banking
//	@Security	Bearer
//	@Param		type	query		string	false	"TRANSFER_RETURNED or DEPOSIT"
//	@Param		state	query		string	false	"only in this state"
//	@Param		cursor	query		string	false	"next of the page before"
//	@Param		limit	query		int		false	"1 to 100, default 20"
//	@Success	200		{object}	BankNoticePage
//	@Failure	400,401,403,500,503	{object}	problem.Problem
//	@Router		/v1/bank-notices [get]
func (s *Server) listBankNotices(c *gin.Context) {
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	p, err := s.Banking.ListNotices(c, banking.NoticeFilter{Type: banking.NoticeType(c.Query("type")), State: record.State(c.Query("state"))}, request)
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, func(n banking.Notice) BankNotice { return s.noticeView(c, n) })
	c.JSON(http.StatusOK, BankNoticePage{Items: items, Next: next})
}

// findBankNotice shows one notice.
//
//	@Summary	One notice of a bank
//	@ID			findBankNotice
//	@Tags		banking
//	@Security	Bearer
//	@Param		id		path		string	true	"the notice's id"
//	@Success	200		{object}	BankNotice
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/bank-notices/{id} [get]
func (s *Server) findBankNotice(c *gin.Context) {
	n, err := s.Banking.FindNotice(c, c.Param("id"))
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, s.noticeView(c, n))
}

func (s *Server) noticeView(c *gin.Context, n banking.Notice) BankNotice {
	return BankNotice{ID: n.ID, Type: string(n.Type), State: n.State, Reference: n.Reference, BankTransactionID: n.BankTransactionID,
		FirmbankingID: n.FirmbankingID, Amount: n.Amount, Currency: krw, Reason: string(n.Reason), Until: optionalTime(n.Until), At: n.At, CreatedAt: n.CreatedAt,
		Failure: failureView(c, n.Failure), Flow: s.flowOf(n.ID)}
}
