// Package contract is the wire between the gateway, the flows and their activities:
// names, inputs, outputs, identifiers, queues and search attributes. What is written
// here is stored in histories, so a field may be added but never change its meaning.
package contract

import (
	"strings"

	"durapay/internal/id"
	"durapay/internal/record"
)

// Namespaceless names of the workflow types, as the Web UI shows them.
const (
	RegistrationFlow = "Registration"
	LinkFlow         = "BankAccountLink"
	FirmbankingFlow  = "Firmbanking"
	TopUpFlow        = "TopUp"
	WithdrawalFlow   = "Withdrawal"
	RemittanceFlow   = "Remittance"
)

// StatusQuery asks a flow for its Status.
const StatusQuery = "status"

// FingerprintMemo is the memo that carries the fingerprint of a flow's input, so that
// the same key with another body is noticed while the flow has no row yet.
const FingerprintMemo = "fingerprint"

// Registration asks for a member with a wallet.
type Registration struct {
	ID          string `json:"id"` // reg_…
	MemberID    string `json:"memberId"`
	Sealed      []byte `json:"sealed"` // the personal data, encrypted by the membership service
	Fingerprint string `json:"fingerprint"`
}

// Link asks for a bank account to be linked to a member.
type Link struct {
	ID           string `json:"id"` // acc_…
	MembershipID string `json:"membershipId"`
	BankCode     string `json:"bankCode"`
	Number       string `json:"number"`
	HolderName   string `json:"holderName"`
	Fingerprint  string `json:"fingerprint"`
}

// Direction is which way firm banking moves money.
type Direction string

// Debit collects from an account into the corporate account; Credit pays out of it.
const (
	Debit  Direction = "DEBIT"
	Credit Direction = "CREDIT"
)

// Firmbanking asks for a transfer between the corporate account and any account.
type Firmbanking struct {
	ID          string    `json:"id"` // fbk_…
	OperatorID  string    `json:"operatorId"`
	Direction   Direction `json:"direction"`
	BankCode    string    `json:"bankCode"`
	Number      string    `json:"number"`
	HolderName  string    `json:"holderName"`
	Amount      int64     `json:"amount"` // won
	Fingerprint string    `json:"fingerprint"`
}

// TopUp asks to fill a wallet from a linked account.
type TopUp struct {
	ID            string `json:"id"` // top_…
	MembershipID  string `json:"membershipId"`
	BankAccountID string `json:"bankAccountId"`
	Amount        int64  `json:"amount"` // won
	Fingerprint   string `json:"fingerprint"`
}

// Withdrawal asks to pay a wallet's money out to a linked account.
type Withdrawal struct {
	ID            string `json:"id"` // wdr_…
	MembershipID  string `json:"membershipId"`
	BankAccountID string `json:"bankAccountId"`
	Amount        int64  `json:"amount"` // won
	Fingerprint   string `json:"fingerprint"`
}

// Remittance asks to send money from one wallet to another.
type Remittance struct {
	ID                 string `json:"id"` // rem_…
	SenderID           string `json:"senderId"`
	ReceiverID         string `json:"receiverId"`
	Amount             int64  `json:"amount"` // won
	Memo               string `json:"memo,omitempty"`
	AutoTopUpAccountID string `json:"autoTopUpAccountId,omitempty"` // "" means no automatic top-up
	Fingerprint        string `json:"fingerprint"`
}

// Outcome is how a flow ended. A refusal is an outcome, not an error: the flow did its work.
type Outcome struct {
	ID          string         `json:"id"`
	State       record.State   `json:"state"`
	Failure     record.Failure `json:"failure,omitzero"`
	Fingerprint string         `json:"fingerprint"`
}

// Status is what a flow is doing now, as its query answers.
type Status struct {
	State   record.State   `json:"state"`
	Step    Step           `json:"step"`
	Params  []string       `json:"params,omitempty"` // name, value pairs for the words of Step
	Failure record.Failure `json:"failure,omitzero"`
}

// Step names what a flow is doing; the words for it in each language are kept with the
// gateway's messages under "step_" + Step.
type Step string

// The steps a flow may be at.
const (
	StepStarting  Step = "starting"
	StepChecking  Step = "checking"
	StepVerifying Step = "verifying"
	StepReserving Step = "reserving"
	StepAtBank    Step = "at_bank"
	StepInquiring Step = "inquiring"
	StepBooking   Step = "booking"
	StepToppingUp Step = "topping_up"
	StepOpening   Step = "opening_wallet"
	StepUndoing   Step = "undoing"
	StepSucceeded Step = "succeeded"
	StepFailed    Step = "failed"
	StepCancelled Step = "cancelled"
)

// prefixes gives the part of a workflow id before the slash, by the prefix of the record it works on.
var prefixes = map[string]string{
	id.Registration: "registration",
	id.BankAccount:  "link",
	id.Firmbanking:  "firmbanking",
	id.TopUp:        "topup",
	id.Withdrawal:   "withdrawal",
	id.Remittance:   "remittance",
}

// WorkflowID gives the id of the workflow that works on a record, "" when records of
// this kind have none. It is a function of the record's id alone: a repeat finds it.
func WorkflowID(recordID string) string {
	p, known := prefixes[id.Prefix(recordID)]
	if !known {
		return ""
	}
	return p + "/" + recordID
}

// RecordID is the inverse of WorkflowID.
func RecordID(workflowID string) string {
	_, recordID, _ := strings.Cut(workflowID, "/")
	return recordID
}

// AutoTopUpID gives the id of the top-up that a remittance starts by itself.
func AutoTopUpID(remittanceID string) string {
	return id.Derive(id.TopUp, "auto", remittanceID)
}

// FirmbankingID gives the id of the bank transfer that a flow makes at one of its
// steps, and the reference under which the bank knows it. Neither depends on the run:
// a reset or a retry asks for the same transfer.
func FirmbankingID(recordID, step string) (firmbankingID, reference string) {
	reference = WorkflowID(recordID) + "/" + step
	return id.Derive(id.Firmbanking, reference), reference
}
