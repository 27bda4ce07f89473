package payment_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/services/payment"
)

// fill stores approved payments of a franchise, one a microsecond, and every tenth of
// them with a cancel of a tenth that took effect as much later.
func (w *world) fill(t testing.TB, franchise string, n int) {
	t.Helper()
	at := w.tick()
	rows := `INSERT INTO payments (id, membership_id, franchise_id, order_id, order_claim, amount, tax_free_amount, cancelled_amount,
			fee_basis_points, fee, vat, auto_top_up_account_id, top_up_id, fingerprint, state, approved_at, created_at, updated_at)
		SELECT CONCAT(LEFT(SHA2(CONCAT(?, seq), 256), 24), LPAD(seq, 6, '0')), ?, ?, CONCAT(?, seq), CONCAT(?, seq), 10000, 1000, IF(seq % 10 = 0, 1000, 0), 176, 176, 17,
			'', '', '', IF(seq % 10 = 0, 'PARTIALLY_CANCELLED', 'APPROVED'), ? + INTERVAL seq MICROSECOND, ?, ?
		FROM (` + numbers + `) numbers WHERE seq < ?`
	tag := strconv.FormatInt(w.micros.Load(), 10)
	w.db.MustExec(rows, tag, alice, franchise, tag, tag, at, at, at, n)
	const cancels = `INSERT INTO cancels (id, payment_id, membership_id, franchise_id, amount, reason_sealed, asked_by, fingerprint,
			state, fee, vat, remaining, approved_at, created_at, updated_at)
		SELECT id, id, membership_id, franchise_id, 1000, '', '', '', 'SUCCEEDED', 17, 2, 9000, approved_at + INTERVAL ? MICROSECOND, created_at, updated_at
		FROM payments WHERE franchise_id = ? AND state = 'PARTIALLY_CANCELLED' AND created_at = ?`
	w.db.MustExec(cancels, n, franchise, at)
	w.micros.Add(int64(2 * n))
}

// numbers counts from 0 to 999,999 on every server.
var numbers = func() string {
	digits := "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
	return fmt.Sprintf("SELECT a.d + 10*b.d + 100*c.d + 1000*e.d + 10000*f.d + 100000*g.d AS seq FROM %[1]s a, %[1]s b, %[1]s c, %[1]s e, %[1]s f, %[1]s g", digits)
}()

func (w *world) order(franchise string) payment.CutOrder {
	return payment.CutOrder{StatementID: id.New(id.Statement), FranchiseID: franchise, Before: w.tick()}
}

// cut cuts until there is no more, and gives in how many calls.
func (w *world) cut(t testing.TB, orders ...payment.CutOrder) int {
	t.Helper()
	for n := 1; n <= 1_000; n++ {
		outs, err := w.Cut(t.Context(), orders)
		require.NoError(t, err)
		require.Len(t, outs, len(orders))
		if !slices.Contains(outs, payment.CutOutcome{More: true}) {
			return n
		}
	}
	t.Fatal("the cut has no end")
	return 0
}

func (w *world) sums(t testing.TB, statementID string) payment.Sums {
	t.Helper()
	sums, err := w.Sums(t.Context(), []string{statementID})
	require.NoError(t, err)
	require.Len(t, sums, 1)
	return sums[0]
}

func (w *world) lines(t *testing.T, s payment.Scope, statementID string, limit int) []payment.Line {
	t.Helper()
	var lines []payment.Line
	walk(t, limit, func(l payment.Line) string { lines = append(lines, l); return l.ID }, func(q page.Request) (page.Page[payment.Line], error) {
		return w.Lines(t.Context(), s, statementID, q)
	})
	return lines
}

func TestOpenFranchises(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	start := w.tick()
	var want []string
	for i := range 7 {
		franchise := id.New(id.Franchise)
		w.begin(t, request(franchise, 1))
		if i%2 == 0 {
			want = append(want, franchise)
			w.approved(t, request(franchise, 1))
			w.approved(t, request(franchise, 1))
		}
	}
	slices.Sort(want)
	// A franchise that has a cancel to cut only, and one with nothing left.
	p, done := w.approved(t, request(cafe, 10)), w.approved(t, request(shop, 10))
	w.cut(t, w.order(cafe), w.order(shop))
	w.cancelled(t, p.ID, 1)
	require.NotEmpty(t, done)
	want = append(want, cafe)
	slices.Sort(want)
	w.micros.Add(2 * time.Hour.Microseconds()) // what was cut lately is looked at once more
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			ids, err := w.OpenFranchises(ctx, w.tick(), after, limit)
			require.NoError(t, err)
			got = append(got, ids...)
			if len(ids) < limit {
				break
			}
		}
		require.Equal(t, want, got)
	}
	cut, err := w.OpenFranchises(ctx, start, "", 10)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{cafe, shop}, cut, "nothing was approved then, but these were cut since")
}

// A run that was ended by hand between a cut and its statement finds the franchise again.
func TestWhatWasCutLatelyIsListedAgain(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	began := w.tick()
	w.approved(t, request(shop, 10))
	w.cut(t, w.order(shop))
	again, err := w.OpenFranchises(ctx, began, "", 10)
	require.NoError(t, err)
	require.Equal(t, []string{shop}, again)
	behind, err := w.OpenFranchises(ctx, began, shop, 10)
	require.NoError(t, err)
	require.Empty(t, behind)
	w.micros.Add(2 * time.Hour.Microseconds())
	later, err := w.OpenFranchises(ctx, w.tick(), "", 10)
	require.NoError(t, err)
	require.Empty(t, later)
}

func TestOpenFranchisesJumpsFromOneToTheNext(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.fill(t, id.New(id.Franchise), 2_000)
	}
	w.db.MustExec("ANALYZE TABLE payments")
	plan := w.explain(t, `SELECT queue FROM payments FORCE INDEX (payments_queue) WHERE queue > 'fra_' AND queue < ?
		GROUP BY queue HAVING MIN(approved_at) < ? ORDER BY queue LIMIT 10`, "fra`", w.now())
	require.Equal(t, "payments_queue", plan["key"])
	require.Contains(t, plan["Extra"], "Using index for group-by")
	require.NotContains(t, plan["Extra"], "filesort")
}

func TestCut(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	a, b := w.approved(t, request(cafe, 10_000)), w.approved(t, request(cafe, 20_000))
	part := w.cancelled(t, a.ID, 4_000)
	whole := w.cancelled(t, b.ID, 0)
	w.approved(t, request(shop, 500))
	w.begin(t, request(cafe, 1))
	o := w.order(cafe)
	late := w.approved(t, request(cafe, 7))

	preview, err := w.Preview(ctx, []payment.CutOrder{o, {StatementID: "none", FranchiseID: id.New(id.Franchise), Before: o.Before}})
	require.NoError(t, err)
	require.Equal(t, 1, w.cut(t, o))
	want := payment.Sums{StatementID: o.StatementID, PaymentCount: 2, PaymentAmount: 30_000, TaxFreeAmount: 3_000, CancelCount: 2, CancelAmount: 24_000,
		Fee: 105, VAT: 10, From: a.ApprovedAt, Until: whole.ApprovedAt}
	require.Equal(t, want, w.sums(t, o.StatementID))
	require.Equal(t, []payment.Sums{want, {StatementID: "none"}}, preview)
	require.Equal(t, payment.Sums{StatementID: "none"}, w.sums(t, "none"))
	empty, err := w.Sums(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, empty)

	lines := []payment.Line{
		{Type: payment.LinePayment, ID: a.ID, PaymentID: a.ID, OrderID: a.OrderID, Amount: 10_000, FeeBasisPoints: rate, Fee: 176, VAT: 17, At: a.ApprovedAt},
		{Type: payment.LinePayment, ID: b.ID, PaymentID: b.ID, OrderID: b.OrderID, Amount: 20_000, FeeBasisPoints: rate, Fee: 352, VAT: 35, At: b.ApprovedAt},
		{Type: payment.LineCancel, ID: part.ID, PaymentID: a.ID, OrderID: a.OrderID, Amount: -4_000, FeeBasisPoints: rate, Fee: -71, VAT: -7, At: part.ApprovedAt},
		{Type: payment.LineCancel, ID: whole.ID, PaymentID: b.ID, OrderID: b.OrderID, Amount: -20_000, FeeBasisPoints: rate, Fee: -352, VAT: -35, At: whole.ApprovedAt},
	}
	for limit := 1; limit <= 5; limit++ {
		require.Equal(t, lines, w.lines(t, operator, o.StatementID, limit))
	}
	require.Equal(t, lines, w.lines(t, payment.Scope{FranchiseID: cafe}, o.StatementID, 2))
	require.Empty(t, w.lines(t, payment.Scope{FranchiseID: shop}, o.StatementID, 2))
	require.Empty(t, w.lines(t, payment.Scope{MembershipID: alice}, o.StatementID, 2))

	require.Empty(t, w.find(t, late.ID).StatementID)
	require.Equal(t, o.StatementID, w.find(t, a.ID).StatementID)
	c, err := w.FindCancel(ctx, operator, part.ID)
	require.NoError(t, err)
	require.Equal(t, o.StatementID, c.StatementID)
}

func TestAClosedStatementStays(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.approved(t, request(cafe, 100))
	o := w.order(cafe)
	w.cut(t, o)
	first := w.sums(t, o.StatementID)
	// Approved in time by the clock, but committed only after the cut.
	late := w.approved(t, request(cafe, 100))
	w.db.MustExec("UPDATE payments SET approved_at = ? WHERE id = ?", o.Before.Add(-time.Microsecond), late.ID)
	o.Before = w.tick() // a run again has another clock
	require.Equal(t, 1, w.cut(t, o))
	require.Equal(t, first, w.sums(t, o.StatementID))
	next := w.order(cafe)
	w.cut(t, next)
	require.EqualValues(t, 1, w.sums(t, next.StatementID).PaymentCount)

	o.FranchiseID = shop
	_, err := w.Cut(ctx, []payment.CutOrder{o})
	require.ErrorIs(t, err, errs.ConcurrentEdit)
}

func TestASealedStatementTakesNoMore(t *testing.T) {
	w := newWorld(t)
	w.fill(t, cafe, 2_100)
	begun, never := w.order(cafe), w.order(cafe)
	_, err := w.Cut(t.Context(), []payment.CutOrder{begun})
	require.NoError(t, err)
	for range 2 {
		sums, err := w.Seal(t.Context(), []string{never.StatementID, begun.StatementID})
		require.NoError(t, err)
		require.Equal(t, payment.Sums{StatementID: never.StatementID}, sums[0])
		require.EqualValues(t, 2_000, sums[1].PaymentCount)
		require.Equal(t, 1, w.cut(t, begun, never))
	}
	next := w.order(cafe)
	w.cut(t, next)
	require.EqualValues(t, 100, w.sums(t, next.StatementID).PaymentCount)
	_, err = w.Seal(t.Context(), nil)
	require.NoError(t, err)
}

func TestACutGoesOnWhereItStopped(t *testing.T) {
	w := newWorld(t)
	w.fill(t, cafe, 4_500)
	o := w.order(cafe)
	outs, err := w.Cut(t.Context(), []payment.CutOrder{o})
	require.NoError(t, err)
	require.True(t, outs[0].More)
	require.EqualValues(t, 2_000, w.sums(t, o.StatementID).PaymentCount)
	w.approved(t, request(cafe, 1))
	o.Before = w.tick() // what counts is the bound of the first call
	require.Equal(t, 2, w.cut(t, o))
	sums := w.sums(t, o.StatementID)
	require.EqualValues(t, 4_500, sums.PaymentCount)
	require.EqualValues(t, 450, sums.CancelCount)
	require.EqualValues(t, 45_000_000, sums.PaymentAmount)
	require.EqualValues(t, 4_500*176-450*17, sums.Fee)
}

// Whoever cuts, and however often: each item is in exactly one statement.
func TestConcurrentCutsShareTheItems(t *testing.T) {
	w := newWorld(t)
	w.fill(t, cafe, 6_000)
	services := []*payment.Service{w.Service, w.another(t)}
	orders := []payment.CutOrder{w.order(cafe), w.order(cafe), w.order(cafe)}
	for i := range orders {
		orders[i].Before = w.now()
	}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for range 10 {
				outs, err := services[i%2].Cut(t.Context(), orders[i%3:i%3+1])
				if err != nil {
					t.Errorf("cut: %v", err)
					return
				}
				if !outs[0].More {
					return
				}
			}
		})
	}
	wg.Wait()
	var payments, cancels int64
	for _, o := range orders {
		s := w.sums(t, o.StatementID)
		payments, cancels = payments+s.PaymentCount, cancels+s.CancelCount
	}
	require.EqualValues(t, 6_000, payments)
	require.EqualValues(t, 600, cancels)
}

// Cancels, cuts and settlements of the same payments may run at the same time: nothing
// waits for ever, and in the end each item has been in one statement.
func TestCancelsCutsAndSettlementsAtOnce(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for range 30 {
		ids = append(ids, w.approved(t, request(cafe, 1_000)).ID)
	}
	services := []*payment.Service{w.Service, w.another(t)}
	orders := make([]payment.CutOrder, 20)
	for i := range orders {
		orders[i] = w.order(cafe)
		orders[i].Before = w.now().Add(time.Hour)
	}
	var wg sync.WaitGroup
	for i, one := range ids {
		for range 2 {
			wg.Go(func() {
				n := cancel(one, 500)
				if _, err := services[i%2].BeginCancels(t.Context(), []payment.NewCancel{n}); err != nil {
					t.Errorf("begin cancel: %v", err)
				}
				if err := services[i%2].MoveCancels(t.Context(), []record.Move{{ID: n.ID, State: record.Succeeded}}); err != nil {
					t.Errorf("move cancel: %v", err)
				}
			})
		}
	}
	for i, o := range orders {
		wg.Go(func() {
			if _, err := services[i%2].Cut(t.Context(), []payment.CutOrder{o}); err != nil {
				t.Errorf("cut: %v", err)
			}
			if _, err := services[1-i%2].FinishStatement(t.Context(), []string{o.StatementID}); err != nil {
				t.Errorf("finish: %v", err)
			}
		})
	}
	wg.Wait()
	last := w.order(cafe)
	last.Before = w.now().Add(time.Hour)
	w.cut(t, last)
	var all payment.Sums
	for _, o := range append(orders, last) {
		s := w.sums(t, o.StatementID)
		all.PaymentAmount, all.CancelAmount = all.PaymentAmount+s.PaymentAmount, all.CancelAmount+s.CancelAmount
		all.Fee, all.VAT = all.Fee+s.Fee, all.VAT+s.VAT
	}
	require.Equal(t, payment.Sums{PaymentAmount: 30_000, CancelAmount: 30_000}, all)
	for _, one := range ids {
		require.Equal(t, payment.Cancelled, w.find(t, one).State)
	}
}

func TestFinishStatement(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.fill(t, cafe, 2_100)
	partly, wholly := w.approved(t, request(cafe, 10_000)), w.approved(t, request(cafe, 10_000))
	w.cancelled(t, partly.ID, 1)
	w.cancelled(t, wholly.ID, 0)
	o := w.order(cafe)
	w.cut(t, o)
	open := w.approved(t, request(cafe, 10))
	elsewhere := w.approved(t, request(shop, 10))
	other := w.order(shop)
	w.cut(t, other)

	for _, want := range []bool{true, false, false} {
		w.tick()
		more, err := w.FinishStatement(ctx, []string{o.StatementID, "none", cafe})
		require.NoError(t, err)
		require.Equal(t, []bool{want, false, false}, more)
	}
	var n int
	require.NoError(t, w.db.Get(&n, "SELECT COUNT(*) FROM payments WHERE state = 'SETTLED' AND settled_at IS NOT NULL"))
	require.Equal(t, 2_101, n)
	got := w.find(t, wholly.ID)
	require.Equal(t, payment.Cancelled, got.State)
	require.NotZero(t, got.SettledAt)
	require.Equal(t, payment.Approved, w.find(t, open.ID).State)
	require.Equal(t, payment.Approved, w.find(t, elsewhere.ID).State)

	// A cancel after the settlement goes into the next statement.
	at := w.find(t, partly.ID).SettledAt
	w.cancelled(t, partly.ID, 1)
	got = w.find(t, partly.ID)
	require.Equal(t, payment.Settled, got.State)
	require.EqualValues(t, 9_998, got.Cancellable())
	w.cancelled(t, partly.ID, 0)
	got = w.find(t, partly.ID)
	require.Equal(t, payment.Cancelled, got.State)
	require.Equal(t, at, got.SettledAt)
	next := w.order(cafe)
	w.cut(t, next)
	require.Equal(t, []int64{1, 2, 9_999}, []int64{w.sums(t, next.StatementID).PaymentCount, w.sums(t, next.StatementID).CancelCount, w.sums(t, next.StatementID).CancelAmount})
	require.Negative(t, w.sums(t, next.StatementID).Fee)
}

func TestFinish(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	reason := func(id string) string {
		_, err := w.Finish(ctx, id)
		require.ErrorIs(t, err, errs.PaymentNotFinishable)
		return errs.Of(err).Params["reason"]
	}
	begun, p := w.begin(t, request(cafe, 100)), w.approved(t, request(cafe, 100))
	failed, wholly := w.begin(t, request(cafe, 100)), w.approved(t, request(cafe, 100))
	w.move(t, failed.ID, record.Failed)
	require.Equal(t, "not_cut", reason(p.ID))
	w.cancelled(t, p.ID, 1)
	w.cancelled(t, wholly.ID, 0)
	w.cut(t, w.order(cafe))
	w.tick()
	got, err := w.Finish(ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, payment.Settled, got.State)
	require.Equal(t, w.now(), got.SettledAt)
	require.Equal(t, got, w.find(t, p.ID))
	for _, one := range []string{p.ID, begun.ID, failed.ID, wholly.ID} {
		require.Equal(t, "state", reason(one))
	}
	_, err = w.Finish(ctx, id.New(id.Payment))
	require.ErrorIs(t, err, errs.PaymentNotFound)
}

// BenchmarkCut cuts that many payments in one operation.
func BenchmarkCut(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			w := newWorld(b)
			for b.Loop() {
				b.StopTimer()
				w.fill(b, cafe, n)
				o := w.order(cafe)
				b.StartTimer()
				w.cut(b, o)
				b.StopTimer()
				require.EqualValues(b, n, w.sums(b, o.StatementID).PaymentCount)
				b.StartTimer()
			}
		})
	}
}

// BenchmarkBeginAndApprove begins and approves 250 payments in one operation.
func BenchmarkBeginAndApprove(b *testing.B) {
	w := newWorld(b)
	const size = 250
	for b.Loop() {
		list, moves := make([]payment.NewPayment, size), make([]payment.Move, size)
		for i := range list {
			list[i] = request(cafe, 10_000)
			moves[i] = payment.Move{Move: record.Move{ID: list[i].ID, State: record.Succeeded}, FeeBasisPoints: rate}
		}
		_, err := w.Begin(b.Context(), list)
		require.NoError(b, err)
		require.NoError(b, w.Move(b.Context(), moves))
	}
}

func BenchmarkSums(b *testing.B) {
	w := newWorld(b)
	w.fill(b, cafe, 100_000)
	o := w.order(cafe)
	w.cut(b, o)
	b.Run("statement", func(b *testing.B) {
		for b.Loop() {
			w.sums(b, o.StatementID)
		}
	})
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			var n []int64
			require.NoError(b, w.db.Select(&n, "SELECT SUM(amount) + SUM(fee) + SUM(vat) FROM payments GROUP BY franchise_id"))
		}
	})
}
