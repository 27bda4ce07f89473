package settlement

import (
	"context"

	"durapay/errs"
)

// BindKey remembers what a key has asked for first, and refuses it for anything else.
// The run of a date is named by the date, so the key has to be kept beside it. One round
// trip for a new key, two for a known one. Errors: errs.IdempotencyReused;
// infrastructure trouble.
func (s *Service) BindKey(ctx context.Context, keyID, fingerprint string) error {
	first, err := s.store.BindKey(ctx, keyID, fingerprint, s.now())
	if err != nil {
		return err
	}
	if first != fingerprint {
		return errs.IdempotencyReused
	}
	return nil
}
