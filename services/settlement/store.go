package settlement

import (
	"context"
	"errors"
	"time"

	"durapay/errs"
	"durapay/internal/calendar"
	"durapay/internal/page"
	"durapay/internal/record"
)

// ErrNotFound is what a Store tells of an id it does not have.
var ErrNotFound = errors.New("settlement: no such row")

// Store is what the service needs of storage.
type Store interface {
	// BindKey stores what a key asks for, and gives what it asked for first.
	BindKey(ctx context.Context, keyID, fingerprint string, at time.Time) (string, error)

	// BeginRuns stores the runs whose ids are new, and gives what is stored under each id, in order.
	BeginRuns(ctx context.Context, runs []Run) ([]Run, error)
	// MoveRuns gives an outcome for each: nil, errs.SettlementRunNotFound or errs.ConcurrentEdit.
	MoveRuns(ctx context.Context, moves []record.Move, at time.Time) ([]error, error)
	// Runs gives those of the runs that exist, in any order.
	Runs(ctx context.Context, ids []string) ([]Run, error)
	// ListRuns gives runs, newest first, and one more than the page has, if there is one.
	ListRuns(ctx context.Context, q page.Request) ([]Run, error)
	// Totals sums up the statements of each run; a run without any has no entry.
	Totals(ctx context.Context, runIDs []string) (map[string]Totals, error)

	// OpenStatements decides new rows by their TakeOver, one after the other of a
	// franchise, and stores them. It gives what is stored under each id, in order.
	OpenStatements(ctx context.Context, rows []StatementRow) ([]OpenedRow, error)
	// Statements gives those of the statements that exist, in any order.
	Statements(ctx context.Context, ids []string) ([]StatementRow, error)
	// ListStatements gives statements, newest first, and one more than the page has, if there is one.
	ListStatements(ctx context.Context, f Filter, q page.Request) ([]StatementRow, error)
	// Due gives statements to be paid, by their ids.
	Due(ctx context.Context, date calendar.Date, after string, limit int) ([]Due, error)

	// BeginPayouts stores attempts that are new and allowed, and tells what is stored.
	BeginPayouts(ctx context.Context, starts []PayoutStart, at time.Time) ([]PayoutBegun, error)
	// MovePayouts moves attempts and their statements, with an outcome for each: nil,
	// errs.StatementNotFound or errs.ConcurrentEdit.
	MovePayouts(ctx context.Context, moves []record.Move, at time.Time) ([]error, error)

	// AddRetry stores a retry if decide allows it, or gives the stored one of that id.
	// Errors: ErrNotFound for the statement; what decide gives; errs.PayoutNotRetryable
	// when another retry of the statement is open.
	AddRetry(ctx context.Context, r Retry, decide func(*Retry, StatementRow) *errs.Error) (Retry, error)
	// DecideRetry lets decide change a retry and its statement; both are locked.
	// Errors: ErrNotFound; what decide gives.
	DecideRetry(ctx context.Context, id string, decide func(*Retry, *StatementRow) *errs.Error) (Retry, error)
	// FindRetry gives ErrNotFound for an unknown id.
	FindRetry(ctx context.Context, id string) (Retry, error)
	// ListRetries gives a statement's retries, newest first.
	ListRetries(ctx context.Context, statementID string, limit int) ([]Retry, error)
}

// OpenedRow is the outcome of one new row. The zero OpenedRow: nothing to settle.
type OpenedRow struct {
	Row     StatementRow
	Refusal *errs.Error
}

// StatementRow is a statement as it is stored.
type StatementRow struct {
	ID            string         `db:"id"`
	RunID         string         `db:"run_id"`
	FranchiseID   string         `db:"franchise_id"`
	BusinessDate  calendar.Date  `db:"business_date"`
	Dry           bool           `db:"dry"`
	CutThrough    calendar.Date  `db:"cut_through"`
	PeriodFrom    calendar.Date  `db:"period_from"`
	PeriodThrough calendar.Date  `db:"period_through"`
	PaymentCount  int64          `db:"payment_count"`
	PaymentAmount int64          `db:"payment_amount"`
	TaxFreeAmount int64          `db:"tax_free_amount"`
	CancelCount   int64          `db:"cancel_count"`
	CancelAmount  int64          `db:"cancel_amount"`
	Fee           int64          `db:"fee"`
	VAT           int64          `db:"vat"`
	CarriedOver   int64          `db:"carried_over"`
	CarriedFrom   *string        `db:"carried_from"`
	CarriedTo     *string        `db:"carried_to"`
	Net           int64          `db:"net"`
	PayoutState   PayoutState    `db:"payout_state"`
	PayoutDate    calendar.Date  `db:"payout_date"`
	Attempt       int            `db:"attempt"`
	FirmbankingID string         `db:"firmbanking_id"`
	Failure       record.Failure `db:"failure"`
	UntilAt       *time.Time     `db:"until_at"`
	PaidAt        *time.Time     `db:"paid_at"`
	CreatedAt     time.Time      `db:"created_at"`
	UpdatedAt     time.Time      `db:"updated_at"`
}

// Payable tells whether this attempt to pay the statement may begin now.
func (r *StatementRow) Payable(attempt int) bool {
	return !r.Dry && r.PayoutState == PayoutScheduled && r.Attempt == attempt
}

// ShowPayout lets the statement tell what a move of its current attempt has done.
func (r *StatementRow) ShowPayout(m record.Move, at time.Time) {
	r.PayoutState, r.Failure, r.UntilAt, r.PaidAt, r.UpdatedAt = PayoutStateOf(m.State), m.Failure, nil, nil, at
	if !m.Until.IsZero() {
		r.UntilAt = &m.Until
	}
	if r.PayoutState == PayoutPaid {
		r.PaidAt = &at
	}
}
