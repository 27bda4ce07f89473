package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strconv"
	"time"
)

// sealer recomputes the hash of a batch:
//
//	SHA-256( prev_hash, batch_no, first_seq, last_seq, at, then its postings by seq,
//	         each followed by its entries by line )
//
// All but prev_hash are written as their length in 8 bytes, big-endian, and their text:
// numbers in decimal, times as microseconds since 1970, hashes as they are, NULL as
// nothing. A posting is led by "posting", an entry by "entry".
type sealer struct{ h hash.Hash }

func newSealer(b *batchRow) sealer {
	s := sealer{sha256.New()}
	s.h.Write(b.PrevHash)
	s.numbers(b.No, b.FirstSeq, b.LastSeq)
	s.moment(&b.At)
	return s
}

func (s sealer) posting(p *postingRow) {
	s.text("posting")
	s.numbers(p.Seq)
	s.text(p.Ref)
	s.text(p.Op)
	s.text(p.Kind)
	s.numbers(p.Amount)
	s.text(p.AccountID)
	s.text(p.ToAccountID)
	s.text(p.AccountKind)
	s.optional(p.Floor)
	s.optional(p.Ceiling)
	s.text(p.closes())
	s.moment(p.ExpiresAt)
	s.text(p.FlowID)
	s.text(p.Detail)
	s.text(string(p.Fingerprint))
	s.moment(&p.At)
}

func (s sealer) entry(e *entryRow) {
	s.text("entry")
	s.numbers(e.Seq, e.Line)
	s.text(e.AccountID)
	s.numbers(e.Amount, e.BalanceAfter)
	s.moment(&e.At)
}

func (s sealer) sum() []byte { return s.h.Sum(nil) }

func (s sealer) text(v string) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(v)))
	s.h.Write(length[:])
	s.h.Write([]byte(v))
}

func (s sealer) numbers(values ...int64) {
	for _, v := range values {
		s.text(strconv.FormatInt(v, 10))
	}
}

func (s sealer) optional(v *int64) {
	if v == nil {
		s.text("")
		return
	}
	s.numbers(*v)
}

func (s sealer) moment(t *time.Time) {
	if t == nil {
		s.text("")
		return
	}
	s.numbers(t.UnixMicro())
}
