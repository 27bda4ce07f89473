package workflows_test

import (
	"durapay/errs"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

var (
	franchiseIn = contract.Franchise{ID: cafe, Name: "카페하나", BusinessNumber: "2208162517", Contact: "contact", Payout: payoutTo, Fingerprint: "f",
		Contract: contract.Contract{EffectiveFrom: businessDate, FeeBasisPoints: 150, Cycle: "DAILY", PayoutBusinessDays: 1}}
	changeIn = contract.PayoutChange{ID: changeID, FranchiseID: cafe, Payout: payoutTo, Fingerprint: "f"}
)

var franchises = []scenario{
	{name: "registered", flow: contract.FranchiseFlow, in: franchiseIn, state: record.Succeeded,
		world: func() *world { return &world{} }, diary: lines(`
			begin $FRA
			verify
			OPEN $FRA/open $CAFE
			move $FRA SUCCEEDED`)},
	{name: "business number taken", flow: contract.FranchiseFlow, in: franchiseIn, state: record.Failed, code: errs.BusinessNumberTaken.Code,
		world: func() *world { return &world{refusal: record.FailureOf(errs.BusinessNumberTaken)} }, diary: lines(`
			begin $FRA
			move $FRA FAILED business_number_taken`)},
	{name: "name differs", flow: contract.FranchiseFlow, in: franchiseIn, state: record.Failed, code: errs.BankNameMismatch.Code,
		world: func() *world { return &world{verify: record.FailureOf(errs.BankNameMismatch)} }, diary: lines(`
			begin $FRA
			verify bank_name_mismatch
			CLOSE $FRA/open
			move $FRA FAILED bank_name_mismatch`)},
	{name: "bank silent", flow: contract.FranchiseFlow, in: franchiseIn, state: record.Failed, code: errs.BankUnreachable.Code,
		world: func() *world { return &world{silent: true} }, diary: lines(`
			begin $FRA
			verify
			CLOSE $FRA/open
			move $FRA FAILED bank_unreachable`)},
	{name: "cancelled before the bank", flow: contract.FranchiseFlow, in: franchiseIn, state: record.Cancelled, code: errs.FlowCancelled.Code, cancel: "begin",
		world: func() *world { return &world{} }, diary: lines(`
			begin $FRA
			CLOSE $FRA/open
			move $FRA CANCELLED cancelled`)},
	{name: "refused by a run that was lost", flow: contract.FranchiseFlow, in: franchiseIn, state: record.Failed, code: errs.Interrupted.Code,
		world: func() *world { return &world{refuse: refusedOnce(cafe+"/open", errs.LedgerReferenceReused)} }, diary: lines(`
			begin $FRA
			verify
			OPEN $FRA/open $CAFE ledger_reference_reused
			CLOSE $FRA/open
			move $FRA FAILED interrupted`)},

	{name: "changed", flow: contract.PayoutChangeFlow, in: changeIn, state: record.Succeeded,
		world: func() *world { return &world{} }, diary: lines(`
			begin $CHG
			verify
			move $CHG SUCCEEDED`)},
	{name: "name differs", flow: contract.PayoutChangeFlow, in: changeIn, state: record.Failed, code: errs.BankNameMismatch.Code,
		world: func() *world { return &world{verify: record.FailureOf(errs.BankNameMismatch)} }, diary: lines(`
			begin $CHG
			verify bank_name_mismatch
			move $CHG FAILED bank_name_mismatch`)},
	{name: "franchise unknown", flow: contract.PayoutChangeFlow, in: changeIn, state: record.Failed, code: errs.FranchiseNotFound.Code,
		world: func() *world { return &world{refusal: record.FailureOf(errs.FranchiseNotFound)} }, diary: lines(`
			begin $CHG
			move $CHG FAILED franchise_not_found`)},
}
