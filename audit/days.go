package audit

import (
	"context"
	"fmt"
)

// dayRow is a day of a sender whose total is not the sum of what is counted for it.
type dayRow struct {
	SenderID string `db:"sender_id"`
	Day      string `db:"day"`
	Total    int64  `db:"total"`
	Counted  int64  `db:"counted"`
}

// compareDays compares what each member has sent by day with their remittances. Both
// sides are in one snapshot, in which they agree at every commit.
func (a *auditor) compareDays(ctx context.Context) error {
	const counted = `SELECT sender_id, counted_day, SUM(amount) AS amount FROM remittances WHERE counted_day IS NOT NULL GROUP BY sender_id, counted_day`
	const q = `SELECT d.sender_id, CAST(d.day AS CHAR) AS day, d.total, COALESCE(r.amount, 0) AS counted
			FROM sender_days d LEFT JOIN (` + counted + `) r ON r.sender_id = d.sender_id AND r.counted_day = d.day WHERE d.total <> COALESCE(r.amount, 0)
		UNION ALL SELECT r.sender_id, CAST(r.counted_day AS CHAR) AS day, 0 AS total, r.amount AS counted
			FROM (` + counted + `) r LEFT JOIN sender_days d ON d.sender_id = r.sender_id AND d.day = r.counted_day WHERE d.sender_id IS NULL
		ORDER BY sender_id, day LIMIT ?`
	var days []dayRow
	if err := a.frozen.remittance.SelectContext(ctx, &days, q, maxSuspects); err != nil {
		return fmt.Errorf("compare days: %w", err)
	}
	for _, d := range days {
		a.match.breach(d.SenderID, "has sent %d won on %s by its total, and %d by the remittances", d.Total, d.Day, d.Counted)
	}
	const given = `SELECT id FROM remittances WHERE id > ? AND counted_day IS NOT NULL AND state IN ('FAILED', 'CANCELLED', 'RETURNED') ORDER BY id LIMIT ?`
	return idFeed(a.frozen.remittance, given).pages(ctx, func(ids []string) error {
		for _, id := range ids {
			a.match.breach(id, "has sent nothing, and is counted for its day")
		}
		return nil
	})
}
