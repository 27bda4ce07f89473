// Package arch keeps the house: which package may import which. The folders are the
// architecture, and an arrow that runs the wrong way is found here and not in a review.
package arch

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
)

// module is the path of this module.
const module = "durapay/"

// graph maps each package to what it imports, both by import path.
type graph map[string][]string

// rule forbids arrows from some packages.
type rule struct {
	name string
	// from tells whether the rule is about this package (its path within the module).
	from func(pkg string) bool
	// never tells whether this import is forbidden. Paths within the module come
	// without its name, and with ours set.
	never func(pkg, imported string, ours bool) bool
	// deep looks at everything the package reaches, and not only at what it imports.
	deep bool
}

// rules are the table of docs/architecture.md.
var rules = []rule{
	{name: "a service's rules know no storage, no web and no Temporal", from: isServiceRoot,
		never: func(_, imp string, ours bool) bool { return !ours && (isSQL(imp) || isWeb(imp) || isTemporal(imp)) }},
	{name: "services meet only in flows", from: isService,
		never: func(pkg, imp string, ours bool) bool {
			return ours && isService(imp) && serviceOf(imp) != serviceOf(pkg) && imp != ledger
		}},
	{name: "a service's rules know nothing above or beside them", from: isServiceRoot,
		never: func(pkg, imp string, ours bool) bool {
			return ours && !slices.Contains([]string{"errs", ledger}, imp) && !under(imp, "internal") && imp != pkg && !isServiceRoot(imp)
		}},
	{name: "storage knows its own service only", from: isStore,
		never: func(pkg, imp string, ours bool) bool {
			if !ours {
				return isWeb(imp) || isTemporal(imp)
			}
			return !(imp == "errs" || under(imp, "internal") || isService(imp))
		}},
	{name: "a bank's client knows no storage", from: func(pkg string) bool { return pkg == "services/banking/bankapi" },
		never: func(_, imp string, ours bool) bool { return ours && isStore(imp) || !ours && isSQL(imp) }},
	{name: "the contract knows only values", from: func(pkg string) bool { return pkg == contract },
		never: func(_, imp string, ours bool) bool {
			if !ours {
				return isSQL(imp) || isWeb(imp) || imp == temporalClient || imp == "go.temporal.io/sdk/worker"
			}
			return !slices.Contains([]string{"errs", "internal/id", "internal/record", ledger}, imp)
		}},
	{name: "flows reach no database", from: isFlows, deep: true,
		never: func(_, imp string, ours bool) bool {
			return isSQL(imp) || ours && (isStore(imp) || imp == "activities")
		}},
	{name: "flows act only through activities", from: isFlows,
		never: func(_, imp string, ours bool) bool {
			if !ours {
				return isWeb(imp) || imp == temporalClient || imp == "net/http" || imp == "math/rand" || imp == "os" || imp == "sync"
			}
			return under(imp, "gateway") || imp == "workers" || imp == "activities" || isStore(imp)
		}},
	{name: "activities call services and nothing else of ours", from: func(pkg string) bool { return pkg == "activities" },
		never: func(_, imp string, ours bool) bool {
			if !ours {
				return isSQL(imp) || isWeb(imp)
			}
			return !(imp == "errs" || imp == contract || under(imp, "internal") || isServiceRoot(imp) || imp == ledger)
		}},
	{name: "workers wire flows and activities", from: func(pkg string) bool { return pkg == "workers" },
		never: func(_, imp string, ours bool) bool { return ours && (under(imp, "gateway") || isStore(imp)) }},
	{name: "the gateway moves no money itself", from: func(pkg string) bool { return under(pkg, "gateway") },
		never: func(_, imp string, ours bool) bool {
			if !ours {
				return isSQL(imp)
			}
			return imp == "workflows" || imp == "activities" || imp == "workers" || isStore(imp) || imp == "services/banking/bankapi"
		}},
	{name: "the auditor and the bank share no code with the services", from: func(pkg string) bool { return under(pkg, "audit") || under(pkg, "bank") },
		never: func(_, imp string, ours bool) bool {
			return ours && !under(imp, "internal") && imp != contract && imp != "errs" && !under(imp, "audit") && !under(imp, "bank")
		}},
	{name: "errors and plumbing know no business", from: func(pkg string) bool { return pkg == "errs" || isPlumbing(pkg) },
		never: func(_, imp string, ours bool) bool { return ours && imp != "errs" && !under(imp, "internal") }},
	{name: "outsiders use public APIs only", from: func(pkg string) bool { return pkg == "internal/demo" || pkg == "internal/apiclient" },
		never: func(_, imp string, ours bool) bool { return ours && !under(imp, "internal") || !ours && isSQL(imp) }},
}

const (
	contract       = "workflows/contract"
	ledger         = "services/money/ledger"
	temporalClient = "go.temporal.io/sdk/client"
)

// violations lists every forbidden arrow, sorted.
func violations(g graph) []string {
	var out []string
	for pkg := range g {
		own := strings.TrimPrefix(pkg, module)
		for _, r := range rules {
			if !strings.HasPrefix(pkg, module) || !r.from(own) {
				continue
			}
			imports := g[pkg]
			if r.deep {
				imports = reach(g, pkg)
			}
			for _, imp := range imports {
				if r.never(own, strings.TrimPrefix(imp, module), strings.HasPrefix(imp, module)) {
					out = append(out, fmt.Sprintf("%s imports %s: %s", own, imp, r.name))
				}
			}
		}
	}
	sort.Strings(out)
	return out
}

// reach lists everything that a package depends on.
func reach(g graph, pkg string) []string {
	seen := map[string]bool{}
	queue := slices.Clone(g[pkg])
	for len(queue) > 0 { // each package enters once
		next := queue[0]
		queue = queue[1:]
		if !seen[next] {
			seen[next] = true
			queue = append(queue, g[next]...)
		}
	}
	out := make([]string, 0, len(seen))
	for p := range seen {
		out = append(out, p)
	}
	return out
}

func under(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

func isService(pkg string) bool { return strings.HasPrefix(pkg, "services/") }

func serviceOf(pkg string) string { return strings.Split(pkg, "/")[1] }

// isStore tells a package that holds SQL: services/x/xdb.
func isStore(pkg string) bool { return isService(pkg) && strings.HasSuffix(path.Base(pkg), "db") }

// isServiceRoot tells the packages with a service's rules: its root and the ledger.
func isServiceRoot(pkg string) bool {
	return isService(pkg) && (strings.Count(pkg, "/") == 1 || pkg == ledger)
}

func isFlows(pkg string) bool { return pkg == "workflows" }

// isPlumbing tells the packages under internal that everything may stand on. The
// development environment is not one: it starts the platform.
func isPlumbing(pkg string) bool { return under(pkg, "internal") && !under(pkg, "internal/devenv") }

func isSQL(imp string) bool {
	return imp == "database/sql" || imp == "github.com/jmoiron/sqlx" || strings.HasPrefix(imp, "github.com/go-sql-driver/") || strings.HasPrefix(imp, "github.com/pressly/goose")
}

func isWeb(imp string) bool {
	return imp == "net/http" || strings.HasPrefix(imp, "github.com/gin-gonic/")
}

func isTemporal(imp string) bool { return strings.HasPrefix(imp, "go.temporal.io/") }
