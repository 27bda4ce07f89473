package demo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"durapay/internal/apiclient"
	"durapay/internal/calendar"
)

// platform is a small platform and bank in memory that can be told to misbehave.
type platform struct {
	*httptest.Server
	mu       sync.Mutex
	records  map[string]map[string]any // by id
	byKey    map[string]string         // id by caller, path and key
	wallets  map[string]int64
	accounts map[string]int64  // bank accounts by number
	linked   map[string]string // bank account number by member
	shops    map[string]*shopHere
	runs     []apiclient.Run
	n        int
	random   *rand.Rand
	// What goes wrong.
	flaky       bool // some requests or answers are lost
	forgetsKeys bool // a repeat moves money again
	losesCredit bool // a receiver gets one won less
	mumbles     bool // what is read back is not what was told
	business    bend
}

func newPlatform(t *testing.T) *platform {
	p := &platform{records: map[string]map[string]any{}, byKey: map[string]string{}, wallets: map[string]int64{},
		accounts: map[string]int64{}, linked: map[string]string{}, shops: map[string]*shopHere{}, random: rand.New(rand.NewPCG(1, 1))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { write(w, 200, map[string]any{}) })
	mux.HandleFunc("POST /v1/accounts", p.open)
	mux.HandleFunc("GET /v1/accounts/{code}/{number}", p.account)
	mux.HandleFunc("POST /v1/memberships/async", p.register)
	mux.HandleFunc("GET /v1/flows/{id}", p.flow)
	mux.HandleFunc("POST /v1/auth/login", p.login)
	mux.HandleFunc("POST /v1/bank-accounts", p.link)
	mux.HandleFunc("POST /v1/money/increase", p.launch)
	mux.HandleFunc("POST /v1/money/decrease", p.launch)
	mux.HandleFunc("POST /v1/remittances", p.launch)
	mux.HandleFunc("GET /v1/money/increase/{id}", p.record)
	mux.HandleFunc("GET /v1/money/decrease/{id}", p.record)
	mux.HandleFunc("GET /v1/remittances/{id}", p.record)
	mux.HandleFunc("GET /v1/money/{id}", p.balance)
	p.businessRoutes(mux)
	p.Server = httptest.NewServer(p.unreliable(mux))
	t.Cleanup(p.Close)
	return p
}

// unreliable loses requests, and answers to requests that had their effect.
func (p *platform) unreliable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		fate := 9
		if p.flaky && r.URL.Path != "/readyz" {
			fate = p.random.IntN(10)
		}
		switch fate {
		case 0:
			write(w, http.StatusServiceUnavailable, map[string]any{"code": "service_unavailable"})
		case 1:
			next.ServeHTTP(httptest.NewRecorder(), r)
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.Close()
			}
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func write(w http.ResponseWriter, status int, body map[string]any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func read(r *http.Request) (body struct {
	AccountNumber, HolderName, BankCode, Email, BankAccountID string
	Balance, Amount                                           int64
	To                                                        struct{ MembershipID, BankCode, AccountNumber, HolderName string }
	AutoTopUp                                                 *struct{}
	FranchiseID, OrderID, BusinessNumber                      string
	BusinessDate                                              calendar.Date
	Payout                                                    struct{ AccountNumber string }
	Contract                                                  apiclient.FranchiseContract
}) {
	_ = json.NewDecoder(r.Body).Decode(&body)
	return body
}

func caller(r *http.Request) string {
	if key := r.Header.Get("X-API-Key"); key != "" {
		return key
	}
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func (p *platform) open(w http.ResponseWriter, r *http.Request) {
	body := read(r)
	if _, there := p.accounts[body.AccountNumber]; there {
		write(w, http.StatusConflict, map[string]any{"code": "account_exists"})
		return
	}
	p.accounts[body.AccountNumber] = body.Balance
	p.records[body.AccountNumber] = map[string]any{"bankCode": body.BankCode, "accountNumber": body.AccountNumber, "holderName": body.HolderName}
	write(w, http.StatusCreated, p.records[body.AccountNumber])
}

func (p *platform) account(w http.ResponseWriter, r *http.Request) {
	a := p.records[r.PathValue("number")]
	a["balance"] = p.accounts[r.PathValue("number")]
	write(w, http.StatusOK, a)
}

func (p *platform) register(w http.ResponseWriter, r *http.Request) {
	memberID := "mem_" + read(r).Email
	p.wallets[memberID] += 0
	write(w, http.StatusAccepted, map[string]any{"id": memberID, "flow": map[string]any{"id": "reg_1"}})
}

func (p *platform) flow(w http.ResponseWriter, r *http.Request) {
	view := map[string]any{"id": r.PathValue("id"), "state": "SUCCEEDED", "final": true}
	if known, ok := p.records[r.PathValue("id")]; ok {
		view["state"], view["failure"] = requestState(known), known["failure"]
	}
	write(w, http.StatusOK, view)
}

func (p *platform) login(w http.ResponseWriter, r *http.Request) {
	write(w, http.StatusOK, map[string]any{"accessToken": "mem_" + read(r).Email, "expiresIn": 600})
}

func (p *platform) link(w http.ResponseWriter, r *http.Request) {
	p.linked[caller(r)] = read(r).AccountNumber
	write(w, http.StatusCreated, map[string]any{"id": "acc_" + caller(r), "state": "LINKED"})
}

// launch moves money once for each key; every third request is still running when it is
// answered.
func (p *platform) launch(w http.ResponseWriter, r *http.Request) {
	name := caller(r) + r.URL.Path + r.Header.Get("Idempotency-Key")
	recordID, known := p.byKey[name]
	if !known || p.forgetsKeys {
		recordID = p.move(r, recordID)
		p.byKey[name] = recordID
	}
	made := p.records[recordID]
	p.n++
	failure, _ := made["failure"].(map[string]any)
	switch {
	case p.n%3 == 0:
		write(w, http.StatusAccepted, map[string]any{"id": recordID, "state": "REQUESTED", "flow": map[string]any{"id": recordID}})
	case failure != nil:
		write(w, http.StatusUnprocessableEntity, map[string]any{"id": recordID, "state": made["state"], "code": failure["code"]})
	default:
		write(w, http.StatusCreated, map[string]any{"id": recordID, "state": requestState(made)})
	}
}

func (p *platform) move(r *http.Request, recordID string) string {
	if recordID == "" {
		recordID = fmt.Sprintf("rec_%d", len(p.records))
	}
	body := read(r)
	made := map[string]any{"id": recordID, "state": "SUCCEEDED", "amount": body.Amount, "to": map[string]any{
		"membershipId": body.To.MembershipID, "bankCode": body.To.BankCode, "accountNumber": body.To.AccountNumber}}
	p.records[recordID] = made
	owner, short := caller(r), ""
	switch r.URL.Path {
	case "/v1/money/increase":
		p.fill(owner, body.Amount)
	case "/v1/money/decrease":
		if short = p.take(owner, body.Amount); short == "" {
			p.accounts[p.linked[owner]] += body.Amount
		}
	case "/v1/payments":
		p.fillFor(made, owner, body.Amount, body.AutoTopUp != nil)
		short = p.pay(made, owner, body.FranchiseID, body.OrderID, body.Amount)
	case "/v1/remittances":
		p.fillFor(made, owner, body.Amount, body.AutoTopUp != nil)
		if body.To.AccountNumber != "" {
			short = p.sendToBank(owner, body.To.AccountNumber, body.To.HolderName, body.Amount)
		} else {
			short = p.send(owner, body.To.MembershipID, body.Amount)
		}
	default:
		short = p.giveBack(made, r.PathValue("id"), body.Amount)
	}
	if short != "" {
		made["state"], made["failure"] = "FAILED", map[string]any{"code": short}
	}
	return recordID
}

// fillFor tops up for a request that may.
func (p *platform) fillFor(made map[string]any, owner string, amount int64, may bool) {
	if !may || p.wallets[owner] >= amount {
		return
	}
	topUpID := fmt.Sprint(made["id"], "t")
	made["topUpId"] = topUpID
	p.records[topUpID] = map[string]any{"id": topUpID, "state": "SUCCEEDED", "amount": amount}
	p.fill(owner, amount)
}

func (p *platform) fill(owner string, amount int64) {
	p.wallets[owner] += amount
	p.accounts[p.linked[owner]] -= amount
}

func (p *platform) take(owner string, amount int64) string {
	if p.wallets[owner] < amount {
		return "insufficient_balance"
	}
	p.wallets[owner] -= amount
	return ""
}

func (p *platform) send(from, to string, amount int64) string {
	if from == to {
		return "self_transfer"
	}
	short := p.take(from, amount)
	if short == "" {
		p.wallets[to] += amount
		if p.losesCredit {
			p.wallets[to]--
		}
	}
	return short
}

func (p *platform) sendToBank(from, number, holder string, amount int64) string {
	if p.records[number]["holderName"] != holder {
		return "bank_name_mismatch"
	}
	short := p.take(from, amount)
	if short == "" {
		p.accounts[number] += amount
	}
	return short
}

func (p *platform) record(w http.ResponseWriter, r *http.Request) {
	made := p.records[r.PathValue("id")]
	if p.mumbles {
		made["amount"] = 1
	}
	write(w, http.StatusOK, made)
}

func (p *platform) balance(w http.ResponseWriter, r *http.Request) {
	write(w, http.StatusOK, map[string]any{"balance": p.wallets[r.PathValue("id")]})
}
