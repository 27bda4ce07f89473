package audit

import (
	"fmt"

	"durapay/internal/id"
)

// phase is how far a request is, by its row.
type phase int

// The phases.
const (
	underWay phase = iota + 1
	done           // the money has moved
	undone         // it has not, and will not
)

func (r *requestRow) phase() phase {
	switch r.State {
	case "SUCCEEDED", "RETURNED", "SETTLED", "APPROVED", "PARTIALLY_CANCELLED", "GIVEN_BACK":
		return done
	case "FAILED", "CANCELLED", "REJECTED":
		return undone
	default:
		return underWay
	}
}

// plan is what the books have to say of a request that is done.
type plan struct {
	op, kind, from, to string
	reference          string // of its firm banking; "" for none
	direction          string
}

func planOf(s *story) plan {
	wallet, owed := walletPrefix+s.request.MembershipID, payableOf(s.request.FranchiseID)
	switch kindOf(s.id) {
	case topUp:
		return plan{opHold, "TOP_UP", bankFloat, wallet, workflowID(s.id) + "/debit", debit}
	case withdrawal:
		return plan{opHold, "WITHDRAWAL", wallet, bankFloat, workflowID(s.id) + "/credit", credit}
	case remittance:
		if s.request.ReceiverID == "" { // to a bank account
			return plan{opHold, "REMITTANCE", wallet, bankFloat, workflowID(s.id) + "/credit", credit}
		}
		return plan{op: opPost, kind: "REMITTANCE", from: wallet, to: walletPrefix + s.request.ReceiverID}
	case payment:
		return plan{op: opPost, kind: "PAYMENT", from: wallet, to: owed}
	case cancel:
		return plan{op: opPost, kind: "PAYMENT_CANCEL", from: owed, to: wallet}
	case payout:
		_, attempt := payoutOf(s.id)
		return plan{opHold, "SETTLEMENT", owed, bankFloat, fmt.Sprintf("%s/attempt-%d", workflowID(s.id), attempt), credit}
	case notice:
		return plan{op: opPost, kind: noticeKinds[s.request.Type], from: bankFloat, to: suspense}
	default:
		return planOfOperator(s)
	}
}

// planOfOperator books against suspense, in the direction that the row says.
func planOfOperator(s *story) plan {
	p := plan{opHold, "FIRMBANKING", bankFloat, suspense, workflowID(s.id), debit}
	if len(s.firmbankings) > 0 && s.firmbankings[0].Direction == credit {
		p.from, p.to, p.direction = suspense, bankFloat, credit
	}
	return p
}

// judge tells what in a story contradicts itself, nothing when it is sound.
func (s *story) judge() []string {
	if s.request == nil {
		return s.withoutRequest()
	}
	p := planOf(s)
	checks := []func(plan) string{s.checkOpening, s.checkClosing, s.checkTransfers, s.checkStates, s.checkTopUp, s.checkFlow}
	switch kindOf(s.id) {
	case run:
		checks = []func(plan) string{s.checkFlow}
	case statement:
		checks = []func(plan) string{s.checkFee}
	case notice:
		checks = []func(plan) string{s.checkOpening, s.checkPosted, s.checkGivenBack, s.checkFlow}
	}
	var complaints []string
	for _, check := range checks {
		if what := check(p); what != "" {
			complaints = append(complaints, what)
		}
	}
	return complaints
}

func (s *story) withoutRequest() []string {
	var complaints []string
	if s.opening != nil || s.closing != nil || s.credit != nil {
		complaints = append(complaints, "the ledger has it, and no request asks for it")
	}
	for _, f := range s.firmbankings {
		complaints = append(complaints, fmt.Sprintf("firmbanking %s (%s) has it, and no request asks for it", f.ID, f.State))
	}
	return complaints
}

// burnt tells whether the id only keeps a late hold or posting from being made.
func (s *story) burnt() bool { return s.opening != nil && s.opening.closes() == s.id }

func (s *story) checkOpening(p plan) string {
	o := s.opening
	switch {
	case o == nil, s.burnt():
		return ""
	case o.Op != p.op:
		return fmt.Sprintf("the ledger has a %s where a %s belongs", o.Op, p.op)
	case o.Kind != p.kind, o.FlowID != s.id:
		return "its posting is of another kind or flow"
	case o.Amount != s.request.Amount:
		return fmt.Sprintf("asks for %d won and the ledger says %d", s.request.Amount, o.Amount)
	case p.op == opHold && (o.AccountID != p.from || o.ToAccountID != p.to):
		return "its hold is between other accounts"
	case p.op == opPost:
		return moved(o.entries, p, s.request.Amount)
	default:
		return ""
	}
}

func (s *story) checkClosing(p plan) string {
	c := s.closing
	switch {
	case c == nil, s.burnt():
		return ""
	case s.opening == nil:
		return "the ledger closes a hold that it does not have"
	case c.FlowID != s.id, c.Kind != p.kind:
		return "what closes its hold is of another kind or flow"
	case c.Op != opCapture:
		return ""
	case c.Amount != s.request.Amount:
		return fmt.Sprintf("asks for %d won and the ledger captured %d", s.request.Amount, c.Amount)
	default:
		return moved(c.entries, p, s.request.Amount)
	}
}

// moved tells how entries differ from one move of amount.
func moved(entries []entryRow, p plan, amount int64) string {
	if len(entries) == 2 && entries[0].AccountID == p.from && entries[0].Amount == -amount &&
		entries[1].AccountID == p.to && entries[1].Amount == amount {
		return ""
	}
	return fmt.Sprintf("its entries are not one move of %d won from %s to %s", amount, p.from, p.to)
}

// checkTransfers compares the bank transfers with the request. There may be several:
// one that a bank refused because it was shut is made anew, and so only the last one can
// have moved anything.
func (s *story) checkTransfers(p plan) string {
	for i := range s.firmbankings {
		f := &s.firmbankings[i]
		switch what := s.checkTransfer(p, i); {
		case what != "":
			return what
		case f.State == "RETURNED" && !f.noticed:
			return fmt.Sprintf("firmbanking %s is RETURNED, and no notice says so", f.ID)
		case i == len(s.firmbankings)-1:
		case f.State != "REJECTED" || f.Reason != "bank_maintenance":
			return fmt.Sprintf("firmbanking %s is %s, and there is another one after it", f.ID, f.State)
		}
	}
	return ""
}

func (s *story) checkTransfer(p plan, i int) string {
	f, reference := s.firmbankings[i], p.reference
	if i > 0 {
		reference = fmt.Sprintf("%s/%d", p.reference, i+1)
	}
	kind := kindOf(s.id)
	switch {
	case p.reference == "":
		return fmt.Sprintf("firmbanking %s belongs to it, and it goes to no bank", f.ID)
	case kind == operatorTransfer && i > 0:
		return fmt.Sprintf("has %d firmbankings", len(s.firmbankings))
	case f.Reference != reference:
		return fmt.Sprintf("firmbanking %s is under another reference", f.ID)
	case kind != operatorTransfer && f.ID != id.Derive(id.Firmbanking, reference):
		return fmt.Sprintf("firmbanking %s is not the one its reference stands for", f.ID)
	case kind == payout && i == 0 && f.ID != s.request.FirmbankingID:
		return fmt.Sprintf("firmbanking %s is not the one on record", f.ID)
	case f.Direction != p.direction:
		return fmt.Sprintf("firmbanking %s is a %s", f.ID, f.Direction)
	case f.Amount != s.request.Amount:
		return fmt.Sprintf("asks for %d won and firmbanking %s is of %d", s.request.Amount, f.ID, f.Amount)
	case f.MembershipID != s.request.MembershipID, f.BankAccountID != s.request.BankAccountID:
		return fmt.Sprintf("firmbanking %s is for another member or account", f.ID)
	case s.request.BankCode != "" && f.BankCode != s.request.BankCode:
		return fmt.Sprintf("firmbanking %s is for another bank", f.ID)
	default:
		return ""
	}
}

// checkStates compares how far request, ledger and bank are.
func (s *story) checkStates(p plan) string {
	if p.op == opPost {
		return s.checkPosted(p)
	}
	switch s.request.phase() {
	case done:
		return s.checkDone()
	case undone:
		return s.checkUndone()
	default:
		return s.checkUnderWay()
	}
}

func (s *story) checkPosted(plan) string {
	state, posted := s.request.State, s.opening != nil && !s.burnt()
	switch {
	case s.request.phase() == done && !posted:
		return state + ", and the ledger has no posting"
	case s.request.phase() == undone && posted:
		return state + ", and the ledger has moved the money"
	default:
		return ""
	}
}

// checkDone: an operator's firm banking is SETTLED before its flow books it; everything
// else is booked before its row says so.
func (s *story) checkDone() string {
	state, f := s.request.State, s.transfer()
	booking := kindOf(s.id) == operatorTransfer && s.ending.mayGoOn()
	switch {
	case s.released():
		return state + ", and the ledger has let its hold go"
	case !s.captured() && !booking:
		return state + ", and the ledger has not booked it"
	case f == nil:
		return state + ", and there is no firmbanking"
	case !f.settled(), state == "RETURNED" && f.State != "RETURNED":
		return fmt.Sprintf("%s, and firmbanking %s is %s", state, f.ID, f.State)
	default:
		return ""
	}
}

func (s *story) checkUndone() string {
	state, f := s.request.State, s.transfer()
	undoing := kindOf(s.id) == operatorTransfer && s.ending.mayGoOn()
	switch {
	case s.captured():
		return state + ", and the ledger has booked it"
	case s.holding() && !undoing:
		return state + ", and its hold is still open"
	case f != nil && f.State != "REJECTED":
		return fmt.Sprintf("%s, and firmbanking %s is %s", state, f.ID, f.State)
	default:
		return ""
	}
}

func (s *story) checkUnderWay() string {
	f := s.transfer()
	switch {
	case s.captured() && (f == nil || !f.settled()):
		return "the ledger has booked it, and the bank has not settled it"
	case f == nil:
		return ""
	case s.released() && f.State != "REJECTED" && f.State != "REQUESTED":
		return fmt.Sprintf("the ledger has let its hold go, and firmbanking %s is %s", f.ID, f.State)
	case f.State != "REQUESTED" && s.opening == nil:
		return fmt.Sprintf("firmbanking %s is %s, and the ledger has no hold", f.ID, f.State)
	default:
		return ""
	}
}

func (s *story) released() bool {
	return s.closing != nil && (s.closing.Op == opRelease || s.closing.Op == opExpire)
}

// holding tells whether its hold is open.
func (s *story) holding() bool {
	return s.opening != nil && s.opening.Op == opHold && s.closing == nil
}

// checkTopUp: a remittance or a payment that needed a top-up succeeds after it only.
func (s *story) checkTopUp(plan) string {
	if s.request.TopUpID == "" || s.request.phase() != done {
		return ""
	}
	switch {
	case s.topUp == nil:
		return fmt.Sprintf("%s, and its top-up %s is not on record", s.request.State, s.request.TopUpID)
	case s.topUp.phase() != done:
		return fmt.Sprintf("%s, and its top-up %s is %s", s.request.State, s.request.TopUpID, s.topUp.State)
	case s.topUp.MembershipID != s.request.MembershipID:
		return fmt.Sprintf("its top-up %s is another member's", s.request.TopUpID)
	default:
		return ""
	}
}

// checkFlow compares the row with how its flow ended. A flow that ran for another body
// under the same id was refused, and says nothing of this request.
func (s *story) checkFlow(plan) string {
	e := s.ending
	if kindOf(s.id) == payout && (!s.request.Newest || e.Status == FlowCompleted && e.ID != s.id) {
		return s.checkEarlierAttempt()
	}
	switch {
	case e.Status == FlowUnknown, e.Status == FlowRunning:
		return ""
	case e.Status == FlowAbsent && s.request.phase() == underWay:
		return s.request.State + ", and no flow works on it"
	case e.Status == FlowAbsent:
		return ""
	case e.Status == FlowBroken:
		return fmt.Sprintf("%s, and its flow ended as %s", s.request.State, e.Word)
	case e.Fingerprint != s.request.Fingerprint:
		return ""
	case e.phase() != s.request.phase():
		return fmt.Sprintf("%s, and its flow ended with %s", s.request.State, e.State)
	case kindOf(s.id) == operatorTransfer, s.request.State == "RETURNED": // the reason is the bank's, and came later
		return ""
	case e.FailureCode != s.request.failureCode():
		return fmt.Sprintf("was refused with %q, and its flow with %q", s.request.failureCode(), e.FailureCode)
	default:
		return ""
	}
}

// checkEarlierAttempt: the flow of a payout is known by its last run only, which is that
// of the last attempt.
func (s *story) checkEarlierAttempt() string {
	if s.request.phase() == underWay {
		return s.request.State + ", and no flow works on it any more"
	}
	return ""
}

// over tells of a request that the ledger has not booked whether it never will be: the
// bank's money would then be nobody's.
func (s *story) over() bool {
	switch {
	case s.request == nil, !s.ending.mayGoOn():
		return true
	case kindOf(s.id) == operatorTransfer:
		return s.request.phase() == undone
	default:
		return s.request.phase() != underWay
	}
}
