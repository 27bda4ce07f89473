package franchise

import (
	"context"
	"errors"
	"time"

	"durapay/errs"
	"durapay/internal/page"
	"durapay/internal/record"
)

// ErrNotFound is what a Store tells of an id it does not have.
var ErrNotFound = errors.New("franchise: no such row")

// Store is what the service needs of storage. It sees personal data and secrets sealed
// or hashed only. Lists are newest first, and have one row more than the page, if there is one.
type Store interface {
	Franchises
	PayoutChanges
	Keys
	Webhooks
	Deliveries
}

// Franchises keeps franchises with their contracts.
type Franchises interface {
	// Begin stores the rows whose ids are new, those whose business number is held by
	// another one as Row.Refused, and gives what is stored under each id, in order.
	Begin(ctx context.Context, rows []Row) ([]Row, error)
	// Move gives an outcome for each: nil, errs.FranchiseNotFound or errs.ConcurrentEdit.
	Move(ctx context.Context, moves []record.Move, at time.Time) ([]error, error)
	// Find gives ErrNotFound for an unknown id.
	Find(ctx context.Context, id string) (Row, error)
	// List gives those with a status; all for "".
	List(ctx context.Context, q page.Request, status Status) ([]Row, error)
	// Update stores what change makes of the row, which nobody else changes meanwhile.
	// Errors: ErrNotFound, and what change returns.
	Update(ctx context.Context, id string, change func(Row) (Change, error)) (Row, error)
	// Terms gives those of the registered ones among the ids.
	Terms(ctx context.Context, ids []string, on string) ([]TermsRow, error)
	// Contracts gives the contracts in force of the registered ones among the ids.
	Contracts(ctx context.Context, ids []string, on string) ([]ContractRow, error)
	// Payouts gives the accounts of the registered ones among the ids.
	Payouts(ctx context.Context, ids []string) ([]PayoutRow, error)
}

// PayoutChanges keeps changes of payout accounts.
type PayoutChanges interface {
	// BeginPayoutChanges stores the rows whose ids are new, as PayoutChangeRow.Refused
	// when they cannot be made, and gives what is stored under each id, in order.
	BeginPayoutChanges(ctx context.Context, rows []PayoutChangeRow) ([]PayoutChangeRow, error)
	// MovePayoutChanges gives an outcome for each: nil, errs.PayoutChangeNotFound or errs.ConcurrentEdit.
	MovePayoutChanges(ctx context.Context, moves []record.Move, at time.Time) ([]error, error)
	// FindPayoutChange gives ErrNotFound for an unknown id.
	FindPayoutChange(ctx context.Context, id string) (PayoutChangeRow, error)
}

// Keys keeps API keys.
type Keys interface {
	// AddKey gives ErrNotFound when the franchise is not registered, and
	// errs.TooManyAPIKeys when it has most keys in force.
	AddKey(ctx context.Context, row KeyRow, most int) error
	Keys(ctx context.Context, franchiseID string, q page.Request) ([]KeyRow, error)
	// RevokeKey gives ErrNotFound for an unknown key, and nil for a revoked one.
	RevokeKey(ctx context.Context, franchiseID, keyID string, at time.Time) error
	// KeyOwner gives the franchise of a key in force, or ErrNotFound.
	KeyOwner(ctx context.Context, secretHash []byte) (string, error)
}

// Webhooks keeps webhooks.
type Webhooks interface {
	// SetWebhook gives ErrNotFound when the franchise is not registered.
	SetWebhook(ctx context.Context, row WebhookRow) error
	// RotateSecret makes the secret the old one until oldUntil. Errors: ErrNotFound.
	RotateSecret(ctx context.Context, franchiseID string, sealed []byte, oldUntil, at time.Time) (WebhookRow, error)
	// Webhook gives ErrNotFound when there is none.
	Webhook(ctx context.Context, franchiseID string) (WebhookRow, error)
	RemoveWebhook(ctx context.Context, franchiseID string) error
}

// Deliveries keeps deliveries and their attempts.
type Deliveries interface {
	// BeginDeliveries stores the rows that are new and whose franchise has a webhook, and
	// gives what is stored under each id, in order: the zero row for nothing.
	BeginDeliveries(ctx context.Context, rows []DeliveryRow) ([]DeliveryRow, error)
	// MoveDeliveries gives an outcome for each: nil, errs.WebhookDeliveryNotFound or errs.ConcurrentEdit.
	MoveDeliveries(ctx context.Context, moves []record.Move, at time.Time) ([]error, error)
	Deliveries(ctx context.Context, franchiseID string, q page.Request) ([]DeliveryRow, error)
	// Delivery gives a delivery and its attempts by number, or ErrNotFound.
	Delivery(ctx context.Context, id string) (DeliveryRow, []Attempt, error)
	// Job gives ErrNotFound for an unknown id.
	Job(ctx context.Context, deliveryID string) (Job, error)
	// LogAttempt numbers the attempt, keeps it and its MaxLoggedAttempts-1 predecessors,
	// marks a delivery as delivered, and removes the job's webhook when its receiver is gone.
	LogAttempt(ctx context.Context, job Job, a Attempt, o AttemptOutcome, at time.Time) error
}

// SealedPayout is an account as it is stored.
type SealedPayout struct {
	BankCode     string `db:"bank_code"`
	NumberSealed []byte `db:"number_sealed"`
	HolderSealed []byte `db:"holder_sealed"`
}

// Row is a franchise as it is stored.
type Row struct {
	ID             string  `db:"id"`
	Name           string  `db:"name"`
	BusinessNumber string  `db:"business_number"`
	NumberClaim    *string `db:"number_claim"` // the business number while this row holds it, nil otherwise
	ContactSealed  []byte  `db:"contact_sealed"`
	SealedPayout
	PayoutVerifiedAt *time.Time     `db:"payout_verified_at"`
	State            record.State   `db:"state"`
	Refusal          record.Failure `db:"refusal"`
	Failure          record.Failure `db:"failure"`
	UntilAt          *time.Time     `db:"until_at"`
	Status           Status         `db:"status"`
	Version          int64          `db:"version"`
	Fingerprint      string         `db:"fingerprint"`
	CreatedAt        time.Time      `db:"created_at"`
	UpdatedAt        time.Time      `db:"updated_at"`
	Contracts        []Contract     `db:"-"`
}

// Refused gives the row as it is stored when another franchise holds its business number.
func (r Row) Refused() Row {
	r.NumberClaim, r.Refusal = nil, record.FailureOf(errs.BusinessNumberTaken)
	return r
}

// Change is what a modification stores: the row, and the contract that is new in it, if any.
type Change struct {
	Row      Row
	Contract *Contract
}

// TermsRow is what a payment needs of a registered franchise. FeeBasisPoints is nil when
// no contract is in force.
type TermsRow struct {
	ID             string `db:"id"`
	Status         Status `db:"status"`
	FeeBasisPoints *int   `db:"fee_basis_points"`
	Webhook        bool   `db:"webhook"`
}

// ContractRow is how a franchise is settled.
type ContractRow struct {
	FranchiseID        string `db:"franchise_id"`
	Cycle              Cycle  `db:"cycle"`
	PayoutBusinessDays int    `db:"payout_business_days"`
}

// PayoutRow is the account of a franchise.
type PayoutRow struct {
	FranchiseID string `db:"id"`
	SealedPayout
}

// PayoutChangeRow is a change of account as it is stored.
type PayoutChangeRow struct {
	ID          string  `db:"id"`
	FranchiseID string  `db:"franchise_id"`
	OpenClaim   *string `db:"open_claim"` // the franchise while this change is its open one, nil otherwise
	SealedPayout
	Fingerprint string         `db:"fingerprint"`
	State       record.State   `db:"state"`
	Refusal     record.Failure `db:"refusal"`
	Failure     record.Failure `db:"failure"`
	UntilAt     *time.Time     `db:"until_at"`
	CreatedAt   time.Time      `db:"created_at"`
	UpdatedAt   time.Time      `db:"updated_at"`
}

// Refused gives the row as it is stored when the change cannot be made.
func (r PayoutChangeRow) Refused(why *errs.Error) PayoutChangeRow {
	r.OpenClaim, r.Refusal = nil, record.FailureOf(why)
	return r
}

// KeyRow is an API key as it is stored: the SHA-256 of its secret.
type KeyRow struct {
	ID          string     `db:"id"`
	FranchiseID string     `db:"franchise_id"`
	Label       string     `db:"label"`
	SecretHash  []byte     `db:"secret_hash"`
	CreatedAt   time.Time  `db:"created_at"`
	RevokedAt   *time.Time `db:"revoked_at"`
}

// WebhookRow is a webhook as it is stored.
type WebhookRow struct {
	FranchiseID     string     `db:"franchise_id"`
	URL             string     `db:"url"`
	SecretSealed    []byte     `db:"secret_sealed"`
	OldSecretSealed []byte     `db:"old_secret_sealed"`
	OldUntil        *time.Time `db:"old_until"`
	CreatedAt       time.Time  `db:"created_at"`
	UpdatedAt       time.Time  `db:"updated_at"`
}

// DeliveryRow is a delivery as it is stored.
type DeliveryRow struct {
	ID          string         `db:"id"`
	EventID     string         `db:"event_id"`
	FranchiseID string         `db:"franchise_id"`
	Type        EventType      `db:"type"`
	Payload     []byte         `db:"payload"`
	State       record.State   `db:"state"`
	Failure     record.Failure `db:"failure"`
	UntilAt     *time.Time     `db:"until_at"`
	Attempts    int            `db:"attempts"`
	DeliveredAt *time.Time     `db:"delivered_at"`
	CreatedAt   time.Time      `db:"created_at"`
	UpdatedAt   time.Time      `db:"updated_at"`
}

// Job is a delivery to attempt, and the webhook to send it to; nil when there is none.
type Job struct {
	Delivery DeliveryRow
	Webhook  *WebhookRow
}
