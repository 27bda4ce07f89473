package remittancedb

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"durapay/services/remittance"
)

// dayRow is a row of sender_days.
type dayRow struct {
	remittance.SenderDay
	Total int64 `db:"total"` // won
}

// daysOf gives the days that rows are, or ask to be, counted for: each once, in the
// order of their key.
func daysOf(rows []remittance.Row) []remittance.SenderDay {
	var days []remittance.SenderDay
	for _, r := range rows {
		if day, counts := r.SenderDay(); counts {
			days = append(days, day)
		}
	}
	slices.SortFunc(days, func(a, b remittance.SenderDay) int {
		return cmp.Or(strings.Compare(a.SenderID, b.SenderID), strings.Compare(a.Day, b.Day))
	})
	return slices.Compact(days)
}

// lockDays locks days until the transaction ends, makes those that are missing, and
// gives their totals. The statement locks in the order of its values, which is the order
// of the key.
func lockDays(ctx context.Context, tx *sqlx.Tx, days []remittance.SenderDay) (map[remittance.SenderDay]int64, error) {
	const q = `INSERT INTO sender_days (sender_id, day, total) VALUES (:sender_id, :day, :total) ON DUPLICATE KEY UPDATE total = total`
	totals := make(map[remittance.SenderDay]int64, len(days))
	if len(days) == 0 {
		return totals, nil
	}
	if _, err := tx.NamedExecContext(ctx, q, dayRows(days, nil)); err != nil {
		return nil, wrap("lock days", err)
	}
	read, args := selectDays(days)
	var rows []dayRow
	if err := tx.SelectContext(ctx, &rows, read, args...); err != nil {
		return nil, wrap("read days", err)
	}
	for _, r := range rows {
		totals[r.SenderDay] = r.Total
	}
	return totals, nil
}

// selectDays names each day by itself: servers differ in whether they use the key for a
// list of pairs.
func selectDays(days []remittance.SenderDay) (string, []any) {
	args := make([]any, 0, 2*len(days))
	for _, d := range days {
		args = append(args, d.SenderID, d.Day)
	}
	return `SELECT sender_id, CAST(day AS CHAR) AS day, total FROM sender_days WHERE (sender_id = ? AND day = ?)` +
		strings.Repeat(` OR (sender_id = ? AND day = ?)`, len(days)-1), args
}

// putTotals stores the totals of days that are locked.
func putTotals(ctx context.Context, tx *sqlx.Tx, days []remittance.SenderDay, totals map[remittance.SenderDay]int64) error {
	const q = `INSERT INTO sender_days (sender_id, day, total) VALUES (:sender_id, :day, :total) ON DUPLICATE KEY UPDATE total = VALUES(total)`
	if len(days) == 0 {
		return nil
	}
	_, err := tx.NamedExecContext(ctx, q, dayRows(days, totals))
	return wrap("store days", err)
}

func dayRows(days []remittance.SenderDay, totals map[remittance.SenderDay]int64) []dayRow {
	rows := make([]dayRow, len(days))
	for i, d := range days {
		rows[i] = dayRow{SenderDay: d, Total: totals[d]}
	}
	return rows
}
