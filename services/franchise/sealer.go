package franchise

import (
	"fmt"
	"time"

	"durapay/internal/record"
	"durapay/internal/secret"
)

// sealer turns franchises into rows without personal data in the clear, and back.
type sealer struct{ ring *secret.KeyRing }

func contactPlace(franchiseID string) string { return "franchises.contact_sealed/" + franchiseID }

// The places of an account are the franchise's, not the row's: a change of account
// becomes the franchise's own without being opened.
func numberPlace(franchiseID string) string { return "payout.number_sealed/" + franchiseID }
func holderPlace(franchiseID string) string { return "payout.holder_sealed/" + franchiseID }

func (s sealer) sealPayout(franchiseID string, p Payout) (SealedPayout, error) {
	number, err := s.ring.Seal([]byte(p.Number), numberPlace(franchiseID))
	if err != nil {
		return SealedPayout{}, fmt.Errorf("seal %s: %w", franchiseID, err)
	}
	holder, err := s.ring.Seal([]byte(p.HolderName), holderPlace(franchiseID))
	if err != nil {
		return SealedPayout{}, fmt.Errorf("seal %s: %w", franchiseID, err)
	}
	return SealedPayout{BankCode: p.BankCode, NumberSealed: number, HolderSealed: holder}, nil
}

func (s sealer) openPayout(franchiseID string, x SealedPayout) (Payout, error) {
	number, err := s.ring.Open(x.NumberSealed, numberPlace(franchiseID))
	if err != nil {
		return Payout{}, fmt.Errorf("open %s: %w", franchiseID, err)
	}
	holder, err := s.ring.Open(x.HolderSealed, holderPlace(franchiseID))
	if err != nil {
		return Payout{}, fmt.Errorf("open %s: %w", franchiseID, err)
	}
	return Payout{BankCode: x.BankCode, Number: string(number), HolderName: string(holder)}, nil
}

func (s sealer) sealContact(franchiseID, contact string) ([]byte, error) {
	sealed, err := s.ring.Seal([]byte(contact), contactPlace(franchiseID))
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", franchiseID, err)
	}
	return sealed, nil
}

// newRow makes the row of a registration that is checked and in its normal form.
func (s sealer) newRow(n NewFranchise, at time.Time) (Row, error) {
	contact, err := s.sealContact(n.ID, n.Contact)
	if err != nil {
		return Row{}, err
	}
	payout, err := s.sealPayout(n.ID, n.Payout)
	if err != nil {
		return Row{}, err
	}
	var f fields // empty: the registration is checked
	return Row{
		ID: n.ID, Name: n.Name, BusinessNumber: n.BusinessNumber, NumberClaim: &n.BusinessNumber, ContactSealed: contact, SealedPayout: payout,
		State: record.Requested, Version: 1, Fingerprint: n.Fingerprint, CreatedAt: at, UpdatedAt: at,
		Contracts: []Contract{f.contract("", n.Contract)},
	}, nil
}

func (s sealer) open(r Row) (Franchise, error) {
	contact, err := s.ring.Open(r.ContactSealed, contactPlace(r.ID))
	if err != nil {
		return Franchise{}, fmt.Errorf("open %s: %w", r.ID, err)
	}
	payout, err := s.openPayout(r.ID, r.SealedPayout)
	if err != nil {
		return Franchise{}, err
	}
	return Franchise{
		ID: r.ID, Name: r.Name, BusinessNumber: r.BusinessNumber, Contact: string(contact), Payout: payout,
		PayoutVerifiedAt: timeOf(r.PayoutVerifiedAt), State: r.State, Refusal: r.Refusal, Failure: r.Failure, Until: timeOf(r.UntilAt),
		Status: r.Status, Contracts: r.Contracts, Version: r.Version, Fingerprint: r.Fingerprint, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}, nil
}

// apply gives the row as a patch makes it.
func (s sealer) apply(r Row, p Patch, contract *Contract, at time.Time) (Change, error) {
	if p.Contact != nil {
		sealed, err := s.sealContact(r.ID, *p.Contact)
		if err != nil {
			return Change{}, err
		}
		r.ContactSealed = sealed
	}
	set(&r.Name, p.Name)
	set(&r.Status, p.Status)
	r.Version++
	r.UpdatedAt = at
	return Change{Row: r, Contract: contract}, nil
}

func set[T any](target, value *T) {
	if value != nil {
		*target = *value
	}
}

func (s sealer) newPayoutChange(c PayoutChange, at time.Time) (PayoutChangeRow, error) {
	payout, err := s.sealPayout(c.FranchiseID, c.Payout.Normal())
	if err != nil {
		return PayoutChangeRow{}, err
	}
	return PayoutChangeRow{
		ID: c.ID, FranchiseID: c.FranchiseID, OpenClaim: &c.FranchiseID, SealedPayout: payout,
		Fingerprint: c.Fingerprint, State: record.Requested, CreatedAt: at, UpdatedAt: at,
	}, nil
}

func (s sealer) openPayoutChange(r PayoutChangeRow) (PayoutChange, error) {
	payout, err := s.openPayout(r.FranchiseID, r.SealedPayout)
	if err != nil {
		return PayoutChange{}, err
	}
	return PayoutChange{
		ID: r.ID, FranchiseID: r.FranchiseID, Payout: payout, Fingerprint: r.Fingerprint, State: r.State, Refusal: r.Refusal,
		Failure: r.Failure, Until: timeOf(r.UntilAt), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}, nil
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
