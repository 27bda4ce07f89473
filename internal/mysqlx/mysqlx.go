// Package mysqlx is the platform's way to a MySQL-protocol server (MySQL 8.4+ or
// MariaDB 10.11+): connections, transactions with a bounded retry, the driver's
// errors by number, and migrations.
package mysqlx

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"durapay/errs"
)

// Server error numbers that both MySQL and MariaDB use.
const (
	duplicateEntry  = 1062
	lockWaitTimeout = 1205
	deadlock        = 1213
	tooManyConns    = 1040
	shuttingDown    = 1053
	readOnly        = 1290
	interrupted     = 1317 // by a server that shuts down, or an administrator
	killedMariaDB   = 1927
	killedMySQL     = 3169
	checkMySQL      = 3819
	checkMariaDB    = 4025
)

// Config is where a database is and who we are there.
type Config struct {
	Address  string // host:port, or the absolute path of a unix socket
	User     string
	Password string
	Database string // "" for none, when databases are to be created
	MaxConns int    // 0 means DefaultMaxConns
}

// DefaultMaxConns bounds the connections of one process to one database.
const DefaultMaxConns = 16

// The bounds of one statement's wait for the network, so that a silent server is an
// error and not a hang.
const (
	dialTimeout = 5 * time.Second
	ioTimeout   = 30 * time.Second
)

// serverIdle is how long the server keeps a session of ours that says nothing, with the
// locks of its transaction. A process that is frozen, or whose network is gone, would
// otherwise hold them for hours.
const serverIdle = 30 * time.Second

// Open makes a connection pool; it does not connect yet.
// Settings that matter: clientFoundRows (an UPDATE that changes nothing still counts
// its row), UTC on both sides, interpolateParams (one round trip for a statement
// instead of two; safe with utf8mb4).
func Open(c Config) (*sqlx.DB, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = c.User, c.Password, c.Database
	cfg.Net, cfg.Addr = network(c.Address), c.Address
	cfg.ClientFoundRows, cfg.ParseTime, cfg.InterpolateParams = true, true, true
	cfg.Loc = time.UTC
	cfg.Collation = "utf8mb4_bin"
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = dialTimeout, ioTimeout, ioTimeout
	cfg.Params = map[string]string{"time_zone": "'+00:00'", "wait_timeout": strconv.Itoa(int(serverIdle / time.Second))}
	cfg.Logger = quiet{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("database %q: %w", c.Database, err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	conns := c.MaxConns
	if conns == 0 {
		conns = DefaultMaxConns
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(serverIdle / 2)
	return db, nil
}

// quiet drops the driver's own log lines ("unexpected EOF"): every such failure also
// comes back as an error, and an error is handled once.
type quiet struct{}

func (quiet) Print(...any) {}

func network(address string) string {
	if strings.HasPrefix(address, "/") {
		return "unix"
	}
	return "tcp"
}

// txAttempts bounds how often InTx runs a transaction that lost a deadlock or waited
// too long for a lock.
const txAttempts = 8

// InTx runs fn in a READ COMMITTED transaction and commits. A deadlock or a lock
// time-out rolls back and runs fn again, a bounded number of times; fn must therefore
// have no effect outside the transaction. Errors: whatever fn returns; errs.Busy when
// the attempts are used up; errs.ServiceUnavailable when the server is away.
func InTx(ctx context.Context, db *sqlx.DB, fn func(tx *sqlx.Tx) error) error {
	var err error
	for attempt := range txAttempts {
		if err = runTx(ctx, db, fn); !contended(err) {
			return Classify(err)
		}
		if !pause(ctx, attempt) {
			break
		}
	}
	return errs.Busy.Because(err)
}

func runTx(ctx context.Context, db *sqlx.DB, fn func(tx *sqlx.Tx) error) (err error) {
	tx, err := db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	committed := false
	defer func() {
		if !committed { // also when fn panics
			_ = tx.Rollback()
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	committed = true
	return tx.Commit()
}

// pause waits a random, growing while between two attempts; false when ctx ended.
func pause(ctx context.Context, attempt int) bool {
	longest := time.Millisecond << attempt
	t := time.NewTimer(rand.N(longest) + time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// Classify turns a driver's error into the platform's: a server that is away becomes
// errs.ServiceUnavailable, contention errs.Busy; an *errs.Error, nil and anything
// unknown pass unchanged.
func Classify(err error) error {
	var known *errs.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case contended(err):
		return errs.Busy.Because(err)
	case away(err):
		return errs.ServiceUnavailable.Because(err)
	default:
		return err
	}
}

// IsDuplicate tells whether err is a violation of the named unique key ("PRIMARY" for
// the primary key, "" for any). MySQL names it table.key, MariaDB key alone.
func IsDuplicate(err error, key string) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) || e.Number != duplicateEntry {
		return false
	}
	if key == "" {
		return true
	}
	return strings.HasSuffix(e.Message, "'"+key+"'") || strings.HasSuffix(e.Message, "."+key+"'")
}

// IsCheck tells whether err is a violation of a CHECK constraint.
func IsCheck(err error) bool {
	n := number(err)
	return n == checkMySQL || n == checkMariaDB
}

func contended(err error) bool {
	n := number(err)
	return n == deadlock || n == lockWaitTimeout
}

func away(err error) bool {
	switch number(err) {
	case tooManyConns, shuttingDown, readOnly, interrupted, killedMariaDB, killedMySQL:
		return true
	}
	var netErr net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, sql.ErrConnDone) || errors.As(err, &netErr)
}

func number(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

// The first and the last moment that a DATETIME(6) holds.
var (
	firstTime = time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
)

// Comparable gives a time to compare a DATETIME with. For one that no row can have it is
// the nearest that one can: MariaDB compares with it as it is, MySQL calls it an error,
// and the driver does from the year 10000.
func Comparable(t time.Time) time.Time {
	switch {
	case t.Before(firstTime):
		return firstTime
	case t.After(lastTime):
		return lastTime
	default:
		return t.UTC()
	}
}

// CreateDatabase makes a database with the character set every table here expects.
// The name is ours, never a client's: letters, digits and underscores.
func CreateDatabase(ctx context.Context, db *sqlx.DB, name string) error {
	for _, r := range name {
		if r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return fmt.Errorf("database name %q: expected letters, digits and underscores", name)
		}
	}
	_, err := db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS `"+name+"` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// migrationWait bounds how long a process waits for another one's migration, in seconds.
const migrationWait = 120

// Migrate brings the database up to the newest of the embedded migrations. Processes
// that start together take turns by a named lock. It gives how many were applied.
func Migrate(ctx context.Context, db *sqlx.DB, migrations fs.FS) (int, error) {
	lock, err := db.Connx(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	defer func() { _ = lock.Close() }()
	const name = "CONCAT('durapay.migrate.', DATABASE())"
	var got sql.NullInt64
	if err := lock.GetContext(ctx, &got, "SELECT GET_LOCK("+name+", ?)", migrationWait); err != nil {
		return 0, fmt.Errorf("migrate: take the lock: %w", err)
	}
	if got.Int64 != 1 {
		return 0, errors.New("migrate: another process has held the migration lock too long")
	}
	defer func() { _, _ = lock.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK("+name+")") }()

	provider, err := goose.NewProvider(goose.DialectMySQL, db.DB, migrations)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	applied, err := provider.Up(ctx)
	if err != nil {
		return len(applied), fmt.Errorf("migrate: %w", err)
	}
	return len(applied), nil
}
