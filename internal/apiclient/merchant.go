package apiclient

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Merchant is a franchise, known by its API key. It is safe for concurrent use.
type Merchant struct {
	gateway Gateway
	key     string
}

// Merchant gives the platform as the franchise with this API key sees it.
func (g Gateway) Merchant(apiKey string) Merchant { return Merchant{gateway: g, key: apiKey} }

// Do sends a request as this franchise.
func (m Merchant) Do(ctx context.Context, r Request) (Response, error) {
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("X-API-Key", m.key)
	r.Header = header
	return m.gateway.Do(ctx, r)
}

// CancelPayment gives a payment back. Errors: *Problem for a request that is not on record.
func (m Merchant) CancelPayment(ctx context.Context, key, paymentID string, c CancelRequest) (Outcome, error) {
	return launch(ctx, m.Do, cancelsPath(paymentID), key, c)
}

// FindCancel reads a cancel. Errors: *Problem.
func (m Merchant) FindCancel(ctx context.Context, paymentID, cancelID string) (Cancel, error) {
	return get[Cancel](ctx, m.Do, cancelsPath(paymentID)+"/", cancelID)
}

// FindPayment reads a payment. Errors: *Problem.
func (m Merchant) FindPayment(ctx context.Context, paymentID string) (Payment, error) {
	return get[Payment](ctx, m.Do, paymentsPath, paymentID)
}

// Statements reads the franchise's statements, newest first. Errors: *Problem.
func (m Merchant) Statements(ctx context.Context) ([]Statement, error) {
	return list[Statement](ctx, m.Do, "/v1/settlements/statements", nil)
}

// Lines reads what was cut into a statement, oldest first. Errors: *Problem.
func (m Merchant) Lines(ctx context.Context, statementID string) ([]StatementLine, error) {
	return list[StatementLine](ctx, m.Do, "/v1/settlements/statements/"+url.PathEscape(statementID)+"/lines", nil)
}

// Follow waits for the end of a request that still runs, as Session.Follow does.
func (m Merchant) Follow(ctx context.Context, o Outcome, atMost time.Duration) (Outcome, error) {
	return followOutcome(ctx, m.Do, o, atMost)
}

const paymentsPath = "/v1/payments/"

func cancelsPath(paymentID string) string {
	return paymentsPath + url.PathEscape(paymentID) + "/cancels"
}
