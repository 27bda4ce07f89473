package recorddb

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/devenv/devtest"
	"durapay/internal/record"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

// fakeShelf takes all or nothing; rivals appear between a try and the next.
type fakeShelf struct {
	stored map[string]string
	trips  int
}

type item struct{ key, value string }

func (f *fakeShelf) shelf() Shelf[item] {
	return Shelf[item]{
		Key: func(i item) string { return i.key },
		Insert: func(_ context.Context, rows []item) error {
			f.trips++
			seen := map[string]bool{}
			for _, r := range rows {
				if _, taken := f.stored[r.key]; taken || seen[r.key] {
					return ErrTaken
				}
				seen[r.key] = true
			}
			for _, r := range rows {
				f.stored[r.key] = r.value
			}
			return nil
		},
		Find: func(_ context.Context, keys []string) ([]item, error) {
			f.trips++
			var found []item
			for _, k := range keys {
				if v, known := f.stored[k]; known {
					found = append(found, item{k, v})
				}
			}
			return found, nil
		},
	}
}

func TestBeginGivesWhatIsStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		f := &fakeShelf{stored: map[string]string{}}
		for _, k := range rapid.SliceOf(key).Draw(t, "stored") {
			f.stored[k] = "old"
		}
		var rows []item
		want := map[string]string{}
		for i, k := range rapid.SliceOf(key).Draw(t, "asked") {
			rows = append(rows, item{k, string(rune('0' + i%10))})
			if f.stored[k] != "" {
				want[k] = "old"
			} else if want[k] == "" {
				want[k] = rows[i].value
			}
		}
		outs, err := Begin(context.Background(), rows, f.shelf())
		require.NoError(t, err)
		require.Len(t, outs, len(rows))
		for i, out := range outs {
			require.Equal(t, item{rows[i].key, want[rows[i].key]}, out)
		}
		require.LessOrEqual(t, f.trips, 3)
	})
}

func TestBeginOfNewRowsIsOneTrip(t *testing.T) {
	f := &fakeShelf{stored: map[string]string{}}
	_, err := Begin(t.Context(), []item{{"a", "1"}, {"b", "1"}, {"a", "2"}}, f.shelf())
	require.NoError(t, err)
	require.Equal(t, 1, f.trips)
}

func TestBeginEndsWhenSomethingElseClashes(t *testing.T) {
	s := (&fakeShelf{stored: map[string]string{}}).shelf()
	s.Insert = func(context.Context, []item) error { return ErrTaken }
	_, err := Begin(t.Context(), []item{{"a", "1"}}, s)
	require.ErrorIs(t, err, ErrTaken)
	broken := errors.New("broken")
	s.Insert = func(context.Context, []item) error { return broken }
	_, err = Begin(t.Context(), []item{{"a", "1"}}, s)
	require.ErrorIs(t, err, broken)
}

const table = `-- +goose Up
CREATE TABLE requests (
	id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	failure VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
	until_at DATETIME(6) NULL,
	updated_at DATETIME(6) NOT NULL
) ENGINE = InnoDB;
`

type row struct {
	ID      string         `db:"id"`
	State   record.State   `db:"state"`
	Failure record.Failure `db:"failure"`
	Until   *time.Time     `db:"until_at"`
	Updated time.Time      `db:"updated_at"`
}

// Rows move as in a model that takes the moves one by one.
func TestMovesAreThoseOfTheModel(t *testing.T) {
	db := devtest.Database(t, fstest.MapFS{"00001_requests.sql": {Data: []byte(table)}})
	requests := Table{DB: db, Name: "requests", NotFound: errs.FlowNotFound}
	all := append(slices.Clone(states), "LOST")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		model := map[string]row{}
		db.MustExec("DELETE FROM requests")
		for _, id := range []string{"a", "b", "c"} {
			model[id] = row{ID: id, State: rapid.SampledFrom(states).Draw(rt, id), Updated: at}
			db.MustExec("INSERT INTO requests VALUES (?, ?, NULL, NULL, ?)", id, model[id].State, at)
		}
		for range rapid.IntRange(1, 4).Draw(rt, "batches") {
			at = at.Add(time.Microsecond)
			moves := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) record.Move { return drawMove(rt, all, at) }), 0, 6).Draw(rt, "moves")
			outs, err := requests.Move(context.Background(), moves, at)
			require.NoError(rt, err)
			require.Len(rt, outs, len(moves))
			for i, m := range moves {
				requireOutcome(rt, model, m, at, outs[i])
			}
		}
		require.Equal(rt, model, stored(rt, db))
	})
}

func drawMove(rt *rapid.T, states []record.State, at time.Time) record.Move {
	m := record.Move{
		ID:    rapid.SampledFrom([]string{"a", "b", "c", "none"}).Draw(rt, "id"),
		State: rapid.SampledFrom(states).Draw(rt, "state"),
	}
	if m.State == record.Failed {
		m.Failure = record.FailureOf(errs.TransferLimit.With("한도", rapid.IntRange(1, 9).Draw(rt, "limit")))
	}
	if m.State == record.Waiting {
		m.Until = at.Add(time.Duration(rapid.IntRange(1, 1000).Draw(rt, "until")) * time.Microsecond)
	}
	return m
}

func requireOutcome(rt *rapid.T, model map[string]row, m record.Move, at time.Time, got error) {
	r, known := model[m.ID]
	switch {
	case !known:
		require.ErrorIs(rt, got, errs.FlowNotFound)
	case m.State.Final() && (r.State == m.State || r.State == record.Returned && m.State == record.Succeeded):
		require.NoError(rt, got)
	case r.State.CanBecome(m.State):
		require.NoError(rt, got)
		r.State, r.Failure, r.Until, r.Updated = m.State, m.Failure, nil, at
		if !m.Until.IsZero() {
			r.Until = &m.Until
		}
		model[m.ID] = r
	default:
		require.ErrorIs(rt, got, errs.ConcurrentEdit)
	}
}

func stored(rt *rapid.T, db *sqlx.DB) map[string]row {
	var rows []row
	require.NoError(rt, db.Select(&rows, "SELECT id, state, failure, until_at, updated_at FROM requests"))
	byID := map[string]row{}
	for _, r := range rows {
		byID[r.ID] = r
	}
	return byID
}
