package membership

import (
	"context"
	"time"

	"durapay/internal/record"
)

// RegistrationRecord is the row of one registration that a flow works on.
type RegistrationRecord struct {
	ID          string // reg_…
	MemberID    string
	Fingerprint string // of the request's body, at most 128 ASCII characters
	State       record.State
	Failure     record.Failure
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// BeginRegistrations stores requests as REQUESTED and gives what is stored under each id, in order: for an id that
// was there before, the first request, whose fingerprint the caller compares. Errors: errs.InvalidRequest for more
// than MaxBatch items.
func (s *Service) BeginRegistrations(ctx context.Context, requests []RegistrationRecord) ([]RegistrationRecord, error) {
	if err := checkBatch(len(requests)); err != nil || len(requests) == 0 {
		return nil, err
	}
	now := s.now()
	fresh := make([]RegistrationRecord, len(requests))
	for i, r := range requests {
		fresh[i] = RegistrationRecord{
			ID: r.ID, MemberID: r.MemberID, Fingerprint: r.Fingerprint,
			State: record.Requested, CreatedAt: now, UpdatedAt: now,
		}
	}
	return s.store.AddRegistrations(ctx, fresh)
}

// MoveRegistrations moves requests on, all in one transaction. A move that the state does not allow (a repeated or
// late step) is passed over. Errors: errs.FlowNotFound when one is not stored, and then none moves;
// errs.InvalidRequest for more than MaxBatch moves.
func (s *Service) MoveRegistrations(ctx context.Context, moves []record.Move) error {
	if err := checkBatch(len(moves)); err != nil || len(moves) == 0 {
		return err
	}
	return s.store.MoveRegistrations(ctx, moves, s.now())
}

// FindRegistration gives a request. Errors: errs.FlowNotFound.
func (s *Service) FindRegistration(ctx context.Context, registrationID string) (RegistrationRecord, error) {
	return s.store.FindRegistration(ctx, registrationID)
}
