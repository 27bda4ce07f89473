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
type tables struct {
	money, banking, remittance, membership     reader
	franchise, payment, settlement, moneyquery reader
}

// freezeAll opens a snapshot of each database, one right after the other. What follows
// from another database is frozen before it: a payment that is approved in its snapshot
// has its posting in the ledger's, and a statement has its items.
func freezeAll(ctx context.Context, b Books) (tables, func(), error) {
	var conns []*sqlx.Conn
	release := func() {
		for _, c := range conns {
			_, _ = c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // nothing was written
			_ = c.Close()
		}
	}
	var t tables
	for _, f := range []struct {
		db   *sqlx.DB
		into *reader
	}{
		{b.MoneyQuery, &t.moneyquery}, {b.Franchise, &t.franchise}, {b.Settlement, &t.settlement}, {b.Payment, &t.payment},
		{b.Remittance, &t.remittance}, {b.Money, &t.money}, {b.Banking, &t.banking}, {b.Membership, &t.membership},
	} {
		c, err := freeze(ctx, f.db)
		if err != nil {
			release()
			return tables{}, nil, err
		}
		conns = append(conns, c)
		*f.into = c
	}
	return t, release, nil
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

// summed is a row of sums, by the id that they are of.
type summed struct {
	ID     string `db:"id"`
	Count  int64  `db:"n"`
	Amount int64  `db:"amount"` // won
	Carry  int64  `db:"carry"`  // won
}

// sumFeed reads the sums that a query gives behind an id, in the order of the ids.
func sumFeed(r reader, query string) *feed[summed] {
	return &feed[summed]{fetch: func(ctx context.Context, after *summed) ([]summed, error) {
		behind := ""
		if after != nil {
			behind = after.ID
		}
		var rows []summed
		err := r.SelectContext(ctx, &rows, query, behind, pageRows)
		return rows, err
	}}
}

// take gives the row of an id, the zero row when the next one is of another id.
func take(ctx context.Context, f *feed[summed], id string) (summed, error) {
	row, err := f.peek(ctx)
	if err != nil || row == nil || row.ID != id {
		return summed{}, err
	}
	own := *row
	f.skip()
	return own, nil
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
