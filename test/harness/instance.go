package harness

import (
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"durapay/internal/devenv"
)

// Instance runs one more gateway and worker beside the platform's own, on the same
// database and cluster, until the test ends. It gives its base URL.
func (p *Platform) Instance(t testing.TB) string {
	t.Helper()
	listen := freeAddress(t)
	cmd := exec.Command(p.binary, "serve")
	cmd.Env = append(p.environ(), p.settings(listen)...)
	log, err := os.Create(filepath.Join(p.Data, "log", "instance-"+portOf(listen)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // the process has its own descriptor
	cmd.Stdout, cmd.Stderr = log, log
	if err := devenv.Spawn(cmd, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, cmd) })
	Eventually(t, time.Minute, "the second instance is ready", func() bool {
		a, err := p.Do(t.Context(), Call{Method: http.MethodGet, Path: "/readyz", Base: "http://" + listen})
		return err == nil && a.Status == http.StatusOK
	})
	return "http://" + listen
}

// settings are those of a process beside the platform's own.
func (p *Platform) settings(listen string) []string {
	values := map[string]string{
		"DURAPAY_MYSQL_ADDRESS": p.MySQL, "DURAPAY_TEMPORAL_ADDRESS": p.TemporalURL, "DURAPAY_BANK_URL": p.BankURL,
		"DURAPAY_CORPORATE_ACCOUNT": corporate.BankCode + ":" + corporate.AccountNumber, "DURAPAY_LISTEN": listen,
		"DURAPAY_TEMPORAL_WEB_URL": "http://" + loopback(p.base+webOffset), "DURAPAY_OPERATOR_EMAIL": "operator@durapay.local",
	}
	maps.Copy(values, p.Secrets)
	environ := make([]string, 0, len(values))
	for name, value := range values {
		environ = append(environ, name+"="+value)
	}
	return environ
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address) // an address that Listen gave
	return port
}

func stop(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	_ = cmd.Process.Signal(syscall.SIGTERM) // fails only for an ended one
	if err := cmd.Wait(); err != nil {
		t.Errorf("the second instance ended with %v", err)
	}
}
