package bankingdb

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/internal/recorddb"
	"durapay/services/banking"
)

const noticeColumns = `id, bank_notice_id, type, reference, bank_transaction_id, amount, reason, firmbanking_id, account_bank_code, account_sealed,
	counterparty_bank_code, counterparty_sealed, memo_sealed, state, failure, until_at, at, created_at, updated_at`

// BeginNotice stores a new notice and gives back a stored one.
func (s *Store) BeginNotice(ctx context.Context, row banking.NoticeRow) (banking.NoticeRow, error) {
	stored, err := recorddb.Begin(ctx, []banking.NoticeRow{row}, recorddb.Shelf[banking.NoticeRow]{
		Key:    func(r banking.NoticeRow) string { return r.ID },
		Insert: s.insertNotices,
		Find:   s.Notices,
	})
	if err != nil {
		return banking.NoticeRow{}, err
	}
	return stored[0], nil
}

func (s *Store) insertNotices(ctx context.Context, rows []banking.NoticeRow) error {
	const q = `INSERT INTO bank_notices (` + noticeColumns + `)
		VALUES (:id, :bank_notice_id, :type, :reference, :bank_transaction_id, :amount, :reason, :firmbanking_id, :account_bank_code, :account_sealed, :counterparty_bank_code, :counterparty_sealed, :memo_sealed, :state, :failure, :until_at, :at, :created_at, :updated_at)`
	_, err := s.db.NamedExecContext(ctx, q, rows)
	if mysqlx.IsDuplicate(err, "PRIMARY") {
		return recorddb.ErrTaken
	}
	return wrap("insert bank notices", err)
}

// Notices gives those of the ids that exist.
func (s *Store) Notices(ctx context.Context, ids []string) ([]banking.NoticeRow, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q, args, err := sqlx.In(`SELECT `+noticeColumns+` FROM bank_notices WHERE id IN (?)`, ids)
	if err != nil {
		return nil, wrap("read bank notices", err)
	}
	var rows []banking.NoticeRow
	err = s.db.SelectContext(ctx, &rows, q, args...)
	return rows, wrap("read bank notices", err)
}

// ListNotices gives one row more than the page has, if there is one.
func (s *Store) ListNotices(ctx context.Context, f banking.NoticeFilter, r page.Request) ([]banking.NoticeRow, error) {
	w := where{}
	w.equal("type", string(f.Type))
	w.equal("state", string(f.State))
	w.after(r.After)
	q := `SELECT ` + noticeColumns + ` FROM bank_notices` + w.String() + ` ORDER BY created_at DESC, id DESC LIMIT ?`
	rows := []banking.NoticeRow{}
	err := s.db.SelectContext(ctx, &rows, q, append(w.args, r.Limit+1)...)
	return rows, wrap("list bank notices", err)
}

// MoveNotices changes states. All allowed: one round trip.
func (s *Store) MoveNotices(ctx context.Context, moves []record.Move, at time.Time) ([]error, error) {
	return s.notices.Move(ctx, moves, at)
}

// ClaimReturn notes the transfer unless another one is noted here, or this one elsewhere.
func (s *Store) ClaimReturn(ctx context.Context, noticeID, firmbankingID string, at time.Time) (bool, error) {
	const q = `UPDATE bank_notices SET firmbanking_id = ?, updated_at = ? WHERE id = ? AND (firmbanking_id IS NULL OR firmbanking_id = ?)`
	result, err := s.db.ExecContext(ctx, q, firmbankingID, at, noticeID, firmbankingID)
	if mysqlx.IsDuplicate(err, "bank_notices_firmbanking") {
		return false, nil
	}
	if err != nil {
		return false, wrap("claim return", err)
	}
	claimed, err := result.RowsAffected()
	return claimed == 1, wrap("claim return", err)
}
