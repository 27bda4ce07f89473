package payment

import (
	"context"
	"errors"
	"time"

	"durapay/internal/page"
	"durapay/internal/record"
)

// ErrNotFound is what a Store tells of an id it does not have.
var ErrNotFound = errors.New("payment: no such row")

// Store is what the service needs of storage. It sees reasons sealed only.
type Store interface {
	paymentStore
	cancelStore
	feedStore
}

type paymentStore interface {
	// Begin stores the rows whose ids are new, and gives what is stored under each id, in
	// order. A row whose OrderClaim another one of its franchise has is stored without it
	// and with the Refusal errs.OrderIDTaken (paymentId, when it is the same member's).
	Begin(ctx context.Context, rows []Row) ([]Row, error)
	// Move gives an outcome for each: nil, errs.PaymentNotFound or errs.ConcurrentEdit.
	// Approved pins the rate, fee, VAT and time; Failed gives the OrderClaim up.
	Move(ctx context.Context, changes []Change, at time.Time) ([]error, error)
	// SetTopUp notes a top-up unless another one is noted, and tells whether this one is.
	SetTopUp(ctx context.Context, id, topUpID string, at time.Time) (bool, error)
	// Find gives ErrNotFound for an unknown id.
	Find(ctx context.Context, id string) (Row, error)
	// List gives what the scope may see, newest first, and one row more than the page has, if there is one.
	List(ctx context.Context, scope Scope, f Filter, q page.Request) ([]Row, error)
	// Normal does so for the normal states, by the time of the approval.
	Normal(ctx context.Context, f NormalFilter, q page.Request) ([]Row, error)
	// Update stores what change makes of a row, under its lock: state, settled_at and
	// updated_at. Errors: ErrNotFound; those of change, nothing is stored then.
	Update(ctx context.Context, id string, change func(Row) (Row, error)) (Row, error)
}

type cancelStore interface {
	// BeginCancel gives what is stored under the row's id. When nothing is, it stores what
	// decide makes of the payment (nil when unknown) and of the amount that its other
	// cancels have taken or reserved, under the payment's lock.
	BeginCancel(ctx context.Context, row CancelRow, decide func(p *Row, reserved int64) CancelRow) (CancelRow, error)
	// MoveCancel makes any move but to Succeeded. Its outcome is nil, errs.CancelNotFound or errs.ConcurrentEdit.
	MoveCancel(ctx context.Context, m record.Move, at time.Time) (outcome, err error)
	// ApplyCancel stores what apply makes of a cancel and its payment, under the locks of
	// both. Errors: ErrNotFound; those of apply, nothing is stored then.
	ApplyCancel(ctx context.Context, id string, apply func(Row, CancelRow) (Row, CancelRow, error)) error
	// FindCancel gives ErrNotFound for an unknown id.
	FindCancel(ctx context.Context, id string) (CancelRow, error)
	// ListCancels gives what the scope may see, newest first, and one row more than the page has, if there is one.
	ListCancels(ctx context.Context, scope Scope, paymentID string, q page.Request) ([]CancelRow, error)
}

type feedStore interface {
	// OpenFranchises gives at most limit franchises with items to cut, ascending.
	OpenFranchises(ctx context.Context, before time.Time, after string, limit int) ([]string, error)
	// Cut takes at most this many items of each kind, and tells whether there are more.
	// Once there are none, the statement is closed.
	Cut(ctx context.Context, o CutOrder, most int, at time.Time) (bool, error)
	// Seal closes statements, those that were never cut included.
	Seal(ctx context.Context, statementIDs []string, at time.Time) error
	// Sums gives the figures of the statements that have items, by id.
	Sums(ctx context.Context, statementIDs []string) (map[string]Sums, error)
	// Preview gives the figures of what Cut would take.
	Preview(ctx context.Context, o CutOrder) (Sums, error)
	// Lines gives a statement's items of a franchise ("" for any), ascending, and one
	// more than the page has, if there is one.
	Lines(ctx context.Context, franchiseID, statementID string, q page.Request) ([]Line, error)
	// FinishStatement settles at most this many payments and gives how many.
	FinishStatement(ctx context.Context, statementID string, most int, at time.Time) (int, error)
}

// Row is a payment as it is stored.
type Row struct {
	ID                 string         `db:"id"`
	MembershipID       string         `db:"membership_id"`
	FranchiseID        string         `db:"franchise_id"`
	OrderID            string         `db:"order_id"`
	OrderClaim         *string        `db:"order_claim"` // the order id, while the payment has the right to it
	Amount             int64          `db:"amount"`
	TaxFreeAmount      int64          `db:"tax_free_amount"`
	CancelledAmount    int64          `db:"cancelled_amount"`
	FeeBasisPoints     int            `db:"fee_basis_points"`
	Fee                int64          `db:"fee"`
	VAT                int64          `db:"vat"`
	AutoTopUpAccountID string         `db:"auto_top_up_account_id"`
	TopUpID            string         `db:"top_up_id"`
	Fingerprint        string         `db:"fingerprint"`
	State              State          `db:"state"`
	Failure            record.Failure `db:"failure"`
	Refusal            record.Failure `db:"refusal"`
	StatementID        *string        `db:"statement_id"`
	ApprovedAt         *time.Time     `db:"approved_at"`
	SettledAt          *time.Time     `db:"settled_at"`
	UntilAt            *time.Time     `db:"until_at"`
	CreatedAt          time.Time      `db:"created_at"`
	UpdatedAt          time.Time      `db:"updated_at"`
}

// CancelRow is a cancel as it is stored.
type CancelRow struct {
	ID           string         `db:"id"`
	PaymentID    string         `db:"payment_id"`
	MembershipID string         `db:"membership_id"`
	FranchiseID  string         `db:"franchise_id"`
	Amount       int64          `db:"amount"`
	ReasonSealed []byte         `db:"reason_sealed"`
	AskedBy      string         `db:"asked_by"`
	Fingerprint  string         `db:"fingerprint"`
	State        record.State   `db:"state"`
	Failure      record.Failure `db:"failure"`
	Refusal      record.Failure `db:"refusal"`
	Fee          int64          `db:"fee"`
	VAT          int64          `db:"vat"`
	Remaining    *int64         `db:"remaining"`
	StatementID  *string        `db:"statement_id"`
	ApprovedAt   *time.Time     `db:"approved_at"`
	UntilAt      *time.Time     `db:"until_at"`
	CreatedAt    time.Time      `db:"created_at"`
	UpdatedAt    time.Time      `db:"updated_at"`
}
