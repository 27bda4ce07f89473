package membership

import "durapay/errs"

// normalised checks the fields that are to change. Errors: errs.InvalidRequest.
func (p Patch) normalised() (Patch, error) {
	var c checker
	p.Name = c.optional(p.Name, c.name)
	p.Phone = c.optional(p.Phone, c.phone)
	if p.Address != nil {
		p.Address = &AddressPatch{
			Region: c.optional(p.Address.Region, c.region),
			Detail: c.optional(p.Address.Detail, c.detail),
		}
	}
	if p.State != nil && *p.State != Active && *p.State != Deactivated {
		c.refuse("/state", errs.FieldNotOneOf, "allowed", string(Active)+", "+string(Deactivated))
	}
	return p, c.err()
}

func (c *checker) optional(value *string, check func(string) string) *string {
	if value == nil {
		return nil
	}
	normal := check(*value)
	return &normal
}

// apply gives the member as the patch makes it. Errors: errs.InvalidRequest when the state of a Pending member is to
// change: that is for its registration alone; errs.RoleForbidden when a member changes itself whom an operator has
// deactivated: its access token may still be good for minutes.
func (p Patch) apply(m Member) (Member, error) {
	if p.State != nil && m.State == Pending {
		return Member{}, errs.InvalidField("/state", errs.FieldForbidden)
	}
	if m.Frozen && !p.ByOperator {
		return Member{}, errs.RoleForbidden
	}
	if p.State != nil {
		m.Frozen = *p.State == Deactivated && p.ByOperator
	}
	if p.Name != nil && !samePerson(m.Name, *p.Name) {
		m.Verified = false // the bank has confirmed another name
	}
	set(&m.Name, p.Name)
	set(&m.Phone, p.Phone)
	set(&m.State, p.State)
	if p.Address != nil {
		set(&m.Address.Region, p.Address.Region)
		set(&m.Address.Detail, p.Address.Detail)
	}
	return m, nil
}

func set[T any](target, value *T) {
	if value != nil {
		*target = *value
	}
}
