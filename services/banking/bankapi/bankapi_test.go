package bankapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/bank"
	"durapay/errs"
	"durapay/internal/devenv/devtest"
	"durapay/schema"
	"durapay/services/banking"
	"durapay/services/banking/bankapi"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

const (
	number = "1234567890"
	name   = "김영희"
)

func client(t *testing.T, url string, timeout time.Duration) *bankapi.Client {
	t.Helper()
	c, err := bankapi.New(bankapi.Options{BaseURL: url, Timeout: timeout})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func transfer(reference string, amount int64) banking.Transfer {
	return banking.Transfer{Reference: reference, Amount: amount, ValidUntil: time.Now().Add(time.Minute).UTC().Truncate(time.Microsecond),
		From: banking.BankAccountRef{BankCode: "004", Number: number},
		To:   banking.BankAccountRef{BankCode: "088", Number: "1100000000001"}}
}

// realBank runs the simulated bank with two accounts.
func realBank(t *testing.T) string {
	t.Helper()
	b := bank.New(devtest.Database(t, schema.FS("bank")), bank.Options{Hold: 10 * time.Second})
	server := httptest.NewServer(b.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(b.Close)
	send(t, http.MethodPost, server.URL+"/v1/accounts", `{"bankCode":"004","accountNumber":"1234567890","holderName":"김영희","balance":100000}`)
	send(t, http.MethodPost, server.URL+"/v1/accounts", `{"bankCode":"088","accountNumber":"1100000000001","holderName":"Durapay","balance":0}`)
	return server.URL
}

func send(t *testing.T, method, url, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Less(t, response.StatusCode, 300, "%s", text)
}

func fault(t *testing.T, url, operation, effect string) {
	t.Helper()
	send(t, http.MethodPut, url+"/v1/faults", fmt.Sprintf(`{"rules":[{"match":{"operation":%q},"effect":%s}]}`, operation, effect))
}

func TestAgainstTheBank(t *testing.T) {
	url := realBank(t)
	c, ctx := client(t, url, 5*time.Second), t.Context()

	for ref, want := range map[banking.BankAccountRef]banking.Verification{
		{BankCode: "004", Number: number, HolderName: name}:       banking.Match,
		{BankCode: "004", Number: number, HolderName: "다른이"}:      banking.HolderMismatch,
		{BankCode: "004", Number: "9999999999", HolderName: name}: banking.NoSuchAccount,
	} {
		got, err := c.Verify(ctx, ref)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}

	order := transfer("topup/top_1/debit", 30_000)
	answer, err := c.Transfer(ctx, order)
	require.NoError(t, err)
	require.Equal(t, banking.Accepted, answer.Kind)
	require.NotEmpty(t, answer.BankTransactionID)
	inquiry, err := c.Inquire(ctx, order.Reference)
	require.NoError(t, err)
	require.Equal(t, banking.Inquiry{Answer: answer}, inquiry)
	order.Amount++
	_, err = c.Transfer(ctx, order)
	require.ErrorContains(t, err, "409")

	began := time.Now()
	inquiry, err = c.Inquire(ctx, "topup/top_2/debit")
	require.NoError(t, err)
	require.True(t, inquiry.NotFound)
	require.WithinRange(t, inquiry.At, began.Add(-2*time.Second), time.Now(), "by the bank's clock, in whole seconds, never ahead")

	answer, err = c.Transfer(ctx, transfer("poor", 100_000))
	require.NoError(t, err)
	require.Equal(t, banking.Answer{Kind: banking.Rejected, Reason: errs.BankInsufficientFunds.Code}, answer)
	late := transfer("late", 1)
	late.ValidUntil = time.Now().Add(-time.Second)
	answer, err = c.Transfer(ctx, late)
	require.NoError(t, err)
	require.Equal(t, errs.BankNotExecuted.Code, answer.Reason)

	page, err := c.Statement(ctx, banking.StatementQuery{BankCode: "088", Number: "1100000000001", Date: time.Now().In(time.FixedZone("KST", 9*3600)).Format(time.DateOnly), Limit: 10})
	require.NoError(t, err)
	require.EqualValues(t, 30_000, page.ClosingBalance)
	require.Len(t, page.Entries, 1)
	require.True(t, page.Entries[0].Incoming)
	require.Equal(t, number, page.Entries[0].Counterparty.Number)
	require.Equal(t, "topup/top_1/debit", page.Entries[0].Reference)
}

func TestAFailingBankGivesNoAnswerAndAnInquiryTells(t *testing.T) {
	url := realBank(t)
	c, ctx := client(t, url, 500*time.Millisecond), t.Context()
	for effect, executed := range map[string]bool{
		`{"type":"TIMEOUT_BEFORE"}`: false, `{"type":"TIMEOUT_AFTER"}`: true,
		`{"type":"ERROR"}`: false, `{"type":"ERROR_AFTER"}`: true, `{"type":"RATE_LIMIT"}`: false,
	} {
		t.Run(effect, func(t *testing.T) {
			order := transfer("ref/"+strings.Trim(strings.SplitN(effect, ":", 2)[1], `"}`), 1000)
			fault(t, url, "TRANSFER", effect)
			_, err := c.Transfer(ctx, order)
			require.Error(t, err)
			inquiry, err := c.Inquire(ctx, order.Reference)
			require.NoError(t, err)
			require.Equal(t, !executed, inquiry.NotFound)
		})
	}
	fault(t, url, "TRANSFER", `{"type":"DECLINE","reason":"MAINTENANCE"}`)
	answer, err := c.Transfer(ctx, transfer("declined", 1))
	require.NoError(t, err)
	require.Equal(t, errs.BankMaintenance.Code, answer.Reason)
}

func TestEveryReasonHasItsCode(t *testing.T) {
	for reason, want := range map[string]*errs.Error{
		"NO_SUCH_ACCOUNT": errs.BankNoSuchAccount, "CLOSED": errs.BankAccountClosed, "REPORTED": errs.BankAccountReported,
		"SUSPENDED": errs.BankAccountSuspended, "NAME_MISMATCH": errs.BankNameMismatch, "INSUFFICIENT_FUNDS": errs.BankInsufficientFunds,
		"LIMIT_EXCEEDED": errs.BankLimitExceeded, "MAINTENANCE": errs.BankMaintenance, "EXPIRED": errs.BankNotExecuted,
		"SAME_ACCOUNT": errs.BankDeclined, "SOMETHING_NEW": errs.BankDeclined,
	} {
		answer, err := exchange(t, http.StatusOK, jsonType, `{"reference":"r","status":"REJECTED","reason":"`+reason+`"}`)
		require.NoError(t, err)
		require.Equal(t, banking.Answer{Kind: banking.Rejected, Reason: want.Code}, answer, reason)
	}
}

const jsonType = "application/json; charset=utf-8"

// exchange makes a transfer with a bank that answers this.
func exchange(t *testing.T, status int, contentType, body string) (banking.Answer, error) {
	t.Helper()
	var posts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		posts.Add(1)
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Location", "/v1/transfers")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	answer, err := client(t, server.URL, 5*time.Second).Transfer(t.Context(), transfer("r", 1))
	require.EqualValues(t, 1, posts.Load())
	return answer, err
}

func TestWhatIsNoAnswer(t *testing.T) {
	const accepted = `{"reference":"r","status":"ACCEPTED","bankTransactionId":"B1"}`
	for what, c := range map[string]struct {
		status      int
		contentType string
		body        string
	}{
		"201":                   {201, jsonType, accepted},
		"202":                   {202, jsonType, accepted},
		"redirect 302":          {302, jsonType, accepted},
		"redirect 303":          {303, jsonType, accepted},
		"redirect 307":          {307, jsonType, accepted},
		"redirect 308":          {308, jsonType, accepted},
		"400":                   {400, jsonType, accepted},
		"404":                   {404, jsonType, accepted},
		"409":                   {409, jsonType, accepted},
		"429":                   {429, jsonType, accepted},
		"500":                   {500, jsonType, accepted},
		"HTML":                  {200, "text/html", accepted},
		"no type":               {200, "", accepted},
		"empty":                 {200, jsonType, ""},
		"null":                  {200, jsonType, "null"},
		"list":                  {200, jsonType, "[" + accepted + "]"},
		"half":                  {200, jsonType, accepted[:30]},
		"two values":            {200, jsonType, accepted + accepted},
		"too long":              {200, jsonType, accepted + strings.Repeat(" ", 2<<20)},
		"another reference":     {200, jsonType, `{"reference":"q","status":"ACCEPTED","bankTransactionId":"B1"}`},
		"no reference":          {200, jsonType, `{"status":"ACCEPTED","bankTransactionId":"B1"}`},
		"no status":             {200, jsonType, `{"reference":"r"}`},
		"unknown status":        {200, jsonType, `{"reference":"r","status":"PENDING"}`},
		"lower case":            {200, jsonType, `{"reference":"r","status":"accepted"}`},
		"not found":             {200, jsonType, `{"reference":"r","status":"NOT_FOUND"}`},
		"accepted with reason":  {200, jsonType, `{"reference":"r","status":"ACCEPTED","reason":"CLOSED"}`},
		"rejected, no reason":   {200, jsonType, `{"reference":"r","status":"REJECTED"}`},
		"duplicate reference":   {200, jsonType, `{"reference":"r","status":"REJECTED","reason":"DUPLICATE_REFERENCE"}`},
		"endless number":        {200, jsonType, `{"reference":"r","status":"ACCEPTED","bankTransactionId":"` + strings.Repeat("1", 65) + `"}`},
		"number with new lines": {200, jsonType, `{"reference":"r","status":"ACCEPTED","bankTransactionId":"a\nb"}`},
	} {
		_, err := exchange(t, c.status, c.contentType, c.body)
		require.Error(t, err, what)
	}
	answer, err := exchange(t, 200, jsonType, accepted)
	require.NoError(t, err)
	require.Equal(t, banking.Answer{Kind: banking.Accepted, BankTransactionID: "B1"}, answer)
}

func TestA404IsNoNotFound(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, err := client(t, server.URL, 5*time.Second).Inquire(t.Context(), "r")
	require.Error(t, err)
}

// rawBank accepts connections and lets script speak on each; it counts the POSTs it reads.
type rawBank struct {
	url   string
	posts atomic.Int32
}

func newRawBank(t *testing.T, script func(b *rawBank, conn net.Conn, r *bufio.Reader)) *rawBank {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b := &rawBank{url: "http://" + listener.Addr().String()}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				script(b, conn, bufio.NewReader(conn))
			}()
		}
	}()
	return b
}

// request reads one request whole; false when the client has left.
func (b *rawBank) request(r *bufio.Reader) bool {
	request, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	if request.Method == http.MethodPost {
		b.posts.Add(1)
	}
	_, err = io.Copy(io.Discard, request.Body)
	return err == nil
}

func ok(body string, length int) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", length, body)
}

func TestAMisbehavingConnectionIsNoAnswer(t *testing.T) {
	const accepted = `{"reference":"r","status":"ACCEPTED","bankTransactionId":"B1"}`
	for what, script := range map[string]func(net.Conn){
		"cut at once":   func(net.Conn) {},
		"reset":         func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) },
		"garbage":       func(c net.Conn) { _, _ = io.WriteString(c, "\x00\xff garbage \r\n\r\n") },
		"half a header": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Ty") },
		"half a body":   func(c net.Conn) { _, _ = io.WriteString(c, ok(accepted, len(accepted)+1)) },
		"half a chunk": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3e\r\n"+accepted[:20])
		},
		"chunks cut off": func(c net.Conn) {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(accepted), accepted)
		},
		"endless header": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("a", 1<<20)) },
		"cut until closing": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"+accepted[:40])
		},
	} {
		t.Run(what, func(t *testing.T) {
			b := newRawBank(t, func(b *rawBank, conn net.Conn, r *bufio.Reader) {
				if b.request(r) {
					script(conn)
				}
			})
			_, err := client(t, b.url, 5*time.Second).Transfer(t.Context(), transfer("r", 1))
			require.Error(t, err)
			require.NotContains(t, err.Error(), number)
			require.EqualValues(t, 1, b.posts.Load())
		})
	}
}

func TestASlowAnswerIsNone(t *testing.T) {
	for what, first := range map[string]string{"silent": "", "stops in the body": ok(`{"reference":`, 100)} {
		t.Run(what, func(t *testing.T) {
			b := newRawBank(t, func(b *rawBank, conn net.Conn, r *bufio.Reader) {
				if b.request(r) {
					_, _ = io.WriteString(conn, first)
					b.request(r) // until the client leaves
				}
			})
			_, err := client(t, b.url, 100*time.Millisecond).Transfer(t.Context(), transfer("r", 1))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.EqualValues(t, 1, b.posts.Load())
		})
	}
}

// On a reused connection net/http sends replayable requests again by itself.
func TestATransferOnAReusedConnectionIsNotSentAgain(t *testing.T) {
	const accepted = `{"reference":"r","status":"ACCEPTED","bankTransactionId":"B1"}`
	for what, end := range map[string]func(net.Conn){
		"closed": func(net.Conn) {},
		"reset":  func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) },
	} {
		t.Run(what, func(t *testing.T) {
			var conns atomic.Int32
			b := newRawBank(t, func(b *rawBank, conn net.Conn, r *bufio.Reader) {
				conns.Add(1)
				if b.request(r) {
					_, _ = io.WriteString(conn, ok(accepted, len(accepted)))
				}
				b.request(r)
				end(conn)
			})
			c := client(t, b.url, 5*time.Second)
			_, err := c.Transfer(t.Context(), transfer("r", 1))
			require.NoError(t, err)
			_, err = c.Transfer(t.Context(), transfer("r", 1))
			require.Error(t, err)
			require.EqualValues(t, 1, conns.Load(), "the second one was to come on the same connection")
			require.EqualValues(t, 2, b.posts.Load())
		})
	}
}

func TestNobodyThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	c := client(t, url, time.Second)
	_, err = c.Transfer(t.Context(), transfer("r", 1))
	require.Error(t, err)
	_, err = c.Statement(t.Context(), banking.StatementQuery{BankCode: "004", Number: number, Date: "2026-01-01"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), number, "a path is not to be logged")
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "localhost:1", "ftp://a", "http://", "http://a?b=c", "://"} {
		_, err := bankapi.New(bankapi.Options{BaseURL: bad})
		require.Error(t, err, bad)
	}
}

func TestVerifyRefusesUnknownResults(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		_, _ = io.WriteString(w, `{"result":"PERHAPS"}`)
	}))
	defer server.Close()
	_, err := client(t, server.URL, time.Second).Verify(t.Context(), banking.BankAccountRef{BankCode: "004", Number: number, HolderName: name})
	require.Error(t, err)
}

// The return of a transfer is told by a notice; an inquiry says that it was accepted.
func TestAReturnedTransferWasAccepted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		_, _ = io.WriteString(w, `{"reference":"r","status":"RETURNED","reason":"CLOSED","bankTransactionId":"B1"}`)
	}))
	defer server.Close()
	c, want := client(t, server.URL, time.Second), banking.Answer{Kind: banking.Accepted, BankTransactionID: "B1"}
	answer, err := c.Transfer(t.Context(), transfer("r", 1))
	require.NoError(t, err)
	require.Equal(t, want, answer)
	inquiry, err := c.Inquire(t.Context(), "r")
	require.NoError(t, err)
	require.Equal(t, want, inquiry.Answer)
}

// A bank looks into its books before it writes its answer, and dates the answer only: what
// it has not found then may have come in between.
func TestAnInquiryIsDatedByWhenItCanHaveLooked(t *testing.T) {
	date := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", date.Format(http.TimeFormat))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"reference":"r/1","status":"NOT_FOUND"}`)
	}))
	t.Cleanup(server.Close)
	asked := time.Now()
	inquiry, err := client(t, server.URL, 5*time.Second).Inquire(t.Context(), "r/1")
	took := time.Since(asked)
	require.NoError(t, err)
	require.True(t, inquiry.NotFound)
	require.True(t, inquiry.At.Before(date), "%s is not before %s", inquiry.At, date)
	require.False(t, inquiry.At.Before(date.Add(-took)))
}
