package money

import (
	"context"
	"fmt"
	"time"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
)

// RequestType tells top-ups from withdrawals.
type RequestType string

// The types of requests.
const (
	TypeTopUp      RequestType = "TOP_UP"
	TypeWithdrawal RequestType = "WITHDRAWAL"
)

// prefix is what the ids of a type begin with.
func (t RequestType) prefix() string {
	switch t {
	case TypeTopUp:
		return id.TopUp
	case TypeWithdrawal:
		return id.Withdrawal
	default:
		return ""
	}
}

// Request is a member's wish to move money between the wallet and a linked account.
type Request struct {
	ID            string // top_… or wdr_…
	Type          RequestType
	MembershipID  string
	BankAccountID string
	Amount        int64 // won
	Fingerprint   string
	State         record.State
	Failure       record.Failure
	Until         time.Time
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// Begin stores the requests as REQUESTED, or gives back what is stored under their
// ids: the caller compares the fingerprints. Concurrent callers share a statement.
// Round trips of a shared run: 1; 3 when some were stored before.
// Errors: errs.InvalidRequest; errs.Busy and errs.ServiceUnavailable, after which the
// requests may be stored: begin again.
func (s *Service) Begin(ctx context.Context, requests []Request) ([]Request, error) {
	fresh := make([]Request, len(requests))
	for i, r := range requests {
		if err := r.check(); err != nil {
			return nil, err
		}
		r.State, r.Failure, r.Until = record.Requested, record.Failure{}, time.Time{}
		fresh[i] = r
	}
	stored, err := inChunks(fresh, func(part []Request) ([]Request, error) { return s.begins.Do(ctx, part) })
	if err != nil {
		return nil, fmt.Errorf("begin requests: %w", err)
	}
	return stored, nil
}

// check keeps out whatever the database would refuse: one bad row must not fail the
// statement that others share.
func (r Request) check() error {
	switch {
	case r.Type.prefix() == "":
		return errs.InvalidField("/type", errs.FieldNotOneOf, "allowed", "TOP_UP, WITHDRAWAL")
	case !id.Valid(r.Type.prefix(), r.ID):
		return errs.InvalidField("/id", errs.FieldFormat)
	case !id.Valid(id.Member, r.MembershipID):
		return errs.InvalidField("/membershipId", errs.FieldFormat)
	case !id.Valid(id.BankAccount, r.BankAccountID):
		return errs.InvalidField("/bankAccountId", errs.FieldFormat)
	case r.Amount < 1:
		return errs.InvalidField("/amount", errs.FieldTooSmall, "min", "1")
	case r.Amount > MaxAmount:
		return errs.InvalidField("/amount", errs.FieldTooLarge, "max", fmt.Sprint(MaxAmount))
	case len(r.Fingerprint) > maxFingerprint:
		return errs.InvalidField("/fingerprint", errs.FieldTooLong)
	default:
		return nil
	}
}

const maxFingerprint = 128 // ASCII characters

// insert stores a run of requests; the first of several with one id wins.
func (s *Service) insert(ctx context.Context, requests []Request) ([]Request, error) {
	now := s.now()
	byID := make(map[string]Request, len(requests))
	unique := make([]Request, 0, len(requests))
	for _, r := range requests {
		if _, twice := byID[r.ID]; twice {
			continue
		}
		r.CreatedAt, r.UpdatedAt = now, now
		byID[r.ID] = r
		unique = append(unique, r)
	}
	found, err := s.store.InsertRequests(ctx, unique)
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		byID[r.ID] = r
	}
	out := make([]Request, len(requests))
	for i, r := range requests {
		out[i] = byID[r.ID]
	}
	return out, nil
}

// Move changes the requests' states, each on its own. Repeating a move is harmless.
// Concurrent callers share a statement. Round trips of a shared run: 1; 2 when some
// were moved before or may not move.
// Errors: errs.TopUpNotFound, errs.WithdrawalNotFound; errs.ConcurrentEdit for a move
// that record.State.CanBecome forbids, with id, from and to; errs.Busy and
// errs.ServiceUnavailable, after which they may have moved: move again.
func (s *Service) Move(ctx context.Context, moves []record.Move) error {
	for _, m := range moves {
		if err := checkMove(m); err != nil {
			return err
		}
	}
	outcomes, err := inChunks(moves, func(part []record.Move) ([]error, error) { return s.moves.Do(ctx, part) })
	if err != nil {
		return fmt.Errorf("move requests: %w", err)
	}
	for _, outcome := range outcomes {
		if outcome != nil {
			return outcome
		}
	}
	return nil
}

// checkMove keeps out whatever the database would refuse.
func checkMove(m record.Move) error {
	switch {
	case !m.State.Valid(), m.State == record.Requested:
		return errs.InternalError.With("id", m.ID).With("state", m.State)
	case (m.State == record.Waiting) == m.Until.IsZero():
		return errs.InternalError.With("id", m.ID).With("until", m.Until)
	case m.State == record.Failed && !m.Failure.Is():
		return errs.InternalError.With("id", m.ID).With("failure", "missing")
	default:
		return nil
	}
}

// move does a run of moves. Several moves of one request are done in their order, in
// one round each.
func (s *Service) move(ctx context.Context, moves []record.Move) ([]error, error) {
	outcomes := make([]error, len(moves))
	left := make([]int, len(moves))
	for i := range moves {
		left[i] = i
	}
	for len(left) > 0 { // each round does at least one
		var round []int
		round, left = firstOfEach(moves, left)
		if err := s.moveRound(ctx, moves, round, outcomes); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

// firstOfEach splits the places into the first of each request and the rest.
func firstOfEach(moves []record.Move, places []int) (first, rest []int) {
	seen := make(map[string]bool, len(places))
	for _, i := range places {
		if seen[moves[i].ID] {
			rest = append(rest, i)
			continue
		}
		seen[moves[i].ID] = true
		first = append(first, i)
	}
	return first, rest
}

func (s *Service) moveRound(ctx context.Context, moves []record.Move, places []int, outcomes []error) error {
	round := make([]record.Move, len(places))
	for i, place := range places {
		round[i] = moves[place]
	}
	changed, err := s.store.MoveRequests(ctx, round, s.now())
	if err != nil || changed == len(round) {
		return err
	}
	ids := make([]string, len(round))
	for i, m := range round {
		ids[i] = m.ID
	}
	states, err := s.store.States(ctx, ids)
	if err != nil {
		return err
	}
	for i, place := range places {
		outcomes[place] = moved(round[i], states)
	}
	return nil
}

// moved tells, from the states after a round, whether a request is where it was to go.
// A round touches each request once; so one that is not there could not go there.
func moved(m record.Move, states map[string]record.State) error {
	switch now, ok := states[m.ID]; {
	case !ok:
		return notFound(m.ID)
	case !now.Has(m.State):
		return errs.ConcurrentEdit.With("id", m.ID).With("from", now).With("to", m.State)
	default:
		return nil
	}
}

// Find reads one request: one query.
// Errors: errs.TopUpNotFound or errs.WithdrawalNotFound, by the id's prefix.
func (s *Service) Find(ctx context.Context, requestID string) (Request, error) {
	r, ok, err := s.store.Request(ctx, requestID)
	if err != nil {
		return Request{}, fmt.Errorf("find request: %w", err)
	}
	if !ok {
		return Request{}, notFound(requestID)
	}
	return r, nil
}

// List lists a member's requests of one type, newest first: one query for a page.
func (s *Service) List(ctx context.Context, membershipID string, t RequestType, p page.Request) (page.Page[Request], error) {
	rows, err := s.store.Requests(ctx, membershipID, t, p)
	if err != nil {
		return page.Page[Request]{}, fmt.Errorf("list requests: %w", err)
	}
	return page.Of(rows, p.Limit, func(r Request) page.Cursor { return page.Cursor{At: r.CreatedAt, ID: r.ID} }), nil
}

func notFound(requestID string) *errs.Error {
	if id.Prefix(requestID) == id.Withdrawal {
		return errs.WithdrawalNotFound
	}
	return errs.TopUpNotFound
}

// inChunks does the items in runs of at most maxRows.
func inChunks[In, Out any](items []In, do func([]In) ([]Out, error)) ([]Out, error) {
	outs := make([]Out, 0, len(items))
	for len(items) > 0 {
		n := min(len(items), maxRows)
		part, err := do(items[:n])
		if err != nil {
			return nil, err
		}
		outs, items = append(outs, part...), items[n:]
	}
	return outs, nil
}
