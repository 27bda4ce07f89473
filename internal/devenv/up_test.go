package devenv

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// run is an up in a process of its own.
type run struct {
	cmd    *exec.Cmd
	output string // file
	ended  chan error
}

func startUp(t *testing.T, data string, base int) *run {
	t.Helper()
	r := &run{cmd: exec.Command(os.Args[0], "up", data, fmt.Sprint(base)), ended: make(chan error, 1)}
	r.cmd.Env = foreignEnviron() // no server of the developer's
	output, err := os.CreateTemp(t.TempDir(), "up")
	require.NoError(t, err)
	defer output.Close()
	r.output = output.Name()
	r.cmd.Stdout, r.cmd.Stderr = output, output
	require.NoError(t, Spawn(r.cmd, syscall.SIGTERM))
	go func() { r.ended <- r.cmd.Wait() }()
	t.Cleanup(func() { _ = r.cmd.Process.Signal(syscall.SIGTERM) })
	return r
}

func (r *run) text() string {
	content, err := os.ReadFile(r.output)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

func (r *run) awaitReady(t *testing.T, base int) {
	t.Helper()
	last := fmt.Sprintf("\nready http://127.0.0.1:%d\n", base)
	eventually(t, "ready", func() bool {
		select {
		case err := <-r.ended:
			t.Fatalf("up ended: %v\n%s", err, r.text())
		default:
		}
		return strings.HasSuffix(r.text(), last)
	})
}

// freeBase gives a base whose ports are all free.
func freeBase(t *testing.T) int {
	t.Helper()
	for range 100 {
		base := freePort(t) - 20
		p, err := choosePorts(base)
		if err != nil {
			continue
		}
		if CheckPorts([]Port{{"", p.gateway}, {"", p.bank}, {"", p.mariadb}, {"", p.temporal}, {"", p.temporalUI}}) == nil {
			return base
		}
	}
	t.Fatal("no free ports")
	return 0
}

func children(t *testing.T, l Layout) map[string]int {
	t.Helper()
	pids := map[string]int{}
	for _, name := range []string{"mariadb", "temporal", "bank", "platform"} {
		pids[name] = running(t, l, name)
	}
	return pids
}

func requireNoneLeft(t *testing.T, pids map[string]int) {
	t.Helper()
	for name, pid := range pids {
		require.NotZero(t, pid, name)
		require.False(t, alive(pid), name)
	}
}

func environOf(t *testing.T, base int) string {
	t.Helper()
	response, err := http.Get(localURL(base) + "/environ")
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(content)
}

func TestUpStartsStopsAndStartsAgain(t *testing.T) {
	data, base := filepath.Join(t.TempDir(), "data"), freeBase(t)
	l := Layout(data)
	var indexKeys []string
	for range 2 {
		up := startUp(t, data, base)
		up.awaitReady(t, base)
		environ := environOf(t, base)
		require.Contains(t, environ, fmt.Sprintf("DURAPAY_BANK_URL=http://127.0.0.1:%d", base+10))
		require.Contains(t, environ, fmt.Sprintf("DURAPAY_MYSQL_ADDRESS=127.0.0.1:%d", base+13))
		require.Contains(t, environ, "DURAPAY_CORPORATE_ACCOUNT=004:10000000000001")
		_, rest, found := strings.Cut(environ, "DURAPAY_INDEX_KEY=")
		require.True(t, found)
		indexKeys = append(indexKeys, strings.SplitN(rest, "\n", 2)[0])

		pids := children(t, l)
		require.NoError(t, up.cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, <-up.ended, up.text())
		requireNoneLeft(t, pids)
	}
	require.Equal(t, indexKeys[0], indexKeys[1])
}

func TestUpRecoversFromAHardKill(t *testing.T) {
	data, base := filepath.Join(t.TempDir(), "data"), freeBase(t)
	killed := startUp(t, data, base)
	killed.awaitReady(t, base)
	before := children(t, Layout(data))
	require.NoError(t, killed.cmd.Process.Kill())
	<-killed.ended

	next := startUp(t, data, base)
	next.awaitReady(t, base)
	requireNoneLeft(t, before)
	after := children(t, Layout(data))
	require.NoError(t, next.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, <-next.ended)
	requireNoneLeft(t, after)
}

func TestUpSaysWhatKeepsItFromStarting(t *testing.T) {
	data, base := filepath.Join(t.TempDir(), "data"), freeBase(t)
	l, err := NewLayout(data)
	require.NoError(t, err)

	release, err := l.Lock()
	require.NoError(t, err)
	second := startUp(t, data, base)
	require.Error(t, <-second.ended)
	require.Contains(t, second.text(), "in use by another durapay up")
	release()

	listener, err := net.Listen("tcp", loopback(base+13))
	require.NoError(t, err)
	defer listener.Close()
	blocked := startUp(t, data, base)
	require.Error(t, <-blocked.ended)
	require.Equal(t, fmt.Sprintf("port %d for MariaDB is in use: stop what uses it, or choose others with --base-port\n", base+13), blocked.text())
	require.Equal(t, map[string]int{"mariadb": 0, "temporal": 0, "bank": 0, "platform": 0}, children(t, l))
}

func TestHalfAFirstStartIsBegunAnew(t *testing.T) {
	data, base := filepath.Join(t.TempDir(), "data"), freeBase(t)
	l, err := NewLayout(data)
	require.NoError(t, err)
	half := filepath.Join(l.MariaDB(), "half")
	require.NoError(t, os.MkdirAll(half, 0o700))
	require.NoError(t, os.WriteFile(l.newFile(), nil, 0o600))
	require.NoError(t, os.WriteFile(l.SecretsFile(), nil, 0o600))

	up := startUp(t, data, base)
	up.awaitReady(t, base)
	require.NoDirExists(t, half)
	require.NoFileExists(t, l.newFile())
	require.NoError(t, up.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, <-up.ended, up.text())
}
