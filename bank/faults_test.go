package bank

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/devenv/devtest"
	"durapay/schema"
)

// A short hold, so that a cut needs no client that leaves.
const shortHold = 20 * time.Millisecond

func faultRig(t *testing.T) (r *rig, from, to AccountKey) {
	r = newRig(t, Options{Hold: shortHold})
	from, to = account(1), account(2)
	r.open(from, 1000)
	r.open(to, 0)
	return r, from, to
}

func TestDeclineIsAStoredRejection(t *testing.T) {
	r, from, to := faultRig(t)
	r.faults(`{"match":{"operation":"TRANSFER","minAmount":100},"effect":{"type":"DECLINE","reason":"MAINTENANCE"},"times":1}`)
	require.Equal(t, Accepted, r.transfer("small", from, to, 99).Status)
	d := r.transfer("big", from, to, 100)
	require.Equal(t, Rejected, d.Status)
	require.Equal(t, ReasonMaintenance, d.Reason)
	require.Equal(t, d, r.transfer("big", from, to, 100), "spent, and yet the decision stands")
	require.Equal(t, []int64{1}, r.fired())
	r.do("DELETE", "/v1/faults", "", http.StatusNoContent)
	require.Empty(t, r.fired())
}

func TestTimeoutBeforeLeavesNothing(t *testing.T) {
	r, from, to := faultRig(t)
	r.faults(`{"match":{"operation":"TRANSFER","accountNumber":"` + to.AccountNumber + `"},"effect":{"type":"TIMEOUT_BEFORE"},"times":1}`)
	r.cutOff("POST", "/v1/transfers", orderJSON("ref", from, to, 10))
	require.Equal(t, NotFound, r.inquire("ref").Status)
	require.EqualValues(t, 1000, r.balance(from))
	require.Equal(t, Accepted, r.transfer("ref", from, to, 10).Status)
}

func TestTimeoutAfterLeavesTheEffect(t *testing.T) {
	r, from, to := faultRig(t)
	r.faults(`{"match":{"operation":"TRANSFER","reference":"ref"},"effect":{"type":"TIMEOUT_AFTER"},"times":1}`)
	r.cutOff("POST", "/v1/transfers", orderJSON("ref", from, to, 10))
	found := r.inquire("ref")
	require.Equal(t, Accepted, found.Status)
	require.EqualValues(t, 990, r.balance(from))
	again := r.transfer("ref", from, to, 10)
	require.Equal(t, found.BankTransactionID, again.BankTransactionID)
	require.Equal(t, found.DecidedAt, again.DecidedAt)
	require.EqualValues(t, 990, r.balance(from))
	r.requireSums(from, to)
}

func TestErrorsBeforeAndAfterTheEffect(t *testing.T) {
	r, from, to := faultRig(t)
	r.faults(`{"match":{"operation":"TRANSFER","reference":"before"},"effect":{"type":"ERROR","status":502}},
		{"match":{"operation":"TRANSFER","reference":"after"},"effect":{"type":"ERROR_AFTER"}},
		{"match":{"operation":"TRANSFER","reference":"limit"},"effect":{"type":"RATE_LIMIT"}}`)
	r.problem("POST", "/v1/transfers", orderJSON("before", from, to, 10), http.StatusBadGateway, "injected_error")
	require.Equal(t, NotFound, r.inquire("before").Status)
	r.problem("POST", "/v1/transfers", orderJSON("after", from, to, 10), http.StatusServiceUnavailable, "injected_error")
	require.Equal(t, Accepted, r.inquire("after").Status)
	r.problem("POST", "/v1/transfers", orderJSON("limit", from, to, 10), http.StatusTooManyRequests, "rate_limited")
	require.Equal(t, NotFound, r.inquire("limit").Status)
	require.EqualValues(t, 990, r.balance(from))
	require.Equal(t, []int64{1, 1, 1}, r.fired())
}

func TestDelayIsCarriedOutLate(t *testing.T) {
	r, from, to := faultRig(t)
	r.faults(`{"match":{"operation":"ANY","bankCode":"088"},"effect":{"type":"DELAY","delayMillis":50}}`)
	started := time.Now()
	require.Equal(t, Accepted, r.transfer("ref", from, to, 10).Status)
	require.GreaterOrEqual(t, time.Since(started), 50*time.Millisecond)
}

func TestFaultsStrikeInquiriesAndStatements(t *testing.T) {
	r, from, _ := faultRig(t)
	r.faults(`{"match":{"operation":"INQUIRE"},"effect":{"type":"ERROR","status":599}},
		{"match":{"operation":"STATEMENT","accountNumber":"` + from.AccountNumber + `"},"effect":{"type":"TIMEOUT_AFTER"}}`)
	r.problem("GET", "/v1/transfers/ref", "", 599, "injected_error")
	r.cutOff("GET", "/v1/statements/088/"+from.AccountNumber+"?date=2026-03-02", "")
	require.Equal(t, []int64{1, 1}, r.fired())
}

func TestShutdownReleasesWhatFaultsHold(t *testing.T) {
	r := newRig(t, Options{})
	r.faults(`{"match":{"operation":"INQUIRE","reference":"delay"},"effect":{"type":"DELAY","delayMillis":60000}},
		{"match":{"operation":"INQUIRE"},"effect":{"type":"TIMEOUT_BEFORE"}}`)
	left := make(chan error, 2)
	for _, reference := range []string{"delay", "timeout"} {
		go func() {
			_, err := r.send(t.Context(), "GET", "/v1/transfers/"+reference, "")
			left <- err
		}()
	}
	require.Eventually(t, func() bool { return len(r.server.inFlight) == 2 }, 10*time.Second, time.Millisecond)
	stopped := time.Now()
	r.stop()
	require.Error(t, <-left)
	require.Error(t, <-left)
	r.shutDown()
	require.Less(t, time.Since(stopped), DefaultHold/2)
}

func TestRunServesUntilItsContextEnds(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	db := devtest.Database(t, schema.FS("bank"))
	go func() { ended <- Run(ctx, listener, db, Options{}) }()
	response, err := http.Get("http://" + listener.Addr().String() + "/readyz")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	stop()
	require.NoError(t, <-ended)
}
