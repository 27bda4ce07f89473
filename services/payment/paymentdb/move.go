package paymentdb

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/payment"
)

// Move changes states, in the order given. All allowed and no id twice: one round trip.
func (s *Store) Move(ctx context.Context, changes []payment.Change, at time.Time) ([]error, error) {
	outs := make([]error, 0, len(changes))
	for rest := changes; len(rest) > 0; {
		n := distinct(rest)
		round, err := s.moveDistinct(ctx, rest[:n], at)
		if err != nil {
			return nil, err
		}
		outs, rest = append(outs, round...), rest[n:]
	}
	return outs, nil
}

// distinct gives how many of the first changes are for rows of their own.
func distinct(changes []payment.Change) int {
	seen := make(map[string]bool, len(changes))
	for i, c := range changes {
		if seen[c.ID] {
			return i
		}
		seen[c.ID] = true
	}
	return len(changes)
}

func (s *Store) moveDistinct(ctx context.Context, changes []payment.Change, at time.Time) ([]error, error) {
	q, args := moveStatement(changes, at)
	result, err := s.exec(ctx, q, args...)
	if err != nil {
		return nil, wrap("move payments", err)
	}
	moved, err := result.RowsAffected() // rows found: the connection asks for them instead of rows changed
	if err != nil {
		return nil, wrap("move payments", err)
	}
	if moved == int64(len(changes)) {
		return make([]error, len(changes)), nil
	}
	return s.outcomes(ctx, changes)
}

// The fee and VAT of package payment in SQL, of the amount in the row and a rate: it is
// known here only, and reading it first would be a round trip more.
const (
	feeSQL = `amount DIV 10000 * ? + amount MOD 10000 * ? DIV 10000`
	vatSQL = `(` + feeSQL + `) DIV 10`
)

// setter builds a statement that gives each row values of its own.
type setter struct {
	q    strings.Builder
	args []any
}

// value is an expression with its arguments.
type value struct {
	expression string
	args       []any
}

// set assigns a column in the rows for which of has something to say. Where all rows get
// the same, as those of one kind do, it is said once instead of CASE id WHEN … THEN …,
// which costs the server the square of their number.
func (s *setter) set(column string, changes []payment.Change, of func(payment.Change) (value, bool)) {
	values := make(map[string]value, len(changes))
	same := true
	for _, c := range changes {
		v, has := of(c)
		if has {
			values[c.ID] = v
		}
		same = same && has && reflect.DeepEqual(v, values[changes[0].ID])
	}
	switch {
	case len(values) == 0:
	case same:
		s.add(column+" = %s, ", values[changes[0].ID])
	default:
		s.q.WriteString(column + " = CASE id")
		for _, c := range changes { // in their order: a statement should not differ from run to run
			if v, has := values[c.ID]; has {
				s.add(" WHEN ? THEN %s", value{v.expression, append([]any{c.ID}, v.args...)})
			}
		}
		s.q.WriteString(" ELSE " + column + " END, ")
	}
}

func (s *setter) add(format string, v value) {
	fmt.Fprintf(&s.q, format, v.expression)
	s.args = append(s.args, v.args...)
}

// moveStatement builds the one statement for all changes. WHERE lets each through only
// from a state that may become the asked one; the index is forced, for those that begin
// with the state would lock rows of others.
func moveStatement(changes []payment.Change, at time.Time) (string, []any) {
	var s setter
	s.q.WriteString("UPDATE payments FORCE INDEX (PRIMARY) SET ")
	s.set("state", changes, func(c payment.Change) (value, bool) { return value{"?", []any{string(c.To)}}, true })
	s.set("failure", changes, func(c payment.Change) (value, bool) { return value{"?", []any{c.Failure}}, true })
	s.set("until_at", changes, func(c payment.Change) (value, bool) { return value{"?", []any{nullTime(c.Until)}}, true })
	s.set("order_claim", changes, func(c payment.Change) (value, bool) { return value{"NULL", nil}, c.To == payment.Failed })
	s.set("approved_at", changes, func(c payment.Change) (value, bool) { return value{"?", []any{at}}, c.To == payment.Approved })
	s.set("fee_basis_points", changes, atRate("?", 1))
	s.set("fee", changes, atRate(feeSQL, 2))
	s.set("vat", changes, atRate(vatSQL, 2))
	s.add("updated_at = %s WHERE ", value{"?", []any{at}})
	s.where(changes)
	return s.q.String(), s.args
}

// atRate gives the expression, with the change's own rate as often as it needs it, for
// payments that are being approved.
func atRate(expression string, times int) func(payment.Change) (value, bool) {
	return func(c payment.Change) (value, bool) {
		return value{expression, slices.Repeat([]any{c.FeeBasisPoints}, times)}, c.To == payment.Approved
	}
}

// where names the rows, those under one condition together.
func (s *setter) where(changes []payment.Change) {
	ids := map[string][]any{}
	for _, c := range changes {
		condition := allowed(c)
		ids[condition] = append(ids[condition], c.ID)
	}
	or := ""
	for _, condition := range slices.Sorted(maps.Keys(ids)) {
		of := ids[condition]
		s.add(or+"(id IN (%s) AND "+condition+")", value{strings.Repeat("?, ", len(of)-1) + "?", of})
		or = " OR "
	}
}

// allowed is the condition under which a change is made.
func allowed(c payment.Change) string {
	if len(c.From) == 0 {
		return "FALSE"
	}
	from := make([]string, len(c.From))
	for i, s := range c.From {
		from[i] = string(s)
	}
	condition := "state IN ('" + strings.Join(from, "','") + "')"
	if c.To == payment.Approved {
		condition += " AND refusal IS NULL"
	}
	return condition
}

// outcomes tells refused changes from done ones by what the rows say now.
func (s *Store) outcomes(ctx context.Context, changes []payment.Change) ([]error, error) {
	type now struct {
		ID      string         `db:"id"`
		State   payment.State  `db:"state"`
		Failure record.Failure `db:"failure"`
	}
	ids := make([]string, len(changes))
	for i, c := range changes {
		ids[i] = c.ID
	}
	q, args, err := sqlx.In("SELECT id, state, failure FROM payments WHERE id IN (?)", ids)
	if err != nil {
		return nil, wrap("read states", err)
	}
	var rows []now
	if err := s.db.SelectContext(ctx, &rows, q, args...); err != nil {
		return nil, wrap("read states", err)
	}
	states := make(map[string]now, len(rows))
	for _, r := range rows {
		states[r.ID] = r
	}
	outs := make([]error, len(changes))
	for i, c := range changes {
		if r, known := states[c.ID]; known {
			outs[i] = c.Outcome(r.State, r.Failure)
		} else {
			outs[i] = errs.PaymentNotFound
		}
	}
	return outs, nil
}

func nullTime(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at
}
