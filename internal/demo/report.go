package demo

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rows is the order of the table.
var rows = []string{
	openingAccounts, registering, signingIn, linking, openingShops,
	topUp.String(), topUp.String() + repeated, automaticTopUp, remittance.String(), remittance.String() + repeated,
	toBank.String(), toBank.String() + repeated, withdrawal.String(), withdrawal.String() + repeated,
	payment.String(), payment.String() + repeated, cancel.String(), cancel.String() + repeated,
	cancel.String() + afterSettlement, cancel.String() + afterSettlement + repeated,
	settling, payingOut, readingRecords, readingBalances, readingBills,
}

// print writes the table of a run.
func (s *stats) print(out io.Writer) {
	fmt.Fprintf(out, "%-30s %7s %9s %7s %7s %9s %9s %10s\n", "operation", "asked", "succeeded", "refused", "pending", "p50 ms", "p99 ms", "per second")
	for _, name := range rows {
		if o := s.operations[name]; o != nil {
			fmt.Fprintf(out, "%-30s %7d %9d %7d %7d %s\n", name, len(o.samples), o.count(succeeded), o.count(refused), o.count(pending), o.times())
		}
	}
	fmt.Fprintln(out)
	for _, name := range rows {
		if o := s.operations[name]; o != nil {
			printCodes(out, name+", refused", o.codes(refused))
			printCodes(out, name+", pending", o.codes(pending))
		}
	}
	printCodes(out, "sent again with the same key", s.retries)
}

// times are the columns of time and rate, empty for what the platform did by itself.
func (o *operation) times() string {
	if o.samples[0].began.IsZero() {
		return ""
	}
	return fmt.Sprintf("%9s %9s %10.1f", milliseconds(o.percentile(50)), milliseconds(o.percentile(99)), o.perSecond())
}

func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64)
}

// printCodes writes reasons with their counts, the most frequent first.
func printCodes(out io.Writer, what string, counts map[string]int) {
	if len(counts) == 0 {
		return
	}
	codes := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	words := make([]string, len(codes))
	for i, code := range codes {
		words[i] = fmt.Sprintf("%s %d", code, counts[code])
	}
	fmt.Fprintf(out, "  %s: %s\n", what, strings.Join(words, ", "))
}

// maxShown bounds how many differences are printed.
const maxShown = 50

// print writes the figures and, when they do not add up, where.
func (p proof) print(out io.Writer, c cast) error {
	all, err := p.printShops(out)
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	if len(p.differences) > 0 {
		fmt.Fprintf(out, "does not add up, %d differences:\n", len(p.differences))
		for _, d := range p.differences[:min(len(p.differences), maxShown)] {
			fmt.Fprintln(out, " ", d)
		}
		return nil
	}
	fmt.Fprintf(out, "adds up: %d wallets hold %s won = top-ups %s − withdrawals %s − sent to banks %s − paid %s + given back %s (%s sent among them);\n",
		c.members, grouped(p.wallets), grouped(p.toppedUp), grouped(p.withdrawn), grouped(p.sentToBanks), grouped(p.paid), grouped(p.givenBack), grouped(p.sent))
	fmt.Fprintf(out, "         %d bank accounts hold %s won = opened with %s − top-ups %s + withdrawals %s; %d payees have got %s\n",
		c.members, grouped(p.banked), grouped(p.opened), grouped(p.toppedUp), grouped(p.withdrawn), c.payees, grouped(p.payees))
	if len(p.shops) > 0 {
		fmt.Fprintf(out, "         %d franchises sold for %s won − given back %s = fee %s + VAT %s + %s in %d payouts, each there once + due later %s + failed %s + carried over %s + not cut yet %s\n",
			len(p.shops), grouped(all.sold), grouped(all.cancelled), grouped(all.fee), grouped(all.vat), grouped(all.paid), all.payouts,
			grouped(all.later), grouped(all.failed), grouped(all.carried), grouped(all.uncut))
	}
	return nil
}

// maxShops bounds how many franchises are printed one by one.
const maxShops = 12

// printShops writes what each franchise has sold and got, and gives all together.
func (p proof) printShops(out io.Writer) (all shop, err error) {
	if len(p.shops) == 0 {
		return all, nil
	}
	fmt.Fprintf(out, "\n%-12s %12s %11s %9s %8s %12s %8s %11s %11s %11s\n",
		"franchise", "sold", "given back", "fee", "VAT", "paid out", "payouts", "due later", "carried", "not cut")
	for i, s := range p.shops {
		if i < maxShops {
			s.print(out, strconv.Itoa(i+1))
		}
		if err := all.add(s); err != nil {
			return all, err
		}
	}
	all.print(out, "all "+strconv.Itoa(len(p.shops)))
	return all, nil
}

func (s shop) print(out io.Writer, name string) {
	fmt.Fprintf(out, "%-12s %12s %11s %9s %8s %12s %8d %11s %11s %11s\n", name, grouped(s.sold), grouped(s.cancelled), grouped(s.fee),
		grouped(s.vat), grouped(s.paid), s.payouts, grouped(s.later), grouped(s.carried), grouped(s.uncut))
}

// grouped writes an amount with commas.
func grouped(amount int64) string {
	digits := strconv.FormatInt(amount, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}
