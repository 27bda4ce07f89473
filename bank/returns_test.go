package bank

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"durapay/internal/devenv/devtest"
	"durapay/schema"
)

func TestReturnReference(t *testing.T) {
	require.Equal(t, "a/return", returnReference("a"))
	longest := strings.Repeat("a", maxReferenceBytes-len(returnSuffix))
	require.Equal(t, longest+returnSuffix, returnReference(longest))
	tooLong := longest + "a"
	require.Len(t, returnReference(tooLong), 64+len(returnSuffix))
	require.NotEqual(t, returnReference(tooLong), returnReference(tooLong+"a"))
	require.True(t, isReference(returnReference(tooLong)) && isReserved(returnReference(tooLong)))
}

func TestReservedReferences(t *testing.T) {
	for reference, reserved := range map[string]bool{
		"OPENING": true, "a/return": true, "/return": true, "BDP1": true, Deposit{ID: 1}.BankReference(): true,
		"OPENING2": false, "return": false, "a/return/b": false, "bdp1": false,
	} {
		require.Equal(t, reserved, isReserved(reference), reference)
	}
}

func TestRefuseReturn(t *testing.T) {
	for name, c := range map[string]struct {
		receiver, sender, amount int64
		want                     error
	}{
		"fine":               {10, 0, 5, nil},
		"all there is":       {5, 0, 5, nil},
		"one won short":      {4, 0, 5, errMoneyGone},
		"sender just full":   {5, MaxAmount - 5, 5, nil},
		"sender over-filled": {5, MaxAmount - 4, 5, errAccountFull},
	} {
		t.Run(name, func(t *testing.T) {
			got := refuseReturn(c.amount, Account{Balance: c.receiver, State: Closed}, Account{Balance: c.sender, State: Suspended})
			require.Equal(t, c.want, got)
		})
	}
}

func TestStandingReturn(t *testing.T) {
	for name, c := range map[string]struct {
		status Status
		done   bool
		err    error
	}{
		"accepted": {Accepted, false, nil},
		"returned": {Returned, true, nil},
		"rejected": {Rejected, false, errNotAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			done, err := transferRow{Status: c.status, Reason: ReasonClosed}.standingReturn(ReasonClosed)
			require.Equal(t, c.done, done)
			require.ErrorIs(t, err, c.err)
		})
	}
	_, err := transferRow{Status: Returned, Reason: ReasonClosed}.standingReturn(ReasonReported)
	require.ErrorIs(t, err, errReturnedOtherwise)
}

func TestPauseGrowsUpToABound(t *testing.T) {
	for attempts, want := range map[int]time.Duration{
		0: firstPause, 1: firstPause, 2: 2 * firstPause, 5: 16 * firstPause, 8: 128 * firstPause, 9: longestPause, 1 << 30: longestPause,
	} {
		require.Equal(t, want, pauseAfter(attempts), attempts)
	}
}

func (r *rig) giveBack(reference string, reason Reason) decisionBody {
	r.t.Helper()
	body := fmt.Sprintf(`{"reference":%q,"reason":%q}`, reference, reason)
	return read[decisionBody](r.t, r.do("POST", "/v1/returns", body, http.StatusOK))
}

func TestAnAcceptedTransferIsSentBackOnce(t *testing.T) {
	r := newRig(t, Options{})
	from, to := account(1), account(2)
	r.open(from, 1000)
	r.open(to, 0)
	accepted := r.transfer("pay/1", from, to, 300)
	r.clock.advance(time.Second)
	returned := r.giveBack("pay/1", ReasonClosed)
	at := noon.Add(time.Second)
	require.Equal(t, decisionBody{Reference: "pay/1", Status: Returned, Reason: ReasonClosed, BankTransactionID: accepted.BankTransactionID,
		Amount: 300, Currency: "KRW", DecidedAt: accepted.DecidedAt, ReturnedAt: &at}, returned)
	r.clock.advance(time.Second)
	require.Equal(t, returned, r.giveBack("pay/1", ReasonClosed), "a repeat")
	require.Equal(t, returned, r.inquire("pay/1"))
	again := r.transfer("pay/1", from, to, 300)
	require.Equal(t, Returned, again.Status)
	require.Equal(t, ReasonClosed, again.Reason)
	require.EqualValues(t, 1000, r.balance(from))
	require.Zero(t, r.balance(to))
	items, _ := r.wholeStatement(from, "2026-03-02", 10)
	require.Len(t, items, 3)
	require.Equal(t, entryBody{EntryID: items[2].EntryID, Reference: "pay/1/return", Direction: In, Amount: 300, BalanceAfter: 1000,
		Counterparty: &to, At: at}, items[2])
	require.EqualValues(t, 1, r.totals().Transfers)
	r.requireSums(from, to)
}

func TestWhatCannotBeSentBack(t *testing.T) {
	r := newRig(t, Options{})
	from, to, third := account(1), account(2), account(3)
	r.open(from, 1000)
	r.open(to, 0)
	r.open(third, 0)
	ask := func(reference, reason string, status int, code string) {
		t.Helper()
		r.problem("POST", "/v1/returns", fmt.Sprintf(`{"reference":%q,"reason":%q}`, reference, reason), status, code)
	}
	ask("none", "CLOSED", http.StatusNotFound, "transfer_not_found")
	ask("none", "TIRED", http.StatusBadRequest, "invalid_request")
	ask("", "CLOSED", http.StatusBadRequest, "invalid_request")
	require.Equal(t, Rejected, r.transfer("rejected", from, to, 1001).Status)
	ask("rejected", "CLOSED", http.StatusConflict, "transfer_not_accepted")
	r.transfer("spent", from, to, 500)
	r.transfer("onward", to, third, 1)
	ask("spent", "CLOSED", http.StatusConflict, "insufficient_funds")
	require.Equal(t, Accepted, r.inquire("spent").Status, "a refused return changes nothing")
	r.transfer("refill", from, to, 1)
	r.giveBack("spent", ReasonClosed)
	ask("spent", "REPORTED", http.StatusConflict, "returned_otherwise")
	r.problem("POST", "/v1/transfers", orderJSON("spent/return", from, to, 1), http.StatusBadRequest, "invalid_request")
	r.requireSums(from, to, third)
}

func TestALongReferenceIsSentBack(t *testing.T) {
	r := newRig(t, Options{})
	from, to := account(1), account(2)
	r.open(from, 1000)
	r.open(to, 0)
	reference := strings.Repeat("x", maxReferenceBytes)
	r.transfer(reference, from, to, 300)
	require.Equal(t, Returned, r.giveBack(reference, ReasonReported).Status)
	items, _ := r.wholeStatement(to, "2026-03-02", 10)
	require.Equal(t, returnReference(reference), items[1].Reference)
}

func TestOneOfManyReturnsAtOnceMovesTheMoney(t *testing.T) {
	r := newRig(t, Options{})
	from, to := account(1), account(2)
	r.open(from, 1000)
	r.open(to, 1000)
	r.transfer("ref", from, to, 300)
	var all errgroup.Group
	for range 8 {
		all.Go(func() error {
			_, err := r.server.books.giveBack(t.Context(), "ref", ReasonClosed)
			return err
		})
	}
	require.NoError(t, all.Wait())
	require.EqualValues(t, 1000, r.balance(from))
	r.requireSums(from, to)
}

func (r *rig) becomes(reference string, status Status) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.inquire(reference).Status == status }, 10*time.Second, 5*time.Millisecond)
}

func TestLateReturnAtOnce(t *testing.T) {
	r, from, to := faultRig(t)
	r.faults(`{"match":{"operation":"TRANSFER","reference":"late"},"effect":{"type":"LATE_RETURN","reason":"SUSPENDED"},"times":1}`)
	require.Equal(t, Accepted, r.transfer("late", from, to, 10).Status)
	r.becomes("late", Returned)
	require.Equal(t, ReasonSuspended, r.inquire("late").Reason)
	require.Equal(t, Accepted, r.transfer("late2", from, to, 10).Status)
	require.EqualValues(t, 990, r.balance(from))
	r.requireSums(from, to)
}

func TestLateReturnSurvivesARestart(t *testing.T) {
	db := devtest.Database(t, schema.FS("bank"))
	first := newRigOn(t, db, Options{})
	from, to := account(1), account(2)
	first.open(from, 1000)
	first.open(to, 0)
	first.faults(`{"match":{"operation":"TRANSFER"},"effect":{"type":"LATE_RETURN","reason":"CLOSED","delayMillis":60000}}`)
	require.Equal(t, Accepted, first.transfer("late", from, to, 10).Status)
	first.shutDown()

	second := newRigOn(t, db, Options{})
	require.Equal(t, Accepted, second.inquire("late").Status, "not due yet")
	second.clock.advance(time.Minute)
	second.becomes("late", Returned)
	second.requireSums(from, to)
}

func TestALateReturnWaitsForItsMoney(t *testing.T) {
	r, from, to := faultRig(t)
	r.faults(`{"match":{"operation":"TRANSFER","reference":"late"},"effect":{"type":"LATE_RETURN","reason":"CLOSED","delayMillis":1000}}`)
	r.transfer("late", from, to, 10)
	r.transfer("spent", to, from, 10)
	r.clock.advance(time.Second)
	require.Eventually(t, func() bool {
		var attempts int
		err := r.server.books.db.Get(&attempts, "SELECT attempts FROM due_returns WHERE reference = 'late'")
		return err == nil && attempts > 0
	}, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, Accepted, r.inquire("late").Status)
	r.transfer("refill", from, to, 10)
	r.clock.advance(time.Minute)
	r.becomes("late", Returned)
	r.requireSums(from, to)
}

func TestAReturnByHandTakesThePlaceOfADueOne(t *testing.T) {
	r, from, to := faultRig(t)
	r.faults(`{"match":{"operation":"TRANSFER"},"effect":{"type":"LATE_RETURN","reason":"CLOSED","delayMillis":1000}}`)
	r.transfer("late", from, to, 10)
	r.giveBack("late", ReasonReported)
	due, err := r.server.books.nextDueReturn(t.Context())
	require.NoError(t, err)
	require.Nil(t, due)
	require.Equal(t, ReasonReported, r.inquire("late").Reason)
}

func TestMaintenanceOfOneBankStandsForItsReferenceOnly(t *testing.T) {
	r := newRig(t, Options{})
	here, there := account(1), AccountKey{BankCode: "004", AccountNumber: "9999999999"}
	r.open(here, 1000)
	r.open(there, 1000)
	r.faults(`{"match":{"operation":"TRANSFER","bankCode":"004"},"effect":{"type":"DECLINE","reason":"MAINTENANCE"}}`)
	for reference, sides := range map[string][2]AccountKey{"out": {here, there}, "in": {there, here}} {
		require.Equal(t, ReasonMaintenance, r.transfer(reference, sides[0], sides[1], 1).Reason, "either side")
	}
	r.do("DELETE", "/v1/faults", "", http.StatusNoContent)
	require.Equal(t, ReasonMaintenance, r.transfer("out", here, there, 1).Reason, "the reference keeps its decision")
	require.Equal(t, Accepted, r.transfer("out/2", here, there, 1).Status)
}
