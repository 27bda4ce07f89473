package banking

import (
	"context"
	"errors"
	"time"

	"durapay/errs"
	"durapay/internal/page"
	"durapay/internal/record"
)

// What a Store tells besides infrastructure trouble.
var (
	ErrNotFound = errors.New("banking: no such row")
	ErrTaken    = errors.New("banking: id or reference taken by another row")
	ErrIDTaken  = errors.New("banking: id taken")
	ErrLinked   = errors.New("banking: the same account is linked already")
)

// Store is what the service needs of storage. It sees personal data sealed only.
type Store interface {
	// AddAccounts stores all or, with ErrIDTaken or ErrLinked, none.
	AddAccounts(ctx context.Context, rows []AccountRow) error
	// Accounts gives those of the ids that exist, in any order.
	Accounts(ctx context.Context, ids []string) ([]AccountRow, error)
	ListAccounts(ctx context.Context, membershipID string, r page.Request) ([]AccountRow, error)
	// Unlink turns a linked account of this member into an unlinked one; anything else stays as it is.
	Unlink(ctx context.Context, membershipID, id string, at time.Time) error

	BeginLinks(ctx context.Context, rows []LinkRecord) ([]LinkRecord, error)
	MoveLinks(ctx context.Context, moves []record.Move, at time.Time) ([]error, error)
	// FindLink gives ErrNotFound for an unknown id.
	FindLink(ctx context.Context, id string) (LinkRecord, error)

	// BeginFirmbankings stores the rows whose references are new, and gives what is
	// stored under each reference. ErrTaken: an id belongs to another reference.
	BeginFirmbankings(ctx context.Context, rows []FirmbankingRow) ([]FirmbankingRow, error)
	// FindFirmbanking gives ErrNotFound for an unknown id.
	FindFirmbanking(ctx context.Context, id string) (FirmbankingRow, error)
	// MoveFirmbanking changes the row if its state is one of m.From, and tells whether it did.
	MoveFirmbanking(ctx context.Context, id string, m FirmbankingMove) (bool, error)
	ListFirmbankings(ctx context.Context, s Selection, r page.Request) ([]FirmbankingRow, error)
	// FirmbankingsByReference gives those of the references that exist, in any order.
	FirmbankingsByReference(ctx context.Context, references []string) ([]FirmbankingRow, error)

	// BeginNotice stores the row if its id is new, and gives what is stored under the id.
	BeginNotice(ctx context.Context, row NoticeRow) (NoticeRow, error)
	// Notices gives those of the ids that exist, in any order.
	Notices(ctx context.Context, ids []string) ([]NoticeRow, error)
	ListNotices(ctx context.Context, f NoticeFilter, r page.Request) ([]NoticeRow, error)
	MoveNotices(ctx context.Context, moves []record.Move, at time.Time) ([]error, error)
	// ClaimReturn notes that this transfer came back by this notice, and tells whether
	// it did so: a transfer comes back by one notice, and a notice brings one back.
	ClaimReturn(ctx context.Context, noticeID, firmbankingID string, at time.Time) (bool, error)
}

// AccountRow is an account as it is stored.
type AccountRow struct {
	ID           string       `db:"id"`
	MembershipID string       `db:"membership_id"`
	BankCode     string       `db:"bank_code"`
	NumberSealed []byte       `db:"number_sealed"`
	HolderSealed []byte       `db:"holder_sealed"`
	NumberIndex  []byte       `db:"number_index"`
	State        AccountState `db:"state"`
	Fingerprint  string       `db:"fingerprint"`
	ConsentAt    time.Time    `db:"consent_at"`
	RevokedAt    *time.Time   `db:"revoked_at"`
	CreatedAt    time.Time    `db:"created_at"`
}

// FirmbankingRow is a transfer as it is stored.
type FirmbankingRow struct {
	ID                string           `db:"id"`
	Reference         string           `db:"reference"`
	FlowID            string           `db:"flow_id"`
	MembershipID      string           `db:"membership_id"`
	BankAccountID     string           `db:"bank_account_id"`
	Direction         Direction        `db:"direction"`
	BankCode          string           `db:"bank_code"`
	NumberSealed      []byte           `db:"number_sealed"`
	HolderSealed      []byte           `db:"holder_sealed"`
	NumberIndex       []byte           `db:"number_index"`
	Amount            int64            `db:"amount"`
	State             FirmbankingState `db:"state"`
	Reason            errs.Code        `db:"reason"`
	BankTransactionID string           `db:"bank_transaction_id"`
	Fingerprint       string           `db:"fingerprint"`
	ValidUntil        *time.Time       `db:"valid_until"`
	SentAt            *time.Time       `db:"sent_at"`
	CreatedAt         time.Time        `db:"created_at"`
	UpdatedAt         time.Time        `db:"updated_at"`
}

// NoticeRow is a notice of a bank as it is stored.
type NoticeRow struct {
	ID                   string         `db:"id"`
	BankNoticeID         string         `db:"bank_notice_id"`
	Type                 NoticeType     `db:"type"`
	Reference            string         `db:"reference"`
	BankTransactionID    string         `db:"bank_transaction_id"`
	Amount               int64          `db:"amount"`
	Reason               errs.Code      `db:"reason"`
	FirmbankingID        *string        `db:"firmbanking_id"`
	AccountBankCode      string         `db:"account_bank_code"`
	AccountSealed        []byte         `db:"account_sealed"`
	CounterpartyBankCode string         `db:"counterparty_bank_code"`
	CounterpartySealed   []byte         `db:"counterparty_sealed"`
	MemoSealed           []byte         `db:"memo_sealed"`
	State                record.State   `db:"state"`
	Failure              record.Failure `db:"failure"`
	UntilAt              *time.Time     `db:"until_at"`
	At                   time.Time      `db:"at"`
	CreatedAt            time.Time      `db:"created_at"`
	UpdatedAt            time.Time      `db:"updated_at"`
}

// FirmbankingMove is one change of a transfer's state. SentAt and ValidUntil are for
// the move to StateSent, and nil otherwise.
type FirmbankingMove struct {
	From              []FirmbankingState
	To                FirmbankingState
	Reason            errs.Code
	BankTransactionID string
	SentAt            *time.Time
	ValidUntil        *time.Time
	At                time.Time
}

// Selection is a Filter as a store needs it: From and Until bound the time of the
// request (Until is outside), both zero for any.
type Selection struct {
	State         FirmbankingState
	BankAccountID string
	BankCode      string
	FlowID        string
	MembershipID  string
	From, Until   time.Time
}
