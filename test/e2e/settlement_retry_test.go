package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/test/harness"
)

func requireRetry(t *testing.T, a harness.Answer, status int, state string) harness.PayoutRetry {
	t.Helper()
	r := harness.Read[harness.PayoutRetry](t, a, status)
	require.Equal(t, state, r.State)
	require.Equal(t, state == "REQUESTED", r.DecidedBy == "")
	return r
}

// requireMoved checks what has come to and gone from a franchise's account, in order.
func (s *till) requireMoved(t *testing.T, amounts ...int64) {
	t.Helper()
	var got []int64
	for _, e := range harness.Shared(t).BankEntries(t, s.Account) {
		if e.Direction == "OUT" {
			e.Amount = -e.Amount
		}
		got = append(got, e.Amount)
	}
	require.Equal(t, amounts, got)
}

func TestD13_APayoutThatCameBackIsPaidAgainByTwoOperators(t *testing.T) {
	p := harness.Shared(t)
	s := newTill(t, harness.Daily(200))
	s.sell(t, 20_000, 0)
	const net = 20_000 - 400 - 40
	p.Settle(t)
	st := s.only(t)
	s.requireSettled(t)
	requireCode(t, http.StatusConflict, "payout_not_retryable", p.AskRetry(t, p.Operator(t), "", st.ID, "it is paid"))

	p.ReturnTransfer(t, p.PayoutTransfer(t, st).Reference, "CLOSED")
	returned := p.AwaitPayout(t, st.ID, "RETURNED")
	require.Equal(t, "bank_returned", returned.Payout.Failure.Code)
	require.Equal(t, "RETURNED", p.PayoutTransfer(t, returned).State)
	require.EqualValues(t, net, p.Payable(t, s.ID), "it is owed again")
	s.requireMoved(t, net, -net)

	// One operator alone pays nothing.
	colleague := p.Staff(t, harness.OperatorRole)
	key := newKey()
	const reason = "the account is open again"
	asked := requireRetry(t, p.AskRetry(t, p.Operator(t), key, st.ID, reason), http.StatusCreated, "REQUESTED")
	require.Equal(t, []any{st.ID, 2, reason}, []any{asked.StatementID, asked.Attempt, asked.Reason})
	require.Equal(t, asked, requireRetry(t, p.AskRetry(t, p.Operator(t), key, st.ID, reason), http.StatusCreated, "REQUESTED"), "a repeat")
	requireCode(t, http.StatusUnprocessableEntity, "idempotency_key_reused", p.AskRetry(t, p.Operator(t), key, st.ID, "another reason"))
	requireCode(t, http.StatusConflict, "payout_not_retryable", p.AskRetry(t, colleague, "", st.ID, "one request at a time"))
	requireCode(t, http.StatusConflict, "second_operator_required", p.DecideRetry(t, p.Operator(t), asked.ID, "approve"))
	p.Settle(t)
	require.Equal(t, "RETURNED", s.only(t).Payout.State)

	// A request that was rejected is closed.
	rejected := requireRetry(t, p.DecideRetry(t, colleague, asked.ID, "reject"), http.StatusOK, "REJECTED")
	require.Equal(t, rejected, requireRetry(t, p.DecideRetry(t, colleague, asked.ID, "reject"), http.StatusOK, "REJECTED"))
	requireCode(t, http.StatusConflict, "concurrent_edit", p.DecideRetry(t, colleague, asked.ID, "approve"))
	require.Equal(t, "RETURNED", s.only(t).Payout.State)
	s.requireMoved(t, net, -net)

	// The second operator's approval pays, once.
	again := requireRetry(t, p.AskRetry(t, p.Operator(t), "", st.ID, "now it is"), http.StatusCreated, "REQUESTED")
	for _, a := range atOnce(8, func(int) harness.Answer { return p.DecideRetry(t, colleague, again.ID, "approve") }) {
		requireRetry(t, a, http.StatusOK, "APPROVED")
	}
	paid := p.AwaitPayout(t, st.ID, "PAID")
	require.Equal(t, 2, paid.Payout.Attempt)
	require.NotEqual(t, st.Payout.FirmbankingID, paid.Payout.FirmbankingID)
	require.Nil(t, paid.Payout.Failure)
	p.Settle(t)
	s.requireMoved(t, net, -net, net)
	require.Zero(t, p.Payable(t, s.ID))
	requireCode(t, http.StatusConflict, "concurrent_edit", p.DecideRetry(t, colleague, again.ID, "reject"))

	a := p.AsOperator(t, http.MethodGet, "/v1/settlements/statements/"+st.ID+"/payout-retries", "", nil)
	listed := harness.Read[harness.List[harness.PayoutRetry]](t, a, http.StatusOK)
	require.Len(t, listed.Items, 2)
	require.Equal(t, rejected, listed.Items[1])
	a = p.AsOperator(t, http.MethodGet, retriesPath+again.ID, "", nil)
	require.Equal(t, listed.Items[0], harness.Read[harness.PayoutRetry](t, a, http.StatusOK))
}

func TestD13_APayoutThatFailedIsPaidToTheAccountThatIsOpenAgain(t *testing.T) {
	p := harness.Shared(t)
	s := newTill(t, harness.Daily(200))
	s.sell(t, 20_000, 0)
	p.SetAccountState(t, s.Account, "SUSPENDED")
	p.Settle(t)
	st := s.only(t)
	require.Equal(t, "FAILED", st.Payout.State)
	colleague := p.Staff(t, harness.OperatorRole)

	// The second attempt may fail as the first did.
	failing := requireRetry(t, p.AskRetry(t, colleague, "", st.ID, "it is open, they say"), http.StatusCreated, "REQUESTED")
	requireRetry(t, p.DecideRetry(t, p.Operator(t), failing.ID, "approve"), http.StatusOK, "APPROVED")
	harness.Eventually(t, flowTime, "the second attempt has failed", func() bool {
		st = s.only(t)
		return st.Payout.State == "FAILED" && st.Payout.Attempt == 2
	})
	require.Equal(t, "bank_account_suspended", st.Payout.Failure.Code)
	s.requireUnsettled(t)

	p.SetAccountState(t, s.Account, "OPEN")
	third := requireRetry(t, p.AskRetry(t, colleague, "", st.ID, "now it is"), http.StatusCreated, "REQUESTED")
	requireRetry(t, p.DecideRetry(t, p.Operator(t), third.ID, "approve"), http.StatusOK, "APPROVED")
	require.Equal(t, 3, s.awaitOnly(t, "PAID").Payout.Attempt)
	s.requireSettled(t)
}
