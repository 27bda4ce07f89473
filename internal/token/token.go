// Package token issues and verifies the platform's access tokens: JWTs signed with
// Ed25519, in the profile of RFC 9068 ("at+jwt"). Several keys can be live, so that
// they can be rotated without signing anyone out.
package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"durapay/errs"
)

const (
	issuer   = "durapay"
	audience = "durapay"
	typ      = "at+jwt" // RFC 9068 section 2.1: no other kind of JWT can be taken for one of ours
	maxLen   = 4 << 10  // bytes; ours are below 500
	maxKeys  = 8
)

// Claims is what a verified token says.
type Claims struct {
	Subject   string
	Role      string
	ExpiresAt time.Time
	ID        string // unique for each token
}

// Issuer signs with its first key and verifies with whichever key a token names.
type Issuer struct {
	signing   key
	verifying map[string]ed25519.PublicKey
	public    []JWK
	now       func() time.Time
	parser    *jwt.Parser
}

type key struct {
	id      string
	private ed25519.PrivateKey
}

// wire is the payload of a token.
type wire struct {
	jwt.RegisteredClaims
	Role string `json:"role"`
}

// NewIssuer reads "id:base64,id2:base64,…", each key the 32-byte seed of an Ed25519
// key pair. The first one signs, all of them verify.
func NewIssuer(keys string, now func() time.Time) (*Issuer, error) {
	i := &Issuer{
		verifying: map[string]ed25519.PublicKey{},
		now:       now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithStrictDecoding(),       // or changed padding bits would make a second valid text of a token
			jwt.WithoutClaimsValidation()), // check does it, and tells expired from forged
	}
	parts := strings.Split(keys, ",")
	if len(parts) > maxKeys {
		return nil, fmt.Errorf("token keys: %d keys, expected at most %d", len(parts), maxKeys)
	}
	for _, part := range parts {
		if err := i.add(strings.TrimSpace(part)); err != nil {
			return nil, fmt.Errorf("token keys: %w", err)
		}
	}
	return i, nil
}

func (i *Issuer) add(part string) error {
	id, encoded, found := strings.Cut(part, ":")
	if !found || id == "" || len(id) > 32 {
		return errors.New("expected id:base64[,id:base64…] with ids of 1 to 32 characters")
	}
	seed, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(seed) != ed25519.SeedSize {
		return fmt.Errorf("key %q: expected base64 of %d bytes", id, ed25519.SeedSize)
	}
	if _, twice := i.verifying[id]; twice {
		return fmt.Errorf("key %q is listed twice", id)
	}
	private := ed25519.NewKeyFromSeed(seed)
	public := private.Public().(ed25519.PublicKey)
	i.verifying[id] = public
	i.public = append(i.public, newJWK(id, public))
	if i.signing.id == "" {
		i.signing = key{id: id, private: private}
	}
	return nil
}

// Issue makes a token for a subject in a role. It is good for ttl, cut to whole
// seconds as the format has no finer ones.
func (i *Issuer) Issue(subject, role string, ttl time.Duration) (string, time.Time, error) {
	if subject == "" || role == "" || ttl < time.Second {
		return "", time.Time{}, fmt.Errorf("issue a token: expected a subject, a role and at least 1s, got role %q and %s", role, ttl)
	}
	now := i.now().UTC()
	expiresAt := now.Add(ttl).Truncate(time.Second)
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, wire{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    issuer,
			Audience:  jwt.ClaimStrings{audience},
			Subject:   subject,
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(expiresAt),
			ID:        rand.Text(),
		},
		Role: role,
	})
	unsigned.Header["typ"] = typ
	unsigned.Header["kid"] = i.signing.id
	signed, err := unsigned.SignedString(i.signing.private)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("issue a token: %w", err)
	}
	return signed, expiresAt, nil
}

// Verify gives what the token says. Errors: errs.TokenExpired for a token that was
// ours and is over, errs.TokenInvalid for anything else.
func (i *Issuer) Verify(token string) (Claims, error) {
	// Base64 decoding skips line breaks, so they would make a second valid text too.
	if len(token) > maxLen || strings.ContainsAny(token, "\r\n") {
		return Claims{}, errs.TokenInvalid
	}
	var payload wire
	if _, err := i.parser.ParseWithClaims(token, &payload, i.keyOf); err != nil {
		return Claims{}, errs.TokenInvalid.Because(err)
	}
	return i.check(payload)
}

// keyOf finds the key that the header names. The algorithm is pinned by the parser.
func (i *Issuer) keyOf(t *jwt.Token) (any, error) {
	if t.Header["typ"] != typ {
		return nil, errors.New("not an access token")
	}
	if _, critical := t.Header["crit"]; critical { // RFC 7515 section 4.1.11: refuse what is not understood
		return nil, errors.New("unknown critical header")
	}
	id, _ := t.Header["kid"].(string)
	public, known := i.verifying[id]
	if !known {
		return nil, errors.New("unknown key")
	}
	return public, nil
}

func (i *Issuer) check(p wire) (Claims, error) {
	ours := p.Issuer == issuer && len(p.Audience) == 1 && p.Audience[0] == audience
	if !ours || p.Subject == "" || p.Role == "" || p.ID == "" || p.ExpiresAt == nil {
		return Claims{}, errs.TokenInvalid
	}
	if !i.now().Before(p.ExpiresAt.Time) {
		return Claims{}, errs.TokenExpired
	}
	return Claims{Subject: p.Subject, Role: p.Role, ExpiresAt: p.ExpiresAt.UTC(), ID: p.ID}, nil
}
