package apiclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// quick is a Retry for servers of this process.
var quick = Retry{First: time.Millisecond, Longest: 2 * time.Millisecond, Total: 10 * time.Second, Attempt: 5 * time.Second}

// seen is what a server got of one request.
type seen struct{ key, token, path, body string }

// server answers the n-th request, counted from 1, and keeps what it got.
type server struct {
	*httptest.Server
	mu  sync.Mutex
	got []seen
}

func newServer(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.got = append(s.got, seen{r.Header.Get("Idempotency-Key"), r.Header.Get("Authorization"), r.URL.RequestURI(), string(body)})
		n := len(s.got)
		s.mu.Unlock()
		answer(n, w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// cut ends the connection without an answer.
func cut(t *testing.T, w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func reply(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

const refusalInPassing = `{"code":"service_unavailable","requestId":"req_1"}`

func TestRequestIsTheSameHoweverOftenItIsSent(t *testing.T) {
	s := newServer(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		switch n {
		case 1:
			reply(w, http.StatusServiceUnavailable, refusalInPassing)
		case 2:
			cut(t, w)
		case 3:
			reply(w, http.StatusBadGateway, "not even JSON")
		default:
			reply(w, http.StatusCreated, `{"id":"rem_1","state":"SUCCEEDED"}`)
		}
	})
	var mu sync.Mutex
	var reasons []string
	c := New(s.URL, Options{Retry: quick, OnRetry: func(reason string) {
		mu.Lock()
		defer mu.Unlock()
		reasons = append(reasons, reason)
	}})
	r, err := c.Do(t.Context(), Request{Method: http.MethodPost, Path: "/v1/remittances", Key: "k-1", Body: map[string]int{"amount": 5}})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, r.Status)
	require.GreaterOrEqual(t, len(s.got), 4)
	for _, got := range s.got {
		require.Equal(t, s.got[0], got, "every attempt is the same request")
	}
	require.Equal(t, "k-1", s.got[0].key)
	require.Equal(t, `{"amount":5}`, s.got[0].body)
	require.Equal(t, "503 service_unavailable", reasons[0])
}

func TestClearAnswersAreNotAskedForAgain(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"created":             {http.StatusCreated, `{}`},
		"bad request":         {http.StatusBadRequest, `{"code":"invalid_request"}`},
		"refused":             {http.StatusUnprocessableEntity, `{"code":"insufficient_balance","id":"rem_1","state":"FAILED"}`},
		"internal error":      {http.StatusInternalServerError, `{"code":"internal_error"}`},
		"recorded as a final": {http.StatusServiceUnavailable, `{"code":"bank_unreachable","id":"acc_1","state":"FAILED"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(_ int, w http.ResponseWriter, _ *http.Request) { reply(w, answer.status, answer.body) })
			r, err := New(s.URL, Options{Retry: quick}).Do(t.Context(), Request{Method: http.MethodPost, Path: "/"})
			require.NoError(t, err)
			require.Equal(t, answer.status, r.Status)
			require.Equal(t, 1, r.Attempts)
			require.Len(t, s.got, 1)
		})
	}
}

// wire is a transport without a network.
type wire func(r *http.Request) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

func answering(status int, header http.Header, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

func TestPatienceIsBounded(t *testing.T) {
	for name, transport := range map[string]wire{
		"refused connections": func(*http.Request) (*http.Response, error) { return nil, syscall.ECONNREFUSED },
		"503 for ever": func(*http.Request) (*http.Response, error) {
			return answering(http.StatusServiceUnavailable, nil, refusalInPassing), nil
		},
		"a server that asks for an hour": func(*http.Request) (*http.Response, error) {
			return answering(http.StatusTooManyRequests, http.Header{"Retry-After": {"3600"}}, `{"code":"login_throttled"}`), nil
		},
		"a server that never answers": func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				o := Options{Retry: DefaultRetry(), Transport: transport}
				r, err := New("http://platform", o).Do(t.Context(), Request{Method: http.MethodPost, Path: "/", Key: "k"})
				require.True(t, err != nil || r.Status >= 400)
				require.Greater(t, r.Attempts, 2)
				took := time.Since(began)
				require.GreaterOrEqual(t, took, o.Retry.Total-o.Retry.Longest-o.Retry.Attempt)
				require.LessOrEqual(t, took, o.Retry.Total+o.Retry.Longest+o.Retry.Attempt)
			})
		})
	}
}

func TestConnectionThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := time.Now().Add(time.Minute)
		c := New("http://platform", Options{Retry: DefaultRetry(), Transport: wire(func(*http.Request) (*http.Response, error) {
			if time.Now().Before(back) {
				return nil, syscall.ECONNREFUSED
			}
			return answering(http.StatusOK, nil, `{}`), nil
		})})
		r, err := c.Do(t.Context(), Request{Method: http.MethodGet, Path: "/"})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, r.Status)
		require.Less(t, time.Since(back), DefaultRetry().Longest)
	})
}

func TestZeroRetryAndOnceSendOnce(t *testing.T) {
	for name, c := range map[string]struct {
		retry Retry
		once  bool
	}{"zero Retry": {}, "once": {quick, true}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
				reply(w, http.StatusServiceUnavailable, refusalInPassing)
			})
			r, err := New(s.URL, Options{Retry: c.retry}).Do(t.Context(), Request{Method: http.MethodGet, Path: "/", Once: c.once})
			require.NoError(t, err)
			require.Equal(t, http.StatusServiceUnavailable, r.Status)
			require.Len(t, s.got, 1)
		})
	}
}

func TestCallerWhoLeavesIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		c := New("http://platform", Options{Retry: DefaultRetry(), Transport: wire(func(*http.Request) (*http.Response, error) {
			return nil, syscall.ECONNRESET
		})})
		_, err := c.Do(ctx, Request{Method: http.MethodGet, Path: "/"})
		require.Error(t, err)
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestProblemKeepsDetailsToItself(t *testing.T) {
	p := problemOf(Response{Status: 422, Body: []byte(`{"code":"insufficient_balance","detail":"has 1000 won","requestId":"req_9"}`)})
	require.Equal(t, "refused with 422 insufficient_balance req_9", p.Error())
	_, err := decode[Balance](Response{Status: 404, Body: []byte(`{"code":"wallet_not_found"}`)}, nil, http.StatusOK)
	var refusal *Problem
	require.True(t, errors.As(err, &refusal))
	require.Equal(t, "wallet_not_found", refusal.Code)
}
