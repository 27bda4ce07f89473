package moneyquery

import (
	"context"
	"time"

	"durapay/services/money/ledger"
)

// JournalLine is an entry of the ledger in a wallet.
type JournalLine struct {
	Seq       int64 // of the posting, in commit order
	Line      int   // within the posting
	AccountID string
	Amount    int64 // won; negative when it left the wallet
	Kind      ledger.Kind
	FlowID    string
	At        time.Time
}

// inflow gives the won that came in from outside by this line, 0 when none did.
func (l JournalLine) inflow() int64 {
	if l.Kind != ledger.TopUp {
		return 0
	}
	return max(l.Amount, 0)
}

// RegionChange tells where a member lives from now on.
type RegionChange struct {
	Seq      int64 // in commit order
	MemberID string
	Region   string
	At       time.Time
}

// Feeds are what the model is made of: two sequences that only grow, and of which a number becomes visible after all
// smaller ones. Reading the same range again gives the same.
type Feeds interface {
	// Journal gives the wallets' lines among the next limit postings after a number, whole postings only, and the last
	// posting's number, which is after when there are none.
	Journal(ctx context.Context, after int64, limit int) (lines []JournalLine, lastSeq int64, err error)
	// RegionChanges gives the next changes after a number, at most limit.
	RegionChanges(ctx context.Context, after int64, limit int) ([]RegionChange, error)
	// JournalHead gives the newest posting's number, 0 when there is none.
	JournalHead(ctx context.Context) (int64, error)
	// RegionHead gives the newest change's number, 0 when there is none.
	RegionHead(ctx context.Context) (int64, error)
}

// piece is what comes next in both feeds.
type piece struct {
	lines   []JournalLine
	changes []RegionChange
	after   Position // before the piece
	until   Position // with the piece
	last    bool     // there was nothing more behind it
}

// size counts the postings and changes.
func (p piece) size() int {
	return int(p.until.JournalSeq-p.after.JournalSeq) + len(p.changes)
}

// next reads a piece of at most pageSize of each feed.
func (s *Service) next(ctx context.Context, after Position) (piece, error) {
	p := piece{after: after, until: after}
	var err error
	if p.changes, err = s.feeds.RegionChanges(ctx, after.RegionSeq, s.pageSize); err != nil {
		return p, err
	}
	if n := len(p.changes); n > 0 {
		p.until.RegionSeq = p.changes[n-1].Seq
	}
	p.lines, p.until.JournalSeq, err = s.feeds.Journal(ctx, after.JournalSeq, s.pageSize)
	p.last = len(p.changes) < s.pageSize && p.until.JournalSeq-after.JournalSeq < int64(s.pageSize)
	return p, err
}
