package banking

import (
	"context"
	"log/slog"
	"time"

	"durapay/errs"
	"durapay/internal/record"
)

// Bank is the way to the banks. An error of any method means that nothing is known of
// the outcome: no answer, or one that makes no sense.
type Bank interface {
	// Verify asks whether the account exists, is open, and is held by that name (예금주 조회).
	Verify(ctx context.Context, ref BankAccountRef) (Verification, error)
	// Transfer hands a transfer over. An implementation puts it on the wire at most
	// once: no redirect, no second attempt, whatever goes wrong.
	Transfer(ctx context.Context, t Transfer) (Answer, error)
	// Inquire asks what became of a transfer, by our own reference.
	Inquire(ctx context.Context, reference string) (Inquiry, error)
	// Statement reads a page of an account's entries of one day.
	Statement(ctx context.Context, q StatementQuery) (StatementPage, error)
}

// Verification is the result of a holder inquiry.
type Verification string

// The results of a holder inquiry.
const (
	Match              Verification = "MATCH"
	HolderMismatch     Verification = "NAME_MISMATCH"
	NoSuchAccount      Verification = "NO_SUCH_ACCOUNT"
	AccountIsClosed    Verification = "CLOSED"
	AccountIsSuspended Verification = "SUSPENDED"
	AccountIsReported  Verification = "REPORTED"
)

// failure gives what the result means for a request; known is false for a word that is
// no result.
func (v Verification) failure() (f record.Failure, known bool) {
	switch v {
	case Match:
		return record.Failure{}, true
	case HolderMismatch:
		return record.FailureOf(errs.BankNameMismatch), true
	case NoSuchAccount:
		return record.FailureOf(errs.BankNoSuchAccount), true
	case AccountIsClosed:
		return record.FailureOf(errs.BankAccountClosed), true
	case AccountIsSuspended:
		return record.FailureOf(errs.BankAccountSuspended), true
	case AccountIsReported:
		return record.FailureOf(errs.BankAccountReported), true
	default:
		return record.Failure{}, false
	}
}

// Transfer is an order to a bank. Amount is in won.
type Transfer struct {
	Reference  string
	From       BankAccountRef
	To         BankAccountRef // with a HolderName the bank compares it
	Amount     int64
	ValidUntil time.Time // the bank refuses it when it arrives later
}

// LogValue keeps numbers and names out of logs.
func (t Transfer) LogValue() slog.Value { return slog.StringValue(t.Reference) }

// AnswerKind is what is known of a transfer.
type AnswerKind string

// The kinds of answer.
const (
	Accepted AnswerKind = "ACCEPTED"
	Rejected AnswerKind = "REJECTED"
	Unknown  AnswerKind = "UNKNOWN"
)

// Answer is a bank's answer to a transfer. It is a value: Unknown too is something to
// go on with (by an inquiry), and not an error to retry.
type Answer struct {
	Kind              AnswerKind `json:"kind"`
	Reason            errs.Code  `json:"reason,omitempty"` // for Rejected: one of the bank_ codes
	BankTransactionID string     `json:"bankTransactionId,omitempty"`
}

// Inquiry is a bank's answer to the question for a transfer. NotFound says that the
// bank has not got it, which is final only once it may no longer arrive.
type Inquiry struct {
	NotFound bool
	At       time.Time // by the bank's clock, not ahead of it; zero when the bank does not tell
	Answer   Answer    // when found
}

// StatementQuery asks for entries of an account at a bank on one Asia/Seoul date.
type StatementQuery struct {
	BankCode string
	Number   string
	Date     string // YYYY-MM-DD
	After    string // Next of the page before; "" for the first
	Limit    int    // 0 for the bank's own
}

// StatementPage is one page of a day. Balances are the day's, in won; Next is "" on
// the last page.
type StatementPage struct {
	OpeningBalance int64
	ClosingBalance int64
	Entries        []StatementEntry
	Next           string
}

// StatementEntry is one movement on an account. Amounts are in won.
type StatementEntry struct {
	EntryID      string
	Reference    string
	Incoming     bool
	Amount       int64
	BalanceAfter int64
	Counterparty BankAccountRef // zero when it came from outside the bank's books
	At           time.Time
}
