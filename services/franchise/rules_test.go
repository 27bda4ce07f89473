package franchise

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
)

func pointerTo[T any](v T) *T { return &v }

func goodFranchise() NewFranchise {
	return NewFranchise{
		ID: id.New(id.Franchise), Name: "밥집", BusinessNumber: "124-81-00998", Contact: "kim@example.com",
		Payout:   Payout{BankCode: "088", Number: "110-123-456789", HolderName: "김사장"},
		Contract: NewContract{EffectiveFrom: "2026-03-02", FeeBasisPoints: pointerTo(0), Cycle: Daily},
	}
}

func TestCheck(t *testing.T) {
	require.Nil(t, goodFranchise().wellFormed())
	for pointer, changes := range map[string][]func(*NewFranchise){
		"/id":                   {func(n *NewFranchise) { n.ID = "fra_1" }},
		"/fingerprint":          {func(n *NewFranchise) { n.Fingerprint = strings.Repeat("f", 129) }},
		"/name":                 {func(n *NewFranchise) { n.Name = " " }, func(n *NewFranchise) { n.Name = strings.Repeat("밥", 101) }, func(n *NewFranchise) { n.Name = "a\nb" }, func(n *NewFranchise) { n.Name = "\xff" }},
		"/businessNumber":       {func(n *NewFranchise) { n.BusinessNumber = "" }, func(n *NewFranchise) { n.BusinessNumber = "1248100997" }, func(n *NewFranchise) { n.BusinessNumber = "124810099" }},
		"/contact":              {func(n *NewFranchise) { n.Contact = strings.Repeat("a", 201) }},
		"/payout/bankCode":      {func(n *NewFranchise) { n.Payout.BankCode = "" }, func(n *NewFranchise) { n.Payout.BankCode = "08a" }, func(n *NewFranchise) { n.Payout.BankCode = "0888" }},
		"/payout/accountNumber": {func(n *NewFranchise) { n.Payout.Number = "" }, func(n *NewFranchise) { n.Payout.Number = "123456789" }, func(n *NewFranchise) { n.Payout.Number = strings.Repeat("1", 17) }},
		"/payout/holderName":    {func(n *NewFranchise) { n.Payout.HolderName = "" }, func(n *NewFranchise) { n.Payout.HolderName = strings.Repeat("김", 51) }},
		"/contract/cycle":       {func(n *NewFranchise) { n.Contract.Cycle = "" }, func(n *NewFranchise) { n.Contract.Cycle = "YEARLY" }},
		"/contract/tier/method": {func(n *NewFranchise) { n.Contract.FeeBasisPoints, n.Contract.Tier = nil, &Tier{Method: "CASH"} }},
		"/contract/feeBasisPoints": {
			func(n *NewFranchise) { n.Contract.FeeBasisPoints = nil }, func(n *NewFranchise) { n.Contract.FeeBasisPoints = pointerTo(-1) },
			func(n *NewFranchise) { n.Contract.FeeBasisPoints = pointerTo(10_001) }, func(n *NewFranchise) { n.Contract.Tier = &Tier{Method: CreditCard} },
		},
		"/contract/tier/yearlySales": {
			func(n *NewFranchise) {
				n.Contract.FeeBasisPoints, n.Contract.Tier = nil, &Tier{YearlySales: 3_000_000_001, Method: CheckCard}
			},
			func(n *NewFranchise) {
				n.Contract.FeeBasisPoints, n.Contract.Tier = nil, &Tier{YearlySales: -1, Method: CheckCard}
			},
		},
		"/contract/effectiveFrom": {
			func(n *NewFranchise) { n.Contract.EffectiveFrom = "" }, func(n *NewFranchise) { n.Contract.EffectiveFrom = "2026-02-29" },
			func(n *NewFranchise) { n.Contract.EffectiveFrom = "1999-12-31" }, func(n *NewFranchise) { n.Contract.EffectiveFrom = "20260302" },
		},
		"/contract/payoutBusinessDays": {func(n *NewFranchise) { n.Contract.PayoutBusinessDays = -1 }, func(n *NewFranchise) { n.Contract.PayoutBusinessDays = 11 }},
	} {
		for i, change := range changes {
			n := goodFranchise()
			change(&n)
			bad := n.wellFormed()
			require.NotNil(t, bad, "%s %d", pointer, i)
			if bad.Fields[0].Pointer != pointer || len(bad.Fields) != 1 {
				t.Errorf("%s %d: %v", pointer, i, bad)
			}
		}
	}
	all := (&NewFranchise{}).check()
	require.Len(t, all.Fields, 8, "everything that is wrong is told at once")
}

func TestABusinessNumberHasOneCheckDigit(t *testing.T) {
	for _, valid := range []string{"1248100998", "2208162517", "1208147521"} { // of well-known companies, public
		require.True(t, ValidBusinessNumber(valid), valid)
	}
	for _, bad := range []string{"", "0000000000", "12481009980", "124810099a", "１２４８１００９９８"} {
		require.False(t, ValidBusinessNumber(bad), bad)
	}
	rapid.Check(t, func(t *rapid.T) {
		first := fmt.Sprintf("%09d", rapid.IntRange(1, 999_999_999).Draw(t, "first"))
		valid := 0
		for last := range 10 {
			if ValidBusinessNumber(fmt.Sprintf("%s%d", first, last)) {
				valid++
			}
		}
		require.Equal(t, 1, valid)
	})
}

func TestPreferentialRates(t *testing.T) {
	for _, c := range []struct {
		sales         int64
		credit, check int
	}{
		{0, 40, 15}, {300_000_000, 40, 15}, {300_000_001, 100, 75}, {500_000_000, 100, 75}, {500_000_001, 115, 90},
		{1_000_000_000, 115, 90}, {1_000_000_001, 145, 115}, {3_000_000_000, 145, 115},
	} {
		for method, want := range map[Method]int{CreditCard: c.credit, CheckCard: c.check} {
			bp, ok := PreferentialRate(c.sales, method, "2026-03-02")
			require.True(t, ok, c.sales)
			require.Equal(t, want, bp, c.sales)
		}
	}
	for _, c := range []struct {
		sales  int64
		method Method
		on     string
	}{
		{3_000_000_001, CreditCard, "2026-03-02"}, {math.MaxInt64, CheckCard, "2026-03-02"}, {-1, CreditCard, "2026-03-02"},
		{1, "CASH", "2026-03-02"}, {1, CreditCard, "2025-02-13"},
	} {
		_, ok := PreferentialRate(c.sales, c.method, c.on)
		require.False(t, ok, c)
	}
	table, err := ParseTiers(strings.NewReader("f,m,c,k\n2025-02-14,300,40,15\n2027-01-01,100,30,10\n2027-01-01,50,20,5\n"))
	require.NoError(t, err)
	for _, c := range []struct {
		sales int64
		on    string
		want  int
		ok    bool
	}{{200, "2026-12-31", 40, true}, {50, "2027-01-01", 20, true}, {51, "2030-01-01", 30, true}, {200, "2027-01-01", 0, false}} {
		bp, ok := rateIn(table, c.sales, CreditCard, c.on)
		require.Equal(t, c.ok, ok, c)
		require.Equal(t, c.want, bp, c)
	}
	for _, bad := range []string{"", "h,h,h,h\n", "h,h,h,h\nx,1,1,1\n", "h,h,h,h\n2025-02-14,0,1,1\n", "h,h,h,h\n2025-02-14,1,x,1\n", "h,h,h,h\n2025-02-14,1,1,10001\n", "h,h,h,h\n2025-02-14,1,1,1\n2025-02-14,1,1,1\n", "h\n"} {
		_, err := ParseTiers(strings.NewReader(bad))
		require.Error(t, err, bad)
	}
}

func TestDatesAreSeouls(t *testing.T) {
	require.Equal(t, "2026-03-02", DateOf(time.Date(2026, 3, 2, 14, 59, 59, 0, time.UTC)))
	midnight := time.Date(2026, 2, 28, 15, 0, 0, 0, time.UTC)
	require.Equal(t, "2026-03-01", DateOf(midnight))
	require.Equal(t, "2026-03-02", tomorrow(midnight))
	require.Equal(t, "2028-02-29", tomorrow(time.Date(2028, 2, 28, 3, 0, 0, 0, time.UTC)))
}

func TestTheContractInForce(t *testing.T) {
	contracts := []Contract{{EffectiveFrom: "2026-01-01", FeeBasisPoints: 1}, {EffectiveFrom: "2026-03-02", FeeBasisPoints: 2}}
	for date, want := range map[string]int{"2025-12-31": 0, "2026-01-01": 1, "2026-03-01": 1, "2026-03-02": 2, "2099-01-01": 2} {
		c, found := InForce(contracts, date)
		require.Equal(t, want != 0, found, date)
		require.Equal(t, want, c.FeeBasisPoints, date)
	}
}

func TestWhatIsModifiable(t *testing.T) {
	now := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	row := Row{State: record.Succeeded, Version: 3, Contracts: []Contract{{EffectiveFrom: "2026-01-01"}, {EffectiveFrom: "2026-06-01"}}}
	require.Nil(t, row.modifiable(3, nil, now))
	require.Nil(t, row.modifiable(3, &Contract{EffectiveFrom: "2026-03-03"}, now))
	require.ErrorIs(t, row.modifiable(2, nil, now), errs.EtagMismatch)
	refusal := row.modifiable(3, &Contract{EffectiveFrom: "2026-03-02"}, now)
	require.ErrorIs(t, refusal, errs.ContractInForce)
	require.Equal(t, map[string]string{"since": "2026-01-01", "from": "2026-03-03"}, refusal.Params)
	row.State = record.Failed
	require.ErrorIs(t, row.modifiable(3, nil, now), errs.FranchiseNotFound)
}

func TestMaskedNumbers(t *testing.T) {
	for number, want := range map[string]string{"110123456789": "********6789", "123": "123", "": ""} {
		require.Equal(t, want, Payout{Number: number}.MaskedNumber())
	}
	logged := fmt.Sprint(goodFranchise().LogValue(), goodFranchise().Payout.LogValue(), Franchise{Contact: "kim"}.LogValue())
	require.NotContains(t, logged, "kim")
	require.NotContains(t, logged, "456789")
}

func TestWebhookAddresses(t *testing.T) {
	for _, good := range []string{"https://example.com", "https://example.com:8443/hooks?x=1", "https://8.8.8.8/", "https://[2606:4700::1111]/x"} {
		require.Nil(t, checkURL(good, false), good)
	}
	for _, bad := range []string{
		"", "HTTPS://example.com", "ftp://example.com", "https://", "https:example.com", "example.com", "https://u:p@example.com",
		"https://u@example.com", "https://example.com#f", "https://example.com/#", "https://example.com:0/", "https://example.com:99999/", "https://exa mple.com",
		"https://예시.kr/", "https://example.com/\n", "https://" + strings.Repeat("a", 2000),
	} {
		require.NotNil(t, checkURL(bad, true), bad)
	}
	for _, private := range []string{
		"localhost", "a.LOCALHOST.", "127.0.0.1", "127.0.0.1.", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255",
		"[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::a00:1]", "[2002:7f00:1::]",
	} {
		require.NotNil(t, checkURL("https://"+private+"/", false), private)
		require.Nil(t, checkURL("https://"+private+"/", true), private)
	}
	for _, plain := range []string{"http://example.com/hooks", "http://8.8.8.8/", "http://127.0.0.1:8000/hooks", "http://localhost/"} {
		require.NotNil(t, checkURL(plain, false), plain)
		require.Nil(t, checkURL(plain, true), plain)
	}
	require.False(t, PublicAddress(netip.Addr{}))
}

func TestASignatureIsThatOfStandardWebhooks(t *testing.T) {
	// The example that the libraries of Standard Webhooks are tested with.
	secret, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	got := signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", got)
}

func TestOutcomesOfAttempts(t *testing.T) {
	for answer, want := range map[Answer]AttemptOutcome{
		{Status: 200}:       {Done: true, Delivered: true, Status: 200},
		{Status: 299}:       {Done: true, Delivered: true, Status: 299},
		{Status: 301}:       {Status: 301, Code: CodeStatus},
		{Status: 404}:       {Status: 404, Code: CodeStatus},
		{Status: 410}:       {Done: true, Status: 410, Code: CodeGone},
		{Status: 500}:       {Status: 500, Code: CodeStatus},
		{Code: CodeTimeout}: {Code: CodeTimeout},
	} {
		require.Equal(t, want, outcomeOf(answer))
	}
}
