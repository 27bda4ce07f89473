package calendar

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func day(t testing.TB, s string) Date {
	t.Helper()
	d, err := Parse(s)
	require.NoError(t, err)
	return d
}

func TestADateIsSeouls(t *testing.T) {
	for at, want := range map[string]string{
		"2026-11-21T14:59:59.999999Z": "2026-11-21", "2026-11-21T15:00:00Z": "2026-11-22",
		"2026-12-31T15:00:00Z": "2027-01-01", "2027-01-01T00:00:00-12:00": "2027-01-01",
	} {
		instant, err := time.Parse(time.RFC3339Nano, at)
		require.NoError(t, err)
		require.Equal(t, want, Of(instant).String())
	}
	d := day(t, "2026-11-22")
	require.Equal(t, time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC), d.Start())
	require.Equal(t, d.AddDays(1).Start(), d.End())
	require.Equal(t, time.Sunday, d.Weekday())
	for _, bad := range []string{"", "2026-02-29", "2026-2-1", "26-01-01", "2026-01-01T00:00:00Z", "0000-01-01", " 2026-01-01", "2026-13-01"} {
		_, err := Parse(bad)
		require.Error(t, err, bad)
	}
}

var anyDate = rapid.Custom(func(t *rapid.T) Date {
	return Date{Year: 1900, Month: time.January, Day: 1}.AddDays(rapid.IntRange(0, 120_000).Draw(t, "days"))
})

func TestDatesSurviveEveryForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, n := anyDate.Draw(t, "date"), rapid.IntRange(-5000, 5000).Draw(t, "n")
		parsed, err := Parse(d.String())
		require.NoError(t, err)
		require.Equal(t, d, parsed)
		require.Equal(t, d, Of(d.Start()))
		require.Equal(t, d, Of(d.End().Add(-time.Nanosecond)))
		require.Equal(t, d, d.AddDays(n).AddDays(-n))
		require.Equal(t, n > 0, d.Before(d.AddDays(n)))
		require.Equal(t, d.Start().Compare(d.AddDays(n).Start()), d.Compare(d.AddDays(n)))
		require.Equal(t, time.Duration(n)*24*time.Hour, d.AddDays(n).Start().Sub(d.Start()))
		stored, err := d.Value()
		require.NoError(t, err)
		year, month, number := d.Year, d.Month, d.Day
		for _, src := range []any{stored, []byte(d.String()), time.Date(year, month, number, 0, 0, 0, 0, time.UTC)} {
			var back Date
			require.NoError(t, back.Scan(src))
			require.Equal(t, d, back)
		}
	})
}

func TestAZeroDateIsNone(t *testing.T) {
	var zero struct{ Date Date }
	text, err := json.Marshal(zero)
	require.NoError(t, err)
	require.JSONEq(t, `{"Date":""}`, string(text))
	back := struct{ Date Date }{Date{2026, 1, 1}}
	require.NoError(t, json.Unmarshal(text, &back))
	require.True(t, back.Date.IsZero())
	require.NoError(t, json.Unmarshal([]byte(`{"Date":"2026-11-22"}`), &back))
	require.Equal(t, Date{2026, 11, 22}, back.Date)
	require.Error(t, json.Unmarshal([]byte(`{"Date":"2026-11-31"}`), &back))
	stored, err := zero.Date.Value()
	require.NoError(t, err)
	require.Nil(t, stored)
	require.NoError(t, back.Date.Scan(nil))
	require.True(t, back.Date.IsZero())
	require.Error(t, back.Date.Scan(7))
}

// rule is what the decree says of a holiday that is fixed in the calendar.
type rule struct {
	month      time.Month
	day        int
	since      Date // the decree's text before did not have it
	substitute bool // when it falls on a Saturday or a Sunday
}

var fixed = map[string]rule{
	"New Year's Day":            {month: 1, day: 1},
	"Independence Movement Day": {month: 3, day: 1, substitute: true},
	"Labor Day":                 {month: 5, day: 1, since: Date{2026, 1, 1}, substitute: true},
	"Children's Day":            {month: 5, day: 5, substitute: true},
	"Memorial Day":              {month: 6, day: 6},
	"Constitution Day":          {month: 7, day: 17, since: Date{2026, 5, 11}, substitute: true},
	"Liberation Day":            {month: 8, day: 15, substitute: true},
	"National Foundation Day":   {month: 10, day: 3, substitute: true},
	"Hangeul Day":               {month: 10, day: 9, substitute: true},
	"Christmas Day":             {month: 12, day: 25, substitute: true},
}

// The main days of the lunar holidays, as the almanac of the Korea Astronomy and Space Science Institute has them.
var lunar = map[int]map[string]Date{
	2025: {"Seollal": {2025, 1, 29}, "Buddha's Birthday": {2025, 5, 5}, "Chuseok": {2025, 10, 6}},
	2026: {"Seollal": {2026, 2, 17}, "Buddha's Birthday": {2026, 5, 24}, "Chuseok": {2026, 9, 25}},
	2027: {"Seollal": {2027, 2, 7}, "Buddha's Birthday": {2027, 5, 13}, "Chuseok": {2027, 9, 15}},
}

func years() []int { return slices.Sorted(maps.Keys(lunar)) }

// byRule works out the days off of a year, but for elections and days declared ad hoc.
func byRule(year int) (holidays map[Date]int, moved []Date) {
	holidays = map[Date]int{}
	for _, r := range fixed {
		if d := (Date{year, r.month, r.day}); !d.Before(r.since) {
			holidays[d]++
		}
	}
	for name, d := range lunar[year] {
		holidays[d]++
		if name != "Buddha's Birthday" {
			holidays[d.AddDays(-1)]++
			holidays[d.AddDays(1)]++
		}
	}
	for name, r := range fixed {
		if d := (Date{year, r.month, r.day}); r.substitute && !d.Before(r.since) && name != "Children's Day" && weekend(d) {
			moved = append(moved, d)
		}
	}
	return holidays, moved
}

func weekend(d Date) bool { return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday }

func TestTheTableIsWhatTheDecreeSays(t *testing.T) {
	c, err := New("")
	require.NoError(t, err)
	for _, year := range years() {
		holidays, moved := byRule(year)
		// Children's Day and Buddha's birthday also when they meet another holiday, once for a day.
		children, buddha := Date{year, 5, 5}, lunar[year]["Buddha's Birthday"]
		for _, d := range slices.Compact([]Date{children, buddha}) {
			if weekend(d) || holidays[d] > 1 {
				moved = append(moved, d)
			}
		}
		for _, name := range []string{"Seollal", "Chuseok"} {
			main := lunar[year][name]
			for _, d := range []Date{main.AddDays(-1), main, main.AddDays(1)} {
				if d.Weekday() == time.Sunday || holidays[d] > 1 {
					moved = append(moved, d)
				}
			}
		}
		slices.SortFunc(moved, Date.Compare)
		var substitutes []string
		taken := maps.Clone(holidays)
		for _, d := range moved {
			for taken[d] > 0 || weekend(d) {
				d = d.AddDays(1)
			}
			taken[d]++
			substitutes = append(substitutes, d.String())
		}
		slices.Sort(substitutes)

		lines, err := c.Holidays(year)
		require.NoError(t, err)
		table := map[Kind][]string{}
		for _, h := range lines {
			table[h.Kind] = append(table[h.Kind], h.Date.String())
			if r, known := fixed[h.NameEn]; known {
				require.Equal(t, Date{year, r.month, r.day}, h.Date, h.NameEn)
			}
			require.NotEmpty(t, h.NameKo)
		}
		var public []string
		for d, n := range holidays {
			for range n {
				public = append(public, d.String())
			}
		}
		slices.Sort(public)
		require.Equal(t, public, table[Public], year)
		require.Equal(t, substitutes, table[Substitute], year)
		for _, d := range append(table[Election], table[AdHoc]...) {
			require.False(t, weekend(day(t, d)))
		}
	}
}

func TestBusinessDays(t *testing.T) {
	c, err := New("")
	require.NoError(t, err)
	for _, row := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-11-20", 0, "2026-11-20"}, {"2026-11-21", 0, "2026-11-23"}, {"2026-11-20", 1, "2026-11-23"}, {"2026-11-21", 1, "2026-11-23"},
		{"2025-10-02", 1, "2025-10-10"}, {"2025-10-03", 0, "2025-10-10"}, {"2026-02-13", 1, "2026-02-19"}, {"2027-02-05", 1, "2027-02-10"},
		{"2026-09-23", 2, "2026-09-29"}, {"2026-12-31", 1, "2027-01-04"}, {"2026-05-22", 10, "2026-06-09"}, {"2025-01-24", 1, "2025-01-31"},
	} {
		got, err := c.AddBusinessDays(day(t, row.from), row.n)
		require.NoError(t, err)
		require.Equal(t, row.want, got.String(), "%s + %d", row.from, row.n)
	}
	for _, d := range []string{"2024-12-31", "2028-01-01"} {
		_, err := c.IsBusinessDay(day(t, d))
		require.ErrorIs(t, err, ErrUnknownYear)
	}
	_, err = c.AddBusinessDays(day(t, "2027-12-31"), 1)
	require.ErrorIs(t, err, ErrUnknownYear)
	_, err = c.AddBusinessDays(day(t, "2027-12-30"), -1)
	require.Error(t, err)
	_, err = c.Holidays(2028)
	require.ErrorIs(t, err, ErrUnknownYear)
}

func TestAddingBusinessDaysCountsThem(t *testing.T) {
	c, err := New("")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		from := Date{2025, 1, 1}.AddDays(rapid.IntRange(0, 3*365-60).Draw(t, "from"))
		n := rapid.IntRange(1, 10).Draw(t, "n")
		to, err := c.AddBusinessDays(from, n)
		require.NoError(t, err)
		count := 0
		for d := from; d != to; {
			d = d.AddDays(1)
			if open, err := c.IsBusinessDay(d); err == nil && open {
				count++
			}
		}
		require.Equal(t, n, count)
		open, err := c.IsBusinessDay(to)
		require.NoError(t, err)
		require.True(t, open)
	})
}

// write replaces the file as an operator's editor does; the time it tells is another one each time.
func write(t *testing.T, file, text string, second int) {
	t.Helper()
	next := file + ".next"
	require.NoError(t, os.WriteFile(next, []byte(text), 0o600))
	at := time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC)
	require.NoError(t, os.Chtimes(next, at, at))
	require.NoError(t, os.Rename(next, file))
}

func TestAnOperatorsFileAddsAndTakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "holidays.csv")
	_, err := New(file)
	require.Error(t, err, "a file that is named has to be there")

	write(t, file, "\ufeffdate,name_ko,name_en,kind\n2026-11-23,임시공휴일,Temporary Holiday,adhoc\n2026-12-25,,,workday\n", 1)
	c, err := New(file)
	require.NoError(t, err)
	is := func(s string) bool {
		open, err := c.IsBusinessDay(day(t, s))
		require.NoError(t, err)
		return open
	}
	require.False(t, is("2026-11-23"))
	require.True(t, is("2026-12-25"))
	require.False(t, is("2026-01-01"), "the table in the binary stays")

	write(t, file, "2028-03-01,3·1절,Independence Movement Day,holiday\n", 2)
	require.True(t, is("2026-11-23"), "the file is read again")
	require.False(t, is("2026-12-25"))
	_, err = c.IsBusinessDay(day(t, "2028-03-02"))
	require.ErrorIs(t, err, ErrUnknownYear, "one line does not make a year known")
	write(t, file, "2028-01-01,1월 1일,New Year's Day,holiday\n2028-03-01,3·1절,Independence Movement Day,holiday\n", 3)
	require.True(t, is("2028-03-02"))

	for i, bad := range []string{"2026-11-23,a,b\n", "2026-11-31,a,b,adhoc\n", "2026-11-23,a,b,party\n", "\"\n"} {
		write(t, file, bad, 10+i)
		_, err = c.IsBusinessDay(day(t, "2026-11-23"))
		require.Error(t, err, "a broken file is not passed over: %q", bad)
	}
	write(t, file, "", 20)
	require.True(t, is("2026-11-23"), "it is taken again once it is right")
	require.NoError(t, os.Remove(file))
	_, err = c.IsBusinessDay(day(t, "2026-11-23"))
	require.Error(t, err)
}

func TestTheSearchForABusinessDayEnds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "holidays.csv")
	var text string
	for n := range 100 {
		text += fmt.Sprintf("%s,휴일,Off,adhoc\n", Date{2026, 3, 1}.AddDays(n))
	}
	write(t, file, text, 1)
	c, err := New(file)
	require.NoError(t, err)
	_, err = c.AddBusinessDays(Date{2026, 3, 1}, 0)
	require.ErrorContains(t, err, "no business day")
}

func TestTheFileChangesUnderManyReaders(t *testing.T) {
	file := filepath.Join(t.TempDir(), "holidays.csv")
	write(t, file, "", 0)
	c, err := New(file)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if _, err := c.AddBusinessDays(Date{2026, 11, 20}, 3); err != nil {
					t.Errorf("add: %v", err)
				}
			}
		})
	}
	for n := range 20 {
		write(t, file, "2026-11-23,임시공휴일,Temporary Holiday,adhoc\n", n)
	}
	wg.Wait()
}
