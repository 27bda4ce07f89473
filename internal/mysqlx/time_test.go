package mysqlx_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/devenv/devtest"
	"durapay/internal/mysqlx"
)

// Any time that a client can name may be compared with, on either kind of server.
func TestATimeThatNoRowHasIsComparable(t *testing.T) {
	db, err := mysqlx.Open(devtest.Server(t))
	require.NoError(t, err)
	defer db.Close()
	at := time.Date(2026, 1, 31, 12, 0, 0, 123_456_000, time.UTC)
	for _, c := range []struct {
		with  time.Time
		later bool // whether at is
	}{
		{time.Time{}, true},
		{time.Date(999, 12, 31, 23, 59, 59, 0, time.UTC), true},
		{at.Add(-time.Microsecond).In(time.FixedZone("KST", 9*60*60)), true},
		{at.Add(time.Microsecond), false},
		{time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), false},
		{time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -9*60*60)), false},
	} {
		var later bool
		require.NoError(t, db.GetContext(t.Context(), &later, "SELECT CAST(? AS DATETIME(6)) > CAST(? AS DATETIME(6))", at, mysqlx.Comparable(c.with)))
		require.Equal(t, c.later, later, c.with)
	}
}
