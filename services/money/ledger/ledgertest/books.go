package ledgertest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"durapay/services/money/ledger"
)

// Books is everything a ledger has stored, in the order of its keys.
type Books struct {
	Batches  []ledger.Batch // without the genesis
	Postings []ledger.Posting
	Entries  []ledger.Entry
	Accounts []ledger.Account
	Holds    []ledger.Hold
}

// Check proves the books by themselves and names the first breach.
func (b Books) Check() error {
	for _, check := range []func() error{b.sums, b.balances, b.bounds, b.pending, b.chain} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// sums: the entries of one posting sum to zero, and those of all.
func (b Books) sums() error {
	byPosting := map[int64]int64{}
	total := int64(0)
	for _, e := range b.Entries {
		byPosting[e.Seq] += e.Amount
		total += e.Amount
	}
	for seq, sum := range byPosting {
		if sum != 0 {
			return fmt.Errorf("entries of posting %d sum to %d", seq, sum)
		}
	}
	balances := int64(0)
	for _, a := range b.Accounts {
		balances += a.Balance
	}
	if total != 0 || balances != 0 {
		return fmt.Errorf("the ledger sums to %d by entries, to %d by balances", total, balances)
	}
	return nil
}

// balances: an account's balance is the sum of its entries, after each of them.
func (b Books) balances() error {
	sum := map[string]int64{}
	for _, e := range b.Entries {
		sum[e.AccountID] += e.Amount
		if sum[e.AccountID] != e.BalanceAfter {
			return fmt.Errorf("entry %d.%d: balance after is %d, the sum %d", e.Seq, e.Line, e.BalanceAfter, sum[e.AccountID])
		}
	}
	for _, a := range b.Accounts {
		if a.Balance != sum[a.ID] {
			return fmt.Errorf("account %s: balance %d, entries %d", a.ID, a.Balance, sum[a.ID])
		}
	}
	return nil
}

func (b Books) bounds() error {
	for _, a := range b.Accounts {
		if a.Balance-a.PendingOut < a.Floor || a.Balance+a.PendingIn > a.Ceiling || a.PendingIn < 0 || a.PendingOut < 0 {
			return fmt.Errorf("account out of bounds: %+v", a)
		}
	}
	return nil
}

// pending: what is reserved is the sum of the open holds; a hold is as its postings say.
func (b Books) pending() error {
	made, ended := map[string]ledger.Posting{}, map[string]ledger.Posting{}
	for _, p := range b.Postings {
		switch {
		case p.Op == ledger.OpHold:
			made[p.Ref] = p
		case p.Closes != "":
			ended[p.Closes] = p
		}
	}
	out, in := map[string]int64{}, map[string]int64{}
	for _, h := range b.Holds {
		p, end := made[h.Ref], ended[h.Ref]
		if p.Amount != h.Amount || p.AccountID != h.From || p.ToAccountID != h.To {
			return fmt.Errorf("hold %+v is not as posted: %+v", h, p)
		}
		if want := map[ledger.Op]ledger.HoldState{
			"": ledger.HoldOpen, ledger.OpCapture: ledger.HoldCaptured, ledger.OpRelease: ledger.HoldReleased, ledger.OpExpire: ledger.HoldExpired,
		}[end.Op]; want != h.State {
			return fmt.Errorf("hold %s is %s, its postings say %s", h.Ref, h.State, want)
		}
		if h.State == ledger.HoldOpen {
			out[h.From] += h.Amount
			in[h.To] += h.Amount
		}
	}
	if len(made) != len(b.Holds) {
		return fmt.Errorf("%d holds posted, %d stored", len(made), len(b.Holds))
	}
	for _, a := range b.Accounts {
		if a.PendingOut != out[a.ID] || a.PendingIn != in[a.ID] {
			return fmt.Errorf("account %s: pending %d/%d, holds %d/%d", a.ID, a.PendingOut, a.PendingIn, out[a.ID], in[a.ID])
		}
	}
	return nil
}

// chain recomputes every hash from its written definition.
func (b Books) chain() error {
	prev, next, last := [32]byte{}, int64(1), time.Time{}
	postings, entries := b.Postings, b.Entries
	for i, batch := range b.Batches {
		if batch.No != int64(i)+1 || batch.FirstSeq != next || batch.LastSeq < batch.FirstSeq || batch.PrevHash != prev {
			return fmt.Errorf("batch %d does not follow its predecessor: %+v", i+1, batch)
		}
		if batch.At.Before(last) {
			return fmt.Errorf("batch %d is older than its predecessor", batch.No)
		}
		var text bytes.Buffer
		text.Write(prev[:])
		put(&text, batch.No, batch.FirstSeq, batch.LastSeq, batch.At)
		for ; next <= batch.LastSeq; next++ {
			if len(postings) == 0 || postings[0].Seq != next || !postings[0].At.Equal(batch.At) {
				return fmt.Errorf("posting %d is missing or not of its batch's time", next)
			}
			p := postings[0]
			postings = postings[1:]
			put(&text, "posting", p.Seq, p.Ref, string(p.Op), string(p.Kind), p.Amount, p.AccountID, p.ToAccountID, string(p.AccountKind),
				p.Floor, p.Ceiling, p.Closes, p.ExpiresAt, p.FlowID, p.Detail, string(p.Fingerprint[:]), p.At)
			for len(entries) > 0 && entries[0].Seq == next {
				e := entries[0]
				entries = entries[1:]
				put(&text, "entry", e.Seq, int64(e.Line), e.AccountID, e.Amount, e.BalanceAfter, e.At)
			}
		}
		if sum := sha256.Sum256(text.Bytes()); sum != batch.Hash {
			return fmt.Errorf("batch %d: hash does not verify", batch.No)
		}
		prev, last = batch.Hash, batch.At
	}
	if len(postings) > 0 || len(entries) > 0 {
		return fmt.Errorf("%d postings and %d entries belong to no batch", len(postings), len(entries))
	}
	return nil
}

func put(w *bytes.Buffer, values ...any) {
	for _, v := range values {
		text := ""
		switch v := v.(type) {
		case string:
			text = v
		case int64:
			text = strconv.FormatInt(v, 10)
		case *int64:
			if v != nil {
				text = strconv.FormatInt(*v, 10)
			}
		case time.Time:
			if !v.IsZero() {
				text = strconv.FormatInt(v.UnixMicro(), 10)
			}
		}
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		w.Write(length[:])
		w.WriteString(text)
	}
}
