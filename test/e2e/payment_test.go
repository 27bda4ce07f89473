package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

const nothing = "pay_01JZ0000000000000000000000"

func payments(t *testing.T, token, query string) []harness.Payment {
	t.Helper()
	return harness.Read[harness.List[harness.Payment]](t, getAs(t, token, "/v1/payments"+query), http.StatusOK).Items
}

func franchisePayments(t *testing.T, f *harness.Franchise, query string) []harness.Payment {
	t.Helper()
	return harness.Read[harness.List[harness.Payment]](t, f.Get(t, "/v1/payments"+query), http.StatusOK).Items
}

func paymentIDs(all []harness.Payment) []string {
	ids := make([]string, len(all))
	for i, p := range all {
		ids[i] = p.ID
	}
	return ids
}

func TestAPaymentMovesMoneyToTheFranchise(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	body := f.PayBody(12_345)
	body.TaxFreeAmount = 345
	a := m.Pay(t, newKey(), body)
	end := m.End(t, a)
	require.Equal(t, apiclient.Succeeded, end.State, end.Code)
	if a.Status == http.StatusCreated { // not so on a busy machine
		require.Equal(t, "/v1/payments/"+end.ID, a.Header.Get("Location"))
		requireApproved(t, harness.Read[harness.Payment](t, a, http.StatusCreated), m, body)
	}
	requireWallet(t, m, 37_655)
	requireHistory(t, m, -12_345, 50_000)
	line := m.History(t)[0]
	require.Equal(t, []string{"PAYMENT", f.ID}, []string{line.Kind, line.Counterparty})
	seen := p.Payment(t, end.ID)
	require.False(t, seen.ApprovedAt.IsZero())
	require.EqualValues(t, 176, seen.FeeBasisPoints)
	require.Empty(t, firmbankings(t, end.ID), "no bank is asked")
	require.True(t, p.Flow(t, m.Token, end.ID, "").Final)
}

func requireApproved(t *testing.T, got harness.Payment, m *harness.Member, asked harness.PaymentRequest) {
	t.Helper()
	require.Equal(t, harness.Payment{ID: got.ID, State: "APPROVED", MembershipID: m.ID, FranchiseID: asked.FranchiseID, OrderID: asked.OrderID,
		Amount: asked.Amount, TaxFreeAmount: asked.TaxFreeAmount, Cancellable: asked.Amount, FeeBasisPoints: 176, Currency: "KRW", ApprovedAt: got.ApprovedAt}, got)
}

func TestD10_NoPaymentWithoutABalance(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 10_000)
	id := requireRefused(t, m, m.Pay(t, newKey(), f.PayBody(10_001)), http.StatusUnprocessableEntity, "insufficient_balance")
	requireWallet(t, m, 10_000)
	requireHistory(t, m, 10_000)
	require.EqualValues(t, 90_000, m.BankBalance(t))

	own := harness.Read[harness.Payment](t, m.Get(t, "/v1/payments/"+id), http.StatusOK)
	require.Equal(t, []string{"FAILED", "insufficient_balance"}, []string{own.State, own.Failure.Code})
	require.Equal(t, []int64{10_001, 0}, []int64{own.Amount, own.Cancellable})
	require.True(t, own.ApprovedAt.IsZero())
	require.Equal(t, []string{id}, paymentIDs(payments(t, m.Token, "?state=FAILED")))
	requireCode(t, http.StatusNotFound, "payment_not_found", f.Get(t, "/v1/payments/"+id))
	require.Empty(t, franchisePayments(t, f, ""), "what was refused has not reached the franchise")

	penniless := p.NewMember(t)
	requireRefused(t, penniless, penniless.Pay(t, newKey(), f.PayBody(1)), http.StatusUnprocessableEntity, "insufficient_balance")
	m.MustPay(t, f, 10_000)
	requireWallet(t, m, 0)
}

func TestD10_PaymentsAtOnceSpendNoMoreThanThereIs(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	const wallets, each, amount, funds = 4, 10, 3_001, 20_000
	members := make([]*harness.Member, wallets)
	for i := range members {
		members[i] = p.NewMember(t).WithAccount(t, funds).WithBalance(t, funds)
	}
	answers := atOnce(wallets*each, func(i int) harness.Answer { return members[i%wallets].Pay(t, newKey(), f.PayBody(amount)) })
	succeeded := 0
	for i, a := range answers {
		require.Contains(t, []int{http.StatusCreated, http.StatusAccepted, http.StatusUnprocessableEntity}, a.Status, a)
		if end := members[i%wallets].End(t, a); end.State == apiclient.Succeeded {
			succeeded++
		} else {
			require.Equal(t, "insufficient_balance", end.Code)
		}
	}
	require.Equal(t, wallets*(funds/amount), succeeded, "as many as each balance suffices for")
	for _, m := range members {
		requireWallet(t, m, funds%amount)
	}
	require.Len(t, franchisePayments(t, f, "?limit=100"), succeeded)
}

func TestD11_NoCallerChoosesTheFee(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	for _, field := range []string{"feeBasisPoints", "fee", "FeeBasisPoints", "vat", "state"} {
		for _, value := range []string{"0", "176", "null"} {
			body := fmt.Sprintf(`{"franchiseId":%q,"orderId":"o-1","amount":10000,%q:%s}`, f.ID, field, value)
			a := m.Post(t, "/v1/payments", newKey(), body)
			requireBadField(t, a, "/"+field, field)
			require.Contains(t, string(a.Body), "unknown_field")
		}
	}
	requireWallet(t, m, 50_000)

	first := m.MustPay(t, f, 10_000)
	next := harness.Daily(300)
	next.EffectiveFrom = harness.Today().AddDays(1).String()
	require.Equal(t, http.StatusOK, modify(t, f, map[string]any{"contract": next}).Status)
	second := m.MustPay(t, f, 10_000)
	require.EqualValues(t, 176, second.FeeBasisPoints, "the fee of tomorrow is not that of today")

	beginContractsNow(t, f)
	third := m.MustPay(t, f, 10_000)
	require.EqualValues(t, 300, third.FeeBasisPoints)
	require.EqualValues(t, 300, readFranchise(t, f.ID).Contract.FeeBasisPoints)
	for _, paid := range []harness.Payment{first, second} {
		require.EqualValues(t, 176, p.Payment(t, paid.ID).FeeBasisPoints, "pinned at the approval")
	}
	cut(t, first.ID)
	requireFees(t, map[string]int64{first.ID: 176, second.ID: 176, third.ID: 300})
}

// beginContractsNow lets the planned contract be in force: as if the next day had come.
func beginContractsNow(t *testing.T, f *harness.Franchise) {
	t.Helper()
	db, err := harness.Shared(t).DB()
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `UPDATE durapay_franchise.contracts SET effective_from = DATE_SUB(effective_from, INTERVAL 1 DAY)
		WHERE franchise_id = ? ORDER BY effective_from`, f.ID)
	require.NoError(t, err)
}

// requireFees checks the rates and fees of statement lines, by payment.
func requireFees(t *testing.T, rates map[string]int64) {
	t.Helper()
	p := harness.Shared(t)
	got := map[string]int64{}
	for paymentID := range rates {
		statementID := p.Payment(t, paymentID).StatementID
		harness.Eventually(t, time.Minute, "whichever run has cut it has its statement", func() bool {
			return asOperator(t, http.MethodGet, "/v1/settlements/statements/"+statementID, nil).Status == http.StatusOK
		})
		for _, l := range p.StatementLines(t, statementID) {
			got[l.PaymentID] = l.FeeBasisPoints
			fee := l.Amount * l.FeeBasisPoints / 10_000
			require.Equal(t, []int64{fee, fee / 10}, []int64{l.Fee, l.VAT})
		}
	}
	require.Equal(t, rates, got)
}

// cut has a payment cut into a statement.
func cut(t *testing.T, paymentID string) harness.Payment {
	t.Helper()
	p := harness.Shared(t)
	p.Settle(t)
	paid := p.Payment(t, paymentID)
	require.NotEmpty(t, paid.StatementID, "a run has cut it")
	return paid
}

// Not beside other tests: their settlements would change the states.
func TestD16_APaymentIsFinishedOnlyOnceItsStatementIsPaid(t *testing.T) {
	p := harness.Shared(t)
	slow := harness.Daily(176)
	slow.PayoutBusinessDays = 10
	unpaid, paid := p.NewFranchise(t, slow), p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 200_000).WithBalance(t, 150_000)

	for _, unknown := range []string{nothing, "x", "pay_", strings.ToLower(nothing)} {
		requireCode(t, http.StatusNotFound, "payment_not_found", finish(t, unknown))
	}
	requireUnfinished(t, requireRefused(t, m, m.Pay(t, newKey(), paid.PayBody(150_001)), http.StatusUnprocessableEntity, "insufficient_balance"), "FAILED", "FAILED")
	open := m.MustPay(t, paid, 10_000)
	requireUnfinished(t, open.ID, "APPROVED", "no statement")
	requireOnlyOperatorsFinish(t, m, paid, open.ID)
	paid.MustCancel(t, open.ID, 1_000)
	requireUnfinished(t, open.ID, "PARTIALLY_CANCELLED", "no statement")
	gone := m.MustPay(t, paid, 5_000)
	paid.MustCancel(t, gone.ID, 0)
	requireUnfinished(t, gone.ID, "CANCELLED", "CANCELLED")

	scheduled := m.MustPay(t, unpaid, 20_000)
	cut(t, scheduled.ID)
	requireUnfinished(t, scheduled.ID, "APPROVED", "statement SCHEDULED")
	harness.Eventually(t, time.Minute, "the run has settled what it paid", func() bool { return p.Payment(t, open.ID).State == "SETTLED" })
	requireUnfinished(t, open.ID, "SETTLED", "SETTLED")
	requireFinishedByHand(t, open.ID)
}

func finish(t *testing.T, paymentID string) harness.Answer {
	t.Helper()
	return asOperator(t, http.MethodPost, "/v1/payments/"+paymentID+"/finish", nil)
}

// requireUnfinished checks that a payment is not to be finished, why, and that it keeps its state.
func requireUnfinished(t *testing.T, paymentID, state, reason string) {
	t.Helper()
	a := finish(t, paymentID)
	requireCode(t, http.StatusConflict, "payment_not_finishable", a)
	require.Equal(t, reason, a.Problem(t).Params["reason"])
	require.Equal(t, state, harness.Shared(t).Payment(t, paymentID).State)
}

func requireOnlyOperatorsFinish(t *testing.T, m *harness.Member, f *harness.Franchise, paymentID string) {
	t.Helper()
	path := "/v1/payments/" + paymentID + "/finish"
	requireCode(t, http.StatusForbidden, "role_forbidden", m.Post(t, path, "", nil))
	requireCode(t, http.StatusForbidden, "role_forbidden", f.Send(t, http.MethodPost, path, "", nil))
	auditor := harness.Call{Method: http.MethodPost, Path: path, Token: as(t, "AUDITOR")}
	requireCode(t, http.StatusForbidden, "role_forbidden", harness.Shared(t).Call(t, auditor))
}

// requireFinishedByHand takes a settled payment back to where a settlement that broke off
// would have left it, and finishes it.
func requireFinishedByHand(t *testing.T, paymentID string) {
	t.Helper()
	db, err := harness.Shared(t).DB()
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `UPDATE durapay_payment.payments SET state = 'PARTIALLY_CANCELLED', settled_at = NULL WHERE id = ?`, paymentID)
	require.NoError(t, err)
	done := harness.Read[harness.Payment](t, finish(t, paymentID), http.StatusOK)
	require.Equal(t, []any{paymentID, "SETTLED", false}, []any{done.ID, done.State, done.SettledAt.IsZero()})
	requireUnfinished(t, paymentID, "SETTLED", "SETTLED")
}

func TestAnOrderIsPaidOnce(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f, other := p.NewFranchise(t, harness.Daily(176)), p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 200_000).WithBalance(t, 100_000)
	rival := p.NewMember(t).WithAccount(t, 200_000).WithBalance(t, 100_000)
	body := f.PayBody(1_000)

	short := body
	short.Amount = 100_001
	requireRefused(t, m, m.Pay(t, newKey(), short), http.StatusUnprocessableEntity, "insufficient_balance")
	winner := ""
	for i, a := range atOnce(20, func(i int) harness.Answer { return []*harness.Member{m, rival}[i%2].Pay(t, newKey(), body) }) {
		require.Contains(t, []int{http.StatusCreated, http.StatusAccepted, http.StatusConflict}, a.Status, a)
		end := []*harness.Member{m, rival}[i%2].End(t, a)
		if end.State == apiclient.Succeeded {
			require.Empty(t, winner, "two payments of one order")
			winner = end.ID
			continue
		}
		require.Equal(t, "order_id_taken", end.Code)
	}
	require.NotEmpty(t, winner, "free again after the payment that failed")
	require.EqualValues(t, 199_000, m.Balance(t).Balance+rival.Balance(t).Balance)
	require.Equal(t, []string{winner}, paymentIDs(franchisePayments(t, f, "")))

	f.MustCancel(t, winner, 0)
	requireRefused(t, m, m.Pay(t, newKey(), body), http.StatusConflict, "order_id_taken")
	body.FranchiseID = other.ID
	requireSucceeded(t, m, m.Pay(t, newKey(), body))
}

func TestAPaymentIsToppedUp(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 5_000)
	stranger := p.NewMember(t).WithAccount(t, 1_000_000)
	body := f.PayBody(25_001)
	body.AutoTopUp = &apiclient.AutoTopUp{BankAccountID: m.AccountID}
	end := m.End(t, m.Pay(t, newKey(), body))
	require.Equal(t, apiclient.Succeeded, end.State, end.Code)
	requireWallet(t, m, 9_999) // 20,001 short: 30,000 were topped up
	requireHistory(t, m, -25_001, 30_000, 5_000)
	require.EqualValues(t, 65_000, m.BankBalance(t))
	requireTransfer(t, p.Payment(t, end.ID).TopUpID, "DEBIT", "SETTLED", 30_000)
	seen := harness.Read[harness.Payment](t, f.Get(t, "/v1/payments/"+end.ID), http.StatusOK)
	require.Empty(t, seen.TopUpID, "how the member found the money is not the franchise's to know")

	enough := f.PayBody(9_999)
	enough.AutoTopUp = body.AutoTopUp
	requireSucceeded(t, m, m.Pay(t, newKey(), enough))
	require.EqualValues(t, 65_000, m.BankBalance(t), "what suffices is not topped up")

	for account, amount := range map[string]int64{m.AccountID: 200_000, stranger.AccountID: 10_000} { // more than the bank has; not the member's
		refused := f.PayBody(amount)
		refused.AutoTopUp = &apiclient.AutoTopUp{BankAccountID: account}
		requireRefused(t, m, m.Pay(t, newKey(), refused), http.StatusUnprocessableEntity, "auto_top_up_failed")
	}
	requireWallet(t, m, 0)
	require.EqualValues(t, 65_000, m.BankBalance(t))
	require.EqualValues(t, 1_000_000, stranger.BankBalance(t))
}

func TestD06_OnlyAmountsOfPaymentsThatAreAmounts(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 1_000_000).WithBalance(t, 100_000)
	paid := m.MustPay(t, f, 10_000)
	payment := `{"franchiseId":"` + f.ID + `","orderId":"o-1","amount":%}`
	for _, amount := range append(hostileAmounts, "2000001") {
		requireBadField(t, m.Post(t, "/v1/payments", newKey(), withAmount(payment, amount)), "/amount", amount)
	}
	for _, amount := range hostileAmounts {
		if amount != "null" { // says nothing of the amount, which means all of it
			a := f.Send(t, http.MethodPost, harness.CancelPath(paid.ID), newKey(), withAmount(`{"reason":"x","amount":%}`, amount))
			requireBadField(t, a, "/amount", amount)
		}
	}
	taxFree := `{"franchiseId":"` + f.ID + `","orderId":"o-1","amount":1000,"taxFreeAmount":%}`
	for _, amount := range []string{"-1", "1001", "1.5", "9223372036854775808", `"1"`} {
		requireBadField(t, m.Post(t, "/v1/payments", newKey(), withAmount(taxFree, amount)), "/taxFreeAmount", amount)
	}
	requireWallet(t, m, 90_000)

	for _, amount := range []int64{0, 1_000} {
		body := f.PayBody(1_000)
		body.TaxFreeAmount = amount
		end := m.End(t, m.Pay(t, newKey(), body))
		require.Equal(t, apiclient.Succeeded, end.State, end.Code)
		require.Equal(t, amount, p.Payment(t, end.ID).TaxFreeAmount)
	}
}

func TestRequestsForPaymentsAreChecked(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	with := func(field string, value any) map[string]any {
		body := map[string]any{"franchiseId": f.ID, "orderId": "o-1", "amount": 1_000}
		body[field] = value
		return body
	}
	for pointer, values := range map[string][]any{
		"/franchiseId": {"", "fra_1", m.ID, f.ID + " ", 5},
		"/orderId":     {"", "a b", "주문", "a\n", strings.Repeat("o", 65), 5},
		"/currency":    {"USD"},
		"/autoTopUp":   {"acc"},
	} {
		for _, value := range values {
			requireBadField(t, m.Post(t, "/v1/payments", newKey(), with(pointer[1:], value)), pointer, fmt.Sprint(value))
		}
	}
	requireBadField(t, m.Post(t, "/v1/payments", newKey(), with("autoTopUp", map[string]string{"bankAccountId": "x"})), "/autoTopUp/bankAccountId", "no id")
	requireCode(t, http.StatusBadRequest, "idempotency_key_missing", m.Pay(t, "", f.PayBody(1)))
	unknown := f.PayBody(1)
	unknown.FranchiseID = nobody
	requireRefused(t, m, m.Pay(t, newKey(), unknown), http.StatusNotFound, "franchise_not_found")
	requireSucceeded(t, m, m.Post(t, "/v1/payments", newKey(), with("orderId", strings.Repeat("~", 64))))
	requireWallet(t, m, 49_000)
}

func TestPaymentsAreForMembers(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	c := harness.Call{Method: http.MethodPost, Path: "/v1/payments", Key: newKey(), Body: f.PayBody(1_000)}
	requireCode(t, http.StatusUnauthorized, "token_missing", p.Call(t, c))
	requireCode(t, http.StatusForbidden, "role_forbidden", p.WithKey(t, f.Key, c))
	for _, role := range []string{"OPERATOR", "AUDITOR", "FRANCHISE"} {
		c.Token = as(t, role)
		requireCode(t, http.StatusForbidden, "role_forbidden", p.Call(t, c))
	}
	for _, path := range []string{"/v1/money", "/v1/money/increase", "/v1/money/decrease", "/v1/remittances", "/v1/bank-accounts", "/v1/firmbankings", "/v1/settlements/runs", "/v1/franchises"} {
		requireCode(t, http.StatusForbidden, "role_forbidden", f.Send(t, http.MethodPost, path, newKey(), map[string]any{}))
	}

	gone := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	require.Equal(t, http.StatusOK, patch(t, gone.Token, gone.ID, "", map[string]any{"state": "DEACTIVATED"}).Status)
	requireRefused(t, gone, gone.Pay(t, newKey(), f.PayBody(1_000)), http.StatusUnprocessableEntity, "member_deactivated")
	requireWallet(t, m, 50_000)
	require.Empty(t, franchisePayments(t, f, ""))
}

func TestAPaymentIsSeenByThoseItConcerns(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f, other := p.NewFranchise(t, harness.Daily(176)), p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	stranger := p.NewMember(t)
	paid := m.MustPay(t, f, 10_000)
	back := f.MustCancel(t, paid.ID, 1_000)
	path, cancelled := "/v1/payments/"+paid.ID, harness.CancelPath(paid.ID)+"/"+back.ID
	for _, at := range []string{path, cancelled, "/v1/flows/" + paid.ID} {
		for _, token := range []string{m.Token, p.Operator(t), as(t, "AUDITOR")} {
			require.Equal(t, http.StatusOK, getAs(t, token, at).Status, at)
		}
		require.Equal(t, http.StatusNotFound, stranger.Get(t, at).Status, at)
		require.Equal(t, http.StatusNotFound, other.Get(t, at).Status, at)
		require.Equal(t, http.StatusUnauthorized, getAs(t, "", at).Status, at)
	}
	for _, at := range []string{path, cancelled, "/v1/flows/" + back.ID} {
		require.Equal(t, http.StatusOK, f.Get(t, at).Status, at)
	}
	for _, id := range []string{nothing, "x", "pay_", paid.ID + "%20", strings.ToLower(paid.ID)} {
		requireCode(t, http.StatusNotFound, "payment_not_found", m.Get(t, "/v1/payments/"+id))
	}
	another := m.MustPay(t, f, 1_000)
	for _, at := range []string{harness.CancelPath(another.ID) + "/" + back.ID, harness.CancelPath(paid.ID) + "/cxl_01JZ0000000000000000000000", harness.CancelPath(paid.ID) + "/x"} {
		requireCode(t, http.StatusNotFound, "cancel_not_found", f.Get(t, at))
	}
	for _, l := range []harness.Answer{stranger.Get(t, harness.CancelPath(paid.ID)), other.Get(t, harness.CancelPath(paid.ID))} {
		requireCode(t, http.StatusNotFound, "payment_not_found", l)
	}
}

// Not beside other tests: their settlements would change what is to be settled.
func TestListsOfPayments(t *testing.T) {
	p := harness.Shared(t)
	f, other := p.NewFranchise(t, harness.Daily(176)), p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 90_000)
	var made []string // newest first
	for i := range 6 {
		made = append([]string{m.MustPay(t, f, int64(1_000+i)).ID}, made...)
	}
	elsewhere := m.MustPay(t, other, 500).ID
	failed := requireRefused(t, m, m.Pay(t, newKey(), f.PayBody(1_000_000)), http.StatusUnprocessableEntity, "insufficient_balance")
	f.MustCancel(t, made[0], 0)
	f.MustCancel(t, made[1], 10)

	require.Equal(t, append([]string{failed, elsewhere}, made...), paymentIDs(payments(t, m.Token, "")))
	require.Equal(t, made, paymentIDs(franchisePayments(t, f, "")))
	require.Equal(t, []string{elsewhere}, paymentIDs(franchisePayments(t, other, "")))
	require.Empty(t, payments(t, p.NewMember(t).Token, ""))
	require.Subset(t, paymentIDs(payments(t, p.Operator(t), "?limit=100")), append([]string{failed, elsewhere}, made...))
	require.Equal(t, made[:1], paymentIDs(franchisePayments(t, f, "?state=CANCELLED")))
	require.Equal(t, made[1:2], paymentIDs(franchisePayments(t, f, "?state=PARTIALLY_CANCELLED")))
	require.Empty(t, franchisePayments(t, f, "?state=FAILED"))
	requireBadField(t, m.Get(t, "/v1/payments?state=PAID"), "?state", "no state")

	requirePeriods(t, m, made)
	requireNormal(t, f, other, m, made, elsewhere)
	list{"/v1/payments", m.Token, 8}.requirePages(t)
	list{"/v1/payments/normal?franchiseId=" + f.ID, p.Operator(t), 5}.requirePages(t)
}

// requirePages checks that a list gives each item once, and takes no nonsense.
func (l list) requirePages(t *testing.T) {
	t.Helper()
	whole, _ := l.all(t, 100)
	require.Len(t, whole, l.items)
	for _, limit := range []int{1, 3} {
		items, _ := l.all(t, limit)
		require.Equal(t, whole, items, "limit %d", limit)
	}
	l.requireStrict(t)
}

func instant(at time.Time) string { return url.QueryEscape(at.Format(time.RFC3339Nano)) }

// requirePeriods checks that a period begins with its first moment and ends before its last.
func requirePeriods(t *testing.T, m *harness.Member, made []string) {
	t.Helper()
	p := harness.Shared(t)
	at := func(i int) string { return instant(p.Payment(t, made[i]).CreatedAt.In(time.FixedZone("", 9*60*60))) }
	require.Equal(t, made[3:5], paymentIDs(payments(t, m.Token, "?from="+at(4)+"&to="+at(2))))
	require.Equal(t, made[5:], paymentIDs(payments(t, m.Token, "?to="+at(4))))
	require.Empty(t, payments(t, m.Token, "?from="+at(2)+"&to="+at(4)))
	for _, path := range []string{"/v1/payments", "/v1/payments/normal"} {
		for _, bound := range []string{"from", "to"} {
			for _, moment := range []string{"", "today", "2026-11-22", "2026-13-01T00:00:00Z", "0"} {
				requireBadField(t, asOperator(t, http.MethodGet, path+"?"+bound+"="+moment, nil), "?"+bound, moment)
			}
		}
	}
}

// requireNormal checks the list of what is to be settled: made[0] is cancelled in full.
func requireNormal(t *testing.T, f, other *harness.Franchise, m *harness.Member, made []string, elsewhere string) {
	t.Helper()
	p := harness.Shared(t)
	ids := func(a harness.Answer) []string {
		return paymentIDs(harness.Read[harness.List[harness.Payment]](t, a, http.StatusOK).Items)
	}
	const path = "/v1/payments/normal"
	require.Equal(t, made[1:], ids(f.Get(t, path)))
	require.Equal(t, made[1:], ids(f.Get(t, path+"?franchiseId="+f.ID)))
	require.Equal(t, []string{elsewhere}, ids(other.Get(t, path)))
	for _, token := range []string{p.Operator(t), as(t, "AUDITOR")} {
		require.Equal(t, made[1:], ids(getAs(t, token, path+"?franchiseId="+f.ID)))
		require.Subset(t, ids(getAs(t, token, path+"?limit=100")), append([]string{elsewhere}, made[1:]...))
	}
	at := func(i int) string { return instant(p.Payment(t, made[i]).ApprovedAt) }
	require.Equal(t, made[3:5], ids(f.Get(t, path+"?from="+at(4)+"&to="+at(2))))
	requireCode(t, http.StatusNotFound, "franchise_not_found", f.Get(t, path+"?franchiseId="+other.ID))
	requireCode(t, http.StatusForbidden, "role_forbidden", m.Get(t, path))
	requireBadField(t, asOperator(t, http.MethodGet, path+"?franchiseId=x", nil), "?franchiseId", "no id")
}
