package franchise

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"durapay/errs"
)

const (
	webhookSecretPrefix = "whsec_"
	webhookSecretBytes  = 32
)

// SecretOverlap is how long a secret that was rotated away signs too.
const SecretOverlap = 24 * time.Hour

// Webhook is where a franchise wants to be told of events. Its secret is not in it.
type Webhook struct {
	FranchiseID    string
	URL            string
	OldSecretUntil time.Time // the secret before signs too until then; zero when there is none
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// LogValue keeps the address out of logs: it may hold a credential.
func (w Webhook) LogValue() slog.Value { return slog.StringValue("webhook of " + w.FranchiseID) }

// SetWebhook sets or replaces a franchise's webhook and gives its new secret ("whsec_"
// and base64, by Standard Webhooks), which cannot be read again. Errors:
// errs.InvalidRequest (/url), errs.FranchiseNotFound.
func (s *Service) SetWebhook(ctx context.Context, franchiseID, url string) (Webhook, string, error) {
	url = strings.TrimSpace(url)
	if bad := checkURL(url, s.o.AllowPrivateWebhooks); bad != nil {
		return Webhook{}, "", bad
	}
	secret, sealed, err := s.newWebhookSecret(franchiseID)
	if err != nil {
		return Webhook{}, "", err
	}
	now := s.now()
	row := WebhookRow{FranchiseID: franchiseID, URL: url, SecretSealed: sealed, CreatedAt: now, UpdatedAt: now}
	if err := s.store.SetWebhook(ctx, row); err != nil {
		return Webhook{}, "", orElse(err, errs.FranchiseNotFound)
	}
	return row.webhook(), secret, nil
}

func (s *Service) newWebhookSecret(franchiseID string) (secret string, sealed []byte, err error) {
	drawn := make([]byte, webhookSecretBytes)
	if _, err := rand.Read(drawn); err != nil {
		return "", nil, fmt.Errorf("draw a webhook secret: %w", err)
	}
	sealed, err = s.sealer.ring.Seal(drawn, webhookPlace(franchiseID))
	if err != nil {
		return "", nil, fmt.Errorf("seal a webhook secret: %w", err)
	}
	return webhookSecretPrefix + base64.StdEncoding.EncodeToString(drawn), sealed, nil
}

// RotateSecret gives the webhook a new secret, told once. The one before signs too for
// SecretOverlap, so that the franchise can change over. Errors: errs.WebhookNotSet.
func (s *Service) RotateSecret(ctx context.Context, franchiseID string) (Webhook, string, error) {
	secret, sealed, err := s.newWebhookSecret(franchiseID)
	if err != nil {
		return Webhook{}, "", err
	}
	now := s.now()
	row, err := s.store.RotateSecret(ctx, franchiseID, sealed, now.Add(SecretOverlap), now)
	if err != nil {
		return Webhook{}, "", orElse(err, errs.WebhookNotSet)
	}
	return row.webhook(), secret, nil
}

// Webhook gives a franchise's webhook. Errors: errs.WebhookNotSet.
func (s *Service) Webhook(ctx context.Context, franchiseID string) (Webhook, error) {
	row, err := s.store.Webhook(ctx, franchiseID)
	return row.webhook(), orElse(err, errs.WebhookNotSet)
}

// RemoveWebhook ends the telling. It is idempotent.
func (s *Service) RemoveWebhook(ctx context.Context, franchiseID string) error {
	return s.store.RemoveWebhook(ctx, franchiseID)
}

func (r WebhookRow) webhook() Webhook {
	return Webhook{FranchiseID: r.FranchiseID, URL: r.URL, OldSecretUntil: timeOf(r.OldUntil), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
}

// sign makes the signatures of a message by Standard Webhooks, version v1: one for each
// secret in force, separated by a space.
func (s *Service) sign(w WebhookRow, messageID string, at time.Time, body []byte) (string, error) {
	sealed := [][]byte{w.SecretSealed}
	if w.OldUntil != nil && at.Before(*w.OldUntil) {
		sealed = append(sealed, w.OldSecretSealed)
	}
	signatures := make([]string, len(sealed))
	for i, x := range sealed {
		secret, err := s.sealer.ring.Open(x, webhookPlace(w.FranchiseID))
		if err != nil {
			return "", fmt.Errorf("open the webhook secret of %s: %w", w.FranchiseID, err)
		}
		signatures[i] = signature(secret, messageID, at, body)
	}
	return strings.Join(signatures, " "), nil
}

func signature(secret []byte, messageID string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(messageID + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// webhookPlace binds a sealed secret to its franchise.
func webhookPlace(franchiseID string) string { return "webhooks.secret_sealed/" + franchiseID }
