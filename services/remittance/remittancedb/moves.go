package remittancedb

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/record"
	"durapay/services/remittance"
)

// givesBack tells whether a request in this state sends nothing, for good, so that it
// is no longer counted.
func givesBack(s record.State) bool {
	return s == record.Failed || s == record.Cancelled || s == record.Returned
}

// Move changes states. All allowed and none of them giving back what is counted: one
// round trip; the requests that may give back are moved in a transaction of their own.
func (s *Store) Move(ctx context.Context, moves []record.Move, at time.Time) ([]error, error) {
	plain, ending := split(moves)
	outs := make([]error, len(moves))
	if err := plain.run(outs, func(m []record.Move) ([]error, error) { return table(s.db).Move(ctx, m, at) }); err != nil {
		return nil, err
	}
	err := ending.run(outs, func(m []record.Move) ([]error, error) { return s.end(ctx, m, at) })
	return outs, err
}

// part is some of the moves, and where in the whole they stand.
type part struct {
	moves  []record.Move
	places []int
}

// split keeps all moves of one request together, because their order matters.
func split(moves []record.Move) (plain, ending part) {
	ends := map[string]bool{}
	for _, m := range moves {
		if givesBack(m.State) {
			ends[m.ID] = true
		}
	}
	for i, m := range moves {
		p := &plain
		if ends[m.ID] {
			p = &ending
		}
		p.moves, p.places = append(p.moves, m), append(p.places, i)
	}
	return plain, ending
}

// run makes the part's moves and puts their outcomes in place.
func (p part) run(outs []error, move func([]record.Move) ([]error, error)) error {
	if len(p.moves) == 0 {
		return nil
	}
	done, err := move(p.moves)
	if err != nil {
		return err
	}
	for i, out := range done {
		outs[p.places[i]] = out
	}
	return nil
}

// end makes moves of which some may give back. A request's sender, amount and day never
// change while it is counted, so that its day can be locked before it is.
func (s *Store) end(ctx context.Context, moves []record.Move, at time.Time) (outs []error, err error) {
	err = mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		counted, err := countedRows(ctx, tx, idsOf(moves))
		if err != nil {
			return err
		}
		totals, err := lockDays(ctx, tx, daysOf(counted))
		if err != nil {
			return err
		}
		if outs, err = table(tx).Move(ctx, moves, at); err != nil {
			return err
		}
		return giveBack(ctx, tx, idsOf(moves), totals)
	})
	return outs, err
}

func idsOf(moves []record.Move) []string {
	ids := make([]string, len(moves))
	for i, m := range moves {
		ids[i] = m.ID
	}
	return ids
}

func countedRows(ctx context.Context, tx *sqlx.Tx, ids []string) ([]remittance.Row, error) {
	q, args, err := sqlx.In(`SELECT `+columns+` FROM remittances WHERE id IN (?) AND counted_day IS NOT NULL`, ids)
	if err != nil {
		return nil, wrap("read counted remittances", err)
	}
	var rows []remittance.Row
	err = tx.SelectContext(ctx, &rows, q, args...)
	return rows, wrap("read counted remittances", err)
}

// giveBack takes those that have just ended without sending out of their days. Only
// this transaction can have ended them: whoever ends one takes it out at once, so there
// is none with a day left that another has ended.
func giveBack(ctx context.Context, tx *sqlx.Tx, ids []string, totals map[remittance.SenderDay]int64) error {
	counted, err := countedRows(ctx, tx, ids)
	if err != nil {
		return err
	}
	var ended []remittance.Row
	for _, r := range counted {
		if !givesBack(r.State) {
			continue
		}
		day, _ := r.SenderDay()
		if _, locked := totals[day]; !locked { // it was stored after its day was looked up
			return errs.Busy
		}
		totals[day] -= r.Amount
		ended = append(ended, r)
	}
	if len(ended) == 0 {
		return nil
	}
	if err := uncount(ctx, tx, ended); err != nil {
		return err
	}
	return putTotals(ctx, tx, daysOf(ended), totals)
}

func uncount(ctx context.Context, tx *sqlx.Tx, rows []remittance.Row) error {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	q, args, err := sqlx.In(`UPDATE remittances SET counted_day = NULL WHERE id IN (?)`, ids)
	if err != nil {
		return wrap("give back", err)
	}
	_, err = tx.ExecContext(ctx, q, args...)
	return wrap("give back", err)
}
