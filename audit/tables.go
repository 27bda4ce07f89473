package audit

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// reader reads one database: a pool, or the one connection that holds a snapshot.
type reader interface {
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
	GetContext(ctx context.Context, dest any, query string, args ...any) error
}

// tables are the platform's databases. Nothing here joins across two of them: they may
// be on different servers.
type tables struct{ money, banking, remittance, membership reader }

// freezeAll opens a snapshot of each database, one right after the other.
func freezeAll(ctx context.Context, b Books) (tables, func(), error) {
	var conns []*sqlx.Conn
	release := func() {
		for _, c := range conns {
			_, _ = c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // nothing was written
			_ = c.Close()
		}
	}
	for _, db := range []*sqlx.DB{b.Money, b.Remittance, b.Banking, b.Membership} {
		c, err := freeze(ctx, db)
		if err != nil {
			release()
			return tables{}, nil, err
		}
		conns = append(conns, c)
	}
	return tables{money: conns[0], remittance: conns[1], banking: conns[2], membership: conns[3]}, release, nil
}

// freeze begins a transaction that sees the database as of now until it ends.
func freeze(ctx context.Context, db *sqlx.DB) (*sqlx.Conn, error) {
	c, err := db.Connx(ctx)
	if err != nil {
		return nil, fmt.Errorf("audit: connect to a database: %w", err)
	}
	for _, statement := range []string{
		"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
		"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
	} {
		if _, err := c.ExecContext(ctx, statement); err != nil {
			_ = c.Close()
			return nil, fmt.Errorf("audit: snapshot: %w", err)
		}
	}
	return c, nil
}

// selectIn reads the rows whose key is one of keys; the query has one (?) for them.
func selectIn[T any, K string | int64](ctx context.Context, r reader, query string, keys []K) ([]T, error) {
	var rows []T
	if len(keys) == 0 {
		return rows, nil
	}
	q, args, err := sqlx.In(query, keys)
	if err != nil {
		return nil, err
	}
	err = r.SelectContext(ctx, &rows, q, args...)
	return rows, err
}

// feed reads a table in the order of a key, a page at a time.
type feed[T any] struct {
	// fetch gives the page behind a row, the first one behind nil. A page that is not
	// full is the last.
	fetch func(ctx context.Context, after *T) ([]T, error)
	page  []T
	last  *T
	ended bool
}

// peek gives the row that is next, nil behind the last one.
func (f *feed[T]) peek(ctx context.Context) (*T, error) {
	if len(f.page) == 0 && !f.ended {
		page, err := f.fetch(ctx, f.last)
		if err != nil {
			return nil, err
		}
		f.page, f.ended = page, len(page) < pageRows
	}
	if len(f.page) == 0 {
		return nil, nil
	}
	return &f.page[0], nil
}

// skip goes on to the row behind the one that peek gave.
func (f *feed[T]) skip() {
	row := f.page[0]
	f.last, f.page = &row, f.page[1:]
}

// pages gives every page to do.
func (f *feed[T]) pages(ctx context.Context, do func([]T) error) error {
	for !f.ended {
		page, err := f.fetch(ctx, f.last)
		if err != nil {
			return err
		}
		if f.ended = len(page) < pageRows; len(page) == 0 {
			return nil
		}
		f.last = &page[len(page)-1]
		if err := do(page); err != nil {
			return err
		}
	}
	return nil
}

// idFeed reads the ids that a query gives behind an id, in their order.
func idFeed(r reader, query string) *feed[string] {
	return &feed[string]{fetch: func(ctx context.Context, after *string) ([]string, error) {
		behind := ""
		if after != nil {
			behind = *after
		}
		var ids []string
		err := r.SelectContext(ctx, &ids, query, behind, pageRows)
		return ids, err
	}}
}
