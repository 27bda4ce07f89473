package bank

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/mysqlx"
)

// What the books answer besides infrastructure trouble.
var (
	errAccountExists     = errors.New("account exists")
	errAccountNotFound   = errors.New("account not found")
	errReferenceConflict = errors.New("reference used for another transfer")
	errEntryNotFound     = errors.New("entry not found")

	errReferenceTaken = errors.New("reference taken") // the transfer is decided already, or being decided
)

// books is the bank's durable memory.
type books struct {
	db         *sqlx.DB
	now        func() time.Time
	limit      int64
	subscribed AccountKey // who gets notices; the zero value is nobody
}

// clock gives the time as the database can keep it.
func (b *books) clock() time.Time {
	return b.now().UTC().Truncate(time.Microsecond)
}

// open adds an account and the entry that brings its first balance in. Errors: errAccountExists.
func (b *books) open(ctx context.Context, a Account) (Account, error) {
	a.State = Open
	err := mysqlx.InTx(ctx, b.db, func(tx *sqlx.Tx) error {
		a.LastEntryAt = b.clock()
		if err := insertAccount(ctx, tx, a); err != nil {
			return err
		}
		if a.Balance == 0 {
			return nil
		}
		return insertIncoming(ctx, tx, a, Entry{At: a.LastEntryAt, Reference: openingReference, Amount: a.Balance})
	})
	return a, err
}

func insertAccount(ctx context.Context, tx *sqlx.Tx, a Account) error {
	const q = `INSERT INTO accounts (bank_code, account_number, holder_name, state, opening_balance, balance, opened_at, last_entry_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	_, err := tx.ExecContext(ctx, q, a.BankCode, a.AccountNumber, a.HolderName, a.State, a.Balance, a.Balance, a.LastEntryAt, a.LastEntryAt)
	if mysqlx.IsDuplicate(err, "PRIMARY") {
		return errAccountExists
	}
	return wrap("insert account", err)
}

// insertIncoming enters money from outside the books; the account is as it is after it.
func insertIncoming(ctx context.Context, tx *sqlx.Tx, a Account, e Entry) error {
	const q = `INSERT INTO entries (bank_code, account_number, at, reference, direction, amount, balance_after, memo)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	_, err := tx.ExecContext(ctx, q, a.BankCode, a.AccountNumber, e.At, e.Reference, In, e.Amount, a.Balance, e.Memo)
	return wrap("insert incoming entry", err)
}

const selectAccount = `SELECT bank_code, account_number, holder_name, state, balance, last_entry_at
	FROM accounts WHERE bank_code = ? AND account_number = ?`

// account gives one account. Errors: errAccountNotFound.
func (b *books) account(ctx context.Context, key AccountKey) (Account, error) {
	var a Account
	err := b.db.GetContext(ctx, &a, selectAccount, key.BankCode, key.AccountNumber)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, errAccountNotFound
	}
	return a, wrap("read account", err)
}

// setState changes an account's state and gives the account. Errors: errAccountNotFound.
func (b *books) setState(ctx context.Context, key AccountKey, state AccountState) (Account, error) {
	var account *Account
	err := mysqlx.InTx(ctx, b.db, func(tx *sqlx.Tx) error {
		var err error
		if account, err = lockAccount(ctx, tx, key); err != nil {
			return err
		}
		if account == nil {
			return errAccountNotFound
		}
		account.State = state
		const q = `UPDATE accounts SET state = ? WHERE bank_code = ? AND account_number = ?`
		_, err = tx.ExecContext(ctx, q, state, key.BankCode, key.AccountNumber)
		return wrap("set account state", err)
	})
	if err != nil {
		return Account{}, err
	}
	return *account, nil
}

// transfer decides an order once and for all; a repeat gets the decision that stands. What a fault asks for counts only for the first.
// Errors: errReferenceConflict when the reference carries another order.
func (b *books) transfer(ctx context.Context, o Order, f fate) (Decision, error) {
	d, err := b.decide(ctx, o, f)
	if !errors.Is(err, errReferenceTaken) {
		return d, err
	}
	return b.standing(ctx, o)
}

// decide takes the reference first and looks at the clock after that. So an inquiry either waits for the decision, or finds nothing and
// the decision is still to look at the clock: what an inquiry did not find after validUntil is never executed.
func (b *books) decide(ctx context.Context, o Order, f fate) (Decision, error) {
	var d Decision
	err := mysqlx.InTx(ctx, b.db, func(tx *sqlx.Tx) error {
		id, err := claim(ctx, tx, o)
		if err != nil {
			return err
		}
		d, err = b.settle(ctx, tx, o, f.declined)
		if err != nil {
			return err
		}
		if d.Status == Accepted {
			d.BankTransactionID = transactionID(id)
		}
		if err := record(ctx, tx, id, d); err != nil {
			return err
		}
		return scheduleReturn(ctx, tx, d, f.back)
	})
	return d, err
}

// claim writes the undecided order. Errors: errReferenceTaken.
func claim(ctx context.Context, tx *sqlx.Tx, o Order) (int64, error) {
	const q = `INSERT INTO transfers (reference, fingerprint, from_bank_code, from_account_number, to_bank_code, to_account_number,
		amount, memo, valid_until, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'PENDING')`
	result, err := tx.ExecContext(ctx, q, o.Reference, o.fingerprint(), o.From.BankCode, o.From.AccountNumber,
		o.To.BankCode, o.To.AccountNumber, o.Amount, o.Memo, o.ValidUntil)
	if mysqlx.IsDuplicate(err, "transfers_reference") {
		return 0, errReferenceTaken
	}
	if err != nil {
		return 0, wrap("insert transfer", err)
	}
	id, err := result.LastInsertId()
	return id, wrap("insert transfer", err)
}

// settle decides, and moves the money when nothing speaks against it.
func (b *books) settle(ctx context.Context, tx *sqlx.Tx, o Order, declined Reason) (Decision, error) {
	now := b.clock()
	d := Decision{Reference: o.Reference, Status: Rejected, Amount: o.Amount, DecidedAt: now}
	if d.Reason = refuseOrder(o, declined, now); d.Reason != "" {
		return d, nil
	}
	from, to, err := lockPair(ctx, tx, o.From, o.To)
	if err != nil {
		return Decision{}, err
	}
	if d.Reason = refuseAccounts(o, from, to, b.limit); d.Reason != "" {
		return d, nil
	}
	d.Status, d.DecidedAt = Accepted, entryTime(now, from, to)
	m := movement{reference: o.Reference, amount: o.Amount, memo: o.Memo, at: d.DecidedAt}
	return d, m.between(ctx, tx, *from, *to)
}

func lockPair(ctx context.Context, tx *sqlx.Tx, from, to AccountKey) (*Account, *Account, error) {
	if to.before(from) {
		t, f, err := lockPair(ctx, tx, to, from)
		return f, t, err
	}
	f, err := lockAccount(ctx, tx, from)
	if err != nil {
		return nil, nil, err
	}
	t, err := lockAccount(ctx, tx, to)
	return f, t, err
}

// lockAccount gives the account and keeps it from others until the transaction ends; nil when there is none.
func lockAccount(ctx context.Context, tx *sqlx.Tx, key AccountKey) (*Account, error) {
	var a Account
	err := tx.GetContext(ctx, &a, selectAccount+" FOR UPDATE", key.BankCode, key.AccountNumber)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("lock account", err)
	}
	return &a, nil
}

// movement is money that goes from one account to another. Amount is in won.
type movement struct {
	reference string
	amount    int64
	memo      string
	at        time.Time
}

// between writes the new balances of two locked accounts and the entry of each side.
func (m movement) between(ctx context.Context, tx *sqlx.Tx, from, to Account) error {
	from.Balance -= m.amount
	to.Balance += m.amount
	for _, account := range []Account{from, to} {
		if err := setBalance(ctx, tx, account, m.at); err != nil {
			return err
		}
	}
	const q = `INSERT INTO entries (bank_code, account_number, at, reference, direction, amount, balance_after,
		counterparty_bank_code, counterparty_account_number, memo) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	_, err := tx.ExecContext(ctx, q,
		from.BankCode, from.AccountNumber, m.at, m.reference, Out, m.amount, from.Balance, to.BankCode, to.AccountNumber, m.memo,
		to.BankCode, to.AccountNumber, m.at, m.reference, In, m.amount, to.Balance, from.BankCode, from.AccountNumber, m.memo)
	return wrap("insert entries", err)
}

func setBalance(ctx context.Context, tx *sqlx.Tx, a Account, at time.Time) error {
	const q = `UPDATE accounts SET balance = ?, last_entry_at = ? WHERE bank_code = ? AND account_number = ?`
	_, err := tx.ExecContext(ctx, q, a.Balance, at, a.BankCode, a.AccountNumber)
	return wrap("update balance", err)
}

func record(ctx context.Context, tx *sqlx.Tx, id int64, d Decision) error {
	const q = `UPDATE transfers SET status = ?, reason = ?, decided_at = ? WHERE id = ?`
	_, err := tx.ExecContext(ctx, q, d.Status, d.Reason, d.DecidedAt, id)
	return wrap("record decision", err)
}

func transactionID(id int64) string { return fmt.Sprintf("BTX%016d", id) }

// transferRow is a decided transfer as it is stored.
type transferRow struct {
	ID                int64      `db:"id"`
	Reference         string     `db:"reference"`
	Fingerprint       []byte     `db:"fingerprint"`
	FromBankCode      string     `db:"from_bank_code"`
	FromAccountNumber string     `db:"from_account_number"`
	ToBankCode        string     `db:"to_bank_code"`
	ToAccountNumber   string     `db:"to_account_number"`
	Amount            int64      `db:"amount"`
	Memo              string     `db:"memo"`
	Status            Status     `db:"status"`
	Reason            Reason     `db:"reason"`
	DecidedAt         time.Time  `db:"decided_at"`
	ReturnedAt        *time.Time `db:"returned_at"`
}

func (r transferRow) from() AccountKey {
	return AccountKey{BankCode: r.FromBankCode, AccountNumber: r.FromAccountNumber}
}

func (r transferRow) to() AccountKey {
	return AccountKey{BankCode: r.ToBankCode, AccountNumber: r.ToAccountNumber}
}

func (r transferRow) decision() Decision {
	d := Decision{Reference: r.Reference, Status: r.Status, Reason: r.Reason, Amount: r.Amount, DecidedAt: r.DecidedAt, ReturnedAt: r.ReturnedAt}
	if r.Status == Accepted || r.Status == Returned {
		d.BankTransactionID = transactionID(r.ID)
	}
	return d
}

const selectTransfer = `SELECT id, reference, fingerprint, from_bank_code, from_account_number, to_bank_code, to_account_number,
	amount, memo, status, reason, decided_at, returned_at FROM transfers WHERE reference = ?`

// standing gives the decision on an order that came before. Errors: errReferenceConflict.
func (b *books) standing(ctx context.Context, o Order) (Decision, error) {
	row, err := b.find(ctx, o.Reference)
	if err != nil {
		return Decision{}, wrap("read decided transfer", err)
	}
	if !bytes.Equal(row.Fingerprint, o.fingerprint()) {
		return Decision{}, errReferenceConflict
	}
	return row.decision(), nil
}

// inquire gives what became of a reference; NotFound is a status, not an error.
func (b *books) inquire(ctx context.Context, reference string) (Decision, error) {
	row, err := b.find(ctx, reference)
	if errors.Is(err, sql.ErrNoRows) {
		return Decision{Reference: reference, Status: NotFound}, nil
	}
	if err != nil {
		return Decision{}, wrap("inquire", err)
	}
	return row.decision(), nil
}

// find reads under a shared lock, because a plain read would not see, and so deny, a transfer that is just being decided.
func (b *books) find(ctx context.Context, reference string) (transferRow, error) {
	var row transferRow
	err := mysqlx.InTx(ctx, b.db, func(tx *sqlx.Tx) error {
		return tx.GetContext(ctx, &row, selectTransfer+" LOCK IN SHARE MODE", reference)
	})
	return row, err
}

// statement gives one page of a day, all of it from one snapshot. Errors: errAccountNotFound; errEntryNotFound when After is no entry of this account.
func (b *books) statement(ctx context.Context, q StatementQuery) (Statement, error) {
	tx, err := b.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return Statement{}, wrap("begin statement", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	var found int
	const exists = `SELECT COUNT(*) FROM accounts WHERE bank_code = ? AND account_number = ?`
	if err := tx.GetContext(ctx, &found, exists, q.Account.BankCode, q.Account.AccountNumber); err != nil {
		return Statement{}, wrap("find account", err)
	}
	if found == 0 {
		return Statement{}, errAccountNotFound
	}
	return readStatement(ctx, tx, q)
}

func readStatement(ctx context.Context, tx *sqlx.Tx, q StatementQuery) (Statement, error) {
	var s Statement
	var err error
	if s.OpeningBalance, err = balanceBefore(ctx, tx, q.Account, q.Day.From); err != nil {
		return Statement{}, err
	}
	if s.ClosingBalance, err = balanceBefore(ctx, tx, q.Account, q.Day.Until); err != nil {
		return Statement{}, err
	}
	start, err := pageStart(ctx, tx, q)
	if err != nil {
		return Statement{}, err
	}
	const page = `SELECT id, at, reference, direction, amount, balance_after, counterparty_bank_code, counterparty_account_number, memo
		FROM entries WHERE bank_code = ? AND account_number = ? AND at >= ? AND at < ? AND id > ? ORDER BY at, id LIMIT ?`
	s.Items = []Entry{}
	err = tx.SelectContext(ctx, &s.Items, page, q.Account.BankCode, q.Account.AccountNumber, start, q.Day.Until, q.After, q.Limit+1)
	if err != nil {
		return Statement{}, wrap("read entries", err)
	}
	if len(s.Items) > q.Limit {
		s.Items, s.More = s.Items[:q.Limit], true
	}
	return s, nil
}

// balanceBefore gives the balance after the last entry before a moment; 0 before the first.
func balanceBefore(ctx context.Context, tx *sqlx.Tx, key AccountKey, moment time.Time) (int64, error) {
	const q = `SELECT balance_after FROM entries WHERE bank_code = ? AND account_number = ? AND at < ? ORDER BY at DESC, id DESC LIMIT 1`
	var balance int64
	err := tx.GetContext(ctx, &balance, q, key.BankCode, key.AccountNumber, moment)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return balance, wrap("read balance", err)
}

// pageStart gives the moment a page begins, so that a late page of a busy day does not read the day from its start.
func pageStart(ctx context.Context, tx *sqlx.Tx, q StatementQuery) (time.Time, error) {
	if q.After == 0 {
		return q.Day.From, nil
	}
	const find = `SELECT at FROM entries WHERE id = ? AND bank_code = ? AND account_number = ?`
	var at time.Time
	err := tx.GetContext(ctx, &at, find, q.After, q.Account.BankCode, q.Account.AccountNumber)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, errEntryNotFound
	}
	if err != nil {
		return time.Time{}, wrap("find entry", err)
	}
	if at.Before(q.Day.From) {
		return q.Day.From, nil
	}
	return at, nil
}

// totals adds up all accounts, deposits and accepted transfers, as of one moment.
func (b *books) totals(ctx context.Context) (Totals, error) {
	const q = `SELECT COUNT(*) AS accounts, CAST(COALESCE(SUM(balance), 0) AS CHAR) AS balance, CAST(COALESCE(SUM(opening_balance), 0) AS CHAR) AS opened,
		(SELECT CAST(COALESCE(SUM(amount), 0) AS CHAR) FROM deposits) AS deposited,
		(SELECT COUNT(*) FROM transfers WHERE status IN ('ACCEPTED', 'RETURNED')) AS transfers FROM accounts`
	var t Totals
	err := b.db.GetContext(ctx, &t, q)
	return t, wrap("read totals", err)
}

// wrap names the operation that failed; nil stays nil.
func wrap(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", operation, err)
}
