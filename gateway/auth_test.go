package gateway

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"durapay/internal/token"
	"durapay/services/membership"
)

// TestMetricsAreForNeighboursAndOverseers asks from here and from afar, with and without
// a credential; a proxy on this machine speaks for somebody else.
func TestMetricsAreForNeighboursAndOverseers(t *testing.T) {
	tokens, err := token.NewIssuer("k:"+base64.StdEncoding.EncodeToString(make([]byte, 32)), time.Now)
	require.NoError(t, err)
	s := &Server{Dependencies: Dependencies{Tokens: tokens}}
	e := gin.New()
	e.GET("/metrics", s.neighboursAndOverseers(), func(c *gin.Context) { c.Status(http.StatusOK) })
	as := func(role membership.Role) string {
		access, _, err := tokens.Issue("mem_1", string(role), time.Minute)
		require.NoError(t, err)
		return "Bearer " + access
	}
	const here, afar = "127.0.0.1:4711", "192.0.2.1:4711"
	for name, tc := range map[string]struct {
		peer, authorization, forwarded string
		want                           int
	}{
		"this machine":                      {peer: here, want: http.StatusOK},
		"this machine, IPv6":                {peer: "[::1]:4711", want: http.StatusOK},
		"a proxy on this machine":           {peer: here, forwarded: "192.0.2.1", want: http.StatusUnauthorized},
		"afar":                              {peer: afar, want: http.StatusUnauthorized},
		"afar, garbage":                     {peer: afar, authorization: "Bearer x", want: http.StatusUnauthorized},
		"afar, a member":                    {peer: afar, authorization: as(membership.RoleMember), want: http.StatusForbidden},
		"afar, an operator":                 {peer: afar, authorization: as(membership.RoleOperator), want: http.StatusOK},
		"through a proxy, an auditor":       {peer: here, forwarded: "192.0.2.1", authorization: as(membership.RoleAuditor), want: http.StatusOK},
		"a peer whose address is not known": {peer: "@", want: http.StatusUnauthorized},
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.RemoteAddr = tc.peer
		if tc.authorization != "" {
			r.Header.Set("Authorization", tc.authorization)
		}
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, r)
		require.Equal(t, tc.want, answer.Code, name)
	}
}
