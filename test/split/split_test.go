// Package split runs what docker-compose.yml says, each service in a process and on a
// port of its own, and looks at it from outside. There is no container engine in it: what
// only an engine does is checked by reading.
package split

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/internal/devenv/devtest"
	"durapay/test/harness"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

// TestEachServiceOnItsOwnPort is one story: everything works apart, each service shows
// its own, and each of them may die in the middle of payments.
func TestEachServiceOnItsOwnPort(t *testing.T) {
	c := start(t)
	member := c.NewMember(t).WithAccount(t, 5_000_000).WithBalance(t, 1_500_000)
	franchise := c.NewFranchise(t, harness.Daily(250))

	t.Run("own routes alone", func(t *testing.T) { ownRoutes(t, c) })
	t.Run("steps are for services", func(t *testing.T) { closedSteps(t, c, franchise) })
	t.Run("an order's way to the payout", func(t *testing.T) { payOut(t, c, member, franchise) })
	t.Run("what members have by region", func(t *testing.T) { regions(t, c, member) })
	t.Run("any process may die", func(t *testing.T) { dieInTurn(t, c, member, franchise) })

	t.Run("an operator's commands", func(t *testing.T) { commands(t, c) })

	c.awaitQuiet(t)
	c.audit(t)
}

type operation struct{ method, path string }

// operations reads the Swagger document of a process, but for what all have.
func operations(t *testing.T, c *cluster, name string) []operation {
	t.Helper()
	a := c.get(t, name, "/swagger/doc.json", "")
	require.Equal(t, http.StatusOK, a.Status, name)
	var document struct {
		Paths map[string]map[string]struct{ Tags []string }
	}
	require.NoError(t, json.Unmarshal(a.Body, &document))
	var all []operation
	for path, byMethod := range document.Paths {
		for method, o := range byMethod {
			if !slices.Contains(o.Tags, "health") && !slices.Contains(o.Tags, "flows") {
				all = append(all, operation{strings.ToUpper(method), path})
			}
		}
	}
	return all
}

func ownRoutes(t *testing.T, c *cluster) {
	own := map[string][]operation{}
	seen := 0
	for name := range servicePorts {
		own[name] = operations(t, c, name)
		require.NotEmpty(t, own[name], name)
		seen += len(own[name])
		for _, path := range []string{"/swagger/index.html", "/openapi.json", "/livez", "/readyz", "/metrics"} {
			require.Equal(t, http.StatusOK, c.get(t, name, path, "").Status, "%s at %s", path, name)
		}
	}
	require.Len(t, operations(t, c, "gateway"), seen, "the front door shows all, and nobody shows another's")
	path := strings.NewReplacer("{", "", "}", "")
	for at := range servicePorts {
		for of, all := range own {
			for _, o := range all {
				a := c.ask(t, at, harness.Call{Method: o.method, Path: path.Replace(o.path), Body: "no JSON"})
				if at == of {
					require.Contains(t, []int{http.StatusUnauthorized, http.StatusBadRequest, http.StatusOK}, a.Status, "%s %s at %s", o.method, o.path, at)
				} else {
					require.Equal(t, http.StatusNotFound, a.Status, "%s %s of %s at %s", o.method, o.path, of, at)
				}
			}
		}
	}
}

// closedSteps: neither a member's nor an operator's token nor a franchise's key calls a
// step, and from outside there are none.
func closedSteps(t *testing.T, c *cluster, f *harness.Franchise) {
	const path = "/internal/steps/money.Post"
	for _, call := range []harness.Call{{}, {Token: c.Operator(t)}, {Header: map[string]string{harness.APIKeyHeader: f.Key}}} {
		call.Method, call.Path, call.Body = http.MethodPost, path, "[]"
		require.Equal(t, http.StatusUnauthorized, c.ask(t, "money", call).Status)
		require.Equal(t, http.StatusNotFound, c.ask(t, "gateway", call).Status)
	}
}

func payOut(t *testing.T, c *cluster, m *harness.Member, f *harness.Franchise) {
	before := m.Balance(t).Balance
	paid := m.MustPay(t, f, 100_000)
	require.Equal(t, int64(40_000), f.MustCancel(t, paid.ID, 40_000).Amount)
	require.Equal(t, before-60_000, m.Balance(t).Balance)

	date := c.BusinessDateFrom(t, harness.Today().AddDays(7)) // early, so that what is cut is also due
	run := c.SettleOn(t, date)
	st := c.AwaitPayout(t, c.RunStatement(t, run.ID, f.ID).ID, "PAID")
	// 2.5 % of what was kept, and a tenth of that in tax.
	require.Equal(t, [4]int64{60_000 - 1_500 - 150, 1_500, 150, 0}, [4]int64{st.Net, st.Fee, st.VAT, st.CarriedOver})
	require.Equal(t, st.Net, c.BankBalance(t, f.Account))
	require.Len(t, c.StatementLines(t, st.ID), 2, "settlement reads them from payment")
	require.Equal(t, "SETTLED", c.Payment(t, paid.ID).State)
	csv := f.Get(t, "/v1/settlements/statements/"+st.ID+"/csv")
	require.Contains(t, string(csv.Body), "TOTAL,net")
	// What payment asks settlement, by hand and once more: a settled payment cannot be finished.
	again := c.AsOperator(t, http.MethodPost, "/v1/payments/"+paid.ID+"/finish", "", nil)
	require.Equal(t, http.StatusConflict, again.Status, "%s", again)
}

func regions(t *testing.T, c *cluster, m *harness.Member) {
	type sums struct{ Items []struct{ Balance int64 } }
	want := m.Balance(t).Balance
	harness.Eventually(t, endBound, "the sums by region have the member's balance", func() bool {
		var sum int64
		for _, region := range harness.Read[sums](t, c.get(t, "gateway", "/v1/money/query/regions", c.Operator(t)), http.StatusOK).Items {
			sum += region.Balance
		}
		return sum == want
	})
}

// commands run beside the processes, with what one of them knows.
func commands(t *testing.T, c *cluster) {
	out := c.once(t, "membership", "staff", "--email", "second@durapay.local")
	_, password, drawn := strings.Cut(strings.TrimSpace(out), "password ")
	require.True(t, drawn, out)
	require.NotEmpty(t, c.Login(t, "second@durapay.local", password).AccessToken)
	require.Contains(t, c.once(t, "money-query", "rebuild", "moneyquery"), "1 members")
}

const (
	payers    = 4
	price     = 1_000
	perDeath  = 5 // payments that begin and end after a process is back, before the next one goes
	callBound = 20 * time.Second
)

// dieInTurn kills each process while payments are made, and finds each payment made once.
func dieInTurn(t *testing.T, c *cluster, m *harness.Member, f *harness.Franchise) {
	before := m.Balance(t).Balance
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var paid atomic.Int64
	var group sync.WaitGroup
	for range payers {
		group.Go(func() {
			for ctx.Err() == nil { // bounded by the deaths
				if !payOnce(t, c, m, f) {
					return
				}
				paid.Add(1)
			}
		})
	}
	for _, name := range append(slices.Sorted(maps.Keys(servicePorts)), "worker", "gateway", "bank") {
		began := time.Now()
		c.kill(t, name)
		at := paid.Load()
		harness.Eventually(t, endBound, "payments end after the death of "+name, func() bool { return paid.Load() >= at+payers+perDeath || t.Failed() })
		t.Logf("%s: killed, started again, and payments go on after %d ms", name, time.Since(began).Milliseconds())
	}
	stop()
	group.Wait()
	require.Equal(t, before-paid.Load()*price, m.Balance(t).Balance, "after %d payments", paid.Load())
}

// payOnce makes one payment, sent again with its key until it is answered, and waits for
// its end.
func payOnce(t *testing.T, c *cluster, m *harness.Member, f *harness.Franchise) bool {
	pay := harness.Call{Method: http.MethodPost, Path: "/v1/payments", Token: m.Token, Key: rand.Text(), Body: f.PayBody(price)}
	made, ok := answered[apiclient.Accepted](t, c, pay, http.StatusCreated, http.StatusAccepted)
	if !ok {
		return false
	}
	ask := harness.Call{Method: http.MethodGet, Path: "/v1/flows/" + made.ID + "?wait=5", Token: m.Token}
	ctx, cancel := context.WithTimeout(t.Context(), endBound)
	defer cancel()
	for ctx.Err() == nil {
		flow, ok := answered[apiclient.Flow](t, c, ask, http.StatusOK)
		if !ok {
			return false
		}
		if flow.Final {
			if flow.State != apiclient.Succeeded {
				t.Errorf("payment %s ended %s: %+v", made.ID, flow.State, flow.Failure)
			}
			return flow.State == apiclient.Succeeded
		}
	}
	t.Errorf("payment %s has no end", made.ID)
	return false
}

// answered sends a request until it is answered with one of these; a process that is away
// is 503 or nothing at all.
func answered[T any](t *testing.T, c *cluster, call harness.Call, statuses ...int) (out T, ok bool) {
	ctx, cancel := context.WithTimeout(t.Context(), endBound)
	defer cancel()
	for ctx.Err() == nil {
		once, end := context.WithTimeout(ctx, callBound)
		a, err := c.Do(once, call)
		end()
		switch {
		case err != nil || a.Status == http.StatusServiceUnavailable:
			pause(ctx)
		case slices.Contains(statuses, a.Status):
			if err := json.Unmarshal(a.Body, &out); err != nil {
				t.Errorf("%s %s: %v", call.Method, call.Path, err)
				return out, false
			}
			return out, true
		default:
			t.Errorf("%s %s: %s", call.Method, call.Path, a)
			return out, false
		}
	}
	t.Errorf("%s %s: not answered", call.Method, call.Path)
	return out, false
}

// pause lets a process that is away come back before it is asked again.
func pause(ctx context.Context) {
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
