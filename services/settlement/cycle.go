package settlement

import (
	"time"

	"durapay/internal/calendar"
)

// Cycle is how often a franchise's sales are cut into a statement.
type Cycle string

// The cycles. A week ends on Sunday, a month on its last day.
const (
	Daily   Cycle = "DAILY"
	Weekly  Cycle = "WEEKLY"
	Monthly Cycle = "MONTHLY"
)

// MaxPayoutBusinessDays is the longest time from cut to pay-out (practice).
const MaxPayoutBusinessDays = 10

// Valid tells whether c is one of the cycles.
func (c Cycle) Valid() bool { return c == Daily || c == Weekly || c == Monthly }

// CutThrough gives the last end of the cycle on or before a date: the last day whose
// sales a run of that date cuts. It is the zero Date for an unknown cycle.
func CutThrough(cycle Cycle, date calendar.Date) calendar.Date {
	switch cycle {
	case Daily:
		return date
	case Weekly:
		return date.AddDays(-int(date.Weekday() - time.Sunday))
	case Monthly:
		if date.AddDays(1).Day == 1 {
			return date
		}
		return date.AddDays(-date.Day)
	default:
		return calendar.Date{}
	}
}
