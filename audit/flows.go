package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// FlowStatus is how a flow stands.
type FlowStatus int

// How a flow can stand; the zero value says that nobody knows.
const (
	FlowUnknown   FlowStatus = iota // nobody could be asked
	FlowRunning                     //
	FlowCompleted                   // with an outcome
	FlowBroken                      // failed, terminated, timed out: without one
	FlowAbsent                      // never was, or is beyond its retention
)

// Ending is how a flow ended.
type Ending struct {
	Status      FlowStatus
	Word        string // for FlowBroken: how
	ID          string // for FlowCompleted: of the record that it was about
	State       string // for FlowCompleted: the outcome
	FailureCode string
	Fingerprint string // of the flow's input
}

func (e Ending) phase() phase { return (&requestRow{State: e.State}).phase() }

// mayGoOn tells whether the flow may still do its next step.
func (e Ending) mayGoOn() bool { return e.Status == FlowRunning || e.Status == FlowUnknown }

// Flows tells how flows ended.
type Flows interface {
	// Ending gives how a flow ended, by its id. An error means that it could not be asked.
	Ending(ctx context.Context, workflowID string) (Ending, error)
}

// NoFlows are flows of which nobody can be asked, for this reason.
func NoFlows(reason error) Flows { return noFlows{reason} }

type noFlows struct{ reason error }

func (n noFlows) Ending(context.Context, string) (Ending, error) { return Ending{}, n.reason }

// outcome is a flow's result as it is on the wire.
type outcome struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Failure struct {
		Code string `json:"code"`
	} `json:"failure"`
	Fingerprint string `json:"fingerprint"`
}

// temporalFlows asks a Temporal cluster.
type temporalFlows struct {
	client   client.Client
	payloads converter.DataConverter
}

// NewFlows gives the flows of a Temporal cluster; payloads decodes their results.
func NewFlows(c client.Client, payloads converter.DataConverter) Flows {
	return temporalFlows{c, payloads}
}

// Ending implements Flows: one call, of the last event only.
func (t temporalFlows) Ending(ctx context.Context, workflowID string) (Ending, error) {
	events := t.client.GetWorkflowHistory(ctx, workflowID, "", false, enums.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	if !events.HasNext() {
		return Ending{Status: FlowRunning}, nil
	}
	event, err := events.Next()
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return Ending{Status: FlowAbsent}, nil
	}
	if err != nil {
		return Ending{}, fmt.Errorf("flow %s: %w", workflowID, err)
	}
	return t.read(event)
}

func (t temporalFlows) read(event *history.HistoryEvent) (Ending, error) {
	switch event.GetEventType() {
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		var o outcome
		if err := t.payloads.FromPayloads(event.GetWorkflowExecutionCompletedEventAttributes().GetResult(), &o); err != nil {
			return Ending{}, fmt.Errorf("a flow's result: %w", err)
		}
		return Ending{Status: FlowCompleted, ID: o.ID, State: o.State, FailureCode: o.Failure.Code, Fingerprint: o.Fingerprint}, nil
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, enums.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
		enums.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return Ending{Status: FlowBroken, Word: strings.TrimPrefix(event.GetEventType().String(), "WorkflowExecution")}, nil
	default: // not closed
		return Ending{Status: FlowRunning}, nil
	}
}

// The bounds of asking for flows.
const (
	flowCallers  = 16
	flowCallTime = 5 * time.Second
	// flowErrors that follow each other, and nobody is asked any more.
	flowErrors = 3
)

// flowReader asks for flows, many at a time, and gives up when nobody answers.
type flowReader struct {
	flows Flows

	mu       sync.Mutex
	failures int // in a row
	lastErr  error
	compared map[FlowStatus]int64
}

func newFlowReader(f Flows) *flowReader {
	return &flowReader{flows: f, compared: map[FlowStatus]int64{}}
}

// ask gives each story its flow's ending.
func (r *flowReader) ask(ctx context.Context, stories []*story) {
	queue := make(chan *story)
	var callers sync.WaitGroup
	for range min(flowCallers, len(stories)) {
		callers.Go(func() {
			for s := range queue {
				s.ending = r.one(ctx, s.id)
			}
		})
	}
	for _, s := range stories {
		queue <- s
	}
	close(queue)
	callers.Wait()
}

func (r *flowReader) one(ctx context.Context, requestID string) Ending {
	if r.flows == nil || r.givenUp() || workflowID(requestID) == "" {
		return Ending{}
	}
	ctx, cancel := context.WithTimeout(ctx, flowCallTime)
	defer cancel()
	e, err := r.flows.Ending(ctx, workflowID(requestID))
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failures++
		r.lastErr = err
		return Ending{}
	}
	r.failures = 0
	return e
}

func (r *flowReader) givenUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failures >= flowErrors
}

// count keeps how many requests were compared with their flow.
func (r *flowReader) count(stories []*story) {
	for _, s := range stories {
		if workflowID(s.id) != "" {
			r.compared[s.ending.Status]++
		}
	}
}

// tell writes what was compared, and plainly what was not.
func (r *flowReader) tell(f *finding) {
	f.figure("flows compared", r.compared[FlowCompleted]+r.compared[FlowBroken])
	f.figure("running", r.compared[FlowRunning])
	f.figure("beyond retention", r.compared[FlowAbsent])
	n := r.compared[FlowUnknown]
	f.figure("not compared", n)
	switch {
	case n == 0:
	case r.flows == nil:
		f.note("%d requests were NOT compared with their flows: no Temporal cluster to ask", n)
	case r.lastErr != nil:
		f.note("%d requests were NOT compared with their flows: Temporal gave no answer (%v)", n, r.lastErr)
	}
}
