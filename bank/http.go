package bank

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

const transfersPath = "/v1/transfers/"

// Handler gives the bank's HTTP interface.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/accounts", s.openAccount)
	mux.HandleFunc("POST /v1/accounts/verify", s.verifyAccount)
	mux.HandleFunc("GET /v1/accounts/{bankCode}/{accountNumber}", s.readAccount)
	mux.HandleFunc("PATCH /v1/accounts/{bankCode}/{accountNumber}", s.changeAccount)
	mux.HandleFunc("POST /v1/transfers", s.submitTransfer)
	mux.HandleFunc("GET "+transfersPath+"{reference...}", s.inquireTransfer)
	mux.HandleFunc("POST /v1/returns", s.returnTransfer)
	mux.HandleFunc("POST /v1/deposits", s.makeDeposit)
	mux.HandleFunc("GET /v1/statements/{bankCode}/{accountNumber}", s.readStatement)
	mux.HandleFunc("GET /v1/totals", s.readTotals)
	mux.HandleFunc("PUT /v1/faults", s.replaceFaults)
	mux.HandleFunc("GET /v1/faults", s.listFaults)
	mux.HandleFunc("DELETE /v1/faults", s.clearFaults)

	outer := http.NewServeMux()
	outer.HandleFunc("GET /livez", s.live)
	outer.HandleFunc("GET /readyz", s.ready)
	outer.Handle("/", s.bounded(routed(mux)))
	return oneSegment(outer)
}

// bounded refuses what comes on top of the requests that may be at work at once.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.inFlight <- struct{}{}:
			defer func() { <-s.inFlight }()
			next.ServeHTTP(w, r)
		default:
			writeProblem(w, problem(http.StatusServiceUnavailable, "busy", "Busy", "too many requests at once; nothing was done"))
		}
	})
}

// oneSegment makes an inquiry's reference one escaped path segment, because a mux would redirect a reference with "//" or ".." to another path.
func oneSegment(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		escaped, isTransfer := strings.CutPrefix(r.URL.EscapedPath(), transfersPath)
		reference, err := url.PathUnescape(escaped)
		if !isTransfer || err != nil {
			next.ServeHTTP(w, r)
			return
		}
		inner := r.Clone(r.Context())
		inner.URL.Path = transfersPath + reference
		inner.URL.RawPath = transfersPath + strings.ReplaceAll(url.PathEscape(reference), ".", "%2E")
		next.ServeHTTP(w, inner)
	})
}

// routed makes the mux's own refusals problems like all others.
func routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refusal, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		seen := &unseen{header: http.Header{}}
		refusal.ServeHTTP(seen, r)
		if seen.status != http.StatusMethodNotAllowed {
			writeProblem(w, problem(http.StatusNotFound, "no_such_route", "Not found", "the bank has no such path"))
			return
		}
		w.Header()["Allow"] = seen.header["Allow"]
		writeProblem(w, problem(http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed", "see the Allow header"))
	})
}

// unseen takes an answer that is not to be sent.
type unseen struct {
	header http.Header
	status int
}

func (u *unseen) Header() http.Header         { return u.header }
func (u *unseen) WriteHeader(status int)      { u.status = status }
func (u *unseen) Write(b []byte) (int, error) { return len(b), nil }

// perform carries out one operation under the faults in force. do gets the effect that strikes it, for what it asks of the books.
func (s *Server) perform(w http.ResponseWriter, r *http.Request, c call, do func(ctx context.Context, effect Effect) (any, error)) {
	effect := s.faults.strike(c)
	if effect.Type != "" {
		s.log.LogAttrs(r.Context(), slog.LevelInfo, "fault", slog.String("operation", string(c.operation)), slog.String("effect", string(effect.Type)))
	}
	if !s.strikeBefore(w, r, effect) {
		return
	}
	ctx, cancel := work(r)
	defer cancel()
	body, err := do(ctx, effect)
	if !s.strikeAfter(w, r, effect) {
		return
	}
	s.answer(w, r, http.StatusOK, body, err)
}

// strikeBefore lets a fault show before the effect; false when the request ends with it.
func (s *Server) strikeBefore(w http.ResponseWriter, r *http.Request, effect Effect) bool {
	switch effect.Type {
	case Delay:
		if !s.wait(effect.delay(), nil) {
			s.cut(w, r)
			return false
		}
		return true
	case TimeoutBefore:
		s.holdThenCut(w, r)
	case ErrorBefore:
		writeProblem(w, injected(effect))
	case RateLimit:
		writeProblem(w, problem(http.StatusTooManyRequests, "rate_limited", "Too many requests", "a fault rule limits this request; nothing was done"))
	default:
		return true
	}
	return false
}

// strikeAfter lets a fault show after the effect; false when it took the place of the answer.
func (s *Server) strikeAfter(w http.ResponseWriter, r *http.Request, effect Effect) bool {
	switch effect.Type {
	case TimeoutAfter:
		s.holdThenCut(w, r)
	case ErrorAfter:
		writeProblem(w, injected(effect))
	default:
		return true
	}
	return false
}

func injected(effect Effect) *Problem {
	return problem(effect.status(), "injected_error", "Injected error", "a fault rule answers this request")
}

func (s *Server) holdThenCut(w http.ResponseWriter, r *http.Request) {
	s.wait(s.hold, r.Context().Done())
	s.cut(w, r)
}

// wait returns true after d, false at shutdown or when left is closed.
func (s *Server) wait(d time.Duration, left <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-left:
	case <-s.closing:
	}
	return false
}

// cut ends the connection without an answer.
func (s *Server) cut(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // a transport without connections of its own; the nearest thing is a gateway's time-out
		s.log.WarnContext(r.Context(), "connection not cut", "error", err)
		writeProblem(w, problem(http.StatusGatewayTimeout, "timeout", "Timeout", "no answer"))
		return
	}
	_ = conn.Close() // it is of no use any more, closed or not
}

// work gives the context of an effect on the books. A client that leaves does not stop what it has asked for, as with a real bank.
func work(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), workTimeout)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, status int, body any, err error) {
	if err == nil {
		writeJSON(w, status, body)
		return
	}
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		s.log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "error", withoutValues(err))
	}
	writeProblem(w, p)
}

// withoutValues keeps the server's message out of the log: it may repeat an account number.
func withoutValues(err error) string {
	var fromServer *mysql.MySQLError
	if errors.As(err, &fromServer) {
		return (&mysql.MySQLError{Number: fromServer.Number, Message: "database refused"}).Error()
	}
	return err.Error()
}

func (s *Server) live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "live"})
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
	defer cancel()
	select {
	case <-s.closing:
		writeProblem(w, problem(http.StatusServiceUnavailable, "not_ready", "Not ready", "shutting down"))
		return
	default:
	}
	if err := s.books.db.PingContext(ctx); err != nil {
		writeProblem(w, problem(http.StatusServiceUnavailable, "not_ready", "Not ready", "the books do not answer"))
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}
