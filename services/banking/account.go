package banking

import (
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"durapay/errs"
	"durapay/internal/bankaccount"
	"durapay/internal/record"
)

// AccountState is whether a bank account is linked.
type AccountState string

// The states of a linked account. Unlinked is for good: linking again makes a new one.
const (
	Linked   AccountState = "LINKED"
	Unlinked AccountState = "UNLINKED"
)

// Account is a bank account a member has linked, with their consent to debit it.
type Account struct {
	ID           string
	MembershipID string
	BankCode     string
	Number       string // digits only
	HolderName   string
	State        AccountState
	Fingerprint  string
	ConsentAt    time.Time
	RevokedAt    time.Time // zero while linked
	CreatedAt    time.Time
}

// MaskedNumber shows the last four digits.
func (a Account) MaskedNumber() string { return bankaccount.Masked(a.Number) }

// LogValue keeps number and name out of logs.
func (a Account) LogValue() slog.Value { return slog.StringValue(a.ID) }

// NewAccount is an account to be linked.
type NewAccount struct {
	ID           string
	MembershipID string
	BankCode     string
	Number       string // as people write it: hyphens do not count
	HolderName   string
	DebitConsent bool // the holder's recorded consent to debits [전자금융거래법 §15]
	Fingerprint  string
}

// LogValue keeps number and name out of logs.
func (n NewAccount) LogValue() slog.Value { return slog.StringValue(n.ID) }

// Check looks at what a client has typed in. Errors: errs.InvalidRequest with the
// pointers /bankCode, /accountNumber, /holderName and /debitConsent.
func (n NewAccount) Check() error {
	fields := n.Ref().badFields()
	if !n.DebitConsent {
		fields = append(fields, errs.Field{Pointer: "/debitConsent", Code: errs.FieldMustBe.Code, Params: map[string]string{"expected": "true"}})
	}
	if len(fields) > 0 {
		return errs.InvalidFields(fields...)
	}
	return nil
}

// Ref names the account as banks do.
func (n NewAccount) Ref() BankAccountRef {
	return BankAccountRef{BankCode: n.BankCode, Number: n.Number, HolderName: n.HolderName}.Normal()
}

// BankAccountRef is an account at a bank, and who is said to hold it.
type BankAccountRef struct {
	BankCode   string
	Number     string
	HolderName string
}

// LogValue keeps number and name out of logs.
func (r BankAccountRef) LogValue() slog.Value { return slog.StringValue("bank " + r.BankCode) }

// Normal gives the one way of writing it: no hyphens, no spaces around.
func (r BankAccountRef) Normal() BankAccountRef {
	return BankAccountRef{
		BankCode:   strings.TrimSpace(r.BankCode),
		Number:     bankaccount.NormalNumber(r.Number),
		HolderName: strings.TrimSpace(r.HolderName),
	}
}

// Check looks at what a client has typed in. Errors: errs.InvalidRequest with the
// pointers /bankCode, /accountNumber and /holderName.
func (r BankAccountRef) Check() error {
	if fields := r.Normal().badFields(); len(fields) > 0 {
		return errs.InvalidFields(fields...)
	}
	return nil
}

// badFields looks at a reference in its normal form.
func (r BankAccountRef) badFields() []errs.Field {
	var fields []errs.Field
	bad := func(pointer string, code *errs.Error, params map[string]string) {
		fields = append(fields, errs.Field{Pointer: pointer, Code: code.Code, Params: params})
	}
	if r.BankCode == "" {
		bad("/bankCode", errs.FieldRequired, nil)
	} else if _, known := FindInstitution(r.BankCode); !known {
		bad("/bankCode", errs.FieldNotOneOf, map[string]string{"allowed": "the code of a bank"})
	}
	if r.Number == "" {
		bad("/accountNumber", errs.FieldRequired, nil)
	} else if !bankaccount.ValidNumber(r.Number) {
		bad("/accountNumber", errs.FieldFormat, map[string]string{"expected": "10 to 16 digits"})
	}
	switch {
	case r.HolderName == "":
		bad("/holderName", errs.FieldRequired, nil)
	case utf8.RuneCountInString(r.HolderName) > bankaccount.MaxHolderRunes:
		bad("/holderName", errs.FieldTooLong, map[string]string{"max": "50"})
	case !utf8.ValidString(r.HolderName) || strings.ContainsFunc(r.HolderName, unicode.IsControl):
		bad("/holderName", errs.FieldFormat, map[string]string{"expected": "text"})
	}
	return fields
}

// AccountUse is a member's wish to use a linked account.
type AccountUse struct {
	MembershipID  string
	BankAccountID string
}

// AccountGrant is the answer to an AccountUse: the bank to go to, or why not.
type AccountGrant struct {
	BankCode string
	Failure  record.Failure
}

// grant decides on the use of an account. found is false when there is none with this id.
func grant(use AccountUse, a AccountRow, found bool) AccountGrant {
	switch {
	case !found, a.MembershipID != use.MembershipID:
		return AccountGrant{Failure: record.FailureOf(errs.BankAccountNotFound)}
	case a.State != Linked:
		return AccountGrant{Failure: record.FailureOf(errs.BankAccountUnlinked)}
	default:
		return AccountGrant{BankCode: a.BankCode}
	}
}

// LinkRecord is a request to link an account, as its owner can read it; the account
// that comes of it has the same id.
type LinkRecord struct {
	ID           string         `db:"id"`
	MembershipID string         `db:"membership_id"`
	Fingerprint  string         `db:"fingerprint"`
	State        record.State   `db:"state"`
	Failure      record.Failure `db:"failure"`
	Until        time.Time      `db:"-"` // for WAITING; zero otherwise
	CreatedAt    time.Time      `db:"created_at"`
	UpdatedAt    time.Time      `db:"updated_at"`
}
