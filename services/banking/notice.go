package banking

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"durapay/errs"
	"durapay/internal/bankaccount"
	"durapay/internal/id"
	"durapay/internal/record"
)

// NoticeType is what a bank tells by itself.
type NoticeType string

// The types of notice.
const (
	NoticeReturned NoticeType = "TRANSFER_RETURNED" // an accepted transfer from the corporate account came back
	NoticeDeposit  NoticeType = "DEPOSIT"           // money arrived on the corporate account
)

// Valid tells whether t is one of the types.
func (t NoticeType) Valid() bool { return t == NoticeReturned || t == NoticeDeposit }

// MaxMemoRunes bounds what is kept of a notice's memo.
const MaxMemoRunes = 100

// What makes a notice well-formed.
const (
	maxBankNoticeIDLen  = 64
	maxTransactionIDLen = 64
	maxNoticeNumberLen  = 20 // other institutions' numbers are longer than those that can be linked
	minNoticeYear       = 2000
	maxNoticeYear       = 9998
)

// Notice is what a bank has told by itself: a late return, or a deposit. Amount is in won.
type Notice struct {
	ID                string // of BankNoticeID; RecordNotice gives it
	BankNoticeID      string // the bank's own; a repeat has the same
	Type              NoticeType
	Reference         string // ours, of the transfer that came back; the bank's own of a deposit
	BankTransactionID string // may be ""
	Amount            int64
	Reason            errs.Code      // why a transfer came back, one of the bank_ codes; "" for a deposit
	FirmbankingID     string         // the transfer it brought back; "" before ReturnTransfers
	Account           BankAccountRef // the corporate account, without a name
	Counterparty      BankAccountRef // the other side, without a name; zero when the bank does not tell
	Memo              string
	State             record.State
	Failure           record.Failure
	Until             time.Time // for WAITING; zero otherwise
	At                time.Time // by the bank's clock
	CreatedAt         time.Time
	UpdatedAt         time.Time
}

// NoticeParser reads a bank's call-back and checks that it is the bank's. Errors:
// errs.SignatureInvalid; errs.MalformedJSON and errs.InvalidRequest for a body that
// makes no sense.
type NoticeParser func(header map[string][]string, body []byte) (Notice, error)

// LogValue keeps numbers and the memo out of logs.
func (n Notice) LogValue() slog.Value { return slog.StringValue(n.ID) }

// normal gives the notice as it is stored.
func (n Notice) normal() Notice {
	n.ID = id.Derive(id.BankNotice, n.BankNoticeID)
	n.At = n.At.UTC().Truncate(time.Microsecond)
	n.Account, n.Counterparty = n.Account.Normal(), n.Counterparty.Normal()
	return n
}

// check looks at a notice in its normal form. The pointers are into the call-back's
// body. Errors: errs.InvalidRequest.
func (n Notice) check(corporate CorporateAccount) error {
	if err := n.checkWords(); err != nil {
		return err
	}
	switch {
	case n.Amount < 1:
		return errs.InvalidField("/amount", errs.FieldTooSmall, "min", "1")
	case n.Amount > MaxAmount:
		return errs.InvalidField("/amount", errs.FieldTooLarge, "max", strconv.FormatInt(MaxAmount, 10))
	case n.At.Year() < minNoticeYear || n.At.Year() > maxNoticeYear:
		return errs.InvalidField("/at", errs.FieldFormat, "expected", "a time with zone")
	case n.Account.BankCode != corporate.BankCode || n.Account.Number != corporate.Number:
		return errs.InvalidField("/account", errs.FieldMustBe, "expected", "the corporate account")
	default:
		return n.checkCounterparty()
	}
}

func (n Notice) checkWords() error {
	switch {
	case n.BankNoticeID == "":
		return errs.InvalidField("/id", errs.FieldRequired)
	case len(n.BankNoticeID) > maxBankNoticeIDLen || strings.ContainsFunc(n.BankNoticeID, notInBankNoticeID):
		return errs.InvalidField("/id", errs.FieldFormat, "expected", "1 to 64 letters, digits, - and _")
	case !n.Type.Valid():
		return errs.InvalidField("/type", errs.FieldNotOneOf, "allowed", "TRANSFER_RETURNED, DEPOSIT")
	case n.Reference == "":
		return errs.InvalidField("/reference", errs.FieldRequired)
	case len(n.Reference) > maxReferenceLen || strings.ContainsFunc(n.Reference, invisible):
		return errs.InvalidField("/reference", errs.FieldFormat, "expected", "1 to 128 visible ASCII characters")
	case len(n.BankTransactionID) > maxTransactionIDLen || strings.ContainsFunc(n.BankTransactionID, invisible):
		return errs.InvalidField("/bankTransactionId", errs.FieldFormat, "expected", "at most 64 visible ASCII characters")
	case n.Type == NoticeReturned && n.Reason == "":
		return errs.InvalidField("/reason", errs.FieldRequired)
	case n.Type == NoticeDeposit && n.Reason != "":
		return errs.InvalidField("/reason", errs.FieldForbidden)
	case n.Reason != "" && errs.ByCode(n.Reason).Code != n.Reason:
		return errs.InvalidField("/reason", errs.FieldNotOneOf, "allowed", "the code of a bank's reason")
	case !utf8.ValidString(n.Memo):
		return errs.InvalidField("/memo", errs.FieldFormat, "expected", "text")
	case utf8.RuneCountInString(n.Memo) > MaxMemoRunes:
		return errs.InvalidField("/memo", errs.FieldTooLong, "max", strconv.Itoa(MaxMemoRunes))
	default:
		return nil
	}
}

func (n Notice) checkCounterparty() error {
	c := n.Counterparty
	switch {
	case c == BankAccountRef{}:
		return nil
	case !bankaccount.ValidCode(c.BankCode):
		return errs.InvalidField("/counterparty/bankCode", errs.FieldFormat, "expected", "3 digits")
	case c.Number == "" || len(c.Number) > maxNoticeNumberLen || !bankaccount.Digits(c.Number):
		return errs.InvalidField("/counterparty/accountNumber", errs.FieldFormat, "expected", "1 to 20 digits")
	default:
		return nil
	}
}

func notInBankNoticeID(r rune) bool { return r == '.' || r == ':' || notInReference(r) }

func invisible(r rune) bool { return r < '!' || r > '~' }

// sameAs tells whether a stored notice is what a repeated one tells.
func (n Notice) sameAs(told Notice) bool {
	return n.Type == told.Type && n.Reference == told.Reference && n.BankTransactionID == told.BankTransactionID &&
		n.Amount == told.Amount && n.Reason == told.Reason && n.Memo == told.Memo && n.At.Equal(told.At) &&
		sameKey(n.Account, told.Account) && sameKey(n.Counterparty, told.Counterparty)
}

func sameKey(a, b BankAccountRef) bool { return a.BankCode == b.BankCode && a.Number == b.Number }

// NoticeFilter narrows a list of notices; zero members do not.
type NoticeFilter struct {
	Type  NoticeType
	State record.State
}

func (f NoticeFilter) check() error {
	switch {
	case f.Type != "" && !f.Type.Valid():
		return errs.InvalidField("?type", errs.FieldNotOneOf, "allowed", "TRANSFER_RETURNED, DEPOSIT")
	case f.State != "" && !f.State.Valid():
		return errs.InvalidField("?state", errs.FieldNotOneOf,
			"allowed", "REQUESTED, PROCESSING, WAITING, UNKNOWN, SUCCEEDED, FAILED, CANCELLED, RETURNED")
	default:
		return nil
	}
}

// newNotice makes the row of a notice in its normal form.
func (s sealer) newNotice(n Notice, at time.Time) (NoticeRow, error) {
	account, err := s.sealText(noticesTable, "account_sealed", n.ID, n.Account.Number)
	if err != nil {
		return NoticeRow{}, err
	}
	counterparty, err := s.sealText(noticesTable, "counterparty_sealed", n.ID, n.Counterparty.Number)
	if err != nil {
		return NoticeRow{}, err
	}
	memo, err := s.sealText(noticesTable, "memo_sealed", n.ID, n.Memo)
	return NoticeRow{
		ID: n.ID, BankNoticeID: n.BankNoticeID, Type: n.Type, Reference: n.Reference, BankTransactionID: n.BankTransactionID,
		Amount: n.Amount, Reason: n.Reason, AccountBankCode: n.Account.BankCode, AccountSealed: account,
		CounterpartyBankCode: n.Counterparty.BankCode, CounterpartySealed: counterparty, MemoSealed: memo,
		State: record.Requested, At: n.At, CreatedAt: at, UpdatedAt: at,
	}, err
}

func (s sealer) openNotice(r NoticeRow) (Notice, error) {
	account, err := s.openText(noticesTable, "account_sealed", r.ID, r.AccountSealed)
	if err != nil {
		return Notice{}, err
	}
	counterparty, err := s.openText(noticesTable, "counterparty_sealed", r.ID, r.CounterpartySealed)
	if err != nil {
		return Notice{}, err
	}
	memo, err := s.openText(noticesTable, "memo_sealed", r.ID, r.MemoSealed)
	n := Notice{
		ID: r.ID, BankNoticeID: r.BankNoticeID, Type: r.Type, Reference: r.Reference, BankTransactionID: r.BankTransactionID,
		Amount: r.Amount, Reason: r.Reason, Account: BankAccountRef{BankCode: r.AccountBankCode, Number: account},
		Counterparty: BankAccountRef{BankCode: r.CounterpartyBankCode, Number: counterparty}, Memo: memo,
		State: r.State, Failure: r.Failure, Until: timeOf(r.UntilAt), At: r.At, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
	if r.FirmbankingID != nil {
		n.FirmbankingID = *r.FirmbankingID
	}
	return n, err
}

func (s sealer) openNotices(rows []NoticeRow) ([]Notice, error) {
	notices := make([]Notice, len(rows))
	for i, row := range rows {
		var err error
		if notices[i], err = s.openNotice(row); err != nil {
			return nil, fmt.Errorf("notice: %w", err)
		}
	}
	return notices, nil
}
