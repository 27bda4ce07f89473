package remittance

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
)

// MaxPerTransfer is the most one remittance moves, in won (practice); Options override it.
const MaxPerTransfer int64 = 2_000_000

// topUpUnit is the unit of an automatic top-up, in won (practice).
const topUpUnit int64 = 10_000

// MaxAmount is the largest amount that is a request at all, in won; MaxPerTransfer
// refuses far smaller ones. Sums of two are far from overflowing an int64.
const MaxAmount int64 = 1_000_000_000_000_000

const (
	maxMemoRunes      = 100
	maxFingerprintLen = 128
	maxYearsAhead     = 1
)

// Remittance is a request to send money. Amount is in won.
type Remittance struct {
	ID                 string
	SenderID           string
	To                 Receiver
	Amount             int64
	Memo               string
	AutoTopUpAccountID string // the linked account to fill a short balance from; "" when the sender does not allow it
	TopUpID            string // the top-up made for it
	Fingerprint        string
	State              record.State
	Failure            record.Failure
	Refusal            record.Failure // why Begin refused it: for good, whatever State says by now
	Until              time.Time      // for WAITING; zero otherwise
	ExecuteAt          time.Time      // zero for at once
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

// LogValue keeps memo and account out of logs.
func (r Remittance) LogValue() slog.Value { return slog.StringValue(r.ID) }

// wellFormed looks at what has to hold for a request to be stored at all.
func wellFormed(r Remittance) *errs.Error {
	switch {
	case !id.Valid(id.Remittance, r.ID):
		return errs.InvalidField("/id", errs.FieldFormat)
	case !id.Valid(id.Member, r.SenderID):
		return errs.InvalidField("/senderId", errs.FieldFormat)
	case len(r.Fingerprint) > maxFingerprintLen:
		return errs.InvalidField("/fingerprint", errs.FieldTooLong)
	case !storable(r.ExecuteAt):
		return errs.InvalidField("/executeAt", errs.FieldMustBe, "expected", "a time in the future")
	default:
		return wellFormedBody(r)
	}
}

// storable tells whether a database can keep this time, or there is none to keep.
func storable(at time.Time) bool {
	return at.IsZero() || at.UTC().Year() > 1000 && at.UTC().Year() < 9999
}

// wellFormedBody looks at what a client has sent.
func wellFormedBody(r Remittance) *errs.Error {
	if bad := r.To.Normal().badFields(); len(bad) > 0 {
		return errs.InvalidFields(bad...)
	}
	switch {
	case r.Amount < 1:
		return errs.InvalidField("/amount", errs.FieldTooSmall, "min", "1")
	case r.Amount > MaxAmount:
		return errs.InvalidField("/amount", errs.FieldTooLarge, "max", strconv.FormatInt(MaxAmount, 10))
	case !utf8.ValidString(r.Memo):
		return errs.InvalidField("/memo", errs.FieldFormat, "expected", "text")
	case utf8.RuneCountInString(r.Memo) > maxMemoRunes:
		return errs.InvalidField("/memo", errs.FieldTooLong, "max", strconv.Itoa(maxMemoRunes))
	case r.AutoTopUpAccountID != "" && !id.Valid(id.BankAccount, r.AutoTopUpAccountID):
		return errs.InvalidField("/autoTopUp/bankAccountId", errs.FieldFormat, "expected", "the id of a bank account")
	default:
		return nil
	}
}

// check applies the pure rules to a request of this moment; limit is in won.
func check(r Remittance, limit int64, at time.Time) *errs.Error {
	if bad := wellFormedBody(r); bad != nil {
		return bad
	}
	if bad := checkSchedule(r.ExecuteAt, at); bad != nil {
		return bad
	}
	switch {
	case r.SenderID == r.To.MembershipID:
		return errs.SelfTransfer
	case r.Amount > limit:
		return errs.TransferLimit.With("limit", limit)
	default:
		return nil
	}
}

// checkSchedule looks at when a request of this moment is to be carried out.
func checkSchedule(executeAt, at time.Time) *errs.Error {
	executeAt = executeAt.Truncate(time.Microsecond) // as it is stored
	switch {
	case executeAt.IsZero():
		return nil
	case !executeAt.After(at):
		return errs.InvalidField("/executeAt", errs.FieldMustBe, "expected", "a time in the future")
	case executeAt.After(at.AddDate(maxYearsAhead, 0, 0)):
		return errs.InvalidField("/executeAt", errs.FieldMustBe, "expected", "a time within one year")
	default:
		return nil
	}
}

// seenBy gives what this member may see of the request; "" is an operator. How the
// sender found the money is not the receiver's to know.
func (r Remittance) seenBy(membershipID string) (Remittance, bool) {
	switch {
	case membershipID == "", membershipID == r.SenderID:
		return r, true
	case membershipID == r.To.MembershipID && r.State == record.Succeeded:
		r.AutoTopUpAccountID, r.TopUpID, r.Fingerprint = "", "", ""
		return r, true
	default:
		return Remittance{}, false
	}
}

// AutoTopUpAmount gives what to top up when the balance is short by this much: the next
// full 10,000 won (practice). It is 0 when nothing is short, and when the amount would
// not fit an int64, which no top-up takes.
func AutoTopUpAmount(short int64) int64 {
	if short < 1 {
		return 0
	}
	units := (short-1)/topUpUnit + 1
	if units > math.MaxInt64/topUpUnit {
		return 0
	}
	return units * topUpUnit
}

// newRow seals a request for storage. What the rules refuse is refused for good, so
// that a later run does not do what is not counted; the rest asks to be counted.
func (s *Service) newRow(r Remittance, at time.Time) (Row, error) {
	r.To, r.CreatedAt = r.To.Normal(), at
	memo, err := s.ring.Seal([]byte(r.Memo), memoPlace(r.ID))
	if err != nil {
		return Row{}, fmt.Errorf("seal %s: %w", r.ID, err)
	}
	to, err := s.sealTo(r.ID, r.To)
	if err != nil {
		return Row{}, err
	}
	row := Row{
		ID: r.ID, SenderID: r.SenderID, ReceiverID: r.To.MembershipID, BankCode: r.To.BankCode, ToSealed: to, Amount: r.Amount, MemoSealed: memo,
		AutoTopUpAccountID: r.AutoTopUpAccountID, TopUpID: r.TopUpID, Fingerprint: r.Fingerprint,
		State: record.Requested, ExecuteAt: pointerTo(r.ExecuteAt), CreatedAt: at, UpdatedAt: at,
	}
	if refused := s.checkStored(r); refused != nil {
		row.Refusal = record.FailureOf(refused)
	} else {
		day := r.day()
		row.CountedDay = &day
	}
	return row, nil
}

// checkStored applies the rules of Check, but for one: a date that was in the future when
// it was asked for may have passed by the time the record is made.
func (s *Service) checkStored(r Remittance) *errs.Error {
	if r.ExecuteAt.Before(r.CreatedAt.Add(time.Microsecond)) {
		r.ExecuteAt = time.Time{}
	}
	return s.Check(r)
}

func (s *Service) open(r Row) (Remittance, error) {
	memo, err := s.ring.Open(r.MemoSealed, memoPlace(r.ID))
	if err != nil {
		return Remittance{}, fmt.Errorf("open %s: %w", r.ID, err)
	}
	to, err := s.openTo(r)
	if err != nil {
		return Remittance{}, err
	}
	return Remittance{
		ID: r.ID, SenderID: r.SenderID, To: to, Amount: r.Amount, Memo: string(memo),
		AutoTopUpAccountID: r.AutoTopUpAccountID, TopUpID: r.TopUpID, Fingerprint: r.Fingerprint, State: r.State, Failure: r.Failure, Refusal: r.Refusal,
		Until: timeOf(r.UntilAt), ExecuteAt: timeOf(r.ExecuteAt), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}, nil
}

// memoPlace binds a sealed memo to its row, so that it does not open in another one.
func memoPlace(remittanceID string) string { return "remittances.memo_sealed/" + remittanceID }

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// pointerTo gives nil for the zero time.
func pointerTo(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}
