// Package settlementdb keeps package settlement's rows in a MySQL-protocol database.
package settlementdb

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/internal/recorddb"
	"durapay/services/settlement"
)

// Store implements settlement.Store.
type Store struct {
	db   *sqlx.DB
	runs recorddb.Table
}

var _ settlement.Store = (*Store)(nil)

// New makes a Store on a database with the migrations of schema.FS("settlement").
func New(db *sqlx.DB) *Store {
	return &Store{db: db, runs: recorddb.Table{DB: db, Name: "runs", NotFound: errs.SettlementRunNotFound}}
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return mysqlx.Classify(fmt.Errorf("%s: %w", what, err))
}

// inTx runs fn in a transaction. Errors keep their numbers until the transaction has
// decided whether to run again.
func (s *Store) inTx(ctx context.Context, what string, fn func(tx *sqlx.Tx) error) error {
	return wrap(what, mysqlx.InTx(ctx, s.db, fn))
}

// selectIn reads the rows of a list of keys; q has one IN (?). No keys, no trip.
func selectIn[T any](ctx context.Context, from sqlx.QueryerContext, q string, keys []string) ([]T, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	q, args, err := sqlx.In(q, keys)
	if err != nil {
		return nil, err
	}
	var rows []T
	err = sqlx.SelectContext(ctx, from, &rows, q, args...)
	return rows, err
}

// where gathers conditions; each is ours, never a client's.
type where struct {
	conditions []string
	args       []any
}

func (w *where) add(condition string, args ...any) {
	w.conditions, w.args = append(w.conditions, condition), append(w.args, args...)
}

// after keeps what lies behind a cursor. The first half is what an index can use;
// servers do not use one for (created_at, id) < (?, ?).
func (w *where) after(c page.Cursor) {
	if !c.Start() {
		w.add(`created_at <= ? AND (created_at < ? OR id < ?)`, c.At, c.At, c.ID)
	}
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}
