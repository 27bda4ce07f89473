package devenv

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/internal/config"
	"durapay/internal/mysqlx"
)

func TestOtherCommandsFindThePlatform(t *testing.T) {
	dir, err := NewLayout(t.TempDir())
	require.NoError(t, err)
	_, err = PlatformEnviron(string(dir))
	require.ErrorContains(t, err, "no platform runs in "+string(dir))

	secrets, err := LoadSecrets(dir, func(string) string { return "" })
	require.NoError(t, err)
	u := &up{dir: dir, ports: ports{gateway: 1, bank: 2}, db: mysqlx.Config{Address: "127.0.0.1:3", User: "durapay"}, secrets: secrets,
		prefix: "durapay_", temporal: "127.0.0.1:4"}
	require.NoError(t, u.writePlatformFile())
	settings, err := PlatformEnviron(string(dir))
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:3", settings[config.MySQLAddress])
	require.Equal(t, "http://127.0.0.1:2", settings[config.BankURL])
	require.Equal(t, "127.0.0.1:4", settings[config.TemporalAddress])
	require.Equal(t, secrets[config.MySQLPassword], settings[config.MySQLPassword])

	content, err := os.ReadFile(dir.platformFile())
	require.NoError(t, err)
	for name, value := range secrets {
		require.NotContains(t, string(content), value, name)
	}
	info, err := os.Stat(dir.platformFile())
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())

	u.removePlatformFile()
	_, err = PlatformEnviron(string(dir))
	require.Error(t, err)
}
