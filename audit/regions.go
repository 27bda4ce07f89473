package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// position is how far the read model has got.
type position struct {
	Generation int64 `db:"generation"`
	JournalSeq int64 `db:"journal_seq"`
	RegionSeq  int64 `db:"region_seq"`
}

// dayOf names won that came in: by member or region, and day in Seoul.
type dayOf struct {
	Of  string `db:"id"`
	Day string `db:"day"`
}

type dayAmount struct {
	dayOf
	Amount int64 `db:"amount"`
}

// regionSum is what the members of a region have.
type regionSum struct {
	Region  string `db:"region"`
	Members int64  `db:"members"`
	Balance int64  `db:"balance"`
}

// modelled is a member as the read model has them.
type modelled struct {
	MemberID string `db:"member_id"`
	Region   string `db:"region"`
	Balance  int64  `db:"balance"`
}

// readModel is the comparison of the sums by region with the journal: I7. Both are
// compared at the model's own position, so that its being behind is a figure and no
// breach. What is kept is a number for each region and day.
type readModel struct {
	*auditor
	position
	balances map[string]int64 // by region
	inflows  map[dayOf]int64  // by region
	seen     int64            // members with money in the model
}

func (a *auditor) compareRegions(ctx context.Context) error {
	m := &readModel{auditor: a, balances: map[string]int64{}, inflows: map[dayOf]int64{}}
	found, err := m.locate(ctx)
	if err != nil || !found {
		return err
	}
	const wallets = `SELECT id FROM ledger_accounts WHERE id > GREATEST(?, '` + walletPrefix + `') AND id < 'wallet0' ORDER BY id LIMIT ?`
	err = idFeed(a.frozen.money, wallets).pages(ctx, func(ids []string) error { return m.wallets(ctx, ids) })
	if err != nil {
		return fmt.Errorf("compare members: %w", err)
	}
	for _, compare := range []func(context.Context) error{m.compareStrangers, m.compareTotals, m.compareInflows, m.lag} {
		if err := compare(ctx); err != nil {
			return fmt.Errorf("compare regions: %w", err)
		}
	}
	return nil
}

// locate reads which generation is live, and how far it has got.
func (m *readModel) locate(ctx context.Context) (bool, error) {
	const q = `SELECT g.generation, g.journal_seq, g.region_seq FROM projection p JOIN generations g ON g.generation = p.live WHERE p.id = 1`
	var rows []position
	if err := m.frozen.moneyquery.SelectContext(ctx, &rows, q); err != nil {
		return false, fmt.Errorf("read the model's position: %w", err)
	}
	if len(rows) == 0 {
		m.regions.breach("projection", "has no live generation")
		return false, nil
	}
	m.position = rows[0]
	return true, nil
}

// wallets compares the members of a page of wallets.
func (m *readModel) wallets(ctx context.Context, accounts []string) error {
	members := make([]string, len(accounts))
	for i, id := range accounts {
		members[i] = strings.TrimPrefix(id, walletPrefix)
	}
	lines, err := m.journal(ctx, accounts)
	if err != nil {
		return err
	}
	homes, err := m.homes(ctx, members)
	if err != nil {
		return err
	}
	balances, inflows := map[string]int64{}, map[dayOf]int64{}
	for _, l := range lines {
		l.Of = strings.TrimPrefix(l.Of, walletPrefix)
		balances[l.Of] += l.Amount
		if l.Day == "" {
			continue
		}
		inflows[l.dayOf] += l.Amount
		if home := homes[l.Of]; home != "" {
			m.inflows[dayOf{home, l.Day}] += l.Amount
		}
	}
	for _, id := range members {
		if home := homes[id]; home != "" {
			m.balances[home] += balances[id]
		}
	}
	if err := m.compareMembers(ctx, members, balances, homes); err != nil {
		return err
	}
	return m.compareMembersDays(ctx, members, inflows)
}

// journal adds up the lines of wallets up to the model's position. What top-ups brought
// is by day in Seoul, everything else has no day.
func (m *readModel) journal(ctx context.Context, accounts []string) ([]dayAmount, error) {
	q := fmt.Sprintf(`SELECT e.account_id AS id,
			IF(p.kind = 'TOP_UP' AND e.amount > 0, DATE_FORMAT(DATE_ADD(e.at, INTERVAL 9 HOUR), '%%Y-%%m-%%d'), '') AS day, SUM(e.amount) AS amount
		FROM ledger_entries e JOIN ledger_postings p ON p.seq = e.seq
		WHERE e.account_id IN (?) AND e.seq <= %d GROUP BY 1, 2`, m.JournalSeq)
	return selectIn[dayAmount](ctx, m.frozen.money, q, accounts)
}

// homes gives where members live as far as the model knows.
func (m *readModel) homes(ctx context.Context, members []string) (map[string]string, error) {
	q := fmt.Sprintf(`SELECT c.member_id AS id, c.region AS value FROM region_changes c
		JOIN (SELECT MAX(seq) AS seq FROM region_changes WHERE member_id IN (?) AND seq <= %d GROUP BY member_id) last ON last.seq = c.seq`, m.RegionSeq)
	rows, err := selectIn[summedText](ctx, m.frozen.membership, q, members)
	homes := make(map[string]string, len(rows))
	for _, r := range rows {
		homes[r.ID] = r.Value
	}
	return homes, err
}

// compareMembers compares what members have; no row is nothing.
func (m *readModel) compareMembers(ctx context.Context, members []string, balances map[string]int64, homes map[string]string) error {
	q := fmt.Sprintf(`SELECT member_id, region, balance FROM member_money WHERE generation = %d AND member_id IN (?)`, m.Generation)
	rows, err := selectIn[modelled](ctx, m.frozen.moneyquery, q, members)
	if err != nil {
		return err
	}
	model := make(map[string]modelled, len(rows))
	for _, r := range rows {
		if model[r.MemberID] = r; r.Balance != 0 {
			m.seen++
		}
	}
	for _, id := range members {
		switch r := model[id]; {
		case r.Balance != balances[id]:
			m.regions.breach(id, "has %d won in the model, and %d by the journal", r.Balance, balances[id])
		case r.Region != homes[id]:
			m.regions.breach(id, "lives in %q by the model, and in %q by the changes of regions", r.Region, homes[id])
		}
	}
	return nil
}

func (m *readModel) compareMembersDays(ctx context.Context, members []string, inflows map[dayOf]int64) error {
	q := fmt.Sprintf(`SELECT member_id AS id, CAST(day AS CHAR) AS day, amount FROM member_inflows WHERE generation = %d AND member_id IN (?)`, m.Generation)
	rows, err := selectIn[dayAmount](ctx, m.frozen.moneyquery, q, members)
	if err != nil {
		return err
	}
	m.compareDayAmounts(rows, inflows)
	return nil
}

// compareDayAmounts compares rows of the model with what the journal makes; it uses up the latter.
func (m *readModel) compareDayAmounts(rows []dayAmount, journal map[dayOf]int64) {
	for _, r := range rows {
		if r.Amount != journal[r.dayOf] {
			m.regions.breach(r.Of, "took in %d won on %s by the model, and %d by the journal", r.Amount, r.Day, journal[r.dayOf])
		}
		delete(journal, r.dayOf)
	}
	rest := make([]dayOf, 0, len(journal))
	for d := range journal {
		rest = append(rest, d)
	}
	slices.SortFunc(rest, func(a, b dayOf) int { return strings.Compare(a.Of+a.Day, b.Of+b.Day) })
	for _, d := range rest {
		if journal[d] != 0 {
			m.regions.breach(d.Of, "took in 0 won on %s by the model, and %d by the journal", d.Day, journal[d])
		}
	}
}

// compareStrangers looks for money in the model of members without a wallet.
func (m *readModel) compareStrangers(ctx context.Context) error {
	var count int64
	const q = `SELECT COUNT(*) FROM member_money WHERE generation = ? AND balance <> 0`
	if err := m.frozen.moneyquery.GetContext(ctx, &count, q, m.Generation); err != nil {
		return err
	}
	if count != m.seen {
		m.regions.breach("member_money", "%d members have money in the model, and %d of them have a wallet", count, m.seen)
	}
	m.regions.figure("members with money", count)
	return nil
}

// compareTotals compares the sums by region; no row is nobody and nothing.
func (m *readModel) compareTotals(ctx context.Context) error {
	const lived = `SELECT c.region, COUNT(*) AS members, 0 AS balance FROM region_changes c
		JOIN (SELECT MAX(seq) AS seq FROM region_changes WHERE seq <= ? GROUP BY member_id) last ON last.seq = c.seq GROUP BY c.region`
	var journal, model []regionSum
	if err := m.frozen.membership.SelectContext(ctx, &journal, lived, m.RegionSeq); err != nil {
		return err
	}
	if err := m.frozen.moneyquery.SelectContext(ctx, &model, `SELECT region, members, balance FROM region_totals WHERE generation = ?`, m.Generation); err != nil {
		return err
	}
	sums := map[string]regionSum{}
	for _, r := range journal {
		sums[r.Region] = regionSum{r.Region, r.Members, m.balances[r.Region]}
	}
	stored := map[string]regionSum{}
	for _, r := range model {
		stored[r.Region] = r
		if _, known := sums[r.Region]; !known {
			sums[r.Region] = regionSum{Region: r.Region}
		}
	}
	var won int64
	for _, region := range slices.Sorted(maps.Keys(sums)) {
		is, should := stored[region], sums[region]
		won += should.Balance
		if is.Members != should.Members || is.Balance != should.Balance {
			m.regions.breach(region, "has %d members with %d won in the model, and %d with %d by the journal", is.Members, is.Balance, should.Members, should.Balance)
		}
	}
	m.regions.figure("regions", int64(len(sums)))
	m.regions.figure("won", won)
	return nil
}

func (m *readModel) compareInflows(ctx context.Context) error {
	const q = `SELECT region AS id, CAST(day AS CHAR) AS day, amount FROM region_inflows WHERE generation = ?`
	var rows []dayAmount
	if err := m.frozen.moneyquery.SelectContext(ctx, &rows, q, m.Generation); err != nil {
		return err
	}
	m.regions.figure("days of regions", int64(len(rows)))
	m.compareDayAmounts(rows, m.inflows)
	return nil
}

// lag tells how much of the journal the model has not taken in yet.
func (m *readModel) lag(ctx context.Context) error {
	var journal, regions int64
	if err := m.frozen.money.GetContext(ctx, &journal, `SELECT COALESCE(MAX(seq), 0) FROM ledger_postings`); err != nil {
		return err
	}
	if err := m.frozen.membership.GetContext(ctx, &regions, `SELECT COALESCE(MAX(seq), 0) FROM region_changes`); err != nil {
		return err
	}
	if m.JournalSeq > journal || m.RegionSeq > regions {
		m.regions.breach("projection", "is at posting %d and change %d, and there are %d and %d", m.JournalSeq, m.RegionSeq, journal, regions)
	}
	m.regions.figure("at posting", m.JournalSeq)
	m.regions.figure("postings behind", journal-m.JournalSeq)
	m.regions.figure("changes of regions behind", regions-m.RegionSeq)
	return nil
}
