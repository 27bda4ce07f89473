package moneydb

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// statement builds a multi-row statement. What nobody can inject with (numbers, times,
// hashes, plain words such as ids) is written into it, which is far cheaper than an
// argument each; all other text is an argument.
type statement struct {
	sql   strings.Builder
	args  []any
	first bool // no column of the row written yet
	rows  int
}

func newStatement(head string, size int) *statement {
	s := &statement{}
	s.sql.Grow(len(head) + size)
	s.sql.WriteString(head)
	return s
}

func (s *statement) text() string { return s.sql.String() }

func (s *statement) raw(sql string) { s.sql.WriteString(sql) }

func (s *statement) open() {
	if s.rows > 0 {
		s.sql.WriteByte(',')
	}
	s.rows++
	s.sql.WriteByte('(')
	s.first = true
}

func (s *statement) close() { s.sql.WriteByte(')') }

func (s *statement) next() {
	if !s.first {
		s.sql.WriteByte(',')
	}
	s.first = false
}

func (s *statement) number(n int64) {
	s.next()
	var digits [20]byte
	s.sql.Write(strconv.AppendInt(digits[:0], n, 10))
}

func (s *statement) optional(n *int64) {
	if n == nil {
		s.null()
		return
	}
	s.number(*n)
}

func (s *statement) string(v string) {
	s.next()
	s.value(v)
}

func (s *statement) value(v string) {
	if !plain(v) {
		s.sql.WriteByte('?')
		s.args = append(s.args, v)
		return
	}
	s.sql.WriteByte('\'')
	s.sql.WriteString(v)
	s.sql.WriteByte('\'')
}

// plain tells whether v consists of characters that mean nothing in a quoted literal,
// in any mode of the server.
func plain(v string) bool {
	for i := range len(v) {
		switch c := v[i]; {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z',
			c == '_', c == '-', c == '/', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}

func (s *statement) stringOrNull(v string) {
	if v == "" {
		s.null()
		return
	}
	s.string(v)
}

func (s *statement) bytes(v []byte) {
	s.next()
	s.sql.WriteString("x'")
	s.sql.WriteString(hex.EncodeToString(v))
	s.sql.WriteByte('\'')
}

func (s *statement) time(t time.Time) {
	s.next()
	var text [32]byte
	s.sql.Write(t.UTC().AppendFormat(text[:0], "'2006-01-02 15:04:05.000000'"))
}

func (s *statement) timeOrNull(t time.Time) {
	if t.IsZero() {
		s.null()
		return
	}
	s.time(t)
}

func (s *statement) null() {
	s.next()
	s.sql.WriteString("NULL")
}

// list writes arguments for IN (…).
func (s *statement) list(values []string) {
	s.first = true
	for _, v := range values {
		s.next()
		s.value(v)
	}
}
