package money

import (
	"context"
	"time"

	"durapay/errs"
	"durapay/services/money/ledger"
)

// MaxJournal is the most postings that one call of Journal looks at.
const MaxJournal = 1000

// JournalLine is an entry of a wallet with what its posting is about.
type JournalLine struct {
	Seq       int64 // of the posting
	Line      int   // within the posting
	AccountID string
	Amount    int64 // won; negative when it left the wallet
	Kind      ledger.Kind
	FlowID    string
	At        time.Time
}

// Journal looks at the next limit postings after a number (0: from the first one), gives the entries they made in
// wallets in the order of the books, and the number of the last posting looked at, which is after when there was none.
// A posting is there with all of its entries or not at all. Postings are numbered in the order of their commits
// without gaps, so that a reader who goes on from the number given misses none. At most two queries.
// Errors: errs.InvalidRequest for a limit that is not within 1 and MaxJournal.
func (s *Service) Journal(ctx context.Context, after int64, limit int) (lines []JournalLine, lastSeq int64, err error) {
	if limit < 1 || limit > MaxJournal {
		return nil, 0, errs.InvalidRequest.With("maxItems", MaxJournal)
	}
	return s.store.Journal(ctx, after, limit)
}

// JournalHead gives the number of the newest posting, 0 when there is none.
func (s *Service) JournalHead(ctx context.Context) (int64, error) { return s.store.JournalHead(ctx) }
