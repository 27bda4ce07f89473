package audit

import (
	"context"
	"fmt"
)

// itemRow is an approved payment: an item of a settlement.
type itemRow struct {
	ID          string `db:"id"`
	Amount      int64  `db:"amount"`
	Cancelled   int64  `db:"cancelled_amount"`
	BasisPoints int64  `db:"fee_basis_points"`
	Fee         int64  `db:"fee"`
	VAT         int64  `db:"vat"`
	State       string `db:"state"`
}

// cancelRow is a cancel that took effect: an item too.
type cancelRow struct {
	ID        string `db:"id"`
	PaymentID string `db:"payment_id"`
	Amount    int64  `db:"amount"`
	Fee       int64  `db:"fee"`
	VAT       int64  `db:"vat"`
	Remaining int64  `db:"remaining"` // of the payment, after it
}

// feeOf is the fee on an amount, in won, at a rate in 1/10,000: what is below 1 won is
// dropped. The amount is taken apart so that the product fits 64 bits.
func feeOf(amount, basisPoints int64) int64 {
	whole, rest := amount/10_000, amount%10_000
	return whole*basisPoints + rest*basisPoints/10_000
}

// vatOf is the VAT on a fee, in won: 10 %, what is below 1 won is dropped.
func vatOf(fee int64) int64 { return fee / 10 }

// items is the reading of all payments with their cancels: the fee of each is computed anew.
type items struct {
	*auditor
	counts struct{ payments, cancels, won, cancelled int64 }
}

func (a *auditor) readItems(ctx context.Context) error {
	const q = `SELECT id, amount, cancelled_amount, fee_basis_points, fee, vat, state FROM payments
		WHERE id > ? AND approved_at IS NOT NULL ORDER BY id LIMIT ?`
	payments := &feed[itemRow]{fetch: func(ctx context.Context, after *itemRow) ([]itemRow, error) {
		behind := ""
		if after != nil {
			behind = after.ID
		}
		var rows []itemRow
		err := a.frozen.payment.SelectContext(ctx, &rows, q, behind, pageRows)
		return rows, err
	}}
	i := &items{auditor: a}
	if err := payments.pages(ctx, func(page []itemRow) error { return i.page(ctx, page) }); err != nil {
		return fmt.Errorf("read items: %w", err)
	}
	if err := i.strays(ctx); err != nil {
		return err
	}
	a.settled.figure("payments", i.counts.payments)
	a.settled.figure("cancels", i.counts.cancels)
	a.settled.figure("won paid", i.counts.won)
	a.settled.figure("won cancelled", i.counts.cancelled)
	return nil
}

func (i *items) page(ctx context.Context, page []itemRow) error {
	ids := make([]string, len(page))
	for n := range page {
		ids[n] = page[n].ID
	}
	const q = `SELECT id, payment_id, amount, fee, vat, COALESCE(remaining, -1) AS remaining FROM cancels
		WHERE payment_id IN (?) AND approved_at IS NOT NULL ORDER BY payment_id, remaining DESC, id`
	rows, err := selectIn[cancelRow](ctx, i.frozen.payment, q, ids)
	if err != nil {
		return err
	}
	cancels := make(map[string][]cancelRow)
	for _, c := range rows {
		cancels[c.PaymentID] = append(cancels[c.PaymentID], c)
	}
	for n := range page {
		i.item(&page[n], cancels[page[n].ID])
	}
	return nil
}

func (i *items) item(p *itemRow, cancels []cancelRow) {
	i.counts.payments++
	i.counts.won += p.Amount
	fee := feeOf(p.Amount, p.BasisPoints)
	if p.Fee != fee || p.VAT != vatOf(fee) {
		i.settled.breach(p.ID, "has fee %d and VAT %d, and %d won at %d/10000 make %d and %d", p.Fee, p.VAT, p.Amount, p.BasisPoints, fee, vatOf(fee))
	}
	left := p.Amount
	for n := range cancels { // in the order in which they took effect
		left = i.givenBack(p, &cancels[n], left)
	}
	switch {
	case p.Amount-left != p.Cancelled:
		i.settled.breach(p.ID, "says that %d won are cancelled, and its cancels make %d", p.Cancelled, p.Amount-left)
	case (left == 0) != (p.State == "CANCELLED"):
		i.settled.breach(p.ID, "is %s with %d won left", p.State, left)
	}
}

// givenBack compares what a cancel gives back with the difference of the fees on what
// was left before and after it, and gives what is left after it, in won.
func (i *items) givenBack(p *itemRow, c *cancelRow, before int64) (after int64) {
	i.counts.cancels++
	i.counts.cancelled += c.Amount
	after = before - c.Amount
	due, left := feeOf(before, p.BasisPoints), feeOf(max(after, 0), p.BasisPoints)
	switch {
	case after < 0:
		i.settled.breach(c.ID, "cancels %d won of %s, and %d were left", c.Amount, p.ID, before)
	case c.Remaining != after:
		i.settled.breach(c.ID, "says that it left %d won of %s, and it left %d", c.Remaining, p.ID, after)
	case c.Fee != due-left || c.VAT != vatOf(due)-vatOf(left):
		i.settled.breach(c.ID, "gives back fee %d and VAT %d, and %d won less make %d and %d", c.Fee, c.VAT, c.Amount, due-left, vatOf(due)-vatOf(left))
	}
	return after
}

// strays looks for cancels that took effect on no approved payment of the same member
// and franchise.
func (i *items) strays(ctx context.Context) error {
	const q = `SELECT c.id FROM cancels c LEFT JOIN payments p ON p.id = c.payment_id
		WHERE c.id > ? AND c.approved_at IS NOT NULL AND (p.id IS NULL OR p.approved_at IS NULL OR p.franchise_id <> c.franchise_id OR p.membership_id <> c.membership_id)
		ORDER BY c.id LIMIT ?`
	return idFeed(i.frozen.payment, q).pages(ctx, func(ids []string) error {
		for _, id := range ids {
			i.settled.breach(id, "took effect, and there is no such payment of that member and franchise")
		}
		return nil
	})
}
