package demo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"durapay/internal/apiclient"
)

// What the platform takes of a payment, worked out anew from what it says of its fees:
// whole won of the amount at the rate pinned on it, below 1 won cut off, and VAT of 10 %
// on that, cut off too.

const (
	basis      = 10_000 // basis points
	vatDivisor = 10
)

// feeOf gives fee and VAT in won. The API takes amounts up to 10¹², at most 10,000 basis
// points: the product fits an int64.
func feeOf(amount, basisPoints int64) (fee, vat int64) {
	fee = amount * basisPoints / basis
	return fee, fee / vatDivisor
}

// line is an item of a franchise's account as it has to be in a statement. Amounts are in
// won, those of a cancel negative.
type line struct {
	id, payment string
	cancel      bool
	amount      int64
	rate        int64 // basis points
	fee, vat    int64
	day         int // of the run of the demo, from 0
}

// sale is a payment with its cancels in the order in which they took effect.
type sale struct {
	payment record
	cancels []record
}

// sales gathers what each franchise has sold, by the ids of the payments.
func (b *books) sales() []map[string]*sale {
	all := make([]map[string]*sale, b.franchises)
	for i := range all {
		all[i] = map[string]*sale{}
	}
	for _, r := range b.records {
		if r.kind == payment && r.moved() {
			all[r.receiver][r.id] = &sale{payment: r}
		}
	}
	for _, r := range b.records {
		if r.kind != cancel || !r.moved() {
			continue
		}
		if s := all[r.receiver][r.of]; s != nil {
			s.cancels = append(s.cancels, r)
		} else {
			b.breaks = append(b.breaks, fmt.Sprintf("%s gives back %d won of %s, which nobody has paid", r.id, r.amount, r.of))
		}
	}
	return all
}

// lines gives what statements have to say of a sale, and what of it cannot be. A cancel
// gives back the difference of what is due before and after it.
func (s *sale) lines() (all []line, breaks []string) {
	p := s.payment
	fee, vat := feeOf(p.amount, p.rate)
	all = append(all, line{id: p.id, payment: p.id, amount: p.amount, rate: p.rate, fee: fee, vat: vat, day: p.day})
	slices.SortFunc(s.cancels, func(a, b record) int { return cmp.Compare(b.left, a.left) })
	left := p.amount
	for _, c := range s.cancels {
		if left -= c.amount; c.left != left || left < 0 {
			breaks = append(breaks, fmt.Sprintf("%s gives %d won back and leaves %d of %s, which should be %d", c.id, c.amount, c.left, p.id, left))
		}
		feeLeft, vatLeft := feeOf(left, p.rate)
		all = append(all, line{id: c.id, payment: p.id, cancel: true, amount: -c.amount, rate: p.rate, fee: feeLeft - fee, vat: vatLeft - vat, day: c.day})
		fee, vat = feeLeft, vatLeft
	}
	if p.left != left {
		breaks = append(breaks, fmt.Sprintf("%s of %d won has %d left, which should be %d", p.id, p.amount, p.left, left))
	}
	return all, breaks
}

// states are how a payment may stand once everything is quiet. It is settled when its
// statement is paid, or has nothing to pay because it met what was given back.
func (s *sale) states(p apiclient.PayoutState) []apiclient.PaymentState {
	switch {
	case s.payment.left == 0:
		return []apiclient.PaymentState{apiclient.PaymentCancelled}
	case p == apiclient.PayoutPaid || p == apiclient.PayoutNone || p == apiclient.PayoutCarriedOver:
		return []apiclient.PaymentState{apiclient.PaymentSettled}
	case p == apiclient.PayoutReturned: // before it was settled, or after
		return []apiclient.PaymentState{s.open(), apiclient.PaymentSettled}
	default:
		return []apiclient.PaymentState{s.open()}
	}
}

// open is the state before settlement.
func (s *sale) open() apiclient.PaymentState {
	if s.payment.left < s.payment.amount {
		return apiclient.PaymentPartiallyCancelled
	}
	return apiclient.PaymentApproved
}

// sorted gives the values of a map in the order of its keys, so that a run tells its
// differences in one order.
func sorted[V any](m map[string]V) []V {
	var values []V
	for _, key := range slices.Sorted(maps.Keys(m)) {
		values = append(values, m[key])
	}
	return values
}
