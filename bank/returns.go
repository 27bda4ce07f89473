package bank

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/mysqlx"
)

// Why a transfer is not sent back.
var (
	errTransferNotFound  = errors.New("transfer not found")
	errNotAccepted       = errors.New("transfer was not accepted")
	errReturnedOtherwise = errors.New("transfer returned for another reason")
	errMoneyGone         = errors.New("receiver's balance is short of the transfer")
	errAccountFull       = errors.New("account cannot hold the amount")
)

// refusesReturn tells whether a return cannot be made now, though it may be later.
func refusesReturn(err error) bool {
	return errors.Is(err, errMoneyGone) || errors.Is(err, errAccountFull)
}

// returnSuffix ends the reference of a return's entries; no order may carry a reference that ends so.
const returnSuffix = "/return"

// returnReference is what the entries of a return carry: the transfer's own reference and a suffix,
// or, where that is too long, its hash and the suffix.
func returnReference(original string) string {
	if len(original)+len(returnSuffix) <= maxReferenceBytes {
		return original + returnSuffix
	}
	sum := sha256.Sum256([]byte(original))
	return hex.EncodeToString(sum[:]) + returnSuffix
}

// isReserved tells whether a reference is of the kind the bank gives its own entries, which an order's must not meet.
func isReserved(reference string) bool {
	return reference == openingReference || strings.HasPrefix(reference, depositPrefix) || strings.HasSuffix(reference, returnSuffix)
}

// lateReturn is the return of a transfer that is accepted now.
type lateReturn struct {
	reason Reason
	after  time.Duration // its acceptance
}

// refuseReturn tells why money cannot go back, or nil. The states of the accounts do not matter: the money must go somewhere.
func refuseReturn(amount int64, receiver, sender Account) error {
	switch {
	case receiver.Balance < amount:
		return errMoneyGone
	case amount > MaxAmount-sender.Balance:
		return errAccountFull
	default:
		return nil
	}
}

// standingReturn gives what stands in the way of returning a transfer of this status; done when it is returned for this reason already.
func (r transferRow) standingReturn(reason Reason) (done bool, err error) {
	switch {
	case r.Status == Returned && r.Reason != reason:
		return false, errReturnedOtherwise
	case r.Status == Returned:
		return true, nil
	case r.Status != Accepted:
		return false, errNotAccepted
	default:
		return false, nil
	}
}

// giveBack sends an accepted transfer back; a repeat gives what stands.
// Errors: errTransferNotFound, errNotAccepted, errReturnedOtherwise, errMoneyGone, errAccountFull.
func (b *books) giveBack(ctx context.Context, reference string, reason Reason) (Decision, error) {
	var d Decision
	err := mysqlx.InTx(ctx, b.db, func(tx *sqlx.Tx) error {
		var row transferRow
		err := tx.GetContext(ctx, &row, selectTransfer+" FOR UPDATE", reference)
		if errors.Is(err, sql.ErrNoRows) {
			return errTransferNotFound
		}
		if err != nil {
			return wrap("lock transfer", err)
		}
		done, err := row.standingReturn(reason)
		if err == nil && !done {
			err = b.reverse(ctx, tx, &row, reason)
		}
		d = row.decision()
		return err
	})
	return d, err
}

// reverse moves the money of a locked transfer back and tells the sender.
func (b *books) reverse(ctx context.Context, tx *sqlx.Tx, row *transferRow, reason Reason) error {
	receiver, sender, err := lockPair(ctx, tx, row.to(), row.from())
	if err != nil {
		return err
	}
	if receiver == nil || sender == nil {
		return errAccountNotFound
	}
	if err := refuseReturn(row.Amount, *receiver, *sender); err != nil {
		return err
	}
	at := entryTime(b.clock(), receiver, sender)
	row.Status, row.Reason, row.ReturnedAt = Returned, reason, &at
	m := movement{reference: returnReference(row.Reference), amount: row.Amount, memo: row.Memo, at: at}
	if err := m.between(ctx, tx, *receiver, *sender); err != nil {
		return err
	}
	if err := recordReturn(ctx, tx, *row); err != nil {
		return err
	}
	return b.tell(ctx, tx, noticeOfReturn(*row))
}

func recordReturn(ctx context.Context, tx *sqlx.Tx, row transferRow) error {
	const q = `UPDATE transfers SET status = ?, reason = ?, returned_at = ? WHERE id = ?`
	if _, err := tx.ExecContext(ctx, q, row.Status, row.Reason, row.ReturnedAt, row.ID); err != nil {
		return wrap("record return", err)
	}
	const done = `DELETE FROM due_returns WHERE reference = ?`
	_, err := tx.ExecContext(ctx, done, row.Reference)
	return wrap("delete due return", err)
}

// dueReturn is a return that is to be made now.
type dueReturn struct {
	Reference string `db:"reference"`
	Reason    Reason `db:"reason"`
	Attempts  int    `db:"attempts"`
}

func scheduleReturn(ctx context.Context, tx *sqlx.Tx, d Decision, late *lateReturn) error {
	if late == nil || d.Status != Accepted {
		return nil
	}
	const q = `INSERT INTO due_returns (reference, reason, due_at) VALUES (?, ?, ?)`
	_, err := tx.ExecContext(ctx, q, d.Reference, late.reason, d.DecidedAt.Add(late.after))
	return wrap("schedule return", err)
}

// nextDueReturn gives the return that is due longest; nil when none is. It locks nothing: the transfer's row decides who makes it.
func (b *books) nextDueReturn(ctx context.Context) (*dueReturn, error) {
	const q = `SELECT reference, reason, attempts FROM due_returns WHERE due_at <= ? ORDER BY due_at LIMIT 1`
	var due dueReturn
	err := b.db.GetContext(ctx, &due, q, b.clock())
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("find due return", err)
	}
	return &due, nil
}

// postponeReturn makes a return due after the pause of so many attempts.
func (b *books) postponeReturn(ctx context.Context, reference string, attempts int) error {
	const q = `UPDATE due_returns SET attempts = ?, due_at = ? WHERE reference = ?`
	_, err := b.db.ExecContext(ctx, q, attempts, b.clock().Add(pauseAfter(attempts)), reference)
	return wrap("postpone return", err)
}
