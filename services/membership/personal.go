package membership

import "fmt"

// emailIndex is the keyed hash by which an e-mail in its normal form is found.
func (s *Service) emailIndex(normal string) []byte { return s.index.Index("members.email", normal) }

func place(column, memberID string) string { return "members." + column + "/" + memberID }

// storedFrom makes a new member's row.
func (s *Service) storedFrom(memberID string, sheet sheet, role Role, state State) (StoredMember, error) {
	now := s.now()
	return s.sealInto(StoredMember{
		ID: memberID, EmailIndex: s.emailIndex(sheet.Email), Role: role, PasswordHash: sheet.PasswordHash, CreatedAt: now,
	}, Member{
		Name: sheet.Name, Email: sheet.Email, Phone: sheet.Phone,
		Address: Address{Region: sheet.Region, Detail: sheet.Detail},
		State:   state, Version: 1, UpdatedAt: now,
	})
}

// sealInto gives the row with what can change taken from m, and personal data encrypted.
func (s *Service) sealInto(row StoredMember, m Member) (StoredMember, error) {
	for _, field := range []struct {
		column, plain string
		sealed        *[]byte
	}{
		{"name", m.Name, &row.Name},
		{"email", m.Email, &row.Email},
		{"phone", m.Phone, &row.Phone},
		{"address_detail", m.Address.Detail, &row.AddressDetail},
	} {
		sealed, err := s.ring.Seal([]byte(field.plain), place(field.column, row.ID))
		if err != nil {
			return StoredMember{}, fmt.Errorf("seal %s of %s: %w", field.column, row.ID, err)
		}
		*field.sealed = sealed
	}
	row.Region, row.State, row.Verified, row.Frozen = m.Address.Region, m.State, m.Verified, m.Frozen
	row.Version, row.UpdatedAt = m.Version, m.UpdatedAt
	return row, nil
}

// open decrypts a row.
func (s *Service) open(row StoredMember) (Member, error) {
	m := Member{
		ID: row.ID, Address: Address{Region: row.Region}, Role: row.Role, State: row.State,
		Verified: row.Verified, Frozen: row.Frozen, Version: row.Version, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	for _, field := range []struct {
		column string
		sealed []byte
		plain  *string
	}{
		{"name", row.Name, &m.Name},
		{"email", row.Email, &m.Email},
		{"phone", row.Phone, &m.Phone},
		{"address_detail", row.AddressDetail, &m.Address.Detail},
	} {
		plain, err := s.ring.Open(field.sealed, place(field.column, row.ID))
		if err != nil {
			return Member{}, fmt.Errorf("open %s of %s: %w", field.column, row.ID, err)
		}
		*field.plain = string(plain)
	}
	return m, nil
}
