package bankingdb

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/services/banking"
)

const accountColumns = `id, membership_id, bank_code, number_sealed, holder_sealed, number_index, state, fingerprint, consent_at, revoked_at, created_at`

// AddAccounts stores linked accounts, all or none. Errors: banking.ErrIDTaken, banking.ErrLinked.
func (s *Store) AddAccounts(ctx context.Context, rows []banking.AccountRow) error {
	const q = `INSERT INTO accounts (` + accountColumns + `, linked_index)
		VALUES (:id, :membership_id, :bank_code, :number_sealed, :holder_sealed, :number_index, :state, :fingerprint, :consent_at, :revoked_at, :created_at, :number_index)`
	if len(rows) == 0 {
		return nil
	}
	_, err := s.db.NamedExecContext(ctx, q, rows)
	switch {
	case mysqlx.IsDuplicate(err, "PRIMARY"):
		return banking.ErrIDTaken
	case mysqlx.IsDuplicate(err, "accounts_linked"):
		return banking.ErrLinked
	default:
		return wrap("insert accounts", err)
	}
}

// Accounts gives those of the ids that exist.
func (s *Store) Accounts(ctx context.Context, ids []string) ([]banking.AccountRow, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q, args, err := sqlx.In(`SELECT `+accountColumns+` FROM accounts WHERE id IN (?)`, ids)
	if err != nil {
		return nil, wrap("read accounts", err)
	}
	var rows []banking.AccountRow
	err = s.db.SelectContext(ctx, &rows, q, args...)
	return rows, wrap("read accounts", err)
}

// ListAccounts gives one row more than the page has, if there is one.
func (s *Store) ListAccounts(ctx context.Context, membershipID string, r page.Request) ([]banking.AccountRow, error) {
	w := where{}
	w.and("membership_id = ?", membershipID)
	w.after(r.After)
	q := `SELECT ` + accountColumns + ` FROM accounts` + w.String() + ` ORDER BY created_at DESC, id DESC LIMIT ?`
	rows := []banking.AccountRow{}
	err := s.db.SelectContext(ctx, &rows, q, append(w.args, r.Limit+1)...)
	return rows, wrap("list accounts", err)
}

// Unlink ends the link if the account is this member's and linked.
func (s *Store) Unlink(ctx context.Context, membershipID, id string, at time.Time) error {
	const q = `UPDATE accounts SET state = ?, linked_index = NULL, revoked_at = ? WHERE id = ? AND membership_id = ? AND state = ?`
	_, err := s.db.ExecContext(ctx, q, banking.Unlinked, at, id, membershipID, banking.Linked)
	return wrap("unlink account", err)
}
