package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	tlog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/proto"
)

const namespace = "default"

// TemporalClient gives a client of the cluster that has no keys: it sees what anyone
// sees who can look into Temporal.
func (p *Platform) TemporalClient() (client.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.temporal != nil {
		return p.temporal, nil
	}
	var err error
	p.temporal, err = client.Dial(client.Options{HostPort: p.TemporalURL, Namespace: namespace,
		Logger: tlog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	return p.temporal, err
}

// WorkflowID gives the id of a flow's workflow: the last part of its address in the Web UI.
func (p *Platform) WorkflowID(t testing.TB, token, flowID string) string {
	t.Helper()
	var view struct {
		Flow struct{ WebUI string }
	}
	p.Call(t, Call{Method: "GET", Path: "/v1/flows/" + flowID, Token: token}).Into(t, &view)
	workflowID, err := url.PathUnescape(view.Flow.WebUI[strings.LastIndex(view.Flow.WebUI, "/")+1:])
	if err != nil || !strings.Contains(workflowID, flowID) {
		t.Fatalf("flow %s has the address %q: %v", flowID, view.Flow.WebUI, err)
	}
	return workflowID
}

// ForgetFlow deletes a flow's history, as Temporal does by itself after its retention.
// The result waits until it is gone. Temporal does it once its queues have caught up with
// the flow's end, and with all deletions asked for before that end: let the flows end
// first, then have them all deleted, and it takes less than a minute.
func (p *Platform) ForgetFlow(t testing.TB, token, flowID string) (await func()) {
	t.Helper()
	workflowID := p.WorkflowID(t, token, flowID)
	c, err := p.TemporalClient()
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID}})
	if err != nil {
		t.Fatalf("delete %s: %v", workflowID, err)
	}
	return func() {
		t.Helper()
		Eventually(t, forgetBound, workflowID+" is gone", func() bool {
			_, err := c.DescribeWorkflowExecution(t.Context(), workflowID, "")
			var none *serviceerror.NotFound
			return errors.As(err, &none)
		})
	}
}

const forgetBound = 3 * time.Minute

// Flows lists the workflows that a query of Temporal's visibility finds, all for "".
func (p *Platform) Flows(ctx context.Context, query string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	c, err := p.TemporalClient()
	if err != nil {
		return nil, err
	}
	var all []*workflowpb.WorkflowExecutionInfo
	request := &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000, Query: query}
	for { // bounded by the number of workflows
		page, err := c.ListWorkflow(ctx, request)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Executions...)
		if len(page.NextPageToken) == 0 {
			return all, nil
		}
		request.NextPageToken = page.NextPageToken
	}
}

// AwaitQuiet waits until no flow runs.
func (p *Platform) AwaitQuiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flowBound)
	defer cancel()
	var last error
	quiet := until(ctx, func() bool {
		now := p.stillRunning(ctx)
		if now == nil || ctx.Err() == nil {
			last = now
		}
		return now == nil
	})
	if quiet {
		return nil
	}
	return last
}

func (p *Platform) stillRunning(ctx context.Context) error {
	running, err := p.Flows(ctx, "ExecutionStatus = 'Running'")
	if err != nil || len(running) == 0 {
		return err
	}
	ids := make([]string, len(running))
	for i, flow := range running {
		ids[i] = flow.Execution.WorkflowId
	}
	return fmt.Errorf("%d flows have no end: %s", len(ids), ids)
}

// histories gives everything that Temporal keeps of all flows, as bytes.
func (p *Platform) histories(ctx context.Context) ([]byte, error) {
	flows, err := p.Flows(ctx, "")
	if err != nil {
		return nil, err
	}
	var all bytes.Buffer
	for _, flow := range flows {
		if err := p.history(ctx, flow, &all); err != nil {
			return nil, fmt.Errorf("history of %s: %w", flow.Execution.WorkflowId, err)
		}
	}
	return all.Bytes(), nil
}

func (p *Platform) history(ctx context.Context, flow *workflowpb.WorkflowExecutionInfo, into *bytes.Buffer) error {
	c, err := p.TemporalClient()
	if err != nil {
		return err
	}
	if err := write(into, flow); err != nil {
		return err
	}
	events := c.GetWorkflowHistory(ctx, flow.Execution.WorkflowId, flow.Execution.RunId, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return err
		}
		if err := write(into, event); err != nil {
			return err
		}
	}
	return nil
}

// write appends a message's bytes; strings and payloads are in them as they are.
func write(into *bytes.Buffer, m proto.Message) error {
	b, err := proto.Marshal(m)
	into.Write(b)
	return err
}
