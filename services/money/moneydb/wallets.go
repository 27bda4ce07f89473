package moneydb

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/services/money"
	"durapay/services/money/ledger"
)

// Store implements money.Store.
type Store struct{ db *sqlx.DB }

// New makes the store on the money database.
func New(db *sqlx.DB) *Store { return &Store{db: db} }

// Account implements money.Store.
func (s *Store) Account(ctx context.Context, accountID string) (ledger.Account, error) {
	const q = `SELECT id, kind, floor, ceiling, balance, pending_out, pending_in, opened_seq, opened_at, last_seq
FROM ledger_accounts WHERE id = ? AND state = 'OPEN'`
	a := ledger.Account{State: ledger.AccountOpen}
	err := s.db.QueryRowContext(ctx, q, accountID).Scan(&a.ID, &a.Kind, &a.Floor, &a.Ceiling, &a.Balance,
		&a.PendingOut, &a.PendingIn, &a.OpenedSeq, &a.OpenedAt, &a.LastSeq)
	return a, noWallet(err)
}

// AccountAt implements money.Store. The journal's times never run backwards, so the
// last entry by time is the last by number.
func (s *Store) AccountAt(ctx context.Context, accountID string, at time.Time) (ledger.Account, error) {
	const q = `SELECT a.id, a.opened_at, COALESCE((
	SELECT e.balance_after FROM ledger_entries e WHERE e.account_id = a.id AND e.at <= ?
	ORDER BY e.at DESC, e.seq DESC, e.line DESC LIMIT 1), 0)
FROM ledger_accounts a WHERE a.id = ? AND a.state = 'OPEN' AND a.opened_at <= ?`
	a := ledger.Account{State: ledger.AccountOpen}
	at = mysqlx.Comparable(at)
	err := s.db.QueryRowContext(ctx, q, at, accountID, at).Scan(&a.ID, &a.OpenedAt, &a.Balance)
	return a, noWallet(err)
}

func noWallet(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return errs.WalletNotFound
	}
	return mysqlx.Classify(err)
}

// History implements money.Store. The other side of a line is its neighbour: lines of
// a leg are 2n and 2n+1.
func (s *Store) History(ctx context.Context, accountID string, p page.Request) ([]money.HistoryRow, error) {
	const q = `SELECT e.seq, e.line, p.ref, p.kind, p.flow_id, p.detail, e.amount, e.balance_after, o.account_id, e.at
FROM ledger_entries e
JOIN ledger_postings p ON p.seq = e.seq
JOIN ledger_entries o ON o.seq = e.seq AND o.line = e.line ^ 1
WHERE e.account_id = ?`
	const order = ` ORDER BY e.at DESC, e.seq DESC, e.line DESC LIMIT ?`
	where, args := "", []any{accountID}
	if !p.After.Start() {
		seq, line, err := entryPosition(p.After.ID)
		if err != nil {
			return nil, err
		}
		where = ` AND e.at <= ? AND (e.at < ? OR e.seq < ? OR (e.seq = ? AND e.line < ?))`
		args = append(args, p.After.At.UTC(), p.After.At.UTC(), seq, seq, line)
	}
	rows, err := s.db.QueryContext(ctx, q+where+order, append(args, p.Limit+1)...)
	if err != nil {
		return nil, mysqlx.Classify(err)
	}
	defer func() { _ = rows.Close() }()
	var out []money.HistoryRow
	for rows.Next() {
		var r money.HistoryRow
		err := rows.Scan(&r.Seq, &r.Line, &r.Ref, &r.Kind, &r.FlowID, &r.Detail, &r.Amount, &r.BalanceAfter, &r.OtherAccount, &r.At)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, mysqlx.Classify(rows.Err())
}

func entryPosition(cursorID string) (seq int64, line int, err error) {
	s, l, _ := strings.Cut(cursorID, ".")
	seq, seqErr := strconv.ParseInt(s, 10, 64)
	line, lineErr := strconv.Atoi(l)
	if seqErr != nil || lineErr != nil {
		return 0, 0, errs.InvalidField("?cursor", errs.FieldFormat, "expected", "the next value of the page before")
	}
	return seq, line, nil
}
