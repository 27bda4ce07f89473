package franchise

import (
	"context"
	"slices"
)

// TermsQuery asks on what terms a franchise takes a payment now.
type TermsQuery struct {
	FranchiseID string
}

// Terms are what a payment needs to know of a franchise. The zero Terms are those of a
// franchise that is not registered.
type Terms struct {
	Exists         bool
	Active         bool
	HasContract    bool // one is in force
	FeeBasisPoints int  // of the contract in force
	Webhook        bool // it wants to be told
}

// Terms gives the terms of now, in order. Concurrent calls share a statement; one round
// trip for the list. Errors: infrastructure trouble only.
func (s *Service) Terms(ctx context.Context, queries []TermsQuery) ([]Terms, error) {
	return s.terms.Do(ctx, queries)
}

func (s *Service) runTerms(ctx context.Context, queries []TermsQuery) ([]Terms, error) {
	ids := distinct(queries, func(q TermsQuery) string { return q.FranchiseID })
	rows, err := s.store.Terms(ctx, ids, DateOf(s.now()))
	if err != nil {
		return nil, err
	}
	byID := make(map[string]Terms, len(rows))
	for _, r := range rows {
		byID[r.ID] = r.terms()
	}
	outs := make([]Terms, len(queries))
	for i, q := range queries {
		outs[i] = byID[q.FranchiseID]
	}
	return outs, nil
}

func (r TermsRow) terms() Terms {
	t := Terms{Exists: true, Active: r.Status == Active, HasContract: r.FeeBasisPoints != nil, Webhook: r.Webhook}
	if t.HasContract {
		t.FeeBasisPoints = *r.FeeBasisPoints
	}
	return t
}

// distinct gives each key once.
func distinct[T any](items []T, key func(T) string) []string {
	keys := make([]string, len(items))
	for i, item := range items {
		keys[i] = key(item)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// ContractQuery asks how a franchise is settled on an Asia/Seoul date, YYYY-MM-DD.
type ContractQuery struct {
	FranchiseID string
	On          string
}

// ContractTerms are what a settlement needs to know. Exists is false when the franchise
// is not registered, and when none of its contracts has begun by then.
type ContractTerms struct {
	Exists             bool
	Cycle              Cycle
	PayoutBusinessDays int
}

// Contracts gives the contracts in force on the dates, in order, of deactivated
// franchises too. One round trip for each date that is asked for. Errors: infrastructure trouble only.
func (s *Service) Contracts(ctx context.Context, queries []ContractQuery) ([]ContractTerms, error) {
	byQuery := make(map[ContractQuery]ContractTerms, len(queries))
	for _, date := range distinct(queries, func(q ContractQuery) string { return q.On }) {
		if !validDate(date) {
			continue // no contract is in force on what is no date
		}
		asked := slices.DeleteFunc(slices.Clone(queries), func(q ContractQuery) bool { return q.On != date })
		rows, err := s.store.Contracts(ctx, distinct(asked, func(q ContractQuery) string { return q.FranchiseID }), date)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			byQuery[ContractQuery{FranchiseID: r.FranchiseID, On: date}] = ContractTerms{
				Exists: true, Cycle: r.Cycle, PayoutBusinessDays: r.PayoutBusinessDays,
			}
		}
	}
	outs := make([]ContractTerms, len(queries))
	for i, q := range queries {
		outs[i] = byQuery[q]
	}
	return outs, nil
}

// PayoutAccount is where a franchise is paid out to. Exists is false when the franchise
// is not registered: an account the bank has not confirmed is never paid.
type PayoutAccount struct {
	Exists bool
	Payout
}

// Payouts gives the verified payout accounts of franchises, in order, of deactivated
// ones too. One round trip. Errors: infrastructure trouble.
func (s *Service) Payouts(ctx context.Context, ids []string) ([]PayoutAccount, error) {
	rows, err := s.store.Payouts(ctx, distinct(ids, func(id string) string { return id }))
	if err != nil {
		return nil, err
	}
	byID := make(map[string]PayoutAccount, len(rows))
	for _, r := range rows {
		p, err := s.sealer.openPayout(r.FranchiseID, r.SealedPayout)
		if err != nil {
			return nil, err
		}
		byID[r.FranchiseID] = PayoutAccount{Exists: true, Payout: p}
	}
	outs := make([]PayoutAccount, len(ids))
	for i, id := range ids {
		outs[i] = byID[id]
	}
	return outs, nil
}
