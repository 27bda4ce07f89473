package apiclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"durapay/internal/calendar"
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
	r, err := b.Do(ctx, Request{Method: http.MethodGet, Path: "/v1/accounts/" + key.path()})
	return decode[Account](r, err, http.StatusOK)
}

func (k AccountKey) path() string {
	return url.PathEscape(k.BankCode) + "/" + url.PathEscape(k.AccountNumber)
}

// Entries reads an account's statement of a day, oldest first. Errors: *Problem; a day
// of more than 100,000 entries.
func (b Bank) Entries(ctx context.Context, key AccountKey, day calendar.Date) ([]Entry, error) {
	type page struct {
		Items []Entry `json:"items"`
		Next  string  `json:"next"`
	}
	query := url.Values{"date": {day.String()}}
	var all []Entry
	for range mostPages {
		r, err := b.Do(ctx, Request{Method: http.MethodGet, Path: "/v1/statements/" + key.path() + "?" + query.Encode()})
		p, err := decode[page](r, err, http.StatusOK)
		if err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if p.Next == "" {
			return all, nil
		}
		query.Set("after", p.Next)
	}
	return nil, fmt.Errorf("statement of %s: more than %d pages", day, mostPages)
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
