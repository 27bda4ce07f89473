// Package ledger is the double-entry core: accounts, an append-only journal of
// postings whose entries sum to zero, two-sided holds, and a group commit.
//
// Commands of concurrent callers are gathered while a commit is under way and become
// one transaction, which decides each of them on its own. Transactions of all
// processes take turns (one lock row), which is why the journal's numbers have no
// gaps, its hash chain is sealed in the same commit, and deadlocks cannot occur; it
// costs nothing, because what a disk can flush is batches, not postings.
//
// A batch takes 8 round trips, whatever its size: begin, turn and refs, last batch
// and accounts, postings, entries, accounts, batch, commit; one more when it changes
// holds, one less without entries, and 3 when there is nothing to write because all
// of it was done before.
package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"durapay/internal/batch"
)

// maxBatch bounds the commands of one transaction.
const maxBatch = 200

// Ledger is the books' one door for writing. Any number of them, in any number of
// processes, may share a store.
type Ledger struct {
	store Store
	now   func() time.Time
	group *batch.Group[item, Result]
}

// New makes a Ledger on a store.
func New(store Store, now func() time.Time) *Ledger {
	l := &Ledger{store: store, now: now}
	l.group = batch.New(maxBatch, l.commit)
	return l
}

// Do does the commands, each on its own, and gives their results in order. A refusal
// is a result: errs.InsufficientBalance (available, needed), errs.BalanceLimit (limit,
// room), errs.WalletNotFound, errs.WalletExists, errs.LedgerAccountNotFound,
// errs.LedgerAccountExists, errs.LedgerAccountUsed, errs.LedgerReferenceReused,
// errs.LedgerHoldNotFound, errs.LedgerHoldClosed, errs.LedgerHoldExceeded,
// errs.LedgerAmountOverflow, errs.LedgerPostingMalformed (field).
//
// Errors: errs.Busy, errs.ServiceUnavailable, ctx's own. After an error any of the
// commands may have been done, or still be; send the same ones again, and what was
// done comes back as Replayed.
func (l *Ledger) Do(ctx context.Context, cmds []Command) ([]Result, error) {
	results := make([]Result, len(cmds))
	items, places := wellFormed(cmds, results)
	for len(items) > 0 {
		n := min(len(items), maxBatch)
		outs, err := l.group.Do(ctx, items[:n])
		if err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		for i, out := range outs {
			results[places[i]] = out
		}
		items, places = items[n:], places[n:]
	}
	return results, nil
}

// wellFormed sorts out the malformed commands: they are refused without a round trip.
// places tells where each item's result belongs.
func wellFormed(cmds []Command, results []Result) (items []item, places []int) {
	items, places = make([]item, 0, len(cmds)), make([]int, 0, len(cmds))
	for i := range cmds {
		c := cmds[i]
		if !c.ExpiresAt.IsZero() {
			c.ExpiresAt = c.ExpiresAt.UTC().Truncate(time.Microsecond)
		}
		if err := c.check(); err != nil {
			results[i] = refused(c.Ref, err)
			continue
		}
		items, places = append(items, item{Command: c, print: c.fingerprint()}), append(places, i)
	}
	return items, places
}

// ExpireHolds lets go of at most limit holds that expired by now, and tells how many.
// Nothing else expires a hold: one that nobody swept can still be captured.
// Errors: as Do.
func (l *Ledger) ExpireHolds(ctx context.Context, now time.Time, limit int) (int, error) {
	refs, err := l.store.Expired(ctx, now, limit)
	if err != nil {
		return 0, fmt.Errorf("ledger: expired holds: %w", err)
	}
	cmds := make([]Command, 0, len(refs))
	for _, ref := range refs {
		cmds = append(cmds, Command{Op: OpExpire, Ref: expiryRef(ref), HoldRef: ref, ExpiresAt: now})
	}
	results, err := l.Do(ctx, cmds)
	if err != nil {
		return 0, err
	}
	expired := 0
	for _, r := range results {
		if r.Done() && !r.Replayed { // a refused one was closed a moment ago
			expired++
		}
	}
	return expired, nil
}

// commit does one batch. It serves many callers, so none of their contexts ends it;
// the store's limits on waiting for the network do.
func (l *Ledger) commit(ctx context.Context, items []item) ([]Result, error) {
	var results []Result
	err := l.store.InTurn(ctx, func(turn Turn) error {
		var err error
		results, err = l.take(ctx, turn, items)
		return err
	})
	return results, err
}

func (l *Ledger) take(ctx context.Context, turn Turn, items []item) ([]Result, error) {
	known, err := turn.Known(ctx, refsOf(items))
	if err != nil {
		return nil, err
	}
	var last Batch
	var accounts []Account
	if ids := accountsOf(items, known); len(ids) > 0 {
		if last, accounts, err = turn.Books(ctx, ids); err != nil {
			return nil, err
		}
	}
	b := newBook(known, last, accounts, l.now().UTC().Truncate(time.Microsecond))
	results := make([]Result, len(items))
	for i := range items {
		results[i] = b.decide(&items[i])
	}
	if changes, ok := b.written(); ok {
		return results, turn.Append(ctx, changes)
	}
	return results, nil
}

// refsOf lists every reference the commands need to know about, sorted.
func refsOf(items []item) []string {
	refs := make([]string, 0, len(items))
	for i := range items {
		refs = append(refs, items[i].Ref)
		if items[i].HoldRef != "" {
			refs = append(refs, items[i].HoldRef)
		}
		if items[i].OpenRef != "" {
			refs = append(refs, items[i].OpenRef)
		}
	}
	return sortedSet(refs)
}

// accountsOf lists the accounts that the commands not yet done touch, sorted. It is
// empty when all were done.
func accountsOf(items []item, known Known) []string {
	done := make(map[string]*Posting, len(known.Postings))
	for i := range known.Postings {
		done[known.Postings[i].Ref] = &known.Postings[i]
	}
	var ids []string
	for i := range items {
		if it := &items[i]; done[it.Ref] == nil {
			ids = append(ids, it.accounts(done)...)
		}
	}
	return sortedSet(ids)
}

func (it *item) accounts(done map[string]*Posting) []string {
	// A journal row is written even when no account changes (a burnt ref), and then
	// still needs the last batch; the float stands in.
	ids := []string{BankFloat}
	for _, leg := range it.Legs {
		ids = append(ids, leg.From, leg.To)
	}
	ids = append(ids, it.From, it.To, it.AccountID)
	for _, ref := range []string{it.HoldRef, it.OpenRef} {
		if p := done[ref]; p != nil {
			ids = append(ids, p.AccountID, p.ToAccountID)
		}
	}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}

func sortedSet(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}
