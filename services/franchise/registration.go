package franchise

import (
	"log/slog"
	"strings"
	"time"

	"durapay/errs"
	"durapay/internal/bankaccount"
	"durapay/internal/id"
	"durapay/internal/record"
)

const (
	maxNameRunes      = 100
	maxContactRunes   = 200
	maxFingerprintLen = 128
)

// Status is whether a registered franchise takes payments.
type Status string

// The statuses. A deactivated franchise takes no new payments and is still settled.
const (
	Unregistered Status = "" // its registration has not succeeded
	Active       Status = "ACTIVE"
	Deactivated  Status = "DEACTIVATED"
)

// Franchise is a merchant, or the registration of one.
type Franchise struct {
	ID               string
	Name             string
	BusinessNumber   string // 10 digits
	Contact          string // personal data
	Payout           Payout
	PayoutVerifiedAt time.Time      // when the bank confirmed the payout account; zero before
	State            record.State   // of the registration
	Refusal          record.Failure // why the registration cannot succeed; decided when it began, and for good
	Failure          record.Failure // how the registration ended
	Until            time.Time      // for WAITING; zero otherwise
	Status           Status
	Contracts        []Contract // by EffectiveFrom, ascending
	Version          int64      // for If-Match
	Fingerprint      string
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// LogValue keeps personal data out of logs.
func (f Franchise) LogValue() slog.Value { return slog.StringValue(f.ID) }

// NewFranchise is a merchant to be registered.
type NewFranchise struct {
	ID             string
	Name           string
	BusinessNumber string // as people write it: hyphens do not count
	Contact        string
	Payout         Payout
	Contract       NewContract
	Fingerprint    string
}

// LogValue keeps personal data out of logs.
func (n NewFranchise) LogValue() slog.Value { return slog.StringValue(n.ID) }

// Normal gives the one way of writing it.
func (n NewFranchise) Normal() NewFranchise {
	n.Name, n.Contact = strings.TrimSpace(n.Name), strings.TrimSpace(n.Contact)
	n.BusinessNumber = strings.ReplaceAll(strings.TrimSpace(n.BusinessNumber), "-", "")
	n.Payout = n.Payout.Normal()
	return n
}

// check looks at what a client has typed in.
func (n NewFranchise) check() *errs.Error {
	n = n.Normal()
	var f fields
	f.text("/name", n.Name, 1, maxNameRunes)
	f.businessNumber("/businessNumber", n.BusinessNumber)
	f.text("/contact", n.Contact, 0, maxContactRunes)
	f.payout("/payout", n.Payout)
	f.contract("/contract", n.Contract)
	return f.err()
}

// wellFormed looks at what has to hold for a registration to be stored.
func (n NewFranchise) wellFormed() *errs.Error {
	switch {
	case !id.Valid(id.Franchise, n.ID):
		return errs.InvalidField("/id", errs.FieldFormat)
	case len(n.Fingerprint) > maxFingerprintLen:
		return errs.InvalidField("/fingerprint", errs.FieldTooLong)
	default:
		return n.check()
	}
}

// businessNumberWeights are those of a business registration number's first nine digits.
var businessNumberWeights = [9]int{1, 3, 7, 1, 3, 7, 1, 3, 5}

const businessNumberLen = 10

// ValidBusinessNumber verifies the check digit of a business registration number of 10
// digits: the weighted sum of the first nine, and the tens of five times the ninth,
// make a multiple of ten with the last.
func ValidBusinessNumber(number string) bool {
	if len(number) != businessNumberLen || !bankaccount.Digits(number) || number == "0000000000" {
		return false
	}
	sum := 0
	for i, weight := range businessNumberWeights {
		sum += weight * int(number[i]-'0')
	}
	sum += int(number[8]-'0') * 5 / 10
	return (sum+int(number[9]-'0'))%10 == 0
}

// Patch is what is to change of a franchise; nil leaves a thing as it is.
type Patch struct {
	Name     *string
	Contact  *string
	Status   *Status
	Contract *NewContract
}

// LogValue keeps personal data out of logs.
func (p Patch) LogValue() slog.Value { return slog.StringValue("patch") }

func (p Patch) normal() Patch {
	trim := func(s *string) *string {
		if s == nil {
			return nil
		}
		trimmed := strings.TrimSpace(*s)
		return &trimmed
	}
	p.Name, p.Contact = trim(p.Name), trim(p.Contact)
	return p
}

// check looks at a patch in its normal form, and gives the contract in it, if any.
func (p Patch) check() (*Contract, *errs.Error) {
	var f fields
	var contract *Contract
	if p.Name != nil {
		f.text("/name", *p.Name, 1, maxNameRunes)
	}
	if p.Contact != nil {
		f.text("/contact", *p.Contact, 0, maxContactRunes)
	}
	if p.Status != nil && *p.Status != Active && *p.Status != Deactivated {
		f.bad("/status", errs.FieldNotOneOf, "allowed", string(Active)+", "+string(Deactivated))
	}
	if p.Contract != nil {
		c := f.contract("/contract", *p.Contract)
		contract = &c
	}
	return contract, f.err()
}

// modifiable tells why a row is not to be changed. contract is nil when none is new.
func (r Row) modifiable(version int64, contract *Contract, now time.Time) *errs.Error {
	switch {
	case r.State != record.Succeeded:
		return errs.FranchiseNotFound
	case r.Version != version:
		return errs.EtagMismatch
	case contract != nil && contract.EffectiveFrom < tomorrow(now):
		return errs.ContractInForce.With("since", r.inForceSince(now)).With("from", tomorrow(now))
	default:
		return nil
	}
}

// inForceSince gives when the present contract began; when there is none yet, when the
// first one will.
func (r Row) inForceSince(now time.Time) string {
	if c, found := InForce(r.Contracts, DateOf(now)); found {
		return c.EffectiveFrom
	}
	if len(r.Contracts) > 0 {
		return r.Contracts[0].EffectiveFrom
	}
	return DateOf(now)
}
