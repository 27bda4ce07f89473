package bankingdb

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jmoiron/sqlx"

	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/internal/recorddb"
	"durapay/services/banking"
)

const firmbankingColumns = `id, reference, flow_id, membership_id, bank_account_id, direction, bank_code, number_sealed, holder_sealed,
	number_index, amount, state, reason, bank_transaction_id, fingerprint, valid_until, sent_at, created_at, updated_at`

// BeginFirmbankings stores new transfers and gives back the stored ones, by reference.
// All new: one round trip. Errors: banking.ErrTaken.
func (s *Store) BeginFirmbankings(ctx context.Context, rows []banking.FirmbankingRow) ([]banking.FirmbankingRow, error) {
	stored, err := recorddb.Begin(ctx, rows, recorddb.Shelf[banking.FirmbankingRow]{
		Key:    func(r banking.FirmbankingRow) string { return r.Reference },
		Insert: s.insertFirmbankings,
		Find:   s.FirmbankingsByReference,
	})
	if errors.Is(err, recorddb.ErrTaken) {
		return nil, banking.ErrTaken
	}
	return stored, err
}

func (s *Store) insertFirmbankings(ctx context.Context, rows []banking.FirmbankingRow) error {
	const q = `INSERT INTO firmbankings (` + firmbankingColumns + `)
		VALUES (:id, :reference, :flow_id, :membership_id, :bank_account_id, :direction, :bank_code, :number_sealed, :holder_sealed, :number_index, :amount, :state, :reason, :bank_transaction_id, :fingerprint, :valid_until, :sent_at, :created_at, :updated_at)`
	_, err := s.db.NamedExecContext(ctx, q, rows)
	if mysqlx.IsDuplicate(err, "") {
		return recorddb.ErrTaken
	}
	return wrap("insert firmbankings", err)
}

// FirmbankingsByReference gives those of the references that exist.
func (s *Store) FirmbankingsByReference(ctx context.Context, references []string) ([]banking.FirmbankingRow, error) {
	if len(references) == 0 {
		return nil, nil
	}
	q, args, err := sqlx.In(`SELECT `+firmbankingColumns+` FROM firmbankings WHERE reference IN (?)`, references)
	if err != nil {
		return nil, wrap("read firmbankings", err)
	}
	var rows []banking.FirmbankingRow
	err = s.db.SelectContext(ctx, &rows, q, args...)
	return rows, wrap("read firmbankings", err)
}

// FindFirmbanking gives one transfer. Errors: banking.ErrNotFound.
func (s *Store) FindFirmbanking(ctx context.Context, id string) (banking.FirmbankingRow, error) {
	const q = `SELECT ` + firmbankingColumns + ` FROM firmbankings WHERE id = ?`
	var row banking.FirmbankingRow
	err := s.db.GetContext(ctx, &row, q, id)
	if errors.Is(err, sql.ErrNoRows) {
		return row, banking.ErrNotFound
	}
	return row, wrap("read firmbanking", err)
}

// MoveFirmbanking changes the row if its state is one of m.From; of callers at the same
// time one wins, because the row is locked while its state is compared.
func (s *Store) MoveFirmbanking(ctx context.Context, id string, m banking.FirmbankingMove) (bool, error) {
	const set = `UPDATE firmbankings SET state = ?, reason = ?, bank_transaction_id = ?, sent_at = COALESCE(?, sent_at),
		valid_until = COALESCE(?, valid_until), updated_at = ? WHERE id = ? AND state IN (?)`
	q, args, err := sqlx.In(set, m.To, m.Reason, m.BankTransactionID, m.SentAt, m.ValidUntil, m.At, id, m.From)
	if err != nil {
		return false, wrap("move firmbanking", err)
	}
	result, err := s.db.ExecContext(ctx, q, args...)
	if err != nil {
		return false, wrap("move firmbanking", err)
	}
	moved, err := result.RowsAffected()
	return moved == 1, wrap("move firmbanking", err)
}

// ListFirmbankings gives one row more than the page has, if there is one.
func (s *Store) ListFirmbankings(ctx context.Context, sel banking.Selection, r page.Request) ([]banking.FirmbankingRow, error) {
	w := selected(sel)
	w.after(r.After)
	q := `SELECT ` + firmbankingColumns + ` FROM firmbankings` + w.String() + ` ORDER BY created_at DESC, id DESC LIMIT ?`
	rows := []banking.FirmbankingRow{}
	err := s.db.SelectContext(ctx, &rows, q, append(w.args, r.Limit+1)...)
	return rows, wrap("list firmbankings", err)
}

func selected(sel banking.Selection) where {
	w := where{}
	w.equal("state", string(sel.State))
	w.equal("bank_account_id", sel.BankAccountID)
	w.equal("bank_code", sel.BankCode)
	w.equal("flow_id", sel.FlowID)
	w.equal("membership_id", sel.MembershipID)
	if !sel.Until.IsZero() {
		w.and("created_at >= ?", sel.From)
		w.and("created_at < ?", sel.Until)
	}
	return w
}

// where gathers conditions; their texts are constants of this package.
type where struct {
	conditions []string
	args       []any
}

func (w *where) and(condition string, args ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
}

// equal narrows to one value; "" does not.
func (w *where) equal(column, value string) {
	if value != "" {
		w.and(column+" = ?", value)
	}
}

// after goes on behind a cursor. The first condition is what an index can use; servers
// do not use one for (created_at, id) < (?, ?).
func (w *where) after(c page.Cursor) {
	if !c.Start() {
		w.and("created_at <= ?", c.At)
		w.and("(created_at < ? OR id < ?)", c.At, c.ID)
	}
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}
