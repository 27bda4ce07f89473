package devenv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// writePidFile records a running child: its pid and what tells it from a later
// process with the same pid.
func writePidFile(path string, pid int) error {
	return os.WriteFile(path, fmt.Appendf(nil, "%d\n%s\n", pid, processIdentity(pid)), 0o600)
}

// readPidFile gives the pid of the child recorded at path if that very process is
// still running, and 0 if not.
func readPidFile(path string) (int, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	first, rest, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(first)
	identity := strings.TrimSpace(rest)
	if err != nil || pid <= 1 || identity == "" || processIdentity(pid) != identity {
		return 0, nil
	}
	return pid, nil
}

// stopStale stops the children that an earlier run left behind, all at once: a
// database may take seconds to shut down, and one waits for another's files.
// It gives the names of those it found.
func stopStale(ctx context.Context, runDir string, bound time.Duration) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(runDir, "*.pid"))
	if err != nil {
		return nil, err
	}
	var names []string
	var pids []int
	for _, file := range files {
		pid, err := readPidFile(file)
		if err != nil {
			return names, err
		}
		if pid == 0 {
			continue
		}
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".pid"))
		pids = append(pids, pid)
		_ = syscall.Kill(pid, syscall.SIGTERM) // gone already is as good
	}
	for _, pid := range pids {
		if err := awaitEnd(ctx, pid, bound); err != nil {
			return names, err
		}
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			return names, err
		}
	}
	return names, nil
}

// awaitEnd waits for a process that is not our child, and kills its group when it
// has not ended within bound.
func awaitEnd(ctx context.Context, pid int, bound time.Duration) error {
	identity := processIdentity(pid)
	if identity == "" {
		return nil
	}
	gone := func(context.Context) error {
		if processIdentity(pid) == identity {
			return fmt.Errorf("process %d has not ended", pid)
		}
		return nil
	}
	if err := poll(ctx, bound, gone); err == nil || ctx.Err() != nil {
		return err
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	return poll(ctx, killBound, gone)
}

// killBound is how long a killed process may take to be gone; more means that the
// kernel holds it (a hung disk).
const killBound = 10 * time.Second

const pollInterval = 50 * time.Millisecond

// poll asks check until it says nil, for at most bound, and gives its last error.
func poll(ctx context.Context, bound time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}
