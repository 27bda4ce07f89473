package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxSuspects bounds what is looked at again. Books with more are broken, not busy.
const maxSuspects = 5000

// suspects are what did not fit in the snapshot, by request (or wallet account).
type suspects struct {
	ids     map[string]bool
	dropped int
}

func (s *suspects) add(id string) {
	switch {
	case s.ids[id]:
	case len(s.ids) == maxSuspects:
		s.dropped++
	default:
		s.ids[id] = true
	}
}

// matchPostings looks up the requests of the postings read so far, and the rows of
// their holds.
func (j *journal) matchPostings(ctx context.Context) error {
	postings := j.unmatched
	j.unmatched = nil
	if err := j.checkHolds(ctx, postings); err != nil {
		return err
	}
	if err := j.checkOpened(ctx, postings); err != nil {
		return err
	}
	owners := make([]string, 0, len(postings))
	for i := range postings {
		p := &postings[i]
		owner, asked := ownerOf(p)
		switch {
		case !asked:
		case kindOf(owner) == noRequest:
			j.match.breach(p.Ref, "a %s of %d won (%s) that no known request asks for", p.Op, p.Amount, p.Kind)
		default:
			owners = append(owners, owner)
		}
	}
	effects := j.effects
	j.effects = nil
	if err := j.reflect(ctx, effects); err != nil {
		return err
	}
	return j.suspectMissing(ctx, owners)
}

// ownerOf gives the request that a posting belongs to; asked is false for those that
// move and reserve nothing.
func ownerOf(p *postingRow) (owner string, asked bool) {
	switch p.Op {
	case opPost, opHold:
		return requestOf(p.Ref), true
	case opCapture, opRelease, opExpire:
		return p.closes(), true
	default:
		return "", false
	}
}

// checkOpened looks for accounts that the journal opens and that have no row.
func (j *journal) checkOpened(ctx context.Context, postings []postingRow) error {
	var ids []string
	for i := range postings {
		if p := &postings[i]; p.Op == opOpen || p.Op == opCeiling {
			ids = append(ids, p.AccountID)
		}
	}
	found, err := selectIn[string](ctx, j.frozen.money, `SELECT id FROM ledger_accounts WHERE id IN (?)`, ids)
	if err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	for _, id := range without(ids, found) {
		j.wallets.breach(id, "is opened in the journal and has no row")
	}
	return nil
}

// without gives the ids that are not among found, each once, in order.
func without(ids, found []string) []string {
	have := make(map[string]bool, len(found))
	for _, id := range found {
		have[id] = true
	}
	var rest []string
	for _, id := range ids {
		if !have[id] {
			have[id] = true
			rest = append(rest, id)
		}
	}
	return rest
}

// suspectMissing suspects the requests that have no row.
func (a *auditor) suspectMissing(ctx context.Context, ids []string) error {
	byKind := map[storyKind][]string{}
	for _, id := range ids {
		byKind[kindOf(id)] = append(byKind[kindOf(id)], id)
	}
	for _, l := range a.lists(a.frozen) {
		var asked []string
		for _, k := range l.kinds {
			asked = append(asked, byKind[k]...)
		}
		found, err := selectIn[string](ctx, l.reader, `SELECT id FROM `+l.table+` AND id IN (?)`, asked)
		if err != nil {
			return fmt.Errorf("look up requests: %w", err)
		}
		for _, id := range without(asked, found) {
			a.suspects.add(id)
		}
	}
	return nil
}

// list is where the ids of some kinds of requests are.
type list struct {
	reader reader
	table  string // with the condition that its rows are requests
	kinds  []storyKind
}

func (a *auditor) lists(t tables) []list {
	return []list{
		{t.money, `money_requests WHERE TRUE`, []storyKind{topUp, withdrawal}},
		{t.remittance, `remittances WHERE TRUE`, []storyKind{remittance}},
		{t.banking, `firmbankings WHERE flow_id = id`, []storyKind{operatorTransfer}},
		{t.payment, `payments WHERE TRUE`, []storyKind{payment}},
		{t.payment, `cancels WHERE TRUE`, []storyKind{cancel}},
		{t.banking, `bank_notices WHERE TRUE`, []storyKind{notice}},
		{t.settlement, `runs WHERE TRUE`, []storyKind{run}},
		{t.settlement, `statements WHERE dry = 0`, []storyKind{statement}},
		{t.settlement, `payouts WHERE TRUE`, []storyKind{payout}},
	}
}

// matchRequests goes through all requests that move money.
func (a *auditor) matchRequests(ctx context.Context) error {
	counts := map[storyKind]int64{}
	for _, l := range a.lists(a.frozen) {
		ids := idFeed(l.reader, `SELECT id FROM `+l.table+` AND id > ? ORDER BY id LIMIT ?`)
		err := ids.pages(ctx, func(ids []string) error { return a.matchPage(ctx, ids, counts) })
		if err != nil {
			return fmt.Errorf("match requests: %w", err)
		}
	}
	for _, f := range []struct {
		name string
		kind storyKind
	}{
		{"top-ups", topUp}, {"withdrawals", withdrawal}, {"remittances", remittance}, {"operator firmbankings", operatorTransfer},
		{"payments", payment}, {"cancels", cancel}, {"bank notices", notice}, {"runs", run}, {"statements", statement}, {"payouts", payout},
	} {
		a.match.figure(f.name, counts[f.kind])
	}
	a.flows.tell(a.match)
	return nil
}

func (a *auditor) matchPage(ctx context.Context, ids []string, counts map[storyKind]int64) error {
	stories, err := load(ctx, a.frozen, ids)
	if err != nil {
		return err
	}
	inOrder := make([]*story, len(ids))
	for i, id := range ids {
		inOrder[i] = stories[id]
		counts[kindOf(id)]++
	}
	a.flows.ask(ctx, inOrder)
	if err := ctx.Err(); err != nil {
		return err
	}
	a.flows.count(inOrder)
	for _, s := range inOrder {
		if kindOf(s.id) == noRequest {
			a.match.breach(s.id, "is no request's id")
		} else if len(s.judge()) > 0 {
			a.suspects.add(s.id)
		}
	}
	return nil
}

// matchFirmbankings looks for firmbankings that no request asked for. An operator's own
// are requests themselves.
func (a *auditor) matchFirmbankings(ctx context.Context) error {
	const q = `SELECT ` + firmbankingColumns + ` FROM firmbankings WHERE id > ? AND flow_id <> id ORDER BY id LIMIT ?`
	rows := &feed[firmbankingRow]{fetch: func(ctx context.Context, after *firmbankingRow) ([]firmbankingRow, error) {
		behind := ""
		if after != nil {
			behind = after.ID
		}
		var page []firmbankingRow
		err := a.frozen.banking.SelectContext(ctx, &page, q, behind, pageRows)
		return page, err
	}}
	var count int64
	err := rows.pages(ctx, func(page []firmbankingRow) error {
		count += int64(len(page))
		owners := make([]string, 0, len(page))
		for _, f := range page {
			if kind := kindOf(f.FlowID); !kind.throughBank() || kind == operatorTransfer {
				a.match.breach(f.ID, "%s %s of %d won that no known request asks for", f.State, f.Direction, f.Amount)
				continue
			}
			owners = append(owners, f.FlowID)
		}
		return a.suspectMissing(ctx, owners)
	})
	a.match.figure("firmbankings of flows", count)
	return err
}

// The further looks at what did not fit: what is under way settles within moments.
const (
	looks     = 5
	firstLook = 20 * time.Millisecond // doubled before each further look
)

// reexamine looks at the suspects again, live. What still does not fit after the last
// look is a breach.
func (a *auditor) reexamine(ctx context.Context) error {
	requests, wallets := a.suspects.split()
	var complaints map[string][]string
	var ownerless []string
	for look := range looks {
		if len(requests) == 0 && len(wallets) == 0 {
			break
		}
		if err := pause(ctx, firstLook<<look); err != nil {
			return err
		}
		var err error
		if complaints, err = a.complaints(ctx, requests); err != nil {
			return fmt.Errorf("look again: %w", err)
		}
		if ownerless, err = a.ownerless(ctx, wallets); err != nil {
			return fmt.Errorf("look again: %w", err)
		}
		requests, wallets = keysOf(complaints), ownerless
	}
	for _, id := range requests {
		a.match.breach(id, "%s", strings.Join(complaints[id], "; "))
		if e, counted := a.owed.by[id]; counted {
			a.settled.breach(payableOf(e.franchise), "%d won of what it owes are by %s, which is not in flight", e.won, id)
		}
	}
	for _, id := range wallets {
		a.wallets.breach(id, "belongs to no member")
	}
	if a.suspects.dropped > 0 {
		a.match.unproven("%d more did not fit and were not looked at again", a.suspects.dropped)
	}
	return nil
}

// split sorts the suspects into requests and wallets.
func (s *suspects) split() (requests, wallets []string) {
	for id := range s.ids {
		if strings.HasPrefix(id, walletPrefix) {
			wallets = append(wallets, id)
		} else {
			requests = append(requests, id)
		}
	}
	slices.Sort(requests)
	slices.Sort(wallets)
	return requests, wallets
}

func keysOf[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// complaints reads the stories anew and gives what contradicts itself in each.
func (a *auditor) complaints(ctx context.Context, ids []string) (map[string][]string, error) {
	out := map[string][]string{}
	for page := range slices.Chunk(ids, pageRows) {
		stories, err := a.fresh(ctx, page)
		if err != nil {
			return nil, err
		}
		for id, s := range stories {
			if what := s.judge(); len(what) > 0 {
				out[id] = what
			}
		}
	}
	return out, nil
}

// fresh reads stories as they are now. How the flows stand is asked first: what they
// have done by then must be on record.
func (a *auditor) fresh(ctx context.Context, ids []string) (map[string]*story, error) {
	asked := make([]*story, len(ids))
	for i, id := range ids {
		asked[i] = &story{id: id}
	}
	a.flows.ask(ctx, asked)
	stories, err := load(ctx, a.live, ids)
	if err != nil {
		return nil, err
	}
	for _, s := range asked {
		stories[s.id].ending = s.ending
	}
	return stories, nil
}

// ownerless gives the wallets that are open and whose member does not exist.
func (a *auditor) ownerless(ctx context.Context, accounts []string) ([]string, error) {
	var out []string
	for page := range slices.Chunk(accounts, pageRows) {
		members := make([]string, len(page))
		for i, id := range page {
			members[i] = strings.TrimPrefix(id, walletPrefix)
		}
		found, err := selectIn[memberRow](ctx, a.live.membership, membersByID, members)
		if err != nil {
			return nil, err
		}
		exists := make([]string, len(found))
		for i, m := range found {
			exists[i] = walletPrefix + m.ID
		}
		open, err := selectIn[string](ctx, a.live.money, `SELECT id FROM ledger_accounts WHERE state = 'OPEN' AND id IN (?)`, without(page, exists))
		if err != nil {
			return nil, err
		}
		out = append(out, open...)
	}
	slices.Sort(out)
	return out, nil
}
