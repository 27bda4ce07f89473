package payment_test

import (
	"encoding/base64"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/devenv/devtest"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/internal/secret"
	"durapay/schema"
	"durapay/services/payment"
	"durapay/services/payment/paymentdb"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

var (
	alice = id.Derive(id.Member, "alice")
	bob   = id.Derive(id.Member, "bob")
	cafe  = id.Derive(id.Franchise, "cafe")
	shop  = id.Derive(id.Franchise, "shop")

	operator = payment.Scope{}
)

const rate = 176

type world struct {
	*payment.Service
	db     *sqlx.DB
	micros atomic.Int64
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{db: devtest.Database(t, schema.FS("payment"))}
	w.micros.Store(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMicro())
	w.Service = w.another(t)
	return w
}

// another makes a second service on the same database: another process.
func (w *world) another(t testing.TB) *payment.Service {
	t.Helper()
	ring, err := secret.ParseKeyRing("k1:" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef")))
	require.NoError(t, err)
	return payment.New(paymentdb.New(w.db), ring, payment.Options{Now: w.now})
}

func (w *world) now() time.Time { return time.UnixMicro(w.micros.Load()).UTC() }

func (w *world) tick() time.Time { w.micros.Add(1); return w.now() }

func request(franchise string, amount int64) payment.NewPayment {
	n := payment.NewPayment{ID: id.New(id.Payment), MembershipID: alice, FranchiseID: franchise, Amount: amount, TaxFreeAmount: amount / 10, Fingerprint: "one"}
	n.OrderID = n.ID
	return n
}

func (w *world) begin(t testing.TB, n payment.NewPayment) payment.Payment {
	t.Helper()
	w.tick()
	out, err := w.Begin(t.Context(), []payment.NewPayment{n})
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

func (w *world) move(t testing.TB, id string, s record.State) {
	t.Helper()
	w.tick()
	require.NoError(t, w.Move(t.Context(), []payment.Move{{Move: record.Move{ID: id, State: s}, FeeBasisPoints: rate}}))
}

func (w *world) approved(t testing.TB, n payment.NewPayment) payment.Payment {
	t.Helper()
	w.begin(t, n)
	w.move(t, n.ID, record.Succeeded)
	return w.find(t, n.ID)
}

func (w *world) find(t testing.TB, id string) payment.Payment {
	t.Helper()
	p, err := w.Find(t.Context(), operator, id)
	require.NoError(t, err)
	return p
}

func TestBeginIsIdempotent(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	n := request(cafe, 10_000)
	n.AutoTopUpAccountID = id.New(id.BankAccount)
	first := w.begin(t, n)
	require.Equal(t, payment.Payment{ID: n.ID, MembershipID: alice, FranchiseID: cafe, OrderID: n.ID, Amount: 10_000, TaxFreeAmount: 1_000,
		AutoTopUpAccountID: n.AutoTopUpAccountID, Fingerprint: "one", State: payment.Requested, CreatedAt: w.now(), UpdatedAt: w.now()}, first)
	require.Equal(t, first, w.begin(t, n))

	failure := record.FailureOf(errs.InsufficientBalance.With("short", 10))
	require.NoError(t, w.Move(ctx, []payment.Move{{Move: record.Move{ID: n.ID, State: record.Failed, Failure: failure}}}))
	other := n
	other.Fingerprint, other.Amount = "two", 5_000
	again := w.begin(t, other)
	require.Equal(t, "one", again.Fingerprint)
	require.EqualValues(t, 10_000, again.Amount)
	require.Equal(t, payment.Failed, again.State)
	require.Equal(t, failure, again.Failure)

	over := request(cafe, payment.MaxAmount+1)
	require.NotNil(t, w.Check(over))
	require.Equal(t, payment.Requested, w.begin(t, over).State, "a refusal is on record")
	for _, bad := range []payment.NewPayment{{}, request("a", 1), request(cafe, 0)} {
		_, err := w.Begin(ctx, []payment.NewPayment{request(cafe, 1), bad})
		require.ErrorIs(t, err, errs.InvalidRequest)
	}
}

func TestAnOrderIDIsOnePaymentUntilItFails(t *testing.T) {
	w := newWorld(t)
	first := request(cafe, 100)
	w.begin(t, first)
	second := request(cafe, 100)
	second.OrderID = first.OrderID
	refusal := record.FailureOf(errs.OrderIDTaken.With("paymentId", first.ID))
	require.Equal(t, refusal, w.begin(t, second).Refusal)

	elsewhere := request(shop, 100)
	elsewhere.OrderID = first.OrderID
	require.False(t, w.begin(t, elsewhere).Refusal.Is(), "the id is the franchise's own")

	w.move(t, first.ID, record.Failed)
	require.Equal(t, refusal, w.begin(t, second).Refusal, "a refusal stays")
	err := w.Move(t.Context(), []payment.Move{{Move: record.Move{ID: second.ID, State: record.Succeeded}}})
	require.ErrorIs(t, err, errs.ConcurrentEdit, "what was refused is not approved")
	w.move(t, second.ID, record.Failed)

	third := request(cafe, 100)
	third.OrderID = first.OrderID
	require.False(t, w.begin(t, third).Refusal.Is())
	w.move(t, third.ID, record.Succeeded)
	fourth := request(cafe, 100)
	fourth.OrderID = first.OrderID
	require.Equal(t, third.ID, w.begin(t, fourth).Refusal.Params["paymentId"])
}

func TestOneListMayNameAnOrderTwice(t *testing.T) {
	w := newWorld(t)
	taken := w.begin(t, request(cafe, 1))
	var list []payment.NewPayment
	for i := range 9 {
		n := request(cafe, 100)
		n.OrderID = []string{"a", "b", taken.OrderID}[i%3]
		list = append(list, n)
	}
	list = append(list, list[1], payment.NewPayment{ID: taken.ID, MembershipID: alice, FranchiseID: cafe, OrderID: "a", Amount: 1})
	out, err := w.Begin(t.Context(), list)
	require.NoError(t, err)
	for i, p := range out[:9] {
		require.Equal(t, list[i].ID, p.ID)
		require.Equal(t, i >= 2, p.Refusal.Is(), i)
		if p.Refusal.Is() {
			require.Equal(t, []string{list[0].ID, list[1].ID, taken.ID}[i%3], p.Refusal.Params["paymentId"])
		}
	}
	require.Equal(t, out[1], out[9])
	require.Equal(t, taken, out[10])
}

func TestConcurrentBeginsOfOneOrderLetOneThrough(t *testing.T) {
	w := newWorld(t)
	services := []*payment.Service{w.Service, w.another(t), w.another(t), w.another(t)}
	var through, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		n := request(cafe, 100)
		n.OrderID = "the-order"
		for _, repeat := range []bool{false, true} {
			wg.Go(func() {
				out, err := services[i%len(services)].Begin(t.Context(), []payment.NewPayment{request(cafe, 100), n})
				switch {
				case err != nil:
					t.Errorf("begin: %v", err)
				case repeat:
				case out[1].Refusal.Is():
					refused.Add(1)
				default:
					through.Add(1)
				}
			})
		}
	}
	wg.Wait()
	require.EqualValues(t, 1, through.Load())
	require.EqualValues(t, 19, refused.Load())
	var n int
	require.NoError(t, w.db.Get(&n, "SELECT COUNT(*) FROM payments WHERE order_id = 'the-order' AND refusal IS NULL"))
	require.Equal(t, 1, n)
	require.NoError(t, w.db.Get(&n, "SELECT COUNT(*) FROM payments"))
	require.Equal(t, 60, n)
}

func TestMoves(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	a, b, c := w.begin(t, request(cafe, 57)), w.begin(t, request(cafe, 10_000)), w.begin(t, request(cafe, 10_000))
	until := w.now().Add(time.Hour)
	require.NoError(t, w.Move(ctx, []payment.Move{
		{Move: record.Move{ID: a.ID, State: record.Waiting, Until: until}},
		{Move: record.Move{ID: b.ID, State: record.Processing}},
		{Move: record.Move{ID: b.ID, State: record.Succeeded}, FeeBasisPoints: 300},
		{Move: record.Move{ID: c.ID, State: record.Cancelled}},
	}))
	got := w.find(t, a.ID)
	require.Equal(t, payment.Waiting, got.State)
	require.Equal(t, until, got.Until)
	require.Zero(t, got.Cancellable())
	got = w.find(t, c.ID)
	require.Equal(t, payment.Failed, got.State)
	require.Equal(t, errs.FlowCancelled.Code, got.Failure.Code)
	require.Equal(t, record.Cancelled, got.Record())
	at := w.now()
	w.move(t, b.ID, record.Succeeded) // at another rate, later
	w.move(t, c.ID, record.Cancelled)
	got = w.find(t, b.ID)
	require.Equal(t, []int64{300, 300, 30, 10_000}, []int64{int64(got.FeeBasisPoints), got.Fee, got.VAT, got.Cancellable()})
	require.Equal(t, at, got.ApprovedAt)
	require.Equal(t, payment.Approved, got.State)
	require.Equal(t, record.Succeeded, got.Record())

	err := w.Move(ctx, []payment.Move{{Move: record.Move{ID: b.ID, State: record.Failed}}, {Move: record.Move{ID: a.ID, State: record.Succeeded}, FeeBasisPoints: rate}})
	require.ErrorIs(t, err, errs.ConcurrentEdit)
	got = w.find(t, a.ID)
	require.Equal(t, payment.Approved, got.State, "the allowed move is made")
	require.EqualValues(t, 1, got.Fee)
	require.Zero(t, got.Until)
	for id, state := range map[string]record.State{a.ID: record.Returned, c.ID: record.Failed} {
		require.ErrorIs(t, w.Move(ctx, []payment.Move{{Move: record.Move{ID: id, State: state}}}), errs.ConcurrentEdit)
	}
	require.ErrorIs(t, w.Move(ctx, []payment.Move{{Move: record.Move{ID: "pay_none", State: record.Failed}}}), errs.PaymentNotFound)
	require.ErrorIs(t, w.Move(ctx, []payment.Move{{FeeBasisPoints: 10_001}}), errs.InvalidRequest)
	require.NoError(t, w.Move(ctx, nil))
}

// The database computes the fee when it approves; package payment does when it gives back.
func TestTheDatabaseComputesTheSameFee(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		n := request(cafe, rapid.OneOf(rapid.Int64Range(1, 100_000), rapid.Int64Range(1, payment.MaxStored)).Draw(rt, "amount"))
		n.TaxFreeAmount = 0
		bp := rapid.IntRange(0, payment.MaxFeeBasisPoints).Draw(rt, "rate")
		w.begin(t, n)
		require.NoError(rt, w.Move(t.Context(), []payment.Move{{Move: record.Move{ID: n.ID, State: record.Succeeded}, FeeBasisPoints: bp}}))
		p := w.find(t, n.ID)
		require.Equal(rt, payment.Fee(n.Amount, bp), p.Fee)
		require.Equal(rt, payment.VAT(p.Fee), p.VAT)
	})
}

func TestConcurrentPaymentsAreStoredAndMovedOnceEach(t *testing.T) {
	w := newWorld(t)
	services := []*payment.Service{w.Service, w.another(t)}
	list := make([]payment.NewPayment, 40)
	for i := range list {
		list[i] = request(cafe, 10_000)
	}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			s, n := services[i%2], list[i%len(list)]
			if out, err := s.Begin(t.Context(), []payment.NewPayment{n}); err != nil || out[0].ID != n.ID {
				t.Errorf("begin: %v %v", out, err)
			}
			m := payment.Move{Move: record.Move{ID: n.ID, State: record.Succeeded}, FeeBasisPoints: i % 300}
			if err := s.Move(t.Context(), []payment.Move{m}); err != nil {
				t.Errorf("move: %v", err)
			}
		})
	}
	wg.Wait()
	var n int
	require.NoError(t, w.db.Get(&n, "SELECT COUNT(*) FROM payments WHERE state = 'APPROVED' AND fee = fee_basis_points AND vat = fee DIV 10"))
	require.Equal(t, len(list), n)
}

func TestSetTopUp(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.begin(t, request(cafe, 1))
	require.NoError(t, w.SetTopUp(ctx, p.ID, "top_1"))
	require.NoError(t, w.SetTopUp(ctx, p.ID, "top_1"))
	require.ErrorIs(t, w.SetTopUp(ctx, p.ID, "top_2"), errs.ConcurrentEdit)
	require.ErrorIs(t, w.SetTopUp(ctx, "pay_none", "top_2"), errs.PaymentNotFound)
	require.Equal(t, "top_1", w.find(t, p.ID).TopUpID)
}

func TestFind(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.begin(t, request(cafe, 1))
	find := func(s payment.Scope) error { _, err := w.Find(ctx, s, p.ID); return err }
	for _, s := range []payment.Scope{{MembershipID: bob}, {FranchiseID: shop}, {FranchiseID: cafe}} {
		require.ErrorIs(t, find(s), errs.PaymentNotFound)
	}
	require.NoError(t, find(payment.Scope{MembershipID: alice}))
	w.move(t, p.ID, record.Succeeded)
	require.NoError(t, find(payment.Scope{FranchiseID: cafe}))
	_, err := w.Find(ctx, operator, id.New(id.Payment))
	require.ErrorIs(t, err, errs.PaymentNotFound)
}

// walk goes through a list by its pages, as a client does, and gives the ids.
func walk[T any](t *testing.T, limit int, idOf func(T) string, next func(page.Request) (page.Page[T], error)) []string {
	t.Helper()
	ids := []string{}
	q := page.Request{Limit: limit}
	for range 100 {
		p, err := next(q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(p.Items), limit)
		for _, item := range p.Items {
			ids = append(ids, idOf(item))
		}
		if p.Next == "" {
			return ids
		}
		q, err = page.Parse(p.Next, limit)
		require.NoError(t, err)
	}
	t.Fatal("the list has no end")
	return nil
}

func paymentID(p payment.Payment) string { return p.ID }

func (w *world) list(t *testing.T, s payment.Scope, f payment.Filter, limit int) []string {
	t.Helper()
	return walk(t, limit, paymentID, func(q page.Request) (page.Page[payment.Payment], error) { return w.List(t.Context(), s, f, q) })
}

func (w *world) normal(t *testing.T, f payment.NormalFilter, limit int) []string {
	t.Helper()
	return walk(t, limit, paymentID, func(q page.Request) (page.Page[payment.Payment], error) { return w.Normal(t.Context(), f, q) })
}

func TestLists(t *testing.T) {
	w := newWorld(t)
	begun := w.begin(t, request(cafe, 1_000))
	failed := w.begin(t, request(cafe, 1_000))
	w.move(t, failed.ID, record.Failed)
	first := w.approved(t, request(cafe, 1_000))
	foreign := request(shop, 1_000)
	foreign.MembershipID = bob
	foreign = payment.NewPayment{ID: w.approved(t, foreign).ID}
	partly := w.approved(t, request(cafe, 1_000))
	w.cancelled(t, partly.ID, 1)
	wholly := w.approved(t, request(cafe, 1_000))
	w.cancelled(t, wholly.ID, 0)

	for limit := 1; limit <= 7; limit++ {
		all := []string{wholly.ID, partly.ID, foreign.ID, first.ID, failed.ID, begun.ID}
		require.Equal(t, all, w.list(t, operator, payment.Filter{}, limit), limit)
		require.Equal(t, []string{wholly.ID, partly.ID, first.ID, failed.ID, begun.ID}, w.list(t, payment.Scope{MembershipID: alice}, payment.Filter{}, limit))
		require.Equal(t, []string{wholly.ID, partly.ID, first.ID}, w.list(t, payment.Scope{FranchiseID: cafe}, payment.Filter{}, limit))
		require.Equal(t, []string{foreign.ID}, w.list(t, payment.Scope{FranchiseID: shop, MembershipID: bob}, payment.Filter{}, limit))
		require.Equal(t, []string{partly.ID, first.ID}, w.normal(t, payment.NormalFilter{FranchiseID: cafe}, limit))
		require.Equal(t, []string{partly.ID, foreign.ID, first.ID}, w.normal(t, payment.NormalFilter{}, limit))
		require.Equal(t, []string{partly.ID, foreign.ID, first.ID}, w.list(t, operator, payment.Filter{From: first.CreatedAt, Until: wholly.CreatedAt}, limit))
	}
	for _, s := range []payment.Scope{operator, {MembershipID: alice}, {FranchiseID: cafe}} {
		require.Equal(t, []string{wholly.ID}, w.list(t, s, payment.Filter{State: payment.Cancelled}, 2))
	}
	require.Empty(t, w.list(t, payment.Scope{FranchiseID: cafe}, payment.Filter{State: payment.Failed}, 2))
	require.Empty(t, w.list(t, payment.Scope{FranchiseID: cafe, MembershipID: alice}, payment.Filter{State: payment.Failed}, 2))
	require.Equal(t, []string{first.ID}, w.normal(t, payment.NormalFilter{FranchiseID: cafe, From: first.ApprovedAt, Until: first.ApprovedAt.Add(time.Microsecond)}, 2))
}

func TestListsOfOneMomentLoseNothing(t *testing.T) {
	w := newWorld(t)
	var list []payment.NewPayment
	var moves []payment.Move
	var want []string
	for range 9 {
		n := request(cafe, 100)
		list, want = append(list, n), append(want, n.ID)
		moves = append(moves, payment.Move{Move: record.Move{ID: n.ID, State: record.Succeeded}})
	}
	_, err := w.Begin(t.Context(), list)
	require.NoError(t, err)
	require.NoError(t, w.Move(t.Context(), moves[:5]))
	require.ElementsMatch(t, want, w.list(t, operator, payment.Filter{}, 2))
	require.NoError(t, w.Move(t.Context(), moves[5:]))
	require.ElementsMatch(t, want, w.list(t, payment.Scope{FranchiseID: cafe}, payment.Filter{}, 2))
	require.ElementsMatch(t, want, w.normal(t, payment.NormalFilter{}, 2))
}

// Every list is read from an index that has its order.
func TestListsUseTheirIndexes(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ index, where, at string }{
		{"payments_member", "membership_id = 'm' AND state IN ('APPROVED', 'FAILED')", "created_at"},
		{"payments_franchise", "franchise_id = 'f' AND state = 'APPROVED'", "created_at"},
		{"payments_franchise_normal", "franchise_id = 'f' AND state = 'APPROVED'", "approved_at"},
		{"payments_all", "state = 'APPROVED'", "created_at"},
		{"payments_normal", "state = 'APPROVED'", "approved_at"},
	} {
		plan := w.explain(t, "SELECT * FROM payments FORCE INDEX ("+c.index+") WHERE "+c.where+" AND "+c.at+" <= NOW() ORDER BY "+c.at+" DESC, id DESC LIMIT 21")
		require.Equal(t, c.index, plan["key"])
		require.NotContains(t, plan["Extra"], "filesort", c.index)
	}
}

func (w *world) explain(t *testing.T, q string, args ...any) map[string]string {
	t.Helper()
	rows, err := w.db.Queryx("EXPLAIN FORMAT=TRADITIONAL "+q, args...)
	require.NoError(t, err)
	require.True(t, rows.Next())
	raw := map[string]any{}
	require.NoError(t, rows.MapScan(raw))
	require.NoError(t, rows.Close())
	plan := map[string]string{}
	for k, v := range raw {
		if b, isText := v.([]byte); isText {
			plan[k] = string(b)
		}
	}
	return plan
}

// Whose payment has the order id is told to nobody but its owner.
func TestAnOrderOfAnotherMemberIsNotNamed(t *testing.T) {
	w := newWorld(t)
	first := request(shop, 1_000)
	w.begin(t, first)
	second := request(shop, 1_000)
	second.OrderID, second.MembershipID = first.OrderID, id.New(id.Member)
	require.Equal(t, record.FailureOf(errs.OrderIDTaken), w.begin(t, second).Refusal)
}
