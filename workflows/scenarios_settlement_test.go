package workflows_test

import (
	"fmt"
	"slices"
	"time"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

var (
	dayRunID  = id.Derive(id.SettlementRun, "day")
	takenRun  = id.Derive(id.SettlementRun, "taken")
	runIn     = contract.Settlement{ID: runID, BusinessDate: businessDate, AskedBy: "operator", Fingerprint: "f"}
	dryRunIn  = contract.Settlement{ID: runID, BusinessDate: businessDate, DryRun: true, AskedBy: "operator", Fingerprint: "f"}
	payingIn  = contract.Settlement{ID: runID, BusinessDate: businessDate, AskedBy: "operator", Fingerprint: "f", Progress: contract.Progress{Paying: true}}
	shopOut   = contract.Payout{StatementID: stmtID2, FranchiseID: shop, Net: 1_220, Attempt: 1}
	twoShops  = [][]string{{cafe, shop}}
	bothSums  = map[string]contract.Sums{cafe: cafeSums, shop: shopSums}
	cafeSums  = contract.Sums{PaymentCount: 4, PaymentAmount: 100_000, Fee: 1_500, VAT: 150}
	shopSums  = contract.Sums{PaymentCount: 1, PaymentAmount: 5_000, CancelCount: 1, CancelAmount: 4_000, Fee: -200, VAT: -20}
	freeOfFee = map[string]contract.Sums{cafe: {PaymentCount: 1, PaymentAmount: 10}}
)

// paidOut is the diary of a payout that is accepted at once.
func paidOut(statementID, owed string, net int64) []string {
	ref := statementID + "/1"
	return []string{"begin " + ref, fmt.Sprintf("HOLD %s %d %s>system/bank-float", ref, net, owed),
		fmt.Sprintf("prepare CREDIT payout/%s/attempt-1 %d", statementID, net), "submit", "CAPTURE " + ref,
		"finish " + statementID, "move " + ref + " SUCCEEDED"}
}

// manyPages gives full pages of franchises that have no contract, so that nothing of
// them is cut, and who they are.
func manyPages(n int) (pages [][]string, noContract map[string]bool) {
	noContract = map[string]bool{}
	for p := range n {
		page := make([]string, 100)
		for i := range page {
			page[i] = fmt.Sprintf("fra_%03d%02d", p, i)
			noContract[page[i]] = true
		}
		pages = append(pages, page)
	}
	return pages, noContract
}

// manyPayouts gives payouts that have ended, and the diary of their flows.
func manyPayouts(n int) (due []contract.Payout, ended map[string]contract.Begun, diary []string) {
	ended = map[string]contract.Begun{}
	for i := range n {
		p := contract.Payout{StatementID: id.Derive(id.Statement, "many", fmt.Sprint(i)), FranchiseID: cafe, Net: 1, Attempt: 1}
		due = append(due, p)
		ended[p.ID()] = contract.Begun{State: record.Failed, Failure: record.FailureOf(errs.BankAccountClosed)}
		diary = append(diary, "begin "+p.ID())
	}
	return due, ended, diary
}

var settlements = []scenario{
	{name: "nothing to settle", flow: contract.SettlementFlow, in: runIn, state: record.Succeeded,
		world: func() *world { return &world{} }, diary: lines(`
			begin $RUN
			move $RUN SUCCEEDED`)},
	{name: "two franchises", flow: contract.SettlementFlow, in: runIn, state: record.Succeeded, anyOrder: true,
		world: func() *world {
			return &world{submit: accepted, books: books{open: twoShops, sums: bothSums, due: [][]contract.Payout{{payoutIn, shopOut}}}}
		}, diary: slices.Concat(lines(`
			begin $RUN
			cut $STM
			cut $STM2
			statement $STM 98350
			statement $STM2 1220
			POST $STM/fee 1500 $CAFE>$FEE, 150 $CAFE>$VAT
			POST $STM2/fee 200 $FEE>$SHOP, 20 $VAT>$SHOP
			move $RUN SUCCEEDED`), paidOut(stmtID, ledger.FranchisePayable(cafe), 98_350), paidOut(stmtID2, ledger.FranchisePayable(shop), 1_220))},
	{name: "cut in several steps", flow: contract.SettlementFlow, in: runIn, state: record.Succeeded,
		world: func() *world {
			more := 2
			return &world{books: books{open: twoShops, sums: bothSums, uncut: map[string]*int{shop: &more}}}
		}, diary: lines(`
			begin $RUN
			cut $STM
			cut $STM2
			cut $STM2
			cut $STM2
			statement $STM 98350
			statement $STM2 1220
			POST $STM/fee 1500 $CAFE>$FEE, 150 $CAFE>$VAT
			POST $STM2/fee 200 $FEE>$SHOP, 20 $VAT>$SHOP
			move $RUN SUCCEEDED`)},
	{name: "without a contract", flow: contract.SettlementFlow, in: runIn, state: record.Succeeded,
		world: func() *world {
			return &world{books: books{open: twoShops, sums: bothSums, noContract: map[string]bool{shop: true}}}
		}, diary: lines(`
			begin $RUN
			cut $STM
			statement $STM 98350
			POST $STM/fee 1500 $CAFE>$FEE, 150 $CAFE>$VAT
			move $RUN SUCCEEDED`)},
	{name: "without a fee", flow: contract.SettlementFlow, in: runIn, state: record.Succeeded,
		world: func() *world { return &world{books: books{open: [][]string{{cafe}}, sums: freeOfFee}} }, diary: lines(`
			begin $RUN
			cut $STM
			statement $STM 10
			move $RUN SUCCEEDED`)},
	{name: "more cancelled than paid", flow: contract.SettlementFlow, in: runIn, state: record.Succeeded,
		world: func() *world {
			return &world{books: books{open: twoShops, sums: map[string]contract.Sums{cafe: cafeSums,
				shop: {PaymentCount: 1, PaymentAmount: 1_000, CancelCount: 1, CancelAmount: 4_000}}}}
		}, diary: lines(`
			begin $RUN
			cut $STM
			cut $STM2
			statement $STM 98350
			statement $STM2 -3000
			POST $STM/fee 1500 $CAFE>$FEE, 150 $CAFE>$VAT
			finish $STM2
			move $RUN SUCCEEDED`)},
	{name: "dry run", flow: contract.SettlementFlow, in: dryRunIn, state: record.Succeeded,
		world: func() *world {
			return &world{books: books{open: twoShops, sums: bothSums, due: [][]contract.Payout{{payoutIn}}}}
		}, diary: lines(`
			begin $RUN
			draft $STM 98350
			draft $STM2 1220
			move $RUN SUCCEEDED`)},
	{name: "not cancellable", flow: contract.SettlementFlow, in: runIn, state: record.Succeeded, cancel: "begin",
		world: func() *world { return &world{books: books{open: [][]string{{cafe}}, sums: freeOfFee}} }, diary: lines(`
			begin $RUN
			cut $STM
			statement $STM 10
			move $RUN SUCCEEDED`)},
	{name: "date refused", flow: contract.SettlementFlow, in: runIn, state: record.Failed, code: errs.BusinessDateRefused.Code,
		world: func() *world {
			return &world{begun: contract.Begun{State: record.Failed, Failure: record.FailureOf(errs.BusinessDateRefused), Fingerprint: "f"}}
		}, diary: lines(`begin $RUN`)},
	{name: "another request of the date", flow: contract.SettlementFlow, in: runIn, state: record.Failed, code: errs.IdempotencyReused.Code,
		world: func() *world { return &world{begun: contract.Begun{State: record.Processing, Fingerprint: "another"}} }, diary: lines(`begin $RUN`)},
	{name: "more pages than a history takes", flow: contract.SettlementFlow, in: runIn, long: true,
		goesOn: contract.Settlement{ID: runID, BusinessDate: businessDate, AskedBy: "operator", Fingerprint: "f", Progress: contract.Progress{After: "fra_00999"}},
		world: func() *world {
			pages, noContract := manyPages(11)
			return &world{books: books{open: pages, noContract: noContract}}
		}, diary: lines(`begin $RUN`)},
	{name: "page after page", flow: contract.SettlementFlow, in: runIn, state: record.Succeeded, long: true,
		world: func() *world {
			pages, noContract := manyPages(2)
			return &world{books: books{open: append(pages, []string{cafe}), noContract: noContract, sums: freeOfFee}}
		}, diary: lines(`
			begin $RUN
			cut $STM
			statement $STM 10
			move $RUN SUCCEEDED`)},

	{name: "payout under way already", flow: contract.SettlementFlow, in: payingIn, state: record.Succeeded, taken: contract.WorkflowID(stmtID),
		world: func() *world { return &world{books: books{due: [][]contract.Payout{{payoutIn}}}} }, diary: lines(`
			begin $RUN
			move $RUN SUCCEEDED`)},
	{name: "payout stays unknown", flow: contract.SettlementFlow, in: payingIn, state: record.Succeeded, anyOrder: true,
		world: func() *world {
			return &world{submit: unknown, inquiry: slices.Repeat([]contract.Answer{unknown}, 9), books: books{due: [][]contract.Payout{{payoutIn}}}}
		}, diary: slices.Concat(lines(`
			begin $RUN
			begin $STM/1
			HOLD $STM/1 98350 $CAFE>$BANK
			prepare CREDIT payout/$STM/attempt-1 98350
			submit
			move $STM/1 UNKNOWN
			move $RUN SUCCEEDED`), slices.Repeat([]string{"inquire UNKNOWN"}, 9), lines(`
			inquire ACCEPTED
			CAPTURE $STM/1
			finish $STM
			move $STM/1 SUCCEEDED`))},
	{name: "payout waits for the bank", flow: contract.SettlementFlow, in: payingIn, state: record.Succeeded, long: true,
		world: func() *world {
			return &world{submit: accepted, windows: []time.Duration{8 * time.Hour}, books: books{due: [][]contract.Payout{{payoutIn}}}}
		}, diary: lines(`
			begin $RUN
			begin $STM/1
			HOLD $STM/1 98350 $CAFE>$BANK
			prepare CREDIT payout/$STM/attempt-1 98350
			move $STM/1 WAITING
			move $RUN SUCCEEDED
			move $STM/1 PROCESSING
			submit
			CAPTURE $STM/1
			finish $STM
			move $STM/1 SUCCEEDED`)},
	manyPayoutsScenario(),
}

// manyPayoutsScenario has a full page of payouts, and another one.
func manyPayoutsScenario() scenario {
	due, ended, diary := manyPayouts(101)
	return scenario{name: "payouts page after page", flow: contract.SettlementFlow, in: payingIn, state: record.Succeeded, long: true, anyOrder: true,
		world: func() *world {
			return &world{books: books{due: [][]contract.Payout{due[:100], due[100:]}, ended: ended}}
		}, diary: slices.Concat(lines(`
			begin $RUN
			move $RUN SUCCEEDED`), diary)}
}

// settlementDay is what the schedule finds on a business day.
func settlementDay(run string) contract.ScheduledDay {
	return contract.ScheduledDay{BusinessDate: businessDate, RunID: run, Fingerprint: "f"}
}

var settlementDays = []scenario{
	{name: "business day", flow: contract.SettlementDay, state: record.Succeeded,
		world: func() *world { return &world{books: books{day: settlementDay(dayRunID)}} },
		diary: []string{"begin " + dayRunID, "move " + dayRunID + " SUCCEEDED"}},
	{name: "no business day", flow: contract.SettlementDay, state: record.Succeeded,
		world: func() *world { return &world{books: books{day: contract.ScheduledDay{Skip: true}}} }, diary: nil},
	{name: "run there already", flow: contract.SettlementDay, state: record.Succeeded, taken: contract.WorkflowID(takenRun),
		world: func() *world { return &world{books: books{day: settlementDay(takenRun)}} }, diary: nil},
}
