package franchise

import "sync"

// lanesEach is how many messages one process sends to one franchise at a time, so that a
// server that never answers takes only its own places, and not those of all others.
const lanesEach = 4

// lanes counts the messages on their way, by franchise.
type lanes struct {
	mu    sync.Mutex
	taken map[string]int
}

// enter takes a place without waiting. free is false when none is left.
func (l *lanes) enter(franchiseID string) (leave func(), free bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken[franchiseID] >= lanesEach {
		return nil, false
	}
	if l.taken == nil {
		l.taken = map[string]int{}
	}
	l.taken[franchiseID]++
	return func() { l.leave(franchiseID) }, true
}

func (l *lanes) leave(franchiseID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken[franchiseID]--; l.taken[franchiseID] == 0 {
		delete(l.taken, franchiseID)
	}
}
