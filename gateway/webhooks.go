package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/franchise"
)

// WebhookRequest sets where a franchise is told of events.
type WebhookRequest struct {
	URL string `json:"url" example:"https://example.com/hooks"`
} // @name WebhookRequest

// Webhook is where a franchise is told of events.
type Webhook struct {
	URL           string     `json:"url" example:"https://example.com/hooks"`
	Secret        string     `json:"secret,omitempty" example:"whsec_q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="` // signs the messages; told once, when it is new
	PreviousUntil *time.Time `json:"previousUntil,omitempty" example:"2026-11-21T00:30:00Z"`                        // until then the secret before signs too
	CreatedAt     time.Time  `json:"createdAt" example:"2026-11-20T00:30:00Z"`
	UpdatedAt     time.Time  `json:"updatedAt" example:"2026-11-20T00:30:02Z"`
} // @name Webhook

// WebhookSecret is a new secret, told once.
type WebhookSecret struct {
	Secret        string    `json:"secret" example:"whsec_q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="`
	PreviousUntil time.Time `json:"previousUntil" example:"2026-11-21T00:30:00Z"` // until then the secret before signs too
} // @name WebhookSecret

// WebhookAttempt is one try to deliver.
type WebhookAttempt struct {
	Number         int       `json:"number" example:"1"`
	At             time.Time `json:"at" example:"2026-11-20T00:30:00Z"`
	Status         int       `json:"status,omitempty" example:"503"` // of HTTP; absent without an answer
	Code           string    `json:"code,omitempty" enums:"status,gone,timeout,unreachable,tls,address_refused,webhook_not_set,closed" example:"status"`
	DurationMillis int64     `json:"durationMillis" example:"120"`
} // @name WebhookAttempt

// WebhookDelivery is the telling of one event.
type WebhookDelivery struct {
	ID           string           `json:"id" example:"whd_01JZ0000000000000000000000"` // names the message to the receiver too
	EventID      string           `json:"eventId" example:"evt_01JZ0000000000000000000000"`
	Type         string           `json:"type" enums:"payment.approved,payment.cancelled,settlement.paid" example:"payment.approved"`
	State        record.State     `json:"state" example:"SUCCEEDED"`
	AttemptCount int              `json:"attemptCount" example:"2"`
	Attempts     []WebhookAttempt `json:"attempts,omitempty"` // the latest, of a single delivery
	Payload      json.RawMessage  `json:"payload,omitempty" swaggertype:"object"`
	Failure      *Failure         `json:"failure,omitempty"`
	Until        *time.Time       `json:"until,omitempty" example:"2026-11-20T15:30:00Z"` // when the next attempt is made
	DeliveredAt  *time.Time       `json:"deliveredAt,omitempty" example:"2026-11-20T00:30:02Z"`
	CreatedAt    time.Time        `json:"createdAt" example:"2026-11-20T00:30:00Z"`
	UpdatedAt    time.Time        `json:"updatedAt" example:"2026-11-20T00:30:02Z"`
} // @name WebhookDelivery

// WebhookDeliveryPage is a page of deliveries.
type WebhookDeliveryPage struct {
	Items []WebhookDelivery `json:"items"`
	Next  string            `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name WebhookDeliveryPage

func webhookView(w franchise.Webhook) Webhook {
	return Webhook{URL: w.URL, PreviousUntil: optionalTime(w.OldSecretUntil), CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt}
}

func deliveryView(c *gin.Context, d franchise.Delivery) WebhookDelivery {
	return WebhookDelivery{ID: d.ID, EventID: d.EventID, Type: string(d.Type), State: d.State, AttemptCount: d.Attempts,
		Failure: failureView(c, d.Failure), Until: optionalTime(d.Until), DeliveredAt: optionalTime(d.DeliveredAt), CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt}
}

// deliveryDetail shows what a list leaves out.
func deliveryDetail(c *gin.Context, d franchise.Delivery) WebhookDelivery {
	v := deliveryView(c, d)
	v.Payload, v.Attempts = d.Payload, make([]WebhookAttempt, len(d.Log))
	for i, a := range d.Log {
		v.Attempts[i] = WebhookAttempt{Number: a.Number, At: a.At, Status: a.Status, Code: string(a.Code), DurationMillis: a.DurationMS}
	}
	return v
}

// setWebhook sets or replaces where a franchise is told of events.
//
//	@Summary		Set the webhook
//	@Description	Messages are signed by Standard Webhooks. The secret is new with every call, and told in this answer only.
//	@ID				setWebhook
//	@Tags			franchise
//	@Security		Bearer
//	@Security		APIKey
//	@Param			id		path		string			true	"the franchise's id"
//	@Param			body	body		WebhookRequest	true	"a public https address"
//	@Success		200		{object}	Webhook			"it replaces one"
//	@Success		201		{object}	Webhook			"there was none"
//	@Header			201		{string}	Location		"the webhook"
//	@Failure		400,401,403,404,500,503	{object}	problem.Problem
//	@Router			/v1/franchises/{id}/webhook [put]
func (s *Server) setWebhook(c *gin.Context) {
	var body WebhookRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	franchiseID := c.Param("id")
	replaces, err := s.hasWebhook(c, franchiseID)
	if err != nil {
		fail(c, err)
		return
	}
	w, secret, err := s.Franchise.SetWebhook(c, franchiseID, body.URL)
	if err != nil {
		fail(c, err)
		return
	}
	v, status := webhookView(w), http.StatusOK
	v.Secret = secret
	if !replaces {
		status = http.StatusCreated
		c.Header("Location", franchisePath(franchiseID)+"/webhook")
	}
	c.JSON(status, v)
}

func (s *Server) hasWebhook(ctx context.Context, franchiseID string) (bool, error) {
	_, err := s.Franchise.Webhook(ctx, franchiseID)
	if err != nil && errs.KindOf(err) == errs.NotFound {
		return false, nil
	}
	return err == nil, err
}

// findWebhook shows where a franchise is told of events.
//
//	@Summary	The webhook
//	@ID			findWebhook
//	@Tags		franchise
//	@Security	Bearer
//	@Security	APIKey
//	@Param		id	path		string	true	"the franchise's id"
//	@Success	200	{object}	Webhook
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/franchises/{id}/webhook [get]
func (s *Server) findWebhook(c *gin.Context) {
	w, err := s.Franchise.Webhook(c, c.Param("id"))
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, webhookView(w))
}

// removeWebhook ends the telling.
//
//	@Summary	Remove the webhook
//	@ID			removeWebhook
//	@Tags		franchise
//	@Security	Bearer
//	@Security	APIKey
//	@Param		id	path	string	true	"the franchise's id"
//	@Success	204
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/franchises/{id}/webhook [delete]
func (s *Server) removeWebhook(c *gin.Context) {
	if err := s.Franchise.RemoveWebhook(c, c.Param("id")); err != nil {
		fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// rotateWebhookSecret gives a new secret; the one before signs too for a while.
//
//	@Summary		Change the webhook's secret
//	@Description	Messages carry the signatures of both secrets until previousUntil, so that the receiver can change over.
//	@ID				rotateWebhookSecret
//	@Tags			franchise
//	@Security		Bearer
//	@Security		APIKey
//	@Param			id	path		string	true	"the franchise's id"
//	@Success		200	{object}	WebhookSecret
//	@Failure		401,403,404,500,503	{object}	problem.Problem
//	@Router			/v1/franchises/{id}/webhook/rotate-secret [post]
func (s *Server) rotateWebhookSecret(c *gin.Context) {
	w, secret, err := s.Franchise.RotateSecret(c, c.Param("id"))
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, WebhookSecret{Secret: secret, PreviousUntil: w.OldSecretUntil})
}

// listWebhookDeliveries lists what a franchise was told of.
//
//	@Summary	What the franchise was told of
//	@ID			listWebhookDeliveries
//	@Tags		franchise
//	@Security	Bearer
//	@Security	APIKey
//	@Param		id		path		string	true	"the franchise's id"
//	@Param		cursor	query		string	false	"next of the page before"
//	@Param		limit	query		int		false	"1 to 100, default 20"
//	@Success	200		{object}	WebhookDeliveryPage
//	@Failure	400,401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/franchises/{id}/webhook/deliveries [get]
func (s *Server) listWebhookDeliveries(c *gin.Context) {
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	p, err := s.Franchise.ListDeliveries(c, c.Param("id"), request)
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, func(d franchise.Delivery) WebhookDelivery { return deliveryView(c, d) })
	c.JSON(http.StatusOK, WebhookDeliveryPage{Items: items, Next: next})
}

// findWebhookDelivery shows one delivery with its attempts.
//
//	@Summary	One delivery, with its message and attempts
//	@ID			findWebhookDelivery
//	@Tags		franchise
//	@Security	Bearer
//	@Security	APIKey
//	@Param		id			path		string	true	"the franchise's id"
//	@Param		deliveryId	path		string	true	"the delivery's id"
//	@Success	200			{object}	WebhookDelivery
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/franchises/{id}/webhook/deliveries/{deliveryId} [get]
func (s *Server) findWebhookDelivery(c *gin.Context) {
	d, err := s.Franchise.FindDelivery(c, c.Param("id"), c.Param("deliveryId"))
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, deliveryDetail(c, d))
}
