// Package recorddb keeps the rows of requests (package record) in a MySQL-protocol
// database: many rows begin, or move, in one statement and one commit.
package recorddb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/record"
)

// ErrTaken is what a Shelf's Insert gives when a key is stored already; it has then
// stored nothing at all.
var ErrTaken = errors.New("key is taken")

// Shelf is how rows of one kind are stored under a key that is theirs alone.
type Shelf[T any] struct {
	Key    func(T) string
	Insert func(ctx context.Context, rows []T) error
	Find   func(ctx context.Context, keys []string) ([]T, error)
}

// beginAttempts bounds Begin: each further one needs a row to appear between two statements.
const beginAttempts = 5

// Begin stores the rows whose keys are new, and gives what is stored under the key of
// each, in order: a repeat gets the first one's row. All new: one round trip.
// Errors: ErrTaken when a row clashes with a stored one in another way than by its key.
func Begin[T any](ctx context.Context, rows []T, s Shelf[T]) ([]T, error) {
	stored := make(map[string]T, len(rows))
	for range beginAttempts {
		fresh := missing(rows, stored, s.Key)
		if len(fresh) == 0 {
			return inOrder(rows, stored, s.Key), nil
		}
		err := s.Insert(ctx, fresh)
		if err == nil {
			remember(stored, fresh, s.Key)
			continue
		}
		if !errors.Is(err, ErrTaken) {
			return nil, err
		}
		found, err := s.Find(ctx, keysOf(fresh, s.Key))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, ErrTaken
		}
		remember(stored, found, s.Key)
	}
	return nil, ErrTaken
}

// missing gives the rows not stored yet, each key once.
func missing[T any](rows []T, stored map[string]T, key func(T) string) []T {
	var fresh []T
	seen := make(map[string]bool, len(rows))
	for _, r := range rows {
		k := key(r)
		if _, known := stored[k]; !known && !seen[k] {
			seen[k] = true
			fresh = append(fresh, r)
		}
	}
	return fresh
}

func remember[T any](stored map[string]T, rows []T, key func(T) string) {
	for _, r := range rows {
		stored[key(r)] = r
	}
}

func inOrder[T any](rows []T, stored map[string]T, key func(T) string) []T {
	outs := make([]T, len(rows))
	for i, r := range rows {
		outs[i] = stored[key(r)]
	}
	return outs
}

func keysOf[T any](rows []T, key func(T) string) []string {
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = key(r)
	}
	return keys
}

// Table is a table of requests: it has the columns id, state, failure, until_at and updated_at.
type Table struct {
	DB       sqlx.ExtContext // a pool, or a transaction whose isolation is READ COMMITTED
	Name     string          // ours, never a client's
	NotFound *errs.Error     // told for an id that is not in it
}

// Move changes states as record.State.CanBecome allows, in the order given, and gives
// an outcome for each: nil when the row is in the asked state now, the table's
// NotFound, or errs.ConcurrentEdit when the row's state does not allow it. A repeat of
// a final move keeps the first one's failure. All allowed and no id twice: one round
// trip. Errors: infrastructure trouble only.
func (t Table) Move(ctx context.Context, moves []record.Move, at time.Time) ([]error, error) {
	outs := make([]error, 0, len(moves))
	for rest := moves; len(rest) > 0; {
		n := distinct(rest)
		round, err := t.moveDistinct(ctx, rest[:n], at)
		if err != nil {
			return nil, err
		}
		outs, rest = append(outs, round...), rest[n:]
	}
	return outs, nil
}

// distinct gives how many of the first moves are for rows of their own.
func distinct(moves []record.Move) int {
	seen := make(map[string]bool, len(moves))
	for i, m := range moves {
		if seen[m.ID] {
			return i
		}
		seen[m.ID] = true
	}
	return len(moves)
}

func (t Table) moveDistinct(ctx context.Context, moves []record.Move, at time.Time) ([]error, error) {
	q, args := t.update(moves, at)
	result, err := t.DB.ExecContext(ctx, q, args...)
	if err != nil {
		return nil, t.wrap("move", err)
	}
	moved, err := result.RowsAffected() // rows found: the connection asks for them instead of rows changed
	if err != nil {
		return nil, t.wrap("move", err)
	}
	if moved == int64(len(moves)) {
		return make([]error, len(moves)), nil
	}
	return t.outcomes(ctx, moves)
}

// update builds the one statement for all moves: CASE gives each row its own values,
// WHERE lets each through only from a state that may become the asked one.
func (t Table) update(moves []record.Move, at time.Time) (string, []any) {
	var q strings.Builder
	var args []any
	set := func(column string, value func(record.Move) any) {
		fmt.Fprintf(&q, "%s = CASE id", column)
		for _, m := range moves {
			q.WriteString(" WHEN ? THEN ?")
			args = append(args, m.ID, value(m))
		}
		fmt.Fprintf(&q, " ELSE %s END, ", column)
	}
	q.WriteString("UPDATE " + t.Name + " SET ")
	set("failure", func(m record.Move) any { return m.Failure })
	set("until_at", func(m record.Move) any { return nullTime(m.Until) })
	set("state", func(m record.Move) any { return string(m.State) })
	q.WriteString("updated_at = ? WHERE ")
	args = append(args, at)
	for i, m := range moves {
		if i > 0 {
			q.WriteString(" OR ")
		}
		from := sources(m.State)
		q.WriteString("(id = ? AND state IN ('" + strings.Join(from, "','") + "'))")
		args = append(args, m.ID)
	}
	return q.String(), args
}

var states = []record.State{
	record.Requested, record.Processing, record.Waiting, record.Unknown,
	record.Succeeded, record.Failed, record.Cancelled, record.Returned,
}

// sources lists the states a row may be in for this move to be written. A final state
// is not written over itself: what was told first stays.
func sources(next record.State) []string {
	var from []string
	for _, s := range states {
		if s.CanBecome(next) && !(s == next && s.Final()) {
			from = append(from, string(s))
		}
	}
	if from == nil {
		return []string{""} // no row has this state
	}
	return from
}

// outcomes tells refused moves from done ones by what the rows say now.
func (t Table) outcomes(ctx context.Context, moves []record.Move) ([]error, error) {
	ids := make([]string, len(moves))
	for i, m := range moves {
		ids[i] = m.ID
	}
	q, args, err := sqlx.In("SELECT id, state FROM "+t.Name+" WHERE id IN (?)", ids)
	if err != nil {
		return nil, t.wrap("read states", err)
	}
	var rows []struct {
		ID    string       `db:"id"`
		State record.State `db:"state"`
	}
	if err := sqlx.SelectContext(ctx, t.DB, &rows, q, args...); err != nil {
		return nil, t.wrap("read states", err)
	}
	states := make(map[string]record.State, len(rows))
	for _, r := range rows {
		states[r.ID] = r.State
	}
	outs := make([]error, len(moves))
	for i, m := range moves {
		outs[i] = t.outcome(m, states[m.ID])
	}
	return outs, nil
}

func (t Table) outcome(m record.Move, state record.State) error {
	switch {
	case state.Has(m.State):
		return nil
	case state == "":
		return t.NotFound
	default:
		return errs.ConcurrentEdit.With("state", state).With("asked", m.State)
	}
}

func (t Table) wrap(what string, err error) error {
	return mysqlx.Classify(fmt.Errorf("%s %s: %w", t.Name, what, err))
}

func nullTime(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at
}
