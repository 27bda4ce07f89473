package devenv

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// MariaDBTools are the two programs of a MariaDB installation that are needed.
type MariaDBTools struct {
	Server  string // mariadbd
	Install string // mariadb-install-db
	Version string // what mariadbd --version says
}

// MariaDB describes a private server.
type MariaDB struct {
	Tools    MariaDBTools
	Data     string // its data folder
	Socket   string
	Port     int
	User     string
	Password string
	// Grant is what the user may do on what, for instance "ALL ON *.*".
	Grants []string
	// BufferPoolMiB is the size of InnoDB's page cache.
	BufferPoolMiB int
	OnParentDeath syscall.Signal
}

// Address is where the server listens, on loopback alone.
func (m MariaDB) Address() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(m.Port))
}

const mariadbPackage = "mariadb-server-core"

// FindMariaDB looks for an installed MariaDB: the PATH, the folders where
// distributions put servers, Homebrew's prefixes. A MySQL server is passed over:
// its data folder and its accounts are set up in another way.
func FindMariaDB(ctx context.Context) (MariaDBTools, error) {
	for _, server := range candidates("mariadbd", "mysqld") {
		version, err := exec.CommandContext(ctx, server, "--no-defaults", "--version").Output()
		if err != nil || !strings.Contains(string(version), "MariaDB") {
			continue
		}
		for _, install := range candidates("mariadb-install-db", "mysql_install_db") {
			return MariaDBTools{Server: server, Install: install, Version: strings.TrimSpace(string(version))}, nil
		}
	}
	return MariaDBTools{}, errors.New("no MariaDB server found")
}

// candidates lists the files of the given names in the usual folders.
func candidates(names ...string) []string {
	dirs := append(filepath.SplitList(os.Getenv("PATH")),
		"/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/libexec", "/opt/homebrew/bin",
		"/opt/homebrew/opt/mariadb/bin", "/usr/local/opt/mariadb/bin", "/home/linuxbrew/.linuxbrew/bin")
	var found []string
	for _, name := range names {
		for _, dir := range dirs {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				found = append(found, path)
			}
		}
	}
	return found
}

// EnsureMariaDB finds MariaDB, or installs the distribution's package and says so.
// Nothing that is installed is ever removed for it.
func EnsureMariaDB(ctx context.Context, say Say) (MariaDBTools, error) {
	tools, err := FindMariaDB(ctx)
	if err == nil {
		return tools, nil
	}
	steps := installSteps()
	if len(steps) == 0 {
		return tools, fmt.Errorf("%w: install MariaDB 10.11 or later (its package is often called %s or mariadb), "+
			"or set DURAPAY_MYSQL_ADDRESS, _USER and _PASSWORD to use a server of yours", err, mariadbPackage)
	}
	for _, step := range steps {
		say("installing MariaDB: %s", strings.Join(step, " "))
		if err := runInstaller(ctx, step); err != nil {
			return tools, fmt.Errorf("MariaDB could not be installed: %w. Install %s by hand, "+
				"or set DURAPAY_MYSQL_ADDRESS, _USER and _PASSWORD to use a server of yours", err, mariadbPackage)
		}
	}
	return FindMariaDB(ctx)
}

// installSteps gives the commands that install MariaDB here without a question,
// or none.
func installSteps() [][]string {
	if brew, err := exec.LookPath("brew"); err == nil {
		return [][]string{{brew, "install", "mariadb"}}
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return nil
	}
	var prefix []string
	if os.Geteuid() != 0 {
		sudo, err := exec.LookPath("sudo")
		if err != nil || exec.Command(sudo, "-n", "true").Run() != nil {
			return nil
		}
		prefix = []string{sudo, "-n"}
	}
	update := append(append([]string{}, prefix...), apt, "-qq", "update")
	// Without --no-remove a machine with a MySQL server would lose it.
	install := append(append([]string{}, prefix...), apt, "-qq", "-y", "--no-install-recommends", "--no-remove",
		"install", mariadbPackage)
	return [][]string{update, install}
}

const installBound = 10 * time.Minute

func runInstaller(ctx context.Context, step []string) error {
	ctx, cancel := context.WithTimeout(ctx, installBound)
	defer cancel()
	environ := append(foreignEnviron(), "DEBIAN_FRONTEND=noninteractive", "HOMEBREW_NO_AUTO_UPDATE=1")
	out, err := runTool(ctx, environ, step[0], step[1:]...)
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(step, " "), err, lastLine(out))
	}
	return nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// Initialise makes the data folder unless it is there, whole or not at all.
func (m MariaDB) Initialise(ctx context.Context) error {
	return initialise("MariaDB", m.Data, func(fresh string) error { return m.Tools.install(ctx, fresh) })
}

// initialise makes a server's data folder unless it is there. It is made under another
// name first: a start that was killed half-way leaves nothing that looks whole.
func initialise(name, data string, install func(fresh string) error) error {
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Of killed starts. An installer of one may still be at work in its own folder.
	removeAll(data + partialMark + "*")
	partial, err := os.MkdirTemp(filepath.Dir(data), filepath.Base(data)+partialMark)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer os.RemoveAll(partial)
	// A folder below it, for the installer wants to make its own.
	fresh := filepath.Join(partial, "data")
	if err := install(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

const partialMark = ".partial-"

// removeAll removes what a pattern names; what cannot be removed now is removed
// another time.
func removeAll(pattern string) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return
	}
	for _, path := range paths {
		_ = os.RemoveAll(path)
	}
}

// install writes a fresh data folder. Its only account can be used by this
// operating system user through the socket: no password, nobody anonymous.
func (t MariaDBTools) install(ctx context.Context, dir string) error {
	args := []string{
		"--no-defaults", "--datadir=" + dir,
		"--auth-root-authentication-method=socket", "--skip-test-db", "--skip-name-resolve",
		"--innodb-log-file-size=" + redoLogSize,
	}
	if out, err := runTool(ctx, foreignEnviron(), t.Install, append(args, asRoot()...)...); err != nil {
		return fmt.Errorf("MariaDB: %s: %w: %s", t.Install, err, lastLine(out))
	}
	return nil
}

// asRoot allows the server to run as root, which it refuses unless told to. That
// is what a container with a single user needs.
func asRoot() []string {
	if os.Geteuid() != 0 {
		return nil
	}
	return []string{"--user=root"}
}

const redoLogSize = "64M"

// maxConnections leaves room for the pools of every service of several processes.
const maxConnections = 500

// Child describes the server as a process. Its accounts are set at every start,
// so that they follow the secrets.
func (m MariaDB) Child() Child {
	initFile := m.Data + ".init.sql"
	return Child{
		Name: "mariadb",
		Path: m.Tools.Server,
		Args: append(m.args(initFile), asRoot()...),
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

func (m MariaDB) args(initFile string) []string {
	return []string{
		"--no-defaults", // first, or the server ignores it
		"--datadir=" + m.Data, "--socket=" + m.Socket, "--pid-file=" + m.Data + ".server.pid",
		"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(m.Port), "--skip-name-resolve",
		"--init-file=" + initFile,
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin", "--default-time-zone=+00:00",
		"--transaction-isolation=READ-COMMITTED",
		// A commit that was told must survive a power loss.
		"--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=1",
		"--innodb-log-file-size=" + redoLogSize,
		"--innodb-buffer-pool-size=" + strconv.Itoa(m.BufferPoolMiB) + "M",
		"--max-connections=" + strconv.Itoa(maxConnections), "--max-allowed-packet=64M", "--local-infile=0",
	}
}

// accounts is run by the server as it starts.
func (m MariaDB) accounts() string { return accountsSQL(m.User, m.Password, m.Grants) }

// accountsSQL makes or changes a user who comes from this machine, a line a statement.
func accountsSQL(user, password string, grants []string) string {
	var b strings.Builder
	for _, host := range []string{"127.0.0.1", "localhost"} {
		account := quoteSQL(user) + "@" + quoteSQL(host)
		fmt.Fprintf(&b, "CREATE USER IF NOT EXISTS %s;\n", account)
		fmt.Fprintf(&b, "ALTER USER %s IDENTIFIED BY %s;\n", account, quoteSQL(password))
		for _, grant := range grants {
			fmt.Fprintf(&b, "GRANT %s TO %s;\n", grant, account)
		}
	}
	return b.String()
}

func quoteSQL(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`, "\n", `\n`).Replace(s) + "'"
}

// Ping tells whether the server takes connections of the user.
func (m MariaDB) Ping(ctx context.Context) error {
	return PingMySQL(ctx, m.Address(), m.User, m.Password)
}

// PingMySQL connects to a server once.
func PingMySQL(ctx context.Context, address, user, password string) error {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd = "tcp", address, user, password
	config.Timeout = 2 * time.Second
	config.Logger = &mysql.NopLogger{} // a server that is starting breaks connections
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	return db.PingContext(ctx)
}
