package bank

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// Bounds of what the bank does by itself.
const (
	maxDeliveries = 8                      // call-backs under way at once
	noticeLease   = 3 * callbackTimeout    // how long a notice is left to the process that sends it
	lookInterval  = 200 * time.Millisecond // between two looks at what is due
	troublePause  = time.Second            // before the next look when the books did not answer
)

// errands wakes what the bank does by itself when there is something new to do, so that it need not wait for the next look.
type errands struct {
	returns, notices chan struct{}
}

func newErrands() errands {
	return errands{returns: make(chan struct{}, 1), notices: make(chan struct{}, 1)}
}

// wake never blocks: a call that waits already is as good as two.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// runErrands makes due returns and sends notices until ctx ends.
func (s *Server) runErrands(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { s.repeat(ctx, s.errands.returns, s.makeDueReturn) })
	if s.callback != nil {
		running.Go(func() { s.sendNotices(ctx) })
	}
	running.Wait()
}

// repeat does one errand after another while there are any, and then looks again at intervals, or when it is woken, until ctx ends.
func (s *Server) repeat(ctx context.Context, woken <-chan struct{}, next func(context.Context) (found bool, err error)) {
	for ctx.Err() == nil {
		found, err := next(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			s.log.ErrorContext(ctx, "errand failed", "error", withoutValues(err))
			rest(ctx, troublePause, nil)
		case !found:
			rest(ctx, lookInterval, woken)
		}
	}
}

func rest(ctx context.Context, d time.Duration, woken <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-woken:
	case <-ctx.Done():
	}
}

// makeDueReturn sends back the transfer whose return is due longest; false when none is due.
// One whose money is gone is tried again: it may come back to the account. One that fails lets the others go first.
func (s *Server) makeDueReturn(ctx context.Context) (bool, error) {
	due, err := s.books.nextDueReturn(ctx)
	if err != nil || due == nil {
		return false, err
	}
	_, err = s.books.giveBack(ctx, due.Reference, due.Reason)
	if err == nil {
		wake(s.errands.notices)
		return true, nil
	}
	postponed := s.books.postponeReturn(ctx, due.Reference, due.Attempts+1)
	if refusesReturn(err) {
		return true, postponed
	}
	return true, errors.Join(err, postponed)
}

// sendNotices sends what is due, a bounded number at once, until ctx ends and the last attempt has.
func (s *Server) sendNotices(ctx context.Context) {
	var sending sync.WaitGroup
	slots := make(chan struct{}, maxDeliveries)
	s.repeat(ctx, s.errands.notices, func(ctx context.Context) (bool, error) {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return false, nil
		}
		n, err := s.books.claimNotice(ctx, noticeLease)
		if err != nil || n == nil {
			<-slots
			return false, err
		}
		sending.Go(func() {
			defer func() { <-slots }()
			s.sendNotice(ctx, *n)
		})
		return true, nil
	})
	sending.Wait()
}

// sendNotice makes one attempt and records what came of it, also when the bank is being stopped.
func (s *Server) sendNotice(ctx context.Context, n claimedNotice) {
	record, cancel := context.WithTimeout(context.WithoutCancel(ctx), callbackTimeout+workTimeout)
	defer cancel()
	postponed, err := s.strikeNotice(record, &n)
	if err == nil && !postponed {
		err = s.attempt(ctx, record, n)
	}
	if err != nil {
		s.log.ErrorContext(ctx, "notice not recorded", "notice", n.ID, "error", withoutValues(err))
	}
}

func (s *Server) attempt(ctx, record context.Context, n claimedNotice) error {
	if err := s.callback.post(ctx, n.ID, n.Body, s.books.clock()); err != nil {
		s.log.WarnContext(ctx, "notice not delivered", "notice", n.ID, "attempts", n.Attempts, "error", err)
		return s.books.postponeNotice(record, n.ID, pauseAfter(n.Attempts))
	}
	if err := s.books.delivered(record, n); err != nil {
		return err
	}
	if n.Copies > 1 {
		wake(s.errands.notices)
	}
	return nil
}

// strikeNotice lets a fault strike a notice, once, before its first attempt; true when it is not to be sent yet.
func (s *Server) strikeNotice(ctx context.Context, n *claimedNotice) (postponed bool, err error) {
	if n.Attempts > 1 {
		return false, nil
	}
	var told Notice
	if err := json.Unmarshal(n.Body, &told); err != nil {
		return false, wrap("decode notice", err)
	}
	switch effect := s.faults.strike(told.call()); effect.Type {
	case DuplicateNotice:
		n.Copies = 2
		return false, s.books.copyNotice(ctx, n.ID, n.Copies)
	case Delay:
		return true, s.books.postponeNotice(ctx, n.ID, effect.delay())
	default:
		return false, nil
	}
}
