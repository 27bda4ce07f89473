package moneydb_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"durapay/internal/devenv/devtest"
	"durapay/schema"
	"durapay/services/money/ledger"
)

const benchWallets = 1000

// BenchmarkLedger measures postings through the Go API; compare with
// BenchmarkBareSQL, in the same run.
func BenchmarkLedger(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		for _, load := range []string{"uniform", "hot"} {
			b.Run(fmt.Sprintf("callers=%d/%s", callers, load), func(b *testing.B) {
				_, l, _ := newBooks(b)
				fund(b, l)
				var next atomic.Int64
				var group sync.WaitGroup
				b.ResetTimer()
				for range callers {
					group.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							from, to := wallets(load)
							r, err := l.Do(context.Background(), []ledger.Command{post(fmt.Sprintf("rem_01HZX0000000000000000000/%d", n), from, to, 1)})
							if err != nil || !r[0].Done() {
								b.Errorf("%v %+v", err, r)
								return
							}
						}
					})
				}
				group.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "postings/s")
			})
		}
	}
}

// BenchmarkBareSQL writes the same rows without any of the ledger's questions: no
// references read, no turn, no chain.
func BenchmarkBareSQL(b *testing.B) {
	for _, size := range []int{1, 50} {
		for _, load := range []string{"uniform", "hot"} {
			b.Run(fmt.Sprintf("batch=%d/%s", size, load), func(b *testing.B) {
				db := devtest.Database(b, schema.FS("money"))
				bareFund(b, db)
				b.ResetTimer()
				for done := 0; done < b.N; done += size {
					bareBatch(b, db, load, int64(done), size)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "postings/s")
			})
		}
	}
}

func wallets(load string) (from, to string) {
	n := rand.IntN(benchWallets)
	to = walletName((n + 1 + rand.IntN(benchWallets-1)) % benchWallets)
	if load == "hot" {
		to = ledger.FranchisePayable("fra_01HZX000000000000000000000")
	}
	return walletName(n), to
}

func walletName(n int) string {
	return ledger.WalletAccount(fmt.Sprintf("mem_01HZX00000000000000000%04d", n))
}

func fund(b *testing.B, l *ledger.Ledger) {
	cmds := []ledger.Command{ledger.OpenUnbounded("open/fra", ledger.FranchisePayable("fra_01HZX000000000000000000000"), ledger.KindPayable)}
	for n := range benchWallets {
		name := walletName(n)
		cmds = append(cmds,
			ledger.Command{Op: ledger.OpOpen, Ref: "open/" + name, AccountID: name, AccountKind: ledger.KindWallet, Ceiling: 1 << 40},
			post("fund/"+name, ledger.BankFloat, name, 1<<30))
	}
	requireDone(b, do(b, l, cmds...))
}

func bareFund(b *testing.B, db *sqlx.DB) {
	q := strings.Builder{}
	q.WriteString(`INSERT INTO ledger_accounts (id, kind, state, floor, ceiling, balance, pending_out, pending_in, opened_seq, opened_at, last_seq) VALUES
('` + ledger.FranchisePayable("fra_01HZX000000000000000000000") + `', 'PAYABLE', 'OPEN', -4000000000000000000, 4000000000000000000, 0, 0, 0, 0, NOW(), 0)`)
	for n := range benchWallets {
		fmt.Fprintf(&q, ", ('%s', 'WALLET', 'OPEN', 0, %d, %d, 0, 0, 0, NOW(), 0)", walletName(n), int64(1)<<40, int64(1)<<30)
	}
	_, err := db.Exec(q.String())
	require.NoError(b, err)
}

func bareBatch(b *testing.B, db *sqlx.DB, load string, first int64, size int) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	change := map[string]int64{}
	var postings, entries strings.Builder
	for i := range size {
		from, to := wallets(load)
		change[from]--
		change[to]++
		seq := first + int64(i) + 1
		sep := ","
		if i == 0 {
			sep = ""
		}
		at := now.Format("'2006-01-02 15:04:05.000000'")
		fmt.Fprintf(&postings, "%s(%d,'rem_01HZX0000000000000000000/%d','POST','REMITTANCE',1,'','','',NULL,NULL,NULL,NULL,'','',REPEAT('x',32),%s)", sep, seq, seq, at)
		fmt.Fprintf(&entries, "%s(%d,0,'%s',-1,1,%s),(%d,1,'%s',1,1,%s)", sep, seq, from, at, seq, to, at)
	}
	var ids, cases strings.Builder
	for id, delta := range change {
		fmt.Fprintf(&ids, ",'%s'", id)
		fmt.Fprintf(&cases, " WHEN '%s' THEN %d", id, delta)
	}
	in := ids.String()[1:]
	tx, err := db.Beginx()
	require.NoError(b, err)
	var rows []struct {
		ID      string `db:"id"`
		Balance int64  `db:"balance"`
	}
	require.NoError(b, tx.Select(&rows, `SELECT id, balance FROM ledger_accounts WHERE id IN (`+in+`) ORDER BY id FOR UPDATE`))
	for _, q := range []string{
		`INSERT INTO ledger_postings VALUES ` + postings.String(),
		`INSERT INTO ledger_entries VALUES ` + entries.String(),
		`UPDATE ledger_accounts SET balance = balance + CASE id` + cases.String() + ` END WHERE id IN (` + in + `)`,
	} {
		_, err := tx.Exec(q)
		require.NoError(b, err)
	}
	require.NoError(b, tx.Commit())
}
