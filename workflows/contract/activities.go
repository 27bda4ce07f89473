package contract

import (
	"durapay/internal/record"
	"durapay/services/money/ledger"
)

// The names of the activities, service.Step. Those on lists work on our own database
// and run as local activities; the others call a bank and run on that bank's queue.
const (
	MembershipBeginRegistrations = "membership.BeginRegistrations"
	MembershipMoveRegistrations  = "membership.MoveRegistrations"
	MembershipRegister           = "membership.Register"
	MembershipUnregister         = "membership.Unregister"
	MembershipActivate           = "membership.Activate"
	MembershipStandings          = "membership.Standings"
	MembershipConfirmName        = "membership.ConfirmName"

	BankingBeginLinks = "banking.BeginLinks"
	BankingMoveLinks  = "banking.MoveLinks"
	BankingLink       = "banking.Link"
	BankingAuthorize  = "banking.Authorize"
	BankingPrepare    = "banking.Prepare"
	BankingAbandon    = "banking.Abandon" // closes a transfer that was never sent
	BankingVerify     = "banking.Verify"  // on the bank's queue
	BankingSubmit     = "banking.Submit"  // on the bank's queue
	BankingInquire    = "banking.Inquire" // on the bank's queue

	MoneyBegin        = "money.Begin"
	MoneyMove         = "money.Move"
	MoneyPost         = "money.Post"
	MoneyBook         = "money.Book" // refused is an error: for what a bank has already done
	MoneyOpenWallets  = "money.OpenWallets"
	MoneyCloseWallets = "money.CloseWallets"
	MoneyRaiseLimit   = "money.RaiseLimit"

	RemittanceBegin    = "remittance.Begin"
	RemittanceMove     = "remittance.Move"
	RemittanceSetTopUp = "remittance.SetTopUp"
)

// MoneyRequest is a top-up or a withdrawal to be recorded; its id's prefix says which.
type MoneyRequest struct {
	ID            string `json:"id"`
	MembershipID  string `json:"membershipId"`
	BankAccountID string `json:"bankAccountId"`
	Amount        int64  `json:"amount"` // won
	Fingerprint   string `json:"fingerprint"`
}

// Begun is the row of a request after its first step: the one just stored, or the one
// that an earlier request under the same key left. Refusal is a rule that the request
// breaks by itself, whatever the state of the world.
type Begun struct {
	State       record.State   `json:"state"`
	Failure     record.Failure `json:"failure,omitzero"`
	Refusal     record.Failure `json:"refusal,omitzero"`
	Fingerprint string         `json:"fingerprint"`
}

// Standing is what a flow may know of a member.
type Standing struct {
	Exists bool `json:"exists"`
	Active bool `json:"active"`
}

// NameCheck asks whether a bank account's holder is the member, by name.
type NameCheck struct {
	MembershipID string `json:"membershipId"`
	HolderName   string `json:"holderName"`
}

// OpenWallet asks for a member's wallet. The same FlowID opens it once.
type OpenWallet struct {
	MembershipID string `json:"membershipId"`
	FlowID       string `json:"flowId"`
}

// Use asks whether a member may use a linked account.
type Use struct {
	MembershipID  string `json:"membershipId"`
	BankAccountID string `json:"bankAccountId"`
}

// Grant allows the use of a linked account, or says why not.
type Grant struct {
	BankCode string         `json:"bankCode"`
	Failure  record.Failure `json:"failure,omitzero"`
}

// Account is an account at a bank, as a flow names it to the banking service.
type Account struct {
	BankCode   string `json:"bankCode"`
	Number     string `json:"number"`
	HolderName string `json:"holderName"`
}

// Transfer is a firm banking transfer to be stored before a bank is called. Either
// BankAccountID (a linked account) or To is set.
type Transfer struct {
	ID            string    `json:"id"` // fbk_…
	Reference     string    `json:"reference"`
	FlowID        string    `json:"flowId"`
	MembershipID  string    `json:"membershipId,omitempty"`
	BankAccountID string    `json:"bankAccountId,omitempty"`
	To            Account   `json:"to,omitzero"`
	Direction     Direction `json:"direction"`
	Amount        int64     `json:"amount"` // won
	Fingerprint   string    `json:"fingerprint,omitempty"`
}

// AnswerKind is a bank's answer to a transfer. Unknown is an answer too: a value, so
// that no retry can send the transfer again.
type AnswerKind string

// What a bank can answer.
const (
	Accepted AnswerKind = "ACCEPTED"
	Rejected AnswerKind = "REJECTED"
	Unknown  AnswerKind = "UNKNOWN"
)

// Answer is a bank's answer; Failure says why it rejected.
type Answer struct {
	Kind    AnswerKind     `json:"kind"`
	Failure record.Failure `json:"failure,omitzero"`
}

// StillUnknown is the type of the error with which an inquiry asks to be retried.
const StillUnknown = "bank_outcome_unknown"

// TopUpLink ties a remittance to the top-up it started.
type TopUpLink struct {
	RemittanceID string `json:"remittanceId"`
	TopUpID      string `json:"topUpId"`
}

// Command and Result are the ledger's own value types.
type (
	Command = ledger.Command
	Result  = ledger.Result
)
