package batch

import "time"

// Bounds for waiting on a condition, not pauses.
const (
	waitFor = 10 * time.Second
	tick    = time.Millisecond
)
