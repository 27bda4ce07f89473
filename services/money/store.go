package money

import (
	"context"
	"time"

	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/services/money/ledger"
)

// Store keeps the requests, and reads what the ledger wrote. Its errors are
// errs.Busy, errs.ServiceUnavailable and those named.
type Store interface {
	// Account reads an open account, or errs.WalletNotFound.
	Account(ctx context.Context, accountID string) (ledger.Account, error)
	// AccountAt reads an open account with the balance it had at a time, or
	// errs.WalletNotFound when it was not open yet.
	AccountAt(ctx context.Context, accountID string, at time.Time) (ledger.Account, error)
	// History lists an account's entries, newest first, one more than asked for if
	// there is one. Cursor ids are "seq.line". Error: errs.InvalidRequest for another one.
	History(ctx context.Context, accountID string, p page.Request) ([]HistoryRow, error)
	// Journal gives the wallets' entries among the next limit postings after a number, and the last posting's number.
	Journal(ctx context.Context, after int64, limit int) ([]JournalLine, int64, error)
	// JournalHead gives the number of the newest posting, 0 when there is none.
	JournalHead(ctx context.Context) (int64, error)

	// InsertRequests stores the requests whose ids are new, and gives the stored rows
	// of the others.
	InsertRequests(ctx context.Context, requests []Request) ([]Request, error)
	// MoveRequests changes the state of those requests whose state may become another
	// one by the move, and tells how many it changed. No id comes twice.
	MoveRequests(ctx context.Context, moves []record.Move, now time.Time) (int, error)
	// States reads the states of the requests that exist.
	States(ctx context.Context, ids []string) (map[string]record.State, error)
	// Request reads one; false when there is none.
	Request(ctx context.Context, id string) (Request, bool, error)
	// Requests lists a member's, newest first, one more than asked for if there is one.
	Requests(ctx context.Context, membershipID string, t RequestType, p page.Request) ([]Request, error)
}
