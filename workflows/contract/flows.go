// Package contract is the wire between the gateway, the flows and their activities:
// names, inputs, outputs, identifiers, queues and search attributes. What is written
// here is stored in histories, so a field may be added but never change its meaning.
package contract

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

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
	FranchiseFlow    = "FranchiseRegistration"
	PayoutChangeFlow = "PayoutAccountChange"
	PaymentFlow      = "Payment"
	CancelFlow       = "PaymentCancel"
	SettlementFlow   = "Settlement"
	SettlementDay    = "SettlementDay" // what the schedule starts
	PayoutFlow       = "Payout"
	WebhookFlow      = "WebhookDelivery"
	BankNoticeFlow   = "BankNotice"
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

// Remittance asks to send money from a wallet to another one, or to any bank account:
// either ReceiverID or To is set.
type Remittance struct {
	ID                 string    `json:"id"` // rem_…
	SenderID           string    `json:"senderId"`
	ReceiverID         string    `json:"receiverId,omitempty"`
	To                 Account   `json:"to,omitzero"`
	Amount             int64     `json:"amount"` // won
	Memo               string    `json:"memo,omitempty"`
	AutoTopUpAccountID string    `json:"autoTopUpAccountId,omitempty"` // "" means no automatic top-up
	ExecuteAt          time.Time `json:"executeAt,omitzero"`           // zero means at once
	Fingerprint        string    `json:"fingerprint"`
}

// Franchise asks for a franchise to be taken up.
type Franchise struct {
	ID             string   `json:"id"` // fra_…
	Name           string   `json:"name"`
	BusinessNumber string   `json:"businessNumber"`
	Contact        string   `json:"contact"`
	Payout         Account  `json:"payout"`
	Contract       Contract `json:"contract"`
	Fingerprint    string   `json:"fingerprint"`
}

// Contract is a franchise's fee and how it is settled, from a business date on.
type Contract struct {
	EffectiveFrom      string `json:"effectiveFrom"` // YYYY-MM-DD, Asia/Seoul
	FeeBasisPoints     int    `json:"feeBasisPoints"`
	Cycle              string `json:"cycle"`
	PayoutBusinessDays int    `json:"payoutBusinessDays"`
}

// PayoutChange asks for a franchise to be paid out to another account.
type PayoutChange struct {
	ID          string  `json:"id"` // pch_…
	FranchiseID string  `json:"franchiseId"`
	Payout      Account `json:"payout"`
	Fingerprint string  `json:"fingerprint"`
}

// Payment asks to pay a franchise from a wallet.
type Payment struct {
	ID                 string `json:"id"` // pay_…
	MembershipID       string `json:"membershipId"`
	FranchiseID        string `json:"franchiseId"`
	OrderID            string `json:"orderId"` // the franchise's
	Amount             int64  `json:"amount"`  // won
	TaxFreeAmount      int64  `json:"taxFreeAmount,omitempty"`
	AutoTopUpAccountID string `json:"autoTopUpAccountId,omitempty"` // "" means no automatic top-up
	Fingerprint        string `json:"fingerprint"`
}

// Cancel asks to give a payment back, or a part of it.
type Cancel struct {
	ID          string `json:"id"` // cxl_…
	PaymentID   string `json:"paymentId"`
	FranchiseID string `json:"franchiseId,omitempty"` // who asks; "" is an operator
	AskedBy     string `json:"askedBy"`
	Amount      int64  `json:"amount,omitempty"` // won; 0 means all that is left
	Reason      string `json:"reason"`
	Fingerprint string `json:"fingerprint"`
}

// Settlement asks for a business date to be settled. Progress is where a run that has
// continued as new goes on.
type Settlement struct {
	ID           string   `json:"id"`           // run_…
	BusinessDate string   `json:"businessDate"` // YYYY-MM-DD, Asia/Seoul
	DryRun       bool     `json:"dryRun,omitempty"`
	AskedBy      string   `json:"askedBy"`
	Fingerprint  string   `json:"fingerprint"`
	Progress     Progress `json:"progress,omitzero"`
}

// Progress is how far a settlement has come.
type Progress struct {
	Paying bool   `json:"paying,omitempty"` // all is cut
	After  string `json:"after,omitempty"`  // the last franchise cut, or statement paid
}

// Payout asks for a statement to be paid out. Its record is one attempt.
type Payout struct {
	StatementID string `json:"statementId"`
	FranchiseID string `json:"franchiseId"`
	Net         int64  `json:"net"` // won
	Attempt     int    `json:"attempt"`
}

// ID names the attempt.
func (p Payout) ID() string { return p.StatementID + "/" + strconv.Itoa(p.Attempt) }

// WebhookEvent is something that a franchise is told of.
type WebhookEvent struct {
	ID          string          `json:"id"` // evt_…
	FranchiseID string          `json:"franchiseId"`
	Type        string          `json:"type"`
	Data        json.RawMessage `json:"data"`
	At          time.Time       `json:"at"`
}

// The types of WebhookEvent.
const (
	PaymentApproved  = "payment.approved"
	PaymentCancelled = "payment.cancelled"
	SettlementPaid   = "settlement.paid"
)

// DeliveryID gives the id of the delivery of an event.
func (e WebhookEvent) DeliveryID() string { return id.Derive(id.Delivery, e.ID) }

// BankNotice asks for what a bank has told by itself to be booked.
type BankNotice struct {
	ID string `json:"id"` // bno_…
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
	StepStarting   Step = "starting"
	StepChecking   Step = "checking"
	StepVerifying  Step = "verifying"
	StepReserving  Step = "reserving"
	StepAtBank     Step = "at_bank"
	StepInquiring  Step = "inquiring"
	StepBooking    Step = "booking"
	StepToppingUp  Step = "topping_up"
	StepOpening    Step = "opening_wallet"
	StepScheduled  Step = "scheduled"
	StepBankShut   Step = "bank_shut"
	StepPayable    Step = "opening_payable"
	StepCutting    Step = "cutting"
	StepPayingOut  Step = "paying_out"
	StepParked     Step = "parked"
	StepDelivering Step = "delivering"
	StepRetryLater Step = "retry_later"
	StepUndoing    Step = "undoing"
	StepEnded      Step = "ended_by_hand" // told of a flow, not by one
	StepSucceeded  Step = "succeeded"
	StepFailed     Step = "failed"
	StepCancelled  Step = "cancelled"
)

// prefixes gives the part of a workflow id before the slash, by the prefix of the record it works on.
var prefixes = map[string]string{
	id.Registration:  "registration",
	id.BankAccount:   "link",
	id.Firmbanking:   "firmbanking",
	id.TopUp:         "topup",
	id.Withdrawal:    "withdrawal",
	id.Remittance:    "remittance",
	id.Franchise:     "franchise",
	id.PayoutChange:  "payout-account",
	id.Payment:       "payment",
	id.Cancel:        "cancel",
	id.SettlementRun: "settlement",
	id.Statement:     "payout",
	id.Delivery:      "webhook",
	id.BankNotice:    "bank-notice",
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

// AutoTopUpID gives the id of the top-up that a remittance or a payment starts by itself.
func AutoTopUpID(recordID string) string {
	return id.Derive(id.TopUp, "auto", recordID)
}

// FirmbankingID gives the id of the bank transfer that a flow makes at one of its
// steps, and the reference under which the bank knows it. Neither depends on the run:
// a reset or a retry asks for the same transfer.
func FirmbankingID(recordID, step string) (firmbankingID, reference string) {
	reference = WorkflowID(recordID) + "/" + step
	return id.Derive(id.Firmbanking, reference), reference
}
