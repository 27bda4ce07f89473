package settlementdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/services/settlement"
)

const retryColumns = `id, statement_id, attempt, state, asked_by, decided_by, reason, created_at, updated_at`

// AddRetry stores a retry under its statement's lock.
func (s *Store) AddRetry(ctx context.Context, r settlement.Retry, decide func(*settlement.Retry, settlement.StatementRow) *errs.Error) (settlement.Retry, error) {
	var out settlement.Retry
	err := s.inTx(ctx, "add retry", func(tx *sqlx.Tx) error {
		rows, err := lockStatements(ctx, tx, []string{r.StatementID})
		if err != nil {
			return err
		}
		known, err := retry(ctx, tx, r.ID)
		if err == nil || !errors.Is(err, settlement.ErrNotFound) {
			out = known
			return err
		}
		if len(rows) == 0 {
			return settlement.ErrNotFound
		}
		out = r
		if refusal := decide(&out, rows[0]); refusal != nil {
			return refusal
		}
		const q = `INSERT INTO payout_retries (open_statement_id, ` + retryColumns + `)
			VALUES (:statement_id, :id, :statement_id, :attempt, :state, :asked_by, :decided_by, :reason, :created_at, :updated_at)`
		_, err = tx.NamedExecContext(ctx, q, out)
		if mysqlx.IsDuplicate(err, "payout_retries_open") {
			return settlement.AlreadyAsked()
		}
		return err
	})
	return out, err
}

// DecideRetry locks the statement, then the retry, as everything here does.
func (s *Store) DecideRetry(ctx context.Context, id string, decide func(*settlement.Retry, *settlement.StatementRow) *errs.Error) (settlement.Retry, error) {
	found, err := s.FindRetry(ctx, id)
	if err != nil {
		return settlement.Retry{}, err
	}
	var out settlement.Retry
	err = s.inTx(ctx, "decide retry", func(tx *sqlx.Tx) error {
		rows, err := lockStatements(ctx, tx, []string{found.StatementID})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return fmt.Errorf("statement %s of retry %s is gone", found.StatementID, id)
		}
		before, err := retry(ctx, tx, id)
		if err != nil {
			return err
		}
		out = before
		st := rows[0]
		if refusal := decide(&out, &st); refusal != nil {
			return refusal
		}
		if out == before {
			return nil
		}
		return saveDecision(ctx, tx, out, &st)
	})
	return out, err
}

func saveDecision(ctx context.Context, tx *sqlx.Tx, r settlement.Retry, st *settlement.StatementRow) error {
	const q = `UPDATE payout_retries SET open_statement_id = NULL, state = :state, decided_by = :decided_by, updated_at = :updated_at WHERE id = :id`
	if err := one(tx.NamedExecContext(ctx, q, r)); err != nil {
		return fmt.Errorf("retry %s: %w", r.ID, err)
	}
	if r.State != settlement.RetryApproved {
		return nil
	}
	return saveStatement(ctx, tx, st)
}

// FindRetry gives one retry. Errors: settlement.ErrNotFound.
func (s *Store) FindRetry(ctx context.Context, id string) (settlement.Retry, error) {
	r, err := retry(ctx, s.db, id)
	if errors.Is(err, settlement.ErrNotFound) {
		return r, err
	}
	return r, wrap("read retry", err)
}

func retry(ctx context.Context, from sqlx.QueryerContext, id string) (settlement.Retry, error) {
	const q = `SELECT ` + retryColumns + ` FROM payout_retries WHERE id = ?`
	var r settlement.Retry
	err := sqlx.GetContext(ctx, from, &r, q, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = settlement.ErrNotFound
	}
	return r, err
}

// ListRetries gives a statement's retries, newest first.
func (s *Store) ListRetries(ctx context.Context, statementID string, limit int) ([]settlement.Retry, error) {
	const q = `SELECT ` + retryColumns + ` FROM payout_retries WHERE statement_id = ? ORDER BY created_at DESC, id DESC LIMIT ?`
	retries := []settlement.Retry{}
	err := s.db.SelectContext(ctx, &retries, q, statementID, limit)
	return retries, wrap("list retries", err)
}
