package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// The regions of these tests: nobody else lives there.
const (
	home    = "JEJU"
	abroad  = "ULSAN"
	crowded = "GANGWON"
	rebuilt = "SEJONG"
)

// region is what the members of a region have together.
type region struct {
	Region, Currency string

	Members, Balance int64
	AsOf             *time.Time
	Inflows          []inflow
}

type inflow struct {
	Date   string
	Amount int64
}

func regionOf(t *testing.T, code string) region {
	t.Helper()
	p := harness.Shared(t)
	a := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/money/query/regions/" + code, Token: p.Operator(t)})
	return harness.Read[region](t, a, http.StatusOK)
}

// awaitRegion waits until a region's sums are so: they follow the journal a moment later.
func awaitRegion(t *testing.T, code string, members, balance, inflowToday int64) {
	t.Helper()
	want := []int64{members, balance, inflowToday}
	var got []int64
	defer func() {
		if t.Failed() {
			t.Logf("members, balance and inflow of today: %d, expected %d", got, want)
		}
	}()
	harness.Eventually(t, 30*time.Second, "the sums of "+code+" follow", func() bool {
		r := regionOf(t, code)
		require.Equal(t, []string{code, "KRW"}, []string{r.Region, r.Currency})
		got = []int64{r.Members, r.Balance, r.Inflows[len(r.Inflows)-1].Amount}
		return slices.Equal(want, got)
	})
}

// awaitProjection waits until all that was booked before is counted.
func awaitProjection(t *testing.T) {
	t.Helper()
	now := time.Now()
	harness.Eventually(t, 30*time.Second, "everything booked so far is counted", func() bool {
		asOf := regionOf(t, home).AsOf
		return asOf != nil && asOf.After(now)
	})
}

// requireRegion waits until all that was booked before is counted, and compares.
func requireRegion(t *testing.T, code string, members, balance, inflowToday int64) {
	t.Helper()
	awaitProjection(t)
	r, today := regionOf(t, code), time.Now().In(seoul).Format(time.DateOnly)
	require.Equal(t, []int64{members, balance}, []int64{r.Members, r.Balance}, "members, balance")
	last := len(r.Inflows) - 1
	require.Equal(t, inflow{today, inflowToday}, r.Inflows[last])
	for _, before := range r.Inflows[:last] {
		require.Zero(t, before.Amount, before.Date)
	}
	p := harness.Shared(t)
	all := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/money/query/regions", Token: p.Operator(t)})
	items := harness.Read[harness.List[region]](t, all, http.StatusOK).Items
	at := slices.IndexFunc(items, func(one region) bool { return one.Region == code })
	require.GreaterOrEqual(t, at, 0, "%s is listed", code)
	require.Equal(t, []int64{members, balance}, []int64{items[at].Members, items[at].Balance})
}

// livingIn makes a member who lives in a region.
func livingIn(t *testing.T, code string) *harness.Member {
	t.Helper()
	p := harness.Shared(t)
	sheet := p.Sheet()
	sheet.Address.Region = code
	return p.Join(t, sheet)
}

func TestD25_ARegionsSumIsWhatItsMembersHave(t *testing.T) {
	t.Parallel()
	keepToOneDay(t)
	p := harness.Shared(t)
	m := livingIn(t, home).WithAccount(t, 1_000_000)
	awaitRegion(t, home, 1, 0, 0)
	m.WithBalance(t, 200_000).WithBalance(t, 50_000)
	awaitRegion(t, home, 1, 250_000, 250_000)

	// What fails is not counted.
	requireRefused(t, m, m.TopUp(t, newKey(), 900_000), http.StatusUnprocessableEntity, "bank_insufficient_funds")
	requireRefused(t, m, m.Withdraw(t, newKey(), 250_001), http.StatusUnprocessableEntity, "insufficient_balance")
	requireRegion(t, home, 1, 250_000, 250_000)

	neighbour, stranger := livingIn(t, home), livingIn(t, abroad)
	requireSucceeded(t, m, m.Remit(t, newKey(), neighbour.ID, 10_000)) // stays in the region, and is no inflow
	awaitRegion(t, home, 2, 250_000, 250_000)
	requireSucceeded(t, m, m.Remit(t, newKey(), stranger.ID, 20_000))
	requireSucceeded(t, m, m.RemitToBank(t, newKey(), p.OpenReceiver(t, "020", 0), 30_000))
	requireSucceeded(t, m, m.Withdraw(t, newKey(), 40_000))
	f := p.NewFranchise(t, harness.Daily(150))
	payment := m.MustPay(t, f, 50_000)
	f.MustCancel(t, payment.ID, 5_000)
	awaitRegion(t, home, 2, 250_000-20_000-30_000-40_000-50_000+5_000, 250_000)
	awaitRegion(t, abroad, 1, 20_000, 0)

	// Who moves takes balance and inflow along.
	for _, region := range []string{"울산", abroad} { // the second time nothing changes
		a := p.Call(t, harness.Call{Method: http.MethodPatch, Path: "/v1/memberships/" + m.ID, Token: m.Token,
			Header: map[string]string{"If-Match": me(t, m.Token).Header.Get("ETag")}, Body: map[string]any{"address": map[string]string{"region": region}}})
		require.Equal(t, http.StatusOK, a.Status, a)
		awaitRegion(t, home, 1, 10_000, 0)
		awaitRegion(t, abroad, 2, 125_000, 250_000)
	}
	m.WithBalance(t, 1_000)
	awaitRegion(t, abroad, 2, 126_000, 251_000)
	requireRegion(t, home, 1, 10_000, 0)
}

// Members of a region send, pay and top up all at once, and the sum is theirs to the won.
func TestD25_ARegionsSumIsNotRacy(t *testing.T) {
	t.Parallel()
	keepToOneDay(t)
	p := harness.Shared(t)
	const members, rounds, funds = 5, 2, 100_000
	all := make([]*harness.Member, members)
	for i := range all {
		all[i] = livingIn(t, crowded).WithAccount(t, 1_000_000).WithBalance(t, funds)
	}
	f := p.NewFranchise(t, harness.Daily(150))
	kinds := []func(m, next *harness.Member) harness.Answer{
		func(m, _ *harness.Member) harness.Answer { return m.TopUp(t, newKey(), 1_001) },
		func(m, next *harness.Member) harness.Answer { return m.Remit(t, newKey(), next.ID, 1_003) },
		func(m, _ *harness.Member) harness.Answer { return m.Withdraw(t, newKey(), 1_007) },
		func(m, _ *harness.Member) harness.Answer { return m.Pay(t, newKey(), f.PayBody(1_009)) },
		func(m, _ *harness.Member) harness.Answer { return m.Withdraw(t, newKey(), 1_000_000) }, // too much
	}
	answers := atOnce(members*rounds*len(kinds), func(i int) harness.Answer {
		return kinds[i%len(kinds)](all[i%members], all[(i+1)%members])
	})
	toppedUp := int64(members * funds)
	for i, a := range answers {
		end := p.End(t, p.Operator(t), a)
		if i%len(kinds) == 4 {
			require.Equal(t, "insufficient_balance", end.Code)
			continue
		}
		require.Equal(t, apiclient.Succeeded, end.State, end.Code)
		if i%len(kinds) == 0 {
			toppedUp += 1_001
		}
	}
	const each = members * rounds
	sum := int64(0)
	for _, m := range all {
		sum += m.Balance(t).Balance
	}
	require.EqualValues(t, members*funds+each*(1_001-1_007-1_009), sum)
	requireRegion(t, crowded, members, sum, toppedUp)
}

// Built anew from the journal, the model is what it was.
func TestD25_TheModelIsAFunctionOfTheJournal(t *testing.T) {
	t.Parallel()
	keepToOneDay(t)
	p := harness.Shared(t)
	m := livingIn(t, rebuilt).WithAccount(t, 500_000).WithBalance(t, 100_000)
	moved := livingIn(t, "CHUNGBUK").WithAccount(t, 500_000).WithBalance(t, 7_000)
	require.Equal(t, http.StatusOK, patch(t, moved.Token, moved.ID, "", map[string]any{"address": map[string]string{"region": rebuilt}}).Status)
	requireSucceeded(t, m, m.RemitToBank(t, newKey(), p.OpenReceiver(t, "020", 0), 30_000))
	awaitRegion(t, rebuilt, 2, 77_000, 107_000)

	out := p.Command(t, "rebuild", "moneyquery")
	require.True(t, strings.HasPrefix(out, "17 regions, "), out)
	requireRegion(t, rebuilt, 2, 77_000, 107_000)
	m.WithBalance(t, 1_000) // and goes on from there
	awaitRegion(t, rebuilt, 2, 78_000, 108_000)
}

func TestOnlyOverseersReadRegions(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t)
	for _, path := range []string{"/v1/money/query/regions", "/v1/money/query/regions/SEOUL"} {
		for token, status := range map[string]int{"": http.StatusUnauthorized, m.Token: http.StatusForbidden, as(t, "FRANCHISE"): http.StatusForbidden,
			as(t, "AUDITOR"): http.StatusOK, p.Operator(t): http.StatusOK} {
			require.Equal(t, status, p.Call(t, harness.Call{Method: http.MethodGet, Path: path, Token: token}).Status, path)
		}
	}
	a := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/money/query/regions", Token: p.Operator(t)})
	seen := map[string]bool{}
	for _, r := range harness.Read[harness.List[region]](t, a, http.StatusOK).Items {
		seen[r.Region] = true
	}
	require.Len(t, seen, 17, "all regions of Korea, also those where nobody lives")
	require.Equal(t, "SEOUL", regionOf(t, "%EC%84%9C%EC%9A%B8").Region, "by its Korean name")
	for _, unknown := range []string{"ATLANTIS", "x", "%20", "%00", "mem_01JZ0000000000000000000000"} {
		a := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/money/query/regions/" + unknown, Token: p.Operator(t)})
		requireCode(t, http.StatusNotFound, "region_not_found", a)
	}
}

func TestTheRangeOfInflowsIsStrict(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	ask := func(query string) harness.Answer {
		return p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/money/query/regions/" + home + query, Token: p.Operator(t)})
	}
	for query, days := range map[string]int{"": 30, "?from=2026-01-01&through=2026-01-01": 1, "?through=2026-01-31": 30, "?from=2025-01-01&through=2026-01-01": 366} {
		require.Len(t, harness.Read[region](t, ask(query), http.StatusOK).Inflows, days, query)
	}
	for query, pointer := range map[string]string{
		"?from=2026-02-30": "?from", "?from=yesterday": "?from", "?through=x": "?through", "?through=20260101": "?through",
		"?from=2026-01-02&through=2026-01-01": "?through", "?from=2025-01-01&through=2026-01-02": "?through", "?from=0000-00-00": "?from",
	} {
		requireBadField(t, ask(query), pointer, fmt.Sprintf("%q", query))
	}
}
