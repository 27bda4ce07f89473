package banking

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A NOT_FOUND is final when the bank would refuse the transfer from now on, which its own
// clock decides; ours, with a margin, only when it tells no time.
func TestTheBanksClockDecidesWhatIsTooLate(t *testing.T) {
	s := &Service{o: Options{ClockMargin: time.Minute}}
	until := time.Date(2026, 1, 1, 0, 0, 10, 0, time.UTC)
	for name, tc := range map[string]struct {
		banks, ours time.Time
		want        bool
	}{
		"the bank's clock has passed, ours has not": {until.Add(time.Second), until.Add(-time.Hour), true},
		"ours has passed, the bank's has not":       {until, until.Add(time.Hour), false},
		"no time of the bank, within the margin":    {time.Time{}, until.Add(time.Minute), false},
		"no time of the bank, past the margin":      {time.Time{}, until.Add(time.Minute + 1), true},
	} {
		require.Equal(t, tc.want, s.expired(until, tc.banks, tc.ours), name)
	}
}
