package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/calendar"
	"durapay/test/harness"
)

// businessDay gives the n-th day after a date on which banks work; for 0 the date itself
// or the next such day.
func businessDay(t *testing.T, date calendar.Date, n int) calendar.Date {
	t.Helper()
	days, err := calendar.New("")
	require.NoError(t, err)
	day, err := days.AddBusinessDays(date, n)
	require.NoError(t, err)
	return day
}

// lastDay is the last day whose sales the run of a date cuts: a date closes when the next
// business day begins.
func lastDay(t *testing.T, date calendar.Date) calendar.Date {
	t.Helper()
	return businessDay(t, date, 1).AddDays(-1)
}

// endsOn tells whether a cycle ends on a day.
func endsOn(cycle string, day calendar.Date) bool {
	switch cycle {
	case "WEEKLY":
		return day.Weekday() == time.Sunday
	case "MONTHLY":
		return day.AddDays(1).Day == 1
	default:
		return true
	}
}

// cycleEnd is the last end of a cycle up to a day.
func cycleEnd(cycle string, day calendar.Date) calendar.Date {
	for !endsOn(cycle, day) {
		day = day.AddDays(-1)
	}
	return day
}

// nextEnd is the first end of a cycle from a day on.
func nextEnd(cycle string, day calendar.Date) calendar.Date {
	for !endsOn(cycle, day) {
		day = day.AddDays(1)
	}
	return day
}

// A week is cut when it has ended, and a month when that has: on which of the runs that
// is depends on the day of this test.
func TestACycleIsCutAtItsEnd(t *testing.T) {
	p := harness.Shared(t)
	cycles := []string{"DAILY", "WEEKLY", "MONTHLY"}
	var contracts []harness.Contract
	for _, cycle := range cycles {
		c := harness.Daily(120)
		c.Cycle = cycle
		contracts = append(contracts, c)
	}
	all := tills(t, contracts...)
	var sold calendar.Date
	for _, s := range all {
		sold = calendar.Of(p.Payment(t, s.sell(t, 12_345, 0)).ApprovedAt)
	}
	dates := []calendar.Date{p.BusinessDate(t), p.BusinessDateFrom(t, nextEnd("WEEKLY", sold)), p.BusinessDateFrom(t, nextEnd("MONTHLY", sold))}
	slices.SortFunc(dates, calendar.Date.Compare)
	cut := map[string]bool{}
	for _, date := range dates {
		run := p.SettleOn(t, date)
		for i, s := range all {
			end := cycleEnd(cycles[i], lastDay(t, date))
			if cut[s.ID] || end.Before(sold) {
				continue
			}
			cut[s.ID] = true
			st := s.only(t)
			through := end
			if today := harness.Today(); today.Before(end) { // settled early
				through = today
			}
			require.Equal(t, []string{run.ID, sold.String(), through.String(), businessDay(t, end, 1).String()},
				[]string{st.RunID, st.Period.From, st.Period.Through, st.Payout.Date}, cycles[i])
		}
		for i, s := range all {
			require.Equal(t, cut[s.ID], len(p.Statements(t, s.ID)) == 1, "%s by the run of %s", cycles[i], date)
		}
	}
	for _, s := range all {
		require.True(t, cut[s.ID])
		s.requireSettled(t)
	}
}

func TestD14_AStatementIsPaidOnItsDay(t *testing.T) {
	p := harness.Shared(t)
	var contracts []harness.Contract
	for _, days := range []int64{0, 1, 2, 3} {
		c := harness.Daily(120)
		c.PayoutBusinessDays = days
		contracts = append(contracts, c)
	}
	all := tills(t, contracts...)
	sideBySide(t, len(all), func(t *testing.T, i int) { all[i].sell(t, 12_345, 0) })
	date := p.BusinessDate(t)
	cutThrough := lastDay(t, date)
	const mostRuns = 8 // a date may be no business day
	for range mostRuns {
		p.SettleOn(t, date)
		open := 0
		for days, s := range all {
			st := s.only(t)
			require.Equal(t, businessDay(t, cutThrough, days).String(), st.Payout.Date)
			if businessDay(t, date, 1).Before(businessDay(t, cutThrough, days)) {
				require.Equal(t, "SCHEDULED", st.Payout.State, "%d days, on %s", days, date)
				s.requirePaid(t)
				s.requireUnsettled(t)
				open++
				continue
			}
			require.Equal(t, "PAID", st.Payout.State, "%d days, on %s", days, date)
			s.requirePaid(t, st.Net)
		}
		if open == 0 {
			break
		}
		date = p.BusinessDate(t)
	}
	for _, s := range all {
		s.requireSettled(t)
	}
}

func TestADeactivatedFranchiseIsSettled(t *testing.T) {
	p := harness.Shared(t)
	s := newTill(t, harness.Daily(150))
	s.sell(t, 30_000, 0)
	a := p.Call(t, harness.Call{Method: http.MethodPatch, Path: s.Path(""), Token: p.Operator(t), Body: map[string]string{"state": "DEACTIVATED"},
		Header: map[string]string{"If-Match": s.Get(t, s.Path("")).Header.Get("ETag")}})
	require.Equal(t, http.StatusOK, a.Status, a)
	requireRefused(t, s.buyer, s.buyer.Pay(t, newKey(), s.PayBody(1_000)), http.StatusUnprocessableEntity, "franchise_inactive")
	p.Settle(t)
	require.EqualValues(t, 30_000-450-45, s.only(t).Net)
	s.requireSettled(t)
}
