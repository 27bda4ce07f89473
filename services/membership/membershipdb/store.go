// Package membershipdb stores the membership service's data in a MySQL-protocol database.
package membershipdb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/mysqlx"
	"durapay/services/membership"
)

// Store is the membership service's storage.
type Store struct{ db *sqlx.DB }

var _ membership.Store = (*Store)(nil)

// New makes a store on a database that has the migrations of schema/membership.
func New(db *sqlx.DB) *Store { return &Store{db: db} }

// inTx runs fn in a transaction, under the name of the operation.
func (s *Store) inTx(ctx context.Context, operation string, fn func(tx *sqlx.Tx) error) error {
	return named(operation, mysqlx.InTx(ctx, s.db, fn))
}

// named puts the operation before an error, which keeps its kind.
func named(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", operation, mysqlx.Classify(err))
}

// exec runs a statement with lists among its arguments and tells how many rows it met.
func exec(ctx context.Context, db sqlx.ExecerContext, q string, args ...any) (int64, error) {
	q, args, err := sqlx.In(q, args...)
	if err != nil {
		return 0, err
	}
	result, err := db.ExecContext(ctx, q, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query reads rows by a statement with lists among its arguments.
func query[T any](ctx context.Context, db sqlx.QueryerContext, q string, args ...any) ([]T, error) {
	q, args, err := sqlx.In(q, args...)
	if err != nil {
		return nil, err
	}
	var rows []T
	err = sqlx.SelectContext(ctx, db, &rows, q, args...)
	return rows, err
}

// nullable stores the zero time as NULL.
func nullable(t time.Time) sql.Null[time.Time] {
	return sql.Null[time.Time]{V: t, Valid: !t.IsZero()}
}

// indexOf finds values by their keys.
func indexOf[T any](values []T, key func(T) string) map[string]T {
	byKey := make(map[string]T, len(values))
	for _, v := range values {
		byKey[key(v)] = v
	}
	return byKey
}
