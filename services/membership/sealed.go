package membership

import (
	"context"
	"encoding/json"
	"fmt"

	"durapay/errs"
	"durapay/internal/record"
)

// SealedRegistration is a registration on its way through a flow, where only this service can read it.
type SealedRegistration struct {
	MemberID string
	Sealed   []byte
}

// sheet is a checked registration with its password hashed: what Seal encrypts. Sealed sheets lie in running flows,
// so a field may be added but never change its meaning.
type sheet struct {
	Name         string `json:"name"`
	Email        string `json:"email"`
	Phone        string `json:"phone"`
	Region       string `json:"region"`
	Detail       string `json:"detail"`
	PasswordHash string `json:"passwordHash"`
}

func (s *Service) newSheet(ctx context.Context, r Registration) (sheet, error) {
	r, err := r.Normalised()
	if err != nil {
		return sheet{}, err
	}
	hash, err := s.hasher.hash(ctx, r.Password)
	if err != nil {
		return sheet{}, err
	}
	return sheet{
		Name: r.Name, Email: r.Email, Phone: r.Phone,
		Region: r.Address.Region, Detail: r.Address.Detail, PasswordHash: hash,
	}, nil
}

// Seal checks a registration, hashes its password and encrypts it for this member id. Errors: errs.InvalidRequest
// as Registration.Check; errs.RequestTimeout when ctx ends while waiting for a core.
func (s *Service) Seal(ctx context.Context, memberID string, r Registration) ([]byte, error) {
	sheet, err := s.newSheet(ctx, r)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(sheet)
	if err != nil {
		return nil, fmt.Errorf("seal a registration: %w", err)
	}
	return s.ring.Seal(text, sheetPlace(memberID))
}

func sheetPlace(memberID string) string { return "registration/" + memberID }

func (s *Service) unseal(r SealedRegistration) (StoredMember, error) {
	text, err := s.ring.Open(r.Sealed, sheetPlace(r.MemberID))
	if err != nil {
		return StoredMember{}, err
	}
	var sheet sheet
	if err := json.Unmarshal(text, &sheet); err != nil {
		return StoredMember{}, err
	}
	return s.storedFrom(r.MemberID, sheet, RoleMember, Pending)
}

// RegisterSealed makes Pending members and gives a failure for each, in order; none (the zero one) also for a
// member that is there already. Refusals: errs.EmailTaken; errs.IdempotencyReused when the id is someone else's;
// errs.InternalError for what cannot be unsealed, so that it does not stop the others.
// Errors: errs.InvalidRequest for more than MaxBatch items.
func (s *Service) RegisterSealed(ctx context.Context, items []SealedRegistration) ([]record.Failure, error) {
	if err := checkBatch(len(items)); err != nil || len(items) == 0 {
		return nil, err
	}
	failures := make([]record.Failure, len(items))
	members, places := make([]StoredMember, 0, len(items)), make([]int, 0, len(items))
	for i, item := range items {
		m, err := s.unseal(item)
		if err != nil {
			s.log.ErrorContext(ctx, "a sealed registration cannot be read", "memberId", item.MemberID, "error", err)
			failures[i] = record.FailureOf(errs.InternalError)
			continue
		}
		members, places = append(members, m), append(places, i)
	}
	if len(members) == 0 {
		return failures, nil
	}
	there, err := s.store.AddMembers(ctx, members)
	if err != nil {
		return nil, err
	}
	for i, m := range there {
		failures[places[i]] = registered(members[i], m)
	}
	return failures, nil
}

func registered(mine StoredMember, there *StoredMember) record.Failure {
	switch {
	case there == nil:
		return record.FailureOf(errs.EmailTaken)
	case string(mine.EmailIndex) != string(there.EmailIndex):
		return record.FailureOf(errs.IdempotencyReused)
	default:
		return record.Failure{}
	}
}

// Activate makes Pending members active; others stay as they are. Errors: errs.MemberNotFound when one of them does
// not exist; errs.InvalidRequest for more than MaxBatch ids.
func (s *Service) Activate(ctx context.Context, ids []string) error {
	if err := checkBatch(len(ids)); err != nil || len(ids) == 0 {
		return err
	}
	return s.store.ActivateMembers(ctx, ids, s.now())
}

// Unregister takes Pending members back, and with them their claim to their e-mails; others stay as they are.
// Errors: errs.InvalidRequest for more than MaxBatch ids.
func (s *Service) Unregister(ctx context.Context, ids []string) error {
	if err := checkBatch(len(ids)); err != nil || len(ids) == 0 {
		return err
	}
	return s.store.RemovePending(ctx, ids)
}
