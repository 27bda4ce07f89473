// Package audit proves the books. It reads every book by its own SQL, the bank's over
// HTTP and the flows' results from Temporal, and holds them against each other:
//
//	I1  every posting's entries sum to zero, and so does the ledger
//	I2  an account's balance is the sum of its entries, its holds are those of the journal
//	I3  no wallet is below zero or above its limit; each belongs to a member
//	I4  bank float = corporate account at the bank, once what is in transit is counted
//	I5  each item is in one statement, each paid statement was paid once; what franchises are owed
//	I6  request, ledger, firm banking and flow tell the same story
//	I7  the sums by region are those of the journal, as far as they have got
//	I8  the hash chain verifies from its first batch to its head
//
// It shares no code with the services it audits: a mistake of theirs must not hide here
// as well. It writes nothing, and needs no key to personal data.
//
// The platform may run meanwhile. Each database is read as of one moment; whatever does
// not fit then is looked at again, live, a bounded number of times, before it is called
// a breach.
//
// Memory does not grow with the books: rows are read in pages, in the order in which
// they are compared. What grows is bounded by what is under way (open holds), or capped.
package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/secret"
)

// Books are what is audited.
type Books struct {
	Money, Banking, Remittance, Membership     *sqlx.DB
	Franchise, Payment, Settlement, MoneyQuery *sqlx.DB

	Bank Bank
	// Flows may be nil: the flows' results are then not compared, and the report says so.
	Flows Flows
	// Index lets the audit compare account numbers by their keyed hashes. It may be nil:
	// then only the bank's code is compared.
	Index *secret.Indexer
}

// pageRows is how many rows are read at a time.
const pageRows = 500

// The accounts of the ledger that the audit knows by name.
const (
	bankFloat = "system/bank-float"
	suspense  = "system/suspense"
)

// auditor is one audit under way.
type auditor struct {
	books  Books
	frozen tables // each database as of one moment
	live   tables
	now    func() time.Time

	doubleEntry, balances, wallets, float, settled, match, regions, chain *finding

	// What one invariant's reading finds out for another one.
	floatPostings int64 // postings that moved the bank float
	floatBalance  int64 // stored balance, in won
	suspense      int64 // stored balance, in won

	// owed is what the journal has of franchises' payables that no row tells of yet, and the
	// other way round, in won by franchise. It is bounded by what is under way.
	owed inFlight

	suspects   suspects // requests and wallets
	statements suspects
	flows      *flowReader
}

// Run audits. Errors: a database that cannot be read. An unreachable bank is in the
// report (I4 UNPROVEN), and so are unreachable flows.
func Run(ctx context.Context, b Books) (Report, error) {
	began := time.Now()
	a := newAuditor(b)
	frozen, release, err := freezeAll(ctx, b)
	if err != nil {
		return Report{}, err
	}
	defer release()
	a.frozen = frozen
	for _, pass := range []func(context.Context) error{
		a.readJournal, a.countHolds, a.readAccounts, a.matchRequests, a.matchFirmbankings, a.compareDays, a.compareBank,
		a.readItems, a.readStatements, a.comparePayables, a.compareRegions, a.reexamine, a.reexamineStatements,
	} {
		if err := pass(ctx); err != nil {
			return Report{}, fmt.Errorf("audit: %w", err)
		}
	}
	return a.report(began), nil
}

func newAuditor(b Books) *auditor {
	return &auditor{
		books: b, now: time.Now,
		live: tables{money: b.Money, banking: b.Banking, remittance: b.Remittance, membership: b.Membership,
			franchise: b.Franchise, payment: b.Payment, settlement: b.Settlement, moneyquery: b.MoneyQuery},
		doubleEntry: newFinding("I1", "double entry"),
		balances:    newFinding("I2", "balances"),
		wallets:     newFinding("I3", "wallets"),
		float:       newFinding("I4", "bank float"),
		settled:     newFinding("I5", "settlement"),
		match:       newFinding("I6", "three-way match"),
		regions:     newFinding("I7", "read model"),
		chain:       newFinding("I8", "hash chain"),
		owed:        inFlight{won: map[string]int64{}, by: map[string]effect{}},
		suspects:    suspects{ids: map[string]bool{}},
		statements:  suspects{ids: map[string]bool{}},
		flows:       newFlowReader(b.Flows),
	}
}

func (a *auditor) report(began time.Time) Report {
	r := Report{StartedAt: began.UTC(), Took: time.Since(began)}
	for _, f := range []*finding{a.doubleEntry, a.balances, a.wallets, a.float, a.settled, a.match, a.regions, a.chain} {
		r.Invariants = append(r.Invariants, f.Invariant)
	}
	return r
}

// pause waits between two looks at something; an error when ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
