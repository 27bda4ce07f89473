package franchise

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Method is how a customer's card pays.
type Method string

// The methods.
const (
	CreditCard Method = "CREDIT"
	CheckCard  Method = "CHECK"
)

// Tier is what decides on a preferential rate.
type Tier struct {
	YearlySales int64 // won
	Method      Method
}

// TierRate is one line of the table of preferential rates.
type TierRate struct {
	EffectiveFrom  string // YYYY-MM-DD
	MaxYearlySales int64  // won, included
	CreditBP       int
	CheckBP        int
}

//go:embed tiers.csv
var embeddedTiers string

// tiers is parsed once; a test keeps the file well-formed.
var tiers = sync.OnceValues(func() ([]TierRate, error) { return ParseTiers(strings.NewReader(embeddedTiers)) })

// Tiers gives the table of preferential rates, by date and sales, ascending. Errors: the
// table that was built in is malformed.
func Tiers() ([]TierRate, error) {
	all, err := tiers()
	return slices.Clone(all), err
}

// PreferentialRate gives the statutory preferential rate in basis points for a
// franchise with these sales in a year, in won, by the table in force on a date
// (YYYY-MM-DD). It is not ok above the last tier, and before the first table.
func PreferentialRate(yearlySales int64, method Method, on string) (bp int, ok bool) {
	all, err := tiers()
	if err != nil {
		return 0, false
	}
	return rateIn(all, yearlySales, method, on)
}

// rateIn looks into a sorted table.
func rateIn(all []TierRate, yearlySales int64, method Method, on string) (int, bool) {
	last := -1
	for i, t := range all {
		if t.EffectiveFrom <= on {
			last = i
		}
	}
	if last < 0 || yearlySales < 0 {
		return 0, false
	}
	for _, t := range all {
		if t.EffectiveFrom != all[last].EffectiveFrom || yearlySales > t.MaxYearlySales {
			continue
		}
		switch method {
		case CreditCard:
			return t.CreditBP, true
		case CheckCard:
			return t.CheckBP, true
		}
	}
	return 0, false
}

const tierColumns = 4

// ParseTiers reads a table of rates: a heading, then date, highest sales, credit and
// check rate.
func ParseTiers(r io.Reader) ([]TierRate, error) {
	csvReader := csv.NewReader(r)
	csvReader.FieldsPerRecord = tierColumns
	lines, err := csvReader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("tiers: %w", err)
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("tiers: %d lines, expected a heading and at least one tier", len(lines))
	}
	all := make([]TierRate, 0, len(lines)-1)
	for _, line := range lines[1:] {
		t, err := parseTier(line)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	slices.SortFunc(all, compareTiers)
	for i := 1; i < len(all); i++ {
		if compareTiers(all[i-1], all[i]) == 0 {
			return nil, fmt.Errorf("tiers: %s up to %d is listed twice", all[i].EffectiveFrom, all[i].MaxYearlySales)
		}
	}
	return all, nil
}

func compareTiers(a, b TierRate) int {
	if byDate := strings.Compare(a.EffectiveFrom, b.EffectiveFrom); byDate != 0 {
		return byDate
	}
	switch {
	case a.MaxYearlySales < b.MaxYearlySales:
		return -1
	case a.MaxYearlySales > b.MaxYearlySales:
		return 1
	default:
		return 0
	}
}

func parseTier(line []string) (TierRate, error) {
	sales, err := strconv.ParseInt(line[1], 10, 64)
	if err != nil || sales < 1 || !validDate(line[0]) {
		return TierRate{}, fmt.Errorf("tiers: line %q, expected a date and an amount", line)
	}
	t := TierRate{EffectiveFrom: line[0], MaxYearlySales: sales}
	for i, rate := range []*int{&t.CreditBP, &t.CheckBP} {
		*rate, err = strconv.Atoi(line[2+i])
		if err != nil || *rate < 0 || *rate > MaxFeeBasisPoints {
			return TierRate{}, fmt.Errorf("tiers: rate %q, expected basis points", line[2+i])
		}
	}
	return t, nil
}
