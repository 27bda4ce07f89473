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

// requireRemittance checks where a remittance stands on record.
func requireRemittance(t *testing.T, m *harness.Member, id string, state apiclient.State, code string) apiclient.Remittance {
	t.Helper()
	row := m.Remittance(t, id)
	got := ""
	if row.Failure != nil {
		got = row.Failure.Code
	}
	require.Equal(t, []any{id, state, code}, []any{row.ID, row.State, got})
	return row
}

func TestD08_ABankRemittanceGoesToTheAccountAskedFor(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 300_000).WithBalance(t, 300_000)
	asked := p.OpenReceiver(t, "020", 1)
	alike := asked // the same holder and number at another bank
	alike.BankCode, alike.Balance = "081", 2
	p.OpenAccountAs(t, alike)
	neighbour := p.OpenAccount(t, "020", asked.HolderName, 3)

	key := newKey()
	body := harness.BankRemitBody(asked, 120_000)
	body.Memo = "월세"
	body.To.AccountNumber = asked.AccountNumber[:3] + "-" + asked.AccountNumber[3:] // as people write it
	a := m.Post(t, "/v1/remittances", key, body)
	end := m.End(t, a)
	require.Equal(t, apiclient.Succeeded, end.State, end.Code)
	if a.Status == http.StatusCreated {
		require.Equal(t, "/v1/remittances/"+end.ID, a.Header.Get("Location"))
		requireBankReceiver(t, asked, harness.Read[apiclient.Remittance](t, a, http.StatusCreated))
	}
	row := requireRemittance(t, m, end.ID, apiclient.Succeeded, "")
	requireBankReceiver(t, asked, row)
	require.EqualValues(t, 120_000, row.Amount)
	require.Equal(t, "020", requireTransfer(t, end.ID, "CREDIT", "SETTLED", 120_000).BankCode)

	body.To.AccountNumber = asked.AccountNumber // the same account, written otherwise
	require.Equal(t, end, m.End(t, m.Post(t, "/v1/remittances", key, body)), "a repeat moves nothing")
	body.Amount++
	requireCode(t, http.StatusUnprocessableEntity, "idempotency_key_reused", m.Post(t, "/v1/remittances", key, body))

	require.EqualValues(t, 120_001, p.BankBalance(t, asked.AccountKey))
	require.EqualValues(t, 2, p.BankBalance(t, alike.AccountKey))
	require.EqualValues(t, 3, p.BankBalance(t, neighbour.AccountKey))
	requireWallet(t, m, 180_000)
	requireHistory(t, m, -120_000, 300_000)
	require.Equal(t, end.ID, m.History(t)[0].ID)
	listed := harness.Read[harness.List[apiclient.Remittance]](t, m.Get(t, "/v1/remittances"), http.StatusOK).Items
	require.Equal(t, []apiclient.Remittance{row}, listed)
}

// requireBankReceiver checks that a receiver is shown, and its number is not.
func requireBankReceiver(t *testing.T, asked apiclient.Account, row apiclient.Remittance) {
	t.Helper()
	masked := strings.Repeat("*", len(asked.AccountNumber)-4) + asked.AccountNumber[len(asked.AccountNumber)-4:]
	require.Equal(t, apiclient.Receiver{BankCode: asked.BankCode, AccountNumber: masked, HolderName: asked.HolderName}, row.To)
}

// The amount is held while the bank has the transfer, and taken when it has accepted it.
func TestD08_ABankRemittanceHoldsBeforeItPays(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 50_000).WithBalance(t, 50_000)
	to := p.OpenReceiver(t, "020", 0)
	refused := requireRefused(t, m, m.RemitToBank(t, newKey(), to, 50_001), http.StatusUnprocessableEntity, "insufficient_balance")
	require.Empty(t, firmbankings(t, refused), "the bank was not asked")

	p.Fault(t, harness.On(harness.Transfer, to.AccountKey, harness.Effect{Type: "DELAY", DelayMillis: 1_500}))
	a := m.RemitToBank(t, newKey(), to, 30_000)
	id := recordID(t, a)
	if a.Status == http.StatusAccepted { // on a fast machine it is done within the wait
		b := m.Balance(t)
		require.Contains(t, [][]int64{{50_000, 30_000}, {20_000, 0}}, []int64{b.Balance, b.Held}, "balance, held")
	}
	require.Equal(t, apiclient.Succeeded, m.End(t, a).State)
	requireRemittance(t, m, id, apiclient.Succeeded, "")
	requireWallet(t, m, 20_000)
	require.EqualValues(t, 30_000, p.BankBalance(t, to.AccountKey))
}

func TestD08_D09_NothingLeavesToAnAccountThatIsNotAsTold(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	cases := map[string]struct {
		spoil func(t *testing.T, to *apiclient.Account)
		code  string
	}{
		"another's name":  {func(_ *testing.T, to *apiclient.Account) { to.HolderName = "김다른" }, "bank_name_mismatch"},
		"no such account": {func(_ *testing.T, to *apiclient.Account) { to.AccountNumber = "99" + to.AccountNumber[2:] }, "bank_no_such_account"},
		"another bank":    {func(_ *testing.T, to *apiclient.Account) { to.BankCode = "081" }, "bank_no_such_account"},
		"closed":          {func(t *testing.T, to *apiclient.Account) { p.SetAccountState(t, to.AccountKey, "CLOSED") }, "bank_account_closed"},
		"reported":        {func(t *testing.T, to *apiclient.Account) { p.SetAccountState(t, to.AccountKey, "REPORTED") }, "bank_account_reported"},
		"suspended":       {func(t *testing.T, to *apiclient.Account) { p.SetAccountState(t, to.AccountKey, "SUSPENDED") }, "bank_account_suspended"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := p.NewMember(t).WithAccount(t, 50_000).WithBalance(t, 50_000)
			opened := p.OpenReceiver(t, "020", 7)
			told := opened
			c.spoil(t, &told)
			key := newKey()
			id := requireRefused(t, m, m.RemitToBank(t, key, told, 30_000), http.StatusUnprocessableEntity, c.code)
			require.Equal(t, id, requireRefused(t, m, m.RemitToBank(t, key, told, 30_000), http.StatusUnprocessableEntity, c.code), "the refusal stands")
			requireRemittance(t, m, id, apiclient.Failed, c.code)
			for _, row := range firmbankings(t, id) {
				require.Equal(t, "REJECTED", row.State, "nothing was sent")
			}
			requireWallet(t, m, 50_000)
			requireHistory(t, m, 50_000)
			require.EqualValues(t, 7, p.BankBalance(t, opened.AccountKey))
		})
	}
}

func TestAReceiverIsAMemberOrAnAccount(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 50_000).WithBalance(t, 50_000)
	to := p.OpenReceiver(t, "020", 0)
	good := apiclient.Receiver{BankCode: to.BankCode, AccountNumber: to.AccountNumber, HolderName: to.HolderName}
	for name, c := range map[string]struct {
		spoil   func(r *apiclient.Receiver)
		pointer string
	}{
		"nobody": {func(r *apiclient.Receiver) { *r = apiclient.Receiver{} }, "/to/membershipId"},
		"a member's number": {func(r *apiclient.Receiver) {
			*r = apiclient.Receiver{MembershipID: p.NewMember(t).ID, AccountNumber: r.AccountNumber}
		}, "/to/accountNumber"},
		"no bank":            {func(r *apiclient.Receiver) { r.BankCode = "" }, "/to/bankCode"},
		"no number":          {func(r *apiclient.Receiver) { r.AccountNumber = "" }, "/to/accountNumber"},
		"no holder":          {func(r *apiclient.Receiver) { r.HolderName = "" }, "/to/holderName"},
		"no such bank":       {func(r *apiclient.Receiver) { r.BankCode = "999" }, "/to/bankCode"},
		"a long bank code":   {func(r *apiclient.Receiver) { r.BankCode = "0020" }, "/to/bankCode"},
		"letters":            {func(r *apiclient.Receiver) { r.AccountNumber = "12345678AB" }, "/to/accountNumber"},
		"foreign digits":     {func(r *apiclient.Receiver) { r.AccountNumber = "１２３４５６７８９０" }, "/to/accountNumber"},
		"a short number":     {func(r *apiclient.Receiver) { r.AccountNumber = "123456789" }, "/to/accountNumber"},
		"a long number":      {func(r *apiclient.Receiver) { r.AccountNumber = strings.Repeat("1", 17) }, "/to/accountNumber"},
		"a long name":        {func(r *apiclient.Receiver) { r.HolderName = strings.Repeat("가", 51) }, "/to/holderName"},
		"control characters": {func(r *apiclient.Receiver) { r.HolderName += "\n" + r.HolderName }, "/to/holderName"},
	} {
		body := apiclient.RemittanceRequest{To: good, Amount: 1_000}
		c.spoil(&body.To)
		requireBadField(t, m.Post(t, "/v1/remittances", newKey(), body), c.pointer, name)
	}
	for _, amount := range hostileAmounts {
		body := withAmount(`{"to":`+asJSON(t, good)+`,"amount":%}`, amount)
		requireBadField(t, m.Post(t, "/v1/remittances", newKey(), body), "/amount", amount)
	}
	requireWallet(t, m, 50_000)
	require.Zero(t, p.BankBalance(t, to.AccountKey))
}

func TestAutomaticTopUpBeforeABankRemittance(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 5_000)
	to := p.OpenReceiver(t, "020", 0)
	body := harness.BankRemitBody(to, 25_001)
	body.AutoTopUp = &apiclient.AutoTopUp{BankAccountID: m.AccountID}

	end := m.End(t, m.Post(t, "/v1/remittances", newKey(), body))
	require.Equal(t, apiclient.Succeeded, end.State, end.Code)
	row := requireRemittance(t, m, end.ID, apiclient.Succeeded, "")
	requireTransfer(t, row.TopUpID, "DEBIT", "SETTLED", 30_000) // 20,001 were short
	requireTransfer(t, end.ID, "CREDIT", "SETTLED", 25_001)
	requireWallet(t, m, 9_999)
	requireHistory(t, m, -25_001, 30_000, 5_000)
	require.EqualValues(t, 65_000, m.BankBalance(t))
	require.EqualValues(t, 25_001, p.BankBalance(t, to.AccountKey))

	body.Amount = 200_000 // more than the bank has
	requireRefused(t, m, m.Post(t, "/v1/remittances", newKey(), body), http.StatusUnprocessableEntity, "auto_top_up_failed")
	requireWallet(t, m, 9_999)

	// What was topped up for a remittance that is then refused is the member's.
	body.Amount, body.To.HolderName = 15_000, "김다른"
	refused := requireRefused(t, m, m.Post(t, "/v1/remittances", newKey(), body), http.StatusUnprocessableEntity, "bank_name_mismatch")
	requireTransfer(t, m.Remittance(t, refused).TopUpID, "DEBIT", "SETTLED", 10_000)
	requireWallet(t, m, 19_999)
	require.EqualValues(t, 55_000, m.BankBalance(t))
	require.EqualValues(t, 25_001, p.BankBalance(t, to.AccountKey))
}

// at makes a body that is to be executed after so long.
func at(body apiclient.RemittanceRequest, after time.Duration) apiclient.RemittanceRequest {
	when := time.Now().Add(after).Truncate(time.Microsecond)
	body.ExecuteAt = &when
	return body
}

func TestAScheduledRemittanceLeavesAtItsTime(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	receiver, to := p.NewMember(t), p.OpenReceiver(t, "020", 0)
	for name, c := range map[string]struct {
		body apiclient.RemittanceRequest
		got  func(t *testing.T) int64
	}{
		"to a member": {harness.RemitBody(receiver.ID, 30_000), func(t *testing.T) int64 { return receiver.Balance(t).Balance }},
		"to a bank":   {harness.BankRemitBody(to, 30_000), func(t *testing.T) int64 { return p.BankBalance(t, to.AccountKey) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := p.NewMember(t).WithAccount(t, 50_000).WithBalance(t, 50_000)
			body, key := at(c.body, 6*time.Second), newKey()
			receipt := harness.Read[apiclient.Accepted](t, m.Post(t, "/v1/remittances", key, body), http.StatusAccepted)
			row := requireRemittance(t, m, receipt.ID, apiclient.Waiting, "")
			require.True(t, row.ExecuteAt.Equal(*body.ExecuteAt))
			require.True(t, row.Until.Equal(*body.ExecuteAt))
			requireWaiting(t, m, receipt.ID, *body.ExecuteAt)
			requireWallet(t, m, 50_000)
			require.Zero(t, c.got(t))

			require.Equal(t, apiclient.Succeeded, p.Follow(t, m.Token, receipt.Flow.ID).State)
			require.EqualValues(t, 30_000, c.got(t))
			requireWallet(t, m, 20_000)
			lines := m.History(t)
			require.Len(t, lines, 2)
			require.False(t, lines[0].At.Before(*body.ExecuteAt), "it left at %s", lines[0].At)
			row = requireRemittance(t, m, receipt.ID, apiclient.Succeeded, "")
			require.Nil(t, row.Until)

			// Its time is over, and the same request is still the same request.
			repeat := m.Post(t, "/v1/remittances", key, body)
			require.Equal(t, apiclient.Outcome{ID: receipt.ID, State: apiclient.Succeeded}, m.End(t, repeat))
			require.EqualValues(t, 30_000, c.got(t))
		})
	}
}

// requireWaiting checks that a flow tells until when it waits, in both languages.
func requireWaiting(t *testing.T, m *harness.Member, flowID string, until time.Time) {
	t.Helper()
	p := harness.Shared(t)
	for _, language := range []string{"en", "ko"} {
		a := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/flows/" + flowID, Token: m.Token, Header: map[string]string{"Accept-Language": language}})
		flow := harness.Read[apiclient.Flow](t, a, http.StatusOK)
		require.Equal(t, apiclient.Waiting, flow.State, flow.Doing)
		require.False(t, flow.Final)
		require.NotNil(t, flow.Until)
		require.True(t, flow.Until.Equal(until), "%s, expected %s", flow.Until, until)
		require.Contains(t, flow.Doing, until.UTC().Format(time.RFC3339))
		if language == "ko" {
			requireKorean(t, flow.Doing)
		}
	}
}

func TestOnlyATimeWithinAYearIsTaken(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 50_000).WithBalance(t, 50_000)
	receiver := p.NewMember(t)
	day := 24 * time.Hour
	for name, after := range map[string]time.Duration{"now": 0, "a second ago": -time.Second, "a century ago": -36_500 * day,
		"a year and a day ahead": 367 * day, "a century ahead": 36_500 * day} {
		requireBadField(t, m.Post(t, "/v1/remittances", newKey(), at(harness.RemitBody(receiver.ID, 1), after)), "/executeAt", name)
	}
	for _, text := range []string{`""`, `"tomorrow"`, `"2099-13-01T00:00:00Z"`, `"2099-01-01"`, `"2099-01-01T09:00:00"`, `5`, `true`, `{}`} {
		body := `{"to":{"membershipId":"` + receiver.ID + `"},"amount":1,"executeAt":` + text + `}`
		requireBadField(t, m.Post(t, "/v1/remittances", newKey(), body), "/executeAt", text)
	}
	requireWallet(t, m, 50_000)
	requireWallet(t, receiver, 0)
	require.Empty(t, harness.Read[harness.List[apiclient.Remittance]](t, m.Get(t, "/v1/remittances"), http.StatusOK).Items)
}

// Whether there is enough is decided when the time has come, and a refusal then is on
// record like any other.
func TestD09_AScheduledRemittanceThatFailsIsOnRecord(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	receiver, to := p.NewMember(t), p.OpenReceiver(t, "020", 0)
	for name, body := range map[string]apiclient.RemittanceRequest{
		"to a member": harness.RemitBody(receiver.ID, 30_000), "to a bank": harness.BankRemitBody(to, 30_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, friend := p.NewMember(t).WithAccount(t, 50_000).WithBalance(t, 50_000), p.NewMember(t)
			receipt := harness.Read[apiclient.Accepted](t, m.Post(t, "/v1/remittances", newKey(), at(body, 7*time.Second)), http.StatusAccepted)
			requireSucceeded(t, m, m.Remit(t, newKey(), friend.ID, 20_001)) // one won is missing then
			flow := p.Follow(t, m.Token, receipt.Flow.ID)
			require.Equal(t, apiclient.Failed, flow.State)
			require.Equal(t, "insufficient_balance", flow.Failure.Code)
			requireRemittance(t, m, receipt.ID, apiclient.Failed, "insufficient_balance")
			requireWallet(t, m, 29_999)
			requireWallet(t, receiver, 0)
			require.Zero(t, p.BankBalance(t, to.AccountKey))
		})
	}
}

func TestARemittanceThatWaitsIsCalledOff(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	receiver, stranger, to := p.NewMember(t), p.NewMember(t), p.OpenReceiver(t, "020", 0)
	for name, body := range map[string]apiclient.RemittanceRequest{
		"to a member": harness.RemitBody(receiver.ID, 30_000), "to a bank": harness.BankRemitBody(to, 30_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := p.NewMember(t).WithAccount(t, 50_000).WithBalance(t, 50_000)
			key := newKey()
			body := at(body, 24*time.Hour)
			receipt := harness.Read[apiclient.Accepted](t, m.Post(t, "/v1/remittances", key, body), http.StatusAccepted)
			for _, other := range []*harness.Member{receiver, stranger} {
				requireCode(t, http.StatusNotFound, "remittance_not_found", other.CancelRemittance(t, receipt.ID))
				requireCode(t, http.StatusNotFound, "flow_not_found", other.Get(t, "/v1/flows/"+receipt.ID))
			}
			requireRemittance(t, m, receipt.ID, apiclient.Waiting, "")

			cancels := atOnce(5, func(int) harness.Answer { return m.CancelRemittance(t, receipt.ID) })
			for _, a := range append(cancels, m.CancelRemittance(t, receipt.ID)) {
				cancelled := harness.Read[apiclient.Remittance](t, a, http.StatusOK)
				require.Equal(t, apiclient.Cancelled, cancelled.State)
				require.Nil(t, cancelled.Until)
			}
			require.Equal(t, apiclient.Cancelled, p.Follow(t, m.Token, receipt.Flow.ID).State)
			require.Equal(t, apiclient.Cancelled, m.End(t, m.Post(t, "/v1/remittances", key, body)).State, "a repeat does not begin it anew")
			requireWallet(t, m, 50_000)
			requireHistory(t, m, 50_000)
		})
	}
}

func TestARemittanceThatHasLeftIsNotCalledOff(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m, receiver := p.NewMember(t).WithAccount(t, 50_000).WithBalance(t, 50_000), p.NewMember(t)
	done := m.End(t, m.Remit(t, newKey(), receiver.ID, 10_000))
	require.Equal(t, apiclient.Succeeded, done.State)
	requireCode(t, http.StatusConflict, "not_cancellable", m.CancelRemittance(t, done.ID))
	requireCode(t, http.StatusNotFound, "remittance_not_found", receiver.CancelRemittance(t, done.ID))
	requireCode(t, http.StatusNotFound, "remittance_not_found", m.CancelRemittance(t, "rem_01JZ0000000000000000000000"))
	failed := m.End(t, m.Remit(t, newKey(), receiver.ID, 90_000))
	requireCode(t, http.StatusConflict, "not_cancellable", m.CancelRemittance(t, failed.ID))

	to := p.OpenReceiver(t, "020", 0)
	p.Fault(t, harness.On(harness.Transfer, to.AccountKey, harness.Effect{Type: "TIMEOUT_AFTER"}))
	a := m.RemitToBank(t, newKey(), to, 10_000)
	id := recordID(t, a)
	harness.Eventually(t, 20*time.Second, "the transfer is at the bank", func() bool { return len(firmbankings(t, id)) == 1 })
	late := m.CancelRemittance(t, id)
	require.Contains(t, []int{http.StatusAccepted, http.StatusConflict}, late.Status, late)
	require.Equal(t, apiclient.Succeeded, p.Follow(t, m.Token, id).State, "money that may have left is not called off")
	requireCode(t, http.StatusConflict, "not_cancellable", m.CancelRemittance(t, id))
	requireWallet(t, m, 30_000)
	require.EqualValues(t, 10_000, p.BankBalance(t, to.AccountKey))
}

// A cancel that meets the remittance on its way finds it either here or gone: the money
// is never both given back and sent.
func TestD07_D08_ACancelOnTheWayIsAllOrNothing(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 500_000).WithBalance(t, 500_000)
	receiver, to := p.NewMember(t).WithAccount(t, 0), p.OpenReceiver(t, "020", 0)
	const each, amount = 10, 10_007
	ids := make([]string, 2*each)
	for i := range ids {
		body := harness.BankRemitBody(to, amount)
		if i%2 == 0 {
			body = harness.RemitBody(receiver.ID, amount)
		}
		a := p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/remittances", Token: m.Token, Key: newKey(), Body: body,
			Header: map[string]string{"Prefer": "respond-async"}})
		ids[i] = harness.Read[apiclient.Accepted](t, a, http.StatusAccepted).ID
	}
	answers := atOnce(len(ids), func(i int) harness.Answer {
		return m.CancelRemittance(t, ids[i])
	})
	var toMember, toBank int64
	for i, a := range answers {
		require.Contains(t, []int{http.StatusOK, http.StatusAccepted, http.StatusConflict}, a.Status, a)
		end := p.Follow(t, m.Token, ids[i])
		require.Contains(t, []apiclient.State{apiclient.Succeeded, apiclient.Cancelled}, end.State)
		if a.Status == http.StatusOK {
			require.Equal(t, apiclient.Cancelled, end.State, "it was told as cancelled")
		}
		if end.State == apiclient.Cancelled {
			continue
		}
		if i%2 == 0 {
			toMember += amount
		} else {
			toBank += amount
		}
	}
	requireWallet(t, m, 500_000-toMember-toBank)
	requireWallet(t, receiver, toMember)
	require.Equal(t, toBank, p.BankBalance(t, to.AccountKey))
}
