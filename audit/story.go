package audit

import (
	"context"
	"encoding/json"
	"fmt"
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
	default:
		return noRequest
	}
}

// workflowID gives the id of the flow that works on a request.
func workflowID(requestID string) string {
	switch kindOf(requestID) {
	case topUp:
		return "topup/" + requestID
	case withdrawal:
		return "withdrawal/" + requestID
	case remittance:
		return "remittance/" + requestID
	case operatorTransfer:
		return "firmbanking/" + requestID
	default:
		return ""
	}
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
	opening      *posted // the posting under the request's own id
	closing      *posted // the one that closes it, when it is a hold
	firmbankings []firmbankingRow
	topUp        *requestRow // that a remittance has started
	ending       Ending
}

// captured tells whether the ledger has booked what the bank moved.
func (s *story) captured() bool { return s.closing != nil && s.closing.Op == opCapture }

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
	remittanceRequests = `SELECT id, sender_id AS membership_id, receiver_id, '' AS bank_account_id, top_up_id, amount, state, failure, fingerprint
		FROM remittances WHERE id IN (?)`
	operatorRequests = `SELECT id, membership_id, '' AS receiver_id, bank_account_id, '' AS top_up_id, amount, state, NULL AS failure, fingerprint
		FROM firmbankings WHERE id IN (?) AND flow_id = id`
)

func loadRequests(ctx context.Context, t tables, ids []string, stories map[string]*story) error {
	byKind := map[storyKind][]string{}
	for _, id := range ids {
		byKind[kindOf(id)] = append(byKind[kindOf(id)], id)
	}
	money := append(byKind[topUp], byKind[withdrawal]...)
	for _, source := range []struct {
		reader reader
		query  string
		ids    []string
	}{
		{t.remittance, remittanceRequests, byKind[remittance]},
		{t.money, moneyRequests, money},
		{t.banking, operatorRequests, byKind[operatorTransfer]},
	} {
		rows, err := selectIn[requestRow](ctx, source.reader, source.query, source.ids)
		if err != nil {
			return fmt.Errorf("read requests: %w", err)
		}
		for i := range rows {
			stories[rows[i].ID].request = &rows[i]
		}
	}
	return loadTopUps(ctx, t, stories)
}

// loadTopUps reads the top-ups that remittances have started.
func loadTopUps(ctx context.Context, t tables, stories map[string]*story) error {
	var ids []string
	for _, s := range stories {
		if s.request != nil && s.request.TopUpID != "" {
			ids = append(ids, s.request.TopUpID)
		}
	}
	rows, err := selectIn[requestRow](ctx, t.money, moneyRequests, ids)
	if err != nil {
		return fmt.Errorf("read top-ups: %w", err)
	}
	byID := make(map[string]*requestRow, len(rows))
	for i := range rows {
		byID[rows[i].ID] = &rows[i]
	}
	for _, s := range stories {
		if s.request != nil {
			s.topUp = byID[s.request.TopUpID]
		}
	}
	return nil
}

func loadPostings(ctx context.Context, t tables, ids []string, stories map[string]*story) error {
	const byRef = `SELECT ` + postingColumns + ` FROM ledger_postings WHERE ref IN (?)`
	openings, err := selectIn[postingRow](ctx, t.money, byRef, ids)
	if err != nil {
		return fmt.Errorf("read postings: %w", err)
	}
	closings, err := closingsOf(ctx, t.money, ids)
	if err != nil {
		return err
	}
	bySeq := make(map[int64]*posted, len(openings)+len(closings))
	for _, p := range openings {
		x := &posted{postingRow: p}
		stories[p.Ref].opening, bySeq[p.Seq] = x, x
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
	const q = `SELECT ` + firmbankingColumns + ` FROM firmbankings WHERE flow_id IN (?) ORDER BY created_at, id`
	rows, err := selectIn[firmbankingRow](ctx, t.banking, q, ids)
	if err != nil {
		return fmt.Errorf("read firmbankings: %w", err)
	}
	for _, f := range rows {
		s := stories[f.FlowID]
		s.firmbankings = append(s.firmbankings, f)
	}
	return nil
}
