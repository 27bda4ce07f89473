package devenv

import (
	"bytes"
	"context"
	"os/exec"
	"syscall"
	"time"
)

// runTool runs a program to its end and gives what it printed. When ctx ends, or
// this process does, the program is stopped with everything it started: an installer
// or a compiler that lived on would meddle with the next start.
func runTool(ctx context.Context, environ []string, path string, args ...string) (string, error) {
	cmd := exec.Command(path, args...)
	cmd.Env = environ
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = killBound
	if err := Spawn(cmd, syscall.SIGTERM); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return output.String(), err
	case <-ctx.Done():
	}
	group := -cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	timer := time.NewTimer(killBound)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		_ = syscall.Kill(group, syscall.SIGKILL)
		<-ended
	}
	return output.String(), ctx.Err()
}
