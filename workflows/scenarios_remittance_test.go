package workflows_test

import (
	"durapay/errs"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

var (
	remIn  = contract.Remittance{ID: remID, SenderID: hana, ReceiverID: duri, Amount: 5_000, Fingerprint: "f"}
	autoIn = contract.Remittance{ID: remID, SenderID: hana, ReceiverID: duri, Amount: 25_000, AutoTopUpAccountID: account, Fingerprint: "f"}
)

var remittances = []scenario{
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
}
