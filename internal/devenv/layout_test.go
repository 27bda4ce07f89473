package devenv

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASecondUpOnTheSameDataIsRefused(t *testing.T) {
	l := layout(t)
	release, err := l.Lock()
	require.NoError(t, err)
	_, err = l.Lock()
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, string(l))
	release()
	release, err = l.Lock()
	require.NoError(t, err)
	release()
}

func TestAFolderThatIsNotOursIsRefused(t *testing.T) {
	dir := t.TempDir()
	photo := filepath.Join(dir, "photo.jpg")
	require.NoError(t, os.WriteFile(photo, nil, 0o600))
	_, err := NewLayout(dir)
	require.ErrorContains(t, err, "not a Durapay data folder")
	require.FileExists(t, photo)
}

func TestResetKeepsTheFolderAndItsLock(t *testing.T) {
	l := layout(t)
	release, err := l.Lock()
	require.NoError(t, err)
	defer release()
	require.NoError(t, os.WriteFile(l.SecretsFile(), nil, 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(l.MariaDB(), "mysql"), 0o700))
	require.NoError(t, l.Reset())
	require.NoFileExists(t, l.SecretsFile())
	require.NoDirExists(t, l.MariaDB())
	_, err = NewLayout(string(l))
	require.NoError(t, err)
	_, err = l.Lock()
	require.ErrorIs(t, err, ErrLocked)
}

func TestLogsOfTheRunBeforeAreKept(t *testing.T) {
	l := layout(t)
	log := filepath.Join(l.Log(), "bank.log")
	require.NoError(t, os.WriteFile(log, []byte("first"), 0o600))
	require.NoError(t, l.RotateLogs())
	require.NoFileExists(t, log)
	kept, err := os.ReadFile(log + ".1")
	require.NoError(t, err)
	require.Equal(t, "first", string(kept))
}

func TestAFullDiskIsRefused(t *testing.T) {
	l := layout(t)
	require.NoError(t, l.CheckSpace(1))
	require.ErrorContains(t, l.CheckSpace(1<<62), "MiB free")
}

func TestALongDataFolderGetsAShortSocket(t *testing.T) {
	l := Layout("/" + strings.Repeat("long/", 30))
	require.Less(t, len(l.Socket("mariadb")), maxSocketPath)
	require.NotEqual(t, l.Socket("mariadb"), Layout("/"+strings.Repeat("other/", 30)).Socket("mariadb"))
}

func TestABusyPortIsNamed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	busy := listener.Addr().(*net.TCPAddr).Port
	err = CheckPorts([]Port{{"the gateway", busy}})
	require.ErrorContains(t, err, strconv.Itoa(busy))
	require.ErrorContains(t, err, "the gateway")
	free, err := FreePort()
	require.NoError(t, err)
	require.NoError(t, CheckPorts([]Port{{"the gateway", free}}))
}

func TestPortsFollowTheBase(t *testing.T) {
	standard, err := choosePorts(DefaultBasePort)
	require.NoError(t, err)
	require.Equal(t, ports{gateway: 8080, bank: 8090, mariadb: 8093, temporal: 7233, temporalUI: 8233}, standard)
	other, err := choosePorts(9000)
	require.NoError(t, err)
	require.Equal(t, ports{gateway: 9000, bank: 9010, mariadb: 9013, temporal: 9011, temporalUI: 9012}, other)
	for _, base := range []int{-1, 80, 65530, 70000} {
		_, err := choosePorts(base)
		require.ErrorContains(t, err, "--base-port")
	}
}
