package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestArrows reads the sources and fails on a forbidden arrow.
func TestArrows(t *testing.T) {
	require.Empty(t, violations(sources(t)))
}

// sources lists every package that the module's own packages reach, tests left out.
func sources(t *testing.T) graph {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports", "durapay/...")
	out, err := cmd.Output()
	require.NoError(t, err)
	g := graph{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		g[p.ImportPath] = p.Imports
	}
	for _, must := range []string{"durapay/workflows", "durapay/gateway", "durapay/services/money", "durapay/services/money/moneydb", "durapay/audit", "durapay/bank"} {
		_, read := g[must]
		require.True(t, read, "%s was not read", must)
	}
	return g
}

// TestABrokenArrowIsFound is the test of the test: each rule catches what it is for.
func TestABrokenArrowIsFound(t *testing.T) {
	for _, broken := range []struct{ from, to string }{
		{"durapay/services/money", "github.com/jmoiron/sqlx"},
		{"durapay/services/money", "durapay/services/membership"},
		{"durapay/services/money", "durapay/services/money/moneydb"},
		{"durapay/services/money", "durapay/workflows/contract"},
		{"durapay/services/money", "go.temporal.io/sdk/temporal"},
		{"durapay/services/money", "net/http"},
		{"durapay/services/money/ledger", "database/sql"},
		{"durapay/services/money/moneydb", "durapay/services/remittance"},
		{"durapay/services/money/moneydb", "durapay/gateway"},
		{"durapay/services/banking/bankapi", "durapay/services/banking/bankingdb"},
		{"durapay/workflows/contract", "durapay/activities"},
		{"durapay/workflows/contract", "durapay/services/banking"},
		{"durapay/workflows", "durapay/activities"},
		{"durapay/workflows", "database/sql"},
		{"durapay/workflows", "go.temporal.io/sdk/client"},
		{"durapay/workflows", "github.com/gin-gonic/gin"},
		{"durapay/activities", "durapay/workflows"},
		{"durapay/activities", "durapay/services/money/moneydb"},
		{"durapay/workers", "durapay/gateway"},
		{"durapay/gateway", "durapay/workflows"},
		{"durapay/gateway", "durapay/services/money/moneydb"},
		{"durapay/gateway/problem", "durapay/activities"},
		{"durapay/audit", "durapay/services/money"},
		{"durapay/bank", "durapay/services/banking"},
		{"durapay/errs", "durapay/services/money"},
		{"durapay/internal/mysqlx", "durapay/services/money"},
		{"durapay/internal/demo", "durapay/services/money"},
	} {
		t.Run(broken.from+" to "+broken.to, func(t *testing.T) {
			found := violations(graph{broken.from: {broken.to}})
			require.NotEmpty(t, found)
			require.Contains(t, found[0], strings.TrimPrefix(broken.from, module))
		})
	}
}

// TestAHiddenDatabaseIsFound: a flow must not reach a database through somebody else.
func TestAHiddenDatabaseIsFound(t *testing.T) {
	g := graph{
		"durapay/workflows":       {"durapay/internal/record"},
		"durapay/internal/record": {"example.org/helper"},
		"example.org/helper":      {"database/sql"},
	}
	require.Len(t, violations(g), 1)
}

// TestAllowedArrowsPass: the rules do not forbid the house itself.
func TestAllowedArrowsPass(t *testing.T) {
	require.Empty(t, violations(graph{
		"durapay/gateway":                {"durapay/workflows/contract", "durapay/services/money", "github.com/gin-gonic/gin", "net/http", "go.temporal.io/sdk/client"},
		"durapay/workflows":              {"durapay/workflows/contract", "durapay/services/remittance", "durapay/services/money/ledger", "go.temporal.io/sdk/workflow"},
		"durapay/activities":             {"durapay/workflows/contract", "durapay/services/money", "go.temporal.io/sdk/temporal"},
		"durapay/services/money":         {"durapay/errs", "durapay/services/money/ledger", "durapay/internal/record"},
		"durapay/services/money/moneydb": {"durapay/services/money", "durapay/services/money/ledger", "github.com/jmoiron/sqlx", "durapay/internal/mysqlx"},
	}))
}
