package bank

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// fieldError is bad input: which field, and the rule it breaks. It never repeats the value.
type fieldError struct {
	field string
	rule  string
}

func (e *fieldError) Error() string {
	if e.field == "" {
		return e.rule
	}
	return e.field + ": " + e.rule
}

// within puts the field under a parent.
func (e *fieldError) within(parent string) *fieldError {
	return &fieldError{field: parent + "." + e.field, rule: e.rule}
}

func invalid(field, rule string) *fieldError { return &fieldError{field: field, rule: rule} }

// firstError gives the first that is not nil.
func firstError(all ...*fieldError) *fieldError {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// The rules as they are told to a client.
const (
	bankCodeRule      = "must be 3 digits"
	accountNumberRule = "must be 10 to 16 digits"
	holderNameRule    = "must be 1 to 50 characters without control characters"
	memoRule          = "must be at most 100 characters without control characters"
	referenceRule     = "must be 1 to 128 visible ASCII characters"
	reservedRule      = "must not be OPENING, begin with BDP or end with /return: these are the bank's own"
	reasonRule        = "must be a reason for which a transfer is rejected"
	amountRule        = "must be 1 to 1000000000000000"
	balanceRule       = "must be given, 0 to 1000000000000000"
	stateRule         = "must be OPEN, CLOSED, SUSPENDED or REPORTED"
	currencyRule      = "must be KRW"
	validUntilRule    = "must be an RFC 3339 time with zone, from the year 2000 to 9998"
	dateRule          = "must be a date YYYY-MM-DD, from the year 2000 to 9998"
	limitRule         = "must be 1 to 500"
	afterRule         = "must be the next of an earlier page of this statement"
)

const (
	maxHolderNameRunes = 50
	maxMemoRunes       = 100
	maxReferenceBytes  = 128
	// Years the database's DATETIME keeps in any zone.
	minYear = 2000
	maxYear = 9998
)

func isBankCode(s string) bool { return len(s) == 3 && isDigits(s) }

func isAccountNumber(s string) bool { return len(s) >= 10 && len(s) <= 16 && isDigits(s) }

func isDigits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

func isReference(s string) bool {
	invisible := func(r rune) bool { return r < '!' || r > '~' }
	return s != "" && len(s) <= maxReferenceBytes && strings.IndexFunc(s, invisible) < 0
}

func isHolderName(s string) bool {
	return strings.TrimSpace(s) != "" && isText(s, maxHolderNameRunes)
}

func isText(s string, maxRunes int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxRunes && strings.IndexFunc(s, unicode.IsControl) < 0
}

func isAmount(n int64) bool { return n >= 1 && n <= MaxAmount }

func isYear(t time.Time) bool { return t.Year() >= minYear && t.Year() <= maxYear }

// must gives an error when the condition does not hold.
func must(holds bool, field, rule string) *fieldError {
	if holds {
		return nil
	}
	return invalid(field, rule)
}

func (k AccountKey) validate() *fieldError {
	return firstError(
		must(isBankCode(k.BankCode), "bankCode", bankCodeRule),
		must(isAccountNumber(k.AccountNumber), "accountNumber", accountNumberRule))
}

// parseMoment reads an RFC 3339 time, as exact as the database keeps it.
func parseMoment(field, text string) (time.Time, *fieldError) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || !isYear(t.UTC()) {
		return time.Time{}, invalid(field, validUntilRule)
	}
	return t.UTC().Truncate(time.Microsecond), nil
}
