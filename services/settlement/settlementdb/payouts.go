package settlementdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/record"
	"durapay/services/settlement"
)

// errNotOne tells that an update found another number of rows than the one it was for.
var errNotOne = errors.New("expected to change one row")

// one errs unless a statement has changed one row.
func one(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n != 1 {
		err = errNotOne
	}
	return err
}

type payoutRow struct {
	ID            string         `db:"id"`
	StatementID   string         `db:"statement_id"`
	Attempt       int            `db:"attempt"`
	FirmbankingID string         `db:"firmbanking_id"`
	State         record.State   `db:"state"`
	Failure       record.Failure `db:"failure"`
}

// paying is what one transaction on pay-outs knows. Statements are always locked first,
// in the order of their ids.
type paying struct {
	tx         *sqlx.Tx
	at         time.Time
	statements map[string]*settlement.StatementRow
	payouts    map[string]*payoutRow
}

func beginPaying(ctx context.Context, tx *sqlx.Tx, statementIDs, payoutIDs []string, at time.Time) (*paying, error) {
	p := &paying{tx: tx, at: at, statements: map[string]*settlement.StatementRow{}, payouts: map[string]*payoutRow{}}
	rows, err := lockStatements(ctx, tx, statementIDs)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		p.statements[rows[i].ID] = &rows[i]
	}
	const q = `SELECT id, statement_id, attempt, firmbanking_id, state, failure FROM payouts WHERE id IN (?)`
	begun, err := selectIn[payoutRow](ctx, tx, q, payoutIDs)
	if err != nil {
		return nil, err
	}
	for i := range begun {
		p.payouts[begun[i].ID] = &begun[i]
	}
	return p, nil
}

func lockStatements(ctx context.Context, tx *sqlx.Tx, ids []string) ([]settlement.StatementRow, error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	const q = `SELECT ` + statementColumns + ` FROM statements WHERE id IN (?) ORDER BY id FOR UPDATE`
	return selectIn[settlement.StatementRow](ctx, tx, q, slices.Compact(ids))
}

// BeginPayouts stores attempts that are new and allowed.
func (s *Store) BeginPayouts(ctx context.Context, starts []settlement.PayoutStart, at time.Time) ([]settlement.PayoutBegun, error) {
	statementIDs, payoutIDs := make([]string, len(starts)), make([]string, len(starts))
	for i, p := range starts {
		statementIDs[i], payoutIDs[i] = p.StatementID, settlement.PayoutID(p.StatementID, p.Attempt)
	}
	var outs []settlement.PayoutBegun
	err := s.inTx(ctx, "begin pay-outs", func(tx *sqlx.Tx) error {
		p, err := beginPaying(ctx, tx, statementIDs, payoutIDs, at)
		if err != nil {
			return err
		}
		outs = make([]settlement.PayoutBegun, len(starts))
		for i, start := range starts {
			if outs[i], err = p.begin(ctx, start); err != nil {
				return err
			}
		}
		return nil
	})
	return outs, err
}

func (p *paying) begin(ctx context.Context, start settlement.PayoutStart) (settlement.PayoutBegun, error) {
	st, known := p.statements[start.StatementID]
	if !known {
		return settlement.PayoutBegun{Failure: record.FailureOf(errs.StatementNotFound)}, nil
	}
	out := settlement.PayoutBegun{FranchiseID: st.FranchiseID, Net: st.Net, Attempt: st.Attempt, Current: st.Attempt == start.Attempt}
	row, begun := p.payouts[settlement.PayoutID(start.StatementID, start.Attempt)]
	if !begun {
		var err error
		if row, err = p.add(ctx, st, start); err != nil {
			return settlement.PayoutBegun{}, err
		}
	}
	if row == nil {
		out.Failure = record.FailureOf(errs.ConcurrentEdit.With("state", st.PayoutState).With("attempt", st.Attempt))
		return out, nil
	}
	out.State, out.Failure, out.FirmbankingID = row.State, row.Failure, row.FirmbankingID
	return out, nil
}

// add stores an attempt, or gives nil when it may not begin.
func (p *paying) add(ctx context.Context, st *settlement.StatementRow, start settlement.PayoutStart) (*payoutRow, error) {
	if !st.Payable(start.Attempt) {
		return nil, nil
	}
	row := &payoutRow{ID: settlement.PayoutID(st.ID, start.Attempt), StatementID: st.ID, Attempt: start.Attempt,
		FirmbankingID: start.FirmbankingID, State: record.Requested}
	const q = `INSERT INTO payouts (id, statement_id, attempt, firmbanking_id, state, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)`
	_, err := p.tx.ExecContext(ctx, q, row.ID, row.StatementID, row.Attempt, row.FirmbankingID, string(row.State), p.at, p.at)
	if mysqlx.IsDuplicate(err, "payouts_firmbanking") { // it pays another attempt: only this one is refused
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	st.FirmbankingID, st.UpdatedAt = start.FirmbankingID, p.at
	p.payouts[row.ID] = row
	return row, saveStatement(ctx, p.tx, st)
}

// saveStatement writes what a pay-out may change.
func saveStatement(ctx context.Context, tx *sqlx.Tx, st *settlement.StatementRow) error {
	const q = `UPDATE statements SET payout_state = :payout_state, attempt = :attempt, firmbanking_id = :firmbanking_id, failure = :failure,
		until_at = :until_at, paid_at = :paid_at, due = IF(:payout_state IN ('SCHEDULED', 'PROCESSING', 'WAITING', 'UNKNOWN'), 1, NULL), updated_at = :updated_at
		WHERE id = :id AND dry = 0`
	if err := one(tx.NamedExecContext(ctx, q, st)); err != nil {
		return fmt.Errorf("statement %s: %w", st.ID, err)
	}
	return nil
}

// MovePayouts moves attempts in the order given, and their statements with them.
func (s *Store) MovePayouts(ctx context.Context, moves []record.Move, at time.Time) ([]error, error) {
	var statementIDs, payoutIDs []string
	for _, m := range moves {
		if statementID, _, ok := settlement.ParsePayoutID(m.ID); ok {
			statementIDs, payoutIDs = append(statementIDs, statementID), append(payoutIDs, m.ID)
		}
	}
	var outs []error
	err := s.inTx(ctx, "move pay-outs", func(tx *sqlx.Tx) error {
		p, err := beginPaying(ctx, tx, statementIDs, payoutIDs, at)
		if err != nil {
			return err
		}
		outs = make([]error, len(moves))
		for i, m := range moves {
			refusal, err := p.move(ctx, m)
			if err != nil {
				return err
			}
			if refusal != nil {
				outs[i] = refusal
			}
		}
		return nil
	})
	return outs, err
}

func (p *paying) move(ctx context.Context, m record.Move) (refusal *errs.Error, err error) {
	row, known := p.payouts[m.ID]
	switch {
	case !known:
		return errs.StatementNotFound, nil
	case row.State.Has(m.State) && m.State.Final(): // what was told first stays
		return nil, nil
	case !row.State.CanBecome(m.State):
		return errs.ConcurrentEdit.With("state", row.State).With("asked", m.State), nil
	}
	const q = `UPDATE payouts SET state = ?, failure = ?, until_at = ?, settled_statement_id = IF(? = 'SUCCEEDED', statement_id, NULL), updated_at = ? WHERE id = ?`
	var until *time.Time
	if !m.Until.IsZero() {
		until = &m.Until
	}
	if err := one(p.tx.ExecContext(ctx, q, string(m.State), m.Failure, until, string(m.State), p.at, m.ID)); err != nil {
		return nil, fmt.Errorf("pay-out %s: %w", m.ID, err)
	}
	row.State, row.Failure = m.State, m.Failure
	st, known := p.statements[row.StatementID]
	if !known || st.Attempt != row.Attempt {
		return nil, nil // a later attempt is what the statement tells of
	}
	st.ShowPayout(m, p.at)
	return nil, saveStatement(ctx, p.tx, st)
}
