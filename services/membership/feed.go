package membership

import (
	"context"
	"time"

	"durapay/errs"
)

// RegionChange tells where a member lives from now on: the first one of a member comes when it becomes visible, the
// others when it moves.
type RegionChange struct {
	Seq      int64 // in commit order, from 1, without gaps
	MemberID string
	Region   string // a code of regions.csv
	At       time.Time
}

// RegionChanges gives at most limit changes that come after a number (0: from the first one), in order. A change that
// is committed later has a greater number, so that a reader who goes on from the last number it has seen misses none.
// One query. Errors: errs.InvalidRequest for a limit that is not within 1 and MaxBatch.
func (s *Service) RegionChanges(ctx context.Context, after int64, limit int) ([]RegionChange, error) {
	if limit < 1 || limit > MaxBatch {
		return nil, errs.InvalidRequest.With("maxItems", MaxBatch)
	}
	return s.store.RegionChanges(ctx, after, limit)
}

// RegionHead gives the number of the newest change, 0 when there is none.
func (s *Service) RegionHead(ctx context.Context) (int64, error) { return s.store.RegionHead(ctx) }
