package payment

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestFee(t *testing.T) {
	for _, c := range []struct {
		amount   int64
		rate     int
		fee, vat int64
	}{
		{1, 0, 0, 0},
		{1, 9_999, 0, 0},
		{1, 10_000, 1, 0},
		{56, 176, 0, 0},
		{57, 176, 1, 0},
		{10_000, 176, 176, 17},
		{9_999, 176, 175, 17},
		{2_000_000, 176, 35_200, 3_520},
		{MaxStored, 10_000, MaxStored, MaxStored / 10},
		{MaxStored - 1, 9_999, 999_899_999_999_999, 99_989_999_999_999},
	} {
		fee := Fee(c.amount, c.rate)
		require.Equal(t, c.fee, fee, c)
		require.Equal(t, c.vat, VAT(fee), c)
	}
}

func TestFeeIsThatOfExactArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount, rate := rapid.Int64Range(0, MaxStored).Draw(t, "amount"), rapid.IntRange(0, MaxFeeBasisPoints).Draw(t, "rate")
		want := new(big.Int).Mul(big.NewInt(amount), big.NewInt(int64(rate)))
		want.Div(want, big.NewInt(10_000))
		require.Equal(t, want.Int64(), Fee(amount, rate))
		want.Mul(want, big.NewInt(10)).Div(want, big.NewInt(100))
		require.Equal(t, want.Int64(), VAT(Fee(amount, rate)))
	})
}

// However a payment is cancelled, what its cancels give back is never negative, never
// more than was taken, and all of it in the end.
func TestCancelsGiveBackExactlyTheFee(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount, rate := rapid.Int64Range(1, MaxStored).Draw(t, "amount"), rapid.IntRange(0, MaxFeeBasisPoints).Draw(t, "rate")
		left, fee, vat := amount, int64(0), int64(0)
		for left > 0 {
			part := rapid.Int64Range(max(1, left/100), left).Draw(t, "part")
			f, v := giveBack(left, left-part, rate)
			require.GreaterOrEqual(t, f, int64(0))
			require.LessOrEqual(t, f, part)
			require.GreaterOrEqual(t, v, int64(0))
			require.LessOrEqual(t, v, f+1)
			left, fee, vat = left-part, fee+f, vat+v
			require.LessOrEqual(t, fee, Fee(amount, rate))
			require.LessOrEqual(t, vat, VAT(Fee(amount, rate)))
		}
		require.Equal(t, Fee(amount, rate), fee)
		require.Equal(t, VAT(Fee(amount, rate)), vat)
	})
}
