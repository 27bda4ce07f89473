package demo

import (
	"math/rand/v2"
)

// move is one money request of the plan. People and franchises go by their position,
// amounts are in won.
type move struct {
	kind     kind
	day      int
	from, to int // to is the receiver of a remittance or a payment, and the franchise of a cancel
	amount   int64
	auto     bool // may top up
	key      int  // equal for a request and its repeat
	repeat   bool
	wrong    bool   // a remittance to a bank under a name that is not the holder's
	order    int    // of a payment; that of another payment is refused
	payment  string // which a cancel gives back; amount 0 is all that is left
	operator bool   // a cancel by an operator, not by the franchise
	late     bool   // a cancel of a payment that is settled
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
	mostPayment     = 30_000
	mostSmall       = 300
	largestPayment  = 2_000_000
)

// A remittance's turn decides what it shows; every twentyth turn it is the same again.
const (
	turns      = 20
	toSelf     = 0
	beyond     = 2
	autoTopUps = 6 // turns up to here
	toBanks    = 9
	wrongName  = 10
	repeatTurn = 3 // of every seven keys: in time, everything is sent twice
	perRepeat  = 7
)

// A payment's turn decides what it shows, too.
const (
	payBeyond = 1 // turns up to here
	payAuto   = 4
	sameOrder = 5 // as the payment before

	smallTurns = 16 // from here on
)

// cast is who takes part.
type cast struct{ members, payees, franchises int }

// script is what a run plays.
type script struct {
	cast
	days, remittances, payments int
}

// share gives the part of n that falls on a day: from, and how many.
func (s script) share(n, day int) (first, count int) {
	first = n * day / s.days
	return first, n*(day+1)/s.days - first
}

// planTopUps fills every wallet once a day; one in ten requests is sent twice.
func (s script) planTopUps(random *rand.Rand, day int) []move {
	var plan []move
	for i := range s.members {
		m := move{kind: topUp, day: day, from: i, amount: between(random, leastTopUp, mostTopUp), key: day*s.members + i}
		plan = append(plan, m)
		if i%10 == 0 {
			plan = append(plan, again(m))
		}
	}
	return plan
}

// planMoves mixes remittances, payments, and a withdrawal for every second member. One in
// seven is sent twice: at the same time as its repeat, or some time before.
func (s script) planMoves(random *rand.Rand, day int) []move {
	var plan []move
	first, count := s.share(s.remittances, day)
	for key := first; key < first+count; key++ {
		plan = append(plan, s.planRemittance(random, day, key))
	}
	for i := 0; i < s.members; i += 2 {
		plan = append(plan, move{kind: withdrawal, day: day, from: i, amount: between(random, leastWithdrawal, mostWithdrawal), key: day*s.members + i})
	}
	first, count = s.share(s.payments, day)
	for key := first; key < first+count; key++ {
		plan = append(plan, s.planPayment(random, day, key, plan))
	}
	random.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	return withRepeats(random, plan)
}

func (s script) planRemittance(random *rand.Rand, day, key int) move {
	m := move{kind: remittance, day: day, key: key, from: random.IntN(s.members)}
	m.to = other(random, s.members, m.from)
	switch turn := key % turns; {
	case turn == toSelf:
		m.to, m.amount = m.from, between(random, 1, mostRemittance)
	case turn <= beyond:
		m.amount = between(random, leastBeyond, mostBeyond)
	case turn <= autoTopUps:
		m.auto, m.amount = true, between(random, mostRemittance, mostAuto)
	case turn <= wrongName:
		m.kind, m.to, m.wrong = toBank, random.IntN(s.payees), turn > toBanks
		m.amount = between(random, 1, mostRemittance)
	default:
		m.amount = between(random, 1, mostRemittance)
	}
	return m
}

// restful is the franchise that sells next to nothing on every third day, beginning with
// the second, and takes back all that it has sold before: it then owes more than it is
// owed.
const restful = 1

func rests(franchise, day int) bool { return franchise == restful && day%3 == 1 }

func (s script) planPayment(random *rand.Rand, day, key int, before []move) move {
	m := move{kind: payment, day: day, key: key, order: key, from: random.IntN(s.members), to: random.IntN(s.franchises)}
	turn := key % turns
	if rests(m.to, day) && turn < smallTurns {
		m.to = other(random, s.franchises, m.to)
	}
	switch {
	case turn >= smallTurns:
		m.amount = between(random, 1, mostSmall)
	case turn <= payBeyond:
		m.amount = between(random, leastBeyond, largestPayment)
	case turn <= payAuto:
		m.auto, m.amount = true, between(random, mostPayment, mostAuto)
	default:
		m.amount = between(random, 1, mostPayment)
	}
	if n := len(before); turn == sameOrder && n > 0 && before[n-1].kind == payment {
		m.to, m.order = before[n-1].to, before[n-1].order
	}
	return m
}

// sold is an approved payment, and what of it nobody has asked back yet, in won.
type sold struct {
	id       string
	from, to int
	left     int64
}

// A payment's turn decides how it is cancelled on its own day: one in five is.
const (
	cancelFully  = 0
	cancelPartly = 5
	cancelTwice  = 10
	cancelBeyond = 15
	cancelLate   = 10 // of so many settled payments, one is given back in full and one in part
)

// planCancels gives some of a day's payments back, the franchise and an operator in turn.
func planCancels(random *rand.Rand, day, firstKey int, payments []*sold) []move {
	p := canceller{random: random, day: day, key: firstKey}
	for i, s := range payments {
		switch i % turns {
		case cancelFully:
			p.rest(s)
		case cancelPartly:
			p.part(s)
		case cancelTwice:
			p.part(s)
			p.part(s)
		case cancelBeyond:
			p.add(s, s.left+1)
		}
	}
	return withRepeats(random, p.plan)
}

// planLateCancels gives some payments back that are settled already, and all of those to
// a franchise that rests.
func planLateCancels(random *rand.Rand, day, firstKey int, payments []*sold) []move {
	p := canceller{random: random, day: day, key: firstKey, late: true}
	for i, s := range payments {
		switch {
		case rests(s.to, day) || i%cancelLate == cancelFully:
			p.rest(s)
		case i%cancelLate == cancelPartly:
			p.part(s)
		}
	}
	return withRepeats(random, p.plan)
}

// canceller plans cancels.
type canceller struct {
	random   *rand.Rand
	day, key int
	late     bool
	plan     []move
}

func (p *canceller) add(s *sold, amount int64) {
	p.plan = append(p.plan, move{kind: cancel, day: p.day, key: p.key, from: s.from, to: s.to, payment: s.id, amount: amount,
		operator: p.key%2 == 0, late: p.late})
	p.key++
}

// rest asks all back that is left.
func (p *canceller) rest(s *sold) {
	if s.left > 0 {
		s.left = 0
		p.add(s, 0)
	}
}

// part asks some of it back, and leaves some.
func (p *canceller) part(s *sold) {
	if s.left > 1 {
		amount := between(p.random, 1, s.left-1)
		s.left -= amount
		p.add(s, amount)
	}
}

// withRepeats puts a repeat behind some moves: right behind, or at the end of the plan.
func withRepeats(random *rand.Rand, moves []move) []move {
	var plan, late []move
	for _, m := range moves {
		plan = append(plan, m)
		switch {
		case m.key%perRepeat != repeatTurn:
		case random.IntN(2) == 0:
			plan = append(plan, again(m))
		default:
			late = append(late, again(m))
		}
	}
	return append(plan, late...)
}

// mix puts two plans together; each keeps its order.
func mix(random *rand.Rand, one, two []move) []move {
	plan := make([]move, 0, len(one)+len(two))
	for len(one)+len(two) > 0 {
		if random.IntN(len(one)+len(two)) < len(one) {
			plan, one = append(plan, one[0]), one[1:]
		} else {
			plan, two = append(plan, two[0]), two[1:]
		}
	}
	return plan
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
