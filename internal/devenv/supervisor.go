package devenv

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Supervisor runs children, starts again those that die, and stops them in the
// reverse order of their start.
type Supervisor struct {
	dir  Layout
	say  Say
	fail chan error

	mu      sync.Mutex
	keepers []*keeper
}

// NewSupervisor makes a supervisor whose pid files and logs are in dir.
func NewSupervisor(dir Layout, say Say) *Supervisor {
	return &Supervisor{dir: dir, say: say, fail: make(chan error, 1)}
}

// Start runs a child and returns when it is ready. From then on it is started
// again when it ends. Errors: it could not be started, ended early, or was not
// ready in time; then it is not running.
func (s *Supervisor) Start(ctx context.Context, child Child) error {
	p, err := startProcess(child, s.dir)
	if err != nil {
		return err
	}
	if err := p.awaitReady(ctx); err != nil {
		p.stop()
		return err
	}
	k := &keeper{dir: s.dir, say: s.say, fail: s.fail, quit: make(chan struct{}), done: make(chan struct{})}
	s.mu.Lock()
	s.keepers = append(s.keepers, k)
	s.mu.Unlock()
	go k.run(p)
	return nil
}

// Failed gives the error of a child that could not be kept running.
func (s *Supervisor) Failed() <-chan error { return s.fail }

// Stop ends all children, the last started first, each before the next. It takes
// at most the sum of their bounds.
func (s *Supervisor) Stop() {
	s.mu.Lock()
	keepers := s.keepers
	s.keepers = nil
	s.mu.Unlock()
	for i := len(keepers) - 1; i >= 0; i-- {
		close(keepers[i].quit)
		<-keepers[i].done
	}
}

// keeper keeps one child running.
type keeper struct {
	dir  Layout
	say  Say
	fail chan<- error
	quit chan struct{} // closed: stop the child
	done chan struct{} // closed: it is stopped
}

// A child that lives longer than quickDeath is taken as sound; maxQuickDeaths in a
// row without one such life is the end.
const (
	quickDeath     = 30 * time.Second
	maxQuickDeaths = 5
	firstBackoff   = 250 * time.Millisecond
	maxBackoff     = 5 * time.Second
)

// run watches p and its successors until it is told to quit or gives up.
func (k *keeper) run(p *process) {
	defer close(k.done)
	deaths := 0
	for {
		select {
		case <-k.quit:
			p.stop()
			return
		case <-p.ended:
		}
		if time.Since(p.started) > quickDeath {
			deaths = 0
		}
		deaths++
		next := k.revive(p, &deaths)
		if next == nil {
			return
		}
		p = next
	}
}

// revive starts a successor of a process that ended, waiting longer after each
// quick death. It gives nil when told to quit, or after it gave up.
func (k *keeper) revive(p *process, deaths *int) *process {
	child := p.child
	cause := p.describeExit()
	for ; *deaths < maxQuickDeaths; *deaths++ {
		k.say("%s %s: starting it again", child.Name, cause)
		if !k.pause(backoff(*deaths)) {
			p.stop()
			return nil
		}
		next, err := startProcess(child, k.dir)
		if err != nil {
			cause = "did not start: " + err.Error()
			continue
		}
		k.announce(next)
		return next
	}
	k.giveUp(fmt.Errorf("%s %s %d times in a row%s", child.Name, cause, *deaths, p.logTail()))
	p.stop()
	return nil
}

// announce says when a child that was started again answers.
func (k *keeper) announce(p *process) {
	go func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			select {
			case <-k.quit:
				cancel()
			case <-ctx.Done():
			}
		}()
		if p.awaitReady(ctx) == nil {
			k.say("%s is back", p.child.Name)
		}
	}()
}

func (k *keeper) giveUp(err error) {
	select {
	case k.fail <- err:
	default: // one failure is enough to end everything
	}
}

// pause waits, and says false when told to quit meanwhile.
func (k *keeper) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-k.quit:
		return false
	case <-timer.C:
		return true
	}
}

func backoff(deaths int) time.Duration {
	d := firstBackoff
	for range deaths - 1 {
		d = min(2*d, maxBackoff)
	}
	return d
}
