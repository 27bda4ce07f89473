package settlementdb

import (
	"context"
	"time"

	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/internal/recorddb"
	"durapay/services/settlement"
)

const runColumns = `id, business_date, dry, asked_by, fingerprint, state, failure, created_at, updated_at`

// BeginRuns stores new runs and gives back the stored ones. All new: one round trip.
func (s *Store) BeginRuns(ctx context.Context, runs []settlement.Run) ([]settlement.Run, error) {
	return recorddb.Begin(ctx, runs, recorddb.Shelf[settlement.Run]{
		Key:    func(r settlement.Run) string { return r.ID },
		Insert: s.insertRuns,
		Find:   s.Runs,
	})
}

func (s *Store) insertRuns(ctx context.Context, runs []settlement.Run) error {
	const q = `INSERT INTO runs (live_date, ` + runColumns + `)
		VALUES (IF(:dry, NULL, :business_date), :id, :business_date, :dry, :asked_by, :fingerprint, :state, :failure, :created_at, :updated_at)`
	_, err := s.db.NamedExecContext(ctx, q, runs)
	if mysqlx.IsDuplicate(err, "PRIMARY") {
		return recorddb.ErrTaken
	}
	return wrap("insert runs", err)
}

// MoveRuns changes states. All allowed: one round trip.
func (s *Store) MoveRuns(ctx context.Context, moves []record.Move, at time.Time) ([]error, error) {
	return s.runs.Move(ctx, moves, at)
}

// Runs gives those that exist.
func (s *Store) Runs(ctx context.Context, ids []string) ([]settlement.Run, error) {
	const q = `SELECT ` + runColumns + ` FROM runs WHERE id IN (?)`
	runs, err := selectIn[settlement.Run](ctx, s.db, q, ids)
	return runs, wrap("read runs", err)
}

// ListRuns gives runs, newest first.
func (s *Store) ListRuns(ctx context.Context, q page.Request) ([]settlement.Run, error) {
	var w where
	w.after(q.After)
	runs := []settlement.Run{}
	err := s.db.SelectContext(ctx, &runs, `SELECT `+runColumns+` FROM runs`+w.String()+` ORDER BY created_at DESC, id DESC LIMIT ?`,
		append(w.args, q.Limit+1)...)
	return runs, wrap("list runs", err)
}

// Totals sums up in an index, without reading statements.
func (s *Store) Totals(ctx context.Context, runIDs []string) (map[string]settlement.Totals, error) {
	const q = `SELECT run_id, payout_state, COUNT(*) AS n, SUM(net) AS net FROM statements WHERE run_id IN (?) GROUP BY run_id, payout_state`
	type sum struct {
		RunID string                 `db:"run_id"`
		State settlement.PayoutState `db:"payout_state"`
		N     int64                  `db:"n"`
		Net   int64                  `db:"net"` // the server's sum is a decimal; one that does not fit is an error
	}
	sums, err := selectIn[sum](ctx, s.db, q, runIDs)
	if err != nil {
		return nil, wrap("sum up runs", err)
	}
	totals := make(map[string]settlement.Totals, len(runIDs))
	for _, one := range sums {
		t := totals[one.RunID]
		if err := t.Add(one.State, settlement.StateTotal{Count: one.N, Net: one.Net}); err != nil {
			return nil, wrap("sum up run "+one.RunID, err)
		}
		totals[one.RunID] = t
	}
	return totals, nil
}
