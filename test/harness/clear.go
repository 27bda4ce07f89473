package harness

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// clearTexts are what members have told: personal data and passwords. None of it may be
// in any table, log or history.
type clearTexts struct {
	mu    sync.Mutex
	texts map[string]bool
}

func (c *clearTexts) add(texts ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.texts == nil {
		c.texts = map[string]bool{}
	}
	for _, text := range texts {
		c.texts[text] = true
	}
}

// encodings gives each text as it would look in clear, in hexadecimal and in base64.
// Base64 depends on what stands before a text, so all three alignments are looked for.
func (c *clearTexts) encodings() map[string][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string][]string{}
	for text := range c.texts {
		all[text] = append([]string{text, hex.EncodeToString([]byte(text))}, base64Forms(text)...)
	}
	return all
}

func base64Forms(text string) []string {
	forms := make([]string, 3)
	for shift := range forms {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + text))
		// The first and the last characters hold bits of the neighbours too.
		forms[shift] = encoded[(shift*8+5)/6 : len(encoded)-1]
	}
	return forms
}

// Secret makes the end of the tests look for these texts too.
func (p *Platform) Secret(texts ...string) { p.clear.add(texts...) }

// FindClear looks for what members have told in every column of every table of the
// platform, in everything that Temporal keeps, and in the logs. It gives what it found
// and where.
func (p *Platform) FindClear(ctx context.Context) ([]string, error) {
	places, err := p.places(ctx)
	if err != nil {
		return nil, err
	}
	n := newNeedles(p.clear.encodings())
	var found []string
	for where, content := range places {
		for text := range n.in(content) {
			found = append(found, fmt.Sprintf("%q in %s", text, where))
		}
	}
	slices.Sort(found)
	return found, nil
}

func (p *Platform) places(ctx context.Context) (map[string][]byte, error) {
	places := map[string][]byte{}
	var err error
	if places["the database"], err = p.dump(ctx); err != nil {
		return nil, err
	}
	if places["Temporal"], err = p.histories(ctx); err != nil {
		return nil, err
	}
	for _, path := range p.Logs() {
		if places[path], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return places, nil
}
