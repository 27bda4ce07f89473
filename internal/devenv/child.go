package devenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Child describes one process that is run and watched.
type Child struct {
	Name string
	Path string
	Args []string
	Env  []string // complete, KEY=value
	// Prepare runs before each start, the first included. It may be nil.
	Prepare func() error
	// Ready is asked until it gives nil. It may be nil: then running is enough.
	Ready func(context.Context) error
	// ReadyTimeout bounds the wait for Ready, StopTimeout the one after SIGTERM.
	ReadyTimeout time.Duration
	StopTimeout  time.Duration
	// OnParentDeath is sent to the child when this process ends without stopping
	// it (Linux). The zero value is SIGTERM.
	OnParentDeath syscall.Signal
}

// process is one life of a child.
type process struct {
	child   Child
	cmd     *exec.Cmd
	pidFile string
	logFile string
	started time.Time
	ended   chan struct{} // closed after the process was reaped
	exit    error         // readable after ended
}

// startProcess starts a child with its output appended to its log.
func startProcess(child Child, dir Layout) (*process, error) {
	if child.Prepare != nil {
		if err := child.Prepare(); err != nil {
			return nil, fmt.Errorf("%s: %w", child.Name, err)
		}
	}
	p := &process{
		child:   child,
		pidFile: filepath.Join(dir.Run(), child.Name+".pid"),
		logFile: filepath.Join(dir.Log(), child.Name+".log"),
		ended:   make(chan struct{}),
	}
	log, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", child.Name, err)
	}
	defer log.Close() // the child has its own descriptor
	p.cmd = exec.Command(child.Path, child.Args...)
	p.cmd.Env, p.cmd.Dir = child.Env, string(dir)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	signal := child.OnParentDeath
	if signal == 0 {
		signal = syscall.SIGTERM
	}
	p.started = time.Now()
	if err := Spawn(p.cmd, signal); err != nil {
		return nil, fmt.Errorf("%s: %w", child.Name, err)
	}
	go p.reap()
	if err := writePidFile(p.pidFile, p.cmd.Process.Pid); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: %w", child.Name, err)
	}
	return p, nil
}

func (p *process) reap() {
	p.exit = p.cmd.Wait()
	// What the child itself started must not outlive it.
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	close(p.ended)
}

var errEndedEarly = errors.New("ended before it was ready")

// awaitReady returns once the child answers, or says why it does not.
func (p *process) awaitReady(ctx context.Context) error {
	if p.child.Ready == nil {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-p.ended:
			cancel(errEndedEarly)
		case <-ctx.Done():
		}
	}()
	err := poll(ctx, p.child.ReadyTimeout, p.child.Ready)
	switch {
	case err == nil && ctx.Err() == nil:
		return nil
	case errors.Is(context.Cause(ctx), errEndedEarly): // whatever answered was not this child
		return fmt.Errorf("%s %s before it was ready%s", p.child.Name, p.describeExit(), p.logTail())
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return fmt.Errorf("%s was not ready within %s: %w%s", p.child.Name, p.child.ReadyTimeout, err, p.logTail())
	}
}

// describeExit says how an ended process ended, as the end of a sentence.
func (p *process) describeExit() string {
	if p.exit == nil {
		return "ended"
	}
	return "ended with " + p.exit.Error()
}

// stop ends the process: SIGTERM, and SIGKILL to its group when it takes longer
// than its bound. It is safe to call for a process that has ended.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only for an ended one
	timer := time.NewTimer(p.child.StopTimeout)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
	_ = os.Remove(p.pidFile)
}

const tailLines, tailBytes = 8, 4096

// logTail gives the last lines of the child's log, indented under a line break,
// or nothing.
func (p *process) logTail() string {
	lines := tail(p.logFile)
	if len(lines) == 0 {
		return ""
	}
	return fmt.Sprintf("; the end of %s:\n    %s", p.logFile, strings.Join(lines, "\n    "))
}

func tail(path string) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil
	}
	from := max(0, size-tailBytes)
	content, err := io.ReadAll(io.NewSectionReader(file, from, size-from))
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines[max(0, len(lines)-tailLines):]
}
