package harness

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"durapay/internal/apiclient"
	"durapay/internal/calendar"
)

// The roles of staff.
const (
	OperatorRole = "OPERATOR"
	AuditorRole  = "AUDITOR"
)

// Staff makes one more operator or auditor with `durapay staff` and signs in.
func (p *Platform) Staff(t testing.TB, role string) (token string) {
	t.Helper()
	email, password := strings.ToLower(rand.Text())+"@durapay.local", rand.Text()
	p.clear.add(email, password)
	cmd := exec.CommandContext(t.Context(), p.binary, "staff", "--data", p.Data, "--email", email, "--role", role)
	cmd.Env = append(p.environ(), "DURAPAY_STAFF_PASSWORD="+password)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("durapay staff: %v: %s", err, out)
	}
	return p.Login(t, email, password).AccessToken
}

// dateBook hands out business dates: the run of a date exists once, so that each test
// needs dates of its own.
type dateBook struct {
	mu    sync.Mutex
	given map[string]bool
}

const (
	mostDaysAhead = 31               // how far ahead of today a run's date may lie
	beforeNight   = 15 * time.Minute // this near to midnight today is no date any more: it would be over before it is settled
)

// BusinessDate gives a date that no other test settles: the first one from today on, so
// that its run cuts all that is approved before the run. Banks may not work on it.
func (p *Platform) BusinessDate(t testing.TB) calendar.Date {
	t.Helper()
	return p.BusinessDateFrom(t, calendar.Date{})
}

// BusinessDateFrom gives a date that no other test settles, not before this one.
func (p *Platform) BusinessDateFrom(t testing.TB, first calendar.Date) calendar.Date {
	t.Helper()
	p.dates.mu.Lock()
	defer p.dates.mu.Unlock()
	taken := p.settledDates(t)
	maps.Copy(taken, p.dates.given)
	date, last := calendar.Of(time.Now().Add(beforeNight)), Today().AddDays(mostDaysAhead)
	for date.Before(first) || taken[date.String()] {
		date = date.AddDays(1)
	}
	if last.Before(date) {
		t.Fatalf("no date is left until %s", last)
	}
	if p.dates.given == nil {
		p.dates.given = map[string]bool{}
	}
	p.dates.given[date.String()] = true
	return date
}

// settledDates gives the dates that have a run.
func (p *Platform) settledDates(t testing.TB) map[string]bool {
	t.Helper()
	dates := map[string]bool{}
	for _, run := range p.Runs(t) {
		if !run.DryRun {
			dates[run.BusinessDate] = true
		}
	}
	return dates
}

// Runs lists all runs, dry ones too, newest first.
func (p *Platform) Runs(t testing.TB) []SettlementRun {
	t.Helper()
	const mostPages = 100
	var all []SettlementRun
	cursor := ""
	for range mostPages {
		page := Read[List[SettlementRun]](t, p.AsOperator(t, http.MethodGet, "/v1/settlements/runs?limit=100"+cursor, "", nil), http.StatusOK)
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		cursor = "&cursor=" + page.Next
	}
	t.Fatal("the list of runs has no last page")
	return nil
}

// SettlementRun is one settlement of a business date.
type SettlementRun struct {
	ID           string             `json:"id"`
	State        apiclient.State    `json:"state"`
	BusinessDate string             `json:"businessDate"`
	DryRun       bool               `json:"dryRun"`
	Statements   RunTotals          `json:"statements"`
	Currency     string             `json:"currency"`
	AskedBy      string             `json:"askedBy"`
	Failure      *apiclient.Failure `json:"failure"`
}

// RunTotals sum up the statements of a run.
type RunTotals struct{ Count, Net, Paid, Failed int64 }

// RunBody asks for a date to be settled.
type RunBody struct {
	BusinessDate string `json:"businessDate"`
	DryRun       bool   `json:"dryRun,omitempty"`
}

// StartRun asks as an operator for a run.
func (p *Platform) StartRun(t testing.TB, key string, body RunBody) Answer {
	t.Helper()
	return p.AsOperator(t, http.MethodPost, "/v1/settlements/runs", key, body)
}

// StartRunAsync asks as an operator for a run and does not wait for it. It gives its id.
func (p *Platform) StartRunAsync(t testing.TB, date calendar.Date) (runID string) {
	t.Helper()
	a := p.Call(t, Call{Method: http.MethodPost, Path: "/v1/settlements/runs", Token: p.Operator(t), Key: rand.Text(),
		Body: RunBody{BusinessDate: date.String()}, Header: map[string]string{"Prefer": "respond-async"}})
	return Read[apiclient.Accepted](t, a, http.StatusAccepted).ID
}

// Settle settles all that is approved, by the run of a date of its own, and waits for the
// run's end.
func (p *Platform) Settle(t testing.TB) SettlementRun {
	t.Helper()
	return p.SettleOn(t, p.BusinessDate(t))
}

// SettleOn runs a date and waits for the run's end.
func (p *Platform) SettleOn(t testing.TB, date calendar.Date) SettlementRun {
	t.Helper()
	return p.AwaitRun(t, p.StartRun(t, rand.Text(), RunBody{BusinessDate: date.String()}))
}

// DryRun shows what a run of this date would cut.
func (p *Platform) DryRun(t testing.TB, date calendar.Date) SettlementRun {
	t.Helper()
	return p.AwaitRun(t, p.StartRun(t, rand.Text(), RunBody{BusinessDate: date.String(), DryRun: true}))
}

// AwaitRun waits for the end of a run that was asked for.
func (p *Platform) AwaitRun(t testing.TB, a Answer) SettlementRun {
	t.Helper()
	end := p.End(t, p.Operator(t), a)
	if end.State != apiclient.Succeeded {
		t.Fatalf("the run ended %s %s", end.State, end.Code)
	}
	return p.Run(t, end.ID)
}

// Run reads a run.
func (p *Platform) Run(t testing.TB, runID string) SettlementRun {
	t.Helper()
	return Read[SettlementRun](t, p.AsOperator(t, http.MethodGet, "/v1/settlements/runs/"+runID, "", nil), http.StatusOK)
}

// Statement is what a run has cut for a franchise.
type Statement struct {
	ID            string          `json:"id"`
	RunID         string          `json:"runId"`
	FranchiseID   string          `json:"franchiseId"`
	BusinessDate  string          `json:"businessDate"`
	DryRun        bool            `json:"dryRun"`
	Period        StatementPeriod `json:"period"`
	Payments      StatementItems  `json:"payments"`
	Cancels       StatementItems  `json:"cancels"`
	TaxFreeAmount int64           `json:"taxFreeAmount"`
	Fee           int64           `json:"fee"`
	VAT           int64           `json:"vat"`
	Net           int64           `json:"net"`
	CarriedOver   int64           `json:"carriedOver"`
	CarriedTo     string          `json:"carriedTo"`
	Currency      string          `json:"currency"`
	Payout        StatementPayout `json:"payout"`
}

// StatementPeriod is the days a statement is about, both included.
type StatementPeriod struct{ From, Through string }

// StatementItems sum up the items of one kind.
type StatementItems struct{ Count, Amount int64 }

// StatementPayout is how a statement is paid.
type StatementPayout struct {
	State         string             `json:"state"`
	Date          string             `json:"date"`
	Attempt       int                `json:"attempt"`
	FirmbankingID string             `json:"firmbankingId"`
	Failure       *apiclient.Failure `json:"failure"`
	PaidAt        *time.Time         `json:"paidAt"`
}

// StatementLine is one item of a statement.
type StatementLine struct {
	Type           string    `json:"type"`
	ID             string    `json:"id"`
	PaymentID      string    `json:"paymentId"`
	OrderID        string    `json:"orderId"`
	Amount         int64     `json:"amount"`
	FeeBasisPoints int64     `json:"feeBasisPoints"`
	Fee            int64     `json:"fee"`
	VAT            int64     `json:"vat"`
	Currency       string    `json:"currency"`
	At             time.Time `json:"at"`
}

// Statement reads a statement as an operator.
func (p *Platform) Statement(t testing.TB, statementID string) Statement {
	t.Helper()
	return Read[Statement](t, p.AsOperator(t, http.MethodGet, "/v1/settlements/statements/"+statementID, "", nil), http.StatusOK)
}

// Statements gives a franchise's statements of live runs, oldest first.
func (p *Platform) Statements(t testing.TB, franchiseID string) []Statement {
	t.Helper()
	a := p.AsOperator(t, http.MethodGet, "/v1/settlements/statements?limit=100&franchiseId="+franchiseID, "", nil)
	all := Read[List[Statement]](t, a, http.StatusOK)
	if all.Next != "" {
		t.Fatalf("franchise %s has more statements than a page", franchiseID)
	}
	live := slices.DeleteFunc(all.Items, func(st Statement) bool { return st.DryRun })
	slices.Reverse(live)
	return live
}

// RunStatement gives the one statement that a run has made for a franchise.
func (p *Platform) RunStatement(t testing.TB, runID, franchiseID string) Statement {
	t.Helper()
	a := p.AsOperator(t, http.MethodGet, fmt.Sprintf("/v1/settlements/runs/%s/statements?franchiseId=%s", runID, franchiseID), "", nil)
	all := Read[List[Statement]](t, a, http.StatusOK).Items
	if len(all) != 1 {
		t.Fatalf("run %s has %d statements for %s", runID, len(all), franchiseID)
	}
	return all[0]
}

// StatementLines reads all lines of a statement, page by page, oldest first.
func (p *Platform) StatementLines(t testing.TB, statementID string) []StatementLine {
	t.Helper()
	const pageSize, mostPages = 3, 1000 // small pages: they are looked at too
	var all []StatementLine
	cursor := ""
	for range mostPages {
		path := fmt.Sprintf("/v1/settlements/statements/%s/lines?limit=%d%s", statementID, pageSize, cursor)
		page := Read[List[StatementLine]](t, p.AsOperator(t, http.MethodGet, path, "", nil), http.StatusOK)
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		cursor = "&cursor=" + page.Next
	}
	t.Fatalf("statement %s has no last page", statementID)
	return nil
}

// AwaitPayout waits until the payout of a statement is in a state, and gives the statement.
func (p *Platform) AwaitPayout(t testing.TB, statementID, state string) Statement {
	t.Helper()
	var st Statement
	Eventually(t, flowBound, "the payout of "+statementID+" is "+state, func() bool {
		st = p.Statement(t, statementID)
		return st.Payout.State == state
	})
	return st
}

// PayoutRetry is a request to pay a statement again.
type PayoutRetry struct {
	ID          string `json:"id"`
	StatementID string `json:"statementId"`
	Attempt     int    `json:"attempt"`
	State       string `json:"state"`
	AskedBy     string `json:"askedBy"`
	DecidedBy   string `json:"decidedBy"`
	Reason      string `json:"reason"`
}

// AskRetry asks for a statement to be paid again. The key is an Idempotency-Key, or "".
func (p *Platform) AskRetry(t testing.TB, token, key, statementID, reason string) Answer {
	t.Helper()
	return p.Call(t, Call{Method: http.MethodPost, Path: "/v1/settlements/statements/" + statementID + "/payout-retries",
		Token: token, Key: key, Body: map[string]string{"reason": reason}})
}

// DecideRetry approves or rejects a retry.
func (p *Platform) DecideRetry(t testing.TB, token, retryID, decision string) Answer {
	t.Helper()
	return p.Call(t, Call{Method: http.MethodPost, Path: "/v1/settlements/payout-retries/" + retryID + "/" + decision, Token: token})
}

// RetryPayout has a statement paid again: asked by the operator, approved by a colleague.
func (p *Platform) RetryPayout(t testing.TB, statementID, colleague string) {
	t.Helper()
	asked := Read[PayoutRetry](t, p.AskRetry(t, p.Operator(t), "", statementID, "the bank never got it"), http.StatusCreated)
	if got := Read[PayoutRetry](t, p.DecideRetry(t, colleague, asked.ID, "approve"), http.StatusOK); got.State != "APPROVED" {
		t.Fatalf("retry %s is %s", got.ID, got.State)
	}
}

// PayoutTransfer reads the bank transfer of a statement's current payout.
func (p *Platform) PayoutTransfer(t testing.TB, st Statement) Firmbanking {
	t.Helper()
	return Read[Firmbanking](t, p.AsOperator(t, http.MethodGet, "/v1/firmbankings/"+st.Payout.FirmbankingID, "", nil), http.StatusOK)
}

// PayoutIsAt tells whether the transfer of a statement's current payout is in a state. The
// statement names it a moment before it is written down.
func (p *Platform) PayoutIsAt(t testing.TB, st Statement, state string) bool {
	t.Helper()
	flow := st.ID + "/" + strconv.Itoa(st.Payout.Attempt)
	page := Read[struct{ Items []Firmbanking }](t, p.AsOperator(t, http.MethodGet, "/v1/firmbankings?flowId="+url.QueryEscape(flow), "", nil), http.StatusOK)
	return len(page.Items) == 1 && page.Items[0].ID == st.Payout.FirmbankingID && page.Items[0].State == state
}

// Firmbanking is one transfer between the platform's own account and another one.
type Firmbanking struct {
	ID        string             `json:"id"`
	State     string             `json:"state"`
	Direction string             `json:"direction"`
	Amount    int64              `json:"amount"`
	FlowID    string             `json:"flowId"`
	Reference string             `json:"reference"`
	Failure   *apiclient.Failure `json:"failure"`
}

// Payable reads from the ledger what a franchise is owed, in won: below zero is what it
// owes.
func (p *Platform) Payable(t testing.TB, franchiseID string) int64 {
	t.Helper()
	db, err := p.DB()
	if err != nil {
		t.Fatal(err)
	}
	var balance int64
	const q = `SELECT COALESCE(SUM(balance), 0) FROM durapay_money.ledger_accounts WHERE id = CONCAT('franchise/', ?, '/payable')`
	if err := db.GetContext(t.Context(), &balance, q, franchiseID); err != nil {
		t.Fatalf("payable of %s: %v", franchiseID, err)
	}
	return balance
}

// BankEntry is a line of an account's statement at the bank. Amount is in won.
type BankEntry struct {
	Reference string    `json:"reference"`
	Direction string    `json:"direction"` // IN or OUT, seen from the account
	Amount    int64     `json:"amount"`
	At        time.Time `json:"at"`
}

// BankEntries reads what has happened on an account at the bank today and yesterday, but
// for its opening, oldest first.
func (p *Platform) BankEntries(t testing.TB, a apiclient.AccountKey) []BankEntry {
	t.Helper()
	type statement struct {
		Items []BankEntry
		Next  string
	}
	var all []BankEntry
	for _, day := range []calendar.Date{Today().AddDays(-1), Today()} { // midnight may pass in a test
		path := "/v1/statements/" + a.BankCode + "/" + a.AccountNumber + "?date=" + day.String()
		page := Read[statement](t, p.atBank(t, http.MethodGet, path, nil), http.StatusOK)
		if page.Next != "" {
			t.Fatalf("account %s has more entries than a page", a.AccountNumber)
		}
		all = append(all, page.Items...)
	}
	return slices.DeleteFunc(all, func(e BankEntry) bool { return e.Reference == "OPENING" })
}
