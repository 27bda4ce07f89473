package paymentdb

import (
	"context"
	"strings"
	"time"

	"durapay/internal/page"
	"durapay/services/payment"
)

// list is a page to be read, newest first by the column at. Each span is a condition
// that fixes all columns of the index before at, so that a page costs the same however
// long the list is; their rows are merged.
type list struct {
	index string
	at    string
	spans []span
	from  time.Time
	until time.Time
	page  page.Request
}

type span struct {
	where string
	args  []any
}

// List reads the payments that the scope may see.
func (s *Store) List(ctx context.Context, scope payment.Scope, f payment.Filter, q page.Request) ([]payment.Row, error) {
	l := list{at: "created_at", from: f.From, until: f.Until, page: q}
	states := statesOf(scope, f.State)
	switch {
	case scope.MembershipID != "":
		l.index, l.spans = "payments_member", ofMember(scope, states)
	case scope.FranchiseID != "":
		l.index, l.spans = "payments_franchise", perState("franchise_id = ? AND state = ?", states, scope.FranchiseID)
	default:
		l.index, l.spans = "payments_all", perState("state = ?", states)
	}
	return s.read(ctx, l)
}

// statesOf gives the states that the scope may see and the filter lets through.
func statesOf(scope payment.Scope, only payment.State) []payment.State {
	var states []payment.State
	for _, state := range payment.States() {
		if (only == "" || only == state) && (scope.FranchiseID == "" || state.Reached()) {
			states = append(states, state)
		}
	}
	return states
}

// ofMember is one span: a member's payments are few enough to look at those of other states.
func ofMember(scope payment.Scope, states []payment.State) []span {
	if states == nil {
		return nil
	}
	s := span{where: "membership_id = ? AND state IN (" + strings.Repeat("?, ", len(states)-1) + "?)", args: []any{scope.MembershipID}}
	for _, state := range states {
		s.args = append(s.args, state)
	}
	if scope.FranchiseID != "" {
		s.where += " AND franchise_id = ?"
		s.args = append(s.args, scope.FranchiseID)
	}
	return []span{s}
}

// perState makes a span of each state; the state is the last argument of where.
func perState(where string, states []payment.State, args ...any) []span {
	spans := make([]span, len(states))
	for i, state := range states {
		spans[i] = span{where: where, args: append(append([]any{}, args...), state)}
	}
	return spans
}

// Normal reads the payments in a normal state.
func (s *Store) Normal(ctx context.Context, f payment.NormalFilter, q page.Request) ([]payment.Row, error) {
	normal := []payment.State{payment.Approved, payment.PartiallyCancelled}
	l := list{index: "payments_normal", at: "approved_at", from: f.From, until: f.Until, page: q}
	l.spans = perState("state = ?", normal)
	if f.FranchiseID != "" {
		l.index, l.spans = "payments_franchise_normal", perState("franchise_id = ? AND state = ?", normal, f.FranchiseID)
	}
	return s.read(ctx, l)
}

// read gives the page and one row more, if there is one.
func (s *Store) read(ctx context.Context, l list) ([]payment.Row, error) {
	rows := []payment.Row{}
	if len(l.spans) == 0 {
		return rows, nil
	}
	within, position := l.within()
	newest := " ORDER BY " + l.at + " DESC, id DESC LIMIT ?"
	var parts []string
	var args []any
	for _, one := range l.spans {
		parts = append(parts, `(SELECT `+columns+` FROM payments FORCE INDEX (`+l.index+`) WHERE `+one.where+within+newest+`)`)
		args = append(append(append(args, one.args...), position...), l.page.Limit+1)
	}
	err := s.db.SelectContext(ctx, &rows, strings.Join(parts, " UNION ALL ")+newest, append(args, l.page.Limit+1)...)
	return rows, wrap("read payments", err)
}

// within gives the condition for the period and for what lies behind the page's cursor.
func (l list) within() (string, []any) {
	var where string
	var args []any
	if !l.from.IsZero() {
		where, args = where+" AND "+l.at+" >= ?", append(args, l.from)
	}
	if !l.until.IsZero() {
		where, args = where+" AND "+l.at+" < ?", append(args, l.until)
	}
	behind, position := after(l.at, l.page.After)
	return where + behind, append(args, position...)
}

// after gives the condition for what lies behind a cursor, newest first. Its first half
// is what an index can use; servers do not use one for (at, id) < (?, ?).
func after(at string, c page.Cursor) (string, []any) {
	if c.Start() {
		return "", nil
	}
	return " AND " + at + " <= ? AND (" + at + " < ? OR id < ?)", []any{c.At, c.At, c.ID}
}
