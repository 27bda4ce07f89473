package contract

import (
	"strconv"
	"time"

	"durapay/internal/id"
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

	BankingOpening         = "banking.Opening"
	BankingNotices         = "banking.Notices"
	BankingMoveNotices     = "banking.MoveNotices"
	BankingReturnTransfers = "banking.ReturnTransfers"

	FranchiseBegin              = "franchise.Begin"
	FranchiseMove               = "franchise.Move"
	FranchiseTerms              = "franchise.Terms"
	FranchiseContracts          = "franchise.Contracts"
	FranchisePayouts            = "franchise.Payouts"
	FranchiseBeginPayoutChanges = "franchise.BeginPayoutChanges"
	FranchiseMovePayoutChanges  = "franchise.MovePayoutChanges"
	FranchiseBeginDeliveries    = "franchise.BeginDeliveries"
	FranchiseMoveDeliveries     = "franchise.MoveDeliveries"
	FranchiseAttempt            = "franchise.Attempt" // on the webhooks' queue

	PaymentBegin            = "payment.Begin"
	PaymentMove             = "payment.Move"
	PaymentSetTopUp         = "payment.SetTopUp"
	PaymentBeginCancels     = "payment.BeginCancels"
	PaymentMoveCancels      = "payment.MoveCancels"
	PaymentOpenFranchises   = "payment.OpenFranchises"
	PaymentCut              = "payment.Cut"
	PaymentSeal             = "payment.Seal"
	PaymentPreview          = "payment.Preview"
	PaymentFinishStatements = "payment.FinishStatements"

	SettlementDates          = "settlement.Dates"
	SettlementScheduled      = "settlement.Scheduled"
	SettlementBeginRuns      = "settlement.BeginRuns"
	SettlementMoveRuns       = "settlement.MoveRuns"
	SettlementPlan           = "settlement.Plan"
	SettlementOpenStatements = "settlement.OpenStatements"
	SettlementDue            = "settlement.Due"
	SettlementBeginPayouts   = "settlement.BeginPayouts"
	SettlementMovePayouts    = "settlement.MovePayouts"
	SettlementPayees         = "settlement.Payees"
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

// Again gives the transfer for another attempt, as one of its own. It is for a bank that
// has refused the earlier one for good without looking at it, and for nothing else.
func (t Transfer) Again(attempt int) Transfer {
	if attempt > 1 {
		t.Reference += "/" + strconv.Itoa(attempt)
		t.ID = id.Derive(id.Firmbanking, t.Reference)
	}
	return t
}

// Answer is a bank's answer; Failure says why it rejected.
type Answer struct {
	Kind    AnswerKind     `json:"kind"`
	Failure record.Failure `json:"failure,omitzero"`
}

// StillUnknown is the type of the error with which an inquiry asks to be retried.
const StillUnknown = "bank_outcome_unknown"

// TopUpLink ties a remittance or a payment to the top-up it started.
type TopUpLink struct {
	RecordID string `json:"recordId"`
	TopUpID  string `json:"topUpId"`
}

// Opening tells until when a transfer has to wait for a bank's maintenance; zero: not.
type Opening struct {
	Until time.Time `json:"until,omitzero"`
}

// Notice is what a bank has told by itself, as far as a flow needs it.
type Notice struct {
	Begun
	Returned bool  `json:"returned"` // a transfer came back; otherwise money has arrived
	Amount   int64 `json:"amount"`   // won
}

// Returned is a transfer that came back. Failure: it is none of ours.
type Returned struct {
	FlowID       string         `json:"flowId"` // the record of the flow that sent it
	MembershipID string         `json:"membershipId,omitempty"`
	Reason       record.Failure `json:"reason,omitzero"` // the bank's
	Failure      record.Failure `json:"failure,omitzero"`
}

// Terms are what a payment needs to know of a franchise now.
type Terms struct {
	Exists         bool `json:"exists"`
	Active         bool `json:"active"`
	FeeBasisPoints int  `json:"feeBasisPoints"`
	Webhook        bool `json:"webhook,omitempty"` // it wants to be told
}

// PaymentChange is a change of a payment's state; with Succeeded it pins the fee.
type PaymentChange struct {
	record.Move
	FeeBasisPoints int
}

// BegunCancel is the row of a cancel after its first step, with what it resolved.
type BegunCancel struct {
	Begun
	PaymentID    string `json:"paymentId"`
	MembershipID string `json:"membershipId"`
	FranchiseID  string `json:"franchiseId"`
	OrderID      string `json:"orderId"`
	Amount       int64  `json:"amount"` // won
}

// PayoutAccount is where a franchise is paid out.
type PayoutAccount struct {
	Exists bool `json:"exists"`
	Account
}

// Attempt is how one attempt to deliver a webhook went. Done without Delivered: nobody
// takes the message any more.
type Attempt struct {
	Done      bool `json:"done"`
	Delivered bool `json:"delivered"`
	Busy      bool `json:"busy,omitempty"` // nothing was sent: others of the franchise's are on their way
}

// Dates are the dates of a run: what was approved until CutThrough ends is cut, and what
// is due by PayBy is paid.
type Dates struct {
	CutThrough string `json:"cutThrough"`
	PayBy      string `json:"payBy"`
}

// ScheduledDay tells what a scheduled start has to settle; Skip: it is no business day.
type ScheduledDay struct {
	Skip         bool   `json:"skip,omitempty"`
	BusinessDate string `json:"businessDate"`
	RunID        string `json:"runId"`
	Fingerprint  string `json:"fingerprint"`
}

// BegunRun is the row of a run after its first step. AsOf is when it began: what was
// approved later is not its business, however often its steps run.
type BegunRun struct {
	Begun
	AsOf time.Time `json:"asOf"`
}

// FranchisePage asks for franchises with something to settle.
type FranchisePage struct {
	Before time.Time `json:"before"`
	After  string    `json:"after,omitempty"`
	Limit  int       `json:"limit"`
}

// FranchiseIDs are a page of franchises.
type FranchiseIDs struct {
	IDs []string `json:"ids"`
}

// ContractOn asks for the contract of a franchise on a date.
type ContractOn struct {
	FranchiseID string `json:"franchiseId"`
	On          string `json:"on"`
}

// Cycle is how a franchise is settled.
type Cycle struct {
	Exists             bool   `json:"exists"`
	Cycle              string `json:"cycle"`
	PayoutBusinessDays int    `json:"payoutBusinessDays"`
}

// PlanItem asks what of a franchise is to be settled by a run.
type PlanItem struct {
	RunID       string    `json:"runId"`
	FranchiseID string    `json:"franchiseId"`
	CutThrough  string    `json:"cutThrough"` // the run's
	AsOf        time.Time `json:"asOf"`
	Cycle
}

// Cut is what is to be settled: everything approved before.
type Cut struct {
	StatementID string    `json:"statementId"`
	FranchiseID string    `json:"franchiseId"`
	Before      time.Time `json:"before"`
	Through     string    `json:"through"`
	PayoutDate  string    `json:"payoutDate"`
}

// CutOutcome tells whether there is more to cut.
type CutOutcome struct {
	More bool `json:"more,omitempty"`
}

// Sums are what a statement adds up to, in won. Fee and VAT are net of what cancels gave back.
type Sums struct {
	StatementID   string    `json:"statementId"`
	PaymentCount  int64     `json:"paymentCount"`
	PaymentAmount int64     `json:"paymentAmount"`
	TaxFreeAmount int64     `json:"taxFreeAmount"`
	CancelCount   int64     `json:"cancelCount"`
	CancelAmount  int64     `json:"cancelAmount"`
	Fee           int64     `json:"fee"`
	VAT           int64     `json:"vat"`
	From          time.Time `json:"from,omitzero"`
	Until         time.Time `json:"until,omitzero"`
}

// NewStatement is a statement to be stored.
type NewStatement struct {
	RunID        string `json:"runId"`
	DryRun       bool   `json:"dryRun,omitempty"`
	BusinessDate string `json:"businessDate"`
	Cut
	Sums Sums `json:"sums"`
}

// Statement is a stored statement, as far as a flow needs it. The zero one: there was
// nothing to settle.
type Statement struct {
	ID          string `json:"id"`
	FranchiseID string `json:"franchiseId"`
	Fee         int64  `json:"fee"` // won, may be negative
	VAT         int64  `json:"vat"`
	Net         int64  `json:"net"`
}

// DuePage asks for statements to be paid out by a date.
type DuePage struct {
	PayBy string `json:"payBy"`
	After string `json:"after,omitempty"`
	Limit int    `json:"limit"`
}

// DuePayouts are a page of payouts.
type DuePayouts struct {
	Payouts []Payout `json:"payouts"`
}

// PayoutStart is the write-ahead of a payout.
type PayoutStart struct {
	Payout
	FirmbankingID string `json:"firmbankingId"`
}

// Command and Result are the ledger's own value types.
type (
	Command = ledger.Command
	Result  = ledger.Result
)
