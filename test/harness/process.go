package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The names of the platform's processes.
const (
	MariaDB  = "mariadb"
	Temporal = "temporal"
	BankName = "bank"
	Serve    = "platform"
)

// Pid gives the process id of one of the platform's processes, 0 when it does not run.
func (p *Platform) Pid(name string) int { return p.pids()[name] }

// Kill kills one of the platform's processes as a crash would.
func (p *Platform) Kill(t testing.TB, name string) {
	t.Helper()
	pid := p.Pid(name)
	if pid == 0 {
		t.Fatalf("%s does not run", name)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill %s: %v", name, err)
	}
}

// pids reads the pid files of the platform's processes.
func (p *Platform) pids() map[string]int {
	files, _ := filepath.Glob(filepath.Join(p.Data, "run", "*.pid")) // the pattern is well-formed
	pids := map[string]int{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		first, _, _ := strings.Cut(string(content), "\n")
		if pid, err := strconv.Atoi(first); err == nil && alive(pid) {
			pids[strings.TrimSuffix(filepath.Base(file), ".pid")] = pid
		}
	}
	return pids
}

func alive(pid int) bool {
	return pid > 1 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// leftRunning tells of processes, or members of their groups, that outlived the platform.
func leftRunning(pids map[string]int) error {
	var left []error
	for name, pid := range pids {
		if alive(pid) || !errors.Is(syscall.Kill(-pid, 0), syscall.ESRCH) {
			left = append(left, fmt.Errorf("%s (process %d) still runs after durapay up has ended", name, pid))
		}
	}
	return errors.Join(left...)
}
