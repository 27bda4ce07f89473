package ledger

import (
	"time"
	"unicode/utf8"

	"durapay/errs"
)

// Op is what a command does.
type Op string

// The operations, and the fields of Command each one reads besides Ref.
const (
	OpPost    Op = "POST"    // Kind Legs FlowID Detail: all legs or none, applied in order
	OpHold    Op = "HOLD"    // Kind From To Amount FlowID Detail ExpiresAt: reserves on both sides
	OpCapture Op = "CAPTURE" // HoldRef Amount (0 = all; less = the rest is let go) Kind FlowID Detail
	OpRelease Op = "RELEASE" // HoldRef
	OpExpire  Op = "EXPIRE"  // HoldRef ExpiresAt (as of): what ExpireHolds sends
	OpOpen    Op = "OPEN"    // AccountID AccountKind Floor Ceiling
	OpCeiling Op = "CEILING" // AccountID Ceiling
	OpClose   Op = "CLOSE"   // OpenRef: undoes an opening, if the account was never used
)

// Kind says what a posting is about, for histories and read models.
type Kind string

// The kinds that the platform's flows use.
const (
	TopUp         Kind = "TOP_UP"
	Withdrawal    Kind = "WITHDRAWAL"
	Remittance    Kind = "REMITTANCE"
	Payment       Kind = "PAYMENT"
	PaymentCancel Kind = "PAYMENT_CANCEL"
	Settlement    Kind = "SETTLEMENT" // fee and VAT taken, pay-out sent
	BankReturn    Kind = "BANK_RETURN"
	Deposit       Kind = "DEPOSIT"     // arrived at the bank unasked
	Firmbanking   Kind = "FIRMBANKING" // an operator's transfer, booked against suspense
	Correction    Kind = "CORRECTION"
)

// The bounds of a command.
const (
	// MaxAmount is the most won one leg, hold or posting moves (the sum of its legs):
	// a thousand times the largest settlement anyone has seen, and small enough to
	// leave sums of balances inside 64 bits.
	MaxAmount int64 = 1_000_000_000_000_000
	// MaxLegs is the most legs of one posting.
	MaxLegs int = 100
)

// The bounds of a command's texts.
const (
	maxRef     = 128 // ASCII characters
	maxAccount = 64
	maxKind    = 32
	maxDetail  = 200 // bytes
)

// Leg moves Amount won from one account to another.
type Leg struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Amount int64  `json:"amount"`
}

// Command asks for one change of the books. Its Ref makes it happen once: the same
// command under the same Ref gives the first result again, another one is refused.
// A refused command leaves no trace, and may be sent again.
type Command struct {
	Op          Op          `json:"op"`
	Ref         string      `json:"ref"`
	Kind        Kind        `json:"kind,omitempty"`
	Legs        []Leg       `json:"legs,omitempty"`
	From        string      `json:"from,omitempty"`
	To          string      `json:"to,omitempty"`
	Amount      int64       `json:"amount,omitempty"`
	HoldRef     string      `json:"holdRef,omitempty"`
	OpenRef     string      `json:"openRef,omitempty"`
	ExpiresAt   time.Time   `json:"expiresAt,omitzero"`
	AccountID   string      `json:"accountId,omitempty"`
	AccountKind AccountKind `json:"accountKind,omitempty"`
	Floor       int64       `json:"floor,omitempty"`
	Ceiling     int64       `json:"ceiling,omitempty"`
	FlowID      string      `json:"flowId,omitempty"`
	// Detail names the other side where it is no account of ours, such as a linked
	// bank account's id. It is part of the journal for ever: no personal data.
	Detail string `json:"detail,omitempty"`
}

// OpenUnbounded makes the command that opens an account without floor and ceiling.
func OpenUnbounded(ref, accountID string, kind AccountKind) Command {
	return Command{Op: OpOpen, Ref: ref, AccountID: accountID, AccountKind: kind, Floor: -MaxBalance, Ceiling: MaxBalance}
}

// expiryRef is the ref of the posting that expires a hold.
func expiryRef(holdRef string) string { return holdRef + "/expired" }

// check tells what makes a command malformed, nil when nothing does. It looks at the
// command alone, so it costs no round trip.
func (c *Command) check() *errs.Error {
	if !isASCII(c.Ref, maxRef) {
		return malformed("ref")
	}
	if !isASCIIOrEmpty(c.FlowID, maxRef) {
		return malformed("flowId")
	}
	if len(c.Detail) > maxDetail || !utf8.ValidString(c.Detail) {
		return malformed("detail")
	}
	if !isASCIIOrEmpty(string(c.Kind), maxKind) {
		return malformed("kind")
	}
	return c.checkOp()
}

func (c *Command) checkOp() *errs.Error {
	switch c.Op {
	case OpPost:
		return c.checkLegs()
	case OpHold:
		if c.Kind == "" {
			return malformed("kind")
		}
		if len(expiryRef(c.Ref)) > maxRef {
			return malformed("ref")
		}
		return Leg{From: c.From, To: c.To, Amount: c.Amount}.check()
	case OpCapture, OpRelease, OpExpire:
		return c.checkClosing()
	case OpOpen:
		return c.checkOpening()
	case OpCeiling:
		if !isASCII(c.AccountID, maxAccount) {
			return malformed("accountId")
		}
		return checkCeiling(c.Ceiling)
	case OpClose:
		if !isASCII(c.OpenRef, maxRef) || c.OpenRef == c.Ref {
			return malformed("openRef")
		}
		return nil
	default:
		return malformed("op")
	}
}

func (c *Command) checkLegs() *errs.Error {
	if c.Kind == "" {
		return malformed("kind")
	}
	if len(c.Legs) == 0 || len(c.Legs) > MaxLegs {
		return malformed("legs")
	}
	for _, leg := range c.Legs {
		if err := leg.check(); err != nil {
			return err
		}
	}
	if c.total() > MaxAmount {
		return errs.LedgerAmountOverflow.With("max", MaxAmount)
	}
	return nil
}

// total is the sum of the legs. It cannot overflow: MaxLegs × MaxAmount is 1e17.
func (c *Command) total() int64 {
	var sum int64
	for _, leg := range c.Legs {
		sum += leg.Amount
	}
	return sum
}

func (l Leg) check() *errs.Error {
	switch {
	case !isASCII(l.From, maxAccount):
		return malformed("from")
	case !isASCII(l.To, maxAccount), l.To == l.From:
		return malformed("to")
	case l.Amount <= 0:
		return malformed("amount")
	case l.Amount > MaxAmount:
		return errs.LedgerAmountOverflow.With("max", MaxAmount)
	default:
		return nil
	}
}

func (c *Command) checkClosing() *errs.Error {
	switch {
	case !isASCII(c.HoldRef, maxRef), c.HoldRef == c.Ref:
		return malformed("holdRef")
	case c.Amount < 0:
		return malformed("amount")
	case c.Op == OpExpire && c.ExpiresAt.IsZero():
		return malformed("expiresAt")
	default:
		return nil
	}
}

func (c *Command) checkOpening() *errs.Error {
	switch {
	case !isASCII(c.AccountID, maxAccount):
		return malformed("accountId")
	case !c.AccountKind.valid(), (c.AccountKind == KindWallet) != IsWallet(c.AccountID):
		return malformed("accountKind")
	case c.Floor > 0, c.Floor < -MaxBalance, c.AccountKind == KindWallet && c.Floor != 0:
		return malformed("floor")
	default:
		return checkCeiling(c.Ceiling)
	}
}

func checkCeiling(ceiling int64) *errs.Error {
	if ceiling < 0 || ceiling > MaxBalance {
		return malformed("ceiling")
	}
	return nil
}

func (k AccountKind) valid() bool {
	switch k {
	case KindWallet, KindPayable, KindBank, KindTransit, KindSuspense, KindIncome, KindTax:
		return true
	default:
		return false
	}
}

func malformed(field string) *errs.Error { return errs.LedgerPostingMalformed.With("field", field) }

// isASCII tells whether s is 1 to most visible ASCII characters.
func isASCII(s string, most int) bool { return s != "" && isASCIIOrEmpty(s, most) }

func isASCIIOrEmpty(s string, most int) bool {
	if len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
