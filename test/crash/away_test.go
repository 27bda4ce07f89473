package crash

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// answerBound is how long a caller waits for an answer at most, whatever is away.
const answerBound = 15 * time.Second

// TestTheDatabaseIsAway lets the database say nothing while requests come, and go on.
func TestTheDatabaseIsAway(t *testing.T) {
	beAway(t, harness.MariaDB, map[string][]int{
		topUps:      {http.StatusAccepted, http.StatusServiceUnavailable},
		repeats:     {http.StatusAccepted, http.StatusServiceUnavailable},
		remittances: {http.StatusAccepted, http.StatusServiceUnavailable},
		balances:    {http.StatusServiceUnavailable},
		joins:       {http.StatusAccepted, http.StatusServiceUnavailable},
	})
}

// TestTemporalIsAway lets Temporal say nothing while requests come, and go on. What needs
// no flow goes on meanwhile.
func TestTemporalIsAway(t *testing.T) {
	beAway(t, harness.Temporal, map[string][]int{
		topUps:      {http.StatusAccepted, http.StatusServiceUnavailable},
		repeats:     {http.StatusAccepted, http.StatusServiceUnavailable},
		remittances: {http.StatusAccepted, http.StatusServiceUnavailable},
		balances:    {http.StatusOK},
		joins:       {http.StatusAccepted, http.StatusServiceUnavailable},
	})
}

// The kinds of request that come.
const (
	topUps      = "top-up"
	repeats     = "repeated top-up"
	remittances = "remittance"
	balances    = "balance"
	joins       = "registration"
)

func kinds() []string { return []string{topUps, repeats, remittances, balances, joins} }

// beAway holds a process up until requests of every kind have been answered, each in time
// and as allowed, then lets it go on and sends every money request again.
func beAway(t *testing.T, name string, allowed map[string][]int) {
	p := start(t)
	c := newCrowd(t, p)
	watcher := newProbe(t, p)

	resume := hold(t, p, name)
	exchanges := c.ask(t)
	resume()
	back := time.Now()
	for _, e := range exchanges {
		e.require(t, allowed[e.kind])
	}
	logExchanges(t, exchanges)

	watcher.awaitService(t, back, name+" goes on")
	c.requireEachOnce(t, exchanges)
	t.Logf("everything asked for had ended %.1f s after %s went on", time.Since(back).Seconds(), name)
	watcher.requireEachOnce(t)
	requireSound(t, p)
}

// exchange is one request and its answer.
type exchange struct {
	kind, key string
	sender    int
	answer    harness.Answer
	err       error
	took      time.Duration
}

func (e exchange) require(t *testing.T, allowed []int) {
	t.Helper()
	require.NoError(t, e.err, "%s was not answered in %s", e.kind, e.took)
	require.Contains(t, allowed, e.answer.Status, "%s: %s", e.kind, e.answer)
	if e.answer.Status != http.StatusServiceUnavailable {
		return
	}
	require.Equal(t, "application/problem+json", e.answer.Header.Get("Content-Type"))
	require.NotEmpty(t, e.answer.Header.Get("Retry-After"))
	var problem apiclient.Problem
	require.NoError(t, json.Unmarshal(e.answer.Body, &problem))
	require.Contains(t, []string{"service_unavailable", "busy", "request_timeout"}, string(problem.Code), "%s", e.answer)
}

func logExchanges(t *testing.T, all []exchange) {
	t.Helper()
	for _, kind := range kinds() {
		counts := map[int]int{}
		var slowest time.Duration
		for _, e := range all {
			if e.kind == kind {
				counts[e.answer.Status]++
				slowest = max(slowest, e.took)
			}
		}
		t.Logf("%s: answers by status %v, slowest after %d ms", kind, counts, slowest.Milliseconds())
	}
}

// crowd is members who send each other one won at a time, and top up by one won.
type crowd struct {
	p       *harness.Platform
	members []*harness.Member
	first   []string // the key of each one's first top-up, made before anything was away
}

const crowdSize = 4

// callers is how many requests are sent at once: more than a pool has connections.
const callers = 40

func newCrowd(t *testing.T, p *harness.Platform) *crowd {
	t.Helper()
	c := &crowd{p: p}
	for range crowdSize {
		m := p.NewMember(t).WithAccount(t, atBank+inWallet)
		key := rand.Text()
		require.Equal(t, apiclient.Succeeded, m.End(t, m.TopUp(t, key, inWallet)).State)
		c.members, c.first = append(c.members, m), append(c.first, key)
	}
	return c
}

// ask sends requests of all kinds at once and waits until all are answered.
func (c *crowd) ask(t *testing.T) []exchange {
	t.Helper()
	all := make([]exchange, callers)
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() { all[caller] = c.exchange(t.Context(), kinds()[caller%len(kinds())], caller%crowdSize) })
	}
	wg.Wait()
	return all
}

func (c *crowd) exchange(ctx context.Context, kind string, sender int) exchange {
	e := exchange{kind: kind, sender: sender, key: rand.Text()}
	m := c.members[sender]
	call := harness.Call{Method: http.MethodPost, Token: m.Token, Key: e.key}
	switch kind {
	case topUps:
		call.Path, call.Body = "/v1/money/increase", m.Money(1)
	case repeats:
		e.key = c.first[sender]
		call.Path, call.Body, call.Key = "/v1/money/increase", m.Money(inWallet), e.key
	case remittances:
		call.Path, call.Body = "/v1/remittances", harness.RemitBody(c.next(sender).ID, 1)
	case balances:
		call.Method, call.Path = http.MethodGet, "/v1/money/"+m.ID
	case joins:
		call.Path, call.Body = "/v1/memberships/async", c.p.Sheet()
	}
	ctx, cancel := context.WithTimeout(ctx, answerBound)
	defer cancel()
	began := time.Now()
	e.answer, e.err = c.p.Do(ctx, call)
	e.took = time.Since(began)
	return e
}

func (c *crowd) next(i int) *harness.Member { return c.members[(i+1)%crowdSize] }

// requireEachOnce sends every money request again with its key, and compares what came of
// them with the wallets and the bank.
func (c *crowd) requireEachOnce(t *testing.T, all []exchange) {
	t.Helper()
	wallets, banked := make([]int64, crowdSize), make([]int64, crowdSize)
	for i := range crowdSize {
		wallets[i], banked[i] = inWallet, atBank
	}
	for _, e := range all {
		m := c.members[e.sender]
		switch e.kind {
		case topUps:
			require.Equal(t, apiclient.Succeeded, m.End(t, m.TopUp(t, e.key, 1)).State)
			wallets[e.sender]++
			banked[e.sender]--
		case repeats:
			require.Equal(t, apiclient.Succeeded, m.End(t, m.TopUp(t, e.key, inWallet)).State)
		case remittances:
			require.Equal(t, apiclient.Succeeded, m.End(t, m.Remit(t, e.key, c.next(e.sender).ID, 1)).State)
			wallets[e.sender]--
			wallets[(e.sender+1)%crowdSize]++
		}
	}
	for i, m := range c.members {
		require.Equal(t, wallets[i], m.Balance(t).Balance, "wallet of member %d", i)
		require.Equal(t, banked[i], m.BankBalance(t), "bank account of member %d", i)
	}
}
