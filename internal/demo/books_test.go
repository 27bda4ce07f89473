package demo

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/internal/apiclient"
)

var ends = []apiclient.State{apiclient.Succeeded, apiclient.Failed, apiclient.Cancelled, apiclient.Returned}

func drawRecord(t *rapid.T, members int, id string, states []apiclient.State) record {
	r := record{id: id, kind: rapid.SampledFrom([]kind{topUp, withdrawal, remittance, toBank, payment, cancel}).Draw(t, "kind"),
		member: rapid.IntRange(0, members-1).Draw(t, "member"), amount: rapid.Int64Range(1, 2_000_000).Draw(t, "amount"),
		state: rapid.SampledFrom(states).Draw(t, "state")}
	switch r.kind {
	case remittance:
		r.receiver = rapid.IntRange(0, members-1).Draw(t, "receiver")
	case toBank:
		r.receiver = rapid.IntRange(0, payees-1).Draw(t, "payee")
	}
	return r
}

const payees = 2

// apply is what an honest platform and bank do with a record.
func apply(balances []told, payees []int64, r record) {
	if r.state != apiclient.Succeeded {
		return
	}
	switch r.kind {
	case topUp:
		balances[r.member].wallet += r.amount
		balances[r.member].account -= r.amount
	case withdrawal:
		balances[r.member].wallet -= r.amount
		balances[r.member].account += r.amount
	case remittance:
		balances[r.member].wallet -= r.amount
		balances[r.receiver].wallet += r.amount
	case toBank:
		balances[r.member].wallet -= r.amount
		payees[r.receiver] += r.amount
	case payment:
		balances[r.member].wallet -= r.amount
	case cancel:
		balances[r.member].wallet += r.amount
	}
}

// history draws any sequence of outcomes, some told twice, and the honest balances.
func history(t *rapid.T) (*books, []record, []told, []int64) {
	members := rapid.IntRange(2, 6).Draw(t, "members")
	opened, balances := make([]int64, members), make([]told, members)
	for i := range opened {
		opened[i] = rapid.Int64Range(0, 1_000_000).Draw(t, "opened")
		balances[i].account = opened[i]
	}
	b, paid := newBooks(opened, payees, 1), make([]int64, payees)
	var records []record
	for i := range rapid.IntRange(0, 40).Draw(t, "records") {
		r := drawRecord(t, members, fmt.Sprint(i), ends)
		records = append(records, r)
		apply(balances, paid, r)
		for range rapid.IntRange(1, 3).Draw(t, "times told") {
			b.enter(r)
		}
	}
	return b, records, balances, paid
}

func TestHonestFiguresAddUpWhateverHappened(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, _, balances, paid := history(t)
		p, err := b.prove(balances, paid)
		require.NoError(t, err)
		require.Empty(t, p.differences)
		require.Equal(t, p.toppedUp-p.withdrawn-p.sentToBanks-p.account.paid+p.givenBack, p.wallets)
		require.Equal(t, p.opened-p.toppedUp+p.withdrawn, p.banked)
	})
}

func TestOneWonTooMuchAnywhereIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, _, balances, paid := history(t)
		off := rapid.Int64Range(-3, 3).Filter(func(n int64) bool { return n != 0 }).Draw(t, "off")
		victim := &balances[rapid.IntRange(0, len(balances)-1).Draw(t, "victim")]
		field := rapid.SampledFrom([]*int64{&victim.wallet, &victim.held, &victim.account, &paid[0]}).Draw(t, "field")
		*field += off
		p, err := b.prove(balances, paid)
		require.NoError(t, err)
		require.NotEmpty(t, p.differences)
	})
}

// A platform that moves one record twice, or tells one that it did not move, is caught,
// unless that changes no balance: to oneself.
func TestDoubledRecordIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, records, balances, paid := history(t)
		if len(records) == 0 {
			return
		}
		r := rapid.SampledFrom(records).Draw(t, "doubled")
		r.state = apiclient.Succeeded
		apply(balances, paid, r)
		p, err := b.prove(balances, paid)
		require.NoError(t, err)
		require.Equal(t, r.kind == remittance && r.member == r.receiver, len(p.differences) == 0)
	})
}

func TestOrderOfTellingDoesNotCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, records, balances, paid := history(t)
		other := newBooks(b.opened, payees, 1)
		for _, r := range rapid.Permutation(records).Draw(t, "order") {
			other.enter(r)
		}
		one, err := b.prove(balances, paid)
		require.NoError(t, err)
		two, err := other.prove(balances, paid)
		require.NoError(t, err)
		require.Equal(t, one, two)
	})
}

func TestNothingIsProvenWhileARequestHasNotEnded(t *testing.T) {
	for _, state := range []apiclient.State{apiclient.Requested, apiclient.Processing, apiclient.Waiting, apiclient.Unknown, ""} {
		b := newBooks([]int64{0, 0}, 0, 0)
		b.enter(record{id: "top_1", kind: topUp, amount: 5, state: state})
		p, err := b.prove(make([]told, 2), nil)
		require.NoError(t, err)
		require.Len(t, p.differences, 1, state)
	}
}

func TestRecordToldInTwoWaysIsADifference(t *testing.T) {
	r := record{id: "rem_1", kind: remittance, receiver: 1, amount: 5, state: apiclient.Failed}
	for name, change := range map[string]func(*record){
		"state":    func(r *record) { r.state = apiclient.Cancelled },
		"amount":   func(r *record) { r.amount++ },
		"receiver": func(r *record) { r.receiver = 0 },
		"stranger": func(r *record) { r.receiver = -1 },
	} {
		b, other := newBooks([]int64{0, 0}, 0, 0), r
		change(&other)
		b.enter(r)
		b.enter(other)
		p, err := b.prove(make([]told, 2), nil)
		require.NoError(t, err)
		require.Len(t, p.differences, 1, name)
	}
}

func TestOverflowIsAnErrorNotASum(t *testing.T) {
	b := newBooks([]int64{0, 0}, 0, 0)
	for i := range 2 {
		b.enter(record{id: fmt.Sprint(i), kind: topUp, amount: math.MaxInt64, state: apiclient.Succeeded})
	}
	_, err := b.prove(make([]told, 2), nil)
	require.ErrorIs(t, err, errOverflow)
	for _, amounts := range [][]int64{{math.MaxInt64, 1}, {math.MinInt64, -1}} {
		_, err := total(amounts...)
		require.ErrorIs(t, err, errOverflow)
	}
	sum, err := total(math.MaxInt64, math.MinInt64, 1, 0)
	require.NoError(t, err)
	require.Zero(t, sum)
}
