package payment

import (
	"slices"

	"durapay/errs"
	"durapay/internal/record"
)

// State is where a payment stands, as the member and the franchise see it.
type State string

// The states. Requested to Unknown are on the way; Approved and PartiallyCancelled are
// the normal states, in which a payment waits for its settlement.
const (
	Requested          State = "REQUESTED"
	Processing         State = "PROCESSING"
	Waiting            State = "WAITING" // for a time that is known: Until
	Unknown            State = "UNKNOWN" // a bank has not told the outcome of the top-up yet
	Approved           State = "APPROVED"
	PartiallyCancelled State = "PARTIALLY_CANCELLED"
	Cancelled          State = "CANCELLED" // in full, after its approval
	Settled            State = "SETTLED"   // paid out; a partial cancel leaves it here
	Failed             State = "FAILED"
)

// States lists all of them.
func States() []State {
	return []State{Requested, Processing, Waiting, Unknown, Approved, PartiallyCancelled, Cancelled, Settled, Failed}
}

// Valid tells whether s is one of the states.
func (s State) Valid() bool { return slices.Contains(States(), s) }

// Reached tells whether the payment has reached its franchise: approved, whatever came after.
func (s State) Reached() bool {
	return s.Normal() || s == Cancelled || s == Settled
}

// Normal tells whether the payment is approved, not cancelled in full, and not settled.
func (s State) Normal() bool { return s == Approved || s == PartiallyCancelled }

// cancellable tells whether something of a payment in this state can be left to cancel.
func (s State) cancellable() bool { return s.Normal() || s == Settled }

// afterCancel gives the state of a payment that had state s, once a cancel took what was left to left.
func (s State) afterCancel(left int64) State {
	switch {
	case left == 0:
		return Cancelled
	case s == Settled:
		return Settled
	default:
		return PartiallyCancelled
	}
}

// Record gives the state as every request has it. A request that was called off before
// its approval is CANCELLED there; a payment cancelled after it has SUCCEEDED.
func (p Payment) Record() record.State { return recordOf(p.State, p.Failure) }

func recordOf(s State, f record.Failure) record.State {
	switch {
	case s.Reached():
		return record.Succeeded
	case s == Failed && f.Code == errs.FlowCancelled.Code:
		return record.Cancelled
	default: // the other names are the same
		return record.State(s)
	}
}

// Move is one change of a payment's state, in the terms of every request.
type Move struct {
	record.Move
	FeeBasisPoints int // for Succeeded: the rate in force now, pinned on the payment
}

// Change is a Move in the payment's own terms, as the store makes it.
type Change struct {
	Move
	To   State
	From []State // it is made from these only
}

// change translates a move. One that no payment can make has no From.
func change(m Move) Change {
	c := Change{Move: m, To: State(m.State)}
	switch m.State {
	case record.Succeeded:
		c.To = Approved
	case record.Cancelled:
		c.To, c.Failure = Failed, record.FailureOf(errs.FlowCancelled)
	}
	for _, s := range []State{Requested, Processing, Waiting, Unknown} {
		if record.State(s).CanBecome(m.State) {
			c.From = append(c.From, s)
		}
	}
	return c
}

// Outcome tells a change that was not made from one made before by the payment's
// state. Errors: errs.ConcurrentEdit.
func (c Change) Outcome(s State, f record.Failure) error {
	if is := recordOf(s, f); is != recordOf(c.To, c.Failure) {
		return errs.ConcurrentEdit.With("state", is).With("asked", c.Move.State)
	}
	return nil
}
