package bank

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"durapay/internal/devenv/devtest"
	"durapay/schema"
)

var webhookSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

// receiver is the subscriber's end of the call-backs.
type receiver struct {
	t        *testing.T
	server   *httptest.Server
	mu       sync.Mutex
	refuse   int // how many of the next to answer by 503
	got      []Notice
	refused  int
	bodies   map[string]string // by id
	problems []string
}

func newReceiver(t *testing.T, refuse int) *receiver {
	t.Helper()
	c := &receiver{t: t, refuse: refuse, bodies: map[string]string{}}
	c.server = httptest.NewServer(c)
	t.Cleanup(c.server.Close)
	return c
}

func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.check(r, body)
	if c.refuse > 0 {
		c.refuse--
		c.refused++
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	c.got = append(c.got, n)
	w.WriteHeader(http.StatusNoContent)
}

// check notes what is wrong with a call-back; the bank's clock stands in another year, so the signature is verified without it.
func (c *receiver) check(r *http.Request, body []byte) Notice {
	verifier, err := webhooks.NewWebhook(webhookSecret)
	if err == nil {
		err = verifier.VerifyIgnoringTimestamp(body, r.Header)
	}
	var n Notice
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if decodeErr := decoder.Decode(&n); err == nil {
		err = decodeErr
	}
	if err != nil {
		c.problems = append(c.problems, err.Error())
	}
	if _, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64); err != nil || n.ID != r.Header.Get("webhook-id") {
		c.problems = append(c.problems, "headers")
	}
	if known, sent := c.bodies[n.ID]; sent && known != string(body) {
		c.problems = append(c.problems, "another body under the same id")
	}
	c.bodies[n.ID] = string(body)
	return n
}

func (c *receiver) counts() (got, refused int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got), c.refused
}

// wait lets the bank's time run until so many notices were taken.
func (c *receiver) wait(r *rig, want int) []Notice {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		r.clock.advance(time.Second)
		got, _ := c.counts()
		return got >= want
	}, 20*time.Second, 10*time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	require.Len(c.t, c.got, want)
	require.Empty(c.t, c.problems)
	return c.got
}

func (c *receiver) callback() *Callback {
	c.t.Helper()
	callback, err := NewCallback(c.server.URL, webhookSecret)
	require.NoError(c.t, err)
	return callback
}

// settled tells how many notices are in a state.
func (r *rig) notices(state string) int {
	r.t.Helper()
	var n int
	require.NoError(r.t, r.server.books.db.Get(&n, "SELECT COUNT(*) FROM notices WHERE state = ?", state))
	return n
}

func (r *rig) allDelivered(n int) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.notices("DELIVERED") == n && r.notices("PENDING") == 0 }, 10*time.Second, 5*time.Millisecond)
}

func noticeRig(t *testing.T, refuse int) (r *rig, c *receiver, ours, other AccountKey) {
	c = newReceiver(t, refuse)
	ours, other = account(1), account(2)
	r = newRig(t, Options{Subscribed: ours, Callback: c.callback()})
	r.open(ours, 1000)
	r.open(other, 1000)
	return r, c, ours, other
}

func TestNoticeOfADeposit(t *testing.T) {
	r, c, ours, other := noticeRig(t, 0)
	r.deposit("elsewhere", other, 1)
	made := r.deposit("in/1", ours, 500)
	got := c.wait(r, 1)[0]
	require.Equal(t, Notice{ID: "deposit-" + made.BankTransactionID, Type: NoticeDeposit, Reference: made.BankTransactionID,
		BankTransactionID: made.BankTransactionID, Amount: 500, Currency: "KRW", Account: ours, Memo: "월세 <3>", At: noon}, got)
	require.JSONEq(t, `{"id":"deposit-BDP0000000000000002","type":"DEPOSIT","reference":"BDP0000000000000002",
		"bankTransactionId":"BDP0000000000000002","amount":500,"currency":"KRW","account":{"bankCode":"088","accountNumber":"110000000001"},
		"memo":"월세 <3>","at":"2026-03-02T03:00:00Z"}`, c.bodies[got.ID])
	r.allDelivered(1)
	r.deposit("in/1", ours, 500) // a repeat is no news
	require.Equal(t, 1, r.notices("DELIVERED"))
	require.Zero(t, r.notices("PENDING"))
}

func TestNoticeOfAReturn(t *testing.T) {
	r, c, ours, other := noticeRig(t, 0)
	out := r.transfer("pay/1", ours, other, 300)
	r.transfer("debit/1", other, ours, 100)
	r.giveBack("debit/1", ReasonClosed) // of the other account's transfer
	r.giveBack("pay/1", ReasonReported)
	got := c.wait(r, 1)[0]
	require.Equal(t, Notice{ID: "return-" + out.BankTransactionID, Type: NoticeReturned, Reference: "pay/1", BankTransactionID: out.BankTransactionID,
		Amount: 300, Currency: "KRW", Reason: ReasonReported, Account: ours, Counterparty: &other, At: noon}, got)
	require.JSONEq(t, `{"id":"return-`+out.BankTransactionID+`","type":"TRANSFER_RETURNED","reference":"pay/1",
		"bankTransactionId":"`+out.BankTransactionID+`","amount":300,"currency":"KRW","reason":"REPORTED",
		"account":{"bankCode":"088","accountNumber":"110000000001"},"counterparty":{"bankCode":"088","accountNumber":"110000000002"},
		"memo":"","at":"2026-03-02T03:00:00Z"}`, c.bodies[got.ID])
	r.allDelivered(1)
}

func TestALateReturnIsTold(t *testing.T) {
	r, c, ours, other := noticeRig(t, 0)
	r.faults(`{"match":{"operation":"TRANSFER"},"effect":{"type":"LATE_RETURN","reason":"CLOSED"},"times":1}`)
	require.Equal(t, Accepted, r.transfer("late", ours, other, 10).Status)
	require.Equal(t, "late", c.wait(r, 1)[0].Reference)
}

func TestANoticeIsSentUntilItIsTaken(t *testing.T) {
	r, c, ours, _ := noticeRig(t, 3)
	r.deposit("in/1", ours, 500)
	c.wait(r, 1)
	_, refused := c.counts()
	require.Equal(t, 3, refused)
	r.allDelivered(1)
}

func TestAFailedNoticeWaitsBeforeItIsSentAgain(t *testing.T) {
	r, c, ours, _ := noticeRig(t, 1)
	r.deposit("in/1", ours, 500)
	var pause time.Duration
	require.Eventually(t, func() bool {
		var due time.Time
		_, refused := c.counts()
		require.NoError(t, r.server.books.db.Get(&due, "SELECT due_at FROM notices"))
		pause = due.Sub(noon)
		return refused == 1 && pause < noticeLease
	}, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, firstPause, pause)
}

func TestPendingNoticesSurviveARestart(t *testing.T) {
	db := devtest.Database(t, schema.FS("bank"))
	ours := account(1)
	without := newRigOn(t, db, Options{Subscribed: ours})
	without.open(ours, 0)
	without.deposit("in/1", ours, 1)
	require.Equal(t, 1, without.notices("PENDING"), "kept without an address")
	without.shutDown()

	away := newReceiver(t, 1<<30)
	failing := newRigOn(t, db, Options{Subscribed: ours, Callback: away.callback()})
	failing.deposit("in/2", ours, 2)
	require.Eventually(t, func() bool {
		failing.clock.advance(time.Second)
		_, refused := away.counts()
		return refused >= 2
	}, 10*time.Second, 10*time.Millisecond)
	failing.shutDown()

	back := newReceiver(t, 0)
	working := newRigOn(t, db, Options{Subscribed: ours, Callback: back.callback()})
	back.wait(working, 2)
	working.allDelivered(2)
}

func TestAStopEndsAnAttemptUnderWay(t *testing.T) {
	arrived := make(chan struct{}, 1)
	release := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}))
	defer stuck.Close()
	defer close(release)
	callback, err := NewCallback(stuck.URL, webhookSecret)
	require.NoError(t, err)
	r := newRig(t, Options{Subscribed: account(1), Callback: callback})
	r.open(account(1), 0)
	r.deposit("in/1", account(1), 1)
	<-arrived
	stopped := time.Now()
	r.shutDown()
	require.Less(t, time.Since(stopped), callbackTimeout)
	require.Equal(t, 1, r.notices("PENDING"))
}

func TestANoticeIsDeliveredTwice(t *testing.T) {
	r, c, ours, _ := noticeRig(t, 1)
	r.faults(`{"match":{"operation":"NOTICE","reference":"BDP"},"effect":{"type":"DUPLICATE_NOTICE"},"times":1}`)
	r.deposit("in/1", ours, 500)
	got := c.wait(r, 2)
	require.Equal(t, got[0], got[1])
	r.allDelivered(1)
	r.deposit("in/2", ours, 500)
	c.wait(r, 3)
	r.allDelivered(2)
	require.Equal(t, []int64{1}, r.fired())
}

func TestANoticeIsDelayed(t *testing.T) {
	r, c, ours, _ := noticeRig(t, 0)
	r.faults(`{"match":{"operation":"ANY"},"effect":{"type":"RATE_LIMIT"}},
		{"match":{"operation":"NOTICE","amount":500},"effect":{"type":"DELAY","delayMillis":60000},"times":1}`)
	r.deposit("in/1", ours, 500)
	require.Eventually(t, func() bool { return r.fired()[1] == 1 }, 10*time.Second, 5*time.Millisecond)
	r.deposit("in/2", ours, 1)
	got := c.wait(r, 2)
	require.EqualValues(t, 1, got[0].Amount, "the delayed one comes later")
	require.Equal(t, []int64{0, 1}, r.fired(), "ANY is about requests, not about notices")
}

func TestNoticesComeSideBySideUpToABound(t *testing.T) {
	const sent = 3 * maxDeliveries
	var mu sync.Mutex
	var now, most, total int
	full := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		if total++; now == maxDeliveries && total == maxDeliveries {
			close(full)
		}
		mu.Unlock()
		<-full // the first wait until all slots are taken
		mu.Lock()
		now--
		mu.Unlock()
		w.WriteHeader(http.StatusOK)
	}))
	defer slow.Close()
	callback, err := NewCallback(slow.URL, webhookSecret)
	require.NoError(t, err)
	r := newRig(t, Options{Subscribed: account(1), Callback: callback})
	r.open(account(1), 0)
	for n := range sent {
		r.deposit("in/"+strconv.Itoa(n), account(1), 1)
	}
	r.allDelivered(sent)
	require.Equal(t, maxDeliveries, most)
}

func TestTwoBanksOnOneDatabaseShareTheNotices(t *testing.T) {
	db := devtest.Database(t, schema.FS("bank"))
	c := newReceiver(t, 0)
	first := newRigOn(t, db, Options{Subscribed: account(1), Callback: c.callback()})
	_ = newRigOn(t, db, Options{Subscribed: account(1), Callback: c.callback()})
	first.open(account(1), 0)
	for n := range 20 {
		first.deposit("in/"+strconv.Itoa(n), account(1), 1)
	}
	first.allDelivered(20)
	got, _ := c.counts()
	require.Equal(t, 20, got, "each is sent by one of them")
}

func TestNewCallbackRefusesWhatItCannotUse(t *testing.T) {
	_, err := NewCallback("nowhere", webhookSecret)
	require.Error(t, err)
	_, err = NewCallback("http://127.0.0.1", "whsec_%")
	require.Error(t, err)
}

func TestALongNoticeFitsItsRow(t *testing.T) {
	other := AccountKey{BankCode: "004", AccountNumber: strings.Repeat("9", 16)}
	n := Notice{ID: "return-" + transactionID(1<<62), Type: NoticeReturned, Reference: strings.Repeat(`\`, maxReferenceBytes), Amount: MaxAmount,
		Currency: Currency, Reason: ReasonInsufficientFunds, Account: other, Counterparty: &other, Memo: strings.Repeat("\u2028", maxMemoRunes), At: noon}
	body, err := n.body()
	require.NoError(t, err)
	require.Less(t, len(body), 4096)
	require.LessOrEqual(t, len(n.ID), 64)
}
