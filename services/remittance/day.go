package remittance

import (
	"time"

	"durapay/errs"
	"durapay/internal/record"
)

// MaxPerDay is the most a member sends in one day, in won (practice); Options override it.
const MaxPerDay int64 = 10_000_000

// seoul is the zone of business dates. Korea has had no daylight saving since 1988, so
// a fixed offset is exact and needs no zone database.
var seoul = time.FixedZone("KST", 9*60*60)

// SenderDay is one sender's day in Asia/Seoul, the unit of the daily limit.
type SenderDay struct {
	SenderID string `db:"sender_id"`
	Day      string `db:"day"` // YYYY-MM-DD
}

// day is the day a request counts for: the one it is to be carried out on.
func (r Remittance) day() string {
	at := r.CreatedAt
	if !r.ExecuteAt.IsZero() {
		at = r.ExecuteAt
	}
	return at.In(seoul).Format(time.DateOnly)
}

// Admit decides, in order, which of the new rows fit under the daily limit, and gives
// them as they are to be stored; totals are what is counted already, in won, and are
// raised by what is admitted. A row over what is left is refused, and what comes after
// it may still fit. Rows that ask for no day are left alone.
func Admit(rows []Row, totals map[SenderDay]int64, limit int64) []Row {
	admitted := make([]Row, len(rows))
	for i, r := range rows {
		admitted[i] = admit(r, totals, limit)
	}
	return admitted
}

func admit(r Row, totals map[SenderDay]int64, limit int64) Row {
	key, counts := r.SenderDay()
	if !counts {
		return r
	}
	left := max(limit-totals[key], 0) // a limit may have been lowered since
	if r.Amount > left {
		r.CountedDay = nil
		r.Refusal = record.FailureOf(errs.DailyLimit.With("limit", limit).With("left", left).With("day", key.Day))
		return r
	}
	totals[key] += r.Amount
	return r
}
