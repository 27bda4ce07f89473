// Package settlement keeps what franchises are paid: the runs of business dates, the
// statements they cut, and the pay-outs of those. The lines of a statement are kept by
// payment, the money itself is moved by the ledger and the banks.
package settlement

import (
	"context"
	"errors"
	"time"

	"durapay/errs"
	"durapay/internal/batch"
	"durapay/internal/calendar"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
)

// Options are what differs between deployments.
type Options struct {
	Now func() time.Time // nil means time.Now
}

// Service has the use cases of settlement.
type Service struct {
	store    Store
	days     *calendar.Calendar
	now      func() time.Time // as the database keeps it
	opens    *batch.Group[StatementRow, OpenedRow]
	begins   *batch.Group[PayoutStart, PayoutBegun]
	payMoves *batch.Group[record.Move, error]
}

// maxBatch bounds how many concurrent requests share one transaction.
const maxBatch = 256

// New makes a Service.
func New(store Store, days *calendar.Calendar, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Service{store: store, days: days}
	s.now = func() time.Time { return o.Now().UTC().Truncate(time.Microsecond) }
	s.opens = batch.New(maxBatch, store.OpenStatements)
	s.begins = batch.New(maxBatch, func(ctx context.Context, starts []PayoutStart) ([]PayoutBegun, error) {
		return store.BeginPayouts(ctx, starts, s.now())
	})
	s.payMoves = batch.New(maxBatch, func(ctx context.Context, moves []record.Move) ([]error, error) {
		return store.MovePayouts(ctx, moves, s.now())
	})
	return s
}

// BeginRuns stores runs as REQUESTED, or gives back the stored ones of those that came
// before, in whatever state and from whatever date: the caller compares fingerprints.
// Refusal business_date_refused (from, until): the date is too far from today, and
// nothing is stored. Errors: errs.InvalidRequest for a run that cannot be stored;
// infrastructure trouble.
func (s *Service) BeginRuns(ctx context.Context, asked []NewRun) ([]Run, error) {
	now := s.now()
	outs, stored := make([]Run, len(asked)), make(map[string]Run, len(asked))
	var fresh []Run
	var refused []string
	for i, r := range asked {
		if bad := r.wellFormed(); bad != nil {
			return nil, bad
		}
		if no := checkBusinessDate(r.BusinessDate, calendar.Of(now)); no != nil {
			outs[i].Refusal = record.FailureOf(no)
			refused = append(refused, r.ID)
			continue
		}
		fresh = append(fresh, r.row(now))
	}
	if err := s.collect(ctx, stored, fresh, refused); err != nil {
		return nil, err
	}
	for i, r := range asked {
		if run, known := stored[r.ID]; known {
			outs[i] = run
		}
	}
	return outs, nil
}

// collect stores fresh runs and finds others: one that is refused today may have been
// stored when its date was near.
func (s *Service) collect(ctx context.Context, stored map[string]Run, fresh []Run, others []string) error {
	begun, err := s.store.BeginRuns(ctx, fresh)
	if err != nil {
		return err
	}
	found, err := s.runs(ctx, others)
	if err != nil {
		return err
	}
	for _, r := range begun {
		stored[r.ID] = r
	}
	for runID, r := range found {
		stored[runID] = r
	}
	return nil
}

func (s *Service) runs(ctx context.Context, ids []string) (map[string]Run, error) {
	found, err := s.store.Runs(ctx, ids)
	if err != nil {
		return nil, err
	}
	runs := make(map[string]Run, len(found))
	for _, r := range found {
		runs[r.ID] = r
	}
	return runs, nil
}

// MoveRuns changes the states of runs as record.State.CanBecome allows. It is
// idempotent, and all allowed moves are made. Errors: the first refused move's
// errs.SettlementRunNotFound or errs.ConcurrentEdit, or infrastructure trouble.
func (s *Service) MoveRuns(ctx context.Context, moves []record.Move) error {
	outs, err := s.store.MoveRuns(ctx, moves, s.now())
	return errors.Join(err, first(outs))
}

// first gives the first error of a list.
func first(outs []error) error {
	for _, err := range outs {
		if err != nil {
			return err
		}
	}
	return nil
}

// FindRun gives a run with its totals. Errors: errs.SettlementRunNotFound.
func (s *Service) FindRun(ctx context.Context, runID string) (Run, error) {
	runs, err := s.runs(ctx, []string{runID})
	if err != nil {
		return Run{}, err
	}
	run, known := runs[runID]
	if !known {
		return Run{}, errs.SettlementRunNotFound
	}
	run.Totals, err = s.Totals(ctx, runID)
	return run, err
}

// ListRuns gives runs with their totals, dry ones too, newest first.
func (s *Service) ListRuns(ctx context.Context, q page.Request) (page.Page[Run], error) {
	rows, err := s.store.ListRuns(ctx, q)
	if err != nil {
		return page.Page[Run]{}, err
	}
	p := page.Of(rows, q.Limit, func(r Run) page.Cursor { return page.Cursor{At: r.CreatedAt, ID: r.ID} })
	ids := make([]string, len(p.Items))
	for i, r := range p.Items {
		ids[i] = r.ID
	}
	totals, err := s.store.Totals(ctx, ids)
	for i := range p.Items {
		p.Items[i].Totals = totals[p.Items[i].ID]
	}
	return p, err
}

// Totals sums up the statements of a run as they are now; a run without any, and an
// unknown one, has zero totals.
func (s *Service) Totals(ctx context.Context, runID string) (Totals, error) {
	totals, err := s.store.Totals(ctx, []string{runID})
	return totals[runID], err
}

// Plan tells what runs cut for franchises. It changes nothing, and its answer for an
// item stays the same: Before is the end of the cut or, when that is later, the time at
// which the run was stored. A statement that is Opened keeps the dates it has been
// opened with. Errors: calendar.ErrUnknownYear when the table of holidays ends before
// the pay-out date; infrastructure trouble.
func (s *Service) Plan(ctx context.Context, items []PlanItem) ([]Planned, error) {
	runIDs, statementIDs := make([]string, len(items)), make([]string, len(items))
	for i, it := range items {
		runIDs[i], statementIDs[i] = it.RunID, StatementID(it.RunID, it.FranchiseID)
	}
	runs, err := s.runs(ctx, runIDs)
	if err != nil {
		return nil, err
	}
	opened, err := s.statements(ctx, statementIDs)
	if err != nil {
		return nil, err
	}
	plans := make([]Planned, len(items))
	for i, it := range items {
		run, known := runs[it.RunID]
		row, done := opened[statementIDs[i]]
		switch {
		case !known:
			plans[i] = Planned{Refusal: record.FailureOf(errs.SettlementRunNotFound)}
		case done:
			plans[i] = plannedAt(row.ID, row.CutThrough, row.PayoutDate, run)
			plans[i].Opened = true
		default:
			if plans[i], err = s.plan(it, run); err != nil {
				return nil, err
			}
		}
	}
	return plans, nil
}

// plan errs only when the calendar does.
func (s *Service) plan(it PlanItem, run Run) (Planned, error) {
	switch {
	case !it.Cycle.Valid():
		return Planned{Refusal: record.FailureOf(errs.InvalidRequest.With("field", "cycle"))}, nil
	case it.PayoutBusinessDays < 0 || it.PayoutBusinessDays > MaxPayoutBusinessDays:
		return Planned{Refusal: record.FailureOf(errs.InvalidRequest.With("field", "payoutBusinessDays"))}, nil
	case it.Through.Before(run.BusinessDate):
		return Planned{Refusal: record.FailureOf(errs.InvalidRequest.With("field", "businessDate"))}, nil
	case !id.Valid(id.Franchise, it.FranchiseID):
		return Planned{Refusal: record.FailureOf(errs.InvalidRequest.With("field", "franchiseId"))}, nil
	}
	through := CutThrough(it.Cycle, it.Through)
	payout, err := s.days.AddBusinessDays(through, it.PayoutBusinessDays)
	if err != nil {
		return Planned{}, err
	}
	return plannedAt(StatementID(it.RunID, it.FranchiseID), through, payout, run), nil
}

func plannedAt(statementID string, through, payout calendar.Date, run Run) Planned {
	before := through.End()
	if run.CreatedAt.Before(before) {
		before = run.CreatedAt
	}
	return Planned{StatementID: statementID, CutThrough: through, Before: before, PayoutDate: payout}
}

func (s *Service) statements(ctx context.Context, ids []string) (map[string]StatementRow, error) {
	found, err := s.store.Statements(ctx, ids)
	if err != nil {
		return nil, err
	}
	rows := make(map[string]StatementRow, len(found))
	for _, r := range found {
		rows[r.ID] = r
	}
	return rows, nil
}

// OpenStatements stores statements once: a repeat gets the stored one, whatever its sums
// are. A live statement takes over what the franchise's statement before it had left
// below zero. Concurrent calls share a transaction. Errors: infrastructure trouble only.
func (s *Service) OpenStatements(ctx context.Context, asked []NewStatement) ([]Opened, error) {
	rows, outs, err := s.newRows(ctx, asked)
	if err != nil {
		return nil, err
	}
	var sent []StatementRow
	var places []int
	for i, row := range rows {
		if !outs[i].Refusal.Is() {
			sent, places = append(sent, row), append(places, i)
		}
	}
	opened, err := s.opens.Do(ctx, sent)
	if err != nil {
		return nil, err
	}
	for n, o := range opened {
		outs[places[n]] = o.opened()
	}
	return outs, nil
}

// newRows builds the rows; those that cannot be stored have their refusal in outs.
func (s *Service) newRows(ctx context.Context, asked []NewStatement) ([]StatementRow, []Opened, error) {
	runIDs := make([]string, len(asked))
	for i, n := range asked {
		runIDs[i] = n.RunID
	}
	runs, err := s.runs(ctx, runIDs)
	if err != nil {
		return nil, nil, err
	}
	now := s.now()
	rows, outs := make([]StatementRow, len(asked)), make([]Opened, len(asked))
	for i, n := range asked {
		run, known := runs[n.RunID]
		if !known {
			outs[i].Refusal = record.FailureOf(errs.SettlementRunNotFound)
		} else if bad := n.wellFormed(); bad != nil {
			outs[i].Refusal = record.FailureOf(bad)
		} else {
			rows[i] = n.row(run, now)
		}
	}
	return rows, outs, nil
}

func (o OpenedRow) opened() Opened {
	switch {
	case o.Refusal != nil:
		return Opened{Refusal: record.FailureOf(o.Refusal)}
	case o.Row.ID == "":
		return Opened{}
	default:
		return Opened{Statement: o.Row.statement()}
	}
}

// FindStatement gives a statement to its franchise, unless it is dry, and to an
// operator. Errors: errs.StatementNotFound.
func (s *Service) FindStatement(ctx context.Context, scope Scope, statementID string) (Statement, error) {
	rows, err := s.statements(ctx, []string{statementID})
	if err != nil {
		return Statement{}, err
	}
	row, known := rows[statementID]
	if !known || !scope.sees(row.statement()) {
		return Statement{}, errs.StatementNotFound
	}
	return row.statement(), nil
}

// ListStatements gives statements, newest first. To a franchise its own are shown, and no dry ones.
func (s *Service) ListStatements(ctx context.Context, scope Scope, f Filter, q page.Request) (page.Page[Statement], error) {
	if scope.FranchiseID != "" {
		if f.FranchiseID != "" && f.FranchiseID != scope.FranchiseID {
			return page.Page[Statement]{}, nil
		}
		f.FranchiseID, f.Dry = scope.FranchiseID, new(bool)
	}
	rows, err := s.store.ListStatements(ctx, f, q)
	if err != nil {
		return page.Page[Statement]{}, err
	}
	items := make([]Statement, len(rows))
	for i := range rows {
		items[i] = rows[i].statement()
	}
	return page.Of(items, q.Limit, func(st Statement) page.Cursor { return page.Cursor{At: st.CreatedAt, ID: st.ID} }), nil
}

// maxDue bounds one page of DueStatements.
const maxDue = 1000

// DueStatements gives the live statements that are to be paid by a date, those whose
// pay-out has begun and not ended included, by their ids; after is the last id of the
// page before, "" for the first. The limit is 1 to 1,000; anything else means 1,000.
func (s *Service) DueStatements(ctx context.Context, date calendar.Date, after string, limit int) ([]Due, error) {
	if limit < 1 || limit > maxDue {
		limit = maxDue
	}
	return s.store.Due(ctx, date, after, limit)
}

// BeginPayouts stores attempts as REQUESTED, or tells what is stored. Only the current
// attempt of a live statement that is SCHEDULED may begin. Concurrent calls share a
// transaction. Errors: errs.InvalidRequest for an attempt that cannot be stored;
// infrastructure trouble.
func (s *Service) BeginPayouts(ctx context.Context, starts []PayoutStart) ([]PayoutBegun, error) {
	for _, p := range starts {
		if bad := p.wellFormed(); bad != nil { // before the transaction is shared: it would fail for everyone
			return nil, bad
		}
	}
	return s.begins.Do(ctx, starts)
}

// MovePayouts changes the states of attempts, by their PayoutID, as
// record.State.CanBecome allows, and with them what their statements tell. It is
// idempotent, and all allowed moves are made. Concurrent calls share a transaction.
// Errors: the first refused move's errs.StatementNotFound or errs.ConcurrentEdit, or
// infrastructure trouble.
func (s *Service) MovePayouts(ctx context.Context, moves []record.Move) error {
	outs, err := s.payMoves.Do(ctx, moves)
	return errors.Join(err, first(outs))
}
