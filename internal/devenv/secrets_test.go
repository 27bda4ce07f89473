package devenv

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func none(string) string { return "" }

func TestSecretsAreDrawnOnce(t *testing.T) {
	l := layout(t)
	first, err := LoadSecrets(l, none)
	require.NoError(t, err)
	second, err := LoadSecrets(l, none)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Len(t, first, len(drawn()))

	info, err := os.Stat(l.SecretsFile())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	other, err := LoadSecrets(layout(t), none)
	require.NoError(t, err)
	for name := range first {
		require.NotEqual(t, first[name], other[name], name)
	}
}

func TestKeysAreRandomBytesOfTheirLength(t *testing.T) {
	all, err := LoadSecrets(layout(t), none)
	require.NoError(t, err)
	for _, name := range []string{"DURAPAY_PII_KEYS", "DURAPAY_CODEC_KEYS", "DURAPAY_TOKEN_KEYS", "DURAPAY_INDEX_KEY"} {
		encoded := strings.TrimPrefix(all[name], "dev1:")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		require.NoError(t, err, name)
		require.Len(t, raw, keyBytes, name)
	}
}

func TestTheEnvironmentWinsAndIsNotStored(t *testing.T) {
	l := layout(t)
	all, err := LoadSecrets(l, func(name string) string {
		if name == "DURAPAY_OPERATOR_PASSWORD" {
			return "from outside"
		}
		return ""
	})
	require.NoError(t, err)
	require.Equal(t, "from outside", all["DURAPAY_OPERATOR_PASSWORD"])
	stored, err := os.ReadFile(l.SecretsFile())
	require.NoError(t, err)
	require.NotContains(t, string(stored), "from outside")
}

func TestLostSecretsAreNotDrawnAnew(t *testing.T) {
	l := layout(t)
	require.NoError(t, os.MkdirAll(l.MariaDB(), 0o700))
	_, err := LoadSecrets(l, none)
	require.ErrorContains(t, err, "secrets.env is missing")
}
