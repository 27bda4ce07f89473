package banking

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const windowsHead = "code,from,to,days\n"

func parsed(t require.TestingT, lines ...string) Windows {
	w, err := ParseWindows(strings.NewReader(windowsHead + strings.Join(lines, "\n")))
	require.NoError(t, err)
	return w
}

func inSeoul(s string) time.Time {
	t, err := time.ParseInLocation(time.DateTime, s, seoul)
	if err != nil {
		panic(err) // a mistake in a test's table
	}
	return t
}

// 2025-09-14 was the second Sunday of its month.
func TestClosedUntilByTheBuiltInTable(t *testing.T) {
	w, err := LoadWindows("")
	require.NoError(t, err)
	require.Len(t, w.byBank, 21)
	for name, c := range map[string]struct {
		banks    []string
		at, want string // "" for open
	}{
		"noon":                              {[]string{"004", "088"}, "2025-09-10 12:00:00", ""},
		"midnight":                          {[]string{"004"}, "2025-09-10 00:00:00", "2025-09-10 00:30:00"},
		"the last second":                   {[]string{"004"}, "2025-09-10 00:29:59", "2025-09-10 00:30:00"},
		"the end is open":                   {[]string{"004"}, "2025-09-10 00:30:00", ""},
		"just before":                       {[]string{"088"}, "2025-09-09 23:39:59", ""},
		"before midnight":                   {[]string{"088"}, "2025-09-09 23:40:00", "2025-09-10 00:30:00"},
		"after midnight":                    {[]string{"088"}, "2025-09-10 00:10:00", "2025-09-10 00:30:00"},
		"across a month":                    {[]string{"090"}, "2025-08-31 23:55:00", "2025-09-01 00:10:00"},
		"across a year":                     {[]string{"092"}, "2025-12-31 23:59:59", "2026-01-01 00:05:00"},
		"the later of two":                  {[]string{"092", "090"}, "2025-09-09 23:57:00", "2025-09-10 00:10:00"},
		"one opens as the other is closed":  {[]string{"092", "004"}, "2025-09-09 23:57:00", "2025-09-10 00:30:00"},
		"two lines that touch":              {[]string{"027"}, "2025-09-09 23:45:00", "2025-09-10 04:30:00"},
		"second Sunday":                     {[]string{"020"}, "2025-09-14 02:00:00", "2025-09-14 06:00:00"},
		"first Sunday":                      {[]string{"020"}, "2025-09-07 02:00:00", ""},
		"third Sunday":                      {[]string{"020"}, "2025-09-21 02:00:00", ""},
		"second Saturday":                   {[]string{"020"}, "2025-09-13 02:00:00", ""},
		"second Sunday, nightly one before": {[]string{"020", "027"}, "2025-09-14 00:00:00", "2025-09-14 06:00:00"},
		"no such bank":                      {[]string{"999"}, "2025-09-10 00:00:00", ""},
		"no bank":                           {nil, "2025-09-10 00:00:00", ""},
	} {
		got := w.ClosedUntil(c.banks, inSeoul(c.at))
		if c.want == "" {
			require.True(t, got.IsZero(), "%s: %s", name, got)
			continue
		}
		require.Equal(t, inSeoul(c.want).UTC(), got, name)
	}
	require.True(t, Windows{}.ClosedUntil([]string{"004"}, inSeoul("2025-09-10 00:00:00")).IsZero())
}

func TestAWindowOfAWeekdayMayCrossMidnight(t *testing.T) {
	w := parsed(t, "004,23:00:30,01:00,sun2")
	require.Equal(t, inSeoul("2025-09-15 01:00:00").UTC(), w.ClosedUntil([]string{"004"}, inSeoul("2025-09-15 00:59:59")))
	require.Equal(t, inSeoul("2025-09-15 01:00:00").UTC(), w.ClosedUntil([]string{"004"}, inSeoul("2025-09-14 23:00:30")))
	for _, open := range []string{"2025-09-14 23:00:29", "2025-09-14 00:30:00", "2025-09-08 00:30:00", "2025-09-16 00:30:00"} {
		require.True(t, w.ClosedUntil([]string{"004"}, inSeoul(open)).IsZero(), open)
	}
	fifth := parsed(t, "004,10:00,11:00,wed5")
	require.False(t, fifth.ClosedUntil([]string{"004"}, inSeoul("2025-10-29 10:00:00")).IsZero())
	require.True(t, fifth.ClosedUntil([]string{"004"}, inSeoul("2025-09-24 10:00:00")).IsZero())
}

// The model looks at every minute; the table must agree with it at each.
func TestClosedUntilIsTheFirstMinuteAtWhichAllAreOpen(t *testing.T) {
	type line struct{ bank, from, length int }
	banks := []string{"004", "088"}
	clockTime := func(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60%24, minute%60) }
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) line {
			return line{rapid.IntRange(0, 1).Draw(t, "bank"), rapid.IntRange(0, 1439).Draw(t, "from"), rapid.IntRange(1, 300).Draw(t, "length")}
		}), 1, 4).Draw(t, "lines") // 20 hours at most, so that there is always an opening
		var text []string
		closed := [1440]bool{}
		for _, l := range lines {
			text = append(text, banks[l.bank]+","+clockTime(l.from)+","+clockTime(l.from+l.length)+",daily")
			for m := range l.length {
				closed[(l.from+m)%1440] = true
			}
		}
		w := parsed(t, text...)
		minute := rapid.IntRange(0, 1439).Draw(t, "minute")
		at := inSeoul("2026-02-28 00:00:00").Add(time.Duration(minute) * time.Minute)
		opens := minute
		for closed[opens%1440] {
			opens++
		}
		got := w.ClosedUntil(banks, at)
		if opens == minute {
			require.True(t, got.IsZero())
			return
		}
		require.True(t, at.Add(time.Duration(opens-minute)*time.Minute).Equal(got), "%s", got)
	})
}

func TestBanksThatAreNeverOpenTogetherDoNotHang(t *testing.T) {
	w := parsed(t, "004,00:00,12:00,daily", "088,12:00,00:00,daily")
	at := inSeoul("2026-03-01 05:00:00")
	until := w.ClosedUntil([]string{"004", "088"}, at)
	require.Greater(t, until.Sub(at), 7*24*time.Hour)
	require.Less(t, until.Sub(at), 100*24*time.Hour)
}

func TestParseWindowsRefusesBadTables(t *testing.T) {
	for _, bad := range []string{
		"", "004,00:00,00:30,daily\n", "code,from,to\n", windowsHead + "004,00:00,00:30\n", windowsHead + "999,00:00,00:30,daily\n",
		windowsHead + "004,24:00,00:30,daily\n", windowsHead + "004,00:00,30,daily\n", windowsHead + "004,00:00,00:00,daily\n",
		windowsHead + "004,00:00,00:60,daily\n", windowsHead + "004,00:00,00:30:61,daily\n", windowsHead + "004,00:00,00:30,\n",
		windowsHead + "004,00:00,00:30,sun\n", windowsHead + "004,00:00,00:30,sun0\n", windowsHead + "004,00:00,00:30,sun6\n",
		windowsHead + "004,00:00,00:30,day2\n", windowsHead + "004,00:00,13:00,daily\n004,12:00,00:00,daily\n",
	} {
		_, err := ParseWindows(strings.NewReader(bad))
		require.Error(t, err, "%q", bad)
	}
	require.Empty(t, parsed(t, "# no maintenance at all").byBank)
	_, err := LoadWindows(filepath.Join(t.TempDir(), "none.csv"))
	require.Error(t, err)
}

// loggedLines counts what is logged.
type loggedLines struct {
	mu    sync.Mutex
	lines int
}

func (l *loggedLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines++
	return len(p), nil
}

func TestAChangedFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "windows.csv")
	stamp := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	write := func(content string) {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		stamp = stamp.Add(time.Second)
		require.NoError(t, os.Chtimes(path, stamp, stamp))
	}
	logged := &loggedLines{}
	s := newWindowsSource(path, slog.New(slog.NewTextHandler(logged, nil)))
	at := inSeoul("2026-03-01 12:00:00")
	until := func() time.Time { return s.current().ClosedUntil([]string{"004"}, at) }
	expect := func(hour, lines int, why string) {
		t.Helper()
		for range 3 {
			got := until()
			if hour == 0 {
				require.True(t, got.IsZero(), why)
			} else {
				require.Equal(t, at.Add(time.Duration(hour)*time.Hour).UTC(), got, why)
			}
		}
		require.Equal(t, lines, logged.lines, why)
	}
	expect(0, 1, "not there: the built-in table, told once")
	require.False(t, s.current().ClosedUntil([]string{"004"}, inSeoul("2026-03-01 00:00:00")).IsZero())
	write(windowsHead + "004,11:00,13:00,daily\n")
	expect(1, 1, "there it is")
	write(windowsHead + "004,11:00,14:00,daily\n")
	expect(2, 1, "changed, of the same length")
	write("004,11:00\n")
	expect(2, 2, "broken: the last good one")
	require.NoError(t, os.Remove(path))
	expect(2, 3, "gone: the last good one")
	write(windowsHead)
	expect(0, 3, "nothing is closed")
}

func TestTheWindowsSourceIsSafeForManyCallers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "windows.csv")
	require.NoError(t, os.WriteFile(path, []byte(windowsHead+"004,11:00,13:00,daily\n"), 0o600))
	s := newWindowsSource(path, slog.New(slog.DiscardHandler))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { s.current().ClosedUntil([]string{"004"}, inSeoul("2026-03-01 12:00:00")) })
	}
	wg.Wait()
	require.Len(t, s.current().byBank, 1)
}
