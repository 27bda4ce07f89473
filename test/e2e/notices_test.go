package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// bankNotice is a row of findBankNotices.
type bankNotice struct {
	ID, Type, Reference, FirmbankingID, Reason, BankTransactionID string

	State   apiclient.State
	Amount  int64
	Until   *time.Time
	Failure *apiclient.Failure
	Flow    apiclient.FlowRef
}

// noticesOf reads the notices about a reference as an operator.
func noticesOf(t *testing.T, reference string) []bankNotice {
	t.Helper()
	p := harness.Shared(t)
	var found []bankNotice
	next := ""
	for range 100 {
		a := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/bank-notices?limit=100" + next, Token: p.Operator(t)})
		page := harness.Read[harness.List[bankNotice]](t, a, http.StatusOK)
		for _, n := range page.Items {
			if n.Reference == reference {
				found = append(found, n)
			}
		}
		if page.Next == "" {
			return found
		}
		next = "&cursor=" + page.Next
	}
	require.Fail(t, "a list without an end")
	return nil
}

// awaitNotice waits until the one notice about a reference is in a state.
func awaitNotice(t *testing.T, reference string, state apiclient.State) bankNotice {
	t.Helper()
	var found []bankNotice
	harness.Eventually(t, 30*time.Second, "a notice about "+reference+" is "+string(state), func() bool {
		found = noticesOf(t, reference)
		return len(found) > 0 && found[0].State == state
	})
	require.Len(t, found, 1)
	return found[0]
}

// inSuspense is what a notice's bookings leave on the suspense account, in won.
func inSuspense(t *testing.T, noticeID string) int64 {
	t.Helper()
	db, err := harness.Shared(t).DB()
	require.NoError(t, err)
	const q = `SELECT COALESCE(SUM(e.amount), 0) FROM durapay_money.ledger_entries e JOIN durapay_money.ledger_postings p ON p.seq = e.seq
		WHERE p.flow_id = ? AND e.account_id = 'system/suspense'`
	var won int64
	require.NoError(t, db.GetContext(t.Context(), &won, q, noticeID))
	return won
}

// paidOut is a request whose money has left to a bank, and may come back.
type paidOut struct {
	m       *harness.Member
	account apiclient.AccountKey
	path    string // of its record
	kind    string // what its reference begins with
	send    func(t *testing.T, key string) harness.Answer
}

// payOuts are the requests of members whose money leaves to a bank.
func payOuts(t *testing.T) map[string]func() paidOut {
	t.Helper()
	p := harness.Shared(t)
	return map[string]func() paidOut{
		"withdrawal": func() paidOut {
			m := p.NewMember(t).WithAccount(t, inWallet).WithBalance(t, inWallet)
			return paidOut{m, m.Account.AccountKey, "/v1/money/decrease/", "withdrawal/", func(t *testing.T, key string) harness.Answer { return m.Withdraw(t, key, moves) }}
		},
		"remittance": func() paidOut {
			m, to := p.NewMember(t).WithAccount(t, inWallet).WithBalance(t, inWallet), p.OpenReceiver(t, "020", 0)
			return paidOut{m, to.AccountKey, "/v1/remittances/", "remittance/", func(t *testing.T, key string) harness.Answer { return m.RemitToBank(t, key, to, moves) }}
		},
	}
}

// requireReturned checks that the money of a request has come back, once, in every book.
func (o paidOut) requireReturned(t *testing.T, id string) bankNotice {
	t.Helper()
	p := harness.Shared(t)
	notice := awaitNotice(t, o.kind+id+"/credit", apiclient.Succeeded)
	transfer := requireTransfer(t, id, "CREDIT", "RETURNED", moves)
	require.Equal(t, []any{"TRANSFER_RETURNED", int64(moves), transfer.ID, "bank_account_closed"}, []any{notice.Type, notice.Amount, notice.FirmbankingID, notice.Reason})
	require.Zero(t, inSuspense(t, notice.ID))
	requireWallet(t, o.m, inWallet)
	requireHistory(t, o.m, moves, -moves, inWallet)
	require.Zero(t, p.BankBalance(t, o.account))

	row := harness.Read[apiclient.Money](t, o.m.Get(t, o.path+id), http.StatusOK)
	require.Equal(t, []any{apiclient.Returned, int64(moves)}, []any{row.State, row.Amount})
	require.Equal(t, "bank_returned", row.Failure.Code)
	require.Contains(t, row.Failure.Detail, "bank_account_closed")
	flow := p.Flow(t, o.m.Token, id, "")
	require.Equal(t, []any{apiclient.Returned, true, row.Failure}, []any{flow.State, flow.Final, flow.Failure})
	return notice
}

// What a bank sends back after it was done is told as that, and given back.
func TestD09_WhatComesBackIsGivenBack(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	for name, build := range payOuts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, key := build(), newKey()
			first := o.send(t, key)
			end := o.m.End(t, first)
			require.Equal(t, apiclient.Succeeded, end.State, end.Code)
			requireWallet(t, o.m, inWallet-moves)
			reference := o.kind + end.ID + "/credit"
			require.Empty(t, noticesOf(t, reference))

			for range 2 { // a bank that is asked twice sends it back once
				p.ReturnTransfer(t, reference, "CLOSED")
			}
			notice := o.requireReturned(t, end.ID)
			one := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/bank-notices/" + notice.ID, Token: p.Operator(t)})
			require.Equal(t, notice, harness.Read[bankNotice](t, one, http.StatusOK))

			// A repeat of the request is told what the first was told, and sends nothing again.
			repeat := o.send(t, key)
			if first.Status == http.StatusCreated && repeat.Status == http.StatusCreated {
				require.Equal(t, told(t, first), told(t, repeat))
			}
			require.Equal(t, end.ID, recordID(t, repeat))
			requireWallet(t, o.m, inWallet)
			require.Zero(t, p.BankBalance(t, o.account))
		})
	}
}

// A transfer that the bank sends back at once, while we still book that it has left, and
// whose notice comes twice.
func TestD09_WhatComesBackAtOnceIsGivenBackOnce(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	for name, build := range payOuts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := build()
			p.Fault(t,
				harness.On(harness.Transfer, o.account, harness.Effect{Type: "LATE_RETURN", Reason: "CLOSED"}),
				harness.On(harness.Notice, o.account, harness.Effect{Type: "DUPLICATE_NOTICE"}))
			id := recordID(t, o.send(t, newKey()))
			harness.Eventually(t, 30*time.Second, "it has come back", func() bool {
				return p.Flow(t, o.m.Token, id, "").State == apiclient.Returned
			})
			o.requireReturned(t, id)
			awaitDelivered(t, o.kind+id+"/credit")
			o.requireReturned(t, id)
		})
	}
}

// awaitDelivered waits until the bank has got rid of all copies of a notice.
func awaitDelivered(t *testing.T, reference string) {
	t.Helper()
	harness.Eventually(t, 30*time.Second, "the bank has delivered all it tells about "+reference, func() bool {
		return sentNotice(t, reference).State == "DELIVERED"
	})
}

// sent is a notice as the bank keeps it for sending.
type sent struct{ ID, Body, State string }

func sentNotice(t *testing.T, reference string) sent {
	t.Helper()
	db, err := harness.Shared(t).DB()
	require.NoError(t, err)
	var n sent
	const q = `SELECT id, body, state FROM durapay_bank.notices WHERE body LIKE CONCAT('%"reference":"', ?, '"%')`
	require.NoError(t, db.GetContext(t.Context(), &n, q, reference))
	return n
}

// callBack is a call-back as a test wants it.
type callBack struct {
	id, body string
	at       time.Time
	secret   string
}

// goodCallBack signs as the bank does, now.
func goodCallBack(t *testing.T, id, body string) callBack {
	t.Helper()
	return callBack{id, body, time.Now(), harness.Shared(t).Secrets["DURAPAY_BANK_CALLBACK_SECRET"]}
}

func (c callBack) header(t *testing.T) map[string]string {
	t.Helper()
	signer, err := webhooks.NewWebhook(c.secret)
	require.NoError(t, err)
	signature, err := signer.Sign(c.id, c.at, []byte(c.body))
	require.NoError(t, err)
	return map[string]string{webhooks.HeaderWebhookID: c.id, webhooks.HeaderWebhookTimestamp: strconv.FormatInt(c.at.Unix(), 10),
		webhooks.HeaderWebhookSignature: signature, "Content-Type": "application/json"}
}

func (c callBack) post(t *testing.T, header map[string]string) harness.Answer {
	t.Helper()
	return harness.Shared(t).Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/bank-notices", Body: c.body, Header: header})
}

func TestARepeatedNoticeIsTheSameNotice(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	o := payOuts(t)["withdrawal"]()
	end := o.m.End(t, o.send(t, newKey()))
	reference := o.kind + end.ID + "/credit"
	p.ReturnTransfer(t, reference, "CLOSED")
	o.requireReturned(t, end.ID)

	n := sentNotice(t, reference)
	again := goodCallBack(t, n.ID, n.Body)
	for _, a := range atOnce(10, func(int) harness.Answer { return again.post(t, again.header(t)) }) {
		require.Equal(t, http.StatusNoContent, a.Status, a)
		require.Empty(t, a.Body)
	}
	o.requireReturned(t, end.ID)

	other := goodCallBack(t, n.ID, strings.Replace(n.Body, `"amount":30000`, `"amount":40000`, 1))
	require.NotEqual(t, n.Body, other.body)
	requireCode(t, http.StatusUnprocessableEntity, "idempotency_key_reused", other.post(t, other.header(t)))
	o.requireReturned(t, end.ID)

	// A second notice of the same return is on record, and books nothing.
	second := goodCallBack(t, n.ID+"-2", strings.Replace(n.Body, `"id":"`+n.ID, `"id":"`+n.ID+"-2", 1))
	require.Equal(t, http.StatusNoContent, second.post(t, second.header(t)).Status)
	harness.Eventually(t, 20*time.Second, "the second notice has ended", func() bool {
		all := noticesOf(t, reference)
		return len(all) == 2 && all[0].State == apiclient.Failed && all[0].Failure.Code == "bank_returned"
	})
	requireWallet(t, o.m, inWallet)
}

// countNotices counts what is stored of notices, whatever their state.
func countNotices(t *testing.T, reference string) (n int) {
	t.Helper()
	db, err := harness.Shared(t).DB()
	require.NoError(t, err)
	require.NoError(t, db.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM durapay_banking.bank_notices WHERE reference = ?", reference))
	return n
}

func TestD17_OnlyTheBanksOwnNoticesAreTaken(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	reference := "BDP-forged-" + rand.Text()
	body := `{"id":"` + reference + `","type":"DEPOSIT","reference":"` + reference + `","bankTransactionId":"x","amount":5000,"currency":"KRW",` +
		`"account":{"bankCode":"004","accountNumber":"10000000000001"},"memo":"","at":"` + time.Now().UTC().Format(time.RFC3339Nano) + `"}`
	good := goodCallBack(t, reference, body)
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails

	forged, old, early, changed := good, good, good, good
	forged.secret = "whsec_" + base64.StdEncoding.EncodeToString(random)
	old.at, early.at = time.Now().Add(-6*time.Minute), time.Now().Add(6*time.Minute)
	changed.body = strings.Replace(body, "5000", "9000", 1)
	refused := map[string]harness.Answer{
		"no headers": good.post(t, nil), "another's secret": forged.post(t, forged.header(t)), "an old one": old.post(t, old.header(t)),
		"one of tomorrow": early.post(t, early.header(t)), "a changed body": changed.post(t, good.header(t)),
	}
	for _, name := range []string{webhooks.HeaderWebhookID, webhooks.HeaderWebhookTimestamp, webhooks.HeaderWebhookSignature} {
		for what, value := range map[string]string{"absent": "", "garbage": "x", "other": "v1,AAAA"} {
			header := good.header(t)
			header[name] = value
			refused[what+" "+name] = good.post(t, header)
		}
	}
	moved := good.header(t) // the signature of another moment
	moved[webhooks.HeaderWebhookTimestamp] = strconv.FormatInt(good.at.Unix()+1, 10)
	refused["another time"] = good.post(t, moved)
	for name, a := range refused {
		require.Equal(t, http.StatusUnauthorized, a.Status, "%s: %s", name, a)
		require.Equal(t, "signature_invalid", a.Problem(t).Code, name)
	}
	a := p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/bank-notices", Token: p.Operator(t), Body: body})
	requireCode(t, http.StatusUnauthorized, "signature_invalid", a)
	require.Zero(t, countNotices(t, reference), "nothing was stored")
}

// What the bank has signed and is no notice is refused with what is wrong in it, and not stored.
func TestASignedNoticeHasToMakeSense(t *testing.T) {
	t.Parallel()
	reference := "BDP-odd-" + rand.Text()
	valid := map[string]any{"id": reference, "type": "DEPOSIT", "reference": reference, "bankTransactionId": "x", "amount": 5000, "currency": "KRW",
		"account": map[string]string{"bankCode": "004", "accountNumber": "10000000000001"}, "memo": "", "at": time.Now().UTC().Format(time.RFC3339Nano)}
	for pointer, values := range map[string][]string{
		"/type": {`"x"`, `""`}, "/currency": {`"USD"`, `""`}, "/amount": {"0", "-5000", "9000000000000001"}, "/reference": {`""`, `"a b"`},
		"/id": {`""`, `"a b"`}, "/at": {`"0001-01-01T00:00:00Z"`}, "/account": {`{"bankCode":"004","accountNumber":"10000000000002"}`, `{}`},
	} {
		for _, value := range values {
			c := goodCallBack(t, reference, replaced(t, asJSON(t, valid), pointer, value))
			requireBadField(t, c.post(t, c.header(t)), pointer, value)
		}
	}
	for _, body := range []string{"", "x", "{", "[]", "null", `{"amount":1.5}`, `{"amount":"5000"}`, asJSON(t, valid) + "x"} {
		c := goodCallBack(t, reference, body)
		require.Equal(t, http.StatusBadRequest, c.post(t, c.header(t)).Status, body)
	}
	require.Zero(t, countNotices(t, reference))
}

// Money that arrives unasked is booked to suspense, once, and is nobody's wallet's.
func TestADepositIsBookedToSuspense(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	memo := "memo " + newKey()
	p.Secret(memo)
	deposit := apiclient.Deposit{Reference: "outside-" + rand.Text(), Account: apiclient.AccountKey{BankCode: "004", AccountNumber: "10000000000001"}, Amount: 77_000, Memo: memo}
	reference := p.Deposit(t, deposit)
	notice := awaitNotice(t, reference, apiclient.Succeeded)
	require.Equal(t, []any{"DEPOSIT", int64(77_000), "", ""}, []any{notice.Type, notice.Amount, notice.FirmbankingID, notice.Reason})
	require.EqualValues(t, 77_000, inSuspense(t, notice.ID))

	require.Equal(t, reference, p.Deposit(t, deposit), "a repeat is the same deposit")
	n := sentNotice(t, reference)
	again := goodCallBack(t, n.ID, n.Body)
	require.Equal(t, http.StatusNoContent, again.post(t, again.header(t)).Status)
	awaitNotice(t, reference, apiclient.Succeeded)
	require.EqualValues(t, 77_000, inSuspense(t, notice.ID))
	flow := p.Flow(t, p.Operator(t), notice.Flow.ID, "")
	require.Equal(t, []any{apiclient.Succeeded, true}, []any{flow.State, flow.Final})
}

// A transfer of an operator's was from suspense, and goes back there.
func TestAnOperatorsTransferComesBackToSuspense(t *testing.T) {
	t.Parallel()
	fund(t)
	p := harness.Shared(t)
	landlord := p.OpenAccount(t, "020", "Landlord", 0)
	a := p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/firmbankings", Token: p.Operator(t), Key: newKey(), Body: firmbankingBody("CREDIT", landlord, moves)})
	end := p.End(t, p.Operator(t), a)
	require.Equal(t, apiclient.Succeeded, end.State)
	reference := referenceOf(t, end.ID)
	p.ReturnTransfer(t, reference, "CLOSED")
	notice := awaitNotice(t, reference, apiclient.Succeeded)
	require.Equal(t, end.ID, notice.FirmbankingID)
	require.EqualValues(t, moves, inSuspense(t, notice.ID))
	requireTransfer(t, end.ID, "CREDIT", "RETURNED", moves)
	require.Equal(t, apiclient.Returned, p.Flow(t, p.Operator(t), end.ID, "").State)
}

// referenceOf gives our reference of a transfer at the bank.
func referenceOf(t *testing.T, firmbankingID string) string {
	t.Helper()
	p := harness.Shared(t)
	a := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/firmbankings/" + firmbankingID, Token: p.Operator(t)})
	return harness.Read[struct{ Reference string }](t, a, http.StatusOK).Reference
}

// A wallet that has no room for what comes back gets it when there is: until then it is
// the books' to keep, in suspense, and everybody is told so.
func TestWhatComesBackToAFullWalletWaits(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	const limit = 2_000_000
	m := p.NewMember(t).WithAccount(t, 2*limit).WithBalance(t, limit)
	end := m.End(t, m.Withdraw(t, newKey(), moves))
	require.Equal(t, apiclient.Succeeded, end.State)
	m.WithBalance(t, moves) // full again
	reference := "withdrawal/" + end.ID + "/credit"
	p.ReturnTransfer(t, reference, "CLOSED")

	notice := awaitNotice(t, reference, apiclient.Waiting)
	requireWallet(t, m, limit)
	require.EqualValues(t, moves, inSuspense(t, notice.ID), "the money is there, and kept")
	flow := p.Flow(t, p.Operator(t), notice.Flow.ID, "")
	require.Equal(t, apiclient.Waiting, flow.State)
	require.Contains(t, flow.Doing, strconv.Itoa(moves))
	require.True(t, flow.Until.After(time.Now()))
	require.Equal(t, flow.Until, notice.Until)
	require.Equal(t, apiclient.Succeeded, p.Flow(t, m.Token, end.ID, "").State, "nothing is told as returned before the money is back")

	// The next try is minutes away: a flow that is ended by hand is taken up by the bank's repeat.
	requireSucceeded(t, m, m.Remit(t, newKey(), p.NewMember(t).ID, moves))
	temporal, err := p.TemporalClient()
	require.NoError(t, err)
	require.NoError(t, temporal.TerminateWorkflow(t.Context(), p.WorkflowID(t, p.Operator(t), notice.Flow.ID), "", "by hand"))
	n := sentNotice(t, reference)
	again := goodCallBack(t, n.ID, n.Body)
	require.Equal(t, http.StatusNoContent, again.post(t, again.header(t)).Status)
	awaitNotice(t, reference, apiclient.Succeeded)
	requireWallet(t, m, limit)
	require.Zero(t, inSuspense(t, notice.ID))
	require.Equal(t, apiclient.Returned, p.Flow(t, m.Token, end.ID, "").State)
}

func TestOnlyOverseersReadNotices(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	notice := awaitNotice(t, p.Deposit(t, apiclient.Deposit{Reference: "outside-" + rand.Text(),
		Account: apiclient.AccountKey{BankCode: "004", AccountNumber: "10000000000001"}, Amount: 1}), apiclient.Succeeded)
	for _, path := range []string{"/v1/bank-notices", "/v1/bank-notices/" + notice.ID} {
		for token, status := range map[string]int{"": http.StatusUnauthorized, p.NewMember(t).Token: http.StatusForbidden, as(t, "FRANCHISE"): http.StatusForbidden,
			as(t, "AUDITOR"): http.StatusOK, p.Operator(t): http.StatusOK} {
			require.Equal(t, status, p.Call(t, harness.Call{Method: http.MethodGet, Path: path, Token: token}).Status, path)
		}
	}
	for query, status := range map[string]int{"type=DEPOSIT": 200, "state=SUCCEEDED": 200, "type=x": 400, "state=x": 400, "limit=0": 400, "cursor=x": 400} {
		a := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/bank-notices?" + query, Token: p.Operator(t)})
		require.Equal(t, status, a.Status, "%s: %s", query, a)
	}
	require.Equal(t, http.StatusNotFound, p.NewMember(t).Get(t, "/v1/flows/"+notice.Flow.ID).Status)
}
