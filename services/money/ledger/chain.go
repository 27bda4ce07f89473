package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"
)

// The hash chain. The hash of a batch is
//
//	SHA-256( prev_hash ‖ f(batch_no) ‖ f(first_seq) ‖ f(last_seq) ‖ f(at)
//	         ‖ the batch's postings by seq, each followed by its entries by line )
//
//	posting: f("posting") f(seq) f(ref) f(op) f(kind) f(amount) f(account_id) f(to_account_id)
//	         f(account_kind) f(floor) f(ceiling) f(closes) f(expires_at) f(flow_id) f(detail)
//	         f(fingerprint) f(at)
//	entry:   f("entry") f(seq) f(line) f(account_id) f(amount) f(balance_after) f(at)
//
// where f(x) is the length of x as 8 bytes, big-endian, then x: text in UTF-8, numbers
// in decimal with a leading "-" when negative, times as microseconds since 1970-01-01
// UTC in decimal, hashes as their 32 bytes, NULL as empty. prev_hash is 32 bytes
// without a length; that of batch 1 is all zeros. Everything is a column of
// ledger_batches, ledger_postings or ledger_entries, so the chain can be recomputed
// from those tables alone. Holds need no place in it: their rows follow from the
// postings that made and closed them.
func seal(b Batch, postings []Posting, entries []Entry) [32]byte {
	w := make(fields, 0, 512*len(postings))
	w = append(w, b.PrevHash[:]...)
	w.number(b.No)
	w.number(b.FirstSeq)
	w.number(b.LastSeq)
	w.time(b.At)
	for i := range postings {
		w.posting(&postings[i])
		for len(entries) > 0 && entries[0].Seq == postings[i].Seq {
			w.entry(&entries[0])
			entries = entries[1:]
		}
	}
	return sha256.Sum256(w)
}

// fingerprint identifies what a command asks for, its Ref aside.
func (c *Command) fingerprint() [32]byte {
	w := make(fields, 0, 512)
	for _, s := range []string{
		string(c.Op), string(c.Kind), c.From, c.To, c.HoldRef, c.OpenRef,
		c.AccountID, string(c.AccountKind), c.FlowID, c.Detail,
	} {
		w.text(s)
	}
	w.number(c.Amount)
	w.number(c.Floor)
	w.number(c.Ceiling)
	w.time(c.ExpiresAt)
	for _, leg := range c.Legs {
		w.text(leg.From)
		w.text(leg.To)
		w.number(leg.Amount)
	}
	return sha256.Sum256(w)
}

// fields is text made of length-prefixed fields.
type fields []byte

func (w *fields) posting(p *Posting) {
	w.text("posting")
	w.number(p.Seq)
	w.text(p.Ref)
	w.text(string(p.Op))
	w.text(string(p.Kind))
	w.number(p.Amount)
	w.text(p.AccountID)
	w.text(p.ToAccountID)
	w.text(string(p.AccountKind))
	w.optional(p.Floor)
	w.optional(p.Ceiling)
	w.text(p.Closes)
	w.time(p.ExpiresAt)
	w.text(p.FlowID)
	w.text(p.Detail)
	w.bytes(p.Fingerprint[:])
	w.time(p.At)
}

func (w *fields) entry(e *Entry) {
	w.text("entry")
	w.number(e.Seq)
	w.number(int64(e.Line))
	w.text(e.AccountID)
	w.number(e.Amount)
	w.number(e.BalanceAfter)
	w.time(e.At)
}

func (w *fields) text(s string) {
	*w = binary.BigEndian.AppendUint64(*w, uint64(len(s)))
	*w = append(*w, s...)
}

func (w *fields) bytes(b []byte) {
	*w = binary.BigEndian.AppendUint64(*w, uint64(len(b)))
	*w = append(*w, b...)
}

func (w *fields) number(n int64) {
	var digits [20]byte // "-9223372036854775808"
	w.bytes(strconv.AppendInt(digits[:0], n, 10))
}

func (w *fields) optional(n *int64) {
	if n == nil {
		w.text("")
		return
	}
	w.number(*n)
}

func (w *fields) time(t time.Time) {
	if t.IsZero() {
		w.text("")
		return
	}
	w.number(t.UnixMicro())
}
