package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"durapay/internal/apiclient"
	"durapay/internal/calendar"
)

// settle settles the next business date that nobody has settled yet, and waits until the
// franchises have what is due to them.
func (d *demo) settle(ctx context.Context, day int) error {
	today := calendar.Of(time.Now())
	date, err := d.nextDate(ctx, today)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.Progress, "%s\n", d.phase(day, "business date "+date.String()))
	run, err := d.runOf(ctx, date)
	if err != nil {
		return fmt.Errorf("settlement of %s: %w", date, err)
	}
	d.closings = append(d.closings, closing{date: date, runID: run.ID, day: day, today: today, ended: run.UpdatedAt})
	return d.awaitPayouts(ctx, day)
}

// daysAhead is how far the platform settles ahead.
const daysAhead = 31

var errNoDate = errors.New("no business date is left within 31 days")

// nextDate gives the first weekday from the last settled date, today, or the date that was
// asked for that has no run yet. What is paid today is not part of an earlier date.
func (d *demo) nextDate(ctx context.Context, today calendar.Date) (calendar.Date, error) {
	runs, err := d.operator.Runs(ctx)
	if err != nil {
		return calendar.Date{}, err
	}
	date := latest(today, d.BusinessDate)
	if n := len(d.closings); n > 0 {
		date = latest(date, d.closings[n-1].date.AddDays(1))
	}
	return firstFree(date, today.AddDays(daysAhead), runs, func(taken calendar.Date) {
		fmt.Fprintf(d.Progress, "%s has been settled already: going on to the next business date\n", taken)
	})
}

func latest(a, b calendar.Date) calendar.Date {
	if a.Before(b) {
		return b
	}
	return a
}

// firstFree gives the first weekday that has no run, and tells of those that have one.
// Errors: errNoDate.
func firstFree(date, last calendar.Date, runs []apiclient.Run, taken func(calendar.Date)) (calendar.Date, error) {
	for ; !last.Before(date); date = date.AddDays(1) { // at most daysAhead
		if weekend(date) {
			continue
		}
		if !slices.ContainsFunc(runs, func(r apiclient.Run) bool { return !r.DryRun && r.BusinessDate == date }) {
			return date, nil
		}
		taken(date)
	}
	return calendar.Date{}, errNoDate
}

// runOf asks for the run of a date and waits for its end.
func (d *demo) runOf(ctx context.Context, date calendar.Date) (run apiclient.Run, err error) {
	began := time.Now()
	outcome, err := d.operator.Settle(ctx, d.key("settle "+date.String(), 0), date)
	if err == nil {
		outcome, err = d.operator.Follow(ctx, outcome, d.pace.follow)
	}
	if err != nil {
		return run, err
	}
	d.stats.add(settling, sample{began: began, ended: time.Now(), result: succeeded})
	if err := mustSucceed(outcome.ID, outcome.State, &apiclient.Failure{Code: outcome.Code}); err != nil {
		return run, err
	}
	return d.operator.FindRun(ctx, outcome.ID)
}

// awaitPayouts waits, for each franchise, until nothing is due and its paid payments are
// settled, and notes which those are.
func (d *demo) awaitPayouts(ctx context.Context, day int) error {
	var mu sync.Mutex
	return d.each(ctx, d.phase(day, "pay out"), len(d.franchises), func(ctx context.Context, i int) error {
		began := time.Now()
		paid, err := d.awaitPayout(ctx, d.franchises[i])
		if err != nil {
			return fmt.Errorf("franchise %d: %w", i, err)
		}
		d.stats.add(payingOut, sample{began: began, ended: time.Now(), result: succeeded})
		mu.Lock()
		defer mu.Unlock()
		for _, id := range paid {
			d.paid[id] = true
		}
		return nil
	})
}

func (d *demo) awaitPayout(ctx context.Context, f *franchise) (paid []string, err error) {
	err = d.await(ctx, func() (bool, error) {
		bills, err := f.merchant.Statements(ctx)
		if err != nil || slices.ContainsFunc(bills, d.outstanding) {
			return false, err
		}
		paid, err = d.settledBy(ctx, f, bills)
		return paid != nil, err
	})
	return paid, err
}

// outstanding tells whether a statement should have been paid and is still on its way.
func (d *demo) outstanding(s apiclient.Statement) bool {
	b := bill{Statement: s}
	return !s.Payout.State.Ended() && b.dueBy(d.closings)
}

// settledBy gives the payments in paid statements, nil while the platform is not done
// with one of those: it settles them together, after the money is there.
func (d *demo) settledBy(ctx context.Context, f *franchise, bills []apiclient.Statement) ([]string, error) {
	paid := []string{}
	for _, b := range bills {
		if b.Payout.State != apiclient.PayoutPaid {
			continue
		}
		lines, err := f.merchant.Lines(ctx, b.ID)
		if err != nil {
			return nil, err
		}
		var last string
		for _, l := range lines {
			if l.Type == linePayment {
				last = l.ID
				paid = append(paid, l.ID)
			}
		}
		if last == "" {
			continue
		}
		p, err := f.merchant.FindPayment(ctx, last)
		if err != nil {
			return nil, err
		}
		if p.State == apiclient.PaymentApproved || p.State == apiclient.PaymentPartiallyCancelled {
			return nil, nil
		}
	}
	return paid, nil
}

// The pauses between two looks.
const (
	firstLook   = 100 * time.Millisecond
	longestLook = 2 * time.Second
)

// await looks until it is so, or until the run's patience is over: then what is not so
// shows in the figures.
func (d *demo) await(ctx context.Context, look func() (bool, error)) error {
	until := time.Now().Add(d.pace.follow)
	for pause := firstLook; ; pause = min(2*pause, longestLook) { // bounded by until
		done, err := look()
		if err != nil || done || time.Now().Add(pause).After(until) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// readBills reads all that platform and bank say of each franchise.
func (d *demo) readBills(ctx context.Context) ([]shopTold, error) {
	tolds := make([]shopTold, len(d.franchises))
	if len(tolds) == 0 {
		return tolds, nil
	}
	until := calendar.Of(time.Now())
	err := d.each(ctx, readingBills, len(tolds), func(ctx context.Context, i int) (err error) {
		began := time.Now()
		if tolds[i], err = d.readBill(ctx, d.franchises[i], until); err != nil {
			return fmt.Errorf("franchise %d: %w", i, err)
		}
		d.stats.add(readingBills, sample{began: began, ended: time.Now(), result: succeeded})
		return nil
	})
	return tolds, err
}

func (d *demo) readBill(ctx context.Context, f *franchise, until calendar.Date) (t shopTold, err error) {
	statements, err := f.merchant.Statements(ctx)
	if err != nil {
		return t, err
	}
	slices.Reverse(statements) // the oldest first
	for _, s := range statements {
		b, err := d.detail(ctx, f, s)
		if err != nil {
			return t, fmt.Errorf("%s: %w", s.ID, err)
		}
		t.bills = append(t.bills, b)
	}
	for date := d.began; !until.Before(date); date = date.AddDays(1) { // from the run's first day to its last
		entries, err := d.bank.Entries(ctx, f.account.AccountKey, date)
		if err != nil {
			return t, err
		}
		t.entries = append(t.entries, entries...)
	}
	account, err := d.bank.Account(ctx, f.account.AccountKey)
	t.balance = account.Balance
	return t, err
}

// detail reads a statement's lines, and the transfers of its payout's attempts.
func (d *demo) detail(ctx context.Context, f *franchise, s apiclient.Statement) (b bill, err error) {
	b.Statement = s
	if b.lines, err = f.merchant.Lines(ctx, s.ID); err != nil {
		return b, err
	}
	for attempt := 1; attempt <= s.Payout.Attempt; attempt++ {
		made, err := d.operator.Firmbankings(ctx, s.ID+"/"+strconv.Itoa(attempt))
		if err != nil {
			return b, err
		}
		b.transfers = append(b.transfers, made...)
	}
	return b, nil
}
