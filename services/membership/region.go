package membership

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"
)

// Region is one of the 17 first-level administrative divisions of Korea.
type Region struct {
	Code   string // what is stored: "SEOUL"
	Ko     string // short name: "서울"
	KoFull string // official name: "서울특별시"
	En     string
	ISO    string // ISO 3166-2: "KR-11"
}

// The source is ISO 3166-2:KR, with the official names in force since Jeonbuk's of January 2024.
//
//go:embed regions.csv
var regionsCSV []byte

// regions is the table, read once; regions.csv being part of the binary, it fails for all or for none.
var regions = sync.OnceValues(func() ([]Region, error) { return parseRegions(regionsCSV) })

// Regions lists the regions in their official order.
func Regions() ([]Region, error) {
	all, err := regions()
	return slices.Clone(all), err
}

// ParseRegion finds a region by its code in any letter case ("SEOUL") or by a Korean name ("서울", "서울특별시").
func ParseRegion(s string) (Region, bool) {
	all, err := regions()
	if err != nil {
		return Region{}, false
	}
	s = norm.NFC.String(strings.TrimSpace(s))
	at := slices.IndexFunc(all, func(r Region) bool {
		return strings.EqualFold(s, r.Code) || s == r.Ko || s == r.KoFull
	})
	if at < 0 {
		return Region{}, false
	}
	return all[at], true
}

func parseRegions(text []byte) ([]Region, error) {
	const columns = 5
	reader := csv.NewReader(bytes.NewReader(text))
	reader.FieldsPerRecord = columns
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("regions.csv: %w", err)
	}
	all := make([]Region, 0, len(rows))
	for _, row := range rows[min(1, len(rows)):] { // the first line names the columns
		all = append(all, Region{Code: row[0], Ko: row[1], KoFull: row[2], En: row[3], ISO: row[4]})
	}
	return all, nil
}

func regionCodes() string {
	all, _ := regions() // without a table nothing is listed, and every region is refused
	codes := make([]string, len(all))
	for i, r := range all {
		codes[i] = r.Code
	}
	return strings.Join(codes, ", ")
}
