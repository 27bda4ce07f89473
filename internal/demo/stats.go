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
	readingBills    = "read statements and account"
	openingShops    = "register franchise"
	settling        = "settle a date"
	payingOut       = "wait for payouts"
	repeated        = ", repeated"
	afterSettlement = ", settled"
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

// perSecond is how many ended in a second of the time in which any was under way.
// It is a figure to look at, never one to add up.
func (o *operation) perSecond() float64 {
	busy := o.busy().Seconds()
	if busy <= 0 {
		return 0
	}
	return float64(len(o.samples)) / busy
}

// busy is how long at least one request was under way.
func (o *operation) busy() (all time.Duration) {
	byBegin := slices.SortedFunc(slices.Values(o.samples), func(a, b sample) int { return a.began.Compare(b.began) })
	var until time.Time // up to here it is counted
	for _, one := range byBegin {
		from := one.began
		if from.Before(until) {
			from = until
		}
		if one.ended.After(from) {
			all, until = all+one.ended.Sub(from), one.ended
		}
	}
	return all
}
