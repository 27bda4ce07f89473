package membership

import (
	"context"
	"sync/atomic"
)

// The bounds of pruning: rows of each kind that one run removes, and how many sign-ins make a run. A sign-in leaves
// at most a few rows, so runs keep up with them.
const (
	pruneLimit    = 500
	signInsPerRun = 64
)

// pruning counts sign-ins between two runs.
type pruning struct{ signIns atomic.Uint64 }

// Prune removes a bounded number of expired counters, refresh tokens and families, and tells how many.
func (s *Service) Prune(ctx context.Context) (int64, error) {
	return s.store.Prune(ctx, s.now(), pruneLimit)
}

// pruneSometimes lets sign-ins clean up after their predecessors. A failure is only logged: the sign-in is good, and
// the next run makes up for it.
func (s *Service) pruneSometimes(ctx context.Context) {
	if s.pruning.signIns.Add(1)%signInsPerRun != 0 {
		return
	}
	if _, err := s.Prune(ctx); err != nil {
		s.log.WarnContext(ctx, "expired sign-ins were not pruned", "error", err)
	}
}
