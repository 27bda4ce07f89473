package bankapi

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"durapay/errs"
	"durapay/services/banking"
)

const currency = "KRW"

// The words of the wire for what became of a transfer.
const (
	statusAccepted = "ACCEPTED"
	statusRejected = "REJECTED"
	statusNotFound = "NOT_FOUND"
	statusReturned = "RETURNED" // accepted first, sent back by the receiving bank later
)

// maxTransactionID bounds the bank's own number of a transfer, in bytes.
const maxTransactionID = 64

type accountKey struct {
	BankCode      string `json:"bankCode"`
	AccountNumber string `json:"accountNumber"`
}

func keyOf(ref banking.BankAccountRef) accountKey {
	return accountKey{BankCode: ref.BankCode, AccountNumber: ref.Number}
}

type verifyRequest struct {
	accountKey
	HolderName string `json:"holderName"`
}

type verifyResponse struct {
	Result banking.Verification `json:"result"`
}

func (r verifyResponse) verification() (banking.Verification, error) {
	switch r.Result {
	case banking.Match, banking.HolderMismatch, banking.NoSuchAccount,
		banking.AccountIsClosed, banking.AccountIsSuspended, banking.AccountIsReported:
		return r.Result, nil
	default:
		return "", errors.New("bank answer: unknown result of a verification")
	}
}

type receiver struct {
	accountKey
	HolderName string `json:"holderName,omitempty"`
}

type transferRequest struct {
	Reference  string     `json:"reference"`
	From       accountKey `json:"from"`
	To         receiver   `json:"to"`
	Amount     int64      `json:"amount"`
	Currency   string     `json:"currency"`
	ValidUntil time.Time  `json:"validUntil"`
}

func newTransferRequest(t banking.Transfer) transferRequest {
	return transferRequest{
		Reference: t.Reference, From: keyOf(t.From), To: receiver{accountKey: keyOf(t.To), HolderName: t.To.HolderName},
		Amount: t.Amount, Currency: currency, ValidUntil: t.ValidUntil,
	}
}

type transferResponse struct {
	Reference         string `json:"reference"`
	Status            string `json:"status"`
	Reason            string `json:"reason"`
	BankTransactionID string `json:"bankTransactionId"`
}

// answer takes a clear yes or a clear no; anything else is an error. What was sent back
// was accepted all the same: its return is an event of its own, told by a notice.
func (r transferResponse) answer() (banking.Answer, error) {
	switch {
	case r.Status == statusAccepted && r.Reason == "" && visible(r.BankTransactionID):
		return banking.Answer{Kind: banking.Accepted, BankTransactionID: r.BankTransactionID}, nil
	case r.Status == statusReturned && visible(r.BankTransactionID):
		return banking.Answer{Kind: banking.Accepted, BankTransactionID: r.BankTransactionID}, nil
	case r.Status == statusRejected && r.Reason == reasonDuplicate:
		return banking.Answer{}, errors.New("bank answer: the reference is known, its outcome is not told")
	case r.Status == statusRejected && r.Reason != "":
		return banking.Answer{Kind: banking.Rejected, Reason: codeOf(r.Reason)}, nil
	default:
		return banking.Answer{}, errors.New("bank answer: no known outcome of a transfer")
	}
}

// visible tells whether a transaction number can be kept; "" is one that a bank did not give.
func visible(id string) bool {
	return len(id) <= maxTransactionID && !strings.ContainsFunc(id, func(r rune) bool { return r < '!' || r > '~' })
}

// reasonDuplicate is no rejection of the transfer: it says that the bank has had the
// reference before, and that one may have been accepted.
const reasonDuplicate = "DUPLICATE_REFERENCE"

// codeOf gives the platform's code for a bank's reason; one that is new to us is a
// rejection all the same.
func codeOf(reason string) errs.Code {
	switch reason {
	case "NO_SUCH_ACCOUNT":
		return errs.BankNoSuchAccount.Code
	case "CLOSED":
		return errs.BankAccountClosed.Code
	case "REPORTED":
		return errs.BankAccountReported.Code
	case "SUSPENDED":
		return errs.BankAccountSuspended.Code
	case "NAME_MISMATCH":
		return errs.BankNameMismatch.Code
	case "INSUFFICIENT_FUNDS":
		return errs.BankInsufficientFunds.Code
	case "LIMIT_EXCEEDED":
		return errs.BankLimitExceeded.Code
	case "MAINTENANCE":
		return errs.BankMaintenance.Code
	case "EXPIRED": // it arrived too late and was not carried out
		return errs.BankNotExecuted.Code
	default:
		return errs.BankDeclined.Code
	}
}

type statementResponse struct {
	OpeningBalance int64  `json:"openingBalance"`
	ClosingBalance int64  `json:"closingBalance"`
	Currency       string `json:"currency"`
	Items          []struct {
		EntryID      string      `json:"entryId"`
		Reference    string      `json:"reference"`
		Direction    string      `json:"direction"`
		Amount       int64       `json:"amount"`
		BalanceAfter int64       `json:"balanceAfter"`
		Counterparty *accountKey `json:"counterparty"`
		At           time.Time   `json:"at"`
	} `json:"items"`
	Next string `json:"next"`
}

func (r statementResponse) page() (banking.StatementPage, error) {
	if r.Currency != currency {
		return banking.StatementPage{}, errors.New("bank answer: a statement in another currency")
	}
	p := banking.StatementPage{OpeningBalance: r.OpeningBalance, ClosingBalance: r.ClosingBalance, Next: r.Next,
		Entries: make([]banking.StatementEntry, len(r.Items))}
	for i, item := range r.Items {
		if item.Amount < 1 || item.Direction != "IN" && item.Direction != "OUT" {
			return banking.StatementPage{}, fmt.Errorf("bank answer: entry %d of a statement is malformed", i)
		}
		e := banking.StatementEntry{EntryID: item.EntryID, Reference: item.Reference, Incoming: item.Direction == "IN",
			Amount: item.Amount, BalanceAfter: item.BalanceAfter, At: item.At}
		if item.Counterparty != nil {
			e.Counterparty = banking.BankAccountRef{BankCode: item.Counterparty.BankCode, Number: item.Counterparty.AccountNumber}
		}
		p.Entries[i] = e
	}
	return p, nil
}
