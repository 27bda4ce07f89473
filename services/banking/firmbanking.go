package banking

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"durapay/errs"
	"durapay/internal/bankaccount"
	"durapay/internal/id"
)

// MaxAmount bounds one transfer, in won. Sums of two such amounts are far from
// overflowing an int64.
const MaxAmount int64 = 1_000_000_000_000_000

const (
	maxReferenceLen = 128 // what banks keep of a reference
	maxFlowIDLen    = 128
)

// Direction is which way a transfer goes.
type Direction string

// The directions.
const (
	Debit  Direction = "DEBIT"  // from the account to the corporate account
	Credit Direction = "CREDIT" // from the corporate account to the account
)

// FirmbankingState is where a transfer stands.
type FirmbankingState string

// The states of a transfer. The bank is called on the way from StateRequested to StateSent and
// at no other time.
const (
	StateRequested FirmbankingState = "REQUESTED" // stored, not sent
	StateSent      FirmbankingState = "SENT"      // handed to the bank, or about to be
	StateUnknown   FirmbankingState = "UNKNOWN"   // sent, and the bank has not told the outcome
	StateSettled   FirmbankingState = "SETTLED"
	StateRejected  FirmbankingState = "REJECTED"
	StateReturned  FirmbankingState = "RETURNED" // settled first, sent back by the receiving bank later
)

var firmbankingStates = []FirmbankingState{StateRequested, StateSent, StateUnknown, StateSettled, StateRejected, StateReturned}

// CanBecome is the table of moves between states. Staying is no move.
func (s FirmbankingState) CanBecome(next FirmbankingState) bool {
	switch s {
	case StateRequested:
		return next == StateSent || next == StateRejected
	case StateSent:
		return next == StateUnknown || next == StateSettled || next == StateRejected
	case StateUnknown:
		return next == StateSettled || next == StateRejected
	case StateSettled:
		return next == StateReturned
	default:
		return false
	}
}

// Final tells whether the outcome is known.
func (s FirmbankingState) Final() bool {
	return s == StateSettled || s == StateRejected || s == StateReturned
}

// Valid tells whether s is one of the states.
func (s FirmbankingState) Valid() bool {
	return s == StateRequested || s == StateSent || s == StateUnknown || s.Final()
}

// sourcesOf lists the states that may become next.
func sourcesOf(next FirmbankingState) []FirmbankingState {
	var from []FirmbankingState
	for _, s := range firmbankingStates {
		if s.CanBecome(next) {
			from = append(from, s)
		}
	}
	return from
}

// Firmbanking is one transfer between an account and the corporate account. Amount is in won.
type Firmbanking struct {
	ID                string
	Reference         string // ours, at the bank
	FlowID            string
	MembershipID      string // "" for an operator's
	BankAccountID     string // "" when the account is not a linked one
	Direction         Direction
	BankCode          string
	Number            string // "" in what Prepare gives back
	HolderName        string // "" in what Prepare gives back
	Amount            int64
	State             FirmbankingState
	Reason            errs.Code
	BankTransactionID string
	Fingerprint       string
	ValidUntil        time.Time // when the bank begins to refuse it; zero until sent
	SentAt            time.Time
	CreatedAt         time.Time
	UpdatedAt         time.Time
}

// MaskedNumber shows the last four digits.
func (f Firmbanking) MaskedNumber() string { return bankaccount.Masked(f.Number) }

// LogValue keeps number and name out of logs.
func (f Firmbanking) LogValue() slog.Value { return slog.StringValue(f.ID) }

// Answer gives what the state says of the bank's answer. A transfer that came back was
// accepted all the same: its return is an event of its own.
func (f Firmbanking) Answer() Answer { return answerOf(f.State, f.Reason, f.BankTransactionID) }

func answerOf(s FirmbankingState, reason errs.Code, transactionID string) Answer {
	switch s {
	case StateSettled, StateReturned:
		return Answer{Kind: Accepted, BankTransactionID: transactionID}
	case StateRejected:
		return Answer{Kind: Rejected, Reason: reason}
	default:
		return Answer{Kind: Unknown}
	}
}

// usesLinked tells whether number and name are to be taken from the linked account.
func (f Firmbanking) usesLinked() bool { return f.BankAccountID != "" && f.Number == "" }

func (f Firmbanking) ref() BankAccountRef {
	return BankAccountRef{BankCode: f.BankCode, Number: f.Number, HolderName: f.HolderName}
}

// check looks at an order before it is stored. Errors: errs.InvalidRequest.
func (f Firmbanking) check() error {
	switch {
	case !id.Valid(id.Firmbanking, f.ID):
		return errs.InvalidField("/id", errs.FieldFormat)
	case !validReference(f.Reference):
		return errs.InvalidField("/reference", errs.FieldFormat)
	case len(f.FlowID) > maxFlowIDLen:
		return errs.InvalidField("/flowId", errs.FieldTooLong)
	case f.Direction != Debit && f.Direction != Credit:
		return errs.InvalidField("/direction", errs.FieldNotOneOf, "allowed", "DEBIT, CREDIT")
	case f.Amount < 1:
		return errs.InvalidField("/amount", errs.FieldTooSmall, "min", "1")
	case f.Amount > MaxAmount:
		return errs.InvalidField("/amount", errs.FieldTooLarge, "max", strconv.FormatInt(MaxAmount, 10))
	case f.usesLinked():
		return nil
	default:
		return f.ref().Check()
	}
}

// validReference tells whether a reference can be part of a URL's path and come back
// unchanged: letters, digits and -._:/ with no empty or dotted segment.
func validReference(s string) bool {
	if len(s) > maxReferenceLen {
		return false
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsFunc(segment, notInReference) {
			return false
		}
	}
	return true
}

func notInReference(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	return !letter && (r < '0' || r > '9') && !strings.ContainsRune("-._:", r)
}

// Filter narrows a list of transfers; zero members do not.
type Filter struct {
	State         FirmbankingState
	BankAccountID string
	BankCode      string
	FlowID        string
	MembershipID  string
	Date          string // YYYY-MM-DD in Asia/Seoul, of the request
}

// seoul is the zone of business dates. Korea has had no daylight saving since 1988, so
// a fixed offset is exact and needs no zone database.
var seoul = time.FixedZone("KST", 9*60*60)

// selection turns the filter into what a store selects by. Errors: errs.InvalidRequest.
func (f Filter) selection() (Selection, error) {
	if f.State != "" && !f.State.Valid() {
		return Selection{}, errs.InvalidField("?state", errs.FieldNotOneOf, "allowed", "REQUESTED, SENT, UNKNOWN, SETTLED, REJECTED, RETURNED")
	}
	s := Selection{State: f.State, BankAccountID: f.BankAccountID, BankCode: f.BankCode, FlowID: f.FlowID, MembershipID: f.MembershipID}
	if f.Date == "" {
		return s, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, f.Date, seoul)
	if err != nil || day.Year() < 1 || day.Year() > 9998 {
		return Selection{}, errs.InvalidField("?date", errs.FieldFormat, "expected", "YYYY-MM-DD")
	}
	s.From, s.Until = day.UTC(), day.AddDate(0, 0, 1).UTC()
	return s, nil
}
