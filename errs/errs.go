// Package errs has the one error type of the platform: a kind, a stable code and
// parameters. Services return it, activities decide from its kind whether to retry,
// and only the gateway turns it into an HTTP status and into words of a language.
package errs

import (
	"errors"
	"fmt"
	"maps"
	"sort"
	"strings"
)

// Kind says what a caller can do about an error. It decides the HTTP status at the
// edge and whether a flow retries.
type Kind uint8

// The kinds. Only Unavailable and Internal are worth a retry of the same request.
const (
	Invalid         Kind = iota + 1 // the request is malformed: 400
	Unauthenticated                 // no valid credential: 401
	Forbidden                       // valid credential, wrong role: 403
	NotFound                        // absent, or not the caller's to see: 404
	Conflict                        // contradicts what is stored: 409
	Precondition                    // If-Match does not hold: 412
	Refused                         // well-formed, but a rule of the business says no: 422
	TooMany                         // throttled: 429
	Unavailable                     // a dependency is away or busy: 503
	Internal                        // a defect of ours: 500
)

// Code is the stable, public name of an error, such as "insufficient_balance".
type Code string

// Field points at one offending member of a request body or query.
type Field struct {
	Pointer string            // JSON pointer into the body ("/amount"), or "?limit" for a query parameter
	Code    Code              // what is wrong with it
	Params  map[string]string // what was expected
}

// Error is the error type of every package above the drivers.
type Error struct {
	Kind   Kind
	Code   Code
	Params map[string]string
	Fields []Field
	cause  error
}

// Error names the code, the parameters and the cause; it is for logs, never for clients.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	for _, k := range sortedKeys(e.Params) {
		fmt.Fprintf(&b, " %s=%s", k, e.Params[k])
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, " %s:%s", f.Pointer, f.Code)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is compare by code, so that a sentinel matches its copies with parameters.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// With returns a copy of e with one more parameter.
func (e *Error) With(name string, value any) *Error {
	c := *e
	c.Params = maps.Clone(e.Params)
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params[name] = fmt.Sprint(value)
	return &c
}

// Because returns a copy of e that carries its cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// InvalidFields makes the error for bad input, one Field for each offending member.
func InvalidFields(fields ...Field) *Error {
	c := *InvalidRequest
	c.Fields = fields
	return &c
}

// InvalidField makes the error for one bad member. Params are name, value pairs.
func InvalidField(pointer string, code *Error, params ...string) *Error {
	return InvalidFields(Field{Pointer: pointer, Code: code.Code, Params: pairs(params)})
}

// Of finds the *Error in err's chain; an error of another type is a defect or an
// outage nobody classified, and becomes InternalError with err as its cause.
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return InternalError.Because(err)
}

// KindOf gives the kind of err, Internal for an unclassified one.
func KindOf(err error) Kind { return Of(err).Kind }

// Retryable tells whether the same request may succeed later without any change.
func Retryable(err error) bool {
	switch KindOf(err) {
	case Unavailable, Internal:
		return true
	default:
		return false
	}
}

// ByCode finds a declared error by its code, so that a code that travelled through
// a flow's result gets its kind back. Unknown codes become InternalError.
func ByCode(code Code) *Error {
	for _, e := range All() {
		if e.Code == code {
			return e
		}
	}
	return InternalError.With("code", code)
}

func pairs(kv []string) map[string]string {
	if len(kv) < 2 {
		return nil
	}
	m := make(map[string]string, len(kv)/2)
	for i := 0; i+1 < len(kv); i += 2 {
		m[kv[i]] = kv[i+1]
	}
	return m
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
