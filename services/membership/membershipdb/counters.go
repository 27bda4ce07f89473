package membershipdb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/services/membership"
)

type counterRow struct {
	Key          []byte              `db:"counter_key"`
	Failures     int                 `db:"failures"`
	BlockedUntil sql.Null[time.Time] `db:"blocked_until"`
	ExpiresAt    time.Time           `db:"expires_at"`
}

func toCounter(r counterRow) membership.Counter {
	return membership.Counter{Key: r.Key, Failures: r.Failures, BlockedUntil: r.BlockedUntil.V, ExpiresAt: r.ExpiresAt}
}

func toCounterRow(c membership.Counter) counterRow {
	return counterRow{Key: c.Key, Failures: c.Failures, BlockedUntil: nullable(c.BlockedUntil), ExpiresAt: c.ExpiresAt}
}

const selectCounters = `SELECT counter_key, failures, blocked_until, expires_at FROM login_counters WHERE counter_key IN (?)`

// Counters implements membership.Store.
func (s *Store) Counters(ctx context.Context, keys [][]byte) ([]membership.Counter, error) {
	rows, err := query[counterRow](ctx, s.db, selectCounters, keys)
	if err != nil {
		return nil, named("read login counters", err)
	}
	counters := make([]membership.Counter, len(rows))
	for i, row := range rows {
		counters[i] = toCounter(row)
	}
	return counters, nil
}

// UpdateCounters implements membership.Store.
func (s *Store) UpdateCounters(ctx context.Context, keys [][]byte, change func([]membership.Counter) error) error {
	return s.inTx(ctx, "update login counters", func(tx *sqlx.Tx) error {
		counters, err := lockCounters(ctx, tx, keys)
		if err != nil {
			return err
		}
		if err := change(counters); err != nil {
			return err
		}
		return writeCounters(ctx, tx, counters)
	})
}

// lockCounters makes the missing rows first: a row that is not there could not be locked, and two first attempts at
// once would both count one. The rows are locked in the order of the keys, an account's before the network address's
// that many share, so that sign-ins do not lock each other up.
func lockCounters(ctx context.Context, tx *sqlx.Tx, keys [][]byte) ([]membership.Counter, error) {
	const q = `INSERT INTO login_counters (counter_key, failures, expires_at) VALUES (:counter_key, :failures, :expires_at)
		ON DUPLICATE KEY UPDATE failures = login_counters.failures`
	absent := make([]counterRow, len(keys))
	for i, key := range keys {
		absent[i] = counterRow{Key: key, ExpiresAt: time.Unix(0, 0).UTC()}
	}
	if _, err := tx.NamedExecContext(ctx, q, absent); err != nil {
		return nil, err
	}
	rows, err := query[counterRow](ctx, tx, selectCounters+` FOR UPDATE`, keys)
	if err != nil {
		return nil, err
	}
	byKey := indexOf(rows, func(r counterRow) string { return string(r.Key) })
	if len(byKey) != len(keys) {
		return nil, fmt.Errorf("%d of %d counters are there", len(byKey), len(keys))
	}
	counters := make([]membership.Counter, len(keys))
	for i, key := range keys {
		counters[i] = toCounter(byKey[string(key)])
	}
	return counters, nil
}

func writeCounters(ctx context.Context, tx *sqlx.Tx, counters []membership.Counter) error {
	const q = `UPDATE login_counters SET failures = :failures, blocked_until = :blocked_until, expires_at = :expires_at
		WHERE counter_key = :counter_key`
	for _, c := range counters {
		if _, err := tx.NamedExecContext(ctx, q, toCounterRow(c)); err != nil {
			return err
		}
	}
	return nil
}
