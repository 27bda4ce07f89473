package e2e

import (
	"encoding/csv"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// The tests of settlement do not run beside other tests: a run cuts what is approved of
// every franchise.

// till is a franchise, a member who buys there, and what the test itself knows of every
// sale and cancel: what its line has to be.
type till struct {
	*harness.Franchise
	buyer *harness.Member
	rate  int64               // basis points
	lines map[string]tillLine // by the id of the payment or cancel
	left  map[string]int64    // won that are not given back, by payment
}

// tillLine is a line as it has to be. A cancel's figures are negative.
type tillLine struct {
	kind, paymentID           string
	amount, taxFree, fee, vat int64
}

const buyerHas = 1_500_000 // won in a buyer's wallet

func newTill(t *testing.T, c harness.Contract) *till {
	t.Helper()
	p := harness.Shared(t)
	return &till{
		Franchise: p.NewFranchise(t, c), buyer: p.NewMember(t).WithAccount(t, buyerHas).WithBalance(t, buyerHas), rate: c.FeeBasisPoints,
		lines: map[string]tillLine{}, left: map[string]int64{},
	}
}

// tills opens a till for each contract, side by side.
func tills(t *testing.T, contracts ...harness.Contract) []*till {
	t.Helper()
	all := make([]*till, len(contracts))
	sideBySide(t, len(contracts), func(t *testing.T, i int) { all[i] = newTill(t, contracts[i]) })
	return all
}

// sideBySide does something n times at once and waits for all of it.
func sideBySide(t *testing.T, n int, do func(t *testing.T, i int)) {
	t.Helper()
	ok := t.Run("side by side", func(t *testing.T) {
		for i := range n {
			t.Run(strconv.Itoa(i), func(t *testing.T) { t.Parallel(); do(t, i) })
		}
	})
	require.True(t, ok)
}

// due is the fee on an amount and the VAT on that fee, each cut off below one won,
// reckoned without any of the platform's own code.
func (s *till) due(amount int64) (fee, vat int64) {
	won := big.NewInt(amount)
	f := new(big.Int).Quo(won.Mul(won, big.NewInt(s.rate)), big.NewInt(10_000))
	return f.Int64(), new(big.Int).Quo(new(big.Int).Mul(f, big.NewInt(10)), big.NewInt(100)).Int64()
}

// sell has the buyer pay this much, some of it free of tax.
func (s *till) sell(t *testing.T, amount, taxFree int64) (paymentID string) {
	t.Helper()
	body := s.PayBody(amount)
	body.TaxFreeAmount = taxFree
	end := s.buyer.End(t, s.buyer.Pay(t, newKey(), body))
	require.Equal(t, apiclient.Succeeded, end.State, end.Code)
	fee, vat := s.due(amount)
	s.lines[end.ID] = tillLine{"PAYMENT", end.ID, amount, taxFree, fee, vat}
	s.left[end.ID] = amount
	return end.ID
}

// giveBack cancels this much of a payment: fee and VAT are given back as far as they are
// no longer due on what is left.
func (s *till) giveBack(t *testing.T, paymentID string, amount int64) {
	t.Helper()
	cancelled := s.MustCancel(t, paymentID, amount)
	feeBefore, vatBefore := s.due(s.left[paymentID])
	s.left[paymentID] -= amount
	require.Equal(t, []int64{amount, s.left[paymentID]}, []int64{cancelled.Amount, cancelled.Remaining})
	feeAfter, vatAfter := s.due(s.left[paymentID])
	s.lines[cancelled.ID] = tillLine{"CANCEL", paymentID, -amount, 0, feeAfter - feeBefore, vatAfter - vatBefore}
}

// sums are a statement's figures.
type sums struct {
	payments, cancels      harness.StatementItems
	taxFree, fee, vat, net int64
}

func figures(st harness.Statement) sums {
	return sums{st.Payments, st.Cancels, st.TaxFreeAmount, st.Fee, st.VAT, st.Net}
}

// sumOf adds lines up, after carried, which is at most 0.
func (s *till) sumOf(ids []string, carried int64) sums {
	total := sums{net: carried}
	for _, id := range ids {
		l := s.lines[id]
		if l.kind == "PAYMENT" {
			total.payments.Count, total.payments.Amount = total.payments.Count+1, total.payments.Amount+l.amount
		} else {
			total.cancels.Count, total.cancels.Amount = total.cancels.Count+1, total.cancels.Amount-l.amount
		}
		total.taxFree, total.fee, total.vat = total.taxFree+l.taxFree, total.fee+l.fee, total.vat+l.vat
		total.net += l.amount - l.fee - l.vat
	}
	return total
}

func (s *till) all() []string {
	ids := make([]string, 0, len(s.lines))
	for id := range s.lines {
		ids = append(ids, id)
	}
	return ids
}

// requireStatement checks a statement against the test's own reckoning, in every form it
// has, and gives the ids of its lines.
func (s *till) requireStatement(t *testing.T, st harness.Statement) (ids []string) {
	t.Helper()
	p := harness.Shared(t)
	require.Equal(t, []any{s.ID, "KRW", false}, []any{st.FranchiseID, st.Currency, st.DryRun})
	lines := p.StatementLines(t, st.ID)
	for _, l := range lines {
		ids = append(ids, l.ID)
		want := s.lines[l.ID]
		require.Equal(t, []any{want.kind, want.paymentID, want.amount, want.fee, want.vat}, []any{l.Type, l.PaymentID, l.Amount, l.Fee, l.VAT}, l.ID)
		require.Equal(t, []any{s.rate, "KRW", p.Payment(t, l.PaymentID).OrderID}, []any{l.FeeBasisPoints, l.Currency, l.OrderID})
	}
	require.Equal(t, s.sumOf(ids, st.CarriedOver), figures(st))
	s.requireCSV(t, st, lines)
	require.Equal(t, st, harness.Read[harness.Statement](t, s.Get(t, "/v1/settlements/statements/"+st.ID), http.StatusOK), "as its franchise sees it")
	return ids
}

// requireCSV checks that the table says what the lines and the statement say.
func (s *till) requireCSV(t *testing.T, st harness.Statement, lines []harness.StatementLine) {
	t.Helper()
	a := s.Get(t, "/v1/settlements/statements/"+st.ID+"/csv")
	require.Equal(t, http.StatusOK, a.Status, a)
	require.Equal(t, "text/csv; charset=utf-8", a.Header.Get("Content-Type"))
	got, err := csv.NewReader(strings.NewReader(string(a.Body))).ReadAll()
	require.NoError(t, err)
	won := func(amount int64) string { return strconv.FormatInt(amount, 10) }
	want := [][]string{{"type", "id", "paymentId", "orderId", "amount", "feeBasisPoints", "fee", "vat", "approvedAt"}}
	for _, l := range lines {
		want = append(want, []string{l.Type, l.ID, l.PaymentID, l.OrderID, won(l.Amount), won(l.FeeBasisPoints), won(l.Fee), won(l.VAT),
			l.At.UTC().Format(time.RFC3339Nano)})
	}
	for _, total := range []struct {
		name   string
		amount int64
	}{{"payments", st.Payments.Amount}, {"cancels", -st.Cancels.Amount}, {"fee", st.Fee}, {"vat", st.VAT}, {"carriedOver", st.CarriedOver}, {"net", st.Net}} {
		want = append(want, []string{"TOTAL", total.name, "", "", won(total.amount), "", "", "", ""})
	}
	require.Equal(t, want, got)
}

// requireSettled checks all of a franchise's statements: each item is in one of them, all
// have been paid, once each, and nothing is owed any more.
func (s *till) requireSettled(t *testing.T) {
	t.Helper()
	p := harness.Shared(t)
	var cut []string
	var paid []int64
	for _, st := range p.Statements(t, s.ID) {
		cut = append(cut, s.requireStatement(t, st)...)
		if st.Net <= 0 {
			continue
		}
		st = p.AwaitPayout(t, st.ID, "PAID")
		require.NotNil(t, st.Payout.PaidAt)
		transfer := p.PayoutTransfer(t, st)
		require.Equal(t, []any{"SETTLED", "CREDIT", st.Net}, []any{transfer.State, transfer.Direction, transfer.Amount})
		paid = append(paid, st.Net)
	}
	require.ElementsMatch(t, s.all(), cut, "each item is in exactly one statement")
	s.requirePaid(t, paid...)
	require.Zero(t, p.Payable(t, s.ID))
	for id, left := range s.left {
		s.awaitState(t, id, map[bool]string{true: "SETTLED", false: "CANCELLED"}[left > 0])
	}
}

// requirePaid checks what has arrived on the franchise's account, by the bank's own books.
func (s *till) requirePaid(t *testing.T, amounts ...int64) {
	t.Helper()
	got := []int64{}
	for _, e := range harness.Shared(t).BankEntries(t, s.Account) {
		require.Equal(t, "IN", e.Direction)
		got = append(got, e.Amount)
	}
	require.ElementsMatch(t, append([]int64{}, amounts...), got)
}

func (s *till) awaitState(t *testing.T, paymentID, state string) {
	t.Helper()
	var paid harness.Payment
	harness.Eventually(t, 30*time.Second, paymentID+" is "+state, func() bool {
		paid = harness.Shared(t).Payment(t, paymentID)
		return paid.State == state
	})
}

// trade makes sales and cancels that leave something for every rounding to go wrong.
func (s *till) trade(t *testing.T) {
	t.Helper()
	for _, amount := range []int64{1, 57, 10_001} {
		s.sell(t, amount, 0)
	}
	s.sell(t, 9_999, 9_999)
	s.giveBack(t, s.sell(t, 568, 0), 568)
	inParts := s.sell(t, 123_457, 23_456)
	for _, part := range []int64{1, 41_151, 41_152} {
		s.giveBack(t, inParts, part)
	}
	allInParts := s.sell(t, 5_681, 0)
	for _, part := range []int64{1_893, 1_894, 1_894} {
		s.giveBack(t, allInParts, part)
	}
}

func TestD12_AStatementIsTheSumOfItsLines(t *testing.T) {
	p := harness.Shared(t)
	all := tills(t, harness.Daily(0), harness.Daily(1), harness.Daily(176), harness.Daily(333))
	sideBySide(t, len(all), func(t *testing.T, i int) { all[i].trade(t) })
	date := p.BusinessDate(t)
	shown := dryStatements(t, all, harness.RunBody{BusinessDate: date.String(), DryRun: true})

	run := p.SettleOn(t, date)
	for i, s := range all {
		statements := p.Statements(t, s.ID)
		require.Len(t, statements, 1)
		require.Equal(t, figures(shown[i]), figures(statements[0]), "the live run and the dry one")
		require.Equal(t, []any{run.ID, date.String(), shown[i].Period, shown[i].Payout.Date},
			[]any{statements[0].RunID, statements[0].BusinessDate, statements[0].Period, statements[0].Payout.Date})
	}
	sideBySide(t, len(all), func(t *testing.T, i int) { all[i].requireSettled(t) })

	requireOwnOnly(t, all[0], all[1])

	// Nothing is left, for a dry run either.
	again := p.DryRun(t, date)
	for _, s := range all {
		a := p.AsOperator(t, http.MethodGet, "/v1/settlements/runs/"+again.ID+"/statements?franchiseId="+s.ID, "", nil)
		require.Empty(t, harness.Read[harness.List[harness.Statement]](t, a, http.StatusOK).Items)
	}
	requireTotals(t, run.ID)
}

// dryStatements makes a dry run and checks that it shows the sums and books nothing.
func dryStatements(t *testing.T, all []*till, body harness.RunBody) []harness.Statement {
	t.Helper()
	p := harness.Shared(t)
	key := newKey()
	dry := p.AwaitRun(t, p.StartRun(t, key, body))
	require.Equal(t, []any{true, apiclient.Succeeded, body.BusinessDate}, []any{dry.DryRun, dry.State, dry.BusinessDate})
	require.Equal(t, dry, p.AwaitRun(t, p.StartRun(t, key, body)), "a repeat")
	requireCode(t, http.StatusUnprocessableEntity, "idempotency_key_reused",
		p.StartRun(t, key, harness.RunBody{BusinessDate: harness.Today().AddDays(-7).String(), DryRun: true}))
	shown := make([]harness.Statement, len(all))
	for i, s := range all {
		want := s.sumOf(s.all(), 0)
		shown[i] = p.RunStatement(t, dry.ID, s.ID)
		require.True(t, shown[i].DryRun)
		require.Equal(t, want, figures(shown[i]))
		require.Empty(t, p.StatementLines(t, shown[i].ID))
		requireCode(t, http.StatusNotFound, "statement_not_found", s.Get(t, "/v1/settlements/statements/"+shown[i].ID))
		require.Empty(t, harness.Read[harness.List[harness.Statement]](t, s.Get(t, "/v1/settlements/statements"), http.StatusOK).Items)
		s.requirePaid(t)
		require.Equal(t, want.payments.Amount-want.cancels.Amount, p.Payable(t, s.ID), "no fee is taken")
		for id := range s.left {
			require.Empty(t, p.Payment(t, id).StatementID)
		}
	}
	return shown
}

// requireOwnOnly checks that a franchise sees its own statements and nobody else's.
func requireOwnOnly(t *testing.T, own, other *till) {
	t.Helper()
	const path = "/v1/settlements/statements"
	listed := harness.Read[harness.List[harness.Statement]](t, own.Get(t, path), http.StatusOK).Items
	require.Equal(t, []harness.Statement{own.only(t)}, listed)
	requireBadField(t, own.Get(t, path+"?franchiseId="+other.ID), "?franchiseId", "forbidden")
	for _, part := range []string{"", "/lines", "/csv"} {
		require.Equal(t, http.StatusOK, own.Get(t, path+"/"+own.only(t).ID+part).Status)
		requireCode(t, http.StatusNotFound, "statement_not_found", own.Get(t, path+"/"+other.only(t).ID+part))
	}
}

// requireTotals checks a run's totals against its statements.
func requireTotals(t *testing.T, runID string) {
	t.Helper()
	p := harness.Shared(t)
	a := p.AsOperator(t, http.MethodGet, "/v1/settlements/runs/"+runID+"/statements?limit=100", "", nil)
	var want harness.RunTotals
	for _, st := range harness.Read[harness.List[harness.Statement]](t, a, http.StatusOK).Items {
		want.Count, want.Net = want.Count+1, want.Net+st.Net
		switch st.Payout.State {
		case "PAID":
			want.Paid++
		case "FAILED", "RETURNED":
			want.Failed++
		}
	}
	require.Equal(t, want, p.Run(t, runID).Statements)
}

// only gives a franchise's one statement.
func (s *till) only(t *testing.T) harness.Statement {
	t.Helper()
	statements := harness.Shared(t).Statements(t, s.ID)
	require.Len(t, statements, 1)
	return statements[0]
}

// awaitOnly waits for a franchise's one statement: its run is under way.
func (s *till) awaitOnly(t *testing.T, payout string) harness.Statement {
	t.Helper()
	p := harness.Shared(t)
	harness.Eventually(t, 30*time.Second, "a statement for "+s.ID, func() bool { return len(p.Statements(t, s.ID)) > 0 })
	return p.AwaitPayout(t, s.only(t).ID, payout)
}

// requireUnsettled checks that the payments of a statement that is not paid are not
// settled, and that nobody can settle them by hand.
func (s *till) requireUnsettled(t *testing.T) {
	t.Helper()
	p := harness.Shared(t)
	for id := range s.left {
		require.Equal(t, "APPROVED", p.Payment(t, id).State)
		requireCode(t, http.StatusConflict, "payment_not_finishable", p.AsOperator(t, http.MethodPost, "/v1/payments/"+id+"/finish", "", nil))
	}
}

func TestD13_D15_OneBadFranchiseStopsNobodyAndIsNotSettled(t *testing.T) {
	p := harness.Shared(t)
	all := tills(t, harness.Daily(100), harness.Daily(100), harness.Daily(100), harness.Daily(100))
	sideBySide(t, len(all), func(t *testing.T, i int) { all[i].sell(t, 10_000, 0) })
	const net = 10_000 - 100 - 10
	good, closed, unknown, lost := all[0], all[1], all[2], all[3]
	p.SetAccountState(t, closed.Account, "CLOSED")
	p.Fault(t, harness.On(harness.Transfer, unknown.Account, harness.Effect{Type: "TIMEOUT_AFTER"}),
		harness.On(harness.Transfer, lost.Account, harness.Effect{Type: "TIMEOUT_BEFORE"}))
	answer := p.Fault(t, harness.Rule{Match: harness.Match{Operation: harness.Inquire}, Effect: harness.Effect{Type: "ERROR"}})
	runID := p.StartRunAsync(t, p.BusinessDate(t))

	unknown.awaitOnly(t, "UNKNOWN")
	lost.awaitOnly(t, "UNKNOWN")
	good.awaitOnly(t, "PAID")
	good.requireSettled(t)
	refused := closed.awaitOnly(t, "FAILED")
	require.Equal(t, "bank_account_closed", refused.Payout.Failure.Code)
	require.Equal(t, "REJECTED", p.PayoutTransfer(t, refused).State)
	closed.requireUnsettled(t)
	unknown.requirePaid(t, net) // the bank has done it, and we do not know
	unknown.requireUnsettled(t)
	lost.requirePaid(t)
	lost.requireUnsettled(t)

	answer()
	unknown.awaitOnly(t, "PAID")
	unknown.requireSettled(t)
	require.Equal(t, "bank_not_executed", lost.awaitOnly(t, "FAILED").Payout.Failure.Code)
	p.AwaitRun(t, harness.Answer{Status: http.StatusAccepted, Body: []byte(`{"id":"` + runID + `"}`)})
	requireTotals(t, runID)

	// No later run pays what has failed: that takes two operators.
	p.Settle(t)
	for _, s := range []*till{closed, lost} {
		st := s.only(t)
		require.Equal(t, []any{"FAILED", 1}, []any{st.Payout.State, st.Payout.Attempt})
		s.requireUnsettled(t)
		s.requirePaid(t)
		require.EqualValues(t, net, p.Payable(t, s.ID), "it is owed still")
	}
}

func TestD14_ADateIsPaidOnceHoweverOftenItIsRun(t *testing.T) {
	p := harness.Shared(t)
	all := tills(t, harness.Daily(250), harness.Daily(250))
	colleague := p.Staff(t, harness.OperatorRole)
	sideBySide(t, len(all), func(t *testing.T, i int) {
		for range 3 {
			all[i].sell(t, 10_007, 0)
		}
	})
	for _, s := range all {
		p.Fault(t, harness.On(harness.Transfer, s.Account, harness.Effect{Type: "DELAY", DelayMillis: 1_500}))
	}
	date, next := p.BusinessDate(t), p.BusinessDate(t)
	runID := p.StartRunAsync(t, date)
	for _, s := range all {
		sent := s.awaitOnly(t, "SCHEDULED")
		harness.Eventually(t, 30*time.Second, "the payout is at the bank", func() bool {
			sent = p.Statement(t, sent.ID)
			return p.PayoutIsAt(t, sent, "SENT")
		})
	}

	operators := []string{p.Operator(t), colleague}
	answers := atOnce(12, func(i int) harness.Answer {
		day := date
		if i%4 == 3 {
			day = next // what has begun and not ended is due for its run too
		}
		return p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/settlements/runs", Token: operators[i%2], Key: newKey(),
			Body: harness.RunBody{BusinessDate: day.String()}})
	})
	for i, a := range answers {
		require.Contains(t, []int{http.StatusCreated, http.StatusAccepted}, a.Status, a)
		run := p.AwaitRun(t, a)
		require.Equal(t, i%4 != 3, run.ID == runID)
	}
	for _, s := range all {
		require.Equal(t, runID, s.only(t).RunID)
		s.requireSettled(t)
	}
	a := p.StartRun(t, newKey(), harness.RunBody{BusinessDate: date.String()}) // and once more, when all is over
	require.Equal(t, http.StatusCreated, a.Status)
	require.Equal(t, runID, p.AwaitRun(t, a).ID)
	for _, s := range all {
		s.requireSettled(t)
	}
	live := slices.DeleteFunc(p.Runs(t), func(r harness.SettlementRun) bool { return r.DryRun || r.BusinessDate != date.String() })
	require.Len(t, live, 1)
}

func TestD12_ANegativeNetIsCarriedOver(t *testing.T) {
	p := harness.Shared(t)
	s := newTill(t, harness.Daily(300))
	settle := func(state string) harness.Statement {
		t.Helper()
		run := p.Settle(t)
		st := p.RunStatement(t, run.ID, s.ID)
		return p.AwaitPayout(t, st.ID, state)
	}
	sold := s.sell(t, 10_000, 0)
	first := settle("PAID")

	// What is cancelled after it was settled is netted in the next statement.
	s.awaitState(t, sold, "SETTLED")
	s.giveBack(t, sold, 10_000)
	met := s.sell(t, 1_000, 0)
	second := settle("CARRIED_OVER")
	require.EqualValues(t, 1_000-30-3-(10_000-300-30), second.Net)
	require.Empty(t, second.Payout.FirmbankingID)
	require.Equal(t, second.Net, p.Payable(t, s.ID))
	s.requirePaid(t, first.Net)
	s.awaitState(t, met, "SETTLED") // by what was cancelled

	// A run without anything new makes no statement.
	p.Settle(t)
	require.Len(t, p.Statements(t, s.ID), 2)

	s.sell(t, 2_000, 0)
	third := settle("CARRIED_OVER")
	require.Equal(t, []int64{second.Net, second.Net + 2_000 - 60 - 6}, []int64{third.CarriedOver, third.Net})
	require.Equal(t, third.ID, p.Statement(t, second.ID).CarriedTo)

	s.sell(t, 50_000, 0)
	fourth := settle("PAID")
	require.Equal(t, []int64{third.Net, third.Net + 50_000 - 1_500 - 150}, []int64{fourth.CarriedOver, fourth.Net})
	require.Equal(t, fourth.ID, p.Statement(t, third.ID).CarriedTo)
	s.requirePaid(t, first.Net, fourth.Net)
	require.Zero(t, p.Payable(t, s.ID))
	var cut []string
	for _, st := range p.Statements(t, s.ID) {
		cut = append(cut, s.requireStatement(t, st)...)
	}
	require.ElementsMatch(t, s.all(), cut)
}

func TestD12_ANetOfZeroNeedsNoPayout(t *testing.T) {
	p := harness.Shared(t)
	s := newTill(t, harness.Daily(300))
	sold := s.sell(t, 10_000, 0)
	p.Settle(t)
	s.requireSettled(t)
	s.giveBack(t, sold, 6_000)
	met := s.sell(t, 6_000, 0)
	run := p.Settle(t)
	st := p.RunStatement(t, run.ID, s.ID)
	require.Equal(t, []any{"NONE", 0, ""}, []any{st.Payout.State, st.Payout.Attempt, st.Payout.FirmbankingID})
	require.Zero(t, st.Net)
	s.awaitState(t, met, "SETTLED") // by what was cancelled
	s.requireSettled(t)
}
