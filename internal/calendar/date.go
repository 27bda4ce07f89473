package calendar

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"time"
)

// kst is Korea's time: nine hours ahead of UTC, without summer time since 1988. It is
// fixed here, so that no machine's time zone files can change a date.
var kst = time.FixedZone("KST", 9*60*60)

const layout = time.DateOnly

// Date is a day in Asia/Seoul. The zero Date is none. Dates are comparable with ==.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// Of gives the day in Seoul at an instant.
func Of(t time.Time) Date { return fields(t.In(kst)) }

// fields gives the day as t's own zone writes it.
func fields(t time.Time) Date {
	year, month, day := t.Date()
	return Date{Year: year, Month: month, Day: day}
}

// Parse reads "2026-11-22". It errs for anything else and for a day that does not exist.
func Parse(s string) (Date, error) {
	t, err := time.Parse(layout, s)
	if err != nil || t.Year() == 0 {
		return Date{}, fmt.Errorf("date %q: expected an existing day as YYYY-MM-DD", s)
	}
	return fields(t), nil
}

// String writes "2026-11-22", and "" for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// IsZero tells whether d is no day at all.
func (d Date) IsZero() bool { return d == Date{} }

// noon is far from any edge of the day.
func (d Date) noon() time.Time { return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, kst) }

// Start is the instant at which the day begins in Seoul, in UTC.
func (d Date) Start() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, kst).UTC() }

// End is the instant at which the next day begins in Seoul, in UTC.
func (d Date) End() time.Time { return d.AddDays(1).Start() }

// AddDays gives the day that many days later; a negative number means earlier.
func (d Date) AddDays(days int) Date { return fields(d.noon().AddDate(0, 0, days)) }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.noon().Weekday() }

// Before tells whether d is an earlier day than other.
func (d Date) Before(other Date) bool { return d.Compare(other) < 0 }

// Compare gives -1, 0 or 1, for a day before, the same as, or after other.
func (d Date) Compare(other Date) int {
	return cmp.Or(cmp.Compare(d.Year, other.Year), cmp.Compare(d.Month, other.Month), cmp.Compare(d.Day, other.Day))
}

// MarshalText writes the day for JSON and queries.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote; no text is the zero Date.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// Value stores the day in a DATE column, the zero Date as NULL.
func (d Date) Value() (driver.Value, error) {
	if d.IsZero() {
		return nil, nil
	}
	return d.String(), nil
}

// Scan reads a DATE column. Drivers give its midnight in a zone of their choice, so
// the date is taken as written there.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = Date{}
		return nil
	case time.Time:
		*d = fields(v)
		return nil
	case []byte:
		return d.UnmarshalText(v)
	case string:
		return d.UnmarshalText([]byte(v))
	default:
		return fmt.Errorf("date: cannot read a %T", src)
	}
}
