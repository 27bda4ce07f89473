package moneyquerydb_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/services/money/ledger"
	"durapay/services/moneyquery"
	"durapay/services/moneyquery/moneyquerydb"
)

// After every step of a random run, whatever was posted, moved, projected, rebuilt or has crashed, the answers are what
// follows from scratch from the feeds up to the position they name.
func TestTheModelIsAFunctionOfItsFeeds(t *testing.T) {
	e := newEnv(t, 3)
	rapid.Check(t, func(rt *rapid.T) {
		e.reset(rt)
		member := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
		service := rapid.IntRange(0, len(e.services)-1)
		rt.Repeat(map[string]func(*rapid.T){
			"": func(rt *rapid.T) { e.requireAnswers(rt) },
			"top up": func(rt *rapid.T) {
				e.feeds.post(ledger.TopUp, instant(rt), leg{to: member.Draw(rt, "who"), amount: won(rt)})
			},
			"remit": func(rt *rapid.T) {
				a, b, c := member.Draw(rt, "a"), member.Draw(rt, "b"), member.Draw(rt, "c")
				e.feeds.post(ledger.Remittance, instant(rt), leg{a, b, won(rt)}, leg{b, c, won(rt)})
			},
			"withdraw": func(rt *rapid.T) {
				e.feeds.post(ledger.Withdrawal, instant(rt), leg{from: member.Draw(rt, "who"), amount: won(rt)})
			},
			"deposit": func(rt *rapid.T) { // credits a wallet, but is no top-up
				e.feeds.post(ledger.Deposit, instant(rt), leg{to: member.Draw(rt, "who"), amount: won(rt)})
			},
			"posting without wallets": func(rt *rapid.T) { e.feeds.post(ledger.Settlement, instant(rt)) },
			"move": func(rt *rapid.T) {
				e.feeds.live(member.Draw(rt, "who"), rapid.SampledFrom(regions).Draw(rt, "to"))
			},
			"project": func(rt *rapid.T) {
				_, err := e.services[service.Draw(rt, "process")].Project(context.Background())
				require.NoError(rt, err)
			},
			"projectors at once": func(rt *rapid.T) { require.NoError(rt, e.together()) },
			"crash": func(rt *rapid.T) {
				n := service.Draw(rt, "process")
				if rapid.Bool().Draw(rt, "committed") {
					e.crashes[n].after.Store(true)
				} else {
					e.crashes[n].before.Store(true)
				}
				_, err := e.services[n].Project(context.Background())
				require.ErrorIs(rt, err, errCrash)
			},
			"feed breaks": func(rt *rapid.T) {
				e.feeds.cut(rapid.IntRange(0, 1).Draw(rt, "reads"))
				_, err := e.services[0].Project(context.Background())
				require.ErrorIs(rt, err, errCut)
			},
			"rebuild breaks": func(rt *rapid.T) {
				e.feeds.cut(rapid.IntRange(0, 6).Draw(rt, "reads"))
				err := e.services[service.Draw(rt, "process")].Rebuild(context.Background())
				e.feeds.cut(-1)
				require.True(rt, err == nil || errors.Is(err, errCut), "%v", err)
			},
			"rebuild": func(rt *rapid.T) { e.requireRebuilt(rt) },
		})
		e.drain(rt)
		require.True(rt, same(e.head(), e.position(rt)))
		e.requireAnswers(rt)
		before := e.dump(rt)
		e.requireRebuilt(rt)
		require.Equal(rt, before, e.dump(rt), "the rebuilt model is the incremental one, row by row")
	})
}

func same(a, b moneyquery.Position) bool {
	return a.JournalSeq == b.JournalSeq && a.RegionSeq == b.RegionSeq
}

func won(t *rapid.T) int64 { return rapid.Int64Range(1, 20).Draw(t, "won") }

// instant is often near midnight in Seoul.
func instant(t *rapid.T) time.Time {
	midnight := start.Add(12 * time.Hour)
	return midnight.Add(time.Duration(rapid.IntRange(-30, 30).Draw(t, "hours"))*time.Hour + time.Duration(rapid.SampledFrom([]int{-1, 0, 1}).Draw(t, "µs"))*time.Microsecond)
}

// together lets every process project at the same time.
func (e *env) together() error {
	var all errgroup.Group
	for _, s := range e.services {
		all.Go(func() error {
			_, err := s.Project(context.Background())
			return err
		})
	}
	return all.Wait()
}

// requireRebuilt rebuilds, after which all of the feeds is in, and nothing is left of other generations.
func (e *env) requireRebuilt(t require.TestingT) {
	require.NoError(t, e.services[1].Rebuild(context.Background()))
	require.True(t, same(e.head(), e.position(t)))
	for _, table := range []string{"region_inflows", "region_totals", "member_inflows", "member_money", "generations"} {
		var left int
		require.NoError(t, e.db.Get(&left, "SELECT COUNT(*) FROM "+table+" WHERE generation <> (SELECT live FROM projection)"))
		require.Zero(t, left, table)
	}
}

// Members send money and move, processes project and rebuild, and some die, all at once: readers always see the same
// sum, never go back, and in the end the model is what follows from scratch.
func TestReadersNeverSeeHalfAState(t *testing.T) {
	const members, each, rounds = 6, 100, 60
	e := newEnv(t, 3)
	name := func(n int) string { return fmt.Sprint("m", n%members) }
	for n := range members {
		e.feeds.post(ledger.TopUp, start, leg{to: name(n), amount: each})
		e.feeds.live(name(n), regions[n%len(regions)])
	}
	e.drain(t)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var projectors, others errgroup.Group
	var running sync.WaitGroup
	for _, s := range e.services {
		running.Go(func() { s.Run(ctx, time.Millisecond) })
	}
	for range 2 {
		projectors.Go(func() error { return e.watch(ctx, members*each) })
	}
	others.Go(func() error {
		for n := range rounds {
			e.feeds.post(ledger.Remittance, start, leg{name(n), name(n * 5), 7}, leg{name(n + 1), name(n + 3), 3})
			e.feeds.live(name(n*7), regions[n%len(regions)])
			e.crashes[n%3].before.Store(n%4 == 1)
			e.crashes[n%3].after.Store(n%4 == 3)
		}
		return nil
	})
	for n := range 2 { // the second to begin wins; Run's crashes may hit both
		others.Go(func() error {
			for range 4 {
				err := e.services[n].Rebuild(ctx)
				if err != nil && !errors.Is(err, errs.ConcurrentEdit) && !errors.Is(err, errCrash) {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, others.Wait())
	require.Eventually(t, func() bool { return same(e.head(), e.position(t)) }, 30*time.Second, time.Millisecond)
	stop()
	running.Wait()
	require.NoError(t, projectors.Wait())
	for _, c := range e.crashes {
		c.before.Store(false)
		c.after.Store(false)
	}
	e.requireAnswers(t)
	before := e.dump(t)
	e.requireRebuilt(t)
	require.Equal(t, before, e.dump(t))
}

// watch reads until ctx ends.
func (e *env) watch(ctx context.Context, sum int64) error {
	store := moneyquerydb.New(e.db)
	var last moneyquery.Position
	for ctx.Err() == nil {
		totals, at, err := store.Totals(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
		var got int64
		for _, t := range totals {
			got += t.Balance
		}
		if got != sum {
			return fmt.Errorf("the regions have %d won together, not %d, at %+v", got, sum, at)
		}
		if at.JournalSeq < last.JournalSeq || at.RegionSeq < last.RegionSeq {
			return fmt.Errorf("readers went back from %+v to %+v", last, at)
		}
		last = at
	}
	return nil
}
