// Package stepapi carries steps over HTTP, from a process that runs flows to the one that
// has the service. A step is a function
//
//	func(context.Context, In) (Out, error)
//	func(context.Context, In) error
//
// whose In and Out are JSON. [Handler] serves steps by their names, [Client] makes a
// function of the same type that calls one, and [Call] one of a type known beforehand.
// A step may be run again after a call whose answer was lost, so it has to be idempotent.
//
// Callers prove who they are with a short-lived token of the role [Role], which nobody
// can sign in for. The traffic is as open as the network: give https addresses, or a
// network of the services' own.
package stepapi

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"go.temporal.io/sdk/temporal"

	"durapay/errs"
)

// Path is where steps are served, the name behind it.
const Path = "/internal/steps/"

// timeoutHeader tells for how long the caller waits, in milliseconds.
const timeoutHeader = "Durapay-Timeout-Millis"

// The bounds of one call.
const (
	longestStep = time.Minute
	maxInput    = 4 << 20  // bytes
	maxOutput   = 16 << 20 // bytes
)

// Failure is a step's error on the wire.
type Failure struct {
	Code      errs.Code         `json:"code"`
	Params    map[string]string `json:"params,omitempty"`
	Message   string            `json:"message"` // for logs
	Retryable bool              `json:"retryable"`
	Benign    bool              `json:"benign,omitempty"` // expected, as an answer that is not there yet
}

// Error is a failure that a step in another process has told. It wraps the error that
// its code names, so that [errs.Of] finds it.
type Error struct{ Failure }

func (e *Error) Error() string { return e.Message }

// Unwrap gives the error that the code names.
func (e *Error) Unwrap() error {
	known := errs.ByCode(e.Code)
	for name, value := range e.Params {
		known = known.With(name, value)
	}
	return known
}

// failureOf tells an error. A step for flows has its code as the type of Temporal's error,
// where it may be one that no caller of the platform ever sees.
func failureOf(err error) Failure {
	known := errs.Of(err)
	f := Failure{Code: known.Code, Params: known.Params, Message: err.Error(), Retryable: errs.Retryable(err)}
	var told *temporal.ApplicationError
	if errors.As(err, &told) {
		f.Code, f.Message = errs.Code(told.Type()), told.Message()
		f.Benign = told.Category() == temporal.ApplicationErrorCategoryBenign
		f.Retryable = !told.NonRetryable()
	}
	return f
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// checkShape tells whether a function is a step.
func checkShape(name string, f any) error {
	t := reflect.TypeOf(f)
	fits := t != nil && t.Kind() == reflect.Func && !t.IsVariadic() && t.NumIn() == 2 && t.In(0) == contextType &&
		(t.NumOut() == 1 || t.NumOut() == 2) && t.Out(t.NumOut()-1) == errorType
	if !fits {
		return fmt.Errorf("step %s: expected func(context.Context, In) (Out, error) or func(context.Context, In) error, got %v", name, t)
	}
	return nil
}
