package gateway

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/internal/secret"
	"durapay/services/franchise"
	"durapay/services/membership"
	"durapay/workflows/contract"
)

// oneFranchise is a store with one franchise in it and, once set, its webhook.
type oneFranchise struct {
	franchise.Store
	row     franchise.Row
	change  *franchise.PayoutChangeRow
	webhook *franchise.WebhookRow
	keys    []franchise.KeyRow
}

func (o *oneFranchise) Begin(_ context.Context, rows []franchise.Row) ([]franchise.Row, error) {
	o.row = rows[0]
	return rows, nil
}

func (o *oneFranchise) Find(_ context.Context, id string) (franchise.Row, error) {
	if id != o.row.ID {
		return franchise.Row{}, franchise.ErrNotFound
	}
	return o.row, nil
}

func (o *oneFranchise) List(context.Context, page.Request, franchise.Status) ([]franchise.Row, error) {
	return []franchise.Row{o.row}, nil
}

func (o *oneFranchise) Update(_ context.Context, _ string, change func(franchise.Row) (franchise.Change, error)) (franchise.Row, error) {
	changed, err := change(o.row)
	if err == nil {
		o.row = changed.Row
	}
	return o.row, err
}

func (o *oneFranchise) FindPayoutChange(_ context.Context, id string) (franchise.PayoutChangeRow, error) {
	if o.change == nil || o.change.ID != id {
		return franchise.PayoutChangeRow{}, franchise.ErrNotFound
	}
	return *o.change, nil
}

func (o *oneFranchise) AddKey(_ context.Context, row franchise.KeyRow, _ int) error {
	o.keys = append(o.keys, row)
	return nil
}

func (o *oneFranchise) Keys(context.Context, string, page.Request) ([]franchise.KeyRow, error) {
	return o.keys, nil
}

func (o *oneFranchise) RevokeKey(_ context.Context, _, keyID string, at time.Time) error {
	for i := range o.keys {
		if o.keys[i].ID == keyID {
			o.keys[i].RevokedAt = &at
			return nil
		}
	}
	return franchise.ErrNotFound
}

func (o *oneFranchise) Webhook(context.Context, string) (franchise.WebhookRow, error) {
	if o.webhook == nil {
		return franchise.WebhookRow{}, franchise.ErrNotFound
	}
	return *o.webhook, nil
}

func (o *oneFranchise) SetWebhook(_ context.Context, row franchise.WebhookRow) error {
	o.webhook = &row
	return nil
}

// flowsOf takes what is to be started, and has each flow end with the outcome.
type flowsOf struct {
	client.Client
	started []any
	outcome contract.Outcome
	does    func() // what a flow does before it ends
}

type endedRun struct {
	client.WorkflowRun
	outcome contract.Outcome
}

func (r endedRun) Get(_ context.Context, into any) error {
	*into.(*contract.Outcome) = r.outcome
	return nil
}

func (f *flowsOf) ExecuteWorkflow(_ context.Context, _ client.StartWorkflowOptions, _ any, in ...any) (client.WorkflowRun, error) {
	f.started = append(f.started, in...)
	switch in := in[0].(type) {
	case contract.Franchise:
		f.outcome.Fingerprint = in.Fingerprint
	case contract.PayoutChange:
		f.outcome.Fingerprint = in.Fingerprint
	}
	if f.does != nil {
		f.does()
	}
	return nil, nil
}

func (f *flowsOf) GetWorkflow(context.Context, string, string) client.WorkflowRun {
	return endedRun{outcome: f.outcome}
}

// desk is the franchise routes with a caller of the test's choice.
type desk struct {
	t     *testing.T
	store *oneFranchise
	flows *flowsOf
	e     *gin.Engine
	who   caller

	registers func(franchiseID string) // makes this the franchise
}

var (
	theOperator = caller{ID: id.Derive(id.Member, "operator"), Role: membership.RoleOperator}
	theAuditor  = caller{ID: id.Derive(id.Member, "auditor"), Role: membership.RoleAuditor}
	aMember     = caller{ID: id.Derive(id.Member, "member"), Role: membership.RoleMember}
	theShop     = caller{ID: id.Derive(id.Franchise, "shop"), Role: membership.RoleFranchise}
	anotherShop = caller{ID: id.Derive(id.Franchise, "another"), Role: membership.RoleFranchise}
)

func newDesk(t *testing.T) *desk {
	ring, err := secret.ParseKeyRing("k:" + base64.StdEncoding.EncodeToString(make([]byte, 32)))
	require.NoError(t, err)
	index, err := secret.NewIndexer(make([]byte, 32))
	require.NoError(t, err)
	d := &desk{t: t, store: &oneFranchise{}, flows: &flowsOf{}, e: gin.New(), who: theOperator}
	service := franchise.New(d.store, nil, ring, franchise.Options{})
	d.registers = func(franchiseID string) { d.register(service, franchiseID) }
	d.registers(theShop.ID)
	deps := Dependencies{Franchise: service, Fingerprint: index, Temporal: d.flows, FlowWait: time.Second}
	s := &Server{Dependencies: deps, flows: newLauncher(deps)}
	d.e.ContextWithFallback = true
	d.e.Use(func(c *gin.Context) { c.Set(callerKey, d.who) })
	s.franchiseRoutes(d.e)
	return d
}

func (d *desk) register(service *franchise.Service, franchiseID string) {
	fee := 150
	_, err := service.Begin(d.t.Context(), []franchise.NewFranchise{{ID: franchiseID, Name: "하나커피", BusinessNumber: "124-81-00998", Contact: "김하나",
		Payout:   franchise.Payout{BankCode: "088", Number: "110234567890", HolderName: "하나커피"},
		Contract: franchise.NewContract{EffectiveFrom: "2025-03-01", FeeBasisPoints: &fee, Cycle: franchise.Daily, PayoutBusinessDays: 2}}})
	require.NoError(d.t, err)
	d.store.row.State, d.store.row.Status, d.store.row.Version = record.Succeeded, franchise.Active, 3
}

// asks sends a request; headers are name, value pairs.
func (d *desk) asks(who caller, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	d.who = who
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	d.e.ServeHTTP(answer, r)
	return answer
}

// answered reads an answer that must have this status.
func answered[T any](t *testing.T, answer *httptest.ResponseRecorder, status int) T {
	t.Helper()
	require.Equal(t, status, answer.Code, answer.Body)
	var body T
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &body), answer.Body)
	return body
}

type problemBody struct {
	Code   string `json:"code"`
	Errors []struct {
		Pointer string `json:"pointer"`
		Code    string `json:"code"`
	} `json:"errors"`
}

// pointers gives what a problem points at, each with its code.
func (p problemBody) pointers() map[string]string {
	all := map[string]string{}
	for _, e := range p.Errors {
		all[e.Pointer] = e.Code
	}
	return all
}

func TestWhoSeesWhatOfAFranchise(t *testing.T) {
	d := newDesk(t)
	read := func(who caller) map[string]any {
		return answered[map[string]any](t, d.asks(who, http.MethodGet, franchisePath(theShop.ID), ""), http.StatusOK)
	}
	for _, who := range []caller{theOperator, theShop} {
		seen := read(who)
		require.Equal(t, "김하나", seen["contact"])
		require.Equal(t, "ACTIVE", seen["state"])
		require.Equal(t, "********7890", seen["payout"].(map[string]any)["accountNumber"])
		require.EqualValues(t, 150, seen["contract"].(map[string]any)["feeBasisPoints"])
	}
	require.NotContains(t, read(theAuditor), "contact")
	require.Equal(t, map[string]any{"id": theShop.ID, "name": "하나커피", "state": "ACTIVE"}, read(aMember))
	require.Equal(t, http.StatusNotFound, d.asks(anotherShop, http.MethodGet, franchisePath(theShop.ID), "").Code)

	d.store.row.Status = franchise.Deactivated
	require.Equal(t, "DEACTIVATED", read(theAuditor)["state"])
	require.Equal(t, http.StatusNotFound, d.asks(aMember, http.MethodGet, franchisePath(theShop.ID), "").Code, "a member cannot pay there")

	d.store.row.Status, d.store.row.State = franchise.Unregistered, record.Failed
	d.store.row.Failure = record.FailureOf(errs.BankNameMismatch)
	failed := read(theOperator)
	require.Equal(t, "FAILED", failed["state"])
	require.Equal(t, "bank_name_mismatch", failed["failure"].(map[string]any)["code"])
}

func TestFranchiseRoutesAreForTheirRoles(t *testing.T) {
	d := newDesk(t)
	at := franchisePath(theShop.ID)
	none := franchisePath(id.Derive(id.Franchise, "none"))
	for _, tc := range []struct {
		who          caller
		method, path string
		want         int
	}{
		{theShop, http.MethodPost, "/v1/franchises", http.StatusForbidden},
		{theShop, http.MethodGet, "/v1/franchises", http.StatusForbidden},
		{theAuditor, http.MethodGet, "/v1/franchises", http.StatusOK},
		{theAuditor, http.MethodGet, "/v1/franchises?status=ON", http.StatusBadRequest},
		{theShop, http.MethodPatch, at, http.StatusForbidden},
		{theAuditor, http.MethodGet, at + "/api-keys", http.StatusForbidden},
		{aMember, http.MethodGet, at + "/webhook", http.StatusForbidden},
		{anotherShop, http.MethodGet, at + "/api-keys", http.StatusNotFound},
		{anotherShop, http.MethodDelete, at + "/webhook", http.StatusNotFound},
		{anotherShop, http.MethodPost, at + "/webhook/rotate-secret", http.StatusNotFound},
		{theOperator, http.MethodGet, none, http.StatusNotFound},
		{theOperator, http.MethodGet, none + "/api-keys", http.StatusNotFound},
		{theOperator, http.MethodGet, franchisePath("x"), http.StatusNotFound},
		{theShop, http.MethodDelete, at + "/api-keys/x", http.StatusNotFound},
		{theShop, http.MethodGet, at + "/webhook/deliveries/x", http.StatusNotFound},
		{theShop, http.MethodGet, at + "/payout-changes/x", http.StatusNotFound},
	} {
		require.Equal(t, tc.want, d.asks(tc.who, tc.method, tc.path, "").Code, "%s %s by %s", tc.method, tc.path, tc.who.Role)
	}
}

const aRegistration = `{"name":" 하나커피 ","businessNumber":"124-81-00998","contact":"김하나",
	"payout":{"bankCode":"088","accountNumber":"110-234-567890","holderName":"하나커피"},
	"contract":{"tier":{"yearlySales":280000000,"method":"CHECK"},"effectiveFrom":"2026-11-22","cycle":"DAILY","payoutBusinessDays":2}}`

func TestARegistrationIsWrittenInOneWayBeforeItsFlow(t *testing.T) {
	d := newDesk(t)
	d.flows.outcome.State = record.Succeeded
	started := func(body string) contract.Franchise {
		answer := d.asks(theOperator, http.MethodPost, "/v1/franchises", body, keyHeader, "k", "Prefer", "respond-async")
		require.Equal(t, http.StatusAccepted, answer.Code, answer.Body)
		return d.flows.started[len(d.flows.started)-1].(contract.Franchise)
	}
	in := started(aRegistration)
	require.Equal(t, "하나커피", in.Name)
	require.Equal(t, "1248100998", in.BusinessNumber)
	require.Equal(t, contract.Account{BankCode: "088", Number: "110234567890", HolderName: "하나커피"}, in.Payout)
	require.Equal(t, contract.Contract{EffectiveFrom: "2026-11-22", FeeBasisPoints: 15, Cycle: "DAILY", PayoutBusinessDays: 2}, in.Contract)
	require.Equal(t, in, started(strings.ReplaceAll(aRegistration, "124-81-00998", "1248100998")), "the same request")
	require.NotEqual(t, in.Fingerprint, started(strings.ReplaceAll(aRegistration, "CHECK", "CREDIT")).Fingerprint)

	d.flows.does = func() { d.registers(in.ID) }
	answer := d.asks(theOperator, http.MethodPost, "/v1/franchises", aRegistration, keyHeader, "k")
	made := answered[Franchise](t, answer, http.StatusCreated)
	require.Equal(t, in.ID, made.ID)
	require.Equal(t, franchisePath(in.ID), answer.Header().Get("Location"))
	require.Equal(t, `"3"`, answer.Header().Get("ETag"))

	d.flows.outcome.State, d.flows.outcome.Failure = record.Failed, record.FailureOf(errs.BankNameMismatch)
	refused := answered[problemBody](t, d.asks(theOperator, http.MethodPost, "/v1/franchises", aRegistration), http.StatusUnprocessableEntity)
	require.Equal(t, "bank_name_mismatch", refused.Code)
}

func TestARegistrationSaysWhatIsWrong(t *testing.T) {
	d := newDesk(t)
	for name, tc := range map[string]struct {
		from, to string
		want     map[string]string
	}{
		"number":          {"124-81-00998", "124-81-00999", map[string]string{"/businessNumber": "wrong_format"}},
		"no such bank":    {`"088"`, `"999"`, map[string]string{"/payout/bankCode": "not_one_of"}},
		"no bank":         {`"bankCode":"088",`, ``, map[string]string{"/payout/bankCode": "required"}},
		"two at once":     {`"088","accountNumber":"110-234-567890"`, `"999","accountNumber":"1"`, map[string]string{"/payout/bankCode": "not_one_of", "/payout/accountNumber": "wrong_format"}},
		"fee and tier":    {`"tier":`, `"feeBasisPoints":1,"tier":`, map[string]string{"/contract/feeBasisPoints": "not_allowed_here"}},
		"neither":         {`"tier":{"yearlySales":280000000,"method":"CHECK"},`, ``, map[string]string{"/contract/feeBasisPoints": "required"}},
		"fee over all":    {`"tier":{"yearlySales":280000000,"method":"CHECK"}`, `"feeBasisPoints":10001`, map[string]string{"/contract/feeBasisPoints": "too_large"}},
		"sales":           {`280000000`, `3000000001`, map[string]string{"/contract/tier/yearlySales": "must_be"}},
		"no sales":        {`"yearlySales":280000000,`, ``, map[string]string{"/contract/tier/yearlySales": "required"}},
		"method":          {"CHECK", "CASH", map[string]string{"/contract/tier/method": "not_one_of"}},
		"no date":         {`"effectiveFrom":"2026-11-22",`, ``, map[string]string{"/contract/effectiveFrom": "required"}},
		"no such date":    {"2026-11-22", "2026-11-31", map[string]string{"/contract/effectiveFrom": "wrong_format"}},
		"cycle":           {"DAILY", "HOURLY", map[string]string{"/contract/cycle": "not_one_of"}},
		"no days":         {`,"payoutBusinessDays":2`, ``, map[string]string{"/contract/payoutBusinessDays": "required"}},
		"days":            {`"payoutBusinessDays":2`, `"payoutBusinessDays":11`, map[string]string{"/contract/payoutBusinessDays": "too_large"}},
		"days, fraction":  {`"payoutBusinessDays":2`, `"payoutBusinessDays":1.5`, map[string]string{"/contract/payoutBusinessDays": "wrong_type"}},
		"caller's own id": {`"name"`, `"id":"x","name"`, map[string]string{"/id": "unknown_field"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, aRegistration, tc.from)
			body := strings.Replace(aRegistration, tc.from, tc.to, 1)
			bad := answered[problemBody](t, d.asks(theOperator, http.MethodPost, "/v1/franchises", body), http.StatusBadRequest)
			require.Equal(t, tc.want, bad.pointers())
		})
	}
	require.Empty(t, d.flows.started)
}

func TestAChangeNeedsTheVersionThatWasRead(t *testing.T) {
	d := newDesk(t)
	change := func(body string, headers ...string) *httptest.ResponseRecorder {
		return d.asks(theOperator, http.MethodPatch, franchisePath(theShop.ID), body, headers...)
	}
	for _, body := range []string{`{"name":"둘커피"}`, `{"payout":{"bankCode":"004","accountNumber":"12345678901","holderName":"하나커피"}}`} {
		require.Equal(t, http.StatusPreconditionRequired, change(body).Code)
		require.Equal(t, http.StatusPreconditionRequired, change(body, "If-Match", "*").Code)
		require.Equal(t, http.StatusPreconditionFailed, change(body, "If-Match", `"2"`).Code)
	}
	require.Empty(t, d.flows.started)
	answer := change(`{"name":"둘커피","contact":"","state":"DEACTIVATED"}`, "If-Match", `"3"`)
	changed := answered[Franchise](t, answer, http.StatusOK)
	require.Equal(t, "둘커피", changed.Name)
	require.Equal(t, "DEACTIVATED", changed.State)
	require.Empty(t, changed.Contact)
	require.Equal(t, `"4"`, answer.Header().Get("ETag"))

	tomorrow := franchise.DateOf(time.Now().AddDate(0, 0, 1))
	contracted := `{"contract":{"feeBasisPoints":0,"effectiveFrom":"` + tomorrow + `","cycle":"WEEKLY","payoutBusinessDays":0}}`
	require.Equal(t, http.StatusOK, change(contracted, "If-Match", `"4"`).Code)
	begun := strings.Replace(contracted, tomorrow, "2025-03-01", 1)
	require.Equal(t, http.StatusConflict, change(begun, "If-Match", `"5"`).Code)
	bad := answered[problemBody](t, change(`{"state":"FAILED"}`, "If-Match", `"5"`), http.StatusBadRequest)
	require.Equal(t, map[string]string{"/state": "not_one_of"}, bad.pointers())
	bad = answered[problemBody](t, change(`{"contract":{"tier":{}}}`, "If-Match", `"5"`), http.StatusBadRequest)
	require.Equal(t, map[string]string{"/contract/payoutBusinessDays": "required", "/contract/tier/yearlySales": "required"}, bad.pointers())
}

func TestAPayoutAccountIsChangedAloneAndByAFlow(t *testing.T) {
	d := newDesk(t)
	const account = `"payout":{"bankCode":"004","accountNumber":"123-456-78901","holderName":"하나커피"}`
	change := func(body string, headers ...string) *httptest.ResponseRecorder {
		return d.asks(theOperator, http.MethodPatch, franchisePath(theShop.ID), body, append(headers, "If-Match", `"3"`)...)
	}
	bad := answered[problemBody](t, change(`{"name":"","contact":"x","state":"ACTIVE","contract":{"feeBasisPoints":1,"effectiveFrom":"2199-01-01","cycle":"DAILY","payoutBusinessDays":0},`+account+`}`), http.StatusBadRequest)
	require.Equal(t, map[string]string{"/name": "not_allowed_here", "/contact": "not_allowed_here", "/state": "not_allowed_here", "/contract": "not_allowed_here"}, bad.pointers())
	bad = answered[problemBody](t, change(`{"payout":{"bankCode":"999","accountNumber":"1"}}`), http.StatusBadRequest)
	require.Equal(t, map[string]string{"/payout/bankCode": "not_one_of", "/payout/accountNumber": "wrong_format", "/payout/holderName": "required"}, bad.pointers())
	require.Empty(t, d.flows.started)

	d.flows.outcome.State = record.Succeeded
	d.flows.does = func() { d.store.row.Version = 4 }
	answer := change("{"+account+"}", keyHeader, "k")
	require.Equal(t, theShop.ID, answered[Franchise](t, answer, http.StatusOK).ID)
	require.Equal(t, `"4"`, answer.Header().Get("ETag"))
	in := d.flows.started[0].(contract.PayoutChange)
	require.Equal(t, contract.Account{BankCode: "004", Number: "12345678901", HolderName: "하나커피"}, in.Payout)
	require.True(t, id.Valid(id.PayoutChange, in.ID))

	require.Equal(t, http.StatusPreconditionFailed, change("{"+account+"}").Code, "another request, of an old version")
	row := franchise.PayoutChangeRow{ID: in.ID, FranchiseID: theShop.ID, State: record.Succeeded, Fingerprint: in.Fingerprint, SealedPayout: d.store.row.SealedPayout}
	d.store.change = &row
	require.Equal(t, http.StatusOK, change("{"+account+"}", keyHeader, "k").Code, "a repeat, of the version it was made with")
	seen := answered[PayoutChange](t, d.asks(theShop, http.MethodGet, franchisePath(theShop.ID)+"/payout-changes/"+in.ID, ""), http.StatusOK)
	require.Equal(t, "********7890", seen.Payout.AccountNumber)

	d.flows.outcome.State, d.flows.outcome.Failure = record.Failed, record.FailureOf(errs.BankNameMismatch)
	answer = d.asks(theOperator, http.MethodPatch, franchisePath(theShop.ID), "{"+account+"}", "If-Match", `"4"`)
	require.Equal(t, "bank_name_mismatch", answered[problemBody](t, answer, http.StatusUnprocessableEntity).Code)
	require.Contains(t, answer.Header().Get("Location"), "/payout-changes/pch_")
	answer = d.asks(theOperator, http.MethodPatch, franchisePath(theShop.ID), "{"+account+"}", "If-Match", `"4"`, "Prefer", "respond-async")
	require.Equal(t, http.StatusAccepted, answer.Code)
}

func TestSecretsOfAFranchiseAreToldOnce(t *testing.T) {
	d := newDesk(t)
	at := franchisePath(theShop.ID)
	key := answered[NewFranchiseAPIKey](t, d.asks(theShop, http.MethodPost, at+"/api-keys", `{"label":"계산대"}`), http.StatusCreated)
	require.True(t, strings.HasPrefix(key.Key, "dpk_"))
	listed := d.asks(theOperator, http.MethodGet, at+"/api-keys", "")
	require.Len(t, answered[FranchiseAPIKeyPage](t, listed, http.StatusOK).Items, 1)
	require.NotContains(t, listed.Body.String(), key.Key)
	require.Equal(t, http.StatusNoContent, d.asks(theShop, http.MethodDelete, at+"/api-keys/"+key.ID, "").Code)
	require.NotNil(t, answered[FranchiseAPIKeyPage](t, d.asks(theShop, http.MethodGet, at+"/api-keys", ""), http.StatusOK).Items[0].RevokedAt)

	require.Equal(t, http.StatusNotFound, d.asks(theShop, http.MethodGet, at+"/webhook", "").Code)
	const hook = `{"url":"https://example.com/hooks"}`
	first := answered[Webhook](t, d.asks(theShop, http.MethodPut, at+"/webhook", hook), http.StatusCreated)
	second := answered[Webhook](t, d.asks(theShop, http.MethodPut, at+"/webhook", hook), http.StatusOK)
	require.NotEqual(t, first.Secret, second.Secret)
	require.Empty(t, answered[Webhook](t, d.asks(theShop, http.MethodGet, at+"/webhook", ""), http.StatusOK).Secret)
	bad := answered[problemBody](t, d.asks(theShop, http.MethodPut, at+"/webhook", `{"url":"http://example.com"}`), http.StatusBadRequest)
	require.Equal(t, map[string]string{"/url": "wrong_format"}, bad.pointers())
}

func TestTheTableOfFeeTiersIsShownWhole(t *testing.T) {
	table := answered[FeeTierPage](t, newDesk(t).asks(aMember, http.MethodGet, "/v1/franchise-fee-tiers", ""), http.StatusOK)
	require.NotEmpty(t, table.Items)
	for _, tier := range table.Items {
		bp, ok := franchise.PreferentialRate(tier.MaxYearlySales, franchise.CheckCard, tier.EffectiveFrom)
		require.True(t, ok)
		require.Equal(t, bp, tier.CheckBasisPoints)
	}
	require.Empty(t, table.Next)
}

func TestADeliveryShowsItsAttempts(t *testing.T) {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
	d := franchise.Delivery{ID: id.Derive(id.Delivery, "d"), Type: franchise.PaymentApproved, Payload: json.RawMessage(`{"a":1}`), State: record.Waiting, Attempts: 51,
		Log: []franchise.Attempt{{Number: 50, Code: franchise.CodeTimeout, DurationMS: 15000}, {Number: 51, Status: 500, Code: franchise.CodeStatus}}}
	require.Nil(t, deliveryView(c, d).Attempts)
	v := deliveryDetail(c, d)
	require.Equal(t, 51, v.AttemptCount)
	require.Equal(t, []WebhookAttempt{{Number: 50, Code: "timeout", DurationMillis: 15000}, {Number: 51, Status: 500, Code: "status"}}, v.Attempts)
	require.JSONEq(t, `{"a":1}`, string(v.Payload))
}
