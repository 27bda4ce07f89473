// Package moneyquery answers how much money the members of each region have, and how much they pay in a day, without
// asking the ledger: it keeps a model of its own, which it brings up to date from the ledger's journal and from the
// changes of the regions where members live (CQRS). The model is a function of the two, whatever the order or the size
// of the pieces in which they were taken in: built anew from the start, it is the same.
//
// Inflow is won credited to wallets by top-ups on a day in Seoul. It counts for the region where the member lives now,
// like the balance: when a member moves, both move along. Members count whatever their state, as their money does.
package moneyquery

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"durapay/errs"
	"durapay/internal/calendar"
)

// MaxDays is the most days that Inflows gives.
const MaxDays = 366

// MaxPage is the most of each feed that one transaction takes in.
const MaxPage = 1000

// Options are a service's settings; zero values mean the defaults.
type Options struct {
	Regions  []string         // the codes that are answered for, in the order in which they are listed
	Now      func() time.Time // time.Now
	PageSize int              // of each feed for one transaction: MaxPage
	Log      *slog.Logger     // slog.Default()
}

// Service keeps the model and answers from it. It is safe for concurrent use, and any number of processes may share a
// store: they take turns.
type Service struct {
	store    Store
	feeds    Feeds
	regions  []string
	pageSize int
	clock    func() time.Time
	log      *slog.Logger
}

// New makes a Service.
func New(store Store, feeds Feeds, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PageSize < 1 || o.PageSize > MaxPage {
		o.PageSize = MaxPage
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Service{store: store, feeds: feeds, regions: slices.Clone(o.Regions), pageSize: o.PageSize, clock: o.Now, log: o.Log}
}

func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// RegionTotal is what the members of a region have.
type RegionTotal struct {
	Region  string
	Members int64 // who live there now
	Balance int64 // won, of all their wallets
	// AsOf tells how old the figure may be: everything committed before it is counted. Zero: the model is being
	// filled for the first time.
	AsOf       time.Time
	JournalSeq int64 // the last posting that is counted
}

// DayInflow is the won that top-ups brought on a day in Seoul.
type DayInflow struct {
	Day    calendar.Date
	Amount int64
}

// Region gives a region's total: one query. Errors: errs.RegionNotFound.
func (s *Service) Region(ctx context.Context, region string) (RegionTotal, error) {
	if !slices.Contains(s.regions, region) {
		return RegionTotal{}, errs.RegionNotFound
	}
	totals, at, err := s.store.Totals(ctx)
	if err != nil {
		return RegionTotal{}, err
	}
	return totalOf(region, totals, at), nil
}

// Regions gives the totals of all regions, also of those where nobody lives, as of one moment: one query.
func (s *Service) Regions(ctx context.Context) ([]RegionTotal, error) {
	totals, at, err := s.store.Totals(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]RegionTotal, len(s.regions))
	for i, region := range s.regions {
		all[i] = totalOf(region, totals, at)
	}
	return all, nil
}

func totalOf(region string, totals map[string]Total, at Position) RegionTotal {
	t := totals[region]
	return RegionTotal{Region: region, Members: t.Members, Balance: t.Balance, AsOf: at.AsOf, JournalSeq: at.JournalSeq}
}

// Inflows gives a region's inflow on each day of a range, both ends included, also of those without one: one query.
// Errors: errs.RegionNotFound; errs.InvalidRequest (?from, ?through) for a range that has no end, ends before it
// begins, or has more than MaxDays days.
func (s *Service) Inflows(ctx context.Context, region string, from, through calendar.Date) ([]DayInflow, error) {
	if !slices.Contains(s.regions, region) {
		return nil, errs.RegionNotFound
	}
	if err := checkRange(from, through); err != nil {
		return nil, err
	}
	amounts, err := s.store.Inflows(ctx, region, from, through)
	if err != nil {
		return nil, err
	}
	days := make([]DayInflow, 0, MaxDays)
	for day := from; day.Compare(through) <= 0; day = day.AddDays(1) {
		days = append(days, DayInflow{Day: day, Amount: amounts[day]})
	}
	return days, nil
}

func checkRange(from, through calendar.Date) error {
	switch {
	case from.IsZero():
		return errs.InvalidField("?from", errs.FieldRequired)
	case through.IsZero():
		return errs.InvalidField("?through", errs.FieldRequired)
	case through.Before(from):
		return errs.InvalidField("?through", errs.FieldTooSmall, "min", from.String())
	case !through.Before(from.AddDays(MaxDays)):
		return errs.InvalidField("?through", errs.FieldTooLarge, "max", from.AddDays(MaxDays-1).String())
	default:
		return nil
	}
}

// Lag is how much of the feeds is not in the model yet.
type Lag struct{ Postings, RegionChanges int64 }

// String is for logs.
func (l Lag) String() string {
	return strconv.FormatInt(l.Postings, 10) + " postings, " + strconv.FormatInt(l.RegionChanges, 10) + " changes of regions"
}

// Lag compares the model that readers see with the heads of its feeds.
func (s *Service) Lag(ctx context.Context) (Lag, error) {
	at, err := s.store.Live(ctx) // first: a feed may be ahead of the model, never behind it
	if err != nil {
		return Lag{}, err
	}
	journal, err := s.feeds.JournalHead(ctx)
	if err != nil {
		return Lag{}, err
	}
	regions, err := s.feeds.RegionHead(ctx)
	return Lag{Postings: max(journal-at.JournalSeq, 0), RegionChanges: max(regions-at.RegionSeq, 0)}, err
}
