package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/test/harness"
)

// hostileAmounts are JSON values that are no amount: not an integer, not positive, more
// than 64 bits hold, or more than one request may move.
var hostileAmounts = []string{
	"0", "-1", "-0", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "18446744073709551617",
	"1000000000001", "99999999999999999999999999", "1.5", "1.0", "1e3", "1e999", "-1e999", `"1000"`, "true", "[1000]", `{"won":1000}`, "null",
}

func withAmount(body, amount string) string { return strings.Replace(body, "%", amount, 1) }

// requireBadField checks that a request was refused for one field.
func requireBadField(t *testing.T, a harness.Answer, pointer, what string) {
	t.Helper()
	require.Equal(t, http.StatusBadRequest, a.Status, "%s: %s", what, a)
	p := a.Problem(t)
	require.Equal(t, "invalid_request", p.Code, what)
	require.Len(t, p.Errors, 1, what)
	require.Equal(t, pointer, p.Errors[0].Pointer, what)
	require.NotEmpty(t, p.Errors[0].Code, what)
}
