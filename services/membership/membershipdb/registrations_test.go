package membershipdb_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/membership"
)

func request() membership.RegistrationRecord {
	return membership.RegistrationRecord{ID: id.New(id.Registration), MemberID: newID(), Fingerprint: "f1"}
}

func TestRegistrationsBeginOnce(t *testing.T) {
	e := newEnv(t)
	a, b := request(), request()
	first, err := e.BeginRegistrations(t.Context(), []membership.RegistrationRecord{a, b})
	require.NoError(t, err)
	want := a
	want.State, want.CreatedAt, want.UpdatedAt = record.Requested, start, start
	require.Equal(t, want, first[0])
	require.Equal(t, b.ID, first[1].ID)

	e.advance(time.Hour)
	again := a
	again.Fingerprint, again.MemberID = "f2", newID()
	c := request()
	stored, err := e.BeginRegistrations(t.Context(), []membership.RegistrationRecord{c, again})
	require.NoError(t, err)
	require.Equal(t, c.ID, stored[0].ID)
	require.Equal(t, want, stored[1], "the first request is given back, for its fingerprint to be compared")
}

func TestRegistrationsBeginOnceAtTheSameTime(t *testing.T) {
	e := newEnv(t)
	a, b := request(), request()
	for _, err := range together(30, func(i int) error {
		items := []membership.RegistrationRecord{a, b}
		if i%2 == 1 {
			items[0], items[1] = b, a
		}
		_, err := e.BeginRegistrations(context.Background(), items)
		return err
	}) {
		require.NoError(t, err)
	}
	require.Equal(t, 2, e.count("SELECT COUNT(*) FROM registrations"))
}

func TestRegistrationsMove(t *testing.T) {
	e := newEnv(t)
	a, b := request(), request()
	_, err := e.BeginRegistrations(t.Context(), []membership.RegistrationRecord{a, b})
	require.NoError(t, err)
	e.advance(time.Second)
	taken := record.FailureOf(errs.EmailTaken.With("by", "someone"))
	moves := []record.Move{{ID: a.ID, State: record.Processing}, {ID: b.ID, State: record.Processing}, {ID: b.ID, State: record.Failed, Failure: taken}}
	require.NoError(t, e.MoveRegistrations(t.Context(), moves))
	require.NoError(t, e.MoveRegistrations(t.Context(), []record.Move{{ID: a.ID, State: record.Succeeded}}))
	e.advance(time.Second)
	require.NoError(t, e.MoveRegistrations(t.Context(), moves), "repeated and late moves are passed over")
	require.NoError(t, e.MoveRegistrations(t.Context(), []record.Move{{ID: b.ID, State: record.Succeeded}}))

	found, err := e.FindRegistration(t.Context(), a.ID)
	require.NoError(t, err)
	require.Equal(t, record.Succeeded, found.State)
	require.Equal(t, start.Add(time.Second), found.UpdatedAt)
	found, err = e.FindRegistration(t.Context(), b.ID)
	require.NoError(t, err)
	require.Equal(t, record.Failed, found.State)
	require.Equal(t, taken, found.Failure)

	unknown := id.New(id.Registration)
	require.ErrorIs(t, e.MoveRegistrations(t.Context(), []record.Move{{ID: unknown, State: record.Processing}}), errs.FlowNotFound)
	_, err = e.FindRegistration(t.Context(), unknown)
	require.ErrorIs(t, err, errs.FlowNotFound)
}
