package workflows_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"durapay/internal/record"
	"durapay/workflows/contract"
)

// TestFlows runs every scenario in Temporal's test suite, where time passes by itself.
func TestFlows(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.flow+"/"+s.name, func(t *testing.T) {
			env, w := environment(s)
			env.ExecuteWorkflow(s.flow, s.args(env.Now())...)

			require.True(t, env.IsWorkflowCompleted())
			if s.goesOn != nil {
				requireGoesOn(t, s, env.GetWorkflowError())
				s.requireDiary(t, w)
				return
			}
			require.NoError(t, env.GetWorkflowError())
			var out contract.Outcome
			require.NoError(t, env.GetWorkflowResult(&out))
			s.requireEnd(t, out)
			s.requireDiary(t, w)
			requireStatus(t, s, env)
		})
	}
}

// environment sets up the test suite for a scenario.
func environment(s scenario) (*testsuite.TestWorkflowEnvironment, *world) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	for name, flow := range flows {
		env.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: name})
	}
	w := s.world()
	w.now = env.Now
	w.registerWith(env)
	if s.cancel != "" {
		w.cancel = func(step string) {
			if strings.HasPrefix(step, s.cancel) {
				env.CancelWorkflow()
			}
		}
	}
	if s.taken != "" {
		started := env.OnWorkflow(s.takenBy(), mock.Anything, mock.Anything).Return(contract.Outcome{}, &temporal.ChildWorkflowExecutionAlreadyStartedError{})
		if s.takenBy() == contract.TopUpFlow { // it is asked for until it tells
			started.Times(3)
			env.OnWorkflow(contract.TopUpFlow, mock.Anything, mock.Anything).Return(contract.Outcome{State: record.Succeeded}, nil)
		}
	}
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: s.workflowID(), TaskQueue: contract.FlowQueue})
	return env, w
}

// takenBy gives the type of the flow that runs already.
func (s scenario) takenBy() string {
	prefix, _, _ := strings.Cut(s.taken, "/")
	return map[string]string{"settlement": contract.SettlementFlow, "payout": contract.PayoutFlow, "topup": contract.TopUpFlow,
		"webhook": contract.WebhookFlow}[prefix]
}

func (s scenario) requireEnd(t *testing.T, out contract.Outcome) {
	t.Helper()
	require.Equal(t, s.state, out.State)
	require.Equal(t, s.code, out.Failure.Code)
}

func (s scenario) requireDiary(t *testing.T, w *world) {
	t.Helper()
	if s.anyOrder {
		require.ElementsMatch(t, s.diary, w.entries())
		return
	}
	require.Equal(t, s.diary, w.entries())
}

// requireGoesOn checks that the flow goes on as a new run, and with what.
func requireGoesOn(t *testing.T, s scenario, err error) {
	t.Helper()
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, err, &again)
	require.Equal(t, s.flow, again.WorkflowType.Name)
	in := reflect.New(reflect.TypeOf(s.goesOn))
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, in.Interface()))
	require.Equal(t, s.goesOn, in.Elem().Interface())
}

// requireStatus checks that the query tells the end.
func requireStatus(t *testing.T, s scenario, env *testsuite.TestWorkflowEnvironment) {
	t.Helper()
	if s.flow == contract.SettlementDay { // its run is to be asked
		return
	}
	answer, err := env.QueryWorkflow(contract.StatusQuery)
	require.NoError(t, err)
	var status contract.Status
	require.NoError(t, answer.Get(&status))
	require.Equal(t, s.state, status.State)
}
