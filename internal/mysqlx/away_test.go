package mysqlx_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/devenv/devtest"
	"durapay/internal/mysqlx"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

func TestAServerThatEndsAStatementIsAway(t *testing.T) {
	db, err := mysqlx.Open(devtest.Server(t))
	require.NoError(t, err)
	defer db.Close()
	for _, kill := range []string{"KILL CONNECTION ", "KILL QUERY "} {
		conn, err := db.Connx(t.Context())
		require.NoError(t, err)
		var id string
		require.NoError(t, conn.GetContext(t.Context(), &id, "SELECT CONNECTION_ID()"))
		ended := make(chan error, 1)
		go func() {
			// Not SLEEP, which tells in its result that it was interrupted.
			_, err := conn.ExecContext(t.Context(), "SELECT COUNT(*) FROM information_schema.collations a, "+
				"information_schema.collations b, information_schema.collations c, information_schema.collations d")
			ended <- err
		}()
		require.Eventually(t, func() bool {
			var busy int
			err := db.GetContext(t.Context(), &busy, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = ? AND info LIKE '%collations d'", id)
			return err == nil && busy == 1
		}, time.Minute, 10*time.Millisecond)
		_, err = db.ExecContext(t.Context(), kill+id)
		require.NoError(t, err)
		require.ErrorIs(t, mysqlx.Classify(<-ended), errs.ServiceUnavailable, kill)
		_ = conn.Close() // it may be gone already
	}
}

// A process that is frozen in a transaction must not hold its locks for hours: the server
// ends a session of ours that says nothing for this many seconds.
func TestTheServerGivesUpASilentSession(t *testing.T) {
	db, err := mysqlx.Open(devtest.Server(t))
	require.NoError(t, err)
	defer db.Close()
	var seconds int
	require.NoError(t, db.GetContext(t.Context(), &seconds, "SELECT @@SESSION.wait_timeout"))
	require.Equal(t, 30, seconds)
}
