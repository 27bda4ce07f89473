package demo

import (
	"math/rand/v2"
)

// move is one money request of the plan. Members go by their position, amounts are in won.
type move struct {
	kind     kind
	from, to int // to is the receiver of a remittance
	amount   int64
	auto     bool // a remittance that may top up
	key      int  // equal for a request and its repeat
	repeat   bool
}

// What a run shows, in won. What is beyond the balance is more than a wallet gathers in a
// run, and some of it is over the limit of a remittance (2,000,000 won), too.
const (
	leastTopUp      = 10_000
	mostTopUp       = 300_000
	mostRemittance  = 60_000
	mostAuto        = 250_000
	leastBeyond     = 1_000_000
	mostBeyond      = 2_500_000
	leastWithdrawal = 1_000
	mostWithdrawal  = 50_000
)

// A remittance's turn decides what it shows; every twentyth turn it is the same again.
const (
	turns      = 20
	toSelf     = 0
	beyond     = 2
	autoTopUps = 6 // turns up to here
	repeatTurn = 3 // of every five turns
)

// planTopUps fills every wallet once; one in ten requests is sent twice.
func planTopUps(random *rand.Rand, members int) []move {
	var plan []move
	for i := range members {
		m := move{kind: topUp, from: i, amount: between(random, leastTopUp, mostTopUp), key: len(plan)}
		plan = append(plan, m)
		if i%10 == 0 {
			plan = append(plan, again(m))
		}
	}
	return plan
}

// planMoves mixes remittances with a withdrawal for every second member. One in five is
// sent twice: at the same time as its repeat, or some time before.
func planMoves(random *rand.Rand, members, remittances int) []move {
	var plan []move
	for i := range remittances {
		m := planRemittance(random, members, i%turns)
		m.key = i
		plan = append(plan, m)
	}
	for i := 0; i < members; i += 2 {
		plan = append(plan, move{kind: withdrawal, from: i, amount: between(random, leastWithdrawal, mostWithdrawal), key: remittances + i})
	}
	random.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	return withRepeats(random, plan)
}

func planRemittance(random *rand.Rand, members, turn int) move {
	m := move{kind: remittance, from: random.IntN(members)}
	m.to = other(random, members, m.from)
	switch {
	case turn == toSelf:
		m.to, m.amount = m.from, between(random, 1, mostRemittance)
	case turn <= beyond:
		m.amount = between(random, leastBeyond, mostBeyond)
	case turn <= autoTopUps:
		m.auto, m.amount = true, between(random, mostRemittance, mostAuto)
	default:
		m.amount = between(random, 1, mostRemittance)
	}
	return m
}

// withRepeats puts a repeat behind some moves: right behind, or at the end of the plan.
func withRepeats(random *rand.Rand, moves []move) []move {
	var plan, late []move
	for _, m := range moves {
		plan = append(plan, m)
		switch {
		case m.key%5 != repeatTurn:
		case random.IntN(2) == 0:
			plan = append(plan, again(m))
		default:
			late = append(late, again(m))
		}
	}
	return append(plan, late...)
}

func again(m move) move {
	m.repeat = true
	return m
}

func other(random *rand.Rand, members, but int) int {
	return (but + 1 + random.IntN(members-1)) % members
}

func between(random *rand.Rand, least, most int64) int64 {
	return least + random.Int64N(most-least+1)
}
