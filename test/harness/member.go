package harness

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"durapay/internal/apiclient"
)

// flowBound is how long any flow may take in a test, a bank that does not answer included.
const flowBound = 60 * time.Second

// password is every member's. That it is nowhere in clear is checked at the end.
const password = "correct-Horse-7-battery"

// Member is a member of the platform, signed in.
type Member struct {
	ID      string
	Name    string
	Email   string
	Phone   string
	Detail  string // of the address
	Token   string
	Refresh string
	// Account is the linked account at the bank, AccountID its link.
	Account   apiclient.Account
	AccountID string

	p *Platform
}

// Sheet gives what somebody new registers with. All of it is looked for at the end:
// none of it may be anywhere in clear.
func (p *Platform) Sheet() apiclient.Registration {
	word := rand.Text()
	sheet := apiclient.Registration{
		Name: "홍길동 " + word[:8], Email: strings.ToLower(word) + "@example.com", Password: password, Phone: newPhone(),
		Address: apiclient.Address{Region: "SEOUL", Detail: "Sejong-daero " + word[8:16]},
	}
	p.clear.add(sheet.Name, sheet.Email, sheet.Password, sheet.Phone, "+82"+strings.ReplaceAll(sheet.Phone[1:], "-", ""),
		strings.ReplaceAll(sheet.Phone, "-", ""), sheet.Address.Detail)
	return sheet
}

func newPhone() string {
	var b [7]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	return fmt.Sprintf("010-9%s-%s", b[:3], b[3:])
}

// NewMember registers a member with a wallet and signs in.
func (p *Platform) NewMember(t testing.TB) *Member {
	t.Helper()
	return p.Join(t, p.Sheet())
}

// Join registers somebody in a flow and signs in.
func (p *Platform) Join(t testing.TB, sheet apiclient.Registration) *Member {
	t.Helper()
	a := p.Call(t, Call{Method: http.MethodPost, Path: "/v1/memberships/async", Body: sheet})
	receipt := Read[apiclient.Accepted](t, a, http.StatusAccepted)
	if end := p.Follow(t, "", receipt.Flow.ID); end.State != apiclient.Succeeded {
		t.Fatalf("registration ended %s", end.State)
	}
	m := &Member{ID: receipt.ID, Name: sheet.Name, Email: sheet.Email, Phone: sheet.Phone, Detail: sheet.Address.Detail, p: p}
	m.SignIn(t)
	return m
}

// SignIn gets new tokens.
func (m *Member) SignIn(t testing.TB) {
	t.Helper()
	tokens := m.p.Login(t, m.Email, password)
	m.Token, m.Refresh = tokens.AccessToken, tokens.RefreshToken
}

// Login signs somebody in.
func (p *Platform) Login(t testing.TB, email, password string) apiclient.Tokens {
	t.Helper()
	a := p.Call(t, Call{Method: http.MethodPost, Path: "/v1/auth/login", Body: map[string]string{"email": email, "password": password}})
	return Read[apiclient.Tokens](t, a, http.StatusOK)
}

// operatorTime is how long an operator's access token is used; it is good for ten minutes.
const operatorTime = 5 * time.Minute

// Operator gives an operator's access token.
func (p *Platform) Operator(t testing.TB) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.operatorSince) > operatorTime {
		p.operator = p.Login(t, "operator@durapay.local", p.Secrets["DURAPAY_OPERATOR_PASSWORD"]).AccessToken
		p.operatorSince = time.Now()
	}
	return p.operator
}

// WithAccount opens an account at a bank in the member's name and links it.
func (m *Member) WithAccount(t testing.TB, balance int64) *Member {
	t.Helper()
	m.Account = m.p.OpenAccount(t, "088", m.Name, balance)
	m.AccountID = m.Link(t, m.Account)
	return m
}

// Link links an account and gives its id.
func (m *Member) Link(t testing.TB, a apiclient.Account) string {
	t.Helper()
	end := m.End(t, m.Post(t, "/v1/bank-accounts", "", LinkBody(a)))
	if end.State != apiclient.Succeeded {
		t.Fatalf("link ended %s %s", end.State, end.Code)
	}
	return end.ID
}

// LinkBody asks to link an account.
func LinkBody(a apiclient.Account) apiclient.BankAccountLink {
	return apiclient.BankAccountLink{BankCode: a.BankCode, AccountNumber: a.AccountNumber, HolderName: a.HolderName, DebitConsent: true}
}

// WithBalance fills the wallet from the linked account.
func (m *Member) WithBalance(t testing.TB, amount int64) *Member {
	t.Helper()
	if end := m.End(t, m.TopUp(t, rand.Text(), amount)); end.State != apiclient.Succeeded {
		t.Fatalf("top-up ended %s %s", end.State, end.Code)
	}
	return m
}

// TopUp asks to fill the wallet from the linked account.
func (m *Member) TopUp(t testing.TB, key string, amount int64) Answer {
	t.Helper()
	return m.Post(t, "/v1/money/increase", key, m.Money(amount))
}

// Withdraw asks to pay out to the linked account.
func (m *Member) Withdraw(t testing.TB, key string, amount int64) Answer {
	t.Helper()
	return m.Post(t, "/v1/money/decrease", key, m.Money(amount))
}

// Money is the body of a top-up or a withdrawal with the linked account.
func (m *Member) Money(amount int64) apiclient.MoneyRequest {
	return apiclient.MoneyRequest{BankAccountID: m.AccountID, Amount: amount}
}

// Remit asks to send money to another member.
func (m *Member) Remit(t testing.TB, key, receiverID string, amount int64) Answer {
	t.Helper()
	return m.Post(t, "/v1/remittances", key, RemitBody(receiverID, amount))
}

// RemitBody asks to send money to a member.
func RemitBody(receiverID string, amount int64) apiclient.RemittanceRequest {
	return apiclient.RemittanceRequest{To: apiclient.Receiver{MembershipID: receiverID}, Amount: amount}
}

// Post sends a body as this member.
func (m *Member) Post(t testing.TB, path, key string, body any) Answer {
	t.Helper()
	return m.p.Call(t, Call{Method: http.MethodPost, Path: path, Token: m.Token, Key: key, Body: body})
}

// Get reads as this member.
func (m *Member) Get(t testing.TB, path string) Answer {
	t.Helper()
	return m.p.Call(t, Call{Method: http.MethodGet, Path: path, Token: m.Token})
}

// Balance reads the wallet.
func (m *Member) Balance(t testing.TB) apiclient.Balance {
	t.Helper()
	return Read[apiclient.Balance](t, m.Get(t, "/v1/money/"+m.ID), http.StatusOK)
}

// BankBalance reads the linked account at the bank.
func (m *Member) BankBalance(t testing.TB) int64 {
	t.Helper()
	return m.p.BankBalance(t, m.Account.AccountKey)
}

// Transaction is one line of a wallet's history.
type Transaction struct {
	ID           string    `json:"id"`
	Kind         string    `json:"kind"`
	Amount       int64     `json:"amount"`
	BalanceAfter int64     `json:"balanceAfter"`
	Currency     string    `json:"currency"`
	Counterparty string    `json:"counterparty"`
	At           time.Time `json:"at"`
}

// List is one page.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// History reads the newest 100 lines of the wallet's history.
func (m *Member) History(t testing.TB) []Transaction {
	t.Helper()
	return Read[List[Transaction]](t, m.Get(t, "/v1/money/"+m.ID+"/transactions?limit=100"), http.StatusOK).Items
}

// End tells how a request ended, which has perhaps to be waited for.
func (m *Member) End(t testing.TB, a Answer) apiclient.Outcome {
	t.Helper()
	return m.p.End(t, m.Token, a)
}

// End tells how a request ended, which has perhaps to be waited for.
func (p *Platform) End(t testing.TB, token string, a Answer) apiclient.Outcome {
	t.Helper()
	var made struct {
		ID    string          `json:"id"`
		State apiclient.State `json:"state"`
		Code  string          `json:"code"`
	}
	a.Into(t, &made)
	switch {
	case a.Status == http.StatusCreated:
		return apiclient.Outcome{ID: made.ID, State: apiclient.Succeeded}
	case a.Status == http.StatusAccepted:
		return p.followed(t, token, made.ID)
	case made.ID == "":
		t.Fatalf("not on record: %s", a)
	}
	return apiclient.Outcome{ID: made.ID, State: made.State, Code: made.Code}
}

func (p *Platform) followed(t testing.TB, token, recordID string) apiclient.Outcome {
	t.Helper()
	flow := p.Follow(t, token, recordID)
	end := apiclient.Outcome{ID: recordID, State: flow.State}
	if flow.Failure != nil {
		end.Code = flow.Failure.Code
	}
	return end
}

// Follow waits for a flow's end.
func (p *Platform) Follow(t testing.TB, token, flowID string) apiclient.Flow {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), flowBound)
	defer cancel()
	var flow apiclient.Flow
	if !until(ctx, func() bool {
		flow = p.Flow(t, token, flowID, "?wait=10")
		return flow.Final
	}) {
		t.Fatalf("flow %s still %s after %s: %s", flowID, flow.State, flowBound, flow.Doing)
	}
	return flow
}

// Flow tells where a flow stands.
func (p *Platform) Flow(t testing.TB, token, flowID, query string) apiclient.Flow {
	t.Helper()
	a := p.Call(t, Call{Method: http.MethodGet, Path: "/v1/flows/" + flowID + query, Token: token})
	return Read[apiclient.Flow](t, a, http.StatusOK)
}
