package apiclient

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// Problem is a request that was refused (RFC 9457).
type Problem struct {
	Status    int               `json:"status"`
	Title     string            `json:"title"`
	Detail    string            `json:"detail"`
	Code      string            `json:"code"`
	RequestID string            `json:"requestId"`
	ID        string            `json:"id"`    // the record of a refused money request
	State     State             `json:"state"` // of that record
	Params    map[string]string `json:"params"`
	Errors    []struct {
		Pointer string `json:"pointer"`
		Code    string `json:"code"`
	} `json:"errors"`
}

// Error names status, code and request. The detail is left out: it is for people's eyes
// and may hold figures.
func (p *Problem) Error() string {
	return fmt.Sprintf("refused with %d %s %s", p.Status, p.Code, p.RequestID)
}

// recorded tells that the refusal is the end of a request that is on record.
func (p *Problem) recorded() bool { return p.ID != "" && p.State.Final() }

// problemOf reads a refusal; one that is no problem document has its status alone.
func problemOf(r Response) *Problem {
	var p Problem
	if err := json.Unmarshal(r.Body, &p); err != nil {
		p = Problem{}
	}
	p.Status = r.Status
	if p.Code == "" {
		p.Code = http.StatusText(r.Status)
	}
	return &p
}

// decode reads an answer with one of these statuses. Errors: *Problem for a refusal; an
// answer that is not as documented.
func decode[T any](r Response, err error, statuses ...int) (T, error) {
	var into T
	if err != nil {
		return into, err
	}
	if !slices.Contains(statuses, r.Status) {
		return into, problemOf(r)
	}
	if err := json.Unmarshal(r.Body, &into); err != nil {
		return into, fmt.Errorf("answer %d: %w", r.Status, err)
	}
	return into, nil
}
