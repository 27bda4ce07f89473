package settlementdb

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"durapay/internal/calendar"
	"durapay/internal/page"
	"durapay/services/settlement"
)

const statementColumns = `id, run_id, franchise_id, business_date, dry, cut_through, period_from, period_through,
	payment_count, payment_amount, tax_free_amount, cancel_count, cancel_amount, fee, vat, carried_over, carried_from, carried_to, net,
	payout_state, payout_date, attempt, firmbanking_id, failure, until_at, paid_at, created_at, updated_at`

const insertStatements = `INSERT INTO statements (due, ` + statementColumns + `)
	VALUES (IF(:dry = 0 AND :payout_state = 'SCHEDULED', 1, NULL), :id, :run_id, :franchise_id, :business_date, :dry, :cut_through, :period_from, :period_through,
	:payment_count, :payment_amount, :tax_free_amount, :cancel_count, :cancel_amount, :fee, :vat, :carried_over, :carried_from, :carried_to, :net,
	:payout_state, :payout_date, :attempt, :firmbanking_id, :failure, :until_at, :paid_at, :created_at, :updated_at)`

// OpenStatements stores new statements. The franchises' rows in carries are locked in
// the order of their ids, so that a franchise's statements are decided one after the other.
func (s *Store) OpenStatements(ctx context.Context, rows []settlement.StatementRow) ([]settlement.OpenedRow, error) {
	franchises := make([]string, len(rows))
	for i, r := range rows {
		franchises[i] = r.FranchiseID
	}
	slices.Sort(franchises)
	franchises = slices.Compact(franchises)
	if err := s.ensureCarries(ctx, franchises); err != nil {
		return nil, wrap("open statements", err)
	}
	var outs []settlement.OpenedRow
	err := s.inTx(ctx, "open statements", func(tx *sqlx.Tx) error {
		o, err := beginOpening(ctx, tx, franchises, rows)
		if err != nil {
			return err
		}
		outs = make([]settlement.OpenedRow, len(rows))
		for i, r := range rows {
			outs[i] = o.open(r)
		}
		return o.save(ctx, tx)
	})
	return outs, err
}

// ensureCarries adds rows for new franchises before the transaction: an insert that
// finds its row there would lock it in the wrong order.
func (s *Store) ensureCarries(ctx context.Context, franchises []string) error {
	known, err := selectIn[string](ctx, s.db, `SELECT franchise_id FROM carries WHERE franchise_id IN (?)`, franchises)
	if err != nil || len(known) == len(franchises) {
		return err
	}
	slices.Sort(known)
	var fresh []carry
	for _, f := range franchises {
		if _, found := slices.BinarySearch(known, f); !found {
			fresh = append(fresh, carry{FranchiseID: f})
		}
	}
	_, err = s.db.NamedExecContext(ctx, `INSERT IGNORE INTO carries (franchise_id, statement_id, net) VALUES (:franchise_id, :statement_id, :net)`, fresh)
	return err
}

type carry struct {
	FranchiseID string `db:"franchise_id"`
	StatementID string `db:"statement_id"`
	Net         int64  `db:"net"`
}

// opening is what one transaction of OpenStatements knows and changes.
type opening struct {
	stored  map[string]settlement.StatementRow
	carries map[string]settlement.Carry
	fresh   []settlement.StatementRow
	taken   []settlement.StatementRow // those of fresh that take something over
	changed map[string]bool           // franchises whose carry is another one now
}

func beginOpening(ctx context.Context, tx *sqlx.Tx, franchises []string, rows []settlement.StatementRow) (*opening, error) {
	const q = `SELECT franchise_id, statement_id, net FROM carries WHERE franchise_id IN (?) ORDER BY franchise_id FOR UPDATE`
	locked, err := selectIn[carry](ctx, tx, q, franchises)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	found, err := selectIn[settlement.StatementRow](ctx, tx, `SELECT `+statementColumns+` FROM statements WHERE id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	o := &opening{stored: map[string]settlement.StatementRow{}, carries: map[string]settlement.Carry{}, changed: map[string]bool{}}
	for _, c := range locked {
		o.carries[c.FranchiseID] = settlement.Carry{StatementID: c.StatementID, Net: c.Net}
	}
	for _, r := range found {
		o.stored[r.ID] = r
	}
	return o, nil
}

// open decides one statement.
func (o *opening) open(r settlement.StatementRow) settlement.OpenedRow {
	if known, found := o.stored[r.ID]; found {
		return settlement.OpenedRow{Row: known}
	}
	keep, refusal := r.TakeOver(o.carries[r.FranchiseID])
	if refusal != nil || !keep {
		return settlement.OpenedRow{Refusal: refusal}
	}
	o.stored[r.ID], o.fresh = r, append(o.fresh, r)
	if r.Dry {
		return settlement.OpenedRow{Row: r}
	}
	if r.CarriedFrom != nil {
		o.taken = append(o.taken, r)
	}
	if next := r.Carry(); next != o.carries[r.FranchiseID] {
		o.carries[r.FranchiseID], o.changed[r.FranchiseID] = next, true
	}
	return settlement.OpenedRow{Row: r}
}

// insertChunk keeps a statement below what servers take as one packet.
const insertChunk = 200

func (o *opening) save(ctx context.Context, tx *sqlx.Tx) error {
	for chunk := range slices.Chunk(o.fresh, insertChunk) {
		if _, err := tx.NamedExecContext(ctx, insertStatements, chunk); err != nil {
			return err
		}
	}
	for _, r := range o.taken {
		const q = `UPDATE statements SET carried_to = ?, updated_at = ? WHERE id = ? AND carried_to IS NULL`
		if err := one(tx.ExecContext(ctx, q, r.ID, r.CreatedAt, *r.CarriedFrom)); err != nil {
			return fmt.Errorf("take over %s: %w", *r.CarriedFrom, err)
		}
	}
	for franchiseID := range o.changed {
		const q = `UPDATE carries SET statement_id = ?, net = ? WHERE franchise_id = ?`
		c := o.carries[franchiseID]
		if err := one(tx.ExecContext(ctx, q, c.StatementID, c.Net, franchiseID)); err != nil {
			return fmt.Errorf("carry of %s: %w", franchiseID, err)
		}
	}
	return nil
}

// Statements gives those that exist.
func (s *Store) Statements(ctx context.Context, ids []string) ([]settlement.StatementRow, error) {
	const q = `SELECT ` + statementColumns + ` FROM statements WHERE id IN (?)`
	rows, err := selectIn[settlement.StatementRow](ctx, s.db, q, ids)
	return rows, wrap("read statements", err)
}

// ListStatements gives statements, newest first.
func (s *Store) ListStatements(ctx context.Context, f settlement.Filter, q page.Request) ([]settlement.StatementRow, error) {
	var w where
	if f.RunID != "" {
		w.add(`run_id = ?`, f.RunID)
	}
	if f.FranchiseID != "" {
		w.add(`franchise_id = ?`, f.FranchiseID)
	}
	if !f.BusinessDate.IsZero() {
		w.add(`business_date = ?`, f.BusinessDate)
	}
	if f.PayoutState != "" {
		w.add(`payout_state = ?`, string(f.PayoutState))
	}
	if f.Dry != nil {
		w.add(`dry = ?`, *f.Dry)
	}
	w.after(q.After)
	rows := []settlement.StatementRow{}
	err := s.db.SelectContext(ctx, &rows, `SELECT `+statementColumns+` FROM statements`+w.String()+` ORDER BY created_at DESC, id DESC LIMIT ?`,
		append(w.args, q.Limit+1)...)
	return rows, wrap("list statements", err)
}

// Due reads in the order of ids, so that all pages together read each unpaid statement
// once. The index is forced: the primary key has the order too, and all that is paid.
func (s *Store) Due(ctx context.Context, date calendar.Date, after string, limit int) ([]settlement.Due, error) {
	const q = `SELECT id, franchise_id, net, attempt FROM statements FORCE INDEX (statements_due) WHERE due = 1 AND id > ? AND payout_date <= ? ORDER BY id LIMIT ?`
	due := []settlement.Due{}
	err := s.db.SelectContext(ctx, &due, q, after, date, limit)
	return due, wrap("read due statements", err)
}
