package moneydb

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"durapay/errs"
	"durapay/internal/mysqlx"
)

// attempts bounds how often a transaction that lost to another one is tried.
const attempts = 5

// retry runs fn until it does not lose a deadlock or a lock wait. Only these are tried
// again: they have surely left nothing behind, which a broken connection may have.
func retry(ctx context.Context, fn func() error) error {
	var err error
	for i := range attempts {
		if err = mysqlx.Classify(fn()); !errors.Is(err, errs.Busy) {
			return err
		}
		if !pause(ctx, time.Duration(i+1)*time.Millisecond) {
			break
		}
	}
	return err
}

// pause waits a random while of at most longest; false when ctx ended.
func pause(ctx context.Context, longest time.Duration) bool {
	t := time.NewTimer(rand.N(longest))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
