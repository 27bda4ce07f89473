package workflows_test

import (
	"slices"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

var (
	noticeIn = contract.BankNotice{ID: noticeID}
	deposit  = contract.Notice{Amount: 5_000}
	comeBack = contract.Notice{Returned: true, Amount: 5_000}
)

// returnOf is a transfer of a flow's that came back.
func returnOf(flowID, member string) contract.Returned {
	return contract.Returned{FlowID: flowID, MembershipID: member, Reason: record.FailureOf(errs.BankAccountClosed)}
}

// parked is a world in which the wallet has no room for what came back, so often.
func parked(times int) func() *world {
	return func() *world {
		refuse := map[string][]record.Failure{noticeID + "/credit": slices.Repeat([]record.Failure{record.FailureOf(errs.BalanceLimit)}, times)}
		return &world{notice: comeBack, returned: returnOf(wdrID, hana), refuse: refuse}
	}
}

// parkedDiary is what such a world sees before the credit is made.
func parkedDiary(times int) []string {
	return slices.Concat(lines(`
		begin $BNO
		return
		POST $BNO 5000 $BANK>$OPEN`), slices.Repeat(lines(`
		POST $BNO/credit 5000 $OPEN>$HANA balance_limit_exceeded
		move $BNO WAITING
		move $BNO PROCESSING`), times))
}

var bankNotices = []scenario{
	{name: "deposit", flow: contract.BankNoticeFlow, in: noticeIn, state: record.Succeeded,
		world: func() *world { return &world{notice: deposit} }, diary: lines(`
			begin $BNO
			POST $BNO 5000 $BANK>$OPEN
			move $BNO SUCCEEDED`)},
	{name: "return of a withdrawal", flow: contract.BankNoticeFlow, in: noticeIn, state: record.Succeeded,
		world: func() *world { return &world{notice: comeBack, returned: returnOf(wdrID, hana)} }, diary: lines(`
			begin $BNO
			return
			POST $BNO 5000 $BANK>$OPEN
			POST $BNO/credit 5000 $OPEN>$HANA
			move $WDR RETURNED bank_returned
			move $BNO SUCCEEDED`)},
	{name: "return of a bank remittance", flow: contract.BankNoticeFlow, in: noticeIn, state: record.Succeeded,
		world: func() *world { return &world{notice: comeBack, returned: returnOf(remID, hana)} }, diary: lines(`
			begin $BNO
			return
			POST $BNO 5000 $BANK>$OPEN
			POST $BNO/credit 5000 $OPEN>$HANA
			move $REM RETURNED bank_returned
			move $BNO SUCCEEDED`)},
	{name: "return of a payout", flow: contract.BankNoticeFlow, in: noticeIn, state: record.Succeeded,
		world: func() *world { return &world{notice: comeBack, returned: returnOf(stmtID+"/1", "")} }, diary: lines(`
			begin $BNO
			return
			POST $BNO 5000 $BANK>$OPEN
			POST $BNO/credit 5000 $OPEN>$CAFE
			move $STM/1 RETURNED bank_returned
			move $BNO SUCCEEDED`)},
	{name: "return of an operator's transfer", flow: contract.BankNoticeFlow, in: noticeIn, state: record.Succeeded,
		world: func() *world { return &world{notice: comeBack, returned: returnOf(fbkID, "")} }, diary: lines(`
			begin $BNO
			return
			POST $BNO 5000 $BANK>$OPEN
			move $BNO SUCCEEDED`)},
	{name: "return of an unknown transfer", flow: contract.BankNoticeFlow, in: noticeIn, state: record.Succeeded,
		world: func() *world {
			return &world{notice: comeBack, returned: contract.Returned{Failure: record.FailureOf(errs.FirmbankingNotFound)}}
		}, diary: lines(`
			begin $BNO
			return firmbanking_not_found
			POST $BNO 5000 $BANK>$OPEN
			move $BNO SUCCEEDED`)},
	{name: "returned before", flow: contract.BankNoticeFlow, in: noticeIn, state: record.Failed, code: errs.BankReturned.Code,
		world: func() *world {
			return &world{notice: comeBack, returned: contract.Returned{Failure: record.FailureOf(errs.BankReturned)}}
		}, diary: lines(`
			begin $BNO
			return bank_returned
			move $BNO FAILED bank_returned`)},
	{name: "repeat", flow: contract.BankNoticeFlow, in: noticeIn, state: record.Succeeded,
		world: func() *world { return &world{begun: contract.Begun{State: record.Succeeded}, notice: comeBack} }, diary: lines(`begin $BNO`)},
	{name: "not cancellable", flow: contract.BankNoticeFlow, in: noticeIn, state: record.Succeeded, cancel: "begin",
		world: func() *world { return &world{notice: comeBack, returned: returnOf(wdrID, hana)} }, diary: lines(`
			begin $BNO
			return
			POST $BNO 5000 $BANK>$OPEN
			POST $BNO/credit 5000 $OPEN>$HANA
			move $WDR RETURNED bank_returned
			move $BNO SUCCEEDED`)},
	{name: "parked then credited", flow: contract.BankNoticeFlow, in: noticeIn, state: record.Succeeded, long: true,
		world: parked(2), diary: slices.Concat(parkedDiary(2), lines(`
			POST $BNO/credit 5000 $OPEN>$HANA
			move $WDR RETURNED bank_returned
			move $BNO SUCCEEDED`))},
	{name: "parked for days", flow: contract.BankNoticeFlow, in: noticeIn, long: true, goesOn: noticeIn,
		world: parked(1_000), diary: parkedDiary(200)},
}
