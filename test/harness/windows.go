package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// seoul is the zone that maintenance windows are written in.
var seoul = time.FixedZone("KST", 9*60*60)

// windowTable is the maintenance windows of all tests that run now, one line each.
type windowTable struct {
	mu    sync.Mutex
	lines []string
}

// Shut puts a bank under maintenance from now on, for so long and up to a second more, or
// until the test ends. It gives the end of the window. The platform reads its table again
// when a flow asks; a flow that waits already waits for the end it was told.
func (p *Platform) Shut(t testing.TB, bankCode string, d time.Duration) (until time.Time) {
	t.Helper()
	from := time.Now().In(seoul).Truncate(time.Second)
	until = from.Add(d + time.Second).Truncate(time.Second)
	line := fmt.Sprintf("%s,%s,%s,daily", bankCode, from.Format(time.TimeOnly), until.Format(time.TimeOnly))
	p.changeWindows(t, func(all []string) []string { return append(all, line) })
	t.Cleanup(func() {
		p.changeWindows(t, func(all []string) []string {
			at := slices.Index(all, line)
			return slices.Delete(all, at, at+1)
		})
	})
	return until.UTC()
}

func (p *Platform) changeWindows(t testing.TB, change func([]string) []string) {
	t.Helper()
	p.windows.mu.Lock()
	defer p.windows.mu.Unlock()
	p.windows.lines = change(p.windows.lines)
	table := "code,from,to,days\n" + strings.Join(append(slices.Clone(p.windows.lines), ""), "\n")
	path := filepath.Join(p.Data, "windows.csv")
	err := os.WriteFile(path+".new", []byte(table), 0o600)
	if err == nil {
		err = os.Rename(path+".new", path) // never seen half written
	}
	if err != nil {
		t.Errorf("maintenance windows: %v", err)
	}
}
