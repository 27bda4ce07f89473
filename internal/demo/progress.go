package demo

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a phase is: a bar on a terminal, lines elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
}

// begin shows a phase of so many steps.
func (p progress) begin(name string, steps int) (step, end func()) {
	if p.terminal {
		return p.bar(name, steps)
	}
	return p.lines(name, steps)
}

func (p progress) bar(name string, steps int) (step, end func()) {
	bar := progressbar.NewOptions(steps, progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(fmt.Sprintf("%-24s", name)),
		progressbar.OptionSetWidth(30), progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionThrottle(100*time.Millisecond))
	// A bar that cannot be drawn is no reason to stop.
	return func() { _ = bar.Add(1) }, func() { _ = bar.Finish(); fmt.Fprintln(p.out) }
}

// everySo is how often a long phase is told of, when there is no bar.
const everySo = 10 * time.Second

func (p progress) lines(name string, steps int) (step, end func()) {
	var mu sync.Mutex
	began := time.Now()
	done, shown := 0, began
	say := func() {
		fmt.Fprintf(p.out, "%s: %d of %d after %.1f s\n", name, done, steps, time.Since(began).Seconds())
	}
	step = func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		if done < steps && time.Since(shown) > everySo {
			shown = time.Now()
			say()
		}
	}
	end = func() {
		mu.Lock()
		defer mu.Unlock()
		say()
	}
	return step, end
}
