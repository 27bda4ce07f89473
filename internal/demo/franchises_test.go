package demo

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"durapay/internal/apiclient"
	"durapay/internal/calendar"
)

// bend is what goes wrong with franchises.
type bend struct {
	feeTooMuch     bool // one won on each payment
	losesFeeBack   bool // cancels give no fee back
	paysTwice      bool // the bank is told twice
	paysLess       bool // one won
	forgetsSale    bool // every fifth payment is never cut
	cutsTwice      bool // a payment is in the next statement again
	forgetsCarry   bool // what was below zero is not taken over
	carriesForEver bool // it is taken over again and again
	neverSettles   bool // payments stay as they were
}

// shopHere is a franchise of the platform in memory.
type shopHere struct {
	id, account string
	rate, days  int64
	orders      map[string]bool
	open        []apiclient.StatementLine
	bills       []*billHere
	entries     []apiclient.Entry
	n           int
}

type billHere struct {
	apiclient.Statement
	lines    []apiclient.StatementLine
	transfer *apiclient.Firmbanking
}

func (p *platform) businessRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/franchises", p.takeUp)
	mux.HandleFunc("POST /v1/franchises/{id}/api-keys", func(w http.ResponseWriter, r *http.Request) {
		write(w, http.StatusCreated, map[string]any{"key": r.PathValue("id")})
	})
	mux.HandleFunc("POST /v1/payments", p.launch)
	mux.HandleFunc("GET /v1/payments/{id}", p.record)
	mux.HandleFunc("POST /v1/payments/{id}/cancels", p.launch)
	mux.HandleFunc("GET /v1/payments/{payment}/cancels/{id}", p.record)
	mux.HandleFunc("POST /v1/settlements/runs", p.settle)
	mux.HandleFunc("GET /v1/settlements/runs", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, map[string]any{"items": p.runs}) })
	mux.HandleFunc("GET /v1/settlements/runs/{id}", p.run)
	mux.HandleFunc("GET /v1/settlements/statements", p.statements)
	mux.HandleFunc("GET /v1/settlements/statements/{id}/lines", p.lines)
	mux.HandleFunc("GET /v1/firmbankings", p.firmbankings)
	mux.HandleFunc("GET /v1/statements/{code}/{number}", p.entries)
}

// requestState gives a record's state as every request has it.
func requestState(record map[string]any) any {
	switch state := record["state"].(string); state {
	case "APPROVED", "PARTIALLY_CANCELLED", "SETTLED":
		return "SUCCEEDED"
	case "CANCELLED": // in full, after its approval
		return "SUCCEEDED"
	default:
		return state
	}
}

func (p *platform) takeUp(w http.ResponseWriter, r *http.Request) {
	body := read(r)
	s := &shopHere{id: "fra_" + body.BusinessNumber, account: body.Payout.AccountNumber, rate: body.Contract.FeeBasisPoints,
		days: body.Contract.PayoutBusinessDays, orders: map[string]bool{}}
	if p.shops[s.id] == nil {
		p.shops[s.id] = s
	}
	write(w, http.StatusCreated, map[string]any{"id": s.id, "state": "ACTIVE"})
}

func (p *platform) pay(made map[string]any, owner, franchiseID, order string, amount int64) string {
	s := p.shops[franchiseID]
	made["franchiseId"] = s.id
	if s.orders[order] {
		return "order_id_taken"
	}
	short := p.take(owner, amount)
	if short != "" {
		return short
	}
	s.orders[order] = true
	made["state"], made["feeBasisPoints"], made["cancellable"], made["payer"] = "APPROVED", s.rate, amount, owner
	fee := amount * s.rate / 10_000
	l := apiclient.StatementLine{Type: "PAYMENT", ID: made["id"].(string), PaymentID: made["id"].(string), Amount: amount,
		FeeBasisPoints: s.rate, Fee: fee, VAT: fee / 10}
	if p.business.feeTooMuch {
		l.Fee++
	}
	if s.n++; !p.business.forgetsSale || s.n%5 > 0 {
		s.open = append(s.open, l)
	}
	return ""
}

func (p *platform) giveBack(made map[string]any, paymentID string, amount int64) string {
	paid := p.records[paymentID]
	left, reached := paid["cancellable"].(int64)
	if !reached { // it was told otherwise before
		return "payment_not_cancellable"
	}
	s := p.shops[paid["franchiseId"].(string)]
	if amount == 0 {
		amount = left
	}
	made["amount"], made["paymentId"] = amount, paymentID
	if amount > left || left == 0 {
		return "cancel_amount_exceeded"
	}
	after := left - amount
	p.wallets[paid["payer"].(string)] += amount
	before, rest := left*s.rate/10_000, after*s.rate/10_000
	paid["cancellable"], made["remaining"] = after, after
	switch {
	case after == 0:
		paid["state"] = "CANCELLED"
	case paid["state"] == "APPROVED":
		paid["state"] = "PARTIALLY_CANCELLED"
	}
	l := apiclient.StatementLine{Type: "CANCEL", ID: made["id"].(string), PaymentID: paymentID, Amount: -amount, FeeBasisPoints: s.rate,
		Fee: rest - before, VAT: rest/10 - before/10}
	if p.business.losesFeeBack {
		l.Fee, l.VAT = 0, 0
	}
	s.open = append(s.open, l)
	return ""
}

// settle cuts everything, whatever the cycle, and pays what is due.
func (p *platform) settle(w http.ResponseWriter, r *http.Request) {
	date := read(r).BusinessDate
	runID := "run_" + date.String()
	if !slices.ContainsFunc(p.runs, func(r apiclient.Run) bool { return r.ID == runID }) {
		for _, s := range p.shops {
			p.cut(s, runID, date)
			p.payOut(s, date)
		}
		p.runs = append(p.runs, apiclient.Run{ID: runID, State: apiclient.Succeeded, BusinessDate: date, UpdatedAt: time.Now()})
	}
	write(w, http.StatusCreated, map[string]any{"id": runID, "state": "SUCCEEDED"})
}

func (p *platform) cut(s *shopHere, runID string, date calendar.Date) {
	if len(s.open) == 0 {
		return
	}
	b := &billHere{lines: s.open}
	b.ID, b.RunID, b.FranchiseID, b.BusinessDate, b.CreatedAt = "stl_"+s.id+date.String(), runID, s.id, date, time.Now()
	b.CarriedOver = s.carry(p.business)
	b.Net = b.CarriedOver
	for _, l := range b.lines {
		sum := &b.Payments
		if l.Type == "CANCEL" {
			sum = &b.Cancels
		} else {
			p.records[l.ID]["statementId"] = b.ID
		}
		sum.Count++
		sum.Amount += max(l.Amount, -l.Amount)
		b.Fee += l.Fee
		b.VAT += l.VAT
		b.Net += l.Amount - l.Fee - l.VAT
	}
	b.Payout.Date = date
	for range s.days {
		b.Payout.Date = nextWeekday(b.Payout.Date)
	}
	b.Payout.State = map[bool]apiclient.PayoutState{b.Net == 0: apiclient.PayoutNone, b.Net < 0: apiclient.PayoutCarriedOver, b.Net > 0: "SCHEDULED"}[true]
	if b.Net <= 0 {
		p.finish(b)
	}
	if s.bills, s.open = append(s.bills, b), nil; p.business.cutsTwice {
		s.open = b.lines[:1]
	}
}

func (s *shopHere) carry(b bend) int64 {
	if len(s.bills) == 0 || b.forgetsCarry {
		return 0
	}
	last := s.bills[len(s.bills)-1]
	if b.carriesForEver {
		last = slices.MinFunc(s.bills, func(a, b *billHere) int { return int(a.Net - b.Net) })
	}
	return min(last.Net, 0)
}

func (p *platform) payOut(s *shopHere, date calendar.Date) {
	for _, b := range s.bills {
		if b.Payout.State != "SCHEDULED" || nextWeekday(date).Before(b.Payout.Date) {
			continue
		}
		amount, times := b.Net, 1
		if p.business.paysLess {
			amount--
		}
		if p.business.paysTwice {
			times = 2
		}
		b.Payout.State, b.Payout.Attempt = apiclient.PayoutPaid, 1
		b.transfer = &apiclient.Firmbanking{State: "SETTLED", Amount: b.Net, FlowID: b.ID + "/1", Reference: "payout/" + b.ID}
		for range times {
			p.accounts[s.account] += amount
			s.entries = append(s.entries, apiclient.Entry{Reference: b.transfer.Reference, Direction: "IN", Amount: amount})
		}
		p.finish(b)
	}
}

func (p *platform) finish(b *billHere) {
	for _, l := range b.lines {
		if paid := p.records[l.ID]; l.Type == "PAYMENT" && paid["state"] != "CANCELLED" && !p.business.neverSettles {
			paid["state"] = "SETTLED"
		}
	}
}

func (p *platform) run(w http.ResponseWriter, r *http.Request) {
	for _, run := range p.runs {
		if run.ID == r.PathValue("id") {
			write(w, http.StatusOK, map[string]any{"id": run.ID, "state": run.State, "businessDate": run.BusinessDate, "updatedAt": run.UpdatedAt})
		}
	}
}

func (p *platform) statements(w http.ResponseWriter, r *http.Request) {
	items := []apiclient.Statement{}
	for _, b := range p.shops[caller(r)].bills {
		items = append([]apiclient.Statement{b.Statement}, items...)
	}
	write(w, http.StatusOK, map[string]any{"items": items})
}

// lines come in pages of 100.
func (p *platform) lines(w http.ResponseWriter, r *http.Request) {
	const most = 100
	var from int
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &from)
	for _, b := range p.shops[caller(r)].bills {
		if b.ID != r.PathValue("id") {
			continue
		}
		page := map[string]any{"items": b.lines[from:min(from+most, len(b.lines))]}
		if from+most < len(b.lines) {
			page["next"] = fmt.Sprint(from + most)
		}
		write(w, http.StatusOK, page)
	}
}

func (p *platform) firmbankings(w http.ResponseWriter, r *http.Request) {
	items := []apiclient.Firmbanking{}
	for _, s := range p.shops {
		for _, b := range s.bills {
			if b.transfer != nil && b.transfer.FlowID == r.URL.Query().Get("flowId") {
				items = append(items, *b.transfer)
			}
		}
	}
	write(w, http.StatusOK, map[string]any{"items": items})
}

// entries are all of today.
func (p *platform) entries(w http.ResponseWriter, r *http.Request) {
	items := []apiclient.Entry{}
	for _, s := range p.shops {
		if s.account == r.PathValue("number") && r.URL.Query().Get("date") == calendar.Of(time.Now()).String() {
			items = append(items, s.entries...)
		}
	}
	write(w, http.StatusOK, map[string]any{"items": items})
}
