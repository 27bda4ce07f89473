package devtest_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"durapay/internal/devenv"
	"durapay/internal/devenv/devtest"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

var migrations = fstest.MapFS{
	"00001_things.sql": {Data: []byte("-- +goose Up\nCREATE TABLE things (id INT PRIMARY KEY);\n-- +goose Down\nDROP TABLE things;\n")},
}

func TestDatabaseIsFreshAndMigrated(t *testing.T) {
	first, second := devtest.Database(t, migrations), devtest.Database(t, migrations)
	_, err := first.Exec("INSERT INTO things VALUES (1)")
	require.NoError(t, err)
	var rows int
	require.NoError(t, second.Get(&rows, "SELECT COUNT(*) FROM things"))
	require.Zero(t, rows)
}

func TestDatabaseIsDurable(t *testing.T) {
	db := devtest.Database(t, migrations)
	settings := map[string]string{}
	rows, err := db.Queryx("SHOW VARIABLES WHERE Variable_name IN ('innodb_flush_log_at_trx_commit','innodb_doublewrite','character_set_server')")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name, value string
		require.NoError(t, rows.Scan(&name, &value))
		settings[name] = value
	}
	require.NoError(t, rows.Err())
	require.Equal(t, map[string]string{
		"innodb_flush_log_at_trx_commit": "1", "innodb_doublewrite": "ON", "character_set_server": "utf8mb4",
	}, settings)
}

func TestTemporalAnswers(t *testing.T) {
	c, err := client.Dial(client.Options{HostPort: devtest.Temporal(t)})
	require.NoError(t, err)
	defer c.Close()
	require.Eventually(t, func() bool {
		_, err := c.CheckHealth(t.Context(), &client.CheckHealthRequest{})
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
}

func TestNobodyElseIsLetIn(t *testing.T) {
	server := devtest.Server(t)
	for _, user := range []string{"root", "", "nobody"} {
		err := devenv.PingMySQL(t.Context(), server.Address, user, "")
		require.Error(t, err, user)
		require.Regexp(t, "Access denied|is locked|not allowed", err.Error(), user)
	}
}

// A database that the caller asked for and did not get must not pass for it.
func TestTheServerIsOfTheKindThatIsAskedFor(t *testing.T) {
	db := devtest.Database(t, migrations)
	var version string
	require.NoError(t, db.Get(&version, "SELECT VERSION()"))
	asked := os.Getenv("DURAPAY_TEST_DATABASE")
	if asked != "" {
		require.Equal(t, asked == "mysql", !strings.Contains(version, "MariaDB"), version)
	}
}
