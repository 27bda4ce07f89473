package harness

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNeedlesAreFoundWhereverTheyAre(t *testing.T) {
	n := newNeedles(map[string][]string{
		"short": {"abc"}, "eight": {"12345678"}, "long": {"123456789 and more", "in another form"}, "absent": {"never there", "qq"},
	})
	filler := strings.Repeat("-1234567-ab", 1000)
	for content, want := range map[string][]string{
		"":                              nil,
		"ab":                            nil,
		filler:                          nil,
		"abc" + filler:                  {"short"},
		filler + "12345678":             {"eight"},
		"12345678":                      {"eight"},
		"123456789 and mor":             {"eight"},
		"123456789 and more":            {"eight", "long"},
		filler + "in another form.":     {"long"},
		filler + "in another for":       nil,
		"x123456789 and mor in another": {"eight"},
	} {
		require.ElementsMatch(t, want, slices.Collect(maps.Keys(n.in([]byte(content)))), "%.30q, %d bytes", content, len(content))
	}
}
