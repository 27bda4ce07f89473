package moneyquerydb_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/calendar"
	"durapay/services/money/ledger"
	"durapay/services/moneyquery"
)

func TestAnEmptyModelAnswers(t *testing.T) {
	e := newEnv(t, 1)
	all, err := e.services[0].Regions(t.Context())
	require.NoError(t, err)
	require.Equal(t, []moneyquery.RegionTotal{{Region: "SEOUL"}, {Region: "BUSAN"}, {Region: "JEJU"}}, all)
	done, err := e.services[0].Project(t.Context())
	require.NoError(t, err)
	require.Zero(t, done)
	one, err := e.services[0].Region(t.Context(), "JEJU")
	require.NoError(t, err)
	require.Equal(t, moneyquery.RegionTotal{Region: "JEJU", AsOf: start.Add(time.Microsecond)}, one, "it has everything there is")
}

func TestUnknownRegionsAndBadRangesAreRefused(t *testing.T) {
	e := newEnv(t, 1)
	s, day := e.services[0], calendar.Date{Year: 2026, Month: 2, Day: 27}
	_, err := s.Region(t.Context(), "PYONGYANG")
	require.ErrorIs(t, err, errs.RegionNotFound)
	_, err = s.Region(t.Context(), "")
	require.ErrorIs(t, err, errs.RegionNotFound)
	_, err = s.Inflows(t.Context(), "PYONGYANG", day, day)
	require.ErrorIs(t, err, errs.RegionNotFound)
	for pointer, r := range map[string][2]calendar.Date{
		"?from":    {{}, day},
		"?through": {day, {}},
	} {
		_, err = s.Inflows(t.Context(), "SEOUL", r[0], r[1])
		require.ErrorIs(t, err, errs.InvalidRequest)
		require.Equal(t, pointer, errs.Of(err).Fields[0].Pointer)
	}
	_, err = s.Inflows(t.Context(), "SEOUL", day, day.AddDays(-1))
	require.ErrorIs(t, err, errs.InvalidRequest)
	_, err = s.Inflows(t.Context(), "SEOUL", day, day.AddDays(moneyquery.MaxDays))
	require.ErrorIs(t, err, errs.InvalidRequest)
	days, err := s.Inflows(t.Context(), "SEOUL", day, day.AddDays(moneyquery.MaxDays-1))
	require.NoError(t, err)
	require.Len(t, days, moneyquery.MaxDays)
	days, err = s.Inflows(t.Context(), "SEOUL", day, day.AddDays(2))
	require.NoError(t, err)
	require.Equal(t, "2026-03-01", days[2].Day.String())
}

// A member's money is counted nowhere until its region is known, and then with its past.
func TestMoneyMayArriveBeforeItsRegion(t *testing.T) {
	e := newEnv(t, 1)
	e.feeds.post(ledger.TopUp, start, leg{to: "a", amount: 70})
	e.drain(t)
	require.Zero(t, e.total(t, "SEOUL"))
	e.feeds.live("a", "SEOUL")
	e.drain(t)
	require.Equal(t, moneyquery.Total{Members: 1, Balance: 70}, e.total(t, "SEOUL"))
	require.EqualValues(t, 70, e.inflow(t, "SEOUL"))
	e.feeds.live("a", "JEJU")
	e.drain(t)
	require.Zero(t, e.total(t, "SEOUL"))
	require.Zero(t, e.inflow(t, "SEOUL"))
	require.Equal(t, moneyquery.Total{Members: 1, Balance: 70}, e.total(t, "JEJU"))
	require.EqualValues(t, 70, e.inflow(t, "JEJU"))
}

func (e *env) total(t *testing.T, region string) moneyquery.Total {
	t.Helper()
	r, err := e.services[0].Region(t.Context(), region)
	require.NoError(t, err)
	return moneyquery.Total{Members: r.Members, Balance: r.Balance}
}

func (e *env) inflow(t *testing.T, region string) int64 {
	t.Helper()
	days, err := e.services[0].Inflows(t.Context(), region, calendar.Of(start), calendar.Of(start))
	require.NoError(t, err)
	return days[0].Amount
}

// An idle projector does not write at each look, but the model's age stays below some seconds.
func TestAnIdleModelStaysFresh(t *testing.T) {
	e := newEnv(t, 1)
	e.drain(t)
	first := e.position(t).AsOf
	e.clock.Add(time.Second.Microseconds())
	e.drain(t)
	require.Equal(t, first, e.position(t).AsOf)
	e.clock.Add(5 * time.Second.Microseconds())
	e.drain(t)
	require.Greater(t, e.position(t).AsOf.Sub(first), 6*time.Second)
}

// While there is more, the model does not claim to have everything.
func TestAModelThatIsBehindKeepsItsTime(t *testing.T) {
	e := newEnv(t, 1)
	e.drain(t)
	first := e.position(t).AsOf
	for range pageSize + 1 {
		e.feeds.post(ledger.TopUp, start, leg{to: "a", amount: 1})
	}
	e.feeds.live("a", "SEOUL")
	lag, err := e.services[0].Lag(t.Context())
	require.NoError(t, err)
	require.Equal(t, moneyquery.Lag{Postings: pageSize + 1, RegionChanges: 1}, lag)
	done, err := e.services[0].Project(t.Context())
	require.NoError(t, err)
	require.Equal(t, pageSize+1, done)
	require.Equal(t, first, e.position(t).AsOf)
	lag, err = e.services[0].Lag(t.Context())
	require.NoError(t, err)
	require.Equal(t, moneyquery.Lag{Postings: 1}, lag)
	e.drain(t)
	require.True(t, e.position(t).AsOf.After(first))
}

func TestRunGoesOnAfterFailuresAndEndsWithItsContext(t *testing.T) {
	e := newEnv(t, 1)
	e.feeds.live("a", "SEOUL")
	for range 5 * pageSize {
		e.feeds.post(ledger.TopUp, start, leg{to: "a", amount: 1})
	}
	e.feeds.cut(3) // in the second page
	e.crashes[0].after.Store(true)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { e.services[0].Run(ctx, time.Millisecond) })
	require.Eventually(t, func() bool { return same(e.head(), e.position(t)) }, 30*time.Second, time.Millisecond)
	stop()
	running.Wait()
	require.Equal(t, moneyquery.Total{Members: 1, Balance: 5 * pageSize}, e.total(t, "SEOUL"))
}

// The rebuild that begins last is the one that is finished; the other one is told.
func TestTheLastRebuildWins(t *testing.T) {
	e := newEnv(t, 2)
	for range 3 * pageSize {
		e.feeds.post(ledger.TopUp, start, leg{to: "a", amount: 1})
	}
	e.feeds.live("a", "SEOUL")
	store := &interrupted{Store: e.crashes[0], turns: 3, by: func() error { return e.services[1].Rebuild(t.Context()) }}
	late := moneyquery.New(store, feedsOf{e}, moneyquery.Options{Regions: regions, PageSize: pageSize})
	require.ErrorIs(t, late.Rebuild(t.Context()), errs.ConcurrentEdit)
	require.Equal(t, moneyquery.Total{Members: 1, Balance: 3 * pageSize}, e.total(t, "SEOUL"))
	e.requireRebuilt(t)
}

// interrupted is a store that lets something else happen before one of its turns.
type interrupted struct {
	moneyquery.Store
	turns int
	by    func() error
}

func (i *interrupted) InTurn(ctx context.Context, fn func(moneyquery.Turn, moneyquery.Generations) error) error {
	if i.turns--; i.turns == 0 {
		if err := i.by(); err != nil {
			return err
		}
	}
	return i.Store.InTurn(ctx, fn)
}
