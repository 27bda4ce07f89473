// Package bankaccount has how an account at a Korean bank is written, for all services
// that take one from a client.
package bankaccount

import "strings"

// MaxHolderRunes bounds a holder's name.
const MaxHolderRunes = 50

const (
	codeLen      = 3 // given by the clearing institute
	minNumberLen = 10
	maxNumberLen = 16
	shownDigits  = 4
)

// NormalNumber gives the one way of writing a number: people put hyphens and spaces in.
func NormalNumber(number string) string {
	return strings.ReplaceAll(strings.TrimSpace(number), "-", "")
}

// Masked shows the last four digits of a number.
func Masked(number string) string {
	hidden := max(len(number)-shownDigits, 0)
	return strings.Repeat("*", hidden) + number[hidden:]
}

// ValidCode tells whether a bank's code is well-formed: 3 digits.
func ValidCode(code string) bool { return len(code) == codeLen && Digits(code) }

// ValidNumber tells whether a number in its normal form is well-formed: 10 to 16 digits.
func ValidNumber(number string) bool {
	return len(number) >= minNumberLen && len(number) <= maxNumberLen && Digits(number)
}

// Digits tells whether there is nothing but digits.
func Digits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
