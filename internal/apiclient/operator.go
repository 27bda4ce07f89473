package apiclient

import (
	"context"
	"net/http"
	"net/url"

	"durapay/internal/calendar"
)

// Operator is a signed-in operator.
type Operator struct{ *Session }

// RegisterFranchise asks for a franchise. Errors: *Problem for a request that is not on record.
func (o Operator) RegisterFranchise(ctx context.Context, key string, f FranchiseRegistration) (Outcome, error) {
	return launch(ctx, o.Do, "/v1/franchises", key, f)
}

// NewAPIKey makes an API key for a franchise. When the answer is lost, the repeat makes
// another one. Errors: *Problem.
func (o Operator) NewAPIKey(ctx context.Context, franchiseID, label string) (string, error) {
	path := "/v1/franchises/" + url.PathEscape(franchiseID) + "/api-keys"
	r, err := o.Do(ctx, Request{Method: http.MethodPost, Path: path, Body: map[string]string{"label": label}})
	made, err := decode[struct {
		Key string `json:"key"`
	}](r, err, http.StatusCreated)
	return made.Key, err
}

// CancelPayment gives a payment back. Errors: *Problem for a request that is not on record.
func (o Operator) CancelPayment(ctx context.Context, key, paymentID string, c CancelRequest) (Outcome, error) {
	return launch(ctx, o.Do, cancelsPath(paymentID), key, c)
}

// Settle settles a business date, which has one run whoever asks. Errors: *Problem for a
// request that is not on record.
func (o Operator) Settle(ctx context.Context, key string, date calendar.Date) (Outcome, error) {
	return launch(ctx, o.Do, "/v1/settlements/runs", key, map[string]calendar.Date{"businessDate": date})
}

// Runs reads all runs, dry ones too, newest first. Errors: *Problem.
func (o Operator) Runs(ctx context.Context) ([]Run, error) {
	return list[Run](ctx, o.Do, "/v1/settlements/runs", nil)
}

// FindRun reads a run. Errors: *Problem.
func (o Operator) FindRun(ctx context.Context, runID string) (Run, error) {
	return get[Run](ctx, o.Do, "/v1/settlements/runs/", runID)
}

// Firmbankings reads the transfers at banks that a flow has made. Errors: *Problem.
func (o Operator) Firmbankings(ctx context.Context, flowID string) ([]Firmbanking, error) {
	return list[Firmbanking](ctx, o.Do, "/v1/firmbankings", url.Values{"flowId": {flowID}})
}
