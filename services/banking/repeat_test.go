package banking

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A flow that looks the account up again may find another one: the stored transfer stands.
// What somebody has asked for has to be the same.
func TestARepeatedOrderIsTheSame(t *testing.T) {
	payout := FirmbankingRow{Direction: Credit, Amount: 10, NumberIndex: []byte("before")}
	moved := payout
	moved.NumberIndex = []byte("after")
	require.True(t, payout.sameAs(moved), "a franchise's account has changed since")
	for name, change := range map[string]func(*FirmbankingRow){
		"a member's":    func(r *FirmbankingRow) { r.MembershipID = "mem_1" },
		"an operator's": func(r *FirmbankingRow) { r.Fingerprint = "f" },
		"a linked one":  func(r *FirmbankingRow) { r.BankAccountID = "acc_1" },
	} {
		first, again := payout, moved
		change(&first)
		change(&again)
		require.False(t, first.sameAs(again), name)
	}
	other := payout
	other.Amount = 11
	require.False(t, payout.sameAs(other))
}
