// Package apiclient is a typed client of the platform's public API and of the bank's.
// It is an outsider: it knows what is documented, and nothing of the services.
//
// A request whose answer is lost is sent again, with the same Idempotency-Key, until it
// is answered or its time is over.
package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Retry bounds how long a request is sent again. The zero Retry sends it once.
type Retry struct {
	First   time.Duration // the first pause; each further one is twice as long
	Longest time.Duration // the longest pause
	Total   time.Duration // after this much no further attempt begins
	Attempt time.Duration // bound of one attempt, 0 for none but the caller's
}

// DefaultRetry outlasts the restart of any part of the platform. An attempt may take as
// long as the gateway's longest answer.
func DefaultRetry() Retry {
	return Retry{First: 100 * time.Millisecond, Longest: 3 * time.Second, Total: 2 * time.Minute, Attempt: 45 * time.Second}
}

// Options are how a client behaves.
type Options struct {
	Retry     Retry
	Transport http.RoundTripper   // nil is http.DefaultTransport
	OnRetry   func(reason string) // called before each repeat; may be nil
}

// Client sends requests to one server. It is safe for concurrent use.
type Client struct {
	base string
	o    Options
	http http.Client
}

// New makes a client of the server at base, "http://127.0.0.1:8080".
func New(base string, o Options) *Client {
	if o.OnRetry == nil {
		o.OnRetry = func(string) {}
	}
	return &Client{base: strings.TrimRight(base, "/"), o: o, http: http.Client{Transport: o.Transport}}
}

// Request is one request. It is the same request however often it is sent.
type Request struct {
	Method, Path string
	Token        string // access token, "" for none
	Key          string // Idempotency-Key, "" for none
	Header       http.Header
	Body         any  // marshalled to JSON; nil for none; json.RawMessage is sent as it is
	Once         bool // never sent again: a repeat would not be the same
}

// Response is the answer to a request.
type Response struct {
	Status   int
	Header   http.Header
	Body     []byte
	Attempts int // how often the request was sent
}

// maxAnswer bounds an answer's body, in bytes.
const maxAnswer = 4 << 20

// Do sends the request until it is answered. An answer that says "later" (429, 502, 503,
// 504) is no answer yet; when the time is over it is given as it is.
// Errors: no answer at all in the time of Retry; the caller's context.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	body, err := encode(r.Body)
	if err != nil {
		return Response{}, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	began, pause := time.Now(), c.o.Retry.First
	for attempt := 1; ; attempt++ { // bounded by Retry.Total
		response, err := c.send(ctx, r, body)
		response.Attempts = attempt
		reason := later(response, err)
		if reason == "" || ctx.Err() != nil || r.Once || time.Since(began)+pause > c.o.Retry.Total {
			return response, failure(r, attempt, err)
		}
		c.o.OnRetry(reason)
		if err := sleep(ctx, max(pause, c.asked(response))); err != nil {
			return response, failure(r, attempt, err)
		}
		pause = min(2*pause, c.o.Retry.Longest)
	}
}

func failure(r Request, attempts int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: not answered in %d attempts: %w", r.Method, r.Path, attempts, err)
}

func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	return json.Marshal(body)
}

// send sends the request once.
func (c *Client) send(ctx context.Context, r Request, body []byte) (Response, error) {
	if c.o.Retry.Attempt > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.o.Retry.Attempt)
		defer cancel()
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, c.base+r.Path, bytes.NewReader(body))
	if err != nil {
		return Response{}, err
	}
	setHeaders(request, r)
	answer, err := c.http.Do(request)
	if err != nil {
		return Response{}, err
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return Response{}, err
	}
	return Response{Status: answer.StatusCode, Header: answer.Header, Body: read}, nil
}

func setHeaders(request *http.Request, r Request) {
	for name, values := range r.Header {
		request.Header[name] = values
	}
	if r.Body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if r.Token != "" {
		request.Header.Set("Authorization", "Bearer "+r.Token)
	}
	if r.Key != "" {
		request.Header.Set("Idempotency-Key", r.Key)
	}
}

// later tells in a word why a request has not been answered yet, "" when it has.
func later(r Response, err error) string {
	switch {
	case err != nil:
		return word(err)
	case r.Status == http.StatusTooManyRequests, r.Status == http.StatusBadGateway,
		r.Status == http.StatusServiceUnavailable, r.Status == http.StatusGatewayTimeout:
		p := problemOf(r)
		if p.recorded() { // it is over and on record: every repeat would be told the same
			return ""
		}
		return strconv.Itoa(r.Status) + " " + p.Code
	default:
		return ""
	}
}

func word(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection lost"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	default:
		return "not sent"
	}
}

// asked is how long the server asks to wait, as far as a pause may be long.
func (c *Client) asked(r Response) time.Duration {
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, c.o.Retry.Longest)
}

// sleep waits, but for no longer than ctx lives.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
