package gateway

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/secret"
	"durapay/services/membership"
	"durapay/services/settlement"
)

func TestRunFingerprintTellsDatesAndDryRunsApart(t *testing.T) {
	index, err := secret.NewIndexer(bytes.Repeat([]byte{1}, secret.KeyLen))
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, date := range []string{"2026-11-20", "2026-11-21"} {
		for _, dry := range []bool{false, true} {
			f := RunFingerprint(index, date, dry)
			require.Equal(t, f, RunFingerprint(index, date, dry))
			require.False(t, seen[f])
			seen[f] = true
		}
	}
}

// asking gives a request's context as a caller with a role.
func asking(role membership.Role, query string) *gin.Context {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodGet, "/"+query, nil)
	c.Set(callerKey, caller{ID: "fra_01JZ0000000000000000000000", Role: role})
	return c
}

func TestStatementFilter(t *testing.T) {
	f, err := statementFilter(asking(membership.RoleOperator, "?franchiseId=fra_01JZ0000000000000000000000&businessDate=2026-11-20&payoutState=PAID"))
	require.NoError(t, err)
	require.Equal(t, "2026-11-20", f.BusinessDate.String())
	require.Equal(t, "fra_01JZ0000000000000000000000", f.FranchiseID)
	require.Equal(t, settlement.PayoutPaid, f.PayoutState)
	for query, want := range map[string]*errs.Error{
		"?franchiseId=":            errs.FieldFormat,
		"?franchiseId=x":           errs.FieldFormat,
		"?businessDate=":           errs.FieldFormat,
		"?businessDate=20261120":   errs.FieldFormat,
		"?payoutState=paid":        errs.FieldNotOneOf,
		"?payoutState=":            errs.FieldNotOneOf,
		"?businessDate=0001-01-01": errs.FieldTooSmall,
	} {
		_, err := statementFilter(asking(membership.RoleOperator, query))
		require.ErrorIs(t, err, errs.InvalidRequest, query)
		require.Equal(t, want.Code, errs.Of(err).Fields[0].Code, query)
	}
	_, err = statementFilter(asking(membership.RoleFranchise, "?franchiseId=fra_01JZ0000000000000000000000"))
	require.Equal(t, errs.FieldForbidden.Code, errs.Of(err).Fields[0].Code)
}

func TestStatementScopeIsAFranchisesOwn(t *testing.T) {
	for role, want := range map[membership.Role]string{
		membership.RoleFranchise: "fra_01JZ0000000000000000000000", membership.RoleOperator: "", membership.RoleAuditor: "",
	} {
		require.Equal(t, settlement.Scope{FranchiseID: want}, callerOf(asking(role, "")).statementScope(), role)
	}
}
