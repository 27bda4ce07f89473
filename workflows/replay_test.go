package workflows_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"durapay/internal/devenv/devtest"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

// recording makes the recordings anew: go test ./workflows -run TestRecord -record. Do so
// for a new path only. A recording that no longer replays means that flows under way
// would break at the next deployment: the change needs a workflow.GetVersion.
var recording = flag.Bool("record", false, "record the histories of the scenarios that have none yet")

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

const recordings = "testdata"

// TestReplay replays every recorded history against today's flows.
func TestReplay(t *testing.T) {
	replayer := worker.NewWorkflowReplayer()
	for name, flow := range flows {
		replayer.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: name})
	}
	for _, s := range recorded() {
		t.Run(s.flow+"/"+s.name, func(t *testing.T) {
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(nil, filepath.Join(recordings, s.file())))
		})
	}
}

// TestEveryRecordingHasItsScenario keeps recordings of paths that are gone from lying
// about, unless they are kept on purpose as old versions (…-v1.json and so on).
func TestEveryRecordingHasItsScenario(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recordings, "*.json"))
	require.NoError(t, err)
	known := map[string]bool{}
	for _, s := range recorded() {
		known[s.file()] = true
	}
	for _, f := range files {
		require.True(t, known[filepath.Base(f)], "%s belongs to no scenario", f)
	}
}

// TestNothingIsCutBeforeItIsOnRecord looks for the end of a task between the step that
// lists what is to be cut and the cut, which takes it off the list.
func TestNothingIsCutBeforeItIsOnRecord(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(recordings, "settlement-two-franchises.json"))
	require.NoError(t, err)
	var h historypb.History
	require.NoError(t, protojson.Unmarshal(text, &h))
	tasks := map[string]int{} // by step: how many tasks had ended
	ended := 0
	for _, e := range h.Events {
		if e.EventType == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			ended++
		}
		if marker := e.GetMarkerRecordedEventAttributes(); marker != nil {
			var step struct{ ActivityType string }
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(marker.Details["data"], &step))
			tasks[step.ActivityType] = ended
		}
	}
	require.Positive(t, tasks[contract.PaymentOpenFranchises])
	require.Less(t, tasks[contract.PaymentOpenFranchises], tasks[contract.PaymentCut])
	require.Less(t, tasks[contract.SettlementPlan], tasks[contract.PaymentCut])
}

// TestRecord runs the scenarios on a real server, checks their ends, and stores the
// histories that are not there yet.
func TestRecord(t *testing.T) {
	if !*recording {
		return
	}
	c, err := client.Dial(client.Options{HostPort: devtest.Temporal(t)})
	require.NoError(t, err)
	defer c.Close()
	for _, s := range recorded() {
		t.Run(s.flow+"/"+s.name, func(t *testing.T) { recordScenario(t, c, s) })
	}
}

func recordScenario(t *testing.T, c client.Client, s scenario) {
	file := filepath.Join(recordings, s.file())
	if _, err := os.Stat(file); err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	w := s.world()
	w.now = time.Now
	if s.cancelledThere() {
		w.cancel = func(step string) {
			if strings.HasPrefix(step, s.cancel) {
				require.NoError(t, c.CancelWorkflow(ctx, s.workflowID(), ""))
			}
		}
	}
	if s.taken != "" {
		defer occupy(t, c, s)()
	}
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: s.workflowID(), TaskQueue: contract.FlowQueue}, s.flow, s.args(time.Now())...)
	require.NoError(t, err)
	if s.cancel != "" && !s.cancelledThere() { // a task under way does not see it: ask before the first
		require.NoError(t, c.CancelWorkflow(ctx, s.workflowID(), ""))
	}
	stop := startWorkers(t, c, w)
	defer stop()
	var out contract.Outcome
	require.NoError(t, run.Get(ctx, &out))
	h := history(t, ctx, c, run)
	awaitChildren(t, ctx, c, h)
	s.requireEnd(t, out)
	s.requireDiary(t, w)
	store(t, file, h)
}

// cancelledThere tells whether the cancellation can be asked for at its very step: the
// flow is busy with it for a while.
func (s scenario) cancelledThere() bool {
	return s.cancel == "submit" || strings.HasSuffix(s.cancel, string(record.Waiting))
}

// occupy starts a flow under an id that is taken in the scenario. Nobody works on it.
func occupy(t *testing.T, c client.Client, s scenario) (free func()) {
	_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: s.taken, TaskQueue: "nobody"}, s.takenBy(), nil)
	require.NoError(t, err)
	return func() {
		require.NoError(t, c.TerminateWorkflow(context.WithoutCancel(t.Context()), s.taken, "", "recorded"))
	}
}

// awaitChildren waits for the flows that this one started and left to themselves.
func awaitChildren(t *testing.T, ctx context.Context, c client.Client, h *historypb.History) {
	for _, e := range h.Events {
		if child := e.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution(); child != nil {
			require.NoError(t, c.GetWorkflow(ctx, child.WorkflowId, child.RunId).Get(ctx, nil))
		}
	}
}

func startWorkers(t *testing.T, c client.Client, w *world) (stop func()) {
	flow := worker.New(c, contract.FlowQueue, worker.Options{})
	for name, f := range flows {
		flow.RegisterWorkflowWithOptions(f, workflow.RegisterOptions{Name: name})
	}
	workers := []worker.Worker{flow}
	for _, queue := range []string{contract.BankQueue(bankCode), contract.WebhookQueue} {
		workers = append(workers, worker.New(c, queue, worker.Options{DisableWorkflowWorker: true}))
	}
	for _, each := range workers {
		w.registerWith(each)
		require.NoError(t, each.Start())
	}
	return func() {
		for _, each := range workers {
			each.Stop()
		}
	}
}

func history(t *testing.T, ctx context.Context, c client.Client, run client.WorkflowRun) *historypb.History {
	var h historypb.History
	events := c.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(t, err)
		h.Events = append(h.Events, anonymous(e))
	}
	return &h
}

// anonymous takes the machine's name out of an event: it is nobody's business.
func anonymous(e *historypb.HistoryEvent) *historypb.HistoryEvent {
	const worker = "worker"
	switch a := e.Attributes.(type) {
	case *historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes:
		a.WorkflowExecutionStartedEventAttributes.Identity = worker
	case *historypb.HistoryEvent_WorkflowTaskStartedEventAttributes:
		a.WorkflowTaskStartedEventAttributes.Identity = worker
	case *historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes:
		a.WorkflowTaskCompletedEventAttributes.Identity = worker
	case *historypb.HistoryEvent_ActivityTaskStartedEventAttributes:
		a.ActivityTaskStartedEventAttributes.Identity = worker
	case *historypb.HistoryEvent_ActivityTaskCompletedEventAttributes:
		a.ActivityTaskCompletedEventAttributes.Identity = worker
	case *historypb.HistoryEvent_ActivityTaskFailedEventAttributes:
		a.ActivityTaskFailedEventAttributes.Identity = worker
	case *historypb.HistoryEvent_WorkflowExecutionCancelRequestedEventAttributes:
		a.WorkflowExecutionCancelRequestedEventAttributes.Identity = worker
	case *historypb.HistoryEvent_TimerCanceledEventAttributes:
		a.TimerCanceledEventAttributes.Identity = worker
	case *historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes:
		if q := a.WorkflowTaskScheduledEventAttributes.TaskQueue; q.GetNormalName() != "" {
			q.Name = "sticky"
		}
	}
	return e
}

func store(t *testing.T, file string, h *historypb.History) {
	b, err := protojson.MarshalOptions{Multiline: true, Indent: " "}.Marshal(h)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, append(b, '\n'), 0o644))
}
