package harness

import (
	"context"
	"testing"
	"time"
)

// pollInterval is how often a condition is looked at.
const pollInterval = 20 * time.Millisecond

// Eventually waits until a condition holds, at most so long.
func Eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if !until(ctx, holds) {
		t.Fatalf("not within %s: %s", within, what)
	}
}

// until looks at a condition until it holds or ctx ends, and tells which.
func until(ctx context.Context, holds func() bool) bool {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for { // bounded by ctx
		if holds() {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
}
