// Command testenv runs a command, usually go test, with one private database server and
// one Temporal server for all of its test processes:
//
//	testenv go test ./...
//
// The database is a MariaDB, or what DURAPAY_TEST_DATABASE names (mariadb or mysql).
// The servers are stopped when the command ends or a signal comes. The exit code is
// the command's; 69 when a MySQL was asked for and cannot be had.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"durapay/internal/devenv"
	"durapay/internal/devenv/devtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	code, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
		os.Exit(max(code, 1))
	}
	os.Exit(code)
}

// noMySQL is what sysexits.h calls a service that is not available: nothing was tested.
const noMySQL = 69

func run(ctx context.Context, args []string) (code int, err error) {
	if len(args) == 0 {
		return 2, errors.New("usage: testenv COMMAND [ARGUMENT …]")
	}
	servers, err := devtest.NewServers(devenv.NewSay(os.Stderr))
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, servers.Close()) }()
	db, err := servers.StartDatabase(ctx)
	if errors.Is(err, devenv.ErrNoMySQL) {
		return noMySQL, err
	}
	if err != nil {
		return 1, err
	}
	temporal, err := servers.StartTemporal(ctx)
	if err != nil {
		return 1, err
	}
	return runCommand(ctx, args, devtest.Environ(db, temporal))
}

// commandStopBound is what the command gets to end by itself after a signal.
const commandStopBound = 20 * time.Second

// runCommand runs the command in a process group of its own, so that a signal
// reaches the test binaries too and nothing of it outlives the servers.
func runCommand(ctx context.Context, args, environ []string) (int, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), environ...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := devenv.Spawn(cmd, syscall.SIGKILL); err != nil {
		return 1, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	group := -cmd.Process.Pid
	defer func() { _ = syscall.Kill(group, syscall.SIGKILL) }()
	select {
	case err := <-ended:
		return exitCode(err)
	case <-ctx.Done():
	}
	_ = syscall.Kill(group, syscall.SIGTERM)
	timer := time.NewTimer(commandStopBound)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		_ = syscall.Kill(group, syscall.SIGKILL)
		<-ended
	}
	return 1, errors.New("interrupted")
}

func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
