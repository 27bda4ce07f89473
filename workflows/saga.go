package workflows

import "go.temporal.io/sdk/workflow"

// saga remembers how to undo what a flow has done so far. An undo is registered before
// its step runs, since a step that reports an error may have had its effect; every undo
// therefore does nothing when there is nothing to undo.
type saga struct{ undos []*undo }

type undo struct {
	run     func(workflow.Context) error
	dropped bool
}

// onFailure registers an undo. The returned function drops it again: for a step that
// was refused, and so had no effect, or that can no longer be undone.
func (s *saga) onFailure(run func(workflow.Context) error) (drop func()) {
	u := &undo{run: run}
	s.undos = append(s.undos, u)
	return func() { u.dropped = true }
}

// forget drops all undos: what was done is final from here on.
func (s *saga) forget() { s.undos = nil }

// empty tells whether there is nothing to undo.
func (s *saga) empty() bool {
	for _, u := range s.undos {
		if !u.dropped {
			return false
		}
	}
	return true
}

// undo runs the undos, the last registered first, on a context that a cancellation of
// the flow does not reach.
func (s *saga) undo(ctx workflow.Context) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	for i := len(s.undos) - 1; i >= 0; i-- {
		if s.undos[i].dropped {
			continue
		}
		if err := s.undos[i].run(ctx); err != nil {
			return err
		}
	}
	s.forget()
	return nil
}
