package moneyquery

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/services/money/ledger"
)

func TestSumsAreExactOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		want := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		got, err := plus(a, b)
		require.Equal(t, want.IsInt64(), err == nil)
		if err == nil {
			require.Equal(t, want.Int64(), got)
		}
	})
}

func TestASumThatDoesNotFitChangesNothing(t *testing.T) {
	p := piece{lines: []JournalLine{{Seq: 9, AccountID: ledger.WalletAccount("a"), Amount: 1, Kind: ledger.TopUp}}}
	_, err := fold(p, []Member{{ID: "a", Region: "SEOUL", Balance: math.MaxInt64}}, map[string]Total{})
	require.ErrorIs(t, err, errOverflow)
	require.ErrorContains(t, err, "posting 9")
	_, err = fold(p, []Member{{ID: "a", Region: "SEOUL"}}, map[string]Total{"SEOUL": {Members: 1, Balance: math.MaxInt64}})
	require.ErrorIs(t, err, errOverflow)
}

func TestOnlyCreditsOfTopUpsAreInflow(t *testing.T) {
	for want, l := range map[int64]JournalLine{
		7: {Kind: ledger.TopUp, Amount: 7},
		0: {Kind: ledger.TopUp, Amount: -7},
	} {
		require.Equal(t, want, l.inflow())
	}
	for _, kind := range []ledger.Kind{ledger.Remittance, ledger.Deposit, ledger.BankReturn, ledger.PaymentCancel, ledger.Correction} {
		require.Zero(t, JournalLine{Kind: kind, Amount: 7}.inflow())
	}
}

func TestBackOffGrowsToItsBound(t *testing.T) {
	require.Equal(t, time.Second, backOff(500*time.Millisecond, 1))
	require.Equal(t, 4*time.Second, backOff(500*time.Millisecond, 3))
	require.Equal(t, longestPause, backOff(500*time.Millisecond, 1000))
	require.Equal(t, longestPause, backOff(time.Hour, 1))
}
