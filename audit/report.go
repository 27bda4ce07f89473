package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Verdict is what the audit says of an invariant.
type Verdict string

// The verdicts. An unproven invariant fails the audit as a broken one does.
const (
	OK       Verdict = "ok"
	Broken   Verdict = "BREACH"
	Unproven Verdict = "UNPROVEN"
)

// maxListed bounds each list of a report.
const maxListed = 20

// Figure is a number that was found, in won where it is money.
type Figure struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

// Breach names what does not fit and says how. There is no personal data in it.
type Breach struct {
	ID   string `json:"id"`
	What string `json:"what"`
}

// Invariant is what the audit found about one invariant.
type Invariant struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Verdict  Verdict  `json:"verdict"`
	Figures  []Figure `json:"figures"`
	Notes    []string `json:"notes,omitempty"`
	Breaches []Breach `json:"breaches,omitempty"`
	More     int      `json:"more,omitempty"` // breaches that are not listed
}

// Report is the outcome of an audit.
type Report struct {
	StartedAt  time.Time
	Took       time.Duration
	Invariants []Invariant
}

// Passed tells whether everything was proven.
func (r Report) Passed() bool { return len(r.Failed()) == 0 }

// Failed lists the invariants that were not proven.
func (r Report) Failed() []string {
	var ids []string
	for _, i := range r.Invariants {
		if i.Verdict != OK {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// Summary is the report in one line.
func (r Report) Summary() string {
	if r.Passed() {
		return "audit passed"
	}
	return "audit FAILED: " + strings.Join(r.Failed(), ", ")
}

// WriteText writes the report for people; its last line is the summary.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, i := range r.Invariants {
		i.writeText(&b)
	}
	fmt.Fprintf(&b, "took %s\n%s\n", r.Took.Round(time.Millisecond), r.Summary())
	_, err := io.WriteString(w, b.String())
	return err
}

const indent = "             "

func (i Invariant) writeText(b *strings.Builder) {
	figures := make([]string, len(i.Figures))
	for n, f := range i.Figures {
		figures[n] = fmt.Sprintf("%s %d", f.Name, f.Value)
	}
	fmt.Fprintf(b, "%s %-8s  %s: %s\n", i.ID, i.Verdict, i.Name, strings.Join(figures, ", "))
	for _, note := range i.Notes {
		fmt.Fprintf(b, "%s%s\n", indent, note)
	}
	for _, breach := range i.Breaches {
		fmt.Fprintf(b, "%s%s: %s\n", indent, breach.ID, breach.What)
	}
	if i.More > 0 {
		fmt.Fprintf(b, "%sand %d more\n", indent, i.More)
	}
}

// WriteJSON writes the same for programs.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Passed     bool        `json:"passed"`
		Summary    string      `json:"summary"`
		StartedAt  time.Time   `json:"startedAt"`
		TookMillis int64       `json:"tookMillis"`
		Invariants []Invariant `json:"invariants"`
	}{r.Passed(), r.Summary(), r.StartedAt, r.Took.Milliseconds(), r.Invariants})
}

// finding is an invariant that is being examined.
type finding struct{ Invariant }

func newFinding(id, name string) *finding {
	return &finding{Invariant{ID: id, Name: name, Verdict: OK, Figures: []Figure{}}}
}

func (f *finding) breach(id, what string, args ...any) {
	f.Verdict = Broken
	if len(f.Breaches) == maxListed {
		f.More++
		return
	}
	f.Breaches = append(f.Breaches, Breach{ID: id, What: fmt.Sprintf(what, args...)})
}

// unproven says what kept the invariant from being proven; a breach weighs more.
func (f *finding) unproven(why string, args ...any) {
	if f.Verdict == OK {
		f.Verdict = Unproven
	}
	f.note(why, args...)
}

func (f *finding) figure(name string, value int64) {
	f.Figures = append(f.Figures, Figure{Name: name, Value: value})
}

func (f *finding) note(text string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(text, args...))
}
