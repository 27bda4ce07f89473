package membershipdb

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/membership"
)

type registrationRow struct {
	ID          string         `db:"id"`
	MemberID    string         `db:"member_id"`
	Fingerprint string         `db:"fingerprint"`
	State       string         `db:"state"`
	Failure     record.Failure `db:"failure"`
	CreatedAt   time.Time      `db:"created_at"`
	UpdatedAt   time.Time      `db:"updated_at"`
}

const registrationColumns = `id, member_id, fingerprint, state, failure, created_at, updated_at`

func toRegistrationRow(r membership.RegistrationRecord) registrationRow {
	return registrationRow{
		ID: r.ID, MemberID: r.MemberID, Fingerprint: r.Fingerprint, State: string(r.State), Failure: r.Failure,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

func toRegistration(r registrationRow) membership.RegistrationRecord {
	return membership.RegistrationRecord{
		ID: r.ID, MemberID: r.MemberID, Fingerprint: r.Fingerprint, State: record.State(r.State), Failure: r.Failure,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

func registrationID(r registrationRow) string { return r.ID }

// AddRegistrations implements membership.Store.
func (s *Store) AddRegistrations(ctx context.Context, registrations []membership.RegistrationRecord) ([]membership.RegistrationRecord, error) {
	const q = `INSERT INTO registrations (` + registrationColumns + `)
		VALUES (:id, :member_id, :fingerprint, :state, :failure, :created_at, :updated_at)
		ON DUPLICATE KEY UPDATE id = registrations.id`
	rows, ids := make([]registrationRow, len(registrations)), make([]string, len(registrations))
	for i, r := range registrations {
		rows[i], ids[i] = toRegistrationRow(r), r.ID
	}
	var there []registrationRow
	err := s.inTx(ctx, "add registrations", func(tx *sqlx.Tx) error {
		if _, err := tx.NamedExecContext(ctx, q, rows); err != nil {
			return err
		}
		var err error
		there, err = query[registrationRow](ctx, tx, `SELECT `+registrationColumns+` FROM registrations WHERE id IN (?)`, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	byID := indexOf(there, registrationID)
	stored := make([]membership.RegistrationRecord, len(ids))
	for i, id := range ids {
		stored[i] = toRegistration(byID[id])
	}
	return stored, nil
}

// MoveRegistrations implements membership.Store.
func (s *Store) MoveRegistrations(ctx context.Context, moves []record.Move, at time.Time) error {
	const q = `SELECT ` + registrationColumns + ` FROM registrations WHERE id IN (?) ORDER BY id FOR UPDATE`
	ids := make([]string, len(moves))
	for i, m := range moves {
		ids[i] = m.ID
	}
	return s.inTx(ctx, "move registrations", func(tx *sqlx.Tx) error {
		rows, err := query[registrationRow](ctx, tx, q, ids)
		if err != nil {
			return err
		}
		byID := indexOf(rows, registrationID)
		for _, m := range moves {
			row, there := byID[m.ID]
			if !there {
				return errs.FlowNotFound
			}
			if byID[m.ID], err = moveRegistration(ctx, tx, row, m, at); err != nil {
				return err
			}
		}
		return nil
	})
}

// moveRegistration makes one move, unless it is none or is not allowed, and gives the row after it.
func moveRegistration(ctx context.Context, tx *sqlx.Tx, row registrationRow, m record.Move, at time.Time) (registrationRow, error) {
	const q = `UPDATE registrations SET state = :state, failure = :failure, updated_at = :updated_at WHERE id = :id`
	from := record.State(row.State)
	if from == m.State || !from.CanBecome(m.State) {
		return row, nil
	}
	row.State, row.Failure, row.UpdatedAt = string(m.State), m.Failure, at
	_, err := tx.NamedExecContext(ctx, q, row)
	return row, err
}

// FindRegistration implements membership.Store.
func (s *Store) FindRegistration(ctx context.Context, id string) (membership.RegistrationRecord, error) {
	const q = `SELECT ` + registrationColumns + ` FROM registrations WHERE id = ?`
	var row registrationRow
	err := s.db.GetContext(ctx, &row, q, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = errs.FlowNotFound
	}
	return toRegistration(row), named("find a registration", err)
}
