package franchise

import (
	"time"
)

// MaxFeeBasisPoints is the highest fee, in basis points: the whole amount.
const MaxFeeBasisPoints = 10_000

const maxPayoutBusinessDays = 10

// Cycle is how often payments are cut into a statement.
type Cycle string

// The cycles: each day, each week to its Sunday, each month to its last day.
const (
	Daily   Cycle = "DAILY"
	Weekly  Cycle = "WEEKLY"
	Monthly Cycle = "MONTHLY"
)

// Valid tells whether c is one of the cycles.
func (c Cycle) Valid() bool { return c == Daily || c == Weekly || c == Monthly }

// Contract is what holds between the platform and a franchise from a date on, until the
// next one begins.
type Contract struct {
	EffectiveFrom      string // Asia/Seoul date, YYYY-MM-DD
	FeeBasisPoints     int    // 0 to MaxFeeBasisPoints
	Cycle              Cycle
	PayoutBusinessDays int // after the end of a cycle, 0 to 10
}

// NewContract is a contract as it is asked for: with its fee, or with the tier that gives it.
type NewContract struct {
	EffectiveFrom      string
	FeeBasisPoints     *int
	Tier               *Tier
	Cycle              Cycle
	PayoutBusinessDays int
}

// InForce gives the contract that holds on a date: the latest that has begun. Contracts
// are in ascending order.
func InForce(contracts []Contract, date string) (Contract, bool) {
	for i := len(contracts) - 1; i >= 0; i-- {
		if contracts[i].EffectiveFrom <= date {
			return contracts[i], true
		}
	}
	return Contract{}, false
}

// seoul is Korea's time, without summer time since 1988.
var seoul = time.FixedZone("KST", 9*60*60)

const dateLayout = time.DateOnly

// DateOf gives the Asia/Seoul date of a time.
func DateOf(t time.Time) string { return t.In(seoul).Format(dateLayout) }

func tomorrow(now time.Time) string { return now.In(seoul).AddDate(0, 0, 1).Format(dateLayout) }

// The first and the last date a contract may begin: what lies outside is a slip.
const (
	firstDate = "2000-01-01"
	lastDate  = "2199-12-31"
)

func validDate(s string) bool {
	_, err := time.Parse(dateLayout, s)
	return err == nil && firstDate <= s && s <= lastDate
}
