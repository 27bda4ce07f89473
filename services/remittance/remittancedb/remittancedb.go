// Package remittancedb keeps package remittance's rows in a MySQL-protocol database.
package remittancedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/internal/recorddb"
	"durapay/services/remittance"
)

// Store implements remittance.Store.
type Store struct{ db *sqlx.DB }

var _ remittance.Store = (*Store)(nil)

// New makes a Store on a database with the migrations of schema.FS("remittance").
func New(db *sqlx.DB) *Store {
	return &Store{db: db}
}

// table gives the requests' table on a pool or in a transaction.
func table(db sqlx.ExtContext) recorddb.Table {
	return recorddb.Table{DB: db, Name: "remittances", NotFound: errs.RemittanceNotFound}
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return mysqlx.Classify(fmt.Errorf("%s: %w", what, err))
}

// columns is what is read; a date is read as text, because it is not a moment.
const columns = `id, sender_id, receiver_id, bank_code, to_sealed, amount, memo_sealed, auto_top_up_account_id, top_up_id, fingerprint,
	state, failure, refusal, CAST(counted_day AS CHAR) AS counted_day, until_at, execute_at, created_at, updated_at`

// Begin stores new requests and counts them, and gives back the stored ones. All new:
// one transaction with a constant number of round trips.
func (s *Store) Begin(ctx context.Context, rows []remittance.Row, maxPerDay int64) ([]remittance.Row, error) {
	return recorddb.Begin(ctx, rows, recorddb.Shelf[remittance.Row]{
		Key: func(r remittance.Row) string { return r.ID },
		Insert: func(ctx context.Context, fresh []remittance.Row) error {
			return s.insertCounted(ctx, fresh, maxPerDay)
		},
		Find: s.findAll,
	})
}

// insertCounted stores rows as remittance.Admit decides, and puts its decisions into
// them. Everybody locks days before remittances, and days by their key, so that no two
// transactions wait for each other. Errors: recorddb.ErrTaken, and nothing is counted.
func (s *Store) insertCounted(ctx context.Context, rows []remittance.Row, maxPerDay int64) error {
	var admitted []remittance.Row
	err := mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		totals, err := lockDays(ctx, tx, daysOf(rows))
		if err != nil {
			return err
		}
		admitted = remittance.Admit(rows, totals, maxPerDay)
		if err := insert(ctx, tx, admitted); err != nil {
			return err
		}
		return putTotals(ctx, tx, daysOf(admitted), totals)
	})
	if err == nil {
		copy(rows, admitted)
	}
	return err
}

func insert(ctx context.Context, tx *sqlx.Tx, rows []remittance.Row) error {
	const q = `INSERT INTO remittances (id, sender_id, receiver_id, bank_code, to_sealed, amount, memo_sealed, auto_top_up_account_id, top_up_id, fingerprint,
			state, failure, refusal, counted_day, until_at, execute_at, created_at, updated_at)
		VALUES (:id, :sender_id, :receiver_id, :bank_code, :to_sealed, :amount, :memo_sealed, :auto_top_up_account_id, :top_up_id, :fingerprint,
			:state, :failure, :refusal, :counted_day, :until_at, :execute_at, :created_at, :updated_at)`
	_, err := tx.NamedExecContext(ctx, q, rows)
	if mysqlx.IsDuplicate(err, "PRIMARY") {
		return recorddb.ErrTaken
	}
	return wrap("insert remittances", err)
}

func (s *Store) findAll(ctx context.Context, ids []string) ([]remittance.Row, error) {
	q, args, err := sqlx.In(`SELECT `+columns+` FROM remittances WHERE id IN (?)`, ids)
	if err != nil {
		return nil, wrap("read remittances", err)
	}
	var rows []remittance.Row
	err = s.db.SelectContext(ctx, &rows, q, args...)
	return rows, wrap("read remittances", err)
}

// SetTopUp notes a top-up unless another one is noted.
func (s *Store) SetTopUp(ctx context.Context, id, topUpID string, at time.Time) (bool, error) {
	const q = `UPDATE remittances SET top_up_id = ?, updated_at = ? WHERE id = ? AND top_up_id IN ('', ?)`
	result, err := s.db.ExecContext(ctx, q, topUpID, at, id, topUpID)
	if err != nil {
		return false, wrap("set top-up", err)
	}
	found, err := result.RowsAffected()
	return found == 1, wrap("set top-up", err)
}

// Find gives one request. Errors: remittance.ErrNotFound.
func (s *Store) Find(ctx context.Context, id string) (remittance.Row, error) {
	const q = `SELECT ` + columns + ` FROM remittances WHERE id = ?`
	var row remittance.Row
	err := s.db.GetContext(ctx, &row, q, id)
	if errors.Is(err, sql.ErrNoRows) {
		return row, remittance.ErrNotFound
	}
	return row, wrap("read remittance", err)
}

// History reads a page from the index of each side and merges the two, so that its cost
// does not depend on how long the history is. Nothing is on both sides: a transfer to
// oneself is on record, but never succeeds.
func (s *Store) History(ctx context.Context, membershipID string, q page.Request) ([]remittance.Row, error) {
	behind, position := after(q.After)
	text := `(SELECT ` + columns + ` FROM remittances WHERE sender_id = ?` + behind + ` ORDER BY created_at DESC, id DESC LIMIT ?)
		UNION ALL
		(SELECT ` + columns + ` FROM remittances WHERE receiver_id = ? AND state = ?` + behind + ` ORDER BY created_at DESC, id DESC LIMIT ?)
		ORDER BY created_at DESC, id DESC LIMIT ?`
	most := q.Limit + 1
	args := append([]any{membershipID}, position...)
	args = append(args, most, membershipID, record.Succeeded)
	args = append(append(args, position...), most, most)
	rows := []remittance.Row{}
	err := s.db.SelectContext(ctx, &rows, text, args...)
	return rows, wrap("read history", err)
}

// after gives the condition for what lies behind a cursor. Its first half is what an
// index can use; servers do not use one for (created_at, id) < (?, ?).
func after(c page.Cursor) (string, []any) {
	if c.Start() {
		return "", nil
	}
	return ` AND created_at <= ? AND (created_at < ? OR id < ?)`, []any{c.At, c.At, c.ID}
}
