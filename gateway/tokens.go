package gateway

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"durapay/internal/token"
	"durapay/services/membership"
)

// LoginRequest signs a member in.
type LoginRequest struct {
	Email    string `json:"email" validate:"required,max=254" example:"hana@example.com"`
	Password string `json:"password" validate:"required,max=1024" example:"correct-horse-battery"`
} // @name LoginRequest

// Tokens are what a sign-in gives.
type Tokens struct {
	AccessToken  string `json:"accessToken" example:"eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJtZW1fMDFKWiJ9.c2lnbmF0dXJl"`
	RefreshToken string `json:"refreshToken" example:"q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"`
	TokenType    string `json:"tokenType" example:"Bearer"`
	ExpiresIn    int64  `json:"expiresIn" example:"600"` // seconds
} // @name Tokens

// RefreshRequest carries a refresh token.
type RefreshRequest struct {
	RefreshToken string `json:"refreshToken" validate:"required,max=512" example:"q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"`
} // @name RefreshRequest

// ValidateRequest carries an access token.
type ValidateRequest struct {
	Token string `json:"token" validate:"required,max=8192" example:"eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJtZW1fMDFKWiJ9.c2lnbmF0dXJl"`
} // @name ValidateRequest

// Validation tells of an access token.
type Validation struct {
	Valid     bool       `json:"valid" example:"true"`
	Reason    string     `json:"reason,omitempty" example:"token_expired"`
	Subject   string     `json:"subject,omitempty" example:"mem_01JZ0000000000000000000000"`
	Role      string     `json:"role,omitempty" example:"MEMBER"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" example:"2026-11-20T00:40:00Z"`
} // @name Validation

// KeySet lists the public keys that access tokens are verified with (RFC 7517).
type KeySet struct {
	Keys []token.JWK `json:"keys"`
} // @name KeySet

func tokensView(t membership.Tokens) Tokens {
	return Tokens{AccessToken: t.AccessToken, RefreshToken: t.RefreshToken, TokenType: "Bearer", ExpiresIn: int64(t.ExpiresIn / time.Second)}
}

// loginMembership signs a member in.
//
//	@Summary	Sign in
//	@ID			loginMembership
//	@Tags		auth
//	@Param		body	body		LoginRequest	true	"e-mail and password"
//	@Success	200		{object}	Tokens
//	@Failure	400,401,429,500,503	{object}	problem.Problem
//	@Router		/v1/auth/login [post]
func (s *Server) loginMembership(c *gin.Context) {
	var body LoginRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	t, err := s.Membership.Login(c, body.Email, body.Password, c.ClientIP())
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, tokensView(t))
}

// refreshJwtToken gives new tokens for a refresh token, once.
//
//	@Summary		Refresh the tokens
//	@Description	A refresh token is good for one use. Using it again revokes everything that descends from the same sign-in.
//	@ID				refreshJwtTokenByRefreshToken
//	@Tags			auth
//	@Param			body	body		RefreshRequest	true	"the refresh token"
//	@Success		200		{object}	Tokens
//	@Failure		400,401,500,503	{object}	problem.Problem
//	@Router			/v1/auth/refresh [post]
func (s *Server) refreshJwtToken(c *gin.Context) {
	var body RefreshRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	t, err := s.Membership.Refresh(c, body.RefreshToken)
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, tokensView(t))
}

// logout ends the sign-in a refresh token belongs to.
//
//	@Summary	Sign out
//	@ID			logout
//	@Tags		auth
//	@Security	Bearer
//	@Param		body	body	RefreshRequest	true	"the refresh token"
//	@Success	204
//	@Failure	400,401,500,503	{object}	problem.Problem
//	@Router		/v1/auth/logout [post]
func (s *Server) logout(c *gin.Context) {
	var body RefreshRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	if err := s.Membership.Logout(c, callerOf(c).ID, body.RefreshToken); err != nil {
		fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// validateJwtToken tells whether an access token is good; a bad one is an answer, not an
// error.
//
//	@Summary	Validate an access token
//	@ID			validateJwtToken
//	@Tags		auth
//	@Security	Bearer
//	@Param		body	body		ValidateRequest	true	"the access token"
//	@Success	200		{object}	Validation
//	@Failure	400,401,500,503	{object}	problem.Problem
//	@Router		/v1/auth/validate [post]
func (s *Server) validateJwtToken(c *gin.Context) {
	var body ValidateRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	v := s.Membership.Validate(c, body.Token)
	view := Validation{Valid: v.Valid, Reason: string(v.Reason), Subject: v.Subject, Role: v.Role}
	if !v.ExpiresAt.IsZero() {
		view.ExpiresAt = &v.ExpiresAt
	}
	c.JSON(http.StatusOK, view)
}

// jwks publishes the keys that access tokens are signed with.
//
//	@Summary	The keys of the access tokens
//	@ID			jwks
//	@Tags		auth
//	@Success	200	{object}	KeySet
//	@Failure	500,503	{object}	problem.Problem
//	@Router		/.well-known/jwks.json [get]
func (s *Server) jwks(c *gin.Context) {
	c.Header("Cache-Control", "public, max-age=300")
	c.JSON(http.StatusOK, KeySet{Keys: s.Tokens.JWKS()})
}
