package moneydb_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"durapay/errs"
	"durapay/services/money"
	"durapay/services/money/ledger"
	"durapay/services/money/moneydb"
)

func TestJournalGivesTheLinesOfWalletsAndMovesOverTheRest(t *testing.T) {
	s, p := newMoney(t)
	lines, last, err := s.Journal(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Empty(t, lines)
	require.Zero(t, last)

	a, b := ledger.WalletAccount(member("anna")), ledger.WalletAccount(member("bert"))
	openWallet(t, s, member("anna"), false) // 1
	openWallet(t, s, member("bert"), false) // 2
	book(t, s, ledger.Command{Op: ledger.OpPost, Ref: "t", Kind: ledger.TopUp, FlowID: "top",
		Legs: []ledger.Leg{{From: ledger.BankFloat, To: a, Amount: 100}}}) // 3
	book(t, s, ledger.Command{Op: ledger.OpPost, Ref: "r", Kind: ledger.Remittance, FlowID: "rem",
		Legs: []ledger.Leg{{From: a, To: b, Amount: 30}, {From: b, To: ledger.FeeIncome, Amount: 1}}}) // 4
	book(t, s, ledger.Command{Op: ledger.OpHold, Ref: "h", Kind: ledger.Withdrawal, From: a, To: ledger.InTransit, Amount: 50, FlowID: "wdr"}) // 5
	book(t, s, ledger.Command{Op: ledger.OpCapture, Ref: "c", HoldRef: "h"})                                                                   // 6
	book(t, s, post("none", ledger.BankFloat, ledger.Suspense, 7))                                                                             // 7

	want := []money.JournalLine{
		{Seq: 3, Line: 1, AccountID: a, Amount: 100, Kind: ledger.TopUp, FlowID: "top"},
		{Seq: 4, Line: 0, AccountID: a, Amount: -30, Kind: ledger.Remittance, FlowID: "rem"},
		{Seq: 4, Line: 1, AccountID: b, Amount: 30, Kind: ledger.Remittance, FlowID: "rem"},
		{Seq: 4, Line: 2, AccountID: b, Amount: -1, Kind: ledger.Remittance, FlowID: "rem"},
		{Seq: 6, Line: 0, AccountID: a, Amount: -50, Kind: ledger.Withdrawal, FlowID: "wdr"},
	}
	for limit := 1; limit <= 8; limit++ { // a page never ends within a posting, whatever its size
		var all []money.JournalLine
		for after := int64(0); after < 7; {
			before := p.statements.Load()
			lines, last, err := s.Journal(t.Context(), after, limit)
			require.NoError(t, err)
			require.EqualValues(t, 2, p.statements.Load()-before)
			require.Equal(t, min(after+int64(limit), 7), last)
			all, after = append(all, lines...), last
		}
		for i := range all {
			require.False(t, all[i].At.IsZero())
			all[i].At = time.Time{}
		}
		require.Equal(t, want, all)
	}
	lines, last, err = s.Journal(t.Context(), 7, 10)
	require.NoError(t, err)
	require.Empty(t, lines)
	require.EqualValues(t, 7, last)
	head, err := s.JournalHead(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 7, head)
	for _, limit := range []int{0, money.MaxJournal + 1} {
		_, _, err = s.Journal(t.Context(), 0, limit)
		require.ErrorIs(t, err, errs.InvalidRequest)
	}
}

// Whoever reads on while others post, sees each line once: their sum is what is in the books.
func TestAReaderOfTheJournalMissesNothing(t *testing.T) {
	const writers, postings = 6, 20
	db, first, second := newBooks(t)
	wallet := ledger.WalletAccount("anna")
	requireDone(t, do(t, first, open("anna", ledger.MaxBalance)))
	var writing errgroup.Group
	for w := range writers {
		l := []*ledger.Ledger{first, second}[w%2]
		writing.Go(func() error {
			for n := range postings {
				ref := fmt.Sprintf("p/%d/%d", w, n)
				if _, err := l.Do(t.Context(), []ledger.Command{post(ref, ledger.BankFloat, wallet, int64(1+n))}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var sum, after int64
	store := moneydb.New(db)
	for after < 1+writers*postings {
		lines, last, err := store.Journal(t.Context(), after, 3)
		require.NoError(t, err)
		for _, l := range lines {
			require.Equal(t, wallet, l.AccountID)
			sum += l.Amount
		}
		after = last
	}
	require.NoError(t, writing.Wait())
	require.EqualValues(t, writers*postings*(postings+1)/2, sum)
}
