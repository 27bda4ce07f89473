package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"durapay/internal/calendar"
	"durapay/services/membership"
)

func TestInflowRange(t *testing.T) {
	today := calendar.Date{Year: 2026, Month: time.November, Day: 20}
	for query, want := range map[string]string{
		"":                                    "2026-10-22 2026-11-20",
		"?through=2026-10-30":                 "2026-10-01 2026-10-30",
		"?from=2026-11-01":                    "2026-11-01 2026-11-20",
		"?from=2026-01-01&through=2026-01-01": "2026-01-01 2026-01-01",
	} {
		from, through, err := inflowRange(asking(membership.RoleOperator, query), today)
		require.NoError(t, err)
		require.Equal(t, want, from.String()+" "+through.String(), query)
	}
	for _, query := range []string{"?from=yesterday", "?through=2026-02-30", "?through=0001-01-02", "?from="} {
		_, _, err := inflowRange(asking(membership.RoleOperator, query), today)
		require.Error(t, err, query)
	}
}

// TestRegionsStandBesideWallets asks the router for both: a fixed name goes before a
// parameter, and a region's name may be Korean.
func TestRegionsStandBesideWallets(t *testing.T) {
	e := gin.New()
	for _, route := range []string{"/v1/money/:membershipId", "/v1/money/:membershipId/transactions", "/v1/money/increase/:id",
		"/v1/money/query/regions", "/v1/money/query/regions/:region"} {
		e.GET(route, func(c *gin.Context) { c.String(http.StatusOK, c.FullPath()+" "+c.Param("region")) })
	}
	for path, want := range map[string]string{
		"/v1/money/query/regions":                               "/v1/money/query/regions ",
		"/v1/money/query/regions/SEOUL":                         "/v1/money/query/regions/:region SEOUL",
		"/v1/money/query/regions/%EC%84%9C%EC%9A%B8":            "/v1/money/query/regions/:region 서울",
		"/v1/money/mem_01JZ0000000000000000000000":              "/v1/money/:membershipId ",
		"/v1/money/query":                                       "/v1/money/:membershipId ",
		"/v1/money/query/transactions":                          "/v1/money/:membershipId/transactions ",
		"/v1/money/mem_01JZ0000000000000000000000/transactions": "/v1/money/:membershipId/transactions ",
	} {
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, want, answer.Body.String(), path)
	}
}
