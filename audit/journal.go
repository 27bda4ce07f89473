package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// What a posting does, as the journal names it.
const (
	opPost    = "POST"
	opHold    = "HOLD"
	opCapture = "CAPTURE"
	opRelease = "RELEASE"
	opExpire  = "EXPIRE"
	opOpen    = "OPEN"
	opCeiling = "CEILING"
)

// batchRow is a row of ledger_batches.
type batchRow struct {
	No       int64     `db:"batch_no"`
	FirstSeq int64     `db:"first_seq"`
	LastSeq  int64     `db:"last_seq"`
	At       time.Time `db:"at"`
	PrevHash []byte    `db:"prev_hash"`
	Hash     []byte    `db:"hash"`
}

// postingRow is a row of ledger_postings.
type postingRow struct {
	Seq         int64      `db:"seq"`
	Ref         string     `db:"ref"`
	Op          string     `db:"op"`
	Kind        string     `db:"kind"`
	Amount      int64      `db:"amount"`
	AccountID   string     `db:"account_id"`
	ToAccountID string     `db:"to_account_id"`
	AccountKind string     `db:"account_kind"`
	Floor       *int64     `db:"floor"`
	Ceiling     *int64     `db:"ceiling"`
	Closes      *string    `db:"closes"`
	ExpiresAt   *time.Time `db:"expires_at"`
	FlowID      string     `db:"flow_id"`
	Detail      string     `db:"detail"`
	Fingerprint []byte     `db:"fingerprint"`
	At          time.Time  `db:"at"`
}

const postingColumns = `seq, ref, op, kind, amount, account_id, to_account_id, account_kind, floor, ceiling, closes,
	expires_at, flow_id, detail, fingerprint, at`

func (p *postingRow) closes() string {
	if p.Closes == nil {
		return ""
	}
	return *p.Closes
}

// moves tells whether the posting has entries.
func (p *postingRow) moves() bool { return p.Op == opPost || p.Op == opCapture }

// entryRow is a row of ledger_entries.
type entryRow struct {
	Seq          int64     `db:"seq"`
	Line         int64     `db:"line"`
	AccountID    string    `db:"account_id"`
	Amount       int64     `db:"amount"`
	BalanceAfter int64     `db:"balance_after"`
	At           time.Time `db:"at"`
}

const entryColumns = `seq, line, account_id, amount, balance_after, at`

// journal is the reading of the whole journal, batch by batch: I1, I8, and for I6 the
// request of each posting.
type journal struct {
	*auditor
	batches  *feed[batchRow]
	postings *feed[postingRow]
	entries  *feed[entryRow]

	head      *batchRow
	nextSeq   int64
	unmatched []postingRow // read, their requests not looked up yet
	effects   []effect     // of those, on what franchises are owed
	counts    struct{ batches, postings, entries, sum int64 }
}

func (a *auditor) readJournal(ctx context.Context) error {
	j := &journal{auditor: a, nextSeq: 1, batches: batchFeed(a.frozen.money), postings: postingFeed(a.frozen.money),
		entries: entryFeed(a.frozen.money)}
	if err := j.genesis(ctx); err != nil {
		return err
	}
	for {
		b, err := j.batches.peek(ctx)
		if err != nil {
			return fmt.Errorf("read batches: %w", err)
		}
		if b == nil {
			break
		}
		if err := j.batch(ctx, b); err != nil {
			return err
		}
		j.batches.skip()
	}
	if err := j.rest(ctx); err != nil {
		return err
	}
	j.tell()
	return j.matchPostings(ctx)
}

func batchFeed(r reader) *feed[batchRow] {
	const q = `SELECT batch_no, first_seq, last_seq, at, prev_hash, hash FROM ledger_batches WHERE batch_no > ? ORDER BY batch_no LIMIT ?`
	return &feed[batchRow]{fetch: func(ctx context.Context, after *batchRow) ([]batchRow, error) {
		var behind int64
		if after != nil {
			behind = after.No
		}
		var rows []batchRow
		err := r.SelectContext(ctx, &rows, q, behind, pageRows)
		return rows, err
	}}
}

func postingFeed(r reader) *feed[postingRow] {
	const q = `SELECT ` + postingColumns + ` FROM ledger_postings WHERE seq > ? ORDER BY seq LIMIT ?`
	return &feed[postingRow]{fetch: func(ctx context.Context, after *postingRow) ([]postingRow, error) {
		var behind int64
		if after != nil {
			behind = after.Seq
		}
		var rows []postingRow
		err := r.SelectContext(ctx, &rows, q, behind, pageRows)
		return rows, err
	}}
}

func entryFeed(r reader) *feed[entryRow] {
	const q = `SELECT ` + entryColumns + ` FROM ledger_entries WHERE seq > ? OR (seq = ? AND line > ?) ORDER BY seq, line LIMIT ?`
	return &feed[entryRow]{fetch: func(ctx context.Context, after *entryRow) ([]entryRow, error) {
		behind := entryRow{}
		if after != nil {
			behind = *after
		}
		var rows []entryRow
		err := r.SelectContext(ctx, &rows, q, behind.Seq, behind.Seq, behind.Line, pageRows)
		return rows, err
	}}
}

// postingsBySeq reads postings by their numbers.
func postingsBySeq(ctx context.Context, r reader, seqs []int64) (map[int64]*postingRow, error) {
	rows, err := selectIn[postingRow](ctx, r, `SELECT `+postingColumns+` FROM ledger_postings WHERE seq IN (?)`, seqs)
	if err != nil {
		return nil, fmt.Errorf("read postings: %w", err)
	}
	out := make(map[int64]*postingRow, len(rows))
	for i := range rows {
		out[rows[i].Seq] = &rows[i]
	}
	return out, nil
}

// genesis reads the batch before the first one.
func (j *journal) genesis(ctx context.Context) error {
	const q = `SELECT batch_no, first_seq, last_seq, at, prev_hash, hash FROM ledger_batches WHERE batch_no <= 0 ORDER BY batch_no LIMIT 2`
	var rows []batchRow
	if err := j.frozen.money.SelectContext(ctx, &rows, q); err != nil {
		return fmt.Errorf("read batches: %w", err)
	}
	zero := make([]byte, 32)
	if len(rows) != 1 || rows[0].No != 0 || rows[0].LastSeq != 0 || !bytes.Equal(rows[0].Hash, zero) {
		j.chain.breach("batch 0", "is not the genesis batch")
	}
	j.head = &batchRow{Hash: zero}
	return nil
}

// batch verifies one batch. The next one is verified against the hash that is stored
// here: one edited row is one breach, and not one for each batch behind it.
func (j *journal) batch(ctx context.Context, b *batchRow) error {
	id := "batch " + strconv.FormatInt(b.No, 10)
	switch {
	case b.No != j.head.No+1:
		j.chain.breach(id, "follows batch %d", j.head.No)
	case b.FirstSeq != j.head.LastSeq+1:
		j.chain.breach(id, "begins with posting %d behind posting %d", b.FirstSeq, j.head.LastSeq)
	case !bytes.Equal(b.PrevHash, j.head.Hash):
		j.chain.breach(id, "does not continue the hash of the batch before it")
	case b.At.Before(j.head.At):
		j.chain.breach(id, "is older than the batch before it")
	}
	s := newSealer(b)
	if err := j.postingsOf(ctx, b, s); err != nil {
		return err
	}
	if !bytes.Equal(s.sum(), b.Hash) {
		j.chain.breach(id, "postings %d to %d are not what was sealed: the recomputed hash differs", b.FirstSeq, b.LastSeq)
	}
	j.counts.batches++
	head := *b
	j.head = &head
	return nil
}

// postingsOf goes through the postings up to the batch's last.
func (j *journal) postingsOf(ctx context.Context, b *batchRow, s sealer) error {
	for {
		p, err := j.postings.peek(ctx)
		if err != nil {
			return fmt.Errorf("read postings: %w", err)
		}
		if p == nil || p.Seq > b.LastSeq {
			break
		}
		if p.Seq < b.FirstSeq {
			j.chain.breach(p.Ref, "posting %d is in no batch", p.Seq)
		}
		if err := j.posting(ctx, p, &s); err != nil {
			return err
		}
		j.postings.skip()
	}
	if j.nextSeq <= b.LastSeq {
		j.missing(b.LastSeq)
	}
	return nil
}

// rest goes through what the chain does not reach.
func (j *journal) rest(ctx context.Context) error {
	for {
		p, err := j.postings.peek(ctx)
		if err != nil {
			return fmt.Errorf("read postings: %w", err)
		}
		if p == nil {
			break
		}
		j.chain.breach(p.Ref, "posting %d is in no batch", p.Seq)
		if err := j.posting(ctx, p, nil); err != nil {
			return err
		}
		j.postings.skip()
	}
	_, err := j.entriesOf(ctx, 0, nil)
	return err
}

// missing tells of a gap that ends at last.
func (j *journal) missing(last int64) {
	if j.nextSeq == last {
		j.chain.breach("posting "+strconv.FormatInt(last, 10), "is missing from the journal")
	} else {
		j.chain.breach(fmt.Sprintf("postings %d to %d", j.nextSeq, last), "are missing from the journal")
	}
	j.nextSeq = last + 1
}

// posting examines one posting with its entries. s is nil for one that was never sealed.
func (j *journal) posting(ctx context.Context, p *postingRow, s *sealer) error {
	if p.Seq > j.nextSeq {
		j.missing(p.Seq - 1)
	}
	j.nextSeq = p.Seq + 1
	if s != nil {
		s.posting(p)
	}
	entries, err := j.entriesOf(ctx, p.Seq, s)
	if err != nil {
		return err
	}
	if what := unbalanced(p, entries); what != "" {
		j.doubleEntry.breach(p.Ref, "posting %d: %s", p.Seq, what)
	}
	for i := range entries {
		if entries[i].AccountID == bankFloat {
			j.floatPostings++
			break
		}
	}
	j.effects = append(j.effects, effectsOf(p, entries)...)
	j.counts.postings++
	j.unmatched = append(j.unmatched, *p)
	if len(j.unmatched) < pageRows {
		return nil
	}
	return j.matchPostings(ctx)
}

// entriesOf gives the entries of a posting. Those before it belong to none; with seq 0
// all that are left do.
func (j *journal) entriesOf(ctx context.Context, seq int64, s *sealer) ([]entryRow, error) {
	var own []entryRow
	for {
		e, err := j.entries.peek(ctx)
		if err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
		if e == nil || seq != 0 && e.Seq > seq {
			return own, nil
		}
		j.counts.entries++
		j.add(e)
		if e.Seq == seq {
			own = append(own, *e)
			if s != nil {
				s.entry(e)
			}
		} else {
			j.doubleEntry.breach(fmt.Sprintf("entry %d/%d", e.Seq, e.Line), "belongs to no posting")
		}
		j.entries.skip()
	}
}

// add keeps the sum of all entries. It swings by what one posting moves, which is far
// from overflowing.
func (j *journal) add(e *entryRow) { j.counts.sum += e.Amount }

// unbalanced tells what is wrong with a posting's entries, "" when nothing is. Entries
// come in pairs: line 2n takes from one account what line 2n+1 gives to another.
func unbalanced(p *postingRow, entries []entryRow) string {
	if !p.moves() {
		if len(entries) > 0 {
			return fmt.Sprintf("a %s has %d entries and moves nothing", p.Op, len(entries))
		}
		return ""
	}
	var sum, credited int64
	for i, e := range entries {
		sum += e.Amount
		if e.Amount > 0 {
			credited += e.Amount
		}
		if !e.At.Equal(p.At) {
			return fmt.Sprintf("entry %d has another time", e.Line)
		}
		if e.Line != int64(i) {
			return fmt.Sprintf("entry %d is missing", i)
		}
	}
	switch {
	case len(entries) == 0:
		return "no entries"
	case sum != 0:
		return fmt.Sprintf("its %d entries sum to %d won", len(entries), sum)
	case credited != p.Amount:
		return fmt.Sprintf("its entries move %d won and it says %d", credited, p.Amount)
	}
	for i := 0; i+1 < len(entries); i += 2 {
		if entries[i].Amount >= 0 || entries[i].Amount != -entries[i+1].Amount {
			return fmt.Sprintf("entries %d and %d are not the two sides of one move", i, i+1)
		}
	}
	return ""
}

func (j *journal) tell() {
	if j.counts.sum != 0 {
		j.doubleEntry.breach("the ledger", "its entries sum to %d won", j.counts.sum)
	}
	j.doubleEntry.figure("postings", j.counts.postings)
	j.doubleEntry.figure("entries", j.counts.entries)
	j.doubleEntry.figure("sum", j.counts.sum)
	j.chain.figure("batches", j.counts.batches)
	j.chain.figure("postings", j.counts.postings)
	j.chain.figure("head", j.head.No)
	j.chain.note("head hash %s", hex.EncodeToString(j.head.Hash))
}
