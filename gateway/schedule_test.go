package gateway

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"durapay/errs"
)

func TestBackfillOf(t *testing.T) {
	now := time.Date(2026, 11, 20, 1, 30, 0, 0, time.UTC) // 10:30 in Seoul
	moment := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		return at
	}
	for name, c := range map[string]struct {
		from, until string
		start, end  string // "" when refused
		pointer     string
		code        *errs.Error
	}{
		"one day":            {from: "2026-11-18", until: "2026-11-18", start: "2026-11-17T23:59:59.999+09:00", end: "2026-11-18T23:59:59.999+09:00"},
		"a week":             {from: "2026-11-09", until: "2026-11-15", start: "2026-11-08T23:59:59.999+09:00", end: "2026-11-15T23:59:59.999+09:00"},
		"today, up to now":   {from: "2026-11-20", until: "2026-11-20", start: "2026-11-19T23:59:59.999+09:00", end: "2026-11-20T10:30:00+09:00"},
		"a year":             {from: "2025-11-19", until: "2026-11-19", start: "2025-11-18T23:59:59.999+09:00", end: "2026-11-19T23:59:59.999+09:00"},
		"more than a year":   {from: "2025-11-18", until: "2026-11-19", pointer: "/until", code: errs.FieldTooLarge},
		"tomorrow":           {from: "2026-11-19", until: "2026-11-21", pointer: "/until", code: errs.FieldTooLarge},
		"only the future":    {from: "2026-11-21", until: "2026-11-21", pointer: "/from", code: errs.FieldTooLarge},
		"backwards":          {from: "2026-11-19", until: "2026-11-18", pointer: "/until", code: errs.FieldTooSmall},
		"no day":             {from: "2026-02-30", until: "2026-11-18", pointer: "/from", code: errs.FieldFormat},
		"no date":            {from: "2026-11-18", until: "now", pointer: "/until", code: errs.FieldFormat},
		"before the company": {from: "1999-12-31", until: "1999-12-31", pointer: "/from", code: errs.FieldTooSmall},
	} {
		t.Run(name, func(t *testing.T) {
			fill, err := backfillOf(BackfillRequest{From: c.from, Until: c.until}, now)
			if c.code != nil {
				refusal := errs.Of(err)
				require.ErrorIs(t, err, errs.InvalidRequest)
				require.Equal(t, c.pointer, refusal.Fields[0].Pointer)
				require.Equal(t, c.code.Code, refusal.Fields[0].Code)
				return
			}
			require.NoError(t, err)
			require.True(t, moment(c.start).Equal(fill.Start), fill.Start)
			require.True(t, moment(c.end).Equal(fill.End), fill.End)
			require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL, fill.Overlap)
		})
	}
}
