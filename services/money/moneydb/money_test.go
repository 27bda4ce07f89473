package moneydb_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"durapay/errs"
	"durapay/internal/devenv/devtest"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/schema"
	"durapay/services/money"
	"durapay/services/money/ledger"
	"durapay/services/money/moneydb"
)

// newMoney gives a service on a fresh database, reached through a proxy that counts
// the statements, and a clock that ticks a second at each look.
func newMoney(t *testing.T) (*money.Service, *proxy) {
	t.Helper()
	config := devtest.DatabaseConfig(t, schema.FS("money"))
	p := newProxy(t, config.Address)
	config.Address = p.address()
	db := connect(t, config)
	var ticks atomic.Int64
	now := func() time.Time {
		return time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(ticks.Add(1)) * time.Second)
	}
	return money.New(moneydb.New(db), ledger.New(moneydb.NewLedger(db), now), money.Options{Now: now}), p
}

func member(n string) string { return id.Derive(id.Member, n) }

func openWallet(t *testing.T, s *money.Service, membershipID string, verified bool) {
	t.Helper()
	failures, err := s.OpenWallets(t.Context(), []money.OpenWallet{{MembershipID: membershipID, Verified: verified, OnceRef: "reg/" + membershipID}})
	require.NoError(t, err)
	require.Equal(t, []record.Failure{{}}, failures)
}

func book(t *testing.T, s *money.Service, cmds ...ledger.Command) {
	t.Helper()
	results, err := s.Post(t.Context(), cmds)
	require.NoError(t, err)
	requireDone(t, results)
}

func TestWalletOpensOnce(t *testing.T) {
	s, _ := newMoney(t)
	anna, bert := member("anna"), member("bert")
	openWallet(t, s, anna, false)
	openWallet(t, s, anna, false) // the same ref
	failures, err := s.OpenWallets(t.Context(), []money.OpenWallet{
		{MembershipID: anna, OnceRef: "reg/other"}, {MembershipID: bert, Verified: true, OnceRef: "reg/other"}})
	require.NoError(t, err)
	require.Equal(t, errs.WalletExists.Code, failures[0].Code)
	require.False(t, failures[1].Is())

	w, err := s.Balance(t.Context(), anna)
	require.NoError(t, err)
	require.Equal(t, money.LimitUnverified, w.Limit)
	require.False(t, w.CreatedAt.IsZero())
	w.CreatedAt = time.Time{}
	require.Equal(t, money.Wallet{MembershipID: anna, Limit: 500_000, Currency: "KRW"}, w)
	w, err = s.Balance(t.Context(), bert)
	require.NoError(t, err)
	require.Equal(t, money.LimitVerified, w.Limit)
	_, err = s.Balance(t.Context(), member("nobody"))
	require.ErrorIs(t, err, errs.WalletNotFound)
}

func TestUnusedWalletCloses(t *testing.T) {
	s, _ := newMoney(t)
	anna, bert, late := member("anna"), member("bert"), member("late")
	openWallet(t, s, anna, false)
	openWallet(t, s, bert, false)
	book(t, s, post("fund", ledger.BankFloat, ledger.WalletAccount(bert), 5))

	require.NoError(t, s.CloseUnusedWallets(t.Context(), []string{anna}, "reg/other"), "another ref's wallet is not touched")
	_, err := s.Balance(t.Context(), anna)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, s.CloseUnusedWallets(t.Context(), []string{anna}, "reg/"+anna))
		_, err = s.Balance(t.Context(), anna)
		require.ErrorIs(t, err, errs.WalletNotFound)
	}
	require.ErrorIs(t, s.CloseUnusedWallets(t.Context(), []string{bert}, "reg/"+bert), errs.LedgerAccountUsed)
	require.False(t, errs.Retryable(errs.LedgerAccountUsed))

	require.NoError(t, s.CloseUnusedWallets(t.Context(), []string{late}, "reg/"+late))
	failures, err := s.OpenWallets(t.Context(), []money.OpenWallet{{MembershipID: late, OnceRef: "reg/" + late}})
	require.NoError(t, err)
	require.True(t, failures[0].Is(), "an opening that arrives after its undo is refused")

	failures, err = s.OpenWallets(t.Context(), []money.OpenWallet{{MembershipID: anna, OnceRef: "reg/again"}})
	require.NoError(t, err)
	require.False(t, failures[0].Is(), "a closed wallet can be opened anew")
}

func TestLimitIsRaisedAndNeverLowered(t *testing.T) {
	s, _ := newMoney(t)
	anna := member("anna")
	openWallet(t, s, anna, false)
	for _, verified := range []bool{false, true, true, false} {
		require.NoError(t, s.RaiseLimit(t.Context(), anna, verified))
	}
	w, err := s.Balance(t.Context(), anna)
	require.NoError(t, err)
	require.Equal(t, money.LimitVerified, w.Limit)
	require.ErrorIs(t, s.RaiseLimit(t.Context(), member("nobody"), true), errs.WalletNotFound)
}

func TestHistoryAndPastBalances(t *testing.T) {
	s, _ := newMoney(t)
	anna, bert := member("anna"), member("bert")
	a, b := ledger.WalletAccount(anna), ledger.WalletAccount(bert)
	before := time.Date(2026, 4, 30, 0, 0, 0, 0, time.UTC)
	openWallet(t, s, anna, false)
	openWallet(t, s, bert, false)
	topUp := ledger.Command{Op: ledger.OpPost, Ref: "top/1", Kind: ledger.TopUp, FlowID: "top", Detail: "acc_1",
		Legs: []ledger.Leg{{From: ledger.BankFloat, To: a, Amount: 100}}}
	book(t, s, topUp)
	book(t, s, post("rem/1", a, b, 30))
	book(t, s, ledger.Command{Op: ledger.OpHold, Ref: "wdr/hold", Kind: ledger.Withdrawal, From: a, To: ledger.InTransit, Amount: 50, FlowID: "wdr", Detail: "acc_2"})

	w, err := s.Balance(t.Context(), anna)
	require.NoError(t, err)
	require.Equal(t, []int64{70, 50, 20}, []int64{w.Balance, w.Held, w.Available})
	book(t, s, ledger.Command{Op: ledger.OpCapture, Ref: "wdr/done", HoldRef: "wdr/hold"})

	var lines []money.Transaction
	next := ""
	for more := true; more; more = next != "" {
		request, err := page.Parse(next, 1)
		require.NoError(t, err)
		p, err := s.History(t.Context(), anna, request)
		require.NoError(t, err)
		lines, next = append(lines, p.Items...), p.Next
	}
	require.Len(t, lines, 3)
	for i, want := range []money.Transaction{
		{ID: "wdr/done", Kind: money.Withdrawal, FlowID: "wdr", Amount: -50, BalanceAfter: 20, Counterparty: "acc_2", At: lines[0].At},
		{ID: "rem/1", Kind: money.RemittanceSent, Amount: -30, BalanceAfter: 70, Counterparty: bert, At: lines[1].At},
		{ID: "top/1", Kind: money.TopUp, FlowID: "top", Amount: 100, BalanceAfter: 100, Counterparty: "acc_1", At: lines[2].At},
	} {
		require.Equal(t, want, lines[i])
		at, err := s.BalanceAt(t.Context(), anna, lines[i].At)
		require.NoError(t, err)
		require.Equal(t, want.BalanceAfter, at.Balance)
		require.Zero(t, at.Held)
	}
	received, err := s.History(t.Context(), bert, page.Request{Limit: 5})
	require.NoError(t, err)
	require.Equal(t, money.RemittanceReceived, received.Items[0].Kind)
	require.Equal(t, anna, received.Items[0].Counterparty)

	for _, at := range []time.Time{before, {}, time.Date(999, 12, 31, 0, 0, 0, 0, time.UTC)} {
		_, err = s.BalanceAt(t.Context(), anna, at)
		require.ErrorIs(t, err, errs.WalletNotFound, at)
	}
	distant, err := s.BalanceAt(t.Context(), anna, time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	require.Equal(t, lines[0].BalanceAfter, distant.Balance)
	_, err = s.History(t.Context(), member("nobody"), page.Request{Limit: 5})
	require.ErrorIs(t, err, errs.WalletNotFound)
	_, err = s.History(t.Context(), anna, page.Request{After: page.Cursor{ID: "x"}, Limit: 1})
	require.ErrorIs(t, err, errs.InvalidRequest)
}

func request(n string, amount int64) money.Request {
	return money.Request{ID: id.Derive(id.TopUp, n), Type: money.TypeTopUp, MembershipID: member("anna"),
		BankAccountID: id.Derive(id.BankAccount, "anna"), Amount: amount, Fingerprint: fmt.Sprint(amount)}
}

func TestBeginGivesBackWhatIsStored(t *testing.T) {
	s, _ := newMoney(t)
	stored, err := s.Begin(t.Context(), []money.Request{request("1", 100)})
	require.NoError(t, err)
	require.Equal(t, record.Requested, stored[0].State)
	require.False(t, stored[0].CreatedAt.IsZero())
	require.NoError(t, s.Move(t.Context(), []record.Move{{ID: stored[0].ID, State: record.Processing}}))

	again, err := s.Begin(t.Context(), []money.Request{request("2", 7), request("1", 999), request("2", 8)})
	require.NoError(t, err)
	require.Equal(t, []string{"7", "100", "7"}, []string{again[0].Fingerprint, again[1].Fingerprint, again[2].Fingerprint})
	require.Equal(t, record.Processing, again[1].State)
	found, err := s.Find(t.Context(), again[0].ID)
	require.NoError(t, err)
	require.Equal(t, again[0], found)
}

func TestBeginRefusesBadInput(t *testing.T) {
	s, _ := newMoney(t)
	for name, spoil := range map[string]func(*money.Request){
		"zero": func(r *money.Request) { r.Amount = 0 }, "negative": func(r *money.Request) { r.Amount = -1 },
		"too much": func(r *money.Request) { r.Amount = money.MaxAmount + 1 }, "type": func(r *money.Request) { r.Type = "GIFT" },
		"id of another type": func(r *money.Request) { r.Type = money.TypeWithdrawal }, "member": func(r *money.Request) { r.MembershipID = "x" },
		"account": func(r *money.Request) { r.BankAccountID = "" },
	} {
		r := request("1", 5)
		spoil(&r)
		_, err := s.Begin(t.Context(), []money.Request{r})
		require.ErrorIs(t, err, errs.InvalidRequest, name)
	}
}

func TestMoves(t *testing.T) {
	s, _ := newMoney(t)
	_, err := s.Begin(t.Context(), []money.Request{request("1", 100), request("2", 100)})
	require.NoError(t, err)
	one, two := request("1", 0).ID, request("2", 0).ID
	until := time.Date(2026, 5, 1, 0, 30, 0, 0, time.UTC)
	failure := record.Failure{Code: errs.BankInsufficientFunds.Code, Params: map[string]string{"why": `it's "done"?\`}}
	refused := record.Move{ID: two, State: record.Failed, Failure: failure}

	require.NoError(t, s.Move(t.Context(), []record.Move{{ID: one, State: record.Waiting, Until: until}, refused}))
	require.NoError(t, s.Move(t.Context(), []record.Move{{ID: one, State: record.Waiting, Until: until.Add(time.Hour)}}))
	r, err := s.Find(t.Context(), one)
	require.NoError(t, err)
	require.Equal(t, until.Add(time.Hour), r.Until)
	r, err = s.Find(t.Context(), two)
	require.NoError(t, err)
	require.Equal(t, failure, r.Failure)

	// A repeat changes nothing, not even the time.
	require.NoError(t, s.Move(t.Context(), []record.Move{{ID: two, State: record.Failed, Failure: record.Failure{Code: "other"}}}))
	same, err := s.Find(t.Context(), two)
	require.NoError(t, err)
	require.Equal(t, r, same)

	// Several moves of one request keep their order; an illegal one spoils no other.
	err = s.Move(t.Context(), []record.Move{{ID: two, State: record.Succeeded}, {ID: one, State: record.Processing}, {ID: one, State: record.Succeeded}})
	require.ErrorIs(t, err, errs.ConcurrentEdit)
	require.ErrorContains(t, err, two)
	r, err = s.Find(t.Context(), one)
	require.NoError(t, err)
	require.Equal(t, record.Succeeded, r.State)
	require.True(t, r.Until.IsZero())

	require.ErrorIs(t, s.Move(t.Context(), []record.Move{{ID: request("9", 0).ID, State: record.Processing}}), errs.TopUpNotFound)
	require.ErrorIs(t, s.Move(t.Context(), []record.Move{{ID: id.New(id.Withdrawal), State: record.Processing}}), errs.WithdrawalNotFound)
	require.Error(t, s.Move(t.Context(), []record.Move{{ID: one, State: record.Failed}}), "a failure needs a reason")
}

// TestEveryMove holds the store's conditions against record's rule.
func TestEveryMove(t *testing.T) {
	s, _ := newMoney(t)
	all := []record.State{record.Requested, record.Processing, record.Waiting, record.Unknown, record.Succeeded, record.Failed, record.Cancelled, record.Returned}
	paths := map[record.State][]record.State{record.Requested: nil, record.Returned: {record.Succeeded, record.Returned}}
	move := func(rid string, to record.State) error {
		m := record.Move{ID: rid, State: to}
		if to == record.Waiting {
			m.Until = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
		}
		if to == record.Failed {
			m.Failure = record.Failure{Code: "x"}
		}
		return s.Move(t.Context(), []record.Move{m})
	}
	for _, from := range all {
		for _, to := range all[1:] {
			r := request(string(from+to), 1)
			_, err := s.Begin(t.Context(), []money.Request{r})
			require.NoError(t, err)
			path, special := paths[from]
			if !special {
				path = []record.State{from}
			}
			for _, step := range path {
				require.NoError(t, move(r.ID, step))
			}
			err = move(r.ID, to)
			require.Equal(t, from.CanBecome(to) || from.Has(to), err == nil, "%s to %s: %v", from, to, err)
		}
	}
}

func TestRequestsArePaged(t *testing.T) {
	s, _ := newMoney(t)
	for n := range 5 {
		_, err := s.Begin(t.Context(), []money.Request{request(fmt.Sprint(n), int64(n+1))})
		require.NoError(t, err)
	}
	var amounts []int64
	next := ""
	for more := true; more; more = next != "" {
		p, err := page.Parse(next, 2)
		require.NoError(t, err)
		got, err := s.List(t.Context(), member("anna"), money.TypeTopUp, p)
		require.NoError(t, err)
		for _, r := range got.Items {
			amounts = append(amounts, r.Amount)
		}
		next = got.Next
	}
	require.Equal(t, []int64{5, 4, 3, 2, 1}, amounts)
	none, err := s.List(t.Context(), member("anna"), money.TypeWithdrawal, page.Request{Limit: 2})
	require.NoError(t, err)
	require.Empty(t, none.Items)
	_, err = s.Find(t.Context(), id.New(id.Withdrawal))
	require.ErrorIs(t, err, errs.WithdrawalNotFound)
}

func TestManyCallersBeginAndMove(t *testing.T) {
	s, _ := newMoney(t)
	group, ctx := errgroup.WithContext(t.Context())
	for i := range 64 {
		group.Go(func() error {
			mine := request(fmt.Sprint(i/2), 1) // everyone has a twin
			if _, err := s.Begin(ctx, []money.Request{mine}); err != nil {
				return err
			}
			return s.Move(ctx, []record.Move{{ID: mine.ID, State: record.Succeeded}})
		})
	}
	require.NoError(t, group.Wait())
}

// TestRoundTrips holds the numbers that the comments tell. A statement is one round
// trip; begin and commit are statements.
func TestRoundTrips(t *testing.T) {
	s, p := newMoney(t)
	anna, bert := member("anna"), member("bert")
	openWallet(t, s, anna, true)
	openWallet(t, s, bert, true)
	many := make([]ledger.Command, 100)
	for i := range many {
		many[i] = post(fmt.Sprintf("p%d", i), ledger.BankFloat, ledger.WalletAccount(anna), 1)
	}
	hold := ledger.Command{Op: ledger.OpHold, Ref: "h", Kind: ledger.Payment, From: ledger.WalletAccount(anna), To: ledger.InTransit, Amount: 5}
	capture := ledger.Command{Op: ledger.OpCapture, Ref: "c", HoldRef: "h"}
	requests := make([]money.Request, 100)
	moves := make([]record.Move, 100)
	for i := range requests {
		requests[i] = request(fmt.Sprint(i), 1)
		moves[i] = record.Move{ID: requests[i].ID, State: record.Processing}
	}
	send := func(cmds ...ledger.Command) func() error {
		return func() error { _, err := s.Post(t.Context(), cmds); return err }
	}
	for _, step := range []struct {
		what string
		want int64
		do   func() error
	}{
		{"100 postings", 8, send(many...)},
		{"one posting", 8, send(post("p", ledger.BankFloat, ledger.WalletAccount(anna), 1))},
		{"a hold", 8, send(hold)},
		{"a capture", 9, send(capture)},
		{"repeats", 3, send(many...)},
		{"balance", 1, func() error { _, err := s.Balance(t.Context(), anna); return err }},
		{"past balance", 1, func() error { _, err := s.BalanceAt(t.Context(), anna, time.Now()); return err }},
		{"history", 1, func() error { _, err := s.History(t.Context(), anna, page.Request{Limit: 5}); return err }},
		{"begin 100", 1, func() error { _, err := s.Begin(t.Context(), requests); return err }},
		{"begin again", 2, func() error { _, err := s.Begin(t.Context(), requests); return err }},
		{"move 100", 1, func() error { return s.Move(t.Context(), moves) }},
		{"move again", 2, func() error { return s.Move(t.Context(), moves) }},
	} {
		before := p.statements.Load()
		require.NoError(t, step.do(), step.what)
		require.Equal(t, step.want, p.statements.Load()-before, step.what)
	}
}
