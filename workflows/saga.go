package workflows

import "go.temporal.io/sdk/workflow"

// saga remembers how to take back what a flow has done so far.
//
// An undo is registered before anything is asked or done, and runs whatever the flow
// believes to have done: a task that crashed is run again from its start, and the second
// run may be refused where the first one, of which nothing is recorded, went through. So
// an undo does three things: it takes the step back, it keeps a straggler of an earlier
// run from doing it later, and it tells when it is too late for both.
type saga struct{ undos []undo }

type undo func(workflow.Context) finding

// finding is what an undo found.
type finding int

const (
	undone  finding = iota + 1
	tooLate         // the money has moved: the request has succeeded, whatever this run thought
)

func (s *saga) onFailure(u undo) { s.undos = append(s.undos, u) }

// forget drops all undos: what was done is final from here on.
func (s *saga) forget() { s.undos = nil }

// undo runs the undos, the last registered first, on a context that a cancellation of
// the flow does not reach. One that is too late ends it.
func (s *saga) undo(ctx workflow.Context) finding {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	for i := len(s.undos) - 1; i >= 0; i-- {
		if s.undos[i](ctx) == tooLate {
			return tooLate
		}
	}
	return undone
}
