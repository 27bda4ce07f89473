package secret

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func key(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, KeyLen)) }

func TestSealedTextOpensOnlyWhereItBelongs(t *testing.T) {
	ring, err := ParseKeyRing("k1:" + key(1))
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		sealed, err := ring.Seal(plain, "members.email/mem_1")
		require.NoError(t, err)
		opened, err := ring.Open(sealed, "members.email/mem_1")
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, opened))

		_, err = ring.Open(sealed, "members.email/mem_2")
		require.ErrorIs(t, err, ErrSealed)
		i := rapid.IntRange(0, len(sealed)-1).Draw(t, "flip")
		sealed[i] ^= 1
		_, err = ring.Open(sealed, "members.email/mem_1")
		require.ErrorIs(t, err, ErrSealed)
		_, err = ring.Open(sealed[:i], "members.email/mem_1")
		require.ErrorIs(t, err, ErrSealed)
	})
}

func TestRotationKeepsOldTextsReadable(t *testing.T) {
	old, err := ParseKeyRing("k1:" + key(1))
	require.NoError(t, err)
	sealed, err := old.Seal([]byte("두라"), "x")
	require.NoError(t, err)
	rotated, err := ParseKeyRing("k2:" + key(2) + ",k1:" + key(1))
	require.NoError(t, err)
	require.Equal(t, "k2", rotated.CurrentKeyID())
	opened, err := rotated.Open(sealed, "x")
	require.NoError(t, err)
	require.Equal(t, "두라", string(opened))
	fresh, err := ParseKeyRing("k2:" + key(2))
	require.NoError(t, err)
	_, err = fresh.Open(sealed, "x")
	require.ErrorIs(t, err, ErrSealed)
}

func TestParseKeyRingRefuses(t *testing.T) {
	for _, s := range []string{"", "k1", ":" + key(1), "k1:short", "k1:" + base64.StdEncoding.EncodeToString([]byte("short")), "k1:" + key(1) + ",k1:" + key(2)} {
		_, err := ParseKeyRing(s)
		require.Error(t, err, s)
	}
}

func TestIndexSeparatesDomainsAndKeys(t *testing.T) {
	x, err := NewIndexer(bytes.Repeat([]byte{1}, KeyLen))
	require.NoError(t, err)
	y, err := NewIndexer(bytes.Repeat([]byte{2}, KeyLen))
	require.NoError(t, err)
	require.Equal(t, x.Index("a", "v"), x.Index("a", "v"))
	require.NotEqual(t, x.Index("a", "v"), x.Index("b", "v"))
	require.NotEqual(t, x.Index("a", "v"), y.Index("a", "v"))
}
