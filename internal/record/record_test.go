package record

import (
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/errs"
)

var all = []State{Requested, Processing, Waiting, Unknown, Succeeded, Failed, Cancelled, Returned}

func TestAFinalStateIsLeftOnlyByAReturn(t *testing.T) {
	for _, from := range all {
		for _, to := range all {
			switch {
			case from == to:
				require.True(t, from.CanBecome(to), "%s stays", from)
			case from.Final():
				require.Equal(t, from == Succeeded && to == Returned, from.CanBecome(to), "%s to %s", from, to)
			case to == Requested || to == Returned:
				require.False(t, from.CanBecome(to), "%s to %s", from, to)
			default:
				require.True(t, from.CanBecome(to), "%s to %s", from, to)
			}
		}
		require.False(t, from.CanBecome("LOST") && !from.Final())
	}
}

func TestAReturnedRequestHasSucceeded(t *testing.T) {
	for _, now := range all {
		for _, asked := range all {
			require.Equal(t, now == asked || now == Returned && asked == Succeeded, now.Has(asked), "%s has %s", now, asked)
		}
	}
}

func TestAFailureSurvivesItsStorage(t *testing.T) {
	for _, f := range []Failure{{}, FailureOf(errs.InsufficientBalance.With("available", 10))} {
		v, err := f.Value()
		require.NoError(t, err)
		var back Failure
		require.NoError(t, back.Scan(v))
		require.Equal(t, f, back)
	}
	require.Equal(t, errs.Refused, FailureOf(errs.InsufficientBalance).Err().Kind)
}
