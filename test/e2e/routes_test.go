package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// schema is the part of a Swagger schema that bodies are spoilt by.
type schema struct {
	Ref        string `json:"$ref"`
	AllOf      []schema
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

// resolve follows a reference, also one that has words of its own beside it.
func (d document) resolve(s schema) schema {
	if len(s.AllOf) == 1 {
		return d.resolve(s.AllOf[0])
	}
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
	// fixed stands in the place of the path's parameter, where it is no id.
	fixed string
	// rest is what stands in the place of the path's second parameter.
	rest func(w *world) string
	// tagged tells that a change needs the ETag of what it changes.
	tagged bool
	// apart has fields that do not go with the right body: they have tests of their own.
	apart []string
	// zero has the fields for which 0 is a right value.
	zero []string
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
	paid, cancelled  string
	*estate
}

func newWorld(t *testing.T) *world {
	t.Helper()
	p := harness.Shared(t)
	w := &world{p: p, m: p.NewMember(t).WithAccount(t, 1_000_000), stranger: p.NewMember(t), estate: theEstate(t)}
	w.topUp = w.m.End(t, w.m.TopUp(t, newKey(), 300_000)).ID
	w.withdrawn = w.m.End(t, w.m.Withdraw(t, newKey(), 1_000)).ID
	w.remitted = w.m.End(t, w.m.Remit(t, newKey(), p.NewMember(t).ID, 1_000)).ID
	w.fbk = firmbankings(t, w.topUp)[0].ID
	w.paid = w.m.MustPay(t, w.f, 2_000).ID
	w.cancelled = w.f.MustCancel(t, w.paid, 1_000).ID
	return w
}

// The roles, and who may do what with them.
var (
	anyone   = []string{"MEMBER", "FRANCHISE", "OPERATOR", "AUDITOR"}
	members  = []string{"MEMBER"}
	readers  = []string{"MEMBER", "OPERATOR", "AUDITOR"}
	seers    = []string{"OPERATOR", "AUDITOR"}
	operates = []string{"OPERATOR"}
	merchant = []string{"FRANCHISE", "OPERATOR"}
	onlooker = []string{"FRANCHISE", "OPERATOR", "AUDITOR"}
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
	"cancelRemittance":      {roles: members, id: func(w *world) string { return w.remitted }},
	"findFlow":              {roles: anyone, id: func(w *world) string { return w.topUp }},

	"receiveBankNotice":      {public: true}, // signed by the bank: TestD17_OnlyTheBanksOwnNoticesAreTaken
	"findBankNotices":        {roles: seers},
	"findBankNotice":         {roles: seers, id: func(w *world) string { return w.notice }, shared: true},
	"queryMoneySumByRegions": {roles: seers},
	"queryMoneySumByRegion":  {roles: seers, fixed: "SEOUL"},

	"listFeeTiers":   {roles: anyone},
	"listFranchises": {roles: seers},
	"findFranchise":  {roles: anyone, id: itsFranchise, shared: true},
	"registerFranchise": {roles: operates, apart: []string{"/contract/tier"}, zero: contractZeros, valid: func(t *testing.T, w *world) any {
		return w.p.FranchiseSheet(t, harness.Daily(100))
	}},
	"modifyFranchise": {roles: operates, id: itsFranchise, shared: true, tagged: true, empty: true, apart: []string{"/contract"},
		valid: func(_ *testing.T, w *world) any { return map[string]string{"name": w.f.Sheet.Name} }},
	"findPayoutChange":     {roles: merchant, id: itsFranchise, rest: func(w *world) string { return w.payoutChange }, shared: true},
	"listFranchiseApiKeys": {roles: merchant, id: itsFranchise, shared: true},
	"createFranchiseApiKey": {roles: merchant, id: itsFranchise, shared: true,
		valid: func(*testing.T, *world) any { return map[string]string{"label": "계산대"} }},
	"revokeFranchiseApiKey": {roles: merchant, id: itsFranchise, rest: func(w *world) string { return w.f.KeyID }, shared: true},
	"findWebhook":           {roles: merchant, id: quietFranchise, shared: true},
	"setWebhook": {roles: merchant, id: quietFranchise, shared: true,
		valid: func(*testing.T, *world) any { return map[string]string{"url": "http://127.0.0.1:1/"} }},
	"removeWebhook":         {roles: merchant, id: quietFranchise, shared: true},
	"rotateWebhookSecret":   {roles: merchant, id: quietFranchise, shared: true},
	"listWebhookDeliveries": {roles: merchant, id: itsFranchise, shared: true},
	"findWebhookDelivery":   {roles: merchant, id: itsFranchise, rest: func(w *world) string { return w.delivery }, shared: true},

	"requestPayment": {roles: members, money: true, zero: []string{"/taxFreeAmount"}, valid: func(_ *testing.T, w *world) any {
		body := w.f.PayBody(1_000)
		body.AutoTopUp = &apiclient.AutoTopUp{BankAccountID: w.m.AccountID}
		return body
	}},
	"findPayments":            {roles: anyone},
	"getNormalStatusPayments": {roles: onlooker},
	"findPayment":             {roles: anyone, id: func(w *world) string { return w.paid }},
	"finishPayment":           {roles: operates, id: func(w *world) string { return w.paid }, shared: true},
	"cancelPayment": {roles: merchant, id: func(w *world) string { return w.paid }, money: true, shared: true,
		valid: func(*testing.T, *world) any { return map[string]any{"amount": 1, "reason": "재고 없음"} }},
	"findPaymentCancels": {roles: anyone, id: func(w *world) string { return w.paid }},
	"findPaymentCancel":  {roles: anyone, id: func(w *world) string { return w.paid }, rest: func(w *world) string { return w.cancelled }},

	"startSettlement": {roles: operates, money: true, valid: func(*testing.T, *world) any {
		return harness.RunBody{BusinessDate: harness.Today().String(), DryRun: true}
	}},
	"findSettlementRuns": {roles: seers},
	"findSettlementRun":  {roles: seers, id: itsRun, shared: true},
	"findRunStatements":  {roles: seers, id: itsRun, shared: true},
	"findStatements":     {roles: onlooker},
	"findStatement":      {roles: onlooker, id: itsStatement, shared: true},
	"findStatementLines": {roles: onlooker, id: itsStatement, shared: true},
	"downloadStatement":  {roles: onlooker, id: itsStatement, shared: true},
	"requestPayoutRetry": {roles: operates, id: itsStatement, shared: true, valid: func(*testing.T, *world) any {
		return map[string]string{"reason": "계좌가 다시 열렸습니다"}
	}},
	"findPayoutRetries":  {roles: seers, id: itsStatement, shared: true},
	"findPayoutRetry":    {roles: seers, id: itsRetry, shared: true},
	"approvePayoutRetry": {roles: operates, id: itsRetry, shared: true},
	"rejectPayoutRetry":  {roles: operates, id: itsRetry, shared: true},

	"getSettlementSchedule":    {roles: seers},
	"pauseSettlementSchedule":  {roles: operates, empty: true, valid: func(*testing.T, *world) any { return map[string]string{"note": "점검"} }},
	"resumeSettlementSchedule": {roles: operates},
	"backfillSettlementSchedule": {roles: operates, valid: func(*testing.T, *world) any {
		return map[string]string{"from": "2026-01-01", "until": "2026-01-01"} // a holiday: nothing is settled
	}},
}

// contractZeros are the figures of a contract that may be 0.
var contractZeros = []string{"/contract/feeBasisPoints", "/contract/payoutBusinessDays"}

func itsFranchise(w *world) string   { return w.f.ID }
func quietFranchise(w *world) string { return w.quiet.ID }
func itsRun(w *world) string         { return w.run }
func itsStatement(w *world) string   { return w.statement }
func itsRetry(w *world) string       { return w.retry }

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
			if r.fixed != "" {
				next.path = next.at(r.fixed)
			}
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

// of gives the route's address with an id, and what belongs to the world, in the places
// of its parameters.
func (r route) of(w *world, id string) string {
	path := r.at(id)
	if r.rest != nil {
		path = route{path: path}.at(r.rest(w))
	}
	return path
}

// at gives the route's address with an id in the place of its first parameter.
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
	c := r.bare(t, w, token)
	if r.valid != nil {
		c.Body = r.valid(t, w)
	}
	return c
}

// bare makes a request that is right but for its body.
func (r route) bare(t *testing.T, w *world, token string) harness.Call {
	t.Helper()
	c := harness.Call{Method: r.method, Path: r.path, Token: token}
	if r.id != nil {
		c.Path = r.of(w, r.id(w))
	}
	if r.money {
		c.Key = newKey()
	}
	if r.tagged {
		tag := w.p.Call(t, harness.Call{Method: http.MethodGet, Path: c.Path, Token: w.p.Operator(t)}).Header.Get("ETag")
		c.Header = map[string]string{"If-Match": tag}
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
