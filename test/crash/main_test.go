// Package crash kills, stops and holds up the parts of a running platform from outside,
// in the middle of its work, and proves that no won is lost, doubled or invented by it.
package crash

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/test/harness"
)

const (
	startBound = 10 * time.Minute // the first start on a machine builds Temporal's server
	endBound   = 3 * time.Minute  // an outcome that was lost is asked for with growing pauses
)

// binaryVariable names the binary under test, for the harness and for us.
const binaryVariable = "DURAPAY_TEST_BINARY"

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run gives all platforms of these tests one binary, copied to where everybody may
// execute it: one test starts it as somebody else.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "durapay-crash-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = provideBinary(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		return 1
	}
	return m.Run()
}

func provideBinary(dir string) error {
	given, err := harness.Binary(context.Background(), dir)
	if err != nil {
		return err
	}
	path := dir + "/durapay-under-test"
	content, err := os.ReadFile(given)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, content, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	return os.Setenv(binaryVariable, path)
}

// command makes a run of the binary under test.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Getenv(binaryVariable), args...)
	cmd.Env = cleanEnviron()
	return cmd
}

// start runs a platform for this test alone. Whatever happens, nothing of it is left
// running when the test is over.
func start(t *testing.T) *harness.Platform {
	t.Helper()
	return startWith(t, harness.Options{})
}

func startWith(t *testing.T, o harness.Options) *harness.Platform {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startBound)
	defer cancel()
	p, err := harness.Start(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() { end(t, p) })
	return p
}

func end(t *testing.T, p *harness.Platform) {
	if t.Failed() {
		p.ShowLogs(t.Output())
	}
	resumeAll(p.Data) // a process that is held up cannot end in order
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if left := processesOf(p.Data); len(left) > 0 {
		killAll(left)
		t.Errorf("left running: %v", left)
	}
	if err := p.Remove(); err != nil {
		t.Error(err)
	}
}

// up starts the platform again on its data and gives how long that took.
func up(t *testing.T, p *harness.Platform) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startBound)
	defer cancel()
	began := time.Now()
	require.NoError(t, p.Up(ctx))
	return time.Since(began)
}
