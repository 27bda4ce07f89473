package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// requireLeft checks how much of a payment was given back, and how much still can be.
func requireLeft(t *testing.T, paymentID string, cancelled, left int64) {
	t.Helper()
	p := harness.Shared(t).Payment(t, paymentID)
	require.Equal(t, []int64{cancelled, left}, []int64{p.CancelledAmount, p.Cancellable}, "cancelled, left")
	if left == 0 {
		require.Equal(t, "CANCELLED", p.State)
	}
}

func cancels(t *testing.T, a harness.Answer) []harness.Cancel {
	t.Helper()
	return harness.Read[harness.List[harness.Cancel]](t, a, http.StatusOK).Items
}

func TestAPaymentIsGivenBackInParts(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	paid := m.MustPay(t, f, 10_000)
	left := int64(10_000)
	for _, amount := range []int64{1, 3_333, 1_000} {
		left -= amount
		c := f.MustCancel(t, paid.ID, amount)
		require.Equal(t, harness.Cancel{ID: c.ID, PaymentID: paid.ID, State: apiclient.Succeeded, Amount: amount, Remaining: left, Currency: "KRW",
			Reason: c.Reason, CreatedAt: c.CreatedAt}, c)
		requireWallet(t, m, 50_000-left)
		requireLeft(t, paid.ID, 10_000-left, left)
	}
	refused := requireOnRecord(t, f.Cancel(t, newKey(), paid.ID, left+1), http.StatusUnprocessableEntity, "cancel_amount_exceeded")
	requireWallet(t, m, 50_000-left)

	byOperator := asOperatorWithKey(t, harness.CancelPath(paid.ID), p.CancelBody(0))
	require.Equal(t, apiclient.Succeeded, f.End(t, byOperator).State)
	requireWallet(t, m, 50_000)
	requireLeft(t, paid.ID, 10_000, 0)
	requireOnRecord(t, f.Cancel(t, newKey(), paid.ID, 0), http.StatusConflict, "payment_not_cancellable")
	requireOnRecord(t, f.Cancel(t, newKey(), paid.ID, 1), http.StatusConflict, "payment_not_cancellable")
	requireHistory(t, m, 5_666, 1_000, 3_333, 1, -10_000, 50_000)
	require.Equal(t, []string{"PAYMENT_CANCEL", f.ID}, []string{m.History(t)[0].Kind, m.History(t)[0].Counterparty})
	requireCancelsShown(t, m, f, paid.ID, refused)
}

// requireCancelsShown checks that franchise and operator see refused cancels too, and the
// member what has come back.
func requireCancelsShown(t *testing.T, m *harness.Member, f *harness.Franchise, paymentID, refused string) {
	t.Helper()
	path := harness.CancelPath(paymentID)
	for _, a := range []harness.Answer{f.Get(t, path), asOperator(t, http.MethodGet, path, nil)} {
		all := cancels(t, a)
		require.Len(t, all, 7)
		require.Equal(t, []any{refused, apiclient.Failed, "cancel_amount_exceeded"}, []any{all[3].ID, all[3].State, all[3].Failure.Code})
	}
	mine := cancels(t, m.Get(t, path))
	require.Equal(t, []int64{5_666, 1_000, 3_333, 1}, []int64{mine[0].Amount, mine[1].Amount, mine[2].Amount, mine[3].Amount})
	require.Equal(t, []int64{0, 5_666, 6_666, 9_999}, []int64{mine[0].Remaining, mine[1].Remaining, mine[2].Remaining, mine[3].Remaining})
	require.Equal(t, http.StatusNotFound, m.Get(t, path+"/"+refused).Status)
	list{path, m.Token, 4}.requirePages(t)
}

func asOperatorWithKey(t *testing.T, path string, body any) harness.Answer {
	t.Helper()
	return harness.Shared(t).AsOperator(t, http.MethodPost, path, newKey(), body)
}

// Thirty parts of 700 are asked for at once, of a payment that has fourteen of them.
func TestCancelsAtOnceGiveBackNoMoreThanWasPaid(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	paid := m.MustPay(t, f, 10_000)
	succeeded := int64(0)
	for _, a := range atOnce(30, func(int) harness.Answer { return f.Cancel(t, newKey(), paid.ID, 700) }) {
		require.Contains(t, []int{http.StatusCreated, http.StatusAccepted, http.StatusUnprocessableEntity}, a.Status, a)
		if end := f.End(t, a); end.State == apiclient.Succeeded {
			succeeded++
		} else {
			require.Equal(t, "cancel_amount_exceeded", end.Code)
		}
	}
	require.EqualValues(t, 14, succeeded)
	requireWallet(t, m, 49_800)
	requireLeft(t, paid.ID, 9_800, 200)

	whole := int64(0)
	for _, a := range atOnce(10, func(int) harness.Answer { return f.Cancel(t, newKey(), paid.ID, 0) }) {
		if end := f.End(t, a); end.State == apiclient.Succeeded {
			whole++
		} else {
			require.Contains(t, []string{"cancel_amount_exceeded", "payment_not_cancellable"}, end.Code)
		}
	}
	require.EqualValues(t, 1, whole)
	requireWallet(t, m, 50_000)
}

func TestOnlyTheFranchiseAndOperatorsGiveBack(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f, other := p.NewFranchise(t, harness.Daily(176)), p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	paid := m.MustPay(t, f, 10_000)
	path := harness.CancelPath(paid.ID)
	c := harness.Call{Method: http.MethodPost, Path: path, Key: newKey(), Body: p.CancelBody(100)}
	requireCode(t, http.StatusUnauthorized, "token_missing", p.Call(t, c))
	for _, token := range []string{m.Token, p.NewMember(t).Token, as(t, "AUDITOR")} {
		c.Token = token
		requireCode(t, http.StatusForbidden, "role_forbidden", p.Call(t, c))
	}
	requireCode(t, http.StatusNotFound, "payment_not_found", other.Cancel(t, newKey(), paid.ID, 100))
	for _, id := range []string{nothing, "x", strings.ToLower(paid.ID)} {
		requireCode(t, http.StatusNotFound, "payment_not_found", f.Cancel(t, newKey(), id, 100))
		requireCode(t, http.StatusNotFound, "payment_not_found", asOperatorWithKey(t, harness.CancelPath(id), p.CancelBody(100)))
	}
	failed := requireRefused(t, m, m.Pay(t, newKey(), f.PayBody(1_000_000)), http.StatusUnprocessableEntity, "insufficient_balance")
	requireCode(t, http.StatusNotFound, "payment_not_found", f.Cancel(t, newKey(), failed, 0))
	requireOnRecord(t, asOperatorWithKey(t, harness.CancelPath(failed), p.CancelBody(0)), http.StatusConflict, "payment_not_cancellable")
	requireWallet(t, m, 40_000)
	requireLeft(t, paid.ID, 0, 10_000)
}

func TestRequestsForCancelsAreChecked(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	paid := m.MustPay(t, f, 10_000)
	path := harness.CancelPath(paid.ID)
	for body, pointer := range map[string]string{
		`{}`:             "/reason",
		`{"amount":100}`: "/reason",
		`{"reason":""}`:  "/reason",
		`{"reason":5}`:   "/reason",
		`{"reason":"` + strings.Repeat("가", 201) + `"}`:   "/reason",
		`{"reason":"x","amount":0}`:                       "/amount", // not the same as none
		`{"reason":"x","amount":1,"feeBasisPoints":0}`:    "/feeBasisPoints",
		`{"reason":"x","amount":1,"currency":"USD"}`:      "/currency",
		`{"reason":"x","membershipId":"` + m.ID + `"}`:    "/membershipId",
		`{"reason":"x","amount":1,"paymentId":"another"}`: "/paymentId",
	} {
		requireBadField(t, f.Send(t, http.MethodPost, path, newKey(), body), pointer, body)
	}
	requireCode(t, http.StatusBadRequest, "idempotency_key_missing", f.Cancel(t, "", paid.ID, 1))
	requireLeft(t, paid.ID, 0, 10_000)
	p.Secret(strings.Repeat("나", 200))
	require.Equal(t, apiclient.Succeeded, f.End(t, f.Send(t, http.MethodPost, path, newKey(), `{"reason":"`+strings.Repeat("나", 200)+`"}`)).State)
	requireLeft(t, paid.ID, 10_000, 0)
}

func TestAFullWalletTakesNothingBack(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 3_000_000).WithBalance(t, 2_000_000) // verified: no more than that
	paid := m.MustPay(t, f, 100_000)
	m.WithBalance(t, 60_000)

	refused := requireOnRecord(t, f.Cancel(t, newKey(), paid.ID, 0), http.StatusUnprocessableEntity, "member_limit_exceeded")
	requireLeft(t, paid.ID, 0, 100_000)
	requireWallet(t, m, 1_960_000)
	told := f.Get(t, harness.CancelPath(paid.ID)+"/"+refused)
	require.NotContains(t, string(told.Body), "1960000", "what a member has is not the franchise's to know")
	require.Equal(t, "member_limit_exceeded", harness.Read[harness.Cancel](t, told, http.StatusOK).Failure.Code)

	require.EqualValues(t, 60_000, f.MustCancel(t, paid.ID, 40_000).Remaining)
	requireSucceeded(t, m, m.Withdraw(t, newKey(), 500_000))
	require.EqualValues(t, 0, f.MustCancel(t, paid.ID, 0).Remaining)
	requireWallet(t, m, 1_560_000)
}

// What was answered is answered again, whatever has become of it since.
func TestD28_PaymentsAndCancelsAreToldAlikeForever(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	key, body := newKey(), f.PayBody(10_000)
	pay := func() harness.Answer { return m.Pay(t, key, body) }
	end := m.End(t, pay())
	require.Equal(t, apiclient.Succeeded, end.State, end.Code)
	first := pay()
	require.Equal(t, http.StatusCreated, first.Status, first)

	part, rest := p.CancelBody(4_000), p.CancelBody(0)
	cancel := func(body any) harness.Answer {
		return f.Send(t, http.MethodPost, harness.CancelPath(end.ID), key, body)
	}
	requireAgreement(t, p.Operator(t), http.StatusCreated, atOnce(20, func(int) harness.Answer { return cancel(part) }))
	requireWallet(t, m, 44_000)
	given := cancel(part)
	require.Equal(t, http.StatusCreated, given.Status, given)
	requireReused(t, cancel(rest), "another body")
	require.Equal(t, first.String(), pay().String(), "after a partial cancel")

	f.MustCancel(t, end.ID, 0)
	require.Equal(t, first.String(), pay().String(), "after it is all given back")
	require.Equal(t, given.String(), cancel(part).String(), "after another cancel")
	cut(t, end.ID)
	require.Equal(t, first.String(), pay().String(), "after a settlement")
	require.Equal(t, given.String(), cancel(part).String(), "after a settlement")
	requireWallet(t, m, 50_000)
	body.Amount++
	requireReused(t, pay(), "another body")
}
