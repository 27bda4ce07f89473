package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jmoiron/sqlx"
	"go.temporal.io/sdk/client"

	"durapay/internal/devenv"
	"durapay/internal/mysqlx"
)

// Options say how a platform is run.
type Options struct {
	// Env has settings on top of those that make faults show quickly.
	Env map[string]string
	// QuietLog makes errors in the platform's log a failure of the tests.
	QuietLog bool
	// AtEnd is asked after all tests of the package have passed, while the platform still runs.
	AtEnd func(ctx context.Context, p *Platform) error
}

// The settings of every platform under test: a bank that does not answer is given up on
// sooner, so that a test of it takes seconds.
const (
	bankTimeout      = "3s"
	transferValidity = "4s"
)

const (
	startBound = 10 * time.Minute // the first start on a machine builds Temporal's server
	stopBound  = 2 * time.Minute
)

// Platform is one running platform.
type Platform struct {
	API         string // base URL of the gateway
	BankURL     string
	TemporalURL string // host:port
	MySQL       string // host:port
	Data        string
	Secrets     map[string]string // of Data's secrets.env

	binary  string
	base    int
	options Options
	given   mysqlx.Config // the server to run on; without an address, one of its own
	http    *http.Client
	run     *run
	faults  faultList
	dates   dateBook
	windows windowTable
	clear   clearTexts

	mu       sync.Mutex
	db       *sqlx.DB
	temporal client.Client
	operator string // access token

	operatorSince time.Time // of operator; zero for none
}

// run is one life of `durapay up`.
type run struct {
	cmd   *exec.Cmd
	out   *output
	ended chan struct{}
	exit  error // readable after ended
}

// Start makes a data folder and starts a platform on free ports.
func Start(ctx context.Context, o Options) (*Platform, error) {
	root, err := os.MkdirTemp("", "durapay-harness-")
	if err != nil {
		return nil, err
	}
	p := &Platform{Data: filepath.Join(root, "data"), options: o, http: newHTTP()}
	if p.binary, err = Binary(ctx, root); err == nil {
		err = p.claimServer(ctx)
	}
	if err == nil {
		err = p.startSomewhere(ctx)
	}
	if err != nil {
		p.ShowLogs(os.Stderr)
		return nil, errors.Join(err, p.Remove())
	}
	return p, nil
}

// startSomewhere draws ports until a start finds all of them free.
func (p *Platform) startSomewhere(ctx context.Context) error {
	const tries = 5
	var err error
	for range tries {
		if p.base, err = freeBase(); err != nil {
			return err
		}
		if err = p.Up(ctx); err == nil || !strings.Contains(err.Error(), "is in use") {
			return err
		}
	}
	return err
}

// Up starts the platform on its data and ports, and waits until it is ready.
func (p *Platform) Up(ctx context.Context) error {
	p.API, p.BankURL = "http://"+loopback(p.base), "http://"+loopback(p.base+bankOffset)
	p.TemporalURL, p.MySQL = loopback(p.base+temporalOffset), loopback(p.base+mysqlOffset)
	if p.given.Address != "" {
		p.MySQL = p.given.Address
	}
	r := &run{out: newOutput(), ended: make(chan struct{})}
	r.cmd = exec.Command(p.binary, "up", "--data", p.Data, "--base-port", fmt.Sprint(p.base))
	r.cmd.Env, r.cmd.Stdout, r.cmd.Stderr = p.environ(), r.out, r.out
	if err := devenv.Spawn(r.cmd, syscall.SIGTERM); err != nil {
		return err
	}
	p.run = r
	go func() { r.exit = r.cmd.Wait(); close(r.ended) }()
	select {
	case <-r.out.ready:
	case <-r.ended:
		return fmt.Errorf("durapay up ended early: %w: %s", r.exit, r.out)
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("durapay up: %w: %s", ctx.Err(), r.out), p.Stop())
	}
	var err error
	p.Secrets, err = readSecrets(filepath.Join(p.Data, "secrets.env"))
	return err
}

// environ is this process's environment without settings of a platform that somebody
// else runs.
func (p *Platform) environ() []string {
	settings := map[string]string{"DURAPAY_BANK_TIMEOUT": bankTimeout, "DURAPAY_BANK_TRANSFER_VALIDITY": transferValidity}
	if p.given.Address != "" {
		settings["DURAPAY_MYSQL_ADDRESS"], settings["DURAPAY_MYSQL_USER"] = p.given.Address, p.given.User
		settings["DURAPAY_MYSQL_PASSWORD"] = p.given.Password
	}
	for name, value := range p.options.Env {
		settings[name] = value
	}
	var environ []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "DURAPAY_") {
			environ = append(environ, variable)
		}
	}
	for name, value := range settings {
		environ = append(environ, name+"="+value)
	}
	return environ
}

// Stop ends the platform as an operator would, and checks that nothing is left running.
func (p *Platform) Stop() error {
	p.disconnect()
	if p.run == nil {
		return nil
	}
	pids := p.pids()
	_ = p.run.cmd.Process.Signal(syscall.SIGTERM) // fails only for an ended one
	select {
	case <-p.run.ended:
	case <-time.After(stopBound):
		_ = p.run.cmd.Process.Kill()
		<-p.run.ended
		return fmt.Errorf("durapay up did not stop within %s: %s", stopBound, p.run.out)
	}
	exit, out := p.run.exit, p.run.out
	p.run = nil
	if exit != nil {
		return fmt.Errorf("durapay up ended with %w: %s", exit, out)
	}
	return leftRunning(pids)
}

func (p *Platform) disconnect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.db != nil {
		_ = p.db.Close()
	}
	if p.temporal != nil {
		p.temporal.Close()
	}
	p.db, p.temporal, p.operatorSince = nil, nil, time.Time{}
	p.http.CloseIdleConnections()
}

// Remove deletes the data, unless DURAPAY_TEST_KEEP is set.
func (p *Platform) Remove() error {
	root := filepath.Dir(p.Data)
	if os.Getenv("DURAPAY_TEST_KEEP") != "" {
		fmt.Fprintln(os.Stderr, "harness: kept", root)
		return nil
	}
	return errors.Join(p.dropDatabases(), os.RemoveAll(root))
}
