// Package moneydb keeps the wallets' books and requests in a MySQL-protocol database.
package moneydb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/services/money/ledger"
)

// Ledger implements ledger.Store.
type Ledger struct{ db *sqlx.DB }

// NewLedger makes the ledger's store on the money database.
func NewLedger(db *sqlx.DB) *Ledger { return &Ledger{db: db} }

// InTurn implements ledger.Store. The transaction takes the server's default isolation,
// which saves the round trip that sets one: all writers wait for ledger_lock in their
// first statement, so a snapshot taken after it is the present under any level.
func (s *Ledger) InTurn(ctx context.Context, fn func(ledger.Turn) error) error {
	return retry(ctx, func() error {
		err := s.once(ctx, fn)
		if mysqlx.IsDuplicate(err, "") { // see Known
			return errs.Busy.Because(err)
		}
		return err
	})
}

func (s *Ledger) once(ctx context.Context, fn func(ledger.Turn) error) error {
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(&turn{tx: tx}); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit() // not repeated when its answer is lost: the callers' refs tell
}

// Expired implements ledger.Store.
func (s *Ledger) Expired(ctx context.Context, now time.Time, limit int) ([]string, error) {
	const q = `SELECT ref FROM ledger_holds WHERE state = 'OPEN' AND expires_at <= ? ORDER BY expires_at LIMIT ?`
	var refs []string
	err := s.db.SelectContext(ctx, &refs, q, now, limit)
	return refs, mysqlx.Classify(err)
}

type turn struct{ tx *sqlx.Tx }

// Known implements ledger.Turn. One statement takes the lock and reads what it
// protects: ledger_lock is read by its primary key, hence first, and locking reads see
// the newest rows, not those of the time before the wait. Were a server to join the
// other way round, the unique key on ref would refuse the batch and it would be tried again.
func (t *turn) Known(ctx context.Context, refs []string) (ledger.Known, error) {
	const q = `SELECT p.seq, p.ref, p.op, p.kind, p.amount, p.account_id, p.to_account_id, p.closes,
	p.flow_id, p.detail, p.fingerprint, p.at, h.captured, h.state, h.expires_at
FROM ledger_lock l
LEFT JOIN ledger_postings p ON p.ref IN (`
	const end = `)
LEFT JOIN ledger_holds h ON h.ref = p.ref
WHERE l.id = 1
FOR UPDATE`
	var known ledger.Known
	s := newStatement(q, 50*len(refs))
	s.list(refs)
	rows, err := t.tx.QueryContext(ctx, s.text()+end, s.args...)
	if err != nil {
		return known, fmt.Errorf("take the turn: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scanKnown(rows, &known); err != nil {
			return known, fmt.Errorf("read references: %w", err)
		}
	}
	return known, rows.Err()
}

// scanKnown adds one row: nothing, a posting, or a posting and its hold.
func scanKnown(rows *sql.Rows, known *ledger.Known) error {
	var (
		seq, amount, captured           sql.NullInt64
		ref, op, kind, from, to, closes sql.NullString
		flow, detail, state             sql.NullString
		at, expires                     sql.NullTime
		fingerprint                     []byte
		posting                         ledger.Posting
	)
	err := rows.Scan(&seq, &ref, &op, &kind, &amount, &from, &to, &closes,
		&flow, &detail, &fingerprint, &at, &captured, &state, &expires)
	if err != nil || !seq.Valid {
		return err
	}
	posting = ledger.Posting{
		Seq: seq.Int64, Ref: ref.String, Op: ledger.Op(op.String), Kind: ledger.Kind(kind.String), Amount: amount.Int64,
		AccountID: from.String, ToAccountID: to.String, Closes: closes.String,
		FlowID: flow.String, Detail: detail.String, At: at.Time,
	}
	copy(posting.Fingerprint[:], fingerprint)
	known.Postings = append(known.Postings, posting)
	if state.Valid {
		known.Holds = append(known.Holds, ledger.Hold{
			Ref: posting.Ref, From: posting.AccountID, To: posting.ToAccountID, Amount: posting.Amount,
			Captured: captured.Int64, State: ledger.HoldState(state.String), ExpiresAt: expires.Time,
		})
	}
	return nil
}

// Books implements ledger.Turn. The accounts are locked although nobody else has the
// turn: it keeps out whoever changes them by hand.
func (t *turn) Books(ctx context.Context, ids []string) (ledger.Batch, []ledger.Account, error) {
	const q = `SELECT b.batch_no, b.last_seq, b.at, b.hash, a.id, a.kind, a.state, a.floor, a.ceiling,
	a.balance, a.pending_out, a.pending_in, a.opened_seq, a.opened_at, a.last_seq
FROM (SELECT batch_no, last_seq, at, hash FROM ledger_batches ORDER BY batch_no DESC LIMIT 1) b
LEFT JOIN ledger_accounts a ON a.id IN (`
	const end = `)
FOR UPDATE`
	var last ledger.Batch
	s := newStatement(q, 50*len(ids))
	s.list(ids)
	rows, err := t.tx.QueryContext(ctx, s.text()+end, s.args...)
	if err != nil {
		return last, nil, fmt.Errorf("read accounts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	accounts := make([]ledger.Account, 0, len(ids))
	for rows.Next() {
		var a ledger.Account
		if err := scanBooks(rows, &last, &a); err != nil {
			return last, nil, fmt.Errorf("read accounts: %w", err)
		}
		if a.ID != "" {
			accounts = append(accounts, a)
		}
	}
	if err := rows.Err(); err != nil {
		return last, nil, fmt.Errorf("read accounts: %w", err)
	}
	return last, accounts, nil
}

func scanBooks(rows *sql.Rows, last *ledger.Batch, a *ledger.Account) error {
	var (
		hash                                                           []byte
		id, kind, state                                                sql.NullString
		floor, ceiling, balance, pendingOut, pendingIn, openedSeq, seq sql.NullInt64
		openedAt                                                       sql.NullTime
	)
	err := rows.Scan(&last.No, &last.LastSeq, &last.At, &hash, &id, &kind, &state, &floor, &ceiling,
		&balance, &pendingOut, &pendingIn, &openedSeq, &openedAt, &seq)
	if err != nil {
		return err
	}
	copy(last.Hash[:], hash)
	*a = ledger.Account{
		ID: id.String, Kind: ledger.AccountKind(kind.String), State: ledger.AccountState(state.String),
		Floor: floor.Int64, Ceiling: ceiling.Int64, Balance: balance.Int64,
		PendingOut: pendingOut.Int64, PendingIn: pendingIn.Int64,
		OpenedSeq: openedSeq.Int64, OpenedAt: openedAt.Time, LastSeq: seq.Int64,
	}
	return nil
}

// Append implements ledger.Turn.
func (t *turn) Append(ctx context.Context, c ledger.Changes) error {
	writes := []struct {
		what string
		stmt *statement
	}{
		{"postings", postings(c.Postings)},
		{"entries", entries(c.Entries)},
		{"accounts", accounts(c.Accounts)},
		{"holds", holds(c.Holds)},
		{"batch", batchRow(c.Batch)},
	}
	for _, w := range writes {
		if w.stmt == nil {
			continue
		}
		if _, err := t.tx.ExecContext(ctx, w.stmt.text(), w.stmt.args...); err != nil {
			return fmt.Errorf("write %s: %w", w.what, err)
		}
	}
	return nil
}

func postings(rows []ledger.Posting) *statement {
	s := newStatement(`INSERT INTO ledger_postings (seq, ref, op, kind, amount, account_id, to_account_id, account_kind,
	floor, ceiling, closes, expires_at, flow_id, detail, fingerprint, at) VALUES `, 400*len(rows))
	for i := range rows {
		p := &rows[i]
		s.open()
		s.number(p.Seq)
		s.string(p.Ref)
		s.string(string(p.Op))
		s.string(string(p.Kind))
		s.number(p.Amount)
		s.string(p.AccountID)
		s.string(p.ToAccountID)
		s.string(string(p.AccountKind))
		s.optional(p.Floor)
		s.optional(p.Ceiling)
		s.stringOrNull(p.Closes)
		s.timeOrNull(p.ExpiresAt)
		s.string(p.FlowID)
		s.string(p.Detail)
		s.bytes(p.Fingerprint[:])
		s.time(p.At)
		s.close()
	}
	return s
}

func entries(rows []ledger.Entry) *statement {
	if len(rows) == 0 {
		return nil
	}
	s := newStatement(`INSERT INTO ledger_entries (seq, line, account_id, amount, balance_after, at) VALUES `, 120*len(rows))
	for i := range rows {
		e := &rows[i]
		s.open()
		s.number(e.Seq)
		s.number(int64(e.Line))
		s.string(e.AccountID)
		s.number(e.Amount)
		s.number(e.BalanceAfter)
		s.time(e.At)
		s.close()
	}
	return s
}

func accounts(rows []ledger.Account) *statement {
	if len(rows) == 0 {
		return nil
	}
	s := newStatement(`INSERT INTO ledger_accounts (id, kind, state, floor, ceiling, balance, pending_out, pending_in,
	opened_seq, opened_at, last_seq) VALUES `, 200*len(rows))
	for i := range rows {
		a := &rows[i]
		s.open()
		s.string(a.ID)
		s.string(string(a.Kind))
		s.string(string(a.State))
		s.number(a.Floor)
		s.number(a.Ceiling)
		s.number(a.Balance)
		s.number(a.PendingOut)
		s.number(a.PendingIn)
		s.number(a.OpenedSeq)
		s.time(a.OpenedAt)
		s.number(a.LastSeq)
		s.close()
	}
	s.raw(` ON DUPLICATE KEY UPDATE kind = VALUES(kind), state = VALUES(state), floor = VALUES(floor), ceiling = VALUES(ceiling),
	balance = VALUES(balance), pending_out = VALUES(pending_out), pending_in = VALUES(pending_in),
	opened_seq = VALUES(opened_seq), opened_at = VALUES(opened_at), last_seq = VALUES(last_seq)`)
	return s
}

func holds(rows []ledger.Hold) *statement {
	if len(rows) == 0 {
		return nil
	}
	s := newStatement(`INSERT INTO ledger_holds (ref, from_account_id, to_account_id, amount, captured, state, expires_at) VALUES `, 250*len(rows))
	for i := range rows {
		h := &rows[i]
		s.open()
		s.string(h.Ref)
		s.string(h.From)
		s.string(h.To)
		s.number(h.Amount)
		s.number(h.Captured)
		s.string(string(h.State))
		s.timeOrNull(h.ExpiresAt)
		s.close()
	}
	s.raw(` ON DUPLICATE KEY UPDATE captured = VALUES(captured), state = VALUES(state)`)
	return s
}

func batchRow(b ledger.Batch) *statement {
	s := newStatement(`INSERT INTO ledger_batches (batch_no, first_seq, last_seq, at, prev_hash, hash) VALUES `, 256)
	s.open()
	s.number(b.No)
	s.number(b.FirstSeq)
	s.number(b.LastSeq)
	s.time(b.At)
	s.bytes(b.PrevHash[:])
	s.bytes(b.Hash[:])
	s.close()
	return s
}
