package token

import (
	"crypto/ed25519"
	"encoding/base64"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// JWK is a public key as RFC 7517 and RFC 8037 write it.
type JWK struct {
	KeyType   string `json:"kty" example:"OKP"`
	Curve     string `json:"crv" example:"Ed25519"`
	X         string `json:"x" example:"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"` // base64url of the 32-byte public key
	KeyID     string `json:"kid" example:"2026-01"`
	Use       string `json:"use" example:"sig"`
	Algorithm string `json:"alg" example:"EdDSA"`
} // @name JWK

func newJWK(id string, public ed25519.PublicKey) JWK {
	return JWK{
		KeyType: "OKP", Curve: "Ed25519",
		X:     base64.RawURLEncoding.EncodeToString(public),
		KeyID: id, Use: "sig", Algorithm: jwt.SigningMethodEdDSA.Alg(),
	}
}

// JWKS lists the public keys of all live keys, the signing one first.
func (i *Issuer) JWKS() []JWK { return slices.Clone(i.public) }
