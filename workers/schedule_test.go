package workers

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"durapay/internal/devenv/devtest"
	"durapay/internal/id"
	"durapay/workflows/contract"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

// schedules gives a client and the handle of a schedule of the test's own.
func schedules(t *testing.T) (client.Client, client.ScheduleHandle) {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: devtest.Temporal(t)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	h := c.ScheduleClient().GetHandle(t.Context(), id.New("sch"))
	t.Cleanup(func() { _ = h.Delete(context.WithoutCancel(t.Context())) }) // a server for tests forgets it anyway
	return c, h
}

func describe(t *testing.T, h client.ScheduleHandle) *client.ScheduleDescription {
	t.Helper()
	d, err := h.Describe(t.Context())
	require.NoError(t, err)
	return d
}

func TestEnsureScheduleMakesIt(t *testing.T) {
	c, h := schedules(t)
	require.NoError(t, ensureSchedule(t.Context(), c, h.GetID(), ""))
	d := describe(t, h)
	require.False(t, d.Schedule.State.Paused)
	require.Equal(t, contract.ScheduleTimeZone, d.Schedule.Spec.TimeZoneName)
	require.Equal(t, DefaultSettlementCron, d.Schedule.Spec.Calendars[0].Comment)
	require.Equal(t, client.SchedulePolicies{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL, CatchupWindow: 30 * 24 * time.Hour, PauseOnFailure: true},
		*d.Schedule.Policy)
	action := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	require.Equal(t, contract.SettlementDay, action.Workflow)
	require.Equal(t, contract.FlowQueue, action.TaskQueue)
	require.Empty(t, action.Args)
	require.NotEmpty(t, d.Info.NextActionTimes)
	for _, at := range d.Info.NextActionTimes {
		require.Equal(t, 17, at.UTC().Hour(), "two in the morning in Seoul")
	}
}

// TestEnsureScheduleLeavesARightOneAlone looks at the time of the last update: one that
// is made just after an outage would lose the starts to be made up for.
func TestEnsureScheduleLeavesARightOneAlone(t *testing.T) {
	c, h := schedules(t)
	for range 3 {
		require.NoError(t, ensureSchedule(t.Context(), c, h.GetID(), " 30  3 * * 1-5 "))
	}
	require.True(t, updatedAt(t, h).IsZero(), "never updated")
	require.NoError(t, ensureSchedule(t.Context(), c, h.GetID(), "30 4 * * 1-5"))
	require.False(t, updatedAt(t, h).IsZero(), "updated by another expression")
	require.Equal(t, "30 4 * * 1-5", describe(t, h).Schedule.Spec.Calendars[0].Comment)
}

// updatedAt gives the time of the last update, zero for none.
func updatedAt(t *testing.T, h client.ScheduleHandle) time.Time {
	t.Helper()
	at := describe(t, h).Info.LastUpdateAt
	if at.Unix() == 0 { // what no timestamp comes to
		return time.Time{}
	}
	return at
}

func TestEnsureScheduleKeepsAPause(t *testing.T) {
	c, h := schedules(t)
	require.NoError(t, ensureSchedule(t.Context(), c, h.GetID(), "0 2 * * *"))
	require.NoError(t, h.Pause(t.Context(), client.SchedulePauseOptions{Note: "the books are being looked at"}))
	for _, cron := range []string{"0 2 * * *", "0 3 * * *"} {
		require.NoError(t, ensureSchedule(t.Context(), c, h.GetID(), cron))
		state := describe(t, h).Schedule.State
		require.True(t, state.Paused, cron)
		require.Equal(t, "the books are being looked at", state.Note)
	}
	require.Equal(t, "0 3 * * *", describe(t, h).Schedule.Spec.Calendars[0].Comment)
}

func TestEnsureScheduleFromSeveralProcessesAtOnce(t *testing.T) {
	c, h := schedules(t)
	const processes = 8
	errs := make([]error, processes)
	var group sync.WaitGroup
	for i := range processes {
		group.Go(func() { errs[i] = ensureSchedule(t.Context(), c, h.GetID(), "0 2 * * *") })
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, describe(t, h).Schedule.Spec.Calendars, 1)
}

func TestEnsureScheduleRefusesWhatIsNoExpression(t *testing.T) {
	c, h := schedules(t)
	for _, cron := range []string{"@daily", "0 2 * *", "0 2 * * * 2026", "0 2 * * #", "x 2 * * *", "0 25 * * *"} {
		require.Error(t, ensureSchedule(t.Context(), c, h.GetID(), cron), cron)
	}
	_, err := h.Describe(t.Context())
	require.Error(t, err, "none was made")
}
