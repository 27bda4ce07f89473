package membership

import (
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Role is what a member may do.
type Role string

// The roles.
const (
	RoleMember    Role = "MEMBER"
	RoleFranchise Role = "FRANCHISE"
	RoleOperator  Role = "OPERATOR"
	RoleAuditor   Role = "AUDITOR"
	RoleService   Role = "SERVICE"
)

// State is where a member stands.
type State string

// The states. A Pending member's registration flow is not done: the member can neither sign in nor receive.
const (
	Pending     State = "PENDING"
	Active      State = "ACTIVE"
	Deactivated State = "DEACTIVATED"
)

// Address is where a member lives. Region is a code of regions.csv.
type Address struct{ Region, Detail string }

// Member is a member as its owner and operators see it.
type Member struct {
	ID, Name, Email string
	Phone           string // E.164; empty for an operator
	Address         Address
	Role            Role
	State           State
	Verified        bool  // a bank has confirmed the name
	Frozen          bool  // deactivated by an operator: only an operator reactivates
	Version         int64 // grows with every change, from 1
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// Standing is what other parts of the platform may know of a member: no personal data.
type Standing struct {
	ID                       string
	Exists, Active, Verified bool
	Role                     Role
}

// Patch is a partial change; nil leaves a field as it is.
type Patch struct {
	Name    *string
	Phone   *string
	Address *AddressPatch
	State   *State // Active or Deactivated
	// ByOperator tells who asks: what an operator has deactivated, only an operator
	// reactivates.
	ByOperator bool
}

// AddressPatch is a partial change of an address.
type AddressPatch struct{ Region, Detail *string }

// samePerson compares two names as people write them at banks: the composition of the letters, white space and
// letter case make no difference.
func samePerson(a, b string) bool {
	a, b = foldName(a), foldName(b)
	return a != "" && a == b
}

func foldName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, norm.NFC.String(s))
	return norm.NFC.String(cases.Fold().String(s)) // folding can leave a decomposed letter behind
}
