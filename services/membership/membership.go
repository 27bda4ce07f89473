// Package membership knows who the platform's members are: it registers them, keeps their personal data encrypted,
// signs them in and tells the rest of the platform where they stand.
package membership

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/alexedwards/argon2id"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/secret"
	"durapay/internal/token"
)

// MaxBatch is the most items that one call with a list takes.
const MaxBatch = 1000

// AnyVersion makes Modify change whichever version there is.
const AnyVersion int64 = 0

// Options are the service's settings; zero values mean the defaults.
type Options struct {
	Now        func() time.Time
	AccessTTL  time.Duration // of an access token: 10 min
	RefreshTTL time.Duration // of a refresh token: 24 h
	SessionTTL time.Duration // from sign-in to when refreshing ends: 30 days
	Throttle   Throttle
	Argon2     argon2id.Params // 19 MiB, 2 passes, 1 lane
	Log        *slog.Logger
}

// Service is the membership service. It is safe for concurrent use, and any number of processes can share a store.
type Service struct {
	store                             Store
	ring                              *secret.KeyRing
	index                             *secret.Indexer
	tokens                            *token.Issuer
	hasher                            *hasher
	lanes                             *lanes
	throttle                          Throttle
	accessTTL, refreshTTL, sessionTTL time.Duration
	clock                             func() time.Time
	log                               *slog.Logger
	pruning                           pruning
}

// New makes the service.
func New(store Store, ring *secret.KeyRing, index *secret.Indexer, tokens *token.Issuer, o Options) *Service {
	o = o.withDefaults()
	return &Service{
		store: store, ring: ring, index: index, tokens: tokens,
		hasher: newHasher(o.Argon2), lanes: newLanes(), throttle: o.Throttle,
		accessTTL: o.AccessTTL, refreshTTL: o.RefreshTTL, sessionTTL: o.SessionTTL,
		clock: o.Now, log: o.Log,
	}
}

func (o Options) withDefaults() Options {
	orElse(&o.AccessTTL, 10*time.Minute)
	orElse(&o.RefreshTTL, 24*time.Hour)
	orElse(&o.SessionTTL, 30*24*time.Hour)
	orElse(&o.Throttle.Window, 15*time.Minute)
	orElse(&o.Throttle.AccountFailures, 5)
	orElse(&o.Throttle.FirstBlock, time.Minute)
	orElse(&o.Throttle.LongestBlock, 15*time.Minute)
	orElse(&o.Throttle.AddressFailures, 100)
	orElse(&o.Argon2, defaultArgon2)
	orElse(&o.Log, slog.Default())
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func orElse[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// now is the time as the database can keep it.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// Register makes a member who is active at once. The same id with the same e-mail and password gives the member
// that is there. Errors: errs.InvalidRequest as Registration.Check; errs.EmailTaken; errs.IdempotencyReused when
// the id is another registration's; errs.RequestTimeout when ctx ends while waiting for a core.
func (s *Service) Register(ctx context.Context, memberID string, r Registration) (Member, error) {
	sheet, err := s.newSheet(ctx, r)
	if err != nil {
		return Member{}, err
	}
	mine, err := s.storedFrom(memberID, sheet, RoleMember, Active)
	if err != nil {
		return Member{}, err
	}
	there, err := s.store.AddMembers(ctx, []StoredMember{mine})
	if err != nil {
		return Member{}, err
	}
	if there[0] == nil {
		return Member{}, errs.EmailTaken
	}
	if err := s.sameRegistration(ctx, mine, *there[0], r.Password); err != nil {
		return Member{}, err
	}
	return s.open(*there[0])
}

// sameRegistration refuses a member id that was there before with someone else behind it. The password is asked for
// too, because the caller is shown the member.
func (s *Service) sameRegistration(ctx context.Context, mine, there StoredMember, password string) error {
	if mine.PasswordHash == there.PasswordHash { // its salt is random: this one has just been stored
		return nil
	}
	if !slices.Equal(mine.EmailIndex, there.EmailIndex) {
		return errs.IdempotencyReused
	}
	match, err := s.hasher.matches(ctx, password, there.PasswordHash)
	if err == nil && !match {
		err = errs.IdempotencyReused
	}
	return err
}

// Find gives a member. Errors: errs.MemberNotFound.
func (s *Service) Find(ctx context.Context, memberID string) (Member, error) {
	m, err := s.store.FindMember(ctx, memberID)
	if err != nil {
		return Member{}, err
	}
	return s.open(m)
}

// Modify changes a member in the version the caller has seen, or in any with AnyVersion. A change that changes
// nothing keeps the version. Another name takes the bank's confirmation away; deactivation revokes all refresh
// families. Errors: errs.InvalidRequest with pointers as Registration.Check and /state; errs.EtagMismatch;
// errs.MemberNotFound.
func (s *Service) Modify(ctx context.Context, memberID string, ifVersion int64, p Patch) (Member, error) {
	p, err := p.normalised()
	if err != nil {
		return Member{}, err
	}
	m, err := s.store.UpdateMember(ctx, memberID, func(stored StoredMember) (MemberChange, error) {
		if ifVersion != AnyVersion && ifVersion != stored.Version {
			return MemberChange{}, errs.EtagMismatch
		}
		return s.patch(stored, p)
	})
	if err != nil {
		return Member{}, err
	}
	return s.open(m)
}

func (s *Service) patch(stored StoredMember, p Patch) (MemberChange, error) {
	before, err := s.open(stored)
	if err != nil {
		return MemberChange{}, err
	}
	after, err := p.apply(before)
	if err != nil {
		return MemberChange{}, err
	}
	if after == before {
		return MemberChange{Member: stored}, nil
	}
	after.Version, after.UpdatedAt = before.Version+1, s.now()
	next, err := s.sealInto(stored, after)
	return MemberChange{Member: next, SignedOut: after.State != Active}, err
}

// Standings tells where members stand, by one query, in the order of the ids. Errors: errs.InvalidRequest for more
// than MaxBatch ids.
func (s *Service) Standings(ctx context.Context, ids []string) ([]Standing, error) {
	if err := checkBatch(len(ids)); err != nil || len(ids) == 0 {
		return nil, err
	}
	found, err := s.store.Standings(ctx, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]Standing, len(found))
	for _, standing := range found {
		byID[standing.ID] = standing
	}
	all := make([]Standing, len(ids))
	for i, memberID := range ids {
		all[i] = byID[memberID]
		all[i].ID = memberID
	}
	return all, nil
}

func checkBatch(n int) error {
	if n > MaxBatch {
		return errs.InvalidRequest.With("maxItems", MaxBatch)
	}
	return nil
}

// verified notes that a bank has confirmed the name.
func (s *Service) verified(m StoredMember) StoredMember {
	if !m.Verified {
		m.Verified, m.Version, m.UpdatedAt = true, m.Version+1, s.now()
	}
	return m
}

// ConfirmName verifies a member whose name is that of an account holder whom a bank has confirmed, in one step: no
// other name can slip in between. The composition of the letters, white space and letter case make no difference.
// Errors: errs.MemberNotFound.
func (s *Service) ConfirmName(ctx context.Context, memberID, holderName string) (same bool, err error) {
	_, err = s.store.UpdateMember(ctx, memberID, func(stored StoredMember) (MemberChange, error) {
		m, err := s.open(stored)
		if err != nil {
			return MemberChange{}, err
		}
		if same = samePerson(m.Name, holderName); same {
			stored = s.verified(stored)
		}
		return MemberChange{Member: stored}, nil
	})
	return same && err == nil, err
}

// EnsureStaff makes an operator or an auditor with this e-mail and password, or gives the password to the one that is
// there, who is signed out everywhere if it is another one. Processes may do it at the same time.
// Errors: errs.InvalidRequest for a bad role, e-mail or password; errs.EmailTaken when it belongs to someone of
// another role.
func (s *Service) EnsureStaff(ctx context.Context, role Role, email, password string) (string, error) {
	if role != RoleOperator && role != RoleAuditor {
		return "", errs.InvalidField("/role", errs.FieldNotOneOf, "allowed", "OPERATOR, AUDITOR")
	}
	var c checker
	email, password = c.email(email), c.password(password)
	if err := c.err(); err != nil {
		return "", err
	}
	m, err := s.store.FindMemberByEmail(ctx, s.emailIndex(email))
	if errors.Is(err, errs.MemberNotFound) {
		m, err = s.addStaff(ctx, role, email, password)
	}
	if err != nil {
		return "", err
	}
	if m.Role != role {
		return "", errs.EmailTaken
	}
	return m.ID, s.setPassword(ctx, m, password)
}

// addStaff adds one, or gives the one whom another process added first.
func (s *Service) addStaff(ctx context.Context, role Role, email, password string) (StoredMember, error) {
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return StoredMember{}, err
	}
	m, err := s.storedFrom(id.New(id.Member), sheet{Name: staffName(role), Email: email, PasswordHash: hash}, role, Active)
	if err != nil {
		return StoredMember{}, err
	}
	there, err := s.store.AddMembers(ctx, []StoredMember{m})
	if err != nil {
		return StoredMember{}, err
	}
	if there[0] == nil {
		return s.store.FindMemberByEmail(ctx, m.EmailIndex)
	}
	return *there[0], nil
}

func staffName(r Role) string {
	if r == RoleAuditor {
		return "Auditor"
	}
	return "Operator"
}

// setPassword changes the password if it is not this one already.
func (s *Service) setPassword(ctx context.Context, m StoredMember, password string) error {
	match, err := s.hasher.matches(ctx, password, m.PasswordHash)
	if err != nil || match {
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = s.store.UpdateMember(ctx, m.ID, func(m StoredMember) (MemberChange, error) {
		m.PasswordHash, m.Version, m.UpdatedAt = hash, m.Version+1, s.now()
		return MemberChange{Member: m, SignedOut: true}, nil
	})
	return err
}
