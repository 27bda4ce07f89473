package activities

import (
	"context"

	"durapay/internal/record"
	"durapay/services/membership"
	"durapay/workflows/contract"
)

// Membership calls the membership service.
type Membership struct{ Service *membership.Service }

// BeginRegistrations records registrations, or finds what is recorded.
func (a *Membership) BeginRegistrations(ctx context.Context, in []contract.Registration) ([]contract.Begun, error) {
	rows, err := a.Service.BeginRegistrations(ctx, each(in, func(r contract.Registration) membership.RegistrationRecord {
		return membership.RegistrationRecord{ID: r.ID, MemberID: r.MemberID, Fingerprint: r.Fingerprint}
	}))
	return each(rows, func(r membership.RegistrationRecord) contract.Begun {
		return contract.Begun{State: r.State, Failure: r.Failure, Fingerprint: r.Fingerprint}
	}), trouble(ctx, err)
}

// MoveRegistrations stores changes of their states.
func (a *Membership) MoveRegistrations(ctx context.Context, in []record.Move) error {
	return trouble(ctx, a.Service.MoveRegistrations(ctx, in))
}

// Register makes pending members. Refused: email_taken.
func (a *Membership) Register(ctx context.Context, in []contract.Registration) ([]record.Failure, error) {
	failures, err := a.Service.RegisterSealed(ctx, each(in, func(r contract.Registration) membership.SealedRegistration {
		return membership.SealedRegistration{MemberID: r.MemberID, Sealed: r.Sealed}
	}))
	return failures, trouble(ctx, err)
}

// Unregister removes pending members.
func (a *Membership) Unregister(ctx context.Context, memberIDs []string) error {
	return trouble(ctx, a.Service.Unregister(ctx, memberIDs))
}

// Activate makes pending members active.
func (a *Membership) Activate(ctx context.Context, memberIDs []string) error {
	return trouble(ctx, a.Service.Activate(ctx, memberIDs))
}

// Standings tells whether members exist and are active.
func (a *Membership) Standings(ctx context.Context, memberIDs []string) ([]contract.Standing, error) {
	standings, err := a.Service.Standings(ctx, memberIDs)
	return each(standings, func(s membership.Standing) contract.Standing {
		return contract.Standing{Exists: s.Exists, Active: s.Active}
	}), trouble(ctx, err)
}

// ConfirmName marks members as verified whose name is the account holder's.
func (a *Membership) ConfirmName(ctx context.Context, in []contract.NameCheck) ([]bool, error) {
	out := make([]bool, len(in))
	for i, c := range in {
		var err error
		if out[i], err = a.Service.ConfirmName(ctx, c.MembershipID, c.HolderName); err != nil {
			return nil, trouble(ctx, err)
		}
	}
	return out, nil
}
