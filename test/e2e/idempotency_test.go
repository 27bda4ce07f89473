package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// movement is one way of moving money, with the means to see how much has moved.
type movement struct {
	path    string
	token   string
	account apiclient.AccountKey // that the bank is asked about, for faults; zero for none
	body    func(amount int64) any
	moved   func(t *testing.T) int64
	owner   *harness.Member
	oneForm bool // has no asynchronous one; a preference does that
}

func (v movement) send(t *testing.T, key string, amount int64) harness.Answer {
	t.Helper()
	return v.post(t, v.path, key, v.body(amount))
}

func (v movement) post(t *testing.T, path, key string, body any) harness.Answer {
	t.Helper()
	return harness.Shared(t).Call(t, harness.Call{Method: http.MethodPost, Path: path, Token: v.token, Key: key, Body: body})
}

// movements are all ways of moving money, each with a member of its own.
func movements(t *testing.T) map[string]movement {
	t.Helper()
	p := harness.Shared(t)
	rich := func() *harness.Member { return p.NewMember(t).WithAccount(t, 1_000_000).WithBalance(t, 500_000) }
	receiver := p.NewMember(t).WithAccount(t, 0)
	operators := p.OpenAccount(t, "020", "Landlord", 1_000_000)
	up, down, out, payer, refunded := rich(), rich(), rich(), rich(), rich()
	f := p.NewFranchise(t, harness.Daily(176))
	paid := refunded.MustPay(t, f, 500_000)
	money := func(m *harness.Member) func(int64) any { return func(amount int64) any { return m.Money(amount) } }
	return map[string]movement{
		"top-up": {"/v1/money/increase", up.Token, up.Account.AccountKey, money(up),
			func(t *testing.T) int64 { return up.Balance(t).Balance - 500_000 }, up, false},
		"withdrawal": {"/v1/money/decrease", down.Token, down.Account.AccountKey, money(down),
			func(t *testing.T) int64 { return 500_000 - down.Balance(t).Balance }, down, false},
		"remittance": {"/v1/remittances", out.Token, apiclient.AccountKey{},
			func(amount int64) any { return harness.RemitBody(receiver.ID, amount) },
			func(t *testing.T) int64 { return receiver.Balance(t).Balance }, out, true},
		"firm banking": {"/v1/firmbankings", p.Operator(t), operators.AccountKey,
			func(amount int64) any { return firmbankingBody("DEBIT", operators, amount) },
			func(t *testing.T) int64 { return 1_000_000 - p.BankBalance(t, operators.AccountKey) }, nil, false},
		"payment": {"/v1/payments", payer.Token, apiclient.AccountKey{},
			func(amount int64) any {
				return harness.PaymentRequest{FranchiseID: f.ID, OrderID: fmt.Sprint("of-", amount), Amount: amount}
			},
			func(t *testing.T) int64 { return 500_000 - payer.Balance(t).Balance }, payer, true},
		"cancel": {harness.CancelPath(paid.ID), p.Operator(t), apiclient.AccountKey{},
			func(amount int64) any { return map[string]any{"amount": amount, "reason": "x"} },
			func(t *testing.T) int64 { return refunded.Balance(t).Balance }, refunded, true},
	}
}

func firmbankingBody(direction string, a apiclient.Account, amount int64) map[string]any {
	return map[string]any{"direction": direction, "bankCode": a.BankCode, "accountNumber": a.AccountNumber, "holderName": a.HolderName, "amount": amount}
}

// told is what a client is told, but for the id of its own request.
func told(t *testing.T, a harness.Answer) string {
	t.Helper()
	return strings.ReplaceAll(a.String(), a.Header.Get("X-Request-Id"), "")
}

// requireAgreement checks that all callers were told the same, byte for byte: the end, or,
// on a machine too busy for it within the wait, one and the same receipt.
func requireAgreement(t *testing.T, token string, status int, answers []harness.Answer) {
	t.Helper()
	first := map[int]harness.Answer{}
	ids := map[string]bool{}
	for _, a := range answers {
		require.Contains(t, []int{status, http.StatusAccepted}, a.Status, a)
		if _, seen := first[a.Status]; !seen {
			first[a.Status] = a
		}
		require.Equal(t, told(t, first[a.Status]), told(t, a))
		require.Equal(t, first[a.Status].Header.Get("Location"), a.Header.Get("Location"))
		ids[harness.Shared(t).End(t, token, a).ID] = true
	}
	require.Len(t, ids, 1)
}

func TestD28_FiftyAtOnceMoveMoneyOnce(t *testing.T) {
	for name, v := range movements(t) {
		t.Run(name, func(t *testing.T) {
			key := newKey()
			answers := atOnce(50, func(int) harness.Answer { return v.send(t, key, 12_345) })
			requireAgreement(t, v.token, http.StatusCreated, answers)
			require.EqualValues(t, 12_345, v.moved(t))

			// A refusal is told to everybody alike, too.
			key = newKey()
			answers = atOnce(50, func(int) harness.Answer { return v.send(t, key, 1_900_000) })
			requireAgreement(t, v.token, http.StatusUnprocessableEntity, answers)
			require.EqualValues(t, 12_345, v.moved(t))
		})
	}
}

// keyed is a request that succeeded and one that was refused, each under its key.
type keyed struct {
	movement
	key, refusedKey string
	first, refused  harness.Answer
}

func (k keyed) requireKept(t *testing.T, when string) {
	t.Helper()
	require.Equal(t, k.first.String(), k.send(t, k.key, 10_000).String(), when)
	require.Equal(t, told(t, k.refused), told(t, k.send(t, k.refusedKey, 1_900_000)), when)
	requireReused(t, k.send(t, k.key, 10_001), when)
	requireReused(t, k.send(t, k.refusedKey, 1_900_001), when)
	require.EqualValues(t, 10_000, k.moved(t), when)
}

func TestD28_AKeyIsOneRequestForever(t *testing.T) {
	p := harness.Shared(t)
	all := map[string]keyed{}
	for name, v := range movements(t) {
		all[name] = startKeyed(t, v)
	}
	var gone []func()
	for _, k := range all {
		gone = append(gone, p.ForgetFlow(t, k.token, recordID(t, k.first)), p.ForgetFlow(t, k.token, recordID(t, k.refused)))
	}
	t.Parallel() // other tests run while Temporal forgets
	for _, await := range gone {
		await()
	}
	for name, k := range all {
		t.Run(name, func(t *testing.T) {
			requireReused(t, k.send(t, k.key, 10_001), "another body first, after the history is gone")
			k.requireKept(t, "after the history is gone")
			k.requireKept(t, "after the history is there anew")
		})
	}
}

// startKeyed makes both requests, waits for their ends, and notes what is told of them.
func startKeyed(t *testing.T, v movement) keyed {
	t.Helper()
	p := harness.Shared(t)
	k := keyed{movement: v, key: newKey(), refusedKey: newKey()}
	first, refused := p.End(t, v.token, v.send(t, k.key, 10_000)), p.End(t, v.token, v.send(t, k.refusedKey, 1_900_000))
	require.Equal(t, []apiclient.State{apiclient.Succeeded, apiclient.Failed}, []apiclient.State{first.State, refused.State})
	k.first, k.refused = v.send(t, k.key, 10_000), v.send(t, k.refusedKey, 1_900_000)
	require.Equal(t, http.StatusCreated, k.first.Status, k.first)
	require.Equal(t, http.StatusUnprocessableEntity, k.refused.Status, k.refused)
	k.requireKept(t, "after the end")
	return k
}

func recordID(t *testing.T, a harness.Answer) string {
	t.Helper()
	var record struct{ ID string }
	a.Into(t, &record)
	require.NotEmpty(t, record.ID, a)
	return record.ID
}

func requireReused(t *testing.T, a harness.Answer, when string) {
	t.Helper()
	require.Equal(t, http.StatusUnprocessableEntity, a.Status, "%s: %s", when, a)
	require.Equal(t, "idempotency_key_reused", a.Problem(t).Code, when)
}

func TestD28_AnotherBodyIsRefusedWhileTheFirstRuns(t *testing.T) {
	p := harness.Shared(t)
	for name, v := range movements(t) {
		t.Run(name, func(t *testing.T) {
			if v.account.AccountNumber != "" {
				p.Fault(t, harness.On(harness.Transfer, v.account, harness.Effect{Type: "DELAY", DelayMillis: 700}))
			}
			key := newKey()
			call := harness.Call{Method: http.MethodPost, Path: v.path, Token: v.token, Key: key, Body: v.body(5_000),
				Header: map[string]string{"Prefer": "respond-async"}}
			first := p.Call(t, call)
			require.Equal(t, http.StatusAccepted, first.Status, first)
			for _, a := range atOnce(10, func(int) harness.Answer { return v.send(t, key, 5_001) }) {
				requireReused(t, a, "while it runs")
			}
			require.Equal(t, first.String(), p.Call(t, call).String(), "the receipt is the same")
			require.Equal(t, apiclient.Succeeded, p.End(t, v.token, first).State)
			require.EqualValues(t, 5_000, v.moved(t))
		})
	}
}

func TestD28_BothFormsOfARequestAreOneRequest(t *testing.T) {
	p := harness.Shared(t)
	for name, v := range movements(t) {
		if v.oneForm {
			continue // the preference is tested above
		}
		t.Run(name, func(t *testing.T) {
			key := newKey()
			forms := []string{v.path, v.path + "/async"}
			answers := atOnce(20, func(i int) harness.Answer { return v.post(t, forms[i%2], key, v.body(3_000)) })
			ids := make([]string, len(answers))
			for i, a := range answers {
				require.Contains(t, []int{http.StatusCreated, http.StatusAccepted}, a.Status, a)
				ids[i] = recordID(t, a)
				require.Equal(t, apiclient.Succeeded, p.End(t, v.token, a).State)
			}
			require.Len(t, slices.Compact(ids), 1)
			require.EqualValues(t, 3_000, v.moved(t))
			requireReused(t, v.post(t, v.path+"/async", key, v.body(3_001)), "the asynchronous form with another body")
		})
	}
}

func TestD28_AKeyIsScopedToCallerAndOperation(t *testing.T) {
	p := harness.Shared(t)
	all := movements(t)
	key := strings.Repeat("~", 255) // the longest key there is
	for name, v := range all {
		require.Equal(t, apiclient.Succeeded, p.End(t, v.token, v.send(t, key, 1_000)).State, name)
	}
	for name, v := range all {
		require.EqualValues(t, 1_000, v.moved(t), name)
	}
	someoneElse := p.NewMember(t).WithAccount(t, 10_000).WithBalance(t, 10_000)
	requireSucceeded(t, someoneElse, someoneElse.Withdraw(t, key, 2_000))
	requireWallet(t, someoneElse, 8_000)
}

func TestD28_KeysThatAreNoKeys(t *testing.T) {
	bad := map[string]string{
		"none": "", "a space": "a b", "a tab": "a\tb", "not ASCII": "키", "Latin-1": "\xe9", "256 characters": strings.Repeat("k", 256),
	}
	for name, v := range movements(t) {
		for what, key := range bad {
			for _, path := range []string{v.path, v.path + "/async"} {
				if v.oneForm && path != v.path {
					continue
				}
				a := v.post(t, path, key, v.body(1_000))
				require.Equal(t, http.StatusBadRequest, a.Status, "%s with %s: %s", name, what, a)
				code := "idempotency_key_invalid"
				if key == "" {
					code = "idempotency_key_missing"
				}
				require.Equal(t, code, a.Problem(t).Code)
			}
		}
		require.Zero(t, v.moved(t), name)
	}
}

// Two instances on one database and one cluster are one platform.
func TestD26_TwoInstancesAreOnePlatform(t *testing.T) {
	p := harness.Shared(t)
	second := p.Instance(t)
	m := p.NewMember(t).WithAccount(t, 100_000)
	key := newKey()
	answers := atOnce(20, func(i int) harness.Answer {
		call := harness.Call{Method: http.MethodPost, Path: "/v1/money/increase", Token: m.Token, Key: key, Body: m.Money(30_000)}
		if i%2 == 0 {
			call.Base = second
		}
		return p.Call(t, call)
	})
	requireAgreement(t, m.Token, http.StatusCreated, answers)
	requireWallet(t, m, 30_000)
	require.EqualValues(t, 70_000, m.BankBalance(t))
}

func TestD26_EveryWaitIsBounded(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 100_000)
	p.Fault(t, harness.On(harness.Transfer, m.Account.AccountKey, harness.Effect{Type: "TIMEOUT_AFTER"}))
	const slack = 5 * time.Second // for a busy machine

	began := time.Now()
	a := m.TopUp(t, newKey(), 10_000)
	require.Equal(t, http.StatusAccepted, a.Status, "slow is not an error: %s", a)
	require.Less(t, time.Since(began), 2*time.Second+slack)

	began = time.Now()
	b := m.Post(t, "/v1/money/increase/async", newKey(), m.Money(10_000))
	require.Equal(t, http.StatusAccepted, b.Status, b)
	require.Less(t, time.Since(began), slack, "an asynchronous request does not wait")

	began = time.Now()
	p.Flow(t, m.Token, recordID(t, b), "?wait=1")
	require.Less(t, time.Since(began), time.Second+slack)
	for _, wait := range []string{"-1", "31", "1.5", "x", "", "99999999999999999999"} {
		requireBadField(t, m.Get(t, "/v1/flows/"+recordID(t, b)+"?wait="+wait), "?wait", wait)
	}
	require.Equal(t, apiclient.Succeeded, m.End(t, a).State)
	require.Equal(t, apiclient.Succeeded, m.End(t, b).State)
	requireWallet(t, m, 20_000)
}
