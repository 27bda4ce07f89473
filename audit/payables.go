package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// The ledger's account of what a franchise is owed.
const (
	payablePrefix = "franchise/"
	payableSuffix = "/payable"
	payableEnd    = "franchise0" // behind all of them
)

// The accounts that the platform's share goes to.
const (
	feeIncome  = "system/fee-income"
	vatPayable = "system/vat-payable"
)

func payableOf(franchiseID string) string { return payablePrefix + franchiseID + payableSuffix }

// franchiseOf is the inverse of payableOf, "" for other accounts.
func franchiseOf(accountID string) string {
	rest, isPayable := strings.CutPrefix(accountID, payablePrefix)
	franchiseID, whole := strings.CutSuffix(rest, payableSuffix)
	if !isPayable || !whole {
		return ""
	}
	return franchiseID
}

// checkFee compares the fee that is booked for a statement with the one on it. It is
// booked by the run that made the statement, before that ends.
func (s *story) checkFee(plan) string {
	moves := feeMoves(s.request)
	switch {
	case s.opening == nil && len(moves) > 0 && s.request.phase() != underWay:
		return fmt.Sprintf("its run is %s, and the ledger has not booked its fee", s.request.State)
	case s.opening == nil:
		return ""
	case s.opening.Op != opPost || s.opening.Kind != "SETTLEMENT" || s.opening.FlowID != s.id:
		return "its fee is booked under another kind or flow"
	case len(s.opening.entries) != 2*len(moves):
		return fmt.Sprintf("its fee is booked in %d entries instead of %d", len(s.opening.entries), 2*len(moves))
	}
	for i, m := range moves {
		if what := moved(s.opening.entries[2*i:2*i+2], plan{from: m.from, to: m.to}, m.amount); what != "" {
			return fmt.Sprintf("has fee %d and VAT %d, and %s", s.request.Fee, s.request.VAT, what)
		}
	}
	return ""
}

type move struct {
	from, to string
	amount   int64
}

// feeMoves is how the ledger moves a statement's fee and VAT: out of what the franchise
// is owed, or back when more was cancelled than paid.
func feeMoves(r *requestRow) []move {
	owed := payableOf(r.FranchiseID)
	var moves []move
	for _, part := range []move{{owed, feeIncome, r.Fee}, {owed, vatPayable, r.VAT}} {
		if part.amount < 0 {
			part = move{part.to, part.from, -part.amount}
		}
		if part.amount != 0 {
			moves = append(moves, part)
		}
	}
	return moves
}

// effect is what a posting does to what a franchise is owed.
type effect struct {
	owner     string // the request
	ref       string
	franchise string
	won       int64
}

func effectsOf(p *postingRow, entries []entryRow) []effect {
	var effects []effect
	for _, e := range entries {
		franchise := franchiseOf(e.AccountID)
		if franchise == "" {
			continue
		}
		owner, _ := ownerOf(p)
		if n := len(effects); n > 0 && effects[n-1].franchise == franchise {
			effects[n-1].won += e.Amount
		} else {
			effects = append(effects, effect{owner, p.Ref, franchise, e.Amount})
		}
	}
	return effects
}

// inFlight is what one side of the books already has and the other does not.
type inFlight struct {
	won   map[string]int64  // by franchise
	by    map[string]effect // by request; at most maxSuspects
	count int64
}

func (f *inFlight) add(franchise string, won int64) {
	f.won[franchise] += won
	f.count++
}

// note keeps the request of an effect: it is in flight only if the request is.
func (f *inFlight) note(e effect) {
	f.add(e.franchise, e.won)
	if len(f.by) < maxSuspects {
		f.by[e.owner] = e
	}
}

// reflect looks for the postings on payables whose requests do not tell of them yet:
// every flow books first and says so afterwards. They are looked at again with the
// requests.
func (a *auditor) reflect(ctx context.Context, effects []effect) error {
	told, err := a.told(ctx, effects)
	if err != nil {
		return err
	}
	for _, e := range effects {
		if kindOf(e.owner) == noRequest || told[e.ref] { // what nobody asked for is not in flight
			continue
		}
		a.owed.note(e)
		a.suspects.add(e.owner)
	}
	return nil
}

// told gives the references whose effect is in the requests' rows.
func (a *auditor) told(ctx context.Context, effects []effect) (map[string]bool, error) {
	owners, refs := map[storyKind][]string{}, map[string]string{}
	for _, e := range effects {
		kind := kindOf(e.owner)
		owners[kind] = append(owners[kind], e.owner)
		refs[e.owner] = e.ref
	}
	told := make(map[string]bool, len(effects))
	for _, l := range []list{
		{a.frozen.payment, `payments WHERE approved_at IS NOT NULL`, []storyKind{payment}},
		{a.frozen.payment, `cancels WHERE approved_at IS NOT NULL`, []storyKind{cancel}},
		{a.frozen.settlement, `statements WHERE dry = 0`, []storyKind{statement}},
		{a.frozen.settlement, `payouts WHERE state IN ('SUCCEEDED', 'RETURNED')`, []storyKind{payout}},
	} {
		found, err := selectIn[string](ctx, l.reader, `SELECT id FROM `+l.table+` AND id IN (?)`, owners[l.kinds[0]])
		if err != nil {
			return nil, fmt.Errorf("look up requests: %w", err)
		}
		for _, owner := range found {
			told[refs[owner]] = true
		}
	}
	return told, a.toldOfReturns(ctx, owners[notice], refs, told)
}

// toldOfReturns: money that came back is owed again once its payout says RETURNED.
func (a *auditor) toldOfReturns(ctx context.Context, notices []string, refs map[string]string, told map[string]bool) error {
	const q = `SELECT n.id, f.flow_id AS origin_id FROM bank_notices n JOIN firmbankings f ON f.id = n.firmbanking_id WHERE n.id IN (?)`
	rows, err := selectIn[requestRow](ctx, a.frozen.banking, q, notices)
	if err != nil {
		return fmt.Errorf("look up notices: %w", err)
	}
	origins := make([]string, len(rows))
	for i, r := range rows {
		origins[i] = r.OriginID
	}
	returned, err := selectIn[string](ctx, a.frozen.settlement, `SELECT id FROM payouts WHERE state = 'RETURNED' AND id IN (?)`, origins)
	if err != nil {
		return fmt.Errorf("look up payouts: %w", err)
	}
	for _, r := range rows {
		if slices.Contains(returned, r.OriginID) {
			told[refs[r.ID]] = true
		}
	}
	return nil
}

// payables is the reading of what each franchise is owed, in the order of their ids:
// I5. All sides are sums by franchise, and only one page of each is in memory.
type payables struct {
	*auditor
	accounts   *feed[summed] // the ledger's balances
	registered *feed[summed]
	uncut      *feed[summed] // payments in no statement
	returned   *feed[summed] // cancels in no statement
	statements *feed[summed] // what is not paid, and what is carried over
	unknown    []string      // accounts of franchises that were not there when the snapshot was taken

	counts struct{ franchises, won, uncut, unpaid, carried int64 }
}

func (a *auditor) comparePayables(ctx context.Context) error {
	p := a.payables()
	for {
		franchise, err := p.next(ctx)
		if err != nil {
			return fmt.Errorf("compare payables: %w", err)
		}
		if franchise == "" {
			break
		}
		if err := p.compare(ctx, franchise); err != nil {
			return fmt.Errorf("compare payables: %w", err)
		}
	}
	if err := p.ownerless(ctx); err != nil {
		return err
	}
	p.tell()
	return nil
}

func (a *auditor) payables() *payables {
	const accounts = `SELECT SUBSTR(id, 11, CHAR_LENGTH(id) - 18) AS id, IF(state = 'OPEN' AND kind = 'PAYABLE', 1, 2) AS n, balance AS amount
		FROM ledger_accounts WHERE id > CONCAT('` + payablePrefix + `', ?, '` + payableSuffix + `') AND id < '` + payableEnd + `'
		AND id LIKE '` + payablePrefix + `%` + payableSuffix + `' ORDER BY id LIMIT ?`
	const items = ` WHERE queue > GREATEST(?, 'fra_') AND queue < 'fra` + "`" + `' GROUP BY queue ORDER BY queue LIMIT ?`
	const sums = `SELECT queue AS id, COUNT(*) AS n, SUM(amount) AS amount FROM `
	const statements = `SELECT franchise_id AS id, COUNT(*) AS n, SUM(IF(net > 0, net, 0)) AS amount, SUM(IF(net < 0, net, 0)) AS carry FROM statements
		FORCE INDEX (statements_of_franchise) WHERE franchise_id > ? AND dry = 0 AND payout_state NOT IN ('PAID', 'NONE') AND carried_to IS NULL
		GROUP BY franchise_id ORDER BY franchise_id LIMIT ?`
	return &payables{
		auditor:    a,
		accounts:   sumFeed(a.frozen.money, accounts),
		registered: sumFeed(a.frozen.franchise, `SELECT id FROM franchises WHERE id > ? AND status <> '' ORDER BY id LIMIT ?`),
		uncut:      sumFeed(a.frozen.payment, sums+`payments FORCE INDEX (payments_queue)`+items),
		returned:   sumFeed(a.frozen.payment, sums+`cancels FORCE INDEX (cancels_queue)`+items),
		statements: sumFeed(a.frozen.settlement, statements),
	}
}

func (p *payables) feeds() []*feed[summed] {
	return []*feed[summed]{p.accounts, p.registered, p.uncut, p.returned, p.statements}
}

// next gives the franchise that any side knows next, "" behind the last one.
func (p *payables) next(ctx context.Context) (string, error) {
	first := ""
	for _, f := range p.feeds() {
		row, err := f.peek(ctx)
		if err != nil {
			return "", err
		}
		if row != nil && (first == "" || row.ID < first) {
			first = row.ID
		}
	}
	return first, nil
}

func (p *payables) compare(ctx context.Context, franchise string) error {
	var rows [5]summed
	for i, f := range p.feeds() {
		var err error
		if rows[i], err = take(ctx, f, franchise); err != nil {
			return err
		}
	}
	account, registered, uncut, returned, statements := rows[0], rows[1], rows[2], rows[3], rows[4]
	p.counts.franchises++
	p.counts.won += account.Amount
	p.counts.uncut += uncut.Amount - returned.Amount
	p.counts.unpaid += statements.Amount
	p.counts.carried += statements.Carry
	id, open := payableOf(franchise), account.Count == 1
	if registered.ID != "" && !open {
		p.settled.breach(id, "its franchise is registered, and it is no open payable")
	}
	if registered.ID == "" && account.ID != "" && len(p.unknown) < maxSuspects {
		p.unknown = append(p.unknown, franchise)
	}
	expected := uncut.Amount - returned.Amount + statements.Amount + statements.Carry + p.owed.won[franchise]
	if account.Amount != expected {
		p.settled.breach(id, "owes %d won by the ledger, and %d by its items: not cut %d, not paid %d, carried over %d, in flight %d",
			account.Amount, expected, uncut.Amount-returned.Amount, statements.Amount, statements.Carry, p.owed.won[franchise])
	}
	return nil
}

// ownerless looks for accounts whose franchise does not exist, live: the request is on
// record before the account is opened.
func (p *payables) ownerless(ctx context.Context) error {
	for page := range slices.Chunk(p.unknown, pageRows) {
		found, err := selectIn[string](ctx, p.live.franchise, `SELECT id FROM franchises WHERE id IN (?)`, page)
		if err != nil {
			return fmt.Errorf("look up franchises: %w", err)
		}
		for _, franchise := range without(page, found) {
			p.settled.breach(payableOf(franchise), "belongs to no franchise")
		}
	}
	return nil
}

func (p *payables) tell() {
	p.settled.figure("franchises", p.counts.franchises)
	p.settled.note("owed to franchises %d won: not cut %d, not paid %d, carried over %d, in flight %d postings",
		p.counts.won, p.counts.uncut, p.counts.unpaid, p.counts.carried, p.owed.count)
}
