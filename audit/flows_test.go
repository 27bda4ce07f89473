package audit_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"durapay/audit"
	"durapay/errs"
	"durapay/internal/config"
	"durapay/internal/devenv/devtest"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/internal/secret"
	"durapay/internal/temporalx"
	"durapay/workflows/contract"
)

func endingFlow(ctx workflow.Context, how string) (contract.Outcome, error) {
	switch how {
	case "complete":
		return contract.Outcome{ID: "x", State: record.Failed, Failure: record.FailureOf(errs.BankDeclined), Fingerprint: "print"}, nil
	case "fail":
		return contract.Outcome{}, temporal.NewNonRetryableApplicationError("no", "no", nil)
	default:
		return contract.Outcome{}, workflow.Sleep(ctx, time.Hour)
	}
}

func TestEndingsComeFromTemporal(t *testing.T) {
	ring, err := secret.ParseKeyRing("k1:" + testKey)
	require.NoError(t, err)
	c, err := temporalx.Dial(t.Context(), config.Temporal{Address: devtest.Temporal(t), Namespace: "default"}, ring, slog.New(slog.DiscardHandler), nil)
	require.NoError(t, err)
	defer c.Close()
	queue := id.New(id.Request)
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflow(endingFlow)
	require.NoError(t, w.Start())
	defer w.Stop()
	payloads, _ := temporalx.Converters(ring)
	flows := audit.NewFlows(c, payloads)

	start := func(how string) client.WorkflowRun {
		run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: how + "/" + queue, TaskQueue: queue}, endingFlow, how)
		require.NoError(t, err)
		return run
	}
	complete, fail, sleep, stopped := start("complete"), start("fail"), start("sleep"), start("stopped")
	require.NoError(t, complete.Get(t.Context(), nil))
	require.Error(t, fail.Get(t.Context(), nil))
	require.NoError(t, c.TerminateWorkflow(t.Context(), stopped.GetID(), "", "test"))
	for id, want := range map[string]audit.Ending{
		complete.GetID(): {Status: audit.FlowCompleted, ID: "x", State: "FAILED", FailureCode: string(errs.BankDeclined.Code), Fingerprint: "print"},
		fail.GetID():     {Status: audit.FlowBroken, Word: "Failed"},
		stopped.GetID():  {Status: audit.FlowBroken, Word: "Terminated"},
		sleep.GetID():    {Status: audit.FlowRunning},
		"topup/none":     {Status: audit.FlowAbsent},
	} {
		got, err := flows.Ending(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, want, got, id)
	}
	require.NoError(t, c.TerminateWorkflow(t.Context(), sleep.GetID(), "", "test"))

	other, err := secret.ParseKeyRing("k2:" + testKey)
	require.NoError(t, err)
	payloads, _ = temporalx.Converters(other)
	_, err = audit.NewFlows(c, payloads).Ending(t.Context(), complete.GetID())
	require.ErrorContains(t, err, "a flow's result")
	_, err = audit.NoFlows(errors.New("why")).Ending(t.Context(), "any")
	require.EqualError(t, err, "why")
}

func TestTheAuditNamesFlowsAsTheyAreNamed(t *testing.T) {
	for _, prefix := range []string{id.TopUp, id.Withdrawal, id.Remittance, id.Firmbanking, id.Member,
		id.Payment, id.Cancel, id.BankNotice, id.SettlementRun} {
		record := id.New(prefix)
		want := contract.WorkflowID(record)
		require.Equal(t, want, audit.WorkflowIDForTest(record))
	}
	statement := id.New(id.Statement)
	for _, payout := range []string{statement + "/1", statement + "/27"} {
		require.Equal(t, contract.WorkflowID(statement), audit.WorkflowIDForTest(payout))
	}
	for _, other := range []string{statement, statement + "/0", statement + "/01", statement + "/x", "x/1"} {
		require.Empty(t, audit.WorkflowIDForTest(other), other)
	}
}
