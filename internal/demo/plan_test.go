package demo

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPlanShowsEverythingAndStaysInBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := script{cast: cast{rapid.IntRange(2, 40).Draw(t, "members"), rapid.IntRange(1, 5).Draw(t, "payees"), rapid.IntRange(1, 5).Draw(t, "franchises")},
			days: rapid.IntRange(1, 4).Draw(t, "days"), remittances: rapid.IntRange(20, 200).Draw(t, "remittances"), payments: rapid.IntRange(20, 200).Draw(t, "payments")}
		seed := rapid.Uint64().Draw(t, "seed")
		var seen shown
		named := map[request]move{}
		for day := range s.days {
			plan := s.planMoves(rand.New(rand.NewPCG(seed, 0)), day)
			require.Equal(t, plan, s.planMoves(rand.New(rand.NewPCG(seed, 0)), day), "the same seed is the same plan")
			for _, m := range plan {
				s.check(t, m)
				requireNamed(t, named, m)
				seen.count(m)
			}
		}
		require.Equal(t, s.remittances, seen.kinds[remittance]+seen.kinds[toBank])
		require.Equal(t, s.payments, seen.kinds[payment])
		for _, n := range []int{seen.self, seen.auto, seen.over, seen.repeats, seen.wrong, seen.kinds[toBank], seen.kinds[withdrawal]} {
			require.Positive(t, n)
		}
	})
}

// shown counts what a plan shows.
type shown struct {
	kinds                            map[kind]int
	self, auto, over, repeats, wrong int
}

func (s *shown) count(m move) {
	if s.kinds == nil {
		s.kinds = map[kind]int{}
	}
	for _, c := range []struct {
		is  bool
		sum *int
	}{{m.repeat, &s.repeats}, {m.kind == remittance && m.from == m.to, &s.self}, {m.auto, &s.auto}, {m.amount >= leastBeyond, &s.over}, {m.wrong, &s.wrong}} {
		if c.is {
			*c.sum++
		}
	}
	if !m.repeat {
		s.kinds[m.kind]++
	}
}

// check looks at one move of a plan.
func (s script) check(t *rapid.T, m move) {
	require.Positive(t, m.amount)
	require.True(t, m.from >= 0 && m.from < s.members)
	receivers := map[kind]int{remittance: s.members, toBank: s.payees, payment: s.franchises, withdrawal: 1}[m.kind]
	require.True(t, m.to >= 0 && m.to < receivers)
	require.False(t, m.kind == payment && rests(m.to, m.day) && m.amount > mostSmall, "little is paid to a franchise that rests")
}

func requireNamed(t *rapid.T, named map[request]move, m move) {
	name := request{m.kind, m.key}
	if m.repeat {
		m.repeat = false
		require.Equal(t, named[name], m, "a repeat comes after the same request")
		return
	}
	require.NotContains(t, named, name, "every request has a key of its own")
	named[name] = m
}

func TestCancelsAskForNoMoreThanThereIsButWhereTheyShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.SliceOfN(rapid.Int64Range(1, 1_000), 20, 60).Draw(t, "amounts")
		sales, left := make([]*sold, len(amounts)), map[string]int64{}
		for i, amount := range amounts {
			sales[i] = &sold{id: fmt.Sprint(i), to: rapid.IntRange(0, 2).Draw(t, "franchise"), left: amount}
			left[sales[i].id] = amount
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		cancels := planCancels(random, 0, 0, sales)
		late := planLateCancels(random, 1, len(cancels), sales)
		named := map[request]move{}
		var full, beyond int
		for _, m := range mix(random, cancels, late) {
			requireNamed(t, named, m)
		}
		for _, m := range named {
			switch {
			case m.amount == 0:
				full++
			case m.amount > amounts[0] && m.amount > left[m.payment]:
				beyond++
			default:
				left[m.payment] -= m.amount
				require.True(t, m.late || left[m.payment] >= 0 || m.amount > 0)
			}
		}
		require.Positive(t, full)
		for _, s := range sales {
			require.False(t, rests(s.to, 1) && s.left > 0, "who rests takes all back")
		}
	})
}

func TestMixKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var one, two []move
		for i := range rapid.IntRange(0, 20).Draw(t, "one") {
			one = append(one, move{kind: payment, key: i})
		}
		for i := range rapid.IntRange(0, 20).Draw(t, "two") {
			two = append(two, move{kind: cancel, key: i})
		}
		mixed := mix(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), one, two)
		of := func(k kind) []move {
			var found []move
			for _, m := range mixed {
				if m.kind == k {
					found = append(found, m)
				}
			}
			return found
		}
		require.Equal(t, one, of(payment))
		require.Equal(t, two, of(cancel))
		require.Len(t, mixed, len(one)+len(two))
	})
}

func TestFiguresOfAnOperation(t *testing.T) {
	o := operation{}
	began := time.Unix(0, 0)
	for i := range 100 {
		o.samples = append(o.samples, sample{began: began, ended: began.Add(time.Duration(100-i) * time.Millisecond), result: succeeded})
	}
	require.Equal(t, 50*time.Millisecond, o.percentile(50))
	require.Equal(t, 99*time.Millisecond, o.percentile(99))
	require.Equal(t, 100*time.Millisecond, o.percentile(100))
	require.InDelta(t, 1000, o.perSecond(), 0.1)
	o.samples = append(o.samples, sample{began: began.Add(time.Hour), ended: began.Add(time.Hour + 101*time.Millisecond)}) // the pause between does not count
	require.InDelta(t, 502.5, o.perSecond(), 0.1)
	one := operation{samples: o.samples[:1]}
	require.Equal(t, one.percentile(50), one.percentile(99))
}

func TestAmountsAreGrouped(t *testing.T) {
	for amount, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 100000: "100,000"} {
		require.Equal(t, want, grouped(amount))
	}
}
