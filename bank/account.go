package bank

import (
	"strings"
	"time"
)

// AccountState is what an account may be used for.
type AccountState string

// The states of an account. Only an OPEN one sends or receives.
const (
	Open      AccountState = "OPEN"
	Closed    AccountState = "CLOSED"
	Suspended AccountState = "SUSPENDED"
	Reported  AccountState = "REPORTED" // loss or fraud reported by the holder
)

func (s AccountState) known() bool {
	switch s {
	case Open, Closed, Suspended, Reported:
		return true
	}
	return false
}

// refusal is the reason an account in this state gives for not moving money; "" for an open one.
func (s AccountState) refusal() Reason {
	if s == Open {
		return ""
	}
	return Reason(s) // a closed, suspended or reported account is refused by the state's own name
}

// AccountKey names an account in the bank network.
type AccountKey struct {
	BankCode      string `json:"bankCode" db:"bank_code"`
	AccountNumber string `json:"accountNumber" db:"account_number"`
}

// before is the one order in which accounts are locked, so that opposite transfers cannot deadlock.
func (k AccountKey) before(other AccountKey) bool {
	if k.BankCode != other.BankCode {
		return k.BankCode < other.BankCode
	}
	return k.AccountNumber < other.AccountNumber
}

// Account is one account in the books; Balance is in won.
type Account struct {
	AccountKey
	HolderName  string       `db:"holder_name"`
	State       AccountState `db:"state"`
	Balance     int64        `db:"balance"`
	LastEntryAt time.Time    `db:"last_entry_at"`
}

// named tells whether the account's holder has this name. Spaces at the ends do not count.
func (a Account) named(holderName string) bool {
	return a.HolderName == strings.TrimSpace(holderName)
}

// VerifyResult is the answer to a holder inquiry (예금주 조회).
type VerifyResult string

// The results of a holder inquiry; the other states answer by their own name.
const (
	Match        VerifyResult = "MATCH"
	NameMismatch VerifyResult = "NAME_MISMATCH"
	NoSuch       VerifyResult = "NO_SUCH_ACCOUNT"
)

// verify compares the name an enquirer gives with the account.
// The state comes before the name, so that nobody probes names on an account that is not in use.
func verify(account Account, holderName string) VerifyResult {
	switch {
	case account.State != Open:
		return VerifyResult(account.State)
	case !account.named(holderName):
		return NameMismatch
	default:
		return Match
	}
}
