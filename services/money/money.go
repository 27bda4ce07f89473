// Package money has the members' wallets: stored value kept in the ledger, and the
// requests to fill it (top-up) and to pay it back to a bank account (withdrawal).
package money

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"durapay/errs"
	"durapay/internal/batch"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/services/money/ledger"
)

// The most that may be in a wallet, in won [전자금융거래법 시행령 §13(1)].
const (
	LimitUnverified int64 = 500_000
	LimitVerified   int64 = 2_000_000 // issued under a verified real name
)

// MaxAmount is the most one top-up or withdrawal moves, in won: no wallet holds more.
const MaxAmount = LimitVerified

// Limit gives the most that may be in a wallet of this tier, in won.
func Limit(verified bool) int64 {
	if verified {
		return LimitVerified
	}
	return LimitUnverified
}

// Options are what a Service needs besides its store; zero values mean the defaults.
type Options struct {
	Now func() time.Time // time.Now unless set
}

// maxRows bounds one group-committed statement.
const maxRows = 200

// Service is the door to wallets and their requests. It is safe for concurrent use.
type Service struct {
	store  Store
	ledger *ledger.Ledger
	now    func() time.Time
	begins *batch.Group[Request, Request]
	moves  *batch.Group[record.Move, error]
}

// New makes a Service.
func New(store Store, l *ledger.Ledger, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Service{store: store, ledger: l, now: func() time.Time { return o.Now().UTC().Truncate(time.Microsecond) }}
	s.begins = batch.New(maxRows, s.insert)
	s.moves = batch.New(maxRows, s.move)
	return s
}

// OpenWallets opens a wallet for each member, once. The failures are in the order of
// the wallets, zero for an opened one; opening again under the same OnceRef is the
// same success, under another one errs.WalletExists.
// Errors: as ledger.Ledger.Do.
func (s *Service) OpenWallets(ctx context.Context, wallets []OpenWallet) ([]record.Failure, error) {
	cmds := make([]ledger.Command, len(wallets))
	for i, w := range wallets {
		cmds[i] = w.command()
	}
	results, err := s.ledger.Do(ctx, cmds)
	if err != nil {
		return nil, fmt.Errorf("open wallets: %w", err)
	}
	failures := make([]record.Failure, len(results))
	for i, r := range results {
		failures[i] = r.Refusal
	}
	return failures, nil
}

// CloseUnusedWallets undoes OpenWallets under the same ref, also when that has not
// arrived yet: it will then be refused. Wallets opened under another ref are not touched.
// Errors: errs.LedgerAccountUsed when one was used since, and therefore stays (the
// others are closed); as ledger.Ledger.Do.
func (s *Service) CloseUnusedWallets(ctx context.Context, membershipIDs []string, onceRef string) error {
	cmds := make([]ledger.Command, len(membershipIDs))
	for i, m := range membershipIDs {
		ref := openRef(onceRef, m)
		cmds[i] = ledger.Command{Op: ledger.OpClose, Ref: ref + "/undone", OpenRef: ref}
	}
	results, err := s.ledger.Do(ctx, cmds)
	if err != nil {
		return fmt.Errorf("close wallets: %w", err)
	}
	for _, r := range results {
		if !r.Done() {
			return r.Refusal.Err()
		}
	}
	return nil
}

// RaiseLimit gives the wallet the limit of its owner's tier, and never lowers it.
// Errors: errs.WalletNotFound; as ledger.Ledger.Do.
func (s *Service) RaiseLimit(ctx context.Context, membershipID string, verified bool) error {
	w, err := s.Balance(ctx, membershipID)
	if err != nil {
		return err
	}
	wanted := Limit(verified)
	if w.Limit >= wanted {
		return nil
	}
	results, err := s.ledger.Do(ctx, []ledger.Command{w.raise(wanted)})
	if err != nil {
		return fmt.Errorf("raise limit: %w", err)
	}
	if !results[0].Done() {
		return results[0].Refusal.Err()
	}
	return nil
}

// Balance reads a wallet: one query, nothing written.
// Errors: errs.WalletNotFound.
func (s *Service) Balance(ctx context.Context, membershipID string) (Wallet, error) {
	a, err := s.store.Account(ctx, ledger.WalletAccount(membershipID))
	if err != nil {
		return Wallet{}, walletError("balance", membershipID, err)
	}
	return walletOf(membershipID, a), nil
}

// BalanceAt reads what was in a wallet at a time, from the journal: Held, Available
// and Limit are zero. One query.
// Errors: errs.WalletNotFound, also for a time before the wallet was opened.
func (s *Service) BalanceAt(ctx context.Context, membershipID string, at time.Time) (Wallet, error) {
	a, err := s.store.AccountAt(ctx, ledger.WalletAccount(membershipID), at)
	if err != nil {
		return Wallet{}, walletError("balance at", membershipID, err)
	}
	return Wallet{MembershipID: membershipID, Balance: a.Balance, Currency: Currency, CreatedAt: a.OpenedAt}, nil
}

// History lists what moved a wallet's balance, newest first: one query for a page.
// Errors: errs.WalletNotFound, errs.InvalidRequest (cursor).
func (s *Service) History(ctx context.Context, membershipID string, p page.Request) (page.Page[Transaction], error) {
	rows, err := s.store.History(ctx, ledger.WalletAccount(membershipID), p)
	if err != nil {
		return page.Page[Transaction]{}, fmt.Errorf("history of %s: %w", membershipID, err)
	}
	if len(rows) == 0 { // an empty page, or no wallet at all
		if _, err := s.Balance(ctx, membershipID); err != nil {
			return page.Page[Transaction]{}, err
		}
	}
	paged := page.Of(rows, p.Limit, func(r HistoryRow) page.Cursor {
		return page.Cursor{At: r.At, ID: strconv.FormatInt(r.Seq, 10) + "." + strconv.Itoa(r.Line)}
	})
	out := page.Page[Transaction]{Items: make([]Transaction, len(paged.Items)), Next: paged.Next}
	for i, r := range paged.Items {
		out.Items[i] = r.transaction()
	}
	return out, nil
}

// Post passes commands through to the ledger, so that flows have one door.
// Results and errors: as ledger.Ledger.Do.
func (s *Service) Post(ctx context.Context, cmds []ledger.Command) ([]ledger.Result, error) {
	return s.ledger.Do(ctx, cmds)
}

// walletError tells a missing wallet from trouble.
func walletError(op, membershipID string, err error) error {
	if errors.Is(err, errs.WalletNotFound) {
		return errs.WalletNotFound.With("membershipId", membershipID)
	}
	return fmt.Errorf("%s of %s: %w", op, membershipID, err)
}
