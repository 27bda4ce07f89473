package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/audit"
	"durapay/internal/config"
)

func TestTheAuditAdoptsThePlatformOfAFolder(t *testing.T) {
	data := t.TempDir()
	for _, name := range []string{config.MySQLAddress, config.MySQLUser, config.MySQLPassword, config.BankURL} {
		t.Setenv(name, "")
	}
	require.ErrorContains(t, adoptPlatform(data), "no platform runs in")
	require.NoError(t, os.Mkdir(filepath.Join(data, "run"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(data, "run", "platform.env"), []byte("DURAPAY_MYSQL_ADDRESS=here:1\nDURAPAY_BANK_URL=http://here\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(data, "secrets.env"), []byte("DURAPAY_MYSQL_PASSWORD=word\n"), 0o600))

	t.Setenv(config.BankURL, "http://elsewhere")
	require.NoError(t, adoptPlatform(data))
	require.Equal(t, "here:1", os.Getenv(config.MySQLAddress))
	require.Equal(t, "word", os.Getenv(config.MySQLPassword))
	require.Equal(t, "http://elsewhere", os.Getenv(config.BankURL), "the environment goes first")
}

func TestTheAuditDoesNotMixTwoPlatforms(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv(config.MySQLAddress, "production:3306")
	t.Setenv(config.BankURL, "")
	require.NoError(t, adoptPlatform(""))
	require.Empty(t, os.Getenv(config.BankURL))
}

func TestAFailedAuditHasToldItAlready(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, writeReport(&b, audit.Report{}, false))
	failed := audit.Report{Invariants: []audit.Invariant{{ID: "I2", Name: "balances", Verdict: audit.Broken}}}
	require.ErrorIs(t, writeReport(&b, failed, false), errTold)
	require.Contains(t, b.String(), "\naudit FAILED: I2\n")
	b.Reset()
	require.ErrorIs(t, writeReport(&b, failed, true), errTold)
	require.Contains(t, b.String(), `"passed": false`)
}
