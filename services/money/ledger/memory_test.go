package ledger_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"durapay/services/money/ledger"
	"durapay/services/money/ledger/ledgertest"
)

// memory is a Store that forgets.
type memory struct {
	mu       sync.Mutex
	turns    int
	batches  []ledger.Batch
	postings []ledger.Posting
	entries  []ledger.Entry
	accounts map[string]ledger.Account
	holds    map[string]ledger.Hold
	fail     error // what the next commit answers after it is done
}

func newMemory() *memory {
	m := &memory{accounts: map[string]ledger.Account{}, holds: map[string]ledger.Hold{}}
	for _, id := range []string{ledger.BankFloat, ledger.InTransit} {
		m.accounts[id] = ledger.Account{
			ID: id, State: ledger.AccountOpen, Floor: -ledger.MaxBalance, Ceiling: ledger.MaxBalance,
		}
	}
	return m
}

func (m *memory) InTurn(_ context.Context, fn func(ledger.Turn) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turns++
	if err := fn(memoryTurn{m}); err != nil {
		return err
	}
	err := m.fail
	m.fail = nil
	return err
}

func (m *memory) Expired(_ context.Context, now time.Time, limit int) ([]string, error) {
	var refs []string
	for _, h := range m.holds {
		if h.State == ledger.HoldOpen && !h.ExpiresAt.IsZero() && !h.ExpiresAt.After(now) && len(refs) < limit {
			refs = append(refs, h.Ref)
		}
	}
	return refs, nil
}

func (m *memory) books() ledgertest.Books {
	return ledgertest.Books{
		Batches: m.batches, Postings: m.postings, Entries: m.entries,
		Accounts: slices.SortedFunc(maps.Values(m.accounts), func(a, b ledger.Account) int { return cmp.Compare(a.ID, b.ID) }),
		Holds:    slices.SortedFunc(maps.Values(m.holds), func(a, b ledger.Hold) int { return cmp.Compare(a.Ref, b.Ref) }),
	}
}

type memoryTurn struct{ *memory }

func (m memoryTurn) Known(_ context.Context, refs []string) (ledger.Known, error) {
	var k ledger.Known
	for _, p := range m.postings {
		if slices.Contains(refs, p.Ref) {
			k.Postings = append(k.Postings, p)
			if h, ok := m.holds[p.Ref]; ok {
				k.Holds = append(k.Holds, h)
			}
		}
	}
	return k, nil
}

func (m memoryTurn) Books(_ context.Context, ids []string) (ledger.Batch, []ledger.Account, error) {
	var accounts []ledger.Account
	for _, id := range ids {
		if a, ok := m.accounts[id]; ok {
			accounts = append(accounts, a)
		}
	}
	if len(m.batches) == 0 {
		return ledger.Batch{}, accounts, nil
	}
	return m.batches[len(m.batches)-1], accounts, nil
}

func (m memoryTurn) Append(_ context.Context, c ledger.Changes) error {
	m.batches = append(m.batches, c.Batch)
	m.postings = append(m.postings, c.Postings...)
	m.entries = append(m.entries, c.Entries...)
	for _, a := range c.Accounts {
		m.accounts[a.ID] = a
	}
	for _, h := range c.Holds {
		m.holds[h.Ref] = h
	}
	return nil
}
