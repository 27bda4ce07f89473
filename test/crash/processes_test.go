package crash

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/test/harness"
)

// children are what `durapay up` runs, in the order of their start.
func children() []string {
	return []string{harness.MariaDB, harness.Temporal, harness.BankName, harness.Serve}
}

// process is one that has to do with a data folder.
type process struct {
	pid  int
	name string
}

func (p process) String() string { return fmt.Sprintf("%s (process %d)", p.name, p.pid) }

// processesOf finds the processes that name a data folder in their command line or
// environment, or that work in it.
func processesOf(data string) []process {
	entries, _ := filepath.Glob("/proc/[0-9]*") // none where there is no /proc: the pid files tell there
	var found []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(filepath.Base(entry))
		if err != nil || pid == os.Getpid() || !mentions(entry, data) {
			continue
		}
		name, _ := os.ReadFile(filepath.Join(entry, "comm")) // "" for one that has just ended
		found = append(found, process{pid, strings.TrimSpace(string(name))})
	}
	return found
}

func mentions(entry, data string) bool {
	for _, file := range []string{"cmdline", "environ"} {
		content, _ := os.ReadFile(filepath.Join(entry, file)) // nothing to read of one that has ended
		if bytes.Contains(content, []byte(data)) {
			return true
		}
	}
	dir, _ := os.Readlink(filepath.Join(entry, "cwd"))
	return dir == data || strings.HasPrefix(dir, data+"/")
}

func killAll(all []process) {
	for _, p := range all {
		_ = syscall.Kill(p.pid, syscall.SIGKILL) // gone already is as good
	}
}

func resumeAll(data string) {
	for _, p := range processesOf(data) {
		_ = syscall.Kill(p.pid, syscall.SIGCONT)
	}
}

// upPid gives the process id of `durapay up`: its children's parent.
func upPid(t *testing.T, p *harness.Platform) int {
	t.Helper()
	parent := parentOf(t, p.Pid(harness.Serve))
	pid, err := strconv.Atoi(parent)
	require.NoError(t, err)
	require.Greater(t, pid, 1)
	require.NotEqual(t, os.Getpid(), pid)
	return pid
}

func parentOf(t *testing.T, pid int) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err == nil {
		_, rest, _ := strings.Cut(string(status), "\nPPid:")
		line, _, _ := strings.Cut(rest, "\n")
		return strings.TrimSpace(line)
	}
	out, err := exec.Command("ps", "-o", "ppid=", "-p", fmt.Sprint(pid)).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// killEverything ends `durapay up` and its children as a power cut would: all at once,
// so that none of them sees another one go.
func killEverything(t *testing.T, p *harness.Platform) {
	t.Helper()
	boss := upPid(t, p)
	require.NoError(t, syscall.Kill(boss, syscall.SIGSTOP)) // it would start again what dies
	for _, name := range children() {
		p.Kill(t, name)
	}
	require.NoError(t, syscall.Kill(boss, syscall.SIGKILL))
}

// hold stops one of the platform's processes from doing anything, and gives what lets it
// go on. To everybody else it is there and says nothing.
func hold(t *testing.T, p *harness.Platform, name string) (resume func()) {
	t.Helper()
	pid := p.Pid(name)
	require.NotZero(t, pid, name)
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	harness.Eventually(t, endBound, name+" stands still", func() bool { return standsStill(pid) })
	return func() { require.NoError(t, syscall.Kill(pid, syscall.SIGCONT)) }
}

// standsStill tells whether every thread of a process has stopped: the signal reaches one
// that is writing to the disk a little later. Where there is no /proc it is taken as said.
func standsStill(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid)) // the pattern is well-formed
	return !slices.ContainsFunc(threads, func(stat string) bool {
		content, err := os.ReadFile(stat)
		return err == nil && !bytes.Contains(content, []byte(") T "))
	})
}

// pids gives the process ids of all of the platform's processes.
func pids(t *testing.T, p *harness.Platform) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, name := range children() {
		all[name] = p.Pid(name)
		require.NotZero(t, all[name], name)
	}
	return all
}

// alive tells which of these still run, in the order of their start.
func alive(pids map[string]int) []string {
	return slices.DeleteFunc(children(), func(name string) bool {
		return syscall.Kill(pids[name], 0) != nil
	})
}

// cleanEnviron is this process's environment without settings of a platform that
// somebody else runs.
func cleanEnviron() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "DURAPAY_") })
}
