package crash

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireRefused runs a command that has to end by itself with exit code 1, nothing on
// its standard output and one line on its standard error.
func requireRefused(t *testing.T, cmd *exec.Cmd, because string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode(), stderr.String())
	require.Empty(t, stdout.String())
	require.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
	require.True(t, strings.HasPrefix(stderr.String(), "durapay: "), stderr.String())
	require.Contains(t, stderr.String(), because)
}

func TestAStartThatCannotBeSaysWhyInOneLine(t *testing.T) {
	t.Run("a port is busy", func(t *testing.T) {
		for offset, owner := range map[int]string{0: "the gateway", 10: "the bank", 13: "MariaDB", 11: "Temporal", 12: "the Temporal Web UI"} {
			busy, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			port := busy.Addr().(*net.TCPAddr).Port
			data := t.TempDir() + "/data"
			// Another of its ports may be busy by chance; then that one is told.
			requireRefused(t, command("up", "--data", data, "--base-port", fmt.Sprint(port-offset)), " is in use: stop what uses it, or choose others with --base-port")
			require.NoDirExists(t, filepath.Join(data, "mariadb"), owner)
			require.Empty(t, processesOf(data))
			require.NoError(t, busy.Close())
		}
	})
	t.Run("the data folder is not ours to write", func(t *testing.T) {
		dir := foreignFolder(t)
		data := dir + "/data"
		requireRefused(t, asSomebody(t, command("up", "--data", data, "--base-port", "9400")), "data folder: mkdir "+data+": permission denied")
		require.Empty(t, processesOf(dir))
	})
	t.Run("the data folder is not ours to read", func(t *testing.T) {
		dir := foreignFolder(t)
		require.NoError(t, os.Chmod(dir, 0o700))
		if os.Geteuid() != 0 {
			require.NoError(t, os.Chmod(dir, 0))
		}
		requireRefused(t, asSomebody(t, command("up", "--data", dir, "--base-port", "9400")), "data folder: open "+dir+": permission denied")
		require.Empty(t, processesOf(dir))
	})
	t.Run("the data folder is a file", func(t *testing.T) {
		file := t.TempDir() + "/file"
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		requireRefused(t, command("up", "--data", file, "--base-port", "9400"), "data folder: ")
	})
	t.Run("the data folder holds something else", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(dir+"/letter", nil, 0o600))
		requireRefused(t, command("up", "--data", dir, "--base-port", "9400", "--reset"), dir+" is not a Durapay data folder and is not empty")
		require.FileExists(t, dir+"/letter")
	})
	t.Run("a port that is none", func(t *testing.T) {
		requireRefused(t, command("up", "--data", t.TempDir()+"/data", "--base-port", "80"), "--base-port 80: choose one from 1024 to 65522")
	})
}

// foreignFolder makes a folder that everybody may look into and that the somebody of
// asSomebody may not write.
func foreignFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(os.Getenv(binaryVariable)), "foreign-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o555))
	return dir
}

// nobody is a user that owns nothing.
const nobody = 65534

// asSomebody runs a command without the powers of the administrator, whom no permission
// keeps from anything.
func asSomebody(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		return cmd
	}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}
