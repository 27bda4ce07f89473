package membership

import (
	"context"
	"time"

	"durapay/internal/record"
)

// StoredMember is a member as it is stored. Sealed fields are encrypted for their column and row.
type StoredMember struct {
	ID            string
	EmailIndex    []byte // keyed hash of the normal form
	Name          []byte // sealed
	Email         []byte // sealed
	Phone         []byte // sealed
	Region        string
	AddressDetail []byte // sealed
	Role          Role
	State         State
	Verified      bool
	Frozen        bool
	PasswordHash  string
	Version       int64
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// MemberChange is what UpdateMember stores.
type MemberChange struct {
	Member    StoredMember
	SignedOut bool // revoke all of the member's refresh families at Member.UpdatedAt
}

// Store is what the service needs of storage. Beside the errors named, all can return errs.Busy and
// errs.ServiceUnavailable. What takes a function runs it in a transaction, and again when that lost a deadlock.
type Store interface {
	// AddMembers stores those members whose id and e-mail are both new, all in one transaction. For each it gives
	// the member now stored under its id; nil when there is none, as the e-mail belongs to someone else.
	AddMembers(ctx context.Context, members []StoredMember) ([]*StoredMember, error)
	// FindMember: errs.MemberNotFound.
	FindMember(ctx context.Context, id string) (StoredMember, error)
	// FindMemberByEmail: errs.MemberNotFound.
	FindMemberByEmail(ctx context.Context, emailIndex []byte) (StoredMember, error)
	// UpdateMember stores what change makes of the locked member; id, role, creation and the e-mail's index stay. Errors: those
	// of change, and then nothing is stored; errs.MemberNotFound.
	UpdateMember(ctx context.Context, id string, change func(StoredMember) (MemberChange, error)) (StoredMember, error)
	// ActivateMembers moves Pending members to Active and leaves others alone. Errors: errs.MemberNotFound when one
	// of them is not stored.
	ActivateMembers(ctx context.Context, ids []string, at time.Time) error
	// RemovePending removes those members that are Pending.
	RemovePending(ctx context.Context, ids []string) error
	// Standings gives the standings of those members that exist, in any order.
	Standings(ctx context.Context, ids []string) ([]Standing, error)

	// RegionChanges gives the changes after a number, in order. Each is stored in the transaction (AddMembers,
	// UpdateMember, ActivateMembers) that makes a member visible or moves it; numbers follow the commits.
	RegionChanges(ctx context.Context, after int64, limit int) ([]RegionChange, error)
	// RegionHead gives the number of the newest change, 0 when there is none.
	RegionHead(ctx context.Context) (int64, error)

	// Counters reads the counters of the keys that have one, in any order.
	Counters(ctx context.Context, keys [][]byte) ([]Counter, error)
	// UpdateCounters locks the keys' counters, makes those that are missing, and stores what change makes of them.
	// They come and stay in the order of the keys. Errors: those of change, and then nothing is stored.
	UpdateCounters(ctx context.Context, keys [][]byte, change func([]Counter) error) error

	// StartFamily stores a family with its first token. Errors: errs.CredentialsWrong when the member is not active.
	StartFamily(ctx context.Context, family Family, first RefreshToken) error
	// UseRefreshToken locks the token with its family and stores what use makes of them. Errors: errs.RefreshInvalid
	// for a token that is not stored.
	UseRefreshToken(ctx context.Context, hash []byte, use func(Presented) Use) error
	// RevokeFamily revokes the family of the token, if it is the member's.
	RevokeFamily(ctx context.Context, memberID string, hash []byte, at time.Time) error
	// Prune removes at most limit counters, tokens and families each that expired before the time, and tells how many.
	Prune(ctx context.Context, before time.Time, limit int) (int64, error)

	// AddRegistrations stores those that are new and gives what is stored for each, in order.
	AddRegistrations(ctx context.Context, registrations []RegistrationRecord) ([]RegistrationRecord, error)
	// MoveRegistrations makes those of the moves that a registration's state allows. Errors: errs.FlowNotFound.
	MoveRegistrations(ctx context.Context, moves []record.Move, at time.Time) error
	// FindRegistration: errs.FlowNotFound.
	FindRegistration(ctx context.Context, id string) (RegistrationRecord, error)
}
