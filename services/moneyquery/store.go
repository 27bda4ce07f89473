package moneyquery

import (
	"context"
	"time"

	"durapay/internal/calendar"
)

// Store keeps the model. Its errors are errs.Busy, errs.ServiceUnavailable and those named.
type Store interface {
	// InTurn runs fn in a transaction that nobody else's overlaps, and commits unless fn errs. It runs fn again when
	// the transaction lost a deadlock.
	InTurn(ctx context.Context, fn func(Turn, Generations) error) error
	// Live reads where the generation that readers see has got to.
	Live(ctx context.Context) (Position, error)
	// Totals reads the regions that have a member, and the position they belong to: one consistent look.
	Totals(ctx context.Context) (map[string]Total, Position, error)
	// Inflows reads the days that have an inflow.
	Inflows(ctx context.Context, region string, from, through calendar.Date) (map[calendar.Date]int64, error)
	// Sweep removes at most limit rows of generations that are neither live nor being built, and tells whether there
	// may be more.
	Sweep(ctx context.Context, limit int) (more bool, err error)
}

// Turn is a transaction that writes the model. A generation is a whole model.
type Turn interface {
	Position(ctx context.Context, generation int64) (Position, error)
	// Members reads the members that are in the model.
	Members(ctx context.Context, generation int64, ids []string) ([]Member, error)
	Totals(ctx context.Context, generation int64) (map[string]Total, error)
	// Apply stores the changes and the position.
	Apply(ctx context.Context, generation int64, c Changes, p Position) error
	// Begin makes an empty generation, which from now on is the one being built.
	Begin(ctx context.Context) (generation int64, err error)
	// Switch shows readers the generation being built.
	Switch(ctx context.Context, generation int64) error
}

// Generations tells which one readers see, and which one is being built: 0 for none.
type Generations struct{ Live, Building int64 }

// Position is how far a generation has got in the feeds.
type Position struct {
	JournalSeq, RegionSeq int64
	AsOf                  time.Time // when there was last nothing more to take in; zero: never yet
}

// reaches tells whether all that is in the other one is in p.
func (p Position) reaches(other Position) bool {
	return p.JournalSeq >= other.JournalSeq && p.RegionSeq >= other.RegionSeq
}

// Member is what the model knows of a member.
type Member struct {
	ID      string
	Region  string // empty: not told yet
	Balance int64  // won
}

// Total is the sum of a region's members.
type Total struct{ Members, Balance int64 }

// Changes are what a piece of the feeds does to a generation, to be stored in the order of the fields.
type Changes struct {
	Moved         []string // members whose inflows so far move with them from the stored region to the new one
	Members       []Member // as they are now
	Inflows       []MemberInflow
	Totals        map[string]Total // as they are now, of the regions that change
	RegionInflows []RegionInflow
}

// MemberInflow is won to be added.
type MemberInflow struct {
	MemberID string
	Day      calendar.Date
	Amount   int64
}

// RegionInflow is won to be added.
type RegionInflow struct {
	Region string
	Day    calendar.Date
	Amount int64
}
