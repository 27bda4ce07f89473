package bank

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/mysqlx"
)

var errAccountNotOpen = errors.New("account not open")

// depositPrefix begins the bank's own reference of a deposit; no order may carry a reference that begins so.
const depositPrefix = "BDP"

// Deposit is money that comes from outside the books. Amount is in won.
type Deposit struct {
	ID        int64
	Reference string // of whoever brings the money
	Account   AccountKey
	Amount    int64
	Memo      string
	At        time.Time
}

// BankReference is the bank's own: what the entry and the notice carry.
func (d Deposit) BankReference() string { return fmt.Sprintf(depositPrefix+"%016d", d.ID) }

// same tells a repeat of a deposit from another one under the same reference.
func (d Deposit) same(other Deposit) bool {
	return d.Account == other.Account && d.Amount == other.Amount && d.Memo == other.Memo
}

// refuseDeposit tells why an account cannot take money, or nil. A nil account is one the bank does not have.
func refuseDeposit(amount int64, account *Account) error {
	switch {
	case account == nil:
		return errAccountNotFound
	case account.State != Open:
		return errAccountNotOpen
	case amount > MaxAmount-account.Balance:
		return errAccountFull
	default:
		return nil
	}
}

// deposit brings money in; a repeat gives what stands. A refused deposit leaves nothing, and its reference free.
// Errors: errReferenceConflict, errAccountNotFound, errAccountNotOpen, errAccountFull.
func (b *books) deposit(ctx context.Context, d Deposit) (Deposit, error) {
	made, err := b.bringIn(ctx, d)
	if !errors.Is(err, errReferenceTaken) {
		return made, err
	}
	return b.standingDeposit(ctx, d)
}

func (b *books) bringIn(ctx context.Context, d Deposit) (Deposit, error) {
	err := mysqlx.InTx(ctx, b.db, func(tx *sqlx.Tx) error {
		var err error
		if d.ID, err = claimDeposit(ctx, tx, d, b.clock()); err != nil {
			return err
		}
		account, err := lockAccount(ctx, tx, d.Account)
		if err != nil {
			return err
		}
		if err := refuseDeposit(d.Amount, account); err != nil {
			return err
		}
		d.At = entryTime(b.clock(), account)
		if err := enterDeposit(ctx, tx, d, *account); err != nil {
			return err
		}
		return b.tell(ctx, tx, noticeOfDeposit(d))
	})
	return d, err
}

// claimDeposit takes the reference first, so that of two at once the second waits for the first. Errors: errReferenceTaken.
func claimDeposit(ctx context.Context, tx *sqlx.Tx, d Deposit, now time.Time) (int64, error) {
	const q = `INSERT INTO deposits (reference, bank_code, account_number, amount, memo, at) VALUES (?, ?, ?, ?, ?, ?)`
	result, err := tx.ExecContext(ctx, q, d.Reference, d.Account.BankCode, d.Account.AccountNumber, d.Amount, d.Memo, now)
	if mysqlx.IsDuplicate(err, "deposits_reference") {
		return 0, errReferenceTaken
	}
	if err != nil {
		return 0, wrap("insert deposit", err)
	}
	id, err := result.LastInsertId()
	return id, wrap("insert deposit", err)
}

// enterDeposit writes the locked account's balance and entry.
func enterDeposit(ctx context.Context, tx *sqlx.Tx, d Deposit, account Account) error {
	const at = `UPDATE deposits SET at = ? WHERE id = ?`
	if _, err := tx.ExecContext(ctx, at, d.At, d.ID); err != nil {
		return wrap("record deposit", err)
	}
	account.Balance += d.Amount
	if err := setBalance(ctx, tx, account, d.At); err != nil {
		return err
	}
	return insertIncoming(ctx, tx, account, Entry{At: d.At, Reference: d.BankReference(), Amount: d.Amount, Memo: d.Memo})
}

// standingDeposit gives the deposit that came before. Errors: errReferenceConflict.
func (b *books) standingDeposit(ctx context.Context, d Deposit) (Deposit, error) {
	var row struct {
		ID     int64 `db:"id"`
		Amount int64 `db:"amount"`
		AccountKey
		Memo string    `db:"memo"`
		At   time.Time `db:"at"`
	}
	const q = `SELECT id, bank_code, account_number, amount, memo, at FROM deposits WHERE reference = ?`
	if err := b.db.GetContext(ctx, &row, q, d.Reference); err != nil {
		return Deposit{}, wrap("read deposit", err)
	}
	stands := Deposit{ID: row.ID, Reference: d.Reference, Account: row.AccountKey, Amount: row.Amount, Memo: row.Memo, At: row.At}
	if !stands.same(d) {
		return Deposit{}, errReferenceConflict
	}
	return stands, nil
}
