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

// Store is what the service needs of storage. It sees memo and account sealed only.
type Store interface {
	// Begin stores the rows whose ids are new as Admit decides under this daily limit, in
	// won, and gives what is stored under each id, in order. What is counted for a sender's
	// day never differs from the sum of the rows that say so, whoever else begins and moves.
	Begin(ctx context.Context, rows []Row, maxPerDay int64) ([]Row, error)
	// Move gives an outcome for each: nil, errs.RemittanceNotFound or errs.ConcurrentEdit.
	// A row that ends without the money having been sent is no longer counted.
	Move(ctx context.Context, moves []record.Move, at time.Time) ([]error, error)
	// SetTopUp notes a top-up unless another one is noted, and tells whether this one is.
	SetTopUp(ctx context.Context, id, topUpID string, at time.Time) (bool, error)
	// Find gives ErrNotFound for an unknown id.
	Find(ctx context.Context, id string) (Row, error)
	// History gives what the member has sent and what succeeded to them, newest first,
	// and one row more than the page has, if there is one.
	History(ctx context.Context, membershipID string, q page.Request) ([]Row, error)
}

// Row is a request as it is stored. One to a bank account has BankCode and ToSealed, and
// no ReceiverID.
type Row struct {
	ID                 string         `db:"id"`
	SenderID           string         `db:"sender_id"`
	ReceiverID         string         `db:"receiver_id"`
	BankCode           string         `db:"bank_code"`
	ToSealed           []byte         `db:"to_sealed"`
	Amount             int64          `db:"amount"`
	MemoSealed         []byte         `db:"memo_sealed"`
	AutoTopUpAccountID string         `db:"auto_top_up_account_id"`
	TopUpID            string         `db:"top_up_id"`
	Fingerprint        string         `db:"fingerprint"`
	State              record.State   `db:"state"`
	Failure            record.Failure `db:"failure"`
	Refusal            record.Failure `db:"refusal"`
	CountedDay         *string        `db:"counted_day"` // YYYY-MM-DD in Asia/Seoul; nil when not counted
	UntilAt            *time.Time     `db:"until_at"`
	ExecuteAt          *time.Time     `db:"execute_at"`
	CreatedAt          time.Time      `db:"created_at"`
	UpdatedAt          time.Time      `db:"updated_at"`
}

// SenderDay gives the day whose total this row is in, or asks to be in; false for none.
func (r Row) SenderDay() (SenderDay, bool) {
	if r.CountedDay == nil {
		return SenderDay{}, false
	}
	return SenderDay{SenderID: r.SenderID, Day: *r.CountedDay}, true
}
