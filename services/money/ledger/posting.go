package ledger

import (
	"time"

	"durapay/internal/record"
)

// Result is the outcome of a command, in the order of the commands.
type Result struct {
	Ref      string         `json:"ref"`
	Refusal  record.Failure `json:"refusal,omitzero"` // zero = done
	Replayed bool           `json:"replayed,omitempty"`
	Seq      int64          `json:"seq,omitempty"`    // place in the journal, gapless
	Amount   int64          `json:"amount,omitempty"` // won posted, held, captured or let go
	At       time.Time      `json:"at,omitzero"`
}

// Done tells whether the command is in the books.
func (r Result) Done() bool { return !r.Refusal.Is() }

// Posting is one row of the journal: a command that was done. Which fields an op
// fills is told at the table in the schema.
type Posting struct {
	Seq         int64
	Ref         string
	Op          Op
	Kind        Kind
	Amount      int64
	AccountID   string
	ToAccountID string
	AccountKind AccountKind
	Floor       *int64
	Ceiling     *int64
	Closes      string
	ExpiresAt   time.Time
	FlowID      string
	Detail      string
	Fingerprint [32]byte // of the command: what "the same command" means
	At          time.Time
}

// result gives what the command's caller was, or would have been, told.
func (p Posting) result(replayed bool) Result {
	return Result{Ref: p.Ref, Replayed: replayed, Seq: p.Seq, Amount: p.Amount, At: p.At}
}

// burnt tells whether the posting only keeps a ref from being used: an undo that came
// before what it undoes.
func (p Posting) burnt() bool { return p.Closes == p.Ref }

// Entry is one side of one leg. Leg n of a posting has the lines 2n (debit, negative)
// and 2n+1 (credit, positive).
type Entry struct {
	Seq          int64
	Line         int
	AccountID    string
	Amount       int64
	BalanceAfter int64
	At           time.Time
}

// HoldState tells what became of a hold.
type HoldState string

// The states of a hold; all but open are final.
const (
	HoldOpen     HoldState = "OPEN"
	HoldCaptured HoldState = "CAPTURED"
	HoldReleased HoldState = "RELEASED"
	HoldExpired  HoldState = "EXPIRED"
)

// Hold is an amount reserved on both sides until it is captured or let go.
type Hold struct {
	Ref       string
	From      string
	To        string
	Amount    int64
	Captured  int64
	State     HoldState
	ExpiresAt time.Time // zero = never
}

// Batch is the journal's row for one commit.
type Batch struct {
	No       int64
	FirstSeq int64
	LastSeq  int64
	At       time.Time
	PrevHash [32]byte
	Hash     [32]byte
}
