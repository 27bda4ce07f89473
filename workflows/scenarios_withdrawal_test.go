package workflows_test

import (
	"durapay/errs"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

var (
	wdrIn    = contract.Withdrawal{ID: wdrID, MembershipID: hana, BankAccountID: account, Amount: 10_000, Fingerprint: "f"}
	payOutIn = contract.Firmbanking{ID: fbkID, OperatorID: duri, Direction: contract.Credit, BankCode: bankCode, Number: "110234567890", HolderName: "김하나", Amount: 7_000, Fingerprint: "f"}
	collect  = contract.Firmbanking{ID: fbkID, OperatorID: duri, Direction: contract.Debit, BankCode: bankCode, Number: "110234567890", HolderName: "김하나", Amount: 7_000, Fingerprint: "f"}
)

var withdrawals = []scenario{
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
}

var firmbankings = []scenario{
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
