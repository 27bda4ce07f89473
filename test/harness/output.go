package harness

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// output keeps what `durapay up` prints and notices that it is ready.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready chan struct{}
	said  bool
}

func newOutput() *output { return &output{ready: make(chan struct{})} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	if !o.said && bytes.Contains(o.text.Bytes(), []byte("\nready http")) {
		o.said = true
		close(o.ready)
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// tailLines is how much of each log is shown.
const tailLines = 25

// Logs gives the paths of the platform's logs.
func (p *Platform) Logs() []string {
	logs, _ := filepath.Glob(filepath.Join(p.Data, "log", "*.log*")) // the pattern is well-formed
	return logs
}

// ShowLogs writes the end of every log.
func (p *Platform) ShowLogs(w io.Writer) {
	for _, path := range p.Logs() {
		content, err := os.ReadFile(path)
		if err != nil {
			fmt.Fprintln(w, err)
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(content)), "\n")
		fmt.Fprintf(w, "--- the end of %s\n%s\n", filepath.Base(path), strings.Join(lines[max(0, len(lines)-tailLines):], "\n"))
	}
}

// checkLog fails when the platform's own log has errors in it, if that was asked for.
func (p *Platform) checkLog() error {
	if !p.options.QuietLog {
		return nil
	}
	file, err := os.Open(filepath.Join(p.Data, "log", Serve+".log"))
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if line := lines.Text(); isError(line) {
			return fmt.Errorf("the platform's log has an error: %s", line)
		}
	}
	return lines.Err()
}

// isError leaves out the SDK's word for an attempt of a step that will be made again,
// which is what faults of the bank look like.
func isError(line string) bool {
	return strings.Contains(line, `"level":"ERROR"`) && !strings.Contains(line, `"msg":"Activity error."`) || strings.Contains(line, `"msg":"panic"`)
}

// readSecrets reads the secrets of a data folder, NAME=value on each line.
func readSecrets(path string) (map[string]string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secrets := map[string]string{}
	for line := range strings.Lines(string(content)) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if found && !strings.HasPrefix(name, "#") {
			secrets[name] = value
		}
	}
	return secrets, nil
}
