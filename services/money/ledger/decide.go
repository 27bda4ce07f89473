package ledger

import (
	"time"

	"durapay/errs"
	"durapay/internal/record"
)

// item is a well-formed command with its fingerprint.
type item struct {
	Command
	print [32]byte
}

// book is the part of the books that a batch touches, in memory: the commands are
// decided on it one by one, and what they changed is written at the end.
type book struct {
	last     Batch
	at       time.Time
	seq      int64
	accounts map[string]*Account
	postings map[string]Posting // by ref: those known before and those of this batch
	holds    map[string]*Hold
	changes  Changes
	touched  touched
}

// touched remembers which rows changed, in order and once.
type touched struct {
	accounts, holds     []string
	accountSet, holdSet map[string]bool
}

func newBook(known Known, last Batch, accounts []Account, now time.Time) *book {
	b := &book{
		last: last, seq: last.LastSeq, at: now,
		accounts: make(map[string]*Account, len(accounts)),
		postings: make(map[string]Posting, len(known.Postings)),
		holds:    make(map[string]*Hold, len(known.Holds)),
		touched:  touched{accountSet: map[string]bool{}, holdSet: map[string]bool{}},
	}
	// Clocks of two processes differ; the journal's times never run backwards, so that
	// a balance at a time is well defined.
	if b.at.Before(last.At) {
		b.at = last.At
	}
	for i := range accounts {
		b.accounts[accounts[i].ID] = &accounts[i]
	}
	for _, p := range known.Postings {
		b.postings[p.Ref] = p
	}
	for i := range known.Holds {
		b.holds[known.Holds[i].Ref] = &known.Holds[i]
	}
	return b
}

// decide does one command, or tells why not. A refused one changes nothing.
func (b *book) decide(it *item) Result {
	if stored, ok := b.postings[it.Ref]; ok {
		return b.repeated(it, stored)
	}
	switch it.Op {
	case OpPost:
		return b.post(it)
	case OpHold:
		return b.hold(it)
	case OpCapture, OpRelease, OpExpire:
		return b.close(it)
	case OpOpen:
		return b.open(it)
	case OpCeiling:
		return b.setCeiling(it)
	case OpClose:
		return b.closeAccount(it)
	default: // check lets no other through
		return refused(it.Ref, malformed("op"))
	}
}

func (b *book) repeated(it *item, stored Posting) Result {
	switch {
	case stored.Fingerprint == it.print:
		return stored.result(true)
	case it.Op == OpHold && stored.burnt(): // released before it arrived
		return refused(it.Ref, errs.LedgerHoldClosed.With("hold", it.Ref))
	default:
		return refused(it.Ref, errs.LedgerReferenceReused.With("ref", it.Ref))
	}
}

// post applies the legs in order, on copies: a leg that fails takes the others with it.
func (b *book) post(it *item) Result {
	draft := make(map[string]Account, 2*len(it.Legs))
	entries := make([]Entry, 0, 2*len(it.Legs))
	for _, leg := range it.Legs {
		from, to, err := b.pair(draft, leg.From, leg.To)
		if err == nil {
			err = from.mayLose(leg.Amount)
		}
		if err == nil {
			err = to.mayGain(leg.Amount)
		}
		if err != nil {
			return refused(it.Ref, err)
		}
		entries = append(entries, b.move(&from, &to, leg.Amount, len(entries))...)
		draft[from.ID], draft[to.ID] = from, to
	}
	for _, e := range entries {
		b.keep(draft[e.AccountID])
	}
	b.changes.Entries = append(b.changes.Entries, entries...)
	return b.journal(Posting{
		Ref: it.Ref, Op: OpPost, Kind: it.Kind, Amount: it.total(),
		FlowID: it.FlowID, Detail: it.Detail, Fingerprint: it.print,
	})
}

// move books amount on both accounts and gives the two entries, from line on. The
// caller has checked that it may.
func (b *book) move(from, to *Account, amount int64, line int) []Entry {
	seq := b.seq + 1
	from.Balance -= amount
	to.Balance += amount
	from.LastSeq, to.LastSeq = seq, seq
	return []Entry{
		{Seq: seq, Line: line, AccountID: from.ID, Amount: -amount, BalanceAfter: from.Balance, At: b.at},
		{Seq: seq, Line: line + 1, AccountID: to.ID, Amount: amount, BalanceAfter: to.Balance, At: b.at},
	}
}

func (b *book) hold(it *item) Result {
	from, to, err := b.pair(nil, it.From, it.To)
	if err == nil {
		err = from.mayLose(it.Amount)
	}
	if err == nil {
		err = to.mayGain(it.Amount)
	}
	if err != nil {
		return refused(it.Ref, err)
	}
	from.PendingOut += it.Amount
	to.PendingIn += it.Amount
	from.LastSeq, to.LastSeq = b.seq+1, b.seq+1
	b.keep(from)
	b.keep(to)
	b.keepHold(Hold{Ref: it.Ref, From: it.From, To: it.To, Amount: it.Amount, State: HoldOpen, ExpiresAt: it.ExpiresAt})
	return b.journal(Posting{
		Ref: it.Ref, Op: OpHold, Kind: it.Kind, Amount: it.Amount, AccountID: it.From, ToAccountID: it.To,
		ExpiresAt: it.ExpiresAt, FlowID: it.FlowID, Detail: it.Detail, Fingerprint: it.print,
	})
}

// close ends a hold: captured, released or expired.
func (b *book) close(it *item) Result {
	held, ok := b.holds[it.HoldRef]
	if !ok {
		return b.closeNothing(it)
	}
	h := *held
	amount, err := closing(it, &h)
	if err != nil {
		return refused(it.Ref, err)
	}
	from, to, err := b.pair(nil, h.From, h.To)
	if err != nil {
		return refused(it.Ref, err)
	}
	from.PendingOut -= h.Amount
	to.PendingIn -= h.Amount
	from.LastSeq, to.LastSeq = b.seq+1, b.seq+1
	if h.State == HoldCaptured {
		// The hold has reserved both sides: this cannot be refused.
		b.changes.Entries = append(b.changes.Entries, b.move(&from, &to, amount, 0)...)
	}
	b.keep(from)
	b.keep(to)
	b.keepHold(h)
	return b.journal(b.closingPosting(it, amount))
}

// closing moves the hold to its final state and gives the amount captured or let go.
func closing(it *item, h *Hold) (int64, *errs.Error) {
	if h.State != HoldOpen {
		return 0, errs.LedgerHoldClosed.With("hold", h.Ref).With("state", h.State)
	}
	amount := h.Amount
	switch it.Op {
	case OpCapture:
		if it.Amount > h.Amount {
			return 0, errs.LedgerHoldExceeded.With("hold", h.Ref).With("held", h.Amount).With("asked", it.Amount)
		}
		if it.Amount > 0 {
			amount = it.Amount
		}
		h.State, h.Captured = HoldCaptured, amount
	case OpExpire:
		if h.ExpiresAt.IsZero() || h.ExpiresAt.After(it.ExpiresAt) {
			return 0, malformed("expiresAt")
		}
		h.State = HoldExpired
	default:
		h.State = HoldReleased
	}
	return amount, nil
}

// closingPosting takes what the command leaves open from the hold's own posting.
func (b *book) closingPosting(it *item, amount int64) Posting {
	held := b.postings[it.HoldRef]
	p := Posting{
		Ref: it.Ref, Op: it.Op, Kind: it.Kind, Amount: amount, Closes: it.HoldRef,
		FlowID: it.FlowID, Detail: it.Detail, Fingerprint: it.print,
	}
	if p.Kind == "" {
		p.Kind = held.Kind
	}
	if p.FlowID == "" {
		p.FlowID = held.FlowID
	}
	if p.Detail == "" {
		p.Detail = held.Detail
	}
	return p
}

// closeNothing handles a hold that is not there. A release is an undo, and may
// overtake the hold it undoes (an attempt that was given up but is still on its way).
// So it burns the hold's ref: the late hold will be refused.
func (b *book) closeNothing(it *item) Result {
	stored, used := b.postings[it.HoldRef]
	switch {
	case it.Op == OpRelease && used && stored.burnt():
		r := stored.result(true)
		r.Ref = it.Ref
		return r
	case it.Op == OpRelease && !used:
		return b.burn(it, OpRelease, it.HoldRef)
	default:
		return refused(it.Ref, errs.LedgerHoldNotFound.With("hold", it.HoldRef))
	}
}

func (b *book) burn(it *item, op Op, ref string) Result {
	r := b.journal(Posting{Ref: ref, Op: op, Closes: ref, FlowID: it.FlowID, Fingerprint: it.print})
	r.Ref = it.Ref
	return r
}

func (b *book) open(it *item) Result {
	if a, ok := b.accounts[it.AccountID]; ok && a.State == AccountOpen {
		return refused(it.Ref, taken(it.AccountID))
	}
	b.keep(Account{
		ID: it.AccountID, Kind: it.AccountKind, State: AccountOpen, Floor: it.Floor, Ceiling: it.Ceiling,
		OpenedSeq: b.seq + 1, OpenedAt: b.at,
	})
	floor, ceiling := it.Floor, it.Ceiling
	return b.journal(Posting{
		Ref: it.Ref, Op: OpOpen, Kind: it.Kind, AccountID: it.AccountID, AccountKind: it.AccountKind,
		Floor: &floor, Ceiling: &ceiling, FlowID: it.FlowID, Detail: it.Detail, Fingerprint: it.print,
	})
}

// setCeiling refuses a ceiling below what the account holds or is to receive.
func (b *book) setCeiling(it *item) Result {
	a, err := b.account(nil, it.AccountID)
	if err != nil {
		return refused(it.Ref, err)
	}
	if a.Balance+a.PendingIn > it.Ceiling {
		return refused(it.Ref, errs.BalanceLimit.With("limit", it.Ceiling).With("room", it.Ceiling-a.Balance-a.PendingIn))
	}
	a.Ceiling = it.Ceiling
	b.keep(a)
	ceiling := it.Ceiling
	return b.journal(Posting{
		Ref: it.Ref, Op: OpCeiling, Kind: it.Kind, AccountID: it.AccountID, Ceiling: &ceiling,
		FlowID: it.FlowID, Detail: it.Detail, Fingerprint: it.print,
	})
}

// closeAccount undoes an opening whose account was never used. Like a release, it
// burns the ref of an opening that has not arrived yet.
func (b *book) closeAccount(it *item) Result {
	opening, ok := b.postings[it.OpenRef]
	switch {
	case !ok:
		return b.burn(it, OpClose, it.OpenRef)
	case opening.burnt():
		r := opening.result(true)
		r.Ref = it.Ref
		return r
	case opening.Op != OpOpen:
		return refused(it.Ref, malformed("openRef"))
	}
	a, err := b.account(nil, opening.AccountID)
	if err != nil {
		return refused(it.Ref, err)
	}
	if a.OpenedSeq != opening.Seq || a.LastSeq != 0 {
		return refused(it.Ref, errs.LedgerAccountUsed.With("account", a.ID))
	}
	a.State = AccountClosed
	b.keep(a)
	return b.journal(Posting{
		Ref: it.Ref, Op: OpClose, Kind: it.Kind, AccountID: a.ID, Closes: it.OpenRef,
		FlowID: it.FlowID, Detail: it.Detail, Fingerprint: it.print,
	})
}

// journal gives the posting its place and time and keeps it.
func (b *book) journal(p Posting) Result {
	b.seq++
	p.Seq, p.At = b.seq, b.at
	b.changes.Postings = append(b.changes.Postings, p)
	b.postings[p.Ref] = p
	return p.result(false)
}

// pair reads two accounts, from the draft first.
func (b *book) pair(draft map[string]Account, fromID, toID string) (from, to Account, err *errs.Error) {
	if from, err = b.account(draft, fromID); err != nil {
		return from, to, err
	}
	to, err = b.account(draft, toID)
	return from, to, err
}

func (b *book) account(draft map[string]Account, id string) (Account, *errs.Error) {
	if a, ok := draft[id]; ok {
		return a, nil
	}
	if a, ok := b.accounts[id]; ok && a.State == AccountOpen {
		return *a, nil
	}
	return Account{}, missing(id)
}

func (b *book) keep(a Account) {
	b.accounts[a.ID] = &a
	if !b.touched.accountSet[a.ID] {
		b.touched.accountSet[a.ID] = true
		b.touched.accounts = append(b.touched.accounts, a.ID)
	}
}

func (b *book) keepHold(h Hold) {
	b.holds[h.Ref] = &h
	if !b.touched.holdSet[h.Ref] {
		b.touched.holdSet[h.Ref] = true
		b.touched.holds = append(b.touched.holds, h.Ref)
	}
}

// written gives what is to be stored; ok is false when nothing is.
func (b *book) written() (c Changes, ok bool) {
	if len(b.changes.Postings) == 0 {
		return Changes{}, false
	}
	c = b.changes
	for _, id := range b.touched.accounts {
		c.Accounts = append(c.Accounts, *b.accounts[id])
	}
	for _, ref := range b.touched.holds {
		c.Holds = append(c.Holds, *b.holds[ref])
	}
	c.Batch = Batch{
		No: b.last.No + 1, FirstSeq: b.last.LastSeq + 1, LastSeq: b.seq, At: b.at, PrevHash: b.last.Hash,
	}
	c.Batch.Hash = seal(c.Batch, c.Postings, c.Entries)
	return c, true
}

func refused(ref string, e *errs.Error) Result {
	return Result{Ref: ref, Refusal: record.FailureOf(e)}
}
