package apiclient

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// Gateway is the platform's API before anybody is signed in.
type Gateway struct{ *Client }

// NewGateway makes a client of the platform at base.
func NewGateway(base string, o Options) Gateway { return Gateway{New(base, o)} }

// Register asks for a member with a wallet and does not wait; the flow tells the end.
// Errors: *Problem.
func (g Gateway) Register(ctx context.Context, key string, who Registration) (Accepted, error) {
	r, err := g.Do(ctx, Request{Method: http.MethodPost, Path: "/v1/memberships/async", Key: key, Body: who})
	return decode[Accepted](r, err, http.StatusAccepted)
}

// FollowRegistration waits for a registration's end, at most so long. Whoever knows its
// id may read it. Errors: *Problem.
func (g Gateway) FollowRegistration(ctx context.Context, flowID string, atMost time.Duration) (Flow, error) {
	return follow(ctx, g.Do, flowID, atMost)
}

// Login gives tokens for e-mail and password. Errors: *Problem.
func (g Gateway) Login(ctx context.Context, email, password string) (Tokens, error) {
	body := map[string]string{"email": email, "password": password}
	r, err := g.Do(ctx, Request{Method: http.MethodPost, Path: "/v1/auth/login", Body: body})
	return decode[Tokens](r, err, http.StatusOK)
}

// Refresh gives new tokens for a refresh token. It is sent once: should the answer be
// lost, the token is spent, and to use it again would end the sign-in. Errors: *Problem.
func (g Gateway) Refresh(ctx context.Context, refreshToken string) (Tokens, error) {
	body := map[string]string{"refreshToken": refreshToken}
	r, err := g.Do(ctx, Request{Method: http.MethodPost, Path: "/v1/auth/refresh", Body: body, Once: true})
	return decode[Tokens](r, err, http.StatusOK)
}

// The pace of following a flow. A server that cannot wait answers at once: the pause
// keeps us from asking it without end.
const (
	longestPoll    = 20 * time.Second
	betweenPolls   = 200 * time.Millisecond
	longestBetween = 2 * time.Second
)

type sender func(ctx context.Context, r Request) (Response, error)

// follow asks for a flow until it has ended, at most so long; then it gives where the
// flow stands, however that is.
func follow(ctx context.Context, send sender, flowID string, atMost time.Duration) (Flow, error) {
	until, pause := time.Now().Add(atMost), betweenPolls
	for { // bounded by until
		wait := min(longestPoll, max(time.Until(until), 0))
		r, err := send(ctx, Request{Method: http.MethodGet, Path: "/v1/flows/" + flowID + "?wait=" + strconv.Itoa(int(wait/time.Second))})
		flow, err := decode[Flow](r, err, http.StatusOK)
		if err != nil || flow.Final || !time.Now().Add(pause).Before(until) {
			return flow, err
		}
		if err := sleep(ctx, pause); err != nil {
			return flow, err
		}
		pause = min(2*pause, longestBetween)
	}
}
