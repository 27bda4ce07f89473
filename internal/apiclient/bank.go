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

// Transfer is what became of a transfer at the bank. Amount is in won.
type Transfer struct {
	Reference         string `json:"reference"`
	Status            string `json:"status"` // ACCEPTED, REJECTED, RETURNED or NOT_FOUND
	Reason            string `json:"reason"` // of a rejection or a return
	BankTransactionID string `json:"bankTransactionId"`
	Amount            int64  `json:"amount"`
}

// ReturnTransfer makes the bank send an accepted transfer back; a repeat for the same reason changes nothing.
// Errors: *Problem, of status 409 when the receiver no longer has the money.
func (b Bank) ReturnTransfer(ctx context.Context, reference, reason string) (Transfer, error) {
	body := map[string]string{"reference": reference, "reason": reason}
	r, err := b.Do(ctx, Request{Method: http.MethodPost, Path: "/v1/returns", Body: body})
	return decode[Transfer](r, err, http.StatusOK)
}

// Deposit is money from outside that arrives on an account. Amount is in won.
type Deposit struct {
	Reference string     `json:"reference"` // of whoever brings it; a repeat changes nothing
	Account   AccountKey `json:"account"`
	Amount    int64      `json:"amount"`
	Memo      string     `json:"memo"`
}

// Deposit brings money from outside to an account, and gives the bank's own id of it, which the statement and the notice carry.
// Errors: *Problem.
func (b Bank) Deposit(ctx context.Context, d Deposit) (bankTransactionID string, err error) {
	r, err := b.Do(ctx, Request{Method: http.MethodPost, Path: "/v1/deposits", Body: d})
	made, err := decode[struct {
		BankTransactionID string `json:"bankTransactionId"`
	}](r, err, http.StatusCreated)
	return made.BankTransactionID, err
}
