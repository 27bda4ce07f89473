package crash

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// order is one money request of a member who asks for nothing else.
type order struct {
	member *harness.Member
	id     string
}

// The money of these tests, in won.
const (
	atBank   int64 = 300_000
	inWallet int64 = 100_000
	asked    int64 = 30_000
)

// lateBy is a delay at the bank that the platform does not wait for, and that the
// transfer still outlives. tooLateBy outlives the transfer: the bank refuses it then.
const (
	lateBy    = 3 * time.Second
	tooLateBy = 6 * time.Second
)

// TestADeathWhileOutcomesAreUnknown kills the workers while some transfers have no known
// outcome and others are at the bank. Each ends once, as the bank has it.
func TestADeathWhileOutcomesAreUnknown(t *testing.T) {
	p := start(t)
	filled := newOrderer(t, p)
	emptied := newOrderer(t, p)
	lost := newOrderer(t, p)
	late := newOrderer(t, p)
	tooLate := newOrderer(t, p)

	deaf := []harness.Rule{
		harness.On(harness.Transfer, filled.Account.AccountKey, harness.Effect{Type: "TIMEOUT_AFTER"}),
		harness.On(harness.Transfer, emptied.Account.AccountKey, harness.Effect{Type: "TIMEOUT_AFTER"}),
		harness.On(harness.Transfer, lost.Account.AccountKey, harness.Effect{Type: "TIMEOUT_BEFORE"}),
		harness.On(harness.Transfer, late.Account.AccountKey, harness.Effect{Type: "DELAY", DelayMillis: lateBy.Milliseconds()}),
		harness.On(harness.Transfer, tooLate.Account.AccountKey, harness.Effect{Type: "DELAY", DelayMillis: tooLateBy.Milliseconds()}),
	}
	noAnswer := harness.Rule{Match: harness.Match{Operation: harness.Inquire}, Effect: harness.Effect{Type: "ERROR"}}
	answer := p.Fault(t, append(deaf, noAnswer)...)

	topUp := send(t, filled, "/v1/money/increase/async")
	withdrawal := send(t, emptied, "/v1/money/decrease/async")
	nothing := send(t, lost, "/v1/money/increase/async")
	unknown := []order{topUp, withdrawal, nothing}
	awaitState(t, p, "UNKNOWN", unknown...)
	onTheWay := []order{send(t, late, "/v1/money/increase/async"), send(t, tooLate, "/v1/money/increase/async")}
	awaitState(t, p, "SENT", onTheWay...)

	at := time.Now()
	p.Kill(t, harness.Serve)
	harness.Eventually(t, endBound, "the platform is ready again", func() bool {
		a, err := p.Do(t.Context(), harness.Call{Method: http.MethodGet, Path: "/readyz"})
		return err == nil && a.Status == http.StatusOK && p.Pid(harness.Serve) != 0
	})
	t.Logf("ready %d ms after the death", time.Since(at).Milliseconds())

	// The outcome stays unknown, and nothing is credited on a guess.
	for _, o := range unknown {
		require.Equal(t, apiclient.Unknown, p.Flow(t, o.member.Token, o.id, "").State)
	}
	require.Equal(t, inWallet, filled.Balance(t).Balance)
	require.Equal(t, apiclient.Balance{MembershipID: emptied.ID, Balance: inWallet, Held: asked, Available: inWallet - asked,
		Limit: emptied.Balance(t).Limit, Currency: "KRW"}, emptied.Balance(t))

	answer()
	requireEnd(t, topUp, apiclient.Succeeded, +asked)
	requireEnd(t, withdrawal, apiclient.Succeeded, -asked)
	requireEnd(t, nothing, apiclient.Failed, 0)
	requireEnd(t, onTheWay[0], apiclient.Succeeded, +asked)
	requireEnd(t, onTheWay[1], apiclient.Failed, 0)
	t.Logf("all outcomes known %.1f s after the death", time.Since(at).Seconds())
	requireSound(t, p)
}

// newOrderer makes a member with money on both sides.
func newOrderer(t *testing.T, p *harness.Platform) *harness.Member {
	t.Helper()
	return p.NewMember(t).WithAccount(t, atBank+inWallet).WithBalance(t, inWallet)
}

func send(t *testing.T, m *harness.Member, path string) order {
	t.Helper()
	a := m.Post(t, path, "the-only-one", m.Money(asked))
	return order{m, harness.Read[apiclient.Accepted](t, a, http.StatusAccepted).ID}
}

// awaitState waits until the bank transfers of these orders are in a state.
func awaitState(t *testing.T, p *harness.Platform, state string, orders ...order) {
	t.Helper()
	for _, o := range orders {
		harness.Eventually(t, endBound, o.id+" has a transfer that is "+state, func() bool {
			return count(t, p, "SELECT COUNT(*) FROM durapay_banking.firmbankings WHERE flow_id = ? AND state = ?", o.id, state) == 1
		})
	}
}

// requireEnd waits for an order's end and compares it with wallet, history and bank. The
// wallet has changed by this much, in won, and in one step.
func requireEnd(t *testing.T, o order, state apiclient.State, change int64) {
	t.Helper()
	harness.Eventually(t, endBound, o.id+" ends", func() bool {
		return harness.Read[apiclient.Flow](t, o.member.Get(t, "/v1/flows/"+o.id+"?wait=10"), http.StatusOK).Final
	})
	require.Equal(t, state, harness.Read[apiclient.Flow](t, o.member.Get(t, "/v1/flows/"+o.id), http.StatusOK).State)
	wallet := o.member.Balance(t)
	require.Equal(t, inWallet+change, wallet.Balance)
	require.Zero(t, wallet.Held)
	require.Equal(t, atBank-change, o.member.BankBalance(t))
	var lines []int64
	for _, line := range o.member.History(t) {
		if line.ID == o.id {
			lines = append(lines, line.Amount)
		}
	}
	if change == 0 {
		require.Empty(t, lines)
		return
	}
	require.Equal(t, []int64{change}, lines)
}
