package workers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"durapay/workflows/contract"
)

// DefaultSettlementCron is when a day's settlement starts in Seoul: after midnight, when
// the banks' own day has ended, and long before their business begins.
const DefaultSettlementCron = "0 2 * * *"

// settlementDayID is the workflow id of a scheduled start; the server adds the time.
const settlementDayID = "settlement-day"

// catchUp is how long the server may have been away and still makes up for the starts
// that it has missed.
const catchUp = 30 * 24 * time.Hour

// cronFields are minute, hour, day of the month, month and day of the week.
const cronFields = 5

// EnsureSchedule makes the schedule of settlements, or changes it to this cron
// expression in Seoul's time ("" means the default). A paused one stays paused. Several
// processes may do so at once. It errs for an expression that is none, and when Temporal
// is away.
//
// One that is as it should be is left alone: an update makes the server forget the starts
// that it has yet to make up for, and a process begins just after an outage.
func EnsureSchedule(ctx context.Context, c client.Client, cron string) error {
	return ensureSchedule(ctx, c, contract.SettlementSchedule, cron)
}

func ensureSchedule(ctx context.Context, c client.Client, scheduleID, cron string) error {
	fields := strings.Fields(cron)
	if len(fields) == 0 {
		fields = strings.Fields(DefaultSettlementCron)
	}
	cron = strings.Join(fields, " ")
	if len(fields) != cronFields || strings.Contains(cron, "#") {
		return fmt.Errorf("settlement schedule %q: expected five fields, as in %q", cron, DefaultSettlementCron)
	}
	_, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: scheduleID, Spec: *settlementSpec(cron), Action: settlementAction(), Overlap: settlementPolicy().Overlap,
		CatchupWindow: settlementPolicy().CatchupWindow, PauseOnFailure: settlementPolicy().PauseOnFailure,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = c.ScheduleClient().GetHandle(ctx, scheduleID).Update(ctx, client.ScheduleUpdateOptions{
			DoUpdate: func(is client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				return changed(is.Description.Schedule, cron)
			},
		})
	}
	if err != nil {
		return fmt.Errorf("settlement schedule %q: %w", cron, err)
	}
	return nil
}

// changed gives the schedule as it should be, in the state that it is in.
func changed(is client.Schedule, cron string) (*client.ScheduleUpdate, error) {
	if sameSpec(is.Spec, cron) && samePolicy(is.Policy) && sameAction(is.Action) {
		return nil, temporal.ErrSkipScheduleUpdate
	}
	policy := settlementPolicy()
	return &client.ScheduleUpdate{Schedule: &client.Schedule{
		Spec: settlementSpec(cron), Action: settlementAction(), Policy: &policy, State: is.State,
	}}, nil
}

// settlementSpec says when. The server keeps an expression's meaning and its comment, but
// not the expression: the comment tells it.
func settlementSpec(cron string) *client.ScheduleSpec {
	return &client.ScheduleSpec{CronExpressions: []string{cron + " # " + cron}, TimeZoneName: contract.ScheduleTimeZone}
}

// settlementPolicy lets days wait for each other, so that none is left out.
func settlementPolicy() client.SchedulePolicies {
	return client.SchedulePolicies{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL, CatchupWindow: catchUp, PauseOnFailure: true}
}

func settlementAction() *client.ScheduleWorkflowAction {
	return &client.ScheduleWorkflowAction{
		ID: settlementDayID, Workflow: contract.SettlementDay, TaskQueue: contract.FlowQueue, StaticSummary: "Settlement of the business date that has closed",
	}
}

func sameSpec(is *client.ScheduleSpec, cron string) bool {
	return is != nil && is.TimeZoneName == contract.ScheduleTimeZone && len(is.Intervals) == 0 && len(is.Skip) == 0 && is.Jitter == 0 &&
		len(is.Calendars) == 1 && is.Calendars[0].Comment == cron
}

func samePolicy(is *client.SchedulePolicies) bool { return is != nil && *is == settlementPolicy() }

func sameAction(action client.ScheduleAction) bool {
	is, ok := action.(*client.ScheduleWorkflowAction)
	want := settlementAction()
	return ok && is.ID == want.ID && is.Workflow == want.Workflow && is.TaskQueue == want.TaskQueue && is.StaticSummary == want.StaticSummary
}
