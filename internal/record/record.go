// Package record has what the rows of every request have in common: their states, the
// moves between them, and how a refusal is kept. A request's row is its truth beyond
// the life of the flow that works on it.
package record

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"time"

	"durapay/errs"
)

// State is where a request stands, as its owner sees it.
type State string

// The states. Requested to Unknown are on the way; the rest are final, but for
// Succeeded, which a bank's late return can still turn into Returned.
const (
	Requested  State = "REQUESTED"
	Processing State = "PROCESSING"
	Waiting    State = "WAITING" // for a time that is known: Until
	Unknown    State = "UNKNOWN" // the bank has not told the outcome yet
	Succeeded  State = "SUCCEEDED"
	Failed     State = "FAILED"
	Cancelled  State = "CANCELLED"
	Returned   State = "RETURNED"
)

// Final tells whether a flow is done with the request.
func (s State) Final() bool {
	switch s {
	case Succeeded, Failed, Cancelled, Returned:
		return true
	default:
		return false
	}
}

// Valid tells whether s is one of the states.
func (s State) Valid() bool {
	switch s {
	case Requested, Processing, Waiting, Unknown:
		return true
	default:
		return s.Final()
	}
}

// CanBecome tells whether a request may move from s to next. Staying is allowed, so
// that a repeated step is harmless; leaving a final state is not, but for a return.
func (s State) CanBecome(next State) bool {
	switch {
	case s == next:
		return true
	case s == Succeeded:
		return next == Returned
	case s.Final(), next == Requested:
		return false
	default:
		return next.Valid() && next != Returned
	}
}

// Has tells whether a request in state s has done the move to asked: it is there, or it
// succeeded and has come back since. A flow's last step that is run again after a crash
// must not stumble over a return that was quicker.
func (s State) Has(asked State) bool {
	return s == asked || s == Returned && asked == Succeeded
}

// Failure is why a request was refused: a public code and its parameters. The zero
// Failure means none.
type Failure struct {
	Code   errs.Code         `json:"code,omitempty"`
	Params map[string]string `json:"params,omitempty"`
}

// FailureOf keeps a refusal's code and parameters.
func FailureOf(e *errs.Error) Failure { return Failure{Code: e.Code, Params: e.Params} }

// Is tells whether there is a failure at all.
func (f Failure) Is() bool { return f.Code != "" }

// Err gives the refusal as an error again, with its kind.
func (f Failure) Err() *errs.Error {
	e := errs.ByCode(f.Code)
	for k, v := range f.Params {
		e = e.With(k, v)
	}
	return e
}

// Value stores a failure as JSON text, none as NULL.
func (f Failure) Value() (driver.Value, error) {
	if !f.Is() {
		return nil, nil
	}
	b, err := json.Marshal(f)
	return string(b), err
}

// Scan reads what Value stored.
func (f *Failure) Scan(src any) error {
	*f = Failure{}
	switch v := src.(type) {
	case nil:
		return nil
	case []byte:
		return json.Unmarshal(v, f)
	case string:
		return json.Unmarshal([]byte(v), f)
	default:
		return errors.New("record: a failure is stored as text")
	}
}

// Move is one change of a request's state.
type Move struct {
	ID      string
	State   State
	Failure Failure   // for Failed and Cancelled
	Until   time.Time // for Waiting; zero otherwise
}
