package apiclient

import (
	"time"

	"durapay/internal/calendar"
)

// FranchiseContract is a fee contract of a franchise.
type FranchiseContract struct {
	FeeBasisPoints     int64         `json:"feeBasisPoints"` // of 10,000
	EffectiveFrom      calendar.Date `json:"effectiveFrom"`
	Cycle              string        `json:"cycle"` // DAILY, WEEKLY or MONTHLY
	PayoutBusinessDays int64         `json:"payoutBusinessDays"`
}

// PayoutAccount is where a franchise is paid out.
type PayoutAccount struct {
	AccountKey
	HolderName string `json:"holderName"`
}

// FranchiseRegistration asks for a franchise.
type FranchiseRegistration struct {
	Name           string            `json:"name"`
	BusinessNumber string            `json:"businessNumber"`
	Contact        string            `json:"contact"`
	Payout         PayoutAccount     `json:"payout"`
	Contract       FranchiseContract `json:"contract"`
}

// PaymentRequest asks to pay a franchise. Amount is in won.
type PaymentRequest struct {
	FranchiseID string     `json:"franchiseId"`
	OrderID     string     `json:"orderId"`
	Amount      int64      `json:"amount"`
	AutoTopUp   *AutoTopUp `json:"autoTopUp,omitempty"`
}

// PaymentState is where a payment stands: a State until it is approved.
type PaymentState string

// The states of a payment that has reached its franchise.
const (
	PaymentApproved           PaymentState = "APPROVED"
	PaymentPartiallyCancelled PaymentState = "PARTIALLY_CANCELLED"
	PaymentCancelled          PaymentState = "CANCELLED"
	PaymentSettled            PaymentState = "SETTLED"
)

// Request gives the state as every request has it.
func (s PaymentState) Request() State {
	switch s {
	case PaymentApproved, PaymentPartiallyCancelled, PaymentCancelled, PaymentSettled:
		return Succeeded
	default:
		return State(s)
	}
}

// Payment is the record of a payment. Amounts are in won.
type Payment struct {
	ID             string       `json:"id"`
	State          PaymentState `json:"state"`
	FranchiseID    string       `json:"franchiseId"`
	OrderID        string       `json:"orderId"`
	Amount         int64        `json:"amount"`
	Cancellable    int64        `json:"cancellable"`
	FeeBasisPoints int64        `json:"feeBasisPoints"`
	TopUpID        string       `json:"topUpId"` // the automatic top-up made for it, "" for none
	StatementID    string       `json:"statementId"`
	Failure        *Failure     `json:"failure"`
}

// CancelRequest asks to give a payment back. Amount is in won, 0 for all that is left.
type CancelRequest struct {
	Amount int64  `json:"amount,omitempty"`
	Reason string `json:"reason"`
}

// Cancel is the record of a cancel. Amounts are in won.
type Cancel struct {
	ID        string   `json:"id"`
	PaymentID string   `json:"paymentId"`
	State     State    `json:"state"`
	Amount    int64    `json:"amount"`
	Remaining int64    `json:"remaining"` // of the payment, once this cancel had its effect
	Failure   *Failure `json:"failure"`
}

// Run is the settlement of a business date.
type Run struct {
	ID           string        `json:"id"`
	State        State         `json:"state"`
	BusinessDate calendar.Date `json:"businessDate"`
	DryRun       bool          `json:"dryRun"`
	Failure      *Failure      `json:"failure"`
	CreatedAt    time.Time     `json:"createdAt"`
	UpdatedAt    time.Time     `json:"updatedAt"`
}

// PayoutState is how far a statement is paid.
type PayoutState string

// The states in which nothing more happens to a payout by itself.
const (
	PayoutNone        PayoutState = "NONE"
	PayoutPaid        PayoutState = "PAID"
	PayoutFailed      PayoutState = "FAILED"
	PayoutReturned    PayoutState = "RETURNED"
	PayoutCarriedOver PayoutState = "CARRIED_OVER"
)

// Ended tells whether the platform is done with the payout.
func (s PayoutState) Ended() bool {
	switch s {
	case PayoutNone, PayoutPaid, PayoutFailed, PayoutReturned, PayoutCarriedOver:
		return true
	default:
		return false
	}
}

// StatementItems sum up the lines of one kind. Amount is in won.
type StatementItems struct {
	Count  int64 `json:"count"`
	Amount int64 `json:"amount"`
}

// Payout is how a statement is paid.
type Payout struct {
	State   PayoutState   `json:"state"`
	Date    calendar.Date `json:"date"`
	Attempt int           `json:"attempt"`
	Failure *Failure      `json:"failure"`
}

// Statement is what one run has cut for a franchise. Amounts are in won.
type Statement struct {
	ID           string         `json:"id"`
	RunID        string         `json:"runId"`
	FranchiseID  string         `json:"franchiseId"`
	BusinessDate calendar.Date  `json:"businessDate"`
	Payments     StatementItems `json:"payments"`
	Cancels      StatementItems `json:"cancels"`
	Fee          int64          `json:"fee"`
	VAT          int64          `json:"vat"`
	Net          int64          `json:"net"`
	CarriedOver  int64          `json:"carriedOver"`
	CarriedTo    string         `json:"carriedTo"`
	Payout       Payout         `json:"payout"`
	CreatedAt    time.Time      `json:"createdAt"`
}

// StatementLine is one item of a statement. Amounts are in won, those of a cancel negative.
type StatementLine struct {
	Type           string `json:"type"` // PAYMENT or CANCEL
	ID             string `json:"id"`
	PaymentID      string `json:"paymentId"`
	Amount         int64  `json:"amount"`
	FeeBasisPoints int64  `json:"feeBasisPoints"`
	Fee            int64  `json:"fee"`
	VAT            int64  `json:"vat"`
}

// Firmbanking is a transfer between the platform's account at a bank and another one.
// Amount is in won.
type Firmbanking struct {
	ID        string `json:"id"`
	State     string `json:"state"` // REQUESTED, SENT, UNKNOWN, SETTLED, REJECTED or RETURNED
	Direction string `json:"direction"`
	Amount    int64  `json:"amount"`
	FlowID    string `json:"flowId"`
	Reference string `json:"reference"` // at the bank
}

// Entry is a line of an account at the bank. Amounts are in won.
type Entry struct {
	EntryID      string `json:"entryId"`
	Reference    string `json:"reference"`
	Direction    string `json:"direction"` // IN or OUT
	Amount       int64  `json:"amount"`
	BalanceAfter int64  `json:"balanceAfter"`
}
