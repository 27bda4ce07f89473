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
)

// record is a money request as its sender was told of it. Amount is in won.
type record struct {
	id       string
	kind     kind
	member   int // whose wallet
	receiver int // of a remittance
	amount   int64
	state    apiclient.State
}

// moved tells whether the record changed balances. What was returned has gone there and
// back again.
func (r record) moved() bool { return r.state == apiclient.Succeeded }

// told is what platform and bank say of one member at the end, in won.
type told struct{ wallet, held, account int64 }

// books are the client's own: they know only what the client was told about its requests.
type books struct {
	opened  []int64 // what each member's bank account was opened with, in won
	records map[string]record
	breaks  []string // records that were told in two ways
}

func newBooks(opened []int64) *books {
	return &books{opened: opened, records: map[string]record{}}
}

// enter books a record; a record that is told again counts once.
func (b *books) enter(r record) {
	if r.receiver < 0 || r.receiver >= len(b.opened) {
		b.breaks = append(b.breaks, fmt.Sprintf("%s sends %d won to somebody who takes no part", r.id, r.amount))
		return
	}
	before, known := b.records[r.id]
	if known && before != r {
		b.breaks = append(b.breaks, fmt.Sprintf("%s was told as %s of %d won, and again as %s of %d won",
			r.id, before.state, before.amount, r.state, r.amount))
	}
	if !known {
		b.records[r.id] = r
	}
}

// account is what one member's records come to, in won.
type account struct{ toppedUp, withdrawn, received, sent int64 }

func (a account) wallet() (int64, error) { return total(a.toppedUp, -a.withdrawn, a.received, -a.sent) }

func (a account) bank(opened int64) (int64, error) { return total(opened, -a.toppedUp, a.withdrawn) }

// accounts adds the records up by member.
func (b *books) accounts() ([]account, error) {
	accounts := make([]account, len(b.opened))
	for _, r := range b.records {
		if !r.moved() {
			continue
		}
		if err := r.addTo(accounts); err != nil {
			return nil, fmt.Errorf("%s: %w", r.id, err)
		}
	}
	return accounts, nil
}

func (r record) addTo(accounts []account) error {
	own := &accounts[r.member]
	switch r.kind {
	case topUp:
		return accumulate(&own.toppedUp, r.amount)
	case withdrawal:
		return accumulate(&own.withdrawn, r.amount)
	case remittance:
		return errors.Join(accumulate(&own.sent, r.amount), accumulate(&accounts[r.receiver].received, r.amount))
	default:
		return errors.New("a record of no kind")
	}
}

// proof is the sums of a run in won, and where they differ from what is told.
type proof struct {
	topUps, withdrawals, sent int64
	wallets                   int64 // told, together
	opened, banked            int64 // accounts at the bank: at first, and told
	differences               []string
}

// prove compares the books with what is told of each member. It has no doubt left only
// when every request has ended.
func (b *books) prove(members []told) (proof, error) {
	accounts, err := b.accounts()
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
	return errors.Join(accumulate(&p.topUps, a.toppedUp), accumulate(&p.withdrawals, a.withdrawn), accumulate(&p.sent, a.sent),
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
	p.expect(wallet == t.wallet, "wallet of member %d: top-ups %d − withdrawals %d + received %d − sent %d = %d won, told %d (%+d)",
		member, a.toppedUp, a.withdrawn, a.received, a.sent, wallet, t.wallet, t.wallet-wallet)
	p.expect(banked == t.account, "bank account of member %d: opened with %d − top-ups %d + withdrawals %d = %d won, told %d (%+d)",
		member, opened, a.toppedUp, a.withdrawn, banked, t.account, t.account-banked)
	p.expect(t.held == 0, "wallet of member %d: %d won are held for requests that have ended", member, t.held)
	return nil
}

func (p *proof) compareSums() error {
	wallets, err := total(p.topUps, -p.withdrawals)
	if err != nil {
		return err
	}
	p.expect(wallets == p.wallets, "all wallets: top-ups %d − withdrawals %d = %d won, told %d (%+d)",
		p.topUps, p.withdrawals, wallets, p.wallets, p.wallets-wallets)
	banked, err := total(p.opened, -p.topUps, p.withdrawals)
	if err != nil {
		return err
	}
	p.expect(banked == p.banked, "all bank accounts: %d won, told %d (%+d)", banked, p.banked, p.banked-banked)
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
