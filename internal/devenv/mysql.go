package devenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNoMySQL tells that this machine has no MySQL server and that none could be
// fetched; what wraps it says why, in one line.
var ErrNoMySQL = errors.New("no MySQL server to test with")

// MySQLTools are what is needed to run a MySQL server.
type MySQLTools struct {
	Server  string // mysqld
	Version string // what mysqld --version says
	// Those of a server that was unpacked into a folder, which this system's loader
	// would give the wrong libraries; empty for an installed one.
	Loader    string // the dynamic loader that it was built for
	Libraries string // folder of its shared libraries
	Base      string // folder of its messages and character sets
}

// MySQL describes a private MySQL server, for tests: `durapay up` runs MariaDB.
type MySQL struct {
	Tools         MySQLTools
	Data          string // its data folder
	Socket        string
	Port          int
	User          string
	Password      string
	Grants        []string // what the user may do on what, for instance "ALL ON *.*"
	BufferPoolMiB int      // size of InnoDB's page cache
	OnParentDeath syscall.Signal
}

// minMySQL is the oldest server (major, minor) that the SQL here is meant for.
var minMySQL = [2]int{8, 4}

// EnsureMySQL finds an installed MySQL, or one that was fetched before, or fetches
// one from Debian into the user's cache folder, for which no rights are needed. A
// MariaDB is passed over. Errors: ErrNoMySQL.
func EnsureMySQL(ctx context.Context, say Say) (MySQLTools, error) {
	for _, server := range candidates("mysqld") {
		if tools, ok := usableMySQL(ctx, MySQLTools{Server: server}); ok {
			return tools, nil
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return MySQLTools{}, fmt.Errorf("%w: %w", ErrNoMySQL, err)
	}
	dir := filepath.Join(cache, "durapay", "tools")
	if tools, ok := findFetchedMySQL(ctx, dir); ok {
		return tools, nil
	}
	tools, err := fetchMySQL(ctx, say, dir)
	if err != nil {
		return MySQLTools{}, fmt.Errorf("%w: %w; install MySQL %d.%d or later by hand", ErrNoMySQL, err, minMySQL[0], minMySQL[1])
	}
	return tools, nil
}

// findFetchedMySQL looks for what an earlier run has unpacked.
func findFetchedMySQL(ctx context.Context, dir string) (MySQLTools, bool) {
	roots, err := filepath.Glob(filepath.Join(dir, fetchedPrefix+"*"))
	if err != nil {
		return MySQLTools{}, false
	}
	slices.Reverse(roots) // the newest last in most cases; any will do
	for _, root := range roots {
		unpacked, err := unpackedMySQL(root)
		if err != nil {
			continue // what is still being unpacked, or for another machine
		}
		if tools, ok := usableMySQL(ctx, unpacked); ok {
			return tools, true
		}
	}
	return MySQLTools{}, false
}

var mysqlVersion = regexp.MustCompile(`Ver (\d+)\.(\d+)\.`)

// usableMySQL runs the server: one that is there may still be a MariaDB under another
// name, for another machine, or too old.
func usableMySQL(ctx context.Context, tools MySQLTools) (MySQLTools, bool) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second) // a cold disk
	defer cancel()
	path, args := tools.command("--no-defaults", "--version")
	out, err := exec.CommandContext(ctx, path, args...).Output()
	tools.Version = strings.TrimSpace(string(out))
	match := mysqlVersion.FindStringSubmatch(tools.Version)
	if err != nil || match == nil || strings.Contains(tools.Version, "MariaDB") {
		return MySQLTools{}, false
	}
	major, _ := strconv.Atoi(match[1]) // digits, by the expression
	minor, _ := strconv.Atoi(match[2])
	return tools, major > minMySQL[0] || major == minMySQL[0] && minor >= minMySQL[1]
}

// command gives the program and the arguments that run the server.
func (t MySQLTools) command(args ...string) (path string, all []string) {
	if t.Loader == "" {
		return t.Server, args
	}
	return t.Loader, append([]string{"--library-path", t.Libraries, t.Server}, args...)
}

// shared are the arguments of every run on a data folder.
func (t MySQLTools) shared(data string) []string {
	args := []string{
		"--no-defaults", // first, or the server ignores it
		"--datadir=" + data,
		"--secure-file-priv=NULL", // no SQL touches files, and the folder built in need not exist
		"--innodb-redo-log-capacity=" + redoLogSize,
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin",
	}
	if t.Base != "" {
		args = append(args, "--basedir="+t.Base)
	}
	return append(args, asRoot()...)
}

// Address is where the server listens, on loopback alone.
func (m MySQL) Address() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(m.Port))
}

// Initialise makes the data folder unless it is there, whole or not at all.
func (m MySQL) Initialise(ctx context.Context) error {
	return initialise("MySQL", m.Data, func(fresh string) error {
		path, args := m.Tools.command(m.Tools.shared(fresh)...)
		if out, err := runTool(ctx, foreignEnviron(), path, append(args, "--initialize-insecure")...); err != nil {
			return fmt.Errorf("MySQL: %s: %w: %s", m.Tools.Server, err, lastLine(out))
		}
		return nil
	})
}

// Child describes the server as a process. Its accounts are set at every start.
func (m MySQL) Child() Child {
	initFile := m.Data + ".init.sql"
	path, args := m.Tools.command(m.args(initFile)...)
	return Child{
		Name: "mysql",
		Path: path,
		Args: args,
		Env:  foreignEnviron(),
		Prepare: func() error {
			return os.WriteFile(initFile, []byte(m.accounts()), 0o600)
		},
		Ready:         m.Ping,
		ReadyTimeout:  time.Minute, // recovery after a crash reads the whole redo log
		StopTimeout:   30 * time.Second,
		OnParentDeath: m.OnParentDeath,
	}
}

// args are those of MariaDB in MySQL's words, so that both are tested alike.
func (m MySQL) args(initFile string) []string {
	return append(m.Tools.shared(m.Data),
		"--socket="+m.Socket, "--pid-file="+m.Data+".server.pid",
		"--bind-address=127.0.0.1", "--port="+strconv.Itoa(m.Port), "--skip-name-resolve",
		"--mysqlx=OFF", // a second protocol, on a port and a socket of its own
		"--init-file="+initFile,
		"--default-time-zone=+00:00",
		"--transaction-isolation=READ-COMMITTED",
		// A commit that was told must survive a power loss.
		"--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=ON",
		"--innodb-buffer-pool-size="+strconv.Itoa(m.BufferPoolMiB)+"M",
		"--max-connections="+strconv.Itoa(maxConnections), "--max-allowed-packet=64M", "--local-infile=0",
		"--disable-log-bin", // nothing is replicated
	)
}

// accounts is run by the server as it starts, before anyone is let in. A fresh data
// folder has a root without a password.
func (m MySQL) accounts() string {
	return "ALTER USER 'root'@'localhost' ACCOUNT LOCK;\n" + accountsSQL(m.User, m.Password, m.Grants)
}

// Ping tells whether the server takes connections of the user.
func (m MySQL) Ping(ctx context.Context) error {
	return PingMySQL(ctx, m.Address(), m.User, m.Password)
}
