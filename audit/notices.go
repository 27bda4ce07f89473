package audit

import "fmt"

// The types of a bank's notices, and the kinds under which the ledger books them.
const (
	transferReturned = "TRANSFER_RETURNED"
	deposited        = "DEPOSIT"
)

var noticeKinds = map[string]string{transferReturned: "BANK_RETURN", deposited: "DEPOSIT"}

// checkGivenBack: money that came back goes on to whom it was taken from, once, and the
// request that it was for says so. An operator's, and what nobody here has sent, stays
// in suspense.
func (s *story) checkGivenBack(p plan) string {
	f := s.request.FirmbankingID
	owned := f != "" && kindOf(s.request.OriginID) != operatorTransfer
	switch {
	case !owned && s.credit != nil:
		return "the ledger gives it to somebody, and it is nobody's"
	case !owned:
		return ""
	case s.origin == nil:
		return fmt.Sprintf("brings back firmbanking %s of %s, which is not on record", f, s.request.OriginID)
	case s.origin.Amount != s.request.Amount:
		return fmt.Sprintf("brings back %d won of %s, which is of %d", s.request.Amount, s.origin.ID, s.origin.Amount)
	case s.credit != nil:
		p.from, p.to = suspense, originAccount(s.origin)
		if what := s.checkCredit(p); what != "" {
			return what
		}
	}
	if s.request.phase() == done {
		return s.checkOrigin()
	}
	return ""
}

func (s *story) checkCredit(p plan) string {
	c := s.credit
	if c.Op != opPost || c.Kind != p.kind || c.FlowID != s.id {
		return "its credit is of another kind or flow"
	}
	return moved(c.entries, p, s.request.Amount)
}

func (s *story) checkOrigin() string {
	switch {
	case s.credit == nil:
		return fmt.Sprintf("%s, and the ledger has not given the money back", s.request.State)
	case s.origin.State != "RETURNED":
		return fmt.Sprintf("%s, and %s is %s", s.request.State, s.origin.ID, s.origin.State)
	default:
		return ""
	}
}

// originAccount is where the money of a bank transfer came from.
func originAccount(origin *requestRow) string {
	if kindOf(origin.ID) == payout {
		return payableOf(origin.FranchiseID)
	}
	return walletPrefix + origin.MembershipID
}
