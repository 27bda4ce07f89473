package membership

import (
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"durapay/errs"
)

// The limits of what is registered, in characters (e-mail: in bytes, RFC 5321 section 4.5.3.1.3 and erratum 1690).
// For passwords there is a length and no rule of composition (NIST SP 800-63B section 3.1.1.2).
const (
	MaxNameLen     = 50
	MaxEmailLen    = 254
	MinPasswordLen = 10
	MaxPasswordLen = 128
	MaxDetailLen   = 200
)

// Registration is what someone gives to become a member.
type Registration struct {
	Name, Email, Password, Phone string
	Address                      Address
}

// Check tells what is wrong with the registration, every bad field at once. Errors: errs.InvalidRequest with JSON
// pointers /name, /email, /password, /phone, /address/region and /address/detail.
func (r Registration) Check() error {
	_, err := r.Normalised()
	return err
}

// Normalised checks the registration and gives it in the form that is stored: trimmed, Unicode NFC, e-mail in lower
// case, phone in E.164, region as its code. Errors: as Check.
func (r Registration) Normalised() (Registration, error) {
	var c checker
	n := Registration{
		Name:     c.name(r.Name),
		Email:    c.email(r.Email),
		Password: c.password(r.Password),
		Phone:    c.phone(r.Phone),
		Address:  Address{Region: c.region(r.Address.Region), Detail: c.detail(r.Address.Detail)},
	}
	return n, c.err()
}

// checker normalises fields and gathers what is wrong with them.
type checker struct{ bad []errs.Field }

func (c *checker) err() error {
	if len(c.bad) == 0 {
		return nil
	}
	return errs.InvalidFields(c.bad...)
}

func (c *checker) refuse(pointer string, code *errs.Error, param, value string) {
	f := errs.Field{Pointer: pointer, Code: code.Code}
	if param != "" {
		f.Params = map[string]string{param: value}
	}
	c.bad = append(c.bad, f)
}

// text gives s trimmed in NFC, and false when it has been refused.
func (c *checker) text(pointer, s string, required bool, most int) (string, bool) {
	s = strings.TrimSpace(norm.NFC.String(s))
	switch {
	case s == "" && required:
		c.refuse(pointer, errs.FieldRequired, "", "")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unprintable):
		c.refuse(pointer, errs.FieldFormat, "expected", "printable characters")
	case utf8.RuneCountInString(s) > most:
		c.refuse(pointer, errs.FieldTooLong, "max", strconv.Itoa(most))
	default:
		return s, true
	}
	return s, false
}

// unprintable: control characters, and format characters such as direction overrides that make a name show as another.
func unprintable(r rune) bool { return !unicode.IsGraphic(r) }

func (c *checker) name(s string) string {
	s, _ = c.text("/name", s, true, MaxNameLen)
	return s
}

func (c *checker) detail(s string) string {
	s, _ = c.text("/address/detail", s, false, MaxDetailLen)
	return s
}

func (c *checker) email(s string) string {
	const pointer = "/email"
	s, ok := c.text(pointer, s, true, MaxEmailLen)
	if !ok {
		return s
	}
	s = normalEmail(s)
	if len(s) > MaxEmailLen {
		c.refuse(pointer, errs.FieldTooLong, "max", strconv.Itoa(MaxEmailLen))
		return s
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s { // a display name, a comment or a quoted local part
		c.refuse(pointer, errs.FieldFormat, "expected", "user@example.com")
	}
	return s
}

// normalEmail is the one form in which an e-mail is stored and looked up.
func normalEmail(s string) string {
	return norm.NFC.String(strings.ToLower(norm.NFC.String(strings.TrimSpace(s))))
}

// password is not trimmed: a space is a character like any other.
func (c *checker) password(s string) string {
	const pointer = "/password"
	s = normalPassword(s)
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		c.refuse(pointer, errs.FieldRequired, "", "")
	case !utf8.ValidString(s):
		c.refuse(pointer, errs.FieldFormat, "expected", "UTF-8")
	case n < MinPasswordLen:
		c.refuse(pointer, errs.FieldTooShort, "min", strconv.Itoa(MinPasswordLen))
	case n > MaxPasswordLen:
		c.refuse(pointer, errs.FieldTooLong, "max", strconv.Itoa(MaxPasswordLen))
	}
	return s
}

// normalPassword makes a password typed on two kinds of keyboard the same bytes (NIST SP 800-63B section 3.1.1.2).
func normalPassword(s string) string { return norm.NFC.String(s) }

var (
	domesticPhone      = regexp.MustCompile(`^0(1[016789])-?(\d{3,4})-?(\d{4})$`)
	internationalPhone = regexp.MustCompile(`^\+82[- ]?0?(1[016789])-?(\d{3,4})-?(\d{4})$`)
)

// phone gives a Korean mobile number in E.164.
func (c *checker) phone(s string) string {
	const pointer = "/phone"
	s = strings.TrimSpace(s)
	if s == "" {
		c.refuse(pointer, errs.FieldRequired, "", "")
		return s
	}
	for _, pattern := range []*regexp.Regexp{domesticPhone, internationalPhone} {
		if m := pattern.FindStringSubmatch(s); m != nil {
			return "+82" + m[1] + m[2] + m[3]
		}
	}
	c.refuse(pointer, errs.FieldFormat, "expected", "010-1234-5678")
	return s
}

func (c *checker) region(s string) string {
	const pointer = "/address/region"
	if strings.TrimSpace(s) == "" {
		c.refuse(pointer, errs.FieldRequired, "", "")
		return s
	}
	r, known := ParseRegion(s)
	if !known {
		c.refuse(pointer, errs.FieldNotOneOf, "allowed", regionCodes())
	}
	return r.Code
}
