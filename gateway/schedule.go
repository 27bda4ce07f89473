package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"durapay/errs"
	"durapay/internal/calendar"
	"durapay/services/settlement"
	"durapay/workflows/contract"
)

// SettlementSchedule is when settlements start by themselves.
type SettlementSchedule struct {
	Paused   bool             `json:"paused" example:"false"`
	Note     string           `json:"note,omitempty" example:"the books are being looked at"`
	TimeZone string           `json:"timeZone" example:"Asia/Seoul"`
	Cron     string           `json:"cron,omitempty" example:"0 2 * * *"` // minute, hour, day of the month, month, day of the week
	Next     []time.Time      `json:"next" example:"2026-11-21T17:00:00Z,2026-11-22T17:00:00Z"`
	Recent   []ScheduledStart `json:"recent"` // the newest last
} // @name SettlementSchedule

// ScheduledStart is one start by the schedule. On a day that is no business day nothing
// is settled, and there is no run.
type ScheduledStart struct {
	ScheduledAt time.Time `json:"scheduledAt" example:"2026-11-20T17:00:00Z"`
	StartedAt   time.Time `json:"startedAt" example:"2026-11-20T17:00:01Z"`
	RunID       string    `json:"runId,omitempty" example:"run_01JZ0000000000000000000000"`
} // @name ScheduledStart

// ScheduleNote says why.
type ScheduleNote struct {
	Note string `json:"note,omitempty" validate:"max=200,plain" example:"the books are being looked at"`
} // @name ScheduleNote

// BackfillRequest names the days whose starts are to be made up for, both included. The
// start of a day settles the business date that closed before it.
type BackfillRequest struct {
	From  string `json:"from" validate:"required" format:"date" example:"2026-11-02"`
	Until string `json:"until" validate:"required" format:"date" example:"2026-11-06"`
} // @name BackfillRequest

// maxBackfillDays bounds one back-fill: a run may be for a date of the last year.
const maxBackfillDays = 366

// getSettlementSchedule shows the schedule.
//
//	@Summary	When settlements start by themselves
//	@ID			getSettlementSchedule
//	@Tags		settlement
//	@Security	Bearer
//	@Success	200	{object}	SettlementSchedule
//	@Failure	401,403,500,503	{object}	problem.Problem
//	@Router		/v1/settlements/schedule [get]
func (s *Server) getSettlementSchedule(c *gin.Context) {
	d, err := s.describeSchedule(c)
	s.answerSchedule(c, d, err)
}

// pauseSettlementSchedule stops the schedule's starts.
//
//	@Summary		Pause the schedule
//	@Description	What would have started meanwhile is not made up for by resuming: see the back-fill.
//	@ID				pauseSettlementSchedule
//	@Tags			settlement
//	@Security		Bearer
//	@Param			body	body		ScheduleNote	false	"why; may be empty"
//	@Success		200		{object}	SettlementSchedule
//	@Failure		400,401,403,409,500,503	{object}	problem.Problem
//	@Router			/v1/settlements/schedule/pause [post]
func (s *Server) pauseSettlementSchedule(c *gin.Context) {
	var body ScheduleNote
	if err := bindOptional(c, &body); err != nil {
		fail(c, err)
		return
	}
	if body.Note == "" {
		body.Note = "Paused by " + callerOf(c).ID
	}
	s.setPaused(c, true, func(ctx context.Context, h client.ScheduleHandle) error {
		return h.Pause(ctx, client.SchedulePauseOptions{Note: body.Note})
	})
}

// resumeSettlementSchedule lets the schedule start again.
//
//	@Summary	Resume the schedule
//	@ID			resumeSettlementSchedule
//	@Tags		settlement
//	@Security	Bearer
//	@Success	200	{object}	SettlementSchedule
//	@Failure	401,403,409,500,503	{object}	problem.Problem
//	@Router		/v1/settlements/schedule/resume [post]
func (s *Server) resumeSettlementSchedule(c *gin.Context) {
	note := "Resumed by " + callerOf(c).ID
	s.setPaused(c, false, func(ctx context.Context, h client.ScheduleHandle) error {
		return h.Unpause(ctx, client.ScheduleUnpauseOptions{Note: note})
	})
}

// backfillSettlementSchedule makes up for starts of the past.
//
//	@Summary		Make up for starts of the past
//	@Description	At most 366 days, one after the other, also while the schedule is paused. A date that has been settled is not settled again.
//	@ID				backfillSettlementSchedule
//	@Tags			settlement
//	@Security		Bearer
//	@Param			body	body		BackfillRequest	true	"which days"
//	@Success		200		{object}	SettlementSchedule
//	@Failure		400,401,403,500,503	{object}	problem.Problem
//	@Router			/v1/settlements/schedule/backfill [post]
func (s *Server) backfillSettlementSchedule(c *gin.Context) {
	var body BackfillRequest
	err := bind(c, &body)
	var fill client.ScheduleBackfill
	if err == nil {
		fill, err = backfillOf(body, time.Now())
	}
	if err != nil {
		fail(c, err)
		return
	}
	d, err := s.changeSchedule(c, func(ctx context.Context, h client.ScheduleHandle) error {
		return h.Backfill(ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{fill}})
	})
	s.answerSchedule(c, d, err)
}

// backfillOf gives the times of a range of days, as far as they are past. Its bounds lie
// beside the days' own, so that it does not matter whether they count.
func backfillOf(body BackfillRequest, now time.Time) (client.ScheduleBackfill, error) {
	from, err := parseDate("/from", body.From)
	if err != nil {
		return client.ScheduleBackfill{}, err
	}
	until, err := parseDate("/until", body.Until)
	if err != nil {
		return client.ScheduleBackfill{}, err
	}
	today := calendar.Of(now)
	latest := from.AddDays(maxBackfillDays - 1)
	if today.Before(latest) {
		latest = today
	}
	switch {
	case today.Before(from):
		return client.ScheduleBackfill{}, errs.InvalidField("/from", errs.FieldTooLarge, "max", today.String())
	case until.Before(from):
		return client.ScheduleBackfill{}, errs.InvalidField("/until", errs.FieldTooSmall, "min", from.String())
	case latest.Before(until):
		return client.ScheduleBackfill{}, errs.InvalidField("/until", errs.FieldTooLarge, "max", latest.String())
	}
	end := until.End().Add(-time.Millisecond)
	if now.Before(end) {
		end = now
	}
	return client.ScheduleBackfill{Start: from.Start().Add(-time.Millisecond), End: end, Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL}, nil
}

// bindOptional reads a body that may be absent.
func bindOptional(c *gin.Context, into any) error {
	if c.Request.ContentLength == 0 {
		return nil
	}
	return bind(c, into)
}

// describeSchedule reads the schedule. Errors: errs.ServiceUnavailable, also while no
// worker has made it yet.
func (s *Server) describeSchedule(ctx context.Context) (*client.ScheduleDescription, error) {
	ctx, cancel := context.WithTimeout(ctx, rpcTimeout)
	defer cancel()
	d, err := s.schedule(ctx).Describe(ctx)
	if err != nil {
		return nil, errs.ServiceUnavailable.Because(err)
	}
	return d, nil
}

func (s *Server) schedule(ctx context.Context) client.ScheduleHandle {
	return s.Temporal.ScheduleClient().GetHandle(ctx, contract.SettlementSchedule)
}

// changeSchedule changes the schedule, and reads it again. Of two changes that come at
// the same moment the server may take only one: the reading tells.
func (s *Server) changeSchedule(c *gin.Context, change func(context.Context, client.ScheduleHandle) error) (*client.ScheduleDescription, error) {
	ctx, cancel := context.WithTimeout(c, rpcTimeout)
	defer cancel()
	if err := change(ctx, s.schedule(ctx)); err != nil {
		return nil, errs.ServiceUnavailable.Because(err)
	}
	s.Log.Info("settlement schedule changed", "route", c.FullPath(), "operatorId", callerOf(c).ID)
	return s.describeSchedule(c)
}

// setPaused pauses the schedule or lets it go on.
func (s *Server) setPaused(c *gin.Context, paused bool, change func(context.Context, client.ScheduleHandle) error) {
	d, err := s.changeSchedule(c, change)
	if err == nil && d.Schedule.State.Paused != paused {
		err = errs.ConcurrentEdit
	}
	s.answerSchedule(c, d, err)
}

func (s *Server) answerSchedule(c *gin.Context, d *client.ScheduleDescription, err error) {
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, s.scheduleView(d))
}

func (s *Server) scheduleView(d *client.ScheduleDescription) SettlementSchedule {
	v := SettlementSchedule{Paused: d.Schedule.State.Paused, Note: d.Schedule.State.Note, TimeZone: d.Schedule.Spec.TimeZoneName,
		Next: make([]time.Time, len(d.Info.NextActionTimes)), Recent: make([]ScheduledStart, len(d.Info.RecentActions))}
	if calendars := d.Schedule.Spec.Calendars; len(calendars) == 1 {
		v.Cron = calendars[0].Comment // where who made the schedule has put it
	}
	copy(v.Next, d.Info.NextActionTimes)
	for i, a := range d.Info.RecentActions {
		v.Recent[i] = ScheduledStart{ScheduledAt: a.ScheduleTime, StartedAt: a.ActualTime, RunID: s.scheduledRun(a.ScheduleTime)}
	}
	return v
}

// scheduledRun gives the run that a scheduled start is about, "" for none.
func (s *Server) scheduledRun(at time.Time) string {
	date, open, err := s.Settlement.ScheduledDate(calendar.Of(at))
	if err != nil || !open {
		return ""
	}
	return settlement.LiveRunID(date)
}
