package e2e

import (
	"net/http"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// The amounts of every case: what the bank has, what is in the wallet, what is moved.
const (
	atBank   = 1_000_000
	inWallet = 100_000
	moves    = 30_000
)

// bankCase is one request that a bank takes part in, and how it may end.
type bankCase struct {
	direction string
	send      func(t *testing.T, key string) harness.Answer
	token     string
	account   apiclient.AccountKey
	member    *harness.Member // nil for an operator's
	wallet    int64           // what a success adds to the wallet, in won
	bank      int64           // what a success adds to the account, in won
}

// bankCases are the requests that a bank takes part in.
var bankCases = map[string]func(t *testing.T) bankCase{
	"top-up": func(t *testing.T) bankCase {
		m := harness.Shared(t).NewMember(t).WithAccount(t, atBank+inWallet).WithBalance(t, inWallet)
		send := func(t *testing.T, key string) harness.Answer { return m.TopUp(t, key, moves) }
		return bankCase{"DEBIT", send, m.Token, m.Account.AccountKey, m, moves, -moves}
	},
	"withdrawal": func(t *testing.T) bankCase {
		m := harness.Shared(t).NewMember(t).WithAccount(t, atBank+inWallet).WithBalance(t, inWallet)
		send := func(t *testing.T, key string) harness.Answer { return m.Withdraw(t, key, moves) }
		return bankCase{"CREDIT", send, m.Token, m.Account.AccountKey, m, -moves, moves}
	},
	"bank remittance": func(t *testing.T) bankCase {
		p := harness.Shared(t)
		m := p.NewMember(t).WithAccount(t, inWallet).WithBalance(t, inWallet)
		to := p.OpenReceiver(t, "020", atBank)
		send := func(t *testing.T, key string) harness.Answer { return m.RemitToBank(t, key, to, moves) }
		return bankCase{"CREDIT", send, m.Token, to.AccountKey, m, -moves, moves}
	},
	"collection":  func(t *testing.T) bankCase { return operatorsCase(t, "DEBIT", -moves) },
	"disposition": func(t *testing.T) bankCase { return operatorsCase(t, "CREDIT", moves) },
}

func operatorsCase(t *testing.T, direction string, bank int64) bankCase {
	p := harness.Shared(t)
	account := p.OpenAccount(t, "020", "Landlord", atBank)
	send := func(t *testing.T, key string) harness.Answer {
		return p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/firmbankings", Token: p.Operator(t), Key: key,
			Body: firmbankingBody(direction, account, moves)})
	}
	return bankCase{direction, send, p.Operator(t), account.AccountKey, nil, 0, bank}
}

// fund sees to it that the corporate account never lacks what the tests pay out.
func fund(t *testing.T) {
	t.Helper()
	p := harness.Shared(t)
	landlord := p.OpenAccount(t, "004", "Landlord", 100_000_000)
	a := p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/firmbankings", Token: p.Operator(t), Key: newKey(),
		Body: firmbankingBody("DEBIT", landlord, 100_000_000)})
	require.Equal(t, apiclient.Succeeded, p.End(t, p.Operator(t), a).State)
}

// requireEnd checks a case's end in every book: request, wallet, history, bank, transfer.
func (c bankCase) requireEnd(t *testing.T, id, code string) {
	t.Helper()
	p := harness.Shared(t)
	moved, state := int64(1), "SETTLED"
	if code != "" {
		moved, state = 0, "REJECTED"
	}
	require.EqualValues(t, atBank+moved*c.bank, p.BankBalance(t, c.account))
	row := requireTransfer(t, id, c.direction, state, moves)
	if code != "" {
		require.Equal(t, code, row.Failure.Code)
	}
	if c.member == nil {
		return
	}
	requireWallet(t, c.member, inWallet+moved*c.wallet)
	if code != "" {
		requireHistory(t, c.member, inWallet)
		return
	}
	requireHistory(t, c.member, c.wallet, inWallet)
	require.Equal(t, id, c.member.History(t)[0].ID)
}

// faults are what can go wrong between us and a bank, with the code of the refusal that
// comes of it, "" for a success. slow says that the caller is told 202.
var faults = map[string]struct {
	effect harness.Effect
	code   string
	slow   bool
}{
	"time-out after the effect":   {harness.Effect{Type: "TIMEOUT_AFTER"}, "", true},
	"time-out before the effect":  {harness.Effect{Type: "TIMEOUT_BEFORE"}, "bank_not_executed", true},
	"error after the effect":      {harness.Effect{Type: "ERROR_AFTER"}, "", false},
	"error before the effect":     {harness.Effect{Type: "ERROR", Status: 500}, "bank_not_executed", true},
	"rate limit":                  {harness.Effect{Type: "RATE_LIMIT"}, "bank_not_executed", true},
	"later than we wait":          {harness.Effect{Type: "DELAY", DelayMillis: 2_500}, "", true},
	"later than our call":         {harness.Effect{Type: "DELAY", DelayMillis: 3_400}, "", true},
	"later than the transfer may": {harness.Effect{Type: "DELAY", DelayMillis: 5_000}, "bank_not_executed", true},
}

func TestD02_D05_D09_D24_FaultsOfTheBank(t *testing.T) {
	t.Parallel()
	fund(t)
	for name, build := range bankCases {
		for fault, f := range faults {
			t.Run(name+"/"+fault, func(t *testing.T) {
				t.Parallel()
				c := build(t)
				harness.Shared(t).Fault(t, harness.On(harness.Transfer, c.account, f.effect))
				key := newKey()
				a := c.send(t, key)
				if f.slow {
					require.Equal(t, http.StatusAccepted, a.Status, "slow is not an error: %s", a)
					require.NotEmpty(t, a.Header.Get("Location"))
				}
				c.requireOutcome(t, a, f.code)
				c.requireOutcome(t, c.send(t, key), f.code) // a repeat is told the same and moves nothing
			})
		}
	}
}

func (c bankCase) requireOutcome(t *testing.T, a harness.Answer, code string) {
	t.Helper()
	end := harness.Shared(t).End(t, c.token, a)
	want := apiclient.Outcome{ID: end.ID, State: apiclient.Succeeded}
	if code != "" {
		want.State, want.Code = apiclient.Failed, code
	}
	require.Equal(t, want, end)
	c.requireEnd(t, end.ID, code)
}

// declines maps the bank's reasons to what the platform tells.
var declines = map[string]string{
	"NO_SUCH_ACCOUNT": "bank_no_such_account", "CLOSED": "bank_account_closed", "REPORTED": "bank_account_reported",
	"SUSPENDED": "bank_account_suspended", "NAME_MISMATCH": "bank_name_mismatch", "INSUFFICIENT_FUNDS": "bank_insufficient_funds",
	"LIMIT_EXCEEDED": "bank_limit_exceeded", "MAINTENANCE": "bank_maintenance",
}

func TestD02_D03_D09_D24_DeclinesOfTheBank(t *testing.T) {
	t.Parallel()
	fund(t)
	for name, build := range bankCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := build(t)
			for reason, code := range declines {
				if reason == "MAINTENANCE" && c.member != nil {
					continue // a member's request waits and goes on
				}
				restore := harness.Shared(t).Fault(t, harness.On(harness.Transfer, c.account, harness.Effect{Type: "DECLINE", Reason: reason}))
				key := newKey()
				c.requireOutcome(t, c.send(t, key), code)
				restore()
				c.requireOutcome(t, c.send(t, key), code) // the refusal stands
			}
			c.requireOutcome(t, c.send(t, newKey()), "") // and a new request goes through
		})
	}
}

// While nobody knows what became of a transfer, that is what is told, and nothing moves.
func TestD09_UnknownIsToldAsUnknown(t *testing.T) {
	t.Parallel()
	fund(t)
	p := harness.Shared(t)
	held := map[string]int64{"withdrawal": moves, "bank remittance": moves}
	for name, build := range bankCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := build(t)
			p.Fault(t, harness.On(harness.Transfer, c.account, harness.Effect{Type: "TIMEOUT_BEFORE"}))
			receipt := harness.Read[apiclient.Accepted](t, c.send(t, newKey()), http.StatusAccepted)
			var flow apiclient.Flow
			harness.Eventually(t, 20*time.Second, "the flow is UNKNOWN", func() bool {
				flow = p.Flow(t, c.token, receipt.Flow.ID, "")
				return flow.State == apiclient.Unknown
			})
			require.False(t, flow.Final)
			require.Contains(t, flow.Doing, "has not told the outcome yet")
			korean := harness.Read[apiclient.Flow](t, p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/flows/" + receipt.Flow.ID,
				Token: c.token, Header: map[string]string{"Accept-Language": "ko"}}), http.StatusOK)
			require.Equal(t, apiclient.Unknown, korean.State)
			requireKorean(t, korean.Doing)
			require.Equal(t, "UNKNOWN", firmbankings(t, receipt.ID)[0].State)
			require.EqualValues(t, atBank, p.BankBalance(t, c.account))
			if c.member != nil {
				b := c.member.Balance(t)
				require.Equal(t, []int64{inWallet, held[name]}, []int64{b.Balance, b.Held}, "balance, held")
			}
			c.requireOutcome(t, harness.Answer{Status: http.StatusAccepted, Body: []byte(`{"id":"` + receipt.ID + `"}`)}, "bank_not_executed")
		})
	}
}

func requireKorean(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if unicode.Is(unicode.Hangul, r) {
			return
		}
	}
	require.Fail(t, "not Korean", text)
}

// A flow that was terminated by hand is taken up again by the same request, from where
// its records stand: what the bank has done counts, and nothing is done twice.
func TestATerminatedFlowIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	fund(t)
	p := harness.Shared(t)
	for effect, code := range map[string]string{"TIMEOUT_AFTER": "", "TIMEOUT_BEFORE": "bank_not_executed"} {
		for name, build := range bankCases {
			t.Run(name+"/"+effect, func(t *testing.T) {
				t.Parallel()
				c := build(t)
				p.Fault(t, harness.On(harness.Transfer, c.account, harness.Effect{Type: effect}))
				key := newKey()
				receipt := harness.Read[apiclient.Accepted](t, c.send(t, key), http.StatusAccepted)
				temporal, err := p.TemporalClient()
				require.NoError(t, err)
				require.NoError(t, temporal.TerminateWorkflow(t.Context(), p.WorkflowID(t, c.token, receipt.Flow.ID), "", "by hand"))
				c.requireOutcome(t, c.send(t, key), code)
			})
		}
	}
}
