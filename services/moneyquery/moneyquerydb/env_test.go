package moneyquerydb_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"durapay/internal/calendar"
	"durapay/internal/devenv/devtest"
	"durapay/internal/mysqlx"
	"durapay/schema"
	"durapay/services/moneyquery"
	"durapay/services/moneyquery/moneyquerydb"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

var (
	regions = []string{"SEOUL", "BUSAN", "JEJU"}
	start   = time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC) // noon in Seoul
)

// env is a database with its feeds and services, each of which stands for a process.
type env struct {
	feeds    *feeds
	db       *sqlx.DB
	services []*moneyquery.Service
	crashes  []*crashing
	clock    atomic.Int64 // microseconds since start
}

// pageSize makes pages end in the middle of things.
const pageSize = 3

func newEnv(t testing.TB, processes int) *env {
	t.Helper()
	config := devtest.DatabaseConfig(t, schema.FS("moneyquery"))
	e := &env{feeds: newFeeds(), db: connect(t, config)}
	for range processes {
		store := &crashing{Store: moneyquerydb.New(connect(t, config))}
		e.crashes = append(e.crashes, store)
		e.services = append(e.services, moneyquery.New(store, feedsOf{e}, moneyquery.Options{
			Regions: regions, PageSize: pageSize, Log: slog.New(slog.DiscardHandler),
			Now: func() time.Time { return start.Add(time.Duration(e.clock.Add(1)) * time.Microsecond) },
		}))
	}
	return e
}

// feedsOf reads the feeds that the environment has at the moment.
type feedsOf struct{ e *env }

func (f feedsOf) Journal(ctx context.Context, after int64, limit int) ([]moneyquery.JournalLine, int64, error) {
	return f.e.feeds.Journal(ctx, after, limit)
}

func (f feedsOf) RegionChanges(ctx context.Context, after int64, limit int) ([]moneyquery.RegionChange, error) {
	return f.e.feeds.RegionChanges(ctx, after, limit)
}

func (f feedsOf) JournalHead(ctx context.Context) (int64, error) { return f.e.feeds.JournalHead(ctx) }
func (f feedsOf) RegionHead(ctx context.Context) (int64, error)  { return f.e.feeds.RegionHead(ctx) }

func connect(t testing.TB, config mysqlx.Config) *sqlx.DB {
	t.Helper()
	db, err := mysqlx.Open(config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// reset makes the database and the feeds as they were in the beginning.
func (e *env) reset(t require.TestingT) {
	e.feeds = newFeeds()
	for _, table := range []string{"region_inflows", "region_totals", "member_inflows", "member_money", "generations"} {
		_, err := e.db.Exec("DELETE FROM " + table)
		require.NoError(t, err)
	}
	_, err := e.db.Exec("INSERT INTO generations (generation, journal_seq, region_seq, as_of) VALUES (1, 0, 0, NULL)")
	require.NoError(t, err)
	_, err = e.db.Exec("UPDATE projection SET live = 1, building = 0, newest = 1")
	require.NoError(t, err)
}

var errCrash = errors.New("the process died")

// crashing is a store whose next turn dies: before its commit, or after it without an answer.
type crashing struct {
	moneyquery.Store
	before, after atomic.Bool
}

func (c *crashing) InTurn(ctx context.Context, fn func(moneyquery.Turn, moneyquery.Generations) error) error {
	err := c.Store.InTurn(ctx, func(t moneyquery.Turn, g moneyquery.Generations) error {
		if err := fn(t, g); err != nil {
			return err
		}
		if c.before.Swap(false) {
			return errCrash
		}
		return nil
	})
	if err == nil && c.after.Swap(false) {
		return errCrash
	}
	return err
}

// drain projects until there is nothing more.
func (e *env) drain(t require.TestingT) {
	for {
		done, err := e.services[0].Project(context.Background())
		require.NoError(t, err)
		if done == 0 {
			return
		}
	}
}

func (e *env) head() moneyquery.Position {
	journal, _ := e.feeds.JournalHead(context.Background())
	changes, _ := e.feeds.RegionHead(context.Background())
	return moneyquery.Position{JournalSeq: journal, RegionSeq: changes}
}

// position is how far what readers see has got.
func (e *env) position(t require.TestingT) moneyquery.Position {
	p, err := moneyquerydb.New(e.db).Live(context.Background())
	require.NoError(t, err)
	return p
}

// requireAnswers compares what the service says with what follows from the feeds up to the position it names.
func (e *env) requireAnswers(t require.TestingT) {
	ctx, s, at := context.Background(), e.services[0], e.position(t)
	want := e.feeds.upTo(at)
	all, err := s.Regions(ctx)
	require.NoError(t, err)
	require.Len(t, all, len(regions))
	from := calendar.Of(start).AddDays(-5)
	for i, region := range regions {
		total := want.totals[region]
		require.Equal(t, moneyquery.RegionTotal{Region: region, Members: total.Members, Balance: total.Balance, JournalSeq: at.JournalSeq, AsOf: at.AsOf}, all[i])
		one, err := s.Region(ctx, region)
		require.NoError(t, err)
		require.Equal(t, all[i], one)
		days, err := s.Inflows(ctx, region, from, from.AddDays(10))
		require.NoError(t, err)
		require.Len(t, days, 11)
		for n, day := range days {
			require.Equal(t, moneyquery.DayInflow{Day: from.AddDays(n), Amount: want.inflows[region][day.Day]}, day, region)
		}
	}
}

// dump is every row of the model that readers see, zeros left out.
func (e *env) dump(t require.TestingT) []string {
	const q = `SELECT CONCAT_WS(' ', 'm', member_id, region, balance) FROM member_money m JOIN projection p ON m.generation = p.live
		UNION ALL SELECT CONCAT_WS(' ', 'mi', member_id, day, amount) FROM member_inflows i JOIN projection p ON i.generation = p.live
		UNION ALL SELECT CONCAT_WS(' ', 'rt', region, members, balance) FROM region_totals t JOIN projection p ON t.generation = p.live WHERE members <> 0
		UNION ALL SELECT CONCAT_WS(' ', 'ri', region, day, amount) FROM region_inflows i JOIN projection p ON i.generation = p.live WHERE amount <> 0
		ORDER BY 1`
	var rows []string
	require.NoError(t, e.db.Select(&rows, q))
	return rows
}
