package audit

import (
	"context"
	"fmt"
	"time"
)

// The states of a hold, as its row says.
const (
	holdOpen     = "OPEN"
	holdCaptured = "CAPTURED"
	holdReleased = "RELEASED"
	holdExpired  = "EXPIRED"
)

// holdRow is a row of ledger_holds. All of it follows from the journal.
type holdRow struct {
	Ref       string     `db:"ref"`
	From      string     `db:"from_account_id"`
	To        string     `db:"to_account_id"`
	Amount    int64      `db:"amount"`
	Captured  int64      `db:"captured"`
	State     string     `db:"state"`
	ExpiresAt *time.Time `db:"expires_at"`
}

// checkHolds compares the rows of holds with the postings that made and closed them.
func (a *auditor) checkHolds(ctx context.Context, postings []postingRow) error {
	var refs []string
	for i := range postings {
		if postings[i].Op == opHold {
			refs = append(refs, postings[i].Ref)
		}
	}
	const q = `SELECT ref, from_account_id, to_account_id, amount, captured, state, expires_at FROM ledger_holds WHERE ref IN (?)`
	holds, err := selectIn[holdRow](ctx, a.frozen.money, q, refs)
	if err != nil {
		return fmt.Errorf("read holds: %w", err)
	}
	closings, err := closingsOf(ctx, a.frozen.money, refs)
	if err != nil {
		return err
	}
	byRef := make(map[string]*holdRow, len(holds))
	for i := range holds {
		byRef[holds[i].Ref] = &holds[i]
	}
	for i := range postings {
		if p := &postings[i]; p.Op == opHold {
			if what := wrongHold(p, closings[p.Ref], byRef[p.Ref]); what != "" {
				a.balances.breach("hold "+p.Ref, "%s", what)
			}
		}
	}
	return nil
}

// closingsOf reads the postings that closed what the refs began, by ref.
func closingsOf(ctx context.Context, r reader, refs []string) (map[string]*postingRow, error) {
	rows, err := selectIn[postingRow](ctx, r, `SELECT `+postingColumns+` FROM ledger_postings WHERE closes IN (?)`, refs)
	if err != nil {
		return nil, fmt.Errorf("read closings: %w", err)
	}
	out := make(map[string]*postingRow, len(rows))
	for i := range rows {
		out[rows[i].closes()] = &rows[i]
	}
	return out, nil
}

// wrongHold tells how a hold's row differs from the journal, "" when it does not.
func wrongHold(opening, closing *postingRow, row *holdRow) string {
	if row == nil {
		return "is in the journal and has no row"
	}
	state, captured := holdOpen, int64(0)
	if closing != nil {
		switch closing.Op {
		case opCapture:
			state, captured = holdCaptured, closing.Amount
		case opExpire:
			state = holdExpired
		default:
			state = holdReleased
		}
	}
	switch {
	case row.State != state:
		return fmt.Sprintf("its row says %s and the journal %s", row.State, state)
	case row.Captured != captured:
		return fmt.Sprintf("its row says %d won captured and the journal %d", row.Captured, captured)
	case row.Amount != opening.Amount, row.From != opening.AccountID, row.To != opening.ToAccountID:
		return "its row differs from the journal in amount or accounts"
	case !sameTime(row.ExpiresAt, opening.ExpiresAt):
		return "its row differs from the journal in its expiry"
	default:
		return ""
	}
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

// countHolds looks for rows of holds that the journal does not know.
func (a *auditor) countHolds(ctx context.Context) error {
	const q = `SELECT h.ref FROM ledger_holds h LEFT JOIN ledger_postings p ON p.ref = h.ref AND p.op = 'HOLD'
		WHERE h.ref > ? AND p.ref IS NULL ORDER BY h.ref LIMIT ?`
	return idFeed(a.frozen.money, q).pages(ctx, func(refs []string) error {
		for _, ref := range refs {
			a.balances.breach("hold "+ref, "has a row and is not in the journal")
		}
		return nil
	})
}

// pending is what the open holds of an account reserve, in won.
type pending struct{ out, in int64 }

// openHolds sums the open holds by account: as many as flows are under way.
func (a *auditor) openHolds(ctx context.Context) (map[string]pending, int64, error) {
	const q = `SELECT ref, from_account_id, to_account_id, amount, captured, state, expires_at FROM ledger_holds WHERE state = 'OPEN'`
	var rows []holdRow
	if err := a.frozen.money.SelectContext(ctx, &rows, q); err != nil {
		return nil, 0, fmt.Errorf("read open holds: %w", err)
	}
	sums := make(map[string]pending, 2*len(rows))
	for _, h := range rows {
		from, to := sums[h.From], sums[h.To]
		from.out += h.Amount
		to.in += h.Amount
		if sums[h.From] = from; h.From != h.To {
			sums[h.To] = to
		}
	}
	return sums, int64(len(rows)), nil
}
