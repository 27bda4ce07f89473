package apiclient

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// door is a platform that signs in, counts how, and answers everything else with 200.
type door struct {
	mu               sync.Mutex
	logins, refreshs int
	refuseRefresh    bool
	refuse           map[string]bool // access tokens
	keys             []string
}

func (d *door) RoundTrip(r *http.Request) (*http.Response, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch r.URL.Path {
	case "/v1/auth/login":
		d.logins++
		return d.tokens(), nil
	case "/v1/auth/refresh":
		d.refreshs++
		if d.refuseRefresh {
			return answering(http.StatusServiceUnavailable, nil, refusalInPassing), nil
		}
		return d.tokens(), nil
	}
	d.keys = append(d.keys, r.Header.Get("Idempotency-Key"))
	if token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); d.refuse[token] {
		return answering(http.StatusUnauthorized, nil, `{"code":"token_expired"}`), nil
	}
	return answering(http.StatusCreated, nil, `{"id":"top_1","state":"SUCCEEDED"}`), nil
}

func (d *door) tokens() *http.Response {
	body := fmt.Sprintf(`{"accessToken":"a%d","refreshToken":"r","tokenType":"Bearer","expiresIn":600}`, d.logins+d.refreshs)
	return answering(http.StatusOK, nil, body)
}

func enter(t *testing.T, d *door) *Session {
	s, err := NewGateway("http://platform", Options{Retry: DefaultRetry(), Transport: d}).SignIn(t.Context(), "a@example.com", "password")
	require.NoError(t, err)
	return s
}

func TestTokensAreRenewedBeforeTheyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{}
		s := enter(t, d)
		for range 60 { // an hour
			_, err := s.TopUp(t.Context(), "k", MoneyRequest{})
			require.NoError(t, err)
			time.Sleep(time.Minute) // of the bubble's own time
		}
		require.Equal(t, 1, d.logins)
		require.InDelta(t, 6, d.refreshs, 1)
	})
}

func TestManyCallersRenewOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{}
		s := enter(t, d)
		time.Sleep(10 * time.Minute)
		for range 20 {
			go func() { _, _ = s.TopUp(t.Context(), "k", MoneyRequest{}) }()
		}
		synctest.Wait()
		require.Equal(t, 1, d.refreshs)
		require.Len(t, d.keys, 20)
	})
}

func TestLostRefreshIsNotRepeatedButSignedInAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{refuseRefresh: true}
		s := enter(t, d)
		time.Sleep(10 * time.Minute)
		_, err := s.TopUp(t.Context(), "k", MoneyRequest{})
		require.NoError(t, err)
		require.Equal(t, 1, d.refreshs)
		require.Equal(t, 2, d.logins)
	})
}

func TestRefusedTokenIsReplacedOnceWithTheSameKey(t *testing.T) {
	d := &door{refuse: map[string]bool{"a1": true}}
	s := enter(t, d)
	o, err := s.TopUp(t.Context(), "k-7", MoneyRequest{})
	require.NoError(t, err)
	require.Equal(t, Outcome{ID: "top_1", State: Succeeded}, o)
	require.Equal(t, []string{"k-7", "k-7"}, d.keys)

	d.refuse = map[string]bool{"a2": true, "a3": true}
	_, err = s.TopUp(t.Context(), "k-8", MoneyRequest{})
	var refusal *Problem
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, "token_expired", refusal.Code)
}

func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   Outcome
		code   string // of the error
	}{
		"done":           {201, `{"id":"rem_1","state":"SUCCEEDED"}`, Outcome{ID: "rem_1", State: Succeeded}, ""},
		"linked":         {201, `{"id":"acc_1","state":"LINKED"}`, Outcome{ID: "acc_1", State: Succeeded}, ""},
		"returned":       {201, `{"id":"wdr_1","state":"RETURNED"}`, Outcome{ID: "wdr_1", State: Returned}, ""},
		"still runs":     {202, `{"id":"top_1","state":"REQUESTED","flow":{"id":"top_1"}}`, Outcome{ID: "top_1", State: Requested, Flow: "top_1"}, ""},
		"refused":        {422, `{"id":"rem_1","state":"FAILED","code":"self_transfer"}`, Outcome{ID: "rem_1", State: Failed, Code: "self_transfer"}, ""},
		"not on record":  {422, `{"code":"idempotency_key_reused"}`, Outcome{}, "idempotency_key_reused"},
		"not understood": {500, `oops`, Outcome{}, "Internal Server Error"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := outcomeOf(Response{Status: c.status, Body: []byte(c.body)})
			require.Equal(t, c.want, o)
			if c.code == "" {
				require.NoError(t, err)
				return
			}
			var refusal *Problem
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, c.code, refusal.Code)
		})
	}
}

func TestFollowingIsPacedAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		polls := 0
		g := NewGateway("http://platform", Options{Transport: wire(func(*http.Request) (*http.Response, error) {
			polls++ // answered at once, though it was asked to wait
			return answering(http.StatusOK, nil, `{"id":"top_1","state":"UNKNOWN","final":false}`), nil
		})})
		began := time.Now()
		flow, err := g.FollowRegistration(t.Context(), "reg_1", time.Minute)
		require.NoError(t, err)
		require.Equal(t, Unknown, flow.State)
		require.LessOrEqual(t, time.Since(began), time.Minute)
		require.Less(t, polls, 40)
	})
}

func TestFollowingEndsWithTheFlow(t *testing.T) {
	s := newServer(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		switch n {
		case 1:
			reply(w, http.StatusOK, `{"accessToken":"a","refreshToken":"r","expiresIn":600}`)
		case 2:
			reply(w, http.StatusOK, `{"state":"PROCESSING","final":false}`)
		default:
			reply(w, http.StatusOK, `{"state":"FAILED","final":true,"failure":{"code":"bank_not_executed"}}`)
		}
	})
	session, err := NewGateway(s.URL, Options{Retry: quick}).SignIn(t.Context(), "a@example.com", "password")
	require.NoError(t, err)
	o, err := session.Follow(t.Context(), Outcome{ID: "top_1", State: Requested, Flow: "top_1"}, time.Minute)
	require.NoError(t, err)
	require.Equal(t, Outcome{ID: "top_1", State: Failed, Code: "bank_not_executed", Flow: "top_1"}, o)
	require.Equal(t, "/v1/flows/top_1?wait=20", s.got[1].path)

	done := Outcome{ID: "top_2", State: Succeeded}
	o, err = session.Follow(t.Context(), done, time.Minute)
	require.NoError(t, err)
	require.Equal(t, done, o)
	require.Len(t, s.got, 3)
}

func TestBankAccountOpenedByALostAttemptIsOurs(t *testing.T) {
	account := Account{AccountKey: AccountKey{BankCode: "004", AccountNumber: "2000000000001"}, HolderName: "홍길동", Balance: 10}
	open := func(holder string, lost bool) error {
		s := newServer(t, func(n int, w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodGet:
				reply(w, http.StatusOK, `{"bankCode":"004","accountNumber":"2000000000001","holderName":"`+holder+`","balance":10,"state":"OPEN"}`)
			case n == 1 && lost:
				cut(t, w)
			default:
				reply(w, http.StatusConflict, `{"code":"account_exists"}`)
			}
		})
		return NewBank(s.URL, Options{Retry: quick}).Open(t.Context(), account)
	}
	require.NoError(t, open("홍길동", true))
	var refusal *Problem
	require.ErrorAs(t, open("성춘향", true), &refusal)
	require.ErrorAs(t, open("홍길동", false), &refusal)
	require.Equal(t, "account_exists", refusal.Code)
}
