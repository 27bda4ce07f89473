package devenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/mysqlx"
)

// TestMain lets the test binary stand in for the processes that are supervised.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if role, ok := roles()[os.Args[1]]; ok {
			if err := role(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

func roles() map[string]func([]string) error {
	return map[string]func([]string) error{
		"wait": func([]string) error { awaitSignal(); return nil },
		"deaf": func(args []string) error {
			signal.Ignore(syscall.SIGTERM)
			if err := os.WriteFile(args[0], nil, 0o600); err != nil {
				return err
			}
			select {}
		},
		"note":  noteRole,
		"die":   func([]string) error { return errors.New("the helper is told to die") },
		"bank":  func(args []string) error { return serve(args[1], http.StatusConflict) },
		"serve": func([]string) error { return serve(os.Getenv("DURAPAY_LISTEN"), http.StatusNotFound) },
		"up":    upRole,
	}
}

func awaitSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	<-signals
}

// noteRole writes its name into a journal when it is told to stop.
func noteRole(args []string) error {
	journal, name := args[0], args[1]
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	if err := os.WriteFile(journal+"."+name, nil, 0o600); err != nil {
		return err
	}
	<-signals
	file, err := os.OpenFile(journal, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(name + " ")
	return errors.Join(err, file.Close())
}

// serve is ready at once and answers anything else with status.
func serve(address string, status int) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	mux.HandleFunc("/environ", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Join(os.Environ(), "\n"))
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go func() { awaitSignal(); _ = server.Close() }()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// upRole runs the whole of Up in a process that can be killed.
func upRole(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var base int
	if _, err := fmt.Sscan(args[1], &base); err != nil {
		return err
	}
	return Up(ctx, UpConfig{
		Data: args[0], BasePort: base, Self: os.Args[0], Say: NewSay(os.Stdout),
		SearchAttributes: []string{"MembershipID"},
		Migrate: func(ctx context.Context, server mysqlx.Config, prefix string) error {
			db, err := mysqlx.Open(server)
			if err != nil {
				return err
			}
			defer db.Close()
			return mysqlx.CreateDatabase(ctx, db, prefix+"books")
		},
	})
}

const testBound = 60 * time.Second

// eventually waits for a condition without a fixed sleep.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	require.Eventually(t, check, testBound, 20*time.Millisecond, what)
}

func layout(t *testing.T) Layout {
	t.Helper()
	l, err := NewLayout(filepath.Join(t.TempDir(), "data"))
	require.NoError(t, err)
	return l
}

func helper(name, role string, args ...string) Child {
	return Child{
		Name: name, Path: os.Args[0], Args: append([]string{role}, args...), Env: os.Environ(),
		ReadyTimeout: testBound, StopTimeout: testBound,
	}
}

// lines collects what is said.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf(format, args...))
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

func alive(pid int) bool { return processIdentity(pid) != "" }

// start runs a helper outside of any supervisor.
func start(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	require.NoError(t, Spawn(cmd, syscall.SIGKILL))
	go func() { _ = cmd.Wait() }()
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	return cmd
}
