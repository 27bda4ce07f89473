package demo

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/internal/apiclient"
	"durapay/internal/calendar"
)

// The largest amount that the API takes, in won.
const mostOfAll = 1_000_000_000_000

func TestFeeIsThatOfExactArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount, rate := rapid.Int64Range(0, mostOfAll).Draw(t, "amount"), rapid.Int64Range(0, basis).Draw(t, "rate")
		exact := new(big.Int).Mul(big.NewInt(amount), big.NewInt(rate))
		exact.Div(exact, big.NewInt(10_000))
		fee, vat := feeOf(amount, rate)
		require.Equal(t, exact.Int64(), fee)
		require.Equal(t, exact.Div(exact, big.NewInt(10)).Int64(), vat)
	})
}

// drawSale draws a payment with some cancels, told in any order.
func drawSale(t *rapid.T, id string, rate int64) *sale {
	s := &sale{payment: record{id: id, kind: payment, amount: rapid.Int64Range(1, 100_000).Draw(t, "amount"), rate: rate, state: apiclient.Succeeded}}
	left := s.payment.amount
	for i := range rapid.IntRange(0, 4).Draw(t, "cancels") {
		if left == 0 {
			break
		}
		amount := rapid.Int64Range(1, left).Draw(t, "part")
		left -= amount
		s.cancels = append(s.cancels, record{id: fmt.Sprint(id, "-", i), kind: cancel, of: id, amount: amount, left: left, state: apiclient.Succeeded})
	}
	s.cancels = rapid.Permutation(s.cancels).Draw(t, "order")
	s.payment.left, s.payment.status = left, apiclient.PaymentApproved
	switch {
	case left == 0:
		s.payment.status = apiclient.PaymentCancelled
	case left < s.payment.amount:
		s.payment.status = apiclient.PaymentPartiallyCancelled
	}
	return s
}

// However a payment is given back, its lines together are the fee of what is left.
func TestLinesOfASaleComeToTheFeeOfWhatIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSale(t, "pay", rapid.Int64Range(0, basis).Draw(t, "rate"))
		lines, breaks := s.lines()
		require.Empty(t, breaks)
		require.Len(t, lines, 1+len(s.cancels))
		var amount, fee, vat int64
		for _, l := range lines {
			amount, fee, vat = amount+l.amount, fee+l.fee, vat+l.vat
			require.False(t, l.cancel && (l.fee > 0 || l.vat > 0 || l.amount >= 0), "a cancel never costs")
		}
		wantFee, wantVAT := feeOf(s.payment.left, s.payment.rate)
		require.Equal(t, []int64{s.payment.left, wantFee, wantVAT}, []int64{amount, fee, vat})
	})
}

func TestCancelsThatDoNotFollowOneAnotherAreTold(t *testing.T) {
	for name, change := range map[string]func(*sale){
		"more left than can be":    func(s *sale) { s.cancels[0].left++ },
		"another amount":           func(s *sale) { s.cancels[1].amount-- },
		"a cancel is missing":      func(s *sale) { s.cancels = s.cancels[:1] },
		"the payment has more":     func(s *sale) { s.payment.left++ },
		"one cancel told as two":   func(s *sale) { s.cancels = append(s.cancels, s.cancels[0]) },
		"more given back than had": func(s *sale) { s.cancels[1].amount, s.cancels[1].left, s.payment.left = 80, -10, -10 },
	} {
		s := &sale{payment: record{amount: 100, left: 10, rate: 100}, cancels: []record{{amount: 30, left: 70}, {amount: 60, left: 10}}}
		_, breaks := s.lines()
		require.Empty(t, breaks)
		change(s)
		_, breaks = s.lines()
		require.NotEmpty(t, breaks, name)
	}
}

// story is a franchise's sales and all that platform and bank tell of them.
type story struct {
	sales    map[string]*sale
	terms    terms
	told     shopTold
	closings []closing
}

// drawStory draws what an honest platform makes of some sales: what is done on a day is
// cut with its date, and what is due is paid.
func drawStory(t *rapid.T) *story {
	y := &story{sales: map[string]*sale{}, terms: terms{rapid.SampledFrom([]int64{0, 40, 176, 10_000}).Draw(t, "rate"), daily, 1}}
	days := rapid.IntRange(1, 4).Draw(t, "days")
	byDay := make([][]line, days)
	for i := range rapid.IntRange(0, 12).Draw(t, "sales") {
		s := drawSale(t, fmt.Sprint("pay", i), y.terms.basisPoints)
		s.payment.day = rapid.IntRange(0, days-1).Draw(t, "day")
		after := s.payment.day
		byLeft := *s
		_, _ = byLeft.lines() // puts the cancels in their order
		for n := range s.cancels {
			after = rapid.IntRange(after, days-1).Draw(t, "later")
			s.cancels[n].day = after
		}
		lines, _ := s.lines()
		for _, l := range lines {
			byDay[l.day] = append(byDay[l.day], l)
		}
		y.sales[s.payment.id] = s
	}
	date, at := calendar.Date{Year: 2026, Month: 11, Day: 23}, time.Unix(1_800_000_000, 0)
	for day, lines := range byDay {
		y.closings = append(y.closings, closing{date: date, runID: fmt.Sprint("run", day), day: day, today: date, ended: at.Add(time.Minute)})
		y.cut(t, lines, y.closings[day], at)
		date, at = nextWeekday(date), at.Add(time.Hour)
	}
	return y
}

func (y *story) cut(t *rapid.T, lines []line, c closing, at time.Time) {
	if len(lines) == 0 {
		return
	}
	b := bill{Statement: apiclient.Statement{ID: "stl-" + c.runID, RunID: c.runID, BusinessDate: c.date, CreatedAt: at}}
	if n := len(y.told.bills); n > 0 {
		b.CarriedOver = min(0, y.told.bills[n-1].Net)
	}
	b.Net = b.CarriedOver
	for _, l := range rapid.Permutation(lines).Draw(t, "lines") {
		told := apiclient.StatementLine{Type: linePayment, ID: l.id, PaymentID: l.payment, Amount: l.amount, FeeBasisPoints: l.rate, Fee: l.fee, VAT: l.vat}
		items := &b.Payments
		if l.cancel {
			told.Type, items = lineCancel, &b.Cancels
		} else {
			y.sales[l.payment].payment.cut = b.ID
		}
		items.Count, items.Amount = items.Count+1, items.Amount+max(l.amount, -l.amount)
		b.Fee, b.VAT, b.Net = b.Fee+l.fee, b.VAT+l.vat, b.Net+l.amount-l.fee-l.vat
		b.lines = append(b.lines, told)
	}
	b.Payout = apiclient.Payout{State: apiclient.PayoutCarriedOver, Date: nextWeekday(c.date)}
	switch {
	case b.Net == 0:
		b.Payout.State = apiclient.PayoutNone
	case b.Net > 0:
		y.pay(&b)
	}
	for _, l := range b.lines {
		if s := y.sales[l.PaymentID]; l.Type == linePayment && s.payment.left > 0 {
			s.payment.status = apiclient.PaymentSettled
		}
	}
	y.told.bills = append(y.told.bills, b)
}

func (y *story) pay(b *bill) {
	b.Payout.State, b.Payout.Attempt = apiclient.PayoutPaid, 1
	b.transfers = []apiclient.Firmbanking{{State: "REJECTED", Amount: b.Net, Reference: b.ID}, {State: "SETTLED", Amount: b.Net, Reference: b.ID + "/2"}}
	y.told.entries = append(y.told.entries, apiclient.Entry{Reference: b.ID + "/2", Direction: "IN", Amount: b.Net})
	y.told.balance += b.Net
}

func (y *story) prove(t *rapid.T) proof {
	var p proof
	require.NoError(t, p.proveShops([]map[string]*sale{y.sales}, []terms{y.terms}, []shopTold{y.told}, y.closings))
	return p
}

func TestHonestFranchisesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := drawStory(t)
		p := y.prove(t)
		require.Empty(t, p.differences)
		s := p.shops[0]
		require.Equal(t, y.told.balance, s.paid)
		require.Equal(t, s.sold-s.cancelled, s.fee+s.vat+s.paid+s.carried)
		require.Zero(t, s.later+s.uncut+s.failed)
	})
}

// Every figure that is told is compared: one more won anywhere is a difference.
func TestOneWonMoreAnywhereIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := drawStory(t)
		figures := []*int64{&y.told.balance}
		for i := range y.told.bills {
			b := &y.told.bills[i]
			figures = append(figures, &b.Payments.Amount, &b.Payments.Count, &b.Cancels.Amount, &b.Cancels.Count, &b.Fee, &b.VAT, &b.Net, &b.CarriedOver)
			for n := range b.lines {
				figures = append(figures, &b.lines[n].Amount, &b.lines[n].Fee, &b.lines[n].VAT, &b.lines[n].FeeBasisPoints)
			}
			if len(b.transfers) > 0 {
				figures = append(figures, &b.transfers[1].Amount)
			}
		}
		for i := range y.told.entries {
			figures = append(figures, &y.told.entries[i].Amount)
		}
		for _, s := range y.sales {
			figures = append(figures, &s.payment.left, &s.payment.rate)
		}
		*figures[rapid.IntRange(0, len(figures)-1).Draw(t, "figure")]++
		require.NotEmpty(t, y.prove(t).differences)
	})
}

// Whole things that are missing, there twice or another's are differences, too.
func TestOtherStoriesAreFound(t *testing.T) {
	for name, change := range map[string]func(*story) bool{
		"an entry is missing":     func(y *story) bool { y.told.entries = y.told.entries[1:]; return true },
		"an entry is there twice": func(y *story) bool { y.told.entries = append(y.told.entries, y.told.entries[0]); return true },
		"money of nobody's": func(y *story) bool {
			y.told.entries = append(y.told.entries, apiclient.Entry{Reference: "x", Direction: "IN", Amount: 1})
			return true
		},
		"a statement is missing": func(y *story) bool { y.told.bills = y.told.bills[1:]; return true },
		"a line is missing":      func(y *story) bool { y.told.bills[0].lines = y.told.bills[0].lines[1:]; return true },
		"a line is there twice": func(y *story) bool {
			y.told.bills[0].lines = append(y.told.bills[0].lines, y.told.bills[0].lines[0])
			return true
		},
		"cut too late": func(y *story) bool {
			y.told.bills[0].CreatedAt = y.told.bills[0].CreatedAt.Add(24 * time.Hour)
			return true
		},
		"paid by two transfers": func(y *story) bool {
			return changePaid(y, func(b *bill) { b.transfers[0].State = "SETTLED" })
		},
		"paid by none": func(y *story) bool {
			return changePaid(y, func(b *bill) { b.transfers = nil })
		},
		"not paid in time": func(y *story) bool {
			return changePaid(y, func(b *bill) { b.Payout.State = "UNKNOWN" })
		},
		"a payment of another statement": func(y *story) bool {
			return changeSale(y, func(s *sale) { s.payment.cut += "x" })
		},
		"a payment stands otherwise": func(y *story) bool {
			return changeSale(y, func(s *sale) { s.payment.status = "WAITING" })
		},
		"a sale is forgotten": func(y *story) bool {
			for id := range y.sales {
				delete(y.sales, id)
				return true
			}
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				y := drawStory(t)
				if len(y.told.entries) > 0 && change(y) {
					require.NotEmpty(t, y.prove(t).differences)
				}
			})
		})
	}
}

func changePaid(y *story, change func(*bill)) bool {
	for i := range y.told.bills {
		if y.told.bills[i].Net > 0 {
			change(&y.told.bills[i])
			return true
		}
	}
	return false
}

func changeSale(y *story, change func(*sale)) bool {
	for _, s := range y.sales {
		change(s)
		return true
	}
	return false
}

// What came and was sent back by the bank is no difference, and is still owed.
func TestReturnedPayoutIsStillOwed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := drawStory(t)
		returned := changePaid(y, func(b *bill) {
			b.Payout.State, b.transfers[1].State = apiclient.PayoutReturned, "RETURNED"
			y.told.entries = append(y.told.entries, apiclient.Entry{Reference: b.ID + "/2", Direction: "OUT", Amount: b.Net})
			y.told.balance -= b.Net
		})
		p := y.prove(t)
		require.Empty(t, p.differences)
		require.Equal(t, returned, p.shops[0].failed > 0)
	})
}

func TestWhatASettlementHasToCut(t *testing.T) {
	for _, c := range []struct {
		cycle, date, today string
		must               bool
	}{
		{daily, "2026-11-23", "2026-11-22", true}, {daily, "2026-11-20", "2026-11-20", true},
		{weekly, "2026-11-23", "2026-11-22", true},  // the week has ended today, a Sunday
		{weekly, "2026-11-26", "2026-11-23", false}, // a Thursday
		{weekly, "2026-11-27", "2026-11-23", true},  // the Friday closes with its Sunday
		{monthly, "2026-11-26", "2026-11-23", false},
		{monthly, "2026-11-30", "2026-11-23", true},
		{monthly, "2026-12-02", "2026-11-23", true},
		{monthly, "2026-12-02", "2026-12-01", false},
		{monthly, "2027-01-29", "2027-01-29", true}, // a Friday; the month ends on the Sunday
	} {
		got := terms{cycle: c.cycle}.cutBy(closing{date: day(t, c.date), today: day(t, c.today)})
		require.Equal(t, c.must, got, c)
	}
}

func day(t *testing.T, text string) calendar.Date {
	t.Helper()
	d, err := calendar.Parse(text)
	require.NoError(t, err)
	return d
}

func TestDatesThatAreTakenAreToldAndLeftOut(t *testing.T) {
	friday := day(t, "2026-11-27")
	runs := []apiclient.Run{{BusinessDate: friday}, {BusinessDate: day(t, "2026-12-01"), DryRun: true}, {BusinessDate: day(t, "2026-11-30")}}
	var taken []string
	tell := func(d calendar.Date) { taken = append(taken, d.String()) }
	free, err := firstFree(friday, friday.AddDays(31), runs, tell)
	require.NoError(t, err)
	require.Equal(t, "2026-12-01", free.String())
	require.Equal(t, []string{"2026-11-27", "2026-11-30"}, taken)
	_, err = firstFree(friday, friday.AddDays(3), runs, tell)
	require.ErrorIs(t, err, errNoDate)
}

func TestBusinessNumbersHaveTheirCheckDigit(t *testing.T) {
	require.Equal(t, "1248100998", businessNumber("2004810099", 12), "a number that is known")
	seen := map[string]bool{}
	for i := range MaxFranchises {
		number := businessNumber("2147483648", i)
		require.Len(t, number, 10)
		require.False(t, seen[number])
		seen[number] = true
	}
}
