package settlement

import (
	"strconv"
	"strings"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
)

// maxAttempts bounds how often one statement's pay-out is tried.
const maxAttempts = 1000

// PayoutStart is an attempt to pay a statement.
type PayoutStart struct {
	StatementID   string
	Attempt       int // of the statement, from 1
	FirmbankingID string
}

// PayoutBegun is the outcome of one PayoutStart.
type PayoutBegun struct {
	State         record.State   // of the stored attempt; "" when it may not begin: Failure tells why
	Failure       record.Failure // of the stored attempt; or statement_not_found, concurrent_edit (state, attempt)
	FranchiseID   string
	Net           int64 // won
	Attempt       int   // the statement's current one
	FirmbankingID string
	Current       bool // the asked attempt is the statement's current one
}

// PayoutID names an attempt: what MovePayouts takes as the id of a move.
func PayoutID(statementID string, attempt int) string {
	return statementID + "/" + strconv.Itoa(attempt)
}

// ParsePayoutID reads what PayoutID wrote.
func ParsePayoutID(payoutID string) (statementID string, attempt int, ok bool) {
	statementID, number, _ := strings.Cut(payoutID, "/")
	attempt, err := strconv.Atoi(number)
	if err != nil || attempt < 1 || PayoutID(statementID, attempt) != payoutID || !id.Valid(id.Statement, statementID) {
		return "", 0, false
	}
	return statementID, attempt, true
}

// wellFormed looks at what has to hold for an attempt to be stored at all.
func (p PayoutStart) wellFormed() *errs.Error {
	switch {
	case !id.Valid(id.Statement, p.StatementID):
		return errs.InvalidField("/statementId", errs.FieldFormat)
	case p.Attempt < 1 || p.Attempt > maxAttempts:
		return errs.InvalidField("/attempt", errs.FieldMustBe, "expected", "1 to "+strconv.Itoa(maxAttempts))
	case !id.Valid(id.Firmbanking, p.FirmbankingID):
		return errs.InvalidField("/firmbankingId", errs.FieldFormat)
	default:
		return nil
	}
}

// PayoutStateOf tells what a statement shows while its current attempt is in a state.
func PayoutStateOf(s record.State) PayoutState {
	switch s {
	case record.Processing:
		return PayoutProcessing
	case record.Waiting:
		return PayoutWaiting
	case record.Unknown:
		return PayoutUnknown
	case record.Succeeded:
		return PayoutPaid
	case record.Failed, record.Cancelled:
		return PayoutFailed
	case record.Returned:
		return PayoutReturned
	default:
		return PayoutScheduled
	}
}
