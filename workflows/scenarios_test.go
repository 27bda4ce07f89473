package workflows_test

import (
	"strings"

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
	hana, duri = id.Derive(id.Member, "hana"), id.Derive(id.Member, "duri")
	account    = id.Derive(id.BankAccount, "account")
	topUpID    = id.Derive(id.TopUp, "1")
	wdrID      = id.Derive(id.Withdrawal, "1")
	remID      = id.Derive(id.Remittance, "1")
	regID      = id.Derive(id.Registration, "1")
	linkID     = id.Derive(id.BankAccount, "1")
	fbkID      = id.Derive(id.Firmbanking, "1")

	hanaWallet, duriWallet = ledger.WalletAccount(hana), ledger.WalletAccount(duri)

	topUpIn  = contract.TopUp{ID: topUpID, MembershipID: hana, BankAccountID: account, Amount: 10_000, Fingerprint: "f"}
	wdrIn    = contract.Withdrawal{ID: wdrID, MembershipID: hana, BankAccountID: account, Amount: 10_000, Fingerprint: "f"}
	remIn    = contract.Remittance{ID: remID, SenderID: hana, ReceiverID: duri, Amount: 5_000, Fingerprint: "f"}
	autoIn   = contract.Remittance{ID: remID, SenderID: hana, ReceiverID: duri, Amount: 25_000, AutoTopUpAccountID: account, Fingerprint: "f"}
	regIn    = contract.Registration{ID: regID, MemberID: hana, Sealed: []byte("sealed"), Fingerprint: "f"}
	linkIn   = contract.Link{ID: linkID, MembershipID: hana, BankCode: bankCode, Number: "110234567890", HolderName: "김하나", Fingerprint: "f"}
	payOutIn = contract.Firmbanking{ID: fbkID, OperatorID: duri, Direction: contract.Credit, BankCode: bankCode, Number: "110234567890", HolderName: "김하나", Amount: 7_000, Fingerprint: "f"}
	collect  = contract.Firmbanking{ID: fbkID, OperatorID: duri, Direction: contract.Debit, BankCode: bankCode, Number: "110234567890", HolderName: "김하나", Amount: 7_000, Fingerprint: "f"}
)

var (
	accepted = contract.Answer{Kind: contract.Accepted}
	unknown  = contract.Answer{Kind: contract.Unknown}
	noFunds  = contract.Answer{Kind: contract.Rejected, Failure: record.FailureOf(errs.BankInsufficientFunds)}
	notDone  = contract.Answer{Kind: contract.Rejected, Failure: record.FailureOf(errs.BankNotExecuted)}
	short    = record.FailureOf(errs.InsufficientBalance.With("available", 3_000).With("needed", 25_000))
)

// scenario is one path of one flow: the world it meets, how it ends, and the changes it
// makes on the way, in order. The same table is run by Temporal's test suite, recorded on
// a real server, and replayed from the recordings.
type scenario struct {
	name   string
	flow   string
	in     any
	world  func() *world
	cancel string // the flow is cancelled when the world meets a step that begins so
	state  record.State
	code   errs.Code
	diary  []string
}

var flows = map[string]any{
	contract.RegistrationFlow: workflows.Registration,
	contract.LinkFlow:         workflows.Link,
	contract.FirmbankingFlow:  workflows.Firmbanking,
	contract.TopUpFlow:        workflows.TopUp,
	contract.WithdrawalFlow:   workflows.Withdrawal,
	contract.RemittanceFlow:   workflows.Remittance,
}

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
	default:
		return contract.WorkflowID(s.in.(contract.Firmbanking).ID)
	}
}

// file names the scenario's recording.
func (s scenario) file() string {
	return strings.ToLower(s.flow) + "-" + strings.ReplaceAll(s.name, " ", "-") + ".json"
}

func inactive(members ...string) map[string]contract.Standing {
	out := map[string]contract.Standing{}
	for _, m := range members {
		out[m] = contract.Standing{Exists: true}
	}
	return out
}

// lines splits a diary written as one text, a step a line, with the names put in.
func lines(text string) []string {
	text = strings.NewReplacer("$TOP", topUpID, "$WDR", wdrID, "$REM", remID, "$REG", regID, "$LINK", linkID, "$FBK", fbkID,
		"$AUTO", contract.AutoTopUpID(remID), "$HANA", hanaWallet, "$DURI", duriWallet).Replace(strings.TrimSpace(text))
	out := strings.Split(text, "\n")
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

var scenarios = []scenario{
	{name: "accepted", flow: contract.TopUpFlow, in: topUpIn, state: record.Succeeded,
		world: func() *world { return &world{submit: accepted} }, diary: lines(`
			begin $TOP
			HOLD $TOP 10000 system/bank-float>$HANA
			prepare DEBIT topup/$TOP/debit 10000
			submit
			CAPTURE $TOP
			move $TOP SUCCEEDED`)},
	{name: "rejected by the bank", flow: contract.TopUpFlow, in: topUpIn, state: record.Failed, code: errs.BankInsufficientFunds.Code,
		world: func() *world { return &world{submit: noFunds} }, diary: lines(`
			begin $TOP
			HOLD $TOP 10000 system/bank-float>$HANA
			prepare DEBIT topup/$TOP/debit 10000
			submit
			abandon debit
			RELEASE $TOP
			move $TOP FAILED bank_insufficient_funds`)},
	{name: "unknown then accepted", flow: contract.TopUpFlow, in: topUpIn, state: record.Succeeded,
		world: func() *world { return &world{submit: unknown, inquiry: []contract.Answer{unknown, unknown, accepted}} }, diary: lines(`
			begin $TOP
			HOLD $TOP 10000 system/bank-float>$HANA
			prepare DEBIT topup/$TOP/debit 10000
			submit
			move $TOP UNKNOWN
			inquire UNKNOWN
			inquire UNKNOWN
			inquire ACCEPTED
			CAPTURE $TOP
			move $TOP SUCCEEDED`)},
	{name: "unknown then not executed", flow: contract.TopUpFlow, in: topUpIn, state: record.Failed, code: errs.BankNotExecuted.Code,
		world: func() *world { return &world{submit: unknown, inquiry: []contract.Answer{unknown, notDone}} }, diary: lines(`
			begin $TOP
			HOLD $TOP 10000 system/bank-float>$HANA
			prepare DEBIT topup/$TOP/debit 10000
			submit
			move $TOP UNKNOWN
			inquire UNKNOWN
			inquire REJECTED
			abandon debit
			RELEASE $TOP
			move $TOP FAILED bank_not_executed`)},
	{name: "the calls die", flow: contract.TopUpFlow, in: topUpIn, state: record.Succeeded,
		world: func() *world { return &world{inquiry: []contract.Answer{accepted}} }, diary: lines(`
			begin $TOP
			HOLD $TOP 10000 system/bank-float>$HANA
			prepare DEBIT topup/$TOP/debit 10000
			submit
			submit
			submit
			submit
			submit
			move $TOP UNKNOWN
			inquire ACCEPTED
			CAPTURE $TOP
			move $TOP SUCCEEDED`)},
	{name: "over the limit", flow: contract.TopUpFlow, in: topUpIn, state: record.Failed, code: errs.BalanceLimit.Code,
		world: func() *world {
			return &world{refuse: map[string][]record.Failure{topUpID: {record.FailureOf(errs.BalanceLimit)}}}
		}, diary: lines(`
			begin $TOP
			HOLD $TOP 10000 system/bank-float>$HANA balance_limit_exceeded
			abandon debit
			RELEASE $TOP
			move $TOP FAILED balance_limit_exceeded`)},
	{name: "foreign account", flow: contract.TopUpFlow, in: topUpIn, state: record.Failed, code: errs.BankAccountNotFound.Code,
		world: func() *world { return &world{grant: record.FailureOf(errs.BankAccountNotFound)} }, diary: lines(`
			begin $TOP
			abandon debit
			RELEASE $TOP
			move $TOP FAILED bank_account_not_found`)},
	{name: "member deactivated", flow: contract.TopUpFlow, in: topUpIn, state: record.Failed, code: errs.MemberDeactivated.Code,
		world: func() *world { return &world{members: inactive(hana)} }, diary: lines(`
			begin $TOP
			abandon debit
			RELEASE $TOP
			move $TOP FAILED member_deactivated`)},
	{name: "cancelled before the bank", flow: contract.TopUpFlow, in: topUpIn, state: record.Cancelled, code: errs.FlowCancelled.Code, cancel: "HOLD",
		world: func() *world { return &world{submit: accepted} }, diary: lines(`
			begin $TOP
			HOLD $TOP 10000 system/bank-float>$HANA
			prepare DEBIT topup/$TOP/debit 10000
			abandon debit
			RELEASE $TOP
			move $TOP CANCELLED cancelled`)},
	{name: "cancelled too late", flow: contract.TopUpFlow, in: topUpIn, state: record.Succeeded, cancel: "submit",
		world: func() *world { return &world{submit: unknown, inquiry: []contract.Answer{accepted}} }, diary: lines(`
			begin $TOP
			HOLD $TOP 10000 system/bank-float>$HANA
			prepare DEBIT topup/$TOP/debit 10000
			submit
			move $TOP UNKNOWN
			inquire ACCEPTED
			CAPTURE $TOP
			move $TOP SUCCEEDED`)},
	{name: "executed by a run that was lost", flow: contract.TopUpFlow, in: topUpIn, state: record.Succeeded,
		world: func() *world { return &world{members: inactive(hana), abandon: accepted} }, diary: lines(`
			begin $TOP
			abandon debit
			CAPTURE $TOP
			move $TOP SUCCEEDED`)},
	{name: "captured by a run that was lost", flow: contract.TopUpFlow, in: topUpIn, state: record.Succeeded,
		world: func() *world {
			captured := record.FailureOf(errs.LedgerHoldClosed.With("state", ledger.HoldCaptured))
			return &world{members: inactive(hana), refuse: map[string][]record.Failure{topUpID + "/release": {captured}}}
		}, diary: lines(`
			begin $TOP
			abandon debit
			RELEASE $TOP
			move $TOP SUCCEEDED`)},
	{name: "released by a run that was lost", flow: contract.TopUpFlow, in: topUpIn, state: record.Failed, code: errs.Interrupted.Code,
		world: func() *world {
			return &world{refuse: map[string][]record.Failure{topUpID: {record.FailureOf(errs.LedgerHoldClosed)}}}
		}, diary: lines(`
			begin $TOP
			HOLD $TOP 10000 system/bank-float>$HANA ledger_hold_closed
			abandon debit
			RELEASE $TOP
			move $TOP FAILED interrupted`)},
	{name: "repeat of an ended one", flow: contract.TopUpFlow, in: topUpIn, state: record.Failed, code: errs.BankDeclined.Code,
		world: func() *world {
			return &world{begun: contract.Begun{State: record.Failed, Failure: record.FailureOf(errs.BankDeclined), Fingerprint: "f"}}
		}, diary: lines(`begin $TOP`)},
	{name: "key reused", flow: contract.TopUpFlow, in: topUpIn, state: record.Failed, code: errs.IdempotencyReused.Code,
		world: func() *world {
			return &world{begun: contract.Begun{State: record.Succeeded, Fingerprint: "another"}}
		}, diary: lines(`begin $TOP`)},

	{name: "account unlinked meanwhile", flow: contract.TopUpFlow, in: topUpIn, state: record.Failed, code: errs.BankAccountUnlinked.Code,
		world: func() *world { return &world{prepare: record.FailureOf(errs.BankAccountUnlinked)} }, diary: lines(`
			begin $TOP
			HOLD $TOP 10000 system/bank-float>$HANA
			prepare DEBIT topup/$TOP/debit 10000
			abandon debit
			RELEASE $TOP
			move $TOP FAILED bank_account_unlinked`)},

	{name: "accepted", flow: contract.WithdrawalFlow, in: wdrIn, state: record.Succeeded,
		world: func() *world { return &world{submit: accepted} }, diary: lines(`
			begin $WDR
			HOLD $WDR 10000 $HANA>system/bank-float
			prepare CREDIT withdrawal/$WDR/credit 10000
			submit
			CAPTURE $WDR
			move $WDR SUCCEEDED`)},
	{name: "insufficient", flow: contract.WithdrawalFlow, in: wdrIn, state: record.Failed, code: errs.InsufficientBalance.Code,
		world: func() *world { return &world{refuse: map[string][]record.Failure{wdrID: {short}}} }, diary: lines(`
			begin $WDR
			HOLD $WDR 10000 $HANA>system/bank-float insufficient_balance
			abandon credit
			RELEASE $WDR
			move $WDR FAILED insufficient_balance`)},
	{name: "rejected by the bank", flow: contract.WithdrawalFlow, in: wdrIn, state: record.Failed, code: errs.BankInsufficientFunds.Code,
		world: func() *world { return &world{submit: noFunds} }, diary: lines(`
			begin $WDR
			HOLD $WDR 10000 $HANA>system/bank-float
			prepare CREDIT withdrawal/$WDR/credit 10000
			submit
			abandon credit
			RELEASE $WDR
			move $WDR FAILED bank_insufficient_funds`)},
	{name: "unknown then accepted", flow: contract.WithdrawalFlow, in: wdrIn, state: record.Succeeded,
		world: func() *world { return &world{submit: unknown, inquiry: []contract.Answer{unknown, accepted}} }, diary: lines(`
			begin $WDR
			HOLD $WDR 10000 $HANA>system/bank-float
			prepare CREDIT withdrawal/$WDR/credit 10000
			submit
			move $WDR UNKNOWN
			inquire UNKNOWN
			inquire ACCEPTED
			CAPTURE $WDR
			move $WDR SUCCEEDED`)},
	{name: "unlinked account", flow: contract.WithdrawalFlow, in: wdrIn, state: record.Failed, code: errs.BankAccountUnlinked.Code,
		world: func() *world { return &world{grant: record.FailureOf(errs.BankAccountUnlinked)} }, diary: lines(`
			begin $WDR
			abandon credit
			RELEASE $WDR
			move $WDR FAILED bank_account_unlinked`)},
	{name: "cancelled before the bank", flow: contract.WithdrawalFlow, in: wdrIn, state: record.Cancelled, code: errs.FlowCancelled.Code, cancel: "HOLD",
		world: func() *world { return &world{submit: accepted} }, diary: lines(`
			begin $WDR
			HOLD $WDR 10000 $HANA>system/bank-float
			prepare CREDIT withdrawal/$WDR/credit 10000
			abandon credit
			RELEASE $WDR
			move $WDR CANCELLED cancelled`)},

	{name: "sent", flow: contract.RemittanceFlow, in: remIn, state: record.Succeeded,
		world: func() *world { return &world{} }, diary: lines(`
			begin $REM
			POST $REM 5000 $HANA>$DURI
			move $REM SUCCEEDED`)},
	{name: "insufficient", flow: contract.RemittanceFlow, in: remIn, state: record.Failed, code: errs.InsufficientBalance.Code,
		world: func() *world { return &world{refuse: map[string][]record.Failure{remID: {short}}} }, diary: lines(`
			begin $REM
			POST $REM 5000 $HANA>$DURI insufficient_balance
			RELEASE $REM
			move $REM FAILED insufficient_balance`)},
	{name: "receiver full", flow: contract.RemittanceFlow, in: remIn, state: record.Failed, code: errs.ReceiverLimit.Code,
		world: func() *world {
			return &world{refuse: map[string][]record.Failure{remID: {record.FailureOf(errs.BalanceLimit.With("room", 17))}}}
		}, diary: lines(`
			begin $REM
			POST $REM 5000 $HANA>$DURI balance_limit_exceeded
			RELEASE $REM
			move $REM FAILED receiver_limit_exceeded`)},
	{name: "receiver unknown", flow: contract.RemittanceFlow, in: remIn, state: record.Failed, code: errs.ReceiverNotFound.Code,
		world: func() *world { return &world{members: map[string]contract.Standing{duri: {}}} }, diary: lines(`
			begin $REM
			RELEASE $REM
			move $REM FAILED receiver_not_found`)},
	{name: "receiver inactive", flow: contract.RemittanceFlow, in: remIn, state: record.Failed, code: errs.ReceiverInactive.Code,
		world: func() *world { return &world{members: inactive(duri)} }, diary: lines(`
			begin $REM
			RELEASE $REM
			move $REM FAILED receiver_inactive`)},
	{name: "receiver without a wallet", flow: contract.RemittanceFlow, in: remIn, state: record.Failed, code: errs.ReceiverNotFound.Code,
		world: func() *world {
			return &world{refuse: map[string][]record.Failure{remID: {record.FailureOf(errs.WalletNotFound.With("membershipId", duri))}}}
		}, diary: lines(`
			begin $REM
			POST $REM 5000 $HANA>$DURI wallet_not_found
			RELEASE $REM
			move $REM FAILED receiver_not_found`)},
	{name: "sender without a wallet", flow: contract.RemittanceFlow, in: remIn, state: record.Failed, code: errs.WalletNotFound.Code,
		world: func() *world {
			return &world{refuse: map[string][]record.Failure{remID: {record.FailureOf(errs.WalletNotFound.With("membershipId", hana))}}}
		}, diary: lines(`
			begin $REM
			POST $REM 5000 $HANA>$DURI wallet_not_found
			RELEASE $REM
			move $REM FAILED wallet_not_found`)},
	{name: "sender deactivated", flow: contract.RemittanceFlow, in: remIn, state: record.Failed, code: errs.MemberDeactivated.Code,
		world: func() *world { return &world{members: inactive(hana)} }, diary: lines(`
			begin $REM
			RELEASE $REM
			move $REM FAILED member_deactivated`)},
	{name: "rule broken", flow: contract.RemittanceFlow, in: remIn, state: record.Failed, code: errs.SelfTransfer.Code,
		world: func() *world { return &world{refusal: record.FailureOf(errs.SelfTransfer)} }, diary: lines(`
			begin $REM
			move $REM FAILED self_transfer`)},
	{name: "posted by a run that was lost", flow: contract.RemittanceFlow, in: remIn, state: record.Succeeded,
		world: func() *world {
			return &world{members: inactive(duri), refuse: map[string][]record.Failure{remID + "/release": {record.FailureOf(errs.LedgerHoldNotFound)}}}
		}, diary: lines(`
			begin $REM
			RELEASE $REM
			move $REM SUCCEEDED`)},
	{name: "refused by a run that was lost", flow: contract.RemittanceFlow, in: remIn, state: record.Failed, code: errs.Interrupted.Code,
		world: func() *world {
			return &world{refuse: map[string][]record.Failure{remID: {record.FailureOf(errs.LedgerReferenceReused)}}}
		}, diary: lines(`
			begin $REM
			POST $REM 5000 $HANA>$DURI ledger_reference_reused
			RELEASE $REM
			move $REM FAILED interrupted`)},
	{name: "topped up first", flow: contract.RemittanceFlow, in: autoIn, state: record.Succeeded,
		world: func() *world {
			return &world{submit: accepted, refuse: map[string][]record.Failure{remID: {short}}}
		}, diary: lines(`
			begin $REM
			POST $REM 25000 $HANA>$DURI insufficient_balance
			begin $AUTO
			HOLD $AUTO 30000 system/bank-float>$HANA
			prepare DEBIT topup/$AUTO/debit 30000
			submit
			CAPTURE $AUTO
			move $AUTO SUCCEEDED
			set top-up $AUTO
			POST $REM 25000 $HANA>$DURI
			move $REM SUCCEEDED`)},
	{name: "top-up refused", flow: contract.RemittanceFlow, in: autoIn, state: record.Failed, code: errs.AutoTopUpFailed.Code,
		world: func() *world {
			return &world{submit: noFunds, refuse: map[string][]record.Failure{remID: {short}}}
		}, diary: lines(`
			begin $REM
			POST $REM 25000 $HANA>$DURI insufficient_balance
			begin $AUTO
			HOLD $AUTO 30000 system/bank-float>$HANA
			prepare DEBIT topup/$AUTO/debit 30000
			submit
			abandon debit
			RELEASE $AUTO
			move $AUTO FAILED bank_insufficient_funds
			set top-up $AUTO
			RELEASE $REM
			move $REM FAILED auto_top_up_failed`)},
	{name: "spent meanwhile", flow: contract.RemittanceFlow, in: autoIn, state: record.Failed, code: errs.InsufficientBalance.Code,
		world: func() *world {
			return &world{submit: accepted, refuse: map[string][]record.Failure{remID: {short, short}}}
		}, diary: lines(`
			begin $REM
			POST $REM 25000 $HANA>$DURI insufficient_balance
			begin $AUTO
			HOLD $AUTO 30000 system/bank-float>$HANA
			prepare DEBIT topup/$AUTO/debit 30000
			submit
			CAPTURE $AUTO
			move $AUTO SUCCEEDED
			set top-up $AUTO
			POST $REM 25000 $HANA>$DURI insufficient_balance
			RELEASE $REM
			move $REM FAILED insufficient_balance`)},

	{name: "registered", flow: contract.RegistrationFlow, in: regIn, state: record.Succeeded,
		world: func() *world { return &world{} }, diary: lines(`
			begin $REG
			register
			open wallet
			activate
			move $REG SUCCEEDED`)},
	{name: "e-mail taken", flow: contract.RegistrationFlow, in: regIn, state: record.Failed, code: errs.EmailTaken.Code,
		world: func() *world { return &world{register: record.FailureOf(errs.EmailTaken)} }, diary: lines(`
			begin $REG
			register email_taken
			unregister
			move $REG FAILED email_taken`)},
	{name: "wallet refused", flow: contract.RegistrationFlow, in: regIn, state: record.Failed, code: errs.WalletExists.Code,
		world: func() *world { return &world{open: record.FailureOf(errs.WalletExists)} }, diary: lines(`
			begin $REG
			register
			open wallet wallet_exists
			close wallet
			unregister
			move $REG FAILED wallet_exists`)},
	{name: "not cancellable", flow: contract.RegistrationFlow, in: regIn, state: record.Succeeded, cancel: "open",
		world: func() *world { return &world{} }, diary: lines(`
			begin $REG
			register
			open wallet
			activate
			move $REG SUCCEEDED`)},

	{name: "linked", flow: contract.LinkFlow, in: linkIn, state: record.Succeeded,
		world: func() *world { return &world{sameName: true} }, diary: lines(`
			begin $LINK
			verify
			link
			confirm name true
			raise limit
			move $LINK SUCCEEDED`)},
	{name: "another holder", flow: contract.LinkFlow, in: linkIn, state: record.Succeeded,
		world: func() *world { return &world{} }, diary: lines(`
			begin $LINK
			verify
			link
			confirm name false
			move $LINK SUCCEEDED`)},
	{name: "name differs", flow: contract.LinkFlow, in: linkIn, state: record.Failed, code: errs.BankNameMismatch.Code,
		world: func() *world { return &world{verify: record.FailureOf(errs.BankNameMismatch)} }, diary: lines(`
			begin $LINK
			verify bank_name_mismatch
			move $LINK FAILED bank_name_mismatch`)},
	{name: "duplicate", flow: contract.LinkFlow, in: linkIn, state: record.Failed, code: errs.BankAccountDuplicate.Code,
		world: func() *world { return &world{link: record.FailureOf(errs.BankAccountDuplicate)} }, diary: lines(`
			begin $LINK
			verify
			link bank_account_duplicate
			move $LINK FAILED bank_account_duplicate`)},
	{name: "bank silent", flow: contract.LinkFlow, in: linkIn, state: record.Failed, code: errs.BankUnreachable.Code,
		world: func() *world { return &world{silent: true} }, diary: lines(`
			begin $LINK
			verify
			move $LINK FAILED bank_unreachable`)},
	{name: "member deactivated", flow: contract.LinkFlow, in: linkIn, state: record.Failed, code: errs.MemberDeactivated.Code,
		world: func() *world { return &world{members: inactive(hana)} }, diary: lines(`
			begin $LINK
			move $LINK FAILED member_deactivated`)},

	{name: "paid out", flow: contract.FirmbankingFlow, in: payOutIn, state: record.Succeeded,
		world: func() *world { return &world{submit: accepted} }, diary: lines(`
			prepare CREDIT firmbanking/$FBK 7000
			HOLD $FBK 7000 system/suspense>system/bank-float
			submit
			CAPTURE $FBK`)},
	{name: "collected after an unknown outcome", flow: contract.FirmbankingFlow, in: collect, state: record.Succeeded,
		world: func() *world { return &world{submit: unknown, inquiry: []contract.Answer{accepted}} }, diary: lines(`
			prepare DEBIT firmbanking/$FBK 7000
			HOLD $FBK 7000 system/bank-float>system/suspense
			submit
			inquire ACCEPTED
			CAPTURE $FBK`)},
	{name: "rejected", flow: contract.FirmbankingFlow, in: payOutIn, state: record.Failed, code: errs.BankInsufficientFunds.Code,
		world: func() *world { return &world{submit: noFunds} }, diary: lines(`
			prepare CREDIT firmbanking/$FBK 7000
			HOLD $FBK 7000 system/suspense>system/bank-float
			submit
			abandon firmbanking
			RELEASE $FBK`)},
	{name: "cancelled before the bank", flow: contract.FirmbankingFlow, in: payOutIn, state: record.Cancelled, code: errs.FlowCancelled.Code, cancel: "HOLD",
		world: func() *world { return &world{submit: accepted} }, diary: lines(`
			prepare CREDIT firmbanking/$FBK 7000
			HOLD $FBK 7000 system/suspense>system/bank-float
			abandon firmbanking
			RELEASE $FBK`)},
}
