package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/audit"
	"durapay/internal/record"
	"durapay/services/banking"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// scene is a small book with something of everything in it.
type scene struct {
	*world
	ann, ben                                   member
	topUp, paidOut, deposit, payment, inFlight *transfer
	declined, cancelled, sending               *transfer
	sent, refused                              string // remittances
}

func newScene(t testing.TB) *scene {
	w := newWorld(t)
	s := &scene{world: w, ann: w.newMember("11000000000001", true), ben: w.newMember("11000000000002", false)}
	s.topUp = w.topUp(s.ann, 500_000).succeed()
	s.paidOut = w.withdrawal(s.ann, 30_000).succeed()
	s.deposit = w.operators(s.ann, banking.Debit, 70_000).succeed()
	s.payment = w.operators(s.ben, banking.Credit, 20_000).succeed()
	auto := w.topUp(s.ben, 40_000).succeed()
	s.sent = w.remit(s.ben, s.ann, 35_000, auto.id, record.Succeeded)
	s.refused = w.remit(s.ben, s.ann, 900_000, "", record.Failed)

	w.callBank("PUT", "/v1/faults", `{"rules":[{"match":{"operation":"TRANSFER"},"effect":{"type":"DECLINE","reason":"LIMIT_EXCEEDED"}}]}`, http.StatusOK)
	s.declined = w.topUp(s.ann, 10_000).begin().hold().prepare().submit(banking.Rejected).release().end(record.Failed)
	w.operators(s.ann, banking.Debit, 5_000).begin().hold().submit(banking.Rejected).release().end(record.Failed)
	w.callBank("PUT", "/v1/faults", `{"rules":[{"match":{"operation":"TRANSFER"},"effect":{"type":"ERROR_AFTER"}}]}`, http.StatusOK)
	s.inFlight = w.topUp(s.ben, 8_000).begin().hold().prepare().submit(banking.Unknown) // the bank has moved it, and nobody knows
	w.callBank("PUT", "/v1/faults", `{"rules":[{"match":{"operation":"TRANSFER"},"effect":{"type":"ERROR"}}]}`, http.StatusOK)
	s.sending = w.withdrawal(s.ann, 3_000).begin().hold().prepare().submit(banking.Unknown)
	w.callBank("DELETE", "/v1/faults", "", http.StatusNoContent)
	s.cancelled = w.topUp(s.ann, 1_000).begin().release().end(record.Cancelled) // the hold had not been made: its ref is burnt
	w.topUp(s.ann, 2_000).begin().hold()

	gone := w.newMember("11000000000003", false)
	require.NoError(t, w.money.CloseUnusedWallets(t.Context(), []string{gone.id}, "open/"+gone.id))
	w.exec("membership", `DELETE FROM members WHERE id = ?`, gone.id)
	return s
}

func (s *scene) wallet(m member) string { return ledger.WalletAccount(m.id) }

func text(t testing.TB, r audit.Report) string {
	var b bytes.Buffer
	require.NoError(t, r.WriteText(&b))
	return b.String()
}

func TestUntouchedBooksPass(t *testing.T) {
	s := newScene(t)
	report := s.audit()
	out := text(t, report)
	require.True(t, report.Passed(), out)
	require.True(t, strings.HasSuffix(out, "\naudit passed\n"), out)
	require.Contains(t, out, "float 560000 + in transit 8000 + opening 0 = bank 568000 won")
	require.Contains(t, out, "by "+s.inFlight.id)
	for _, personal := range []string{"김하나", s.ann.number, s.ben.number, corporateNumber} {
		require.NotContains(t, out, personal)
	}
	t.Log("\n" + out)

	var b bytes.Buffer
	require.NoError(t, report.WriteJSON(&b))
	var decoded struct {
		Passed     bool
		Invariants []audit.Invariant
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &decoded))
	require.True(t, decoded.Passed)
	require.Equal(t, report.Invariants, decoded.Invariants)
}

// tampering is something that must not happen, and who has to notice.
type tampering struct {
	name  string
	do    func(*scene)
	fails []string // the invariants, all of them
	names string   // what the report has to name
}

func tamperings(s *scene) []tampering {
	wallet := s.wallet(s.ann)
	fbk := func(t *transfer) string { f, _ := t.firmbanking(); return f }
	seqOf := func(s *scene, ref string) (seq int64) {
		require.NoError(s.t, s.dbs["money"].Get(&seq, `SELECT seq FROM ledger_postings WHERE ref = ?`, ref))
		return seq
	}
	return []tampering{
		{"an account's balance is raised", func(s *scene) {
			s.exec("money", `UPDATE ledger_accounts SET balance = balance + 1 WHERE id = ?`, wallet)
		}, []string{"I2"}, wallet},
		{"the float's balance is lowered", func(s *scene) {
			s.exec("money", `UPDATE ledger_accounts SET balance = balance - 7 WHERE id = 'system/bank-float'`)
		}, []string{"I2", "I4"}, "a difference of -7 won"},
		{"a reserved amount is changed", func(s *scene) {
			s.exec("money", `UPDATE ledger_accounts SET pending_out = pending_out - 1 WHERE id = ?`, wallet)
		}, []string{"I2"}, wallet},
		{"an entry is missing", func(s *scene) {
			s.exec("money", `DELETE FROM ledger_entries WHERE seq = ? AND line = 1`, seqOf(s, s.topUp.id+"/capture"))
		}, []string{"I1", "I2", "I3", "I6", "I8"}, s.topUp.id + "/capture"},
		{"both entries of a posting are missing", func(s *scene) {
			s.exec("money", `DELETE FROM ledger_entries WHERE seq = ?`, seqOf(s, s.sent))
		}, []string{"I1", "I2", "I6", "I8"}, s.sent},
		{"an entry belongs to no posting", func(s *scene) {
			s.exec("money", `INSERT INTO ledger_entries VALUES (999999, 0, ?, -1, 0, NOW(6)), (999999, 1, 'system/suspense', 1, 0, NOW(6))`, wallet)
		}, []string{"I1", "I2"}, "entry 999999/0"},
		{"a posting is made bigger on both sides", func(s *scene) {
			s.exec("money", `UPDATE ledger_entries SET amount = amount + SIGN(amount) WHERE seq = ?`, seqOf(s, s.sent))
		}, []string{"I1", "I2", "I6", "I8"}, s.sent},
		{"a remittance is turned around", func(s *scene) {
			seq := seqOf(s, s.sent)
			s.exec("money", `UPDATE ledger_entries SET account_id = CASE account_id WHEN ? THEN ? ELSE ? END WHERE seq = ?`, wallet, s.wallet(s.ben), wallet, seq)
		}, []string{"I2", "I6", "I8"}, s.sent},
		{"a row of the history is edited", func(s *scene) {
			s.exec("money", `UPDATE ledger_postings SET detail = 'nothing' WHERE ref = ?`, s.sent)
		}, []string{"I8"}, "are not what was sealed"},
		{"a row of the history is deleted", func(s *scene) {
			s.exec("money", `DELETE FROM ledger_postings WHERE ref = ?`, s.declined.id+"/release")
		}, []string{"I2", "I6", "I8"}, "missing from the journal"},
		{"a balance in the history is edited", func(s *scene) {
			s.exec("money", `UPDATE ledger_entries SET balance_after = balance_after + 5 WHERE seq = ? AND line = 1`, seqOf(s, s.sent))
		}, []string{"I2", "I8"}, wallet},
		{"the last batch is cut off the chain", func(s *scene) {
			s.exec("money", `DELETE FROM ledger_batches ORDER BY batch_no DESC LIMIT 1`)
		}, []string{"I8"}, "is in no batch"},
		{"a batch is sealed anew", func(s *scene) {
			s.exec("money", `UPDATE ledger_batches SET hash = REPEAT('x', 32) WHERE batch_no = 5`)
		}, []string{"I8"}, "batch 6"},
		{"a hold's row lies", func(s *scene) {
			s.exec("money", `UPDATE ledger_holds SET state = 'RELEASED' WHERE ref = ?`, s.sending.id)
		}, []string{"I2"}, s.sending.id},
		{"a hold is made up", func(s *scene) {
			s.exec("money", `INSERT INTO ledger_holds VALUES ('made-up', ?, 'system/suspense', 1, 0, 'EXPIRED', NULL)`, wallet)
		}, []string{"I2"}, "made-up"},

		{"a wallet is below zero", func(s *scene) {
			s.exec("money", `UPDATE ledger_accounts SET balance = -5 WHERE id = ?`, wallet)
		}, []string{"I2", "I3"}, wallet + ": is at -5 won"},
		{"a wallet is above its limit", func(s *scene) {
			s.exec("money", `UPDATE ledger_accounts SET ceiling = 1000 WHERE id = ?`, wallet)
		}, []string{"I3"}, "above its limit of 1000"},
		{"a wallet's limit is raised by hand", func(s *scene) {
			s.exec("money", `UPDATE ledger_accounts SET ceiling = 2000000 WHERE id = ?`, s.wallet(s.ben))
		}, []string{"I3"}, s.wallet(s.ben) + ": no posting gives it its limit of 2000000 won"},
		{"a wallet may go below zero", func(s *scene) {
			s.exec("money", `UPDATE ledger_accounts SET floor = -100 WHERE id = ?`, wallet)
		}, []string{"I3"}, wallet},
		{"a wallet's row is gone", func(s *scene) {
			s.exec("money", `DELETE FROM ledger_accounts WHERE id = ?`, wallet)
		}, []string{"I2", "I3"}, wallet},
		{"a wallet has no member", func(s *scene) {
			s.exec("membership", `DELETE FROM members WHERE id = ?`, s.ann.id)
		}, []string{"I3"}, wallet + ": belongs to no member"},
		{"a member has a second wallet", func(s *scene) {
			s.exec("money", `INSERT INTO ledger_accounts SELECT CONCAT(id, '-2'), kind, state, floor, ceiling, 0, 0, 0, opened_seq, opened_at, 0 FROM ledger_accounts WHERE id = ?`, wallet)
		}, []string{"I3"}, wallet + "-2"},

		{"a captured top-up is booked again", func(s *scene) {
			s.topUp.post(ledger.Command{Op: ledger.OpPost, Ref: s.topUp.id + "/again", Kind: ledger.TopUp, FlowID: s.topUp.id,
				Legs: []ledger.Leg{{From: ledger.BankFloat, To: wallet, Amount: 500_000}}})
		}, []string{"I4", "I6"}, s.topUp.id + "/again"},
		{"a top-up is captured twice", func(s *scene) {
			again := "again/" + s.topUp.id
			s.topUp.post(ledger.Command{Op: ledger.OpHold, Ref: again, Kind: ledger.TopUp, From: ledger.BankFloat, To: wallet, Amount: 500_000, FlowID: s.topUp.id})
			s.topUp.post(ledger.Command{Op: ledger.OpCapture, Ref: again + "/capture", HoldRef: again})
		}, []string{"I4", "I6"}, "again/" + s.topUp.id},
		{"less is captured than was asked for", func(s *scene) {
			s.sending.post(ledger.Command{Op: ledger.OpCapture, Ref: s.sending.id + "/capture", HoldRef: s.sending.id, Amount: 1})
		}, []string{"I4", "I6"}, s.sending.id},
		{"a failed top-up is credited", func(s *scene) {
			s.topUp.post(ledger.Command{Op: ledger.OpPost, Ref: "gift", Kind: ledger.Correction,
				Legs: []ledger.Leg{{From: ledger.Suspense, To: wallet, Amount: 10_000}}})
		}, []string{"I6"}, "gift"},
		{"a request that is over has an open hold", func(s *scene) {
			request := s.world.topUp(s.ann, 100)
			request.begin().hold().end(record.Failed)
		}, []string{"I6"}, "FAILED, and its hold is still open"},

		{"a cancelled request leaves its firmbanking open", func(s *scene) {
			s.world.topUp(s.ann, 100).begin().hold().prepare().release().end(record.Cancelled)
		}, []string{"I6"}, "CANCELLED, and firmbanking"},

		{"a firmbanking is missing", func(s *scene) {
			s.exec("banking", `DELETE FROM firmbankings WHERE id = ?`, fbk(s.topUp))
		}, []string{"I4", "I6"}, s.topUp.id},
		{"a firmbanking's amount is changed", func(s *scene) {
			s.exec("banking", `UPDATE firmbankings SET amount = amount + 1 WHERE id = ?`, fbk(s.paidOut))
		}, []string{"I4", "I6"}, fbk(s.paidOut)},
		{"a firmbanking is turned around", func(s *scene) {
			s.exec("banking", `UPDATE firmbankings SET direction = 'DEBIT' WHERE id = ?`, fbk(s.paidOut))
		}, []string{"I4", "I6"}, fbk(s.paidOut)},
		{"a settled firmbanking is said to be rejected", func(s *scene) {
			s.exec("banking", `UPDATE firmbankings SET state = 'REJECTED', reason = 'bank_declined' WHERE id = ?`, fbk(s.topUp))
		}, []string{"I4", "I6"}, fbk(s.topUp)},
		{"a rejected firmbanking is said to be settled", func(s *scene) {
			s.exec("banking", `UPDATE firmbankings SET state = 'SETTLED', reason = '' WHERE id = ?`, fbk(s.declined))
		}, []string{"I4", "I6"}, fbk(s.declined) + ": SETTLED DEBIT of 10000 won, and the bank has no such movement"},
		{"a firmbanking went to another account", func(s *scene) {
			s.exec("banking", `UPDATE firmbankings SET number_index = REPEAT('x', 32) WHERE id = ?`, fbk(s.paidOut))
		}, []string{"I4"}, fbk(s.paidOut) + ": is for another account"},
		{"a firmbanking that nobody asked for", func(s *scene) {
			stray := s.world.withdrawal(s.ann, 50)
			stray.prepare()
		}, []string{"I6"}, "no request asks for it"},

		{"the bank has a movement that is not ours", func(s *scene) {
			s.callBank("POST", "/v1/transfers", fmt.Sprintf(`{"reference":"hello","from":{"bankCode":"088","accountNumber":%q},
				"to":{"bankCode":"004","accountNumber":%q},"amount":10,"currency":"KRW","validUntil":%q,"memo":""}`,
				s.ann.number, corporateNumber, time.Now().Add(time.Minute).Format(time.RFC3339)), http.StatusOK)
		}, []string{"I4"}, "IN 10 won, and no firmbanking asks for it"},
		{"the bank has lost a movement", func(s *scene) {
			s.exec("bank", `DELETE FROM entries WHERE account_number = ? AND reference = ?`, corporateNumber, contract.WorkflowID(s.topUp.id)+"/debit")
		}, []string{"I4"}, fbk(s.topUp) + ": SETTLED DEBIT of 500000 won, and the bank has no such movement"},
		{"the bank moved another amount", func(s *scene) {
			s.exec("bank", `UPDATE entries SET amount = amount - 1 WHERE account_number = ? AND reference = ?`, corporateNumber, contract.WorkflowID(s.topUp.id)+"/debit")
		}, []string{"I4"}, fbk(s.topUp)},
		{"the bank's balance is another one", func(s *scene) {
			s.exec("bank", `UPDATE accounts SET balance = balance + 1 WHERE account_number = ?`, corporateNumber)
		}, []string{"I4"}, "its statement ends at 568000"},

		{"a top-up that is done is said to have failed", func(s *scene) {
			s.exec("money", `UPDATE money_requests SET state = 'FAILED', failure = '{"code":"bank_declined"}' WHERE id = ?`, s.topUp.id)
		}, []string{"I6"}, s.topUp.id},
		{"a top-up that failed is said to be done", func(s *scene) {
			s.exec("money", `UPDATE money_requests SET state = 'SUCCEEDED', failure = NULL WHERE id = ?`, s.declined.id)
		}, []string{"I6"}, s.declined.id},
		{"a request's amount is changed", func(s *scene) {
			s.exec("money", `UPDATE money_requests SET amount = amount + 1 WHERE id = ?`, s.paidOut.id)
		}, []string{"I6"}, s.paidOut.id},
		{"a request is another member's", func(s *scene) {
			s.exec("money", `UPDATE money_requests SET membership_id = ? WHERE id = ?`, s.ben.id, s.topUp.id)
		}, []string{"I6"}, s.topUp.id},
		{"a request is gone", func(s *scene) {
			s.exec("money", `DELETE FROM money_requests WHERE id = ?`, s.topUp.id)
		}, []string{"I6"}, s.topUp.id + ": the ledger has it, and no request asks for it"},
		{"a request was never booked", func(s *scene) {
			s.inFlight.end(record.Succeeded)
		}, []string{"I4", "I6"}, s.inFlight.id},
		{"a remittance that is done is said to be on its way", func(s *scene) {
			s.exec("remittance", `UPDATE remittances SET state = 'PROCESSING' WHERE id = ?`, s.sent)
		}, []string{"I6"}, s.sent + ": PROCESSING, and its flow ended with SUCCEEDED"},
		{"a remittance that failed is said to be done", func(s *scene) {
			s.exec("remittance", `UPDATE remittances SET state = 'SUCCEEDED', failure = NULL WHERE id = ?`, s.refused)
		}, []string{"I6"}, s.refused + ": SUCCEEDED, and the ledger has no posting"},
		{"a remittance went to somebody else", func(s *scene) {
			s.exec("remittance", `UPDATE remittances SET receiver_id = sender_id WHERE id = ?`, s.sent)
		}, []string{"I6"}, s.sent},
		{"a remittance is gone", func(s *scene) {
			s.exec("remittance", `DELETE FROM remittances WHERE id = ?`, s.sent)
		}, []string{"I6"}, s.sent},
		{"an operator's firmbanking is settled and not booked", func(s *scene) {
			t := s.world.operators(s.ann, banking.Debit, 900)
			t.begin().hold().submit(banking.Accepted).end(record.Succeeded)
		}, []string{"I4", "I6"}, "SETTLED, and the ledger has not booked it"},
		{"a flow tells another outcome", func(s *scene) {
			s.flows.set(s.topUp.id, audit.Ending{Status: audit.FlowCompleted, State: "FAILED", Fingerprint: s.topUp.fingerprint()})
		}, []string{"I6"}, s.topUp.id + ": SUCCEEDED, and its flow ended with FAILED"},
		{"a flow was terminated on the way", func(s *scene) {
			s.flows.set(s.sending.id, audit.Ending{Status: audit.FlowBroken, Word: "Terminated"})
		}, []string{"I6"}, "its flow ended as Terminated"},
		{"no flow works on a request that is on its way", func(s *scene) {
			s.flows.set(s.inFlight.id, audit.Ending{Status: audit.FlowAbsent})
		}, []string{"I4", "I6"}, s.inFlight.id},
	}
}

func TestEveryTamperingIsFoundAndNamed(t *testing.T) {
	s := newScene(t)
	s.unbounded()
	restore, endings := s.backup(), copyOf(s.flows.endings)
	for _, c := range tamperings(s) {
		t.Run(c.name, func(t *testing.T) {
			c.do(s)
			report := s.audit()
			out := text(t, report)
			require.Equal(t, c.fails, report.Failed(), out)
			require.Contains(t, out, c.names)
			require.True(t, strings.HasSuffix(out, "\naudit FAILED: "+strings.Join(c.fails, ", ")+"\n"), out)
		})
		restore()
		s.flows.endings = copyOf(endings)
	}
	require.True(t, s.audit().Passed(), "the books are as they were")
}

func copyOf(endings map[string]audit.Ending) map[string]audit.Ending {
	out := make(map[string]audit.Ending, len(endings))
	for k, v := range endings {
		out[k] = v
	}
	return out
}

func TestAFlowThatRanForAnotherBodySaysNothing(t *testing.T) {
	s := newScene(t)
	s.flows.set(s.topUp.id, audit.Ending{Status: audit.FlowCompleted, State: "FAILED", FailureCode: "idempotency_key_reused", Fingerprint: "another"})
	report := s.audit()
	require.True(t, report.Passed(), text(t, report))
}

func TestWithoutTemporalTheReportSaysSo(t *testing.T) {
	s := newScene(t)
	s.books.Flows = audit.NoFlows(fmt.Errorf("connection refused"))
	report := s.audit()
	out := text(t, report)
	require.True(t, report.Passed(), out)
	require.Contains(t, out, "requests were NOT compared with their flows: Temporal gave no answer (connection refused)")
}

func TestABankThatFailsIsAskedAgainAndOneThatIsGoneIsTold(t *testing.T) {
	s := newScene(t)
	s.callBank("PUT", "/v1/faults", `{"rules":[{"match":{"operation":"STATEMENT"},"effect":{"type":"ERROR"},"times":2}]}`, http.StatusOK)
	report := s.audit()
	require.True(t, report.Passed(), text(t, report))

	s.bank.Close()
	report = s.audit()
	require.Equal(t, []string{"I4"}, report.Failed())
	out := text(t, report)
	require.Contains(t, out, "I4 UNPROVEN")
	require.NotContains(t, out, corporateNumber)
}

func TestAnOpeningBalanceIsCounted(t *testing.T) {
	w := newWorld(t)
	w.openAtBank(corporateBank, "10000000000002", 1_000_000)
	w.books.Bank.AccountNumber = "10000000000002"
	report := w.audit()
	out := text(t, report)
	require.True(t, report.Passed(), out)
	require.Contains(t, out, "float 0 + in transit 0 + opening 1000000 = bank 1000000 won")
	w.books.Bank.AccountNumber = "10000000000003"
	require.Contains(t, text(t, w.audit()), "corporate account: is not at the bank")
}

func TestListsAreBounded(t *testing.T) {
	s := newScene(t)
	for range 30 {
		s.world.topUp(s.ann, 1_000).begin().hold().end(record.Failed)
	}
	report := s.audit()
	i := slices.IndexFunc(report.Invariants, func(i audit.Invariant) bool { return i.ID == "I6" })
	require.Len(t, report.Invariants[i].Breaches, 20)
	require.Equal(t, 10, report.Invariants[i].More)
	require.Contains(t, text(t, report), "and 10 more")
}

// A platform that is at work is sound at every moment, however the books are read.
func TestAPlatformUnderLoadIsNoBreach(t *testing.T) {
	w := newWorld(t)
	var members []member
	for n := range 4 {
		members = append(members, w.newMember(fmt.Sprintf("1200000000000%d", n), true))
	}
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for n := range members {
		load.Go(func() {
			m, other := members[n], members[(n+1)%len(members)]
			for ctx.Err() == nil {
				w.topUp(m, 3_000).succeed()
				w.remit(m, other, 1_000, "", record.Succeeded)
				w.withdrawal(m, 2_000).succeed()
				w.operators(m, banking.Debit, 500).succeed()
			}
		})
	}
	for range 10 {
		report := w.audit()
		if !report.Passed() {
			t.Error(text(t, report))
		}
	}
	stop()
	load.Wait()
	report := w.audit()
	t.Log("\n" + text(t, report))
	require.True(t, report.Passed())
}

func TestBooksThatCannotBeReadAreAnError(t *testing.T) {
	w := newWorld(t)
	w.exec("money", `INSERT INTO ledger_holds VALUES ('x', 'a', 'b', 1, 0, 'OPEN', NULL)`)
	require.Equal(t, []string{"I2"}, w.audit().Failed())
	_, err := w.dbs["remittance"].Exec(`DROP TABLE remittances`)
	require.NoError(t, err)
	_, err = audit.Run(t.Context(), w.books)
	require.ErrorContains(t, err, "audit:")
}
