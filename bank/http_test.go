package bank

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func TestAccountIsOpenedReadAndChanged(t *testing.T) {
	r := newRig(t, Options{})
	const create = `{"bankCode":"004","accountNumber":"0123456789","holderName":" 김하나 ","balance":1000}`
	const path = "/v1/accounts/004/0123456789"
	got := r.do("POST", "/v1/accounts", create, http.StatusCreated)
	require.Equal(t, path, got.header.Get("Location"))
	require.JSONEq(t, `{"bankCode":"004","accountNumber":"0123456789","holderName":"김하나","balance":1000,"state":"OPEN","currency":"KRW"}`, string(got.body))
	require.JSONEq(t, string(got.body), string(r.do("GET", path, "", http.StatusOK).body))

	r.problem("POST", "/v1/accounts", create, http.StatusConflict, "account_exists")
	r.problem("GET", "/v1/accounts/005/0123456789", "", http.StatusNotFound, "account_not_found")
	r.problem("PATCH", "/v1/accounts/005/0123456789", `{"state":"CLOSED"}`, http.StatusNotFound, "account_not_found")
	for range 2 { // a state that is set already is no error
		changed := read[accountBody](t, r.do("PATCH", path, `{"state":"SUSPENDED"}`, http.StatusOK))
		require.Equal(t, Suspended, changed.State)
	}
	require.Equal(t, Suspended, read[accountBody](t, r.do("GET", path, "", http.StatusOK)).State)
}

func TestVerifyAccount(t *testing.T) {
	r := newRig(t, Options{})
	key := account(1)
	r.open(key, 0)
	ask := func(number, name string) string {
		body := fmt.Sprintf(`{"bankCode":"088","accountNumber":%q,"holderName":%q}`, number, name)
		return string(r.do("POST", "/v1/accounts/verify", body, http.StatusOK).body)
	}
	require.JSONEq(t, `{"result":"MATCH","holderName":"김하나"}`, ask(key.AccountNumber, "김하나"))
	require.JSONEq(t, `{"result":"NAME_MISMATCH"}`, ask(key.AccountNumber, "이둘"))
	require.JSONEq(t, `{"result":"NO_SUCH_ACCOUNT"}`, ask("9999999999", "김하나"))
	r.do("PATCH", "/v1/accounts/088/"+key.AccountNumber, `{"state":"REPORTED"}`, http.StatusOK)
	require.JSONEq(t, `{"result":"REPORTED"}`, ask(key.AccountNumber, "김하나"))
	r.faults(`{"match":{"operation":"VERIFY"},"effect":{"type":"DECLINE","reason":"CLOSED"}}`)
	require.JSONEq(t, `{"result":"CLOSED"}`, ask(key.AccountNumber, "김하나"))
}

func TestTransferMovesMoneyAndIsFound(t *testing.T) {
	r := newRig(t, Options{})
	from, to := account(1), account(2)
	r.open(from, 1000)
	r.open(to, 0)
	d := r.transfer("topup/top_1/debit", from, to, 300)
	require.Equal(t, Accepted, d.Status)
	require.NotEmpty(t, d.BankTransactionID)
	require.Equal(t, noon, *d.DecidedAt)
	require.EqualValues(t, 700, r.balance(from))
	require.EqualValues(t, 300, r.balance(to))

	found := r.inquire("topup/top_1/debit")
	require.EqualValues(t, 300, found.Amount)
	found.Amount, found.Currency = 0, ""
	require.Equal(t, d, found)
	require.Equal(t, decisionBody{Reference: "other", Status: NotFound}, r.inquire("other"))
	require.EqualValues(t, 1, r.totals().Transfers)
	r.requireSums(from, to)
}

func TestRejectionsAreStored(t *testing.T) {
	r := newRig(t, Options{TransferLimit: 10_000})
	from, to, closed, missing := account(1), account(2), account(3), account(4)
	r.open(from, 20_000)
	r.open(to, MaxAmount)
	r.open(closed, 5)
	r.do("PATCH", "/v1/accounts/088/"+closed.AccountNumber, `{"state":"CLOSED"}`, http.StatusOK)
	for reference, c := range map[string]struct {
		from, to AccountKey
		amount   int64
		want     Reason
	}{
		"missing": {from, missing, 1, ReasonNoSuchAccount},
		"closed":  {closed, to, 1, ReasonClosed},
		"same":    {from, from, 1, ReasonSameAccount},
		"limit":   {from, to, 10_001, ReasonLimitExceeded},
		"full":    {from, to, 1, ReasonLimitExceeded},
	} {
		d := r.transfer(reference, c.from, c.to, c.amount)
		require.Equal(t, Rejected, d.Status, reference)
		require.Equal(t, c.want, d.Reason, reference)
		require.Empty(t, d.BankTransactionID)
		require.Equal(t, c.want, r.inquire(reference).Reason)
	}
	r.do("PATCH", "/v1/accounts/088/"+closed.AccountNumber, `{"state":"OPEN"}`, http.StatusOK)
	require.Equal(t, ReasonClosed, r.transfer("closed", closed, to, 1).Reason, "what was rejected stays rejected")
	require.Equal(t, ReasonInsufficientFunds, r.transfer("poor", closed, from, 6).Reason)
	named := strings.Replace(orderJSON("named", from, closed, 1), `"to":{`, `"to":{"holderName":"이둘",`, 1)
	require.Equal(t, ReasonNameMismatch, read[decisionBody](t, r.do("POST", "/v1/transfers", named, http.StatusOK)).Reason)
	require.Zero(t, r.totals().Transfers)
	r.requireSums(from, to, closed)
}

func TestReferenceIsDecidedOnce(t *testing.T) {
	r := newRig(t, Options{})
	from, to := account(1), account(2)
	r.open(from, 1000)
	r.open(to, 0)
	first := r.transfer("ref", from, to, 300)
	r.clock.advance(time.Hour)
	require.Equal(t, first, r.transfer("ref", from, to, 300), "also after it could not be executed any more")
	r.problem("POST", "/v1/transfers", orderJSON("ref", from, to, 301), http.StatusConflict, "reference_conflict")
	r.problem("POST", "/v1/transfers", orderJSON("ref", to, from, 300), http.StatusConflict, "reference_conflict")
	require.EqualValues(t, 700, r.balance(from))
}

func TestConcurrentRepeatsMoveMoneyOnce(t *testing.T) {
	r := newRig(t, Options{})
	from, to := account(1), account(2)
	r.open(from, 1000)
	r.open(to, 0)
	replies := make([]reply, 50)
	var group errgroup.Group
	for i := range replies {
		group.Go(func() (err error) {
			replies[i], err = r.send(t.Context(), "POST", "/v1/transfers", orderJSON("once", from, to, 30))
			return err
		})
	}
	require.NoError(t, group.Wait())
	for _, got := range replies {
		require.Equal(t, http.StatusOK, got.status, "%s", got.body)
		require.Equal(t, string(replies[0].body), string(got.body))
	}
	require.EqualValues(t, 970, r.balance(from))
	r.requireSums(from, to)
}

func TestOppositeTransfersDoNotDeadlock(t *testing.T) {
	r := newRig(t, Options{})
	keys := []AccountKey{account(1), account(2), account(3)}
	for _, key := range keys {
		r.open(key, 10_000)
	}
	var group errgroup.Group
	group.SetLimit(16)
	for i := range 200 {
		group.Go(func() error {
			from := rand.IntN(len(keys))
			to := (from + 1 + rand.IntN(len(keys)-1)) % len(keys)
			got, err := r.send(t.Context(), "POST", "/v1/transfers", orderJSON(fmt.Sprintf("r%d", i), keys[from], keys[to], rand.Int64N(6000)+1))
			if err == nil && got.status != http.StatusOK {
				err = fmt.Errorf("status %d: %s", got.status, got.body)
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Positive(t, r.totals().Transfers)
	r.requireSums(keys...)
}

func TestExpiredIsNeverExecuted(t *testing.T) {
	r := newRig(t, Options{})
	from, to := account(1), account(2)
	r.open(from, 1000)
	r.open(to, 0)
	r.clock.advance(time.Minute)
	require.Equal(t, Accepted, r.transfer("at-the-end", from, to, 1).Status)
	r.clock.advance(time.Microsecond)
	require.Equal(t, NotFound, r.inquire("late").Status)
	d := r.transfer("late", from, to, 1)
	require.Equal(t, ReasonExpired, d.Reason)
	require.Equal(t, d.Reason, r.inquire("late").Reason)
	require.EqualValues(t, 999, r.balance(from))
}

// An inquiry must not deny a transfer that is being decided: after validUntil that answer would be final, and wrong.
func TestInquiryWaitsForADecisionUnderWay(t *testing.T) {
	r := newRig(t, Options{})
	from, to := account(1), account(2)
	r.open(from, 1000)
	r.open(to, 0)
	tx, err := r.server.books.db.BeginTxx(t.Context(), nil) // holds the sender's account, so that the transfer stays undecided
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = lockAccount(t.Context(), tx, from)
	require.NoError(t, err)

	var group errgroup.Group
	group.Go(func() error {
		_, err := r.send(t.Context(), "POST", "/v1/transfers", orderJSON("slow", from, to, 10))
		return err
	})
	r.awaitClaim("slow")
	r.clock.advance(time.Hour)
	inquired := make(chan reply, 1)
	group.Go(func() error {
		got, err := r.send(t.Context(), "GET", "/v1/transfers/slow", "")
		inquired <- got
		return err
	})
	r.awaitLockWaits(2)
	require.Empty(t, inquired)
	require.NoError(t, tx.Rollback())
	require.NoError(t, group.Wait())
	require.Equal(t, Accepted, read[decisionBody](t, <-inquired).Status)
}

// awaitClaim waits until the undecided transfer is written, uncommitted.
func (r *rig) awaitClaim(reference string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		tx, err := r.server.books.db.BeginTx(r.t.Context(), &sql.TxOptions{Isolation: sql.LevelReadUncommitted})
		if err != nil {
			return false
		}
		defer func() { _ = tx.Rollback() }()
		var n int
		err = tx.QueryRowContext(r.t.Context(), "SELECT COUNT(*) FROM transfers WHERE reference = ?", reference).Scan(&n)
		return err == nil && n == 1
	}, 10*time.Second, 5*time.Millisecond)
}

// awaitLockWaits waits until so many transactions of this database wait for a lock. The server renews what it tells of them
// only when nobody has asked for 100 ms, so this asks less often.
func (r *rig) awaitLockWaits(want int) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		var n int
		err := r.server.books.db.GetContext(r.t.Context(), &n, `SELECT COUNT(*) FROM information_schema.innodb_trx t
			JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()`)
		return err == nil && n == want
	}, 10*time.Second, 150*time.Millisecond)
}

func TestStatementPagesAndAddsUp(t *testing.T) {
	r := newRig(t, Options{})
	from, to := account(1), account(2)
	r.open(from, 1000)
	r.open(to, 0)
	for i := range 10 {
		r.transfer(fmt.Sprintf("day1-%d", i), from, to, int64(i+1))
	}
	r.clock.advance(12 * time.Hour) // midnight in Seoul
	late := strings.Replace(orderJSON("day2", to, from, 5), "2026-03-02T03:01:00Z", "2026-03-03T00:00:00Z", 1)
	require.Equal(t, Accepted, read[decisionBody](t, r.do("POST", "/v1/transfers", late, http.StatusOK)).Status)

	for _, limit := range []int{1, 3, 11, 500} {
		items, page := r.wholeStatement(from, "2026-03-02", limit)
		require.Len(t, items, 11, "limit %d", limit)
		require.Equal(t, "OPENING", items[0].Reference)
		require.Equal(t, In, items[0].Direction)
		require.Nil(t, items[0].Counterparty)
		require.Equal(t, "day1-9", items[10].Reference)
		require.Equal(t, Out, items[10].Direction)
		require.Equal(t, to, *items[10].Counterparty)
		require.EqualValues(t, 0, page.OpeningBalance)
		require.EqualValues(t, 945, page.ClosingBalance)
	}
	items, page := r.wholeStatement(from, "2026-03-03", 500)
	require.Len(t, items, 1)
	require.EqualValues(t, []int64{945, 950}, []int64{page.OpeningBalance, page.ClosingBalance})
	items, page = r.wholeStatement(from, "2026-03-04", 500)
	require.Empty(t, items)
	require.EqualValues(t, []int64{950, 950}, []int64{page.OpeningBalance, page.ClosingBalance})

	foreign, _ := r.wholeStatement(to, "2026-03-02", 500)
	path := "/v1/statements/088/" + from.AccountNumber
	r.problem("GET", path+"?date=2026-03-02&after="+foreign[0].EntryID, "", http.StatusBadRequest, "invalid_request")
	for _, query := range []string{"", "?date=2026-3-2", "?date=0000-01-01", "?date=2026-03-02&limit=0", "?date=2026-03-02&limit=501",
		"?date=2026-03-02&limit=x", "?date=2026-03-02&after=-1", "?date=2026-03-02&after=99999999999999999999"} {
		r.problem("GET", path+query, "", http.StatusBadRequest, "invalid_request")
	}
	r.problem("GET", "/v1/statements/088/9999999999?date=2026-03-02", "", http.StatusNotFound, "account_not_found")
}

func TestAnyVisibleReferenceCanBeInquired(t *testing.T) {
	r := newRig(t, Options{})
	from, to := account(1), account(2)
	r.open(from, 1000)
	r.open(to, 0)
	for _, reference := range []string{"a/b/c", "a//b", "/", "..", ".", "a/../b", "%2F", "a?b=c#d", `"\`, "verify", strings.Repeat("~", 128)} {
		body := strings.Replace(orderJSON("REF", from, to, 1), `"REF"`, quoted(reference), 1)
		require.Equal(t, Accepted, read[decisionBody](t, r.do("POST", "/v1/transfers", body, http.StatusOK)).Status)
		got := r.inquire(url.PathEscape(reference))
		require.Equal(t, reference, got.Reference)
		require.Equal(t, Accepted, got.Status)
	}
	require.Equal(t, Accepted, r.inquire("a/b/c").Status, "slashes need no escape")
	r.problem("GET", "/v1/transfers/", "", http.StatusBadRequest, "invalid_request")
	r.problem("GET", "/v1/transfers/a%20b", "", http.StatusBadRequest, "invalid_request")
	r.problem("GET", "/v1/transfers/"+strings.Repeat("a", 129), "", http.StatusBadRequest, "invalid_request")
	r.problem("DELETE", "/v1/transfers/a", "", http.StatusMethodNotAllowed, "method_not_allowed")
}

func quoted(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }

func TestBadInputIsToldByField(t *testing.T) {
	r := newRig(t, Options{})
	good := orderJSON("bad", account(1), account(2), 7)
	for name, c := range map[string]struct{ path, body, detail string }{
		"no body":          {"/v1/transfers", ``, "JSON object"},
		"null":             {"/v1/transfers", `null`, "reference: "},
		"array":            {"/v1/transfers", `[]`, ""},
		"two objects":      {"/v1/transfers", good + good, "one JSON object"},
		"trailing text":    {"/v1/transfers", good + "x", "one JSON object"},
		"unknown field":    {"/v1/transfers", strings.Replace(good, `"amount"`, `"x":1,"amount"`, 1), "x: is not a known field"},
		"negative":         {"/v1/transfers", strings.Replace(good, `:7`, `:-7`, 1), "amount: "},
		"zero":             {"/v1/transfers", strings.Replace(good, `:7`, `:0`, 1), "amount: "},
		"above the bound":  {"/v1/transfers", strings.Replace(good, `:7`, `:1000000000000001`, 1), "amount: "},
		"int64 overflow":   {"/v1/transfers", strings.Replace(good, `:7`, `:9223372036854775808`, 1), "amount: "},
		"fraction":         {"/v1/transfers", strings.Replace(good, `:7`, `:7.5`, 1), "amount: "},
		"text amount":      {"/v1/transfers", strings.Replace(good, `:7`, `:"7"`, 1), "amount: "},
		"dollars":          {"/v1/transfers", strings.Replace(good, `KRW`, `USD`, 1), "currency: "},
		"no zone":          {"/v1/transfers", strings.Replace(good, `00Z`, `00`, 1), "validUntil: "},
		"year 0":           {"/v1/transfers", strings.Replace(good, `2026-`, `0000-`, 1), "validUntil: "},
		"year 9999":        {"/v1/transfers", strings.Replace(good, `2026-`, `9999-`, 1), "validUntil: "},
		"blank reference":  {"/v1/transfers", strings.Replace(good, `"bad"`, `"a b"`, 1), "reference: "},
		"korean reference": {"/v1/transfers", strings.Replace(good, `"bad"`, `"가"`, 1), "reference: "},
		"reserved":         {"/v1/transfers", strings.Replace(good, `"bad"`, `"OPENING"`, 1), "reference: "},
		"bank code":        {"/v1/transfers", strings.Replace(good, `"088"`, `"88"`, 1), "from.bankCode: "},
		"number type":      {"/v1/transfers", strings.Replace(good, `"088"`, `88`, 1), "from.bankCode: "},
		"memo":             {"/v1/transfers", strings.Replace(good, `{`, `{"memo":"a\u0000",`, 1), "memo: "},
		"long memo":        {"/v1/transfers", strings.Replace(good, `{`, `{"memo":"`+strings.Repeat("가", 101)+`",`, 1), "memo: "},
		"name":             {"/v1/accounts", `{"bankCode":"088","accountNumber":"1234567890","holderName":" ","balance":1}`, "holderName: "},
		"long name":        {"/v1/accounts", `{"bankCode":"088","accountNumber":"1234567890","holderName":"` + strings.Repeat("가", 51) + `","balance":1}`, "holderName: "},
		"short number":     {"/v1/accounts", `{"bankCode":"088","accountNumber":"123456789","holderName":"a","balance":1}`, "accountNumber: "},
		"unicode digits":   {"/v1/accounts", `{"bankCode":"088","accountNumber":"１２３４５","holderName":"a","balance":1}`, "accountNumber: "},
		"wrong type":       {"/v1/accounts", `{"bankCode":88,"accountNumber":"1234567890","holderName":"a","balance":1}`, "bankCode: "},
		"no balance":       {"/v1/accounts", `{"bankCode":"088","accountNumber":"1234567890","holderName":"a"}`, "balance: "},
		"negative balance": {"/v1/accounts", `{"bankCode":"088","accountNumber":"1234567890","holderName":"a","balance":-1}`, "balance: "},
		"verify":           {"/v1/accounts/verify", `{"bankCode":"088","accountNumber":"1234567890"}`, "holderName: "},
	} {
		t.Run(name, func(t *testing.T) {
			p := r.problem("POST", c.path, c.body, http.StatusBadRequest, "invalid_request")
			require.Contains(t, p.Detail, c.detail)
			require.False(t, strings.HasPrefix(p.Detail, "AccountKey"), p.Detail)
		})
	}
	r.problem("PATCH", "/v1/accounts/088/1234567890", `{"state":"GONE"}`, http.StatusBadRequest, "invalid_request")
	r.problem("GET", "/v1/accounts/088/abc", "", http.StatusBadRequest, "invalid_request")
	p := r.problem("PUT", "/v1/faults", `{"rules":[{"match":{"operation":"ANY"},"effect":{"type":"NAP"}}]}`, http.StatusBadRequest, "invalid_request")
	require.Contains(t, p.Detail, "rules[0].effect.type: ")
	p = r.problem("PUT", "/v1/faults", `{"rules":[{"match":{"operation":"ANY"},"effect":{"type":"DELAY","delayMillis":"1"}}]}`, http.StatusBadRequest, "invalid_request")
	require.Contains(t, p.Detail, "delayMillis")
	r.problem("PUT", "/v1/faults", `{}`, http.StatusBadRequest, "invalid_request")
	r.problem("POST", "/v1/accounts", `{"holderName":"`+strings.Repeat("a", maxBodyBytes)+`"}`, http.StatusRequestEntityTooLarge, "body_too_large")
	r.problem("GET", "/v1/nothing", "", http.StatusNotFound, "no_such_route")
	r.problem("GET", "//v1/nothing", "", http.StatusNotFound, "no_such_route")
	require.Contains(t, r.do("PUT", "/v1/totals", "", http.StatusMethodNotAllowed).header.Get("Allow"), "GET")
}

func TestHealth(t *testing.T) {
	r := newRig(t, Options{})
	r.do("GET", "/livez", "", http.StatusOK)
	r.do("GET", "/readyz", "", http.StatusOK)
	require.NoError(t, r.server.books.db.Close())
	r.do("GET", "/livez", "", http.StatusOK)
	r.problem("GET", "/readyz", "", http.StatusServiceUnavailable, "not_ready")
	r.problem("GET", "/v1/totals", "", http.StatusServiceUnavailable, "unavailable")
}

func TestTooManyRequestsAtOnceAreRefused(t *testing.T) {
	r := newRig(t, Options{MaxInFlight: 1})
	r.faults(`{"match":{"operation":"INQUIRE"},"effect":{"type":"TIMEOUT_BEFORE"},"times":1}`)
	ctx, leave := context.WithCancel(t.Context())
	var held sync.WaitGroup
	held.Go(func() { _, _ = r.send(ctx, "GET", "/v1/transfers/held", "") })
	require.Eventually(t, func() bool { return len(r.server.inFlight) == 1 }, 10*time.Second, time.Millisecond)
	r.problem("GET", "/v1/totals", "", http.StatusServiceUnavailable, "busy")
	r.do("GET", "/livez", "", http.StatusOK)
	leave()
	held.Wait()
	require.Eventually(t, func() bool { return len(r.server.inFlight) == 0 }, 10*time.Second, time.Millisecond, "a client that leaves ends the hold")
}
