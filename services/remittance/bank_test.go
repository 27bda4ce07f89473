package remittance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/services/remittance"
)

func toBank(from string) remittance.Remittance {
	r := request(from, "")
	r.To = remittance.Receiver{BankCode: "088", AccountNumber: "110-123-456789", HolderName: " <홍길동> "}
	return r
}

var stored = remittance.Receiver{BankCode: "088", AccountNumber: "110123456789", HolderName: "<홍길동>"}

func TestABankRemittanceIsItsSendersOnly(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	r := toBank(alice)
	require.Equal(t, stored, w.begin(t, r).To)
	require.Equal(t, stored, w.begin(t, r).To, "a repeat")
	w.move(t, r, record.Succeeded)
	for _, who := range []string{alice, ""} {
		got, err := w.Find(ctx, who, r.ID)
		require.NoError(t, err)
		require.Equal(t, stored, got.To)
	}
	_, err := w.Find(ctx, bob, r.ID)
	require.ErrorIs(t, err, errs.RemittanceNotFound)
	require.Equal(t, []string{r.ID}, w.history(t, alice, 10))
	require.Empty(t, w.history(t, bob, 10))
	nobodys, err := w.History(ctx, "", page.Request{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, nobodys.Items)
}

func TestNoColumnHoldsTheAccountInTheClear(t *testing.T) {
	w := newWorld(t)
	r := toBank(alice)
	r.To.HolderName = strings.Repeat("<", 50) // the longest when sealed
	w.begin(t, r)
	w.begin(t, toBank(alice))
	rows, err := w.db.Queryx("SELECT * FROM remittances")
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		columns, err := rows.SliceScan()
		require.NoError(t, err)
		for _, c := range columns {
			b, _ := c.([]byte)
			require.NotContains(t, string(b), "456789")
			require.NotContains(t, string(b), "홍길동")
		}
	}
	require.NoError(t, rows.Err())
}

func TestASealedAccountOpensInItsRowOnly(t *testing.T) {
	w := newWorld(t)
	a, b := w.begin(t, toBank(alice)), w.begin(t, toBank(bob))
	_, err := w.db.Exec("UPDATE remittances x JOIN remittances y ON y.id = ? SET x.to_sealed = y.to_sealed WHERE x.id = ?", b.ID, a.ID)
	require.NoError(t, err)
	_, err = w.Find(t.Context(), alice, a.ID)
	require.Error(t, err)
}

func TestALateReturnKeepsStateAndReason(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	r := w.begin(t, toBank(alice))
	w.move(t, r, record.Succeeded)
	require.EqualValues(t, r.Amount, w.total(t, alice, "2026-03-02"))
	failure := record.FailureOf(errs.BankReturned)
	for range 2 {
		require.NoError(t, w.Move(ctx, []record.Move{{ID: r.ID, State: record.Returned, Failure: failure}}))
		got, err := w.Find(ctx, alice, r.ID)
		require.NoError(t, err)
		require.Equal(t, record.Returned, got.State)
		require.Equal(t, failure, got.Failure)
		require.Zero(t, w.total(t, alice, "2026-03-02"))
	}
	require.NoError(t, w.Move(ctx, []record.Move{{ID: r.ID, State: record.Succeeded}}), "its flow's last step, run again: it had succeeded")
	got, err := w.Find(ctx, alice, r.ID)
	require.NoError(t, err)
	require.Equal(t, record.Returned, got.State)
	require.ErrorIs(t, w.Move(ctx, []record.Move{{ID: r.ID, State: record.Failed, Failure: failure}}), errs.ConcurrentEdit)
}

func TestASchedule(t *testing.T) {
	w := newWorld(t)
	r := request(alice, bob)
	r.ExecuteAt = w.now().Add(time.Hour)
	require.Nil(t, w.Check(r))
	got := w.begin(t, r)
	require.Equal(t, r.ExecuteAt, got.ExecuteAt)
	w.micros.Add(time.Hour.Microseconds() * 2)
	require.Nil(t, w.Check(got), "a stored one is judged by the time of its request")
	require.False(t, w.begin(t, r).Refusal.Is())

	late := request(alice, bob)
	late.ExecuteAt = r.ExecuteAt
	require.Equal(t, "/executeAt", w.Check(late).Fields[0].Pointer)
	require.False(t, w.begin(t, late).Refusal.Is(), "asked for in time, and recorded late: it was accepted")
	require.Equal(t, 2*r.Amount, w.total(t, alice, "2026-03-02"))
}

func TestTheDatabaseRefusesTwoReceivers(t *testing.T) {
	w := newWorld(t)
	bank, member := w.begin(t, toBank(alice)), w.begin(t, request(alice, bob))
	for _, change := range []string{
		"receiver_id = '" + id.New(id.Member) + "' WHERE id = '" + bank.ID,
		"to_sealed = NULL WHERE id = '" + bank.ID,
		"receiver_id = '' WHERE id = '" + member.ID,
		"bank_code = '088' WHERE id = '" + member.ID,
		"refusal = '{}' WHERE id = '" + member.ID,
	} {
		_, err := w.db.Exec("UPDATE remittances SET " + change + "'")
		require.Error(t, err, change)
	}
}
