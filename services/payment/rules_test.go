package payment

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
)

func TestCheck(t *testing.T) {
	good := NewPayment{ID: id.New(id.Payment), MembershipID: id.New(id.Member), FranchiseID: id.New(id.Franchise), OrderID: strings.Repeat("~", 64),
		Amount: MaxAmount, TaxFreeAmount: MaxAmount, AutoTopUpAccountID: id.New(id.BankAccount)}
	require.Nil(t, check(good, MaxAmount))
	require.Nil(t, wellFormed(good))
	for name, c := range map[string]struct {
		change  func(*NewPayment)
		pointer string
	}{
		"over the limit":  {func(n *NewPayment) { n.Amount++ }, "/amount"},
		"zero":            {func(n *NewPayment) { n.Amount = 0 }, "/amount"},
		"negative":        {func(n *NewPayment) { n.Amount = math.MinInt64 }, "/amount"},
		"absurd":          {func(n *NewPayment) { n.Amount = math.MaxInt64 }, "/amount"},
		"negative free":   {func(n *NewPayment) { n.TaxFreeAmount = -1 }, "/taxFreeAmount"},
		"more free":       {func(n *NewPayment) { n.TaxFreeAmount++ }, "/taxFreeAmount"},
		"nobody":          {func(n *NewPayment) { n.FranchiseID = "" }, "/franchiseId"},
		"no franchise":    {func(n *NewPayment) { n.FranchiseID = id.New(id.Member) }, "/franchiseId"},
		"no order":        {func(n *NewPayment) { n.OrderID = "" }, "/orderId"},
		"long order":      {func(n *NewPayment) { n.OrderID += "~" }, "/orderId"},
		"a space":         {func(n *NewPayment) { n.OrderID = "a b" }, "/orderId"},
		"not ASCII":       {func(n *NewPayment) { n.OrderID = "주문" }, "/orderId"},
		"not text":        {func(n *NewPayment) { n.OrderID = "\xff" }, "/orderId"},
		"no bank account": {func(n *NewPayment) { n.AutoTopUpAccountID = "acc" }, "/autoTopUp/bankAccountId"},
	} {
		n := good
		c.change(&n)
		got := check(n, MaxAmount)
		require.NotNil(t, got, name)
		require.ErrorIs(t, got, errs.InvalidRequest, name)
		require.Equal(t, c.pointer, got.Fields[0].Pointer, name)
	}
	over := good
	over.Amount = MaxAmount + 1
	require.Nil(t, wellFormed(over), "a refusal is on record")
	for _, bad := range []NewPayment{{}, {ID: good.ID}, {ID: good.ID, MembershipID: good.MembershipID, Fingerprint: strings.Repeat("f", 129)}} {
		require.NotNil(t, wellFormed(bad))
	}
}

func TestCheckCancel(t *testing.T) {
	good := NewCancel{ID: id.New(id.Cancel), PaymentID: id.New(id.Payment), Reason: strings.Repeat("밥", 200)}
	require.Nil(t, wellFormedCancel(good))
	for name, c := range map[string]struct {
		change  func(*NewCancel)
		pointer string
	}{
		"negative":     {func(n *NewCancel) { n.Amount = -1 }, "/amount"},
		"absurd":       {func(n *NewCancel) { n.Amount = math.MaxInt64 }, "/amount"},
		"no reason":    {func(n *NewCancel) { n.Reason = "" }, "/reason"},
		"long reason":  {func(n *NewCancel) { n.Reason += "밥" }, "/reason"},
		"not text":     {func(n *NewCancel) { n.Reason = "\xff" }, "/reason"},
		"no id":        {func(n *NewCancel) { n.ID = "" }, "/id"},
		"no franchise": {func(n *NewCancel) { n.FranchiseID = "fra" }, "/franchiseId"},
		"long asker":   {func(n *NewCancel) { n.AskedBy = strings.Repeat("a", 129) }, "/askedBy"},
		"long print":   {func(n *NewCancel) { n.Fingerprint = strings.Repeat("f", 129) }, "/fingerprint"},
	} {
		n := good
		c.change(&n)
		got := wellFormedCancel(n)
		require.NotNil(t, got, name)
		require.Equal(t, c.pointer, got.Fields[0].Pointer, name)
	}
	good.PaymentID = "x"
	require.ErrorIs(t, wellFormedCancel(good), errs.PaymentNotFound)
}

func TestStatesTellTheSameStoryAsRecords(t *testing.T) {
	for state, want := range map[State]record.State{
		Requested: record.Requested, Processing: record.Processing, Waiting: record.Waiting, Unknown: record.Unknown,
		Approved: record.Succeeded, PartiallyCancelled: record.Succeeded, Cancelled: record.Succeeded, Settled: record.Succeeded,
		Failed: record.Failed,
	} {
		require.True(t, state.Valid())
		require.Equal(t, want, Payment{State: state}.Record(), state)
		require.Equal(t, want == record.Succeeded, state.Reached())
	}
	require.Len(t, States(), 9)
	require.False(t, State("").Valid())
	require.Equal(t, record.Cancelled, Payment{State: Failed, Failure: record.FailureOf(errs.FlowCancelled)}.Record())
}

// A change is made exactly where the record's rules allow the move.
func TestChangesFollowTheRecordsRules(t *testing.T) {
	moves := []record.State{record.Requested, record.Processing, record.Waiting, record.Unknown, record.Succeeded, record.Failed, record.Cancelled, record.Returned}
	for _, to := range moves {
		c := change(Move{Move: record.Move{State: to}})
		for _, from := range States() {
			was := recordOf(from, record.Failure{})
			want := was.CanBecome(to) && !was.Final()
			require.Equal(t, want, slices.Contains(c.From, from), "%s to %s", from, to)
		}
	}
	require.Equal(t, record.FailureOf(errs.FlowCancelled), change(Move{Move: record.Move{State: record.Cancelled}}).Failure)
}

func TestWhoSeesWhat(t *testing.T) {
	member, franchise := id.New(id.Member), id.New(id.Franchise)
	for _, state := range States() {
		p := Payment{MembershipID: member, FranchiseID: franchise, State: state, AutoTopUpAccountID: "acc", TopUpID: "top", Fingerprint: "f"}
		for _, all := range []Scope{{}, {MembershipID: member}} {
			seen, visible := all.sees(p)
			require.True(t, visible)
			require.Equal(t, p, seen)
		}
		for _, none := range []Scope{{MembershipID: "m"}, {FranchiseID: "f"}, {MembershipID: "m", FranchiseID: franchise}, {MembershipID: member, FranchiseID: "f"}} {
			_, visible := none.sees(p)
			require.False(t, visible)
		}
		seen, visible := Scope{FranchiseID: franchise}.sees(p)
		require.Equal(t, state.Reached(), visible)
		require.Empty(t, seen.AutoTopUpAccountID+seen.TopUpID+seen.Fingerprint)
	}
	for _, state := range []record.State{record.Requested, record.Succeeded, record.Failed} {
		c := Cancel{MembershipID: member, FranchiseID: franchise, State: state, AskedBy: "somebody", Fingerprint: "f"}
		for _, all := range []Scope{{}, {FranchiseID: franchise}} {
			seen, visible := all.seesCancel(c)
			require.True(t, visible)
			require.Equal(t, c, seen)
		}
		for _, none := range []Scope{{MembershipID: "m"}, {FranchiseID: "f"}, {MembershipID: member, FranchiseID: "f"}} {
			_, visible := none.seesCancel(c)
			require.False(t, visible)
		}
		seen, visible := Scope{MembershipID: member}.seesCancel(c)
		require.Equal(t, state == record.Succeeded, visible)
		require.Empty(t, seen.AskedBy+seen.Fingerprint)
	}
}

// Cancels applied in any order keep the payment's figures in step with theirs.
func TestApply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		amount, rate := rapid.Int64Range(1, 1_000_000).Draw(t, "amount"), rapid.IntRange(0, 10_000).Draw(t, "rate")
		p := Row{Amount: amount, State: rapid.SampledFrom([]State{Approved, Settled}).Draw(t, "state"), FeeBasisPoints: rate,
			Fee: Fee(amount, rate), VAT: VAT(Fee(amount, rate))}
		was, fee, vat := p.State, p.Fee, p.VAT
		for range 20 {
			c := CancelRow{Amount: rapid.Int64Range(1, amount).Draw(t, "part"), State: record.Processing}
			next, done, err := apply(p, c, at)
			if c.Amount > p.Amount-p.CancelledAmount {
				require.ErrorIs(t, err, errs.ConcurrentEdit)
				require.Equal(t, p, next)
				continue
			}
			require.NoError(t, err)
			fee, vat = fee-done.Fee, vat-done.VAT
			require.Equal(t, Fee(amount-next.CancelledAmount, rate), fee)
			require.Equal(t, VAT(fee), vat)
			again, same, err := apply(next, done, at.Add(time.Second))
			require.NoError(t, err)
			require.Equal(t, next, again)
			require.Equal(t, done, same)
			p = next
			require.Equal(t, p.CancelledAmount == amount, p.State == Cancelled)
			if p.State != Cancelled {
				require.Equal(t, was == Settled, p.State == Settled)
			}
		}
	})
}
