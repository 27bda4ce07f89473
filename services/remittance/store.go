package remittance

import (
	"context"
	"errors"
	"time"

	"durapay/internal/page"
	"durapay/internal/record"
)

// ErrNotFound is what a Store tells of an id it does not have.
var ErrNotFound = errors.New("remittance: no such row")

// Store is what the service needs of storage. It sees the memo sealed only.
type Store interface {
	// Begin stores the rows whose ids are new, and gives what is stored under each id, in order.
	Begin(ctx context.Context, rows []Row) ([]Row, error)
	// Move gives an outcome for each: nil, errs.RemittanceNotFound or errs.ConcurrentEdit.
	Move(ctx context.Context, moves []record.Move, at time.Time) ([]error, error)
	// SetTopUp notes a top-up unless another one is noted, and tells whether this one is.
	SetTopUp(ctx context.Context, id, topUpID string, at time.Time) (bool, error)
	// Find gives ErrNotFound for an unknown id.
	Find(ctx context.Context, id string) (Row, error)
	// History gives what the member has sent and what succeeded to them, newest first,
	// and one row more than the page has, if there is one.
	History(ctx context.Context, membershipID string, q page.Request) ([]Row, error)
}

// Row is a request as it is stored.
type Row struct {
	ID                 string         `db:"id"`
	SenderID           string         `db:"sender_id"`
	ReceiverID         string         `db:"receiver_id"`
	Amount             int64          `db:"amount"`
	MemoSealed         []byte         `db:"memo_sealed"`
	AutoTopUpAccountID string         `db:"auto_top_up_account_id"`
	TopUpID            string         `db:"top_up_id"`
	Fingerprint        string         `db:"fingerprint"`
	State              record.State   `db:"state"`
	Failure            record.Failure `db:"failure"`
	UntilAt            *time.Time     `db:"until_at"`
	ExecuteAt          *time.Time     `db:"execute_at"`
	CreatedAt          time.Time      `db:"created_at"`
	UpdatedAt          time.Time      `db:"updated_at"`
}
