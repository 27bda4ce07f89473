package apiclient

import (
	"context"
	"net/http"
	"net/url"
)

// Bank is the bank's own API.
type Bank struct{ *Client }

// NewBank makes a client of the bank at base.
func NewBank(base string, o Options) Bank { return Bank{New(base, o)} }

// Open opens an account with a balance. When the answer to an attempt was lost, the
// account is there already at the next one; it is ours when it is as we asked for.
// Errors: *Problem.
func (b Bank) Open(ctx context.Context, a Account) error {
	r, err := b.Do(ctx, Request{Method: http.MethodPost, Path: "/v1/accounts", Body: a})
	if err != nil {
		return err
	}
	if r.Status == http.StatusConflict && r.Attempts > 1 {
		return b.confirm(ctx, a, problemOf(r))
	}
	_, err = decode[Account](r, nil, http.StatusCreated)
	return err
}

func (b Bank) confirm(ctx context.Context, asked Account, refusal error) error {
	there, err := b.Account(ctx, asked.AccountKey)
	if err != nil {
		return err
	}
	if there != asked {
		return refusal
	}
	return nil
}

// Account reads an account. Errors: *Problem.
func (b Bank) Account(ctx context.Context, key AccountKey) (Account, error) {
	path := "/v1/accounts/" + url.PathEscape(key.BankCode) + "/" + url.PathEscape(key.AccountNumber)
	r, err := b.Do(ctx, Request{Method: http.MethodGet, Path: path})
	return decode[Account](r, err, http.StatusOK)
}
