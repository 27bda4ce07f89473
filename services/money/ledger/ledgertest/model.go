// Package ledgertest has what tests of the ledger share: a simple model of its rules,
// random commands, and a check of the books that shares no code with the ledger.
package ledgertest

import (
	"fmt"

	"durapay/errs"
	"durapay/services/money/ledger"
)

// Model does commands one at a time, in the plainest way.
type Model struct {
	Accounts map[string]*Account
	done     map[string]outcome
	holds    map[string]*hold
	seq      int64
}

// Account is a model's account.
type Account struct {
	Floor, Ceiling, Balance, Out, In int64
	openedBy                         string
	used                             bool
}

type hold struct {
	from, to    string
	amount, due int64
	state       string
}

type outcome struct {
	content string
	seq     int64
	amount  int64
	op      ledger.Op
	account string // of an opening
	burnt   bool
}

// Expected is what the ledger should answer.
type Expected struct {
	Code     errs.Code // "" = done
	Replayed bool
	Seq      int64
	Amount   int64
}

// NewModel makes a model of books whose last posting is seq.
func NewModel(seq int64) *Model {
	m := &Model{Accounts: map[string]*Account{}, done: map[string]outcome{}, holds: map[string]*hold{}, seq: seq}
	for _, id := range []string{ledger.BankFloat, ledger.InTransit} {
		m.Accounts[id] = &Account{Floor: -ledger.MaxBalance, Ceiling: ledger.MaxBalance, openedBy: "genesis", used: true}
	}
	return m
}

// Do does one command.
func (m *Model) Do(c ledger.Command) Expected {
	content := contentOf(c)
	if code := shape(c); code != "" {
		return Expected{Code: code}
	}
	if d, ok := m.done[c.Ref]; ok {
		switch {
		case d.content == content:
			return d.again()
		case d.burnt && c.Op == ledger.OpHold:
			return no(errs.LedgerHoldClosed)
		}
		return no(errs.LedgerReferenceReused)
	}
	switch c.Op {
	case ledger.OpPost:
		return m.post(c, content)
	case ledger.OpHold:
		if code := m.room(c.From, c.To, c.Amount); code != "" {
			return Expected{Code: code}
		}
		from, to := m.Accounts[c.From], m.Accounts[c.To]
		from.Out, to.In = from.Out+c.Amount, to.In+c.Amount
		from.used, to.used = true, true
		due := int64(0)
		if !c.ExpiresAt.IsZero() {
			due = c.ExpiresAt.UnixMicro()
		}
		m.holds[c.Ref] = &hold{from: c.From, to: c.To, amount: c.Amount, due: due, state: "OPEN"}
		return m.add(c.Ref, outcome{content: content, amount: c.Amount, op: c.Op})
	case ledger.OpCapture, ledger.OpRelease, ledger.OpExpire:
		return m.end(c, content)
	case ledger.OpOpen:
		if m.Accounts[c.AccountID] != nil {
			if ledger.IsWallet(c.AccountID) {
				return no(errs.WalletExists)
			}
			return no(errs.LedgerAccountExists)
		}
		m.Accounts[c.AccountID] = &Account{Floor: c.Floor, Ceiling: c.Ceiling, openedBy: c.Ref}
		return m.add(c.Ref, outcome{content: content, op: c.Op, account: c.AccountID})
	case ledger.OpCeiling:
		a := m.Accounts[c.AccountID]
		if a == nil {
			return Expected{Code: absent(c.AccountID)}
		}
		if a.Balance+a.In > c.Ceiling {
			return no(errs.BalanceLimit)
		}
		a.Ceiling = c.Ceiling
		return m.add(c.Ref, outcome{content: content, op: c.Op})
	default:
		return m.shut(c, content)
	}
}

func (m *Model) post(c ledger.Command, content string) Expected {
	before := map[string]Account{}
	for id, a := range m.Accounts {
		before[id] = *a
	}
	sum := int64(0)
	for _, leg := range c.Legs {
		if code := m.room(leg.From, leg.To, leg.Amount); code != "" {
			for id, a := range before {
				*m.Accounts[id] = a
			}
			return Expected{Code: code}
		}
		m.Accounts[leg.From].Balance -= leg.Amount
		m.Accounts[leg.To].Balance += leg.Amount
		m.Accounts[leg.From].used, m.Accounts[leg.To].used = true, true
		sum += leg.Amount
	}
	return m.add(c.Ref, outcome{content: content, amount: sum, op: c.Op})
}

// room tells the code with which amount cannot go from one account to the other.
func (m *Model) room(fromID, toID string, amount int64) errs.Code {
	from, to := m.Accounts[fromID], m.Accounts[toID]
	switch {
	case from == nil:
		return absent(fromID)
	case to == nil:
		return absent(toID)
	case from.Balance-from.Out-amount < from.Floor && from.Floor == -ledger.MaxBalance:
		return errs.LedgerAmountOverflow.Code
	case from.Balance-from.Out-amount < from.Floor:
		return errs.InsufficientBalance.Code
	case to.Balance+to.In+amount > to.Ceiling && to.Ceiling == ledger.MaxBalance:
		return errs.LedgerAmountOverflow.Code
	case to.Balance+to.In+amount > to.Ceiling:
		return errs.BalanceLimit.Code
	default:
		return ""
	}
}

func (m *Model) end(c ledger.Command, content string) Expected {
	h := m.holds[c.HoldRef]
	if h == nil {
		d, used := m.done[c.HoldRef]
		switch {
		case c.Op == ledger.OpRelease && d.burnt:
			return d.again()
		case c.Op == ledger.OpRelease && !used:
			return m.add(c.HoldRef, outcome{content: content, op: c.Op, burnt: true})
		}
		return no(errs.LedgerHoldNotFound)
	}
	if h.state != "OPEN" {
		return no(errs.LedgerHoldClosed)
	}
	amount := h.amount
	if c.Op == ledger.OpCapture && c.Amount > 0 {
		amount = c.Amount
	}
	if amount > h.amount {
		return no(errs.LedgerHoldExceeded)
	}
	if c.Op == ledger.OpExpire && (h.due == 0 || h.due > c.ExpiresAt.UnixMicro()) {
		return no(errs.LedgerPostingMalformed)
	}
	h.state = "CLOSED"
	m.Accounts[h.from].Out -= h.amount
	m.Accounts[h.to].In -= h.amount
	if c.Op == ledger.OpCapture {
		m.Accounts[h.from].Balance -= amount
		m.Accounts[h.to].Balance += amount
	}
	return m.add(c.Ref, outcome{content: content, amount: amount, op: c.Op})
}

func (m *Model) shut(c ledger.Command, content string) Expected {
	d, used := m.done[c.OpenRef]
	switch {
	case !used:
		return m.add(c.OpenRef, outcome{content: content, op: c.Op, burnt: true})
	case d.burnt:
		return d.again()
	case d.op != ledger.OpOpen:
		return no(errs.LedgerPostingMalformed)
	}
	a := m.Accounts[d.account]
	if a == nil {
		return Expected{Code: absent(d.account)}
	}
	if a.used || a.openedBy != c.OpenRef {
		return no(errs.LedgerAccountUsed)
	}
	delete(m.Accounts, d.account)
	return m.add(c.Ref, outcome{content: content, op: c.Op})
}

func (m *Model) add(ref string, o outcome) Expected {
	m.seq++
	o.seq = m.seq
	m.done[ref] = o
	return Expected{Seq: o.seq, Amount: o.amount}
}

func (o outcome) again() Expected { return Expected{Replayed: true, Seq: o.seq, Amount: o.amount} }

func no(e *errs.Error) Expected { return Expected{Code: e.Code} }

func absent(id string) errs.Code {
	if ledger.IsWallet(id) {
		return errs.WalletNotFound.Code
	}
	return errs.LedgerAccountNotFound.Code
}

// shape judges the amounts of a command; Random makes no other mistakes.
func shape(c ledger.Command) errs.Code {
	amounts := []int64{}
	for _, leg := range c.Legs {
		amounts = append(amounts, leg.Amount)
	}
	if c.Op == ledger.OpHold {
		amounts = append(amounts, c.Amount)
	}
	sum := int64(0)
	for _, a := range amounts {
		switch {
		case a <= 0:
			return errs.LedgerPostingMalformed.Code
		case a > ledger.MaxAmount:
			return errs.LedgerAmountOverflow.Code
		}
		sum += a
	}
	if sum > ledger.MaxAmount {
		return errs.LedgerAmountOverflow.Code
	}
	if c.Op == ledger.OpCapture && c.Amount < 0 {
		return errs.LedgerPostingMalformed.Code
	}
	return ""
}

func contentOf(c ledger.Command) string {
	c.Ref = ""
	due := c.ExpiresAt.UnixMicro()
	return fmt.Sprintf("%+v %d", c, due)
}
