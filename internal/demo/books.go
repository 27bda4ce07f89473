package demo

import (
	"errors"
	"fmt"
	"slices"

	"durapay/internal/apiclient"
)

// kind is what a record moves.
type kind int

const (
	topUp kind = iota + 1
	withdrawal
	remittance
	toBank // a remittance to an account at a bank
	payment
	cancel
)

// record is a money request as its sender was told of it. Amounts are in won.
type record struct {
	id       string
	kind     kind
	member   int // whose wallet
	receiver int // of a remittance: a member or a payee; of a payment and its cancels: a franchise
	amount   int64
	state    apiclient.State
	day      int // of the run of the demo, from 0
	// Of a cancel.
	of string // the payment
	// Of a payment, and of a cancel once it had its effect.
	left int64 // of the payment
	// Of a payment.
	rate   int64 // basis points
	status apiclient.PaymentState
	cut    string // the statement it is in
}

// moved tells whether the record changed balances. What was returned has gone there and
// back again.
func (r record) moved() bool { return r.state == apiclient.Succeeded }

// story is what of a record everybody who asks is told alike, at any time.
func (r record) story() record {
	r.left, r.rate, r.status, r.cut = 0, 0, "", ""
	return r
}

// told is what platform and bank say of one member at the end, in won.
type told struct{ wallet, held, account int64 }

// books are the client's own: they know only what the client was told about its requests.
type books struct {
	opened     []int64 // what each member's bank account was opened with, in won
	payees     int     // who are sent money to their banks
	franchises int
	records    map[string]record
	breaks     []string // what cannot be: records that were told in two ways, and the like
}

func newBooks(opened []int64, payees, franchises int) *books {
	return &books{opened: opened, payees: payees, franchises: franchises, records: map[string]record{}}
}

// receivers is how many there are whom a record of this kind can go to.
func (b *books) receivers(k kind) int {
	switch k {
	case toBank:
		return b.payees
	case payment, cancel:
		return b.franchises
	default:
		return len(b.opened)
	}
}

// enter books a record; a record that is told again counts once.
func (b *books) enter(r record) {
	if r.receiver < 0 || r.receiver >= b.receivers(r.kind) {
		b.breaks = append(b.breaks, fmt.Sprintf("%s sends %d won to somebody who takes no part", r.id, r.amount))
		return
	}
	before, known := b.records[r.id]
	if known && before.story() != r.story() {
		b.breaks = append(b.breaks, fmt.Sprintf("%s was told as %s of %d won, and again as %s of %d won",
			r.id, before.state, before.amount, r.state, r.amount))
	}
	if !known {
		b.records[r.id] = r
	}
}

// account is what one member's records come to, in won.
type account struct{ toppedUp, withdrawn, received, sent, sentToBanks, paid, givenBack int64 }

func (a account) wallet() (int64, error) {
	return total(a.toppedUp, -a.withdrawn, a.received, -a.sent, -a.sentToBanks, -a.paid, a.givenBack)
}

func (a account) bank(opened int64) (int64, error) { return total(opened, -a.toppedUp, a.withdrawn) }

// accounts adds the records up by member, and what was sent to each payee.
func (b *books) accounts() (accounts []account, payees []int64, err error) {
	accounts, payees = make([]account, len(b.opened)), make([]int64, b.payees)
	for _, r := range b.records {
		if !r.moved() {
			continue
		}
		if err := r.addTo(accounts, payees); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", r.id, err)
		}
	}
	return accounts, payees, nil
}

func (r record) addTo(accounts []account, payees []int64) error {
	own := &accounts[r.member]
	switch r.kind {
	case topUp:
		return accumulate(&own.toppedUp, r.amount)
	case withdrawal:
		return accumulate(&own.withdrawn, r.amount)
	case remittance:
		return errors.Join(accumulate(&own.sent, r.amount), accumulate(&accounts[r.receiver].received, r.amount))
	case toBank:
		return errors.Join(accumulate(&own.sentToBanks, r.amount), accumulate(&payees[r.receiver], r.amount))
	case payment:
		return accumulate(&own.paid, r.amount)
	case cancel:
		return accumulate(&own.givenBack, r.amount)
	default:
		return errors.New("a record of no kind")
	}
}

// proof is the sums of a run in won, and where they differ from what is told.
type proof struct {
	account           // all members' together
	wallets     int64 // told, together
	opened      int64 // accounts at the bank, at first
	banked      int64 // accounts at the bank, told
	payees      int64 // accounts of payees, told
	shops       []shop
	differences []string
}

// prove compares the books with what is told of each member and payee. It has no doubt
// left only when every request has ended.
func (b *books) prove(members []told, payees []int64) (proof, error) {
	accounts, sent, err := b.accounts()
	if err != nil {
		return proof{}, err
	}
	p := proof{differences: append(slices.Clone(b.breaks), b.unended()...)}
	for i, a := range accounts {
		if err := p.add(a, b.opened[i], members[i]); err != nil {
			return p, err
		}
		if err := p.compare(i, a, b.opened[i], members[i]); err != nil {
			return p, err
		}
	}
	for i, amount := range sent {
		p.expect(amount == payees[i], "account of payee %d: %d won were sent to it, told %d (%+d)", i, amount, payees[i], payees[i]-amount)
		if err := accumulate(&p.payees, payees[i]); err != nil {
			return p, err
		}
	}
	return p, p.compareSums()
}

// unended names the requests whose end is not known.
func (b *books) unended() []string {
	var all []string
	for _, r := range b.records {
		if !r.state.Final() {
			all = append(all, fmt.Sprintf("%s over %d won has not ended: %s", r.id, r.amount, r.state))
		}
	}
	slices.Sort(all)
	return all
}

func (p *proof) add(a account, opened int64, t told) error {
	return errors.Join(accumulate(&p.toppedUp, a.toppedUp), accumulate(&p.withdrawn, a.withdrawn),
		accumulate(&p.received, a.received), accumulate(&p.sent, a.sent), accumulate(&p.sentToBanks, a.sentToBanks),
		accumulate(&p.paid, a.paid), accumulate(&p.givenBack, a.givenBack),
		accumulate(&p.wallets, t.wallet), accumulate(&p.opened, opened), accumulate(&p.banked, t.account))
}

func (p *proof) compare(member int, a account, opened int64, t told) error {
	wallet, err := a.wallet()
	if err != nil {
		return err
	}
	banked, err := a.bank(opened)
	if err != nil {
		return err
	}
	p.expect(wallet == t.wallet,
		"wallet of member %d: top-ups %d − withdrawals %d + received %d − sent %d − sent to banks %d − paid %d + given back %d = %d won, told %d (%+d)",
		member, a.toppedUp, a.withdrawn, a.received, a.sent, a.sentToBanks, a.paid, a.givenBack, wallet, t.wallet, t.wallet-wallet)
	p.expect(banked == t.account, "bank account of member %d: opened with %d − top-ups %d + withdrawals %d = %d won, told %d (%+d)",
		member, opened, a.toppedUp, a.withdrawn, banked, t.account, t.account-banked)
	p.expect(t.held == 0, "wallet of member %d: %d won are held for requests that have ended", member, t.held)
	return nil
}

func (p *proof) compareSums() error {
	wallets, err := total(p.toppedUp, -p.withdrawn, -p.sentToBanks, -p.paid, p.givenBack)
	if err != nil {
		return err
	}
	p.expect(wallets == p.wallets, "all wallets: top-ups %d − withdrawals %d − sent to banks %d − paid %d + given back %d = %d won, told %d (%+d)",
		p.toppedUp, p.withdrawn, p.sentToBanks, p.paid, p.givenBack, wallets, p.wallets, p.wallets-wallets)
	banked, err := total(p.opened, -p.toppedUp, p.withdrawn)
	if err != nil {
		return err
	}
	p.expect(banked == p.banked, "all bank accounts: %d won, told %d (%+d)", banked, p.banked, p.banked-banked)
	p.expect(p.sentToBanks == p.payees, "all payees: %d won, told %d (%+d)", p.sentToBanks, p.payees, p.payees-p.sentToBanks)
	return nil
}

func (p *proof) expect(holds bool, format string, values ...any) {
	if !holds {
		p.differences = append(p.differences, fmt.Sprintf(format, values...))
	}
}

var errOverflow = errors.New("a sum of amounts overflows")

func accumulate(sum *int64, amount int64) error {
	added, err := total(*sum, amount)
	*sum = added
	return err
}

// total adds amounts up.
func total(amounts ...int64) (int64, error) {
	var sum int64
	for _, a := range amounts {
		next := sum + a
		if (next > sum) != (a > 0) && a != 0 {
			return 0, errOverflow
		}
		sum = next
	}
	return sum, nil
}
