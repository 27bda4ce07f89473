package bank

import (
	"bytes"
	"encoding/json"
	"time"
)

// NoticeType is what a notice tells of.
type NoticeType string

// The types of notices.
const (
	NoticeReturned NoticeType = "TRANSFER_RETURNED" // a transfer from the subscribed account was accepted and is sent back now
	NoticeDeposit  NoticeType = "DEPOSIT"           // money from outside the books arrived on the subscribed account
)

// Notice is what the bank tells its subscriber by itself, in the JSON it is sent in. A notice comes at least once; a repeat has the same ID.
type Notice struct {
	ID                string      `json:"id"` // 1 to 64 of A-Z, a-z, 0-9, "_" and "-"
	Type              NoticeType  `json:"type"`
	Reference         string      `json:"reference"` // the returned transfer's, or the bank's own of a deposit
	BankTransactionID string      `json:"bankTransactionId"`
	Amount            int64       `json:"amount"` // won
	Currency          string      `json:"currency"`
	Reason            Reason      `json:"reason,omitempty"` // only of a return
	Account           AccountKey  `json:"account"`          // the subscribed one
	Counterparty      *AccountKey `json:"counterparty,omitempty"`
	Memo              string      `json:"memo"`
	At                time.Time   `json:"at"` // of the entry in the books
}

func noticeOfReturn(r transferRow) Notice {
	to := r.to()
	return Notice{ID: "return-" + transactionID(r.ID), Type: NoticeReturned, Reference: r.Reference, BankTransactionID: transactionID(r.ID),
		Amount: r.Amount, Currency: Currency, Reason: r.Reason, Account: r.from(), Counterparty: &to, Memo: r.Memo, At: *r.ReturnedAt}
}

func noticeOfDeposit(d Deposit) Notice {
	return Notice{ID: "deposit-" + d.BankReference(), Type: NoticeDeposit, Reference: d.BankReference(), BankTransactionID: d.BankReference(),
		Amount: d.Amount, Currency: Currency, Account: d.Account, Memo: d.Memo, At: d.At}
}

// body gives the bytes to send. A memo is told as it is written, not escaped for a web page.
func (n Notice) body() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(n)
	return bytes.TrimRight(b.Bytes(), "\n"), wrap("encode notice", err)
}

// call is the notice as faults see it.
func (n Notice) call() call {
	c := call{operation: OpNotice, accounts: []AccountKey{n.Account}, amount: n.Amount, reference: n.Reference}
	if n.Counterparty != nil {
		c.accounts = append(c.accounts, *n.Counterparty)
	}
	return c
}

// The pauses between attempts at what the bank does by itself.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 30 * time.Second
)

// pauseAfter is how long to wait after so many attempts that failed: twice as long each time, up to a bound.
func pauseAfter(attempts int) time.Duration {
	pause := firstPause
	for range min(max(attempts-1, 0), 8) { // 2^8 first pauses are longer than the longest
		pause *= 2
	}
	return min(pause, longestPause)
}
