package settlement

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/calendar"
)

// TestCheckDate asks about dates near and far, and about those whose holidays nobody
// has entered yet.
func TestCheckDate(t *testing.T) {
	days, err := calendar.New("")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		today, date string
		from, until string // "" when the date is taken
	}{
		"today":         {today: "2026-07-01", date: "2026-07-01"},
		"a day off":     {today: "2026-07-01", date: "2026-07-05"},
		"a month ahead": {today: "2026-07-01", date: "2026-08-01"},
		"further ahead": {today: "2026-07-01", date: "2026-08-02", from: "2025-06-30", until: "2026-08-01"},
		"a year back":   {today: "2026-07-01", date: "2025-06-30"},
		"further back":  {today: "2026-07-01", date: "2025-06-29", from: "2025-06-30", until: "2026-08-01"},
	} {
		t.Run(name, func(t *testing.T) {
			date, err := calendar.Parse(c.date)
			require.NoError(t, err)
			today, err := calendar.Parse(c.today)
			require.NoError(t, err)
			no := serviceOn(days, today).CheckDate(date)
			if c.from == "" {
				require.Nil(t, no)
				return
			}
			require.ErrorIs(t, no, errs.BusinessDateRefused)
			require.Equal(t, map[string]string{"from": c.from, "until": c.until}, no.Params)
		})
	}
}

// TestCheckDateNamesTheDatesThatAreKnown stands before the end of the table and asks
// about a date behind it.
func TestCheckDateNamesTheDatesThatAreKnown(t *testing.T) {
	days, err := calendar.New("")
	require.NoError(t, err)
	until := lastWithPayout(t, days, lastKnownYear(t, days))
	for _, daysAhead := range []int{-5, 20} { // today, seen from the last date that is known
		today := until.AddDays(daysAhead)
		s := serviceOn(days, today)
		require.Nil(t, s.CheckDate(until))
		no := s.CheckDate(until.AddDays(1))
		require.ErrorIs(t, no, errs.BusinessDateRefused)
		require.Equal(t, map[string]string{"from": today.AddDays(-maxDaysBack).String(), "until": until.String()}, no.Params)
	}
}

// TestCheckDateDoesNotGuessWithoutTheHolidays loses the operator's file.
func TestCheckDateDoesNotGuessWithoutTheHolidays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "holidays.csv")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	days, err := calendar.New(file)
	require.NoError(t, err)
	today := calendar.Date{Year: 2026, Month: time.July, Day: 1}
	s := serviceOn(days, today)
	require.Nil(t, s.CheckDate(today))
	require.NoError(t, os.Remove(file))
	require.ErrorIs(t, s.CheckDate(today), errs.InternalError)
}

// serviceOn gives a service that needs no storage, on a day.
func serviceOn(days *calendar.Calendar, today calendar.Date) *Service {
	return &Service{days: days, now: today.Start}
}

// lastKnownYear gives the last day of the table.
func lastKnownYear(t *testing.T, days *calendar.Calendar) calendar.Date {
	t.Helper()
	year := 2026
	for range 100 {
		if _, err := days.Holidays(year + 1); err != nil {
			return calendar.Date{Year: year, Month: time.December, Day: 31}
		}
		year++
	}
	t.Fatal("the table has no end")
	return calendar.Date{}
}

// lastWithPayout gives the last date whose latest pay-out is on a day of the table.
func lastWithPayout(t *testing.T, days *calendar.Calendar, last calendar.Date) calendar.Date {
	t.Helper()
	for d, n := last, 0; n < maxDaysBack; d, n = d.AddDays(-1), n+1 {
		if _, err := days.AddBusinessDays(d, MaxPayoutBusinessDays); err == nil {
			return d
		}
	}
	t.Fatal("no such date")
	return calendar.Date{}
}
