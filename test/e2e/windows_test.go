package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// The banks of these tests, which no other test has accounts at: each may be shut as it
// suits its own test.
const (
	shutForLong  = "032"
	shutForShort = "034"
	shutForUs    = "035"
)

// atBankOf makes a member whose linked account is at this bank, with a filled wallet.
func atBankOf(t *testing.T, bankCode string) *harness.Member {
	t.Helper()
	p := harness.Shared(t)
	m := p.NewMember(t)
	m.Account = p.OpenAccount(t, bankCode, m.Name, atBank+inWallet)
	m.AccountID = m.Link(t, m.Account)
	return m.WithBalance(t, inWallet)
}

// requireHeld checks a wallet of which some is held, in won.
func requireHeld(t *testing.T, m *harness.Member, held int64) {
	t.Helper()
	b := m.Balance(t)
	require.Equal(t, []int64{inWallet, held, inWallet - held}, []int64{b.Balance, b.Held, b.Available}, "balance, held, available")
}

// accepted reads the receipt of a request that still runs.
func accepted(t *testing.T, a harness.Answer) string {
	t.Helper()
	return harness.Read[apiclient.Accepted](t, a, http.StatusAccepted).ID
}

func awaitWait(t *testing.T, m *harness.Member, flowID string) {
	t.Helper()
	harness.Eventually(t, 20*time.Second, "the flow waits", func() bool {
		return harness.Shared(t).Flow(t, m.Token, flowID, "").State == apiclient.Waiting
	})
}

func TestAShutBankIsWaitedForAndSaysUntilWhen(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m, other := atBankOf(t, shutForLong), p.NewMember(t).WithAccount(t, atBank+inWallet).WithBalance(t, inWallet)
	to := p.OpenReceiver(t, shutForLong, 7)
	until := p.Shut(t, shutForLong, time.Hour)

	a := m.RemitToBank(t, newKey(), to, moves)
	require.Equal(t, http.StatusAccepted, a.Status, "slow is not an error: %s", a)
	id := accepted(t, a)
	awaitWait(t, m, id)
	requireWaiting(t, m, id, until)
	require.Contains(t, p.Flow(t, m.Token, id, "").Doing, shutForLong)
	row := requireRemittance(t, m, id, apiclient.Waiting, "")
	require.NotNil(t, row.Until)
	require.True(t, row.Until.Equal(until))
	requireHeld(t, m, moves)
	require.Empty(t, firmbankings(t, id), "nothing is at the bank")

	// The other banks work as ever.
	requireSucceeded(t, other, other.Withdraw(t, newKey(), moves))
	requireSucceeded(t, other, other.RemitToBank(t, newKey(), p.OpenReceiver(t, "020", 0), moves))
	requireWallet(t, other, inWallet-2*moves)

	cancelled := harness.Read[apiclient.Remittance](t, m.CancelRemittance(t, id), http.StatusOK)
	require.Equal(t, apiclient.Cancelled, cancelled.State)
	require.Nil(t, cancelled.Until)
	require.Equal(t, apiclient.Cancelled, p.Follow(t, m.Token, id).State)
	requireWallet(t, m, inWallet)
	requireHistory(t, m, inWallet)
	require.EqualValues(t, 7, p.BankBalance(t, to.AccountKey))
}

func TestWhatWaitsForAShutBankGoesOnByItself(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	receiver := p.OpenReceiver(t, shutForShort, 0)
	members := map[string]*harness.Member{}
	kinds := map[string]func(m *harness.Member) harness.Answer{
		"top-up":     func(m *harness.Member) harness.Answer { return m.TopUp(t, newKey(), moves) },
		"withdrawal": func(m *harness.Member) harness.Answer { return m.Withdraw(t, newKey(), moves) },
		"remittance": func(m *harness.Member) harness.Answer { return m.RemitToBank(t, newKey(), receiver, moves) },
	}
	for kind := range kinds {
		members[kind] = atBankOf(t, shutForShort)
	}
	until := p.Shut(t, shutForShort, 12*time.Second)
	ids := map[string]string{}
	for kind, send := range kinds {
		ids[kind] = accepted(t, send(members[kind]))
	}
	for kind, m := range members {
		awaitWait(t, m, ids[kind])
		requireWaiting(t, m, ids[kind], until)
	}
	requireHeld(t, members["withdrawal"], moves)
	requireHeld(t, members["remittance"], moves)
	row := harness.Read[apiclient.Money](t, members["withdrawal"].Get(t, "/v1/money/decrease/"+ids["withdrawal"]), http.StatusOK)
	require.Equal(t, apiclient.Waiting, row.State)
	require.True(t, row.Until.Equal(until))

	for kind, m := range members {
		require.Equal(t, apiclient.Succeeded, p.Follow(t, m.Token, ids[kind]).State, kind)
		for _, line := range m.History(t)[:1] {
			require.False(t, line.At.Before(until), "%s went on at %s", kind, line.At)
		}
		require.Len(t, firmbankings(t, ids[kind]), 1, kind)
	}
	requireWallet(t, members["top-up"], inWallet+moves)
	requireWallet(t, members["withdrawal"], inWallet-moves)
	requireWallet(t, members["remittance"], inWallet-moves)
	require.EqualValues(t, moves, p.BankBalance(t, receiver.AccountKey))
	require.EqualValues(t, atBank-moves, members["top-up"].BankBalance(t))
	require.EqualValues(t, atBank+moves, members["withdrawal"].BankBalance(t))
}

// While the corporate account's own bank is shut, nothing goes to any bank; money
// between wallets does not notice. It does not run beside others: they would wait too.
func TestOurOwnBankIsShut(t *testing.T) {
	p := harness.Shared(t)
	fund(t)
	m, friend := atBankOf(t, shutForUs), p.NewMember(t)
	landlord := p.OpenAccount(t, "020", "Landlord", atBank)
	until := p.Shut(t, "004", 6*time.Second)
	withdrawal := accepted(t, m.Withdraw(t, newKey(), moves))
	collection := accepted(t, p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/firmbankings/async", Token: p.Operator(t), Key: newKey(),
		Body: firmbankingBody("DEBIT", landlord, moves)}))
	requireSucceeded(t, m, m.Remit(t, newKey(), friend.ID, 1_000))
	awaitWait(t, m, withdrawal)
	requireWaiting(t, m, withdrawal, until)
	require.Equal(t, apiclient.Succeeded, p.Follow(t, m.Token, withdrawal).State)
	require.Equal(t, apiclient.Succeeded, p.Follow(t, p.Operator(t), collection).State)
	require.False(t, time.Now().Before(until))
	requireWallet(t, m, inWallet-1_000-moves)
	require.EqualValues(t, atBank-moves, p.BankBalance(t, landlord.AccountKey))
}

// A bank that is shut outside the hours that are known says so; it is asked again later,
// under a reference of its own, and the money moves once.
func TestABankThatIsShutUnexpectedlyIsAskedAgain(t *testing.T) {
	t.Parallel()
	fund(t)
	p := harness.Shared(t)
	for name, build := range bankCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := build(t)
			if c.member == nil {
				return // an operator's is refused, and told so: TestD02_D03_D09_D24_DeclinesOfTheBank
			}
			open := p.Fault(t, harness.On(harness.Transfer, c.account, harness.Effect{Type: "DECLINE", Reason: "MAINTENANCE"}))
			before := time.Now()
			key := newKey()
			id := accepted(t, c.send(t, key))
			awaitWait(t, c.member, id)
			open()
			flow := p.Flow(t, c.token, id, "")
			requireWaiting(t, c.member, id, *flow.Until)
			require.WithinRange(t, *flow.Until, before, time.Now().Add(time.Minute))
			require.Equal(t, "REJECTED", firmbankings(t, id)[0].State)

			require.Equal(t, apiclient.Succeeded, p.Follow(t, c.token, id).State)
			require.Equal(t, apiclient.Succeeded, p.End(t, c.token, c.send(t, key)).State)
			var states []string
			for _, row := range firmbankings(t, id) {
				states = append(states, row.State)
			}
			require.ElementsMatch(t, []string{"REJECTED", "SETTLED"}, states)
			require.EqualValues(t, atBank+c.bank, p.BankBalance(t, c.account))
			requireWallet(t, c.member, inWallet+c.wallet)
			requireHistory(t, c.member, c.wallet, inWallet)
			require.False(t, strings.Contains(flow.Doing, "{"), flow.Doing)
		})
	}
}
