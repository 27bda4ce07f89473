package membership

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"durapay/errs"
	"durapay/internal/id"
)

// Tokens is what a sign-in gives.
type Tokens struct {
	AccessToken, RefreshToken string
	ExpiresIn                 time.Duration // of the access token
}

// Validation is what an access token is worth. Reason says why it is not valid.
type Validation struct {
	Valid         bool
	Reason        errs.Code
	Subject, Role string
	ExpiresAt     time.Time
}

// Family is one sign-in: the chain of refresh tokens that replace each other.
type Family struct {
	ID        []byte // 16 random bytes
	MemberID  string
	EndsAt    time.Time // nothing in it lives longer
	ExpiresAt time.Time // of its newest token
	RevokedAt time.Time // zero: not revoked
}

// RefreshToken is a token as it is stored.
type RefreshToken struct {
	Hash      []byte // SHA-256 of the token
	ExpiresAt time.Time
	SpentAt   time.Time // zero: not used yet
}

// Presented is a refresh token someone wants to use, with all that decides on it.
type Presented struct {
	Token  RefreshToken
	Family Family
	Owner  Standing
}

// Use is what becomes of a presented token: replaced by Next, or its family revoked, or (zero) nothing.
type Use struct {
	At     time.Time
	Next   *RefreshToken
	Revoke bool
}

// Login signs a member in. An unknown e-mail, a wrong password and a member who is not active get the same answer
// after the same work. Errors: errs.CredentialsWrong; errs.LoginThrottled with retryAfterSeconds, checked before
// any hashing; errs.RequestTimeout when ctx ends while waiting for a core.
func (s *Service) Login(ctx context.Context, email, password, ip string) (Tokens, error) {
	emailIndex := s.emailIndex(normalEmail(email))
	leave, err := s.lanes.enter(ctx, emailIndex)
	if err != nil {
		return Tokens{}, err
	}
	defer leave()
	a := s.newAttempt(emailIndex, ip)
	if err := a.peek(ctx); err != nil {
		return Tokens{}, err
	}
	m, err := s.authenticate(ctx, a, emailIndex, password)
	if err != nil {
		return Tokens{}, err
	}
	if err := a.succeed(ctx); err != nil {
		return Tokens{}, err
	}
	if err := s.renewHash(ctx, m, password); err != nil {
		return Tokens{}, err
	}
	return s.signIn(ctx, m)
}

// authenticate finds the active member with this e-mail and password.
func (s *Service) authenticate(ctx context.Context, a attempt, emailIndex []byte, password string) (StoredMember, error) {
	m, err := s.store.FindMemberByEmail(ctx, emailIndex)
	if err != nil && !errors.Is(err, errs.MemberNotFound) {
		return StoredMember{}, err
	}
	hash, known := s.hasher.nobody, err == nil
	if known {
		hash = m.PasswordHash
	}
	var match bool
	// Counted within the slot: what is booked and undecided is then never more than runs at once.
	err = s.hasher.inSlot(ctx, func() error {
		if err := a.count(ctx); err != nil {
			return err
		}
		match, err = s.hasher.compare(password, hash)
		return err
	})
	switch {
	case err != nil:
		return StoredMember{}, err
	case !known || !match || m.State != Active:
		return StoredMember{}, errs.CredentialsWrong
	default:
		return m, nil
	}
}

// renewHash brings the hash up to the parameters in force.
func (s *Service) renewHash(ctx context.Context, m StoredMember, password string) error {
	if !s.hasher.outdated(m.PasswordHash) {
		return nil
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = s.store.UpdateMember(ctx, m.ID, func(now StoredMember) (MemberChange, error) {
		if now.PasswordHash == m.PasswordHash {
			now.PasswordHash = hash
		}
		return MemberChange{Member: now}, nil
	})
	return err
}

func (s *Service) signIn(ctx context.Context, m StoredMember) (Tokens, error) {
	now := s.now()
	refresh, stored := s.newRefreshToken(now, now.Add(s.sessionTTL))
	family := Family{ID: make([]byte, 16), MemberID: m.ID, EndsAt: now.Add(s.sessionTTL), ExpiresAt: stored.ExpiresAt}
	_, _ = rand.Read(family.ID) // never fails
	if err := s.store.StartFamily(ctx, family, stored); err != nil {
		return Tokens{}, err
	}
	s.pruneSometimes(ctx)
	return s.tokensFor(m.ID, m.Role, refresh)
}

// Refresh replaces a refresh token, which can be used once. When two callers use one at the same time, one of them
// gets the next token; the other's use is a reuse, which revokes the family, the winner's next token included: one
// of the two may be a thief, and nobody can tell which (RFC 9700 section 4.14.2).
// Errors: errs.RefreshInvalid; errs.RefreshReused for a token that has been used before.
func (s *Service) Refresh(ctx context.Context, refreshToken string) (Tokens, error) {
	hash, ok := refreshHash(refreshToken)
	if !ok {
		return Tokens{}, errs.RefreshInvalid
	}
	var (
		owner   Standing
		next    string
		refused error
	)
	err := s.store.UseRefreshToken(ctx, hash, func(p Presented) Use {
		now := s.now()
		owner = p.Owner
		if refused = p.refusal(now); refused != nil {
			return Use{At: now, Revoke: errors.Is(refused, errs.RefreshReused)}
		}
		var stored RefreshToken
		next, stored = s.newRefreshToken(now, p.Family.EndsAt)
		return Use{At: now, Next: &stored}
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return Tokens{}, err
	}
	return s.tokensFor(owner.ID, owner.Role, next)
}

// refusal says why the token cannot be used, or nil.
func (p Presented) refusal(now time.Time) error {
	switch {
	case !p.Token.SpentAt.IsZero():
		return errs.RefreshReused
	case !p.Family.RevokedAt.IsZero(), !now.Before(p.Token.ExpiresAt), !p.Owner.Active:
		return errs.RefreshInvalid
	default:
		return nil
	}
}

// Logout revokes the family of a refresh token, if it is the member's own. A token that is unknown, malformed or
// someone else's is no error: nothing is left to do, and nothing is told about it.
func (s *Service) Logout(ctx context.Context, memberID, refreshToken string) error {
	hash, ok := refreshHash(refreshToken)
	if !ok {
		return nil
	}
	return s.store.RevokeFamily(ctx, memberID, hash, s.now())
}

// Validate tells what an access token is worth. It never fails: when the member cannot be looked up, the token is
// not valid now, with the reason of that failure. The subject has to be an active member; tokens for other kinds
// of subject are taken at their word.
func (s *Service) Validate(ctx context.Context, accessToken string) Validation {
	claims, err := s.tokens.Verify(accessToken)
	if err == nil {
		err = s.checkSubject(ctx, claims.Subject)
	}
	if err != nil {
		return Validation{Reason: errs.Of(err).Code}
	}
	return Validation{Valid: true, Subject: claims.Subject, Role: claims.Role, ExpiresAt: claims.ExpiresAt}
}

func (s *Service) checkSubject(ctx context.Context, subject string) error {
	if !id.Valid(id.Member, subject) {
		return nil
	}
	standings, err := s.Standings(ctx, []string{subject})
	switch {
	case err != nil:
		return err
	case !standings[0].Exists:
		return errs.TokenInvalid
	case !standings[0].Active:
		return errs.MemberDeactivated
	default:
		return nil
	}
}

func (s *Service) tokensFor(memberID string, role Role, refresh string) (Tokens, error) {
	access, _, err := s.tokens.Issue(memberID, string(role), s.accessTTL)
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{AccessToken: access, RefreshToken: refresh, ExpiresIn: s.accessTTL}, nil
}

const refreshTokenBytes = 32

// newRefreshToken draws a token; it lives no longer than its family.
func (s *Service) newRefreshToken(now, familyEnds time.Time) (string, RefreshToken) {
	var raw [refreshTokenBytes]byte
	_, _ = rand.Read(raw[:]) // never fails
	hash := sha256.Sum256(raw[:])
	expiresAt := now.Add(s.refreshTTL)
	if familyEnds.Before(expiresAt) {
		expiresAt = familyEnds
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), RefreshToken{Hash: hash[:], ExpiresAt: expiresAt}
}

// refreshHash gives a token's hash, and false for what cannot be a refresh token, such as an access token.
func refreshHash(token string) ([]byte, bool) {
	if len(token) != base64.RawURLEncoding.EncodedLen(refreshTokenBytes) || strings.ContainsAny(token, "\r\n") {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return nil, false
	}
	hash := sha256.Sum256(raw)
	return hash[:], true
}
