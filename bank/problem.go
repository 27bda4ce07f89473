package bank

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Problem is an RFC 9457 error body.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

func problem(status int, code, title, detail string) *Problem {
	return &Problem{Type: "urn:problem:bank:" + code, Title: title, Status: status, Code: code, Detail: detail}
}

// refusals is what the books answer besides infrastructure trouble, as it is told to a client.
var refusals = []struct {
	err     error
	problem *Problem
}{
	{errEntryNotFound, problem(http.StatusBadRequest, "invalid_request", "Invalid request", "after: "+afterRule)},
	{errAccountExists, problem(http.StatusConflict, "account_exists", "Account exists", "the bank has an account of this number already")},
	{errAccountNotFound, problem(http.StatusNotFound, "account_not_found", "Account not found", "the bank has no account of this number")},
	{errAccountNotOpen, problem(http.StatusConflict, "account_not_open", "Account not open", "the account takes no money in its state")},
	{errAccountFull, problem(http.StatusConflict, "account_full", "Account full", "the account cannot hold the amount beside what it has")},
	{errReferenceConflict, problem(http.StatusConflict, "reference_conflict", "Reference conflict", "the reference was used for something else")},
	{errTransferNotFound, problem(http.StatusNotFound, "transfer_not_found", "Transfer not found", "the bank has no transfer of this reference")},
	{errNotAccepted, problem(http.StatusConflict, "transfer_not_accepted", "Transfer not accepted", "only an accepted transfer can be sent back")},
	{errReturnedOtherwise, problem(http.StatusConflict, "returned_otherwise", "Returned otherwise", "the transfer was sent back for another reason")},
	{errMoneyGone, problem(http.StatusConflict, "insufficient_funds", "Insufficient funds", "the receiver no longer has the money")},
}

// problemOf is the one place where what went wrong becomes a status and a code.
func problemOf(err error) *Problem {
	var known *Problem
	if errors.As(err, &known) {
		return known
	}
	var field *fieldError
	if errors.As(err, &field) {
		return problem(http.StatusBadRequest, "invalid_request", "Invalid request", field.Error())
	}
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return r.problem
		}
	}
	return problem(http.StatusServiceUnavailable, "unavailable", "Unavailable",
		"the books did not answer; whether the request had an effect is to be inquired")
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	write(w, p.Status, "application/problem+json", p)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	write(w, status, "application/json", body)
}

func write(w http.ResponseWriter, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the only failure is a client that left, who needs no answer
}

// Bounds of reading a body.
const (
	maxBodyBytes    = 64 << 10
	bodyReadTimeout = 10 * time.Second
)

// decode reads one JSON object and nothing else. Errors: *fieldError, or *Problem for a body that is too large.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	return unmarshal(body, into)
}

// readBody reads to the end, which also lets the server notice a client that leaves. The deadline is the body's alone:
// one on the whole request would look like a client that left while a time-out is held.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(bodyReadTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, invalid("", "the body could not be read")
	}
	defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, problem(http.StatusRequestEntityTooLarge, "body_too_large", "Body too large", fmt.Sprintf("at most %d bytes", maxBodyBytes))
	case err != nil:
		return nil, invalid("", "the body could not be read")
	}
	return body, nil
}

func unmarshal(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return explain(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return invalid("", "the body must be one JSON object")
	}
	return nil
}

// explain tells what is wrong with a body without repeating what it says. The decoder's path names an embedded struct, which is not on the wire.
func explain(err error) *fieldError {
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return invalid(strings.ReplaceAll(wrongType.Field, "AccountKey.", ""), "has the wrong type or is out of range")
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return invalid(strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`), "is not a known field")
	default:
		return invalid("", "the body must be one JSON object")
	}
}
