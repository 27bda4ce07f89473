package membership

import (
	"testing"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/require"
)

// An unknown e-mail is compared with a hash of nobody's: it has to cost the same work as
// a member's, and to match no password.
func TestNobodysHashCostsWhatAMembersDoes(t *testing.T) {
	for _, params := range []argon2id.Params{defaultArgon2, {Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}} {
		h := newHasher(params)
		members, err := h.hash(t.Context(), "correct-horse-battery")
		require.NoError(t, err)
		work, salt, key, err := argon2id.DecodeHash(members)
		require.NoError(t, err)
		nobodysWork, nobodysSalt, nobodysKey, err := argon2id.DecodeHash(h.nobody)
		require.NoError(t, err)
		require.Equal(t, work, nobodysWork)
		require.Len(t, nobodysSalt, len(salt))
		require.Len(t, nobodysKey, len(key))
		for _, password := range []string{"", "correct-horse-battery"} {
			match, err := h.compare(password, h.nobody)
			require.NoError(t, err, "a hash that cannot be read costs nothing")
			require.False(t, match)
		}
	}
}
