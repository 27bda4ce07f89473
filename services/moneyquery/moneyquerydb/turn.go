package moneyquerydb

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"

	"durapay/internal/calendar"
	"durapay/services/moneyquery"
)

// maxRows bounds one statement.
const maxRows = 1000

// turn implements moneyquery.Turn.
type turn struct{ tx *sqlx.Tx }

// Position implements moneyquery.Turn.
func (t *turn) Position(ctx context.Context, generation int64) (moneyquery.Position, error) {
	const q = `SELECT journal_seq, region_seq, as_of FROM generations WHERE generation = ?`
	p, err := scanPosition(t.tx.QueryRowContext(ctx, q, generation))
	if err != nil {
		return p, fmt.Errorf("read position of generation %d: %w", generation, err)
	}
	return p, nil
}

type memberRow struct {
	Generation int64  `db:"generation"`
	MemberID   string `db:"member_id"`
	Region     string `db:"region"`
	Balance    int64  `db:"balance"`
}

// Members implements moneyquery.Turn.
func (t *turn) Members(ctx context.Context, generation int64, ids []string) ([]moneyquery.Member, error) {
	const q = `SELECT generation, member_id, region, balance FROM member_money WHERE generation = ? AND member_id IN (?)`
	var members []moneyquery.Member
	for some := range slices.Chunk(ids, maxRows) {
		text, args, err := sqlx.In(q, generation, some)
		if err != nil {
			return nil, err
		}
		var rows []memberRow
		if err := t.tx.SelectContext(ctx, &rows, text, args...); err != nil {
			return nil, fmt.Errorf("read members: %w", err)
		}
		for _, r := range rows {
			members = append(members, moneyquery.Member{ID: r.MemberID, Region: r.Region, Balance: r.Balance})
		}
	}
	return members, nil
}

type totalRow struct {
	Generation int64  `db:"generation"`
	Region     string `db:"region"`
	Members    int64  `db:"members"`
	Balance    int64  `db:"balance"`
}

// Totals implements moneyquery.Turn.
func (t *turn) Totals(ctx context.Context, generation int64) (map[string]moneyquery.Total, error) {
	const q = `SELECT generation, region, members, balance FROM region_totals WHERE generation = ?`
	var rows []totalRow
	if err := t.tx.SelectContext(ctx, &rows, q, generation); err != nil {
		return nil, fmt.Errorf("read totals: %w", err)
	}
	totals := make(map[string]moneyquery.Total, len(rows))
	for _, r := range rows {
		totals[r.Region] = moneyquery.Total{Members: r.Members, Balance: r.Balance}
	}
	return totals, nil
}

// Apply implements moneyquery.Turn. Inflows leave the stored regions before the members do, and reach the new ones
// after them.
func (t *turn) Apply(ctx context.Context, generation int64, c moneyquery.Changes, p moneyquery.Position) error {
	if err := t.moveInflows(ctx, takeOut, c.Moved, generation); err != nil {
		return fmt.Errorf("take inflows out of regions: %w", err)
	}
	if err := t.members(ctx, generation, c.Members); err != nil {
		return fmt.Errorf("write members: %w", err)
	}
	if err := t.moveInflows(ctx, putIn, c.Moved, generation); err != nil {
		return fmt.Errorf("put inflows into regions: %w", err)
	}
	if err := t.inflows(ctx, generation, c.Inflows); err != nil {
		return fmt.Errorf("write members' inflows: %w", err)
	}
	if err := t.totals(ctx, generation, c.Totals); err != nil {
		return fmt.Errorf("write totals: %w", err)
	}
	if err := t.regionInflows(ctx, generation, c.RegionInflows); err != nil {
		return fmt.Errorf("write inflows: %w", err)
	}
	return t.position(ctx, generation, p)
}

// Both sum the members' inflows by the regions that are stored at the moment.
const (
	takeOut = `UPDATE region_inflows r
		JOIN (SELECT m.generation, m.region, i.day, SUM(i.amount) AS amount
			FROM member_money m
			JOIN member_inflows i ON i.generation = m.generation AND i.member_id = m.member_id
			WHERE m.generation = ? AND m.region <> '' AND m.member_id IN (?)
			GROUP BY m.generation, m.region, i.day) moved
			ON r.generation = moved.generation AND r.region = moved.region AND r.day = moved.day
		SET r.amount = r.amount - moved.amount`
	putIn = `INSERT INTO region_inflows (generation, region, day, amount)
		SELECT m.generation, m.region, i.day, SUM(i.amount)
		FROM member_money m
		JOIN member_inflows i ON i.generation = m.generation AND i.member_id = m.member_id
		WHERE m.generation = ? AND m.region <> '' AND m.member_id IN (?)
		GROUP BY m.generation, m.region, i.day
		ON DUPLICATE KEY UPDATE amount = region_inflows.amount + VALUES(amount)`
)

func (t *turn) moveInflows(ctx context.Context, q string, ids []string, generation int64) error {
	for some := range slices.Chunk(ids, maxRows) {
		text, args, err := sqlx.In(q, generation, some)
		if err != nil {
			return err
		}
		if _, err := t.tx.ExecContext(ctx, text, args...); err != nil {
			return err
		}
	}
	return nil
}

func (t *turn) members(ctx context.Context, generation int64, members []moneyquery.Member) error {
	const q = `INSERT INTO member_money (generation, member_id, region, balance)
		VALUES (:generation, :member_id, :region, :balance)
		ON DUPLICATE KEY UPDATE region = VALUES(region), balance = VALUES(balance)`
	return write(ctx, t.tx, q, members, func(m moneyquery.Member) memberRow {
		return memberRow{Generation: generation, MemberID: m.ID, Region: m.Region, Balance: m.Balance}
	})
}

type memberInflowRow struct {
	Generation int64         `db:"generation"`
	MemberID   string        `db:"member_id"`
	Day        calendar.Date `db:"day"`
	Amount     int64         `db:"amount"`
}

func (t *turn) inflows(ctx context.Context, generation int64, inflows []moneyquery.MemberInflow) error {
	const q = `INSERT INTO member_inflows (generation, member_id, day, amount)
		VALUES (:generation, :member_id, :day, :amount)
		ON DUPLICATE KEY UPDATE amount = amount + VALUES(amount)`
	return write(ctx, t.tx, q, inflows, func(i moneyquery.MemberInflow) memberInflowRow {
		return memberInflowRow{Generation: generation, MemberID: i.MemberID, Day: i.Day, Amount: i.Amount}
	})
}

func (t *turn) totals(ctx context.Context, generation int64, totals map[string]moneyquery.Total) error {
	const q = `INSERT INTO region_totals (generation, region, members, balance)
		VALUES (:generation, :region, :members, :balance)
		ON DUPLICATE KEY UPDATE members = VALUES(members), balance = VALUES(balance)`
	return write(ctx, t.tx, q, slices.Sorted(maps.Keys(totals)), func(region string) totalRow {
		return totalRow{Generation: generation, Region: region, Members: totals[region].Members, Balance: totals[region].Balance}
	})
}

type regionInflowRow struct {
	Generation int64         `db:"generation"`
	Region     string        `db:"region"`
	Day        calendar.Date `db:"day"`
	Amount     int64         `db:"amount"`
}

func (t *turn) regionInflows(ctx context.Context, generation int64, inflows []moneyquery.RegionInflow) error {
	const q = `INSERT INTO region_inflows (generation, region, day, amount)
		VALUES (:generation, :region, :day, :amount)
		ON DUPLICATE KEY UPDATE amount = amount + VALUES(amount)`
	return write(ctx, t.tx, q, inflows, func(i moneyquery.RegionInflow) regionInflowRow {
		return regionInflowRow{Generation: generation, Region: i.Region, Day: i.Day, Amount: i.Amount}
	})
}

// write stores values as rows, many in a statement.
func write[V, R any](ctx context.Context, tx *sqlx.Tx, q string, values []V, row func(V) R) error {
	for some := range slices.Chunk(values, maxRows) {
		rows := make([]R, len(some))
		for i, v := range some {
			rows[i] = row(v)
		}
		if _, err := tx.NamedExecContext(ctx, q, rows); err != nil {
			return err
		}
	}
	return nil
}

func (t *turn) position(ctx context.Context, generation int64, p moneyquery.Position) error {
	const q = `UPDATE generations SET journal_seq = ?, region_seq = ?, as_of = ? WHERE generation = ?`
	if _, err := t.tx.ExecContext(ctx, q, p.JournalSeq, p.RegionSeq, nullable(p.AsOf), generation); err != nil {
		return fmt.Errorf("write position of generation %d: %w", generation, err)
	}
	return nil
}

// Begin implements moneyquery.Turn.
func (t *turn) Begin(ctx context.Context) (int64, error) {
	const read = `SELECT newest + 1 FROM projection WHERE id = 1`
	const add = `INSERT INTO generations (generation, journal_seq, region_seq, as_of) VALUES (?, 0, 0, NULL)`
	const choose = `UPDATE projection SET building = ?, newest = ? WHERE id = 1`
	var generation int64
	if err := t.tx.GetContext(ctx, &generation, read); err != nil {
		return 0, fmt.Errorf("number a generation: %w", err)
	}
	if _, err := t.tx.ExecContext(ctx, add, generation); err != nil {
		return 0, fmt.Errorf("begin generation %d: %w", generation, err)
	}
	if _, err := t.tx.ExecContext(ctx, choose, generation, generation); err != nil {
		return 0, fmt.Errorf("begin generation %d: %w", generation, err)
	}
	return generation, nil
}

// Switch implements moneyquery.Turn.
func (t *turn) Switch(ctx context.Context, generation int64) error {
	const q = `UPDATE projection SET live = ?, building = 0 WHERE id = 1 AND building = ?`
	if _, err := t.tx.ExecContext(ctx, q, generation, generation); err != nil {
		return fmt.Errorf("switch to generation %d: %w", generation, err)
	}
	return nil
}
