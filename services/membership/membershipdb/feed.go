package membershipdb

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/services/membership"
)

type regionChangeRow struct {
	Seq      int64     `db:"seq"`
	MemberID string    `db:"member_id"`
	Region   string    `db:"region"`
	At       time.Time `db:"at"`
}

// announce adds a change for each of these members who is visible and lives elsewhere than was last told, or was never
// told of. It has to be the last thing a transaction does: all that announce wait for each other from here until the
// commit, which is what makes the order of the numbers that of the commits. Having waited, it also reads what the
// others have committed meanwhile (READ COMMITTED), so nobody is told of a region that is no longer true.
func announce(ctx context.Context, tx *sqlx.Tx, ids []string, at time.Time) error {
	const turn = `SELECT id FROM region_feed WHERE id = 1 FOR UPDATE`
	const add = `INSERT INTO region_changes (seq, member_id, region, at)
		SELECT head.seq + ROW_NUMBER() OVER (ORDER BY m.id), m.id, m.region, ?
		FROM (SELECT COALESCE(MAX(seq), 0) AS seq FROM region_changes) head
		CROSS JOIN members m
		WHERE m.id IN (?) AND m.role = 'MEMBER' AND m.region <> '' AND m.state <> 'PENDING'
			AND m.region <> COALESCE((SELECT c.region FROM region_changes c WHERE c.member_id = m.id ORDER BY c.seq DESC LIMIT 1), '')`
	if _, err := query[int](ctx, tx, turn); err != nil {
		return err
	}
	_, err := exec(ctx, tx, add, at, ids)
	return err
}

// RegionChanges implements membership.Store.
func (s *Store) RegionChanges(ctx context.Context, after int64, limit int) ([]membership.RegionChange, error) {
	const q = `SELECT seq, member_id, region, at FROM region_changes WHERE seq > ? ORDER BY seq LIMIT ?`
	var rows []regionChangeRow
	if err := s.db.SelectContext(ctx, &rows, q, after, limit); err != nil {
		return nil, named("region changes", err)
	}
	changes := make([]membership.RegionChange, len(rows))
	for i, r := range rows {
		changes[i] = membership.RegionChange(r)
	}
	return changes, nil
}

// RegionHead implements membership.Store.
func (s *Store) RegionHead(ctx context.Context) (seq int64, err error) {
	const q = `SELECT COALESCE(MAX(seq), 0) FROM region_changes`
	err = s.db.GetContext(ctx, &seq, q)
	return seq, named("the last region change", err)
}
