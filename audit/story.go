package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"durapay/internal/id"
)

// storyKind tells the requests that move money apart.
type storyKind int

// The kinds of requests; the zero value is what an id of anything else has.
const (
	noRequest storyKind = iota
	topUp
	withdrawal
	remittance
	operatorTransfer // a firm banking that an operator asked for; its own row is the request
	payment
	cancel
	notice    // what a bank has told by itself
	run       // of a settlement; it books nothing itself
	statement // its fee
	payout    // one attempt to pay a statement: stl_…/2
)

// kindOf gives the kind of a request by its id.
func kindOf(requestID string) storyKind {
	switch id.Prefix(requestID) {
	case id.TopUp:
		return topUp
	case id.Withdrawal:
		return withdrawal
	case id.Remittance:
		return remittance
	case id.Firmbanking:
		return operatorTransfer
	case id.Payment:
		return payment
	case id.Cancel:
		return cancel
	case id.BankNotice:
		return notice
	case id.SettlementRun:
		return run
	case id.Statement:
		return statement
	default:
		if _, attempt := payoutOf(requestID); attempt > 0 {
			return payout
		}
		return noRequest
	}
}

// payoutOf takes the id of a payout apart; the attempt is 0 for anything else.
func payoutOf(payoutID string) (statementID string, attempt int) {
	statementID, number, _ := strings.Cut(payoutID, "/")
	attempt, err := strconv.Atoi(number)
	if err != nil || attempt < 1 || strconv.Itoa(attempt) != number || id.Prefix(statementID) != id.Statement {
		return "", 0
	}
	return statementID, attempt
}

// holds tells whether the money is reserved first and moved once a bank has spoken.
func (k storyKind) holds() bool {
	switch k {
	case topUp, withdrawal, operatorTransfer, payout:
		return true
	default:
		return false
	}
}

// throughBank tells whether a bank transfer may belong to it.
func (k storyKind) throughBank() bool { return k.holds() || k == remittance }

// flowNames are the parts of workflow ids before the slash.
var flowNames = map[storyKind]string{
	topUp: "topup/", withdrawal: "withdrawal/", remittance: "remittance/", operatorTransfer: "firmbanking/",
	payment: "payment/", cancel: "cancel/", notice: "bank-notice/", run: "settlement/", payout: "payout/",
}

// workflowID gives the id of the flow that works on a request, "" for none: a
// statement is its run's work. All attempts of a payout are runs of one id.
func workflowID(requestID string) string {
	kind := kindOf(requestID)
	name, known := flowNames[kind]
	if !known {
		return ""
	}
	if kind == payout {
		requestID, _ = payoutOf(requestID)
	}
	return name + requestID
}

// The ends of references that belong to a request besides its own id.
const (
	feeSuffix    = "/fee"    // of a statement
	creditSuffix = "/credit" // of a notice: to whom the money goes back
)

// openingRef gives the reference of a request's first posting.
func openingRef(requestID string) string {
	if kindOf(requestID) == statement {
		return requestID + feeSuffix
	}
	return requestID
}

// requestOf gives the request that a reference of the ledger belongs to.
func requestOf(ref string) string {
	if s, isFee := strings.CutSuffix(ref, feeSuffix); isFee && kindOf(s) == statement {
		return s
	}
	if n, isCredit := strings.CutSuffix(ref, creditSuffix); isCredit && kindOf(n) == notice {
		return n
	}
	if kindOf(ref) == statement || kindOf(ref) == run { // these have no posting of their own name
		return ""
	}
	return ref
}

// requestRow is what a request's own row says.
type requestRow struct {
	ID            string  `db:"id"`
	MembershipID  string  `db:"membership_id"` // of who pays or is paid; the sender of a remittance
	ReceiverID    string  `db:"receiver_id"`   // of a remittance
	BankAccountID string  `db:"bank_account_id"`
	TopUpID       string  `db:"top_up_id"`
	Amount        int64   `db:"amount"`
	State         string  `db:"state"`
	Failure       *string `db:"failure"`
	Fingerprint   string  `db:"fingerprint"`

	FranchiseID   string `db:"franchise_id"`   // of a payment, cancel, statement or payout
	BankCode      string `db:"bank_code"`      // of a remittance to a bank account
	Type          string `db:"type"`           // of a notice
	FirmbankingID string `db:"firmbanking_id"` // the first of a payout; the one that a notice brings back
	OriginID      string `db:"origin_id"`      // of a notice: the request that the money was for
	Fee           int64  `db:"fee"`            // of a statement
	VAT           int64  `db:"vat"`
	Newest        bool   `db:"newest"` // of a payout: the statement has no later attempt
}

// failureCode gives the code of the stored failure, "" for none.
func (r *requestRow) failureCode() string {
	if r.Failure == nil {
		return ""
	}
	var f struct{ Code string }
	if err := json.Unmarshal([]byte(*r.Failure), &f); err != nil {
		return "unreadable"
	}
	return f.Code
}

// firmbankingRow is what a firm banking's row says.
type firmbankingRow struct {
	ID            string    `db:"id"`
	Reference     string    `db:"reference"`
	FlowID        string    `db:"flow_id"`
	MembershipID  string    `db:"membership_id"`
	BankAccountID string    `db:"bank_account_id"`
	Direction     string    `db:"direction"`
	BankCode      string    `db:"bank_code"`
	NumberIndex   []byte    `db:"number_index"`
	Amount        int64     `db:"amount"`
	State         string    `db:"state"`
	Reason        string    `db:"reason"`
	Fingerprint   string    `db:"fingerprint"`
	CreatedAt     time.Time `db:"created_at"`

	noticed bool // a notice says that it came back
}

const firmbankingColumns = `id, reference, flow_id, membership_id, bank_account_id, direction, bank_code, number_index, amount, state,
	reason, fingerprint, created_at`

// The directions of a firm banking.
const (
	debit  = "DEBIT"  // into the corporate account
	credit = "CREDIT" // out of it
)

// settled tells whether the bank has moved the money.
func (f *firmbankingRow) settled() bool { return f.State == "SETTLED" || f.State == "RETURNED" }

// posted is a posting with its entries.
type posted struct {
	postingRow
	entries []entryRow
}

// story is everything that the books say of one request.
type story struct {
	id           string
	request      *requestRow
	opening      *posted          // the posting under the request's own id
	closing      *posted          // the one that closes it, when it is a hold
	credit       *posted          // of a notice: the one that gives the money back
	firmbankings []firmbankingRow // by attempt
	topUp        *requestRow      // that a remittance or a payment has started
	origin       *requestRow      // of a notice: what the money was for
	ending       Ending
}

// booked tells whether the ledger has booked what the bank moved.
func (s *story) booked() bool {
	if kindOf(s.id) == notice {
		return s.opening != nil && !s.burnt()
	}
	return s.captured()
}

// captured tells whether its hold was captured.
func (s *story) captured() bool { return s.closing != nil && s.closing.Op == opCapture }

// transfer is the last of its bank transfers, nil for none. The ones before it were
// refused by a bank that was shut.
func (s *story) transfer() *firmbankingRow {
	if len(s.firmbankings) == 0 {
		return nil
	}
	return &s.firmbankings[len(s.firmbankings)-1]
}

// load reads the stories of requests. Live, what comes later in a flow's life is read
// first, so that a flow that goes on meanwhile does not look as if it had left a step out.
func load(ctx context.Context, t tables, ids []string) (map[string]*story, error) {
	stories := make(map[string]*story, len(ids))
	for _, id := range ids {
		stories[id] = &story{id: id}
	}
	for _, read := range []func(context.Context, tables, []string, map[string]*story) error{loadRequests, loadPostings, loadFirmbankings} {
		if err := read(ctx, t, ids, stories); err != nil {
			return nil, err
		}
	}
	return stories, nil
}

const (
	moneyRequests = `SELECT id, membership_id, '' AS receiver_id, bank_account_id, '' AS top_up_id, amount, state, failure, fingerprint
		FROM money_requests WHERE id IN (?)`
	remittanceRequests = `SELECT id, sender_id AS membership_id, receiver_id, '' AS bank_account_id, bank_code, top_up_id, amount, state, failure, fingerprint
		FROM remittances WHERE id IN (?)`
	operatorRequests = `SELECT id, membership_id, '' AS receiver_id, bank_account_id, '' AS top_up_id, amount, state, NULL AS failure, fingerprint
		FROM firmbankings WHERE id IN (?) AND flow_id = id`
	// CANCELLED in full is an approved payment that was given back; a request that was
	// called off has FAILED.
	paymentRequests = `SELECT id, membership_id, franchise_id, top_up_id, amount,
		IF(state = 'CANCELLED' AND approved_at IS NOT NULL, 'GIVEN_BACK', state) AS state, failure, fingerprint FROM payments WHERE id IN (?)`
	cancelRequests = `SELECT id, membership_id, franchise_id, amount, state, failure, fingerprint FROM cancels WHERE id IN (?)`
	noticeRequests = `SELECT n.id, n.type, n.amount, n.state, n.failure, COALESCE(n.firmbanking_id, '') AS firmbanking_id, COALESCE(f.flow_id, '') AS origin_id
		FROM bank_notices n LEFT JOIN firmbankings f ON f.id = n.firmbanking_id WHERE n.id IN (?)`
	runRequests = `SELECT id, state, failure, fingerprint FROM runs WHERE id IN (?)`
	// A statement's fee is booked by its run, whose state is what counts.
	statementRequests = `SELECT s.id, s.franchise_id, s.fee, s.vat, r.state FROM statements s JOIN runs r ON r.id = s.run_id
		WHERE s.id IN (?) AND s.dry = 0`
	payoutRequests = `SELECT p.id, s.franchise_id, s.net AS amount, p.state, p.failure, p.firmbanking_id, p.attempt = (
			SELECT MAX(later.attempt) FROM payouts later WHERE later.statement_id = p.statement_id) AS newest
		FROM payouts p JOIN statements s ON s.id = p.statement_id WHERE p.id IN (?) AND s.dry = 0`
)

// source is where the requests of some kinds are on record.
type source struct {
	reader reader
	query  string
	kinds  []storyKind
}

func sourcesOf(t tables) []source {
	return []source{
		{t.remittance, remittanceRequests, []storyKind{remittance}},
		{t.payment, paymentRequests, []storyKind{payment}},
		{t.payment, cancelRequests, []storyKind{cancel}},
		{t.money, moneyRequests, []storyKind{topUp, withdrawal}},
		{t.settlement, runRequests, []storyKind{run}},
		{t.settlement, statementRequests, []storyKind{statement}},
		{t.settlement, payoutRequests, []storyKind{payout}},
		{t.banking, operatorRequests, []storyKind{operatorTransfer}},
		{t.banking, noticeRequests, []storyKind{notice}},
	}
}

// requestsOf reads the requests that are on record, by id.
func requestsOf(ctx context.Context, t tables, ids []string) (map[string]*requestRow, error) {
	byKind := map[storyKind][]string{}
	for _, id := range ids {
		byKind[kindOf(id)] = append(byKind[kindOf(id)], id)
	}
	out := make(map[string]*requestRow, len(ids))
	for _, s := range sourcesOf(t) {
		var asked []string
		for _, k := range s.kinds {
			asked = append(asked, byKind[k]...)
		}
		rows, err := selectIn[requestRow](ctx, s.reader, s.query, asked)
		if err != nil {
			return nil, fmt.Errorf("read requests: %w", err)
		}
		for i := range rows {
			out[rows[i].ID] = &rows[i]
		}
	}
	return out, nil
}

// loadRequests reads the requests, and those that they have to do with: the top-ups
// that they have started, the requests whose money came back.
func loadRequests(ctx context.Context, t tables, ids []string, stories map[string]*story) error {
	requests, err := requestsOf(ctx, t, ids)
	if err != nil {
		return err
	}
	var others []string
	for _, r := range requests {
		for _, id := range []string{r.TopUpID, r.OriginID} {
			if id != "" {
				others = append(others, id)
			}
		}
	}
	related, err := requestsOf(ctx, t, others)
	if err != nil {
		return err
	}
	for id, s := range stories {
		if s.request = requests[id]; s.request != nil {
			s.topUp, s.origin = related[s.request.TopUpID], related[s.request.OriginID]
		}
	}
	return nil
}

func loadPostings(ctx context.Context, t tables, ids []string, stories map[string]*story) error {
	places, held := make(map[string]**posted, len(ids)), make([]string, 0, len(ids))
	for id, s := range stories {
		places[openingRef(id)] = &s.opening
		switch kind := kindOf(id); {
		case kind == notice:
			places[id+creditSuffix] = &s.credit
		case kind.throughBank():
			held = append(held, id)
		}
	}
	const byRef = `SELECT ` + postingColumns + ` FROM ledger_postings WHERE ref IN (?)`
	openings, err := selectIn[postingRow](ctx, t.money, byRef, keysOf(places))
	if err != nil {
		return fmt.Errorf("read postings: %w", err)
	}
	closings, err := closingsOf(ctx, t.money, held)
	if err != nil {
		return err
	}
	bySeq := make(map[int64]*posted, len(openings)+len(closings))
	for _, p := range openings {
		x := &posted{postingRow: p}
		*places[p.Ref], bySeq[p.Seq] = x, x
	}
	for ref, p := range closings {
		x := &posted{postingRow: *p}
		stories[ref].closing, bySeq[p.Seq] = x, x
	}
	return loadEntries(ctx, t, bySeq)
}

// loadEntries gives each posting its entries.
func loadEntries(ctx context.Context, t tables, bySeq map[int64]*posted) error {
	seqs := make([]int64, 0, len(bySeq))
	for seq, p := range bySeq {
		if p.moves() {
			seqs = append(seqs, seq)
		}
	}
	const q = `SELECT ` + entryColumns + ` FROM ledger_entries WHERE seq IN (?) ORDER BY seq, line`
	rows, err := selectIn[entryRow](ctx, t.money, q, seqs)
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	for _, e := range rows {
		bySeq[e.Seq].entries = append(bySeq[e.Seq].entries, e)
	}
	return nil
}

func loadFirmbankings(ctx context.Context, t tables, ids []string, stories map[string]*story) error {
	var asked []string
	for _, id := range ids {
		if kindOf(id).throughBank() {
			asked = append(asked, id)
		}
	}
	const q = `SELECT ` + firmbankingColumns + ` FROM firmbankings WHERE flow_id IN (?)`
	rows, err := selectIn[firmbankingRow](ctx, t.banking, q, asked)
	if err != nil {
		return fmt.Errorf("read firmbankings: %w", err)
	}
	if err := loadNoticed(ctx, t, rows); err != nil {
		return err
	}
	slices.SortFunc(rows, byAttempt)
	for _, f := range rows {
		s := stories[f.FlowID]
		s.firmbankings = append(s.firmbankings, f)
	}
	return nil
}

// byAttempt orders references: …/credit, …/credit/2, …/credit/10.
func byAttempt(a, b firmbankingRow) int {
	return cmp.Or(cmp.Compare(len(a.Reference), len(b.Reference)), strings.Compare(a.Reference, b.Reference))
}

// loadNoticed tells of the transfers that came back whether a notice says so.
func loadNoticed(ctx context.Context, t tables, rows []firmbankingRow) error {
	var returned []string
	for _, f := range rows {
		if f.State == "RETURNED" {
			returned = append(returned, f.ID)
		}
	}
	noticed, err := selectIn[string](ctx, t.banking, `SELECT firmbanking_id FROM bank_notices WHERE firmbanking_id IN (?)`, returned)
	if err != nil {
		return fmt.Errorf("read notices: %w", err)
	}
	for i := range rows {
		rows[i].noticed = slices.Contains(noticed, rows[i].ID)
	}
	return nil
}
