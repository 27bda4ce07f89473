package demo

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"durapay/internal/apiclient"
)

// play plays the days one after another: traffic, then the settlement of a date.
func (d *demo) play(ctx context.Context) error {
	for day := range d.Days {
		if err := d.traffic(ctx, day); err != nil {
			return err
		}
		if len(d.franchises) == 0 {
			continue
		}
		if err := d.settle(ctx, day); err != nil {
			return err
		}
	}
	d.books.breaks = append(d.books.breaks, d.answers.contradictions()...)
	return nil
}

// traffic fills the wallets, then lets everybody send, withdraw and pay, and franchises
// give payments back: settled ones in between, the day's own at its end. What is given
// back depends on what has happened, so it is drawn apart: the rest of a plan does not.
func (d *demo) traffic(ctx context.Context, day int) error {
	random, back := rand.New(rand.NewPCG(d.Seed, uint64(2*day))), rand.New(rand.NewPCG(d.Seed, uint64(2*day+1)))
	if err := d.askAll(ctx, day, "top up", d.script.planTopUps(random, day)); err != nil {
		return err
	}
	late := d.keep(planLateCancels(back, day, d.cancels, d.settledSales()))
	if err := d.askAll(ctx, day, "remit, withdraw, pay", mix(back, d.script.planMoves(random, day), late)); err != nil {
		return err
	}
	sales := d.soldOn(day)
	d.sold = append(d.sold, sales...)
	return d.askAll(ctx, day, "cancel", d.keep(planCancels(back, day, d.cancels, sales)))
}

// askAll asks for what is planned, as many at once as the run allows.
func (d *demo) askAll(ctx context.Context, day int, phase string, plan []move) error {
	if len(plan) == 0 {
		return nil
	}
	return d.each(ctx, d.phase(day, phase), len(plan), func(ctx context.Context, i int) error { return d.ask(ctx, plan[i]) })
}

// phase names a phase of a day.
func (d *demo) phase(day int, name string) string {
	if d.Days == 1 {
		return name
	}
	return fmt.Sprintf("day %d: %s", day+1, name)
}

// keep counts planned cancels, whose keys go on through the days.
func (d *demo) keep(plan []move) []move {
	for _, m := range plan {
		d.cancels = max(d.cancels, m.key+1)
	}
	return plan
}

// soldOn gives the payments that were approved on a day, in the order of the plan.
func (d *demo) soldOn(day int) []*sold {
	approved := slices.DeleteFunc(d.answers.requests(), func(a answer) bool {
		return a.kind != payment || a.day != day || a.outcome.State != apiclient.Succeeded
	})
	slices.SortFunc(approved, func(a, b answer) int { return cmp.Compare(a.key, b.key) })
	sales := make([]*sold, len(approved))
	for i, a := range approved {
		sales[i] = &sold{id: a.outcome.ID, from: a.from, to: a.to, left: a.amount}
	}
	return sales
}

// settledSales gives the payments whose franchises have been paid for them.
func (d *demo) settledSales() []*sold {
	var sales []*sold
	for _, s := range d.sold {
		if d.paid[s.id] {
			sales = append(sales, s)
		}
	}
	return sales
}
