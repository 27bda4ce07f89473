package moneyquerydb_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"durapay/internal/calendar"
	"durapay/services/money/ledger"
	"durapay/services/moneyquery"
)

var errCut = errors.New("the feed broke")

// feeds are a journal and changes of regions in memory, of which a read can fail.
type feeds struct {
	mu       sync.Mutex
	postings [][]moneyquery.JournalLine // by seq - 1; those without wallets are empty
	changes  []moneyquery.RegionChange
	cutAfter int // reads until one fails; negative: none does
	balances map[string]int64
}

func newFeeds() *feeds { return &feeds{cutAfter: -1, balances: map[string]int64{}} }

// cut makes a read fail after n more.
func (f *feeds) cut(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cutAfter = n
}

// broken is called with the lock held.
func (f *feeds) broken() error {
	if f.cutAfter < 0 {
		return nil
	}
	f.cutAfter--
	if f.cutAfter < 0 {
		return errCut
	}
	return nil
}

func (f *feeds) Journal(_ context.Context, after int64, limit int) ([]moneyquery.JournalLine, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.broken(); err != nil {
		return nil, 0, err
	}
	last := min(after+int64(limit), int64(len(f.postings)))
	return slices.Concat(f.postings[after:last]...), last, nil
}

func (f *feeds) RegionChanges(_ context.Context, after int64, limit int) ([]moneyquery.RegionChange, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.broken(); err != nil {
		return nil, err
	}
	return slices.Clone(f.changes[after:min(after+int64(limit), int64(len(f.changes)))]), nil
}

func (f *feeds) JournalHead(context.Context) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.postings)), nil
}

func (f *feeds) RegionHead(context.Context) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.changes)), nil
}

func (f *feeds) live(member, region string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes = append(f.changes, moneyquery.RegionChange{Seq: int64(len(f.changes) + 1), MemberID: member, Region: region})
}

// leg moves won from one member to another; an empty name is outside.
type leg struct {
	from, to string
	amount   int64
}

// post books the legs that are covered.
func (f *feeds) post(kind ledger.Kind, at time.Time, legs ...leg) {
	f.mu.Lock()
	defer f.mu.Unlock()
	seq, line := int64(len(f.postings)+1), 0
	var lines []moneyquery.JournalLine
	entry := func(member string, amount int64) {
		if member != "" {
			f.balances[member] += amount
			lines = append(lines, moneyquery.JournalLine{Seq: seq, Line: line, AccountID: ledger.WalletAccount(member), Amount: amount, Kind: kind, At: at})
		}
		line++
	}
	for _, l := range legs {
		if l.from == "" || f.balances[l.from] >= l.amount {
			entry(l.from, -l.amount)
			entry(l.to, l.amount)
		}
	}
	f.postings = append(f.postings, lines)
}

// answers are what a model has to say.
type answers struct {
	totals  map[string]moneyquery.Total
	inflows map[string]map[calendar.Date]int64
}

// upTo works out the answers from scratch, from what lies before a position.
func (f *feeds) upTo(p moneyquery.Position) answers {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := answers{totals: map[string]moneyquery.Total{}, inflows: map[string]map[calendar.Date]int64{}}
	home := map[string]string{}
	for _, c := range f.changes[:p.RegionSeq] {
		home[c.MemberID] = c.Region
	}
	for _, region := range home {
		t := a.totals[region]
		t.Members++
		a.totals[region] = t
	}
	for _, lines := range f.postings[:p.JournalSeq] {
		for _, l := range lines {
			a.count(home[ledger.Owner(l.AccountID)], l)
		}
	}
	return a
}

func (a answers) count(region string, l moneyquery.JournalLine) {
	if region == "" {
		return
	}
	t := a.totals[region]
	t.Balance += l.Amount
	a.totals[region] = t
	if l.Kind != ledger.TopUp || l.Amount < 0 {
		return
	}
	if a.inflows[region] == nil {
		a.inflows[region] = map[calendar.Date]int64{}
	}
	a.inflows[region][calendar.Of(l.At)] += l.Amount
}
