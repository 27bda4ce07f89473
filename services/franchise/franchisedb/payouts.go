package franchisedb

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/record"
	"durapay/services/franchise"
)

var payoutChanges = requests{table: "payout_changes", notFound: errs.PayoutChangeNotFound}

const changeColumns = `id, franchise_id, open_claim, bank_code, number_sealed, holder_sealed, fingerprint, state, refusal, failure, until_at, created_at, updated_at`

// BeginPayoutChanges stores new changes one by one, because each may be refused on its
// own, in one transaction.
func (s *Store) BeginPayoutChanges(ctx context.Context, rows []franchise.PayoutChangeRow) ([]franchise.PayoutChangeRow, error) {
	outs := make([]franchise.PayoutChangeRow, len(rows))
	err := mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		for i, row := range rows {
			var err error
			if outs[i], err = beginChange(ctx, tx, row); err != nil {
				return err
			}
		}
		return nil
	})
	return outs, err
}

func beginChange(ctx context.Context, tx *sqlx.Tx, row franchise.PayoutChangeRow) (franchise.PayoutChangeRow, error) {
	stored, err := findChange(ctx, tx, row.ID)
	if !errors.Is(err, franchise.ErrNotFound) {
		return stored, err
	}
	err = registered(ctx, tx, row.FranchiseID, "")
	if errors.Is(err, franchise.ErrNotFound) {
		row = row.Refused(errs.FranchiseNotFound)
	} else if err != nil {
		return row, err
	}
	err = insertChange(ctx, tx, row)
	if mysqlx.IsDuplicate(err, "payout_changes_open") {
		row = row.Refused(errs.ConcurrentEdit)
		err = insertChange(ctx, tx, row)
	}
	if mysqlx.IsDuplicate(err, "PRIMARY") { // it appeared between the two statements
		return findChange(ctx, tx, row.ID)
	}
	return row, wrap("insert payout change", err)
}

func insertChange(ctx context.Context, tx *sqlx.Tx, row franchise.PayoutChangeRow) error {
	const q = `INSERT INTO payout_changes (` + changeColumns + `)
		VALUES (:id, :franchise_id, :open_claim, :bank_code, :number_sealed, :holder_sealed, :fingerprint, :state, :refusal, :failure, :until_at, :created_at, :updated_at)`
	_, err := tx.NamedExecContext(ctx, q, row)
	return err
}

func findChange(ctx context.Context, db sqlx.QueryerContext, id string) (franchise.PayoutChangeRow, error) {
	const q = `SELECT ` + changeColumns + ` FROM payout_changes WHERE id = ?`
	return selectOne[franchise.PayoutChangeRow](ctx, db, "read payout change", q, id)
}

// FindPayoutChange gives one change. Errors: franchise.ErrNotFound.
func (s *Store) FindPayoutChange(ctx context.Context, id string) (franchise.PayoutChangeRow, error) {
	return findChange(ctx, s.db, id)
}

// MovePayoutChanges changes states; a change that succeeds becomes its franchise's account.
func (s *Store) MovePayoutChanges(ctx context.Context, moves []record.Move, at time.Time) ([]error, error) {
	const q = `UPDATE payout_changes SET state = ?, failure = ?, until_at = ?, updated_at = ?, open_claim = CASE WHEN ? THEN NULL ELSE open_claim END
		WHERE id = ?`
	return s.move(ctx, payoutChanges, moves, func(tx *sqlx.Tx, m record.Move) error {
		if _, err := tx.ExecContext(ctx, q, m.State, m.Failure, nullTime(m.Until), at, m.State.Final(), m.ID); err != nil {
			return err
		}
		if m.State != record.Succeeded {
			return nil
		}
		return adopt(ctx, tx, m.ID, at)
	})
}

// adopt copies a change's account, sealed as it is, to its franchise.
func adopt(ctx context.Context, tx *sqlx.Tx, changeID string, at time.Time) error {
	const q = `UPDATE franchises f JOIN payout_changes c ON c.franchise_id = f.id
		SET f.bank_code = c.bank_code, f.number_sealed = c.number_sealed, f.holder_sealed = c.holder_sealed,
			f.payout_verified_at = ?, f.version = f.version + 1, f.updated_at = ?
		WHERE c.id = ?`
	found, err := rowsFound(tx.ExecContext(ctx, q, at, at, changeID))
	if err == nil && found != 1 {
		return errors.New("adopt payout account: no franchise")
	}
	return err
}
