package harness

import (
	"context"
	"fmt"
	"os/exec"
)

// Audit proves the platform's books with `durapay audit`.
func (p *Platform) Audit(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, p.binary, "audit", "--data", p.Data)
	cmd.Env = p.environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("audit: %w: %s", err, out)
	}
	return nil
}
