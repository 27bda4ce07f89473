package audit

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// limitVerified is the legal most that a wallet may hold, in won, under a verified real
// name [전자금융거래법 시행령 §13(1)].
const limitVerified int64 = 2_000_000

const walletPrefix = "wallet/"

// accountRow is a row of ledger_accounts.
type accountRow struct {
	ID         string    `db:"id"`
	Kind       string    `db:"kind"`
	State      string    `db:"state"`
	Floor      int64     `db:"floor"`
	Ceiling    int64     `db:"ceiling"`
	Balance    int64     `db:"balance"`
	PendingOut int64     `db:"pending_out"`
	PendingIn  int64     `db:"pending_in"`
	OpenedSeq  int64     `db:"opened_seq"`
	OpenedAt   time.Time `db:"opened_at"`
	LastSeq    int64     `db:"last_seq"`
}

const accountColumns = `id, kind, state, floor, ceiling, balance, pending_out, pending_in, opened_seq, opened_at, last_seq`

func (a *accountRow) isWallet() bool {
	return a.Kind == "WALLET" || strings.HasPrefix(a.ID, walletPrefix)
}

func (a *accountRow) member() string { return strings.TrimPrefix(a.ID, walletPrefix) }

// ledgerAccounts is the reading of all accounts, each with its entries: I2 and I3.
type ledgerAccounts struct {
	*auditor
	entries *feed[entryRow]
	open    map[string]pending
	orphan  string // the last account of entries that has no row
	counts  struct{ accounts, entries, wallets, closed, inWallets int64 }
}

func (a *auditor) readAccounts(ctx context.Context) error {
	open, holds, err := a.openHolds(ctx)
	if err != nil {
		return err
	}
	r := &ledgerAccounts{auditor: a, entries: entriesByAccount(a.frozen.money), open: open}
	feed := accountFeed(a.frozen.money)
	err = feed.pages(ctx, func(page []accountRow) error {
		for i := range page {
			if err := r.account(ctx, &page[i]); err != nil {
				return err
			}
		}
		return r.walletPage(ctx, page)
	})
	if err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	if err := r.orphans(ctx, ""); err != nil {
		return err
	}
	for id := range r.open {
		a.balances.breach(id, "has open holds and no account")
	}
	return r.tell(ctx, holds)
}

func accountFeed(r reader) *feed[accountRow] {
	const q = `SELECT ` + accountColumns + ` FROM ledger_accounts WHERE id > ? ORDER BY id LIMIT ?`
	return &feed[accountRow]{fetch: func(ctx context.Context, after *accountRow) ([]accountRow, error) {
		behind := ""
		if after != nil {
			behind = after.ID
		}
		var rows []accountRow
		err := r.SelectContext(ctx, &rows, q, behind, pageRows)
		return rows, err
	}}
}

// entriesByAccount reads each account's entries in the order of the journal.
func entriesByAccount(r reader) *feed[entryRow] {
	const columns = `SELECT ` + entryColumns + ` FROM ledger_entries FORCE INDEX (ledger_entries_account)`
	const order = ` ORDER BY account_id, at, seq, line LIMIT ?`
	const behind = ` WHERE account_id > ? OR (account_id = ? AND (at > ? OR (at = ? AND (seq > ? OR (seq = ? AND line > ?)))))`
	return &feed[entryRow]{fetch: func(ctx context.Context, after *entryRow) ([]entryRow, error) {
		var rows []entryRow
		if after == nil {
			err := r.SelectContext(ctx, &rows, columns+order, pageRows)
			return rows, err
		}
		err := r.SelectContext(ctx, &rows, columns+behind+order,
			after.AccountID, after.AccountID, after.At, after.At, after.Seq, after.Seq, after.Line, pageRows)
		return rows, err
	}}
}

// account holds an account's row against its entries and its open holds.
func (r *ledgerAccounts) account(ctx context.Context, a *accountRow) error {
	if err := r.orphans(ctx, a.ID); err != nil {
		return err
	}
	sum, lastSeq, err := r.sum(ctx, a)
	if err != nil {
		return err
	}
	held := r.open[a.ID]
	delete(r.open, a.ID)
	if a.Balance != sum {
		r.balances.breach(a.ID, "its row says %d won and its entries sum to %d", a.Balance, sum)
	}
	if a.PendingOut != held.out || a.PendingIn != held.in {
		r.balances.breach(a.ID, "its row reserves %d won out and %d in, its open holds %d and %d", a.PendingOut, a.PendingIn, held.out, held.in)
	}
	if a.LastSeq < lastSeq {
		r.balances.breach(a.ID, "its row knows posting %d as its last and was moved by posting %d", a.LastSeq, lastSeq)
	}
	switch a.ID {
	case bankFloat:
		r.floatBalance = a.Balance
	case suspense:
		r.suspense = a.Balance
	}
	r.counts.accounts++
	return nil
}

// sum adds an account's entries up and follows the balances written beside them. The
// first that does not follow is told; those behind it follow from it.
func (r *ledgerAccounts) sum(ctx context.Context, a *accountRow) (sum, lastSeq int64, err error) {
	broken := false
	tell := func(e *entryRow, what string, args ...any) {
		if !broken {
			broken = true
			r.balances.breach(a.ID, "entry %d/%d: %s", e.Seq, e.Line, fmt.Sprintf(what, args...))
		}
	}
	for {
		e, err := r.entries.peek(ctx)
		if err != nil {
			return 0, 0, fmt.Errorf("read entries: %w", err)
		}
		if e == nil || e.AccountID != a.ID {
			return sum, lastSeq, nil
		}
		sum += e.Amount
		if e.BalanceAfter != sum {
			tell(e, "says %d won after it, and it is %d", e.BalanceAfter, sum)
		}
		if e.Seq < lastSeq {
			tell(e, "is out of order")
		}
		if a.isWallet() && sum < 0 {
			r.wallets.breach(a.ID, "was at %d won after posting %d", sum, e.Seq)
		}
		lastSeq = e.Seq
		r.counts.entries++
		r.entries.skip()
	}
}

// orphans tells of the entries before an account that have no account; with "" of all
// that are left.
func (r *ledgerAccounts) orphans(ctx context.Context, before string) error {
	for {
		e, err := r.entries.peek(ctx)
		if err != nil {
			return fmt.Errorf("read entries: %w", err)
		}
		if e == nil || before != "" && e.AccountID >= before {
			return nil
		}
		if e.AccountID != r.orphan {
			r.orphan = e.AccountID
			r.balances.breach(e.AccountID, "has entries and no account")
		}
		r.entries.skip()
	}
}

// memberRow is what the audit may know of a member.
type memberRow struct {
	ID    string `db:"id"`
	State string `db:"state"`
}

const membersByID = `SELECT id, state FROM members WHERE id IN (?)`

// walletPage examines the wallets of a page of accounts with their members and openings.
func (r *ledgerAccounts) walletPage(ctx context.Context, page []accountRow) error {
	var wallets []*accountRow
	var members []string
	for i := range page {
		if a := &page[i]; a.isWallet() {
			wallets, members = append(wallets, a), append(members, a.member())
		}
	}
	known, err := selectIn[memberRow](ctx, r.frozen.membership, membersByID, members)
	if err != nil {
		return fmt.Errorf("members: %w", err)
	}
	exists := make(map[string]bool, len(known))
	for _, m := range known {
		exists[m.ID] = true
	}
	proofs, err := r.proofs(ctx, wallets)
	if err != nil {
		return err
	}
	for _, a := range wallets {
		r.wallet(a, proofs[a.ID])
		if a.State == "OPEN" && !exists[a.member()] {
			r.suspects.add(a.ID)
		}
	}
	return nil
}

// proof is what the journal says of an account's opening, limit and closing; each may be nil.
type proof struct{ opened, raised, closed *postingRow }

// proofs reads the proofs of a page of wallets, by account. A posting that gave a wallet
// another limit is found by its reference, which says what it sets:
// account/limit/amount/opening in microseconds.
func (r *ledgerAccounts) proofs(ctx context.Context, wallets []*accountRow) (map[string]proof, error) {
	seqs := make([]int64, len(wallets))
	for i, a := range wallets {
		seqs[i] = a.OpenedSeq
	}
	openings, err := postingsBySeq(ctx, r.frozen.money, seqs)
	if err != nil {
		return nil, err
	}
	var openRefs, limitRefs []string
	for _, a := range wallets {
		if o := openings[a.OpenedSeq]; o != nil {
			openRefs, limitRefs = append(openRefs, o.Ref), append(limitRefs, limitRef(a))
		}
	}
	limits, err := selectIn[postingRow](ctx, r.frozen.money, `SELECT `+postingColumns+` FROM ledger_postings WHERE ref IN (?)`, limitRefs)
	if err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	closings, err := closingsOf(ctx, r.frozen.money, openRefs)
	if err != nil {
		return nil, err
	}
	raised := make(map[string]*postingRow, len(limits))
	for i := range limits {
		raised[limits[i].Ref] = &limits[i]
	}
	out := make(map[string]proof, len(wallets))
	for _, a := range wallets {
		if o := openings[a.OpenedSeq]; o != nil {
			out[a.ID] = proof{opened: o, raised: raised[limitRef(a)], closed: closings[o.Ref]}
		}
	}
	return out, nil
}

func limitRef(a *accountRow) string {
	return fmt.Sprintf("%s/limit/%d/%d", a.ID, a.Ceiling, a.OpenedAt.UnixMicro())
}

func (r *ledgerAccounts) wallet(a *accountRow, p proof) {
	r.counts.wallets++
	r.counts.inWallets += a.Balance
	if a.State != "OPEN" {
		r.counts.closed++
	}
	tell := func(what string, args ...any) { r.wallets.breach(a.ID, what, args...) }
	switch {
	case a.Kind != "WALLET" || !strings.HasPrefix(a.ID, walletPrefix):
		tell("is of kind %s", a.Kind)
	case a.Floor != 0:
		tell("may go down to %d won", a.Floor)
	case a.Balance < 0:
		tell("is at %d won", a.Balance)
	case a.Balance-a.PendingOut < 0:
		tell("holds %d won, and %d of them are reserved", a.Balance, a.PendingOut)
	case a.Balance+a.PendingIn > a.Ceiling:
		tell("is at %d won with %d to come, above its limit of %d", a.Balance, a.PendingIn, a.Ceiling)
	case a.Ceiling > limitVerified:
		tell("its limit of %d won is above the legal %d", a.Ceiling, limitVerified)
	}
	if what := p.contradicts(a); what != "" {
		tell("%s", what)
	}
}

// contradicts tells how a wallet's row differs from what the journal says of it.
func (p proof) contradicts(a *accountRow) string {
	o := p.opened
	switch {
	case o == nil || o.Op != opOpen || o.AccountID != a.ID:
		return "no posting opens it"
	case o.AccountKind != a.Kind || o.Floor == nil || *o.Floor != a.Floor || !o.At.Equal(a.OpenedAt):
		return "its row differs from the posting that opens it"
	case (a.State == "OPEN") != (p.closed == nil):
		return "its row says " + a.State + ", and the journal does not"
	case o.Ceiling != nil && *o.Ceiling == a.Ceiling:
		return ""
	case p.raised == nil || p.raised.Op != opCeiling || p.raised.AccountID != a.ID || p.raised.Ceiling == nil || *p.raised.Ceiling != a.Ceiling:
		return fmt.Sprintf("no posting gives it its limit of %d won", a.Ceiling)
	default:
		return ""
	}
}

func (r *ledgerAccounts) tell(ctx context.Context, holds int64) error {
	r.balances.figure("accounts", r.counts.accounts)
	r.balances.figure("entries", r.counts.entries)
	r.balances.figure("open holds", holds)
	var members int64
	const q = `SELECT COUNT(*) FROM members WHERE state = 'ACTIVE' AND role = 'MEMBER'`
	if err := r.frozen.membership.GetContext(ctx, &members, q); err != nil {
		return fmt.Errorf("count members: %w", err)
	}
	r.wallets.figure("wallets", r.counts.wallets-r.counts.closed)
	r.wallets.figure("closed", r.counts.closed)
	r.wallets.figure("active members", members)
	r.wallets.figure("won in wallets", r.counts.inWallets)
	return nil
}
