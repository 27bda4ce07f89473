package bank

import "time"

// Direction is which way money went, seen from the account whose statement it is.
type Direction string

// The directions of an entry.
const (
	In  Direction = "IN"
	Out Direction = "OUT"
)

// openingReference marks the entry that brings an account's first balance in; no transfer may carry it.
const openingReference = "OPENING"

// seoul is the zone of business dates. Korea has had no daylight saving since 1988, so a fixed offset is exact.
var seoul = time.FixedZone("KST", 9*60*60)

// Entry is one line of an account's books. Amounts are in won.
type Entry struct {
	ID           int64     `db:"id"`
	At           time.Time `db:"at"`
	Reference    string    `db:"reference"`
	Direction    Direction `db:"direction"`
	Amount       int64     `db:"amount"`
	BalanceAfter int64     `db:"balance_after"`
	// Both are nil on an opening entry and on a deposit, which come from outside the books.
	CounterpartyBankCode      *string `db:"counterparty_bank_code"`
	CounterpartyAccountNumber *string `db:"counterparty_account_number"`
	Memo                      string  `db:"memo"`
}

// Day is one Asia/Seoul business date: from From, up to but without Until.
type Day struct {
	From, Until time.Time
}

// parseDay reads YYYY-MM-DD as a date in Seoul.
func parseDay(text string) (Day, error) {
	from, err := time.ParseInLocation(time.DateOnly, text, seoul)
	if err != nil {
		return Day{}, err
	}
	return Day{From: from.UTC(), Until: from.AddDate(0, 0, 1).UTC()}, nil
}

// StatementQuery asks for a page of an account's entries of one day.
type StatementQuery struct {
	Account AccountKey
	Day     Day
	After   int64 // the entry the page begins after; 0 for the day's first page
	Limit   int
}

// Statement is one page of a day. The balances are the day's, the same on every page: opening plus all IN less all OUT is closing.
type Statement struct {
	OpeningBalance int64
	ClosingBalance int64
	Items          []Entry
	More           bool
}

// Totals is what all accounts hold together, in won as decimal text, because a sum of many accounts may pass an int64.
type Totals struct {
	Accounts  int64  `db:"accounts"`
	Balance   string `db:"balance"`   // Opened and Deposited together, as long as no transfer or return made or lost a won
	Opened    string `db:"opened"`    // brought in by opening accounts
	Deposited string `db:"deposited"` // brought in by deposits
	Transfers int64  `db:"transfers"` // accepted, those returned later too
}
