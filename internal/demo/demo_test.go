package demo

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
)

var hasty = pace{follow: 10 * time.Second, reach: 200 * time.Millisecond,
	retry: apiclient.Retry{First: time.Millisecond, Longest: 2 * time.Millisecond, Total: 20 * time.Second, Attempt: 10 * time.Second}}

func show(t *testing.T, p *platform, seed uint64) (string, error) {
	var out bytes.Buffer
	err := run(t.Context(), Config{Gateway: p.URL, Bank: p.URL, Members: 6, Concurrency: 8, Remittances: 80, Seed: seed,
		Out: &out, Progress: io.Discard}, hasty)
	return out.String(), err
}

func TestHonestPlatformAddsUp(t *testing.T) {
	out, err := show(t, newPlatform(t), 1)
	require.NoError(t, err, out)
	for _, words := range []string{"adds up: 6 wallets hold", "remittance, repeated", "top-up, automatic", "self_transfer", "insufficient_balance"} {
		require.Contains(t, out, words)
	}
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
	for name, bend := range map[string]func(*platform){
		"a repeat moves again":        func(p *platform) { p.forgetsKeys = true },
		"a won is lost":               func(p *platform) { p.losesCredit = true },
		"the record tells otherwise":  func(p *platform) { p.mumbles = true },
		"a repeat moves again, flaky": func(p *platform) { p.forgetsKeys, p.flaky = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t)
			bend(p)
			out, err := show(t, p, 1)
			require.ErrorIs(t, err, ErrDifferent, out)
			require.Contains(t, out, "does not add up")
		})
	}
}

func TestOutOfBounds(t *testing.T) {
	for _, c := range []Config{
		{Members: 1, Concurrency: 1}, {Members: 1001, Concurrency: 1}, {Members: 2}, {Members: 2, Concurrency: 65},
		{Members: 2, Concurrency: 1, Remittances: -1},
	} {
		require.Error(t, Run(t.Context(), c))
	}
}

func TestNobodyThere(t *testing.T) {
	p := newPlatform(t)
	p.Close()
	_, err := show(t, p, 1)
	require.ErrorContains(t, err, "durapay up")
}
