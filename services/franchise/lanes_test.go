package franchise

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFranchiseTakesOnlyItsOwnLanes(t *testing.T) {
	var l lanes
	leaves := make([]func(), lanesEach)
	for i := range leaves {
		leave, free := l.enter("silent")
		require.True(t, free)
		leaves[i] = leave
	}
	_, free := l.enter("silent")
	require.False(t, free)
	leave, free := l.enter("other")
	require.True(t, free, "another franchise is not held up")
	leave()
	leaves[0]()
	_, free = l.enter("silent")
	require.True(t, free)
	for _, leave := range leaves {
		leave()
	}
	require.Empty(t, l.taken)
}
