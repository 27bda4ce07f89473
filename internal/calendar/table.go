package calendar

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"time"
)

// Kind is why a day is off.
type Kind string

// The kinds. Workday is for an operator's file only: it takes the day out of the table.
const (
	Public     Kind = "holiday"
	Substitute Kind = "substitute"
	Election   Kind = "election"
	AdHoc      Kind = "adhoc"
	Workday    Kind = "workday"
)

// Valid tells whether k is one of the kinds.
func (k Kind) Valid() bool {
	switch k {
	case Public, Substitute, Election, AdHoc, Workday:
		return true
	default:
		return false
	}
}

// Holiday is a day off. Two may fall on one day.
type Holiday struct {
	Date   Date
	NameKo string
	NameEn string
	Kind   Kind
}

// parse reads a table. A file that a spreadsheet has saved may begin with a byte order mark.
func parse(text []byte) ([]Holiday, error) {
	const columns, header = 4, "date"
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	reader.FieldsPerRecord = columns
	reader.TrimLeadingSpace = true
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, err
	}
	var lines []Holiday
	for i, row := range rows {
		if i == 0 && row[0] == header {
			continue
		}
		date, err := Parse(row[0])
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i+1, err)
		}
		kind := Kind(strings.TrimSpace(row[3]))
		if !kind.Valid() {
			return nil, fmt.Errorf("record %d: kind %q: expected holiday, substitute, election, adhoc or workday", i+1, row[3])
		}
		lines = append(lines, Holiday{Date: date, NameKo: row[1], NameEn: row[2], Kind: kind})
	}
	return lines, nil
}

// table is what the lines come to. It is not changed once it is built.
type table struct {
	days  map[Date][]Holiday
	years map[int]bool
}

// build applies the lines one after the other: a later one may take back an earlier one.
func build(lines []Holiday) table {
	t := table{days: map[Date][]Holiday{}, years: map[int]bool{}}
	for _, h := range lines {
		if h.Kind == Workday {
			delete(t.days, h.Date)
			continue
		}
		t.days[h.Date] = append(t.days[h.Date], h)
		if h.Date.Month == time.January && h.Date.Day == 1 {
			t.years[h.Date.Year] = true
		}
	}
	return t
}

func (t table) isBusinessDay(d Date) (bool, error) {
	if !t.years[d.Year] {
		return false, fmt.Errorf("%s: %w", d, ErrUnknownYear)
	}
	weekend := d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
	return !weekend && len(t.days[d]) == 0, nil
}

// next gives the first business day on or after a date.
func (t table) next(d Date) (Date, error) {
	for range MaxDaysOff {
		open, err := t.isBusinessDay(d)
		if err != nil || open {
			return d, err
		}
		d = d.AddDays(1)
	}
	return Date{}, fmt.Errorf("no business day in the %d days before %s", MaxDaysOff, d)
}
