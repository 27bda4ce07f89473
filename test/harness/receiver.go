package harness

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// Message is what a receiver of webhooks was sent.
type Message struct {
	Header http.Header
	Body   []byte
}

// Receiver is a franchise's server, which is told of events.
type Receiver struct {
	URL string

	mu       sync.Mutex
	messages []Message
}

// NewReceiver starts a server that answers the nth message, counted from 1, with this
// status, until the test ends.
func NewReceiver(t testing.TB, answer func(n int) int) *Receiver {
	t.Helper()
	r := &Receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return // it broke off; it will be sent again
		}
		w.WriteHeader(answer(r.add(Message{Header: request.Header.Clone(), Body: body})))
	}))
	t.Cleanup(server.Close)
	r.URL = server.URL + "/hooks"
	return r
}

// Always answers every message alike.
func Always(status int) func(int) int { return func(int) int { return status } }

func (r *Receiver) add(m Message) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, m)
	return len(r.messages)
}

// Messages gives what has come so far.
func (r *Receiver) Messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

// SetWebhook has the franchise told of events at a URL until the test ends, and gives the
// secret.
func (f *Franchise) SetWebhook(t testing.TB, url string) (secret string) {
	t.Helper()
	t.Cleanup(func() { f.removeWebhook(t) }) // what another test's settlement would tell finds no server
	a := f.Send(t, http.MethodPut, f.Path("/webhook"), "", map[string]string{"url": url})
	if a.Status != http.StatusOK && a.Status != http.StatusCreated {
		t.Fatalf("webhook: %s", a)
	}
	var set struct{ Secret string }
	a.Into(t, &set)
	f.p.Secret(set.Secret)
	return set.Secret
}

func (f *Franchise) removeWebhook(t testing.TB) {
	t.Helper()
	c := Call{Method: http.MethodDelete, Path: f.Path("/webhook"), Header: map[string]string{APIKeyHeader: f.Key}}
	a, err := f.p.Do(context.WithoutCancel(t.Context()), c)
	if err != nil || a.Status != http.StatusNoContent {
		t.Errorf("remove the webhook: %s, %v", a, err)
	}
}
