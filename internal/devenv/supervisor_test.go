package devenv

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// running gives the pid that is on record for a child, 0 for none.
func running(t *testing.T, l Layout, name string) int {
	t.Helper()
	pid, err := readPidFile(filepath.Join(l.Run(), name+".pid"))
	require.NoError(t, err)
	return pid
}

func TestAChildThatDiesIsStartedAgain(t *testing.T) {
	l, said := layout(t), &lines{}
	s := NewSupervisor(l, said.say)
	defer s.Stop()
	require.NoError(t, s.Start(t.Context(), helper("waiter", "wait")))
	first := running(t, l, "waiter")
	require.NotZero(t, first)

	require.NoError(t, syscall.Kill(first, syscall.SIGKILL))
	eventually(t, "a successor", func() bool { pid := running(t, l, "waiter"); return pid != 0 && pid != first })
	eventually(t, "a line", func() bool {
		return said.text() == "waiter ended with signal: killed: starting it again\nwaiter is back"
	})

	last := running(t, l, "waiter")
	s.Stop()
	require.False(t, alive(last))
	require.Zero(t, running(t, l, "waiter"))
}

func TestAChildThatKeepsDyingIsGivenUp(t *testing.T) {
	l := layout(t)
	s := NewSupervisor(l, (&lines{}).say)
	defer s.Stop()
	require.NoError(t, s.Start(t.Context(), helper("doomed", "die")))
	select {
	case err := <-s.Failed():
		require.ErrorContains(t, err, "doomed ended with exit status 1 5 times in a row")
		require.ErrorContains(t, err, "the helper is told to die") // the end of its log
	case <-time.After(testBound):
		t.Fatal("it was not given up")
	}
}

func TestAChildThatEndsBeforeItIsReadyIsAnError(t *testing.T) {
	s := NewSupervisor(layout(t), (&lines{}).say)
	defer s.Stop()
	child := helper("doomed", "die")
	child.Ready = func(context.Context) error { return errors.New("not yet") }
	err := s.Start(t.Context(), child)
	require.ErrorContains(t, err, "doomed ended with exit status 1 before it was ready")
	require.ErrorContains(t, err, "the helper is told to die")
}

func TestAChildThatIsNeverReadyIsStopped(t *testing.T) {
	l := layout(t)
	s := NewSupervisor(l, (&lines{}).say)
	defer s.Stop()
	child := helper("slow", "wait")
	child.ReadyTimeout = 10 * time.Millisecond
	child.Ready = func(context.Context) error { return errors.New("not yet") }
	require.ErrorContains(t, s.Start(t.Context(), child), "slow was not ready within 10ms: not yet")
	require.Zero(t, running(t, l, "slow"))
}

func TestAChildThatDoesNotStopIsKilled(t *testing.T) {
	l := layout(t)
	s := NewSupervisor(l, (&lines{}).say)
	mark := filepath.Join(string(l), "deaf")
	child := helper("deaf", "deaf", mark)
	child.Ready = func(context.Context) error { _, err := os.Stat(mark); return err }
	child.StopTimeout = 10 * time.Millisecond
	require.NoError(t, s.Start(t.Context(), child))
	pid := running(t, l, "deaf")
	s.Stop()
	require.False(t, alive(pid))
}

func TestChildrenStopInReverseOrder(t *testing.T) {
	l := layout(t)
	s := NewSupervisor(l, (&lines{}).say)
	journal := filepath.Join(string(l), "journal")
	for _, name := range []string{"first", "second", "third"} {
		child := helper(name, "note", journal, name)
		child.Ready = func(context.Context) error { _, err := os.Stat(journal + "." + name); return err }
		require.NoError(t, s.Start(t.Context(), child))
	}
	s.Stop()
	stopped, err := os.ReadFile(journal)
	require.NoError(t, err)
	require.Equal(t, "third second first ", string(stopped))
}

func TestBackoffGrowsToItsBound(t *testing.T) {
	require.Equal(t, firstBackoff, backoff(1))
	require.Equal(t, 2*firstBackoff, backoff(2))
	require.Equal(t, maxBackoff, backoff(50))
}

func TestStaleChildrenAreStopped(t *testing.T) {
	l := layout(t)
	left := start(t, "wait")
	require.NoError(t, writePidFile(filepath.Join(l.Run(), "left.pid"), left.Process.Pid))
	names, err := stopStale(t.Context(), l.Run(), testBound)
	require.NoError(t, err)
	require.Equal(t, []string{"left"}, names)
	require.False(t, alive(left.Process.Pid))
	require.NoFileExists(t, filepath.Join(l.Run(), "left.pid"))
}

func TestAnotherProcessWithTheSamePidIsLeftAlone(t *testing.T) {
	l := layout(t)
	stranger := start(t, "wait")
	content := []byte(strconv.Itoa(stranger.Process.Pid) + "\nsome other start time\n")
	require.NoError(t, os.WriteFile(filepath.Join(l.Run(), "old.pid"), content, 0o600))
	names, err := stopStale(t.Context(), l.Run(), testBound)
	require.NoError(t, err)
	require.Empty(t, names)
	require.True(t, alive(stranger.Process.Pid))
}
