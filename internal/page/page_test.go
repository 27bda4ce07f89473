package page

import (
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
)

func TestACursorSurvivesItsWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Cursor{At: time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "at")).UTC(), ID: rapid.StringMatching(`[a-zA-Z0-9_]{1,64}`).Draw(t, "id")}
		r, err := Parse(c.Encode(), 0)
		require.NoError(t, err)
		require.True(t, c.At.Equal(r.After.At))
		require.Equal(t, c.ID, r.After.ID)
		require.Equal(t, DefaultLimit, r.Limit)
	})
}

func TestParseRefusesWhatNoPageGave(t *testing.T) {
	for _, cursor := range []string{"x", "!!", "e30", "bnVsbA", Cursor{ID: string(make([]byte, 65))}.Encode()} {
		_, err := Parse(cursor, 0)
		require.Equal(t, errs.Invalid, errs.KindOf(err), cursor)
	}
	for _, at := range []string{"0001-01-01T00:00:00Z", "0999-12-31T23:59:59Z", "9999-12-31T23:59:59-09:00"} {
		_, err := Parse(base64.RawURLEncoding.EncodeToString([]byte(`{"t":"`+at+`","i":"x"}`)), 0)
		require.Equal(t, errs.Invalid, errs.KindOf(err), at)
	}
	for _, limit := range []int{-1, MaxLimit + 1} {
		_, err := Parse("", limit)
		require.Equal(t, errs.Invalid, errs.KindOf(err))
	}
	rapid.Check(t, func(t *rapid.T) {
		if _, err := Parse(rapid.String().Draw(t, "cursor"), 0); err != nil {
			require.Equal(t, errs.Invalid, errs.KindOf(err))
		}
	})
}

// TestPagesGoThroughAListOnce walks a list by its pages, as a client does.
func TestPagesGoThroughAListOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, limit := rapid.IntRange(0, 40).Draw(t, "rows"), rapid.IntRange(1, 10).Draw(t, "limit")
		var seen []int
		after := 0
		for range n + 2 { // one page more than there can be
			rows := make([]int, 0, limit+1)
			for i := after; i < min(n, after+limit+1); i++ {
				rows = append(rows, i)
			}
			p := Of(rows, limit, func(i int) Cursor { return Cursor{ID: "r"} })
			seen = append(seen, p.Items...)
			after += len(p.Items)
			if p.Next == "" {
				break
			}
		}
		require.Len(t, seen, n)
		require.True(t, slices.IsSorted(seen))
	})
}
