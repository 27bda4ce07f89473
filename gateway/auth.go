package gateway

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"durapay/errs"
	"durapay/services/membership"
)

// caller is who sent the request.
type caller struct {
	ID   string
	Role membership.Role
}

// sees tells whether the caller may read what belongs to a member.
func (p caller) sees(membershipID string) bool {
	return p.ID == membershipID || p.oversees()
}

// oversees tells whether the caller's role is to look at everybody's.
func (p caller) oversees() bool {
	return p.Role == membership.RoleOperator || p.Role == membership.RoleAuditor
}

// scope is whose records the caller may read: its own, or "" for everybody's.
func (p caller) scope() string {
	if p.oversees() {
		return ""
	}
	return p.ID
}

const callerKey = "caller"

// keyIn is the header of a franchise's API key.
const keyIn = "X-API-Key"

// authenticate lets only valid access tokens and API keys pass. A token costs no database:
// it is short-lived, and what moves money asks for the member's standing again. A key
// costs one round trip: it can be revoked.
func (s *Server) authenticate() gin.HandlerFunc {
	return func(c *gin.Context) {
		if key := c.GetHeader(keyIn); key != "" {
			s.authenticateKey(c, key)
			return
		}
		scheme, value, found := strings.Cut(c.GetHeader("Authorization"), " ")
		if !found || !strings.EqualFold(scheme, "Bearer") {
			fail(c, errs.TokenMissing)
			return
		}
		claims, err := s.Tokens.Verify(strings.TrimSpace(value))
		if err != nil {
			fail(c, err)
			return
		}
		c.Set(callerKey, caller{ID: claims.Subject, Role: membership.Role(claims.Role)})
		c.Next()
	}
}

func (s *Server) authenticateKey(c *gin.Context, key string) {
	franchiseID, err := s.Neighbours.Authenticate(c, key)
	if err != nil {
		fail(c, err)
		return
	}
	c.Set(callerKey, caller{ID: franchiseID, Role: membership.RoleFranchise})
	c.Next()
}

// allow lets only these roles pass.
func allow(roles ...membership.Role) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !slices.Contains(roles, callerOf(c).Role) {
			fail(c, errs.RoleForbidden)
			return
		}
		c.Next()
	}
}

// callerOf gives the caller; behind authenticate there always is one, and elsewhere the
// zero caller, which sees nothing.
func callerOf(c *gin.Context) caller {
	p, _ := c.Get(callerKey)
	who, _ := p.(caller)
	return who
}

// neighboursAndOverseers lets pass who asks from this very machine, as a collector of
// metrics beside the process does, and operators and auditors from anywhere.
func (s *Server) neighboursAndOverseers() gin.HandlerFunc {
	authenticate, overseers := s.authenticate(), allow(membership.RoleOperator, membership.RoleAuditor)
	return func(c *gin.Context) {
		peer, err := netip.ParseAddrPort(c.Request.RemoteAddr)
		if err == nil && peer.Addr().Unmap().IsLoopback() && c.GetHeader("X-Forwarded-For") == "" && c.GetHeader("Forwarded") == "" {
			c.Next()
			return
		}
		if authenticate(c); !c.IsAborted() {
			overseers(c)
		}
	}
}
