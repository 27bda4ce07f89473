package franchise

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"durapay/errs"
	"durapay/internal/bankaccount"
	"durapay/internal/id"
	"durapay/internal/record"
)

// Payout is the account a franchise is paid out to.
type Payout struct {
	BankCode   string
	Number     string // digits; as people write it when it is asked for: hyphens do not count
	HolderName string
}

// Normal gives the one way of writing it: no hyphens, no spaces around.
func (p Payout) Normal() Payout {
	return Payout{
		BankCode:   strings.TrimSpace(p.BankCode),
		Number:     bankaccount.NormalNumber(p.Number),
		HolderName: strings.TrimSpace(p.HolderName),
	}
}

// MaskedNumber shows the last four digits.
func (p Payout) MaskedNumber() string {
	return bankaccount.Masked(p.Number)
}

// LogValue keeps number and name out of logs.
func (p Payout) LogValue() slog.Value { return slog.StringValue("bank " + p.BankCode) }

// PayoutChange is a request to be paid out to another account.
type PayoutChange struct {
	ID          string
	FranchiseID string
	Payout      Payout
	Fingerprint string
	State       record.State
	Refusal     record.Failure // why it cannot succeed; decided when it began, and for good
	Failure     record.Failure // how it ended
	Until       time.Time      // for WAITING; zero otherwise
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// LogValue keeps number and name out of logs.
func (c PayoutChange) LogValue() slog.Value { return slog.StringValue(c.ID) }

// CheckPayout looks at an account a client has typed in. Errors: errs.InvalidRequest
// with the pointers /bankCode, /accountNumber and /holderName.
func (s *Service) CheckPayout(p Payout) *errs.Error {
	var f fields
	f.payout("", p.Normal())
	return f.err()
}

// BeginPayoutChanges stores changes as REQUESTED, or gives back the stored ones of those
// that came before. A change is stored with a Refusal, and can only fail, when the
// franchise is not registered (errs.FranchiseNotFound) or another change of its is on
// the way (errs.ConcurrentEdit): of two at once the slower bank would decide. Of each
// change ID, FranchiseID, Payout and Fingerprint are read. Errors: errs.InvalidRequest;
// infrastructure trouble.
func (s *Service) BeginPayoutChanges(ctx context.Context, changes []PayoutChange) ([]PayoutChange, error) {
	now := s.now()
	rows := make([]PayoutChangeRow, len(changes))
	for i, c := range changes {
		if bad := s.wellFormedChange(c); bad != nil {
			return nil, bad
		}
		var err error
		if rows[i], err = s.sealer.newPayoutChange(c, now); err != nil {
			return nil, err
		}
	}
	stored, err := s.store.BeginPayoutChanges(ctx, rows)
	if err != nil {
		return nil, err
	}
	outs := make([]PayoutChange, len(stored))
	for i, row := range stored {
		if outs[i], err = s.sealer.openPayoutChange(row); err != nil {
			return nil, err
		}
	}
	return outs, nil
}

func (s *Service) wellFormedChange(c PayoutChange) *errs.Error {
	switch {
	case !id.Valid(id.PayoutChange, c.ID):
		return errs.InvalidField("/id", errs.FieldFormat)
	case !id.Valid(id.Franchise, c.FranchiseID):
		return errs.InvalidField("/franchiseId", errs.FieldFormat, "expected", "the id of a franchise")
	case len(c.Fingerprint) > maxFingerprintLen:
		return errs.InvalidField("/fingerprint", errs.FieldTooLong)
	default:
		return s.CheckPayout(c.Payout)
	}
}

// MovePayoutChanges changes the states of changes as record.State.CanBecome allows.
// SUCCEEDED gives the franchise its new, verified account in the same transaction. It
// is idempotent, and all allowed moves are made. Errors: the first refused move's
// errs.PayoutChangeNotFound or errs.ConcurrentEdit, or infrastructure trouble.
func (s *Service) MovePayoutChanges(ctx context.Context, moves []record.Move) error {
	return firstOf(s.store.MovePayoutChanges(ctx, moves, s.now()))
}

// FindPayoutChange gives a change of this franchise's; "" is an operator. Errors:
// errs.PayoutChangeNotFound.
func (s *Service) FindPayoutChange(ctx context.Context, franchiseID, id string) (PayoutChange, error) {
	row, err := s.store.FindPayoutChange(ctx, id)
	if err != nil {
		return PayoutChange{}, orElse(err, errs.PayoutChangeNotFound)
	}
	if franchiseID != "" && franchiseID != row.FranchiseID {
		return PayoutChange{}, errs.PayoutChangeNotFound
	}
	return s.sealer.openPayoutChange(row)
}
