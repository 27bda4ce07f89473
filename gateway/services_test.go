package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/services/banking"
	"durapay/services/franchise"
	"durapay/services/membership"
	"durapay/services/money"
	"durapay/services/moneyquery"
	"durapay/services/payment"
	"durapay/services/remittance"
	"durapay/services/settlement"
	"durapay/workflows/contract"
)

// apart gives what a process with these services is made of; they are not to be called.
func apart(names ...string) Dependencies {
	d := Dependencies{Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)}
	for _, name := range names {
		switch name {
		case "membership":
			d.Membership = &membership.Service{}
		case "banking":
			d.Banking = &banking.Service{}
		case "money":
			d.Money = &money.Service{}
		case "remittance":
			d.Remittance = &remittance.Service{}
		case "payment":
			d.Payment = &payment.Service{}
		case "franchise":
			d.Franchise = &franchise.Service{}
		case "settlement":
			d.Settlement = &settlement.Service{}
		case "money-query":
			d.MoneyQuery = &moneyquery.Service{}
		}
	}
	return d
}

// operation is one of the document's.
type operation struct{ method, path, tag string }

func operations(t *testing.T, document []byte) []operation {
	t.Helper()
	var d struct {
		Paths map[string]map[string]struct{ Tags []string }
	}
	require.NoError(t, json.Unmarshal(document, &d))
	var all []operation
	for path, byMethod := range d.Paths {
		for method, o := range byMethod {
			require.Len(t, o.Tags, 1, path)
			all = append(all, operation{strings.ToUpper(method), path, o.Tags[0]})
		}
	}
	return all
}

func document(t *testing.T, d Dependencies) []byte {
	t.Helper()
	all, err := documentsOf(d.tags())
	require.NoError(t, err)
	require.True(t, json.Valid(all.v3))
	return all.v2
}

// asked gives the status of a request to a path of the document, its parameters filled
// in. Without a credential no handler runs.
func asked(h http.Handler, o operation) int {
	path := strings.NewReplacer("{", "", "}", "").Replace(o.path)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(o.method, path, strings.NewReader("no JSON")))
	return w.Code
}

func TestEveryOperationIsOneServices(t *testing.T) {
	all := operations(t, document(t, apart(ServiceNames()...)))
	require.Greater(t, len(all), 60)
	for _, o := range all {
		if o.tag == "health" || o.tag == "flows" {
			require.Empty(t, serviceOfPath(o.path), o.path)
			continue
		}
		at := slices.IndexFunc(services(), func(s service) bool { return slices.Contains(s.tags, o.tag) })
		require.NotEqual(t, -1, at, o.tag)
		require.Equal(t, services()[at].name, serviceOfPath(o.path), o.path)
	}
}

// TestAServiceServesItsOwn: alone in a process, a service has all routes of its tag and
// none of any other's.
func TestAServiceServesItsOwn(t *testing.T) {
	everything := operations(t, document(t, apart(ServiceNames()...)))
	for _, name := range ServiceNames() {
		t.Run(name, func(t *testing.T) {
			d := apart(name)
			h := New(d)
			own := operations(t, document(t, d))
			require.NotEmpty(t, own)
			for _, o := range everything {
				if o.tag == "health" || o.tag == "flows" || strings.HasPrefix(o.path, "/v1/auth") || strings.Contains(o.path, "jwks") {
					continue // not all of them need a credential
				}
				if o.path == "/v1/memberships" || o.path == "/v1/memberships/async" || o.path == "/v1/bank-notices" && o.method == http.MethodPost {
					continue
				}
				want := http.StatusNotFound
				if slices.Contains(own, o) {
					want = http.StatusUnauthorized
				}
				require.Equal(t, want, asked(h, o), "%s %s", o.method, o.path)
			}
		})
	}
}

func TestAnOwnDocumentIsWhole(t *testing.T) {
	for _, name := range ServiceNames() {
		text := string(document(t, apart(name)))
		for _, match := range reference.FindAllStringSubmatch(text, -1) {
			require.Contains(t, text, fmt.Sprintf("%q:{", match[1]), "%s lacks a definition", name)
		}
	}
	text := string(document(t, apart("money-query")))
	require.NotContains(t, text, `"Franchise"`)
	require.Contains(t, text, `"RegionMoney":{`)
}

func TestEveryFlowIsOneServices(t *testing.T) {
	for _, prefix := range []string{id.TopUp, id.Withdrawal, id.Remittance, id.Payment, id.Cancel, id.Franchise, id.Statement, id.SettlementRun,
		id.Registration, id.PayoutChange, id.BankNotice, id.Delivery, id.BankAccount, id.Firmbanking} {
		flowID := id.New(prefix)
		require.NotEmpty(t, contract.WorkflowID(flowID), prefix)
		require.NotEmpty(t, serviceOfFlow(flowID), prefix)
	}
	require.Empty(t, serviceOfFlow("x"))
	require.Empty(t, serviceOfFlow(id.New(id.Member)))
}

// world is a front door with all services behind it, each of which answers its name.
func world(t *testing.T, proxies ...string) (front *httptest.Server, got *http.Request, close func(name string)) {
	t.Helper()
	d := apart()
	d.Forward, d.Proxies = map[string]*url.URL{}, proxies
	got = new(http.Request)
	behind := map[string]*httptest.Server{}
	for _, name := range ServiceNames() {
		behind[name] = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			*got = *r.Clone(r.Context())
			w.Header().Set("X-Request-Id", "req_of_"+name)
			w.Header().Set("Cache-Control", "public")
			if r.URL.Query().Has("break") {
				_, _ = io.WriteString(w, "half of it")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, name)
		}))
		t.Cleanup(behind[name].Close)
		var err error
		d.Forward[name], err = url.Parse(behind[name].URL)
		require.NoError(t, err)
	}
	front = httptest.NewServer(New(d))
	t.Cleanup(front.Close)
	return front, got, func(name string) { behind[name].Close() }
}

func get(t *testing.T, address string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

func TestTheFrontDoorKnowsEveryService(t *testing.T) {
	front, _, _ := world(t)
	_, text := get(t, front.URL+"/swagger/doc.json")
	all := operations(t, []byte(text))
	require.Equal(t, len(operations(t, document(t, apart(ServiceNames()...)))), len(all))
	for _, o := range all {
		if service := serviceOfPath(o.path); service != "" {
			_, body := get(t, front.URL+strings.NewReplacer("{", "", "}", "").Replace(o.path))
			require.Equal(t, service, body, o.path)
		}
	}
	for prefix, service := range map[string]string{id.TopUp: "money", id.Payment: "payment", id.Registration: "membership", id.Statement: "settlement"} {
		_, body := get(t, front.URL+"/v1/flows/"+id.New(prefix)+"?wait=1")
		require.Equal(t, service, body)
	}
	for _, nobodys := range []string{"/v1/moneyquery", "/v1/nothing", "/internal/steps/money.Post", "/v1/flowsx"} {
		response, body := get(t, front.URL+nobodys)
		require.Equal(t, http.StatusNotFound, response.StatusCode, nobodys)
		require.Contains(t, body, string(errs.NoSuchRoute.Code))
	}
	response, _ := get(t, front.URL+"/v1/flows/"+id.New(id.Member))
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)
}

func TestTheServicesHeadersAreTold(t *testing.T) {
	front, _, _ := world(t)
	response, _ := get(t, front.URL+"/v1/money")
	require.Equal(t, []string{"req_of_money"}, response.Header["X-Request-Id"])
	require.Equal(t, []string{"public"}, response.Header["Cache-Control"])
}

// TestWhoAsks: a service learns the address of the client, and what the client says of
// itself only from a trusted proxy.
func TestWhoAsks(t *testing.T) {
	front, got, _ := world(t)
	_, _ = get(t, front.URL+"/v1/money", "X-Forwarded-For", "203.0.113.7", "Forwarded", "for=203.0.113.7", "X-Real-Ip", "203.0.113.7",
		"Connection", "X-Api-Key", "X-Api-Key", "k")
	require.Equal(t, "127.0.0.1", got.Header.Get("X-Forwarded-For"))
	require.Empty(t, got.Header.Get("Forwarded"))
	require.Empty(t, got.Header.Get("X-Api-Key"), "a header of this hop alone")

	front, got, _ = world(t, "10.0.0.0/8", "127.0.0.1")
	_, _ = get(t, front.URL+"/v1/money", "X-Forwarded-For", "203.0.113.7")
	require.Equal(t, "203.0.113.7, 127.0.0.1", got.Header.Get("X-Forwarded-For"))
}

func TestAServiceThatIsAway(t *testing.T) {
	front, _, end := world(t)
	end("money")
	response, body := get(t, front.URL+"/v1/money/increase/x")
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
	require.NotEmpty(t, response.Header.Get("X-Request-Id"))
	require.NotEmpty(t, response.Header.Get("Retry-After"))
	require.Contains(t, body, string(errs.ServiceUnavailable.Code))
	require.NotContains(t, body, "refused")
	response, _ = get(t, front.URL+"/v1/money/query/regions")
	require.Equal(t, http.StatusOK, response.StatusCode, "the others are there")
}

// TestABrokenAnswerStaysBroken: what a service breaks off must not look whole in front.
func TestABrokenAnswerStaysBroken(t *testing.T) {
	front, _, _ := world(t)
	response, err := http.Get(front.URL + "/v1/settlements/statements/x/csv?break")
	require.NoError(t, err)
	defer response.Body.Close()
	_, err = io.ReadAll(response.Body)
	require.Error(t, err)
}

func TestTooLargeABodyIsNotPassedOn(t *testing.T) {
	front, _, _ := world(t)
	response, err := http.Post(front.URL+"/v1/payments", "application/json", strings.NewReader(strings.Repeat("x", maxBody+1)))
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	require.Contains(t, string(text), string(errs.BodyTooLarge.Code))
	response, err = http.Post(front.URL+"/v1/payments", "application/json", strings.NewReader(strings.Repeat("x", maxBody)))
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
}
