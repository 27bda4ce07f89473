package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"durapay/internal/apiclient"
)

// callBound bounds one exchange: longer than the gateway's longest answer.
const callBound = time.Minute

func newHTTP() *http.Client {
	return &http.Client{Timeout: callBound, Transport: &http.Transport{MaxIdleConnsPerHost: 128}}
}

// Call is one request, as clean or as broken as a test wants it.
type Call struct {
	Method, Path string
	Token        string // access token, "" for none
	Key          string // Idempotency-Key, "" for none
	Body         any    // nil for none; a string or []byte as it is; anything else as JSON
	Header       map[string]string
	Base         string // another server's base URL, "" for the gateway
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

func (a Answer) String() string { return fmt.Sprintf("%d %s", a.Status, bytes.TrimSpace(a.Body)) }

// Do sends a request once. Errors: no answer.
func (p *Platform) Do(ctx context.Context, c Call) (Answer, error) {
	request, err := p.request(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	response, err := p.http.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return Answer{Status: response.StatusCode, Header: response.Header, Body: body}, err
}

func (p *Platform) request(ctx context.Context, c Call) (*http.Request, error) {
	body, err := encode(c.Body)
	if err != nil {
		return nil, err
	}
	base := c.Base
	if base == "" {
		base = p.API
	}
	request, err := http.NewRequestWithContext(ctx, c.Method, base+c.Path, body)
	if err != nil {
		return nil, err
	}
	if c.Body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.Key != "" {
		request.Header.Set("Idempotency-Key", c.Key)
	}
	for name, value := range c.Header {
		request.Header.Set(name, value)
	}
	return request, nil
}

func encode(body any) (io.Reader, error) {
	switch b := body.(type) {
	case nil:
		return http.NoBody, nil
	case string:
		return strings.NewReader(b), nil
	case []byte:
		return bytes.NewReader(b), nil
	default:
		encoded, err := json.Marshal(b)
		return bytes.NewReader(encoded), err
	}
}

// Call sends a request and checks what holds for every answer: no defect of the
// platform's shows, and an error is a problem document.
func (p *Platform) Call(t testing.TB, c Call) Answer {
	t.Helper()
	a, err := p.Do(t.Context(), c)
	if err != nil {
		t.Fatalf("%s %s: %v", c.Method, c.Path, err)
	}
	for _, flaw := range a.flaws() {
		t.Errorf("%s %s with %s: %s in %s", c.Method, c.Path, shortened(c.Body), flaw, a)
	}
	return a
}

func shortened(body any) string {
	const most = 300
	text := fmt.Sprintf("%v", body)
	return text[:min(len(text), most)]
}

// internals are words that only the inside of the platform uses.
var internals = regexp.MustCompile(`(?i)argon2|\bselect .* from\b|insert into|duplicate entry|sqlstate|error 1\d{3}|goroutine|panic|\.go:\d+|` +
	`stack trace|runtime error|mariadb|mysql|json: |strconv|UnmarshalType|grpc|rpc error|127\.0\.0\.1:\d+.*refused`)

// drawn are ids: their characters are drawn, and sometimes spell a word.
var drawn = regexp.MustCompile(`\b[a-z]{3}_[0-9A-Z]{26}\b`)

// inner finds a word of the inside in an answer's body.
func inner(body []byte) []byte { return internals.Find(drawn.ReplaceAll(body, nil)) }

// flaws tells what is wrong with an answer, whatever was asked.
func (a Answer) flaws() []string {
	var flaws []string
	if a.Status >= http.StatusInternalServerError {
		flaws = append(flaws, "a defect of the platform's")
	}
	if word := inner(a.Body); word != nil && strings.Contains(a.Header.Get("Content-Type"), "json") {
		flaws = append(flaws, fmt.Sprintf("%q", word))
	}
	if a.Status >= http.StatusBadRequest {
		flaws = append(flaws, a.problemFlaws()...)
	}
	return flaws
}

func (a Answer) problemFlaws() []string {
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		return []string{"an error of type " + got}
	}
	var p struct {
		Type, Title, Detail, Code, RequestID string
		Status                               int
	}
	if err := json.Unmarshal(a.Body, &p); err != nil {
		return []string{"an error that is no JSON"}
	}
	var flaws []string
	if p.Status != a.Status || p.RequestID == "" || p.RequestID != a.Header.Get("X-Request-Id") {
		flaws = append(flaws, "a wrong status or requestId")
	}
	if slices.Contains([]string{p.Type, p.Title, p.Detail, p.Code}, "") || strings.ContainsAny(p.Detail, "{}") {
		flaws = append(flaws, "an error without words")
	}
	return flaws
}

// Into reads the answer's body into v, which has every field that the body has or fewer.
func (a Answer) Into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		t.Fatalf("%s: %v", a, err)
	}
}

// Problem reads an error.
func (a Answer) Problem(t testing.TB) apiclient.Problem {
	t.Helper()
	var p apiclient.Problem
	a.Into(t, &p)
	return p
}

// Read reads an answer with this status into a new T.
func Read[T any](t testing.TB, a Answer, status int) T {
	t.Helper()
	if a.Status != status {
		t.Fatalf("expected %d, got %s", status, a)
	}
	var v T
	a.Into(t, &v)
	return v
}
