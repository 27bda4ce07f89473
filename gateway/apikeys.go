package gateway

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"durapay/services/franchise"
)

// FranchiseAPIKeyRequest asks for an API key.
type FranchiseAPIKeyRequest struct {
	Label string `json:"label" validate:"required" example:"계산대 1"`
} // @name FranchiseApiKeyRequest

// FranchiseAPIKey is an API key without its secret.
type FranchiseAPIKey struct {
	ID        string     `json:"id" example:"key_01JZ0000000000000000000000"`
	Label     string     `json:"label" example:"계산대 1"`
	CreatedAt time.Time  `json:"createdAt" example:"2026-11-20T00:30:00Z"`
	RevokedAt *time.Time `json:"revokedAt,omitempty" example:"2026-11-20T00:30:00Z"`
} // @name FranchiseApiKey

// NewFranchiseAPIKey is an API key with what cannot be read again.
type NewFranchiseAPIKey struct {
	ID        string    `json:"id" example:"key_01JZ0000000000000000000000"`
	Label     string    `json:"label" example:"계산대 1"`
	Key       string    `json:"key" example:"dpk_q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"` // for X-API-Key; told this once
	CreatedAt time.Time `json:"createdAt" example:"2026-11-20T00:30:00Z"`
} // @name NewFranchiseApiKey

// FranchiseAPIKeyPage is a page of API keys.
type FranchiseAPIKeyPage struct {
	Items []FranchiseAPIKey `json:"items"`
	Next  string            `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name FranchiseApiKeyPage

func apiKeyView(k franchise.Key) FranchiseAPIKey {
	return FranchiseAPIKey{ID: k.ID, Label: k.Label, CreatedAt: k.CreatedAt, RevokedAt: optionalTime(k.RevokedAt)}
}

// createFranchiseAPIKey makes a key and tells it once.
//
//	@Summary		Make an API key
//	@Description	The key is told in this answer only. A repeat makes another one.
//	@ID				createFranchiseApiKey
//	@Tags			franchise
//	@Security		Bearer
//	@Security		APIKey
//	@Param			id		path		string					true	"the franchise's id"
//	@Param			body	body		FranchiseAPIKeyRequest	true	"what it is for"
//	@Success		201		{object}	NewFranchiseAPIKey
//	@Header			201		{string}	Location	"the key"
//	@Failure		400,401,403,404,409,500,503	{object}	problem.Problem
//	@Router			/v1/franchises/{id}/api-keys [post]
func (s *Server) createFranchiseAPIKey(c *gin.Context) {
	var body FranchiseAPIKeyRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	k, secret, err := s.Franchise.CreateKey(c, c.Param("id"), body.Label)
	if err != nil {
		fail(c, err)
		return
	}
	c.Header("Location", franchisePath(k.FranchiseID)+"/api-keys/"+k.ID)
	c.JSON(http.StatusCreated, NewFranchiseAPIKey{ID: k.ID, Label: k.Label, Key: secret, CreatedAt: k.CreatedAt})
}

// listFranchiseAPIKeys lists a franchise's keys, revoked ones too.
//
//	@Summary	A franchise's API keys
//	@ID			listFranchiseApiKeys
//	@Tags		franchise
//	@Security	Bearer
//	@Security	APIKey
//	@Param		id		path		string	true	"the franchise's id"
//	@Param		cursor	query		string	false	"next of the page before"
//	@Param		limit	query		int		false	"1 to 100, default 20"
//	@Success	200		{object}	FranchiseAPIKeyPage
//	@Failure	400,401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/franchises/{id}/api-keys [get]
func (s *Server) listFranchiseAPIKeys(c *gin.Context) {
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	p, err := s.Franchise.ListKeys(c, c.Param("id"), request)
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, apiKeyView)
	c.JSON(http.StatusOK, FranchiseAPIKeyPage{Items: items, Next: next})
}

// revokeFranchiseAPIKey ends a key for good.
//
//	@Summary	Revoke an API key
//	@ID			revokeFranchiseApiKey
//	@Tags		franchise
//	@Security	Bearer
//	@Security	APIKey
//	@Param		id		path	string	true	"the franchise's id"
//	@Param		keyId	path	string	true	"the key's id"
//	@Success	204
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/franchises/{id}/api-keys/{keyId} [delete]
func (s *Server) revokeFranchiseAPIKey(c *gin.Context) {
	if err := s.Franchise.RevokeKey(c, c.Param("id"), c.Param("keyId")); err != nil {
		fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}
