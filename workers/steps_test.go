package workers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"durapay/activities"
	"durapay/errs"
	"durapay/internal/stepapi"
	"durapay/internal/token"
	"durapay/workflows/contract"
)

// serviceNames are those of the services that have steps.
var serviceNames = []string{"membership", "banking", "money", "remittance", "franchise", "payment", "settlement"}

// TestEveryStepSurvivesTheWire makes values of every step's input and outcome and looks
// whether they are the same after the way through JSON. A step beside the flow never
// takes that way, so nothing else would tell.
func TestEveryStepSurvivesTheWire(t *testing.T) {
	for _, service := range serviceNames {
		steps := Steps(service, Services{})
		require.NotEmpty(t, steps, service)
		for name, f := range steps {
			require.True(t, strings.HasPrefix(name, service+"."), name)
			typ := reflect.TypeOf(f)
			requireSurvives(t, name, typ.In(1))
			if typ.NumOut() > 1 {
				requireSurvives(t, name, typ.Out(0))
			}
		}
	}
}

func requireSurvives(t *testing.T, name string, typ reflect.Type) {
	t.Helper()
	for range 20 {
		value := reflect.New(typ)
		fill(t, name, value.Elem(), 0)
		text, err := json.Marshal(value.Interface())
		require.NoError(t, err, name)
		back := reflect.New(typ)
		require.NoError(t, json.Unmarshal(text, back.Interface()), "%s: %s", name, text)
		require.Equal(t, value.Interface(), back.Interface(), name)
	}
}

const deepest = 8

// fill gives every field a value of its own.
func fill(t *testing.T, name string, v reflect.Value, depth int) {
	t.Helper()
	require.Less(t, depth, deepest, name)
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.UnixMicro(rand.Int64N(4e15)).UTC()))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(fmt.Sprintf(`{"a":%d}`, rand.Int()))))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			require.True(t, v.Type().Field(i).IsExported() || v.Type().Field(i).Anonymous, "%s: %s has a field that JSON does not see", name, v.Type())
			fill(t, name, v.Field(i), depth+1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+rand.IntN(3), 3))
		for i := range v.Len() {
			fill(t, name, v.Index(i), depth+1)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, name, key, depth+1)
		fill(t, name, value, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(fmt.Sprintf("문자 <&> %d", rand.Int()))
	case reflect.Bool:
		v.SetBool(rand.IntN(2) == 1)
	case reflect.Int, reflect.Int64:
		v.SetInt(rand.Int64() - rand.Int64())
	case reflect.Uint8:
		v.SetUint(rand.Uint64N(256))
	default:
		require.Fail(t, "a kind that fill does not know", "%s: %s", name, v.Type())
	}
}

// away gives the steps of a service as a worker has them whose process is another one.
func away(t *testing.T, steps map[string]any) Remote {
	t.Helper()
	issuer, err := token.NewIssuer("a:"+base64.StdEncoding.EncodeToString(make([]byte, 32)), time.Now)
	require.NoError(t, err)
	h, err := stepapi.Handler(steps, stepapi.Authorize(issuer))
	require.NoError(t, err)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return Remote{"banking": &stepapi.Client{BaseURL: server.URL, Token: stepapi.NewIdentity(issuer, "worker").Token,
		HTTP: stepapi.NewHTTP(), Translate: activities.Away}}
}

// TestTemporalSeesNoDifference: name, outcome and errors of a step are the same wherever
// it runs.
func TestTemporalSeesNoDifference(t *testing.T) {
	for name, c := range map[string]struct {
		answer contract.Answer
		err    error
	}{
		"answer": {answer: contract.Answer{Kind: contract.Accepted}},
		"benign": {err: temporal.NewApplicationErrorWithOptions("not yet", contract.StillUnknown,
			temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})},
		"trouble": {err: temporal.NewApplicationErrorWithOptions("database away", string(errs.ServiceUnavailable.Code),
			temporal.ApplicationErrorOptions{Cause: errs.ServiceUnavailable})},
	} {
		t.Run(name, func(t *testing.T) {
			here := map[string]any{contract.BankingInquire: func(context.Context, string) (contract.Answer, error) { return c.answer, c.err }}
			there, err := away(t, here).orRemote("banking", here)
			require.NoError(t, err)
			outHere, errHere := runStep(t, here)
			outThere, errThere := runStep(t, there)
			require.Equal(t, c.answer, outHere)
			require.Equal(t, outHere, outThere)
			require.Equal(t, told(errHere), told(errThere))
		})
	}
}

func runStep(t *testing.T, steps map[string]any) (contract.Answer, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	register(env, steps)
	value, err := env.ExecuteActivity(contract.BankingInquire, "fbk_1")
	var out contract.Answer
	if err == nil {
		require.NoError(t, value.Get(&out))
	}
	return out, err
}

// told is what Temporal keeps of an error.
func told(err error) [4]any {
	var e *temporal.ApplicationError
	if !errors.As(err, &e) {
		return [4]any{err}
	}
	return [4]any{e.Type(), e.Message(), e.Category(), e.NonRetryable()}
}

func TestAServiceThatIsAwayIsRetried(t *testing.T) {
	remote := away(t, map[string]any{})
	steps, err := remote.orRemote("banking", bankSteps(Services{}))
	require.NoError(t, err)
	_, err = runStep(t, steps)
	require.Equal(t, string(errs.ServiceUnavailable.Code), told(err)[0])
	require.Equal(t, false, told(err)[3])
}

func TestOnlyWhatIsRemoteIsCalled(t *testing.T) {
	remote := away(t, nil)
	steps, err := remote.orRemote("money", map[string]any{"money.Post": 7})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"money.Post": 7}, steps, "as it was")
	_, err = remote.orRemote("banking", map[string]any{"banking.X": 7})
	require.Error(t, err)
}
