package crash

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// TestANoticeFindsUsAway lets the bank tell of a return while the platform says nothing,
// and of another one while it has died. Each notice is sent until it is taken, and the
// money is given back once.
func TestANoticeFindsUsAway(t *testing.T) {
	p := start(t)
	held, killed := newOrderer(t, p), newOrderer(t, p)
	first, second := withdraw(t, held), withdraw(t, killed)

	resume := hold(t, p, harness.Serve)
	returnMoney(t, p, first)
	harness.Eventually(t, endBound, "the bank has tried again", func() bool { return attempts(t, p, first) > 1 })
	resume() // to find the notice that the bank gave up on, and the one it sent after it
	requireBack(t, p, first)

	p.Kill(t, harness.Serve)
	returnMoney(t, p, second)
	harness.Eventually(t, endBound, "the platform is ready again", func() bool {
		a, err := p.Do(t.Context(), harness.Call{Method: http.MethodGet, Path: "/readyz"})
		return err == nil && a.Status == http.StatusOK
	})
	requireBack(t, p, second)
	requireSound(t, p)
	for _, o := range []order{first, second} {
		requireBack(t, p, o)
	}
}

// withdraw pays money out and waits until it has left.
func withdraw(t *testing.T, m *harness.Member) order {
	t.Helper()
	o := send(t, m, "/v1/money/decrease/async")
	requireEnd(t, o, apiclient.Succeeded, -asked)
	return o
}

func creditOf(o order) string { return "withdrawal/" + o.id + "/credit" }

func returnMoney(t *testing.T, p *harness.Platform, o order) {
	t.Helper()
	p.ReturnTransfer(t, creditOf(o), "CLOSED")
}

// attempts is how often the bank has tried to tell of a return.
func attempts(t *testing.T, p *harness.Platform, o order) int64 {
	t.Helper()
	const q = `SELECT COALESCE(SUM(attempts), 0) FROM durapay_bank.notices WHERE body LIKE CONCAT('%"reference":"', ?, '"%')`
	return count(t, p, q, creditOf(o))
}

// requireBack waits until a withdrawal's money is back, and checks that it came once.
func requireBack(t *testing.T, p *harness.Platform, o order) {
	t.Helper()
	harness.Eventually(t, endBound, o.id+" has come back, and the bank knows that we know", func() bool {
		const q = `SELECT COUNT(*) FROM durapay_bank.notices WHERE state = 'DELIVERED' AND body LIKE CONCAT('%"reference":"', ?, '"%')`
		return count(t, p, q, creditOf(o)) == 1 &&
			count(t, p, `SELECT COUNT(*) FROM durapay_money.money_requests WHERE id = ? AND state = 'RETURNED'`, o.id) == 1
	})
	require.EqualValues(t, 1, count(t, p, `SELECT COUNT(*) FROM durapay_banking.bank_notices WHERE reference = ?`, creditOf(o)))
	wallet := o.member.Balance(t)
	require.Equal(t, []int64{inWallet, 0}, []int64{wallet.Balance, wallet.Held}, "balance, held")
	require.Equal(t, atBank, o.member.BankBalance(t))
	var lines []int64
	for _, line := range o.member.History(t) {
		lines = append(lines, line.Amount)
	}
	require.Equal(t, []int64{asked, -asked, inWallet}, lines)
}
