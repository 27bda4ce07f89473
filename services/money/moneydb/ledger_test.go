package moneydb_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/devenv/devtest"
	"durapay/internal/mysqlx"
	"durapay/schema"
	"durapay/services/money/ledger"
	"durapay/services/money/ledger/ledgertest"
	"durapay/services/money/moneydb"
)

func open(member string, ceiling int64) ledger.Command {
	return ledger.Command{Op: ledger.OpOpen, Ref: "open/" + member, AccountID: ledger.WalletAccount(member), AccountKind: ledger.KindWallet, Ceiling: ceiling}
}

func post(ref, from, to string, amount int64) ledger.Command {
	return ledger.Command{Op: ledger.OpPost, Ref: ref, Kind: ledger.Remittance, Legs: []ledger.Leg{{From: from, To: to, Amount: amount}}}
}

func do(t require.TestingT, l *ledger.Ledger, cmds ...ledger.Command) []ledger.Result {
	results, err := l.Do(context.Background(), cmds)
	require.NoError(t, err)
	return results
}

func requireDone(t require.TestingT, results []ledger.Result) {
	for _, r := range results {
		require.True(t, r.Done(), "%+v", r)
	}
}

func TestRandomCommandsAsTheModel(t *testing.T) {
	db, l, _ := newBooks(t)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		var last int64
		require.NoError(rt, db.Get(&last, `SELECT MAX(last_seq) FROM ledger_batches`))
		ledgertest.Run(rt, l, fmt.Sprintf("run%d/", runs), last, func(m *ledgertest.Model) {
			accounts := map[string]ledger.Account{}
			for _, a := range requireSound(rt, db).Accounts {
				accounts[a.ID] = a
			}
			for id, want := range m.Accounts {
				got := accounts[id]
				if id == ledger.BankFloat || id == ledger.InTransit { // shared by all runs
					continue
				}
				require.Equal(rt, []int64{want.Balance, want.Out, want.In, want.Ceiling},
					[]int64{got.Balance, got.PendingOut, got.PendingIn, got.Ceiling}, id)
			}
		})
	})
}

// TestCrowd has 64 callers of two processes spend from one hot wallet more than it
// has, and send each other money, every command twice.
func TestCrowd(t *testing.T) {
	db, first, second := newBooks(t)
	ledgers := []*ledger.Ledger{first, second}
	const callers, rounds, funds = 64, 20, 500
	setUp := []ledger.Command{open("hot", 1_000_000), post("fund", ledger.BankFloat, "wallet/hot", funds)}
	for i := range callers {
		setUp = append(setUp, open(fmt.Sprint(i), 1_000_000), post(fmt.Sprintf("fund/%d", i), ledger.BankFloat, fmt.Sprintf("wallet/%d", i), 10))
	}
	requireDone(t, do(t, first, setUp...))

	var spent, refused atomic.Int64
	group, ctx := errgroup.WithContext(t.Context())
	for i := range callers {
		group.Go(func() error {
			for n := range rounds {
				peer := rand.IntN(callers)
				cmds := []ledger.Command{
					post(fmt.Sprintf("hot/%d/%d", i, n), "wallet/hot", ledger.WalletAccount(fmt.Sprint(i)), 1),
					post(fmt.Sprintf("peer/%d/%d", i, n), ledger.WalletAccount(fmt.Sprint(i)), ledger.WalletAccount(fmt.Sprintf("%d", (peer+1)%callers)), 3),
				}
				results, err := ledgers[n%2].Do(ctx, cmds)
				if err != nil {
					return err
				}
				again, err := ledgers[(n+1)%2].Do(ctx, cmds[:1])
				if err != nil {
					return err
				}
				switch {
				case results[0].Done() && again[0].Replayed && again[0].Seq == results[0].Seq:
					spent.Add(1)
				case results[0].Refusal.Code == errs.InsufficientBalance.Code && again[0].Refusal.Code == errs.InsufficientBalance.Code:
					refused.Add(1)
				default:
					return fmt.Errorf("first %+v, again %+v", results[0], again[0])
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, int64(funds), spent.Load())
	require.Equal(t, int64(callers*rounds-funds), refused.Load())
	books := requireSound(t, db)
	t.Logf("%d postings in %d batches", len(books.Postings), len(books.Batches))
}

// TestSameCommandEverywhereAtOnce sends one command through both processes from many
// callers: it happens once, and everyone is told the same.
func TestSameCommandEverywhereAtOnce(t *testing.T) {
	db, first, second := newBooks(t)
	requireDone(t, do(t, first, open("a", 1000)))
	var mu sync.Mutex
	seqs := map[int64]int{}
	fresh := 0
	group, ctx := errgroup.WithContext(t.Context())
	for i := range 64 {
		group.Go(func() error {
			results, err := []*ledger.Ledger{first, second}[i%2].Do(ctx, []ledger.Command{post("one", ledger.BankFloat, "wallet/a", 7)})
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			seqs[results[0].Seq]++
			if !results[0].Replayed {
				fresh++
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, map[int64]int{2: 64}, seqs)
	require.Equal(t, 1, fresh)
	requireSound(t, db)
}

func TestNothingIsWrittenForRepeatsAndRefusals(t *testing.T) {
	db, l, _ := newBooks(t)
	cmds := []ledger.Command{open("a", 1000), post("p", ledger.BankFloat, "wallet/a", 7)}
	requireDone(t, do(t, l, cmds...))
	before := readBooks(t, db)
	r := do(t, l, append(cmds, post("q", "wallet/a", ledger.InTransit, 8))...)
	require.True(t, r[0].Replayed && r[1].Replayed)
	require.False(t, r[2].Done())
	require.Equal(t, before, readBooks(t, db))
}

// TestConnectionDiesAtCommit loses the commit itself, or only its answer.
func TestConnectionDiesAtCommit(t *testing.T) {
	for name, arrives := range map[string]bool{"the commit arrives, its answer does not": true, "the commit does not arrive": false} {
		t.Run(name, func(t *testing.T) {
			config := devtest.DatabaseConfig(t, schema.FS("money"))
			db := connect(t, config)
			proxy := newProxy(t, config.Address)
			config.Address = proxy.address()
			l := ledger.New(moneydb.NewLedger(connect(t, config)), time.Now)
			requireDone(t, do(t, l, open("a", 1000), post("fund", ledger.BankFloat, "wallet/a", 10)))

			proxy.cutAtCommit(arrives)
			spend := post("spend", "wallet/a", ledger.InTransit, 10)
			_, err := l.Do(t.Context(), []ledger.Command{spend})
			require.ErrorIs(t, err, errs.ServiceUnavailable)
			require.True(t, errs.Retryable(err))

			r := do(t, l, spend, post("more", "wallet/a", ledger.InTransit, 1))
			require.True(t, r[0].Done())
			require.Equal(t, arrives, r[0].Replayed)
			require.False(t, r[1].Done(), "spent once, and all of it")
			requireSound(t, db)
		})
	}
}

func TestExpirySweepsHolds(t *testing.T) {
	db, l, _ := newBooks(t)
	now := time.Now()
	cmds := []ledger.Command{open("a", 1000), post("fund", ledger.BankFloat, "wallet/a", 100)}
	for i := range 5 {
		cmds = append(cmds, ledger.Command{Op: ledger.OpHold, Ref: fmt.Sprintf("h%d", i), Kind: ledger.Payment,
			From: "wallet/a", To: ledger.InTransit, Amount: 10, ExpiresAt: now.Add(time.Duration(i-3) * time.Minute)})
	}
	requireDone(t, do(t, l, cmds...))
	for _, want := range []int{3, 1, 0} {
		n, err := l.ExpireHolds(t.Context(), now, 3)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	requireSound(t, db)
}

// TestDatabaseRefusesWhatTheCodeMustNotDo writes around the ledger.
func TestDatabaseRefusesWhatTheCodeMustNotDo(t *testing.T) {
	db, l, _ := newBooks(t)
	requireDone(t, do(t, l, open("a", 1000), post("fund", ledger.BankFloat, "wallet/a", 100)))
	for _, q := range []string{
		`UPDATE ledger_accounts SET balance = -1 WHERE id = 'wallet/a'`,
		`UPDATE ledger_accounts SET balance = 1001 WHERE id = 'wallet/a'`,
		`UPDATE ledger_accounts SET pending_out = 101 WHERE id = 'wallet/a'`,
		`UPDATE ledger_accounts SET pending_in = 901 WHERE id = 'wallet/a'`,
		`UPDATE ledger_accounts SET floor = -5 WHERE id = 'wallet/a'`,
		`INSERT INTO ledger_entries (seq, line, account_id, amount, balance_after, at) VALUES (9, 0, 'wallet/a', 0, 0, NOW())`,
		`INSERT INTO ledger_entries (seq, line, account_id, amount, balance_after, at) VALUES (9, 0, 'wallet/a', 5, 0, NOW())`,
	} {
		_, err := db.Exec(q)
		require.True(t, mysqlx.IsCheck(err), "%s: %v", q, err)
	}
	_, err := db.Exec(`INSERT INTO ledger_postings SELECT 99, ref, op, kind, amount, account_id, to_account_id, account_kind, floor, ceiling,
closes, expires_at, flow_id, detail, fingerprint, at FROM ledger_postings WHERE ref = 'fund'`)
	require.True(t, mysqlx.IsDuplicate(err, "ledger_postings_ref"), "%v", err)
}
