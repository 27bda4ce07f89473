package paymentdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/services/payment"
)

const cancelColumns = `id, payment_id, membership_id, franchise_id, amount, reason_sealed, asked_by, fingerprint,
	state, failure, refusal, fee, vat, remaining, statement_id, approved_at, until_at, created_at, updated_at`

const findCancel = `SELECT ` + cancelColumns + ` FROM cancels WHERE id = ?`

// BeginCancel stores a new cancel as decided under its payment's lock, or gives back
// the stored one.
func (s *Store) BeginCancel(ctx context.Context, row payment.CancelRow, decide func(p *payment.Row, reserved int64) payment.CancelRow) (payment.CancelRow, error) {
	stored, err := s.FindCancel(ctx, row.ID)
	if !errors.Is(err, payment.ErrNotFound) {
		return stored, err
	}
	err = mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		var err error
		stored, err = beginCancel(ctx, tx, row, decide)
		return err
	})
	if mysqlx.IsDuplicate(err, "PRIMARY") { // a rival stored the same id meanwhile
		return s.FindCancel(ctx, row.ID)
	}
	return stored, wrap("begin cancel", err)
}

func beginCancel(ctx context.Context, tx *sqlx.Tx, row payment.CancelRow, decide func(p *payment.Row, reserved int64) payment.CancelRow) (payment.CancelRow, error) {
	p, err := lock(ctx, tx, row.PaymentID)
	if errors.Is(err, payment.ErrNotFound) {
		row = decide(nil, 0)
		return row, insertCancel(ctx, tx, row)
	}
	if err != nil {
		return row, err
	}
	reserved, err := one[int64](ctx, tx, "read reserved amount", `SELECT COALESCE(SUM(amount), 0) FROM cancels
		WHERE payment_id = ? AND refusal IS NULL AND state NOT IN (?, ?)`, p.ID, record.Failed, record.Cancelled)
	if err != nil {
		return row, err
	}
	row = decide(&p, reserved)
	return row, insertCancel(ctx, tx, row)
}

func insertCancel(ctx context.Context, tx *sqlx.Tx, row payment.CancelRow) error {
	const q = `INSERT INTO cancels (` + cancelColumns + `)
		VALUES (:id, :payment_id, :membership_id, :franchise_id, :amount, :reason_sealed, :asked_by, :fingerprint,
		:state, :failure, :refusal, :fee, :vat, :remaining, :statement_id, :approved_at, :until_at, :created_at, :updated_at)`
	if _, err := tx.NamedExecContext(ctx, q, row); err != nil {
		return fmt.Errorf("insert cancel: %w", err)
	}
	return nil
}

// MoveCancel makes any move but to Succeeded; a cancel that has taken effect does not
// come back.
func (s *Store) MoveCancel(ctx context.Context, m record.Move, at time.Time) (outcome, err error) {
	if m.State == record.Succeeded || m.State == record.Returned {
		return errs.ConcurrentEdit.With("asked", m.State), nil
	}
	outs, err := s.cancels.Move(ctx, []record.Move{m}, at)
	if err != nil {
		return nil, err
	}
	return outs[0], nil
}

// ApplyCancel changes a cancel and its payment together. The payment is locked first,
// as everywhere, so that two of its cancels cannot wait for each other.
func (s *Store) ApplyCancel(ctx context.Context, id string, apply func(payment.Row, payment.CancelRow) (payment.Row, payment.CancelRow, error)) error {
	stored, err := s.FindCancel(ctx, id)
	if err != nil {
		return err
	}
	if stored.State == record.Succeeded { // it does not come back, so there is nothing to lock
		return nil
	}
	err = mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error { return applyCancel(ctx, tx, stored, apply) })
	return wrap("apply cancel", err)
}

func applyCancel(ctx context.Context, tx *sqlx.Tx, stored payment.CancelRow, apply func(payment.Row, payment.CancelRow) (payment.Row, payment.CancelRow, error)) error {
	p, err := lock(ctx, tx, stored.PaymentID)
	if errors.Is(err, payment.ErrNotFound) { // refused for that, so it cannot take effect
		return errs.ConcurrentEdit.With("state", stored.State).With("asked", record.Succeeded)
	}
	if err != nil {
		return err
	}
	c, err := one[payment.CancelRow](ctx, tx, "lock cancel", findCancel+` FOR UPDATE`, stored.ID)
	if err != nil {
		return err
	}
	if p, c, err = apply(p, c); err != nil {
		return err
	}
	if err := update(ctx, tx, p); err != nil {
		return err
	}
	const q = `UPDATE cancels SET state = :state, fee = :fee, vat = :vat, remaining = :remaining, approved_at = :approved_at,
		until_at = :until_at, updated_at = :updated_at WHERE id = :id`
	if _, err := tx.NamedExecContext(ctx, q, c); err != nil {
		return fmt.Errorf("update cancel: %w", err)
	}
	return nil
}

// FindCancel gives one cancel. Errors: payment.ErrNotFound.
func (s *Store) FindCancel(ctx context.Context, id string) (payment.CancelRow, error) {
	row, err := one[payment.CancelRow](ctx, s.db, "read cancel", findCancel, id)
	return row, mysqlx.Classify(err)
}

// ListCancels gives a payment's cancels that the scope may see, newest first.
func (s *Store) ListCancels(ctx context.Context, scope payment.Scope, paymentID string, q page.Request) ([]payment.CancelRow, error) {
	text, args := `SELECT `+cancelColumns+` FROM cancels WHERE payment_id = ?`, []any{paymentID}
	if scope.FranchiseID != "" {
		text, args = text+` AND franchise_id = ?`, append(args, scope.FranchiseID)
	}
	if scope.MembershipID != "" {
		text, args = text+` AND membership_id = ? AND state = ?`, append(args, scope.MembershipID, record.Succeeded)
	}
	behind, position := after("created_at", q.After)
	text += behind + ` ORDER BY created_at DESC, id DESC LIMIT ?`
	rows := []payment.CancelRow{}
	err := s.db.SelectContext(ctx, &rows, text, append(append(args, position...), q.Limit+1)...)
	return rows, wrap("read cancels", err)
}
