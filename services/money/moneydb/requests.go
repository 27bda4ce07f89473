package moneydb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/services/money"
)

// requestRow is a row of money_requests.
type requestRow struct {
	ID            string            `db:"id"`
	Type          money.RequestType `db:"type"`
	MembershipID  string            `db:"membership_id"`
	BankAccountID string            `db:"bank_account_id"`
	Amount        int64             `db:"amount"`
	Fingerprint   string            `db:"fingerprint"`
	State         record.State      `db:"state"`
	Failure       record.Failure    `db:"failure"`
	Until         sql.NullTime      `db:"until_at"`
	CreatedAt     time.Time         `db:"created_at"`
	UpdatedAt     time.Time         `db:"updated_at"`
}

func (r requestRow) request() money.Request {
	return money.Request{
		ID: r.ID, Type: r.Type, MembershipID: r.MembershipID, BankAccountID: r.BankAccountID, Amount: r.Amount,
		Fingerprint: r.Fingerprint, State: r.State, Failure: r.Failure, Until: r.Until.Time,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

func requestsOf(rows []requestRow) []money.Request {
	out := make([]money.Request, len(rows))
	for i, r := range rows {
		out[i] = r.request()
	}
	return out
}

const requestColumns = `id, type, membership_id, bank_account_id, amount, fingerprint, state, failure, until_at, created_at, updated_at`

// insertAttempts: another process may store one of the ids between our reading and
// our writing, but each of them only once.
const insertAttempts = 5

// InsertRequests implements money.Store: one INSERT, and only when it meets an id that
// exists, a SELECT and an INSERT of the others.
func (s *Store) InsertRequests(ctx context.Context, requests []money.Request) ([]money.Request, error) {
	var found []money.Request
	fresh := requests
	for range insertAttempts {
		err := s.insertAll(ctx, fresh)
		if !mysqlx.IsDuplicate(err, "PRIMARY") {
			return found, mysqlx.Classify(err)
		}
		if found, err = s.stored(ctx, requests); err != nil {
			return nil, err
		}
		fresh = without(requests, found)
	}
	return nil, errs.Busy.Because(errors.New("requests are being stored elsewhere"))
}

func (s *Store) insertAll(ctx context.Context, requests []money.Request) error {
	if len(requests) == 0 {
		return nil
	}
	stmt := newStatement(`INSERT INTO money_requests (`+requestColumns+`) VALUES `, 300*len(requests))
	for _, r := range requests {
		stmt.open()
		stmt.string(r.ID)
		stmt.string(string(r.Type))
		stmt.string(r.MembershipID)
		stmt.string(r.BankAccountID)
		stmt.number(r.Amount)
		stmt.string(r.Fingerprint)
		stmt.string(string(r.State))
		stmt.null()
		stmt.null()
		stmt.time(r.CreatedAt)
		stmt.time(r.UpdatedAt)
		stmt.close()
	}
	return retry(ctx, func() error {
		_, err := s.db.ExecContext(ctx, stmt.text(), stmt.args...)
		return err
	})
}

func (s *Store) stored(ctx context.Context, requests []money.Request) ([]money.Request, error) {
	ids := make([]string, len(requests))
	for i, r := range requests {
		ids[i] = r.ID
	}
	stmt := newStatement(`SELECT `+requestColumns+` FROM money_requests WHERE id IN (`, 40*len(ids))
	stmt.list(ids)
	stmt.raw(`)`)
	var rows []requestRow
	if err := s.db.SelectContext(ctx, &rows, stmt.text(), stmt.args...); err != nil {
		return nil, mysqlx.Classify(err)
	}
	return requestsOf(rows), nil
}

func without(requests, found []money.Request) []money.Request {
	known := make(map[string]bool, len(found))
	for _, r := range found {
		known[r.ID] = true
	}
	var rest []money.Request
	for _, r := range requests {
		if !known[r.ID] {
			rest = append(rest, r)
		}
	}
	return rest
}

// MoveRequests implements money.Store in one statement: the states a request may come
// from are part of the condition, so that no row has to be read first.
func (s *Store) MoveRequests(ctx context.Context, moves []record.Move, now time.Time) (int, error) {
	stmt, err := moveStatement(moves, now)
	if err != nil {
		return 0, err
	}
	var changed int64
	err = retry(ctx, func() error {
		result, err := s.db.ExecContext(ctx, stmt.text(), stmt.args...)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return int(changed), err
}

func moveStatement(moves []record.Move, now time.Time) (*statement, error) {
	s := newStatement(`UPDATE money_requests SET failure = `, 200*len(moves))
	if err := s.failures(moves); err != nil {
		return nil, err
	}
	s.raw(`, until_at = `)
	s.untils(moves)
	s.raw(`, state = CASE id`)
	for _, m := range moves {
		s.raw(` WHEN `)
		s.value(m.ID)
		s.raw(` THEN `)
		s.value(string(m.State))
	}
	s.raw(` END, updated_at = `)
	s.first = true
	s.time(now)
	s.raw(` WHERE `)
	s.sources(moves)
	return s, nil
}

// failures writes the failure of each request, NULL for the others.
func (s *statement) failures(moves []record.Move) error {
	s.raw(`CASE id WHEN '' THEN NULL`) // a CASE needs a WHEN
	for _, m := range moves {
		if !m.Failure.Is() {
			continue
		}
		v, err := m.Failure.Value()
		if err != nil {
			return fmt.Errorf("failure of %s: %w", m.ID, err)
		}
		s.raw(` WHEN `)
		s.value(m.ID)
		s.raw(` THEN ?`)
		s.args = append(s.args, v)
	}
	s.raw(` END`)
	return nil
}

func (s *statement) untils(moves []record.Move) {
	s.raw(`CASE id WHEN '' THEN NULL`)
	for _, m := range moves {
		if m.State != record.Waiting {
			continue
		}
		s.raw(` WHEN `)
		s.value(m.ID)
		s.raw(` THEN TIMESTAMP`)
		s.first = true
		s.time(m.Until)
	}
	s.raw(` END`)
}

// sources writes which requests may move: for each target, its ids and the states that
// can become it.
func (s *statement) sources(moves []record.Move) {
	byTarget := map[record.State][]string{}
	for _, m := range moves {
		byTarget[m.State] = append(byTarget[m.State], m.ID)
	}
	or := ""
	for _, target := range states {
		ids := byTarget[target]
		if len(ids) == 0 {
			continue
		}
		s.raw(or + `(id IN (`)
		s.list(ids)
		s.raw(`) AND state IN (`)
		s.list(before(target))
		s.raw(`))`)
		or = ` OR `
	}
}

var states = []record.State{
	record.Requested, record.Processing, record.Waiting, record.Unknown,
	record.Succeeded, record.Failed, record.Cancelled, record.Returned,
}

// before lists the states from which a move to target changes something. Staying does
// not, and must not touch what is stored; but waiting can be prolonged.
func before(target record.State) []string {
	var from []string
	for _, s := range states {
		if s.CanBecome(target) && (s != target || target == record.Waiting) {
			from = append(from, string(s))
		}
	}
	return from
}

// States implements money.Store.
func (s *Store) States(ctx context.Context, ids []string) (map[string]record.State, error) {
	stmt := newStatement(`SELECT id, state FROM money_requests WHERE id IN (`, 40*len(ids))
	stmt.list(ids)
	stmt.raw(`)`)
	var rows []requestRow
	if err := s.db.SelectContext(ctx, &rows, stmt.text(), stmt.args...); err != nil {
		return nil, mysqlx.Classify(err)
	}
	out := make(map[string]record.State, len(rows))
	for _, r := range rows {
		out[r.ID] = r.State
	}
	return out, nil
}

// Request implements money.Store.
func (s *Store) Request(ctx context.Context, id string) (money.Request, bool, error) {
	const q = `SELECT ` + requestColumns + ` FROM money_requests WHERE id = ?`
	var r requestRow
	err := s.db.GetContext(ctx, &r, q, id)
	if errors.Is(err, sql.ErrNoRows) {
		return money.Request{}, false, nil
	}
	return r.request(), err == nil, mysqlx.Classify(err)
}

// Requests implements money.Store.
func (s *Store) Requests(ctx context.Context, membershipID string, t money.RequestType, p page.Request) ([]money.Request, error) {
	const q = `SELECT ` + requestColumns + ` FROM money_requests WHERE membership_id = ? AND type = ?`
	const after = ` AND created_at <= ? AND (created_at < ? OR id < ?)`
	const order = ` ORDER BY created_at DESC, id DESC LIMIT ?`
	where, args := q, []any{membershipID, t}
	if !p.After.Start() {
		where += after
		args = append(args, p.After.At.UTC(), p.After.At.UTC(), p.After.ID)
	}
	var rows []requestRow
	if err := s.db.SelectContext(ctx, &rows, where+order, append(args, p.Limit+1)...); err != nil {
		return nil, mysqlx.Classify(err)
	}
	return requestsOf(rows), nil
}
