package workflows_test

import (
	"durapay/errs"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

var (
	payIn     = contract.Payment{ID: payID, MembershipID: hana, FranchiseID: cafe, OrderID: "order-1", Amount: 25_000, Fingerprint: "f"}
	payIn2    = contract.Payment{ID: payID2, MembershipID: hana, FranchiseID: cafe, OrderID: "order-2", Amount: 25_000, Fingerprint: "f"}
	autoPayIn = contract.Payment{ID: payID, MembershipID: hana, FranchiseID: cafe, OrderID: "order-1", Amount: 25_000, AutoTopUpAccountID: account, Fingerprint: "f"}

	listening = contract.Terms{Exists: true, Active: true, FeeBasisPoints: 150, Webhook: true}
)

var payments = []scenario{
	{name: "approved", flow: contract.PaymentFlow, in: payIn, state: record.Succeeded,
		world: func() *world { return &world{} }, diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE
			fee 150
			move $PAY SUCCEEDED`)},
	{name: "approved and told", flow: contract.PaymentFlow, in: payIn, state: record.Succeeded,
		world: func() *world { return &world{terms: &listening} }, diary: append(lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE
			fee 150
			move $PAY SUCCEEDED`), told(contract.PaymentApproved, payID)...)},
	{name: "approved by a run that told nobody", flow: contract.PaymentFlow, in: payIn2, state: record.Succeeded,
		world: func() *world {
			return &world{terms: &listening, books: books{ended: map[string]contract.Begun{payID2: {State: record.Succeeded, Fingerprint: "f"}}}}
		}, diary: append(lines(`begin $PAY2`), told(contract.PaymentApproved, payID2)...)},
	{name: "told by a run that was lost", flow: contract.PaymentFlow, in: payIn, state: record.Succeeded,
		taken: contract.WorkflowID(deliveryOf(contract.PaymentApproved, payID)),
		world: func() *world { return &world{terms: &listening} }, diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE
			fee 150
			move $PAY SUCCEEDED`)},
	{name: "member deactivated", flow: contract.PaymentFlow, in: payIn, state: record.Failed, code: errs.MemberDeactivated.Code,
		world: func() *world { return &world{members: inactive(hana)} }, diary: lines(`
			begin $PAY
			RELEASE $PAY
			move $PAY FAILED member_deactivated`)},
	{name: "franchise unknown", flow: contract.PaymentFlow, in: payIn, state: record.Failed, code: errs.FranchiseNotFound.Code,
		world: func() *world { return &world{terms: &contract.Terms{}} }, diary: lines(`
			begin $PAY
			RELEASE $PAY
			move $PAY FAILED franchise_not_found`)},
	{name: "franchise inactive", flow: contract.PaymentFlow, in: payIn, state: record.Failed, code: errs.FranchiseInactive.Code,
		world: func() *world { return &world{terms: &contract.Terms{Exists: true}} }, diary: lines(`
			begin $PAY
			RELEASE $PAY
			move $PAY FAILED franchise_inactive`)},
	{name: "order id taken", flow: contract.PaymentFlow, in: payIn, state: record.Failed, code: errs.OrderIDTaken.Code,
		world: func() *world { return &world{refusal: record.FailureOf(errs.OrderIDTaken), terms: &listening} }, diary: lines(`
			begin $PAY
			move $PAY FAILED order_id_taken`)},
	{name: "insufficient", flow: contract.PaymentFlow, in: payIn, state: record.Failed, code: errs.InsufficientBalance.Code,
		world: func() *world { return &world{refuse: map[string][]record.Failure{payID: {short}}, terms: &listening} }, diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE insufficient_balance
			RELEASE $PAY
			move $PAY FAILED insufficient_balance`)},
	{name: "topped up first", flow: contract.PaymentFlow, in: autoPayIn, state: record.Succeeded,
		world: func() *world {
			return &world{submit: accepted, refuse: map[string][]record.Failure{payID: {short}}}
		}, diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE insufficient_balance
			begin $FILL
			HOLD $FILL 30000 $BANK>$HANA
			prepare DEBIT topup/$FILL/debit 30000
			submit
			CAPTURE $FILL
			move $FILL SUCCEEDED
			set top-up $FILL
			POST $PAY 25000 $HANA>$CAFE
			fee 150
			move $PAY SUCCEEDED`)},
	{name: "another fee after the top-up", flow: contract.PaymentFlow, in: autoPayIn, state: record.Succeeded,
		world: func() *world {
			return &world{submit: accepted, refuse: map[string][]record.Failure{payID: {short}}, later: &contract.Terms{Exists: true, Active: true, FeeBasisPoints: 300}}
		},
		diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE insufficient_balance
			begin $FILL
			HOLD $FILL 30000 $BANK>$HANA
			prepare DEBIT topup/$FILL/debit 30000
			submit
			CAPTURE $FILL
			move $FILL SUCCEEDED
			set top-up $FILL
			POST $PAY 25000 $HANA>$CAFE
			fee 300
			move $PAY SUCCEEDED`)},
	{name: "franchise deactivated during the top-up", flow: contract.PaymentFlow, in: autoPayIn, state: record.Failed, code: errs.FranchiseInactive.Code,
		world: func() *world {
			return &world{submit: accepted, refuse: map[string][]record.Failure{payID: {short}}, later: &contract.Terms{Exists: true}}
		},
		diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE insufficient_balance
			begin $FILL
			HOLD $FILL 30000 $BANK>$HANA
			prepare DEBIT topup/$FILL/debit 30000
			submit
			CAPTURE $FILL
			move $FILL SUCCEEDED
			set top-up $FILL
			RELEASE $PAY
			move $PAY FAILED franchise_inactive`)},
	{name: "cancelled while the top-up is at the bank", flow: contract.PaymentFlow, in: autoPayIn, state: record.Cancelled, code: errs.FlowCancelled.Code, cancel: "submit",
		long: true, // on a server the request may meet the top-up's last task, which is then run twice
		world: func() *world {
			return &world{submit: accepted, refuse: map[string][]record.Failure{payID: {short}}}
		},
		diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE insufficient_balance
			begin $FILL
			HOLD $FILL 30000 $BANK>$HANA
			prepare DEBIT topup/$FILL/debit 30000
			submit
			CAPTURE $FILL
			move $FILL SUCCEEDED
			set top-up $FILL
			RELEASE $PAY
			move $PAY CANCELLED cancelled`)},
	{name: "more than a wallet holds", flow: contract.PaymentFlow, in: autoPayIn, state: record.Failed, code: errs.AutoTopUpFailed.Code,
		world: func() *world {
			return &world{refuse: map[string][]record.Failure{payID: {record.FailureOf(errs.InsufficientBalance.With("available", 0).With("needed", 2_000_001))}}}
		}, diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE insufficient_balance
			RELEASE $PAY
			move $PAY FAILED auto_top_up_failed`)},
	{name: "top-up refused", flow: contract.PaymentFlow, in: autoPayIn, state: record.Failed, code: errs.AutoTopUpFailed.Code,
		world: func() *world {
			return &world{submit: noFunds, refuse: map[string][]record.Failure{payID: {short}}}
		}, diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE insufficient_balance
			begin $FILL
			HOLD $FILL 30000 $BANK>$HANA
			prepare DEBIT topup/$FILL/debit 30000
			submit
			abandon debit
			RELEASE $FILL
			move $FILL FAILED bank_insufficient_funds
			set top-up $FILL
			RELEASE $PAY
			move $PAY FAILED auto_top_up_failed`)},
	{name: "top-up runs already", flow: contract.PaymentFlow, in: autoPayIn, state: record.Succeeded, long: true,
		taken: contract.WorkflowID(contract.AutoTopUpID(payID)),
		world: func() *world { return &world{refuse: map[string][]record.Failure{payID: {short}}} }, diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE insufficient_balance
			set top-up $FILL
			POST $PAY 25000 $HANA>$CAFE
			fee 150
			move $PAY SUCCEEDED`)},
	{name: "cancelled before the top-up", flow: contract.PaymentFlow, in: autoPayIn, state: record.Cancelled, code: errs.FlowCancelled.Code, cancel: "POST",
		world: func() *world { return &world{refuse: map[string][]record.Failure{payID: {short}}} }, diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE insufficient_balance
			RELEASE $PAY
			move $PAY CANCELLED cancelled`)},
	{name: "not cancellable", flow: contract.PaymentFlow, in: payIn, state: record.Succeeded, cancel: "POST",
		world: func() *world { return &world{} }, diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE
			fee 150
			move $PAY SUCCEEDED`)},
	{name: "posted by a run that was lost", flow: contract.PaymentFlow, in: payIn, state: record.Succeeded,
		world: func() *world {
			return &world{members: inactive(hana), refuse: refusedOnce(payID+"/release", errs.LedgerHoldNotFound)}
		}, diary: lines(`
			begin $PAY
			RELEASE $PAY
			fee 150
			move $PAY SUCCEEDED`)},
	{name: "refused by a run that was lost", flow: contract.PaymentFlow, in: payIn, state: record.Failed, code: errs.Interrupted.Code,
		world: func() *world { return &world{refuse: refusedOnce(payID, errs.LedgerReferenceReused)} }, diary: lines(`
			begin $PAY
			POST $PAY 25000 $HANA>$CAFE ledger_reference_reused
			RELEASE $PAY
			move $PAY FAILED interrupted`)},
	{name: "repeat of an ended one", flow: contract.PaymentFlow, in: payIn, state: record.Failed, code: errs.FranchiseInactive.Code,
		world: func() *world {
			return &world{begun: contract.Begun{State: record.Failed, Failure: record.FailureOf(errs.FranchiseInactive), Fingerprint: "f"}, terms: &listening}
		}, diary: lines(`begin $PAY`)},
	{name: "key reused", flow: contract.PaymentFlow, in: payIn, state: record.Failed, code: errs.IdempotencyReused.Code,
		world: func() *world {
			return &world{begun: contract.Begun{State: record.Succeeded, Fingerprint: "another"}, terms: &listening}
		}, diary: lines(`begin $PAY`)},
}

// told is the diary of a message that is taken at once.
func told(kind, recordID string) []string {
	delivery := deliveryOf(kind, recordID)
	return []string{"begin " + delivery, "deliver", "move " + delivery + " SUCCEEDED"}
}

var (
	cancelIn  = contract.Cancel{ID: cancelID, PaymentID: payID, FranchiseID: cafe, AskedBy: cafe, Reason: "reason", Fingerprint: "f"}
	cancelIn2 = contract.Cancel{ID: cancelID2, PaymentID: payID, FranchiseID: cafe, AskedBy: cafe, Reason: "reason", Fingerprint: "f"}
	paidBack  = contract.BegunCancel{PaymentID: payID, MembershipID: hana, FranchiseID: cafe, OrderID: "order-1", Amount: 25_000}
)

var cancels = []scenario{
	{name: "in full", flow: contract.CancelFlow, in: cancelIn, state: record.Succeeded,
		world: func() *world { return &world{cancelled: paidBack} }, diary: lines(`
			begin $CXL
			POST $CXL 25000 $CAFE>$HANA
			move $CXL SUCCEEDED`)},
	{name: "told", flow: contract.CancelFlow, in: cancelIn, state: record.Succeeded,
		world: func() *world { return &world{cancelled: paidBack, terms: &listening} }, diary: append(lines(`
			begin $CXL
			POST $CXL 25000 $CAFE>$HANA
			move $CXL SUCCEEDED`), told(contract.PaymentCancelled, cancelID)...)},
	{name: "done by a run that told nobody", flow: contract.CancelFlow, in: cancelIn2, state: record.Succeeded,
		world: func() *world {
			return &world{cancelled: paidBack, terms: &listening, books: books{ended: map[string]contract.Begun{cancelID2: {State: record.Succeeded, Fingerprint: "f"}}}}
		}, diary: append(lines(`begin $CXL2`), told(contract.PaymentCancelled, cancelID2)...)},
	{name: "member full", flow: contract.CancelFlow, in: cancelIn, state: record.Failed, code: errs.MemberLimit.Code,
		world: func() *world {
			return &world{cancelled: paidBack, terms: &listening, refuse: refusedOnce(cancelID, errs.BalanceLimit.With("room", 17))}
		}, diary: lines(`
			begin $CXL
			POST $CXL 25000 $CAFE>$HANA balance_limit_exceeded
			RELEASE $CXL
			move $CXL FAILED member_limit_exceeded`)},
	{name: "more than is left", flow: contract.CancelFlow, in: cancelIn, state: record.Failed, code: errs.CancelExceeded.Code,
		world: func() *world {
			return &world{cancelled: paidBack, terms: &listening, refusal: record.FailureOf(errs.CancelExceeded)}
		}, diary: lines(`
			begin $CXL
			move $CXL FAILED cancel_amount_exceeded`)},
	{name: "not cancellable itself", flow: contract.CancelFlow, in: cancelIn, state: record.Succeeded, cancel: "begin",
		world: func() *world { return &world{cancelled: paidBack} }, diary: lines(`
			begin $CXL
			POST $CXL 25000 $CAFE>$HANA
			move $CXL SUCCEEDED`)},
	{name: "refused by a run that was lost", flow: contract.CancelFlow, in: cancelIn, state: record.Failed, code: errs.Interrupted.Code,
		world: func() *world {
			return &world{cancelled: paidBack, refuse: refusedOnce(cancelID, errs.LedgerReferenceReused)}
		}, diary: lines(`
			begin $CXL
			POST $CXL 25000 $CAFE>$HANA ledger_reference_reused
			RELEASE $CXL
			move $CXL FAILED interrupted`)},
	{name: "posted by a run that was lost", flow: contract.CancelFlow, in: cancelIn, state: record.Succeeded,
		world: func() *world {
			refuse := refusedOnce(cancelID, errs.BalanceLimit)
			refuse[cancelID+"/release"] = []record.Failure{record.FailureOf(errs.LedgerHoldNotFound)}
			return &world{cancelled: paidBack, refuse: refuse}
		}, diary: lines(`
			begin $CXL
			POST $CXL 25000 $CAFE>$HANA balance_limit_exceeded
			RELEASE $CXL
			move $CXL SUCCEEDED`)},
}
