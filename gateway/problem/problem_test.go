package problem

import (
	"errors"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/errs"
)

func TestEveryErrorHasWordsInBothLanguages(t *testing.T) {
	hangul := regexp.MustCompile(`\p{Hangul}`)
	for _, e := range errs.All() {
		m, known := catalogue[string(e.Code)]
		require.True(t, known, "no words for %s", e.Code)
		for _, words := range m {
			require.NotEmpty(t, words.Title, e.Code)
			require.NotEmpty(t, words.Detail, e.Code)
		}
		require.Regexp(t, hangul, m[Korean].Title, e.Code)
		require.NotRegexp(t, hangul, m[English].Detail, e.Code)
	}
}

func TestCodesAreDeclaredOnce(t *testing.T) {
	seen := map[errs.Code]bool{}
	for _, e := range errs.All() {
		require.False(t, seen[e.Code], "%s is declared twice", e.Code)
		seen[e.Code] = true
		require.NotZero(t, e.Kind)
	}
}

func TestNothingInternalLeaks(t *testing.T) {
	p := Of(errors.New("Error 1146: Table 'durapay_money.x' doesn't exist"), English, "req_1")
	require.Equal(t, http.StatusInternalServerError, p.Status)
	require.Equal(t, "internal_error", p.Code)
	require.NotContains(t, p.Detail, "1146")
	p = Of(errs.Busy.With("dsn", "secret").Because(errors.New("deadlock")), English, "req_1")
	require.Equal(t, http.StatusServiceUnavailable, p.Status)
	require.Empty(t, p.Params)
}

func TestWordsFollowTheLanguage(t *testing.T) {
	err := errs.InsufficientBalance.With("available", 1000).With("needed", 5000)
	require.Equal(t, "The wallet has 1000 won available; 5000 won are needed.", Of(err, Choose("en-US"), "r").Detail)
	require.Equal(t, "사용 가능 잔액은 1000원이고 5000원이 필요합니다.", Of(err, Choose("ko-KR,ko;q=0.9,en;q=0.8"), "r").Detail)
	require.Equal(t, English, Choose(""))
	require.Equal(t, English, Choose("fr, *;q=0.1"))
	require.Equal(t, English, Choose("\x00garbage,,,;q=z"))
}

func TestFieldsCarryPointers(t *testing.T) {
	p := Of(errs.InvalidField("/amount", errs.FieldTooSmall, "min", "1"), English, "r")
	require.Equal(t, http.StatusBadRequest, p.Status)
	require.Equal(t, []FieldProblem{{Pointer: "/amount", Code: "too_small", Detail: "Expected at least 1."}}, p.Errors)
}
