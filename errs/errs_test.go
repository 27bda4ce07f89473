package errs

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestACopyWithParametersIsStillTheSameError(t *testing.T) {
	e := InsufficientBalance.With("available", int64(10)).Because(errors.New("cause"))
	require.ErrorIs(t, e, InsufficientBalance)
	require.NotErrorIs(t, e, BalanceLimit)
	require.Empty(t, InsufficientBalance.Params, "the declared error is not changed")
	require.Equal(t, "insufficient_balance available=10: cause", e.Error())
	require.Equal(t, Refused, KindOf(fmt.Errorf("wrapped: %w", e)))
}

func TestOnlyTroubleIsRetried(t *testing.T) {
	for _, e := range All() {
		require.Equal(t, e.Kind == Unavailable || e.Kind == Internal, Retryable(e), e.Code)
	}
	require.True(t, Retryable(errors.New("unclassified")))
	require.Equal(t, Internal, KindOf(errors.New("unclassified")))
}

func TestACodeFindsItsError(t *testing.T) {
	for _, e := range All() {
		require.Same(t, e, ByCode(e.Code))
	}
	require.Equal(t, Internal, ByCode("no_such_code").Kind)
}

// TestAllListsEveryDeclaration reads the source: a code that is not listed has no words.
func TestAllListsEveryDeclaration(t *testing.T) {
	source, err := os.ReadFile("codes.go")
	require.NoError(t, err)
	declared := regexp.MustCompile(`= def\(\w+, "(\w+)"\)`).FindAllStringSubmatch(string(source), -1)
	require.NotEmpty(t, declared)
	listed := map[Code]bool{}
	for _, e := range All() {
		listed[e.Code] = true
	}
	for _, d := range declared {
		require.True(t, listed[Code(d[1])], d[1])
	}
	require.Len(t, listed, len(declared))
}
