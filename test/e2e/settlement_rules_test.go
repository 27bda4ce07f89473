package e2e

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/internal/calendar"
	"durapay/test/harness"
)

// flowTime is how long a flow may take in a test.
const flowTime = 30 * time.Second

const retriesPath = "/v1/settlements/payout-retries/"

// The ids of nothing.
const (
	noRun       = "run_01JZ0000000000000000000000"
	noStatement = "stl_01JZ0000000000000000000000"
	noRetry     = "prt_01JZ0000000000000000000000"
)

func TestD17_WhoMaySettle(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	franchise := p.NewFranchise(t, harness.Daily(100))
	tokens := map[string]string{
		"MEMBER": p.NewMember(t).Token, "AUDITOR": p.Staff(t, harness.AuditorRole), "OPERATOR": p.Operator(t), "NOBODY": "", "FRANCHISE": "",
	}
	const runs, statements, schedule = "/v1/settlements/runs", "/v1/settlements/statements/" + noStatement, "/v1/settlements/schedule"
	operators, overseers, onlookers := []string{"OPERATOR"}, []string{"OPERATOR", "AUDITOR"}, []string{"OPERATOR", "AUDITOR", "FRANCHISE"}
	for route, allowed := range map[string][]string{
		"POST " + runs: operators, "GET " + runs: overseers, "GET " + runs + "/" + noRun: overseers, "GET " + runs + "/" + noRun + "/statements": overseers,
		"GET /v1/settlements/statements": onlookers, "GET " + statements: onlookers, "GET " + statements + "/lines": onlookers, "GET " + statements + "/csv": onlookers,
		"POST " + statements + "/payout-retries": operators, "GET " + statements + "/payout-retries": overseers,
		"GET " + retriesPath + noRetry: overseers, "POST " + retriesPath + noRetry + "/approve": operators, "POST " + retriesPath + noRetry + "/reject": operators,
		"GET " + schedule: overseers, "POST " + schedule + "/pause": operators, "POST " + schedule + "/resume": operators, "POST " + schedule + "/backfill": operators,
	} {
		method, path, _ := strings.Cut(route, " ")
		if path == schedule+"/pause" || path == schedule+"/resume" {
			allowed = nil // an operator would change what other tests look at
		}
		for role, token := range tokens {
			if role == "OPERATOR" && allowed == nil {
				continue
			}
			call := harness.Call{Method: method, Path: path, Token: token, Key: newKey()}
			if method == http.MethodPost {
				call.Body = map[string]any{"nothing": "that is taken"}
			}
			if role == "FRANCHISE" {
				call.Header = map[string]string{harness.APIKeyHeader: franchise.Key}
			}
			a := p.Call(t, call)
			switch {
			case role == "NOBODY":
				requireCode(t, http.StatusUnauthorized, "token_missing", a)
			case slices.Contains(allowed, role):
				require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, a.Status, "%s as %s: %s", route, role, a)
			default:
				require.Equal(t, http.StatusForbidden, a.Status, "%s as %s: %s", route, role, a)
			}
		}
	}
}

func TestOnlyDatesNearEnoughAreSettled(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	for _, date := range []string{"2026-13-01", "2026-02-30", "yesterday", "20261122", " 2026-11-22", "0001-01-01"} {
		for _, dry := range []bool{false, true} {
			requireBadField(t, p.StartRun(t, newKey(), harness.RunBody{BusinessDate: date, DryRun: dry}), "/businessDate", date)
		}
	}
	requireBadField(t, p.StartRun(t, newKey(), harness.RunBody{}), "/businessDate", "no date")
	requireCode(t, http.StatusBadRequest, "idempotency_key_missing", p.StartRun(t, "", harness.RunBody{BusinessDate: harness.Today().String()}))
	body := map[string]any{"businessDate": harness.Today().String(), "force": true}
	requireBadField(t, p.AsOperator(t, http.MethodPost, "/v1/settlements/runs", newKey(), body), "/force", "an unknown field")

	for _, days := range []int{-10_000, -368, 33, 10_000} { // a day of grace on both sides: midnight may pass
		date := harness.Today().AddDays(days)
		if date.Year > 9999 || date.Year < 2000 {
			continue
		}
		for _, dry := range []bool{false, true} {
			a := p.StartRun(t, newKey(), harness.RunBody{BusinessDate: date.String(), DryRun: dry})
			requireCode(t, http.StatusUnprocessableEntity, "business_date_refused", a)
			require.NotEmpty(t, a.Problem(t).Params["until"])
		}
	}
	for _, days := range []int{-365, 31} {
		require.True(t, p.DryRun(t, harness.Today().AddDays(days)).DryRun)
	}
	for path, code := range map[string]string{
		"/v1/settlements/runs/" + noRun: "settlement_run_not_found", "/v1/settlements/runs/x": "settlement_run_not_found",
		"/v1/settlements/runs/" + noRun + "/statements": "settlement_run_not_found",
		"/v1/settlements/statements/" + noStatement:     "statement_not_found", "/v1/settlements/statements/x": "statement_not_found",
		retriesPath + noRetry: "payout_retry_not_found", retriesPath + "x": "payout_retry_not_found",
	} {
		requireCode(t, http.StatusNotFound, code, p.AsOperator(t, http.MethodGet, path, "", nil))
	}
	requireCode(t, http.StatusNotFound, "statement_not_found", p.AskRetry(t, p.Operator(t), "", noStatement, "why"))
	requireCode(t, http.StatusNotFound, "payout_retry_not_found", p.DecideRetry(t, p.Operator(t), noRetry, "approve"))
}

// settlementSchedule is when settlements start by themselves.
type settlementSchedule struct {
	Paused               bool
	Note, TimeZone, Cron string
	Next                 []time.Time
	Recent               []struct {
		ScheduledAt, StartedAt time.Time
		RunID                  string
	}
}

func changeSchedule(t *testing.T, change string, body any) harness.Answer {
	t.Helper()
	return harness.Shared(t).AsOperator(t, http.MethodPost, "/v1/settlements/schedule"+change, "", body)
}

func readSchedule(t *testing.T) settlementSchedule {
	t.Helper()
	a := harness.Shared(t).AsOperator(t, http.MethodGet, "/v1/settlements/schedule", "", nil)
	return harness.Read[settlementSchedule](t, a, http.StatusOK)
}

func TestTheScheduleIsPausedAndResumed(t *testing.T) {
	schedule := readSchedule(t)
	require.Equal(t, []any{false, "Asia/Seoul", "0 2 * * *"}, []any{schedule.Paused, schedule.TimeZone, schedule.Cron})
	require.NotEmpty(t, schedule.Next)
	next := schedule.Next[0]
	require.True(t, next.After(time.Now()))
	require.Equal(t, "02:00", next.In(time.FixedZone("KST", 9*60*60)).Format("15:04"))

	defer changeSchedule(t, "/resume", nil)
	for _, note := range []string{"the books are being looked at", ""} {
		var body any
		if note != "" {
			body = map[string]string{"note": note}
		}
		paused := harness.Read[settlementSchedule](t, changeSchedule(t, "/pause", body), http.StatusOK)
		require.True(t, paused.Paused)
		require.NotEmpty(t, paused.Note)
		require.Contains(t, paused.Note, note)
		require.Equal(t, paused.Note, readSchedule(t).Note)
	}
	require.False(t, harness.Read[settlementSchedule](t, changeSchedule(t, "/resume", nil), http.StatusOK).Paused)
	require.False(t, readSchedule(t).Paused)
}

// missedDays is a range of days of the past with a weekend in it.
func missedDays() (from, until calendar.Date) {
	const longAgo = 40 // days: nobody else settles dates of then
	until = harness.Today().AddDays(-longAgo)
	for until.Weekday() != time.Tuesday {
		until = until.AddDays(-1)
	}
	return until.AddDays(-5), until
}

func TestABackfillMakesUpForBusinessDaysOnly(t *testing.T) {
	p := harness.Shared(t)
	from, until := missedDays()
	want := map[string]bool{}
	for day := from; !until.Before(day); day = day.AddDays(1) {
		if businessDay(t, day, 0) != day {
			continue
		}
		before := day.AddDays(-1)
		for businessDay(t, before, 0) != before {
			before = before.AddDays(-1)
		}
		want[before.String()] = true
	}
	require.NotEmpty(t, want)
	body := map[string]string{"from": from.String(), "until": until.String()}
	defer changeSchedule(t, "/resume", nil)
	harness.Read[settlementSchedule](t, changeSchedule(t, "/pause", nil), http.StatusOK)
	runs := func() map[string]bool {
		dates := map[string]bool{}
		for _, run := range p.Runs(t) {
			if run.AskedBy == "schedule" && run.BusinessDate <= until.String() { // text of this form is in the order of time
				require.NotContains(t, dates, run.BusinessDate, "the run of a date exists once")
				dates[run.BusinessDate] = run.State == apiclient.Succeeded
			}
		}
		return dates
	}
	for range 2 { // a date that has been settled is not settled again
		require.True(t, harness.Read[settlementSchedule](t, changeSchedule(t, "/backfill", body), http.StatusOK).Paused)
		harness.Eventually(t, flowTime, "all dates are settled", func() bool {
			done := runs()
			return !slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(date string) bool { return !done[date] })
		})
		require.NoError(t, p.AwaitQuiet(t.Context()))
		require.Equal(t, want, runs())
	}

	for _, bad := range []struct{ from, until, pointer string }{
		{"x", until.String(), "/from"}, {from.String(), "2026-02-30", "/until"}, {until.String(), from.String(), "/until"},
		{harness.Today().AddDays(2).String(), harness.Today().AddDays(3).String(), "/from"},
		{from.String(), harness.Today().AddDays(2).String(), "/until"}, {from.AddDays(-700).String(), until.String(), "/until"},
	} {
		requireBadField(t, changeSchedule(t, "/backfill", map[string]string{"from": bad.from, "until": bad.until}), bad.pointer, bad.from+" to "+bad.until)
	}
}
