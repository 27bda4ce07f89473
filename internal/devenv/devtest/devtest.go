// Package devtest gives tests a database and a Temporal server. Each test process
// starts its own on first use and stops them at its end, unless the environment
// names some that are running.
//
//	func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }
package devtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/devenv"
	"durapay/internal/mysqlx"
)

// shared are the servers of this test process.
var shared struct {
	mu       sync.Mutex
	servers  *Servers
	closed   bool
	mysql    mysqlx.Config
	temporal string
}

// Main runs the tests and stops what they started. Its result is the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.closed = true
	if shared.servers == nil {
		return code
	}
	if err := shared.servers.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "devtest:", err)
		return max(code, 1)
	}
	return code
}

// Server gives a MySQL-protocol server on which the test may create databases.
// The config names no database.
func Server(t testing.TB) mysqlx.Config {
	t.Helper()
	if address := os.Getenv(envMySQLAddress); address != "" {
		return mysqlx.Config{Address: address, User: os.Getenv(envMySQLUser), Password: os.Getenv(envMySQLPassword)}
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.mysql.Address == "" {
		ctx, cancel := context.WithTimeout(context.Background(), startBound)
		defer cancel()
		config, err := privateServers(t).StartDatabase(ctx)
		if err != nil {
			t.Fatalf("devtest: %v", err)
		}
		shared.mysql = config
	}
	return shared.mysql
}

// Temporal gives the address of a Temporal server with the platform's search
// attributes in its namespace "default". Other packages' tests may use the same
// one: task queues and workflow ids must be a test's own.
func Temporal(t testing.TB) string {
	t.Helper()
	if address := os.Getenv(envTemporalAddress); address != "" {
		return address
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.temporal == "" {
		// No time limit but the test's: the first use on a machine builds the server.
		address, err := privateServers(t).StartTemporal(context.Background())
		if err != nil {
			t.Fatalf("devtest: %v", err)
		}
		shared.temporal = address
	}
	return shared.temporal
}

// privateServers is called with the lock held.
func privateServers(t testing.TB) *Servers {
	t.Helper()
	if shared.closed {
		t.Fatal("devtest: used after Main")
	}
	if shared.servers == nil {
		servers, err := NewServers(devenv.NewSay(os.Stderr))
		if err != nil {
			t.Fatalf("devtest: %v", err)
		}
		shared.servers = servers
	}
	return shared.servers
}

// Database gives a pool on a fresh database with the migrations applied. Both are
// gone when the test ends.
func Database(t testing.TB, migrations fs.FS) *sqlx.DB {
	t.Helper()
	return open(t, DatabaseConfig(t, migrations))
}

// DatabaseConfig is Database for a test that opens its own pools, or hands the
// address to another process.
func DatabaseConfig(t testing.TB, migrations fs.FS) mysqlx.Config {
	t.Helper()
	config := EmptyDatabase(t)
	if _, err := mysqlx.Migrate(t.Context(), open(t, config), migrations); err != nil {
		t.Fatalf("devtest: %v", err)
	}
	return config
}

// EmptyDatabase gives a fresh database without tables, dropped when the test ends.
func EmptyDatabase(t testing.TB) mysqlx.Config {
	t.Helper()
	config := Server(t)
	admin := open(t, config)
	config.Database = "t_" + randomName()
	if err := mysqlx.CreateDatabase(t.Context(), admin, config.Database); err != nil {
		t.Fatalf("devtest: %v", err)
	}
	t.Cleanup(func() { drop(t, admin, config.Database) })
	return config
}

// Prefix gives a prefix for the names of the databases that a test creates by
// itself; all that begin with it are dropped when the test ends.
func Prefix(t testing.TB) string {
	t.Helper()
	admin := open(t, Server(t))
	prefix := "t_" + randomName() + "_"
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), dropBound)
		defer cancel()
		var names []string
		const q = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE LEFT(SCHEMA_NAME, CHAR_LENGTH(?)) = ?"
		if err := admin.SelectContext(ctx, &names, q, prefix, prefix); err != nil {
			t.Errorf("devtest: databases %s*: %v", prefix, err)
		}
		for _, name := range names {
			drop(t, admin, name)
		}
	})
	return prefix
}

const dropBound = 30 * time.Second

// drop has a bound because a test that forgot an open transaction would hold it
// for ever.
func drop(t testing.TB, admin *sqlx.DB, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), dropBound)
	defer cancel()
	if _, err := admin.ExecContext(ctx, "DROP DATABASE IF EXISTS `"+name+"`"); err != nil {
		t.Errorf("devtest: drop %s: %v", name, err)
	}
}

func open(t testing.TB, config mysqlx.Config) *sqlx.DB {
	t.Helper()
	db, err := mysqlx.Open(config)
	if err != nil {
		t.Fatalf("devtest: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func randomName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
