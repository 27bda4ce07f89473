// Package problem turns errors into RFC 9457 problem details in the client's language.
// It is the one place that knows HTTP statuses and words; nothing internal passes it.
package problem

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"durapay/errs"
)

// ContentType is the media type of a problem.
const ContentType = "application/problem+json"

// Problem is the body of every error (RFC 9457).
type Problem struct {
	Type      string            `json:"type" example:"urn:durapay:problem:insufficient_balance"`
	Title     string            `json:"title" example:"Insufficient balance"`
	Status    int               `json:"status" example:"422"`
	Detail    string            `json:"detail" example:"The wallet has 1000 won available; 5000 won are needed."`
	Code      string            `json:"code" example:"insufficient_balance"`
	RequestID string            `json:"requestId" example:"req_01JZ0000000000000000000000"`
	ID        string            `json:"id,omitempty" example:"rem_01JZ0000000000000000000000"` // the record of a refused money request
	State     string            `json:"state,omitempty" example:"FAILED"`                      // of that record
	Params    map[string]string `json:"params,omitempty" example:"available:1000,needed:5000"`
	Errors    []FieldProblem    `json:"errors,omitempty"`
} // @name Problem

// FieldProblem points at one bad member of the request.
type FieldProblem struct {
	Pointer string `json:"pointer" example:"/amount"`
	Code    string `json:"code" example:"too_small"`
	Detail  string `json:"detail" example:"Expected at least 1."`
} // @name FieldProblem

// Language is one of the languages that messages exist in.
type Language int

// The languages; the first is used when a client accepts neither.
const (
	English Language = iota
	Korean
)

// Tag gives the language's BCP 47 tag.
func (l Language) Tag() string { return [...]string{"en", "ko"}[l] }

var matcher = language.NewMatcher([]language.Tag{language.English, language.Korean})

// Choose reads an Accept-Language header.
func Choose(acceptLanguage string) Language {
	_, index := language.MatchStrings(matcher, acceptLanguage)
	return Language(index)
}

// Of makes the problem of an error. The parameters of internal errors stay inside.
func Of(err error, l Language, requestID string) Problem {
	e := errs.Of(err)
	params := e.Params
	if e.Kind == errs.Internal || e.Kind == errs.Unavailable {
		params = nil
	}
	m := Words(string(e.Code), l)
	p := Problem{
		Type: "urn:durapay:problem:" + string(e.Code), Title: m.Title, Status: Status(e.Kind),
		Detail: fill(m.Detail, params), Code: string(e.Code), RequestID: requestID, Params: params,
	}
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, FieldProblem{Pointer: f.Pointer, Code: string(f.Code), Detail: fill(Words(string(f.Code), l).Detail, f.Params)})
	}
	return p
}

// Status maps a kind of error to its HTTP status.
func Status(k errs.Kind) int {
	switch k {
	case errs.Invalid:
		return http.StatusBadRequest
	case errs.Unauthenticated:
		return http.StatusUnauthorized
	case errs.Forbidden:
		return http.StatusForbidden
	case errs.NotFound:
		return http.StatusNotFound
	case errs.Conflict:
		return http.StatusConflict
	case errs.Precondition:
		return http.StatusPreconditionFailed
	case errs.Refused:
		return http.StatusUnprocessableEntity
	case errs.TooMany:
		return http.StatusTooManyRequests
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// Message is the words of a code in one language.
type Message struct{ Title, Detail string }

//go:embed messages.csv
var messagesCSV []byte

var catalogue = mustParse(messagesCSV)

// Words gives the words of a code; an unknown code speaks for itself.
func Words(code string, l Language) Message {
	m, known := catalogue[code]
	if !known {
		return Message{Title: code, Detail: code}
	}
	return m[l]
}

// Sentence gives the detail of a code with its parameters filled in; params are name,
// value pairs.
func Sentence(code string, l Language, params ...string) string {
	m := map[string]string{}
	for i := 0; i+1 < len(params); i += 2 {
		m[params[i]] = params[i+1]
	}
	return fill(Words(code, l).Detail, m)
}

// Codes lists the codes that have words, sorted.
func Codes() []string { return slices.Sorted(maps.Keys(catalogue)) }

func fill(text string, params map[string]string) string {
	for name, value := range params {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// mustParse reads the embedded catalogue. It is part of the program: a mistake in it is
// found by the first test, not by a client.
func mustParse(data []byte) map[string][2]Message {
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("messages.csv: %v", err))
	}
	out := make(map[string][2]Message, len(rows))
	for _, row := range rows[1:] {
		out[row[0]] = [2]Message{English: {row[1], row[2]}, Korean: {row[3], row[4]}}
	}
	return out
}
