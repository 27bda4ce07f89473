package demo

import (
	"slices"
	"sync"
	"time"
)

// result is how one request ended for the client.
type result int

const (
	succeeded result = iota + 1
	refused
	pending
)

// sample is one request, from its first sending to its known end; the times are zero for
// one that the platform made by itself.
type sample struct {
	began, ended time.Time
	result       result
	code         string // why it was refused or is pending
}

// operation is the requests of one kind; there is at least one.
type operation struct{ samples []sample }

// The operations that move no money; those that do are named by their kind.
const (
	openingAccounts = "open bank account"
	registering     = "register"
	signingIn       = "sign in"
	linking         = "link account"
	automaticTopUp  = "top-up, automatic"
	readingRecords  = "read record"
	readingBalances = "read wallet and account"
	repeated        = ", repeated"
)

// stats gathers the requests of a run, and why some were sent again.
type stats struct {
	mu         sync.Mutex
	operations map[string]*operation
	retries    map[string]int
}

func newStats() *stats { return &stats{operations: map[string]*operation{}, retries: map[string]int{}} }

func (s *stats) add(name string, one sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.operations[name]
	if o == nil {
		o = &operation{}
		s.operations[name] = o
	}
	o.samples = append(o.samples, one)
}

func (s *stats) retried(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retries[reason]++
}

func (o *operation) count(r result) int {
	n := 0
	for _, one := range o.samples {
		if one.result == r {
			n++
		}
	}
	return n
}

// codes counts the reasons of a result.
func (o *operation) codes(r result) map[string]int {
	codes := map[string]int{}
	for _, one := range o.samples {
		if one.result == r {
			codes[one.code]++
		}
	}
	return codes
}

// percentile gives the time within which that share of the requests had ended: the
// nearest rank.
func (o *operation) percentile(percent int) time.Duration {
	times := make([]time.Duration, len(o.samples))
	for i, one := range o.samples {
		times[i] = one.ended.Sub(one.began)
	}
	slices.Sort(times)
	rank := (len(times)*percent + 99) / 100
	return times[max(rank-1, 0)]
}

// perSecond is how many ended in a second between the first's begin and the last's end.
// It is a figure to look at, never one to add up.
func (o *operation) perSecond() float64 {
	first, last := o.samples[0].began, o.samples[0].ended
	for _, one := range o.samples {
		if one.began.Before(first) {
			first = one.began
		}
		if one.ended.After(last) {
			last = one.ended
		}
	}
	span := last.Sub(first).Seconds()
	if span <= 0 {
		return 0
	}
	return float64(len(o.samples)) / span
}
