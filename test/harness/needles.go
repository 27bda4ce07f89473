package harness

import (
	"bytes"
	"encoding/binary"
)

// startLen is how many bytes of a form it is looked up by.
const startLen = 8

// needles finds many texts in one pass: a test run tells thousands of them, and what it
// leaves behind are hundreds of megabytes.
type needles struct {
	byStart map[uint64][]needle
	maybe   [1 << 16]bool // whether any form starts with bytes of this sum
	short   []needle      // forms of less than startLen bytes
}

// needle is one form of a text.
type needle struct {
	text string
	form []byte
}

// newNeedles takes the forms of each text.
func newNeedles(all map[string][]string) *needles {
	n := &needles{byStart: map[uint64][]needle{}}
	for text, forms := range all {
		for _, form := range forms {
			one := needle{text, []byte(form)}
			if len(form) < startLen {
				n.short = append(n.short, one)
				continue
			}
			start := binary.BigEndian.Uint64(one.form)
			n.byStart[start] = append(n.byStart[start], one)
			n.maybe[sum(start)] = true
		}
	}
	return n
}

func sum(start uint64) uint16 { return uint16((start * 0x9E3779B97F4A7C15) >> 48) }

// in gives the texts that have a form in the content.
func (n *needles) in(content []byte) map[string]bool {
	found := map[string]bool{}
	for _, one := range n.short {
		if bytes.Contains(content, one.form) {
			found[one.text] = true
		}
	}
	var start uint64
	for i, b := range content {
		start = start<<8 | uint64(b)
		if i < startLen-1 || !n.maybe[sum(start)] {
			continue
		}
		for _, one := range n.byStart[start] {
			if bytes.HasPrefix(content[i-startLen+1:], one.form) {
				found[one.text] = true
			}
		}
	}
	return found
}
