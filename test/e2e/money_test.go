package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

func TestD01_ADecreaseLowersTheBalance(t *testing.T) {
	t.Parallel()
	m := harness.Shared(t).NewMember(t).WithAccount(t, 1_000_000).WithBalance(t, 100_000)
	for _, path := range []string{"/v1/money/decrease", "/v1/money/decrease/async"} {
		before := m.Balance(t).Balance
		end := m.End(t, m.Post(t, path, newKey(), m.Money(10_000)))
		require.Equal(t, apiclient.Succeeded, end.State)
		requireWallet(t, m, before-10_000)
		requireTransfer(t, end.ID, "CREDIT", "SETTLED", 10_000)
	}
	requireHistory(t, m, -10_000, -10_000, 100_000)
	require.EqualValues(t, 920_000, m.BankBalance(t))
}

func TestD02_NoCreditAfterAFailedCheck(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	cases := map[string]struct {
		spoil  func(t *testing.T, m *harness.Member) // what is wrong
		amount int64
		code   string
		status int
	}{
		"account unlinked": {unlink, 10_000, "bank_account_unlinked", http.StatusUnprocessableEntity},
		"account closed": {func(t *testing.T, m *harness.Member) { p.SetAccountState(t, m.Account.AccountKey, "CLOSED") }, 10_000,
			"bank_account_closed", http.StatusUnprocessableEntity},
		"account reported": {func(t *testing.T, m *harness.Member) { p.SetAccountState(t, m.Account.AccountKey, "REPORTED") }, 10_000,
			"bank_account_reported", http.StatusUnprocessableEntity},
		"bank account too empty": {func(*testing.T, *harness.Member) {}, 600_000, "bank_insufficient_funds", http.StatusUnprocessableEntity},
		"wallet too full":        {func(*testing.T, *harness.Member) {}, 2_000_000, "balance_limit_exceeded", http.StatusUnprocessableEntity},
		"no such account": {func(_ *testing.T, m *harness.Member) { m.AccountID = "acc_01JZ0000000000000000000000" }, 10_000,
			"bank_account_not_found", http.StatusNotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := p.NewMember(t).WithAccount(t, 500_000).WithBalance(t, 1)
			c.spoil(t, m)
			key := newKey()
			requireRefused(t, m, m.TopUp(t, key, c.amount), c.status, c.code)
			requireWallet(t, m, 1)
			requireHistory(t, m, 1)
			require.EqualValues(t, 499_999, m.BankBalance(t))
			requireRefusalOnRecord(t, m, "/v1/money/increase/", m.TopUp(t, key, c.amount))
		})
	}
}

func unlink(t *testing.T, m *harness.Member) {
	p := harness.Shared(t)
	a := p.Call(t, harness.Call{Method: http.MethodDelete, Path: "/v1/bank-accounts/" + m.AccountID, Token: m.Token})
	require.Equal(t, http.StatusOK, a.Status, a)
}

// requireRefusalOnRecord checks that a refused request can be read like any other.
func requireRefusalOnRecord(t *testing.T, m *harness.Member, path string, refusal harness.Answer) {
	t.Helper()
	p := refusal.Problem(t)
	require.Equal(t, path+p.ID, refusal.Header.Get("Location"))
	row := harness.Read[apiclient.Money](t, m.Get(t, refusal.Header.Get("Location")), http.StatusOK)
	require.Equal(t, p.ID, row.ID)
	require.Equal(t, apiclient.Failed, row.State)
	require.Equal(t, &apiclient.Failure{Code: p.Code, Detail: p.Detail}, row.Failure)
	flow := harness.Shared(t).Flow(t, m.Token, p.ID, "")
	require.True(t, flow.Final)
	require.Equal(t, row.Failure, flow.Failure)
}

func TestD03_CompensationGoesBackToWhereItCameFrom(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 200_000).WithBalance(t, 100_000)
	other := p.NewMember(t).WithAccount(t, 200_000).WithBalance(t, 100_000)
	p.Fault(t, harness.On(harness.Transfer, m.Account.AccountKey, harness.Effect{Type: "DECLINE", Reason: "SUSPENDED"}))
	end := m.End(t, m.Withdraw(t, newKey(), 60_000))
	require.Equal(t, "bank_account_suspended", end.Code)
	for _, each := range []*harness.Member{m, other} {
		requireWallet(t, each, 100_000)
		requireHistory(t, each, 100_000)
		require.EqualValues(t, 100_000, each.BankBalance(t))
	}
}

func TestD04_AWithdrawalHoldsBeforeItPays(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)

	refused := m.End(t, m.Withdraw(t, newKey(), 50_001))
	require.Equal(t, "insufficient_balance", refused.Code)
	require.Empty(t, firmbankings(t, refused.ID), "the bank was not asked")

	p.Fault(t, harness.On(harness.Transfer, m.Account.AccountKey, harness.Effect{Type: "DELAY", DelayMillis: 1_000}))
	receipt := harness.Read[apiclient.Accepted](t, m.Post(t, "/v1/money/decrease/async", newKey(), m.Money(30_000)), http.StatusAccepted)
	harness.Eventually(t, 20*time.Second, "the transfer is at the bank", func() bool {
		rows := firmbankings(t, receipt.ID)
		return len(rows) == 1 && rows[0].State == "SENT"
	})
	b := m.Balance(t)
	require.Equal(t, []int64{50_000, 30_000, 20_000}, []int64{b.Balance, b.Held, b.Available}, "balance, held, available")
	require.Equal(t, "insufficient_balance", m.End(t, m.Withdraw(t, newKey(), 20_001)).Code, "what is held cannot be spent")
	require.Equal(t, apiclient.Succeeded, p.Follow(t, m.Token, receipt.Flow.ID).State)
	requireWallet(t, m, 20_000)
	require.EqualValues(t, 80_000, m.BankBalance(t))
}

func TestD05_ATopUpDebitsTheBank(t *testing.T) {
	t.Parallel()
	m := harness.Shared(t).NewMember(t).WithAccount(t, 1_000_000)
	for i, path := range []string{"/v1/money/increase", "/v1/money/increase/async"} {
		end := m.End(t, m.Post(t, path, newKey(), m.Money(40_000)))
		require.Equal(t, apiclient.Succeeded, end.State)
		row := requireTransfer(t, end.ID, "DEBIT", "SETTLED", 40_000)
		require.Equal(t, []string{m.AccountID, m.ID, "088"}, []string{row.BankAccountID, row.MembershipID, row.BankCode})
		require.EqualValues(t, 1_000_000-40_000*(i+1), m.BankBalance(t))
		requireWallet(t, m, 40_000*int64(i+1))
	}
	requireHistory(t, m, 40_000, 40_000)
}

func TestD06_OnlyAmountsThatAreAmounts(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 1_000_000).WithBalance(t, 100_000)
	receiver := p.NewMember(t)
	operations := map[string]string{
		"/v1/money/increase":       `{"bankAccountId":"` + m.AccountID + `","amount":%}`,
		"/v1/money/increase/async": `{"bankAccountId":"` + m.AccountID + `","amount":%}`,
		"/v1/money/decrease":       `{"bankAccountId":"` + m.AccountID + `","amount":%}`,
		"/v1/money/decrease/async": `{"bankAccountId":"` + m.AccountID + `","amount":%}`,
		"/v1/remittances":          `{"to":{"membershipId":"` + receiver.ID + `"},"amount":%}`,
	}
	for path, body := range operations {
		for _, amount := range hostileAmounts {
			a := m.Post(t, path, newKey(), withAmount(body, amount))
			requireBadField(t, a, "/amount", path+" "+amount)
		}
	}
	for _, path := range []string{"/v1/money/increase", "/v1/money/decrease"} {
		requireBadField(t, m.Post(t, path, newKey(), m.Money(2_000_001)), "/amount", "more than any wallet holds")
	}
	operator := `{"direction":"CREDIT","bankCode":"088","accountNumber":"` + m.Account.AccountNumber + `","holderName":"x","amount":%}`
	for _, path := range []string{"/v1/firmbankings", "/v1/firmbankings/async"} {
		for _, amount := range hostileAmounts {
			a := p.Call(t, harness.Call{Method: http.MethodPost, Path: path, Token: p.Operator(t), Key: newKey(), Body: withAmount(operator, amount)})
			requireBadField(t, a, "/amount", path+" "+amount)
		}
	}
	requireWallet(t, m, 100_000)
	requireHistory(t, m, 100_000)
	requireWallet(t, receiver, 0)
	require.EqualValues(t, 900_000, m.BankBalance(t))
}

func TestD07_TheReceiverGetsWhatTheSenderPays(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	sender := p.NewMember(t).WithAccount(t, 2_000_000).WithBalance(t, 500_000)
	receiver := p.NewMember(t) // not verified: takes 500,000 at most
	requireSucceeded(t, sender, sender.Remit(t, newKey(), receiver.ID, 450_000))
	requireWallet(t, sender, 50_000)
	requireWallet(t, receiver, 450_000)

	sender.WithBalance(t, 1) // with it the sender has one won more than the receiver can take
	walletless := register(t, p)
	refusals := map[string]struct {
		to     string
		amount int64
	}{
		"receiver_limit_exceeded": {receiver.ID, 50_001},
		"insufficient_balance":    {receiver.ID, 50_002},
		"self_transfer":           {sender.ID, 1},
		"transfer_limit_exceeded": {receiver.ID, 2_000_001},
		"receiver_not_found":      {walletless, 1},
	}
	for code, c := range refusals {
		id := requireRefused(t, sender, sender.Remit(t, newKey(), c.to, c.amount), http.StatusUnprocessableEntity, code)
		row := harness.Read[apiclient.Remittance](t, sender.Get(t, "/v1/remittances/"+id), http.StatusOK)
		require.Equal(t, []any{apiclient.Failed, code, c.amount}, []any{row.State, row.Failure.Code, row.Amount})
	}
	requireWallet(t, sender, 50_001)
	requireHistory(t, sender, 1, -450_000, 500_000)
	requireHistory(t, receiver, 450_000)
	require.Equal(t, sender.ID, receiver.History(t)[0].Counterparty)
	require.Equal(t, receiver.ID, sender.History(t)[1].Counterparty)
}

// register makes a member by the synchronous route: it has no wallet yet.
func register(t *testing.T, p *harness.Platform) (memberID string) {
	t.Helper()
	a := p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/memberships", Body: p.Sheet()})
	return harness.Read[struct{ ID string }](t, a, http.StatusCreated).ID
}

func TestD08_MoneyLeavesToTheAccountAskedFor(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 500_000).WithBalance(t, 300_000)
	second := p.OpenAccount(t, "004", m.Name, 7)
	secondID := m.Link(t, second)
	stranger := p.NewMember(t).WithAccount(t, 9)

	end := m.End(t, m.Post(t, "/v1/money/decrease", newKey(), apiclient.MoneyRequest{BankAccountID: secondID, Amount: 70_000}))
	require.Equal(t, apiclient.Succeeded, end.State)
	row := requireTransfer(t, end.ID, "CREDIT", "SETTLED", 70_000)
	require.Equal(t, []string{secondID, "004"}, []string{row.BankAccountID, row.BankCode})
	require.EqualValues(t, 70_007, p.BankBalance(t, second.AccountKey))
	require.EqualValues(t, 200_000, m.BankBalance(t))

	for _, path := range []string{"/v1/money/decrease", "/v1/money/increase"} {
		a := m.Post(t, path, newKey(), apiclient.MoneyRequest{BankAccountID: stranger.AccountID, Amount: 9})
		requireRefused(t, m, a, http.StatusNotFound, "bank_account_not_found")
	}
	require.EqualValues(t, 9, stranger.BankBalance(t))
	requireWallet(t, m, 230_000)
}

func TestAutomaticTopUp(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	sender := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 5_000)
	receiver := p.NewMember(t)
	body := harness.RemitBody(receiver.ID, 25_001)
	body.AutoTopUp = &apiclient.AutoTopUp{BankAccountID: sender.AccountID}

	a := sender.Post(t, "/v1/remittances", newKey(), body)
	end := sender.End(t, a)
	require.Equal(t, apiclient.Succeeded, end.State)
	requireWallet(t, sender, 9_999) // 20,001 short: 30,000 were topped up
	requireWallet(t, receiver, 25_001)
	requireHistory(t, sender, -25_001, 30_000, 5_000)
	require.EqualValues(t, 65_000, sender.BankBalance(t))
	row := harness.Read[apiclient.Remittance](t, sender.Get(t, "/v1/remittances/"+end.ID), http.StatusOK)
	requireTransfer(t, row.TopUpID, "DEBIT", "SETTLED", 30_000)
	seen := harness.Read[apiclient.Remittance](t, receiver.Get(t, "/v1/remittances/"+end.ID), http.StatusOK)
	require.Empty(t, seen.TopUpID, "how the sender paid is not the receiver's to know")

	body.Amount = 200_000 // more than the bank has
	refused := sender.End(t, sender.Post(t, "/v1/remittances", newKey(), body))
	require.Equal(t, apiclient.Failed, refused.State)
	require.Equal(t, "auto_top_up_failed", refused.Code)
	requireWallet(t, sender, 9_999)
	requireWallet(t, receiver, 25_001)
	require.EqualValues(t, 65_000, sender.BankBalance(t))
}

// Sixty-four payments from eight wallets meet in one, and none of the eight has enough
// for all of its own.
func TestAHotWalletAddsUpToTheWon(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	hot := p.NewMember(t).WithAccount(t, 1) // verified: takes 2,000,000
	const wallets, each, amount, funds = 8, 8, 7_001, 40_000
	senders := make([]*harness.Member, wallets)
	for i := range senders {
		senders[i] = p.NewMember(t).WithAccount(t, funds).WithBalance(t, funds)
	}
	answers := atOnce(wallets*each, func(i int) harness.Answer {
		return senders[i%wallets].Remit(t, newKey(), hot.ID, amount)
	})
	var succeeded int64
	for i, a := range answers {
		require.Contains(t, []int{http.StatusCreated, http.StatusAccepted, http.StatusUnprocessableEntity}, a.Status, a)
		end := senders[i%wallets].End(t, a)
		if end.State == apiclient.Succeeded {
			succeeded++
			continue
		}
		require.Equal(t, "insufficient_balance", end.Code)
	}
	require.EqualValues(t, wallets*(funds/amount), succeeded, "as many as each balance suffices for")
	requireWallet(t, hot, succeeded*amount)
	for _, s := range senders {
		requireWallet(t, s, funds%amount)
	}
	require.Len(t, hot.History(t), int(succeeded))
}
