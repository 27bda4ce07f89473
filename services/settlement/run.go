package settlement

import (
	"strconv"
	"time"

	"durapay/errs"
	"durapay/internal/calendar"
	"durapay/internal/id"
	"durapay/internal/record"
)

// How far from today a run's business date may lie, in days: back by a year, ahead by a
// month, which is how franchises are paid early before long holidays.
const (
	maxDaysBack  = 366
	maxDaysAhead = 31
)

const (
	maxFingerprintLen = 128
	maxOperatorLen    = 64
)

// NewRun is a run that is asked for.
type NewRun struct {
	ID           string // LiveRunID of the business date, or any run_ id for a dry run
	BusinessDate calendar.Date
	Dry          bool   // shows the statements and books nothing
	AskedBy      string // an operator's id, or the name of what started it
	Fingerprint  string
}

// Run is one settlement of a business date.
type Run struct {
	ID           string         `db:"id"`
	BusinessDate calendar.Date  `db:"business_date"`
	Dry          bool           `db:"dry"`
	AskedBy      string         `db:"asked_by"`
	Fingerprint  string         `db:"fingerprint"`
	State        record.State   `db:"state"`
	Failure      record.Failure `db:"failure"`
	CreatedAt    time.Time      `db:"created_at"`
	UpdatedAt    time.Time      `db:"updated_at"`
	Refusal      record.Failure `db:"-"` // from BeginRuns: why it is not stored at all
	Totals       Totals         `db:"-"` // from FindRun and ListRuns
}

// Totals sums up the statements of one run. Amounts are in won.
type Totals struct {
	Count   int64
	Net     int64
	Paid    int64 // statements
	Failed  int64 // statements whose pay-out FAILED or was RETURNED
	ByState map[PayoutState]StateTotal
}

// StateTotal sums up a run's statements in one state.
type StateTotal struct {
	Count int64
	Net   int64 // won
}

// LiveRunID is the one run of a business date that is not dry.
func LiveRunID(date calendar.Date) string { return id.Derive(id.SettlementRun, "live", date.String()) }

// wellFormed looks at what has to hold for a run to be stored at all.
func (r NewRun) wellFormed() *errs.Error {
	switch {
	case r.BusinessDate.IsZero():
		return errs.InvalidField("/businessDate", errs.FieldRequired)
	case !id.Valid(id.SettlementRun, r.ID):
		return errs.InvalidField("/id", errs.FieldFormat)
	case !r.Dry && r.ID != LiveRunID(r.BusinessDate):
		return errs.InvalidField("/id", errs.FieldMustBe, "expected", "the id of the date's run")
	case len(r.Fingerprint) > maxFingerprintLen:
		return errs.InvalidField("/fingerprint", errs.FieldTooLong, "max", strconv.Itoa(maxFingerprintLen))
	default:
		return wellFormedOperator("/askedBy", r.AskedBy)
	}
}

// wellFormedOperator looks at the id of who did something.
func wellFormedOperator(pointer, who string) *errs.Error {
	if who == "" {
		return errs.InvalidField(pointer, errs.FieldRequired)
	}
	if len(who) > maxOperatorLen {
		return errs.InvalidField(pointer, errs.FieldTooLong, "max", strconv.Itoa(maxOperatorLen))
	}
	for _, c := range []byte(who) {
		if c < '!' || c > '~' {
			return errs.InvalidField(pointer, errs.FieldFormat, "expected", "visible ASCII")
		}
	}
	return nil
}

// checkBusinessDate refuses a date too far from today.
func checkBusinessDate(date, today calendar.Date) *errs.Error {
	from, until := today.AddDays(-maxDaysBack), today.AddDays(maxDaysAhead)
	if date.Before(from) || until.Before(date) {
		return errs.BusinessDateRefused.With("from", from).With("until", until)
	}
	return nil
}

// row gives a run as it is stored first.
func (r NewRun) row(at time.Time) Run {
	return Run{
		ID: r.ID, BusinessDate: r.BusinessDate, Dry: r.Dry, AskedBy: r.AskedBy, Fingerprint: r.Fingerprint,
		State: record.Requested, CreatedAt: at, UpdatedAt: at,
	}
}

// Add counts the statements of one state in. It errs when the sum of their nets does not
// fit an int64.
func (t *Totals) Add(state PayoutState, of StateTotal) error {
	sum := t.Net + of.Net
	if (of.Net > 0) != (sum > t.Net) && of.Net != 0 {
		return errs.LedgerAmountOverflow
	}
	if t.ByState == nil {
		t.ByState = map[PayoutState]StateTotal{}
	}
	t.ByState[state] = of
	t.Count, t.Net = t.Count+of.Count, sum
	if state == PayoutPaid {
		t.Paid += of.Count
	}
	if state.Retryable() {
		t.Failed += of.Count
	}
	return nil
}
