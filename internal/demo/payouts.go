package demo

import (
	"maps"
	"slices"
	"time"

	"durapay/internal/apiclient"
	"durapay/internal/calendar"
)

// terms are a franchise's contract.
type terms struct {
	basisPoints int64
	cycle       string
	payoutDays  int64 // business days from the end of a cycle
}

// nextWeekday gives the next day that is no Saturday or Sunday: the next business day is
// this or, before a holiday, a later one.
func nextWeekday(d calendar.Date) calendar.Date {
	for d = d.AddDays(1); weekend(d); d = d.AddDays(1) { // at most twice more
	}
	return d
}

func weekend(d calendar.Date) bool {
	return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
}

// cutBy tells whether the settlement of a date had to cut what was done on the day it was
// asked for. A date closes when the next business day begins.
func (t terms) cutBy(c closing) bool {
	through := nextWeekday(c.date).AddDays(-1)
	switch t.cycle {
	case weekly:
		through = through.AddDays(-int(through.Weekday()))
	case monthly:
		if through.AddDays(1).Day != 1 {
			through = through.AddDays(-through.Day)
		}
	}
	return !through.Before(c.today)
}

const (
	daily   = "DAILY"
	weekly  = "WEEKLY"
	monthly = "MONTHLY"
)

// dueBy tells whether a statement has to be paid once these dates are settled: what is
// due by the next business day is paid with a date.
func (b *bill) dueBy(closings []closing) bool {
	return b.Net > 0 && slices.ContainsFunc(closings, func(c closing) bool { return !nextWeekday(c.date).Before(b.Payout.Date) })
}

// proveAccount compares what was paid out with what has come to the account: each payout
// once.
func (s *settled) proveAccount(t shopTold) error {
	open := map[string][]apiclient.Entry{}
	for _, e := range t.entries {
		open[e.Reference] = append(open[e.Reference], e)
	}
	for i := range t.bills {
		if err := s.provePayout(&t.bills[i], open); err != nil {
			return err
		}
	}
	for _, reference := range slices.Sorted(maps.Keys(open)) { // what came and was sent back, or the first entry of nothing
		came, err := came(open[reference])
		if err != nil {
			return err
		}
		s.expect(came == 0, "account of franchise %d: %d won by %s, for which there is no payout", s.number, came, reference)
	}
	s.expect(t.balance == s.shop.paid, "account of franchise %d: %d won were paid out, told %d (%+d)", s.number, s.shop.paid, t.balance, t.balance-s.shop.paid)
	return nil
}

// came is what entries leave on an account, in won.
func came(entries []apiclient.Entry) (int64, error) {
	var sum int64
	for _, e := range entries {
		amount := e.Amount
		if e.Direction != "IN" {
			amount = -amount
		}
		if err := accumulate(&sum, amount); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

func (s *settled) provePayout(b *bill, open map[string][]apiclient.Entry) error {
	state := b.Payout.State
	switch {
	case b.Net < 0:
		s.expect(state == apiclient.PayoutCarriedOver, "%s of %d won is %s", b.ID, b.Net, state)
	case b.Net == 0:
		s.expect(state == apiclient.PayoutNone, "%s of nothing is %s", b.ID, state)
	case state == apiclient.PayoutPaid:
		s.shop.payouts++
		s.provePaid(b, open)
		return accumulate(&s.shop.paid, b.Net)
	case state == apiclient.PayoutFailed || state == apiclient.PayoutReturned:
		return accumulate(&s.shop.failed, b.Net)
	default:
		s.expect(!b.dueBy(s.closings), "%s over %d won is due on %s and is %s", b.ID, b.Net, b.Payout.Date, state)
		return accumulate(&s.shop.later, b.Net)
	}
	return nil
}

// provePaid takes the entry of a payout off the account's list.
func (s *settled) provePaid(b *bill, open map[string][]apiclient.Entry) {
	var made []apiclient.Firmbanking
	for _, f := range b.transfers {
		if f.State == "SETTLED" {
			made = append(made, f)
		}
	}
	if len(made) != 1 {
		s.expect(false, "%s over %d won is paid by %d transfers", b.ID, b.Net, len(made))
		return
	}
	f := made[0]
	entries := open[f.Reference]
	delete(open, f.Reference)
	s.expect(f.Amount == b.Net, "%s over %d won is paid by a transfer of %d", b.ID, b.Net, f.Amount)
	s.expect(len(entries) == 1 && entries[0].Direction == "IN" && entries[0].Amount == b.Net,
		"%s over %d won is paid by %s: the bank has %+v", b.ID, b.Net, f.Reference, entries)
}

// proveSums: what was sold and not given back is with somebody, to the won.
func (s *settled) proveSums() error {
	f := s.shop
	kept, err := total(f.sold, -f.cancelled)
	if err != nil {
		return err
	}
	found, err := total(f.fee, f.vat, f.paid, f.later, f.failed, f.carried, f.uncut)
	if err != nil {
		return err
	}
	s.expect(kept == found, "franchise %d: sales %d − cancels %d = %d won, fee %d + VAT %d + paid out %d + to be paid %d + failed %d + carried over %d + not cut yet %d = %d (%+d)",
		s.number, f.sold, f.cancelled, kept, f.fee, f.vat, f.paid, f.later, f.failed, f.carried, f.uncut, found, found-kept)
	return nil
}
