package crash

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/test/harness"
)

// TestAStopInTheMiddleOfTheLoad stops `durapay up` as a service manager would, and starts
// it again. The members' requests outlast it.
func TestAStopInTheMiddleOfTheLoad(t *testing.T) {
	p := start(t)
	member := newProbe(t, p)
	load := startDemo(t, p)
	load.awaitMiddle(t, p)

	running := pids(t, p)
	began := time.Now()
	require.NoError(t, syscall.Kill(upPid(t, p), syscall.SIGTERM))
	requireStopInOrder(t, running)
	require.NoError(t, p.Stop()) // which tells of an exit code that is not 0, and of what still runs
	require.Empty(t, processesOf(p.Data))
	t.Logf("stopped in %d ms", time.Since(began).Milliseconds())
	load.requireRunning(t)

	again := time.Now()
	t.Logf("ready again in %d ms", up(t, p).Milliseconds())
	member.awaitService(t, again, "the new start")
	load.requireAddsUp(t)
	t.Logf("everything asked for had ended %.1f s after the new start", time.Since(again).Seconds())
	member.requireEachOnce(t)
	requireSound(t, p)
}

// requireStopInOrder watches the processes end: each before those it stands on.
func requireStopInOrder(t *testing.T, pids map[string]int) {
	t.Helper()
	harness.Eventually(t, endBound, "everything has stopped", func() bool {
		left := alive(pids)
		require.Equal(t, children()[:len(left)], left, "what was started first has ended first")
		return len(left) == 0
	})
}

// TestASecondUp refuses the data or the ports of a platform that runs, and leaves it alone.
func TestASecondUp(t *testing.T) {
	p := start(t)
	running := pids(t, p)
	base := p.API[len("http://127.0.0.1:"):]
	requireRefused(t, command("up", "--data", p.Data, "--base-port", "9400"), p.Data+" is in use by another durapay up")

	other := t.TempDir() + "/other"
	requireRefused(t, command("up", "--data", other, "--base-port", base), "port "+base+" for the gateway is in use: ")
	require.Empty(t, processesOf(other))
	require.Equal(t, children(), alive(running))
	require.Equal(t, running, pids(t, p))
	newProbe(t, p).awaitService(t, time.Now(), "two refused starts")
}
