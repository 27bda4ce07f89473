package membershipdb

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/services/membership"
)

type memberRow struct {
	ID            string    `db:"id"`
	EmailIndex    []byte    `db:"email_index"`
	Name          []byte    `db:"name"`
	Email         []byte    `db:"email"`
	Phone         []byte    `db:"phone"`
	Region        string    `db:"region"`
	AddressDetail []byte    `db:"address_detail"`
	Role          string    `db:"role"`
	State         string    `db:"state"`
	Verified      bool      `db:"verified"`
	Frozen        bool      `db:"frozen"`
	PasswordHash  string    `db:"password_hash"`
	Version       int64     `db:"version"`
	CreatedAt     time.Time `db:"created_at"`
	UpdatedAt     time.Time `db:"updated_at"`
}

const memberColumns = `id, email_index, name, email, phone, region, address_detail, role, state, verified, frozen, password_hash,
	version, created_at, updated_at`

func toMemberRow(m membership.StoredMember) memberRow {
	return memberRow{
		ID: m.ID, EmailIndex: m.EmailIndex, Name: m.Name, Email: m.Email, Phone: m.Phone, Region: m.Region,
		AddressDetail: m.AddressDetail, Role: string(m.Role), State: string(m.State), Verified: m.Verified, Frozen: m.Frozen,
		PasswordHash: m.PasswordHash, Version: m.Version, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	}
}

func toMember(r memberRow) membership.StoredMember {
	return membership.StoredMember{
		ID: r.ID, EmailIndex: r.EmailIndex, Name: r.Name, Email: r.Email, Phone: r.Phone, Region: r.Region,
		AddressDetail: r.AddressDetail, Role: membership.Role(r.Role), State: membership.State(r.State), Verified: r.Verified, Frozen: r.Frozen,
		PasswordHash: r.PasswordHash, Version: r.Version, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// livesSomewhere tells a member whose region is told to others: operators have none, and Pending ones are not there yet.
func (r memberRow) livesSomewhere() bool {
	return r.Region != "" && r.State != string(membership.Pending)
}

// AddMembers implements membership.Store. A key that is taken leaves its row out and does not end the statement;
// what is stored is read back afterwards.
func (s *Store) AddMembers(ctx context.Context, members []membership.StoredMember) ([]*membership.StoredMember, error) {
	const q = `INSERT INTO members (` + memberColumns + `)
		VALUES (:id, :email_index, :name, :email, :phone, :region, :address_detail, :role, :state, :verified, :frozen, :password_hash,
			:version, :created_at, :updated_at)
		ON DUPLICATE KEY UPDATE id = members.id`
	rows, ids := make([]memberRow, len(members)), make([]string, len(members))
	for i, m := range members {
		rows[i], ids[i] = toMemberRow(m), m.ID
	}
	var there map[string]memberRow
	err := s.inTx(ctx, "add members", func(tx *sqlx.Tx) error {
		if _, err := tx.NamedExecContext(ctx, q, rows); err != nil {
			return err
		}
		found, err := query[memberRow](ctx, tx, `SELECT `+memberColumns+` FROM members WHERE id IN (?)`, ids)
		there = indexOf(found, func(r memberRow) string { return r.ID })
		if err != nil || !slices.ContainsFunc(found, memberRow.livesSomewhere) {
			return err
		}
		return announce(ctx, tx, ids, members[0].CreatedAt)
	})
	if err != nil {
		return nil, err
	}
	result := make([]*membership.StoredMember, len(ids))
	for i, id := range ids {
		if row, found := there[id]; found {
			m := toMember(row)
			result[i] = &m
		}
	}
	return result, nil
}

// FindMember implements membership.Store.
func (s *Store) FindMember(ctx context.Context, id string) (membership.StoredMember, error) {
	const q = `SELECT ` + memberColumns + ` FROM members WHERE id = ?`
	m, err := oneMember(ctx, s.db, q, id)
	return m, named("find a member", err)
}

// FindMemberByEmail implements membership.Store.
func (s *Store) FindMemberByEmail(ctx context.Context, emailIndex []byte) (membership.StoredMember, error) {
	const q = `SELECT ` + memberColumns + ` FROM members WHERE email_index = ?`
	m, err := oneMember(ctx, s.db, q, emailIndex)
	return m, named("find a member by e-mail", err)
}

func oneMember(ctx context.Context, db sqlx.QueryerContext, q string, key any) (membership.StoredMember, error) {
	var row memberRow
	err := sqlx.GetContext(ctx, db, &row, q, key)
	if errors.Is(err, sql.ErrNoRows) {
		err = errs.MemberNotFound
	}
	return toMember(row), err
}

// UpdateMember implements membership.Store.
func (s *Store) UpdateMember(ctx context.Context, id string,
	change func(membership.StoredMember) (membership.MemberChange, error)) (membership.StoredMember, error) {
	const q = `SELECT ` + memberColumns + ` FROM members WHERE id = ? FOR UPDATE`
	var after membership.MemberChange
	err := s.inTx(ctx, "update a member", func(tx *sqlx.Tx) error {
		before, err := oneMember(ctx, tx, q, id)
		if err != nil {
			return err
		}
		if after, err = change(before); err != nil {
			return err
		}
		return writeChange(ctx, tx, before, after)
	})
	return after.Member, err
}

func writeChange(ctx context.Context, tx *sqlx.Tx, before membership.StoredMember, after membership.MemberChange) error {
	m := after.Member
	if err := writeMember(ctx, tx, m); err != nil {
		return err
	}
	if after.SignedOut {
		if err := revokeFamiliesOf(ctx, tx, before.ID, m.UpdatedAt); err != nil {
			return err
		}
	}
	if m.Region == before.Region || m.State == membership.Pending {
		return nil
	}
	return announce(ctx, tx, []string{before.ID}, m.UpdatedAt)
}

func writeMember(ctx context.Context, tx *sqlx.Tx, m membership.StoredMember) error {
	const q = `UPDATE members SET name = :name, email = :email, phone = :phone, region = :region,
			address_detail = :address_detail, state = :state, verified = :verified, frozen = :frozen, password_hash = :password_hash,
			version = :version, updated_at = :updated_at
		WHERE id = :id`
	_, err := tx.NamedExecContext(ctx, q, toMemberRow(m))
	return err
}

// ActivateMembers implements membership.Store.
func (s *Store) ActivateMembers(ctx context.Context, ids []string, at time.Time) error {
	const q = `UPDATE members SET state = 'ACTIVE', version = version + 1, updated_at = ? WHERE id IN (?) AND state = 'PENDING'`
	wanted := indexOf(ids, func(id string) string { return id })
	err := s.inTx(ctx, "activate members", func(tx *sqlx.Tx) error {
		activated, err := exec(ctx, tx, q, at, ids)
		if err != nil {
			return err
		}
		if activated < int64(len(wanted)) {
			there, err := query[string](ctx, tx, `SELECT id FROM members WHERE id IN (?)`, ids)
			if err != nil {
				return err
			}
			if len(there) < len(wanted) {
				return errs.MemberNotFound
			}
		}
		return announce(ctx, tx, ids, at)
	})
	return err
}

// RemovePending implements membership.Store. Pending members cannot sign in, so they have no families.
func (s *Store) RemovePending(ctx context.Context, ids []string) error {
	const q = `DELETE FROM members WHERE id IN (?) AND state = 'PENDING'`
	return s.inTx(ctx, "remove pending members", func(tx *sqlx.Tx) error {
		_, err := exec(ctx, tx, q, ids)
		return err
	})
}

type standingRow struct {
	ID       string `db:"id"`
	Role     string `db:"role"`
	State    string `db:"state"`
	Verified bool   `db:"verified"`
}

func toStanding(r standingRow) membership.Standing {
	return membership.Standing{
		ID: r.ID, Exists: true, Active: r.State == string(membership.Active), Verified: r.Verified, Role: membership.Role(r.Role),
	}
}

// Standings implements membership.Store.
func (s *Store) Standings(ctx context.Context, ids []string) ([]membership.Standing, error) {
	const q = `SELECT id, role, state, verified FROM members WHERE id IN (?)`
	rows, err := query[standingRow](ctx, s.db, q, ids)
	if err != nil {
		return nil, named("standings", err)
	}
	standings := make([]membership.Standing, len(rows))
	for i, row := range rows {
		standings[i] = toStanding(row)
	}
	return standings, nil
}
