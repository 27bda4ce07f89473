package workflows_test

import (
	"slices"
	"strings"
	"time"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows"
	"durapay/workflows/contract"
)

const bankCode = "004"

// The people and things of the scenarios.
var (
	hana, duri   = id.Derive(id.Member, "hana"), id.Derive(id.Member, "duri")
	cafe, shop   = id.Derive(id.Franchise, "cafe"), id.Derive(id.Franchise, "shop")
	account      = id.Derive(id.BankAccount, "account")
	topUpID      = id.Derive(id.TopUp, "1")
	wdrID        = id.Derive(id.Withdrawal, "1")
	remID        = id.Derive(id.Remittance, "1")
	regID        = id.Derive(id.Registration, "1")
	linkID       = id.Derive(id.BankAccount, "1")
	fbkID        = id.Derive(id.Firmbanking, "1")
	changeID     = id.Derive(id.PayoutChange, "1")
	payID        = id.Derive(id.Payment, "1")
	payID2       = id.Derive(id.Payment, "2")
	cancelID     = id.Derive(id.Cancel, "1")
	cancelID2    = id.Derive(id.Cancel, "2")
	runID        = id.Derive(id.SettlementRun, "1")
	stmtID       = id.Derive(id.Statement, "1")
	stmtID2      = id.Derive(id.Statement, "2")
	noticeID     = id.Derive(id.BankNotice, "1")
	eventID      = id.Derive(id.Event, "1")
	payoutTo     = contract.Account{BankCode: bankCode, Number: "110234567890", HolderName: "카페하나"}
	statementOf  = map[string]string{cafe: stmtID, shop: stmtID2}
	businessDate = "2026-11-20" // a Friday
	lastDayCut   = "2026-11-22"

	hanaWallet, duriWallet = ledger.WalletAccount(hana), ledger.WalletAccount(duri)
)

var (
	accepted = contract.Answer{Kind: contract.Accepted}
	unknown  = contract.Answer{Kind: contract.Unknown}
	noFunds  = rejectedFor(errs.BankInsufficientFunds)
	shut     = rejectedFor(errs.BankMaintenance)
	notDone  = rejectedFor(errs.BankNotExecuted)
	short    = record.FailureOf(errs.InsufficientBalance.With("available", 3_000).With("needed", 25_000))
)

func rejectedFor(reason *errs.Error) contract.Answer {
	return contract.Answer{Kind: contract.Rejected, Failure: record.FailureOf(reason)}
}

// refusedOnce scripts refusals of a ledger reference, one for each attempt.
func refusedOnce(ref string, why ...*errs.Error) map[string][]record.Failure {
	failures := make([]record.Failure, len(why))
	for i, w := range why {
		failures[i] = record.FailureOf(w)
	}
	return map[string][]record.Failure{ref: failures}
}

// scenario is one path of one flow: the world it meets, how it ends, and the changes it
// makes on the way, in order. The same table is run by Temporal's test suite, recorded on
// a real server, and replayed from the recordings.
type scenario struct {
	name     string
	flow     string
	in       any
	after    time.Duration // a remittance is to be executed so long after its start
	world    func() *world
	cancel   string // the flow is cancelled when the world meets a step that begins so
	taken    string // the flow of this id runs already
	state    record.State
	code     errs.Code
	diary    []string
	anyOrder bool // several flows write the diary at the same time
	goesOn   any  // the flow goes on as a new run with this input
	long     bool // it takes hours or many pages: the test suite only, where time passes by itself
}

var flows = map[string]any{
	contract.RegistrationFlow: workflows.Registration,
	contract.LinkFlow:         workflows.Link,
	contract.FirmbankingFlow:  workflows.Firmbanking,
	contract.TopUpFlow:        workflows.TopUp,
	contract.WithdrawalFlow:   workflows.Withdrawal,
	contract.RemittanceFlow:   workflows.Remittance,
	contract.FranchiseFlow:    workflows.FranchiseRegistration,
	contract.PayoutChangeFlow: workflows.PayoutAccountChange,
	contract.PaymentFlow:      workflows.Payment,
	contract.CancelFlow:       workflows.PaymentCancel,
	contract.SettlementFlow:   workflows.Settlement,
	contract.SettlementDay:    workflows.SettlementDay,
	contract.PayoutFlow:       workflows.Payout,
	contract.WebhookFlow:      workflows.WebhookDelivery,
	contract.BankNoticeFlow:   workflows.BankNotice,
}

var scenarios = slices.Concat(topUps, withdrawals, firmbankings, remittances, bankRemittances, scheduledRemittances, registrations, links,
	franchises, payments, cancels, settlements, settlementDays, payouts, webhooks, bankNotices)

// workflowID names the flow as the platform does.
func (s scenario) workflowID() string {
	switch in := s.in.(type) {
	case contract.TopUp:
		return contract.WorkflowID(in.ID)
	case contract.Withdrawal:
		return contract.WorkflowID(in.ID)
	case contract.Remittance:
		return contract.WorkflowID(in.ID)
	case contract.Registration:
		return contract.WorkflowID(in.ID)
	case contract.Link:
		return contract.WorkflowID(in.ID)
	case contract.Firmbanking:
		return contract.WorkflowID(in.ID)
	case contract.Franchise:
		return contract.WorkflowID(in.ID)
	case contract.PayoutChange:
		return contract.WorkflowID(in.ID)
	case contract.Payment:
		return contract.WorkflowID(in.ID)
	case contract.Cancel:
		return contract.WorkflowID(in.ID)
	case contract.Settlement:
		return contract.WorkflowID(in.ID)
	case contract.Payout:
		return contract.WorkflowID(in.StatementID)
	case contract.WebhookEvent:
		return contract.WorkflowID(in.DeliveryID())
	case contract.BankNotice:
		return contract.WorkflowID(in.ID)
	default:
		return "settlement-day"
	}
}

// args are what the flow is started with, at this time.
func (s scenario) args(now time.Time) []any {
	switch in := s.in.(type) {
	case nil:
		return nil
	case contract.Remittance:
		if s.after != 0 {
			in.ExecuteAt = now.Add(s.after).UTC()
		}
		return []any{in}
	default:
		return []any{in}
	}
}

// file names the scenario's recording.
func (s scenario) file() string {
	return strings.ToLower(s.flow) + "-" + strings.ReplaceAll(s.name, " ", "-") + ".json"
}

// recorded gives the scenarios that can be run on a real server, whose clock nobody moves.
func recorded() []scenario {
	return slices.DeleteFunc(slices.Clone(scenarios), func(s scenario) bool { return s.long })
}

func inactive(members ...string) map[string]contract.Standing {
	out := map[string]contract.Standing{}
	for _, m := range members {
		out[m] = contract.Standing{Exists: true}
	}
	return out
}

// deliveryOf gives the id of the delivery that tells of what happened to a record.
func deliveryOf(kind, recordID string) string {
	return contract.WebhookEvent{ID: id.Derive(id.Event, kind, recordID)}.DeliveryID()
}

var names = strings.NewReplacer("$TOP", topUpID, "$WDR", wdrID, "$REM", remID, "$REG", regID, "$LINK", linkID, "$FBK", fbkID,
	"$AUTO", contract.AutoTopUpID(remID), "$HANA", hanaWallet, "$DURI", duriWallet,
	"$FRA", cafe, "$CHG", changeID, "$PAY2", payID2, "$PAY", payID, "$FILL", contract.AutoTopUpID(payID), "$CXL2", cancelID2, "$CXL", cancelID,
	"$RUN", runID, "$STM2", stmtID2, "$STM", stmtID, "$BNO", noticeID,
	"$WHD", contract.WebhookEvent{ID: eventID}.DeliveryID(), "$TOLD", deliveryOf(contract.SettlementPaid, stmtID+"/1"),
	"$CAFE", ledger.FranchisePayable(cafe), "$SHOP", ledger.FranchisePayable(shop),
	"$BANK", ledger.BankFloat, "$OPEN", ledger.Suspense, "$FEE", ledger.FeeIncome, "$VAT", ledger.VATPayable)

// lines splits a diary written as one text, a step a line, with the names put in.
func lines(text string) []string {
	out := strings.Split(names.Replace(strings.TrimSpace(text)), "\n")
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}
