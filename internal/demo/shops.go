package demo

import (
	"errors"
	"maps"
	"slices"
	"time"

	"durapay/internal/apiclient"
	"durapay/internal/calendar"
)

// bill is a statement as its franchise is told it, with its lines and the transfers that
// were made to pay it.
type bill struct {
	apiclient.Statement
	lines     []apiclient.StatementLine
	transfers []apiclient.Firmbanking
}

// The types of a statement's lines.
const (
	linePayment = "PAYMENT"
	lineCancel  = "CANCEL"
)

// shopTold is what platform and bank say of one franchise at the end. Balance is in won.
type shopTold struct {
	bills   []bill // oldest first
	entries []apiclient.Entry
	balance int64
}

// closing is a business date that the run of the demo has settled.
type closing struct {
	date  calendar.Date
	runID string
	day   int           // whose traffic had ended before, from 0
	today calendar.Date // in Seoul, when it was asked for
	ended time.Time     // by the platform's clock
}

// shop is what a franchise's notes come to, in won.
type shop struct {
	sold, cancelled int64
	fee, vat        int64 // of what was cut, less what cancels gave back
	paid            int64 // has reached its account
	later           int64 // scheduled for a later day
	failed          int64 // payouts that failed or came back: still owed
	carried         int64 // below zero, for the next statement
	uncut           int64 // of payments and cancels that wait for the end of their cycle
	payouts         int
}

// add sums shops up.
func (s *shop) add(o shop) error {
	s.payouts += o.payouts
	return errors.Join(accumulate(&s.sold, o.sold), accumulate(&s.cancelled, o.cancelled), accumulate(&s.fee, o.fee),
		accumulate(&s.vat, o.vat), accumulate(&s.paid, o.paid), accumulate(&s.later, o.later), accumulate(&s.failed, o.failed),
		accumulate(&s.carried, o.carried), accumulate(&s.uncut, o.uncut))
}

// settled compares one franchise's notes with its statements and its account.
type settled struct {
	*proof
	number   int // of the franchise
	terms    terms
	sales    map[string]*sale
	closings []closing
	shop     shop
	days     map[string]int   // on which day what was done
	cut      map[string]*bill // by what was cut into it
	runs     map[string]bool  // those that have made a statement
}

// proveShops compares the notes of all franchises with what is told of them.
func (p *proof) proveShops(sales []map[string]*sale, agreed []terms, tolds []shopTold, closings []closing) error {
	for i := range sales {
		s := &settled{proof: p, number: i, terms: agreed[i], sales: sales[i], closings: closings,
			days: map[string]int{}, cut: map[string]*bill{}, runs: map[string]bool{}}
		if err := s.prove(tolds[i]); err != nil {
			return err
		}
		p.shops = append(p.shops, s.shop)
	}
	return nil
}

func (s *settled) prove(t shopTold) error {
	due, err := s.due()
	if err != nil {
		return err
	}
	if err := s.proveBills(due, t.bills); err != nil {
		return err
	}
	if err := s.proveRest(due); err != nil {
		return err
	}
	s.proveStates()
	if err := s.proveAccount(t); err != nil {
		return err
	}
	return s.proveSums()
}

// due gives the lines that have to be in statements, by their ids.
func (s *settled) due() (map[string]line, error) {
	due := map[string]line{}
	for _, sale := range sorted(s.sales) {
		s.expect(sale.payment.rate == s.terms.basisPoints, "%s was made at %d basis points, franchise %d has agreed to %d",
			sale.payment.id, sale.payment.rate, s.number, s.terms.basisPoints)
		lines, breaks := sale.lines()
		s.differences = append(s.differences, breaks...)
		for _, l := range lines {
			due[l.id], s.days[l.id] = l, l.day
			sum, amount := &s.shop.sold, l.amount
			if l.cancel {
				sum, amount = &s.shop.cancelled, -l.amount
			}
			if err := accumulate(sum, amount); err != nil {
				return nil, err
			}
		}
	}
	return due, nil
}

// proveBills takes what is cut off the list, line by line, and follows what is carried
// over from one statement to the next.
func (s *settled) proveBills(due map[string]line, bills []bill) error {
	var carried int64
	for i := range bills {
		b := &bills[i]
		s.runs[b.RunID] = true
		sums, err := s.proveLines(due, b)
		if err != nil {
			return err
		}
		net, err := total(sums.sold, -sums.cancelled, -sums.fee, -sums.vat, carried)
		if err != nil {
			return err
		}
		s.proveHead(b, sums, net, carried)
		if carried = min(net, 0); i == len(bills)-1 {
			s.shop.carried = carried
		}
		if err := errors.Join(accumulate(&s.shop.fee, sums.fee), accumulate(&s.shop.vat, sums.vat)); err != nil {
			return err
		}
	}
	return nil
}

// proveLines takes the lines of a statement off the list, and adds them up.
func (s *settled) proveLines(due map[string]line, b *bill) (sums shop, err error) {
	for _, told := range b.lines {
		l, open := due[told.ID]
		if !open {
			s.expect(false, "%s has %s %s of %d won, which is not due to franchise %d, or not again", b.ID, told.Type, told.ID, told.Amount, s.number)
			continue
		}
		delete(due, told.ID)
		s.cut[told.ID] = b
		want := apiclient.StatementLine{Type: linePayment, ID: l.id, PaymentID: l.payment, Amount: l.amount, FeeBasisPoints: l.rate, Fee: l.fee, VAT: l.vat}
		part := shop{sold: l.amount, fee: l.fee, vat: l.vat}
		if l.cancel {
			want.Type, part.sold, part.cancelled = lineCancel, 0, -l.amount
		}
		s.expect(told == want, "%s has %+v, should be %+v", b.ID, told, want)
		if err := sums.add(part); err != nil {
			return sums, err
		}
	}
	return sums, nil
}

// proveHead compares a statement's own sums.
func (s *settled) proveHead(b *bill, sums shop, net, carried int64) {
	var count apiclient.Statement
	for _, l := range b.lines {
		if l.Type == lineCancel {
			count.Cancels.Count++
		} else {
			count.Payments.Count++
		}
	}
	s.expect(b.Payments == apiclient.StatementItems{Count: count.Payments.Count, Amount: sums.sold} &&
		b.Cancels == apiclient.StatementItems{Count: count.Cancels.Count, Amount: sums.cancelled},
		"%s: %d payments and %d cancels are of %d and %d won, told %+v and %+v", b.ID, count.Payments.Count, count.Cancels.Count,
		sums.sold, sums.cancelled, b.Payments, b.Cancels)
	s.expect(b.Fee == sums.fee && b.VAT == sums.vat, "%s: fee and VAT are %d and %d won, told %d and %d", b.ID, sums.fee, sums.vat, b.Fee, b.VAT)
	s.expect(b.CarriedOver == carried, "%s: carried over are %d won, told %d", b.ID, carried, b.CarriedOver)
	s.expect(b.Net == net, "%s: sales %d − cancels %d − fee %d − VAT %d + carried over %d = %d won, told %d",
		b.ID, sums.sold, sums.cancelled, sums.fee, sums.vat, carried, net, b.Net)
}

// proveRest looks at each line's time: it may wait only for the end of its cycle.
func (s *settled) proveRest(due map[string]line) error {
	for _, l := range sorted(due) {
		if err := accumulate(&s.shop.uncut, l.amount); err != nil {
			return err
		}
		if c, late := s.obliged(l.day, nil); late {
			s.expect(false, "%s of %d won is in no statement, though %s is settled", l.id, l.amount, c.date)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.cut)) {
		b := s.cut[id]
		if c, late := s.obliged(s.days[id], b); late {
			s.expect(false, "%s is in %s of %s, though %s was settled before", id, b.ID, b.BusinessDate, c.date)
		}
	}
	return nil
}

// obliged finds a date by whose settlement what was done on a day had to be cut, and was
// not: b is the statement it is in, nil for none.
func (s *settled) obliged(day int, b *bill) (closing, bool) {
	for _, c := range s.closings {
		if day <= c.day && (s.terms.cutBy(c) || s.runs[c.runID]) && (b == nil || b.CreatedAt.After(c.ended)) {
			return c, true
		}
	}
	return closing{}, false
}

// proveStates looks at how each payment stands.
func (s *settled) proveStates() {
	for _, sale := range sorted(s.sales) {
		p := sale.payment
		var state apiclient.PayoutState
		var statement string
		if b := s.cut[p.id]; b != nil {
			state, statement = b.Payout.State, b.ID
		}
		s.expect(p.cut == statement, "%s is told to be in statement %q, and is in %q", p.id, p.cut, statement)
		s.expect(slices.Contains(sale.states(state), p.status), "%s with %d of %d won left is %s, its statement is %q", p.id, p.left, p.amount, p.status, state)
	}
}
