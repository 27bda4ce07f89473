// Package page has keyset paging: newest first, a position in the list instead of an
// offset, so that a page costs the same however deep it lies and new rows shift nothing.
package page

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"durapay/errs"
)

// The bounds of a page's length, in items.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// The years that a DATETIME holds.
const minYear, maxYear = 1000, 9999

// Cursor is the position behind the last item of a page. The zero Cursor is the start.
type Cursor struct {
	At time.Time `json:"t,omitzero"`
	ID string    `json:"i,omitempty"`
}

// Request is what a caller asks of a list.
type Request struct {
	After Cursor
	Limit int
}

// Page is one page of a list; Next is "" on the last one.
type Page[T any] struct {
	Items []T
	Next  string
}

// Parse reads a cursor and a limit as they come in a query; 0 and "" mean the defaults.
// Errors: errs.InvalidRequest naming the parameter.
func Parse(cursor string, limit int) (Request, error) {
	if limit == 0 {
		limit = DefaultLimit
	}
	if limit < 1 || limit > MaxLimit {
		return Request{}, errs.InvalidField("?limit", errs.FieldMustBe, "expected", "1 to 100")
	}
	after, err := decode(cursor)
	if err != nil {
		return Request{}, errs.InvalidField("?cursor", errs.FieldFormat, "expected", "the next value of the page before")
	}
	return Request{After: after, Limit: limit}, nil
}

// Encode writes the cursor as an opaque word.
func (c Cursor) Encode() string {
	b, err := json.Marshal(c)
	if err != nil { // a time outside years 0 to 9999, which no row has
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// Start tells whether c is the start of the list.
func (c Cursor) Start() bool { return c.ID == "" }

// Of makes a page from rows fetched with LIMIT n+1: the extra row tells whether a
// next page exists and is not shown.
func Of[T any](rows []T, limit int, position func(T) Cursor) Page[T] {
	if len(rows) <= limit {
		return Page[T]{Items: rows}
	}
	rows = rows[:limit]
	return Page[T]{Items: rows, Next: position(rows[limit-1]).Encode()}
}

func decode(s string) (Cursor, error) {
	var c Cursor
	if s == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, err
	}
	if c.ID == "" || len(c.ID) > 64 || strings.ContainsFunc(c.ID, func(r rune) bool { return r < '!' || r > '~' }) {
		return c, errs.InvalidRequest // no row has such an id, and a database may refuse to compare it
	}
	if year := c.At.UTC().Year(); year < minYear || year > maxYear {
		return c, errs.InvalidRequest // nor such a time
	}
	return c, nil
}
