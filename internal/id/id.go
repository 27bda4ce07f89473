// Package id makes and checks the platform's public identifiers: a three-letter
// prefix, an underscore and 26 characters of Crockford base32 (128 bits).
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// The prefixes, one for each kind of resource.
const (
	Member        = "mem"
	BankAccount   = "acc"
	Firmbanking   = "fbk"
	TopUp         = "top"
	Withdrawal    = "wdr"
	Remittance    = "rem"
	Payment       = "pay"
	Cancel        = "cxl"
	Franchise     = "fra"
	Statement     = "stl"
	SettlementRun = "run"
	Registration  = "reg" // a registration's flow: knowing it is the right to read it
	Request       = "req" // one HTTP request
	PayoutChange  = "pch" // of a franchise's payout account
	PayoutRetry   = "prt"
	BankNotice    = "bno" // what a bank tells by itself
	APIKey        = "key" // names a franchise's key; it is not the key
	Event         = "evt" // something a franchise is told of
	Delivery      = "whd" // of an event to a franchise's webhook
)

// Len is the length of every identifier in characters.
const Len = 3 + 1 + ulid.EncodedSize

// New draws an identifier that sorts by its time of creation.
func New(prefix string) string {
	return prefix + "_" + ulid.MustNew(ulid.Timestamp(time.Now()), rand.Reader).String()
}

// Derive computes an identifier from its parts: the same parts give the same
// identifier on every machine, which is what makes a repeated request find the
// first one without a look-up table. Parts are length-prefixed, so that
// ("ab","c") and ("a","bc") differ.
func Derive(prefix string, parts ...string) string {
	h := sha256.New()
	for _, p := range append([]string{prefix}, parts...) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	var u ulid.ULID
	copy(u[:], h.Sum(nil))
	return prefix + "_" + u.String()
}

// Valid tells whether s is a well-formed identifier with this prefix. Letter case
// matters: the upper-case form is the only one.
func Valid(prefix, s string) bool {
	if len(s) != Len || !strings.HasPrefix(s, prefix+"_") {
		return false
	}
	u, err := ulid.ParseStrict(s[len(prefix)+1:])
	return err == nil && u.String() == s[len(prefix)+1:]
}

// Prefix gives the prefix of a well-formed identifier, or "" for anything else.
func Prefix(s string) string {
	if len(s) == Len && s[3] == '_' && Valid(s[:3], s) {
		return s[:3]
	}
	return ""
}
