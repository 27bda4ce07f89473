package demo

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPlanShowsEverythingAndStaysInBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members, remittances := rapid.IntRange(2, 40).Draw(t, "members"), rapid.IntRange(20, 200).Draw(t, "remittances")
		seed := rapid.Uint64().Draw(t, "seed")
		plan := planMoves(rand.New(rand.NewPCG(seed, 0)), members, remittances)
		require.Equal(t, plan, planMoves(rand.New(rand.NewPCG(seed, 0)), members, remittances), "the same seed is the same plan")
		var self, auto, over, repeats, firsts int
		named := map[request]move{}
		for _, m := range plan {
			require.Positive(t, m.amount)
			require.True(t, m.from >= 0 && m.from < members && m.to >= 0 && m.to < members)
			name := request{m.kind, m.key}
			if m.repeat {
				repeats++
				m.repeat = false
				require.Equal(t, named[name], m, "a repeat comes after the same request")
				continue
			}
			require.NotContains(t, named, name, "every request has a key of its own")
			named[name] = m
			if m.kind != remittance {
				continue
			}
			firsts++
			if m.from == m.to {
				self++
			}
			if m.auto {
				auto++
			}
			if m.amount >= leastBeyond {
				over++
			}
		}
		require.Equal(t, remittances, firsts)
		for _, n := range []int{self, auto, over, repeats} {
			require.Positive(t, n)
		}
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
	one := operation{samples: o.samples[:1]}
	require.Equal(t, one.percentile(50), one.percentile(99))
}

func TestAmountsAreGrouped(t *testing.T) {
	for amount, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 100000: "100,000"} {
		require.Equal(t, want, grouped(amount))
	}
}
