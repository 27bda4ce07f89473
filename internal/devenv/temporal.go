package devenv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Temporal describes a development server.
type Temporal struct {
	Binary string
	Data   string // folder of its database; empty keeps everything in memory
	Port   int
	UIPort int // 0 is no Web UI
	// SearchAttributes are the names of the keyword fields by which flows can be found.
	SearchAttributes []string
	OnParentDeath    syscall.Signal
}

// Address is where the server's API listens.
func (t Temporal) Address() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(t.Port))
}

// Child describes the server as a process.
func (t Temporal) Child() Child {
	return Child{
		Name:          "temporal",
		Path:          t.Binary,
		Args:          t.args(),
		Env:           foreignEnviron(),
		Prepare:       t.prepare,
		Ready:         t.ready,
		ReadyTimeout:  time.Minute,
		StopTimeout:   20 * time.Second,
		OnParentDeath: t.OnParentDeath,
	}
}

func (t Temporal) args() []string {
	args := []string{
		"server", "start-dev", "--ip", "127.0.0.1", "--port", strconv.Itoa(t.Port), "--log-level", "warn",
	}
	for _, setting := range dynamicConfig() {
		args = append(args, "--dynamic-config-value", setting)
	}
	for _, name := range t.SearchAttributes {
		args = append(args, "--search-attribute", name+"=Keyword")
	}
	if t.UIPort == 0 {
		args = append(args, "--headless")
	} else {
		args = append(args, "--ui-ip", "127.0.0.1", "--ui-port", strconv.Itoa(t.UIPort))
	}
	if t.Data != "" {
		args = append(args, "--db-filename", t.database(), "--sqlite-pragma", "journal_mode=WAL",
			// Normal: a crash of any process loses nothing; a power loss may take back the
			// last steps of flows. Those repeat safely, but a start that a caller was told
			// of could be gone: the auditor then names its row, and the same request again
			// starts it. Full would halve the flows per second; who needs it runs a real
			// cluster (DURAPAY_TEMPORAL_ADDRESS).
			"--sqlite-pragma", "synchronous=NORMAL")
	}
	return args
}

// dynamicConfig makes a server that is sized for a laptop fit for a load test.
func dynamicConfig() []string {
	return []string{
		// The default of 20 makes every task hop wait 50 ms.
		"history.transferProcessorMaxPollRPS=2000",
		"history.timerProcessorMaxPollRPS=2000",
		"history.rps=30000",
		"matching.rps=30000",
		"frontend.rps=30000",
		"frontend.namespaceRPS=30000",
		"frontend.namespaceRPS.visibility=200",
		"frontend.namespaceCount=10000", // long polls at the same time
		"frontend.persistenceMaxQPS=100000",
		"history.persistenceMaxQPS=100000",
		"matching.persistenceMaxQPS=100000",
	}
}

func (t Temporal) database() string { return filepath.Join(t.Data, "temporal.db") }

// usedFile is written once the server has answered for the first time. The server
// creates its tables one by one and only in a new file: one that was killed in the
// middle would never start again. Before that mark there is nothing to lose.
func (t Temporal) usedFile() string { return filepath.Join(t.Data, "used") }

func (t Temporal) prepare() error {
	if t.Data == "" {
		return nil
	}
	if _, err := os.Stat(t.usedFile()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(t.database() + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (t Temporal) ready(ctx context.Context) error {
	if err := CheckTemporal(ctx, t.Address()); err != nil {
		return err
	}
	if t.Data == "" {
		return nil
	}
	return os.WriteFile(t.usedFile(), nil, 0o600)
}

func dialTemporal(address, namespace string) (client.Client, error) {
	return client.NewLazyClient(client.Options{
		HostPort:  address,
		Namespace: namespace,
		Logger:    sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
}

const callBound = 2 * time.Second

// CheckTemporal tells whether a Temporal frontend is healthy.
func CheckTemporal(ctx context.Context, address string) error {
	c, err := dialTemporal(address, client.DefaultNamespace)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, callBound)
	defer cancel()
	_, err = c.CheckHealth(ctx, &client.CheckHealthRequest{})
	return err
}

// registrationBound covers a cluster whose frontends refresh their caches slowly.
const registrationBound = 30 * time.Second

// RegisterSearchAttributes adds the search attributes that a namespace lacks, and
// returns when they can be used. A cluster that does not allow it is told in the
// error.
func RegisterSearchAttributes(ctx context.Context, address, namespace string, names []string) error {
	c, err := dialTemporal(address, namespace)
	if err != nil {
		return err
	}
	defer c.Close()
	known, err := c.OperatorService().ListSearchAttributes(ctx,
		&operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("search attributes of namespace %q at %s cannot be read: %w", namespace, address, err)
	}
	missing := make(map[string]enums.IndexedValueType)
	for _, name := range names {
		if _, ok := known.GetCustomAttributes()[name]; !ok {
			missing[name] = enums.INDEXED_VALUE_TYPE_KEYWORD
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx,
		&operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if err != nil {
		return fmt.Errorf("search attributes cannot be registered in namespace %q at %s, let its operator add %v as Keyword: %w",
			namespace, address, names, err)
	}
	return poll(ctx, registrationBound, func(ctx context.Context) error { return querySearchAttributes(ctx, c, namespace, names) })
}

// querySearchAttributes fails as long as a frontend does not know them.
func querySearchAttributes(ctx context.Context, c client.Client, namespace string, names []string) error {
	for _, name := range names {
		_, err := c.WorkflowService().CountWorkflowExecutions(ctx,
			&workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: name + " = 'none'"})
		if err != nil {
			return err
		}
	}
	return nil
}

// RegisterNamespace registers a namespace unless it is there, and returns when it can be
// used.
func RegisterNamespace(ctx context.Context, address, name string, keep time.Duration) error {
	c, err := dialTemporal(address, name)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.WorkflowService().RegisterNamespace(ctx,
		&workflowservice.RegisterNamespaceRequest{Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(keep)})
	var there *serviceerror.NamespaceAlreadyExists
	if err != nil && !errors.As(err, &there) {
		return fmt.Errorf("namespace %q at %s: %w", name, address, err)
	}
	// Frontends and their visibility get to know a new namespace one after the other.
	return poll(ctx, registrationBound, func(ctx context.Context) error {
		_, err := c.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: name})
		return err
	})
}

// SetRetention sets for how long a namespace keeps the history of closed flows.
func SetRetention(ctx context.Context, address, name string, keep time.Duration) error {
	c, err := dialTemporal(address, name)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.WorkflowService().UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: name,
		Config:    &namespace.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(keep)},
	})
	if err != nil {
		return fmt.Errorf("retention of namespace %q at %s: %w", name, address, err)
	}
	return nil
}
