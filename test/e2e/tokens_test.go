package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"durapay/test/harness"
)

// mint signs a token with the platform's own key, so that a test can have any role, and
// any fault but the signature.
func mint(t *testing.T, subject, role string, change func(claims jwt.MapClaims, header map[string]any)) string {
	t.Helper()
	kid, private := signingKey(t)
	return sign(t, jwt.SigningMethodEdDSA, private, kid, subject, role, change)
}

func signingKey(t *testing.T) (kid string, private ed25519.PrivateKey) {
	t.Helper()
	first, _, _ := strings.Cut(harness.Shared(t).Secrets["DURAPAY_TOKEN_KEYS"], ",")
	kid, encoded, _ := strings.Cut(first, ":")
	seed, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	return kid, ed25519.NewKeyFromSeed(seed)
}

func sign(t *testing.T, method jwt.SigningMethod, key any, kid, subject, role string, change func(jwt.MapClaims, map[string]any)) string {
	t.Helper()
	claims := jwt.MapClaims{"iss": "durapay", "aud": "durapay", "sub": subject, "role": role, "jti": rand.Text(),
		"iat": time.Now().Add(-time.Minute).Unix(), "exp": time.Now().Add(5 * time.Minute).Unix()}
	token := jwt.NewWithClaims(method, claims)
	token.Header["typ"], token.Header["kid"] = "at+jwt", kid
	if change != nil {
		change(claims, token.Header)
	}
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

// badTokens are texts that are no access token of ours, by what is wrong with them.
func badTokens(t *testing.T, m *harness.Member) map[string]string {
	t.Helper()
	kid, private := signingKey(t)
	_, foreign, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	public := []byte(private.Public().(ed25519.PublicKey))
	changed := func(change func(jwt.MapClaims, map[string]any)) string { return mint(t, m.ID, "MEMBER", change) }
	parts := strings.Split(m.Token, ".")
	return map[string]string{
		"garbage":            "garbage",
		"three dots":         "...",
		"not base64":         "ä.ö.ü",
		"very long":          strings.Repeat("a", 8_000),
		"a refresh token":    m.Refresh,
		"no signature":       parts[0] + "." + parts[1] + ".",
		"a cut signature":    m.Token[:len(m.Token)-1],
		"two parts":          parts[0] + "." + parts[1],
		"another payload":    parts[0] + "." + encodeSegment(`{"sub":"`+m.ID+`","role":"OPERATOR"}`) + "." + parts[2],
		"algorithm none":     encodeSegment(`{"alg":"none","typ":"at+jwt","kid":"`+kid+`"}`) + "." + parts[1] + ".",
		"no algorithm":       encodeSegment(`{"typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"HS256 by our key":   sign(t, jwt.SigningMethodHS256, public, kid, m.ID, "MEMBER", nil),
		"somebody's key":     sign(t, jwt.SigningMethodEdDSA, foreign, kid, m.ID, "MEMBER", nil),
		"an unknown key":     changed(func(_ jwt.MapClaims, h map[string]any) { h["kid"] = "nobody" }),
		"no key":             changed(func(_ jwt.MapClaims, h map[string]any) { delete(h, "kid") }),
		"a key's path":       changed(func(_ jwt.MapClaims, h map[string]any) { h["kid"] = "../../etc/passwd" }),
		"another type":       changed(func(_ jwt.MapClaims, h map[string]any) { h["typ"] = "JWT" }),
		"a critical header":  changed(func(_ jwt.MapClaims, h map[string]any) { h["crit"] = []string{"x"} }),
		"expired":            changed(func(c jwt.MapClaims, _ map[string]any) { c["exp"] = time.Now().Add(-time.Second).Unix() }),
		"no expiry":          changed(func(c jwt.MapClaims, _ map[string]any) { delete(c, "exp") }),
		"expiry in words":    changed(func(c jwt.MapClaims, _ map[string]any) { c["exp"] = "tomorrow" }),
		"another audience":   changed(func(c jwt.MapClaims, _ map[string]any) { c["aud"] = "somebody" }),
		"two audiences":      changed(func(c jwt.MapClaims, _ map[string]any) { c["aud"] = []string{"durapay", "somebody"} }),
		"another issuer":     changed(func(c jwt.MapClaims, _ map[string]any) { c["iss"] = "somebody" }),
		"no subject":         changed(func(c jwt.MapClaims, _ map[string]any) { delete(c, "sub") }),
		"a subject's number": changed(func(c jwt.MapClaims, _ map[string]any) { c["sub"] = 5 }),
		"no role":            changed(func(c jwt.MapClaims, _ map[string]any) { delete(c, "role") }),
	}
}

func encodeSegment(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// tampered gives the token with one character changed, at places all over it.
func tampered(token string) []string {
	var all []string
	for i := 0; i < len(token); i += 7 {
		other := byte('A')
		if token[i] == other {
			other = 'B'
		}
		all = append(all, token[:i]+string(other)+token[i+1:])
	}
	return all
}
