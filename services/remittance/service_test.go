package remittance_test

import (
	"encoding/base64"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/devenv/devtest"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/internal/secret"
	"durapay/schema"
	"durapay/services/remittance"
	"durapay/services/remittance/remittancedb"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

var (
	alice = id.Derive(id.Member, "alice")
	bob   = id.Derive(id.Member, "bob")
	carol = id.Derive(id.Member, "carol")
)

type world struct {
	*remittance.Service
	db     *sqlx.DB
	ring   *secret.KeyRing
	micros atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ring, err := secret.ParseKeyRing("k1:" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef")))
	require.NoError(t, err)
	w := &world{db: devtest.Database(t, schema.FS("remittance")), ring: ring}
	w.micros.Store(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMicro())
	w.Service = w.service(w.db)
	return w
}

// service makes one more process of the service.
func (w *world) service(db *sqlx.DB) *remittance.Service {
	return remittance.New(remittancedb.New(db), w.ring, remittance.Options{Now: w.now})
}

func (w *world) now() time.Time { return time.UnixMicro(w.micros.Load()).UTC() }

func request(from, to string) remittance.Remittance {
	return remittance.Remittance{ID: id.New(id.Remittance), SenderID: from, To: remittance.Receiver{MembershipID: to}, Amount: 5000,
		Memo: "점심값 고마워", Fingerprint: "one"}
}

func (w *world) begin(t *testing.T, r remittance.Remittance) remittance.Remittance {
	t.Helper()
	w.micros.Add(1)
	out, err := w.Begin(t.Context(), []remittance.Remittance{r})
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

func (w *world) move(t *testing.T, r remittance.Remittance, s record.State) {
	t.Helper()
	require.NoError(t, w.Move(t.Context(), []record.Move{{ID: r.ID, State: s}}))
}

func TestBeginIsIdempotent(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	r := request(alice, bob)
	r.ExecuteAt = w.now().Add(time.Hour)
	r.AutoTopUpAccountID = id.New(id.BankAccount)
	first := w.begin(t, r)
	want := r
	want.State, want.CreatedAt, want.UpdatedAt = record.Requested, w.now(), w.now()
	require.Equal(t, want, first)

	failure := record.FailureOf(errs.InsufficientBalance.With("short", 10))
	require.NoError(t, w.Move(ctx, []record.Move{{ID: r.ID, State: record.Failed, Failure: failure}}))
	other := r
	other.Fingerprint, other.Amount = "two", 1
	again := w.begin(t, other)
	require.Equal(t, "one", again.Fingerprint)
	require.EqualValues(t, 5000, again.Amount)
	require.Equal(t, record.Failed, again.State)
	require.Equal(t, failure, again.Failure)

	self := request(alice, alice)
	require.Equal(t, errs.SelfTransfer.Code, w.Check(self).Code)
	refused := w.begin(t, self)
	require.Equal(t, record.Requested, refused.State, "a refusal is on record")
	require.Equal(t, record.FailureOf(errs.SelfTransfer), refused.Refusal)
	never := request(alice, bob)
	never.ExecuteAt = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, bad := range []remittance.Remittance{{}, request("a", bob), request(alice, ""), never} {
		_, err := w.Begin(ctx, []remittance.Remittance{request(alice, bob), bad})
		require.ErrorIs(t, err, errs.InvalidRequest)
	}
}

func TestConcurrentRequestsAreStoredOnceEach(t *testing.T) {
	w := newWorld(t)
	requests := make([]remittance.Remittance, 20)
	for i := range requests {
		requests[i] = request(alice, bob)
	}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			r := requests[i%len(requests)]
			if i%2 == 0 {
				r.Memo = "second"
			}
			out, err := w.Begin(t.Context(), []remittance.Remittance{r})
			if err != nil || out[0].ID != r.ID {
				t.Errorf("begin: %v %v", out, err)
			}
			if err := w.Move(t.Context(), []record.Move{{ID: r.ID, State: record.Processing}, {ID: r.ID, State: record.Waiting}}); err != nil {
				t.Errorf("move: %v", err)
			}
		})
	}
	wg.Wait()
	var n int
	require.NoError(t, w.db.Get(&n, "SELECT COUNT(*) FROM remittances WHERE state = 'WAITING' OR state = 'PROCESSING'"))
	require.Equal(t, len(requests), n)
}

func TestMoves(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	a, b := w.begin(t, request(alice, bob)), w.begin(t, request(alice, bob))
	until := w.now().Add(time.Hour)
	require.NoError(t, w.Move(ctx, []record.Move{{ID: a.ID, State: record.Waiting, Until: until}, {ID: b.ID, State: record.Processing}}))
	got, err := w.Find(ctx, alice, a.ID)
	require.NoError(t, err)
	require.Equal(t, record.Waiting, got.State)
	require.Equal(t, until, got.Until)

	w.move(t, a, record.Succeeded)
	w.move(t, a, record.Succeeded)
	err = w.Move(ctx, []record.Move{{ID: a.ID, State: record.Failed}, {ID: b.ID, State: record.Succeeded}})
	require.ErrorIs(t, err, errs.ConcurrentEdit)
	got, err = w.Find(ctx, alice, b.ID)
	require.NoError(t, err)
	require.Equal(t, record.Succeeded, got.State, "the allowed move is made")
	require.ErrorIs(t, w.Move(ctx, []record.Move{{ID: "rem_none", State: record.Failed}}), errs.RemittanceNotFound)
	require.NoError(t, w.Move(ctx, nil))
}

func TestSetTopUp(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	r := w.begin(t, request(alice, bob))
	require.NoError(t, w.SetTopUp(ctx, r.ID, "top_1"))
	require.NoError(t, w.SetTopUp(ctx, r.ID, "top_1"))
	require.ErrorIs(t, w.SetTopUp(ctx, r.ID, "top_2"), errs.ConcurrentEdit)
	require.ErrorIs(t, w.SetTopUp(ctx, "rem_none", "top_2"), errs.RemittanceNotFound)
	got, err := w.Find(ctx, "", r.ID)
	require.NoError(t, err)
	require.Equal(t, "top_1", got.TopUpID)
}

func TestFind(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	r := w.begin(t, request(alice, bob))
	for who, want := range map[string]bool{alice: true, "": true, bob: false, carol: false} {
		_, err := w.Find(ctx, who, r.ID)
		require.Equal(t, want, err == nil, who)
		if !want {
			require.ErrorIs(t, err, errs.RemittanceNotFound)
		}
	}
	w.move(t, r, record.Succeeded)
	got, err := w.Find(ctx, bob, r.ID)
	require.NoError(t, err)
	require.Equal(t, "점심값 고마워", got.Memo)
	_, err = w.Find(ctx, bob, id.New(id.Remittance))
	require.ErrorIs(t, err, errs.RemittanceNotFound)
}

func (w *world) history(t *testing.T, member string, limit int) []string {
	t.Helper()
	var ids []string
	q := page.Request{Limit: limit}
	for range 20 {
		p, err := w.History(t.Context(), member, q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(p.Items), limit)
		for _, r := range p.Items {
			ids = append(ids, r.ID)
		}
		if p.Next == "" {
			return ids
		}
		q, err = page.Parse(p.Next, limit)
		require.NoError(t, err)
	}
	t.Fatal("the history has no end")
	return nil
}

func TestHistory(t *testing.T) {
	w := newWorld(t)
	sent := w.begin(t, request(alice, bob))
	failed := w.begin(t, request(alice, bob))
	received := w.begin(t, request(bob, alice))
	notReceived := w.begin(t, request(bob, alice))
	foreign := w.begin(t, request(bob, carol))
	self := w.begin(t, request(alice, alice))
	w.move(t, sent, record.Succeeded)
	w.move(t, failed, record.Failed)
	w.move(t, received, record.Succeeded)
	w.move(t, notReceived, record.Failed)
	w.move(t, self, record.Failed)
	for limit := 1; limit <= 7; limit++ {
		require.Equal(t, []string{self.ID, received.ID, failed.ID, sent.ID}, w.history(t, alice, limit), limit)
		require.Equal(t, []string{foreign.ID, notReceived.ID, received.ID, sent.ID}, w.history(t, bob, limit), limit)
		require.Empty(t, w.history(t, carol, limit))
	}
}

func TestHistoryOfOneMomentLosesNothing(t *testing.T) {
	w := newWorld(t)
	var requests []remittance.Remittance
	for i := range 9 {
		if i%2 == 0 {
			requests = append(requests, request(alice, bob))
		} else {
			requests = append(requests, request(bob, alice))
		}
	}
	out, err := w.Begin(t.Context(), requests)
	require.NoError(t, err)
	var want []string
	for _, r := range out {
		w.move(t, r, record.Succeeded)
		want = append(want, r.ID)
	}
	require.ElementsMatch(t, want, w.history(t, alice, 2))
	require.Equal(t, w.history(t, bob, 100), w.history(t, bob, 1))
}

func TestTheHistoryUsesItsIndexes(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		requests := make([]remittance.Remittance, 300)
		for i := range requests {
			requests[i] = request(id.New(id.Member), id.New(id.Member))
		}
		_, err := w.Begin(t.Context(), requests)
		require.NoError(t, err)
	}
	for q, key := range map[string]string{
		"sender_id = ?": "remittances_sent",
		"receiver_id = ? AND state = 'SUCCEEDED'": "remittances_received",
	} {
		rows, err := w.db.Queryx("EXPLAIN FORMAT=TRADITIONAL SELECT * FROM remittances WHERE "+q+" AND created_at <= NOW() ORDER BY created_at DESC, id DESC LIMIT 21", alice)
		require.NoError(t, err)
		require.True(t, rows.Next())
		plan := map[string]any{}
		require.NoError(t, rows.MapScan(plan))
		require.NoError(t, rows.Close())
		require.Equal(t, key, string(plan["key"].([]byte)))
		extra, _ := plan["Extra"].([]byte)
		require.NotContains(t, string(extra), "filesort")
	}
}

func TestNoColumnHoldsTheMemoInTheClear(t *testing.T) {
	w := newWorld(t)
	w.begin(t, request(alice, bob))
	rows, err := w.db.Queryx("SELECT * FROM remittances")
	require.NoError(t, err)
	require.True(t, rows.Next())
	columns, err := rows.SliceScan()
	require.NoError(t, err)
	require.NoError(t, rows.Close())
	for _, c := range columns {
		if b, isText := c.([]byte); isText {
			require.False(t, strings.Contains(string(b), "점심"))
		}
	}
}
