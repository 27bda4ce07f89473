package e2e

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// The limits of a member's remittances, in won, unless they are configured.
const (
	perTransfer = 2_000_000
	perDay      = 10_000_000
)

// seoul is the zone of business dates.
var seoul = time.FixedZone("KST", 9*60*60)

// keepToOneDay waits until a day that is about to end in Seoul has ended: a daily limit
// begins anew then.
func keepToOneDay(t *testing.T) (today string) {
	t.Helper()
	const enough = 2 * time.Minute
	now := func() time.Time { return time.Now().In(seoul) }
	harness.Eventually(t, enough+time.Minute, "the day has ended", func() bool {
		return now().Add(enough).Day() == now().Day()
	})
	return now().Format(time.DateOnly)
}

// requireDailyLimit checks that a remittance was refused for the daily limit, with its
// figures, and that this is on record.
func requireDailyLimit(t *testing.T, m *harness.Member, a harness.Answer, left int64, day string) {
	t.Helper()
	id := requireRefused(t, m, a, http.StatusUnprocessableEntity, "daily_limit_exceeded")
	row := requireRemittance(t, m, id, apiclient.Failed, "daily_limit_exceeded")
	for _, figure := range []string{strconv.Itoa(perDay), strconv.FormatInt(left, 10) + " won are left on " + day} {
		require.Contains(t, row.Failure.Detail, figure)
	}
	require.Empty(t, firmbankings(t, id))
}

// Fifty remittances at once meet a limit that suffices for six, and a wallet that
// suffices for six: never a won more leaves, and exactly six do.
func TestD09_TheDailyLimitHoldsForAllAtOnce(t *testing.T) {
	t.Parallel()
	today := keepToOneDay(t)
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 20_000_000)
	to := p.OpenReceiver(t, "020", 0)
	send := func(to apiclient.Account, amount int64) harness.Answer {
		body := harness.BankRemitBody(to, amount)
		body.AutoTopUp = &apiclient.AutoTopUp{BankAccountID: m.AccountID}
		return m.Post(t, "/v1/remittances", newKey(), body)
	}

	// What fails does not count: five times more than a day's limit would allow for.
	wrong := to
	wrong.HolderName = "김다른"
	for range 6 {
		requireRefused(t, m, send(wrong, perTransfer), http.StatusUnprocessableEntity, "bank_name_mismatch")
	}
	const first, each, many, left = 8_200_000, 300_000, 50, perDay - 8_200_000
	for sent := int64(0); sent < first; sent += first / 5 {
		requireSucceeded(t, m, send(to, first/5))
	}
	if short := perTransfer - m.Balance(t).Balance; short > 0 {
		m.WithBalance(t, short)
	}
	answers := atOnce(many, func(int) harness.Answer { return m.RemitToBank(t, newKey(), to, each) })
	succeeded := 0
	for _, a := range answers {
		if end := m.End(t, a); end.State == apiclient.Succeeded {
			succeeded++
			continue
		}
		requireDailyLimit(t, m, a, 0, today)
	}
	require.Equal(t, left/each, succeeded)
	require.EqualValues(t, perDay, p.BankBalance(t, to.AccountKey), "what has left is the limit")
	requireWallet(t, m, perTransfer-left)

	requireDailyLimit(t, m, m.RemitToBank(t, newKey(), to, 1), 0, today)
	requireDailyLimit(t, m, m.Remit(t, newKey(), p.NewMember(t).ID, 1), 0, today) // members count too
	require.EqualValues(t, perDay, p.BankBalance(t, to.AccountKey))
}

// A scheduled remittance counts for the day it is to leave on, from when it is asked for
// until it ends without having left.
func TestTheDailyLimitIsOfTheDayTheMoneyLeaves(t *testing.T) {
	t.Parallel()
	keepToOneDay(t)
	p := harness.Shared(t)
	m, to := p.NewMember(t), p.OpenReceiver(t, "020", 0)
	ahead := time.Now().In(seoul).AddDate(0, 0, 7)
	noon := time.Date(ahead.Year(), ahead.Month(), ahead.Day(), 12, 0, 0, 0, seoul)
	on := func(when time.Time, amount int64) harness.Answer {
		body := harness.BankRemitBody(to, amount)
		body.ExecuteAt = &when
		return m.Post(t, "/v1/remittances", newKey(), body)
	}
	var waiting []string
	wait := func(a harness.Answer) {
		waiting = append(waiting, harness.Read[apiclient.Accepted](t, a, http.StatusAccepted).ID)
	}
	for _, a := range atOnce(5, func(int) harness.Answer { return on(noon, perTransfer) }) {
		wait(a)
	}
	day := noon.Format(time.DateOnly)
	requireDailyLimit(t, m, on(noon.Add(11*time.Hour), 1), 0, day)
	wait(on(noon.Add(12*time.Hour), 1)) // midnight is the next day
	wait(on(noon.Add(-12*time.Hour-time.Second), 1))

	require.Equal(t, http.StatusOK, m.CancelRemittance(t, waiting[0]).Status)
	wait(on(noon, 1))
	requireDailyLimit(t, m, on(noon, perTransfer), perTransfer-1, day)
	for _, id := range waiting[1:] {
		require.Equal(t, http.StatusOK, m.CancelRemittance(t, id).Status)
	}
}

func TestOneRemittanceHasALimit(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 3_000_000).WithBalance(t, perTransfer)
	to := p.OpenReceiver(t, "020", 0)
	for _, a := range []harness.Answer{m.RemitToBank(t, newKey(), to, perTransfer+1), m.Remit(t, newKey(), p.NewMember(t).ID, perTransfer+1)} {
		id := requireRefused(t, m, a, http.StatusUnprocessableEntity, "transfer_limit_exceeded")
		row := requireRemittance(t, m, id, apiclient.Failed, "transfer_limit_exceeded")
		require.Contains(t, row.Failure.Detail, strconv.Itoa(perTransfer))
	}
	requireWallet(t, m, perTransfer)
	requireSucceeded(t, m, m.RemitToBank(t, newKey(), to, perTransfer))
	requireWallet(t, m, 0)
	require.EqualValues(t, perTransfer, p.BankBalance(t, to.AccountKey))
}
