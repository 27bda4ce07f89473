package moneydb_test

import (
	"database/sql"
	"os"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"durapay/internal/devenv/devtest"
	"durapay/internal/mysqlx"
	"durapay/schema"
	"durapay/services/money/ledger"
	"durapay/services/money/ledger/ledgertest"
	"durapay/services/money/moneydb"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

// newBooks gives a fresh money database and two ledgers on pools of their own, as two
// processes would have them.
func newBooks(t testing.TB) (db *sqlx.DB, first, second *ledger.Ledger) {
	t.Helper()
	config := devtest.DatabaseConfig(t, schema.FS("money"))
	db = connect(t, config)
	return db, ledger.New(moneydb.NewLedger(db), time.Now), ledger.New(moneydb.NewLedger(connect(t, config)), time.Now)
}

func connect(t testing.TB, config mysqlx.Config) *sqlx.DB {
	t.Helper()
	db, err := mysqlx.Open(config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func requireSound(t require.TestingT, db *sqlx.DB) ledgertest.Books {
	b := readBooks(t, db)
	require.NoError(t, b.Check())
	return b
}

// readBooks reads the tables with SQL of its own.
func readBooks(t require.TestingT, db *sqlx.DB) ledgertest.Books {
	var b ledgertest.Books
	each(t, db, `SELECT batch_no, first_seq, last_seq, at, prev_hash, hash FROM ledger_batches WHERE batch_no > 0 ORDER BY batch_no`, func(rows *sqlx.Rows) error {
		var x ledger.Batch
		var prev, hash []byte
		err := rows.Scan(&x.No, &x.FirstSeq, &x.LastSeq, &x.At, &prev, &hash)
		copy(x.PrevHash[:], prev)
		copy(x.Hash[:], hash)
		b.Batches = append(b.Batches, x)
		return err
	})
	each(t, db, `SELECT seq, ref, op, kind, amount, account_id, to_account_id, account_kind, floor, ceiling, COALESCE(closes, ''), expires_at,
flow_id, detail, fingerprint, at FROM ledger_postings ORDER BY seq`, func(rows *sqlx.Rows) error {
		var x ledger.Posting
		var expires sql.NullTime
		var print []byte
		err := rows.Scan(&x.Seq, &x.Ref, &x.Op, &x.Kind, &x.Amount, &x.AccountID, &x.ToAccountID, &x.AccountKind, &x.Floor, &x.Ceiling,
			&x.Closes, &expires, &x.FlowID, &x.Detail, &print, &x.At)
		x.ExpiresAt = expires.Time
		copy(x.Fingerprint[:], print)
		b.Postings = append(b.Postings, x)
		return err
	})
	each(t, db, `SELECT seq, line, account_id, amount, balance_after, at FROM ledger_entries ORDER BY seq, line`, func(rows *sqlx.Rows) error {
		var x ledger.Entry
		err := rows.Scan(&x.Seq, &x.Line, &x.AccountID, &x.Amount, &x.BalanceAfter, &x.At)
		b.Entries = append(b.Entries, x)
		return err
	})
	each(t, db, `SELECT id, state, floor, ceiling, balance, pending_out, pending_in, last_seq FROM ledger_accounts ORDER BY id`, func(rows *sqlx.Rows) error {
		var x ledger.Account
		err := rows.Scan(&x.ID, &x.State, &x.Floor, &x.Ceiling, &x.Balance, &x.PendingOut, &x.PendingIn, &x.LastSeq)
		b.Accounts = append(b.Accounts, x)
		return err
	})
	each(t, db, `SELECT ref, from_account_id, to_account_id, amount, captured, state FROM ledger_holds ORDER BY ref`, func(rows *sqlx.Rows) error {
		var x ledger.Hold
		err := rows.Scan(&x.Ref, &x.From, &x.To, &x.Amount, &x.Captured, &x.State)
		b.Holds = append(b.Holds, x)
		return err
	})
	return b
}

func each(t require.TestingT, db *sqlx.DB, q string, scan func(*sqlx.Rows) error) {
	rows, err := db.Queryx(q)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		require.NoError(t, scan(rows))
	}
	require.NoError(t, rows.Err())
}
