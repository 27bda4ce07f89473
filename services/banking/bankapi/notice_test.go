package bankapi_test

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/services/banking"
	"durapay/services/banking/bankapi"
)

func webhookSecret(letter string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))
}

const returnedBody = `{"id":"ntc_1","type":"TRANSFER_RETURNED","reference":"withdrawal/wdr_1/credit","bankTransactionId":"B1","amount":30000,"currency":"KRW",
	"reason":"CLOSED","account":{"bankCode":"088","accountNumber":"1100000000001"},"counterparty":{"bankCode":"004","accountNumber":"1234567890"},
	"memo":"반환","at":"2026-03-01T09:00:00+09:00","new":{"to":"us"}}`

func signed(t *testing.T, secret, body string, at time.Time) http.Header {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	signature, err := hook.Sign("msg_1", at, []byte(body))
	require.NoError(t, err)
	h := http.Header{}
	h.Set(standardwebhooks.HeaderWebhookID, "msg_1")
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return h
}

func parseSigned(t *testing.T, body string) (banking.Notice, error) {
	t.Helper()
	return bankapi.ParseNotice([]string{webhookSecret("a")}, signed(t, webhookSecret("a"), body, time.Now()), []byte(body))
}

func TestParseNotice(t *testing.T) {
	n, err := parseSigned(t, returnedBody)
	require.NoError(t, err)
	require.True(t, n.At.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)))
	n.At = time.Time{}
	require.Equal(t, banking.Notice{
		BankNoticeID: "ntc_1", Type: banking.NoticeReturned, Reference: "withdrawal/wdr_1/credit", BankTransactionID: "B1", Amount: 30_000,
		Reason: errs.BankAccountClosed.Code, Account: banking.BankAccountRef{BankCode: "088", Number: "1100000000001"},
		Counterparty: banking.BankAccountRef{BankCode: "004", Number: "1234567890"}, Memo: "반환",
	}, n)

	n, err = parseSigned(t, `{"id":"ntc_2","type":"DEPOSIT","reference":"ent_1","amount":1,"currency":"KRW","reason":"CLOSED",
		"account":{"bankCode":"088","accountNumber":"1100000000001"},"counterparty":null,"memo":"`+strings.Repeat("메", 200)+`","at":"2026-03-01T00:00:00Z"}`)
	require.NoError(t, err)
	require.Equal(t, banking.NoticeDeposit, n.Type)
	require.Empty(t, n.Reason)
	require.Zero(t, n.Counterparty)
	require.Equal(t, strings.Repeat("메", banking.MaxMemoRunes), n.Memo)

	for reason, want := range map[string]*errs.Error{
		"NO_SUCH_ACCOUNT": errs.BankNoSuchAccount, "REPORTED": errs.BankAccountReported, "SUSPENDED": errs.BankAccountSuspended,
		"NAME_MISMATCH": errs.BankNameMismatch, "LIMIT_EXCEEDED": errs.BankLimitExceeded, "": errs.BankDeclined, "NEW_WORD": errs.BankDeclined,
	} {
		n, err := parseSigned(t, strings.Replace(returnedBody, "CLOSED", reason, 1))
		require.NoError(t, err)
		require.Equal(t, want.Code, n.Reason, reason)
	}
}

func TestParseNoticeRefusesBodies(t *testing.T) {
	for body, want := range map[string]*errs.Error{
		"": errs.MalformedJSON, "{": errs.MalformedJSON, "[]": errs.MalformedJSON, `{"amount":"1"}`: errs.MalformedJSON, `{"amount":1.5}`: errs.MalformedJSON,
		`{"at":"yesterday"}`: errs.MalformedJSON, returnedBody + "{}": errs.MalformedJSON,
		"{}": errs.InvalidRequest, strings.Replace(returnedBody, "KRW", "USD", 1): errs.InvalidRequest,
	} {
		_, err := parseSigned(t, body)
		require.ErrorIs(t, err, want, body)
		require.NotContains(t, err.Error(), "1234567890")
	}
}

func TestOnlyTheBankCanTell(t *testing.T) {
	ours, next := webhookSecret("a"), webhookSecret("b")
	now := time.Now()
	changed := func(h http.Header, name, value string) http.Header { h.Set(name, value); return h }
	for what, h := range map[string]http.Header{
		"another secret": signed(t, webhookSecret("c"), returnedBody, now),
		"another body":   signed(t, ours, returnedBody+" ", now),
		"another id":     changed(signed(t, ours, returnedBody, now), "webhook-id", "msg_2"),
		"another time":   changed(signed(t, ours, returnedBody, now), "webhook-timestamp", strconv.FormatInt(now.Unix()+1, 10)),
		"no time at all": changed(signed(t, ours, returnedBody, now), "webhook-timestamp", "soon"),
		"no version":     changed(signed(t, ours, returnedBody, now), "webhook-signature", "abc"),
		"too old":        signed(t, ours, returnedBody, now.Add(-10*time.Minute)),
		"too new":        signed(t, ours, returnedBody, now.Add(10*time.Minute)),
		"nothing":        {},
	} {
		_, err := bankapi.ParseNotice([]string{ours, next}, h, []byte(returnedBody))
		require.ErrorIs(t, err, errs.SignatureInvalid, what)
	}
	for _, secret := range []string{ours, next} { // while the bank changes over
		_, err := bankapi.ParseNotice([]string{ours, next}, signed(t, secret, returnedBody, now), []byte(returnedBody))
		require.NoError(t, err)
	}
}

func TestSecretsOfCallBacks(t *testing.T) {
	short := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23))
	long := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65))
	for _, bad := range []string{"", "whsec_", "whsec_!", short, long, strings.TrimPrefix(webhookSecret("a"), "whsec_")} {
		_, err := bankapi.NewNoticeParser(webhookSecret("a"), bad)
		require.Error(t, err, bad)
		_, err = bankapi.ParseNotice([]string{bad}, http.Header{}, nil)
		require.Error(t, err, bad)
	}
	_, err := bankapi.NewNoticeParser()
	require.Error(t, err)
}
