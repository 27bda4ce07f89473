package franchisedb

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/record"
)

// standing is where a request is.
type standing struct {
	ID      string         `db:"id"`
	State   record.State   `db:"state"`
	Refusal record.Failure `db:"refusal"`
}

// move changes states in one transaction, in the order given; write stores one of them
// with what follows from it. Rows are locked in the order of their ids first.
func (s *Store) move(ctx context.Context, r requests, moves []record.Move, write func(*sqlx.Tx, record.Move) error) ([]error, error) {
	if len(moves) == 0 {
		return nil, nil
	}
	outs := make([]error, len(moves))
	err := mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		standings, err := r.lock(ctx, tx, moves)
		if err != nil {
			return err
		}
		for i, m := range moves {
			var due bool
			if due, outs[i] = r.decide(m, standings[m.ID]); !due {
				continue
			}
			if err := write(tx, m); err != nil {
				return wrap("move "+r.table, err)
			}
			standings[m.ID] = standing{ID: m.ID, State: m.State, Refusal: standings[m.ID].Refusal}
		}
		return nil
	})
	return outs, err
}

func (r requests) lock(ctx context.Context, tx *sqlx.Tx, moves []record.Move) (map[string]standing, error) {
	ids := make([]string, len(moves))
	for i, m := range moves {
		ids[i] = m.ID
	}
	q := `SELECT id, state, refusal FROM ` + r.table + ` WHERE id IN (?) ORDER BY id FOR UPDATE`
	rows, err := selectIn[standing](ctx, tx, "lock "+r.table, q, ids)
	standings := make(map[string]standing, len(rows))
	for _, row := range rows {
		standings[row.ID] = row
	}
	return standings, err
}

// decide tells whether a move is to be written. A repeat of a final one is not: what was
// told first stays. A request that was refused when it began cannot succeed.
func (r requests) decide(m record.Move, at standing) (due bool, refused error) {
	switch {
	case at.ID == "":
		return false, r.notFound
	case at.State == m.State && m.State.Final():
		return false, nil
	case !at.State.CanBecome(m.State), m.State == record.Returned, m.State == record.Succeeded && at.Refusal.Is():
		return false, errs.ConcurrentEdit.With("state", at.State).With("asked", m.State)
	default:
		return true, nil
	}
}

func nullTime(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at
}
