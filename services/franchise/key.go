package franchise

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
)

// MaxKeys is how many API keys of a franchise are in force at a time.
const MaxKeys = 10

const (
	keyPrefix     = "dpk_"
	keyBytes      = 32 // as many random bits as the hash has: nothing to guess, no need of a slow hash
	maxLabelRunes = 50
)

// Key is an API key of a franchise, without its secret.
type Key struct {
	ID          string
	FranchiseID string
	Label       string
	CreatedAt   time.Time
	RevokedAt   time.Time // zero while in force
}

// CreateKey makes a key and gives its secret ("dpk_" and 43 characters), which cannot be
// read again. Errors: errs.InvalidRequest (/label: 1 to 50 characters),
// errs.FranchiseNotFound, errs.TooManyAPIKeys with the parameter max.
func (s *Service) CreateKey(ctx context.Context, franchiseID, label string) (Key, string, error) {
	label = strings.TrimSpace(label)
	var f fields
	if f.text("/label", label, 1, maxLabelRunes); f.err() != nil {
		return Key{}, "", f.err()
	}
	drawn := make([]byte, keyBytes)
	if _, err := rand.Read(drawn); err != nil {
		return Key{}, "", fmt.Errorf("draw an API key: %w", err)
	}
	secret := keyPrefix + base64.RawURLEncoding.EncodeToString(drawn)
	row := KeyRow{ID: id.New(id.APIKey), FranchiseID: franchiseID, Label: label, SecretHash: hashOf(secret), CreatedAt: s.now()}
	if err := s.store.AddKey(ctx, row, MaxKeys); err != nil {
		return Key{}, "", orElse(err, errs.FranchiseNotFound)
	}
	return row.key(), secret, nil
}

func hashOf(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

func (r KeyRow) key() Key {
	return Key{ID: r.ID, FranchiseID: r.FranchiseID, Label: r.Label, CreatedAt: r.CreatedAt, RevokedAt: timeOf(r.RevokedAt)}
}

// ListKeys gives a franchise's keys, newest first, revoked ones too.
func (s *Service) ListKeys(ctx context.Context, franchiseID string, q page.Request) (page.Page[Key], error) {
	rows, err := s.store.Keys(ctx, franchiseID, q)
	if err != nil {
		return page.Page[Key]{}, err
	}
	keys := make([]Key, len(rows))
	for i, r := range rows {
		keys[i] = r.key()
	}
	return page.Of(keys, q.Limit, func(k Key) page.Cursor { return page.Cursor{At: k.CreatedAt, ID: k.ID} }), nil
}

// RevokeKey ends a key for good. It is idempotent. Errors: errs.APIKeyNotFound.
func (s *Service) RevokeKey(ctx context.Context, franchiseID, keyID string) error {
	return orElse(s.store.RevokeKey(ctx, franchiseID, keyID, s.now()), errs.APIKeyNotFound)
}

// Authenticate gives the franchise whose key in force this is, a deactivated one too.
// One round trip, none for what does not look like a key. Errors: errs.APIKeyInvalid.
func (s *Service) Authenticate(ctx context.Context, secret string) (franchiseID string, err error) {
	encoded, found := strings.CutPrefix(secret, keyPrefix)
	if !found || len(encoded) != base64.RawURLEncoding.EncodedLen(keyBytes) {
		return "", errs.APIKeyInvalid
	}
	owner, err := s.store.KeyOwner(ctx, hashOf(secret))
	return owner, orElse(err, errs.APIKeyInvalid)
}
