package split

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	tlog "go.temporal.io/sdk/log"

	"durapay/internal/devenv"
	"durapay/internal/devenv/devtest"
	"durapay/internal/id"
	"durapay/test/harness"
)

const (
	readyBound = 2 * time.Minute
	endBound   = 3 * time.Minute
)

// cluster is the platform of docker-compose.yml as processes of this machine: commands and
// environments are the file's, names of hosts are ports here, and database and Temporal
// are private ones.
type cluster struct {
	*harness.Platform
	all       composition
	binary    string
	dir       string
	secrets   map[string]string
	places    map[string]string // host:port of the file to that of this machine
	overrides map[string]string // settings that are this machine's
	namespace string
	temporal  string
	running   map[string]*exec.Cmd
}

// start runs everything of the file that is ours, until the test ends.
func start(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{all: readComposition(t), dir: t.TempDir(), running: map[string]*exec.Cmd{}, temporal: devtest.Temporal(t), namespace: id.New("split")}
	var err error
	c.binary, err = harness.Binary(t.Context(), c.dir)
	require.NoError(t, err)
	c.prepare(t)
	c.Platform = harness.Attach(c.binary, c.url("gateway"), c.url("bank"), c.secrets)
	t.Cleanup(func() { c.end(t) })
	c.run(t, "migrate")
	c.launch(t, "bank")
	for name := range servicePorts {
		c.launch(t, name)
	}
	c.launch(t, "worker")
	c.launch(t, "gateway")
	for name := range c.running {
		c.awaitReady(t, name)
	}
	return c
}

// prepare draws secrets and finds a place for everything.
func (c *cluster) prepare(t *testing.T) {
	t.Helper()
	drawn, err := exec.CommandContext(t.Context(), c.binary, "secrets").Output()
	require.NoError(t, err)
	c.secrets = environment(string(drawn))
	server := devtest.Server(t)
	c.secrets["DURAPAY_MYSQL_PASSWORD"] = server.Password
	windows := filepath.Join(c.dir, "windows.csv") // no bank is closed, whatever the hour
	require.NoError(t, os.WriteFile(windows, []byte("code,from,to,days\n"), 0o600))
	c.overrides = map[string]string{
		"DURAPAY_MYSQL_USER": server.User, "DURAPAY_MYSQL_PREFIX": devtest.Prefix(t), "DURAPAY_TEMPORAL_NAMESPACE": c.namespace,
		"DURAPAY_BANK_TIMEOUT": "3s", "DURAPAY_BANK_TRANSFER_VALIDITY": "4s", "DURAPAY_BANK_WINDOWS": windows, "DURAPAY_TRUSTED_PROXIES": "127.0.0.1",
	}
	c.places = map[string]string{"mysql:3306": server.Address, "temporal:7233": c.temporal}
	for name, each := range c.all.Services {
		if each.ours() && !each.once() {
			c.places[name+":"+portOf(each)] = freeAddress(t)
		}
	}
}

// portOf gives the port that a container listens on, by its health check.
func portOf(c *container) string {
	_, rest, _ := strings.Cut(c.Healthcheck.Test[3], "127.0.0.1:")
	port, _, _ := strings.Cut(rest, "/")
	return port
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func (c *cluster) address(name string) string {
	return c.places[name+":"+portOf(c.all.Services[name])]
}

func (c *cluster) url(name string) string { return "http://" + c.address(name) }

var hostAndPort = regexp.MustCompile(`[a-z0-9.-]+:\d{4}\b`)

// here puts a text of the file into terms of this machine.
func (c *cluster) here(t testing.TB, name, text string) string {
	t.Helper()
	text = asked.ReplaceAllStringFunc(text, func(reference string) string {
		variable := asked.FindStringSubmatch(reference)[1]
		require.NotEmpty(t, c.secrets[variable], "durapay secrets draws no %s", variable)
		return c.secrets[variable]
	})
	return hostAndPort.ReplaceAllStringFunc(text, func(place string) string {
		if port, all := strings.CutPrefix(place, "0.0.0.0:"); all {
			place = name + ":" + port
		}
		if here, known := c.places[place]; known {
			return here
		}
		return place
	})
}

func (c *cluster) command(t testing.TB, name string) *exec.Cmd {
	t.Helper()
	of := c.all.Services[name]
	var args []string
	for _, arg := range of.Command {
		args = append(args, c.here(t, name, arg))
	}
	cmd := exec.Command(c.binary, args...)
	cmd.Env = append(cleanEnviron(), c.environ(t, name)...)
	return cmd
}

// environ is the file's environment; of this machine's settings a process gets those that
// it has some of already, but for those with a default.
func (c *cluster) environ(t testing.TB, name string) []string {
	t.Helper()
	of := c.all.Services[name].Environment
	values := map[string]string{}
	for variable, value := range of {
		values[variable] = c.here(t, name, value)
	}
	for variable, value := range c.overrides {
		if _, there := of[variable]; there || variable != "DURAPAY_TRUSTED_PROXIES" {
			values[variable] = value
		}
	}
	if name == "gateway" {
		values["DURAPAY_TRUSTED_PROXIES"] = ""
	}
	environ := make([]string, 0, len(values))
	for variable, value := range values {
		environ = append(environ, variable+"="+value)
	}
	return environ
}

func cleanEnviron() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "DURAPAY_") })
}

// run runs what does its work and ends.
func (c *cluster) run(t testing.TB, name string) {
	t.Helper()
	out, err := c.command(t, name).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
}

func (c *cluster) launch(t testing.TB, name string) {
	t.Helper()
	cmd := c.command(t, name)
	log, err := os.OpenFile(c.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer log.Close() // the process has its own descriptor
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, devenv.Spawn(cmd, syscall.SIGKILL))
	c.running[name] = cmd
}

func (c *cluster) log(name string) string { return filepath.Join(c.dir, name+".log") }

// awaitReady asks as docker does, by the health check of the file.
func (c *cluster) awaitReady(t testing.TB, name string) {
	t.Helper()
	check := c.all.Services[name].Healthcheck.Test
	harness.Eventually(t, readyBound, name+" is ready", func() bool {
		cmd := exec.CommandContext(t.Context(), c.binary, check[2], strings.Replace(check[3], "127.0.0.1:"+portOf(c.all.Services[name]), c.address(name), 1))
		return cmd.Run() == nil
	})
}

// kill ends a process as a crash would, and starts it again.
func (c *cluster) kill(t testing.TB, name string) {
	t.Helper()
	cmd := c.running[name]
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait(), "it was killed")
	c.launch(t, name)
	c.awaitReady(t, name)
}

// end stops everything as docker does, and shows the logs of a test that failed.
func (c *cluster) end(t *testing.T) {
	for _, cmd := range c.running {
		_ = cmd.Process.Signal(syscall.SIGTERM) // fails only for an ended one
	}
	for name, cmd := range c.running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ended with %v", name, err)
		}
	}
	if !t.Failed() {
		return
	}
	for name := range c.running {
		content, _ := os.ReadFile(c.log(name)) // only to be shown
		lines := strings.Split(strings.TrimSpace(string(content)), "\n")
		fmt.Fprintf(t.Output(), "--- the end of %s\n%s\n", name, strings.Join(lines[max(0, len(lines)-20):], "\n"))
	}
}

// awaitQuiet waits until no flow runs.
func (c *cluster) awaitQuiet(t *testing.T) {
	t.Helper()
	flows, err := client.Dial(client.Options{HostPort: c.temporal, Namespace: c.namespace, Logger: tlog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer flows.Close()
	harness.Eventually(t, endBound, "no flow runs", func() bool {
		n, err := flows.WorkflowService().CountWorkflowExecutions(t.Context(),
			&workflowservice.CountWorkflowExecutionsRequest{Namespace: c.namespace, Query: "ExecutionStatus = 'Running'"})
		return err == nil && n.Count == 0
	})
}

// audit proves the books of all services.
func (c *cluster) audit(t *testing.T) {
	t.Helper()
	c.once(t, "banking", "audit")
}

// once runs another command with what one of the processes knows, as `docker compose run`
// does, and gives what it prints.
func (c *cluster) once(t *testing.T, as string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), endBound)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.binary, args...)
	cmd.Env = append(cleanEnviron(), c.environ(t, as)...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", args, out)
	return string(out)
}

// ask sends a request to a process directly.
func (c *cluster) ask(t testing.TB, name string, call harness.Call) harness.Answer {
	t.Helper()
	call.Base = c.url(name)
	a, err := c.Do(t.Context(), call)
	require.NoError(t, err)
	return a
}

func (c *cluster) get(t testing.TB, name, path, token string) harness.Answer {
	t.Helper()
	return c.ask(t, name, harness.Call{Method: http.MethodGet, Path: path, Token: token})
}
