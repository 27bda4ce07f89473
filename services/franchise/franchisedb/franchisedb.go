// Package franchisedb keeps package franchise's rows in a MySQL-protocol database.
package franchisedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/internal/recorddb"
	"durapay/services/franchise"
)

// Store implements franchise.Store.
type Store struct {
	db         *sqlx.DB
	deliveries recorddb.Table
}

var _ franchise.Store = (*Store)(nil)

// New makes a Store on a database with the migrations of schema.FS("franchise").
func New(db *sqlx.DB) *Store {
	return &Store{db: db, deliveries: recorddb.Table{DB: db, Name: "webhook_deliveries", NotFound: errs.WebhookDeliveryNotFound}}
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return mysqlx.Classify(fmt.Errorf("%s: %w", what, err))
}

// selectIn reads the rows of a list; the list stands for the query's one (?).
func selectIn[T any](ctx context.Context, db sqlx.QueryerContext, what, query string, args ...any) ([]T, error) {
	q, expanded, err := sqlx.In(query, args...)
	if err != nil {
		return nil, wrap(what, err)
	}
	var rows []T
	err = sqlx.SelectContext(ctx, db, &rows, q, expanded...)
	return rows, wrap(what, err)
}

// selectOne reads one row. Errors: franchise.ErrNotFound.
func selectOne[T any](ctx context.Context, db sqlx.QueryerContext, what, query string, args ...any) (T, error) {
	var row T
	err := sqlx.GetContext(ctx, db, &row, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return row, franchise.ErrNotFound
	}
	return row, wrap(what, err)
}

// rowsFound gives how many rows a statement has found, changed or not.
func rowsFound(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// list reads a page and one row more of a table by the key column of its index.
func list[T any](ctx context.Context, db sqlx.QueryerContext, what, query, key string, value any, q page.Request) ([]T, error) {
	where, args := " WHERE 1 = 1", []any{}
	if key != "" {
		where, args = " WHERE "+key+" = ?", []any{value}
	}
	behind, position := after(q.After)
	args = append(append(args, position...), q.Limit+1)
	rows := []T{}
	err := sqlx.SelectContext(ctx, db, &rows, query+where+behind+" ORDER BY created_at DESC, id DESC LIMIT ?", args...)
	return rows, wrap(what, err)
}

// after gives the condition for what lies behind a cursor. Its first half is what an
// index can use; servers do not use one for (created_at, id) < (?, ?).
func after(c page.Cursor) (string, []any) {
	if c.Start() {
		return "", nil
	}
	return ` AND created_at <= ? AND (created_at < ? OR id < ?)`, []any{c.At, c.At, c.ID}
}
