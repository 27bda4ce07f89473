package bank

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"durapay/internal/devenv/devtest"
	"durapay/schema"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

// manualClock is a clock the test sets.
type manualClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *manualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *manualClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// noon is 12:00 in Seoul.
var noon = time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)

// rig is a bank at work on a real listener.
type rig struct {
	t      *testing.T
	server *Server
	clock  *manualClock
	url    string
	client *http.Client
	stop   context.CancelFunc
	ended  chan error
}

func newRig(t *testing.T, opts Options) *rig {
	t.Helper()
	return newRigOn(t, devtest.Database(t, schema.FS("bank")), opts)
}

func newRigOn(t *testing.T, db *sqlx.DB, opts Options) *rig {
	t.Helper()
	clock := &manualClock{now: noon}
	opts.Now = clock.Now
	opts.Logger = slog.New(slog.DiscardHandler)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	r := &rig{t: t, server: New(db, opts), clock: clock, stop: stop, ended: make(chan error, 1),
		url: "http://" + listener.Addr().String(),
		// A connection of its own for each request: a client may repeat a GET by itself when a kept connection is cut.
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	go func() { r.ended <- r.server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-r.ended)
	})
	return r
}

// shutDown stops the bank before the test ends.
func (r *rig) shutDown() {
	r.t.Helper()
	r.stop()
	err := <-r.ended
	r.ended <- err // for the clean-up
	require.NoError(r.t, err)
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r *rig) send(ctx context.Context, method, path, body string) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return reply{}, err
	}
	response, err := r.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return reply{status: response.StatusCode, header: response.Header, body: content}, err
}

// do sends a request and wants an answer of this status.
func (r *rig) do(method, path, body string, status int) reply {
	r.t.Helper()
	got, err := r.send(r.t.Context(), method, path, body)
	require.NoError(r.t, err)
	require.Equal(r.t, status, got.status, "%s %s: %s", method, path, got.body)
	return got
}

// problem sends a request and wants a problem of this status and code.
func (r *rig) problem(method, path, body string, status int, code string) Problem {
	r.t.Helper()
	got := r.do(method, path, body, status)
	require.Equal(r.t, "application/problem+json", got.header.Get("Content-Type"))
	p := read[Problem](r.t, got)
	require.Equal(r.t, code, p.Code)
	require.Equal(r.t, status, p.Status)
	require.NotEmpty(r.t, p.Type)
	require.NotEmpty(r.t, p.Title)
	require.NotEmpty(r.t, p.Detail)
	return p
}

func read[T any](t *testing.T, from reply) T {
	t.Helper()
	var v T
	decoder := json.NewDecoder(bytes.NewReader(from.body))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&v), "%s", from.body)
	return v
}

func account(n int) AccountKey {
	return AccountKey{BankCode: "088", AccountNumber: fmt.Sprintf("110%09d", n)}
}

func (r *rig) open(key AccountKey, balance int64) {
	r.t.Helper()
	r.do("POST", "/v1/accounts", fmt.Sprintf(`{"bankCode":%q,"accountNumber":%q,"holderName":"김하나","balance":%d}`,
		key.BankCode, key.AccountNumber, balance), http.StatusCreated)
}

func (r *rig) balance(key AccountKey) int64 {
	r.t.Helper()
	return read[accountBody](r.t, r.do("GET", "/v1/accounts/"+key.BankCode+"/"+key.AccountNumber, "", http.StatusOK)).Balance
}

// orderJSON is a transfer valid for a minute after noon.
func orderJSON(reference string, from, to AccountKey, amount int64) string {
	body, _ := json.Marshal(map[string]any{"reference": reference, "from": from, "to": to, "amount": amount, "currency": "KRW",
		"validUntil": noon.Add(time.Minute)})
	return string(body)
}

func (r *rig) transfer(reference string, from, to AccountKey, amount int64) decisionBody {
	r.t.Helper()
	return read[decisionBody](r.t, r.do("POST", "/v1/transfers", orderJSON(reference, from, to, amount), http.StatusOK))
}

func (r *rig) inquire(reference string) decisionBody {
	r.t.Helper()
	return read[decisionBody](r.t, r.do("GET", "/v1/transfers/"+reference, "", http.StatusOK))
}

func (r *rig) totals() totalsBody {
	r.t.Helper()
	return read[totalsBody](r.t, r.do("GET", "/v1/totals", "", http.StatusOK))
}

func (r *rig) faults(rules string) {
	r.t.Helper()
	r.do("PUT", "/v1/faults", `{"rules":[`+rules+`]}`, http.StatusOK)
}

func (r *rig) fired() []int64 {
	r.t.Helper()
	body := read[faultsBody](r.t, r.do("GET", "/v1/faults", "", http.StatusOK))
	fired := make([]int64, len(body.Rules))
	for i, rule := range body.Rules {
		fired[i] = rule.Fired
	}
	return fired
}

// requireSums proves the books from outside: what was opened and deposited is what is there, and each statement adds up to its balance.
func (r *rig) requireSums(keys ...AccountKey) {
	r.t.Helper()
	totals := r.totals()
	require.Equal(r.t, won(r.t, totals.Opened)+won(r.t, totals.Deposited), won(r.t, totals.Balance))
	for _, key := range keys {
		items, statement := r.wholeStatement(key, "2026-03-02", 500)
		sum := statement.OpeningBalance
		for _, item := range items {
			if item.Direction == In {
				sum += item.Amount
			} else {
				sum -= item.Amount
			}
			require.Equal(r.t, sum, item.BalanceAfter)
		}
		require.Equal(r.t, statement.ClosingBalance, sum)
		require.Equal(r.t, r.balance(key), sum)
	}
}

func won(t *testing.T, n json.Number) int64 {
	t.Helper()
	amount, err := n.Int64()
	require.NoError(t, err)
	return amount
}

func (r *rig) wholeStatement(key AccountKey, date string, limit int) ([]entryBody, statementBody) {
	r.t.Helper()
	var items []entryBody
	after := ""
	for range 1000 {
		path := fmt.Sprintf("/v1/statements/%s/%s?date=%s&limit=%d%s", key.BankCode, key.AccountNumber, date, limit, after)
		page := read[statementBody](r.t, r.do("GET", path, "", http.StatusOK))
		require.LessOrEqual(r.t, len(page.Items), limit)
		items = append(items, page.Items...)
		if page.Next == "" {
			return items, page
		}
		after = "&after=" + page.Next
	}
	r.t.Fatal("statement without end")
	return nil, statementBody{}
}

// cutOff sends a request and wants the connection to be cut without an answer.
func (r *rig) cutOff(method, path, body string) {
	r.t.Helper()
	_, err := r.send(r.t.Context(), method, path, body)
	require.Error(r.t, err)
	require.True(r.t, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), "%v", err)
}
