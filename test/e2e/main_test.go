// Package e2e tests the platform from outside, over HTTP, on a platform that runs as
// `durapay up` runs it. A test whose name begins with D and a number holds that nothing
// of that line of the acceptance table ever happens.
package e2e

import (
	"crypto/rand"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, harness.Options{QuietLog: true, AtEnd: everyOperationSucceeded}))
}

// newKey gives an Idempotency-Key that nobody has used.
func newKey() string { return rand.Text() }

// atOnce runs n calls at the same time and gives their answers in order.
func atOnce(n int, call func(i int) harness.Answer) []harness.Answer {
	answers := make([]harness.Answer, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			answers[i] = call(i)
		})
	}
	close(start)
	wg.Wait()
	return answers
}

// requireSucceeded checks that a request succeeded, now or, on a busy machine, a little later.
func requireSucceeded(t *testing.T, m *harness.Member, a harness.Answer) {
	t.Helper()
	end := m.End(t, a)
	require.Equal(t, apiclient.Succeeded, end.State, end.Code)
}

// requireRefused checks that a request was refused, and gives its record's id.
func requireRefused(t *testing.T, m *harness.Member, a harness.Answer, status int, code string) (id string) {
	t.Helper()
	require.Contains(t, []int{status, http.StatusAccepted}, a.Status, a)
	end := m.End(t, a)
	require.Equal(t, apiclient.Outcome{ID: end.ID, State: apiclient.Failed, Code: code}, end)
	return end.ID
}

// requireWallet checks a wallet: what is in it, and that nothing is held.
func requireWallet(t *testing.T, m *harness.Member, balance int64) {
	t.Helper()
	b := m.Balance(t)
	require.Equal(t, []int64{balance, 0, balance}, []int64{b.Balance, b.Held, b.Available}, "balance, held, available")
	require.Equal(t, m.ID, b.MembershipID)
	require.Equal(t, "KRW", b.Currency)
}

// requireHistory checks the signed amounts of a wallet's history, newest first, and that
// each line's balance follows from the one before.
func requireHistory(t *testing.T, m *harness.Member, amounts ...int64) {
	t.Helper()
	lines := m.History(t)
	got := make([]int64, len(lines))
	for i, line := range lines {
		got[i] = line.Amount
		before := int64(0)
		if i+1 < len(lines) {
			before = lines[i+1].BalanceAfter
		}
		require.Equal(t, before+line.Amount, line.BalanceAfter, "balance after %s", line.ID)
	}
	if len(amounts) == 0 {
		amounts = []int64{}
	}
	require.Equal(t, amounts, got)
}

// firmbanking is a row of findFirmbanking.
type firmbanking struct {
	ID            string             `json:"id"`
	State         string             `json:"state"`
	Direction     string             `json:"direction"`
	Amount        int64              `json:"amount"`
	BankCode      string             `json:"bankCode"`
	BankAccountID string             `json:"bankAccountId"`
	MembershipID  string             `json:"membershipId"`
	FlowID        string             `json:"flowId"`
	Failure       *apiclient.Failure `json:"failure"`
}

// firmbankings reads the bank transfers of a flow as an operator.
func firmbankings(t *testing.T, flowID string) []firmbanking {
	t.Helper()
	p := harness.Shared(t)
	a := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/firmbankings?limit=100&flowId=" + flowID, Token: p.Operator(t)})
	return harness.Read[harness.List[firmbanking]](t, a, http.StatusOK).Items
}

// requireTransfer checks the one bank transfer of a flow.
func requireTransfer(t *testing.T, flowID, direction, state string, amount int64) firmbanking {
	t.Helper()
	rows := firmbankings(t, flowID)
	require.Len(t, rows, 1)
	require.Equal(t, []any{direction, state, amount}, []any{rows[0].Direction, rows[0].State, rows[0].Amount})
	require.Equal(t, state == "REJECTED" || state == "RETURNED", rows[0].Failure != nil)
	return rows[0]
}
