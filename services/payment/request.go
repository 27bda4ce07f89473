package payment

import (
	"strconv"
	"strings"
	"time"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
)

// MaxAmount is the most one payment takes, in won (practice: a verified wallet holds
// no more); Options override it.
const MaxAmount int64 = 2_000_000

// MaxStored is the largest amount that can be on record at all, in won.
const MaxStored int64 = 1_000_000_000_000_000

const (
	maxOrderIDLen     = 64
	maxFingerprintLen = 128
)

// NewPayment is a request to pay. Amounts are in won.
type NewPayment struct {
	ID                 string
	MembershipID       string
	FranchiseID        string
	OrderID            string // the franchise's own: 1 to 64 visible ASCII characters
	Amount             int64
	TaxFreeAmount      int64
	AutoTopUpAccountID string // the linked account to fill a short balance from; "" when the member does not allow it
	Fingerprint        string
}

// Payment is a request to pay and what became of it. Amounts are in won.
type Payment struct {
	ID                 string
	MembershipID       string
	FranchiseID        string
	OrderID            string
	Amount             int64
	TaxFreeAmount      int64
	CancelledAmount    int64
	FeeBasisPoints     int   // pinned at the approval, like Fee and VAT
	Fee                int64 // of the whole amount
	VAT                int64 // on the fee
	AutoTopUpAccountID string
	TopUpID            string // the top-up made for it
	Fingerprint        string
	State              State
	Failure            record.Failure
	Refusal            record.Failure // why it may not begin, found when it was stored; it never changes
	StatementID        string         // the one statement it is in; "" until it is cut
	ApprovedAt         time.Time      // zero until then
	SettledAt          time.Time      // zero until its statement is paid
	Until              time.Time      // for WAITING; zero otherwise
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

// Cancellable is what is left to cancel, in won; 0 when nothing can be cancelled.
// Cancels that are on the way are not counted: BeginCancels does.
func (p Payment) Cancellable() int64 {
	if !p.State.cancellable() {
		return 0
	}
	return p.Amount - p.CancelledAmount
}

// Scope is who asks: a member, a franchise, or (both empty) an operator.
type Scope struct {
	MembershipID string
	FranchiseID  string
}

// sees gives what this scope may see of a payment. A franchise sees what has reached
// it; how the member found the money is not its to know.
func (s Scope) sees(p Payment) (Payment, bool) {
	switch {
	case s.MembershipID != "" && s.MembershipID != p.MembershipID:
		return Payment{}, false
	case s.FranchiseID == "":
		return p, true
	case s.FranchiseID != p.FranchiseID || !p.State.Reached():
		return Payment{}, false
	default:
		p.AutoTopUpAccountID, p.TopUpID, p.Fingerprint = "", "", ""
		return p, true
	}
}

// wellFormed looks at what has to hold for a request to be stored at all.
func wellFormed(n NewPayment) *errs.Error {
	switch {
	case !id.Valid(id.Payment, n.ID):
		return errs.InvalidField("/id", errs.FieldFormat)
	case !id.Valid(id.Member, n.MembershipID):
		return errs.InvalidField("/membershipId", errs.FieldFormat)
	case len(n.Fingerprint) > maxFingerprintLen:
		return errs.InvalidField("/fingerprint", errs.FieldTooLong)
	default:
		return check(n, MaxStored)
	}
}

// check looks at what a client has sent; most is in won.
func check(n NewPayment, most int64) *errs.Error {
	switch {
	case n.FranchiseID == "":
		return errs.InvalidField("/franchiseId", errs.FieldRequired)
	case !id.Valid(id.Franchise, n.FranchiseID):
		return errs.InvalidField("/franchiseId", errs.FieldFormat, "expected", "the id of a franchise")
	case n.AutoTopUpAccountID != "" && !id.Valid(id.BankAccount, n.AutoTopUpAccountID):
		return errs.InvalidField("/autoTopUp/bankAccountId", errs.FieldFormat, "expected", "the id of a bank account")
	}
	if bad := checkOrderID(n.OrderID); bad != nil {
		return bad
	}
	return checkAmounts(n, most)
}

func checkOrderID(orderID string) *errs.Error {
	const pointer = "/orderId"
	switch {
	case orderID == "":
		return errs.InvalidField(pointer, errs.FieldRequired)
	case len(orderID) > maxOrderIDLen:
		return errs.InvalidField(pointer, errs.FieldTooLong, "max", strconv.Itoa(maxOrderIDLen))
	case strings.ContainsFunc(orderID, func(r rune) bool { return r < '!' || r > '~' }):
		return errs.InvalidField(pointer, errs.FieldFormat, "expected", "visible ASCII characters")
	default:
		return nil
	}
}

func checkAmounts(n NewPayment, most int64) *errs.Error {
	switch {
	case n.Amount < 1:
		return errs.InvalidField("/amount", errs.FieldTooSmall, "min", "1")
	case n.Amount > most:
		return errs.InvalidField("/amount", errs.FieldTooLarge, "max", strconv.FormatInt(most, 10))
	case n.TaxFreeAmount < 0:
		return errs.InvalidField("/taxFreeAmount", errs.FieldTooSmall, "min", "0")
	case n.TaxFreeAmount > n.Amount:
		return errs.InvalidField("/taxFreeAmount", errs.FieldTooLarge, "max", strconv.FormatInt(n.Amount, 10))
	default:
		return nil
	}
}

func newRow(n NewPayment, at time.Time) Row {
	return Row{
		ID: n.ID, MembershipID: n.MembershipID, FranchiseID: n.FranchiseID, OrderID: n.OrderID, OrderClaim: &n.OrderID,
		Amount: n.Amount, TaxFreeAmount: n.TaxFreeAmount, AutoTopUpAccountID: n.AutoTopUpAccountID,
		Fingerprint: n.Fingerprint, State: Requested, CreatedAt: at, UpdatedAt: at,
	}
}

func (r Row) payment() Payment {
	return Payment{
		ID: r.ID, MembershipID: r.MembershipID, FranchiseID: r.FranchiseID, OrderID: r.OrderID,
		Amount: r.Amount, TaxFreeAmount: r.TaxFreeAmount, CancelledAmount: r.CancelledAmount,
		FeeBasisPoints: r.FeeBasisPoints, Fee: r.Fee, VAT: r.VAT,
		AutoTopUpAccountID: r.AutoTopUpAccountID, TopUpID: r.TopUpID, Fingerprint: r.Fingerprint,
		State: r.State, Failure: r.Failure, Refusal: r.Refusal, StatementID: textOf(r.StatementID),
		ApprovedAt: timeOf(r.ApprovedAt), SettledAt: timeOf(r.SettledAt), Until: timeOf(r.UntilAt),
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// wonOf gives 0 for none.
func wonOf(amount *int64) int64 {
	if amount == nil {
		return 0
	}
	return *amount
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
