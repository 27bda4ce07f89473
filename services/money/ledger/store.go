package ledger

import (
	"context"
	"time"
)

// Store keeps the books.
type Store interface {
	// InTurn runs fn in one transaction and commits, within a bounded time also when ctx
	// has no end. fn may run again, when the
	// transaction lost to another one; it has no effect outside of it. Errors:
	// errs.Busy, errs.ServiceUnavailable; after either the outcome may be unknown.
	InTurn(ctx context.Context, fn func(Turn) error) error
	// Expired lists the refs of at most limit open holds that expired by now.
	Expired(ctx context.Context, now time.Time, limit int) ([]string, error)
}

// Turn is one transaction, and the only one in all processes from Known on. Its
// methods are called at most once each, in this order.
type Turn interface {
	// Known waits for the turn and reads the postings and holds that have one of the refs.
	Known(ctx context.Context, refs []string) (Known, error)
	// Books reads the last batch, and those of the accounts that exist.
	Books(ctx context.Context, accountIDs []string) (Batch, []Account, error)
	// Append writes a batch.
	Append(ctx context.Context, changes Changes) error
}

// Known is what the journal has under some refs.
type Known struct {
	Postings []Posting
	Holds    []Hold
}

// Changes is everything one commit writes: rows to append to the journal, and the new
// state of the accounts and holds they touched.
type Changes struct {
	Batch    Batch
	Postings []Posting
	Entries  []Entry
	Accounts []Account
	Holds    []Hold
}
