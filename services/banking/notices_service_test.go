package banking_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/services/banking"
)

func returnNotice(reference string) banking.Notice {
	return banking.Notice{
		BankNoticeID: id.New(id.BankNotice), Type: banking.NoticeReturned, Reference: reference, BankTransactionID: "RTX", Amount: 30_000,
		Reason:       errs.BankAccountClosed.Code,
		Account:      banking.BankAccountRef{BankCode: corporate.BankCode, Number: corporate.Number},
		Counterparty: banking.BankAccountRef{BankCode: "004", Number: clearNumber}, Memo: clearName,
		At: time.Date(2026, 3, 2, 8, 59, 59, 0, time.UTC),
	}
}

func depositNotice() banking.Notice {
	n := returnNotice("ENT1")
	n.Type, n.Reason, n.Counterparty = banking.NoticeDeposit, "", banking.BankAccountRef{}
	return n
}

func (w *world) record(t tester, n banking.Notice) banking.Notice {
	t.Helper()
	stored, err := w.RecordNotice(t.Context(), n)
	require.NoError(t, err)
	return stored
}

// settled makes a transfer that the bank has accepted.
func (w *world) settled(t *testing.T, d banking.Direction) banking.Firmbanking {
	t.Helper()
	f := w.prepare(t, order(d))
	answer, err := w.Submit(t.Context(), f.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Accepted, answer.Kind)
	return f
}

func TestOpeningAsksForBothBanks(t *testing.T) {
	w := newWorld(t) // the corporate account's bank is closed from 23:40 to 00:30
	w.clock.micros.Store(time.Date(2026, 3, 2, 14, 45, 0, 0, time.UTC).UnixMicro())
	opens := time.Date(2026, 3, 2, 15, 30, 0, 0, time.UTC)
	require.Equal(t, []banking.Opening{{Until: opens}, {Until: opens}, {Until: opens.Add(4 * time.Hour)}},
		w.Opening(t.Context(), []string{"092", "088", "027"}))
	w.clock.advance(3 * time.Hour)
	require.Equal(t, []banking.Opening{{}, {Until: opens.Add(4 * time.Hour)}}, w.Opening(t.Context(), []string{"092", "027"}))
	require.Empty(t, w.Opening(t.Context(), nil))
}

func TestRecordNotice(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	told := returnNotice("withdrawal/1")
	first := w.record(t, told)
	require.Equal(t, record.Requested, first.State)
	require.Equal(t, id.Derive(id.BankNotice, told.BankNoticeID), first.ID)
	w.clock.advance(time.Minute)
	require.Equal(t, first, w.record(t, told))

	require.NoError(t, w.MoveNotices(ctx, []record.Move{{ID: first.ID, State: record.Succeeded}}))
	again := w.record(t, told)
	require.Equal(t, record.Succeeded, again.State)
	found, err := w.FindNotice(ctx, first.ID)
	require.NoError(t, err)
	require.Equal(t, again, found)
	require.Equal(t, clearNumber, found.Counterparty.Number)
	require.Equal(t, clearName, found.Memo)

	other := told
	other.Amount++
	_, err = w.RecordNotice(ctx, other)
	require.ErrorIs(t, err, errs.IdempotencyReused)
	_, err = w.RecordNotice(ctx, banking.Notice{})
	require.ErrorIs(t, err, errs.InvalidRequest)

	deposit := w.record(t, depositNotice())
	got, err := w.Notices(ctx, []string{deposit.ID, first.ID, deposit.ID})
	require.NoError(t, err)
	require.Equal(t, []banking.Notice{deposit, found, deposit}, got)
	_, err = w.Notices(ctx, []string{deposit.ID, id.New(id.BankNotice)})
	require.ErrorIs(t, err, errs.BankNoticeNotFound)
	_, err = w.FindNotice(ctx, id.New(id.BankNotice))
	require.ErrorIs(t, err, errs.BankNoticeNotFound)
	got, err = w.Notices(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestANoticeToldByManyAtOnceIsStoredOnce(t *testing.T) {
	w := newWorld(t)
	told := depositNotice()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := w.RecordNotice(t.Context(), told); err != nil {
				t.Errorf("record: %v", err)
			}
		})
	}
	wg.Wait()
	var n int
	require.NoError(t, w.db.Get(&n, "SELECT COUNT(*) FROM bank_notices"))
	require.Equal(t, 1, n)
}

func TestMoveNotices(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	n := w.record(t, depositNotice())
	failure := record.FailureOf(errs.FirmbankingNotFound)
	require.NoError(t, w.MoveNotices(ctx, []record.Move{{ID: n.ID, State: record.Processing}, {ID: n.ID, State: record.Failed, Failure: failure}}))
	require.NoError(t, w.MoveNotices(ctx, []record.Move{{ID: n.ID, State: record.Failed}}))
	found, err := w.FindNotice(ctx, n.ID)
	require.NoError(t, err)
	require.Equal(t, failure, found.Failure)
	require.ErrorIs(t, w.MoveNotices(ctx, []record.Move{{ID: n.ID, State: record.Succeeded}}), errs.ConcurrentEdit)
	require.ErrorIs(t, w.MoveNotices(ctx, []record.Move{{ID: "bno_none", State: record.Succeeded}}), errs.BankNoticeNotFound)
}

func TestListNotices(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	a := w.record(t, depositNotice())
	w.clock.advance(time.Second)
	b := w.record(t, returnNotice("x"))
	w.clock.advance(time.Second)
	c := w.record(t, depositNotice())
	require.NoError(t, w.MoveNotices(ctx, []record.Move{{ID: c.ID, State: record.Processing}}))
	for name, x := range map[string]struct {
		filter banking.NoticeFilter
		want   []string
	}{
		"all":   {banking.NoticeFilter{}, []string{c.ID, b.ID, a.ID}},
		"type":  {banking.NoticeFilter{Type: banking.NoticeDeposit}, []string{c.ID, a.ID}},
		"state": {banking.NoticeFilter{State: record.Requested}, []string{b.ID, a.ID}},
		"both":  {banking.NoticeFilter{Type: banking.NoticeDeposit, State: record.Requested}, []string{a.ID}},
		"none":  {banking.NoticeFilter{State: record.Failed}, nil},
	} {
		for limit := 1; limit <= 4; limit++ {
			var got []string
			r := page.Request{Limit: limit}
			for range 4 {
				p, err := w.ListNotices(ctx, x.filter, r)
				require.NoError(t, err, name)
				for _, n := range p.Items {
					got = append(got, n.ID)
				}
				if p.Next == "" {
					break
				}
				r, err = page.Parse(p.Next, limit)
				require.NoError(t, err)
			}
			require.Equal(t, x.want, got, name)
		}
	}
	for _, bad := range []banking.NoticeFilter{{Type: "LOST"}, {State: "LOST"}} {
		_, err := w.ListNotices(ctx, bad, page.Request{Limit: 1})
		require.ErrorIs(t, err, errs.InvalidRequest)
	}
}

func TestReturnTransfers(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.settled(t, banking.Credit)
	debit := w.settled(t, banking.Debit)
	n := w.record(t, returnNotice(f.Reference))
	wrongAmount := returnNotice(w.settled(t, banking.Credit).Reference)
	wrongAmount.Amount--
	notFound := banking.Returned{Failure: record.FailureOf(errs.FirmbankingNotFound)}
	ids := []string{
		n.ID, w.record(t, wrongAmount).ID, w.record(t, returnNotice(debit.Reference)).ID, w.record(t, returnNotice("unknown")).ID,
		w.record(t, depositNotice()).ID, "bno_none", n.ID,
	}
	back := banking.Returned{FirmbankingID: f.ID, FlowID: f.FlowID, Direction: banking.Credit, Amount: f.Amount, Reason: errs.BankAccountClosed.Code}
	unknownNotice := banking.Returned{Failure: record.FailureOf(errs.BankNoticeNotFound)}
	for range 2 {
		outs, err := w.ReturnTransfers(ctx, ids)
		require.NoError(t, err)
		require.Equal(t, []banking.Returned{back, notFound, notFound, notFound, notFound, unknownNotice, back}, outs)
	}
	stored, err := w.FindFirmbanking(ctx, f.ID)
	require.NoError(t, err)
	require.Equal(t, banking.StateReturned, stored.State)
	require.Equal(t, errs.BankAccountClosed.Code, stored.Reason)
	require.Equal(t, "BTX"+f.Reference, stored.BankTransactionID, "the transfer's own, not the return's")
	require.Equal(t, banking.Accepted, stored.Answer().Kind)
	require.Equal(t, banking.StateSettled, w.state(t, debit.ID))
	found, err := w.FindNotice(ctx, n.ID)
	require.NoError(t, err)
	require.Equal(t, f.ID, found.FirmbankingID)

	second := w.record(t, returnNotice(f.Reference)) // the bank tells the same under another id
	outs, err := w.ReturnTransfers(ctx, []string{second.ID})
	require.NoError(t, err)
	require.Equal(t, record.FailureOf(errs.BankReturned.With("reason", errs.BankAccountClosed.Code)), outs[0].Failure)
	require.Empty(t, outs[0].FirmbankingID)
	outs, err = w.ReturnTransfers(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, outs)
}

func TestAReturnWaitsUntilTheTransferIsKnownToBeAccepted(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.bank.fault = lostAfter
	f := w.prepare(t, order(banking.Credit))
	_, err := w.Submit(ctx, f.ID)
	require.NoError(t, err)
	w.bank.fault = none
	other := w.settled(t, banking.Credit)
	ids := []string{w.record(t, returnNotice(f.Reference)).ID, w.record(t, returnNotice(other.Reference)).ID}
	_, err = w.ReturnTransfers(ctx, ids)
	require.ErrorIs(t, err, errs.Busy)
	require.True(t, errs.Retryable(err))
	require.Equal(t, banking.StateUnknown, w.state(t, f.ID))
	require.Equal(t, banking.StateReturned, w.state(t, other.ID), "the others do not wait")

	_, err = w.Inquire(ctx, f.ID)
	require.NoError(t, err)
	outs, err := w.ReturnTransfers(ctx, ids)
	require.NoError(t, err)
	require.Equal(t, []string{f.ID, other.ID}, []string{outs[0].FirmbankingID, outs[1].FirmbankingID})
	answer, err := w.Inquire(ctx, f.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Accepted, answer.Kind)
}

func TestATransferComesBackByOneNotice(t *testing.T) {
	w := newWorld(t)
	f := w.settled(t, banking.Credit)
	const notices = 10
	var back atomic.Int32
	var wg sync.WaitGroup
	for range notices {
		n := w.record(t, returnNotice(f.Reference))
		wg.Go(func() {
			outs, err := w.ReturnTransfers(t.Context(), []string{n.ID})
			if err != nil {
				t.Errorf("return: %v", err)
			} else if !outs[0].Failure.Is() {
				back.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, back.Load())
}

// crashingStore fails between the claim of a return and the transfer's move.
type crashingStore struct {
	banking.Store
	crashing atomic.Bool
}

func (s *crashingStore) MoveFirmbanking(ctx context.Context, id string, m banking.FirmbankingMove) (bool, error) {
	if s.crashing.Load() && m.To == banking.StateReturned {
		return false, errs.ServiceUnavailable
	}
	return s.Store.MoveFirmbanking(ctx, id, m)
}

func TestAReturnGoesOnAfterACrash(t *testing.T) {
	store := &crashingStore{}
	w := newWorldOn(t, func(s banking.Store) banking.Store { store.Store = s; return store })
	f := w.settled(t, banking.Credit)
	n := w.record(t, returnNotice(f.Reference))
	store.crashing.Store(true)
	_, err := w.ReturnTransfers(t.Context(), []string{n.ID})
	require.ErrorIs(t, err, errs.ServiceUnavailable)
	store.crashing.Store(false)
	outs, err := w.ReturnTransfers(t.Context(), []string{n.ID})
	require.NoError(t, err)
	require.Equal(t, f.ID, outs[0].FirmbankingID)
	require.Equal(t, banking.StateReturned, w.state(t, f.ID))
}
