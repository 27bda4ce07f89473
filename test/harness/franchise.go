package harness

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"
	"time"

	"durapay/internal/apiclient"
	"durapay/internal/calendar"
)

// APIKeyHeader carries a franchise's API key.
const APIKeyHeader = "X-API-Key"

// Contract is a franchise's fee contract as an operator asks for it.
type Contract struct {
	FeeBasisPoints     int64  `json:"feeBasisPoints"`
	EffectiveFrom      string `json:"effectiveFrom"` // a date in Seoul
	Cycle              string `json:"cycle"`
	PayoutBusinessDays int64  `json:"payoutBusinessDays"`
}

// Daily is a contract in force, cut each day and paid out on the next business day.
func Daily(feeBasisPoints int64) Contract {
	return Contract{FeeBasisPoints: feeBasisPoints, EffectiveFrom: Today().String(), Cycle: "DAILY", PayoutBusinessDays: 1}
}

// Today is the date in Seoul.
func Today() calendar.Date { return calendar.Of(time.Now()) }

// PayoutAccount is the account that a franchise asks to be paid out to.
type PayoutAccount struct {
	BankCode      string `json:"bankCode"`
	AccountNumber string `json:"accountNumber"`
	HolderName    string `json:"holderName"`
}

// PayoutBody asks to be paid out to an account.
func PayoutBody(a apiclient.Account) PayoutAccount {
	return PayoutAccount{BankCode: a.BankCode, AccountNumber: a.AccountNumber, HolderName: a.HolderName}
}

// FranchiseSheet is what a franchise is registered with.
type FranchiseSheet struct {
	Name           string        `json:"name"`
	BusinessNumber string        `json:"businessNumber"`
	Contact        string        `json:"contact"`
	Payout         PayoutAccount `json:"payout"`
	Contract       Contract      `json:"contract"`
}

// FranchiseSheet gives what a new franchise registers with, its account at the bank
// opened. Contact and holder are looked for at the end: they may not be anywhere in clear.
func (p *Platform) FranchiseSheet(t testing.TB, c Contract) FranchiseSheet {
	t.Helper()
	word := rand.Text()
	sheet := FranchiseSheet{
		Name: "하나커피 " + word[:6], BusinessNumber: NewBusinessNumber(), Contact: "김점장 " + word[6:14], Contract: c,
		Payout: PayoutBody(p.OpenAccount(t, "004", "하나커피 "+word[14:22], 0)),
	}
	p.clear.add(sheet.Contact, sheet.Payout.HolderName)
	return sheet
}

// NewBusinessNumber draws a business registration number with its check digit, which is
// the last one: weights of the first nine, and the tens of five times the ninth.
func NewBusinessNumber() string {
	var drawn [9]byte
	_, _ = rand.Read(drawn[:]) // never fails
	sum := 0
	number := make([]byte, 0, 10)
	for i, weight := range []int{1, 3, 7, 1, 3, 7, 1, 3, 5} {
		digit := int(drawn[i] % 10)
		sum += digit * weight
		number = append(number, '0'+byte(digit))
	}
	sum += int(number[8]-'0') * 5 / 10
	return string(append(number, '0'+byte((10-sum%10)%10)))
}

// Franchise is a registered franchise, with an API key.
type Franchise struct {
	ID      string
	Sheet   FranchiseSheet
	Account apiclient.AccountKey // where it is paid out
	KeyID   string
	Key     string // API key

	p *Platform
}

// NewFranchise registers a franchise with this contract and makes an API key for it.
func (p *Platform) NewFranchise(t testing.TB, c Contract) *Franchise {
	t.Helper()
	sheet := p.FranchiseSheet(t, c)
	end := p.End(t, p.Operator(t), p.RegisterFranchise(t, "", sheet))
	if end.State != apiclient.Succeeded {
		t.Fatalf("registration of a franchise ended %s %s", end.State, end.Code)
	}
	f := &Franchise{ID: end.ID, Sheet: sheet, Account: apiclient.AccountKey{BankCode: sheet.Payout.BankCode, AccountNumber: sheet.Payout.AccountNumber}, p: p}
	f.KeyID, f.Key = f.NewKey(t)
	return f
}

// RegisterFranchise asks for a franchise as an operator. The key is an Idempotency-Key,
// or "".
func (p *Platform) RegisterFranchise(t testing.TB, key string, body any) Answer {
	t.Helper()
	return p.AsOperator(t, http.MethodPost, "/v1/franchises", key, body)
}

// AsOperator sends a request as an operator.
func (p *Platform) AsOperator(t testing.TB, method, path, key string, body any) Answer {
	t.Helper()
	return p.Call(t, Call{Method: method, Path: path, Token: p.Operator(t), Key: key, Body: body})
}

// NewKey makes another API key, as an operator.
func (f *Franchise) NewKey(t testing.TB) (id, key string) {
	t.Helper()
	type made struct{ ID, Key string }
	k := Read[made](t, f.p.AsOperator(t, http.MethodPost, f.Path("/api-keys"), "", map[string]string{"label": "계산대"}), http.StatusCreated)
	f.p.Secret(k.Key)
	return k.ID, k.Key
}

// Path gives the address of something that is the franchise's, or, for "", its own.
func (f *Franchise) Path(rest string) string { return "/v1/franchises/" + f.ID + rest }

// Send sends a request with the franchise's API key.
func (f *Franchise) Send(t testing.TB, method, path, key string, body any) Answer {
	t.Helper()
	return f.p.WithKey(t, f.Key, Call{Method: method, Path: path, Key: key, Body: body})
}

// Get reads as the franchise.
func (f *Franchise) Get(t testing.TB, path string) Answer {
	t.Helper()
	return f.Send(t, http.MethodGet, path, "", nil)
}

// WithKey sends a request with an API key.
func (p *Platform) WithKey(t testing.TB, apiKey string, c Call) Answer {
	t.Helper()
	c.Header = map[string]string{APIKeyHeader: apiKey}
	return p.Call(t, c)
}

// PaymentRequest asks to pay a franchise.
type PaymentRequest struct {
	FranchiseID   string               `json:"franchiseId"`
	OrderID       string               `json:"orderId"`
	Amount        int64                `json:"amount"`
	TaxFreeAmount int64                `json:"taxFreeAmount,omitempty"`
	AutoTopUp     *apiclient.AutoTopUp `json:"autoTopUp,omitempty"`
}

// PayBody asks to pay a franchise for an order that nobody has paid.
func (f *Franchise) PayBody(amount int64) PaymentRequest {
	return PaymentRequest{FranchiseID: f.ID, OrderID: "order-" + rand.Text()[:12], Amount: amount}
}

// Payment is a payment as its members, its franchise and operators are shown it.
type Payment struct {
	ID              string             `json:"id"`
	State           string             `json:"state"`
	MembershipID    string             `json:"membershipId"`
	FranchiseID     string             `json:"franchiseId"`
	OrderID         string             `json:"orderId"`
	Amount          int64              `json:"amount"`
	TaxFreeAmount   int64              `json:"taxFreeAmount"`
	CancelledAmount int64              `json:"cancelledAmount"`
	Cancellable     int64              `json:"cancellable"`
	FeeBasisPoints  int64              `json:"feeBasisPoints"`
	Currency        string             `json:"currency"`
	TopUpID         string             `json:"topUpId"`
	StatementID     string             `json:"statementId"`
	Failure         *apiclient.Failure `json:"failure"`
	ApprovedAt      time.Time          `json:"approvedAt"`
	SettledAt       time.Time          `json:"settledAt"`
	CreatedAt       time.Time          `json:"createdAt"`
}

// Cancel is a cancel of a payment.
type Cancel struct {
	ID        string             `json:"id"`
	PaymentID string             `json:"paymentId"`
	State     apiclient.State    `json:"state"`
	Amount    int64              `json:"amount"`
	Remaining int64              `json:"remaining"`
	Currency  string             `json:"currency"`
	Reason    string             `json:"reason"`
	Failure   *apiclient.Failure `json:"failure"`
	CreatedAt time.Time          `json:"createdAt"`
}

// Pay asks to pay a franchise.
func (m *Member) Pay(t testing.TB, key string, body PaymentRequest) Answer {
	t.Helper()
	return m.Post(t, "/v1/payments", key, body)
}

// MustPay pays a franchise this much and gives the approved payment.
func (m *Member) MustPay(t testing.TB, f *Franchise, amount int64) Payment {
	t.Helper()
	end := m.p.End(t, m.p.Operator(t), m.Pay(t, rand.Text(), f.PayBody(amount)))
	if end.State != apiclient.Succeeded {
		t.Fatalf("payment of %d ended %s %s", amount, end.State, end.Code)
	}
	return m.p.Payment(t, end.ID)
}

// Payment reads any payment as an operator.
func (p *Platform) Payment(t testing.TB, paymentID string) Payment {
	t.Helper()
	return Read[Payment](t, p.AsOperator(t, http.MethodGet, "/v1/payments/"+paymentID, "", nil), http.StatusOK)
}

// CancelBody asks to give a part of a payment back; 0 is all that is left of it. The
// reason may not be anywhere in clear.
func (p *Platform) CancelBody(amount int64) map[string]any {
	reason := "재고 없음 " + rand.Text()[:8]
	p.clear.add(reason)
	body := map[string]any{"reason": reason}
	if amount > 0 {
		body["amount"] = amount
	}
	return body
}

// Cancel asks as the franchise to give a payment back, 0 being all that is left of it.
func (f *Franchise) Cancel(t testing.TB, key, paymentID string, amount int64) Answer {
	t.Helper()
	return f.Send(t, http.MethodPost, CancelPath(paymentID), key, f.p.CancelBody(amount))
}

// CancelPath is where a payment's cancels are.
func CancelPath(paymentID string) string { return fmt.Sprintf("/v1/payments/%s/cancels", paymentID) }

// MustCancel gives a payment back and waits for it.
func (f *Franchise) MustCancel(t testing.TB, paymentID string, amount int64) Cancel {
	t.Helper()
	end := f.End(t, f.Cancel(t, rand.Text(), paymentID, amount))
	if end.State != apiclient.Succeeded {
		t.Fatalf("cancel of %d ended %s %s", amount, end.State, end.Code)
	}
	return Read[Cancel](t, f.Get(t, CancelPath(paymentID)+"/"+end.ID), http.StatusOK)
}

// End tells how a request of the franchise's ended, which has perhaps to be waited for.
func (f *Franchise) End(t testing.TB, a Answer) apiclient.Outcome {
	t.Helper()
	return f.p.End(t, f.p.Operator(t), a)
}
