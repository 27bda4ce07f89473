package audit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"time"
)

// openingReference marks what an account was opened with at the bank.
const openingReference = "OPENING"

// numberDomain is the domain of the keyed hash of an account number, bank/number.
const numberDomain = "banking.account"

// comparison is the reading of the corporate account's movements: I4.
type comparison struct {
	*auditor
	statement *movements
	begun     bool
	running   int64 // the bank's balance after the last movement, by our adding up
	transit   transits

	counts struct {
		movements int64
		opening   int64 // won the account began with
		in, out   int64 // won
		settled   int64 // movements whose firmbanking was settled in the snapshot
		returns   int64 // movements that brought a transfer back
		returned  int64 // those whose firmbanking was RETURNED in the snapshot
		deposits  int64
		unnoticed int64 // returns and deposits that the bank has not told of
		captured  int64 // movements that the snapshot's ledger has booked
	}
}

// transits are what the bank has moved and the snapshot's ledger has not booked.
type transits struct {
	count, sum int64             // movements; won, signed as on the account
	flows      map[string]string // the flows to be looked at, with their movement; at most maxSuspects
}

// settleLooks bounds how often the account's balance is compared with its statement: one
// that moves meanwhile agrees with one of the movements read behind it.
const settleLooks = 5

func (a *auditor) compareBank(ctx context.Context) error {
	began, err := a.firstDay(ctx)
	if err != nil {
		return err
	}
	c := &comparison{auditor: a, transit: transits{flows: map[string]string{}},
		statement: &movements{bank: a.books.Bank, day: began, end: a.now().AddDate(0, 0, 1)}}
	balance, err := c.read(ctx)
	switch {
	case errors.Is(err, errDatabase):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errNoAccount):
		a.float.breach("corporate account", "is not at the bank")
		return nil
	case err != nil:
		a.float.unproven("the bank could not be read: %v", err)
		return nil
	}
	if err := c.missing(ctx, began); err != nil {
		return err
	}
	if err := c.listTransit(ctx); err != nil {
		return err
	}
	c.tell(balance)
	return nil
}

// errDatabase tells our own database's trouble from the bank's.
var errDatabase = errors.New("database")

// firstDay is the day from which on the bank's statement is read: the day before the
// first of our books. What was in the account before that is its opening balance.
func (a *auditor) firstDay(ctx context.Context) (time.Time, error) {
	var first, firmbanking sql.NullTime
	if err := a.frozen.money.GetContext(ctx, &first, `SELECT MIN(at) FROM ledger_batches WHERE batch_no = 1`); err != nil {
		return time.Time{}, fmt.Errorf("first batch: %w", err)
	}
	if err := a.frozen.banking.GetContext(ctx, &firmbanking, `SELECT MIN(created_at) FROM firmbankings`); err != nil {
		return time.Time{}, fmt.Errorf("first firmbanking: %w", err)
	}
	day := a.now()
	for _, t := range []sql.NullTime{first, firmbanking} {
		if t.Valid && t.Time.Before(day) {
			day = t.Time
		}
	}
	return day.AddDate(0, 0, -1), nil
}

// read goes through the statement until it has reached the account's balance.
func (c *comparison) read(ctx context.Context) (balance int64, err error) {
	if err := c.all(ctx); err != nil {
		return 0, err
	}
	for look := range settleLooks {
		if look > 0 {
			if err := pause(ctx, firstLook<<look); err != nil {
				return 0, err
			}
		}
		if balance, err = c.statement.bank.balance(ctx); err != nil {
			return 0, err
		}
		reached, err := c.upTo(ctx, balance)
		if err != nil || reached {
			return balance, err
		}
	}
	c.float.breach("corporate account", "is at %d won, and its statement ends at %d", balance, c.running)
	return balance, nil
}

// all goes through the statement to its end for now.
func (c *comparison) all(ctx context.Context) error {
	for {
		page, err := c.statement.next(ctx)
		if err != nil {
			return err
		}
		if c.begin(); len(page) == 0 {
			return nil
		}
		if err := c.page(ctx, page); err != nil {
			return err
		}
	}
}

// begin takes over the opening balance, which the first page tells.
func (c *comparison) begin() {
	if !c.begun {
		c.begun, c.counts.opening, c.running = true, c.statement.opening, c.statement.opening
	}
}

// upTo goes on until the running balance is the account's, and tells whether it came to
// be. A page that goes beyond it is cut there: what lies behind is later than the
// balance, and not looked at.
func (c *comparison) upTo(ctx context.Context, balance int64) (bool, error) {
	for c.running != balance {
		page, err := c.statement.next(ctx)
		if err != nil || len(page) == 0 {
			return false, err
		}
		for i := range page {
			if page[i].BalanceAfter == balance {
				page = page[:i+1]
				break
			}
		}
		if err := c.page(ctx, page); err != nil {
			return false, err
		}
	}
	return true, nil
}

// sides is what our books have of the movements of a page, by reference and by flow.
// The snapshot is what is summed up; what came after it is looked up live, and is
// there: a firmbanking's row is stored before the bank is called.
type sides struct {
	frozen, live map[string]*firmbankingRow
	captures     map[string]*postingRow
	notices      map[string]*noticeRow  // by the reference of the movement; looked up live
	arrivals     map[string]*postingRow // the postings of notices, by notice
}

// noticeRow is what a bank has told by itself.
type noticeRow struct {
	ID            string `db:"id"`
	Type          string `db:"type"`
	Reference     string `db:"reference"`
	FirmbankingID string `db:"firmbanking_id"`
	Amount        int64  `db:"amount"`
}

func (c *comparison) sidesOf(ctx context.Context, page []movement) (sides, error) {
	var references, flows []string
	for i := range page {
		references = append(references, page[i].transfer())
	}
	s := sides{}
	var err error
	if s.frozen, err = firmbankingsOf(ctx, c.frozen.banking, references); err != nil {
		return s, err
	}
	var open []string // not settled in the snapshot: the state now decides
	for _, r := range references {
		if f := s.frozen[r]; f == nil || !f.settled() {
			open = append(open, r)
		}
	}
	if s.live, err = firmbankingsOf(ctx, c.live.banking, open); err != nil {
		return s, err
	}
	for _, f := range s.frozen {
		flows = append(flows, f.FlowID)
	}
	for r, f := range s.live {
		if s.frozen[r] == nil {
			flows = append(flows, f.FlowID)
		}
	}
	if s.captures, err = closingsOf(ctx, c.frozen.money, flows); err != nil {
		return s, fmt.Errorf("%w: %w", errDatabase, err)
	}
	return s, c.findNotices(ctx, page, &s)
}

// findNotices looks up what the bank has told of the movements that it made by itself,
// and what the snapshot's ledger has booked of that.
func (c *comparison) findNotices(ctx context.Context, page []movement, s *sides) error {
	var transfers, references []string
	shown := map[string]string{} // how the bank refers to a firmbanking
	for i := range page {
		m := &page[i]
		if f := s.of(m.transfer()); m.returned() && f != nil {
			transfers = append(transfers, f.ID)
			shown[f.ID] = m.transfer()
		}
		if m.returned() || m.deposited() {
			references = append(references, m.transfer())
		}
	}
	s.notices, s.arrivals = map[string]*noticeRow{}, map[string]*postingRow{}
	const columns = `SELECT id, type, reference, COALESCE(firmbanking_id, '') AS firmbanking_id, amount FROM bank_notices WHERE `
	for _, source := range []struct {
		query string
		keys  []string
	}{
		// A return that is nobody's has no firmbanking; what has one goes before it.
		{columns + `type IN ('TRANSFER_RETURNED', 'DEPOSIT') AND firmbanking_id IS NULL AND reference IN (?)`, references},
		{columns + `firmbanking_id IN (?)`, transfers},
	} {
		rows, err := selectIn[noticeRow](ctx, c.live.banking, source.query, source.keys)
		if err != nil {
			return fmt.Errorf("%w: read notices: %w", errDatabase, err)
		}
		for i := range rows {
			n := &rows[i]
			s.notices[n.Type+"/"+cmp.Or(shown[n.FirmbankingID], n.Reference)] = n
		}
	}
	ids := make([]string, 0, len(s.notices))
	for _, n := range s.notices {
		ids = append(ids, n.ID)
	}
	posted, err := selectIn[postingRow](ctx, c.frozen.money, `SELECT `+postingColumns+` FROM ledger_postings WHERE op = 'POST' AND ref IN (?)`, ids)
	if err != nil {
		return fmt.Errorf("%w: read postings: %w", errDatabase, err)
	}
	for i := range posted {
		s.arrivals[posted[i].Ref] = &posted[i]
	}
	return nil
}

// firmbankingsOf reads firmbankings by the references of movements. One that the bank
// has shortened, which none of ours needs, is found by its hash.
func firmbankingsOf(ctx context.Context, r reader, references []string) (map[string]*firmbankingRow, error) {
	rows, err := selectIn[firmbankingRow](ctx, r, `SELECT `+firmbankingColumns+` FROM firmbankings WHERE reference IN (?)`, references)
	if err != nil {
		return nil, fmt.Errorf("%w: read firmbankings: %w", errDatabase, err)
	}
	out := make(map[string]*firmbankingRow, len(rows))
	for i := range rows {
		out[rows[i].Reference] = &rows[i]
	}
	hashes := slices.DeleteFunc(slices.Clone(references), func(ref string) bool { return out[ref] != nil || !isHash(ref) })
	const long = `SELECT ` + firmbankingColumns + ` FROM firmbankings WHERE CHAR_LENGTH(reference) > 121 AND SHA2(reference, 256) IN (?)`
	rows, err = selectIn[firmbankingRow](ctx, r, long, hashes)
	if err != nil {
		return nil, fmt.Errorf("%w: read firmbankings: %w", errDatabase, err)
	}
	for i := range rows {
		sum := sha256.Sum256([]byte(rows[i].Reference))
		out[hex.EncodeToString(sum[:])] = &rows[i]
	}
	return out, nil
}

// isHash tells whether a reference is a hash in hexadecimal.
func isHash(reference string) bool {
	b, err := hex.DecodeString(reference)
	return err == nil && len(b) == sha256.Size
}

func (s sides) of(reference string) *firmbankingRow {
	if f := s.live[reference]; f != nil {
		return f
	}
	return s.frozen[reference]
}

func (c *comparison) page(ctx context.Context, page []movement) error {
	s, err := c.sidesOf(ctx, page)
	if err != nil {
		return err
	}
	for i := range page {
		c.movement(&page[i], s)
	}
	return nil
}

func (c *comparison) movement(m *movement, s sides) {
	c.counts.movements++
	if c.running += m.signed(); c.running != m.BalanceAfter {
		c.float.breach("bank entry "+m.EntryID, "leaves %d won by the statement, and %d by adding up", m.BalanceAfter, c.running)
		c.running = m.BalanceAfter
	}
	if m.Reference == openingReference && m.Counterparty == nil {
		c.counts.opening += m.signed()
		return
	}
	if m.Direction == movedIn {
		c.counts.in += m.Amount
	} else {
		c.counts.out += m.Amount
	}
	switch {
	case m.returned():
		c.cameBack(m, s)
	case m.deposited():
		c.counts.deposits++
		c.arrived(m, s, deposited)
	default:
		c.ordered(m, s)
	}
}

// ordered is a movement that we have asked for.
func (c *comparison) ordered(m *movement, s sides) {
	f := s.of(m.Reference)
	if f == nil { // the reference may be anybody's: it is not repeated
		c.float.breach("bank entry "+m.EntryID, "%s %d won, and no firmbanking asks for it", m.Direction, m.Amount)
		return
	}
	if what := c.differs(f, m); what != "" {
		c.float.breach(f.ID, "%s", what)
	}
	if was := s.frozen[m.Reference]; was != nil && was.settled() {
		c.counts.settled++
	}
	c.booked(m, f, s.captures[f.FlowID])
}

// cameBack is the return of a movement that we had asked for.
func (c *comparison) cameBack(m *movement, s sides) {
	c.counts.returns++
	f := s.of(m.transfer())
	switch {
	case f == nil:
		c.float.breach("bank entry "+m.EntryID, "brings back %d won, and no firmbanking has sent it", m.Amount)
	case f.Direction != credit, f.Amount != m.Amount, m.Direction != movedIn:
		c.float.breach(f.ID, "is a %s of %d won, and the bank brought back %s %d", f.Direction, f.Amount, m.Direction, m.Amount)
	case f.State == "REJECTED", f.State == "REQUESTED":
		c.float.breach(f.ID, "is %s, and the bank brought it back", f.State)
	case m.Counterparty == nil || f.BankCode != m.Counterparty.BankCode || !c.sameAccount(f, m):
		c.float.breach(f.ID, "went to another account than the one that it came back from")
	}
	if was := s.frozen[m.transfer()]; was != nil && was.State == "RETURNED" {
		c.counts.returned++
	}
	c.arrived(m, s, transferReturned)
}

// arrived holds a movement that the bank made by itself against the ledger of the
// snapshot. Until the bank has told of it, nobody can have booked it.
func (c *comparison) arrived(m *movement, s sides, kind string) {
	n := s.notices[kind+"/"+m.transfer()]
	if n == nil {
		if c.counts.unnoticed++; c.counts.unnoticed <= maxListed {
			c.float.note("in transit: bank entry %s, %s %d won, at the bank since %s: no notice yet", m.EntryID, m.Direction, m.Amount, m.At.In(seoul).Format(time.RFC3339))
		}
		c.transit.count++
		c.transit.sum += m.signed()
		return
	}
	if n.Amount != m.Amount || m.Direction != movedIn {
		c.float.breach(n.ID, "tells of %d won, and the bank moved %s %d", n.Amount, m.Direction, m.Amount)
	}
	if p := s.arrivals[n.ID]; p != nil {
		c.counts.captured++
		if p.Amount != m.Amount {
			c.float.breach(n.ID, "the bank moved %d won, and the ledger booked %d", m.Amount, p.Amount)
		}
		return
	}
	c.inTransit(n.ID, m, fmt.Sprintf("%s %s", n.ID, n.Type))
}

// differs tells how the bank's movement is not what the firmbanking asks for.
func (c *comparison) differs(f *firmbankingRow, m *movement) string {
	direction := debit
	if m.Direction == movedOut {
		direction = credit
	}
	switch {
	case f.Direction != direction:
		return fmt.Sprintf("is a %s, and the bank moved the money the other way", f.Direction)
	case f.Amount != m.Amount:
		return fmt.Sprintf("is of %d won, and the bank moved %d", f.Amount, m.Amount)
	case f.State == "REJECTED", f.State == "REQUESTED":
		return fmt.Sprintf("is %s, and the bank has moved %d won", f.State, m.Amount)
	case m.Counterparty == nil || f.BankCode != m.Counterparty.BankCode || !c.sameAccount(f, m):
		return "is for another account than the one at the bank"
	default:
		return ""
	}
}

func (c *comparison) sameAccount(f *firmbankingRow, m *movement) bool {
	if c.books.Index == nil {
		return true
	}
	return bytes.Equal(f.NumberIndex, c.books.Index.Index(numberDomain, m.Counterparty.BankCode+"/"+m.Counterparty.AccountNumber))
}

// booked holds the movement against the ledger of the snapshot.
func (c *comparison) booked(m *movement, f *firmbankingRow, capture *postingRow) {
	if capture != nil && capture.Op == opCapture {
		c.counts.captured++
		if capture.Amount != m.Amount {
			c.float.breach(f.ID, "the bank moved %d won, and the ledger booked %d", m.Amount, capture.Amount)
		}
		return
	}
	c.inTransit(f.FlowID, m, f.ID+" "+f.Direction)
}

func (c *comparison) inTransit(flowID string, m *movement, what string) {
	c.transit.count++
	c.transit.sum += m.signed()
	if len(c.transit.flows) < maxSuspects {
		c.transit.flows[flowID] = fmt.Sprintf("%s %d won, at the bank since %s", what, m.Amount, m.At.In(seoul).Format(time.RFC3339))
	}
}

// missing looks for what our books have and the bank has not. Every movement at the bank
// has been found a firmbanking and a capture by its own reference; so when there are as
// many of them as of ours, none of ours is without one.
func (c *comparison) missing(ctx context.Context, began time.Time) error {
	var ours struct {
		Settled  int64 `db:"settled"`
		Returned int64 `db:"returned"`
	}
	const q = `SELECT COUNT(*) AS settled, COALESCE(SUM(state = 'RETURNED'), 0) AS returned FROM firmbankings WHERE state IN ('SETTLED', 'RETURNED')`
	if err := c.frozen.banking.GetContext(ctx, &ours, q); err != nil {
		return fmt.Errorf("count firmbankings: %w", err)
	}
	c.float.figure("movements at the bank", c.counts.movements)
	c.float.figure("settled firmbankings", ours.Settled)
	c.float.figure("returned", c.counts.returns)
	c.float.figure("deposits", c.counts.deposits)
	c.float.figure("not noticed", c.counts.unnoticed)
	c.float.figure("postings on the float", c.floatPostings)
	if c.floatPostings != c.counts.captured {
		c.float.breach(bankFloat, "%d postings moved it, and %d of them have a movement at the bank", c.floatPostings, c.counts.captured)
	}
	if ours.Settled != c.counts.settled {
		c.float.breach("firmbankings", "%d are settled, and %d of them are at the bank", ours.Settled, c.counts.settled)
	}
	if ours.Returned != c.counts.returned {
		c.float.breach("firmbankings", "%d are RETURNED, and %d of them came back at the bank", ours.Returned, c.counts.returned)
	}
	if c.floatPostings == c.counts.captured && ours.Settled == c.counts.settled && ours.Returned == c.counts.returned {
		return nil
	}
	return c.nameMissing(ctx, began)
}

// nameMissing reads the statement once more to name what is not on it. Only here does
// memory grow with the books, by eight bytes for each movement.
func (c *comparison) nameMissing(ctx context.Context, began time.Time) error {
	seed := maphash.MakeSeed()
	there := map[uint64]struct{}{}
	again := &movements{bank: c.books.Bank, day: began, end: c.now().AddDate(0, 0, 1)}
	for {
		page, err := again.next(ctx)
		if err != nil {
			c.float.note("the statement could not be read again to name them: %v", err)
			return nil
		}
		if len(page) == 0 {
			break
		}
		for i := range page {
			there[maphash.String(seed, page[i].Reference)] = struct{}{}
		}
	}
	const q = `SELECT ` + firmbankingColumns + ` FROM firmbankings WHERE id > ? AND state IN ('SETTLED', 'RETURNED') ORDER BY id LIMIT ?`
	rows := &feed[firmbankingRow]{fetch: func(ctx context.Context, after *firmbankingRow) ([]firmbankingRow, error) {
		behind := ""
		if after != nil {
			behind = after.ID
		}
		var page []firmbankingRow
		err := c.frozen.banking.SelectContext(ctx, &page, q, behind, pageRows)
		return page, err
	}}
	has := func(reference string) bool { _, found := there[maphash.String(seed, reference)]; return found }
	err := rows.pages(ctx, func(page []firmbankingRow) error {
		for i := range page {
			c.nameTransfer(&page[i], has)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.nameNotices(ctx, has)
}

func (c *comparison) nameTransfer(f *firmbankingRow, has func(reference string) bool) {
	switch {
	case !has(f.Reference):
		c.float.breach(f.ID, "%s %s of %d won, and the bank has no such movement", f.State, f.Direction, f.Amount)
		if statementID, attempt := payoutOf(f.FlowID); attempt > 0 {
			c.settled.breach(statementID, "%s is %s, and the bank has not moved its %d won", f.ID, f.State, f.Amount)
		}
	case f.State == "RETURNED" && !has(returnOf(f.Reference)):
		c.float.breach(f.ID, "RETURNED, and %d won did not come back at the bank", f.Amount)
	}
}

// nameNotices names what the ledger has booked as arrived and the bank has not.
func (c *comparison) nameNotices(ctx context.Context, has func(reference string) bool) error {
	const q = `SELECT id, type, reference, amount FROM bank_notices WHERE id > ? AND state = 'SUCCEEDED' ORDER BY id LIMIT ?`
	notices := &feed[noticeRow]{fetch: func(ctx context.Context, after *noticeRow) ([]noticeRow, error) {
		behind := ""
		if after != nil {
			behind = after.ID
		}
		var page []noticeRow
		err := c.frozen.banking.SelectContext(ctx, &page, q, behind, pageRows)
		return page, err
	}}
	return notices.pages(ctx, func(page []noticeRow) error {
		for _, n := range page {
			reference := n.Reference
			if n.Type == transferReturned {
				reference = returnOf(reference)
			}
			if !has(reference) {
				c.float.breach(n.ID, "%s of %d won, and the bank has no such movement", n.Type, n.Amount)
			}
		}
		return nil
	})
}

// listTransit looks at what the bank has moved and the snapshot's ledger had not booked:
// by now it is booked, or its flow is still under way, or it is a breach.
func (c *comparison) listTransit(ctx context.Context) error {
	open, err := c.stillOpen(ctx)
	if err != nil {
		return err
	}
	shown := 0
	for _, s := range open {
		if s.over() {
			c.float.breach(s.id, "%s: its flow is over, and the ledger has not booked it", c.transit.flows[s.id])
			continue
		}
		if shown++; shown <= maxListed {
			c.float.note("in transit: %s, by %s", c.transit.flows[s.id], s.id)
		}
	}
	if shown > maxListed {
		c.float.note("and %d more in transit", shown-maxListed)
	}
	return c.listUnderWay(ctx)
}

// stillOpen gives the flows in transit that have booked nothing by now. It looks again,
// a bounded number of times, while one seems to be over.
func (c *comparison) stillOpen(ctx context.Context) ([]*story, error) {
	var open []*story
	ids := slices.Sorted(maps.Keys(c.transit.flows))
	for look := range looks {
		if look > 0 {
			if err := pause(ctx, firstLook<<look); err != nil {
				return nil, err
			}
		}
		var err error
		if open, err = c.unbooked(ctx, ids); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(open, (*story).over) {
			break
		}
		ids = idsOf(open)
	}
	return open, nil
}

func (c *comparison) unbooked(ctx context.Context, ids []string) ([]*story, error) {
	var open []*story
	for page := range slices.Chunk(ids, pageRows) {
		stories, err := c.fresh(ctx, page)
		if err != nil {
			return nil, fmt.Errorf("what is in transit: %w", err)
		}
		for _, id := range page {
			if s := stories[id]; !s.booked() {
				open = append(open, s)
			}
		}
	}
	return open, nil
}

func idsOf(stories []*story) []string {
	ids := make([]string, len(stories))
	for i, s := range stories {
		ids[i] = s.id
	}
	return ids
}

// listUnderWay lists the firmbankings whose outcome is not known yet and that the bank
// has not moved: they are no part of the sum.
func (c *comparison) listUnderWay(ctx context.Context) error {
	const where = ` FROM firmbankings WHERE state IN ('REQUESTED', 'SENT', 'UNKNOWN')`
	var count int64
	if err := c.frozen.banking.GetContext(ctx, &count, `SELECT COUNT(*)`+where); err != nil {
		return fmt.Errorf("count firmbankings: %w", err)
	}
	c.float.figure("firmbankings under way", count)
	var rows []firmbankingRow
	err := c.frozen.banking.SelectContext(ctx, &rows, `SELECT `+firmbankingColumns+where+` ORDER BY created_at, id LIMIT ?`, maxListed)
	if err != nil {
		return fmt.Errorf("read firmbankings: %w", err)
	}
	for _, f := range rows {
		if _, atBank := c.transit.flows[f.FlowID]; !atBank {
			c.float.note("under way, not at the bank: %s %s %s %d won, by %s", f.ID, f.State, f.Direction, f.Amount, f.FlowID)
		}
	}
	if count > maxListed {
		c.float.note("and %d more under way", count-maxListed)
	}
	return nil
}

// tell writes the equation. The float is the ledger's at the time of the snapshot, the
// bank's side is read after it: what the bank has moved in between is in transit.
func (c *comparison) tell(balance int64) {
	float := -c.floatBalance
	c.float.figure("in transit", c.transit.count)
	equation := fmt.Sprintf("float %d + in transit %d + opening %d", float, c.transit.sum, c.counts.opening)
	if books := float + c.transit.sum + c.counts.opening; books != balance {
		c.float.breach(bankFloat, "%s = %d, and the bank has %d: a difference of %d won", equation, books, balance, balance-books)
	} else {
		c.float.note("%s = bank %d won", equation, balance)
	}
	c.float.note("moved at the bank: %d won in, %d won out; of the float %d won are in suspense", c.counts.in, c.counts.out, c.suspense)
}
