package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"durapay/internal/id"
)

// statementRow is a row of statements.
type statementRow struct {
	ID            string  `db:"id"`
	RunID         string  `db:"run_id"`
	RunDry        *bool   `db:"run_dry"` // nil when there is no such run
	FranchiseID   string  `db:"franchise_id"`
	Dry           bool    `db:"dry"`
	PaymentCount  int64   `db:"payment_count"`
	PaymentAmount int64   `db:"payment_amount"`
	TaxFree       int64   `db:"tax_free_amount"`
	CancelCount   int64   `db:"cancel_count"`
	CancelAmount  int64   `db:"cancel_amount"`
	Fee           int64   `db:"fee"`
	VAT           int64   `db:"vat"`
	CarriedOver   int64   `db:"carried_over"`
	CarriedFrom   *string `db:"carried_from"`
	CarriedTo     *string `db:"carried_to"`
	Net           int64   `db:"net"`
	PayoutState   string  `db:"payout_state"`
	Attempt       int     `db:"attempt"`
	FirmbankingID string  `db:"firmbanking_id"`
}

// The states of a pay-out that the audit decides by.
const (
	payoutNone     = "NONE"
	payoutPaid     = "PAID"
	payoutReturned = "RETURNED"
	payoutCarried  = "CARRIED_OVER"
)

const statementColumns = `s.id, s.run_id, r.dry AS run_dry, s.franchise_id, s.dry, s.payment_count, s.payment_amount, s.tax_free_amount,
	s.cancel_count, s.cancel_amount, s.fee, s.vat, s.carried_over, s.carried_from, s.carried_to, s.net, s.payout_state, s.attempt, s.firmbanking_id
	FROM statements s LEFT JOIN runs r ON r.id = s.run_id`

// itemSums are a statement's items of one kind, added up.
type itemSums struct {
	ID            string  `db:"id"`
	Count         int64   `db:"n"`
	Amount        int64   `db:"amount"`
	TaxFree       int64   `db:"tax_free"`
	Fee           int64   `db:"fee"`
	VAT           int64   `db:"vat"`
	Franchise     string  `db:"first_franchise"`
	LastFranchise string  `db:"last_franchise"`
	Settled       int64   `db:"settled"`
	FirstSettled  *string `db:"first_settled"`
}

const sumColumns = `SELECT statement_id AS id, COUNT(*) AS n, SUM(amount) AS amount, SUM(fee) AS fee, SUM(vat) AS vat,
	MIN(franchise_id) AS first_franchise, MAX(franchise_id) AS last_franchise`

const (
	paymentSums = sumColumns + `, SUM(tax_free_amount) AS tax_free, COUNT(settled_at) AS settled,
		MIN(CASE WHEN settled_at IS NOT NULL THEN id END) AS first_settled FROM payments WHERE statement_id IN (?) GROUP BY statement_id`
	cancelSums = sumColumns + ` FROM cancels WHERE statement_id IN (?) GROUP BY statement_id`
)

// payoutRow is a row of payouts.
type payoutRow struct {
	ID            string `db:"id"`
	StatementID   string `db:"statement_id"`
	Attempt       int    `db:"attempt"`
	FirmbankingID string `db:"firmbanking_id"`
	State         string `db:"state"`
}

func (p *payoutRow) phase() phase { return (&requestRow{State: p.State}).phase() }

// paidAtBank is what firm banking says of one attempt.
type paidAtBank struct {
	FlowID   string `db:"flow_id"`
	Settled  int64  `db:"settled"`  // transfers
	Returned int64  `db:"returned"` // transfers
	Amount   int64  `db:"amount"`   // won, of both
}

// account is everything that the books say of one statement.
type account struct {
	statementRow
	payments, cancels itemSums
	payouts           []payoutRow // by attempt
	bank              map[string]paidAtBank
	from, to          *statementRow // the statements that it carries over from and to
	carry             string        // the statement whose net the franchise's next one takes over
	ending            Ending        // of its pay-out's flow; asked for only when it decides
}

// readStatements goes through all statements: I5.
func (a *auditor) readStatements(ctx context.Context) error {
	counts := map[string]int64{}
	var net int64
	ids := idFeed(a.frozen.settlement, `SELECT id FROM statements WHERE id > ? ORDER BY id LIMIT ?`)
	err := ids.pages(ctx, func(ids []string) error {
		accounts, err := accountsOf(ctx, a.frozen, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			s := accounts[id]
			if s.Dry {
				counts["dry"]++
			} else if counts[s.PayoutState]++; s.PayoutState == payoutPaid {
				net += s.Net
			}
			if len(s.judge()) > 0 || s.finishing() { // whose flow is asked about when it is looked at again
				a.statements.add(id)
			}
		}
		return a.unbookedFees(ctx, accounts, ids)
	})
	if err != nil {
		return fmt.Errorf("read statements: %w", err)
	}
	for _, f := range slices.Sorted(maps.Keys(counts)) {
		a.settled.figure("statements "+f, counts[f])
	}
	a.settled.figure("won paid out", net)
	if err := a.carries(ctx); err != nil {
		return err
	}
	return a.beingCut(ctx)
}

// accountsOf reads statements with all that belongs to them. Live, the statements are
// read first: when there is one, all its items are in it.
func accountsOf(ctx context.Context, t tables, ids []string) (map[string]*account, error) {
	accounts := make(map[string]*account, len(ids))
	rows, err := selectIn[statementRow](ctx, t.settlement, `SELECT `+statementColumns+` WHERE s.id IN (?)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read statements: %w", err)
	}
	for _, r := range rows {
		accounts[r.ID] = &account{statementRow: r, bank: map[string]paidAtBank{}}
	}
	for _, read := range []func(context.Context, tables, []string, map[string]*account) error{
		readNeighbours, readPayouts, readSums,
	} {
		if err := read(ctx, t, ids, accounts); err != nil {
			return nil, err
		}
	}
	return accounts, nil
}

// readNeighbours reads what statements carry over from, to, and to nobody yet.
func readNeighbours(ctx context.Context, t tables, _ []string, accounts map[string]*account) error {
	var others, franchises []string
	for _, s := range accounts {
		for _, other := range []*string{s.CarriedFrom, s.CarriedTo} {
			if other != nil {
				others = append(others, *other)
			}
		}
		if s.PayoutState == payoutCarried && s.CarriedTo == nil {
			franchises = append(franchises, s.FranchiseID)
		}
	}
	rows, err := selectIn[statementRow](ctx, t.settlement, `SELECT `+statementColumns+` WHERE s.id IN (?)`, others)
	if err != nil {
		return fmt.Errorf("read statements: %w", err)
	}
	byID := make(map[string]*statementRow, len(rows))
	for i := range rows {
		byID[rows[i].ID] = &rows[i]
	}
	carries, err := selectIn[summedText](ctx, t.settlement, `SELECT franchise_id AS id, statement_id AS value FROM carries WHERE franchise_id IN (?)`, franchises)
	if err != nil {
		return fmt.Errorf("read carries: %w", err)
	}
	open := make(map[string]string, len(carries))
	for _, c := range carries {
		open[c.ID] = c.Value
	}
	for _, s := range accounts {
		s.carry = open[s.FranchiseID]
		if s.CarriedFrom != nil {
			s.from = byID[*s.CarriedFrom]
		}
		if s.CarriedTo != nil {
			s.to = byID[*s.CarriedTo]
		}
	}
	return nil
}

// summedText is a text by the id that it is of.
type summedText struct {
	ID    string `db:"id"`
	Value string `db:"value"`
}

func readPayouts(ctx context.Context, t tables, ids []string, accounts map[string]*account) error {
	const q = `SELECT id, statement_id, attempt, firmbanking_id, state FROM payouts WHERE statement_id IN (?) ORDER BY statement_id, attempt`
	rows, err := selectIn[payoutRow](ctx, t.settlement, q, ids)
	if err != nil {
		return fmt.Errorf("read payouts: %w", err)
	}
	flows, owners := make([]string, len(rows)), make(map[string]*account, len(rows))
	for i, r := range rows {
		s := accounts[r.StatementID]
		if s == nil { // begun since
			continue
		}
		s.payouts = append(s.payouts, r)
		flows[i], owners[r.ID] = r.ID, s
	}
	const atBank = `SELECT flow_id, SUM(state = 'SETTLED') AS settled, SUM(state = 'RETURNED') AS returned, SUM(amount) AS amount
		FROM firmbankings WHERE flow_id IN (?) AND state IN ('SETTLED', 'RETURNED') GROUP BY flow_id`
	banked, err := selectIn[paidAtBank](ctx, t.banking, atBank, flows)
	if err != nil {
		return fmt.Errorf("read firmbankings: %w", err)
	}
	for _, b := range banked {
		owners[b.FlowID].bank[b.FlowID] = b
	}
	return nil
}

func readSums(ctx context.Context, t tables, ids []string, accounts map[string]*account) error {
	payments, err := selectIn[itemSums](ctx, t.payment, paymentSums, ids)
	if err != nil {
		return fmt.Errorf("add up payments: %w", err)
	}
	cancels, err := selectIn[itemSums](ctx, t.payment, cancelSums, ids)
	if err != nil {
		return fmt.Errorf("add up cancels: %w", err)
	}
	for _, p := range payments {
		if s := accounts[p.ID]; s != nil {
			s.payments = p
		}
	}
	for _, c := range cancels {
		if s := accounts[c.ID]; s != nil {
			s.cancels = c
		}
	}
	return nil
}

// judge tells what about a statement contradicts itself, nothing when it is sound.
func (s *account) judge() []string {
	checks := []func() string{s.checkRun, s.checkSums, s.checkNet, s.checkCarriedFrom, s.checkCarriedTo, s.checkPayouts, s.checkPaid, s.checkSettled}
	if s.Dry {
		checks = []func() string{s.checkRun, s.checkDry}
	}
	var complaints []string
	for _, check := range checks {
		if what := check(); what != "" {
			complaints = append(complaints, what)
		}
	}
	return complaints
}

func (s *account) checkRun() string {
	switch {
	case s.RunDry == nil:
		return "its run " + s.RunID + " is not on record"
	case *s.RunDry != s.Dry:
		return "a dry run is mixed up with a live one"
	case s.ID != id.Derive(id.Statement, s.RunID, s.FranchiseID):
		return "is not the statement of its run and franchise"
	default:
		return ""
	}
}

// checkDry: a dry run shows and does nothing.
func (s *account) checkDry() string {
	switch {
	case s.payments.Count > 0 || s.cancels.Count > 0:
		return fmt.Sprintf("is of a dry run, and %d payments and %d cancels are in it", s.payments.Count, s.cancels.Count)
	case len(s.payouts) > 0:
		return "is of a dry run, and " + s.payouts[0].ID + " pays it"
	case s.CarriedFrom != nil || s.CarriedTo != nil:
		return "is of a dry run, and takes part in a carry-over"
	default:
		return ""
	}
}

// checkSums compares the statement with its items.
func (s *account) checkSums() string {
	p, c := s.payments, s.cancels
	switch {
	case p.Count > 0 && (p.Franchise != s.FranchiseID || p.LastFranchise != s.FranchiseID),
		c.Count > 0 && (c.Franchise != s.FranchiseID || c.LastFranchise != s.FranchiseID):
		return "has items of another franchise"
	case s.PaymentCount != p.Count, s.PaymentAmount != p.Amount, s.TaxFree != p.TaxFree:
		return fmt.Sprintf("says %d payments of %d won (%d tax-free), and its items make %d of %d (%d)",
			s.PaymentCount, s.PaymentAmount, s.TaxFree, p.Count, p.Amount, p.TaxFree)
	case s.CancelCount != c.Count, s.CancelAmount != c.Amount:
		return fmt.Sprintf("says %d cancels of %d won, and its items make %d of %d", s.CancelCount, s.CancelAmount, c.Count, c.Amount)
	case s.Fee != p.Fee-c.Fee, s.VAT != p.VAT-c.VAT:
		return fmt.Sprintf("says fee %d and VAT %d, and its items make %d and %d", s.Fee, s.VAT, p.Fee-c.Fee, p.VAT-c.VAT)
	default:
		return ""
	}
}

func (s *account) checkNet() string {
	net := s.PaymentAmount - s.CancelAmount - s.Fee - s.VAT + s.CarriedOver
	nothing := net == 0 && s.PayoutState != payoutNone || net < 0 && s.PayoutState != payoutCarried
	switch {
	case net != s.Net:
		return fmt.Sprintf("says net %d, and it is %d", s.Net, net)
	case nothing, net > 0 && (s.PayoutState == payoutNone || s.PayoutState == payoutCarried):
		return fmt.Sprintf("is %s with net %d", s.PayoutState, net)
	default:
		return ""
	}
}

// checkCarriedFrom: what is taken over is an earlier statement's negative net, whole, once.
func (s *account) checkCarriedFrom() string {
	switch {
	case s.CarriedFrom == nil && s.CarriedOver == 0:
		return ""
	case s.CarriedFrom == nil:
		return fmt.Sprintf("carries over %d won from nowhere", s.CarriedOver)
	case s.from == nil:
		return "carries over from " + *s.CarriedFrom + ", which is not on record"
	case s.from.Dry, s.from.FranchiseID != s.FranchiseID, s.from.PayoutState != payoutCarried:
		return "carries over from " + s.from.ID + ", which is not to be carried over to it"
	case s.from.Net != s.CarriedOver:
		return fmt.Sprintf("carries over %d won from %s, whose net is %d", s.CarriedOver, s.from.ID, s.from.Net)
	case s.from.CarriedTo == nil || *s.from.CarriedTo != s.ID:
		return "carries over from " + s.from.ID + ", which does not say so"
	default:
		return ""
	}
}

func (s *account) checkCarriedTo() string {
	switch {
	case s.PayoutState != payoutCarried && s.CarriedTo != nil:
		return "is " + s.PayoutState + ", and carried over"
	case s.PayoutState != payoutCarried:
		return ""
	case s.CarriedTo == nil && s.carry != s.ID:
		return "is CARRIED_OVER, and nobody is to take it over"
	case s.CarriedTo == nil:
		return ""
	case s.to == nil || s.to.CarriedFrom == nil || *s.to.CarriedFrom != s.ID:
		return "is carried over to " + *s.CarriedTo + ", which does not say so"
	default:
		return ""
	}
}

// shownAs tells what a statement shows while its last attempt is in a state.
var shownAs = map[string]string{
	"REQUESTED": "SCHEDULED", "PROCESSING": "PROCESSING", "WAITING": "WAITING", "UNKNOWN": "UNKNOWN",
	"SUCCEEDED": payoutPaid, "FAILED": "FAILED", "CANCELLED": "FAILED", "RETURNED": payoutReturned,
}

// checkPayouts compares the statement with its attempts to pay it: they are numbered,
// only the last one may be under way or have paid, and it is what the statement shows.
func (s *account) checkPayouts() string {
	for i := range s.payouts {
		p, last := &s.payouts[i], i == len(s.payouts)-1
		statementID, attempt := payoutOf(p.ID)
		switch {
		case statementID != s.ID || attempt != p.Attempt || p.Attempt != i+1:
			return fmt.Sprintf("%s is not its attempt %d", p.ID, i+1)
		case !last && (p.phase() == underWay || p.State == "SUCCEEDED"):
			return fmt.Sprintf("%s is %s, and there is another attempt after it", p.ID, p.State)
		}
	}
	n := len(s.payouts)
	switch {
	case n == s.Attempt && n > 0:
		last := s.payouts[n-1]
		if s.PayoutState != shownAs[last.State] || s.FirmbankingID != last.FirmbankingID {
			return fmt.Sprintf("is %s, and %s is %s", s.PayoutState, last.ID, last.State)
		}
		return ""
	case n == s.Attempt && s.Net <= 0, n == s.Attempt-1 && s.PayoutState == "SCHEDULED":
		return ""
	default:
		return fmt.Sprintf("is %s at attempt %d, and %d payouts are on record", s.PayoutState, s.Attempt, n)
	}
}

// checkPaid: a paid statement was paid by one transfer of its net, any other by none
// that has stayed at the bank.
func (s *account) checkPaid() string {
	var staying, paid int64
	for _, p := range s.payouts {
		b := s.bank[p.ID]
		staying += b.Settled
		if p.State == "SUCCEEDED" && b.Settled+b.Returned == 1 && b.Amount == s.Net {
			paid++
		}
	}
	going := len(s.payouts) > 0 && s.payouts[len(s.payouts)-1].phase() == underWay
	switch {
	case s.PayoutState == payoutPaid && (paid != 1 || staying > 1):
		return fmt.Sprintf("is PAID with net %d, and %d transfers of that have paid it (%d stay at the bank)", s.Net, paid, staying)
	case s.PayoutState != payoutPaid && (staying > 1 || staying == 1 && !going):
		return fmt.Sprintf("is %s, and %d transfers have paid it", s.PayoutState, staying)
	default:
		return ""
	}
}

// checkSettled: payments are settled when their statement is paid, and not before. A
// statement without anything to pay needs no transfer for that.
func (s *account) checkSettled() string {
	everPaid := s.PayoutState == payoutNone || s.PayoutState == payoutCarried
	for _, p := range s.payouts {
		everPaid = everPaid || p.phase() == done
	}
	left := s.payments.Count - s.payments.Settled
	switch {
	case s.payments.Settled > 0 && !everPaid:
		return fmt.Sprintf("is %s, and payment %s in it is settled", s.PayoutState, *s.payments.FirstSettled)
	case s.finishing() && !s.ending.mayGoOn():
		return fmt.Sprintf("is PAID, and %d of its payments are not settled", left)
	default:
		return ""
	}
}

// finishing tells whether payments of a paid statement are still to be settled.
func (s *account) finishing() bool {
	return s.PayoutState == payoutPaid && s.payments.Settled < s.payments.Count
}

// unbookedFees counts the fees of statements that the ledger of the snapshot has not
// booked: the rest of what is owed says so already.
func (a *auditor) unbookedFees(ctx context.Context, accounts map[string]*account, ids []string) error {
	var refs []string
	for _, id := range ids {
		if s := accounts[id]; !s.Dry && (s.Fee != 0 || s.VAT != 0) {
			refs = append(refs, id+feeSuffix)
		}
	}
	booked, err := selectIn[string](ctx, a.frozen.money, `SELECT ref FROM ledger_postings WHERE ref IN (?)`, refs)
	if err != nil {
		return fmt.Errorf("look up fees: %w", err)
	}
	for _, ref := range without(refs, booked) {
		s := accounts[strings.TrimSuffix(ref, feeSuffix)]
		a.owed.note(effect{s.ID, ref, s.FranchiseID, s.Fee + s.VAT})
		a.suspects.add(s.ID)
	}
	return nil
}

// carries looks for franchises whose next statement is to take over what is not there.
func (a *auditor) carries(ctx context.Context) error {
	const q = `SELECT c.franchise_id FROM carries c LEFT JOIN statements s ON s.id = c.statement_id
		WHERE c.franchise_id > ? AND c.net <> 0 AND (s.id IS NULL OR s.dry = 1 OR s.net <> c.net OR s.franchise_id <> c.franchise_id
			OR s.payout_state <> 'CARRIED_OVER' OR s.carried_to IS NOT NULL)
		ORDER BY c.franchise_id LIMIT ?`
	return idFeed(a.frozen.settlement, q).pages(ctx, func(ids []string) error {
		for _, id := range ids {
			a.settled.breach(id, "its next statement is to take over what no statement leaves")
		}
		return nil
	})
}

// beingCut looks at the items whose statement was not there when the snapshot was
// taken: a run that is under way is making it.
func (a *auditor) beingCut(ctx context.Context) error {
	var items int64
	for _, table := range []string{"payments", "cancels"} {
		ids := idFeed(a.frozen.payment, `SELECT statement_id FROM `+table+` WHERE statement_id > ? GROUP BY statement_id ORDER BY statement_id LIMIT ?`)
		err := ids.pages(ctx, func(ids []string) error {
			n, err := a.cutOnly(ctx, table, ids)
			items += n
			return err
		})
		if err != nil {
			return fmt.Errorf("items being cut: %w", err)
		}
	}
	a.settled.figure("items being cut", items)
	return nil
}

func (a *auditor) cutOnly(ctx context.Context, table string, ids []string) (items int64, err error) {
	found, err := selectIn[string](ctx, a.frozen.settlement, `SELECT id FROM statements WHERE id IN (?)`, ids)
	if err != nil {
		return 0, err
	}
	sums, sign := paymentSums, int64(1)
	if table == "cancels" {
		sums, sign = cancelSums, -1
	}
	rows, err := selectIn[itemSums](ctx, a.frozen.payment, sums, without(ids, found))
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		items += r.Count
		a.owed.add(r.Franchise, sign*r.Amount)
		a.statements.add(r.ID)
	}
	return items, nil
}

// reexamineStatements looks at statements again, live. What still does not fit after the
// last look is a breach.
func (a *auditor) reexamineStatements(ctx context.Context) error {
	ids := slices.Sorted(maps.Keys(a.statements.ids))
	var complaints map[string][]string
	for look := range looks {
		if len(ids) == 0 {
			break
		}
		if err := pause(ctx, firstLook<<look); err != nil {
			return err
		}
		var err error
		if complaints, err = a.statementComplaints(ctx, ids); err != nil {
			return fmt.Errorf("look again: %w", err)
		}
		ids = slices.Sorted(maps.Keys(complaints))
	}
	for _, id := range ids {
		a.settled.breach(id, "%s", strings.Join(complaints[id], "; "))
	}
	if a.statements.dropped > 0 {
		a.settled.unproven("%d more did not fit and were not looked at again", a.statements.dropped)
	}
	return nil
}

func (a *auditor) statementComplaints(ctx context.Context, ids []string) (map[string][]string, error) {
	out := map[string][]string{}
	for page := range slices.Chunk(ids, pageRows) {
		endings := a.payoutEndings(ctx, page)
		accounts, err := accountsOf(ctx, a.live, page)
		if err != nil {
			return nil, err
		}
		var absent []string
		for _, id := range page {
			s := accounts[id]
			if s == nil {
				absent = append(absent, id)
				continue
			}
			s.ending = endings[id]
			if what := s.judge(); len(what) > 0 {
				out[id] = what
			}
		}
		if err := a.absent(ctx, absent, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// payoutEndings asks how the flows that pay statements stand, before their rows are
// read: what they have done by then must be on record.
func (a *auditor) payoutEndings(ctx context.Context, ids []string) map[string]Ending {
	asked := make([]*story, len(ids))
	for i, id := range ids {
		asked[i] = &story{id: id + "/1"}
	}
	a.flows.ask(ctx, asked)
	endings := make(map[string]Ending, len(ids))
	for i, id := range ids {
		endings[id] = asked[i].ending
	}
	return endings
}

// absent tells of items whose statement does not exist, unless a run that is under way
// is about to make it.
func (a *auditor) absent(ctx context.Context, ids []string, out map[string][]string) error {
	if len(ids) == 0 {
		return nil
	}
	var runs []string
	const q = `SELECT id FROM runs WHERE dry = 0 AND state NOT IN ('SUCCEEDED', 'FAILED', 'CANCELLED', 'RETURNED')`
	if err := a.live.settlement.SelectContext(ctx, &runs, q); err != nil {
		return fmt.Errorf("read runs: %w", err)
	}
	for _, sums := range []string{paymentSums, cancelSums} {
		rows, err := selectIn[itemSums](ctx, a.live.payment, sums, ids)
		if err != nil {
			return fmt.Errorf("add up items: %w", err)
		}
		for _, r := range rows {
			making := slices.ContainsFunc(runs, func(run string) bool { return id.Derive(id.Statement, run, r.Franchise) == r.ID })
			if !making {
				out[r.ID] = []string{fmt.Sprintf("%d items are in it, and it is not on record", r.Count)}
			}
		}
	}
	return nil
}
