package franchisedb

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/services/franchise"
)

const columns = `id, name, business_number, number_claim, contact_sealed, bank_code, number_sealed, holder_sealed, payout_verified_at,
	state, refusal, failure, until_at, status, version, fingerprint, created_at, updated_at`

// Begin stores new registrations one by one, because each may be refused on its own, in
// one transaction.
func (s *Store) Begin(ctx context.Context, rows []franchise.Row) ([]franchise.Row, error) {
	outs := make([]franchise.Row, len(rows))
	err := mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		for i, row := range rows {
			var err error
			if outs[i], err = beginOne(ctx, tx, row); err != nil {
				return err
			}
		}
		return nil
	})
	return outs, err
}

func beginOne(ctx context.Context, tx *sqlx.Tx, row franchise.Row) (franchise.Row, error) {
	stored, err := findRow(ctx, tx, row.ID, "")
	if !errors.Is(err, franchise.ErrNotFound) {
		return stored, err
	}
	err = insert(ctx, tx, row)
	if mysqlx.IsDuplicate(err, "franchises_number_claim") {
		row = row.Refused()
		err = insert(ctx, tx, row)
	}
	if mysqlx.IsDuplicate(err, "PRIMARY") { // it appeared between the two statements
		return findRow(ctx, tx, row.ID, "")
	}
	if err != nil {
		return row, wrap("insert franchise", err)
	}
	for _, c := range row.Contracts {
		if err := putContract(ctx, tx, row.ID, c, row.CreatedAt); err != nil {
			return row, err
		}
	}
	return row, nil
}

func insert(ctx context.Context, tx *sqlx.Tx, row franchise.Row) error {
	const q = `INSERT INTO franchises (` + columns + `)
		VALUES (:id, :name, :business_number, :number_claim, :contact_sealed, :bank_code, :number_sealed, :holder_sealed, :payout_verified_at,
			:state, :refusal, :failure, :until_at, :status, :version, :fingerprint, :created_at, :updated_at)`
	_, err := tx.NamedExecContext(ctx, q, row)
	return err
}

// putContract stores a contract, in the place of one planned for the same date.
func putContract(ctx context.Context, tx *sqlx.Tx, franchiseID string, c franchise.Contract, at time.Time) error {
	const q = `INSERT INTO contracts (franchise_id, effective_from, fee_basis_points, cycle, payout_business_days, created_at)
		VALUES (?, ?, ?, ?, ?, ?)
		ON DUPLICATE KEY UPDATE fee_basis_points = VALUES(fee_basis_points), cycle = VALUES(cycle),
			payout_business_days = VALUES(payout_business_days), created_at = VALUES(created_at)`
	_, err := tx.ExecContext(ctx, q, franchiseID, c.EffectiveFrom, c.FeeBasisPoints, c.Cycle, c.PayoutBusinessDays, at)
	return wrap("put contract", err)
}

// contractRow is a contract as the table has it.
type contractRow struct {
	FranchiseID        string          `db:"franchise_id"`
	EffectiveFrom      time.Time       `db:"effective_from"`
	FeeBasisPoints     int             `db:"fee_basis_points"`
	Cycle              franchise.Cycle `db:"cycle"`
	PayoutBusinessDays int             `db:"payout_business_days"`
}

func toContract(r contractRow) franchise.Contract {
	return franchise.Contract{
		EffectiveFrom: r.EffectiveFrom.Format(time.DateOnly), FeeBasisPoints: r.FeeBasisPoints,
		Cycle: r.Cycle, PayoutBusinessDays: r.PayoutBusinessDays,
	}
}

// withContracts fills in the contracts of rows. One round trip.
func withContracts(ctx context.Context, db sqlx.QueryerContext, rows []franchise.Row) error {
	if len(rows) == 0 {
		return nil
	}
	const q = `SELECT franchise_id, effective_from, fee_basis_points, cycle, payout_business_days
		FROM contracts WHERE franchise_id IN (?) ORDER BY franchise_id, effective_from`
	ids, place := make([]string, len(rows)), make(map[string]int, len(rows))
	for i, r := range rows {
		ids[i], place[r.ID] = r.ID, i
	}
	contracts, err := selectIn[contractRow](ctx, db, "read contracts", q, ids)
	if err != nil {
		return err
	}
	for _, c := range contracts {
		row := &rows[place[c.FranchiseID]]
		row.Contracts = append(row.Contracts, toContract(c))
	}
	return nil
}

// findRow reads one franchise; lock is "" or a locking clause.
func findRow(ctx context.Context, db sqlx.QueryerContext, id, lock string) (franchise.Row, error) {
	row, err := selectOne[franchise.Row](ctx, db, "read franchise", `SELECT `+columns+` FROM franchises WHERE id = ?`+lock, id)
	if err != nil {
		return row, err
	}
	rows := []franchise.Row{row}
	err = withContracts(ctx, db, rows)
	return rows[0], err
}

// Find gives one franchise. Errors: franchise.ErrNotFound.
func (s *Store) Find(ctx context.Context, id string) (franchise.Row, error) {
	return findRow(ctx, s.db, id, "")
}

// List gives a page of franchises with their contracts. Two round trips.
func (s *Store) List(ctx context.Context, q page.Request, status franchise.Status) ([]franchise.Row, error) {
	key := ""
	if status != franchise.Unregistered {
		key = "status"
	}
	rows, err := list[franchise.Row](ctx, s.db, "list franchises", `SELECT `+columns+` FROM franchises`, key, status, q)
	if err != nil {
		return nil, err
	}
	return rows, withContracts(ctx, s.db, rows)
}

// Update stores what change makes of the row.
func (s *Store) Update(ctx context.Context, id string, change func(franchise.Row) (franchise.Change, error)) (franchise.Row, error) {
	var updated franchise.Row
	err := mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		row, err := findRow(ctx, tx, id, " FOR UPDATE")
		if err != nil {
			return err
		}
		c, err := change(row)
		if err != nil {
			return err
		}
		if err := write(ctx, tx, c); err != nil {
			return err
		}
		updated, err = findRow(ctx, tx, id, "")
		return err
	})
	return updated, err
}

func write(ctx context.Context, tx *sqlx.Tx, c franchise.Change) error {
	const q = `UPDATE franchises SET name = :name, contact_sealed = :contact_sealed, status = :status, version = :version, updated_at = :updated_at
		WHERE id = :id`
	if _, err := tx.NamedExecContext(ctx, q, c.Row); err != nil {
		return wrap("update franchise", err)
	}
	if c.Contract == nil {
		return nil
	}
	return putContract(ctx, tx, c.Row.ID, *c.Contract, c.Row.UpdatedAt)
}

// Move changes the states of registrations, with what a state says of the franchise.
func (s *Store) Move(ctx context.Context, moves []record.Move, at time.Time) ([]error, error) {
	const q = `UPDATE franchises SET state = ?, failure = ?, until_at = ?, version = version + 1, updated_at = ?,
			status = CASE WHEN ? THEN 'ACTIVE' ELSE status END,
			payout_verified_at = CASE WHEN ? THEN ? ELSE payout_verified_at END,
			number_claim = CASE WHEN ? THEN NULL ELSE number_claim END
		WHERE id = ?`
	return s.move(ctx, registrations, moves, func(tx *sqlx.Tx, m record.Move) error {
		won, lost := m.State == record.Succeeded, m.State == record.Failed || m.State == record.Cancelled
		_, err := tx.ExecContext(ctx, q, m.State, m.Failure, nullTime(m.Until), at, won, won, at, lost, m.ID)
		return err
	})
}

// Terms gives what payments need. One round trip.
func (s *Store) Terms(ctx context.Context, ids []string, on string) ([]franchise.TermsRow, error) {
	const q = `SELECT f.id, f.status, c.fee_basis_points, w.franchise_id IS NOT NULL AS webhook
		FROM franchises f
		LEFT JOIN contracts c ON c.franchise_id = f.id AND c.effective_from = (
			SELECT MAX(effective_from) FROM contracts WHERE franchise_id = f.id AND effective_from <= ?)
		LEFT JOIN webhooks w ON w.franchise_id = f.id
		WHERE f.id IN (?) AND f.state = 'SUCCEEDED'`
	if len(ids) == 0 {
		return nil, nil
	}
	return selectIn[franchise.TermsRow](ctx, s.db, "read terms", q, on, ids)
}

// Contracts gives what settlements need. One round trip.
func (s *Store) Contracts(ctx context.Context, ids []string, on string) ([]franchise.ContractRow, error) {
	const q = `SELECT f.id AS franchise_id, c.cycle, c.payout_business_days
		FROM franchises f
		JOIN contracts c ON c.franchise_id = f.id AND c.effective_from = (
			SELECT MAX(effective_from) FROM contracts WHERE franchise_id = f.id AND effective_from <= ?)
		WHERE f.id IN (?) AND f.state = 'SUCCEEDED'`
	if len(ids) == 0 {
		return nil, nil
	}
	return selectIn[franchise.ContractRow](ctx, s.db, "read contracts in force", q, on, ids)
}

// Payouts gives verified accounts. One round trip.
func (s *Store) Payouts(ctx context.Context, ids []string) ([]franchise.PayoutRow, error) {
	const q = `SELECT id, bank_code, number_sealed, holder_sealed FROM franchises WHERE id IN (?) AND state = 'SUCCEEDED'`
	if len(ids) == 0 {
		return nil, nil
	}
	return selectIn[franchise.PayoutRow](ctx, s.db, "read payout accounts", q, ids)
}

// registered tells whether a franchise is, and keeps it from changing when lock says so.
func registered(ctx context.Context, tx *sqlx.Tx, id, lock string) error {
	state, err := selectOne[record.State](ctx, tx, "read franchise", `SELECT state FROM franchises WHERE id = ?`+lock, id)
	if err == nil && state != record.Succeeded {
		return franchise.ErrNotFound
	}
	return err
}

// requests is a table of requests that may be refused when they begin.
type requests struct {
	table    string // ours, never a client's
	notFound *errs.Error
}

var registrations = requests{table: "franchises", notFound: errs.FranchiseNotFound}
