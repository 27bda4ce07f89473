package token_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/token"
)

const (
	subject = "mem_01ARZ3NDEKTSV4RRFFQ69G5FAV"
	ttl     = 10 * time.Minute
)

var (
	start = time.Date(2026, 3, 2, 9, 0, 0, 123456789, time.UTC)
	seedA = bytes.Repeat([]byte{1}, ed25519.SeedSize)
	seedB = bytes.Repeat([]byte{2}, ed25519.SeedSize)
)

func keyText(id string, seed []byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(seed)
}

func issuerAt(t testing.TB, keys string, now *time.Time) *token.Issuer {
	t.Helper()
	i, err := token.NewIssuer(keys, func() time.Time { return *now })
	require.NoError(t, err)
	return i
}

func newIssuer(t testing.TB) (*token.Issuer, *time.Time) {
	now := start
	return issuerAt(t, keyText("a", seedA)+","+keyText("b", seedB), &now), &now
}

func TestIssuedTokenVerifies(t *testing.T) {
	i, _ := newIssuer(t)
	text, expiresAt, err := i.Issue(subject, "MEMBER", ttl)
	require.NoError(t, err)
	claims, err := i.Verify(text)
	require.NoError(t, err)
	require.NotEmpty(t, claims.ID)
	require.Equal(t, token.Claims{Subject: subject, Role: "MEMBER", ExpiresAt: expiresAt, ID: claims.ID}, claims)
	require.Equal(t, start.Add(ttl).Truncate(time.Second), expiresAt)

	other, _, err := i.Issue(subject, "MEMBER", ttl)
	require.NoError(t, err)
	require.NotEqual(t, text, other, "two tokens of the same second differ")
}

func TestHeaderNamesTypeAndKey(t *testing.T) {
	i, _ := newIssuer(t)
	text, _, err := i.Issue(subject, "MEMBER", ttl)
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"alg":"EdDSA","typ":"at+jwt","kid":"a"}`, string(raw))
}

func TestTokenExpiresAtItsTime(t *testing.T) {
	i, now := newIssuer(t)
	text, expiresAt, err := i.Issue(subject, "MEMBER", ttl)
	require.NoError(t, err)
	*now = expiresAt.Add(-time.Nanosecond)
	_, err = i.Verify(text)
	require.NoError(t, err)
	*now = expiresAt
	_, err = i.Verify(text)
	require.ErrorIs(t, err, errs.TokenExpired)
}

func TestKeysRotate(t *testing.T) {
	now := start
	before := issuerAt(t, keyText("a", seedA), &now)
	during := issuerAt(t, keyText("b", seedB)+", "+keyText("a", seedA), &now)
	after := issuerAt(t, keyText("b", seedB), &now)

	old, _, err := before.Issue(subject, "MEMBER", ttl)
	require.NoError(t, err)
	fresh, _, err := during.Issue(subject, "MEMBER", ttl)
	require.NoError(t, err)
	_, err = during.Verify(old)
	require.NoError(t, err)
	_, err = after.Verify(fresh)
	require.NoError(t, err)
	_, err = after.Verify(old)
	require.ErrorIs(t, err, errs.TokenInvalid)
	require.Len(t, during.JWKS(), 2)
	require.Equal(t, "b", during.JWKS()[0].KeyID)
}

func TestJWKSVerifiesWhatWasSigned(t *testing.T) {
	i, _ := newIssuer(t)
	text, _, err := i.Issue(subject, "MEMBER", ttl)
	require.NoError(t, err)
	j := i.JWKS()[0]
	require.Equal(t, token.JWK{KeyType: "OKP", Curve: "Ed25519", X: j.X, KeyID: "a", Use: "sig", Algorithm: "EdDSA"}, j)
	x, err := base64.RawURLEncoding.DecodeString(j.X)
	require.NoError(t, err)
	cut := strings.LastIndexByte(text, '.')
	signature, err := base64.RawURLEncoding.DecodeString(text[cut+1:])
	require.NoError(t, err)
	require.True(t, ed25519.Verify(x, []byte(text[:cut]), signature))
}

func TestKeysAreRefused(t *testing.T) {
	for name, keys := range map[string]string{
		"empty":      "",
		"no id":      ":" + base64.StdEncoding.EncodeToString(seedA),
		"no colon":   base64.StdEncoding.EncodeToString(seedA),
		"not base64": "a:***",
		"short":      keyText("a", seedA[:31]),
		"twice":      keyText("a", seedA) + "," + keyText("a", seedB),
		"last empty": keyText("a", seedA) + ",",
		"long id":    keyText(strings.Repeat("a", 33), seedA),
		"too many":   strings.Repeat(keyText("a", seedA)+",", 9),
	} {
		_, err := token.NewIssuer(keys, time.Now)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), base64.StdEncoding.EncodeToString(seedA), name)
	}
}

func TestIssueRefusesNonsense(t *testing.T) {
	i, _ := newIssuer(t)
	for _, c := range []struct {
		subject, role string
		ttl           time.Duration
	}{{"", "MEMBER", ttl}, {subject, "", ttl}, {subject, "MEMBER", 0}, {subject, "MEMBER", -ttl}} {
		_, _, err := i.Issue(c.subject, c.role, c.ttl)
		require.Error(t, err)
	}
}

// forge signs any header and payload.
func forge(t testing.TB, method jwt.SigningMethod, key any, header, payload map[string]any) string {
	t.Helper()
	unsigned := &jwt.Token{Header: header, Claims: jwt.MapClaims(payload), Method: method}
	text, err := unsigned.SignedString(key)
	require.NoError(t, err)
	return text
}

func goodHeader() map[string]any {
	return map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": "a"}
}

func goodPayload() map[string]any {
	return map[string]any{
		"iss": "durapay", "aud": []string{"durapay"}, "sub": subject, "role": "MEMBER",
		"iat": start.Unix(), "exp": start.Add(ttl).Unix(), "jti": "1",
	}
}

func TestForgedTokenOfTheRightShapeIsTheControl(t *testing.T) {
	i, _ := newIssuer(t)
	_, err := i.Verify(forge(t, jwt.SigningMethodEdDSA, ed25519.NewKeyFromSeed(seedA), goodHeader(), goodPayload()))
	require.NoError(t, err)
}

func TestPayloadsAreRefused(t *testing.T) {
	i, _ := newIssuer(t)
	private := ed25519.NewKeyFromSeed(seedA)
	for name, change := range map[string]func(m map[string]any){
		"no exp":               func(m map[string]any) { delete(m, "exp") },
		"exp null":             func(m map[string]any) { m["exp"] = nil },
		"exp text":             func(m map[string]any) { m["exp"] = "tomorrow" },
		"no sub":               func(m map[string]any) { delete(m, "sub") },
		"empty sub":            func(m map[string]any) { m["sub"] = "" },
		"no role":              func(m map[string]any) { delete(m, "role") },
		"role list":            func(m map[string]any) { m["role"] = []string{"MEMBER"} },
		"no jti":               func(m map[string]any) { delete(m, "jti") },
		"other issuer":         func(m map[string]any) { m["iss"] = "other" },
		"no audience":          func(m map[string]any) { delete(m, "aud") },
		"other audience":       func(m map[string]any) { m["aud"] = "other" },
		"two audiences":        func(m map[string]any) { m["aud"] = []string{"durapay", "other"} },
		"expired, not for us":  func(m map[string]any) { m["aud"] = "other"; m["exp"] = 1 },
		"expired, no subject":  func(m map[string]any) { delete(m, "sub"); m["exp"] = 1 },
		"exp beyond the clock": func(m map[string]any) { m["exp"] = json.Number("1e400") },
	} {
		payload := goodPayload()
		change(payload)
		_, err := i.Verify(forge(t, jwt.SigningMethodEdDSA, private, goodHeader(), payload))
		require.ErrorIs(t, err, errs.TokenInvalid, name)
	}
}

func TestHeadersAreRefused(t *testing.T) {
	i, _ := newIssuer(t)
	private := ed25519.NewKeyFromSeed(seedA)
	for name, change := range map[string]func(m map[string]any){
		"typ JWT":      func(m map[string]any) { m["typ"] = "JWT" },
		"no typ":       func(m map[string]any) { delete(m, "typ") },
		"typ list":     func(m map[string]any) { m["typ"] = []string{"at+jwt"} },
		"no kid":       func(m map[string]any) { delete(m, "kid") },
		"unknown kid":  func(m map[string]any) { m["kid"] = "c" },
		"other's kid":  func(m map[string]any) { m["kid"] = "b" },
		"kid number":   func(m map[string]any) { m["kid"] = 1 },
		"crit":         func(m map[string]any) { m["crit"] = []string{"exp"} },
		"alg none":     func(m map[string]any) { m["alg"] = "none" },
		"alg HS256":    func(m map[string]any) { m["alg"] = "HS256" },
		"alg unknown":  func(m map[string]any) { m["alg"] = "eddsa" },
		"alg missing":  func(m map[string]any) { delete(m, "alg") },
		"alg a number": func(m map[string]any) { m["alg"] = 5 },
	} {
		header := goodHeader()
		change(header)
		_, err := i.Verify(forge(t, jwt.SigningMethodEdDSA, private, header, goodPayload()))
		require.ErrorIs(t, err, errs.TokenInvalid, name)
	}
}

func TestOtherAlgorithmsAreRefused(t *testing.T) {
	i, _ := newIssuer(t)
	public := ed25519.NewKeyFromSeed(seedA).Public().(ed25519.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	header := func(alg string) map[string]any {
		h := goodHeader()
		h["alg"] = alg
		return h
	}
	for name, text := range map[string]string{
		"none":              forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, header("none"), goodPayload()),
		"HS256, public key": forge(t, jwt.SigningMethodHS256, []byte(public), header("HS256"), goodPayload()),
		"HS256, as DER":     forge(t, jwt.SigningMethodHS256, der, header("HS256"), goodPayload()),
		"HS256, as base64":  forge(t, jwt.SigningMethodHS256, []byte(i.JWKS()[0].X), header("HS256"), goodPayload()),
		"someone else's":    forge(t, jwt.SigningMethodEdDSA, ed25519.NewKeyFromSeed(seedB), goodHeader(), goodPayload()),
	} {
		_, err := i.Verify(text)
		require.ErrorIs(t, err, errs.TokenInvalid, name)
	}
}

func TestTextsAreRefused(t *testing.T) {
	i, _ := newIssuer(t)
	good, _, err := i.Issue(subject, "MEMBER", ttl)
	require.NoError(t, err)
	parts := strings.Split(good, ".")
	big := goodPayload()
	big["pad"] = strings.Repeat("x", 4<<10)
	for name, text := range map[string]string{
		"empty":              "",
		"dots":               "..",
		"two parts":          parts[0] + "." + parts[1],
		"four parts":         good + ".x",
		"no signature":       parts[0] + "." + parts[1] + ".",
		"no payload":         parts[0] + ".." + parts[2],
		"signature cut":      good[:len(good)-1],
		"signature longer":   good + "AAAA",
		"padding":            good + "==",
		"line break":         good + "\n",
		"line break inside":  good[:len(good)-5] + "\r\n" + good[len(good)-5:],
		"space":              " " + good,
		"bearer":             "Bearer " + good,
		"payload null":       parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte("null")) + "." + parts[2],
		"header null":        base64.RawURLEncoding.EncodeToString([]byte("null")) + "." + parts[1] + "." + parts[2],
		"header a list":      base64.RawURLEncoding.EncodeToString([]byte("[]")) + "." + parts[1] + "." + parts[2],
		"oversized, signed":  forge(t, jwt.SigningMethodEdDSA, ed25519.NewKeyFromSeed(seedA), goodHeader(), big),
		"oversized":          strings.Repeat("a", 1<<20),
		"not a token at all": "동해물과 백두산이",
	} {
		_, err := i.Verify(text)
		require.ErrorIs(t, err, errs.TokenInvalid, name)
	}
}

// Any change of any single character makes a token invalid, the last one's spare
// bits included.
func TestEveryCharacterCounts(t *testing.T) {
	i, _ := newIssuer(t)
	good, _, err := i.Issue(subject, "MEMBER", ttl)
	require.NoError(t, err)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for at := range good {
		for _, r := range []byte(alphabet) {
			if good[at] == r || (at < len(good)-1 && r%16 != 0) { // all 63 others for the last, a few for the rest
				continue
			}
			changed := good[:at] + string(r) + good[at+1:]
			_, err := i.Verify(changed)
			require.ErrorIs(t, err, errs.TokenInvalid, "character %d as %c", at, r)
		}
	}
}

func FuzzVerify(f *testing.F) {
	i, _ := newIssuer(f)
	// The same in every fuzzing process, as it has no random id.
	good := forge(f, jwt.SigningMethodEdDSA, ed25519.NewKeyFromSeed(seedA), goodHeader(), goodPayload())
	f.Add(good)
	f.Add("")
	f.Add("..")
	f.Add("bnVsbA.bnVsbA.bnVsbA")
	f.Add(strings.Replace(good, ".", "..", 1))
	f.Add(forge(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, map[string]any{"alg": "none"}, goodPayload()))
	f.Fuzz(func(t *testing.T, text string) {
		claims, err := i.Verify(text)
		if text == good {
			require.NoError(t, err)
			return
		}
		require.ErrorIs(t, err, errs.TokenInvalid)
		require.Zero(t, claims)
	})
}
