package devenv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"durapay/internal/config"
	"durapay/internal/mysqlx"
)

// UpConfig says how the whole platform is run on one machine.
type UpConfig struct {
	Data     string // "" is DefaultData
	BasePort int    // 0 is DefaultBasePort
	Reset    bool   // wipe the data folder first
	// BankHours has flows wait for the banks' maintenance windows.
	BankHours bool
	Self      string // the durapay binary, which also runs the bank and the platform
	Say       Say
	// SearchAttributes are registered at Temporal, as keywords.
	SearchAttributes []string
	// Migrate creates and migrates the databases, whose names begin with prefix.
	Migrate func(ctx context.Context, server mysqlx.Config, prefix string) error
}

// DefaultBasePort is the gateway's port unless another is asked for.
const DefaultBasePort = 8080

// The platform's own account at the bank.
const (
	corporateBank    = "004"
	corporateAccount = "10000000000001"
	corporateHolder  = "두라페이"
)

// minimumFree is asked for on the disk of the data folder, in bytes.
const minimumFree = 300 << 20

// retention is how long closed flows can be looked at in the Web UI.
const retention = 7 * 24 * time.Hour

const staleBound = 30 * time.Second

// DefaultData is the data folder in the user's cache folder.
func DefaultData() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the data, name one with --data: %w", err)
	}
	return filepath.Join(cache, "durapay", "data"), nil
}

// ports are where everything listens.
type ports struct{ gateway, bank, mariadb, temporal, temporalUI int }

// The ports that Temporal's own tools expect are kept with the default base.
func choosePorts(base int) (ports, error) {
	p := ports{gateway: base, bank: base + 10, mariadb: base + 13, temporal: base + 11, temporalUI: base + 12}
	if base == DefaultBasePort {
		p.temporal, p.temporalUI = 7233, 8233
	}
	if base < 1024 || p.mariadb > 65535 {
		return ports{}, fmt.Errorf("--base-port %d: choose one from 1024 to %d", base, 65535-13)
	}
	return p, nil
}

// up is one run.
type up struct {
	UpConfig
	dir        Layout
	ports      ports
	secrets    Secrets
	supervisor *Supervisor

	mariadb      MariaDBTools
	temporalCLI  string // path
	db           mysqlx.Config
	prefix       string
	temporal     string // address
	temporalWeb  string // URL, or "" when unknown
	temporalName string // namespace
	windows      string // file of the banks' maintenance windows, "" for the table in the binary
}

// Up starts everything, prints where it is, and keeps it running until ctx ends,
// which is a success once everything is ready. Errors: what could not be started,
// or not be kept running; by then everything is stopped.
func Up(ctx context.Context, settings UpConfig) error {
	u := &up{UpConfig: settings}
	release, err := u.open()
	if err != nil {
		return err
	}
	defer release()
	u.supervisor = NewSupervisor(u.dir, u.Say)
	defer u.supervisor.Stop()
	defer u.removePlatformFile()
	if err := u.start(ctx); err != nil {
		if ctx.Err() != nil {
			return errors.New("stopped before it was ready")
		}
		return err
	}
	u.printReady()
	select {
	case err := <-u.supervisor.Failed():
		return err
	case <-ctx.Done():
		u.Say("stopping")
		return nil
	}
}

// open takes the data folder for this run.
func (u *up) open() (release func(), err error) {
	if u.BasePort == 0 {
		u.BasePort = DefaultBasePort
	}
	if u.ports, err = choosePorts(u.BasePort); err != nil {
		return nil, err
	}
	if u.Data == "" {
		if u.Data, err = DefaultData(); err != nil {
			return nil, err
		}
	}
	if u.dir, err = NewLayout(u.Data); err != nil {
		return nil, err
	}
	return u.dir.Lock()
}

func (u *up) start(ctx context.Context) error {
	steps := []func(context.Context) error{
		u.prepare, u.startMariaDB, u.migrate, u.startTemporal, u.startBank, u.openCorporateAccount, u.startPlatform,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the data folder and the ports ready for a fresh run.
func (u *up) prepare(ctx context.Context) error {
	stopped, err := stopStale(ctx, u.dir.Run(), staleBound)
	if err != nil {
		return fmt.Errorf("what an earlier run left behind could not be stopped: %w", err)
	}
	if len(stopped) > 0 {
		u.Say("an earlier run was killed: stopped its %s", strings.Join(stopped, ", "))
	}
	// All that can be missing is looked for before anything is wiped.
	if err := u.dir.CheckSpace(minimumFree); err != nil {
		return err
	}
	if err := CheckPorts(u.neededPorts()); err != nil {
		return err
	}
	if err := u.findTools(ctx); err != nil {
		return err
	}
	if u.Reset {
		u.Say("wiping %s", u.dir)
		if err := u.dir.Reset(); err != nil {
			return err
		}
	}
	if err := u.dir.RotateLogs(); err != nil {
		return err
	}
	if u.secrets, err = LoadSecrets(u.dir, os.Getenv); err != nil {
		return err
	}
	return u.chooseWindows()
}

// chooseWindows takes the file that the environment names, or the table in the binary
// when it is asked for. Otherwise no bank is ever under maintenance: the simulated one
// is open round the clock, and whoever tries it out near midnight wants an answer.
func (u *up) chooseWindows() error {
	u.windows = os.Getenv(config.BankWindows)
	if u.windows != "" || u.BankHours {
		return nil
	}
	u.windows = u.dir.WindowsFile()
	if _, err := os.Stat(u.windows); err == nil {
		return nil
	}
	if err := os.WriteFile(u.windows, []byte("code,from,to,days\n"), 0o600); err != nil {
		return fmt.Errorf("maintenance windows: %w", err)
	}
	return nil
}

// findTools finds, installs or builds the servers' programs.
func (u *up) findTools(ctx context.Context) (err error) {
	if os.Getenv(config.MySQLAddress) == "" {
		if u.mariadb, err = EnsureMariaDB(ctx, u.Say); err != nil {
			return err
		}
	}
	if os.Getenv(config.TemporalAddress) == "" {
		u.temporalCLI, err = EnsureTemporal(ctx, u.Say)
	}
	return err
}

func (u *up) neededPorts() []Port {
	needed := []Port{{"the gateway", u.ports.gateway}, {"the bank", u.ports.bank}}
	if os.Getenv(config.MySQLAddress) == "" {
		needed = append(needed, Port{"MariaDB", u.ports.mariadb})
	}
	if os.Getenv(config.TemporalAddress) == "" {
		needed = append(needed, Port{"Temporal", u.ports.temporal}, Port{"the Temporal Web UI", u.ports.temporalUI})
	}
	return needed
}

func (u *up) startMariaDB(ctx context.Context) error {
	u.prefix = env(config.MySQLPrefix, "durapay_")
	u.db = mysqlx.Config{
		Address:  os.Getenv(config.MySQLAddress),
		User:     env(config.MySQLUser, "durapay"),
		Password: u.secrets[config.MySQLPassword],
	}
	if u.db.Address != "" {
		u.Say("using the database server at %s", u.db.Address)
		if err := PingMySQL(ctx, u.db.Address, u.db.User, u.db.Password); err != nil {
			return fmt.Errorf("the database server at %s=%s does not let %s in: %w", config.MySQLAddress, u.db.Address, u.db.User, err)
		}
		return nil
	}
	server := MariaDB{
		Tools: u.mariadb, Data: u.dir.MariaDB(), Socket: u.dir.Socket("mariadb"), Port: u.ports.mariadb,
		User: u.db.User, Password: u.db.Password, BufferPoolMiB: 256,
		Grants: []string{"ALL ON `" + strings.ReplaceAll(u.prefix, "_", `\_`) + "%`.*"},
	}
	u.db.Address = server.Address()
	u.Say("starting MariaDB")
	if err := u.initialise(ctx, server); err != nil {
		return err
	}
	return u.supervisor.Start(ctx, server.Child())
}

// initialise makes the database unless there is one. Tables are not made in one
// step, so those of a first start that was killed before its end are thrown away.
func (u *up) initialise(ctx context.Context, server MariaDB) error {
	if _, err := os.Stat(u.dir.newFile()); err == nil {
		if err := os.RemoveAll(server.Data); err != nil {
			return fmt.Errorf("MariaDB: %w", err)
		}
	}
	if _, err := os.Stat(server.Data); err == nil {
		return nil
	}
	if err := os.WriteFile(u.dir.newFile(), nil, 0o600); err != nil {
		return fmt.Errorf("MariaDB: %w", err)
	}
	return server.Initialise(ctx)
}

func (u *up) migrate(ctx context.Context) error {
	u.Say("migrating the databases")
	if err := u.Migrate(ctx, u.db, u.prefix); err != nil {
		return err
	}
	if err := os.Remove(u.dir.newFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("MariaDB: %w", err)
	}
	return nil
}

func (u *up) startTemporal(ctx context.Context) error {
	u.temporalName = env(config.TemporalNamespace, "default")
	u.temporal = os.Getenv(config.TemporalAddress)
	u.temporalWeb = os.Getenv(config.TemporalWebURL)
	if u.temporal != "" {
		u.Say("using the Temporal cluster at %s", u.temporal)
		if err := CheckTemporal(ctx, u.temporal); err != nil {
			return fmt.Errorf("the Temporal cluster at %s=%s does not answer: %w", config.TemporalAddress, u.temporal, err)
		}
		return RegisterSearchAttributes(ctx, u.temporal, u.temporalName, u.SearchAttributes)
	}
	u.temporalName = "default" // the one that the development server makes
	server := Temporal{Binary: u.temporalCLI, Data: u.dir.Temporal(), Port: u.ports.temporal, UIPort: u.ports.temporalUI,
		SearchAttributes: u.SearchAttributes}
	u.temporal, u.temporalWeb = server.Address(), localURL(u.ports.temporalUI)
	u.Say("starting Temporal")
	if err := u.supervisor.Start(ctx, server.Child()); err != nil {
		return err
	}
	if err := RegisterSearchAttributes(ctx, u.temporal, u.temporalName, u.SearchAttributes); err != nil {
		return err
	}
	return SetRetention(ctx, u.temporal, u.temporalName, retention)
}

const (
	serviceReadyBound = time.Minute
	// serviceStopBound is longer than a platform takes at most: its gateway drains, then
	// its workers finish their calls to banks. Killed before that, it leaves outcomes
	// unknown that were on their way.
	serviceStopBound = time.Minute
)

func (u *up) startBank(ctx context.Context) error {
	u.Say("starting the bank")
	return u.supervisor.Start(ctx, u.service("bank", u.ports.bank, "bank", "--listen", loopback(u.ports.bank)))
}

func (u *up) startPlatform(ctx context.Context) error {
	u.Say("starting the platform")
	if err := u.writePlatformFile(); err != nil {
		return err
	}
	return u.supervisor.Start(ctx, u.service("platform", u.ports.gateway, "serve"))
}

// service describes a child that is this binary under another command.
func (u *up) service(name string, port int, args ...string) Child {
	return Child{
		Name: name, Path: u.Self, Args: args, Env: u.environ(),
		Ready:        func(ctx context.Context) error { return checkReady(ctx, localURL(port)+"/readyz") },
		ReadyTimeout: serviceReadyBound, StopTimeout: serviceStopBound,
	}
}

// addresses is where everything is, by environment variable.
func (u *up) addresses() map[string]string {
	return map[string]string{
		config.MySQLAddress:      u.db.Address,
		config.MySQLUser:         u.db.User,
		config.MySQLPrefix:       u.prefix,
		config.TemporalAddress:   u.temporal,
		config.TemporalNamespace: u.temporalName,
		config.TemporalWebURL:    u.temporalWeb,
		config.BankURL:           localURL(u.ports.bank),
		config.Listen:            loopback(u.ports.gateway),
		config.Corporate:         corporateBank + ":" + corporateAccount,
		config.OperatorEmail:     operatorEmail(),

		config.BankCallbackURL:      localURL(u.ports.gateway) + "/v1/bank-notices",
		config.BankWindows:          u.windows,
		config.AllowPrivateWebhooks: env(config.AllowPrivateWebhooks, "true"), // a developer's webhook is on this machine
	}
}

// environ is what the platform's processes are configured by.
func (u *up) environ() []string {
	values := u.addresses()
	for name, value := range u.secrets {
		values[name] = value
	}
	environ := withoutOurs(os.Environ(), values)
	for name, value := range values {
		environ = append(environ, name+"="+value)
	}
	return environ
}

// withoutOurs leaves out the variables that are given anew.
func withoutOurs(environ []string, given map[string]string) []string {
	var rest []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if _, ok := given[name]; !ok {
			rest = append(rest, variable)
		}
	}
	return rest
}

// foreignEnviron is the environment for programs that are not ours: without our
// variables, which may hold secrets.
func foreignEnviron() []string {
	var rest []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "DURAPAY_") {
			rest = append(rest, variable)
		}
	}
	return rest
}

func operatorEmail() string { return env(config.OperatorEmail, "operator@durapay.local") }

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func localURL(port int) string { return "http://" + loopback(port) }

func checkReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, callBound)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}

// openCorporateAccount opens the platform's account at the bank; it stays there.
func (u *up) openCorporateAccount(ctx context.Context) error {
	body, err := json.Marshal(map[string]any{
		"bankCode": corporateBank, "accountNumber": corporateAccount, "holderName": corporateHolder, "balance": 0,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, localURL(u.ports.bank)+"/v1/accounts", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("corporate account at the bank: %w", err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusConflict:
		return nil
	}
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 512)) // only to be shown
	return fmt.Errorf("corporate account at the bank: %s: %s", response.Status, answer)
}

func (u *up) printReady() {
	gateway := localURL(u.ports.gateway)
	u.Say("")
	u.Say("  API              %s", gateway)
	u.Say("  Swagger UI       %s/swagger/index.html", gateway)
	if u.temporalWeb != "" {
		u.Say("  Temporal Web UI  %s", u.temporalWeb)
	}
	u.Say("  Temporal         %s, namespace %s", u.temporal, u.temporalName)
	u.Say("  Bank             %s", localURL(u.ports.bank))
	u.Say("  Database         %s, user %s, databases %s*", u.db.Address, u.db.User, u.prefix)
	u.Say("  Operator         %s  password %s", operatorEmail(), u.secrets[config.OperatorPassword])
	u.Say("  Data, logs, keys %s", u.dir)
	u.Say("")
	u.Say("ready %s", gateway)
}
