// Package moneyquerydb keeps package moneyquery's model in a MySQL-protocol database.
package moneyquerydb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/calendar"
	"durapay/internal/mysqlx"
	"durapay/services/moneyquery"
)

// Store implements moneyquery.Store.
type Store struct{ db *sqlx.DB }

var _ moneyquery.Store = (*Store)(nil)

// New makes a Store on a database with the migrations of schema.FS("moneyquery").
func New(db *sqlx.DB) *Store { return &Store{db: db} }

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return mysqlx.Classify(fmt.Errorf("%s: %w", what, err))
}

// InTurn implements moneyquery.Store: every writer holds the one row of projection.
func (s *Store) InTurn(ctx context.Context, fn func(moneyquery.Turn, moneyquery.Generations) error) error {
	const q = `SELECT live, building FROM projection WHERE id = 1 FOR UPDATE`
	return mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		var g moneyquery.Generations
		if err := tx.QueryRowContext(ctx, q).Scan(&g.Live, &g.Building); err != nil {
			return fmt.Errorf("take the turn: %w", err)
		}
		return fn(&turn{tx: tx}, g)
	})
}

// Live implements moneyquery.Store.
func (s *Store) Live(ctx context.Context) (moneyquery.Position, error) {
	const q = `SELECT g.journal_seq, g.region_seq, g.as_of FROM projection p JOIN generations g ON g.generation = p.live WHERE p.id = 1`
	p, err := scanPosition(s.db.QueryRowContext(ctx, q))
	return p, wrap("read the position", err)
}

func scanPosition(row *sql.Row) (moneyquery.Position, error) {
	var p moneyquery.Position
	var asOf sql.NullTime
	err := row.Scan(&p.JournalSeq, &p.RegionSeq, &asOf)
	p.AsOf = asOf.Time
	return p, err
}

// Totals implements moneyquery.Store. Being one statement, it sees one generation at one position.
func (s *Store) Totals(ctx context.Context) (map[string]moneyquery.Total, moneyquery.Position, error) {
	const q = `SELECT g.journal_seq, g.region_seq, g.as_of, t.region, t.members, t.balance
		FROM projection p
		JOIN generations g ON g.generation = p.live
		LEFT JOIN region_totals t ON t.generation = p.live
		WHERE p.id = 1`
	var rows []struct {
		JournalSeq int64          `db:"journal_seq"`
		RegionSeq  int64          `db:"region_seq"`
		AsOf       sql.NullTime   `db:"as_of"`
		Region     sql.NullString `db:"region"`
		Members    sql.NullInt64  `db:"members"`
		Balance    sql.NullInt64  `db:"balance"`
	}
	var at moneyquery.Position
	if err := s.db.SelectContext(ctx, &rows, q); err != nil {
		return nil, at, wrap("read totals", err)
	}
	totals := make(map[string]moneyquery.Total, len(rows))
	for _, r := range rows {
		at = moneyquery.Position{JournalSeq: r.JournalSeq, RegionSeq: r.RegionSeq, AsOf: r.AsOf.Time}
		if r.Region.Valid { // there is none in an empty model
			totals[r.Region.String] = moneyquery.Total{Members: r.Members.Int64, Balance: r.Balance.Int64}
		}
	}
	return totals, at, nil
}

// Inflows implements moneyquery.Store.
func (s *Store) Inflows(ctx context.Context, region string, from, through calendar.Date) (map[calendar.Date]int64, error) {
	const q = `SELECT i.day, i.amount FROM projection p JOIN region_inflows i ON i.generation = p.live
		WHERE p.id = 1 AND i.region = ? AND i.day BETWEEN ? AND ?`
	var rows []struct {
		Day    calendar.Date `db:"day"`
		Amount int64         `db:"amount"`
	}
	if err := s.db.SelectContext(ctx, &rows, q, region, from, through); err != nil {
		return nil, wrap("read inflows", err)
	}
	amounts := make(map[calendar.Date]int64, len(rows))
	for _, r := range rows {
		amounts[r.Day] = r.Amount
	}
	return amounts, nil
}

// models are the tables that hold a generation.
var models = []string{"region_inflows", "region_totals", "member_inflows", "member_money"}

// Sweep implements moneyquery.Store. It needs no turn: a generation that is neither live nor being built never becomes
// so again, and nobody writes it.
func (s *Store) Sweep(ctx context.Context, limit int) (bool, error) {
	const unused = `SELECT g.generation FROM generations g JOIN projection p ON p.id = 1
		WHERE g.generation NOT IN (p.live, p.building) ORDER BY g.generation LIMIT 1`
	var found []int64
	if err := s.db.SelectContext(ctx, &found, unused); err != nil || len(found) == 0 {
		return false, wrap("look for old generations", err)
	}
	for _, table := range models {
		removed, err := s.remove(ctx, `DELETE FROM `+table+` WHERE generation = ? LIMIT ?`, found[0], limit)
		if err != nil || removed > 0 {
			return removed > 0, wrap("remove an old generation", err)
		}
	}
	_, err := s.remove(ctx, `DELETE FROM generations WHERE generation = ?`, found[0])
	return true, wrap("remove an old generation", err)
}

func (s *Store) remove(ctx context.Context, q string, args ...any) (int64, error) {
	var removed int64
	err := mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		result, err := tx.ExecContext(ctx, q, args...)
		if err != nil {
			return err
		}
		removed, err = result.RowsAffected()
		return err
	})
	return removed, err
}

// nullable stores the zero time as NULL.
func nullable(t time.Time) sql.NullTime { return sql.NullTime{Time: t, Valid: !t.IsZero()} }
