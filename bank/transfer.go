package bank

import (
	"crypto/sha256"
	"fmt"
	"time"
)

// Currency is the only one these books are kept in; won have no minor unit.
const Currency = "KRW"

// MaxAmount bounds a transfer and a balance, in won: 10^15. Sums of two such amounts are far from overflowing an int64.
const MaxAmount int64 = 1_000_000_000_000_000

// Status is what became of a transfer.
type Status string

// The states of a transfer as the outside sees them.
const (
	Accepted Status = "ACCEPTED"
	Rejected Status = "REJECTED"
	Returned Status = "RETURNED" // accepted, and sent back later
	NotFound Status = "NOT_FOUND"
)

// Reason says why a transfer was rejected or sent back.
type Reason string

// The reasons. A rejection stands for its reference whatever the reason; after MAINTENANCE, and only then, the same order may be accepted
// when it is sent under a new one.
const (
	ReasonNoSuchAccount     Reason = "NO_SUCH_ACCOUNT"
	ReasonClosed            Reason = "CLOSED"
	ReasonReported          Reason = "REPORTED"
	ReasonSuspended         Reason = "SUSPENDED"
	ReasonNameMismatch      Reason = "NAME_MISMATCH"
	ReasonInsufficientFunds Reason = "INSUFFICIENT_FUNDS"
	ReasonLimitExceeded     Reason = "LIMIT_EXCEEDED"
	ReasonMaintenance       Reason = "MAINTENANCE"
	ReasonExpired           Reason = "EXPIRED"
	ReasonSameAccount       Reason = "SAME_ACCOUNT"
)

func (r Reason) known() bool {
	switch r {
	case ReasonMaintenance, ReasonInsufficientFunds, ReasonLimitExceeded, ReasonExpired, ReasonSameAccount:
		return true
	}
	return r.verifiable()
}

// verifiable tells whether a holder inquiry can give this reason as its result.
func (r Reason) verifiable() bool {
	switch r {
	case ReasonNoSuchAccount, ReasonClosed, ReasonReported, ReasonSuspended, ReasonNameMismatch:
		return true
	}
	return false
}

// Order is a transfer as its sender asked for it, validated. Amount is in won.
type Order struct {
	Reference    string
	From, To     AccountKey
	ToHolderName string // "" when the sender does not want it checked
	Amount       int64
	ValidUntil   time.Time
	Memo         string
}

// fingerprint tells a repeat of an order from another order under the same reference.
func (o Order) fingerprint() []byte {
	content := fmt.Sprintf("%q %q %q %q %q %d %s %d %q",
		o.From.BankCode, o.From.AccountNumber, o.To.BankCode, o.To.AccountNumber, o.ToHolderName,
		o.Amount, Currency, o.ValidUntil.UnixMicro(), o.Memo)
	sum := sha256.Sum256([]byte(content))
	return sum[:]
}

// Decision is the bank's final word on an order. Amount is in won.
type Decision struct {
	Reference         string
	Status            Status
	Reason            Reason // "" unless rejected or returned
	BankTransactionID string // "" when rejected
	Amount            int64
	DecidedAt         time.Time
	ReturnedAt        *time.Time // nil unless returned
}

// fate is what a fault asks for an order that is decided now; the zero value is nothing.
type fate struct {
	declined Reason      // the reason to reject it for, or ""
	back     *lateReturn // to be sent back once it is accepted, or nil
}

// refuseOrder gives the reason to reject an order without looking at its accounts, or "".
// A late order is refused whatever else it says: that makes a NOT_FOUND after its validUntil final.
func refuseOrder(o Order, declined Reason, now time.Time) Reason {
	switch {
	case now.After(o.ValidUntil):
		return ReasonExpired
	case declined != "":
		return declined
	case o.From == o.To:
		return ReasonSameAccount
	default:
		return ""
	}
}

// refuseAccounts gives the reason these accounts cannot carry out the order, or "". A nil account is one the bank does not have.
// limit is the most one transfer may move, in won.
func refuseAccounts(o Order, from, to *Account, limit int64) Reason {
	if from == nil || to == nil {
		return ReasonNoSuchAccount
	}
	if r := from.State.refusal(); r != "" {
		return r
	}
	if r := to.State.refusal(); r != "" {
		return r
	}
	switch {
	case o.ToHolderName != "" && !to.named(o.ToHolderName):
		return ReasonNameMismatch
	case o.Amount > limit:
		return ReasonLimitExceeded
	case o.Amount > from.Balance:
		return ReasonInsufficientFunds
	case o.Amount > MaxAmount-to.Balance:
		return ReasonLimitExceeded
	default:
		return ""
	}
}

// entryTime is when money enters the books of the accounts: now, but never before an earlier entry, so that a clock that steps back
// does not put a statement out of order.
func entryTime(now time.Time, accounts ...*Account) time.Time {
	at := now
	for _, account := range accounts {
		if account.LastEntryAt.After(at) {
			at = account.LastEntryAt
		}
	}
	return at
}
