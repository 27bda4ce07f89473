package membership

import (
	"context"
	"math"
	"net/netip"
	"strings"
	"time"

	"durapay/errs"
)

// Throttle limits guesses of passwords, counted in the database and so for all processes together.
//
// An account is blocked once it has had AccountFailures failures within Window: first for FirstBlock, then with each
// further failure twice as long, up to LongestBlock. A network address (an IPv6 one: its /64) that has had
// AddressFailures is blocked until its Window ends, and no longer, as many people may share it.
type Throttle struct {
	Window          time.Duration // 15 min
	AccountFailures int           // 5
	FirstBlock      time.Duration // 1 min
	LongestBlock    time.Duration // 15 min
	AddressFailures int           // 100
}

// Counter is the failed attempts of one account or network address.
type Counter struct {
	Key          []byte // keyed hash, 32 bytes
	Failures     int
	BlockedUntil time.Time // zero: not blocked
	ExpiresAt    time.Time // from then on the counter is as good as absent
}

func (c Counter) at(now time.Time) Counter {
	if c.ExpiresAt.After(now) {
		return c
	}
	return Counter{Key: c.Key}
}

// countAccount books one failure.
func (t Throttle) countAccount(c Counter, now time.Time) Counter {
	c = t.count(c, now)
	if over := c.Failures - t.AccountFailures; over >= 0 {
		c.BlockedUntil = now.Add(t.block(over))
		c.ExpiresAt = c.BlockedUntil.Add(t.Window) // or the next block would be a short one again
	}
	return c
}

// countAddress books one failure.
func (t Throttle) countAddress(c Counter, now time.Time) Counter {
	c = t.count(c, now)
	if c.Failures >= t.AddressFailures {
		c.BlockedUntil = c.ExpiresAt
	}
	return c
}

func (t Throttle) count(c Counter, now time.Time) Counter {
	c = c.at(now)
	if c.Failures == 0 {
		c.ExpiresAt = now.Add(t.Window)
	}
	c.Failures++
	return c
}

// block is how long the over-th failure beyond the limit blocks.
func (t Throttle) block(over int) time.Duration {
	const mostDoublings = 20 // keeps the shift from overflowing
	return min(t.FirstBlock<<min(over, mostDoublings), t.LongestBlock)
}

// forgiveAddress takes back one failure that turned out to be none.
func (t Throttle) forgiveAddress(c Counter, now time.Time) Counter {
	c = c.at(now)
	c.Failures = max(0, c.Failures-1)
	if c.Failures < t.AddressFailures {
		c.BlockedUntil = time.Time{}
	}
	return c
}

// refuseBlocked gives errs.LoginThrottled with the whole seconds until no counter blocks.
func refuseBlocked(counters []Counter, now time.Time) error {
	var wait time.Duration
	for _, c := range counters {
		wait = max(wait, c.at(now).BlockedUntil.Sub(now))
	}
	if wait <= 0 {
		return nil
	}
	return errs.LoginThrottled.With("retryAfterSeconds", int64(math.Ceil(wait.Seconds())))
}

// attempt is one sign-in as the throttle sees it.
type attempt struct {
	s    *Service
	keys [][]byte // the account's, then the address's when there is one
}

func (s *Service) newAttempt(emailIndex []byte, ip string) attempt {
	a := attempt{s: s, keys: [][]byte{s.index.Index("login.account", string(emailIndex))}}
	if ip = throttledAddress(ip); ip != "" {
		a.keys = append(a.keys, s.index.Index("login.address", ip))
	}
	return a
}

// throttledAddress gives the network that one customer of an access provider has.
func throttledAddress(ip string) string {
	address, err := netip.ParseAddr(strings.TrimSpace(ip))
	if err != nil {
		return ip
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	const customerBits = 64
	return netip.PrefixFrom(address, customerBits).Masked().String()
}

// peek refuses a blocked attempt without queueing for a core or taking a lock.
func (a attempt) peek(ctx context.Context) error {
	counters, err := a.s.store.Counters(ctx, a.keys)
	if err != nil {
		return err
	}
	return refuseBlocked(counters, a.s.now())
}

// count books the attempt as a failure before its outcome is known, so that guesses made at the same time all count.
// Errors: errs.LoginThrottled, and then nothing is booked.
func (a attempt) count(ctx context.Context) error {
	return a.s.store.UpdateCounters(ctx, a.keys, func(counters []Counter) error {
		now := a.s.now()
		if err := refuseBlocked(counters, now); err != nil {
			return err
		}
		counters[0] = a.s.throttle.countAccount(counters[0], now)
		if len(counters) > 1 {
			counters[1] = a.s.throttle.countAddress(counters[1], now)
		}
		return nil
	})
}

// succeed forgets the account's failures and takes back what count booked on the address. The address's other
// failures stay: signing in to an account of one's own must not buy more guesses at others.
func (a attempt) succeed(ctx context.Context) error {
	return a.s.store.UpdateCounters(ctx, a.keys, func(counters []Counter) error {
		now := a.s.now()
		counters[0] = Counter{Key: counters[0].Key, ExpiresAt: now}
		if len(counters) > 1 {
			counters[1] = a.s.throttle.forgiveAddress(counters[1], now)
		}
		return nil
	})
}

// lanes let one sign-in of an account run at a time in this process. Without them, a few right sign-ins at once, each
// booked as a failure until it ends, would block their own account.
type lanes [256]chan struct{}

func newLanes() *lanes {
	var l lanes
	for i := range l {
		l[i] = make(chan struct{}, 1)
	}
	return &l
}

// enter waits for the account's lane and gives the way out of it. Errors: errs.RequestTimeout when ctx ends first.
func (l *lanes) enter(ctx context.Context, emailIndex []byte) (leave func(), err error) {
	lane := l[emailIndex[0]] // a keyed hash: nobody can choose to share someone's lane
	select {
	case lane <- struct{}{}:
		return func() { <-lane }, nil
	case <-ctx.Done():
		return nil, errs.RequestTimeout.Because(ctx.Err())
	}
}
