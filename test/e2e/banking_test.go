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

// linkRoutes are the two ways of linking an account.
var linkRoutes = []string{"/v1/bank-accounts", "/v1/bank-accounts/async"}

type linked struct{ ID, BankCode, AccountNumber, State string }

func TestD22_OnlyAVerifiedAccountIsLinked(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	cases := map[string]struct {
		spoil func(t *testing.T, a *apiclient.Account)
		code  string
	}{
		"another holder":  {func(_ *testing.T, a *apiclient.Account) { a.HolderName = "Somebody Else" }, "bank_name_mismatch"},
		"no such account": {func(_ *testing.T, a *apiclient.Account) { a.AccountNumber = "9999999999999" }, "bank_no_such_account"},
		"at another bank": {func(_ *testing.T, a *apiclient.Account) { a.BankCode = "081" }, "bank_no_such_account"},
		"closed": {func(t *testing.T, a *apiclient.Account) { p.SetAccountState(t, a.AccountKey, "CLOSED") },
			"bank_account_closed"},
		"suspended": {func(t *testing.T, a *apiclient.Account) { p.SetAccountState(t, a.AccountKey, "SUSPENDED") },
			"bank_account_suspended"},
		"declined by the bank": {func(t *testing.T, a *apiclient.Account) {
			p.Fault(t, harness.On(harness.Verify, a.AccountKey, harness.Effect{Type: "DECLINE", Reason: "REPORTED"}))
		}, "bank_account_reported"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := p.NewMember(t)
			for _, path := range linkRoutes {
				account := p.OpenAccount(t, "088", m.Name, 1_000)
				c.spoil(t, &account)
				end := m.End(t, m.Post(t, path, "", harness.LinkBody(account)))
				require.Equal(t, apiclient.Outcome{ID: end.ID, State: apiclient.Failed, Code: c.code}, end)
				require.Equal(t, http.StatusNotFound, m.Get(t, "/v1/bank-accounts/"+end.ID).Status)
			}
			require.Empty(t, harness.Read[harness.List[linked]](t, m.Get(t, "/v1/bank-accounts"), http.StatusOK).Items)
			require.EqualValues(t, 500_000, m.Balance(t).Limit, "not verified")
		})
	}
}

func TestD21_D22_OneLinkForOneAccount(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t)
	account := p.OpenAccount(t, "088", m.Name, 1_000)
	answers := atOnce(20, func(i int) harness.Answer { return m.Post(t, linkRoutes[i%2], "", harness.LinkBody(account)) })
	succeeded := 0
	for _, a := range answers {
		if end := m.End(t, a); end.State == apiclient.Succeeded {
			succeeded++
		} else {
			require.Equal(t, "bank_account_duplicate", end.Code)
		}
	}
	require.Equal(t, 1, succeeded)
	items := harness.Read[harness.List[linked]](t, m.Get(t, "/v1/bank-accounts"), http.StatusOK).Items
	require.Len(t, items, 1)
	require.Equal(t, linked{items[0].ID, "088", strings.Repeat("*", len(account.AccountNumber)-4) + account.AccountNumber[len(account.AccountNumber)-4:], "LINKED"}, items[0])

	// Nobody else can link it, hyphens or not, by either route.
	other := p.NewMember(t)
	account.AccountNumber = account.AccountNumber[:4] + "-" + account.AccountNumber[4:]
	for _, path := range linkRoutes {
		requireRefused(t, other, other.Post(t, path, "", harness.LinkBody(account)), http.StatusConflict, "bank_account_duplicate")
	}
}

func TestUnlinkingRevokesTheConsent(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 10_000)
	require.EqualValues(t, 2_000_000, m.Balance(t).Limit, "verified by the account in the member's name")
	for range 2 {
		a := p.Call(t, harness.Call{Method: http.MethodDelete, Path: "/v1/bank-accounts/" + m.AccountID, Token: m.Token})
		require.Equal(t, "UNLINKED", harness.Read[linked](t, a, http.StatusOK).State)
	}
	require.Equal(t, "UNLINKED", harness.Read[linked](t, m.Get(t, "/v1/bank-accounts/"+m.AccountID), http.StatusOK).State, "history stays")
	require.Equal(t, "bank_account_unlinked", m.End(t, m.TopUp(t, newKey(), 1_000)).Code)
	again := m.Link(t, m.Account)
	require.NotEqual(t, m.AccountID, again)
}

// A bank that does not answer a question moves nothing; the question is asked again.
func TestAVerificationOutlastsABankInTrouble(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t)
	account := p.OpenAccount(t, "088", m.Name, 1_000)
	restore := p.Fault(t, harness.On(harness.Verify, account.AccountKey, harness.Effect{Type: "ERROR", Status: 502}))
	a := m.Post(t, linkRoutes[0], "", harness.LinkBody(account))
	require.Equal(t, http.StatusAccepted, a.Status, a)
	flow := p.Flow(t, m.Token, recordID(t, a), "")
	require.Equal(t, apiclient.Processing, flow.State)
	require.Contains(t, flow.Doing, "088")
	restore()
	require.Equal(t, apiclient.Succeeded, m.End(t, a).State)
}

func TestD23_FirmbankingsAreFound(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 10_000)
	paid := m.End(t, m.Withdraw(t, newKey(), 1_000)).ID
	refused := m.End(t, m.TopUp(t, newKey(), 200_000)).ID
	today := time.Now().In(time.FixedZone("KST", 9*60*60)).Format(time.DateOnly)
	mine := "membershipId=" + m.ID
	for query, want := range map[string]int{
		mine: 3, mine + "&state=SETTLED": 2, mine + "&state=REJECTED": 1, mine + "&state=SENT": 0, mine + "&bankCode=088": 3,
		mine + "&bankCode=004": 0, "bankAccountId=" + m.AccountID: 3, "flowId=" + paid: 1, "flowId=" + refused: 1,
		mine + "&date=" + today: 3, mine + "&date=2020-01-01": 0, "flowId=nobody": 0,
	} {
		a := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/firmbankings?limit=100&" + query, Token: p.Operator(t)})
		require.Len(t, harness.Read[harness.List[firmbanking]](t, a, http.StatusOK).Items, want, query)
	}
	for _, query := range []string{"state=x", "date=2026-13-01", "date=yesterday", "date=2026-02-30"} {
		a := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/firmbankings?" + query, Token: p.Operator(t)})
		require.Equal(t, http.StatusBadRequest, a.Status, query)
	}
	row := firmbankings(t, paid)[0]
	one := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/firmbankings/" + row.ID, Token: p.Operator(t)})
	require.Equal(t, row, harness.Read[firmbanking](t, one, http.StatusOK))
}

// Every asynchronous request has an id under which its status, and then its end, is found.
func TestD31_AnAsynchronousRequestIsFound(t *testing.T) {
	t.Parallel()
	fund(t)
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	second := p.OpenAccount(t, "004", m.Name, 1_000)
	receiver := p.NewMember(t)
	operator := p.OpenAccount(t, "020", "Landlord", 10_000)
	for path, r := range map[string]struct {
		body     any
		token    string
		resource string
	}{
		"/v1/money/increase/async": {m.Money(1_000), m.Token, "/v1/money/increase/"},
		"/v1/money/decrease/async": {m.Money(1_000), m.Token, "/v1/money/decrease/"},
		"/v1/bank-accounts/async":  {harness.LinkBody(second), m.Token, "/v1/bank-accounts/"},
		"/v1/firmbankings/async":   {firmbankingBody("CREDIT", operator, 1_000), p.Operator(t), "/v1/firmbankings/"},
		"/v1/remittances":          {harness.RemitBody(receiver.ID, 1_000), m.Token, "/v1/remittances/"},
		"/v1/memberships/async":    {p.Sheet(), "", ""},
	} {
		t.Run(strings.TrimPrefix(path, "/v1/"), func(t *testing.T) {
			a := p.Call(t, harness.Call{Method: http.MethodPost, Path: path, Token: r.token, Key: newKey(), Body: r.body,
				Header: map[string]string{"Prefer": "respond-async"}})
			receipt := harness.Read[apiclient.Accepted](t, a, http.StatusAccepted)
			require.Equal(t, receipt.Flow.URL, a.Header.Get("Location"))
			require.Equal(t, apiclient.Requested, receipt.State)
			flow := p.Flow(t, r.token, receipt.Flow.ID, "") // there from the first moment on
			require.Equal(t, receipt.Flow.ID, flow.ID)
			require.NotEmpty(t, flow.Doing)
			require.Equal(t, apiclient.Succeeded, p.Follow(t, r.token, receipt.Flow.ID).State)
			if r.resource == "" {
				r.resource, r.token = "/v1/memberships/", p.Operator(t)
			}
			found := p.Call(t, harness.Call{Method: http.MethodGet, Path: r.resource + receipt.ID, Token: r.token})
			require.Equal(t, http.StatusOK, found.Status, found)
			require.Equal(t, receipt.ID, recordID(t, found))
		})
	}
}
