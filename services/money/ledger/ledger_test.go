package ledger_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/services/money/ledger"
	"durapay/services/money/ledger/ledgertest"
)

func TestRandomCommandsAsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := newMemory()
		ledgertest.Run(t, ledger.New(store, time.Now), "m", 0, func(m *ledgertest.Model) {
			require.NoError(t, store.books().Check())
			requireModel(t, m, store.accounts)
		})
	})
}

func requireModel(t require.TestingT, m *ledgertest.Model, accounts map[string]ledger.Account) {
	for id, want := range m.Accounts {
		got := accounts[id]
		require.Equal(t, *want, func() ledgertest.Account {
			c := *want // what the model alone knows stays
			c.Floor, c.Ceiling, c.Balance, c.Out, c.In = got.Floor, got.Ceiling, got.Balance, got.PendingOut, got.PendingIn
			return c
		}(), id)
	}
}

// books gives a ledger with an opened, filled wallet "a" and an empty one "b".
func books(t *testing.T) (*ledger.Ledger, *memory) {
	t.Helper()
	store := newMemory()
	l := ledger.New(store, time.Now)
	requireDone(t, do(t, l,
		open("a"), open("b"),
		post("fill", ledger.Leg{From: ledger.BankFloat, To: a, Amount: 1000})))
	return l, store
}

const a, b = "wallet/a", "wallet/b"

func open(member string) ledger.Command {
	return ledger.Command{Op: ledger.OpOpen, Ref: "open/" + member, AccountID: ledger.WalletAccount(member), AccountKind: ledger.KindWallet, Ceiling: 2000}
}

func post(ref string, legs ...ledger.Leg) ledger.Command {
	return ledger.Command{Op: ledger.OpPost, Ref: ref, Kind: ledger.TopUp, Legs: legs}
}

func hold(ref string, amount int64) ledger.Command {
	return ledger.Command{Op: ledger.OpHold, Ref: ref, Kind: ledger.Withdrawal, From: a, To: ledger.InTransit, Amount: amount, FlowID: "f", Detail: "acc_1"}
}

func do(t *testing.T, l *ledger.Ledger, cmds ...ledger.Command) []ledger.Result {
	t.Helper()
	results, err := l.Do(t.Context(), cmds)
	require.NoError(t, err)
	return results
}

func requireDone(t *testing.T, results []ledger.Result) {
	t.Helper()
	for _, r := range results {
		require.True(t, r.Done(), "%+v", r)
	}
}

func TestRefusalsSayHowMuch(t *testing.T) {
	l, _ := books(t)
	r := do(t, l, hold("h", 300),
		post("p1", ledger.Leg{From: a, To: b, Amount: 701}),
		post("p2", ledger.Leg{From: ledger.BankFloat, To: a, Amount: 1001}),
		post("p3", ledger.Leg{From: a, To: "wallet/none", Amount: 1}))
	require.True(t, r[0].Done())
	require.Equal(t, errs.InsufficientBalance.Code, r[1].Refusal.Code)
	require.Equal(t, map[string]string{"available": "700", "needed": "701"}, r[1].Refusal.Params)
	require.Equal(t, errs.BalanceLimit.Code, r[2].Refusal.Code)
	require.Equal(t, map[string]string{"limit": "2000", "room": "1000"}, r[2].Refusal.Params)
	require.Equal(t, errs.WalletNotFound.Code, r[3].Refusal.Code)
}

func TestLegsSucceedOrFailTogether(t *testing.T) {
	l, store := books(t)
	r := do(t, l, post("p",
		ledger.Leg{From: a, To: b, Amount: 600},
		ledger.Leg{From: b, To: ledger.InTransit, Amount: 600},
		ledger.Leg{From: a, To: b, Amount: 401}))
	require.Equal(t, errs.InsufficientBalance.Code, r[0].Refusal.Code)
	require.Equal(t, int64(1000), store.accounts[a].Balance)
	require.Len(t, store.postings, 3)
	require.NoError(t, store.books().Check())
}

func TestOneBatchHoldsCapturesAndRepeats(t *testing.T) {
	l, store := books(t)
	capture := ledger.Command{Op: ledger.OpCapture, Ref: "c", HoldRef: "h", Amount: 400}
	r := do(t, l, hold("h", 500), capture, hold("h", 500), capture,
		ledger.Command{Op: ledger.OpRelease, Ref: "r", HoldRef: "h"}, hold("h", 501))
	require.Equal(t, int64(400), r[1].Amount)
	require.True(t, r[2].Replayed && r[3].Replayed)
	require.Equal(t, r[1].Seq, r[3].Seq)
	require.Equal(t, errs.LedgerHoldClosed.Code, r[4].Refusal.Code)
	require.Equal(t, errs.LedgerReferenceReused.Code, r[5].Refusal.Code)
	require.Equal(t, int64(600), store.accounts[a].Balance)
	require.Zero(t, store.accounts[a].PendingOut)
	last := store.postings[len(store.postings)-1]
	require.Equal(t, []string{"WITHDRAWAL", "f", "acc_1"}, []string{string(last.Kind), last.FlowID, last.Detail}, "taken from the hold")
}

func TestReleaseThatOvertakesItsHold(t *testing.T) {
	l, store := books(t)
	release := ledger.Command{Op: ledger.OpRelease, Ref: "h/release", HoldRef: "h"}
	requireDone(t, do(t, l, release))
	r := do(t, l, hold("h", 10), release)
	require.Equal(t, errs.LedgerHoldClosed.Code, r[0].Refusal.Code)
	require.True(t, r[1].Replayed)
	require.Zero(t, store.accounts[a].PendingOut)
}

func TestExpiry(t *testing.T) {
	l, store := books(t)
	now := time.Now()
	due, later := hold("due", 10), hold("later", 20)
	due.ExpiresAt, later.ExpiresAt = now, now.Add(time.Hour)
	requireDone(t, do(t, l, due, later, hold("never", 30)))
	for _, want := range []int{1, 0} {
		n, err := l.ExpireHolds(t.Context(), now, 10)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	r := do(t, l, ledger.Command{Op: ledger.OpCapture, Ref: "c", HoldRef: "due"})
	require.Equal(t, errs.LedgerHoldClosed.Code, r[0].Refusal.Code)
	require.Equal(t, int64(50), store.accounts[a].PendingOut)
	require.NoError(t, store.books().Check())
}

func TestLostReplyOfACommit(t *testing.T) {
	l, store := books(t)
	store.fail = errs.ServiceUnavailable
	p := post("p", ledger.Leg{From: a, To: b, Amount: 1})
	_, err := l.Do(t.Context(), []ledger.Command{p})
	require.ErrorIs(t, err, errs.ServiceUnavailable)
	r := do(t, l, p)
	require.True(t, r[0].Done() && r[0].Replayed)
	require.Equal(t, int64(999), store.accounts[a].Balance)
}

func TestMalformedCommandsCostNoTurn(t *testing.T) {
	l, store := books(t)
	turns := store.turns
	leg := ledger.Leg{From: a, To: b, Amount: 1}
	for name, c := range map[string]ledger.Command{
		"no op":           {Ref: "x"},
		"no ref":          {Op: ledger.OpPost, Kind: "K", Legs: []ledger.Leg{leg}},
		"long ref":        {Op: ledger.OpPost, Ref: strings.Repeat("x", 129), Kind: "K", Legs: []ledger.Leg{leg}},
		"ref with space":  {Op: ledger.OpPost, Ref: "a b", Kind: "K", Legs: []ledger.Leg{leg}},
		"no kind":         {Op: ledger.OpPost, Ref: "x", Legs: []ledger.Leg{leg}},
		"no legs":         {Op: ledger.OpPost, Ref: "x", Kind: "K"},
		"to itself":       post("x", ledger.Leg{From: a, To: a, Amount: 1}),
		"zero":            post("x", ledger.Leg{From: a, To: b}),
		"negative":        post("x", ledger.Leg{From: a, To: b, Amount: math.MinInt64}),
		"overflow":        post("x", ledger.Leg{From: a, To: b, Amount: math.MaxInt64}),
		"overflowing sum": post("x", ledger.Leg{From: a, To: b, Amount: ledger.MaxAmount}, leg),
		"bad detail":      {Op: ledger.OpPost, Ref: "x", Kind: "K", Legs: []ledger.Leg{leg}, Detail: "\xff"},
		"capture itself":  {Op: ledger.OpCapture, Ref: "x", HoldRef: "x"},
		"negative floor":  {Op: ledger.OpOpen, Ref: "x", AccountID: "wallet/z", AccountKind: ledger.KindWallet, Floor: -1},
		"wallet as bank":  {Op: ledger.OpOpen, Ref: "x", AccountID: "wallet/z", AccountKind: ledger.KindBank},
	} {
		r := do(t, l, c)
		require.False(t, r[0].Done(), name)
	}
	require.Equal(t, turns, store.turns)
}

func TestResultsKeepTheirPlacesAmongMalformedOnes(t *testing.T) {
	l, _ := books(t)
	r := do(t, l, ledger.Command{Ref: "bad"}, post("ok", ledger.Leg{From: a, To: b, Amount: 1}), ledger.Command{Ref: "worse"})
	require.Equal(t, []bool{false, true, false}, []bool{r[0].Done(), r[1].Done(), r[2].Done()})
	require.Equal(t, "ok", r[1].Ref)
}

func TestManyCommandsOfOneCaller(t *testing.T) {
	l, store := books(t)
	var cmds []ledger.Command
	for i := range 450 {
		cmds = append(cmds, post("bulk"+strings.Repeat("x", i%100)+time.Duration(i).String(), ledger.Leg{From: a, To: b, Amount: 1}))
	}
	requireDone(t, do(t, l, cmds...))
	require.Equal(t, int64(550), store.accounts[a].Balance)
	require.NoError(t, store.books().Check())
}

func TestClocksThatDifferDoNotTurnBackTheJournal(t *testing.T) {
	_, store := books(t)
	behind := ledger.New(store, func() time.Time { return time.Unix(0, 0) })
	requireDone(t, do(t, behind, post("p", ledger.Leg{From: a, To: b, Amount: 1})))
	require.NoError(t, store.books().Check())
}

func TestTamperingIsSeen(t *testing.T) {
	_, store := books(t)
	clean := store.books()
	require.NoError(t, clean.Check())
	tampered := clean
	tampered.Postings = append([]ledger.Posting(nil), clean.Postings...)
	tampered.Postings[2].Detail = "other"
	require.ErrorContains(t, tampered.Check(), "hash does not verify")
	cut := clean
	cut.Batches = nil
	require.Error(t, cut.Check())
}

func TestCommandsAndResultsTravelAsJSON(t *testing.T) {
	c := hold("h", 5)
	c.ExpiresAt = time.Date(2026, 5, 1, 0, 0, 0, 1000, time.UTC)
	text, err := json.Marshal(c)
	require.NoError(t, err)
	var back ledger.Command
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, c, back)

	l, _ := books(t)
	for _, r := range do(t, l, c, hold("i", 5000)) {
		text, err := json.Marshal(r)
		require.NoError(t, err)
		var same ledger.Result
		require.NoError(t, json.Unmarshal(text, &same))
		require.Equal(t, r, same)
	}
}

func TestErrorOfTheStoreReachesEveryCaller(t *testing.T) {
	store := newMemory()
	store.fail = errors.New("disk on fire")
	_, err := ledger.New(store, time.Now).Do(t.Context(), []ledger.Command{open("a")})
	require.ErrorContains(t, err, "disk on fire")
}
