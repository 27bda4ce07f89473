package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	promise   = regexp.MustCompile(`(?m)^\| (D\d\d) \|`)
	namedTest = regexp.MustCompile(`(?m)^func Test((?:D\d\d_)+)\w+\(`)
	number    = regexp.MustCompile(`D\d\d`)
)

// Every promise of docs/promises.md has a test from outside that carries its number, and
// every number that a test carries is a promise.
func TestEveryPromiseHasATest(t *testing.T) {
	page, err := os.ReadFile("../../docs/promises.md")
	require.NoError(t, err)
	promised := map[string]bool{}
	for _, m := range promise.FindAllSubmatch(page, -1) {
		promised[string(m[1])] = true
	}
	require.NotEmpty(t, promised)
	tested := numbersOfTests(t)
	for d := range promised {
		require.True(t, tested[d], "no test is named after %s", d)
	}
	for d := range tested {
		require.True(t, promised[d], "%s is no promise", d)
	}
}

func numbersOfTests(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../*/*_test.go")
	require.NoError(t, err)
	numbers := map[string]bool{}
	for _, f := range files {
		source, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, m := range namedTest.FindAllSubmatch(source, -1) {
			for _, d := range number.FindAll(m[1], -1) {
				numbers[string(d)] = true
			}
		}
	}
	return numbers
}
