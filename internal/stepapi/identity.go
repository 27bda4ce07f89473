package stepapi

import (
	"fmt"
	"sync"
	"time"

	"durapay/errs"
	"durapay/internal/token"
)

// Role is that of processes among each other. No member, operator or franchise has it.
const Role = "SERVICE"

const tokenLife = time.Minute

// Identity proves to services who calls. A token is used for half its life, so that none
// is late where it arrives.
type Identity struct {
	issuer *token.Issuer
	name   string

	mu    sync.Mutex
	text  string
	until time.Time
}

// NewIdentity is that of the process of this name, proven with the platform's own keys.
func NewIdentity(issuer *token.Issuer, name string) *Identity {
	return &Identity{issuer: issuer, name: name}
}

// Token gives a token in force.
func (i *Identity) Token() (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if time.Now().Before(i.until) {
		return i.text, nil
	}
	text, _, err := i.issuer.Issue(i.name, Role, tokenLife)
	if err != nil {
		return "", fmt.Errorf("identity of %s: %w", i.name, err)
	}
	i.text, i.until = text, time.Now().Add(tokenLife/2)
	return text, nil
}

// Authorize lets tokens of the role Role pass and no others. Errors: errs.TokenInvalid,
// errs.TokenExpired, errs.RoleForbidden.
func Authorize(issuer *token.Issuer) func(text string) error {
	return func(text string) error {
		claims, err := issuer.Verify(text)
		if err != nil {
			return err
		}
		if claims.Role != Role {
			return errs.RoleForbidden
		}
		return nil
	}
}
