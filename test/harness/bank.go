package harness

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"durapay/internal/apiclient"
)

// The platform's own account at the bank.
var corporate = apiclient.AccountKey{BankCode: "004", AccountNumber: "10000000000001"}

// Operation is what a fault strikes.
type Operation string

// The operations of the bank.
const (
	Verify   Operation = "VERIFY"
	Transfer Operation = "TRANSFER"
	Inquire  Operation = "INQUIRE"
	Notice   Operation = "NOTICE" // a call-back of the bank's own
)

// Rule makes matching requests to the bank go wrong. Match by account: the faults are
// everybody's, and tests run side by side. A transfer matches by either of its sides.
type Rule struct {
	Match       Match  `json:"match"`
	Effect      Effect `json:"effect"`
	Times       int64  `json:"times,omitempty"` // 0 is without end; counted anew whenever any test changes its faults
	Probability int64  `json:"probability,omitempty"`
	Seed        int64  `json:"seed,omitempty"`
}

// Match says which requests a rule strikes.
type Match struct {
	Operation     Operation `json:"operation"`
	BankCode      string    `json:"bankCode,omitempty"`
	AccountNumber string    `json:"accountNumber,omitempty"`
	Reference     string    `json:"reference,omitempty"` // a prefix
}

// Effect is what happens to a struck request.
type Effect struct {
	Type        string `json:"type"`
	Reason      string `json:"reason,omitempty"`
	DelayMillis int64  `json:"delayMillis,omitempty"`
	Status      int    `json:"status,omitempty"`
}

// On makes a rule for one operation on one account.
func On(op Operation, a apiclient.AccountKey, e Effect) Rule {
	return Rule{Match: Match{Operation: op, BankCode: a.BankCode, AccountNumber: a.AccountNumber}, Effect: e}
}

// faultList is the rules of all tests that run now.
type faultList struct {
	mu    sync.Mutex
	rules []*Rule
}

// Fault puts rules in force, beside those of other tests, until the test ends or the
// result is called.
func (p *Platform) Fault(t testing.TB, rules ...Rule) (restore func()) {
	t.Helper()
	mine := make([]*Rule, len(rules))
	for i := range rules {
		mine[i] = &rules[i]
	}
	p.changeFaults(t, func(all []*Rule) []*Rule { return append(all, mine...) })
	restore = sync.OnceFunc(func() {
		p.changeFaults(t, func(all []*Rule) []*Rule {
			return slices.DeleteFunc(all, func(r *Rule) bool { return slices.Contains(mine, r) })
		})
	})
	t.Cleanup(restore)
	return restore
}

func (p *Platform) changeFaults(t testing.TB, change func([]*Rule) []*Rule) {
	t.Helper()
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.rules = change(p.faults.rules)
	if err := p.putFaults(context.WithoutCancel(t.Context()), p.faults.rules); err != nil {
		t.Errorf("faults of the bank: %v", err)
	}
}

// ClearFaults makes the bank a well-behaved one.
func (p *Platform) ClearFaults(ctx context.Context) error {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.rules = nil
	return p.putFaults(ctx, nil)
}

func (p *Platform) putFaults(ctx context.Context, rules []*Rule) error {
	if rules == nil {
		rules = []*Rule{} // an empty list clears, none is malformed
	}
	a, err := p.Do(ctx, Call{Method: http.MethodPut, Path: "/v1/faults", Base: p.BankURL, Body: map[string]any{"rules": rules}})
	if err == nil && a.Status != http.StatusOK {
		err = fmt.Errorf("bank: %s", a)
	}
	return err
}

// accounts counts the accounts opened by this process; their numbers begin with the
// time of its start, so that they are new in kept data too.
var (
	accounts   atomic.Int64
	numberBase = time.Now().UnixNano() / 1e6 % 1e9
)

// OpenAccount opens a new account at a bank.
func (p *Platform) OpenAccount(t testing.TB, bankCode, holder string, balance int64) apiclient.Account {
	t.Helper()
	number := fmt.Sprintf("7%09d%05d", numberBase, accounts.Add(1))
	account := apiclient.Account{AccountKey: apiclient.AccountKey{BankCode: bankCode, AccountNumber: number}, HolderName: holder, Balance: balance}
	p.OpenAccountAs(t, account)
	return account
}

// OpenAccountAs opens an account that is just so.
func (p *Platform) OpenAccountAs(t testing.TB, account apiclient.Account) {
	t.Helper()
	p.clear.add(account.AccountNumber)
	Read[struct{}](t, p.atBank(t, http.MethodPost, "/v1/accounts", account), http.StatusCreated)
}

// SetAccountState closes, suspends, reports or opens an account.
func (p *Platform) SetAccountState(t testing.TB, a apiclient.AccountKey, state string) {
	t.Helper()
	Read[struct{}](t, p.atBank(t, http.MethodPatch, accountPath(a), map[string]string{"state": state}), http.StatusOK)
}

// BankBalance gives what the bank says is on an account, in won.
func (p *Platform) BankBalance(t testing.TB, a apiclient.AccountKey) int64 {
	t.Helper()
	return Read[apiclient.Account](t, p.atBank(t, http.MethodGet, accountPath(a), nil), http.StatusOK).Balance
}

// CorporateBalance gives what is on the platform's own account, in won.
func (p *Platform) CorporateBalance(t testing.TB) int64 {
	t.Helper()
	return p.BankBalance(t, corporate)
}

// ReturnTransfer makes the bank send an accepted transfer back.
func (p *Platform) ReturnTransfer(t testing.TB, reference, reason string) {
	t.Helper()
	Read[struct{}](t, p.atBank(t, http.MethodPost, "/v1/returns", map[string]string{"reference": reference, "reason": reason}), http.StatusOK)
}

// Deposit brings money from outside to an account, and gives the bank's own id of it,
// which the statement and the notice carry.
func (p *Platform) Deposit(t testing.TB, d apiclient.Deposit) (bankTransactionID string) {
	t.Helper()
	type made struct {
		BankTransactionID string `json:"bankTransactionId"`
	}
	return Read[made](t, p.atBank(t, http.MethodPost, "/v1/deposits", d), http.StatusCreated).BankTransactionID
}

func accountPath(a apiclient.AccountKey) string {
	return "/v1/accounts/" + a.BankCode + "/" + a.AccountNumber
}

func (p *Platform) atBank(t testing.TB, method, path string, body any) Answer {
	t.Helper()
	a, err := p.Do(t.Context(), Call{Method: method, Path: path, Base: p.BankURL, Body: body})
	if err != nil {
		t.Fatalf("bank: %v", err)
	}
	return a
}
