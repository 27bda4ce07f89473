package workflows

import "go.temporal.io/sdk/workflow"

// saga remembers how to undo what a flow has done so far. An undo is registered before
// its step runs, since a step that reports an error may have had its effect; every undo
// therefore does nothing when there is nothing to undo.
type saga struct {
	undos []func(workflow.Context) error
}

func (s *saga) onFailure(undo func(workflow.Context) error) { s.undos = append(s.undos, undo) }

// forgetLast drops the undo of a step that was refused, and so had no effect.
func (s *saga) forgetLast() { s.undos = s.undos[:len(s.undos)-1] }

// forget drops the undos: what was done is final from here on.
func (s *saga) forget() { s.undos = nil }

// undo runs the undos, the last registered first, on a context that a cancellation of
// the flow does not reach.
func (s *saga) undo(ctx workflow.Context) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	for i := len(s.undos) - 1; i >= 0; i-- {
		if err := s.undos[i](ctx); err != nil {
			return err
		}
	}
	s.forget()
	return nil
}
