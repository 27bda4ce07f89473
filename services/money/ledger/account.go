package ledger

import (
	"strings"
	"time"

	"durapay/errs"
)

// AccountKind says what an account stands for.
type AccountKind string

// The kinds. Payables, income and tax are liabilities or income like wallets (positive
// when we owe or earned it); the bank float is our asset and therefore negative.
const (
	KindWallet   AccountKind = "WALLET"   // a member's stored value
	KindPayable  AccountKind = "PAYABLE"  // what a franchise is owed
	KindBank     AccountKind = "BANK"     // minus its balance is the money at the bank
	KindTransit  AccountKind = "TRANSIT"  // sent to the bank, outcome not final
	KindSuspense AccountKind = "SUSPENSE" // arrived, owner not known
	KindIncome   AccountKind = "INCOME"   // fees earned
	KindTax      AccountKind = "TAX"      // VAT collected and owed
)

// The platform's own accounts. They exist from the first migration and are bounded
// only against overflow.
const (
	BankFloat  = "system/bank-float"
	InTransit  = "system/in-transit"
	Suspense   = "system/suspense"
	FeeIncome  = "system/fee-income"
	VATPayable = "system/vat-payable"
)

// WalletAccount is the account of a member's wallet.
func WalletAccount(membershipID string) string { return walletPrefix + membershipID }

// FranchisePayable is the account of what a franchise is owed.
func FranchisePayable(franchiseID string) string {
	return franchisePrefix + franchiseID + payableSuffix
}

// Owner gives the member or franchise an account belongs to, "" for the platform's own.
func Owner(accountID string) string {
	if member, ok := strings.CutPrefix(accountID, walletPrefix); ok {
		return member
	}
	if rest, ok := strings.CutPrefix(accountID, franchisePrefix); ok {
		return strings.TrimSuffix(rest, payableSuffix)
	}
	return ""
}

// IsWallet tells whether the account is a member's wallet.
func IsWallet(accountID string) bool { return strings.HasPrefix(accountID, walletPrefix) }

const (
	walletPrefix    = "wallet/"
	franchisePrefix = "franchise/"
	payableSuffix   = "/payable"
)

// MaxBalance bounds every account's balance from above, and minus it from below, in
// won. An account whose ceiling (floor) is ±MaxBalance counts as unbounded. Balance,
// pending sums and one more posting of MaxAmount stay far inside an int64, so that no
// sum in this package can overflow.
const MaxBalance int64 = 4_000_000_000_000_000_000

// AccountState tells whether an account takes postings.
type AccountState string

// The states of an account.
const (
	AccountOpen   AccountState = "OPEN"
	AccountClosed AccountState = "CLOSED" // as if it did not exist; the same id can be opened again
)

// Account is the current state of an account. Sums are in won; the balance is
// credits minus debits.
type Account struct {
	ID         string
	Kind       AccountKind
	State      AccountState
	Floor      int64
	Ceiling    int64
	Balance    int64
	PendingOut int64 // reserved by open holds that will debit it
	PendingIn  int64 // reserved by open holds that will credit it
	OpenedSeq  int64 // the posting that opened it; 0 = from the start
	OpenedAt   time.Time
	LastSeq    int64 // the last posting that moved or held its money; 0 = never used
}

// Available is what can be debited or held, for an account whose floor is 0.
func (a *Account) Available() int64 { return a.Balance - a.PendingOut }

// mayLose tells why amount cannot be debited or held, nil when it can.
func (a *Account) mayLose(amount int64) *errs.Error {
	spendable := a.Available() - a.Floor // at most 8e18, see MaxBalance
	switch {
	case amount <= spendable:
		return nil
	case a.Floor == -MaxBalance:
		return errs.LedgerAmountOverflow.With("account", a.ID)
	default:
		return errs.InsufficientBalance.With("available", spendable).With("needed", amount)
	}
}

// mayGain tells why amount cannot be credited or announced, nil when it can.
func (a *Account) mayGain(amount int64) *errs.Error {
	room := a.Ceiling - a.Balance - a.PendingIn
	switch {
	case amount <= room:
		return nil
	case a.Ceiling == MaxBalance:
		return errs.LedgerAmountOverflow.With("account", a.ID)
	default:
		return errs.BalanceLimit.With("limit", a.Ceiling).With("room", room)
	}
}

// missing is the refusal for an account that does not exist.
func missing(accountID string) *errs.Error {
	if IsWallet(accountID) {
		return errs.WalletNotFound.With("membershipId", Owner(accountID))
	}
	return errs.LedgerAccountNotFound.With("account", accountID)
}

// taken is the refusal for opening an account that exists.
func taken(accountID string) *errs.Error {
	if IsWallet(accountID) {
		return errs.WalletExists.With("membershipId", Owner(accountID))
	}
	return errs.LedgerAccountExists.With("account", accountID)
}
