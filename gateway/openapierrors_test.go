package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/gateway/docs"
	"durapay/gateway/problem"
	"durapay/internal/token"
	"durapay/services/membership"
)

// annotated is the document as it was generated: its failures are those of the sources.
func annotated(t *testing.T) openapi2.T {
	t.Helper()
	var d openapi2.T
	require.NoError(t, json.Unmarshal([]byte(docs.SwaggerInfo.ReadDoc()), &d))
	return d
}

// each calls a function with every operation.
func each(d openapi2.T, do func(method, path string, o *openapi2.Operation)) {
	for path, item := range d.Paths {
		for method, o := range item.Operations() {
			do(method, path, o)
		}
	}
}

func served(t *testing.T) (openapi2.T, *openapi3.T) {
	t.Helper()
	d, err := documentsOf(apart(ServiceNames()...).tags())
	require.NoError(t, err)
	var v2 openapi2.T
	require.NoError(t, json.Unmarshal(d.v2, &v2))
	loader := openapi3.NewLoader()
	v3, err := loader.LoadFromData(d.v3)
	require.NoError(t, err)
	require.NoError(t, v3.Validate(loader.Context, openapi3.EnableExamplesValidation()))
	return v2, v3
}

func TestEveryOperationTellsItsErrors(t *testing.T) {
	known := map[string]bool{}
	each(annotated(t), func(method, path string, o *openapi2.Operation) {
		known[o.OperationID] = true
		require.Contains(t, operationErrors, o.OperationID, "%s %s", method, path)
	})
	for name := range operationErrors {
		require.Contains(t, known, name, "no such operation")
	}
}

// TestTheStatusesAreThoseOfTheErrors: what the annotations say, and what the errors come to.
func TestTheStatusesAreThoseOfTheErrors(t *testing.T) {
	each(annotated(t), func(_, _ string, o *openapi2.Operation) {
		if slices.Contains(o.Tags, healthTag) {
			return
		}
		byStatus := refusalsOf(o)
		var documented, failures []string
		for status := range o.Responses.Map() {
			documented = append(documented, status)
		}
		for status := range byStatus {
			if text := strconv.Itoa(status); status < http.StatusBadRequest {
				require.Contains(t, documented, text, "%s tells codes in an answer it has not", o.OperationID)
			} else {
				failures = append(failures, text)
			}
		}
		documented = slices.DeleteFunc(documented, func(s string) bool { return s < "400" })
		require.ElementsMatch(t, failures, documented, o.OperationID)
	})
}

// TestEveryErrorIsSomeOperations: what a client can see, it can look up.
func TestEveryErrorIsSomeOperations(t *testing.T) {
	told := map[errs.Code]bool{}
	each(annotated(t), func(_, _ string, o *openapi2.Operation) {
		for _, refusals := range refusalsOf(o) {
			for _, r := range refusals {
				told[r.code.Code] = true
			}
		}
	})
	exceptions := map[*errs.Error]string{
		errs.NoSuchRoute:      "is the answer where no operation is",
		errs.MethodNotAllowed: "is the answer where no operation is",
	}
	for _, e := range fieldErrors() {
		exceptions[e] = "stands within invalid_request"
	}
	for _, e := range []*errs.Error{errs.LedgerAccountNotFound, errs.LedgerAccountExists, errs.LedgerAccountUsed, errs.LedgerReferenceReused,
		errs.LedgerHoldNotFound, errs.LedgerHoldClosed, errs.LedgerHoldExceeded, errs.LedgerPostingMalformed} {
		exceptions[e] = "is between the flows and the ledger: a client would see a defect"
	}
	exceptions[errs.LedgerAmountOverflow] = "takes more won than there are"
	for _, e := range errs.All() {
		if why, excepted := exceptions[e]; excepted {
			require.False(t, told[e.Code], "%s %s", e.Code, why)
		} else {
			require.True(t, told[e.Code], "%s is no operation's", e.Code)
		}
	}
}

// TestRolesAreRefusedWhereTheDocumentSaysSo asks every operation in every role, with ids
// that nobody has.
func TestRolesAreRefusedWhereTheDocumentSaysSo(t *testing.T) {
	d := apart(ServiceNames()...)
	seed := make([]byte, 32)
	_, _ = rand.Read(seed)
	var err error
	d.Tokens, err = token.NewIssuer("test:"+base64.StdEncoding.EncodeToString(seed), time.Now)
	require.NoError(t, err)
	h := New(d)
	each(annotated(t), func(method, path string, o *openapi2.Operation) {
		if o.Security == nil || o.OperationID == "modifyMembership" { // it refuses by what is asked
			return
		}
		var refused []membership.Role
		for _, role := range []membership.Role{membership.RoleMember, membership.RoleFranchise, membership.RoleOperator, membership.RoleAuditor} {
			bearer, _, err := d.Tokens.Issue("mem"+exampleNumber, string(role), time.Minute)
			require.NoError(t, err)
			r := httptest.NewRequest(method, strings.NewReplacer("{", "", "}", "").Replace(path), nil)
			r.Header.Set("Authorization", "Bearer "+bearer)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			require.NotEqual(t, http.StatusUnauthorized, w.Code, o.OperationID)
			if w.Code == http.StatusForbidden {
				refused = append(refused, role)
			}
		}
		require.Equal(t, len(refused) > 0, o.Responses.Value("403") != nil, "%s is refused to %v", o.OperationID, refused)
	})
}

func TestFailuresAreDescribedInBothDocuments(t *testing.T) {
	v2, v3 := served(t)
	titles := map[string]*openapi3.Operation{}
	for _, item := range v3.Paths.Map() {
		for _, o := range item.Operations() {
			titles[o.OperationID] = o
		}
	}
	each(v2, func(_, _ string, o *openapi2.Operation) {
		if slices.Contains(o.Tags, healthTag) {
			return
		}
		for status, r := range o.Responses.Map() {
			other := titles[o.OperationID].Responses.Value(status).Value
			require.Equal(t, r.Description, *other.Description)
			if status < "400" {
				continue
			}
			require.Regexp(t, `^(- [a-z_]+: .+\n?)+$`, r.Description)
			require.Contains(t, o.Produces, problem.ContentType)
			require.Equal(t, []string{problem.ContentType}, slices.Collect(maps.Keys(other.Content)), o.OperationID)
			requireExample(t, status, r.Examples[problem.ContentType], r.Description)
			requireExample(t, status, other.Content[problem.ContentType].Example, r.Description)
		}
	})
	require.Contains(t, *titles["increaseMoneyRequest"].Responses.Value("422").Value.Description, "- balance_limit_exceeded: Balance limit exceeded\n")
	require.Contains(t, *titles["increaseMoneyRequestByEvent"].Responses.Value("202").Value.Description, "Accepted\n\nIts flow's failure.code can be\n\n- balance_limit_exceeded")
}

// requireExample looks at an example of a problem: it is whole, and of the first code told.
func requireExample(t *testing.T, status string, example any, description string) {
	t.Helper()
	b, err := json.Marshal(example)
	require.NoError(t, err)
	var p problem.Problem
	require.NoError(t, json.Unmarshal(b, &p))
	require.Equal(t, status, strconv.Itoa(p.Status))
	require.True(t, strings.HasPrefix(description, "- "+p.Code+": "+p.Title), "%s is not first in %s", p.Code, description)
	require.NotEmpty(t, p.RequestID)
}

func TestExamplesHaveTheirParameters(t *testing.T) {
	for _, e := range errs.All() {
		if slices.Contains(fieldErrors(), e) {
			continue
		}
		p := exampleOf(refusal{code: e, status: problem.Status(e.Kind)})
		require.NotContains(t, p.Detail, "{", e.Code)
	}
}

func TestCodesAreEnumerated(t *testing.T) {
	v2, v3 := served(t)
	require.Len(t, v2.Definitions["Problem"].Value.Properties["code"].Value.Enum, len(errs.All())-len(fieldErrors()))
	require.Equal(t, v2.Definitions["Problem"].Value.Properties["code"].Value.Enum, v3.Components.Schemas["Problem"].Value.Properties["code"].Value.Enum)
	require.Len(t, v3.Components.Schemas["FieldProblem"].Value.Properties["code"].Value.Enum, len(fieldErrors()))
	require.Contains(t, v3.Components.Schemas["Failure"].Value.Properties["code"].Value.Enum, "insufficient_balance")
}

// TestBodiesHaveExamples: of requests and of successes, down to the last member.
func TestBodiesHaveExamples(t *testing.T) {
	_, v3 := served(t)
	for _, item := range v3.Paths.Map() {
		for _, o := range item.Operations() {
			if o.RequestBody != nil {
				requireBodyExamples(t, o.OperationID+" request", o.RequestBody.Value.Content)
			}
			for status, r := range o.Responses.Map() {
				requireBodyExamples(t, o.OperationID+" "+status, r.Value.Content)
			}
		}
	}
}

func requireBodyExamples(t *testing.T, where string, content openapi3.Content) {
	t.Helper()
	for _, body := range content {
		if body.Example == nil {
			requireSchemaExamples(t, where, body.Schema.Value)
		}
	}
}

// requireSchemaExamples follows a schema's members; none of ours contains itself.
func requireSchemaExamples(t *testing.T, where string, s *openapi3.Schema) {
	t.Helper()
	if s.Example != nil {
		return
	}
	for _, part := range s.AllOf {
		requireSchemaExamples(t, where, part.Value)
	}
	for name, member := range s.Properties {
		requireSchemaExamples(t, where+"/"+name, member.Value)
	}
	switch {
	case len(s.AllOf) > 0 || len(s.Properties) > 0:
	case s.Type.Is("array"):
		requireSchemaExamples(t, where+"/0", s.Items.Value)
	default:
		require.Fail(t, "no example of "+where)
	}
}
