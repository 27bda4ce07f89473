package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"durapay/workflows/contract"
	"strings"
)

// TestFlows runs every scenario in Temporal's test suite, where time passes by itself.
func TestFlows(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.flow+"/"+s.name, func(t *testing.T) {
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestWorkflowEnvironment()
			for name, flow := range flows {
				env.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: name})
			}
			w := s.world()
			w.registerWith(env)
			if s.cancel != "" {
				w.cancel = func(step string) {
					if strings.HasPrefix(step, s.cancel) {
						env.CancelWorkflow()
					}
				}
			}
			env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: s.workflowID(), TaskQueue: contract.FlowQueue})
			env.ExecuteWorkflow(s.flow, s.in)

			require.True(t, env.IsWorkflowCompleted())
			require.NoError(t, env.GetWorkflowError())
			var out contract.Outcome
			require.NoError(t, env.GetWorkflowResult(&out))
			require.Equal(t, s.state, out.State)
			require.Equal(t, s.code, out.Failure.Code)
			require.Equal(t, s.diary, w.entries())

			answer, err := env.QueryWorkflow(contract.StatusQuery)
			require.NoError(t, err)
			var status contract.Status
			require.NoError(t, answer.Get(&status))
			if w.begun.State == "" {
				require.Equal(t, s.state, status.State, "the query tells the end")
			}
		})
	}
}
