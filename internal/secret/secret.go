// Package secret encrypts what must not lie in the clear (personal data in the
// databases, payloads in Temporal) and makes keyed hashes to look it up by.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// KeyLen is the length of every key, in bytes (AES-256).
const KeyLen = 32

// KeyRing encrypts with its first key and decrypts with whichever key a text names,
// so that keys can be rotated without rewriting what is stored.
type KeyRing struct {
	current string
	aeads   map[string]cipher.AEAD
}

// ErrSealed is returned when a sealed text cannot be opened: cut, tampered with,
// sealed for another place, or under a key this ring does not have.
var ErrSealed = errors.New("sealed text cannot be opened")

const formatVersion = 1

// ParseKeyRing reads "id:base64,id:base64,…"; the first key is the current one.
func ParseKeyRing(s string) (*KeyRing, error) {
	ring := &KeyRing{aeads: map[string]cipher.AEAD{}}
	for _, part := range strings.Split(s, ",") {
		keyID, encoded, found := strings.Cut(strings.TrimSpace(part), ":")
		if !found || keyID == "" || len(keyID) > 32 {
			return nil, errors.New("key ring: expected id:base64[,id:base64…] with ids of 1 to 32 characters")
		}
		key, err := DecodeKey(encoded)
		if err != nil {
			return nil, fmt.Errorf("key ring: key %q: %w", keyID, err)
		}
		if _, twice := ring.aeads[keyID]; twice {
			return nil, fmt.Errorf("key ring: key %q is listed twice", keyID)
		}
		aead, err := newAEAD(key)
		if err != nil {
			return nil, err
		}
		ring.aeads[keyID] = aead
		if ring.current == "" {
			ring.current = keyID
		}
	}
	return ring, nil
}

// DecodeKey reads one base64 key of KeyLen bytes.
func DecodeKey(encoded string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return nil, errors.New("not base64")
	}
	if len(key) != KeyLen {
		return nil, fmt.Errorf("%d bytes, expected %d", len(key), KeyLen)
	}
	return key, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// CurrentKeyID names the key that Seal uses.
func (r *KeyRing) CurrentKeyID() string { return r.current }

// Seal encrypts with AES-256-GCM under the current key. The place (table, column and
// row, say) is authenticated with it, so that a sealed text moved elsewhere does not
// open. Layout: version, length of key id, key id, nonce, text with tag.
func (r *KeyRing) Seal(plain []byte, place string) ([]byte, error) {
	aead := r.aeads[r.current]
	head := append([]byte{formatVersion, byte(len(r.current))}, r.current...)
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	out := append(head, nonce...)
	return aead.Seal(out, nonce, plain, []byte(place)), nil
}

// Open decrypts what Seal made for the same place. Errors: ErrSealed.
func (r *KeyRing) Open(sealed []byte, place string) ([]byte, error) {
	if len(sealed) < 2 || sealed[0] != formatVersion {
		return nil, ErrSealed
	}
	rest := sealed[2:]
	n := int(sealed[1])
	if len(rest) < n {
		return nil, ErrSealed
	}
	aead, known := r.aeads[string(rest[:n])]
	rest = rest[n:]
	if !known || len(rest) < aead.NonceSize() {
		return nil, ErrSealed
	}
	plain, err := aead.Open(nil, rest[:aead.NonceSize()], rest[aead.NonceSize():], []byte(place))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// Indexer makes blind indexes: keyed hashes that allow an exact look-up of a value
// without storing it, and that nobody can compute without the key.
type Indexer struct{ key []byte }

// NewIndexer takes a key of KeyLen bytes.
func NewIndexer(key []byte) (*Indexer, error) {
	if len(key) != KeyLen {
		return nil, fmt.Errorf("index key: %d bytes, expected %d", len(key), KeyLen)
	}
	return &Indexer{key: key}, nil
}

// Index is the 32-byte HMAC-SHA256 of the value within a domain ("member.email",
// say): the same value in two domains gives unrelated hashes.
func (x *Indexer) Index(domain, value string) []byte {
	mac := hmac.New(sha256.New, x.key)
	mac.Write([]byte(domain))
	mac.Write([]byte{0})
	mac.Write([]byte(value))
	return mac.Sum(nil)
}
