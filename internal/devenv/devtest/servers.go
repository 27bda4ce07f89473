package devtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"durapay/internal/devenv"
	"durapay/internal/mysqlx"
)

// The environment that names servers which are already running; `make test` sets it
// for all packages.
const (
	envMySQLAddress    = "DURAPAY_TEST_MYSQL_ADDRESS"
	envMySQLUser       = "DURAPAY_TEST_MYSQL_USER"
	envMySQLPassword   = "DURAPAY_TEST_MYSQL_PASSWORD"
	envTemporalAddress = "DURAPAY_TEST_TEMPORAL_ADDRESS"
)

// envDatabase chooses the private database server: mariadb, which is the default, or mysql.
const envDatabase = "DURAPAY_TEST_DATABASE"

// Servers are private servers for tests, in a temporary folder of their own.
type Servers struct {
	dir        string
	supervisor *devenv.Supervisor
	say        devenv.Say
}

// NewServers prepares a folder; nothing runs yet.
func NewServers(say devenv.Say) (*Servers, error) {
	removeAbandoned()
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", dirPrefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	layout, err := devenv.NewLayout(dir)
	if err != nil {
		return nil, err
	}
	return &Servers{dir: dir, supervisor: devenv.NewSupervisor(layout, say), say: say}, nil
}

// dirPrefix is followed by the pid of the process that owns the folder.
const dirPrefix = "durapay-test-"

// removeAbandoned removes the folders of test processes that were killed. Their
// servers died with them (Linux) or still use a folder that nobody will miss.
func removeAbandoned() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		pid, err := strconv.Atoi(owner)
		if err != nil || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		_ = os.RemoveAll(dir) // another test process may be doing the same
	}
}

// Close stops the servers and removes their folder.
func (s *Servers) Close() error {
	s.supervisor.Stop()
	return os.RemoveAll(s.dir)
}

// portAttempts bounds the starts on another port when someone took the one that
// was free a moment before.
const portAttempts = 3

// server is what a private database server of either kind can do.
type server interface {
	Initialise(ctx context.Context) error
	Child() devenv.Child
}

// The account of every private server; who can read it here can do so anywhere.
const (
	testUser, testPassword = "durapay_test", "durapay_test"
	testGrant              = "ALL ON *.*"
	testBufferPoolMiB      = 256
)

// StartDatabase starts the kind of server that DURAPAY_TEST_DATABASE names, with the
// durable settings of a real one. Errors: devenv.ErrNoMySQL.
func (s *Servers) StartDatabase(ctx context.Context) (mysqlx.Config, error) {
	switch kind := os.Getenv(envDatabase); kind {
	case "", "mariadb":
		return s.startMariaDB(ctx)
	case "mysql":
		return s.startMySQL(ctx)
	default:
		return mysqlx.Config{}, fmt.Errorf("%s=%s: expected mariadb or mysql", envDatabase, kind)
	}
}

func (s *Servers) startMariaDB(ctx context.Context) (mysqlx.Config, error) {
	tools, err := devenv.EnsureMariaDB(ctx, s.say)
	if err != nil {
		return mysqlx.Config{}, err
	}
	return s.startServer(ctx, "mariadb", tools.Version, func(data string, port int) server {
		return devenv.MariaDB{
			Tools: tools, Data: data, Socket: devenv.Layout(s.dir).Socket("mariadb"), Port: port,
			User: testUser, Password: testPassword, Grants: []string{testGrant},
			BufferPoolMiB: testBufferPoolMiB, OnParentDeath: syscall.SIGKILL,
		}
	})
}

func (s *Servers) startMySQL(ctx context.Context) (mysqlx.Config, error) {
	tools, err := devenv.EnsureMySQL(ctx, s.say)
	if err != nil {
		return mysqlx.Config{}, err
	}
	s.say("testing on MySQL: %s", tools.Version)
	return s.startServer(ctx, "mysql", tools.Version, func(data string, port int) server {
		return devenv.MySQL{
			Tools: tools, Data: data, Socket: devenv.Layout(s.dir).Socket("mysql"), Port: port,
			User: testUser, Password: testPassword, Grants: []string{testGrant},
			BufferPoolMiB: testBufferPoolMiB, OnParentDeath: syscall.SIGKILL,
		}
	})
}

// startServer starts a server on a data folder of its own.
func (s *Servers) startServer(ctx context.Context, name, version string, describe func(data string, port int) server) (mysqlx.Config, error) {
	data := filepath.Join(s.dir, name)
	template := templateDir(name, version)
	if err := makeTemplate(ctx, template, func(data string) server { return describe(data, 0) }); err != nil {
		return mysqlx.Config{}, err
	}
	if err := os.CopyFS(data, os.DirFS(template)); err != nil {
		return mysqlx.Config{}, err
	}
	config := mysqlx.Config{User: testUser, Password: testPassword}
	err := s.startOnFreePort(ctx, func(port int) devenv.Child {
		config.Address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		return describe(data, port).Child()
	})
	return config, err
}

// SearchAttributes are contract.SearchAttributeNames: a test holds them equal. That
// package cannot be imported here, for tests of what it imports use this one.
func SearchAttributes() []string {
	return []string{"MembershipID", "FranchiseID", "FlowState", "BusinessDate", "BankCode"}
}

// StartTemporal starts a development server that keeps everything in memory and
// has the platform's search attributes, and gives its address.
func (s *Servers) StartTemporal(ctx context.Context) (string, error) {
	binary, err := devenv.EnsureTemporal(ctx, s.say)
	if err != nil {
		return "", err
	}
	server := devenv.Temporal{Binary: binary, SearchAttributes: SearchAttributes(), OnParentDeath: syscall.SIGKILL}
	err = s.startOnFreePort(ctx, func(port int) devenv.Child {
		server.Port = port
		return server.Child()
	})
	return server.Address(), err
}

func (s *Servers) startOnFreePort(ctx context.Context, child func(port int) devenv.Child) error {
	var err error
	for range portAttempts {
		port, portErr := devenv.FreePort()
		if portErr != nil {
			return portErr
		}
		if err = s.supervisor.Start(ctx, child(port)); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// Environ tells test processes which servers to use.
func Environ(db mysqlx.Config, temporalAddress string) []string {
	return []string{
		envMySQLAddress + "=" + db.Address,
		envMySQLUser + "=" + db.User,
		envMySQLPassword + "=" + db.Password,
		envTemporalAddress + "=" + temporalAddress,
	}
}

// startBound leaves time to install or fetch a server on its first use.
const startBound = 10 * time.Minute

// templateDir is where a data folder of a version is kept, in the user's cache folder.
// Making one takes seconds, copying one does not.
func templateDir(name, version string) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "durapay", name+"-template-"+versionKey(version))
}

// makeTemplate makes the template unless it is there. Two processes that make it
// at the same time both succeed: the rename is atomic and one of them wins.
func makeTemplate(ctx context.Context, template string, describe func(data string) server) error {
	if _, err := os.Stat(template); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(template), 0o700); err != nil {
		return err
	}
	mine, err := os.MkdirTemp(filepath.Dir(template), "template-partial-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(mine)
	data := filepath.Join(mine, "data")
	if err := describe(data).Initialise(ctx); err != nil {
		return err
	}
	if err := os.Rename(data, template); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return err
	}
	return nil
}

// versionKey makes a file name of what a server's --version says, for instance
// "10.11.19-MariaDB" of "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for …".
func versionKey(version string) string {
	for _, word := range strings.Fields(version) {
		if word[0] >= '0' && word[0] <= '9' {
			return strings.Map(fileNameRune, word)
		}
	}
	return "unknown"
}

func fileNameRune(r rune) rune {
	if r == '/' || r == os.PathSeparator {
		return '_'
	}
	return r
}
