package gateway

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

// rpcTimeout bounds one call to Temporal that is not a wait.
const rpcTimeout = 10 * time.Second

// launcher starts flows, once for each request, and waits for their outcomes.
type launcher struct {
	temporal client.Client
	payloads converter.DataConverter
	wait     time.Duration
}

func newLauncher(d Dependencies) *launcher {
	return &launcher{temporal: d.Temporal, payloads: d.Payloads, wait: d.FlowWait}
}

// launch is one flow to be started. The record's id is derived from the request's key,
// so a repeated request finds the same flow and the same row.
type launch struct {
	recordID    string
	workflow    string
	input       any
	fingerprint string
	summary     string
	attributes  []temporal.SearchAttributeUpdate
	// row reads the record of an earlier request; the row is the truth beyond the flow's
	// retention. It returns a NotFound error while there is none.
	row func(ctx context.Context) (row, error)
}

// row is what the gateway needs of a request's record, whatever its kind.
type row struct {
	Owner       string
	State       record.State
	Failure     record.Failure
	Fingerprint string
	Until       time.Time
}

// outcome is how a launched flow stands when the wait is over.
type outcome struct {
	State   record.State
	Failure record.Failure
}

// start starts the flow of a request, or finds the one that the same request started.
// Errors: errs.IdempotencyReused when it was another request; errs.ServiceUnavailable.
//
// Cost of a new flow: one call to Temporal, which hands the first task straight to the
// worker in this process (eager start).
func (l *launcher) start(ctx context.Context, f launch) (known *outcome, err error) {
	// A client that leaves must not leave us in doubt whether its flow began.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rpcTimeout)
	defer cancel()
	_, err = l.temporal.ExecuteWorkflow(ctx, l.options(f), f.workflow, f.input)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &started):
		return l.found(ctx, f)
	default:
		return nil, errs.ServiceUnavailable.Because(err)
	}
}

func (l *launcher) options(f launch) client.StartWorkflowOptions {
	attributes := append([]temporal.SearchAttributeUpdate{contract.FlowStateKey.ValueSet(string(record.Processing))}, f.attributes...)
	return client.StartWorkflowOptions{
		ID:        contract.WorkflowID(f.recordID),
		TaskQueue: contract.FlowQueue,
		// A flow that was terminated by hand may be taken up again by the same request; its
		// steps find what they did. One that ended by itself is not run twice.
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		EnableEagerStart:                         true,
		Memo:                                     map[string]any{contract.FingerprintMemo: f.fingerprint},
		TypedSearchAttributes:                    temporal.NewSearchAttributes(attributes...),
		StaticSummary:                            f.summary,
	}
}

// found compares the request with the one that started the flow: by the row when there
// is one, by the flow's memo before that. A final row is the outcome.
func (l *launcher) found(ctx context.Context, f launch) (*outcome, error) {
	r, err := f.row(ctx)
	switch {
	case err == nil && r.Fingerprint != f.fingerprint:
		return nil, errs.IdempotencyReused
	case err == nil && r.State.Final():
		return &outcome{r.State, r.Failure}, nil
	case err == nil:
		return nil, nil
	case errs.KindOf(err) != errs.NotFound:
		return nil, err
	}
	first, err := l.memo(ctx, f.recordID)
	if err != nil {
		return nil, err
	}
	if first != f.fingerprint {
		return nil, errs.IdempotencyReused
	}
	return nil, nil
}

// memo reads the fingerprint of the input that a flow was started with.
func (l *launcher) memo(ctx context.Context, recordID string) (string, error) {
	d, err := l.temporal.DescribeWorkflow(ctx, contract.WorkflowID(recordID), "")
	if err != nil {
		return "", errs.ServiceUnavailable.Because(err)
	}
	field := d.WorkflowExecutionMetadata.Memo.Fields[contract.FingerprintMemo]
	var fingerprint string
	if err := l.payloads.FromPayload(field, &fingerprint); err != nil {
		return "", err
	}
	return fingerprint, nil
}

// cancel asks a flow to end before money leaves; running is false when there is none to
// be asked.
func (l *launcher) cancel(ctx context.Context, recordID string) (running bool, err error) {
	ctx, done := context.WithTimeout(ctx, rpcTimeout)
	defer done()
	err = l.temporal.CancelWorkflow(ctx, contract.WorkflowID(recordID), "")
	var ended *serviceerror.NotFound
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &ended):
		return false, nil
	default:
		return false, errs.ServiceUnavailable.Because(err)
	}
}

// result waits a short time for the flow's outcome; nil means that it still runs.
// Waiting is one long poll.
func (l *launcher) result(ctx context.Context, f launch) (*outcome, error) {
	waitCtx, cancel := context.WithTimeout(ctx, l.wait)
	defer cancel()
	var out contract.Outcome
	err := l.temporal.GetWorkflow(waitCtx, contract.WorkflowID(f.recordID), "").Get(waitCtx, &out)
	switch {
	case err == nil && out.Fingerprint != f.fingerprint:
		return nil, errs.IdempotencyReused
	case err == nil && out.Failure.Code == errs.IdempotencyReused.Code:
		return nil, errs.IdempotencyReused
	case err == nil:
		return &outcome{out.State, out.Failure}, nil
	case waitCtx.Err() != nil || timedOut(err):
		return nil, nil
	}
	// The flow ended without an outcome (terminated by hand), or its history is gone:
	// the row tells.
	r, rowErr := f.row(ctx)
	if rowErr != nil || !r.State.Final() {
		return nil, nil
	}
	return &outcome{r.State, r.Failure}, nil
}

// timedOut tells whether Temporal ended the wait. It does so a moment before the caller's
// own clock, which must not be taken for the flow's end.
func timedOut(err error) bool {
	var late *serviceerror.DeadlineExceeded
	return errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded)
}

// errUnsupportedJSON cannot happen: inputs are plain structs.
var errUnsupportedJSON = errors.New("input is not JSON")

// fingerprint is the keyed hash of what a request asks for.
func (s *Server) fingerprint(operation string, input any) string {
	b, err := json.Marshal(input)
	if err != nil {
		panic(errUnsupportedJSON)
	}
	return hex.EncodeToString(s.Fingerprint.Index("request."+operation, string(b)))
}

// keyHeader is the header that makes a repeated request the same request.
const keyHeader = "Idempotency-Key"

const longestKey = 255

// idempotencyKey reads the key that a money request must carry.
func idempotencyKey(c *gin.Context) (string, error) {
	key := c.GetHeader(keyHeader)
	if key == "" {
		return "", errs.IdempotencyMissing
	}
	if len(key) > longestKey || strings.ContainsFunc(key, func(r rune) bool { return r < '!' || r > '~' }) {
		return "", errs.IdempotencyInvalid
	}
	return key, nil
}

// recordIDFor derives the id of a request's record. The synchronous and asynchronous forms of an
// operation share its name: the same key moves money once, whichever is used.
func recordIDFor(prefix, callerID, operation, key string) string {
	return id.Derive(prefix, callerID, operation, key)
}

// optionalKeyID derives the id from the key when one is given, and draws it otherwise.
func optionalKeyID(c *gin.Context, prefix, callerID, operation string) (string, error) {
	if c.GetHeader(keyHeader) == "" {
		return id.New(prefix), nil
	}
	key, err := idempotencyKey(c)
	if err != nil {
		return "", err
	}
	return recordIDFor(prefix, callerID, operation, key), nil
}

// Flow is where a request that still runs can be followed.
type Flow struct {
	ID    string `json:"id" example:"top_01JZ0000000000000000000000"`
	URL   string `json:"url" example:"/v1/flows/top_01JZ0000000000000000000000"`
	WebUI string `json:"webUi,omitempty" example:"https://temporal.example.com/namespaces/default/workflows/topup%2Ftop_01JZ0000000000000000000000"`
} // @name Flow

// Accepted is the answer to a request that still runs.
type Accepted struct {
	ID    string       `json:"id" example:"top_01JZ0000000000000000000000"`
	State record.State `json:"state" example:"REQUESTED"`
	Flow  Flow         `json:"flow"`
} // @name Accepted

func (s *Server) flowOf(recordID string) Flow {
	f := Flow{ID: recordID, URL: "/v1/flows/" + recordID}
	if s.WebURL != "" {
		f.WebUI = s.WebURL + "/namespaces/" + url.PathEscape(s.Namespace) + "/workflows/" + url.PathEscape(contract.WorkflowID(recordID))
	}
	return f
}

// respondAsync tells whether the client asked not to wait (RFC 7240).
func respondAsync(c *gin.Context) bool {
	for _, p := range strings.Split(c.GetHeader("Prefer"), ",") {
		if strings.EqualFold(strings.TrimSpace(p), "respond-async") {
			return true
		}
	}
	return false
}

// serve runs a request's flow and answers: 201 with the body of a success, the problem
// of a refusal, or 202 when it still runs or the client does not want to wait.
func (s *Server) serve(c *gin.Context, f launch, async bool, location string, body func(outcome) any) {
	s.await(c, f, async, location, func(outcome) {
		c.Header("Location", location)
		// A repeat is told what the first was told. That the money came back since then is
		// told by the record.
		c.JSON(http.StatusCreated, body(outcome{State: record.Succeeded}))
	})
}

// await runs a request's flow and has succeeded answer for a success; it answers for
// everything else itself.
func (s *Server) await(c *gin.Context, f launch, async bool, location string, succeeded func(outcome)) {
	out, err := s.flows.start(c, f)
	if err == nil && out == nil && !async {
		out, err = s.flows.result(c, f)
	}
	switch {
	case err != nil:
		fail(c, err)
	case async || out == nil:
		if respondAsync(c) {
			c.Header("Preference-Applied", "respond-async")
		}
		s.accepted(c, f.recordID, f.recordID)
	case out.State == record.Succeeded || out.State == record.Returned:
		succeeded(*out)
	default:
		s.refused(c, f.recordID, location, *out)
	}
}

// accepted answers 202. The receipt is the same for every repeat: where it stands now is
// what the flow's address tells.
func (s *Server) accepted(c *gin.Context, recordID, flowID string) {
	flow := s.flowOf(flowID)
	c.Header("Location", flow.URL)
	c.JSON(http.StatusAccepted, Accepted{ID: recordID, State: record.Requested, Flow: flow})
}

// refused answers with the reason and the id of the record, which can be read.
func (s *Server) refused(c *gin.Context, recordID, location string, o outcome) {
	p := problemOf(c, o.Failure.Err())
	if p.Status >= http.StatusInternalServerError { // it is recorded and final: no retry of this request changes it
		p.Status = http.StatusUnprocessableEntity
	}
	p.ID, p.State = recordID, string(o.State)
	c.Header("Location", location)
	answerProblem(c, p, nil)
}
