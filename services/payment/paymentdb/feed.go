package paymentdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/services/payment"
)

// cutsLookedAt is how long before a run began a cut may be noted, by clocks that differ.
const cutsLookedAt = time.Hour

// OpenFranchises also gives those that were cut since the run began: a run that was ended
// by hand between a cut and its statement finds them when it is taken up again.
//
// It jumps from franchise to franchise in the index of each kind (a loose
// index scan), so that its cost does not depend on how many items each has.
func (s *Store) OpenFranchises(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
	const q = `(SELECT queue FROM payments FORCE INDEX (payments_queue) WHERE queue > ? AND queue < ?
			GROUP BY queue HAVING MIN(approved_at) < ? ORDER BY queue LIMIT ?)
		UNION
		(SELECT queue FROM cancels FORCE INDEX (cancels_queue) WHERE queue > ? AND queue < ?
			GROUP BY queue HAVING MIN(approved_at) < ? ORDER BY queue LIMIT ?)
		UNION
		(SELECT DISTINCT franchise_id AS queue FROM cuts WHERE created_at >= ? AND franchise_id > ? ORDER BY franchise_id LIMIT ?)
		ORDER BY queue LIMIT ?`
	// Statements queue here too: the bounds are those of all ids of franchises.
	after, end := max(after, id.Franchise+"_"), id.Franchise+"`"
	ids := []string{}
	err := s.db.SelectContext(ctx, &ids, q, after, end, before, limit, after, end, before, limit,
		before.Add(-cutsLookedAt), after, limit, limit)
	return ids, wrap("read open franchises", err)
}

// Cut takes items into a statement until it is closed. Calls for one statement wait
// for each other at its row.
func (s *Store) Cut(ctx context.Context, o payment.CutOrder, most int, at time.Time) (bool, error) {
	more := false
	err := mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		before, closed, err := lockCut(ctx, tx, o, at)
		if err != nil || closed {
			more = false
			return err
		}
		o.Before = before
		more, err = cut(ctx, tx, o, most, at)
		if err != nil || more {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE cuts SET done_at = ? WHERE statement_id = ?`, at, o.StatementID)
		return err
	})
	return more, wrap("cut", err)
}

// lockCut notes the order if it is the first for its statement, locks it, and gives its
// bound and whether it is closed. Errors: errs.ConcurrentEdit.
func lockCut(ctx context.Context, tx *sqlx.Tx, o payment.CutOrder, at time.Time) (time.Time, bool, error) {
	const note = `INSERT INTO cuts (statement_id, franchise_id, before_at, created_at) VALUES (?, ?, ?, ?)
		ON DUPLICATE KEY UPDATE statement_id = VALUES(statement_id)`
	if _, err := tx.ExecContext(ctx, note, o.StatementID, o.FranchiseID, o.Before, at); err != nil {
		return time.Time{}, false, fmt.Errorf("note cut: %w", err)
	}
	type noted struct {
		FranchiseID string     `db:"franchise_id"`
		Before      time.Time  `db:"before_at"`
		DoneAt      *time.Time `db:"done_at"`
	}
	n, err := one[noted](ctx, tx, "lock cut", `SELECT franchise_id, before_at, done_at FROM cuts WHERE statement_id = ? FOR UPDATE`, o.StatementID)
	if err == nil && n.FranchiseID != o.FranchiseID && n.FranchiseID != "" {
		err = errs.ConcurrentEdit.With("statementId", o.StatementID)
	}
	return n.Before, n.DoneAt != nil, err
}

// cut takes at most this many items of each kind, oldest first, and tells whether there
// may be more.
func cut(ctx context.Context, tx *sqlx.Tx, o payment.CutOrder, most int, at time.Time) (bool, error) {
	more := false
	for _, table := range []string{"payments", "cancels"} {
		q := `UPDATE ` + table + ` FORCE INDEX (` + table + `_queue) SET statement_id = ?, updated_at = ?
			WHERE queue = ? AND approved_at < ? ORDER BY approved_at, id LIMIT ?`
		result, err := tx.ExecContext(ctx, q, o.StatementID, at, o.FranchiseID, o.Before, most)
		if err != nil {
			return false, fmt.Errorf("cut %s: %w", table, err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			return false, err
		}
		more = more || n == int64(most)
	}
	return more, nil
}

// Seal closes statements. It waits for a cut that is under way. One that was never cut
// has no franchise, and is closed to all.
func (s *Store) Seal(ctx context.Context, statementIDs []string, at time.Time) error {
	if len(statementIDs) == 0 {
		return nil
	}
	args := make([]any, 0, 4*len(statementIDs))
	for _, one := range slices.Sorted(slices.Values(statementIDs)) { // in one order, so that two calls do not lock crosswise
		args = append(args, one, at, at, at)
	}
	q := `INSERT INTO cuts (statement_id, franchise_id, before_at, done_at, created_at) VALUES ` +
		strings.Repeat(`(?, '', ?, ?, ?), `, len(statementIDs)-1) + `(?, '', ?, ?, ?)
		ON DUPLICATE KEY UPDATE done_at = COALESCE(done_at, VALUES(done_at))`
	_, err := s.exec(ctx, q, args...)
	return wrap("seal statements", err)
}

// total is what one table adds to the figures of a statement.
type total struct {
	StatementID string     `db:"statement_id"`
	Count       int64      `db:"n"`
	Amount      int64      `db:"amount"`
	TaxFree     int64      `db:"tax_free"`
	Fee         int64      `db:"fee"`
	VAT         int64      `db:"vat"`
	From        *time.Time `db:"from_at"`
	Until       *time.Time `db:"until_at"`
}

const totals = `COUNT(*) AS n, COALESCE(SUM(amount), 0) AS amount, COALESCE(SUM(fee), 0) AS fee, COALESCE(SUM(vat), 0) AS vat,
	MIN(approved_at) AS from_at, MAX(approved_at) AS until_at`

const paymentTotals = totals + `, COALESCE(SUM(tax_free_amount), 0) AS tax_free`

func addPayments(s payment.Sums, t total) payment.Sums {
	s.PaymentCount, s.PaymentAmount, s.TaxFreeAmount = t.Count, t.Amount, t.TaxFree
	s.Fee, s.VAT = s.Fee+t.Fee, s.VAT+t.VAT
	return period(s, t)
}

func addCancels(s payment.Sums, t total) payment.Sums {
	s.CancelCount, s.CancelAmount = t.Count, t.Amount
	s.Fee, s.VAT = s.Fee-t.Fee, s.VAT-t.VAT
	return period(s, t)
}

func period(s payment.Sums, t total) payment.Sums {
	if t.From != nil && (s.From.IsZero() || t.From.Before(s.From)) {
		s.From = *t.From
	}
	if t.Until != nil && t.Until.After(s.Until) {
		s.Until = *t.Until
	}
	return s
}

// Sums adds up what is in the statements: one GROUP BY for each table.
func (s *Store) Sums(ctx context.Context, statementIDs []string) (map[string]payment.Sums, error) {
	sums := make(map[string]payment.Sums, len(statementIDs))
	if len(statementIDs) == 0 {
		return sums, nil
	}
	for _, part := range []struct {
		from string
		add  func(payment.Sums, total) payment.Sums
	}{
		{paymentTotals + ` FROM payments`, addPayments},
		{totals + ` FROM cancels`, addCancels},
	} {
		q, args, err := sqlx.In(`SELECT statement_id, `+part.from+` WHERE statement_id IN (?) GROUP BY statement_id`, statementIDs)
		if err != nil {
			return nil, wrap("sum statements", err)
		}
		var found []total
		if err := s.db.SelectContext(ctx, &found, q, args...); err != nil {
			return nil, wrap("sum statements", err)
		}
		for _, t := range found {
			sums[t.StatementID] = part.add(sums[t.StatementID], t)
		}
	}
	return sums, nil
}

// Preview adds up what waits for the franchise's next statement.
func (s *Store) Preview(ctx context.Context, o payment.CutOrder) (payment.Sums, error) {
	const where = ` WHERE queue = ? AND approved_at < ?`
	p, err := one[total](ctx, s.db, "preview payments", `SELECT `+paymentTotals+` FROM payments`+where, o.FranchiseID, o.Before)
	if err != nil {
		return payment.Sums{}, mysqlx.Classify(err)
	}
	c, err := one[total](ctx, s.db, "preview cancels", `SELECT `+totals+` FROM cancels`+where, o.FranchiseID, o.Before)
	if err != nil {
		return payment.Sums{}, mysqlx.Classify(err)
	}
	return addCancels(addPayments(payment.Sums{}, p), c), nil
}

// Lines reads a page from the index of each kind and merges the two.
func (s *Store) Lines(ctx context.Context, franchiseID, statementID string, q page.Request) ([]payment.Line, error) {
	mine, own := "", []any{statementID}
	if franchiseID != "" {
		mine, own = ` AND i.franchise_id = ?`, append(own, franchiseID)
	}
	behind, position := following(q.After)
	where := ` WHERE i.statement_id = ?` + mine + behind + ` ORDER BY i.approved_at, i.id LIMIT ?`
	text := `(SELECT ? AS type, i.id AS id, i.id AS payment_id, i.order_id AS order_id, i.amount AS amount,
			i.fee_basis_points AS fee_basis_points, i.fee AS fee, i.vat AS vat, i.approved_at AS at
			FROM payments i FORCE INDEX (payments_statement)` + where + `)
		UNION ALL
		(SELECT ?, i.id, i.payment_id, p.order_id, -i.amount, p.fee_basis_points, -i.fee, -i.vat, i.approved_at
			FROM cancels i FORCE INDEX (cancels_statement) STRAIGHT_JOIN payments p ON p.id = i.payment_id` + where + `)
		ORDER BY at, id LIMIT ?`
	most := q.Limit + 1
	var args []any
	for _, t := range []payment.LineType{payment.LinePayment, payment.LineCancel} {
		args = append(append(append(append(args, t), own...), position...), most)
	}
	lines := []payment.Line{}
	err := s.db.SelectContext(ctx, &lines, text, append(args, most)...)
	return lines, wrap("read lines", err)
}

// following gives the condition for what lies behind a cursor, oldest first.
func following(c page.Cursor) (string, []any) {
	if c.Start() {
		return "", nil
	}
	return ` AND i.approved_at >= ? AND (i.approved_at > ? OR i.id > ?)`, []any{c.At, c.At, c.ID}
}

// FinishStatement settles payments, oldest first. One cancelled in full keeps its state.
func (s *Store) FinishStatement(ctx context.Context, statementID string, most int, at time.Time) (int, error) {
	const q = `UPDATE payments FORCE INDEX (payments_queue)
		SET state = CASE state WHEN ? THEN state ELSE ? END, settled_at = ?, updated_at = ?
		WHERE queue = ? AND statement_id = ? ORDER BY approved_at, id LIMIT ?`
	result, err := s.exec(ctx, q, payment.Cancelled, payment.Settled, at, at, statementID, statementID, most)
	if err != nil {
		return 0, wrap("finish statement", err)
	}
	n, err := result.RowsAffected()
	return int(n), wrap("finish statement", err)
}
