package banking

import (
	"context"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Windows is a table of the times at which banks are closed for maintenance. The zero
// Windows has none: every bank is always open.
type Windows struct{ byBank map[string][]window }

// window is one line of the table: closed from its start until just before its end,
// which may lie on the next day.
type window struct {
	start  time.Duration // after midnight in Seoul
	length time.Duration // more than 0, less than a day
	days   days
}

// days are the days on which a window starts: with nth 0 all of them, else the nth such
// weekday of each month.
type days struct {
	nth     int
	weekday time.Weekday
}

func (d days) include(day time.Time) bool {
	return d.nth == 0 || day.Weekday() == d.weekday && (day.Day()-1)/7+1 == d.nth
}

// until gives the end of the window that t lies in, zero when it lies in none.
func (w window) until(t time.Time) time.Time {
	y, m, d := t.In(seoul).Date()
	for _, ago := range []int{0, 1} { // the window of the day before may reach into this one
		day := time.Date(y, m, d-ago, 0, 0, 0, 0, seoul)
		start := day.Add(w.start)
		end := start.Add(w.length)
		if w.days.include(day) && !t.Before(start) && t.Before(end) {
			return end
		}
	}
	return time.Time{}
}

// maxMerges bounds ClosedUntil: it is far more than the windows of one night.
const maxMerges = 64

// ClosedUntil gives the first moment, from at on, at which all of these banks are open;
// the zero time when they are open at once. Windows that overlap or touch count as one.
// A bank that is not in the table is always open. For banks that are never open at the
// same time it gives a moment weeks ahead, at which to ask again.
func (w Windows) ClosedUntil(bankCodes []string, at time.Time) time.Time {
	t := at
	for range maxMerges {
		end := w.latestEnd(bankCodes, t)
		if end.IsZero() {
			break
		}
		t = end
	}
	if t.Equal(at) {
		return time.Time{}
	}
	return t.UTC()
}

// latestEnd gives the latest end of the windows that t lies in, zero when it lies in none.
func (w Windows) latestEnd(bankCodes []string, t time.Time) time.Time {
	var latest time.Time
	for _, code := range bankCodes {
		for _, one := range w.byBank[code] {
			if end := one.until(t); end.After(latest) {
				latest = end
			}
		}
	}
	return latest
}

//go:embed windows.csv
var embeddedWindowsFile string

// embeddedWindows is parsed once; a test keeps the file well-formed.
var embeddedWindows = sync.OnceValues(func() (Windows, error) {
	return ParseWindows(strings.NewReader(embeddedWindowsFile))
})

// LoadWindows reads a table from a file; path "" gives the one the program was built
// with (one gateway's table of 2025-09, practice).
func LoadWindows(path string) (Windows, error) {
	if path == "" {
		return embeddedWindows()
	}
	f, err := os.Open(path)
	if err != nil {
		return Windows{}, fmt.Errorf("maintenance windows: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	return ParseWindows(f)
}

var windowsHeading = []string{"code", "from", "to", "days"}

// ParseWindows reads a table: the heading code,from,to,days, then a line for each
// window. Times are HH:MM or HH:MM:SS in Seoul; a window that ends before it starts
// ends on the next day. days is "daily", or a weekday and its number in the month, such
// as sun2. A bank may have several lines. Lines that start with # are comments.
func ParseWindows(r io.Reader) (Windows, error) {
	csvReader := csv.NewReader(r)
	csvReader.Comment = '#'
	lines, err := csvReader.ReadAll()
	if err != nil {
		return Windows{}, fmt.Errorf("maintenance windows: %w", err)
	}
	if len(lines) == 0 || !slices.Equal(lines[0], windowsHeading) {
		return Windows{}, errors.New("maintenance windows: expected the heading code,from,to,days")
	}
	w := Windows{byBank: make(map[string][]window)}
	for _, line := range lines[1:] {
		one, err := parseWindow(line)
		if err != nil {
			return Windows{}, fmt.Errorf("maintenance windows: %s: %w", strings.Join(line, ","), err)
		}
		w.byBank[line[0]] = append(w.byBank[line[0]], one)
	}
	return w, w.checkOpen()
}

// checkOpen refuses a bank that would never open: its transfers would wait for ever.
func (w Windows) checkOpen() error {
	anyTime := time.Date(2025, 1, 1, 0, 0, 0, 0, seoul)
	for code := range w.byBank {
		if w.ClosedUntil([]string{code}, anyTime).After(anyTime.AddDate(0, 0, 2)) {
			return fmt.Errorf("maintenance windows: bank %s would never open", code)
		}
	}
	return nil
}

func parseWindow(line []string) (window, error) {
	if _, known := FindInstitution(line[0]); !known {
		return window{}, errors.New("no such bank")
	}
	from, err := parseTimeOfDay(line[1])
	if err != nil {
		return window{}, err
	}
	to, err := parseTimeOfDay(line[2])
	if err != nil {
		return window{}, err
	}
	if from == to {
		return window{}, errors.New("it ends as it starts")
	}
	if to < from {
		to += 24 * time.Hour
	}
	on, err := parseDays(line[3])
	return window{start: from, length: to - from, days: on}, err
}

// parseTimeOfDay gives the time after midnight.
func parseTimeOfDay(s string) (time.Duration, error) {
	layout := time.TimeOnly
	if strings.Count(s, ":") == 1 {
		layout = "15:04"
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		return 0, fmt.Errorf("time %q, expected HH:MM or HH:MM:SS", s)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second, nil
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // by time.Weekday

func parseDays(s string) (days, error) {
	if s == "daily" {
		return days{}, nil
	}
	if len(s) == 4 && s[3] >= '1' && s[3] <= '5' {
		if i := slices.Index(weekdays, s[:3]); i >= 0 {
			return days{nth: int(s[3] - '0'), weekday: time.Weekday(i)}, nil
		}
	}
	return days{}, fmt.Errorf("days %q, expected daily or a weekday and its number in the month such as sun2", s)
}

// windowsSource gives the table in force. It reads its file again when that has
// changed, so that an operator need not restart anything.
type windowsSource struct {
	path string
	log  *slog.Logger

	mu    sync.Mutex
	table Windows
	tried fileVersion // of the file as it was last read, with or without success
}

// fileVersion tells one content of a file from the next.
type fileVersion struct {
	modifiedNanos int64
	sizeBytes     int64
}

func newWindowsSource(path string, log *slog.Logger) *windowsSource {
	table, err := embeddedWindows()
	if err != nil { // the table is part of the program
		log.Error("built-in maintenance windows not usable", "error", err)
	}
	return &windowsSource{path: path, log: log, table: table}
}

// current gives the table in force: the file's last good content, and before there was
// one the built-in table. A broken file is told once.
func (s *windowsSource) current() Windows {
	if s.path == "" {
		return s.table
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	version := versionOf(s.path)
	if version == s.tried {
		return s.table
	}
	s.tried = version
	table, err := LoadWindows(s.path)
	if err != nil {
		s.log.Error("maintenance windows not read, the ones before stay in force", "file", s.path, "error", err)
		return s.table
	}
	s.table = table
	return table
}

// versionOf gives one version of its own for a file that is not there.
func versionOf(path string) fileVersion {
	info, err := os.Stat(path)
	if err != nil {
		return fileVersion{sizeBytes: -1}
	}
	return fileVersion{modifiedNanos: info.ModTime().UnixNano(), sizeBytes: info.Size()}
}

// Opening is when a bank can take a transfer.
type Opening struct {
	Until time.Time `json:"until,omitzero"` // closed until then; zero when it is open now
}

// Opening tells for each of the banks whether money can move between it and the
// corporate account's bank now: both have to be open. It asks no bank and no database.
func (s *Service) Opening(_ context.Context, bankCodes []string) []Opening {
	table, now := s.windows.current(), s.now()
	outs := make([]Opening, len(bankCodes))
	for i, code := range bankCodes {
		outs[i].Until = table.ClosedUntil([]string{s.o.Corporate.BankCode, code}, now)
	}
	return outs
}
