package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bank is the corporate account at the bank, read over the bank's own HTTP interface.
type Bank struct {
	URL           string // http://host:port
	BankCode      string
	AccountNumber string
	Timeout       time.Duration // of one call
}

// movement is one line of the bank's statement of the corporate account.
type movement struct {
	EntryID      string    `json:"entryId"`
	Reference    string    `json:"reference"`
	Direction    string    `json:"direction"`
	Amount       int64     `json:"amount"`
	BalanceAfter int64     `json:"balanceAfter"`
	At           time.Time `json:"at"`
	Counterparty *struct {
		BankCode      string `json:"bankCode"`
		AccountNumber string `json:"accountNumber"`
	} `json:"counterparty"`
}

// The directions of a movement.
const (
	movedIn  = "IN"
	movedOut = "OUT"
)

// signed is the movement's effect on the account, in won.
func (m *movement) signed() int64 {
	if m.Direction == movedOut {
		return -m.Amount
	}
	return m.Amount
}

// How the bank refers to the movements that it makes by itself. One that brings a
// transfer back has the transfer's own reference before the suffix, or the SHA-256 of
// one that is too long for that.
const (
	returnSuffix     = "/return"
	depositPrefix    = "BDP"
	longestReference = 128
)

func (m *movement) returned() bool { return strings.HasSuffix(m.Reference, returnSuffix) }

func (m *movement) deposited() bool { return strings.HasPrefix(m.Reference, depositPrefix) }

// transfer is the reference of the transfer that a movement carries out or brings back.
func (m *movement) transfer() string { return strings.TrimSuffix(m.Reference, returnSuffix) }

// returnOf is the reference of the movement that brings a transfer back.
func returnOf(reference string) string {
	if len(reference)+len(returnSuffix) > longestReference {
		sum := sha256.Sum256([]byte(reference))
		reference = hex.EncodeToString(sum[:])
	}
	return reference + returnSuffix
}

type statementPage struct {
	OpeningBalance int64      `json:"openingBalance"`
	Items          []movement `json:"items"`
}

// seoul is the zone of the bank's days. Korea has had no daylight saving since 1988.
var seoul = time.FixedZone("KST", 9*60*60)

// The bounds of a call to the bank, and of its answer.
const (
	bankAttempts  = 4
	bankFirstWait = 100 * time.Millisecond // doubled after each further failure
	maxBankBody   = 4 << 20
)

// errNoAccount is told when the bank does not have the corporate account.
var errNoAccount = errors.New("the bank does not have the corporate account")

// balance asks for the account's balance, in won.
func (b Bank) balance(ctx context.Context) (int64, error) {
	var answer struct {
		Balance *int64 `json:"balance"`
	}
	if err := b.get(ctx, b.path("accounts"), &answer); err != nil {
		return 0, err
	}
	if answer.Balance == nil {
		return 0, errors.New("the bank told no balance")
	}
	return *answer.Balance, nil
}

// statement asks for a page of a day's movements, those behind an entry; "" is the first page.
func (b Bank) statement(ctx context.Context, day time.Time, after string) (statementPage, error) {
	query := url.Values{"date": {day.In(seoul).Format(time.DateOnly)}, "limit": {strconv.Itoa(pageRows)}}
	if after != "" {
		query.Set("after", after)
	}
	var page statementPage
	err := b.get(ctx, b.path("statements")+"?"+query.Encode(), &page)
	return page, err
}

func (b Bank) path(resource string) string {
	return b.URL + "/v1/" + resource + "/" + url.PathEscape(b.BankCode) + "/" + url.PathEscape(b.AccountNumber)
}

// get reads; a reading can be repeated, so a fault of the bank's is given some chances.
func (b Bank) get(ctx context.Context, address string, into any) error {
	var err error
	for attempt := range bankAttempts {
		if attempt > 0 {
			if ctxErr := pause(ctx, bankFirstWait<<attempt); ctxErr != nil {
				return ctxErr
			}
		}
		if err = b.once(ctx, address, into); err == nil || errors.Is(err, errNoAccount) {
			return err
		}
	}
	return err
}

func (b Bank) once(ctx context.Context, address string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errors.New("the bank's address is no URL") // the error would repeat the account number
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("the bank gave no answer: %w", withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return errNoAccount
	default:
		return fmt.Errorf("the bank answered %s", response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxBankBody)).Decode(into); err != nil {
		return fmt.Errorf("the bank's answer: %w", err)
	}
	return nil
}

// withoutURL takes the address, which names the account, out of an error.
func withoutURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}

// movements reads the statement from a day on, page by page.
type movements struct {
	bank     Bank
	day, end time.Time // end is the last day asked for
	after    string    // the last entry read of the day
	opening  int64     // the balance before the first day, known after the first page
	begun    bool
}

// daysOpen is for how many days before the end a day may still get movements, however
// the bank's clock differs from ours.
const daysOpen = 3

// next gives the next page, empty when there is nothing more for now. It leaves a day
// only for one that has movements, or when it is long over: the bank keeps an account's
// movements in the order of their times.
func (m *movements) next(ctx context.Context) ([]movement, error) {
	after := m.after
	for day := m.day; ; day = day.AddDate(0, 0, 1) {
		page, err := m.bank.statement(ctx, day, after)
		if err != nil {
			return nil, err
		}
		if !m.begun {
			m.opening, m.begun = page.OpeningBalance, true
		}
		if n := len(page.Items); n > 0 {
			m.day, m.after = day, page.Items[n-1].EntryID
			return page.Items, nil
		}
		if !day.Before(m.end) {
			return nil, nil
		}
		if after = ""; day.Before(m.end.AddDate(0, 0, -daysOpen)) {
			m.day, m.after = day.AddDate(0, 0, 1), ""
		}
	}
}
