package demo

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/internal/calendar"
)

var hasty = pace{follow: 10 * time.Second, reach: 200 * time.Millisecond,
	retry: apiclient.Retry{First: time.Millisecond, Longest: 2 * time.Millisecond, Total: 20 * time.Second, Attempt: 10 * time.Second}}

func show(t *testing.T, p *platform, seed uint64) (string, error) {
	return showFor(t, p, hasty, Config{Franchises: 2, Days: 2, Remittances: 80, Payments: 80, Seed: seed})
}

func showFor(t *testing.T, p *platform, patience pace, c Config) (string, error) {
	var out bytes.Buffer
	c.Gateway, c.Bank, c.Operator = p.URL, p.URL, SignIn{"operator@example.com", "secret"}
	c.Members, c.Concurrency, c.Out, c.Progress = 6, 8, &out, io.Discard
	err := run(t.Context(), c, patience)
	return out.String(), err
}

func TestHonestPlatformAddsUp(t *testing.T) {
	out, err := show(t, newPlatform(t), 1)
	require.NoError(t, err, out)
	for _, words := range []string{"adds up: 6 wallets hold", "remittance, repeated", "remittance to a bank", "top-up, automatic", "self_transfer",
		"insufficient_balance", "bank_name_mismatch", "payment, repeated", "order_id_taken", "cancel, settled", "cancel_amount_exceeded",
		"settle a date", "2 franchises sold for"} {
		require.Contains(t, out, words)
	}
}

// A franchise that rests owes more than it is owed, and that is taken over once.
func TestWhatIsCarriedOverAddsUp(t *testing.T) {
	for days := 2; days <= 6; days++ {
		p := newPlatform(t)
		out, err := showFor(t, p, hasty, Config{Franchises: 3, Days: days, Remittances: 20, Payments: 60 * days, Seed: 7})
		require.NoError(t, err, out)
		var carried int64
		for _, s := range p.shops {
			for _, b := range s.bills {
				carried = min(carried, b.Net)
			}
		}
		require.Negative(t, carried)
	}
}

func TestMembersAlone(t *testing.T) {
	out, err := showFor(t, newPlatform(t), hasty, Config{Days: 2, Remittances: 40, Seed: 1})
	require.NoError(t, err, out)
	require.NotContains(t, out, "payment")
}

func TestUnreliableButHonestPlatformAddsUp(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		p := newPlatform(t)
		p.flaky = true
		out, err := show(t, p, seed)
		require.NoError(t, err, out)
		require.Contains(t, out, "sent again with the same key")
	}
}

func TestDishonestPlatformsAreFound(t *testing.T) {
	hurried := hasty
	hurried.follow = time.Second // some never come to an end
	for name, c := range map[string]struct {
		bend func(*platform)
		told string
	}{
		"a repeat moves again":        {func(p *platform) { p.forgetsKeys = true }, "sent twice with one key"},
		"a won is lost":               {func(p *platform) { p.losesCredit = true }, "all wallets: "},
		"the record tells otherwise":  {func(p *platform) { p.mumbles = true }, "is on record as"},
		"a repeat moves again, flaky": {func(p *platform) { p.forgetsKeys, p.flaky = true, true }, "does not add up"},
		"a won too much of fee":       {func(p *platform) { p.business.feeTooMuch = true }, "fee and VAT are"},
		"no fee back":                 {func(p *platform) { p.business.losesFeeBack = true }, "fee and VAT are"},
		"paid out twice":              {func(p *platform) { p.business.paysTwice = true }, "the bank has ["},
		"a won less paid out":         {func(p *platform) { p.business.paysLess = true }, "were paid out, told"},
		"payments are not cut":        {func(p *platform) { p.business.forgetsSale = true }, "is in no statement, though"},
		"a payment is cut twice":      {func(p *platform) { p.business.cutsTwice = true }, "which is not due to franchise"},
		"a debt is forgotten":         {func(p *platform) { p.business.forgetsCarry = true }, "carried over are -"},
		"a debt is taken for ever":    {func(p *platform) { p.business.carriesForEver = true }, "won, told -"},
		"payments are not settled":    {func(p *platform) { p.business.neverSettles = true }, "its statement is \"PAID\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			c.bend(p)
			out, err := showFor(t, p, hurried, Config{Franchises: 2, Days: 4, Remittances: 80, Payments: 200, Seed: 1})
			require.ErrorIs(t, err, ErrDifferent, out)
			require.Contains(t, out, "does not add up")
			require.Contains(t, out, c.told)
		})
	}
}

func TestOutOfBounds(t *testing.T) {
	today := calendar.Of(time.Now())
	operator := SignIn{"operator@example.com", "secret"}
	for name, c := range map[string]Config{
		"one member":        {Members: 1, Concurrency: 1},
		"too many members":  {Members: 1001, Concurrency: 1},
		"nothing at once":   {Members: 2},
		"too much at once":  {Members: 2, Concurrency: 65},
		"less than nothing": {Members: 2, Concurrency: 1, Remittances: -1},
		"too many shops":    {Members: 2, Concurrency: 1, Franchises: 101, Operator: operator},
		"nobody to pay":     {Members: 2, Concurrency: 1, Payments: 1},
		"no operator":       {Members: 2, Concurrency: 1, Franchises: 1},
		"too many days":     {Members: 2, Concurrency: 1, Days: 21},
		"yesterday":         {Members: 2, Concurrency: 1, BusinessDate: today.AddDays(-2)},
		"in a long time":    {Members: 2, Concurrency: 1, BusinessDate: today.AddDays(33)},
	} {
		c.Progress, c.Out = io.Discard, io.Discard
		require.Error(t, Run(t.Context(), c), name)
	}
}

func TestNobodyThere(t *testing.T) {
	p := newPlatform(t)
	p.Close()
	_, err := show(t, p, 1)
	require.ErrorContains(t, err, "durapay up")
}
