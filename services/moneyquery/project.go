package moneyquery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// freshFor is how long a model that has everything goes without saying so again: the time it tells its readers is at
// most this much older than it could be, and an idle projector writes this often only.
const freshFor = 5 * time.Second

// step is what one transaction has done.
type step struct {
	done int  // postings and changes taken in
	last bool // there was nothing more
	at   Position
}

// Project takes in what comes next in the feeds, at most a page of each, and tells how much that was: 0 when the model
// has everything. What it does and how far it has got is one transaction, and those of all processes take turns: each
// posting counts once, whoever crashes when. Errors: errs.Busy, errs.ServiceUnavailable and those of the feeds; then
// nothing is taken in, unless the connection broke at the commit; calling again is right in any case.
func (s *Service) Project(ctx context.Context) (done int, err error) {
	st, err := s.project(ctx)
	return st.done, err
}

func (s *Service) project(ctx context.Context) (st step, err error) {
	err = s.store.InTurn(ctx, func(t Turn, g Generations) error {
		st, err = s.advance(ctx, t, g.Live)
		return err
	})
	if err != nil {
		return step{}, fmt.Errorf("project: %w", err)
	}
	return st, nil
}

// advance takes the next piece into a generation.
func (s *Service) advance(ctx context.Context, t Turn, generation int64) (step, error) {
	after, err := t.Position(ctx, generation)
	if err != nil {
		return step{}, err
	}
	started := s.now()
	p, err := s.next(ctx, after)
	if err != nil {
		return step{}, err
	}
	if p.last && started.After(after.AsOf) { // another process' clock may be ahead
		p.until.AsOf = started
	}
	st := step{done: p.size(), last: p.last, at: p.until}
	if st.done == 0 && p.until.AsOf.Sub(after.AsOf) < freshFor {
		return st, nil
	}
	changes, err := s.change(ctx, t, generation, p)
	if err != nil {
		return step{}, err
	}
	return st, t.Apply(ctx, generation, changes, p.until)
}

func (s *Service) change(ctx context.Context, t Turn, generation int64, p piece) (Changes, error) {
	owners := ownersOf(p)
	if len(owners) == 0 {
		return Changes{}, nil
	}
	members, err := t.Members(ctx, generation, owners)
	if err != nil {
		return Changes{}, err
	}
	totals, err := t.Totals(ctx, generation)
	if err != nil {
		return Changes{}, err
	}
	return fold(p, members, totals)
}

// The waits of Run.
const (
	defaultPause = 500 * time.Millisecond
	longestPause = 30 * time.Second
)

// Run projects until ctx ends: again at once while there is more, else after a pause (0: 500 ms). An error is logged
// and tried again after a pause that doubles up to 30 s.
func (s *Service) Run(ctx context.Context, pause time.Duration) {
	if pause <= 0 {
		pause = defaultPause
	}
	failures := 0
	for ctx.Err() == nil {
		st, err := s.project(ctx)
		switch {
		case err == nil && !st.last:
			failures = 0
		case err == nil:
			failures = 0
			wait(ctx, pause)
		case ctx.Err() == nil:
			failures++
			longest := backOff(pause, failures)
			s.log.ErrorContext(ctx, "the money of the regions is not brought up to date", "error", err, "failures", failures, "retryWithin", longest)
			wait(ctx, longest/2+rand.N(longest/2+1)) // apart from the other processes
		}
	}
}

// backOff doubles the pause with each failure in a row.
func backOff(pause time.Duration, failures int) time.Duration {
	for range failures {
		if pause *= 2; pause >= longestPause {
			return longestPause
		}
	}
	return pause
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
