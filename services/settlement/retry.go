package settlement

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
)

// RetryState is where the request to pay a statement again stands.
type RetryState string

// The states of a retry.
const (
	RetryRequested RetryState = "REQUESTED"
	RetryApproved  RetryState = "APPROVED"
	RetryRejected  RetryState = "REJECTED"
)

const maxReasonRunes = 200

// maxRetriesListed bounds ListRetries.
const maxRetriesListed = 100

// NewRetry asks for a statement to be paid again.
type NewRetry struct {
	ID          string
	StatementID string
	AskedBy     string
	Reason      string
}

// Retry is a request to pay a statement again; it takes a second operator to approve it.
type Retry struct {
	ID          string     `db:"id"`
	StatementID string     `db:"statement_id"`
	Attempt     int        `db:"attempt"` // the one it asks for: the statement's next
	State       RetryState `db:"state"`
	AskedBy     string     `db:"asked_by"`
	DecidedBy   string     `db:"decided_by"` // "" while REQUESTED
	Reason      string     `db:"reason"`
	CreatedAt   time.Time  `db:"created_at"`
	UpdatedAt   time.Time  `db:"updated_at"`
}

// LogValue keeps what an operator wrote out of logs.
func (r Retry) LogValue() slog.Value { return slog.StringValue(r.ID) }

// wellFormed looks at what has to hold for a retry to be stored at all.
func (r NewRetry) wellFormed() *errs.Error {
	switch {
	case !id.Valid(id.PayoutRetry, r.ID):
		return errs.InvalidField("/id", errs.FieldFormat)
	case !id.Valid(id.Statement, r.StatementID):
		return errs.StatementNotFound
	case r.Reason == "":
		return errs.InvalidField("/reason", errs.FieldRequired)
	case !utf8.ValidString(r.Reason):
		return errs.InvalidField("/reason", errs.FieldFormat, "expected", "text")
	case utf8.RuneCountInString(r.Reason) > maxReasonRunes:
		return errs.InvalidField("/reason", errs.FieldTooLong, "max", strconv.Itoa(maxReasonRunes))
	default:
		return wellFormedOperator("/askedBy", r.AskedBy)
	}
}

// retryOpen is told as the state of a pay-out that somebody has asked to retry already.
const retryOpen = "RETRY_REQUESTED"

// AlreadyAsked is the refusal of a second open retry.
func AlreadyAsked() *errs.Error { return errs.PayoutNotRetryable.With("state", retryOpen) }

// RequestRetry asks for a statement whose pay-out FAILED or was RETURNED to be paid
// again. It is idempotent by the retry's id. Errors: errs.StatementNotFound,
// errs.PayoutNotRetryable (state), errs.InvalidRequest (/reason, /askedBy, /id).
func (s *Service) RequestRetry(ctx context.Context, n NewRetry) (Retry, error) {
	if bad := n.wellFormed(); bad != nil {
		return Retry{}, bad
	}
	now := s.now()
	r := Retry{ID: n.ID, StatementID: n.StatementID, State: RetryRequested, AskedBy: n.AskedBy, Reason: n.Reason, CreatedAt: now, UpdatedAt: now}
	r, err := s.store.AddRetry(ctx, r, func(r *Retry, st StatementRow) *errs.Error {
		r.Attempt = st.Attempt + 1
		return retryable(st, r.Attempt)
	})
	if errors.Is(err, ErrNotFound) {
		return Retry{}, errs.StatementNotFound
	}
	return r, err
}

// retryable tells whether this attempt may follow on a statement's ended one.
func retryable(st StatementRow, attempt int) *errs.Error {
	if !st.PayoutState.Retryable() || st.Attempt+1 != attempt || attempt > maxAttempts {
		return errs.PayoutNotRetryable.With("state", st.PayoutState)
	}
	return nil
}

// ApproveRetry lets a second operator have a statement paid again: its pay-out is
// SCHEDULED with the retry's attempt, which then is due at once. It is idempotent for the same
// operator. Errors: errs.PayoutRetryNotFound, errs.SecondOperatorRequired,
// errs.PayoutNotRetryable (state), errs.ConcurrentEdit (state) when it is decided otherwise.
func (s *Service) ApproveRetry(ctx context.Context, retryID, approver string) (Retry, error) {
	now := s.now()
	return s.decideRetry(ctx, retryID, approver, func(r *Retry, st *StatementRow) *errs.Error {
		if approver == r.AskedBy {
			return errs.SecondOperatorRequired
		}
		if done, refusal := r.decide(RetryApproved, approver, now); done || refusal != nil {
			return refusal
		}
		if no := retryable(*st, r.Attempt); no != nil {
			return no
		}
		st.ShowPayout(record.Move{State: record.Requested}, now)
		st.Attempt, st.FirmbankingID = r.Attempt, ""
		return nil
	})
}

// RejectRetry closes a retry without paying; whoever asked may take it back so. It is
// idempotent for the same operator. Errors: errs.PayoutRetryNotFound,
// errs.ConcurrentEdit (state) when it is decided otherwise.
func (s *Service) RejectRetry(ctx context.Context, retryID, operator string) (Retry, error) {
	now := s.now()
	return s.decideRetry(ctx, retryID, operator, func(r *Retry, _ *StatementRow) *errs.Error {
		_, refusal := r.decide(RetryRejected, operator, now)
		return refusal
	})
}

func (s *Service) decideRetry(ctx context.Context, retryID, operator string, decide func(*Retry, *StatementRow) *errs.Error) (Retry, error) {
	if bad := wellFormedOperator("/operator", operator); bad != nil {
		return Retry{}, bad
	}
	r, err := s.store.DecideRetry(ctx, retryID, decide)
	return r, retryNotFound(err)
}

// decide closes an open retry; done tells that the same operator has done so before.
func (r *Retry) decide(next RetryState, operator string, at time.Time) (done bool, refusal *errs.Error) {
	switch {
	case r.State == RetryRequested:
		r.State, r.DecidedBy, r.UpdatedAt = next, operator, at
		return false, nil
	case r.State == next && r.DecidedBy == operator:
		return true, nil
	default:
		return false, errs.ConcurrentEdit.With("state", r.State)
	}
}

// FindRetry gives a retry to operators. Errors: errs.PayoutRetryNotFound.
func (s *Service) FindRetry(ctx context.Context, retryID string) (Retry, error) {
	r, err := s.store.FindRetry(ctx, retryID)
	return r, retryNotFound(err)
}

// ListRetries gives a statement's last 100 retries to operators, newest first. Errors:
// errs.StatementNotFound.
func (s *Service) ListRetries(ctx context.Context, statementID string) ([]Retry, error) {
	if _, err := s.FindStatement(ctx, Scope{}, statementID); err != nil {
		return nil, err
	}
	return s.store.ListRetries(ctx, statementID, maxRetriesListed)
}

func retryNotFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return errs.PayoutRetryNotFound
	}
	return err
}
