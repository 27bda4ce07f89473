package franchisedb

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/services/franchise"
)

const keyColumns = `id, franchise_id, label, secret_hash, created_at, revoked_at`

// AddKey stores a key. The franchise's row is locked, so that two at once are counted.
func (s *Store) AddKey(ctx context.Context, row franchise.KeyRow, most int) error {
	const inForce = `SELECT COUNT(*) FROM api_keys WHERE franchise_id = ? AND revoked_at IS NULL`
	const insert = `INSERT INTO api_keys (` + keyColumns + `) VALUES (:id, :franchise_id, :label, :secret_hash, :created_at, :revoked_at)`
	return mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		if err := registered(ctx, tx, row.FranchiseID, " FOR UPDATE"); err != nil {
			return err
		}
		n, err := selectOne[int](ctx, tx, "count API keys", inForce, row.FranchiseID)
		if err != nil {
			return err
		}
		if n >= most {
			return errs.TooManyAPIKeys.With("max", most)
		}
		_, err = tx.NamedExecContext(ctx, insert, row)
		return wrap("insert API key", err)
	})
}

// Keys gives a page of a franchise's keys.
func (s *Store) Keys(ctx context.Context, franchiseID string, q page.Request) ([]franchise.KeyRow, error) {
	return list[franchise.KeyRow](ctx, s.db, "list API keys", `SELECT `+keyColumns+` FROM api_keys`, "franchise_id", franchiseID, q)
}

// RevokeKey ends a key; the time of the first revocation stays. Errors: franchise.ErrNotFound.
func (s *Store) RevokeKey(ctx context.Context, franchiseID, keyID string, at time.Time) error {
	const q = `UPDATE api_keys SET revoked_at = COALESCE(revoked_at, ?) WHERE id = ? AND franchise_id = ?`
	found, err := rowsFound(s.db.ExecContext(ctx, q, at, keyID, franchiseID))
	if err == nil && found == 0 {
		return franchise.ErrNotFound
	}
	return wrap("revoke API key", err)
}

// KeyOwner gives the franchise of a key in force. One round trip. Errors: franchise.ErrNotFound.
func (s *Store) KeyOwner(ctx context.Context, secretHash []byte) (string, error) {
	const q = `SELECT franchise_id FROM api_keys WHERE secret_hash = ? AND revoked_at IS NULL`
	return selectOne[string](ctx, s.db, "read API key", q, secretHash)
}
