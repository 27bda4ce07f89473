package workflows_test

import (
	"time"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

var payoutIn = contract.Payout{StatementID: stmtID, FranchiseID: cafe, Net: 98_350, Attempt: 1}

// shutThenPaid is what a run that was ended by hand has left at the bank: a transfer that
// was refused because the bank was shut, and its successor, which went through.
func shutThenPaid() map[string]contract.Answer {
	first, reference := contract.FirmbankingID(stmtID, "attempt-1")
	second := contract.Transfer{ID: first, Reference: reference}.Again(2)
	return map[string]contract.Answer{first: shut, second.ID: accepted}
}

var payouts = []scenario{
	{name: "paid", flow: contract.PayoutFlow, in: payoutIn, state: record.Succeeded,
		world: func() *world { return &world{submit: accepted, unfinished: 1, terms: &listening} }, diary: append(lines(`
			begin $STM/1
			HOLD $STM/1 98350 $CAFE>$BANK
			prepare CREDIT payout/$STM/attempt-1 98350
			submit
			CAPTURE $STM/1
			finish $STM
			finish $STM
			move $STM/1 SUCCEEDED`), told(contract.SettlementPaid, stmtID+"/1")...)},
	{name: "account closed", flow: contract.PayoutFlow, in: payoutIn, state: record.Failed, code: errs.BankAccountClosed.Code,
		world: func() *world { return &world{submit: rejectedFor(errs.BankAccountClosed), terms: &listening} }, diary: lines(`
			begin $STM/1
			HOLD $STM/1 98350 $CAFE>$BANK
			prepare CREDIT payout/$STM/attempt-1 98350
			submit
			abandon attempt-1
			RELEASE $STM/1
			move $STM/1 FAILED bank_account_closed`)},
	{name: "unknown then accepted", flow: contract.PayoutFlow, in: payoutIn, state: record.Succeeded,
		world: func() *world { return &world{submit: unknown, inquiry: []contract.Answer{unknown, accepted}} }, diary: lines(`
			begin $STM/1
			HOLD $STM/1 98350 $CAFE>$BANK
			prepare CREDIT payout/$STM/attempt-1 98350
			submit
			move $STM/1 UNKNOWN
			inquire UNKNOWN
			inquire ACCEPTED
			CAPTURE $STM/1
			finish $STM
			move $STM/1 SUCCEEDED`)},
	{name: "waits for the bank", flow: contract.PayoutFlow, in: payoutIn, state: record.Succeeded,
		world: func() *world { return &world{submit: accepted, windows: []time.Duration{2 * time.Second}} }, diary: lines(`
			begin $STM/1
			HOLD $STM/1 98350 $CAFE>$BANK
			prepare CREDIT payout/$STM/attempt-1 98350
			move $STM/1 WAITING
			move $STM/1 PROCESSING
			submit
			CAPTURE $STM/1
			finish $STM
			move $STM/1 SUCCEEDED`)},
	{name: "refused for maintenance once", flow: contract.PayoutFlow, in: payoutIn, state: record.Succeeded, long: true,
		world: func() *world { return &world{submits: []contract.Answer{shut}, submit: accepted} }, diary: lines(`
			begin $STM/1
			HOLD $STM/1 98350 $CAFE>$BANK
			prepare CREDIT payout/$STM/attempt-1 98350
			submit
			move $STM/1 WAITING
			move $STM/1 PROCESSING
			prepare CREDIT payout/$STM/attempt-1/2 98350
			submit
			CAPTURE $STM/1
			finish $STM
			move $STM/1 SUCCEEDED`)},
	{name: "taken up after the bank was shut", flow: contract.PayoutFlow, in: payoutIn, state: record.Succeeded,
		world: func() *world { return &world{answered: shutThenPaid()} }, diary: lines(`
			begin $STM/1
			HOLD $STM/1 98350 $CAFE>$BANK
			prepare CREDIT payout/$STM/attempt-1 98350
			prepare CREDIT payout/$STM/attempt-1/2 98350
			submit
			CAPTURE $STM/1
			finish $STM
			move $STM/1 SUCCEEDED`)},
	{name: "refused when taken up and paid before", flow: contract.PayoutFlow, in: payoutIn, state: record.Succeeded,
		world: func() *world { return &world{homeless: true, answered: shutThenPaid()} }, diary: lines(`
			begin $STM/1
			abandon attempt-1
			abandon attempt-1/2
			CAPTURE $STM/1
			finish $STM
			move $STM/1 SUCCEEDED`)},
	{name: "no account to pay to", flow: contract.PayoutFlow, in: payoutIn, state: record.Failed, code: errs.FranchiseNotFound.Code,
		world: func() *world { return &world{homeless: true} }, diary: lines(`
			begin $STM/1
			abandon attempt-1
			RELEASE $STM/1
			move $STM/1 FAILED franchise_not_found`)},
	{name: "not the current attempt", flow: contract.PayoutFlow, in: payoutIn, state: record.Failed, code: errs.PayoutNotRetryable.Code,
		world: func() *world {
			return &world{begun: contract.Begun{State: record.Failed, Failure: record.FailureOf(errs.PayoutNotRetryable)}, terms: &listening}
		}, diary: lines(`begin $STM/1`)},
	{name: "paid by an earlier run", flow: contract.PayoutFlow, in: payoutIn, state: record.Succeeded,
		world: func() *world { return &world{begun: contract.Begun{State: record.Succeeded}} }, diary: lines(`begin $STM/1`)},
	{name: "executed by a run that was lost", flow: contract.PayoutFlow, in: payoutIn, state: record.Succeeded,
		world: func() *world { return &world{homeless: true, abandon: accepted} }, diary: lines(`
			begin $STM/1
			abandon attempt-1
			CAPTURE $STM/1
			finish $STM
			move $STM/1 SUCCEEDED`)},
	{name: "captured by a run that was lost", flow: contract.PayoutFlow, in: payoutIn, state: record.Succeeded,
		world: func() *world {
			return &world{homeless: true, refuse: refusedOnce(stmtID+"/1/release", errs.LedgerHoldClosed.With("state", ledger.HoldCaptured))}
		}, diary: lines(`
			begin $STM/1
			abandon attempt-1
			RELEASE $STM/1
			finish $STM
			move $STM/1 SUCCEEDED`)},
	{name: "released by a run that was lost", flow: contract.PayoutFlow, in: payoutIn, state: record.Failed, code: errs.Interrupted.Code,
		world: func() *world { return &world{refuse: refusedOnce(stmtID+"/1", errs.LedgerHoldClosed)} }, diary: lines(`
			begin $STM/1
			HOLD $STM/1 98350 $CAFE>$BANK ledger_hold_closed
			abandon attempt-1
			RELEASE $STM/1
			move $STM/1 FAILED interrupted`)},
}
