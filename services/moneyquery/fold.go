package moneyquery

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"durapay/internal/calendar"
	"durapay/services/money/ledger"
)

// The model is a function of the journal and of the regions where members live now. A piece is folded into it moves
// first, so that its lines already count for the new region; the outcome is the same as the other way round, because
// what is there moves with the member.

// sums are the members and regions that a piece touches, as they become.
type sums struct {
	members       map[string]Member
	totals        map[string]Total
	touched       map[string]bool // regions
	moved         map[string]bool // members
	inflows       map[memberDay]int64
	regionInflows map[regionDay]int64
}

type memberDay struct {
	member string
	day    calendar.Date
}

type regionDay struct {
	region string
	day    calendar.Date
}

// errOverflow cannot happen with a ledger's journal: all its balances together fit.
var errOverflow = errors.New("a sum of won does not fit into 64 bits")

// fold works out what a piece changes. The totals are those of all regions.
func fold(p piece, members []Member, totals map[string]Total) (Changes, error) {
	s := &sums{
		members: make(map[string]Member, len(members)), totals: maps.Clone(totals),
		touched: map[string]bool{}, moved: map[string]bool{},
		inflows: map[memberDay]int64{}, regionInflows: map[regionDay]int64{},
	}
	for _, m := range members {
		s.members[m.ID] = m
	}
	for _, c := range p.changes {
		if err := s.move(c); err != nil {
			return Changes{}, fmt.Errorf("change of region %d: %w", c.Seq, err)
		}
	}
	for _, l := range p.lines {
		if err := s.book(l); err != nil {
			return Changes{}, fmt.Errorf("posting %d: %w", l.Seq, err)
		}
	}
	return s.changes(), nil
}

// ownersOf lists the members whom a piece is about, sorted, each once.
func ownersOf(p piece) []string {
	ids := make([]string, 0, len(p.lines)+len(p.changes))
	for _, l := range p.lines {
		if ledger.IsWallet(l.AccountID) {
			ids = append(ids, ledger.Owner(l.AccountID))
		}
	}
	for _, c := range p.changes {
		ids = append(ids, c.MemberID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (s *sums) move(c RegionChange) error {
	m := s.members[c.MemberID]
	if m.Region == c.Region {
		return nil
	}
	if err := s.add(m.Region, -1, -m.Balance); err != nil {
		return err
	}
	m.ID, m.Region = c.MemberID, c.Region
	s.members[m.ID], s.moved[m.ID] = m, true
	return s.add(m.Region, 1, m.Balance)
}

func (s *sums) book(l JournalLine) error {
	if !ledger.IsWallet(l.AccountID) {
		return nil
	}
	id := ledger.Owner(l.AccountID)
	m := s.members[id]
	balance, err := plus(m.Balance, l.Amount)
	if err != nil {
		return err
	}
	m.ID, m.Balance = id, balance
	s.members[id] = m
	if err := s.add(m.Region, 0, l.Amount); err != nil {
		return err
	}
	return s.flowIn(m, l)
}

func (s *sums) flowIn(m Member, l JournalLine) error {
	amount := l.inflow()
	if amount == 0 {
		return nil
	}
	day := calendar.Of(l.At)
	if err := addTo(s.inflows, memberDay{m.ID, day}, amount); err != nil || m.Region == "" {
		return err
	}
	return addTo(s.regionInflows, regionDay{m.Region, day}, amount)
}

func addTo[K comparable](sums map[K]int64, key K, amount int64) error {
	sum, err := plus(sums[key], amount)
	sums[key] = sum
	return err
}

// add counts for a region, unless it is that of members whose region is not known.
func (s *sums) add(region string, members, balance int64) error {
	if region == "" {
		return nil
	}
	t := s.totals[region]
	sum, err := plus(t.Balance, balance)
	t.Members, t.Balance = t.Members+members, sum
	s.totals[region], s.touched[region] = t, true
	return err
}

func plus(a, b int64) (int64, error) {
	sum := a + b
	if (sum > a) != (b > 0) && b != 0 {
		return 0, errOverflow
	}
	return sum, nil
}

// changes lists everything in a fixed order.
func (s *sums) changes() Changes {
	c := Changes{Moved: slices.Sorted(maps.Keys(s.moved)), Totals: map[string]Total{}}
	for _, id := range slices.Sorted(maps.Keys(s.members)) {
		c.Members = append(c.Members, s.members[id])
	}
	for k, amount := range s.inflows {
		c.Inflows = append(c.Inflows, MemberInflow{MemberID: k.member, Day: k.day, Amount: amount})
	}
	slices.SortFunc(c.Inflows, func(a, b MemberInflow) int {
		return cmp.Or(strings.Compare(a.MemberID, b.MemberID), a.Day.Compare(b.Day))
	})
	for k, amount := range s.regionInflows {
		c.RegionInflows = append(c.RegionInflows, RegionInflow{Region: k.region, Day: k.day, Amount: amount})
	}
	slices.SortFunc(c.RegionInflows, func(a, b RegionInflow) int {
		return cmp.Or(strings.Compare(a.Region, b.Region), a.Day.Compare(b.Day))
	})
	for region := range s.touched {
		c.Totals[region] = s.totals[region]
	}
	return c
}
