package e2e

import (
	"net/http"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"durapay/test/harness"
)

// knownOperations are the names that the platform's users know.
var knownOperations = []string{
	"registerMembership", "registerMembershipEvent", "modifyMembership", "findMembership", "loginMembership", "refreshJwtTokenByRefreshToken",
	"validateJwtToken", "getMembershipByJwtToken", "registerBankAccount", "registerBankAccountByEvent", "findBankAccount", "requestFirmbanking",
	"requestFirmbankingByEvent", "findFirmbanking", "createMemberMoney", "getBalanceRequest", "increaseMoneyRequest", "increaseMoneyRequestByEvent",
	"decreaseMoneyRequest", "decreaseMoneyRequestByEvent", "requestRemittance", "findRemittanceHistory", "registerFranchise", "findFranchise",
	"modifyFranchise", "queryMoneySumByRegion", "requestPayment", "getNormalStatusPayments", "finishPayment", "startSettlement",
}

func TestTheDescriptionIsOpenAPI(t *testing.T) {
	t.Parallel()
	a := page(t, "/openapi.json")
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(a.Body)
	require.NoError(t, err)
	require.NoError(t, doc.Validate(loader.Context))

	var operations []string
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			require.NotEmpty(t, o.OperationID, "%s %s", method, path)
			require.NotEmpty(t, o.Summary, o.OperationID)
			operations = append(operations, o.OperationID)
		}
	}
	slices.Sort(operations)
	require.Equal(t, slices.Compact(slices.Clone(operations)), operations, "each name once")
	for _, name := range knownOperations {
		require.Contains(t, operations, name)
	}
}

func TestTheDocumentationIsThere(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/swagger/index.html", "/swagger/doc.json", "/livez", "/readyz", "/metrics"} {
		require.NotEmpty(t, page(t, path).Body, path)
	}
}

// page reads what is there for anyone. Unlike other answers it may speak of our insides:
// it describes all errors there are.
func page(t *testing.T, path string) harness.Answer {
	t.Helper()
	a, err := harness.Shared(t).Do(t.Context(), harness.Call{Method: http.MethodGet, Path: path})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.Status, path)
	return a
}

func TestErrorsSpeakTheClientsLanguage(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	for header, language := range map[string]string{
		"": "en", "ko": "ko", "ko-KR,ko;q=0.9,en;q=0.8": "ko", "en-US": "en", "fr": "en", "fr,ko;q=0.5": "ko", "x;;q=z,\t": "en",
	} {
		a := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/memberships/me", Header: map[string]string{"Accept-Language": header}})
		require.Equal(t, language, a.Header.Get("Content-Language"), header)
		require.Equal(t, "token_missing", a.Problem(t).Code, "the code has no language")
		if language == "ko" {
			requireKorean(t, a.Problem(t).Title)
			requireKorean(t, a.Problem(t).Detail)
		}
	}
}
