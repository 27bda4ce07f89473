package workflows_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"durapay/internal/devenv/devtest"
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
	for _, s := range scenarios {
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
	for _, s := range scenarios {
		known[s.file()] = true
	}
	for _, f := range files {
		require.True(t, known[filepath.Base(f)], "%s belongs to no scenario", f)
	}
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
	for _, s := range scenarios {
		t.Run(s.flow+"/"+s.name, func(t *testing.T) { recordScenario(t, c, s) })
	}
}

func recordScenario(t *testing.T, c client.Client, s scenario) {
	file := filepath.Join(recordings, s.file())
	if _, err := os.Stat(file); err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w := s.world()
	atBank := s.cancel == "submit"
	if atBank {
		w.cancel = func(step string) {
			if step == s.cancel {
				require.NoError(t, c.CancelWorkflow(ctx, s.workflowID(), ""))
			}
		}
	}
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: s.workflowID(), TaskQueue: contract.FlowQueue}, s.flow, s.in)
	require.NoError(t, err)
	if s.cancel != "" && !atBank { // a task under way does not see it: ask before the first
		require.NoError(t, c.CancelWorkflow(ctx, s.workflowID(), ""))
	}
	stop := startWorkers(t, c, w)
	defer stop()
	var out contract.Outcome
	require.NoError(t, run.Get(ctx, &out))
	require.Equal(t, s.state, out.State)
	require.Equal(t, s.diary, w.entries())
	store(t, file, history(t, ctx, c, run))
}

func startWorkers(t *testing.T, c client.Client, w *world) (stop func()) {
	flow := worker.New(c, contract.FlowQueue, worker.Options{})
	bank := worker.New(c, contract.BankQueue(bankCode), worker.Options{DisableWorkflowWorker: true})
	for name, f := range flows {
		flow.RegisterWorkflowWithOptions(f, workflow.RegisterOptions{Name: name})
	}
	w.registerWith(flow)
	w.registerWith(bank)
	require.NoError(t, flow.Start())
	require.NoError(t, bank.Start())
	return func() { flow.Stop(); bank.Stop() }
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
