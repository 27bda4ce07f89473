// Package banking links members' bank accounts and moves money between them and the
// platform's corporate account (firm banking).
//
// Two rules rule everything here. A transfer is handed to a bank at most once: its row
// is stored first, and only the caller that turns it from REQUESTED to SENT calls the
// bank. And an unknown outcome is unknown: it is asked for by our own reference until
// the bank tells it, or until the bank can no longer have carried it out.
package banking

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"durapay/errs"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/internal/secret"
)

// CorporateAccount is the platform's own account, the other side of every transfer.
type CorporateAccount struct {
	BankCode string
	Number   string // digits only
}

// The defaults of Options.
const (
	DefaultTransferValidity = 10 * time.Second
	DefaultClockMargin      = time.Minute
)

// Options are what differs between deployments.
type Options struct {
	Now       func() time.Time // nil means time.Now
	Log       *slog.Logger     // nil means slog.Default()
	Corporate CorporateAccount
	// TransferValidity is how long after it was sent a bank may still take a transfer.
	TransferValidity time.Duration
	// ClockMargin is how far the clock of a bank that does not tell its time may lag
	// behind ours.
	ClockMargin time.Duration
	// WindowsFile is a table of maintenance windows (ParseWindows) that is read again
	// whenever it changes; "" means the built-in one.
	WindowsFile string
}

// Service has the use cases of banking.
type Service struct {
	store  Store
	bank   Bank
	sealer sealer
	o      Options

	windows *windowsSource
}

// New makes a Service.
func New(store Store, bank Bank, ring *secret.KeyRing, index *secret.Indexer, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.TransferValidity == 0 {
		o.TransferValidity = DefaultTransferValidity
	}
	if o.ClockMargin == 0 {
		o.ClockMargin = DefaultClockMargin
	}
	return &Service{store: store, bank: bank, sealer: sealer{ring: ring, index: index}, o: o,
		windows: newWindowsSource(o.WindowsFile, o.Log)}
}

// now is the time as the database keeps it.
func (s *Service) now() time.Time { return s.o.Now().UTC().Truncate(time.Microsecond) }

// Verify asks the bank whether the account exists, is open, and is held by that name.
// The zero Failure says yes; otherwise it is a bank_ code. Errors: errs.InvalidRequest;
// errs.BankUnreachable (worth a retry) when the bank gave no answer.
func (s *Service) Verify(ctx context.Context, ref BankAccountRef) (record.Failure, error) {
	if err := ref.Check(); err != nil {
		return record.Failure{}, err
	}
	result, err := s.bank.Verify(ctx, ref.Normal())
	if err != nil {
		return record.Failure{}, errs.BankUnreachable.Because(err)
	}
	failure, known := result.failure()
	if !known {
		return record.Failure{}, errs.BankUnreachable.Because(errors.New("the bank's result of a verification is not a known one"))
	}
	return failure, nil
}

// LinkAccounts stores accounts that were verified, with the consent to debit them. It
// is idempotent by id. The outcome of each is the zero Failure,
// errs.BankAccountDuplicate while anyone has the same real account linked,
// errs.IdempotencyReused when its id is another account's, or errs.InvalidRequest.
// All new: one round trip. Errors: infrastructure trouble only.
func (s *Service) LinkAccounts(ctx context.Context, accounts []NewAccount) ([]record.Failure, error) {
	outs := make([]record.Failure, len(accounts))
	var rows []AccountRow
	var places []int
	for i, n := range accounts {
		if err := n.Check(); err != nil {
			outs[i] = record.FailureOf(errs.Of(err))
			continue
		}
		row, err := s.sealer.newAccount(n, s.now())
		if err != nil {
			return nil, err
		}
		rows, places = append(rows, row), append(places, i)
	}
	err := s.store.AddAccounts(ctx, rows)
	if err == nil || !errors.Is(err, ErrLinked) && !errors.Is(err, ErrIDTaken) {
		return outs, err
	}
	for i, row := range rows { // one of them clashes: find out which, one by one
		if outs[places[i]], err = s.linkOne(ctx, row); err != nil {
			return nil, err
		}
	}
	return outs, nil
}

func (s *Service) linkOne(ctx context.Context, row AccountRow) (record.Failure, error) {
	err := s.store.AddAccounts(ctx, []AccountRow{row})
	switch {
	case errors.Is(err, ErrLinked):
		return record.FailureOf(errs.BankAccountDuplicate), nil
	case errors.Is(err, ErrIDTaken):
		return s.linkedBefore(ctx, row)
	default:
		return record.Failure{}, err
	}
}

// linkedBefore decides on an id that is stored already.
func (s *Service) linkedBefore(ctx context.Context, row AccountRow) (record.Failure, error) {
	stored, err := s.store.Accounts(ctx, []string{row.ID})
	if err != nil {
		return record.Failure{}, err
	}
	if len(stored) != 1 || !stored[0].sameAs(row) {
		return record.FailureOf(errs.IdempotencyReused), nil
	}
	return record.Failure{}, nil
}

// FindAccount gives a member's account, linked or not any more; membershipID "" is an
// operator's, who sees all. Errors: errs.BankAccountNotFound for an unknown or foreign one.
func (s *Service) FindAccount(ctx context.Context, membershipID, id string) (Account, error) {
	rows, err := s.store.Accounts(ctx, []string{id})
	if err != nil {
		return Account{}, err
	}
	if len(rows) == 0 || membershipID != "" && rows[0].MembershipID != membershipID {
		return Account{}, errs.BankAccountNotFound
	}
	return s.sealer.openAccount(rows[0])
}

// ListAccounts gives a member's accounts, linked and unlinked, newest first.
func (s *Service) ListAccounts(ctx context.Context, membershipID string, r page.Request) (page.Page[Account], error) {
	rows, err := s.store.ListAccounts(ctx, membershipID, r)
	if err != nil {
		return page.Page[Account]{}, err
	}
	accounts := make([]Account, len(rows))
	for i, row := range rows {
		if accounts[i], err = s.sealer.openAccount(row); err != nil {
			return page.Page[Account]{}, err
		}
	}
	return page.Of(accounts, r.Limit, func(a Account) page.Cursor { return page.Cursor{At: a.CreatedAt, ID: a.ID} }), nil
}

// Unlink revokes the consent; the account stays readable, and the same real account can
// be linked anew. It is idempotent. Errors: errs.BankAccountNotFound.
func (s *Service) Unlink(ctx context.Context, membershipID, id string) (Account, error) {
	if membershipID == "" { // only a member can revoke
		return Account{}, errs.BankAccountNotFound
	}
	if err := s.store.Unlink(ctx, membershipID, id, s.now()); err != nil {
		return Account{}, err
	}
	return s.FindAccount(ctx, membershipID, id)
}

// AuthorizeAccounts decides whether members may use these linked accounts, and tells
// the bank of each. Failures: errs.BankAccountNotFound (unknown or foreign),
// errs.BankAccountUnlinked. One round trip. Errors: infrastructure trouble only.
func (s *Service) AuthorizeAccounts(ctx context.Context, uses []AccountUse) ([]AccountGrant, error) {
	ids := make([]string, len(uses))
	for i, u := range uses {
		ids[i] = u.BankAccountID
	}
	byID, err := s.accountsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	grants := make([]AccountGrant, len(uses))
	for i, u := range uses {
		a, found := byID[u.BankAccountID]
		grants[i] = grant(u, a, found)
	}
	return grants, nil
}

func (s *Service) accountsByID(ctx context.Context, ids []string) (map[string]AccountRow, error) {
	rows, err := s.store.Accounts(ctx, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]AccountRow, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	return byID, nil
}

// BeginLinks stores requests to link an account as REQUESTED, or gives back the stored
// rows of those that came before: the caller compares fingerprints. All new: one round trip.
func (s *Service) BeginLinks(ctx context.Context, links []LinkRecord) ([]LinkRecord, error) {
	now := s.now()
	rows := make([]LinkRecord, len(links))
	for i, l := range links {
		rows[i] = LinkRecord{ID: l.ID, MembershipID: l.MembershipID, Fingerprint: l.Fingerprint,
			State: record.Requested, CreatedAt: now, UpdatedAt: now}
	}
	return s.store.BeginLinks(ctx, rows)
}

// MoveLinks changes the states of requests, idempotently; all allowed moves are made.
// One round trip when all are. Errors: the first refused move's errs.FlowNotFound or
// errs.ConcurrentEdit, or infrastructure trouble.
func (s *Service) MoveLinks(ctx context.Context, moves []record.Move) error {
	outs, err := s.store.MoveLinks(ctx, moves, s.now())
	if err != nil {
		return err
	}
	return firstOf(outs)
}

func firstOf(outs []error) error {
	for _, err := range outs {
		if err != nil {
			return err
		}
	}
	return nil
}

// FindLink gives a request to link an account. Errors: errs.BankAccountNotFound.
func (s *Service) FindLink(ctx context.Context, id string) (LinkRecord, error) {
	link, err := s.store.FindLink(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return LinkRecord{}, errs.BankAccountNotFound
	}
	return link, err
}
