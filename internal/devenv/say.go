package devenv

import (
	"fmt"
	"io"
	"sync"
)

// Say prints one line of progress.
type Say func(format string, args ...any)

// NewSay writes lines to w, one at a time.
func NewSay(w io.Writer) Say {
	var mu sync.Mutex
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, format+"\n", args...) // nobody is left to tell when this fails
	}
}
