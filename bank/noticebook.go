package bank

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/mysqlx"
)

// claimedNotice is a notice that is this process's to send until its lease ends.
type claimedNotice struct {
	ID       string `db:"id"`
	Body     []byte `db:"body"`
	Copies   int    `db:"copies"`   // still to be delivered
	Attempts int    `db:"attempts"` // with the one that begins now
}

// tell writes a notice about the subscribed account, beside the effect it tells of; about others nobody asked.
func (b *books) tell(ctx context.Context, tx *sqlx.Tx, n Notice) error {
	if n.Account != b.subscribed {
		return nil
	}
	body, err := n.body()
	if err != nil {
		return err
	}
	const q = `INSERT INTO notices (id, body, state, copies, due_at) VALUES (?, ?, 'PENDING', 1, ?)`
	_, err = tx.ExecContext(ctx, q, n.ID, string(body), n.At)
	return wrap("insert notice", err)
}

// claimNotice takes the notice that is due longest, for the lease; nil when none is due. A process that dies with a notice in hand
// leaves it to whoever comes after the lease.
func (b *books) claimNotice(ctx context.Context, lease time.Duration) (*claimedNotice, error) {
	var n claimedNotice
	err := mysqlx.InTx(ctx, b.db, func(tx *sqlx.Tx) error {
		now := b.clock()
		const due = `SELECT id, body, copies, attempts + 1 AS attempts FROM notices WHERE state = 'PENDING' AND due_at <= ?
			ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED`
		if err := tx.GetContext(ctx, &n, due, now); err != nil {
			return err
		}
		const take = `UPDATE notices SET attempts = ?, due_at = ? WHERE id = ?`
		_, err := tx.ExecContext(ctx, take, n.Attempts, now.Add(lease), n.ID)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("claim notice", err)
	}
	return &n, nil
}

// postponeNotice makes a notice due after a pause.
func (b *books) postponeNotice(ctx context.Context, id string, pause time.Duration) error {
	const q = `UPDATE notices SET due_at = ? WHERE id = ? AND state = 'PENDING'`
	_, err := b.db.ExecContext(ctx, q, b.clock().Add(pause), id)
	return wrap("postpone notice", err)
}

// copyNotice sets how often a notice is to be delivered.
func (b *books) copyNotice(ctx context.Context, id string, copies int) error {
	const q = `UPDATE notices SET copies = ? WHERE id = ? AND state = 'PENDING'`
	_, err := b.db.ExecContext(ctx, q, copies, id)
	return wrap("copy notice", err)
}

// delivered takes one copy off a notice, and closes it with the last one.
func (b *books) delivered(ctx context.Context, n claimedNotice) error {
	now := b.clock()
	if n.Copies > 1 {
		const q = `UPDATE notices SET copies = ?, due_at = ? WHERE id = ? AND state = 'PENDING'`
		_, err := b.db.ExecContext(ctx, q, n.Copies-1, now, n.ID)
		return wrap("record delivery", err)
	}
	const q = `UPDATE notices SET state = 'DELIVERED', copies = 0, delivered_at = ? WHERE id = ? AND state = 'PENDING'`
	_, err := b.db.ExecContext(ctx, q, now, n.ID)
	return wrap("record delivery", err)
}
