package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/gateway"
	"durapay/internal/calendar"
	"durapay/internal/config"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/internal/stepapi"
	"durapay/internal/token"
	"durapay/services/money"
	"durapay/services/payment"
	"durapay/services/settlement"
)

const everyService = "membership=http://a:1,banking=http://a:2,money=http://a:3,remittance=http://a:4,payment=http://a:5," +
	"franchise=http://a:6,money-query=http://a:7,settlement=http://a:8"

func TestPartsAreTheServicesOfTheAPI(t *testing.T) {
	names := make([]string, 0, len(parts()))
	for _, p := range parts() {
		names = append(names, p.name)
		for _, asked := range p.asks {
			require.NotEqual(t, p.name, asked)
		}
	}
	require.ElementsMatch(t, gateway.ServiceNames(), names)
}

func TestAloneAProcessHasEverything(t *testing.T) {
	t.Setenv(config.Services, "")
	s, err := shareOf("serve")
	require.NoError(t, err)
	require.NoError(t, s.check())
	require.Len(t, s.parts, len(parts()))
	require.Equal(t, config.Needs{Databases: true, Flows: true, Bank: true, PII: true, Index: true}, s.needs())
}

func TestWhatIsRemoteIsNotHere(t *testing.T) {
	t.Setenv(config.Services, everyService)
	s, err := shareOf("gateway")
	require.NoError(t, err)
	require.NoError(t, s.check())
	require.Empty(t, s.parts)
	require.Equal(t, config.Needs{}, s.needs(), "a front door needs the keys of tokens alone")
	s.flows = true
	require.Equal(t, config.Needs{Flows: true}, s.needs())
}

func TestAServiceDoesNotLookForItself(t *testing.T) {
	t.Setenv(config.Services, everyService)
	s, err := shareWith("money", "money")
	require.NoError(t, err)
	require.NoError(t, s.check())
	require.Nil(t, s.remote["money"])
	require.NotNil(t, s.remote["membership"])
	require.Equal(t, config.Needs{Databases: true, Flows: true, Index: true}, s.needs())
	s, err = shareWith("money-query", "money-query")
	require.NoError(t, err)
	require.Equal(t, config.Needs{Databases: true}, s.needs())
}

func TestAMissingNeighbourEndsTheStart(t *testing.T) {
	t.Setenv(config.Services, "franchise=http://a:6")
	s, err := shareWith("payment", "payment")
	require.NoError(t, err)
	require.ErrorContains(t, s.check(), "payment asks settlement")
}

func TestAnUnknownServiceIsNamed(t *testing.T) {
	t.Setenv(config.Services, "moneyquery=http://a:7")
	for _, read := range []func() error{
		func() error { _, err := shareOf("x"); return err }, func() error { _, err := shareWith("x", "money"); return err },
	} {
		require.ErrorContains(t, read(), `"moneyquery"`)
	}
}

func TestRebuildTakesWhatIsThere(t *testing.T) {
	t.Setenv(config.Services, everyService)
	s, err := rebuildShare()
	require.NoError(t, err)
	require.NoError(t, s.check())
	require.Equal(t, config.Needs{Databases: true}, s.needs())
	t.Setenv(config.Services, "")
	s, err = rebuildShare()
	require.NoError(t, err)
	require.NoError(t, s.check())
	require.Len(t, s.parts, 4)
}

// TestEveryServiceCanBeAsked: everything that processes ask each other is a step.
func TestEveryServiceCanBeAsked(t *testing.T) {
	p := &platform{}
	for _, each := range parts() {
		_, err := stepapi.Handler(p.asked(each.name), nil)
		require.NoError(t, err, each.name)
		require.Equal(t, each.name == "money-query", len(p.asked(each.name)) == 0)
	}
}

// TestAnswersSurviveTheWire: what services tell each other beside steps is the same there.
func TestAnswersSurviveTheWire(t *testing.T) {
	at := time.Now().UTC().Truncate(time.Microsecond)
	day := calendar.Of(at)
	requireSame(t, settlement.Statement{ID: "stl_1", BusinessDate: day, CutThrough: day, Net: -5, CreatedAt: at,
		Payout: settlement.Payout{State: settlement.PayoutFailed, Failure: record.FailureOf(errs.BankNotExecuted.With("a", 1))}})
	requireSame(t, settlement.Statement{})
	requireSame(t, page.Page[payment.Line]{Items: []payment.Line{{Type: "CANCEL", Amount: -7, At: at}}, Next: "n"})
	requireSame(t, linesOf{Scope: payment.Scope{FranchiseID: "fra_1"}, StatementID: "stl_1", Page: page.Request{After: page.Cursor{At: at, ID: "x"}, Limit: 9}})
	requireSame(t, linesOf{})
	requireSame(t, journalPage{Lines: []money.JournalLine{{Seq: 1 << 60, Amount: -3, At: at, Kind: "TOP_UP"}}, Last: 1 << 61})
}

func requireSame[T any](t *testing.T, v T) {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	var back T
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, v, back)
}

func TestStepsAreBesideTheAPI(t *testing.T) {
	t.Setenv(config.Services, everyService)
	issuer, err := token.NewIssuer("k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", time.Now)
	require.NoError(t, err)
	p := &platform{tokens: issuer, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	steps, err := stepapi.Handler(p.asked("money"), stepapi.Authorize(issuer))
	require.NoError(t, err)
	api := httptest.NewServer(beside(steps, nil))
	defer api.Close()
	response, err := api.Client().Post(api.URL+stepapi.Path+journal, "application/json", nil)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, 401, response.StatusCode)
}

func TestSecretsAreWhatThePlatformReads(t *testing.T) {
	root := rootCommand()
	var out, again writes
	for _, to := range []*writes{&out, &again} {
		root.SetOut(to)
		root.SetArgs([]string{"secrets"})
		require.NoError(t, root.Execute())
	}
	require.NotEqual(t, out.String(), again.String(), "drawn, not kept")
	for name, value := range out.values() {
		t.Setenv(name, value)
	}
	t.Setenv(config.BankCallbackURL, "http://127.0.0.1/x")
	_, err := config.ReadSecrets()
	require.NoError(t, err)
	_, _, err = config.ReadBankCallback()
	require.NoError(t, err)
	require.NotEmpty(t, out.values()[config.OperatorPassword])
}

// writes keeps NAME=value lines.
type writes struct{ strings.Builder }

func (w *writes) values() map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(w.String()) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
			values[name] = value
		}
	}
	return values
}
