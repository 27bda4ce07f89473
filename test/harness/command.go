package harness

import (
	"os/exec"
	"strings"
	"testing"
)

// Command runs a command of the binary on this platform's data, and gives what it prints.
func (p *Platform) Command(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.binary, append(args, "--data", p.Data)...)
	cmd.Env = p.environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("durapay %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
