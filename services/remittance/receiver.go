package remittance

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"durapay/errs"
	"durapay/internal/bankaccount"
	"durapay/internal/id"
)

// Receiver is who gets the money: a member, or the holder of an account at a bank, but
// not both.
type Receiver struct {
	MembershipID  string
	BankCode      string
	AccountNumber string // digits; hyphens, as people write them, do not count
	HolderName    string
}

// Bank tells whether the money goes to an account at a bank.
func (r Receiver) Bank() bool { return r.BankCode != "" || r.AccountNumber != "" || r.HolderName != "" }

// MaskedNumber shows the last four digits of the account's number.
func (r Receiver) MaskedNumber() string {
	return bankaccount.Masked(r.AccountNumber)
}

// LogValue keeps number and name out of logs.
func (r Receiver) LogValue() slog.Value {
	if r.Bank() {
		return slog.StringValue("bank " + r.BankCode)
	}
	return slog.StringValue(r.MembershipID)
}

// Normal gives the one way of writing it: no hyphens, no spaces around.
func (r Receiver) Normal() Receiver {
	return Receiver{
		MembershipID:  r.MembershipID,
		BankCode:      strings.TrimSpace(r.BankCode),
		AccountNumber: bankaccount.NormalNumber(r.AccountNumber),
		HolderName:    strings.TrimSpace(r.HolderName),
	}
}

// badFields looks at a receiver in its normal form.
func (r Receiver) badFields() []errs.Field {
	switch {
	case r.MembershipID != "":
		return r.badMember()
	case r.Bank():
		return r.badAccount()
	default:
		return []errs.Field{{Pointer: "/to/membershipId", Code: errs.FieldRequired.Code}}
	}
}

// badMember refuses an account beside the member: one of the two would be ignored.
func (r Receiver) badMember() []errs.Field {
	var fields []errs.Field
	if !id.Valid(id.Member, r.MembershipID) {
		fields = append(fields, badField("/to/membershipId", errs.FieldFormat, "expected", "the id of a member"))
	}
	for _, m := range []struct{ pointer, value string }{
		{"/to/bankCode", r.BankCode}, {"/to/accountNumber", r.AccountNumber}, {"/to/holderName", r.HolderName},
	} {
		if m.value != "" {
			fields = append(fields, errs.Field{Pointer: m.pointer, Code: errs.FieldForbidden.Code})
		}
	}
	return fields
}

func (r Receiver) badAccount() []errs.Field {
	var fields []errs.Field
	bad := func(pointer, value string, code *errs.Error, name, expected string) {
		if value == "" {
			fields = append(fields, errs.Field{Pointer: pointer, Code: errs.FieldRequired.Code})
			return
		}
		fields = append(fields, badField(pointer, code, name, expected))
	}
	if !bankaccount.ValidCode(r.BankCode) {
		bad("/to/bankCode", r.BankCode, errs.FieldFormat, "expected", "3 digits")
	}
	if !bankaccount.ValidNumber(r.AccountNumber) {
		bad("/to/accountNumber", r.AccountNumber, errs.FieldFormat, "expected", "10 to 16 digits")
	}
	switch {
	case !utf8.ValidString(r.HolderName), strings.ContainsFunc(r.HolderName, unicode.IsControl), r.HolderName == "":
		bad("/to/holderName", r.HolderName, errs.FieldFormat, "expected", "text")
	case utf8.RuneCountInString(r.HolderName) > bankaccount.MaxHolderRunes:
		bad("/to/holderName", r.HolderName, errs.FieldTooLong, "max", strconv.Itoa(bankaccount.MaxHolderRunes))
	}
	return fields
}

func badField(pointer string, code *errs.Error, name, value string) errs.Field {
	return errs.Field{Pointer: pointer, Code: code.Code, Params: map[string]string{name: value}}
}

// sealedAccount is what of an account is personal data, as it is sealed.
type sealedAccount struct {
	Number string `json:"number"`
	Holder string `json:"holder"`
}

// sealTo gives what is to be stored in to_sealed: nil for a member.
func (s *Service) sealTo(remittanceID string, to Receiver) ([]byte, error) {
	if !to.Bank() {
		return nil, nil
	}
	plain, err := json.Marshal(sealedAccount{Number: to.AccountNumber, Holder: to.HolderName})
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", remittanceID, err)
	}
	sealed, err := s.ring.Seal(plain, toPlace(remittanceID))
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", remittanceID, err)
	}
	return sealed, nil
}

func (s *Service) openTo(r Row) (Receiver, error) {
	if r.BankCode == "" {
		return Receiver{MembershipID: r.ReceiverID}, nil
	}
	plain, err := s.ring.Open(r.ToSealed, toPlace(r.ID))
	if err != nil {
		return Receiver{}, fmt.Errorf("open %s: %w", r.ID, err)
	}
	var account sealedAccount
	if err := json.Unmarshal(plain, &account); err != nil {
		return Receiver{}, fmt.Errorf("open %s: the account is not readable", r.ID) // the cause could quote it
	}
	return Receiver{BankCode: r.BankCode, AccountNumber: account.Number, HolderName: account.Holder}, nil
}

// toPlace binds a sealed account to its row, so that it does not open in another one.
func toPlace(remittanceID string) string { return "remittances.to_sealed/" + remittanceID }
