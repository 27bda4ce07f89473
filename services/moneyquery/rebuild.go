package moneyquery

import (
	"context"
	"fmt"
	"time"

	"durapay/errs"
)

// sweepRows bounds what one transaction removes.
const sweepRows = 5000

// feedPause is how long a rebuild waits for feeds that are behind the model that readers see.
const feedPause = 100 * time.Millisecond

// Rebuild builds the model anew from the start of the feeds, as another generation beside the one that readers see and
// that projectors go on bringing up to date. Each of its transactions takes in one page; the one that finds nothing
// more, and is not behind what readers see, shows it to them in the same commit. Nobody ever sees a part of it. What
// was replaced is removed afterwards.
//
// It takes as long as the feeds are, and ends with ctx. After an error the model that readers see is untouched, and a
// rebuild starts from nothing again. Errors: errs.ConcurrentEdit when another rebuild has begun since: the last one to
// begin is the one that is finished; errs.Busy, errs.ServiceUnavailable and those of the feeds.
func (s *Service) Rebuild(ctx context.Context) error {
	if err := s.rebuild(ctx); err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	return s.sweep(ctx)
}

func (s *Service) rebuild(ctx context.Context) error {
	generation, err := s.begin(ctx)
	if err != nil {
		return err
	}
	if err := s.sweep(ctx); err != nil { // of rebuilds that were given up
		return err
	}
	for ctx.Err() == nil {
		st, switched, err := s.build(ctx, generation)
		if err != nil || switched {
			return err
		}
		if st.last {
			wait(ctx, feedPause)
		}
	}
	return ctx.Err()
}

func (s *Service) begin(ctx context.Context) (generation int64, err error) {
	err = s.store.InTurn(ctx, func(t Turn, _ Generations) error {
		generation, err = t.Begin(ctx)
		return err
	})
	return generation, err
}

// build takes one page into the generation being built, and shows it to readers when it has everything.
func (s *Service) build(ctx context.Context, generation int64) (st step, switched bool, err error) {
	err = s.store.InTurn(ctx, func(t Turn, g Generations) error {
		switched = false
		if g.Building != generation {
			return errs.ConcurrentEdit
		}
		if st, err = s.advance(ctx, t, generation); err != nil || !st.last {
			return err
		}
		live, err := t.Position(ctx, g.Live)
		if err != nil || !st.at.reaches(live) {
			return err
		}
		switched = true
		return t.Switch(ctx, generation)
	})
	return st, switched && err == nil, err
}

// sweep removes what belongs to no generation in use. Each round removes something or is the last.
func (s *Service) sweep(ctx context.Context) error {
	for {
		more, err := s.store.Sweep(ctx, sweepRows)
		if err != nil {
			return fmt.Errorf("remove old generations: %w", err)
		}
		if !more {
			return nil
		}
	}
}
