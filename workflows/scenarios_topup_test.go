package workflows_test

import (
	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

var topUpIn = contract.TopUp{ID: topUpID, MembershipID: hana, BankAccountID: account, Amount: 10_000, Fingerprint: "f"}

var topUps = []scenario{
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
}
