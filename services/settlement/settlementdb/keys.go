package settlementdb

import (
	"context"
	"time"

	"durapay/internal/mysqlx"
)

// BindKey stores what a key asks for, and gives what it asked for first.
func (s *Store) BindKey(ctx context.Context, keyID, fingerprint string, at time.Time) (string, error) {
	const insert = `INSERT INTO run_keys (id, fingerprint, created_at) VALUES (?, ?, ?)`
	_, err := s.db.ExecContext(ctx, insert, keyID, fingerprint, at)
	if err == nil {
		return fingerprint, nil
	}
	if !mysqlx.IsDuplicate(err, "PRIMARY") {
		return "", wrap("bind key", err)
	}
	var first string
	err = s.db.GetContext(ctx, &first, `SELECT fingerprint FROM run_keys WHERE id = ?`, keyID)
	return first, wrap("read key", err)
}
