package membership

import (
	"context"
	"encoding/base64"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"
	"golang.org/x/sync/semaphore"

	"durapay/errs"
)

// defaultArgon2 is OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
var defaultArgon2 = argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// hasher hashes passwords. Each run takes a core and its memory, so only as many run at once as there are cores: a
// flood of sign-ins queues here instead of exhausting the machine.
type hasher struct {
	params argon2id.Params
	slots  *semaphore.Weighted
	nobody string // a hash that takes as long to compare as a member's
}

func newHasher(p argon2id.Params) *hasher {
	b64 := base64.RawStdEncoding
	return &hasher{
		params: p,
		slots:  semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
		nobody: fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.Memory, p.Iterations, p.Parallelism,
			b64.EncodeToString(make([]byte, p.SaltLength)), b64.EncodeToString(make([]byte, p.KeyLength))),
	}
}

// inSlot runs work when a core is free. Errors: errs.RequestTimeout when ctx ends first.
func (h *hasher) inSlot(ctx context.Context, work func() error) error {
	if err := h.slots.Acquire(ctx, 1); err != nil {
		return errs.RequestTimeout.Because(err)
	}
	defer h.slots.Release(1)
	return work()
}

func (h *hasher) hash(ctx context.Context, password string) (hash string, err error) {
	err = h.inSlot(ctx, func() error {
		hash, err = argon2id.CreateHash(normalPassword(password), &h.params)
		return err
	})
	return hash, err
}

func (h *hasher) matches(ctx context.Context, password, hash string) (match bool, err error) {
	err = h.inSlot(ctx, func() error {
		match, err = h.compare(password, hash)
		return err
	})
	return match, err
}

// compare is matches for a caller that holds a slot.
func (h *hasher) compare(password, hash string) (bool, error) {
	match, err := argon2id.ComparePasswordAndHash(normalPassword(password), hash)
	if err != nil {
		return false, fmt.Errorf("compare a password: %w", err)
	}
	return match, nil
}

// outdated tells whether a hash was made with other parameters than those in force. It would give its member away by
// the time it takes, and is to be made anew when the password is at hand.
func (h *hasher) outdated(hash string) bool {
	params, _, _, err := argon2id.DecodeHash(hash)
	return err == nil && *params != h.params
}
