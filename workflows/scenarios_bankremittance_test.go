package workflows_test

import (
	"slices"
	"time"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

var (
	bankRemIn  = contract.Remittance{ID: remID, SenderID: hana, To: payoutTo, Amount: 5_000, Fingerprint: "f"}
	autoBankIn = contract.Remittance{ID: remID, SenderID: hana, To: payoutTo, Amount: 25_000, AutoTopUpAccountID: account, Fingerprint: "f"}
)

var bankRemittances = []scenario{
	{name: "to a bank", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Succeeded,
		world: func() *world { return &world{submit: accepted} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			verify
			prepare CREDIT remittance/$REM/credit 5000
			submit
			CAPTURE $REM
			move $REM SUCCEEDED`)},
	{name: "to a bank rejected", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Failed, code: errs.BankAccountClosed.Code,
		world: func() *world { return &world{submit: rejectedFor(errs.BankAccountClosed)} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			verify
			prepare CREDIT remittance/$REM/credit 5000
			submit
			abandon credit
			RELEASE $REM
			move $REM FAILED bank_account_closed`)},
	{name: "to a bank name differs", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Failed, code: errs.BankNameMismatch.Code,
		world: func() *world { return &world{verify: record.FailureOf(errs.BankNameMismatch)} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			verify bank_name_mismatch
			abandon credit
			RELEASE $REM
			move $REM FAILED bank_name_mismatch`)},
	{name: "to a bank silent", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Failed, code: errs.BankUnreachable.Code,
		world: func() *world { return &world{silent: true} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			verify
			abandon credit
			RELEASE $REM
			move $REM FAILED bank_unreachable`)},
	{name: "to a bank unknown then accepted", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Succeeded,
		world: func() *world { return &world{submit: unknown, inquiry: []contract.Answer{unknown, accepted}} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			verify
			prepare CREDIT remittance/$REM/credit 5000
			submit
			move $REM UNKNOWN
			inquire UNKNOWN
			inquire ACCEPTED
			CAPTURE $REM
			move $REM SUCCEEDED`)},
	{name: "to a bank insufficient", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Failed, code: errs.InsufficientBalance.Code,
		world: func() *world { return &world{refuse: map[string][]record.Failure{remID: {short}}} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK insufficient_balance
			abandon credit
			RELEASE $REM
			move $REM FAILED insufficient_balance`)},
	{name: "to a bank sender deactivated", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Failed, code: errs.MemberDeactivated.Code,
		world: func() *world { return &world{members: inactive(hana)} }, diary: lines(`
			begin $REM
			abandon credit
			RELEASE $REM
			move $REM FAILED member_deactivated`)},
	{name: "to a bank over the daily limit", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Failed, code: errs.DailyLimit.Code,
		world: func() *world { return &world{refusal: record.FailureOf(errs.DailyLimit)} }, diary: lines(`
			begin $REM
			move $REM FAILED daily_limit_exceeded`)},
	{name: "to a bank cancelled before it", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Cancelled, code: errs.FlowCancelled.Code, cancel: "HOLD",
		world: func() *world { return &world{submit: accepted} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			abandon credit
			RELEASE $REM
			move $REM CANCELLED cancelled`)},
	{name: "to a bank cancelled too late", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Succeeded, cancel: "submit",
		world: func() *world { return &world{submit: unknown, inquiry: []contract.Answer{accepted}} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			verify
			prepare CREDIT remittance/$REM/credit 5000
			submit
			move $REM UNKNOWN
			inquire ACCEPTED
			CAPTURE $REM
			move $REM SUCCEEDED`)},

	{name: "to a bank that is shut", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Succeeded,
		world: func() *world { return &world{submit: accepted, windows: []time.Duration{2 * time.Second}} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			move $REM WAITING
			move $REM PROCESSING
			verify
			prepare CREDIT remittance/$REM/credit 5000
			submit
			CAPTURE $REM
			move $REM SUCCEEDED`)},
	{name: "to a bank that shuts once more", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Succeeded, long: true,
		world: func() *world { return &world{submit: accepted, windows: []time.Duration{0, time.Hour, 5 * time.Hour}} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			verify
			prepare CREDIT remittance/$REM/credit 5000
			move $REM WAITING
			move $REM PROCESSING
			move $REM WAITING
			move $REM PROCESSING
			submit
			CAPTURE $REM
			move $REM SUCCEEDED`)},
	{name: "to a bank that is shut cancelled", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Cancelled, code: errs.FlowCancelled.Code,
		cancel: "move " + remID + " WAITING", world: func() *world { return &world{windows: []time.Duration{time.Hour}} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			move $REM WAITING
			abandon credit
			RELEASE $REM
			move $REM CANCELLED cancelled`)},
	{name: "to a bank refused for maintenance once", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Succeeded,
		world: func() *world { return &world{submits: []contract.Answer{shut}, submit: accepted} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			verify
			prepare CREDIT remittance/$REM/credit 5000
			submit
			move $REM WAITING
			move $REM PROCESSING
			prepare CREDIT remittance/$REM/credit/2 5000
			submit
			CAPTURE $REM
			move $REM SUCCEEDED`)},
	{name: "to a bank refused for maintenance then rejected", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Failed,
		code: errs.BankInsufficientFunds.Code, long: true,
		world: func() *world { return &world{submits: []contract.Answer{shut}, submit: noFunds} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			verify
			prepare CREDIT remittance/$REM/credit 5000
			submit
			move $REM WAITING
			move $REM PROCESSING
			prepare CREDIT remittance/$REM/credit/2 5000
			submit
			abandon credit
			abandon credit/2
			RELEASE $REM
			move $REM FAILED bank_insufficient_funds`)},
	{name: "to a bank refused for maintenance cancelled", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Cancelled,
		code: errs.FlowCancelled.Code, cancel: "move " + remID + " WAITING",
		world: func() *world { return &world{submit: shut} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK
			verify
			prepare CREDIT remittance/$REM/credit 5000
			submit
			move $REM WAITING
			abandon credit
			abandon credit/2
			RELEASE $REM
			move $REM CANCELLED cancelled`)},
	{name: "to a bank under maintenance for good", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Failed,
		code: errs.BankMaintenance.Code, long: true, world: func() *world { return &world{submit: shut} }, diary: underMaintenance()},

	{name: "to a bank topped up first", flow: contract.RemittanceFlow, in: autoBankIn, state: record.Succeeded,
		world: func() *world {
			return &world{submit: accepted, refuse: map[string][]record.Failure{remID: {short}}}
		}, diary: lines(`
			begin $REM
			HOLD $REM 25000 $HANA>$BANK insufficient_balance
			begin $AUTO
			HOLD $AUTO 30000 $BANK>$HANA
			prepare DEBIT topup/$AUTO/debit 30000
			submit
			CAPTURE $AUTO
			move $AUTO SUCCEEDED
			set top-up $AUTO
			HOLD $REM 25000 $HANA>$BANK
			verify
			prepare CREDIT remittance/$REM/credit 25000
			submit
			CAPTURE $REM
			move $REM SUCCEEDED`)},
	{name: "to a bank cancelled while topping up", flow: contract.RemittanceFlow, in: autoBankIn, state: record.Cancelled, code: errs.FlowCancelled.Code,
		cancel: "move " + contract.AutoTopUpID(remID) + " WAITING",
		world: func() *world {
			return &world{windows: []time.Duration{time.Hour}, refuse: map[string][]record.Failure{remID: {short}}}
		}, diary: lines(`
			begin $REM
			HOLD $REM 25000 $HANA>$BANK insufficient_balance
			begin $AUTO
			HOLD $AUTO 30000 $BANK>$HANA
			prepare DEBIT topup/$AUTO/debit 30000
			move $AUTO WAITING
			abandon debit
			RELEASE $AUTO
			move $AUTO CANCELLED cancelled
			set top-up $AUTO
			abandon credit
			RELEASE $REM
			move $REM CANCELLED cancelled`)},

	{name: "to a bank executed by a run that was lost", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Succeeded,
		world: func() *world { return &world{members: inactive(hana), abandon: accepted} }, diary: lines(`
			begin $REM
			abandon credit
			CAPTURE $REM
			move $REM SUCCEEDED`)},
	{name: "to a bank captured by a run that was lost", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Succeeded,
		world: func() *world {
			return &world{members: inactive(hana), refuse: refusedOnce(remID+"/release", errs.LedgerHoldClosed.With("state", ledger.HoldCaptured))}
		}, diary: lines(`
			begin $REM
			abandon credit
			RELEASE $REM
			move $REM SUCCEEDED`)},
	{name: "to a bank released by a run that was lost", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Failed, code: errs.Interrupted.Code,
		world: func() *world { return &world{refuse: refusedOnce(remID, errs.LedgerHoldClosed)} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK ledger_hold_closed
			abandon credit
			RELEASE $REM
			move $REM FAILED interrupted`)},
	{name: "to a bank refused by a run that was lost", flow: contract.RemittanceFlow, in: bankRemIn, state: record.Failed, code: errs.Interrupted.Code,
		world: func() *world { return &world{refuse: refusedOnce(remID, errs.LedgerReferenceReused)} }, diary: lines(`
			begin $REM
			HOLD $REM 5000 $HANA>$BANK ledger_reference_reused
			abandon credit
			RELEASE $REM
			move $REM FAILED interrupted`)},
}

// underMaintenance is the diary of a bank that refuses every attempt for maintenance.
func underMaintenance() []string {
	diary := lines(`
		begin $REM
		HOLD $REM 5000 $HANA>$BANK
		verify`)
	undos := []string{}
	for attempt := 1; attempt <= 20; attempt++ {
		t := contract.Transfer{Reference: contract.WorkflowID(remID) + "/credit"}.Again(attempt)
		diary = append(diary, "prepare CREDIT "+t.Reference+" 5000", "submit")
		if attempt < 20 {
			diary = append(diary, lines("move $REM WAITING\nmove $REM PROCESSING")...)
		}
		undos = append(undos, "abandon "+t.Reference[len(contract.WorkflowID(remID))+1:])
	}
	return slices.Concat(diary, undos, lines("RELEASE $REM\nmove $REM FAILED bank_maintenance"))
}

var scheduledRemittances = []scenario{
	{name: "at its time", flow: contract.RemittanceFlow, in: remIn, after: 2 * time.Second, state: record.Succeeded,
		world: func() *world { return &world{} }, diary: lines(`
			begin $REM
			move $REM WAITING
			move $REM PROCESSING
			POST $REM 5000 $HANA>$DURI
			move $REM SUCCEEDED`)},
	{name: "next month to a bank", flow: contract.RemittanceFlow, in: bankRemIn, after: 30 * 24 * time.Hour, state: record.Succeeded, long: true,
		world: func() *world { return &world{submit: accepted} }, diary: lines(`
			begin $REM
			move $REM WAITING
			move $REM PROCESSING
			HOLD $REM 5000 $HANA>$BANK
			verify
			prepare CREDIT remittance/$REM/credit 5000
			submit
			CAPTURE $REM
			move $REM SUCCEEDED`)},
	{name: "at its time topped up first", flow: contract.RemittanceFlow, in: autoIn, after: 2 * time.Second, state: record.Succeeded,
		world: func() *world {
			return &world{submit: accepted, refuse: map[string][]record.Failure{remID: {short}}}
		}, diary: lines(`
			begin $REM
			move $REM WAITING
			move $REM PROCESSING
			POST $REM 25000 $HANA>$DURI insufficient_balance
			begin $AUTO
			HOLD $AUTO 30000 $BANK>$HANA
			prepare DEBIT topup/$AUTO/debit 30000
			submit
			CAPTURE $AUTO
			move $AUTO SUCCEEDED
			set top-up $AUTO
			POST $REM 25000 $HANA>$DURI
			move $REM SUCCEEDED`)},
	{name: "cancelled before its time", flow: contract.RemittanceFlow, in: remIn, after: time.Hour, state: record.Cancelled, code: errs.FlowCancelled.Code,
		cancel: "move " + remID + " WAITING", world: func() *world { return &world{} }, diary: lines(`
			begin $REM
			move $REM WAITING
			RELEASE $REM
			move $REM CANCELLED cancelled`)},
	{name: "sender deactivated before its time", flow: contract.RemittanceFlow, in: remIn, after: 2 * time.Second, state: record.Failed,
		code: errs.MemberDeactivated.Code, world: func() *world { return &world{members: inactive(hana)} }, diary: lines(`
			begin $REM
			move $REM WAITING
			move $REM PROCESSING
			RELEASE $REM
			move $REM FAILED member_deactivated`)},
	{name: "begun after its time", flow: contract.RemittanceFlow, in: remIn, after: -time.Hour, state: record.Succeeded,
		world: func() *world { return &world{} }, diary: lines(`
			begin $REM
			POST $REM 5000 $HANA>$DURI
			move $REM SUCCEEDED`)},
}
