package settlement

import (
	"time"

	"durapay/errs"
	"durapay/internal/calendar"
	"durapay/internal/id"
	"durapay/internal/record"
)

// PayoutState is where the pay-out of a statement stands.
type PayoutState string

// The states of a pay-out.
const (
	PayoutNone        PayoutState = "NONE"      // nothing to pay: net is 0
	PayoutScheduled   PayoutState = "SCHEDULED" // for its date, or being started
	PayoutProcessing  PayoutState = "PROCESSING"
	PayoutWaiting     PayoutState = "WAITING"
	PayoutUnknown     PayoutState = "UNKNOWN" // the bank has not told the outcome yet
	PayoutPaid        PayoutState = "PAID"
	PayoutFailed      PayoutState = "FAILED"
	PayoutReturned    PayoutState = "RETURNED"     // paid, and sent back by the bank
	PayoutCarriedOver PayoutState = "CARRIED_OVER" // net is negative: the franchise's next statement takes it over
)

// Valid tells whether s is one of the states.
func (s PayoutState) Valid() bool {
	switch s {
	case PayoutNone, PayoutPaid, PayoutFailed, PayoutReturned, PayoutCarriedOver:
		return true
	default:
		return s.Due()
	}
}

// Due tells whether money is still to be paid out without anybody's decision.
func (s PayoutState) Due() bool {
	switch s {
	case PayoutScheduled, PayoutProcessing, PayoutWaiting, PayoutUnknown:
		return true
	default:
		return false
	}
}

// Retryable tells whether a pay-out has ended without the money being there.
func (s PayoutState) Retryable() bool { return s == PayoutFailed || s == PayoutReturned }

// MaxSum bounds each sum of a statement, in won, so that none of the additions here
// can overflow an int64.
const MaxSum int64 = 1_000_000_000_000_000_000

// Sums are a statement's lines added up. Amounts are in won. Fee and VAT have what
// cancels gave back subtracted, and may be negative.
type Sums struct {
	PaymentCount  int64
	PaymentAmount int64
	TaxFreeAmount int64
	CancelCount   int64
	CancelAmount  int64
	Fee           int64
	VAT           int64
	From          time.Time // of the earliest line; zero when there is none
	Until         time.Time // of the latest line; zero when there is none
}

// Empty tells whether there are no lines.
func (s Sums) Empty() bool { return s.PaymentCount == 0 && s.CancelCount == 0 }

// valid refuses sums that cannot be, before any of them is added.
func (s Sums) valid() *errs.Error {
	for _, positive := range []int64{s.PaymentCount, s.PaymentAmount, s.TaxFreeAmount, s.CancelCount, s.CancelAmount} {
		if positive < 0 || positive > MaxSum {
			return errs.LedgerAmountOverflow.With("max", MaxSum)
		}
	}
	for _, signed := range []int64{s.Fee, s.VAT} {
		if signed < -MaxSum || signed > MaxSum {
			return errs.LedgerAmountOverflow.With("max", MaxSum)
		}
	}
	return nil
}

// net is what the franchise gets for the sums, in won. Valid sums cannot overflow: four
// times MaxSum fits an int64.
func (s Sums) net() int64 { return s.PaymentAmount - s.CancelAmount - s.Fee - s.VAT }

// StatementID is the one statement of a franchise in a run.
func StatementID(runID, franchiseID string) string {
	return id.Derive(id.Statement, runID, franchiseID)
}

// NewStatement is what a run has cut for a franchise.
type NewStatement struct {
	ID          string // StatementID(RunID, FranchiseID)
	RunID       string // decides the business date, and whether the statement is dry
	FranchiseID string
	CutThrough  calendar.Date
	PayoutDate  calendar.Date
	Sums        Sums
}

// Opened is the outcome of one NewStatement. The zero Opened: there were no lines, and
// no statement is stored.
type Opened struct {
	Statement Statement
	Refusal   record.Failure // settlement_run_not_found, amount_overflow, invalid_request
}

// Period is the days a statement is about, both included.
type Period struct {
	From    calendar.Date // of the earliest line
	Through calendar.Date
}

// Payout is how a statement is paid.
type Payout struct {
	State         PayoutState
	Date          calendar.Date // the business day from which it is paid
	Attempt       int           // from 1; 0 when there is nothing to pay
	FirmbankingID string        // of the current attempt; "" until it has begun
	Failure       record.Failure
	Until         time.Time // for WAITING; zero otherwise
	PaidAt        time.Time // for PAID; zero otherwise
}

// Statement is what a franchise gets for what one run has cut. Amounts are in won.
type Statement struct {
	ID           string
	RunID        string
	FranchiseID  string
	BusinessDate calendar.Date
	Dry          bool
	Period       Period
	CutThrough   calendar.Date
	Sums         Sums   // read from storage, it has no From and Until
	CarriedOver  int64  // the earlier statement's net that this one takes over: at most 0
	CarriedFrom  string // the earlier statement; "" for none
	CarriedTo    string // the later statement that has taken this one's net over; "" for none
	Net          int64  // payments − cancels − fee − VAT + CarriedOver
	Payout       Payout
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// PlanItem asks for what a run is to cut for a franchise.
type PlanItem struct {
	RunID              string
	Through            calendar.Date // the last day whose sales the run cuts: RunDates.CutThrough
	FranchiseID        string
	Cycle              Cycle
	PayoutBusinessDays int // 0 to MaxPayoutBusinessDays
}

// Planned is what a run cuts for a franchise, the same however often it is asked.
type Planned struct {
	StatementID string
	CutThrough  calendar.Date
	Before      time.Time // what was approved before is cut
	PayoutDate  calendar.Date
	Opened      bool           // the statement is stored already: nothing more may be cut into it
	Refusal     record.Failure // settlement_run_not_found, invalid_request
}

// Due is a statement that is to be paid.
type Due struct {
	StatementID string `db:"id"`
	FranchiseID string `db:"franchise_id"`
	Net         int64  `db:"net"` // won
	Attempt     int    `db:"attempt"`
}

// Scope is who asks: a franchise, or an operator.
type Scope struct {
	FranchiseID string // "" is an operator
}

// sees tells whether a statement may be shown. What a dry run shows is the operators'.
func (s Scope) sees(st Statement) bool {
	return s.FranchiseID == "" || (s.FranchiseID == st.FranchiseID && !st.Dry)
}

// Filter selects statements; zero members select all.
type Filter struct {
	RunID        string
	FranchiseID  string
	BusinessDate calendar.Date
	PayoutState  PayoutState
	Dry          *bool // nil: both
}

// wellFormed looks at what has to hold for a statement to be stored at all.
func (n NewStatement) wellFormed() *errs.Error {
	switch {
	case !id.Valid(id.Franchise, n.FranchiseID):
		return errs.InvalidField("/franchiseId", errs.FieldFormat)
	case n.ID != StatementID(n.RunID, n.FranchiseID):
		return errs.InvalidField("/id", errs.FieldMustBe, "expected", "the id of the run's statement")
	case n.CutThrough.IsZero():
		return errs.InvalidField("/cutThrough", errs.FieldRequired)
	case n.PayoutDate.Before(n.CutThrough):
		return errs.InvalidField("/payoutDate", errs.FieldTooSmall, "min", n.CutThrough.String())
	case !n.Sums.Until.Before(n.CutThrough.End()):
		return errs.InvalidField("/sums/until", errs.FieldTooLarge, "max", n.CutThrough.String())
	default:
		return n.Sums.valid()
	}
}

// row gives a statement as it is stored, but for what TakeOver decides.
func (n NewStatement) row(run Run, at time.Time) StatementRow {
	return StatementRow{
		ID: n.ID, RunID: n.RunID, FranchiseID: n.FranchiseID, BusinessDate: run.BusinessDate, Dry: run.Dry,
		CutThrough: n.CutThrough, PeriodFrom: n.period(at).From, PeriodThrough: n.period(at).Through,
		PaymentCount: n.Sums.PaymentCount, PaymentAmount: n.Sums.PaymentAmount, TaxFreeAmount: n.Sums.TaxFreeAmount,
		CancelCount: n.Sums.CancelCount, CancelAmount: n.Sums.CancelAmount, Fee: n.Sums.Fee, VAT: n.Sums.VAT,
		PayoutDate: n.PayoutDate, CreatedAt: at, UpdatedAt: at,
	}
}

// period ends today when the statement is opened before its last day has ended, as an
// early settlement is.
func (n NewStatement) period(at time.Time) Period {
	p := Period{From: n.CutThrough, Through: n.CutThrough}
	if today := calendar.Of(at); today.Before(p.Through) {
		p.From, p.Through = today, today
	}
	if !n.Sums.From.IsZero() {
		p.From = calendar.Of(n.Sums.From)
	}
	return p
}

// Carry is a franchise's negative net that no later statement has taken over yet. The
// zero Carry is none.
type Carry struct {
	StatementID string
	Net         int64 // won, at most 0
}

// TakeOver settles what a new statement comes to with the franchise's carry. keep is
// false without lines: a statement that only hands the carry on would be made again by
// every run until the franchise sells something. A dry statement shows the carry and
// does not take it. Errors: errs.LedgerAmountOverflow.
func (r *StatementRow) TakeOver(c Carry) (keep bool, refusal *errs.Error) {
	sums := r.sums()
	if sums.Empty() {
		return false, nil
	}
	r.CarriedOver = c.Net
	if c.Net < 0 && !r.Dry {
		r.CarriedFrom = &c.StatementID
	}
	r.Net = sums.net() + c.Net
	if r.Net < -MaxSum || r.Net > MaxSum {
		return false, errs.LedgerAmountOverflow.With("max", MaxSum)
	}
	switch {
	case r.Net > 0:
		r.PayoutState, r.Attempt = PayoutScheduled, 1
	case r.Net == 0:
		r.PayoutState = PayoutNone
	default:
		r.PayoutState = PayoutCarriedOver
	}
	return true, nil
}

// Carry gives what the franchise's next statement has to take over from this one.
func (r *StatementRow) Carry() Carry {
	if r.Net >= 0 {
		return Carry{}
	}
	return Carry{StatementID: r.ID, Net: r.Net}
}

func (r *StatementRow) sums() Sums {
	return Sums{
		PaymentCount: r.PaymentCount, PaymentAmount: r.PaymentAmount, TaxFreeAmount: r.TaxFreeAmount,
		CancelCount: r.CancelCount, CancelAmount: r.CancelAmount, Fee: r.Fee, VAT: r.VAT,
	}
}

// statement gives a row as its readers see it.
func (r *StatementRow) statement() Statement {
	return Statement{
		ID: r.ID, RunID: r.RunID, FranchiseID: r.FranchiseID, BusinessDate: r.BusinessDate, Dry: r.Dry,
		Period: Period{From: r.PeriodFrom, Through: r.PeriodThrough}, CutThrough: r.CutThrough,
		Sums: r.sums(), CarriedOver: r.CarriedOver, CarriedFrom: valueOf(r.CarriedFrom), CarriedTo: valueOf(r.CarriedTo), Net: r.Net,
		Payout: Payout{
			State: r.PayoutState, Date: r.PayoutDate, Attempt: r.Attempt, FirmbankingID: r.FirmbankingID,
			Failure: r.Failure, Until: valueOf(r.UntilAt), PaidAt: valueOf(r.PaidAt),
		},
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// valueOf gives the zero value for nil.
func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
