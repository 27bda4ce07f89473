// Package paymentdb keeps package payment's rows in a MySQL-protocol database.
package paymentdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/recorddb"
	"durapay/services/payment"
)

// Store implements payment.Store.
type Store struct {
	db      *sqlx.DB
	cancels recorddb.Table
}

var _ payment.Store = (*Store)(nil)

// New makes a Store on a database with the migrations of schema.FS("payment").
func New(db *sqlx.DB) *Store {
	return &Store{db: db, cancels: recorddb.Table{DB: db, Name: "cancels", NotFound: errs.CancelNotFound}}
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return mysqlx.Classify(fmt.Errorf("%s: %w", what, err))
}

// exec runs one statement as its own transaction: one round trip, and more only when it
// lost a deadlock or waited too long.
func (s *Store) exec(ctx context.Context, q string, args ...any) (sql.Result, error) {
	result, err := s.db.ExecContext(ctx, q, args...)
	if !errors.Is(mysqlx.Classify(err), errs.Busy) {
		return result, err
	}
	err = mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		var again error
		result, again = tx.ExecContext(ctx, q, args...)
		return again
	})
	return result, err
}

const columns = `id, membership_id, franchise_id, order_id, order_claim, amount, tax_free_amount, cancelled_amount,
	fee_basis_points, fee, vat, auto_top_up_account_id, top_up_id, fingerprint, state, failure, refusal, statement_id,
	approved_at, settled_at, until_at, created_at, updated_at`

// SetTopUp notes a top-up unless another one is noted.
func (s *Store) SetTopUp(ctx context.Context, id, topUpID string, at time.Time) (bool, error) {
	const q = `UPDATE payments SET top_up_id = ?, updated_at = ? WHERE id = ? AND top_up_id IN ('', ?)`
	result, err := s.exec(ctx, q, topUpID, at, id, topUpID)
	if err != nil {
		return false, wrap("set top-up", err)
	}
	found, err := result.RowsAffected()
	return found == 1, wrap("set top-up", err)
}

// Find gives one payment. Errors: payment.ErrNotFound.
func (s *Store) Find(ctx context.Context, id string) (payment.Row, error) {
	row, err := one[payment.Row](ctx, s.db, "read payment", `SELECT `+columns+` FROM payments WHERE id = ?`, id)
	return row, mysqlx.Classify(err)
}

// Update changes a payment under its lock. Errors: payment.ErrNotFound, those of change.
func (s *Store) Update(ctx context.Context, id string, change func(payment.Row) (payment.Row, error)) (payment.Row, error) {
	var changed payment.Row
	err := mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		row, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if changed, err = change(row); err != nil {
			return err
		}
		return update(ctx, tx, changed)
	})
	return changed, wrap("update payment", err)
}

// lock reads a payment and locks it. Errors: payment.ErrNotFound.
func lock(ctx context.Context, tx *sqlx.Tx, id string) (payment.Row, error) {
	return one[payment.Row](ctx, tx, "lock payment", `SELECT `+columns+` FROM payments WHERE id = ? FOR UPDATE`, id)
}

// update stores what may change of a payment after its approval.
func update(ctx context.Context, tx *sqlx.Tx, row payment.Row) error {
	const q = `UPDATE payments SET state = :state, cancelled_amount = :cancelled_amount, settled_at = :settled_at, updated_at = :updated_at WHERE id = :id`
	_, err := tx.NamedExecContext(ctx, q, row)
	if err != nil {
		return fmt.Errorf("update payment: %w", err)
	}
	return nil
}

// one reads one row. Errors: payment.ErrNotFound.
func one[T any](ctx context.Context, from sqlx.QueryerContext, what, q string, args ...any) (T, error) {
	var row T
	err := sqlx.GetContext(ctx, from, &row, q, args...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return row, payment.ErrNotFound
	case err != nil: // contention is for InTx to see
		return row, fmt.Errorf("%s: %w", what, err)
	default:
		return row, nil
	}
}
