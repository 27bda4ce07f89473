package devenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

const temporalModule = "github.com/temporalio/cli"

// temporalVersion is the CLI that is built when there is none, server 1.29.1. A test
// keeps it equal to tools/go.mod, which a binary away from its checkout cannot read.
const temporalVersion = "v1.5.1"

// minTemporalServer is the oldest server (major, minor) that the flows were run on.
var minTemporalServer = [2]int{1, 29}

// EnsureTemporal gives the path of a Temporal CLI: the one on the PATH when its
// server is recent enough, else the one pinned in tools/go.mod, built once into the
// user's cache folder.
func EnsureTemporal(ctx context.Context, say Say) (string, error) {
	if path, err := exec.LookPath("temporal"); err == nil && usableTemporal(ctx, path) {
		return path, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("folder for the Temporal CLI: %w", err)
	}
	dir := filepath.Join(cache, "durapay", "tools", "temporal-"+temporalVersion)
	binary := filepath.Join(dir, "temporal")
	if usableTemporal(ctx, binary) {
		return binary, nil
	}
	root, err := checkoutRoot()
	if err != nil {
		return "", fmt.Errorf("no Temporal CLI with a server from %d.%d on the PATH, and %w: "+
			"install the CLI (https://docs.temporal.io/cli), run from the checkout, or set DURAPAY_TEMPORAL_ADDRESS",
			minTemporalServer[0], minTemporalServer[1], err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("folder for the Temporal CLI: %w", err)
	}
	return binary, buildTemporal(ctx, say, root, binary)
}

var serverVersion = regexp.MustCompile(`Server v?(\d+)\.(\d+)`)

// usableTemporal runs the binary: one that is there may still be for another
// machine, or too old.
func usableTemporal(ctx context.Context, path string) bool {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second) // a cold disk reads 250 MB
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	match := serverVersion.FindSubmatch(out)
	if err != nil || match == nil {
		return false
	}
	major, _ := strconv.Atoi(string(match[1])) // digits, by the expression
	minor, _ := strconv.Atoi(string(match[2]))
	return major > minTemporalServer[0] || major == minTemporalServer[0] && minor >= minTemporalServer[1]
}

// checkoutRoot finds the folder of the module: above the working directory, or
// above the binary.
func checkoutRoot() (string, error) {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if self, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(self))
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err == nil && bytes.HasPrefix(content, []byte("module durapay\n")) {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", errors.New("this is not a checkout of Durapay to build one from")
}

const (
	buildBound    = 30 * time.Minute
	buildProgress = 5 * time.Second
)

// buildTemporal builds the CLI from its Go module. Processes that need it at the
// same time take turns, and the second finds it built.
func buildTemporal(ctx context.Context, say Say, root, binary string) error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("no Temporal CLI on the PATH and no Go to build one: install either, or set DURAPAY_TEMPORAL_ADDRESS")
	}
	ctx, cancel := context.WithTimeout(ctx, buildBound)
	defer cancel()
	release, err := awaitLock(ctx, binary+".lock", say)
	if err != nil {
		return fmt.Errorf("building the Temporal CLI: %w", err)
	}
	defer release()
	if usableTemporal(ctx, binary) {
		return nil
	}
	partial := binary + ".partial"
	stop := sayEvery(buildProgress, say, "building the Temporal CLI (once, 4 to 6 minutes)")
	// Without cgo no C compiler is needed; a workspace around the checkout has no say.
	environ := append(foreignEnviron(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	out, err := runTool(ctx, environ, "go", "build", "-C", filepath.Join(root, "tools"), "-o", partial, temporalModule+"/cmd/temporal")
	stop()
	if err != nil {
		return fmt.Errorf("building the Temporal CLI: %w: %s", err, lastLine(out))
	}
	return os.Rename(partial, binary)
}

// sayEvery prints what is going on and for how long, until it is stopped.
func sayEvery(interval time.Duration, say Say, what string) (stop func()) {
	done := make(chan struct{})
	started := time.Now()
	say("%s …", what)
	go func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				say("%s … %d s", what, int(time.Since(started).Seconds()))
			}
		}
	}()
	return func() { close(done) }
}

// awaitLock waits for its turn on a lock file.
func awaitLock(ctx context.Context, path string, say Say) (release func(), err error) {
	said := false
	var file *os.File
	err = poll(ctx, buildBound, func(context.Context) error {
		var err error
		file, err = lockFile(path)
		if err != nil && !said {
			say("waiting for another process that builds it")
			said = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}
