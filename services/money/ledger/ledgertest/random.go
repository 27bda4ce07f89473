package ledgertest

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/services/money/ledger"
)

// Run sends random batches to a ledger and compares its answers with the model's. The
// names of its accounts and refs begin with prefix. After each batch it calls check
// with the model.
func Run(t *rapid.T, l *ledger.Ledger, prefix string, lastSeq int64, check func(*Model)) {
	r := &random{t: t, prefix: prefix, model: NewModel(lastSeq)}
	r.send(l, r.openings())
	steps := rapid.IntRange(1, 12).Draw(t, "steps")
	for range steps {
		cmds := make([]ledger.Command, rapid.IntRange(1, 12).Draw(t, "size"))
		for i := range cmds {
			cmds[i] = r.command()
		}
		r.send(l, cmds)
		check(r.model)
	}
}

type random struct {
	t      *rapid.T
	prefix string
	model  *Model
	refs   int
	sent   []ledger.Command
	opens  []string
	holds  []string
}

func (r *random) openings() []ledger.Command {
	cmds := []ledger.Command{ledger.OpenUnbounded(r.ref(), r.franchise(), ledger.KindPayable)}
	for n := range 3 { // the fourth wallet is not opened yet
		cmds = append(cmds, r.opening(n))
	}
	for n := range 2 {
		cmds = append(cmds, ledger.Command{Op: ledger.OpPost, Ref: r.ref(), Kind: ledger.TopUp,
			Legs: []ledger.Leg{{From: ledger.BankFloat, To: r.wallet(n), Amount: 900}}})
	}
	return cmds
}

func (r *random) opening(n int) ledger.Command {
	ref := r.ref()
	r.opens = append(r.opens, ref)
	return ledger.Command{Op: ledger.OpOpen, Ref: ref, AccountID: r.wallet(n), AccountKind: ledger.KindWallet, Ceiling: 2000}
}

func (r *random) send(l *ledger.Ledger, cmds []ledger.Command) {
	results, err := l.Do(context.Background(), cmds)
	require.NoError(r.t, err)
	require.Len(r.t, results, len(cmds))
	for i, c := range cmds {
		want := r.model.Do(c)
		got := Expected{Code: results[i].Refusal.Code, Replayed: results[i].Replayed, Seq: results[i].Seq, Amount: results[i].Amount}
		require.Equal(r.t, want, got, "command %d: %+v", i, c)
		require.Equal(r.t, c.Ref, results[i].Ref)
	}
	r.sent = append(r.sent, cmds...)
}

func (r *random) command() ledger.Command {
	switch rapid.SampledFrom([]string{
		"post", "post", "post", "hold", "hold", "close", "close", "close", "again", "again", "other", "open", "ceiling", "shut",
	}).Draw(r.t, "what") {
	case "post":
		c := ledger.Command{Op: ledger.OpPost, Ref: r.ref(), Kind: ledger.Remittance, FlowID: "flow"}
		for range rapid.IntRange(1, 3).Draw(r.t, "legs") {
			from, to := r.pair()
			c.Legs = append(c.Legs, ledger.Leg{From: from, To: to, Amount: r.amount()})
		}
		return c
	case "hold":
		from, to := r.pair()
		c := ledger.Command{Op: ledger.OpHold, Ref: r.ref(), Kind: ledger.Withdrawal, From: from, To: to, Amount: r.amount()}
		if rapid.Bool().Draw(r.t, "expires") {
			c.ExpiresAt = base.Add(time.Duration(rapid.IntRange(0, 10).Draw(r.t, "due")) * time.Second)
		}
		r.holds = append(r.holds, c.Ref)
		return c
	case "close":
		return r.closing()
	case "again":
		return rapid.SampledFrom(r.sent).Draw(r.t, "again")
	case "other":
		c := r.closing()
		c.Ref = rapid.SampledFrom(r.sent).Draw(r.t, "reused").Ref
		if c.Ref == c.HoldRef {
			c.HoldRef = r.ref()
		}
		return c
	case "open":
		return r.opening(rapid.IntRange(0, 3).Draw(r.t, "wallet"))
	case "ceiling":
		return ledger.Command{Op: ledger.OpCeiling, Ref: r.ref(), AccountID: r.wallet(rapid.IntRange(0, 3).Draw(r.t, "wallet")),
			Ceiling: rapid.Int64Range(0, 4000).Draw(r.t, "ceiling")}
	default:
		return ledger.Command{Op: ledger.OpClose, Ref: r.ref(), OpenRef: r.refOrLater(r.opens)}
	}
}

// base is when the holds expire, give or take.
var base = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

func (r *random) closing() ledger.Command {
	c := ledger.Command{Ref: r.ref(), HoldRef: r.refOrLater(r.holds)}
	c.Op = rapid.SampledFrom([]ledger.Op{ledger.OpCapture, ledger.OpCapture, ledger.OpRelease, ledger.OpExpire}).Draw(r.t, "op")
	if c.Op == ledger.OpCapture {
		c.Amount = rapid.SampledFrom([]int64{0, 0, 1, 50, 500, -1}).Draw(r.t, "captured")
	}
	if c.Op == ledger.OpExpire {
		c.ExpiresAt = base.Add(time.Duration(rapid.IntRange(0, 10).Draw(r.t, "now")) * time.Second)
	}
	return c
}

// refOrLater gives one of the refs, or one that only a later command will use.
func (r *random) refOrLater(refs []string) string {
	if len(refs) == 0 || rapid.IntRange(0, 5).Draw(r.t, "early") == 0 {
		return fmt.Sprintf("%s/r%d", r.prefix, r.refs+rapid.IntRange(1, 3).Draw(r.t, "ahead"))
	}
	return rapid.SampledFrom(refs).Draw(r.t, "target")
}

func (r *random) pair() (from, to string) {
	all := []string{r.wallet(0), r.wallet(1), r.wallet(2), r.wallet(3), r.franchise(), ledger.BankFloat}
	two := rapid.Permutation(all).Draw(r.t, "accounts")
	return two[0], two[1]
}

func (r *random) amount() int64 {
	if rapid.IntRange(0, 9).Draw(r.t, "edge") == 0 {
		return rapid.SampledFrom([]int64{0, -1, math.MinInt64, math.MaxInt64, ledger.MaxAmount, ledger.MaxAmount + 1, 2000, 2001}).Draw(r.t, "amount")
	}
	return rapid.Int64Range(1, 700).Draw(r.t, "amount")
}

func (r *random) ref() string {
	r.refs++
	return fmt.Sprintf("%s/r%d", r.prefix, r.refs)
}

func (r *random) wallet(n int) string { return ledger.WalletAccount(fmt.Sprintf("%s%d", r.prefix, n)) }
func (r *random) franchise() string   { return ledger.FranchisePayable(r.prefix) }
