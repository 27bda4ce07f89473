package apiclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Session is somebody who is signed in. Its tokens are renewed before they end. It is safe for
// concurrent use.
type Session struct {
	gateway         Gateway
	email, password string

	mu     sync.Mutex // held while tokens are renewed, so that one caller does it for all
	tokens Tokens
	ends   time.Time // of the access token
}

// SignIn begins a session. Errors: *Problem.
func (g Gateway) SignIn(ctx context.Context, email, password string) (*Session, error) {
	s := &Session{gateway: g, email: email, password: password}
	_, err := s.token(ctx)
	return s, err
}

// renewBefore is how long before its end an access token is not used any more. It is more
// than an attempt and its pause take.
const renewBefore = time.Minute

func (s *Session) token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Until(s.ends) > s.margin() {
		return s.tokens.AccessToken, nil
	}
	began := time.Now()
	tokens, err := s.renew(ctx)
	if err != nil {
		return "", err
	}
	s.tokens, s.ends = tokens, began.Add(time.Duration(tokens.ExpiresIn)*time.Second)
	return tokens.AccessToken, nil
}

// margin is renewBefore, but no more than half a short life: each renewal has to be of use.
func (s *Session) margin() time.Duration {
	return min(renewBefore, time.Duration(s.tokens.ExpiresIn)*time.Second/2)
}

// renew takes the refresh token when there is one; whatever is wrong with it, password
// and e-mail are still good.
func (s *Session) renew(ctx context.Context) (Tokens, error) {
	if s.tokens.RefreshToken != "" {
		if tokens, err := s.gateway.Refresh(ctx, s.tokens.RefreshToken); err == nil {
			return tokens, nil
		}
	}
	return s.gateway.Login(ctx, s.email, s.password)
}

// Forget drops the tokens; the next request signs in anew.
func (s *Session) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens, s.ends = Tokens{}, time.Time{}
}

// Do sends a request as this member. A token that is refused is replaced once: it may
// have ended while the request was under way.
func (s *Session) Do(ctx context.Context, r Request) (Response, error) {
	response, err := s.once(ctx, r)
	if err != nil || response.Status != http.StatusUnauthorized {
		return response, err
	}
	s.Forget()
	return s.once(ctx, r)
}

func (s *Session) once(ctx context.Context, r Request) (Response, error) {
	token, err := s.token(ctx)
	if err != nil {
		return Response{}, fmt.Errorf("sign-in: %w", err)
	}
	r.Token = token
	return s.gateway.Do(ctx, r)
}

// Link links a bank account. Errors: *Problem for a request that is not on record.
func (s *Session) Link(ctx context.Context, key string, account BankAccountLink) (Outcome, error) {
	return launch(ctx, s.Do, "/v1/bank-accounts", key, account)
}

// TopUp fills the wallet. Errors: as Link.
func (s *Session) TopUp(ctx context.Context, key string, r MoneyRequest) (Outcome, error) {
	return launch(ctx, s.Do, "/v1/money/increase", key, r)
}

// Withdraw pays out to a linked account. Errors: as Link.
func (s *Session) Withdraw(ctx context.Context, key string, r MoneyRequest) (Outcome, error) {
	return launch(ctx, s.Do, "/v1/money/decrease", key, r)
}

// Remit sends money. Errors: as Link.
func (s *Session) Remit(ctx context.Context, key string, r RemittanceRequest) (Outcome, error) {
	return launch(ctx, s.Do, "/v1/remittances", key, r)
}

// Pay pays a franchise. Errors: as Link.
func (s *Session) Pay(ctx context.Context, key string, r PaymentRequest) (Outcome, error) {
	return launch(ctx, s.Do, "/v1/payments", key, r)
}

// launch sends a request that a flow works on, and tells how it stands.
func launch(ctx context.Context, send sender, path, key string, body any) (Outcome, error) {
	r, err := send(ctx, Request{Method: http.MethodPost, Path: path, Key: key, Body: body})
	if err != nil {
		return Outcome{}, err
	}
	return outcomeOf(r)
}

func outcomeOf(r Response) (Outcome, error) {
	switch {
	case r.Status == http.StatusCreated:
		return created(r)
	case r.Status == http.StatusAccepted:
		var a Accepted
		err := json.Unmarshal(r.Body, &a)
		return Outcome{ID: a.ID, State: a.State, Flow: a.Flow.ID}, err
	}
	p := problemOf(r)
	if !p.recorded() {
		return Outcome{}, p
	}
	return Outcome{ID: p.ID, State: p.State, Code: p.Code}, nil
}

// created reads a success. What is not a request itself, such as a linked account, has
// states of its own.
func created(r Response) (Outcome, error) {
	var made struct {
		ID    string `json:"id"`
		State State  `json:"state"`
	}
	err := json.Unmarshal(r.Body, &made)
	if !made.State.Final() {
		made.State = Succeeded
	}
	return Outcome{ID: made.ID, State: made.State}, err
}

// Follow waits for the end of a request that still runs, at most so long. One that has
// ended is given as it is. Errors: *Problem.
func (s *Session) Follow(ctx context.Context, o Outcome, atMost time.Duration) (Outcome, error) {
	return followOutcome(ctx, s.Do, o, atMost)
}

func followOutcome(ctx context.Context, send sender, o Outcome, atMost time.Duration) (Outcome, error) {
	if o.State.Final() {
		return o, nil
	}
	flow, err := follow(ctx, send, url.PathEscape(o.Flow), atMost)
	if err != nil {
		return o, err
	}
	o.State = flow.State
	if flow.Failure != nil {
		o.Code = flow.Failure.Code
	}
	return o, nil
}

// FollowFlow waits for a flow's end, at most so long. Errors: *Problem.
func (s *Session) FollowFlow(ctx context.Context, flowID string, atMost time.Duration) (Flow, error) {
	return follow(ctx, s.Do, url.PathEscape(flowID), atMost)
}

// FindTopUp reads a top-up. Errors: *Problem.
func (s *Session) FindTopUp(ctx context.Context, id string) (Money, error) {
	return get[Money](ctx, s.Do, "/v1/money/increase/", id)
}

// FindWithdrawal reads a withdrawal. Errors: *Problem.
func (s *Session) FindWithdrawal(ctx context.Context, id string) (Money, error) {
	return get[Money](ctx, s.Do, "/v1/money/decrease/", id)
}

// FindRemittance reads a remittance. Errors: *Problem.
func (s *Session) FindRemittance(ctx context.Context, id string) (Remittance, error) {
	return get[Remittance](ctx, s.Do, "/v1/remittances/", id)
}

// FindPayment reads a payment. Errors: *Problem.
func (s *Session) FindPayment(ctx context.Context, id string) (Payment, error) {
	return get[Payment](ctx, s.Do, paymentsPath, id)
}

// Balance reads a wallet. Errors: *Problem.
func (s *Session) Balance(ctx context.Context, membershipID string) (Balance, error) {
	return get[Balance](ctx, s.Do, "/v1/money/", membershipID)
}

func get[T any](ctx context.Context, send sender, path, id string) (T, error) {
	r, err := send(ctx, Request{Method: http.MethodGet, Path: path + url.PathEscape(id)})
	return decode[T](r, err, http.StatusOK)
}
