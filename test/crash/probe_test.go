package crash

import (
	"context"
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// probe is a member who keeps asking for a top-up of one won, which needs every part of
// the platform, and who knows what it asked for.
type probe struct {
	p      *harness.Platform
	member *harness.Member
	keys   []string
}

const probeBank int64 = 100_000 // what is on a probe's account at the bank at first, in won

func newProbe(t *testing.T, p *harness.Platform) *probe {
	t.Helper()
	return &probe{p: p, member: p.NewMember(t).WithAccount(t, probeBank)}
}

// ask asks for one more top-up, once.
func (m *probe) ask(t *testing.T) (harness.Answer, error) {
	key := rand.Text()
	m.keys = append(m.keys, key)
	ctx, cancel := context.WithTimeout(t.Context(), answerBound)
	defer cancel()
	return m.p.Do(ctx, harness.Call{Method: http.MethodPost, Path: "/v1/money/increase", Token: m.member.Token, Key: key, Body: m.member.Money(1)})
}

// awaitService asks until a top-up goes through at once, and logs how long that took.
func (m *probe) awaitService(t *testing.T, since time.Time, what string) {
	t.Helper()
	var answered time.Duration
	harness.Eventually(t, endBound, "requests succeed again", func() bool {
		a, err := m.ask(t)
		if err != nil || a.Status == http.StatusServiceUnavailable {
			return false
		}
		require.Contains(t, []int{http.StatusCreated, http.StatusAccepted}, a.Status, "%s", a)
		if answered == 0 {
			answered = time.Since(since)
		}
		return a.Status == http.StatusCreated
	})
	t.Logf("%s: requests are taken again after %d ms, and succeed at once again after %d ms",
		what, answered.Milliseconds(), time.Since(since).Milliseconds())
}

// requireEachOnce sends every request again with its key and compares what came of them
// with wallet and bank. While the bank is away a top-up may fail: then it moved nothing.
func (m *probe) requireEachOnce(t *testing.T) {
	t.Helper()
	var done int64
	for _, key := range m.keys {
		end := m.member.End(t, m.member.TopUp(t, key, 1))
		if end.State == apiclient.Succeeded {
			done++
			continue
		}
		require.Equal(t, apiclient.Outcome{ID: end.ID, State: apiclient.Failed, Code: "bank_not_executed"}, end)
	}
	require.Positive(t, done)
	require.Equal(t, done, m.member.Balance(t).Balance)
	require.Equal(t, probeBank-done, m.member.BankBalance(t))
}
