// Package calendar has Korea's business dates: the days of Asia/Seoul, and which of
// them banks work on. Holidays are data: a table in the binary and a file that an
// operator may add to it, because lunar holidays, elections and days declared ad hoc
// follow from no rule.
package calendar

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// The source is the decree on public holidays (관공서의 공휴일에 관한 규정), text of 2026-05-01.
//
//go:embed holidays.csv
var embedded []byte

// ErrUnknownYear is told of dates in years whose holidays are not in the table. A day
// off that is not known would be guessed to be a business day.
var ErrUnknownYear = errors.New("calendar: the holidays of this year are not known; add them to the holidays file")

// maxFileBytes bounds the operator's file.
const maxFileBytes = 1 << 20

// MaxDaysOff bounds the search for a business day: no series of days off is that long.
const MaxDaysOff = 60

// Calendar tells business days. It is safe for concurrent use.
type Calendar struct {
	file  string
	mu    sync.Mutex
	seen  stamp
	table table
}

// stamp tells one content of a file from the next.
type stamp struct {
	modified time.Time
	size     int64
}

// New makes a Calendar of the table in the binary and, unless its name is "", of a file
// with the same format: date,name_ko,name_en,kind. Its lines add to the table, those of
// kind workday take a day out. A year is known from the line of its 1 January. The file
// is read again when it changes. It errs for a file that cannot be read.
func New(file string) (*Calendar, error) {
	c := &Calendar{file: file}
	if file != "" {
		_, err := c.current()
		return c, err
	}
	lines, err := parse(embedded)
	if err != nil {
		return nil, fmt.Errorf("holidays.csv: %w", err)
	}
	c.table = build(lines)
	return c, nil
}

// current gives the table, read again when the file has changed. A file that cannot be
// read is an error and not a reason to go on with what it said before: an operator who
// adds a day off must not see money leave on it.
func (c *Calendar) current() (table, error) {
	if c.file == "" {
		return c.table, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.file)
	if err != nil {
		return table{}, fmt.Errorf("holidays file: %w", err)
	}
	now := stamp{info.ModTime(), info.Size()}
	if now == c.seen {
		return c.table, nil
	}
	t, err := load(c.file)
	if err != nil {
		return table{}, fmt.Errorf("holidays file %s: %w", c.file, err)
	}
	c.table, c.seen = t, now
	return t, nil
}

func load(file string) (table, error) {
	f, err := os.Open(file)
	if err != nil {
		return table{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return table{}, err
	}
	if len(text) > maxFileBytes {
		return table{}, fmt.Errorf("it has more than %d bytes", maxFileBytes)
	}
	lines, err := parse(embedded)
	if err != nil {
		return table{}, err
	}
	more, err := parse(text)
	return build(append(lines, more...)), err
}

// IsBusinessDay tells whether banks work on a day. Errors: ErrUnknownYear; trouble with the file.
func (c *Calendar) IsBusinessDay(d Date) (bool, error) {
	t, err := c.current()
	if err != nil {
		return false, err
	}
	return t.isBusinessDay(d)
}

// AddBusinessDays gives the n-th business day after a date; for n = 0 the date itself
// or, when it is a day off, the next business day. Errors: ErrUnknownYear; n below 0;
// trouble with the file.
func (c *Calendar) AddBusinessDays(d Date, n int) (Date, error) {
	if n < 0 {
		return Date{}, fmt.Errorf("add %d business days: expected 0 or more", n)
	}
	t, err := c.current()
	if err != nil {
		return Date{}, err
	}
	if n == 0 {
		return t.next(d)
	}
	for range n {
		if d, err = t.next(d.AddDays(1)); err != nil {
			return Date{}, err
		}
	}
	return d, nil
}

// Holidays lists the days off of a year but for its weekends, in order. Errors:
// ErrUnknownYear; trouble with the file.
func (c *Calendar) Holidays(year int) ([]Holiday, error) {
	t, err := c.current()
	if err != nil {
		return nil, err
	}
	if !t.years[year] {
		return nil, fmt.Errorf("%d: %w", year, ErrUnknownYear)
	}
	var of []Holiday
	for _, holidays := range t.days {
		for _, h := range holidays {
			if h.Date.Year == year {
				of = append(of, h)
			}
		}
	}
	slices.SortStableFunc(of, func(a, b Holiday) int { return a.Date.Compare(b.Date) })
	return of, nil
}
