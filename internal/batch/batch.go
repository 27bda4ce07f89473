// Package batch gathers the work of concurrent callers while a run is under way and
// does it together (group commit): no artificial delay, one caller alone runs at once.
package batch

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
)

// Run does the gathered items and gives an outcome for each, in order. An error is
// told to every caller whose items were in the run.
type Run[In, Out any] func(ctx context.Context, items []In) ([]Out, error)

// Group gathers items. One run is under way at a time; what arrives meanwhile forms
// the next one.
type Group[In, Out any] struct {
	run     Run[In, Out]
	most    int
	mu      sync.Mutex
	waiting []*call[In, Out]
	running bool
}

type call[In, Out any] struct {
	ctx   context.Context
	items []In
	outs  []Out
	err   error
	done  chan struct{}
}

// New makes a Group whose runs take at most this many items (a single call with more
// runs alone, whole).
func New[In, Out any](most int, run Run[In, Out]) *Group[In, Out] {
	return &Group[In, Out]{run: run, most: most}
}

// Do hands the items over and waits for their outcomes, in order. When ctx ends first
// it returns ctx's error, and the items may be done all the same when their run has
// begun: they have to be idempotent. Items that still wait are dropped.
func (g *Group[In, Out]) Do(ctx context.Context, items []In) ([]Out, error) {
	if len(items) == 0 {
		return nil, nil
	}
	c := &call[In, Out]{ctx: ctx, items: items, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	if !g.running {
		g.running = true
		// Runs serve many callers, so none of them may end one by leaving.
		go g.loop(context.WithoutCancel(ctx))
	}
	g.mu.Unlock()
	select {
	case <-c.done:
		return c.outs, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// loop runs batch after batch until nobody waits.
func (g *Group[In, Out]) loop(ctx context.Context) {
	for {
		calls := g.next()
		if calls == nil {
			return
		}
		g.serve(ctx, calls)
	}
}

// next takes the calls of the next run, or nil (and the loop ends) when none waits.
func (g *Group[In, Out]) next() []*call[In, Out] {
	g.mu.Lock()
	defer g.mu.Unlock()
	// Nobody waits for the work of those who have left; done late, it would surprise.
	g.waiting = slices.DeleteFunc(g.waiting, func(c *call[In, Out]) bool { return c.ctx.Err() != nil })
	if len(g.waiting) == 0 {
		g.running = false
		return nil
	}
	n, items := 1, len(g.waiting[0].items)
	for n < len(g.waiting) && items+len(g.waiting[n].items) <= g.most {
		items += len(g.waiting[n].items)
		n++
	}
	calls := g.waiting[:n:n]
	g.waiting = append([]*call[In, Out](nil), g.waiting[n:]...)
	return calls
}

func (g *Group[In, Out]) serve(ctx context.Context, calls []*call[In, Out]) {
	var items []In
	for _, c := range calls {
		items = append(items, c.items...)
	}
	outs, err := g.guarded(ctx, items)
	if err == nil && len(outs) != len(items) {
		err = fmt.Errorf("batch: %d outcomes for %d items", len(outs), len(items))
	}
	for _, c := range calls {
		if err != nil {
			c.err = err
		} else {
			c.outs, outs = outs[:len(c.items):len(c.items)], outs[len(c.items):]
		}
		close(c.done)
	}
}

// guarded turns a panic of the run into an error: it runs on no caller's goroutine,
// so nobody else could.
func (g *Group[In, Out]) guarded(ctx context.Context, items []In) (outs []Out, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("batch: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return g.run(ctx, items)
}
