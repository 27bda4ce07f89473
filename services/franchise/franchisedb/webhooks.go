package franchisedb

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/mysqlx"
	"durapay/services/franchise"
)

const webhookColumns = `franchise_id, url, secret_sealed, old_secret_sealed, old_until, created_at, updated_at`

// SetWebhook stores a webhook in the place of the one before. Errors: franchise.ErrNotFound.
func (s *Store) SetWebhook(ctx context.Context, row franchise.WebhookRow) error {
	const q = `INSERT INTO webhooks (` + webhookColumns + `)
		VALUES (:franchise_id, :url, :secret_sealed, :old_secret_sealed, :old_until, :created_at, :updated_at)
		ON DUPLICATE KEY UPDATE url = VALUES(url), secret_sealed = VALUES(secret_sealed), old_secret_sealed = VALUES(old_secret_sealed),
			old_until = VALUES(old_until), created_at = VALUES(created_at), updated_at = VALUES(updated_at)`
	return mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		if err := registered(ctx, tx, row.FranchiseID, ""); err != nil {
			return err
		}
		_, err := tx.NamedExecContext(ctx, q, row)
		return wrap("set webhook", err)
	})
}

// RotateSecret replaces the secret; the assignments are made from left to right, so the
// old one is kept first. Errors: franchise.ErrNotFound.
func (s *Store) RotateSecret(ctx context.Context, franchiseID string, sealed []byte, oldUntil, at time.Time) (franchise.WebhookRow, error) {
	const q = `UPDATE webhooks SET old_secret_sealed = secret_sealed, old_until = ?, secret_sealed = ?, updated_at = ? WHERE franchise_id = ?`
	var row franchise.WebhookRow
	err := mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, q, oldUntil, sealed, at, franchiseID); err != nil {
			return wrap("rotate webhook secret", err)
		}
		var err error
		row, err = findWebhook(ctx, tx, franchiseID)
		return err
	})
	return row, err
}

func findWebhook(ctx context.Context, db sqlx.QueryerContext, franchiseID string) (franchise.WebhookRow, error) {
	const q = `SELECT ` + webhookColumns + ` FROM webhooks WHERE franchise_id = ?`
	return selectOne[franchise.WebhookRow](ctx, db, "read webhook", q, franchiseID)
}

// Webhook gives a franchise's webhook. Errors: franchise.ErrNotFound.
func (s *Store) Webhook(ctx context.Context, franchiseID string) (franchise.WebhookRow, error) {
	return findWebhook(ctx, s.db, franchiseID)
}

// RemoveWebhook forgets a webhook, if there is one.
func (s *Store) RemoveWebhook(ctx context.Context, franchiseID string) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM webhooks WHERE franchise_id = ?`, franchiseID)
	return wrap("remove webhook", err)
}
