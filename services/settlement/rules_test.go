package settlement

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/calendar"
	"durapay/internal/id"
	"durapay/internal/record"
)

func date(t testing.TB, s string) calendar.Date {
	t.Helper()
	d, err := calendar.Parse(s)
	require.NoError(t, err)
	return d
}

func TestDueCut(t *testing.T) {
	for _, row := range []struct {
		cycle    Cycle
		on, want string
	}{
		{Daily, "2026-11-22", "2026-11-22"}, {Daily, "2026-03-01", "2026-03-01"},
		{Weekly, "2026-11-22", "2026-11-22"}, // a Sunday
		{Weekly, "2026-11-23", "2026-11-22"}, {Weekly, "2026-11-28", "2026-11-22"}, {Weekly, "2026-11-29", "2026-11-29"},
		{Weekly, "2027-01-01", "2026-12-27"},
		{Monthly, "2026-11-29", "2026-10-31"}, {Monthly, "2026-11-30", "2026-11-30"}, {Monthly, "2026-12-01", "2026-11-30"},
		{Monthly, "2026-02-28", "2026-02-28"}, {Monthly, "2028-02-28", "2028-01-31"}, {Monthly, "2028-02-29", "2028-02-29"},
		{Monthly, "2026-12-31", "2026-12-31"}, {Monthly, "2027-01-01", "2026-12-31"},
	} {
		require.Equal(t, row.want, CutThrough(row.cycle, date(t, row.on)).String(), "%s %s", row.cycle, row.on)
	}
	require.True(t, CutThrough("YEARLY", date(t, "2026-11-22")).IsZero())
}

func TestCutsFollowOneAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cycle := rapid.SampledFrom([]Cycle{Daily, Weekly, Monthly}).Draw(t, "cycle")
		d := calendar.Date{Year: 2024, Month: 1, Day: 1}.AddDays(rapid.IntRange(0, 3000).Draw(t, "days"))
		cut := CutThrough(cycle, d)
		require.False(t, d.Before(cut))
		require.Equal(t, cut, CutThrough(cycle, cut), "an end of the cycle is its own")
		require.LessOrEqual(t, d.Start().Sub(cut.Start()), 31*24*time.Hour)
		require.False(t, CutThrough(cycle, d.AddDays(1)).Before(cut))
	})
}

func TestTheBusinessDateHasToBeNear(t *testing.T) {
	today := date(t, "2026-11-22")
	for d, want := range map[string]bool{"2026-11-22": true, "2026-12-23": true, "2026-12-24": false, "2025-11-21": true, "2025-11-20": false} {
		require.Equal(t, want, checkBusinessDate(date(t, d), today) == nil, d)
	}
	require.Equal(t, map[string]string{"from": "2025-11-21", "until": "2026-12-23"}, checkBusinessDate(date(t, "2030-01-01"), today).Params)
}

func TestWhatCannotBeARun(t *testing.T) {
	d := date(t, "2026-11-22")
	good := NewRun{ID: LiveRunID(d), BusinessDate: d, AskedBy: "schedule", Fingerprint: "f"}
	require.Nil(t, good.wellFormed())
	for name, change := range map[string]func(*NewRun){
		"no date":          func(r *NewRun) { r.BusinessDate = calendar.Date{} },
		"no id":            func(r *NewRun) { r.ID = "" },
		"another live id":  func(r *NewRun) { r.ID = id.New(id.SettlementRun) },
		"nobody":           func(r *NewRun) { r.AskedBy = "" },
		"a long name":      func(r *NewRun) { r.AskedBy = strings.Repeat("a", 65) },
		"a strange name":   func(r *NewRun) { r.AskedBy = "홍길동" },
		"long fingerprint": func(r *NewRun) { r.Fingerprint = strings.Repeat("a", 129) },
	} {
		r := good
		change(&r)
		require.NotNil(t, r.wellFormed(), name)
	}
	good.Dry, good.ID = true, id.New(id.SettlementRun)
	require.Nil(t, good.wellFormed())
}

func TestSumsThatCannotBe(t *testing.T) {
	for name, s := range map[string]Sums{
		"negative payments": {PaymentAmount: -1}, "negative cancels": {CancelAmount: -1}, "negative count": {PaymentCount: -1},
		"negative tax-free": {TaxFreeAmount: math.MinInt64}, "huge": {PaymentAmount: math.MaxInt64}, "huge cancels": {CancelAmount: MaxSum + 1},
		"huge fee": {Fee: MaxSum + 1}, "least VAT": {VAT: math.MinInt64},
	} {
		require.NotNil(t, s.valid(), name)
	}
	require.Nil(t, Sums{PaymentAmount: MaxSum, CancelAmount: MaxSum, Fee: -MaxSum, VAT: MaxSum}.valid())
	far := StatementRow{PaymentCount: 1, PaymentAmount: MaxSum, Fee: -1}
	_, refusal := far.TakeOver(Carry{})
	require.ErrorIs(t, refusal, errs.LedgerAmountOverflow)
}

func TestTakeOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1_000_000)
		r := StatementRow{ID: "b", PaymentCount: 1, PaymentAmount: n.Draw(t, "paid"), CancelAmount: n.Draw(t, "cancelled"),
			Fee: n.Draw(t, "fee") - 500_000, VAT: n.Draw(t, "vat") - 500_000, Dry: rapid.Bool().Draw(t, "dry")}
		c := Carry{}
		if rapid.Bool().Draw(t, "carry") {
			c = Carry{StatementID: "a", Net: -n.Draw(t, "carried") - 1}
		}
		keep, refusal := r.TakeOver(c)
		require.True(t, keep)
		require.Nil(t, refusal)
		require.Equal(t, r.PaymentAmount-r.CancelAmount-r.Fee-r.VAT+c.Net, r.Net)
		require.Equal(t, r.Net < 0, r.PayoutState == PayoutCarriedOver)
		require.Equal(t, r.Net > 0, r.PayoutState == PayoutScheduled && r.Attempt == 1)
		require.Equal(t, c.Net < 0 && !r.Dry, r.CarriedFrom != nil)
		require.Equal(t, r.Net < 0, r.Carry() == Carry{StatementID: "b", Net: r.Net})
	})
	empty := StatementRow{}
	keep, _ := empty.TakeOver(Carry{})
	require.False(t, keep)
	keep, _ = empty.TakeOver(Carry{StatementID: "a", Net: -1})
	require.False(t, keep)
}

func TestPeriodOfAnEarlySettlement(t *testing.T) {
	n := NewStatement{CutThrough: date(t, "2026-11-30")}
	at := date(t, "2026-11-22").Start().Add(time.Hour)
	require.Equal(t, Period{From: date(t, "2026-11-22"), Through: date(t, "2026-11-22")}, n.period(at))
	n.Sums.From = date(t, "2026-11-03").Start()
	require.Equal(t, Period{From: date(t, "2026-11-03"), Through: date(t, "2026-11-22")}, n.period(at))
	require.Equal(t, Period{From: date(t, "2026-11-03"), Through: date(t, "2026-11-30")}, n.period(n.CutThrough.End()))
}

func TestPayoutIDs(t *testing.T) {
	st := id.New(id.Statement)
	got, attempt, ok := ParsePayoutID(PayoutID(st, 12))
	require.True(t, ok)
	require.Equal(t, st, got)
	require.Equal(t, 12, attempt)
	for _, bad := range []string{"", st, st + "/", st + "/0", st + "/-1", st + "/+1", st + "/01", st + "/1/1", "/1", "stl_1/1"} {
		_, _, ok := ParsePayoutID(bad)
		require.False(t, ok, bad)
	}
}

func TestEveryStateOfAnAttemptShowsOnItsStatement(t *testing.T) {
	for s, want := range map[record.State]PayoutState{
		record.Requested: PayoutScheduled, record.Processing: PayoutProcessing, record.Waiting: PayoutWaiting, record.Unknown: PayoutUnknown,
		record.Succeeded: PayoutPaid, record.Failed: PayoutFailed, record.Cancelled: PayoutFailed, record.Returned: PayoutReturned,
	} {
		require.Equal(t, want, PayoutStateOf(s))
		require.Equal(t, !s.Final(), want.Due(), "what has not ended is still to be paid")
		require.True(t, want.Valid())
	}
	require.False(t, PayoutState("LOST").Valid())
}

func TestTotalsDoNotOverflow(t *testing.T) {
	var total Totals
	require.NoError(t, total.Add(PayoutPaid, StateTotal{Count: 2, Net: math.MaxInt64}))
	require.NoError(t, total.Add(PayoutCarriedOver, StateTotal{Count: 1, Net: -5}))
	require.NoError(t, total.Add(PayoutReturned, StateTotal{Count: 1, Net: 5}))
	require.ErrorIs(t, total.Add(PayoutFailed, StateTotal{Count: 1, Net: 1}), errs.LedgerAmountOverflow)
	require.Equal(t, Totals{Count: 4, Net: math.MaxInt64, Paid: 2, Failed: 1, ByState: map[PayoutState]StateTotal{
		PayoutPaid: {2, math.MaxInt64}, PayoutCarriedOver: {1, -5}, PayoutReturned: {1, 5}}}, total)
}
