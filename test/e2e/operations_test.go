package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// routeCount is a line of the gateway's own count of its answers.
var routeCount = regexp.MustCompile(`(?m)^durapay_http_request_duration_seconds_count\{([^}]*)\} (\d+)`)

// everyOperationSucceeded tells of operations of the document that no test has used
// rightly: the gateway counts what it answers, by route and status.
func everyOperationSucceeded(ctx context.Context, p *harness.Platform) error {
	served, err := servedRoutes(ctx, p)
	if err != nil {
		return err
	}
	a, err := p.Do(ctx, harness.Call{Method: http.MethodGet, Path: "/openapi.json"})
	if err != nil {
		return err
	}
	var d document
	if err := json.Unmarshal(a.Body, &d); err != nil {
		return fmt.Errorf("/openapi.json: %w", err)
	}
	if len(d.Paths) == 0 {
		return errors.New("/openapi.json has no paths")
	}
	var unused []string
	for path, methods := range d.Paths {
		for method, o := range methods {
			if !served[strings.ToUpper(method)+" "+path] {
				unused = append(unused, o.OperationID)
			}
		}
	}
	if len(unused) > 0 {
		slices.Sort(unused)
		return fmt.Errorf("operations that no test has seen succeed: %s", unused)
	}
	return nil
}

// servedRoutes gives the routes that were answered with a success, "GET /v1/flows/{id}".
func servedRoutes(ctx context.Context, p *harness.Platform) (map[string]bool, error) {
	a, err := p.Do(ctx, harness.Call{Method: http.MethodGet, Path: "/metrics"})
	if err != nil {
		return nil, err
	}
	served := map[string]bool{}
	for _, line := range routeCount.FindAllStringSubmatch(string(a.Body), -1) {
		if strings.HasPrefix(label(line[1], "status"), "2") {
			served[label(line[1], "method")+" "+parameters.ReplaceAllString(label(line[1], "route"), "{$1}")] = true
		}
	}
	return served, nil
}

// parameters are those of a path as the router writes them.
var parameters = regexp.MustCompile(`[:*](\w+)`)

func label(labels, name string) string {
	_, rest, _ := strings.Cut(labels, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// Where a flow stands is its owner's to know, and the operators', and nobody else's.
func TestD31_EveryFlowIsFoundByItsOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	member, owner, shop, staff := w.m.Token, w.payer.Token, "shop", w.p.Operator(t)
	asks := func(who, flowID string) harness.Answer {
		c := harness.Call{Method: http.MethodGet, Path: "/v1/flows/" + flowID, Token: who}
		switch who {
		case shop:
			return w.f.Get(t, c.Path)
		case "another shop":
			return w.quiet.Get(t, c.Path)
		}
		return w.p.Call(t, c)
	}
	everybody := []string{member, owner, shop, "another shop", staff, as(t, "AUDITOR")}
	overseers := everybody[4:]
	for kind, c := range map[string]struct {
		id     string
		owners []string
		state  apiclient.State
	}{
		"payment":       {w.payment, []string{owner}, apiclient.Succeeded},
		"cancel":        {w.estate.cancel, []string{shop}, apiclient.Succeeded},
		"franchise":     {w.f.ID, []string{shop}, apiclient.Succeeded},
		"payout change": {w.payoutChange, []string{shop}, apiclient.Failed},
		"delivery":      {w.delivery, []string{shop}, apiclient.Succeeded},
		"statement":     {w.statement, []string{shop}, apiclient.Failed},
		"run":           {w.run, nil, apiclient.Succeeded},
		"notice":        {w.notice, nil, apiclient.Succeeded},
		"top-up":        {w.topUp, []string{member}, apiclient.Succeeded},
		"withdrawal":    {w.withdrawn, []string{member}, apiclient.Succeeded},
		"remittance":    {w.remitted, []string{member}, apiclient.Succeeded},
		"link":          {w.m.AccountID, []string{member}, apiclient.Succeeded},
	} {
		t.Run(kind, func(t *testing.T) {
			for _, who := range everybody {
				a := asks(who, c.id)
				if !slices.Contains(append(c.owners, overseers...), who) {
					requireCode(t, http.StatusNotFound, "flow_not_found", a)
					continue
				}
				flow := harness.Read[apiclient.Flow](t, a, http.StatusOK)
				require.Equal(t, []any{c.id, c.state, true}, []any{flow.ID, flow.State, flow.Final})
				require.Equal(t, c.state == apiclient.Failed, flow.Failure != nil)
				require.NotEmpty(t, flow.Doing)
			}
			requireCode(t, http.StatusUnauthorized, "token_missing", asks("", c.id))
		})
	}
}
