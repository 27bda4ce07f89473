package crash

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/config"
	"durapay/internal/devenv"
	"durapay/test/harness"
)

// The load: small, and with enough under way to be struck.
const (
	demoMembers     = 12
	demoAtOnce      = 8
	demoRemittances = 160
	demoFranchises  = 3
	demoPayments    = 80
)

// demo is a run of `durapay demo`.
type demo struct {
	cmd   *exec.Cmd
	out   lockedBuffer
	ended chan struct{}
	exit  error // readable after ended
}

// lockedBuffer can be read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func startDemo(t *testing.T, p *harness.Platform) *demo {
	t.Helper()
	d := &demo{ended: make(chan struct{})}
	// It is told where the platform is, and not its folder: by that the platform's own processes are known.
	d.cmd = command("demo", "--gateway", p.API, "--bank", p.BankURL, "--operator-email", "operator@durapay.local", "--members", fmt.Sprint(demoMembers), "--franchises", fmt.Sprint(demoFranchises),
		"--concurrency", fmt.Sprint(demoAtOnce), "--remittances", fmt.Sprint(demoRemittances), "--payments", fmt.Sprint(demoPayments))
	d.cmd.Env = append(d.cmd.Env, config.OperatorPassword+"="+p.Secrets[config.OperatorPassword])
	d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.out
	require.NoError(t, devenv.Spawn(d.cmd, syscall.SIGKILL))
	go func() { d.exit = d.cmd.Wait(); close(d.ended) }()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill() // fails only for an ended one
		<-d.ended
	})
	return d
}

// requireRunning fails when the demo has ended: what follows would strike nothing.
func (d *demo) requireRunning(t *testing.T) {
	t.Helper()
	select {
	case <-d.ended:
		t.Fatalf("the demo has ended too early: %v\n%s", d.exit, &d.out)
	default:
	}
}

// awaitMiddle waits until some requests are done, most are to come, and some are under
// way at this very moment.
func (d *demo) awaitMiddle(t *testing.T, p *harness.Platform) {
	t.Helper()
	const someDone, someOpen = 20, demoAtOnce / 2
	var done, open int64
	harness.Eventually(t, endBound, "the demo is in the middle of its work", func() bool {
		d.requireRunning(t)
		done = count(t, p, "SELECT COUNT(*) FROM durapay_remittance.remittances WHERE state = 'SUCCEEDED'")
		open = openRows(t, p)
		return done >= someDone && open >= someOpen
	})
	require.Less(t, done, int64(demoRemittances/2), "the demo is nearly done")
	t.Logf("struck after %d of %d remittances, with %d requests and transfers open", done, demoRemittances, open)
}

// requireAddsUp waits for the demo's end and its proof.
func (d *demo) requireAddsUp(t *testing.T) {
	t.Helper()
	select {
	case <-d.ended:
	case <-time.After(endBound):
		t.Fatalf("the demo has not ended within %s: %s", endBound, &d.out)
	}
	require.NoError(t, d.exit, d.out.String())
	require.Contains(t, d.out.String(), "\nadds up: ")
}

// notFinal is every request and transfer that has no final state.
const notFinal = `SELECT
	(SELECT COUNT(*) FROM durapay_money.money_requests WHERE state NOT IN ('SUCCEEDED','FAILED','CANCELLED','RETURNED')) +
	(SELECT COUNT(*) FROM durapay_remittance.remittances WHERE state NOT IN ('SUCCEEDED','FAILED','CANCELLED','RETURNED')) +
	(SELECT COUNT(*) FROM durapay_payment.payments WHERE state IN ('REQUESTED','PROCESSING','WAITING','UNKNOWN')) +
	(SELECT COUNT(*) FROM durapay_payment.cancels WHERE state NOT IN ('SUCCEEDED','FAILED','CANCELLED','RETURNED')) +
	(SELECT COUNT(*) FROM durapay_banking.link_requests WHERE state NOT IN ('SUCCEEDED','FAILED','CANCELLED','RETURNED')) +
	(SELECT COUNT(*) FROM durapay_membership.registrations WHERE state NOT IN ('SUCCEEDED','FAILED','CANCELLED','RETURNED')) +
	(SELECT COUNT(*) FROM durapay_banking.firmbankings WHERE state NOT IN ('SETTLED','REJECTED','RETURNED'))`

func openRows(t *testing.T, p *harness.Platform) int64 { return count(t, p, notFinal) }

func count(t *testing.T, p *harness.Platform, query string, args ...any) int64 {
	t.Helper()
	db, err := p.DB()
	require.NoError(t, err)
	var n int64
	require.NoError(t, db.GetContext(t.Context(), &n, query, args...))
	return n
}

// requireSound waits until every flow and every row has ended, and proves the books.
// Temporal's list of running flows is told late: the rows are asked too.
func requireSound(t *testing.T, p *harness.Platform) {
	t.Helper()
	harness.Eventually(t, endBound, "every flow has ended", func() bool {
		running, err := p.Flows(t.Context(), "ExecutionStatus = 'Running'")
		return err == nil && len(running) == 0 && openRows(t, p) == 0
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, p.Audit(ctx))
}
