package audit_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/audit"
	"durapay/services/money/ledger"
)

func TestAMarketPasses(t *testing.T) {
	m := newMarket(newWorld(t))
	report := m.audit()
	out := text(t, report)
	require.True(t, report.Passed(), out)
	require.Contains(t, section(out, "I4"), "not noticed 1,")
	require.Contains(t, section(out, "I5"), "statements PAID 4,")
	require.Contains(t, section(out, "I5"), "in flight 3 postings")
	require.Contains(t, section(out, "I7"), "postings behind 1,")
	t.Log("\n" + out)
}

// damage is something that must not happen to a market, and who has to notice.
type damage struct {
	name  string
	do    func(*market)
	fails []string // the invariants, all of them
	names string   // what the report has to name
}

// change is an edit behind the platform's back.
func change(database, q string, args ...any) func(*market) {
	return func(m *market) { m.exec(database, q, args...) }
}

func (m *market) scheduled() (statementID string) {
	require.NoError(m.t, m.dbs["settlement"].Get(&statementID, `SELECT id FROM statements WHERE payout_state = 'SCHEDULED' AND dry = 0`))
	return statementID
}

func damages(m *market) []damage {
	scheduled := m.scheduled()
	runOf := func(statementID string) (run string) {
		require.NoError(m.t, m.dbs["settlement"].Get(&run, `SELECT run_id FROM statements WHERE id = ?`, statementID))
		return run
	}
	return append([]damage{
		{"a payment's fee is raised", change("payment", `UPDATE payments SET fee = fee + 1 WHERE id = ?`, m.uncutPay),
			[]string{"I5"}, m.uncutPay + ": has fee 210 and VAT 20, and 12345 won at 170/10000 make 209 and 20"},
		{"a payment's rate is lowered after its statement", change("payment", `UPDATE payments SET fee_basis_points = 0, fee = 0, vat = 0 WHERE id = ?`, m.paidPay),
			[]string{"I5"}, m.paid.ID + ": says fee"},
		{"a cancel gives back too much", change("payment", `UPDATE cancels SET fee = fee + 1 WHERE id = ?`, m.partCancel),
			[]string{"I5"}, m.partCancel + ": gives back fee"},
		{"a payment forgets a cancel", change("payment", `UPDATE payments SET cancelled_amount = 0, state = 'SETTLED' WHERE id = ?`, m.gonePay),
			[]string{"I5"}, m.gonePay + ": says that 0 won are cancelled, and its cancels make 10000"},
		{"a cancel says that it left more", change("payment", `UPDATE cancels SET remaining = remaining + 1 WHERE id = ?`, m.partCancel),
			[]string{"I5"}, m.partCancel + ": says that it left 66671 won of " + m.paidPay + ", and it left 66670"},
		{"a cancel is of no payment", change("payment", `UPDATE cancels SET payment_id = 'pay_none' WHERE id = ?`, m.goneCancel),
			[]string{"I5"}, m.goneCancel + ": took effect, and there is no such payment"},
		{"a statement's sum is changed", change("settlement", `UPDATE statements SET payment_amount = payment_amount + 1, net = net + 1 WHERE id = ?`, m.failed.ID),
			[]string{"I5", "I6"}, m.failed.ID + ": says 1 payments of 50002 won"},
		{"a statement takes a higher fee", change("settlement", `UPDATE statements SET fee = fee + 1, net = net - 1 WHERE id = ?`, m.returned.ID),
			[]string{"I5", "I6"}, m.returned.ID + ": has fee"},
		{"a statement's net is changed", change("settlement", `UPDATE statements SET net = net + 1 WHERE id = ?`, scheduled),
			[]string{"I5"}, scheduled + ": says net"},
		{"an item is moved to another statement", change("payment", `UPDATE payments SET statement_id = ? WHERE id = ?`, m.taken.ID, m.paidPay),
			[]string{"I5"}, m.taken.ID + ": has items of another franchise"},
		{"an item is taken out of its statement", change("payment", `UPDATE payments SET statement_id = NULL, settled_at = NULL WHERE id = ?`, m.paidPay),
			[]string{"I5"}, m.paid.ID},
		{"a dry run takes an item", change("payment", `UPDATE payments SET statement_id = ? WHERE id = ?`, m.dry.ID, m.uncutPay),
			[]string{"I5"}, m.dry.ID + ": is of a dry run, and 1 payments and 0 cancels are in it"},
		{"an item is in a statement that is not there", change("payment", `UPDATE payments SET statement_id = 'stl_none' WHERE id = ?`, m.uncutPay),
			[]string{"I5"}, "stl_none: 1 items are in it, and it is not on record"},
		{"a statement is gone", change("settlement", `DELETE FROM statements WHERE id = ?`, m.failed.ID),
			[]string{"I5", "I6"}, m.failed.ID},
		{"a dry statement is made a live one", change("settlement", `UPDATE statements SET dry = 0 WHERE id = ?`, m.dry.ID),
			[]string{"I5", "I6"}, m.dry.ID + ": a dry run is mixed up with a live one"},
		{"payments are settled before they are paid", change("payment", `UPDATE payments SET settled_at = NOW(6), state = 'SETTLED' WHERE statement_id = ?`, scheduled),
			[]string{"I5"}, scheduled + ": is SCHEDULED, and payment pay_"},
		{"a paid statement's payments are left open", change("payment", `UPDATE payments SET settled_at = NULL WHERE statement_id = ?`, m.paid.ID),
			[]string{"I5"}, m.paid.ID + ": is PAID, and 1 of its payments are not settled"},
		{"a statement is said to be paid", change("settlement", `UPDATE statements SET payout_state = 'PAID', due = NULL WHERE id = ?`, scheduled),
			[]string{"I5"}, scheduled + ": is PAID at attempt 1, and 0 payouts are on record"},
		{"a paid statement is said to have failed", change("settlement", `UPDATE statements SET payout_state = 'FAILED' WHERE id = ?`, m.paid.ID),
			[]string{"I5"}, m.paid.ID + ": is FAILED, and " + m.paidOut.id + " is SUCCEEDED"},
		{"a payout is said to have failed", change("settlement", `UPDATE payouts SET state = 'FAILED', settled_statement_id = NULL WHERE id = ?`, m.paidOut.id),
			[]string{"I5", "I6"}, m.paidOut.id + ": FAILED, and the ledger has booked it"},
		{"a payout is gone", change("settlement", `DELETE FROM payouts WHERE id = ?`, m.paidOut.id),
			[]string{"I5", "I6"}, m.paidOut.id + ": the ledger has it, and no request asks for it"},
		{"a statement is paid twice", func(m *market) {
			m.exec("settlement", `UPDATE statements SET payout_state = 'SCHEDULED', attempt = 2, due = 1 WHERE id = ?`, m.paid.ID)
			m.exec("settlement", `UPDATE payouts SET settled_statement_id = NULL WHERE id = ?`, m.paidOut.id)
			m.payout(m.paid, m.cafe, 2).succeed()
		}, []string{"I5"}, m.paid.ID + ": " + m.paidOut.id + " is SUCCEEDED, and there is another attempt after it"},
		{"a carry-over is dropped", change("settlement", `UPDATE statements SET net = net - carried_over, carried_over = 0, carried_from = NULL WHERE id = ?`, m.taken.ID),
			[]string{"I5", "I6"}, m.carried.ID + ": is carried over to " + m.taken.ID + ", which does not say so"},
		{"a carry-over is of another amount", change("settlement", `UPDATE statements SET carried_over = carried_over - 1, net = net - 1 WHERE id = ?`, m.taken.ID),
			[]string{"I5", "I6"}, m.taken.ID + ": carries over"},
		{"a carry-over is to be made again", change("settlement", `UPDATE carries SET statement_id = ?, net = -9813 WHERE franchise_id = ?`, m.carried.ID, m.gone.id),
			[]string{"I5"}, m.gone.id + ": its next statement is to take over what no statement leaves"},
		{"a transfer after a refusal that was not for maintenance", change("banking", `UPDATE firmbankings SET reason = 'bank_declined' WHERE reference = ?`, m.paidOut.ref),
			[]string{"I6"}, "and there is another one after it"},
		{"the bank has lost a payout", change("bank", `DELETE FROM entries WHERE account_number = ? AND reference = ?`, corporateNumber, m.paidOut.ref+"/2"),
			[]string{"I4", "I5"}, m.paid.ID + ": fbk_"},
		{"a payout's firmbanking is rejected by its row", change("banking", `UPDATE firmbankings SET state = 'REJECTED', reason = 'bank_declined' WHERE reference = ?`, m.paidOut.ref+"/2"),
			[]string{"I4", "I5", "I6"}, m.paid.ID + ": is PAID with net"},
		{"a fee is not booked", func(m *market) { m.endRun(runOf(scheduled)) },
			[]string{"I5", "I6"}, scheduled + ": its run is SUCCEEDED, and the ledger has not booked its fee"},
		{"a flow tells another outcome of a payout", func(m *market) {
			m.flows.set(m.paid.ID, audit.Ending{Status: audit.FlowCompleted, ID: m.paidOut.id, State: "FAILED"})
		}, []string{"I6"}, m.paidOut.id + ": SUCCEEDED, and its flow ended with FAILED"},
		{"a flow tells another outcome of a payment", func(m *market) {
			m.flows.set(m.uncutPay, audit.Ending{Status: audit.FlowCompleted, ID: m.uncutPay, State: "FAILED", Fingerprint: "pay"})
		}, []string{"I6"}, m.uncutPay + ": APPROVED, and its flow ended with FAILED"},
	}, moreDamages(m)...)
}

func moreDamages(m *market) []damage {
	return []damage{
		{"a payable's balance is raised", change("money", `UPDATE ledger_accounts SET balance = balance + 1 WHERE id = ?`, m.payable(m.cafe)),
			[]string{"I2", "I5"}, m.payable(m.cafe) + ": owes"},
		{"a franchise is owed what nobody paid", func(m *market) {
			m.leg(ledger.Correction, "gift", "gift", ledger.Suspense, m.payable(m.cafe), 100)
		}, []string{"I5", "I6"}, m.payable(m.cafe) + ": owes"},
		{"a payable is closed", change("money", `UPDATE ledger_accounts SET state = 'CLOSED' WHERE id = ?`, m.payable(m.gone)),
			[]string{"I5"}, m.payable(m.gone) + ": its franchise is registered, and it is no open payable"},
		{"a franchise is gone", change("franchise", `DELETE FROM franchises WHERE id = ?`, m.gone.id),
			[]string{"I5"}, m.payable(m.gone) + ": belongs to no franchise"},
		{"a payment is gone", change("payment", `DELETE FROM payments WHERE id = ?`, m.uncutPay),
			[]string{"I5", "I6"}, m.uncutPay + ": the ledger has it, and no request asks for it"},
		{"a payment's amount is changed", change("payment", `UPDATE payments SET amount = amount + 1 WHERE id = ?`, m.uncutPay),
			[]string{"I5", "I6"}, m.uncutPay + ": asks for 12346 won and the ledger says 12345"},
		{"a payment is another franchise's", change("payment", `UPDATE payments SET franchise_id = ? WHERE id = ?`, m.mart.id, m.uncutPay),
			[]string{"I5", "I6"}, m.uncutPay},
		{"a payment that is done is said to have failed", change("payment", `UPDATE payments SET state = 'FAILED', approved_at = NULL, order_claim = NULL WHERE id = ?`, m.uncutPay),
			[]string{"I5", "I6"}, m.uncutPay + ": FAILED, and the ledger has moved the money"},
		{"a cancel that is done is said to have failed", change("payment", `UPDATE cancels SET state = 'FAILED', approved_at = NULL WHERE id = ?`, m.lateCancel),
			[]string{"I5", "I6"}, m.lateCancel + ": FAILED, and the ledger has moved the money"},
		{"a deposit's notice is gone", change("banking", `DELETE FROM bank_notices WHERE id = ?`, m.depositNotice.id),
			[]string{"I4", "I6"}, m.depositNotice.id + ": the ledger has it, and no request asks for it"},
		{"a deposit's notice tells of more", change("banking", `UPDATE bank_notices SET amount = amount + 1 WHERE id = ?`, m.depositNotice.id),
			[]string{"I4", "I6"}, m.depositNotice.id},
		{"a deposit is given to somebody", func(m *market) {
			m.depositNotice.credit(m.payable(m.cafe))
		}, []string{"I5", "I6"}, m.depositNotice.id + ": the ledger gives it to somebody, and it is nobody's"},
		{"a deposit is booked that the bank does not have", change("bank", `DELETE FROM entries WHERE reference LIKE 'BDP%' AND amount = 11000`),
			[]string{"I4"}, m.depositNotice.id + ": DEPOSIT of 11000 won, and the bank has no such movement"},
		{"a notice's flow ended without booking", func(m *market) {
			m.tellDeposit(m.deposit(17_000), 17_000).end()
		}, []string{"I4", "I6"}, "SUCCEEDED, and the ledger has no posting"},
		{"a transfer that came back is said to be settled", change("banking", `UPDATE firmbankings SET state = 'SETTLED', reason = '' WHERE reference = ?`, m.remBackRef),
			[]string{"I6"}, m.remBack + ": RETURNED, and firmbanking"},
		{"a transfer came back, and no notice says so", change("banking", `UPDATE bank_notices SET firmbanking_id = NULL WHERE id = ?`, m.remReturn.id),
			[]string{"I6"}, m.remBack},
		{"the bank has lost a return", change("bank", `DELETE FROM entries WHERE account_number = ? AND reference = ?`, corporateNumber, m.remBackRef+"/return"),
			[]string{"I4"}, m.remReturn.id + ": TRANSFER_RETURNED of 7000 won, and the bank has no such movement"},
		{"a returned remittance is said to have arrived", change("remittance", `UPDATE remittances SET state = 'SUCCEEDED' WHERE id = ?`, m.remBack),
			[]string{"I6"}, m.remReturn.id + ": SUCCEEDED, and " + m.remBack + " is SUCCEEDED"},
		{"a returned payout is said to be paid", func(m *market) {
			m.exec("settlement", `UPDATE statements SET payout_state = 'PAID' WHERE id = ?`, m.returned.ID)
			m.exec("settlement", `UPDATE payouts SET state = 'SUCCEEDED' WHERE statement_id = ?`, m.returned.ID)
		}, []string{"I5", "I6"}, m.payoutReturn.id + ": SUCCEEDED, and " + m.returned.ID + "/1 is SUCCEEDED"},
		{"a remittance to a bank went to another bank", change("remittance", `UPDATE remittances SET bank_code = '004' WHERE id = ?`, m.remOut),
			[]string{"I6"}, m.remOut},
		{"a day's total is lowered", change("remittance", `UPDATE sender_days SET total = total - 1 WHERE sender_id = ?`, m.ann.id),
			[]string{"I6"}, m.ann.id + ": has sent 5999 won on"},
		{"a day's total is gone", change("remittance", `DELETE FROM sender_days WHERE sender_id = ?`, m.ann.id),
			[]string{"I6"}, m.ann.id + ": has sent 0 won on"},
		{"a remittance that was returned is counted", change("remittance", `UPDATE remittances SET counted_day = '2026-01-01' WHERE id = ?`, m.remBack),
			[]string{"I6"}, m.remBack + ": has sent nothing, and is counted for its day"},

		{"a region has more than its members", change("moneyquery", `UPDATE region_totals SET balance = balance + 1 WHERE region = 'SEOUL'`),
			[]string{"I7"}, "SEOUL: has 2 members with"},
		{"a region is gone", change("moneyquery", `DELETE FROM region_totals WHERE region = 'SEOUL'`),
			[]string{"I7"}, "SEOUL: has 0 members with 0 won in the model, and 2 with"},
		{"a member is missing from a region", change("moneyquery", `UPDATE region_totals SET members = 1 WHERE region = 'SEOUL'`),
			[]string{"I7"}, "SEOUL: has 1 members"},
		{"a region took in more", change("moneyquery", `UPDATE region_inflows SET amount = amount + 1 WHERE region = 'SEOUL'`),
			[]string{"I7"}, "SEOUL: took in 1000001 won on " + today().String()},
		{"a member's inflow is gone", change("moneyquery", `DELETE FROM member_inflows WHERE member_id = ?`, m.ann.id),
			[]string{"I7"}, m.ann.id + ": took in 0 won on " + today().String() + " by the model, and 900000 by the journal"},
		{"a member has more in the model", change("moneyquery", `UPDATE member_money SET balance = balance + 1 WHERE member_id = ?`, m.ben.id),
			[]string{"I7"}, m.ben.id + ": has"},
		{"a member lives elsewhere in the model", change("moneyquery", `UPDATE member_money SET region = 'JEJU' WHERE member_id = ?`, m.ann.id),
			[]string{"I7"}, m.ann.id + ": lives in"},
		{"a stranger has money in the model", change("moneyquery", `INSERT INTO member_money VALUES (1, 'mem_x', '', 5)`),
			[]string{"I7"}, "3 members have money in the model, and 2 of them have a wallet"},
		{"the model has skipped a posting", change("moneyquery", `UPDATE generations SET journal_seq = journal_seq + 1`),
			[]string{"I7"}, m.ann.id + ": has"},
		{"the model is ahead of the journal", change("moneyquery", `UPDATE generations SET region_seq = 99`),
			[]string{"I7"}, "projection: is at posting"},
		{"no generation is live", change("moneyquery", `DELETE FROM generations`), []string{"I7"}, "projection: has no live generation"},
	}
}

func TestEveryDamageIsFoundAndNamed(t *testing.T) {
	m := newMarket(newWorld(t))
	m.unbounded()
	m.loosen()
	restore, endings := m.backup(), copyOf(m.flows.endings)
	for _, d := range damages(m) {
		t.Run(d.name, func(t *testing.T) {
			d.do(m)
			report := m.audit()
			out := text(t, report)
			require.Equal(t, d.fails, report.Failed(), out)
			require.Contains(t, out, d.names)
		})
		restore()
		m.flows.endings = copyOf(endings)
	}
	require.True(t, m.audit().Passed(), "the books are as they were")
}

// Members who pay, franchises that give back, and a settlement under way: the books
// are sound at every moment, however they are read.
func TestAMarketAtWorkIsNoBreach(t *testing.T) {
	m := newMarket(newWorld(t))
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	for n := range 3 {
		buyer, s := m.newMember(fmt.Sprintf("1300000000000%d", n), true), []shop{m.cafe, m.mart, m.newShop(fmt.Sprintf("2400000000000%d", n))}[n]
		m.topUp(buyer, 1_000_000).succeed()
		m.livesIn(buyer, "JEJU")
		work.Go(func() {
			for ctx.Err() == nil {
				m.giveBack(buyer, s, m.pay(buyer, s, 3_001), 1_000)
				m.giveBack(buyer, s, m.pay(buyer, s, 2_002), 0)
				m.pay(buyer, s, 10)
			}
		})
	}
	work.Go(func() {
		for days := 6; days < 30 && ctx.Err() == nil; days++ {
			for i, st := range m.settle(days, m.cafe, m.mart) {
				if st.Net > 0 {
					m.world.payout(st, []shop{m.cafe, m.mart}[i], 1).succeed()
				}
			}
			m.project()
		}
	})
	for range 8 {
		if report := m.audit(); !report.Passed() {
			t.Error(text(t, report))
		}
	}
	stop()
	work.Wait()
	report := m.audit()
	t.Log("\n" + text(t, report))
	require.True(t, report.Passed())
}
