// Package bankingdb keeps package banking's rows in a MySQL-protocol database.
package bankingdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/record"
	"durapay/internal/recorddb"
	"durapay/services/banking"
)

// Store implements banking.Store.
type Store struct {
	db      *sqlx.DB
	links   recorddb.Table
	notices recorddb.Table
}

var _ banking.Store = (*Store)(nil)

// New makes a Store on a database with the migrations of schema.FS("banking").
func New(db *sqlx.DB) *Store {
	return &Store{
		db:      db,
		links:   recorddb.Table{DB: db, Name: "link_requests", NotFound: errs.FlowNotFound},
		notices: recorddb.Table{DB: db, Name: "bank_notices", NotFound: errs.BankNoticeNotFound},
	}
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return mysqlx.Classify(fmt.Errorf("%s: %w", what, err))
}

// linkRow is a link request as the table has it.
type linkRow struct {
	banking.LinkRecord
	UntilAt *time.Time `db:"until_at"`
}

func fromLinkRow(r linkRow) banking.LinkRecord {
	if r.UntilAt != nil {
		r.LinkRecord.Until = *r.UntilAt
	}
	return r.LinkRecord
}

const linkColumns = `id, membership_id, fingerprint, state, failure, until_at, created_at, updated_at`

// BeginLinks stores new requests and gives back the stored ones. All new: one round trip.
func (s *Store) BeginLinks(ctx context.Context, rows []banking.LinkRecord) ([]banking.LinkRecord, error) {
	return recorddb.Begin(ctx, rows, recorddb.Shelf[banking.LinkRecord]{
		Key:    func(r banking.LinkRecord) string { return r.ID },
		Insert: s.insertLinks,
		Find:   s.findLinks,
	})
}

func (s *Store) insertLinks(ctx context.Context, rows []banking.LinkRecord) error {
	const q = `INSERT INTO link_requests (id, membership_id, fingerprint, state, failure, created_at, updated_at)
		VALUES (:id, :membership_id, :fingerprint, :state, :failure, :created_at, :updated_at)`
	_, err := s.db.NamedExecContext(ctx, q, rows)
	if mysqlx.IsDuplicate(err, "PRIMARY") {
		return recorddb.ErrTaken
	}
	return wrap("insert link requests", err)
}

func (s *Store) findLinks(ctx context.Context, ids []string) ([]banking.LinkRecord, error) {
	q, args, err := sqlx.In(`SELECT `+linkColumns+` FROM link_requests WHERE id IN (?)`, ids)
	if err != nil {
		return nil, wrap("read link requests", err)
	}
	var rows []linkRow
	if err := s.db.SelectContext(ctx, &rows, q, args...); err != nil {
		return nil, wrap("read link requests", err)
	}
	links := make([]banking.LinkRecord, len(rows))
	for i, r := range rows {
		links[i] = fromLinkRow(r)
	}
	return links, nil
}

// MoveLinks changes states. All allowed: one round trip.
func (s *Store) MoveLinks(ctx context.Context, moves []record.Move, at time.Time) ([]error, error) {
	return s.links.Move(ctx, moves, at)
}

// FindLink gives one request. Errors: banking.ErrNotFound.
func (s *Store) FindLink(ctx context.Context, id string) (banking.LinkRecord, error) {
	const q = `SELECT ` + linkColumns + ` FROM link_requests WHERE id = ?`
	var r linkRow
	err := s.db.GetContext(ctx, &r, q, id)
	if errors.Is(err, sql.ErrNoRows) {
		return banking.LinkRecord{}, banking.ErrNotFound
	}
	return fromLinkRow(r), wrap("read link request", err)
}
