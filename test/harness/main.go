package harness

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// shared is the platform of this test process, started by the first test that asks for it.
var shared struct {
	once     sync.Once
	options  Options
	platform *Platform
	err      error
}

// Main runs the tests of a package with one platform for all of them, then stops it,
// having proven its books. Its result is the exit code.
func Main(m *testing.M, o Options) int {
	shared.options = o
	waitSideBySide()
	code := m.Run()
	if shared.platform == nil {
		return code
	}
	if err := errors.Join(shared.platform.atEnd(code, o), shared.platform.finish(code)); err != nil {
		fmt.Fprintln(os.Stderr, "harness:", err)
		return max(code, 1)
	}
	return code
}

// sideBySide is how many tests run at the same time, unless -parallel says. They wait for
// the platform most of their time, so it is more than there are cores.
const sideBySide = "12"

func waitSideBySide() {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		_ = flag.Set("test.parallel", sideBySide) // the flag exists, and this is a number
	}
}

// Shared gives the platform of this package's tests.
func Shared(t testing.TB) *Platform {
	t.Helper()
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startBound)
		defer cancel()
		shared.platform, shared.err = Start(ctx, shared.options)
	})
	if shared.err != nil {
		t.Fatalf("harness: %v", shared.err)
	}
	return shared.platform
}

// atEnd checks what holds only when all tests of the package were run.
func (p *Platform) atEnd(code int, o Options) error {
	if o.AtEnd == nil || code != 0 || flag.Lookup("test.run").Value.String() != "" || flag.Lookup("test.skip").Value.String() != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishBound)
	defer cancel()
	return o.AtEnd(ctx, p)
}

// finishBound bounds what is checked after the tests.
const finishBound = 2 * time.Minute

// finish proves the books, looks for personal data in clear, stops the platform and
// shows its logs when anything went wrong.
func (p *Platform) finish(code int) error {
	ctx, cancel := context.WithTimeout(context.Background(), finishBound)
	defer cancel()
	err := errors.Join(p.ClearFaults(ctx), p.AwaitQuiet(ctx))
	if err == nil {
		err = errors.Join(p.Audit(ctx), p.checkClear(ctx), p.checkLog())
	}
	err = errors.Join(err, p.Stop())
	if code != 0 || err != nil {
		p.ShowLogs(os.Stderr)
	}
	return errors.Join(err, p.Remove())
}

func (p *Platform) checkClear(ctx context.Context) error {
	found, err := p.FindClear(ctx)
	if err != nil || len(found) == 0 {
		return err
	}
	return fmt.Errorf("personal data or passwords in clear: %q", found)
}
