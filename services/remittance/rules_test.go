package remittance

import (
	"log/slog"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
)

var (
	sender   = id.Derive(id.Member, "sender")
	receiver = id.Derive(id.Member, "receiver")
	noon     = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC) // in Seoul
)

func TestCheck(t *testing.T) {
	good := Remittance{ID: id.New(id.Remittance), SenderID: sender, To: Receiver{MembershipID: receiver}, Amount: MaxPerTransfer, Memo: strings.Repeat("밥", 100)}
	require.Nil(t, check(good, MaxPerTransfer, noon))
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
		"now":             {func(r *Remittance) { r.ExecuteAt = noon.Add(999) }, errs.InvalidRequest, "/executeAt"},
		"in the past":     {func(r *Remittance) { r.ExecuteAt = noon.Add(-time.Second) }, errs.InvalidRequest, "/executeAt"},
		"too far":         {func(r *Remittance) { r.ExecuteAt = noon.AddDate(1, 0, 0).Add(time.Microsecond) }, errs.InvalidRequest, "/executeAt"},
		"no bank account": {func(r *Remittance) { r.AutoTopUpAccountID = "acc" }, errs.InvalidRequest, "/autoTopUp/bankAccountId"},
	} {
		r := good
		c.change(&r)
		got := check(r, MaxPerTransfer, noon)
		require.NotNil(t, got, name)
		require.Equal(t, c.want.Code, got.Code, name)
		if c.pointer != "" {
			require.Equal(t, c.pointer, got.Fields[0].Pointer, name)
		}
	}
	over := good
	over.Amount = 11
	require.Equal(t, map[string]string{"limit": "10"}, check(over, 10, noon).Params)
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

func account() Receiver {
	return Receiver{BankCode: "088", AccountNumber: "110-1234-567890", HolderName: strings.Repeat("홍", 50)}
}

func TestCheckOfABankAccount(t *testing.T) {
	good := Remittance{SenderID: sender, To: account(), Amount: 1, ExecuteAt: noon.AddDate(1, 0, 0)}
	require.Nil(t, check(good, MaxPerTransfer, noon))
	for name, c := range map[string]struct {
		change  func(*Receiver)
		code    *errs.Error
		pointer string
	}{
		"both":             {func(r *Receiver) { *r = Receiver{MembershipID: receiver, AccountNumber: "1"} }, errs.FieldForbidden, "/to/accountNumber"},
		"member and bank":  {func(r *Receiver) { *r = Receiver{MembershipID: receiver, BankCode: "088"} }, errs.FieldForbidden, "/to/bankCode"},
		"member and name":  {func(r *Receiver) { *r = Receiver{MembershipID: receiver, HolderName: "홍"} }, errs.FieldForbidden, "/to/holderName"},
		"nothing":          {func(r *Receiver) { *r = Receiver{} }, errs.FieldRequired, "/to/membershipId"},
		"blanks":           {func(r *Receiver) { *r = Receiver{BankCode: " ", AccountNumber: " - "} }, errs.FieldRequired, "/to/membershipId"},
		"no bank":          {func(r *Receiver) { r.BankCode = "" }, errs.FieldRequired, "/to/bankCode"},
		"short bank":       {func(r *Receiver) { r.BankCode = "88" }, errs.FieldFormat, "/to/bankCode"},
		"bank of letters":  {func(r *Receiver) { r.BankCode = "KDB" }, errs.FieldFormat, "/to/bankCode"},
		"no number":        {func(r *Receiver) { r.AccountNumber = "--" }, errs.FieldRequired, "/to/accountNumber"},
		"9 digits":         {func(r *Receiver) { r.AccountNumber = "123-456-789" }, errs.FieldFormat, "/to/accountNumber"},
		"17 digits":        {func(r *Receiver) { r.AccountNumber = strings.Repeat("1", 17) }, errs.FieldFormat, "/to/accountNumber"},
		"number of others": {func(r *Receiver) { r.AccountNumber = strings.Repeat("٣", 8) }, errs.FieldFormat, "/to/accountNumber"},
		"nobody":           {func(r *Receiver) { r.HolderName = "\t " }, errs.FieldRequired, "/to/holderName"},
		"long name":        {func(r *Receiver) { r.HolderName += "홍" }, errs.FieldTooLong, "/to/holderName"},
		"control":          {func(r *Receiver) { r.HolderName = "홍\n길동" }, errs.FieldFormat, "/to/holderName"},
		"broken name":      {func(r *Receiver) { r.HolderName = "\xff" }, errs.FieldFormat, "/to/holderName"},
	} {
		r := good
		c.change(&r.To)
		got := check(r, MaxPerTransfer, noon)
		require.NotNil(t, got, name)
		require.Equal(t, []any{c.pointer, c.code.Code}, []any{got.Fields[0].Pointer, got.Fields[0].Code}, name)
	}
	require.Len(t, check(Remittance{To: Receiver{BankCode: "1"}, Amount: 1}, 1, noon).Fields, 3, "everything that is wrong is told at once")
}

func TestMaskedNumber(t *testing.T) {
	for number, want := range map[string]string{"": "", "123": "123", "1234567890": "******7890"} {
		require.Equal(t, want, Receiver{AccountNumber: number}.MaskedNumber())
	}
	require.NotContains(t, slog.AnyValue(account()).Resolve().String(), "110")
}

func TestTheDayIsSeouls(t *testing.T) {
	midnight := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	require.Equal(t, "2026-11-22", Remittance{CreatedAt: midnight.Add(-time.Microsecond)}.day())
	require.Equal(t, "2026-11-23", Remittance{CreatedAt: midnight}.day())
	require.Equal(t, "2027-01-01", Remittance{CreatedAt: midnight, ExecuteAt: time.Date(2026, 12, 31, 15, 0, 0, 0, time.UTC)}.day())
}

func TestAdmit(t *testing.T) {
	day, other := "2026-11-22", "2026-11-23"
	row := func(amount int64, day *string) Row { return Row{SenderID: sender, Amount: amount, CountedDay: day} }
	rows := []Row{row(60, &day), row(41, &day), row(40, &day), row(1, &day), row(100, &other), row(99, nil)}
	totals := map[SenderDay]int64{{SenderID: receiver, Day: day}: 100}
	got := Admit(rows, totals, 100)
	for i, admitted := range []bool{true, false, true, false, true, false} {
		require.Equal(t, admitted, got[i].CountedDay != nil, i)
	}
	require.Equal(t, record.FailureOf(errs.DailyLimit.With("limit", 100).With("left", 40).With("day", day)), got[1].Refusal)
	require.Equal(t, "0", got[3].Refusal.Params["left"])
	require.False(t, got[5].Refusal.Is())
	require.Equal(t, map[SenderDay]int64{{SenderID: receiver, Day: day}: 100, {SenderID: sender, Day: day}: 100, {SenderID: sender, Day: other}: 100}, totals)
	require.Equal(t, "0", Admit(rows[:1], map[SenderDay]int64{{SenderID: sender, Day: day}: 200}, 100)[0].Refusal.Params["left"], "a lowered limit")
}
