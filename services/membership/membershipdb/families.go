package membershipdb

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/services/membership"
)

// StartFamily implements membership.Store. The member's row is share-locked, so that a deactivation at the same
// time either sees the family or keeps it from starting.
func (s *Store) StartFamily(ctx context.Context, f membership.Family, first membership.RefreshToken) error {
	const q = `INSERT INTO refresh_families (id, member_id, ends_at, expires_at) VALUES (?, ?, ?, ?)`
	return s.inTx(ctx, "start a refresh family", func(tx *sqlx.Tx) error {
		owner, err := shareMember(ctx, tx, f.MemberID)
		if err == nil && !owner.Active {
			err = errs.CredentialsWrong
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, q, f.ID, f.MemberID, f.EndsAt, f.ExpiresAt); err != nil {
			return err
		}
		return addToken(ctx, tx, f.ID, first)
	})
}

func shareMember(ctx context.Context, tx *sqlx.Tx, id string) (membership.Standing, error) {
	const q = `SELECT id, role, state, verified FROM members WHERE id = ? LOCK IN SHARE MODE`
	var row standingRow
	err := tx.GetContext(ctx, &row, q, id)
	if errors.Is(err, sql.ErrNoRows) {
		return membership.Standing{ID: id}, nil
	}
	return toStanding(row), err
}

func addToken(ctx context.Context, tx *sqlx.Tx, familyID []byte, t membership.RefreshToken) error {
	const q = `INSERT INTO refresh_tokens (token_hash, family_id, expires_at) VALUES (?, ?, ?)`
	_, err := tx.ExecContext(ctx, q, t.Hash, familyID, t.ExpiresAt)
	return err
}

// UseRefreshToken implements membership.Store. Locks are taken from the member down, as a deactivation does. The
// family's row is locked too, so that no token can join a family while it is being revoked.
func (s *Store) UseRefreshToken(ctx context.Context, hash []byte, use func(membership.Presented) membership.Use) error {
	return s.inTx(ctx, "use a refresh token", func(tx *sqlx.Tx) error {
		p, err := lockPresented(ctx, tx, hash)
		if err != nil {
			return err
		}
		u := use(p)
		switch {
		case u.Revoke:
			return revokeFamily(ctx, tx, p.Family.ID, u.At)
		case u.Next != nil:
			return replaceToken(ctx, tx, p, u)
		default:
			return nil
		}
	})
}

type presentedRow struct {
	Hash      []byte              `db:"token_hash"`
	ExpiresAt time.Time           `db:"expires_at"`
	SpentAt   sql.Null[time.Time] `db:"spent_at"`
	FamilyID  []byte              `db:"family_id"`
	MemberID  string              `db:"member_id"`
	EndsAt    time.Time           `db:"ends_at"`
	RevokedAt sql.Null[time.Time] `db:"revoked_at"`
}

func toPresented(r presentedRow, owner membership.Standing) membership.Presented {
	return membership.Presented{
		Token:  membership.RefreshToken{Hash: r.Hash, ExpiresAt: r.ExpiresAt, SpentAt: r.SpentAt.V},
		Family: membership.Family{ID: r.FamilyID, MemberID: r.MemberID, EndsAt: r.EndsAt, RevokedAt: r.RevokedAt.V},
		Owner:  owner,
	}
}

func lockPresented(ctx context.Context, tx *sqlx.Tx, hash []byte) (membership.Presented, error) {
	const owner = `SELECT f.member_id FROM refresh_tokens t JOIN refresh_families f ON f.id = t.family_id WHERE t.token_hash = ?`
	const q = `SELECT t.token_hash, t.expires_at, t.spent_at, t.family_id, f.member_id, f.ends_at, f.revoked_at
		FROM refresh_tokens t JOIN refresh_families f ON f.id = t.family_id WHERE t.token_hash = ? FOR UPDATE`
	var memberID string
	if err := tx.GetContext(ctx, &memberID, owner, hash); err != nil {
		return membership.Presented{}, orInvalid(err)
	}
	standing, err := shareMember(ctx, tx, memberID)
	if err != nil {
		return membership.Presented{}, err
	}
	var row presentedRow
	if err := tx.GetContext(ctx, &row, q, hash); err != nil {
		return membership.Presented{}, orInvalid(err)
	}
	return toPresented(row, standing), nil
}

func orInvalid(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return errs.RefreshInvalid
	}
	return err
}

func replaceToken(ctx context.Context, tx *sqlx.Tx, p membership.Presented, u membership.Use) error {
	const spend = `UPDATE refresh_tokens SET spent_at = ? WHERE token_hash = ?`
	const extend = `UPDATE refresh_families SET expires_at = ? WHERE id = ?`
	if _, err := tx.ExecContext(ctx, spend, u.At, p.Token.Hash); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, extend, u.Next.ExpiresAt, p.Family.ID); err != nil {
		return err
	}
	return addToken(ctx, tx, p.Family.ID, *u.Next)
}

func revokeFamily(ctx context.Context, tx *sqlx.Tx, id []byte, at time.Time) error {
	const q = `UPDATE refresh_families SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL`
	_, err := tx.ExecContext(ctx, q, at, id)
	return err
}

func revokeFamiliesOf(ctx context.Context, tx *sqlx.Tx, memberID string, at time.Time) error {
	const q = `UPDATE refresh_families SET revoked_at = ? WHERE member_id = ? AND revoked_at IS NULL`
	_, err := tx.ExecContext(ctx, q, at, memberID)
	return err
}

// RevokeFamily implements membership.Store.
func (s *Store) RevokeFamily(ctx context.Context, memberID string, hash []byte, at time.Time) error {
	const q = `UPDATE refresh_families SET revoked_at = ?
		WHERE id = (SELECT t.family_id FROM refresh_tokens t WHERE t.token_hash = ?) AND member_id = ? AND revoked_at IS NULL`
	return s.inTx(ctx, "revoke a refresh family", func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, q, at, hash, memberID)
		return err
	})
}

// Prune implements membership.Store. Each statement is a transaction of its own: nothing holds locks for long.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (int64, error) {
	var pruned int64
	for _, q := range []string{
		`DELETE FROM login_counters WHERE expires_at < ? ORDER BY expires_at LIMIT ?`,
		`DELETE FROM refresh_tokens WHERE expires_at < ? ORDER BY expires_at LIMIT ?`,
		`DELETE FROM refresh_families WHERE expires_at < ?
			AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.family_id = refresh_families.id) ORDER BY expires_at LIMIT ?`,
	} {
		var removed int64
		err := s.inTx(ctx, "prune", func(tx *sqlx.Tx) (err error) {
			removed, err = exec(ctx, tx, q, before, limit)
			return err
		})
		if err != nil {
			return pruned, err
		}
		pruned += removed
	}
	return pruned, nil
}
