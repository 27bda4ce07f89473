package banking

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"durapay/internal/bankaccount"
)

// Institution is a bank as the network knows it.
type Institution struct {
	Code    string // 3 digits, given by the clearing institute
	Korean  string
	English string
	// CallsPerSecond is how many calls this platform sends the bank in a second, over all
	// its processes (practice: agreed on with each bank).
	CallsPerSecond int
}

//go:embed banks.csv
var embeddedBanks string

// embedded is parsed once; a test keeps the file well-formed.
var embedded = sync.OnceValues(func() ([]Institution, error) {
	return ParseInstitutions(strings.NewReader(embeddedBanks))
})

// Institutions lists the banks the platform knows, by code.
func Institutions() ([]Institution, error) {
	all, err := embedded()
	return slices.Clone(all), err
}

// FindInstitution gives the bank with this code.
func FindInstitution(code string) (Institution, bool) {
	all, err := embedded()
	if err != nil {
		return Institution{}, false
	}
	i := slices.IndexFunc(all, func(b Institution) bool { return b.Code == code })
	if i < 0 {
		return Institution{}, false
	}
	return all[i], true
}

const institutionColumns = 4

// ParseInstitutions reads a table of banks: a heading, then code, Korean name,
// English name and calls per second.
func ParseInstitutions(r io.Reader) ([]Institution, error) {
	csvReader := csv.NewReader(r)
	csvReader.FieldsPerRecord = institutionColumns
	lines, err := csvReader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("banks: %w", err)
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("banks: %d lines, expected a heading and at least one bank", len(lines))
	}
	all := make([]Institution, 0, len(lines)-1)
	for _, line := range lines[1:] {
		b, err := parseInstitution(line)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(other Institution) bool { return other.Code == b.Code }) {
			return nil, fmt.Errorf("banks: code %s is listed twice", b.Code)
		}
		all = append(all, b)
	}
	return all, nil
}

func parseInstitution(line []string) (Institution, error) {
	rate, err := strconv.Atoi(line[3])
	if err != nil || rate < 1 {
		return Institution{}, fmt.Errorf("banks: rate %q of %s, expected more than 0", line[3], line[0])
	}
	if !bankaccount.ValidCode(line[0]) {
		return Institution{}, fmt.Errorf("banks: code %q, expected 3 digits", line[0])
	}
	return Institution{Code: line[0], Korean: line[1], English: line[2], CallsPerSecond: rate}, nil
}
