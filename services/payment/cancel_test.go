package payment_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/services/payment"
)

func cancel(paymentID string, amount int64) payment.NewCancel {
	return payment.NewCancel{ID: id.New(id.Cancel), PaymentID: paymentID, FranchiseID: cafe, Amount: amount, Reason: "고객 변심", AskedBy: "key_1", Fingerprint: "one"}
}

func (w *world) beginCancel(t testing.TB, n payment.NewCancel) payment.Cancel {
	t.Helper()
	w.tick()
	out, err := w.BeginCancels(t.Context(), []payment.NewCancel{n})
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

func (w *world) moveCancel(t testing.TB, id string, s record.State) {
	t.Helper()
	w.tick()
	require.NoError(t, w.MoveCancels(t.Context(), []record.Move{{ID: id, State: s}}))
}

func (w *world) cancelled(t testing.TB, paymentID string, amount int64) payment.Cancel {
	t.Helper()
	n := cancel(paymentID, amount)
	n.FranchiseID = ""
	c := w.beginCancel(t, n)
	require.False(t, c.Refusal.Is(), c.Refusal)
	w.moveCancel(t, c.ID, record.Succeeded)
	c, err := w.FindCancel(t.Context(), operator, c.ID)
	require.NoError(t, err)
	return c
}

func TestBeginCancelIsIdempotent(t *testing.T) {
	w := newWorld(t)
	p := w.approved(t, request(cafe, 10_000))
	n := cancel(p.ID, 0)
	first := w.beginCancel(t, n)
	require.Equal(t, payment.Cancel{ID: n.ID, PaymentID: p.ID, MembershipID: alice, FranchiseID: cafe, Amount: 10_000, Reason: "고객 변심",
		AskedBy: "key_1", Fingerprint: "one", State: record.Requested, CreatedAt: w.now(), UpdatedAt: w.now()}, first)
	other := n
	other.Amount, other.Fingerprint, other.PaymentID = 5, "two", id.New(id.Payment)
	require.Equal(t, first, w.beginCancel(t, other))
	require.EqualValues(t, 10_000, w.find(t, p.ID).Cancellable(), "nothing has come back yet")
	require.EqualValues(t, "0", w.beginCancel(t, cancel(p.ID, 0)).Refusal.Params["remaining"])
}

func TestCancelsThatMayNotBegin(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	begun := w.begin(t, request(cafe, 100))
	foreign := w.approved(t, request(shop, 100))
	mine := w.approved(t, request(cafe, 100))
	gone := w.approved(t, request(cafe, 100))
	w.cancelled(t, gone.ID, 0)
	w.beginCancel(t, cancel(mine.ID, 60))
	byOperator := func(paymentID string) payment.NewCancel {
		n := cancel(paymentID, 1)
		n.FranchiseID = ""
		return n
	}
	for name, c := range map[string]struct {
		n    payment.NewCancel
		want *errs.Error
	}{
		"unknown":             {cancel(id.New(id.Payment), 0), errs.PaymentNotFound},
		"unknown, operator":   {byOperator(id.New(id.Payment)), errs.PaymentNotFound},
		"foreign":             {cancel(foreign.ID, 1), errs.PaymentNotFound},
		"not reached":         {cancel(begun.ID, 1), errs.PaymentNotFound},
		"on the way":          {byOperator(begun.ID), errs.PaymentNotCancellable.With("state", "REQUESTED")},
		"cancelled":           {cancel(gone.ID, 0), errs.PaymentNotCancellable.With("state", "CANCELLED")},
		"more than remaining": {cancel(mine.ID, 41), errs.CancelExceeded.With("remaining", 40)},
	} {
		got := w.beginCancel(t, c.n)
		require.Equal(t, record.FailureOf(c.want), got.Refusal, name)
		require.Equal(t, record.Requested, got.State, name)
		err := w.MoveCancels(ctx, []record.Move{{ID: c.n.ID, State: record.Succeeded}})
		require.ErrorIs(t, err, errs.ConcurrentEdit, name)
		seen, err := w.FindCancel(ctx, payment.Scope{FranchiseID: c.n.FranchiseID}, c.n.ID)
		require.NoError(t, err, "the asker can read it")
		require.Equal(t, got, seen)
		w.moveCancel(t, c.n.ID, record.Failed)
		require.Equal(t, got.Refusal, w.beginCancel(t, c.n).Refusal)
	}
	owner := payment.Scope{FranchiseID: shop}
	p, err := w.ListCancels(ctx, owner, foreign.ID, page.Request{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, p.Items, "a stranger's try is not the owner's to see")
	require.EqualValues(t, 40, w.beginCancel(t, cancel(mine.ID, 0)).Amount, "refused cancels reserve nothing")
	_, err = w.BeginCancels(ctx, []payment.NewCancel{{}})
	require.ErrorIs(t, err, errs.InvalidRequest)
	_, err = w.BeginCancels(ctx, []payment.NewCancel{cancel("pay_1", 1)})
	require.ErrorIs(t, err, errs.PaymentNotFound)
	require.Nil(t, w.CheckCancel(cancel(mine.ID, 0)))
}

func TestMoveCancels(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.approved(t, request(cafe, 10_000))
	a, b, c := w.beginCancel(t, cancel(p.ID, 3_333)), w.beginCancel(t, cancel(p.ID, 5_000)), w.beginCancel(t, cancel(p.ID, 0))
	require.EqualValues(t, 1_667, c.Amount)
	require.NoError(t, w.MoveCancels(ctx, []record.Move{{ID: a.ID, State: record.Processing}, {ID: a.ID, State: record.Waiting, Until: w.now()}}))
	w.moveCancel(t, a.ID, record.Succeeded)
	at := w.now()
	w.moveCancel(t, a.ID, record.Succeeded)
	got := w.find(t, p.ID)
	require.Equal(t, payment.PartiallyCancelled, got.State)
	require.EqualValues(t, 6_667, got.Cancellable())
	require.EqualValues(t, 176, got.Fee, "the payment's line stays")

	w.moveCancel(t, b.ID, record.Failed)
	w.moveCancel(t, b.ID, record.Failed)
	w.moveCancel(t, c.ID, record.Cancelled)
	err := w.MoveCancels(ctx, []record.Move{{ID: b.ID, State: record.Succeeded}})
	require.ErrorIs(t, err, errs.ConcurrentEdit)
	for _, s := range []record.State{record.Failed, record.Returned, record.Processing} {
		require.ErrorIs(t, w.MoveCancels(ctx, []record.Move{{ID: a.ID, State: s}}), errs.ConcurrentEdit)
	}
	for _, s := range []record.State{record.Failed, record.Succeeded} {
		require.ErrorIs(t, w.MoveCancels(ctx, []record.Move{{ID: "cxl_none", State: s}}), errs.CancelNotFound)
	}

	d := w.cancelled(t, p.ID, 0)
	got = w.find(t, p.ID)
	require.Equal(t, payment.Cancelled, got.State)
	require.EqualValues(t, 10_000, got.CancelledAmount)
	require.Zero(t, got.Cancellable())
	a, err = w.FindCancel(ctx, operator, a.ID)
	require.NoError(t, err)
	require.Equal(t, at, a.ApprovedAt)
	require.Equal(t, []int64{p.Fee, p.VAT}, []int64{a.Fee + d.Fee, a.VAT + d.VAT})

	ids := func(s payment.Scope) []string {
		return walk(t, 1, func(c payment.Cancel) string { return c.ID }, func(q page.Request) (page.Page[payment.Cancel], error) {
			return w.ListCancels(ctx, s, p.ID, q)
		})
	}
	require.Equal(t, []string{d.ID, c.ID, b.ID, a.ID}, ids(payment.Scope{FranchiseID: cafe}))
	require.Equal(t, []string{d.ID, c.ID, b.ID, a.ID}, ids(operator))
	require.Equal(t, []string{d.ID, a.ID}, ids(payment.Scope{MembershipID: alice}))
	require.Empty(t, ids(payment.Scope{MembershipID: bob}))
	_, err = w.FindCancel(ctx, payment.Scope{MembershipID: alice}, b.ID)
	require.ErrorIs(t, err, errs.CancelNotFound)
	_, err = w.FindCancel(ctx, operator, id.New(id.Cancel))
	require.ErrorIs(t, err, errs.CancelNotFound)
}

func TestConcurrentCancelsNeverExceed(t *testing.T) {
	w := newWorld(t)
	p := w.approved(t, request(cafe, 1_000))
	services := []*payment.Service{w.Service, w.another(t)}
	var taken atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		n := cancel(p.ID, int64(30+i))
		for range 2 { // each of them twice, as after a lost answer
			wg.Go(func() {
				s := services[i%2]
				out, err := s.BeginCancels(t.Context(), []payment.NewCancel{n})
				if err != nil {
					t.Errorf("begin: %v", err)
					return
				}
				if out[0].Refusal.Is() {
					return
				}
				if err := s.MoveCancels(t.Context(), []record.Move{{ID: n.ID, State: record.Succeeded}}); err != nil {
					t.Errorf("move: %v", err)
				}
				taken.Add(out[0].Amount)
			})
		}
	}
	wg.Wait()
	got := w.find(t, p.ID)
	require.Equal(t, taken.Load()/2, got.CancelledAmount)
	require.LessOrEqual(t, got.CancelledAmount, int64(1_000))
	require.Greater(t, got.CancelledAmount, int64(900), "what was left is less than the largest one")
	var sum struct {
		Amount int64 `db:"amount"`
		Fee    int64 `db:"fee"`
		VAT    int64 `db:"vat"`
	}
	require.NoError(t, w.db.Get(&sum, "SELECT SUM(amount) AS amount, SUM(fee) AS fee, SUM(vat) AS vat FROM cancels WHERE state = 'SUCCEEDED'"))
	require.Equal(t, got.CancelledAmount, sum.Amount)
	require.Equal(t, p.Fee-payment.Fee(got.Cancellable(), rate), sum.Fee)
	require.Equal(t, p.VAT-payment.VAT(payment.Fee(got.Cancellable(), rate)), sum.VAT)
}

// Cancels that begin, fail and succeed in any order keep what they reserve and take
// within the payment, and the payment's figures equal theirs.
func TestCancelsAreThoseOfTheModel(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		amount := rapid.Int64Range(1, 2_000).Draw(rt, "amount")
		p := w.approved(t, request(cafe, amount))
		var open []payment.Cancel
		reserved, taken, fee, vat := int64(0), int64(0), int64(0), int64(0)
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			if rapid.Bool().Draw(rt, "begin") || len(open) == 0 {
				asked := rapid.Int64Range(0, amount).Draw(rt, "part")
				c := w.beginCancel(t, cancel(p.ID, asked))
				state := w.find(t, p.ID).State
				possible := state != payment.Cancelled && reserved < amount && asked <= amount-reserved
				require.Equal(rt, possible, !c.Refusal.Is())
				if possible {
					open, reserved = append(open, c), reserved+c.Amount
				}
				continue
			}
			c := open[0]
			open = open[1:]
			if rapid.Bool().Draw(rt, "fail") {
				w.moveCancel(t, c.ID, record.Failed)
				reserved -= c.Amount
				continue
			}
			w.moveCancel(t, c.ID, record.Succeeded)
			c, err := w.FindCancel(t.Context(), operator, c.ID)
			require.NoError(rt, err)
			taken, fee, vat = taken+c.Amount, fee+c.Fee, vat+c.VAT
			got := w.find(t, p.ID)
			require.Equal(rt, taken, got.CancelledAmount)
			require.Equal(rt, payment.Fee(amount-taken, rate), p.Fee-fee)
			require.Equal(rt, payment.VAT(p.Fee-fee), p.VAT-vat)
		}
	})
}

func TestNoColumnHoldsTheReasonInTheClear(t *testing.T) {
	w := newWorld(t)
	n := cancel(w.approved(t, request(cafe, 1)).ID, 0)
	w.beginCancel(t, n)
	rows, err := w.db.Queryx("SELECT * FROM cancels")
	require.NoError(t, err)
	require.True(t, rows.Next())
	columns, err := rows.SliceScan()
	require.NoError(t, err)
	require.NoError(t, rows.Close())
	for _, c := range columns {
		if b, isText := c.([]byte); isText {
			require.False(t, strings.Contains(string(b), "변심"))
		}
	}
	require.Equal(t, n.ID, n.LogValue().String())
	require.Equal(t, n.ID, payment.Cancel{ID: n.ID}.LogValue().String())
}
