package remittance

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
)

var (
	sender   = id.Derive(id.Member, "sender")
	receiver = id.Derive(id.Member, "receiver")
)

func TestCheck(t *testing.T) {
	good := Remittance{ID: id.New(id.Remittance), SenderID: sender, To: Receiver{MembershipID: receiver}, Amount: MaxPerTransfer, Memo: strings.Repeat("밥", 100)}
	require.Nil(t, check(good, MaxPerTransfer))
	require.Nil(t, wellFormed(good))
	for name, c := range map[string]struct {
		change  func(*Remittance)
		want    *errs.Error
		pointer string
	}{
		"self":            {func(r *Remittance) { r.To.MembershipID = sender }, errs.SelfTransfer, ""},
		"over the limit":  {func(r *Remittance) { r.Amount++ }, errs.TransferLimit, ""},
		"zero":            {func(r *Remittance) { r.Amount = 0 }, errs.InvalidRequest, "/amount"},
		"negative":        {func(r *Remittance) { r.Amount = math.MinInt64 }, errs.InvalidRequest, "/amount"},
		"absurd":          {func(r *Remittance) { r.Amount = math.MaxInt64 }, errs.InvalidRequest, "/amount"},
		"nobody":          {func(r *Remittance) { r.To.MembershipID = "" }, errs.InvalidRequest, "/to/membershipId"},
		"no member":       {func(r *Remittance) { r.To.MembershipID = "mem_1" }, errs.InvalidRequest, "/to/membershipId"},
		"long memo":       {func(r *Remittance) { r.Memo += "밥" }, errs.InvalidRequest, "/memo"},
		"broken memo":     {func(r *Remittance) { r.Memo = "\xff" }, errs.InvalidRequest, "/memo"},
		"no bank account": {func(r *Remittance) { r.AutoTopUpAccountID = "acc" }, errs.InvalidRequest, "/autoTopUp/bankAccountId"},
	} {
		r := good
		c.change(&r)
		got := check(r, MaxPerTransfer)
		require.NotNil(t, got, name)
		require.Equal(t, c.want.Code, got.Code, name)
		if c.pointer != "" {
			require.Equal(t, c.pointer, got.Fields[0].Pointer, name)
		}
	}
	over := good
	over.Amount = 11
	require.Equal(t, map[string]string{"limit": "10"}, check(over, 10).Params)
}

func TestAutoTopUpAmount(t *testing.T) {
	const largest = math.MaxInt64 / 10_000 * 10_000
	for short, want := range map[int64]int64{
		math.MinInt64: 0, -1: 0, 0: 0, 1: 10_000, 9_999: 10_000, 10_000: 10_000, 10_001: 20_000,
		largest: largest, largest + 1: 0, math.MaxInt64: 0,
	} {
		require.Equal(t, want, AutoTopUpAmount(short), short)
	}
	rapid.Check(t, func(t *rapid.T) {
		short := rapid.Int64Range(1, math.MaxInt64).Draw(t, "short")
		got := AutoTopUpAmount(short)
		unit := big.NewInt(10_000)
		want := new(big.Int).Add(big.NewInt(short), big.NewInt(9_999))
		want.Div(want, unit).Mul(want, unit)
		if !want.IsInt64() {
			want.SetInt64(0)
		}
		require.Equal(t, want.Int64(), got)
	})
}

func TestWhoSeesWhat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Remittance{SenderID: sender, To: Receiver{MembershipID: receiver}, AutoTopUpAccountID: "acc", TopUpID: "top", Fingerprint: "f",
			State: rapid.SampledFrom([]record.State{record.Requested, record.Waiting, record.Succeeded, record.Failed, record.Cancelled}).Draw(t, "state")}
		for _, who := range []string{"", sender} {
			seen, visible := r.seenBy(who)
			require.True(t, visible)
			require.Equal(t, r, seen)
		}
		seen, visible := r.seenBy(receiver)
		require.Equal(t, r.State == record.Succeeded, visible)
		require.Empty(t, seen.AutoTopUpAccountID+seen.TopUpID+seen.Fingerprint)
		_, visible = r.seenBy(id.Derive(id.Member, "somebody"))
		require.False(t, visible)
	})
}
