package crash

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/internal/calendar"
	"durapay/test/harness"
)

// The settlement that is struck: enough franchises for some to be paid and others not.
const (
	shops     = 40
	customers = 8 // each buys at a share of the shops
	rate      = 176
)

// shop is a franchise and what it has to be paid.
type shop struct {
	*harness.Franchise
	payments []string
	net      int64
}

// due is the fee on an amount and the VAT on it, each cut off below one won.
func due(amount int64) int64 {
	fee := amount * rate / 10_000
	return fee + fee*10/100
}

// trade opens the shops and has each sell something and take a part of it back.
func trade(t *testing.T, p *harness.Platform) []*shop {
	t.Helper()
	all := make([]*shop, shops)
	require.True(t, t.Run("trade", func(t *testing.T) {
		for c := range customers {
			t.Run(strconv.Itoa(c), func(t *testing.T) {
				t.Parallel()
				buyer := p.NewMember(t).WithAccount(t, 2_000_000).WithBalance(t, 2_000_000)
				for i := c; i < shops; i += customers {
					all[i] = &shop{Franchise: p.NewFranchise(t, harness.Daily(rate))}
					first, second := int64(10_000+i), int64(20_000+3*i)
					all[i].sell(t, buyer, first)
					all[i].MustCancel(t, all[i].sell(t, buyer, second), 777)
					all[i].net = first - due(first) + second - 777 - due(second-777)
				}
			})
		}
	}))
	return all
}

func (s *shop) sell(t *testing.T, buyer *harness.Member, amount int64) (paymentID string) {
	t.Helper()
	end := buyer.End(t, buyer.Pay(t, rand.Text(), s.PayBody(amount)))
	require.Equal(t, apiclient.Succeeded, end.State, end.Code)
	s.payments = append(s.payments, end.ID)
	return end.ID
}

// payAgain has two operators pay a shop whose payout never reached the bank: what was
// about to be sent when its sender died is not sent again by itself.
func (s *shop) payAgain(t *testing.T, p *harness.Platform, colleague string) {
	t.Helper()
	st := p.Statements(t, s.ID)[0]
	if st.Payout.State != "FAILED" {
		return
	}
	require.Equal(t, "bank_not_executed", st.Payout.Failure.Code)
	require.Empty(t, p.BankEntries(t, s.Account))
	p.RetryPayout(t, st.ID, colleague)
	require.Equal(t, 2, p.AwaitPayout(t, st.ID, "PAID").Payout.Attempt)
}

// requirePaidOnce checks the shop's one statement, its payout by the bank's own books, and
// that its payments are settled.
func (s *shop) requirePaidOnce(t *testing.T, p *harness.Platform) {
	t.Helper()
	statements := p.Statements(t, s.ID)
	require.Len(t, statements, 1)
	st := statements[0]
	require.Equal(t, []any{"PAID", s.net}, []any{st.Payout.State, st.Net})
	require.Equal(t, []harness.StatementItems{{Count: 2, Amount: st.Payments.Amount}, {Count: 1, Amount: 777}}, []harness.StatementItems{st.Payments, st.Cancels})
	var net int64
	for _, l := range p.StatementLines(t, st.ID) {
		net += l.Amount - l.Fee - l.VAT
	}
	require.Equal(t, s.net, net, "the lines")
	entries := p.BankEntries(t, s.Account)
	require.Len(t, entries, 1)
	require.Equal(t, []any{"IN", s.net}, []any{entries[0].Direction, entries[0].Amount})
	require.Zero(t, p.Payable(t, s.ID))
	for _, id := range s.payments {
		harness.Eventually(t, endBound, id+" is settled", func() bool { return p.Payment(t, id).State == "SETTLED" })
	}
}

// TestD14_ADeathInTheMiddleOfASettlement kills gateway and workers again and again while a
// date is settled: when the run has begun, when the first payouts are at the bank, and
// when some have been made. Each franchise is paid once, by itself or, when the bank
// confirms that it never got the transfer, by two operators.
func TestD14_ADeathInTheMiddleOfASettlement(t *testing.T) {
	p := start(t)
	all := trade(t, p)
	for _, s := range all[:shops/2] { // so that some are at the bank while others are done
		p.Fault(t, harness.On(harness.Transfer, s.Account, harness.Effect{Type: "DELAY", DelayMillis: 1_500}))
	}
	const (
		runs    = "SELECT COUNT(*) FROM durapay_settlement.runs"
		cut     = "SELECT COUNT(*) FROM durapay_payment.payments WHERE statement_id IS NOT NULL"
		atBank  = "SELECT COUNT(*) FROM durapay_banking.firmbankings WHERE state = 'SENT'"
		paidOut = "SELECT COUNT(*) FROM durapay_settlement.statements WHERE payout_state = 'PAID'"
		ended   = "SELECT COUNT(*) FROM durapay_settlement.statements WHERE payout_state IN ('PAID', 'FAILED')"
	)
	p.StartRunAsync(t, p.BusinessDate(t))
	for _, moment := range []struct {
		what, query string
		least       int64
	}{{"the run has begun", runs, 1}, {"payments are cut", cut, 1}, {"payouts are at the bank", atBank, 1}, {"payouts are made", paidOut, 5}} {
		harness.Eventually(t, endBound, moment.what, func() bool { return count(t, p, moment.query) >= moment.least })
		before := p.Pid(harness.Serve)
		p.Kill(t, harness.Serve)
		t.Logf("%s: killed with %d payments cut, %d transfers at the bank and %d statements paid",
			moment.what, count(t, p, cut), count(t, p, atBank), count(t, p, paidOut))
		require.Less(t, count(t, p, paidOut), int64(shops), "the settlement is over")
		harness.Eventually(t, endBound, "the platform is ready again", func() bool {
			a, err := p.Do(t.Context(), harness.Call{Method: http.MethodGet, Path: "/readyz"})
			now := p.Pid(harness.Serve)
			return err == nil && a.Status == http.StatusOK && now != 0 && now != before
		})
	}
	harness.Eventually(t, endBound, "every payout has an end", func() bool { return count(t, p, ended) == shops })
	colleague := p.Staff(t, harness.OperatorRole)
	for _, s := range all {
		s.payAgain(t, p, colleague)
	}
	for _, s := range all {
		s.requirePaidOnce(t, p)
	}
	require.EqualValues(t, 1, count(t, p, runs))
	requireSound(t, p)
}

// seoul is Korea's time.
var seoul = time.FixedZone("KST", 9*60*60)

// TestD14_ADateThatWasMissedIsSettledAsItself has the platform down, Temporal and all, when
// its schedule would have settled a date. When it is back it makes up for it, with that
// date. On a day that is no business day the schedule has nothing to settle.
func TestD14_ADateThatWasMissedIsSettledAsItself(t *testing.T) {
	env := map[string]string{}
	began := time.Now()
	p := startWith(t, harness.Options{Env: env})
	margin := 2*time.Since(began) + 5*time.Second // a start and a stop, on a machine as busy as it is
	buyer := p.NewMember(t).WithAccount(t, 1_000_000).WithBalance(t, 500_000)
	contract := harness.Daily(rate)
	contract.EffectiveFrom = harness.Today().AddDays(-30).String()
	s := &shop{Franchise: p.NewFranchise(t, contract)}
	before, after := s.sell(t, buyer, 30_000), s.sell(t, buyer, 40_000)

	require.NoError(t, p.Stop())
	at := time.Now().Add(margin).Truncate(time.Minute).Add(time.Minute)
	env["DURAPAY_SETTLEMENT_CRON"] = fmt.Sprintf("%d %d * * *", at.In(seoul).Minute(), at.In(seoul).Hour())
	up(t, p)
	require.Equal(t, env["DURAPAY_SETTLEMENT_CRON"], schedule(t, p).Cron)
	soldTheDayBefore(t, p, before, at)
	require.NoError(t, p.Stop())
	require.True(t, time.Now().Before(at), "this machine is too slow: the time has come before all was down")
	harness.Eventually(t, 2*time.Minute+margin, "the time has passed", func() bool { return time.Now().After(at.Add(time.Second)) })
	up(t, p)

	var made started
	harness.Eventually(t, endBound, "the schedule has made up for the start", func() bool {
		recent := schedule(t, p).Recent
		if len(recent) == 0 {
			return false
		}
		made = recent[len(recent)-1]
		return made.ScheduledAt.Equal(at)
	})
	require.True(t, made.StartedAt.After(at))
	day := calendar.Of(at)
	if businessDay(t, day, 0) != day {
		requireSound(t, p)
		require.Empty(t, p.Runs(t))
		require.Empty(t, made.RunID)
		return
	}
	harness.Eventually(t, endBound, "the run has ended", func() bool {
		runs := p.Runs(t)
		return len(runs) == 1 && runs[0].State == apiclient.Succeeded
	})
	run := p.Runs(t)[0]
	require.Equal(t, []any{made.RunID, "schedule", businessDayBefore(t, day).String(), false}, []any{run.ID, run.AskedBy, run.BusinessDate, run.DryRun})
	st := p.RunStatement(t, run.ID, s.ID)
	p.AwaitPayout(t, st.ID, "PAID")
	require.Equal(t, []int64{1, 30_000, 30_000 - due(30_000)}, []int64{st.Payments.Count, st.Payments.Amount, st.Net})
	require.EqualValues(t, st.Net, p.BankBalance(t, s.Account))
	require.Equal(t, st.ID, p.Payment(t, before).StatementID)
	require.Empty(t, p.Payment(t, after).StatementID, "today is another date")
	requireSound(t, p)
}

// started is one start by the schedule.
type started struct {
	ScheduledAt, StartedAt time.Time
	RunID                  string
}

// scheduleView is when settlements start by themselves.
type scheduleView struct {
	Cron   string
	Recent []started
}

func schedule(t *testing.T, p *harness.Platform) scheduleView {
	t.Helper()
	return harness.Read[scheduleView](t, p.AsOperator(t, http.MethodGet, "/v1/settlements/schedule", "", nil), http.StatusOK)
}

// soldTheDayBefore lets a payment be of the evening before the day of a time.
func soldTheDayBefore(t *testing.T, p *harness.Platform, paymentID string, at time.Time) {
	t.Helper()
	db, err := p.DB()
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "UPDATE durapay_payment.payments SET approved_at = ? WHERE id = ?", calendar.Of(at).Start().Add(-time.Hour), paymentID)
	require.NoError(t, err)
}

// businessDay gives the n-th business day after a date, for 0 the date itself or the next.
func businessDay(t *testing.T, date calendar.Date, n int) calendar.Date {
	t.Helper()
	days, err := calendar.New("")
	require.NoError(t, err)
	day, err := days.AddBusinessDays(date, n)
	require.NoError(t, err)
	return day
}

// businessDayBefore gives the last business day before a date.
func businessDayBefore(t *testing.T, date calendar.Date) calendar.Date {
	t.Helper()
	day := date.AddDays(-1)
	for businessDay(t, day, 0) != day {
		day = day.AddDays(-1)
	}
	return day
}
