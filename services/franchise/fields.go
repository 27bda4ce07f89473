package franchise

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"durapay/errs"
	"durapay/internal/bankaccount"
)

// fields gathers what is wrong with a request.
type fields []errs.Field

// bad notes one offending member. Params are name, value pairs.
func (f *fields) bad(pointer string, code *errs.Error, params ...string) {
	*f = append(*f, errs.InvalidField(pointer, code, params...).Fields...)
}

func (f fields) err() *errs.Error {
	if len(f) == 0 {
		return nil
	}
	return errs.InvalidFields(f...)
}

// text wants this many runes of one line.
func (f *fields) text(pointer, value string, least, most int) {
	switch {
	case value == "" && least > 0:
		f.bad(pointer, errs.FieldRequired)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		f.bad(pointer, errs.FieldFormat, "expected", "text")
	case utf8.RuneCountInString(value) > most:
		f.bad(pointer, errs.FieldTooLong, "max", strconv.Itoa(most))
	}
}

// between wants a number of this range.
func (f *fields) between(pointer string, value, least, most int) {
	switch {
	case value < least:
		f.bad(pointer, errs.FieldTooSmall, "min", strconv.Itoa(least))
	case value > most:
		f.bad(pointer, errs.FieldTooLarge, "max", strconv.Itoa(most))
	}
}

func (f *fields) businessNumber(pointer, number string) {
	switch {
	case number == "":
		f.bad(pointer, errs.FieldRequired)
	case !ValidBusinessNumber(number):
		f.bad(pointer, errs.FieldFormat, "expected", "a business registration number of 10 digits")
	}
}

// payout looks at an account in its normal form. Which banks there are is the banking
// service's to know.
func (f *fields) payout(prefix string, p Payout) {
	switch {
	case p.BankCode == "":
		f.bad(prefix+"/bankCode", errs.FieldRequired)
	case !bankaccount.ValidCode(p.BankCode):
		f.bad(prefix+"/bankCode", errs.FieldFormat, "expected", "3 digits")
	}
	switch {
	case p.Number == "":
		f.bad(prefix+"/accountNumber", errs.FieldRequired)
	case !bankaccount.ValidNumber(p.Number):
		f.bad(prefix+"/accountNumber", errs.FieldFormat, "expected", "10 to 16 digits")
	}
	f.text(prefix+"/holderName", p.HolderName, 1, bankaccount.MaxHolderRunes)
}

// contract looks at a contract and gives it with its rate.
func (f *fields) contract(prefix string, n NewContract) Contract {
	c := Contract{EffectiveFrom: n.EffectiveFrom, Cycle: n.Cycle, PayoutBusinessDays: n.PayoutBusinessDays}
	if n.EffectiveFrom == "" {
		f.bad(prefix+"/effectiveFrom", errs.FieldRequired)
	} else if !validDate(n.EffectiveFrom) {
		f.bad(prefix+"/effectiveFrom", errs.FieldFormat, "expected", "a date such as 2026-11-22")
	}
	c.FeeBasisPoints = f.rate(prefix, n)
	if n.Cycle == "" {
		f.bad(prefix+"/cycle", errs.FieldRequired)
	} else if !n.Cycle.Valid() {
		f.bad(prefix+"/cycle", errs.FieldNotOneOf, "allowed", string(Daily)+", "+string(Weekly)+", "+string(Monthly))
	}
	f.between(prefix+"/payoutBusinessDays", n.PayoutBusinessDays, 0, maxPayoutBusinessDays)
	return c
}

// rate gives a contract's fee, agreed on or by the tier, in basis points.
func (f *fields) rate(prefix string, n NewContract) int {
	switch {
	case n.FeeBasisPoints == nil && n.Tier == nil:
		f.bad(prefix+"/feeBasisPoints", errs.FieldRequired)
	case n.FeeBasisPoints != nil && n.Tier != nil:
		f.bad(prefix+"/feeBasisPoints", errs.FieldForbidden)
	case n.Tier != nil:
		return f.tier(prefix+"/tier", *n.Tier, n.EffectiveFrom)
	default:
		f.between(prefix+"/feeBasisPoints", *n.FeeBasisPoints, 0, MaxFeeBasisPoints)
		return *n.FeeBasisPoints
	}
	return 0
}

func (f *fields) tier(prefix string, t Tier, on string) int {
	if !validDate(on) {
		return 0 // told already
	}
	if t.Method != CreditCard && t.Method != CheckCard {
		f.bad(prefix+"/method", errs.FieldNotOneOf, "allowed", string(CreditCard)+", "+string(CheckCard))
		return 0
	}
	if t.YearlySales < 0 {
		f.bad(prefix+"/yearlySales", errs.FieldTooSmall, "min", "0")
		return 0
	}
	bp, ok := PreferentialRate(t.YearlySales, t.Method, on)
	if !ok {
		f.bad(prefix+"/yearlySales", errs.FieldMustBe, "expected", "within a preferential tier on "+on)
	}
	return bp
}
