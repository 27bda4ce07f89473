package id

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNewIsValid(t *testing.T) {
	a, b := New(Member), New(Member)
	require.NotEqual(t, a, b)
	require.True(t, Valid(Member, a))
	require.False(t, Valid(TopUp, a))
	require.Equal(t, Member, Prefix(a))
}

func TestDeriveIsStableAndInjectiveOnParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		require.Equal(t, Derive(TopUp, a, b), Derive(TopUp, a, b))
		require.True(t, Valid(TopUp, Derive(TopUp, a, b)))
		if b != "" {
			require.NotEqual(t, Derive(TopUp, a, b), Derive(TopUp, a+b, ""))
		}
		require.NotEqual(t, Derive(TopUp, a, b)[4:], Derive(Remittance, a, b)[4:])
	})
}

func TestValidRefuses(t *testing.T) {
	good := Derive(Member, "x")
	for _, s := range []string{"", "mem", "mem_", good + "0", good[:len(good)-1], "mem_" + "ILOU" + good[8:], "MEM" + good[3:], good[:4] + "abcdefghjkmnpqrstvwxyz0123"} {
		require.False(t, Valid(Member, s), s)
	}
}
