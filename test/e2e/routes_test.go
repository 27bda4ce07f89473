package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"durapay/test/harness"
)

// schema is the part of a Swagger schema that bodies are spoilt by.
type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Properties map[string]schema
}

// document is the generated description of all routes.
type document struct {
	Paths       map[string]map[string]operation
	Definitions map[string]schema
}

type operation struct {
	OperationID string
	Parameters  []struct {
		Name, In string
		Schema   schema
	}
	Security []map[string][]string
}

func readDocument(t *testing.T) document {
	t.Helper()
	root, err := harness.Checkout()
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(root, "gateway", "docs", "swagger.json"))
	require.NoError(t, err)
	var d document
	require.NoError(t, json.Unmarshal(content, &d))
	require.NotEmpty(t, d.Paths)
	return d
}

// resolve follows a reference.
func (d document) resolve(s schema) schema {
	if name, found := strings.CutPrefix(s.Ref, "#/definitions/"); found {
		return d.Definitions[name]
	}
	return s
}

// route is one route with what a test needs to use it rightly.
type route struct {
	rule
	method, path string
	body         *schema
}

// rule is what the acceptance table says of a route.
type rule struct {
	public bool
	roles  []string                         // who may use it; all others are told 403 or 404
	id     func(w *world) string            // an id that belongs to the world's member
	valid  func(t *testing.T, w *world) any // a body that is right
	money  bool                             // needs an Idempotency-Key
	// empty tells that nothing, or null, is a right body.
	empty bool
	// shared tells that what the id names is readable by every one of the roles.
	shared bool
}

// world is what the routes are tried on.
type world struct {
	p                *harness.Platform
	m                *harness.Member
	stranger         *harness.Member
	topUp, withdrawn string
	remitted, fbk    string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	p := harness.Shared(t)
	w := &world{p: p, m: p.NewMember(t).WithAccount(t, 1_000_000), stranger: p.NewMember(t)}
	w.topUp = w.m.End(t, w.m.TopUp(t, newKey(), 300_000)).ID
	w.withdrawn = w.m.End(t, w.m.Withdraw(t, newKey(), 1_000)).ID
	w.remitted = w.m.End(t, w.m.Remit(t, newKey(), p.NewMember(t).ID, 1_000)).ID
	w.fbk = firmbankings(t, w.topUp)[0].ID
	return w
}

// The roles, and who may do what with them.
var (
	anyone   = []string{"MEMBER", "FRANCHISE", "OPERATOR", "AUDITOR"}
	members  = []string{"MEMBER"}
	readers  = []string{"MEMBER", "OPERATOR", "AUDITOR"}
	seers    = []string{"OPERATOR", "AUDITOR"}
	operates = []string{"OPERATOR"}
)

func money(_ *testing.T, w *world) any { return w.m.Money(1_000) }

// rules has every route of the document, by its operationId.
var rules = map[string]rule{
	"jwks": {public: true}, "livez": {public: true}, "readyz": {public: true},
	"loginMembership": {public: true, valid: func(_ *testing.T, w *world) any { return login(w.m.Email, "correct-Horse-7-battery") }},
	"refreshJwtTokenByRefreshToken": {public: true, valid: func(t *testing.T, w *world) any {
		return map[string]string{"refreshToken": w.p.Login(t, w.m.Email, "correct-Horse-7-battery").RefreshToken}
	}},
	"registerMembership":      {public: true, valid: func(_ *testing.T, w *world) any { return w.p.Sheet() }},
	"registerMembershipEvent": {public: true, valid: func(_ *testing.T, w *world) any { return w.p.Sheet() }},

	"logout":                  {roles: anyone, valid: func(*testing.T, *world) any { return map[string]string{"refreshToken": "x"} }},
	"validateJwtToken":        {roles: anyone, valid: func(_ *testing.T, w *world) any { return map[string]string{"token": w.m.Token} }},
	"getMembershipByJwtToken": {roles: anyone},
	"findMembership":          {roles: anyone, id: func(w *world) string { return w.m.ID }},
	"modifyMembership": {roles: anyone, id: func(w *world) string { return w.m.ID }, empty: true, valid: func(_ *testing.T, w *world) any {
		return map[string]any{"name": w.m.Name, "phone": w.m.Phone, "address": map[string]string{"region": "SEOUL", "detail": w.m.Detail}}
	}},

	"registerBankAccount": {roles: members, valid: func(t *testing.T, w *world) any {
		return harness.LinkBody(w.p.OpenAccount(t, "088", w.m.Name, 0))
	}},
	"registerBankAccountByEvent": {roles: members, valid: func(t *testing.T, w *world) any {
		return harness.LinkBody(w.p.OpenAccount(t, "088", w.m.Name, 0))
	}},
	"findBankAccount":     {roles: members},
	"findBankAccountById": {roles: members, id: func(w *world) string { return w.m.AccountID }},
	"unlinkBankAccount":   {roles: members, id: func(w *world) string { return w.m.AccountID }},
	"requestFirmbanking": {roles: operates, money: true, valid: func(t *testing.T, w *world) any {
		return firmbankingBody("DEBIT", w.p.OpenAccount(t, "020", "Landlord", 10_000), 1_000)
	}},
	"requestFirmbankingByEvent": {roles: operates, money: true, valid: func(t *testing.T, w *world) any {
		return firmbankingBody("DEBIT", w.p.OpenAccount(t, "020", "Landlord", 10_000), 1_000)
	}},
	"findFirmbanking":     {roles: seers},
	"findFirmbankingById": {roles: seers, id: func(w *world) string { return w.fbk }, shared: true},

	"createMemberMoney":           {roles: members, empty: true, valid: func(_ *testing.T, w *world) any { return map[string]string{"membershipId": w.m.ID} }},
	"increaseMoneyRequest":        {roles: members, money: true, valid: money},
	"increaseMoneyRequestByEvent": {roles: members, money: true, valid: money},
	"decreaseMoneyRequest":        {roles: members, money: true, valid: money},
	"decreaseMoneyRequestByEvent": {roles: members, money: true, valid: money},
	"findTopUp":                   {roles: readers, id: func(w *world) string { return w.topUp }},
	"findWithdrawal":              {roles: readers, id: func(w *world) string { return w.withdrawn }},
	"getBalanceRequest":           {roles: readers, id: func(w *world) string { return w.m.ID }},
	"findMoneyHistory":            {roles: readers, id: func(w *world) string { return w.m.ID }},

	"requestRemittance": {roles: members, money: true, valid: func(_ *testing.T, w *world) any {
		return map[string]any{"to": map[string]string{"membershipId": w.stranger.ID}, "amount": 1, "memo": "점심", "autoTopUp": map[string]string{"bankAccountId": w.m.AccountID}}
	}},
	"findRemittanceHistory": {roles: members},
	"findRemittance":        {roles: readers, id: func(w *world) string { return w.remitted }},
	"findFlow":              {roles: anyone, id: func(w *world) string { return w.topUp }},
}

// routes gives every route of the document with its rule, by operationId. A route that
// has none, and a rule that has no route, fail the test.
func routes(t *testing.T) map[string]route {
	t.Helper()
	all := map[string]route{}
	d := readDocument(t)
	for path, methods := range d.Paths {
		for method, o := range methods {
			r, known := rules[o.OperationID]
			require.True(t, known, "a new route: say in rules who may use it: %s %s %s", method, path, o.OperationID)
			require.Equal(t, r.public, len(o.Security) == 0, "%s: public in the rules, in the document", o.OperationID)
			next := route{rule: r, method: strings.ToUpper(method), path: path}
			for _, p := range o.Parameters {
				if p.In == "body" {
					body := d.resolve(p.Schema)
					next.body = &body
				}
			}
			require.Equal(t, next.body != nil, r.valid != nil, "%s has a body, in the document and in the rules", o.OperationID)
			all[o.OperationID] = next
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(rules)), slices.Collect(maps.Keys(all)))
	return all
}

// at gives the route's address with an id in the place of its parameter.
func (r route) at(id string) string {
	before, rest, found := strings.Cut(r.path, "{")
	if !found {
		return r.path
	}
	_, after, _ := strings.Cut(rest, "}")
	return before + id + after
}

// call makes a right request with the world's own id.
func (r route) call(t *testing.T, w *world, token string) harness.Call {
	t.Helper()
	c := harness.Call{Method: r.method, Path: r.path, Token: token}
	if r.id != nil {
		c.Path = r.at(r.id(w))
	}
	if r.valid != nil {
		c.Body = r.valid(t, w)
	}
	if r.money {
		c.Key = newKey()
	}
	return c
}

// token gives a token that may use the route: the world's member's where members may.
func (r route) token(t *testing.T, w *world) string {
	t.Helper()
	switch {
	case r.public:
		return ""
	case slices.Contains(r.roles, "MEMBER"):
		return w.m.Token
	default:
		return w.p.Operator(t)
	}
}

// as mints a token of a role for nobody in particular.
func as(t *testing.T, role string) string {
	t.Helper()
	return mint(t, "mem_01JZ0000000000000000000000", role, func(jwt.MapClaims, map[string]any) {})
}
