package gateway

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/id"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(m.Run())
}

// bindBody binds a body as a handler would.
func bindBody(contentType, body string, into any) error {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	c.Request.Header.Set("Content-Type", contentType)
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
	return bind(c, into)
}

func TestBindSaysWhichFieldAndWhatWasExpected(t *testing.T) {
	const j = "application/json"
	receiver := id.Derive(id.Member, "receiver")
	good := `{"to":{"membershipId":"` + receiver + `"},"amount":1}`
	for name, tc := range map[string]struct {
		media, body string
		code        *errs.Error
		pointer     string
		field       *errs.Error
	}{
		"good":               {media: j, body: good},
		"good with charset":  {media: j + "; charset=utf-8", body: good},
		"no media type":      {media: "", body: good, code: errs.UnsupportedMedia},
		"form":               {media: "application/x-www-form-urlencoded", body: "amount=1", code: errs.UnsupportedMedia},
		"empty":              {media: j, body: "", code: errs.MalformedJSON},
		"not JSON":           {media: j, body: "{amount:1}", code: errs.MalformedJSON},
		"an array":           {media: j, body: "[]", code: errs.MalformedJSON},
		"two objects":        {media: j, body: good + good, code: errs.MalformedJSON},
		"unknown field":      {media: j, body: `{"to":{"membershipId":"` + receiver + `"},"amount":1,"fee":0}`, code: errs.InvalidRequest, pointer: "/fee", field: errs.FieldUnknown},
		"amount missing":     {media: j, body: `{"to":{"membershipId":"` + receiver + `"}}`, code: errs.InvalidRequest, pointer: "/amount", field: errs.FieldTooSmall},
		"amount zero":        {media: j, body: `{"to":{"membershipId":"` + receiver + `"},"amount":0}`, code: errs.InvalidRequest, pointer: "/amount", field: errs.FieldTooSmall},
		"amount negative":    {media: j, body: `{"to":{"membershipId":"` + receiver + `"},"amount":-5}`, code: errs.InvalidRequest, pointer: "/amount", field: errs.FieldTooSmall},
		"amount too large":   {media: j, body: `{"to":{"membershipId":"` + receiver + `"},"amount":1000000000001}`, code: errs.InvalidRequest, pointer: "/amount", field: errs.FieldTooLarge},
		"amount overflows":   {media: j, body: `{"to":{"membershipId":"` + receiver + `"},"amount":9223372036854775808}`, code: errs.InvalidRequest, pointer: "/amount", field: errs.FieldType},
		"amount a fraction":  {media: j, body: `{"to":{"membershipId":"` + receiver + `"},"amount":1.5}`, code: errs.InvalidRequest, pointer: "/amount", field: errs.FieldType},
		"amount an exponent": {media: j, body: `{"to":{"membershipId":"` + receiver + `"},"amount":1e3}`, code: errs.InvalidRequest, pointer: "/amount", field: errs.FieldType},
		"amount a string":    {media: j, body: `{"to":{"membershipId":"` + receiver + `"},"amount":"1"}`, code: errs.InvalidRequest, pointer: "/amount", field: errs.FieldType},
		"nested missing":     {media: j, body: `{"to":{"membershipId":"` + receiver + `"},"amount":1,"autoTopUp":{}}`, code: errs.InvalidRequest, pointer: "/autoTopUp/bankAccountId", field: errs.FieldRequired},
		"nested wrong type":  {media: j, body: `{"to":{"membershipId":7},"amount":1}`, code: errs.InvalidRequest, pointer: "/to/membershipId", field: errs.FieldType},
		"other currency":     {media: j, body: `{"to":{"membershipId":"` + receiver + `"},"amount":1,"currency":"USD"}`, code: errs.InvalidRequest, pointer: "/currency", field: errs.FieldMustBe},
		"memo too long":      {media: j, body: `{"to":{"membershipId":"` + receiver + `"},"amount":1,"memo":"` + strings.Repeat("가", 101) + `"}`, code: errs.InvalidRequest, pointer: "/memo", field: errs.FieldTooLong},
		"body too large":     {media: j, body: `{"memo":"` + strings.Repeat("x", maxBody) + `"}`, code: errs.BodyTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			var body RemittanceRequest
			err := bindBody(tc.media, tc.body, &body)
			if tc.code == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tc.code)
			require.Equal(t, errs.Invalid, errs.KindOf(err))
			if tc.field != nil {
				var e *errs.Error
				require.True(t, errors.As(err, &e))
				require.Len(t, e.Fields, 1)
				require.Equal(t, tc.pointer, e.Fields[0].Pointer)
				require.Equal(t, tc.field.Code, e.Fields[0].Code)
			}
		})
	}
}

func TestBindNeverPanicsAndAlwaysSaysInvalid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var body RemittanceRequest
		if err := bindBody("application/json", rapid.String().Draw(t, "body"), &body); err != nil {
			require.Equal(t, errs.Invalid, errs.KindOf(err))
		}
	})
}

func TestIdempotencyKeys(t *testing.T) {
	for key, want := range map[string]error{
		"a": nil, strings.Repeat("k", longestKey): nil, "!~": nil,
		"": errs.IdempotencyMissing, strings.Repeat("k", longestKey+1): errs.IdempotencyInvalid,
		"a b": errs.IdempotencyInvalid, "키": errs.IdempotencyInvalid, "a\x7f": errs.IdempotencyInvalid, "\t": errs.IdempotencyInvalid,
	} {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request = httptest.NewRequest(http.MethodPost, "/", nil)
		c.Request.Header[keyHeader] = []string{key}
		_, err := idempotencyKey(c)
		require.ErrorIs(t, err, want, "%q", key)
	}
}

func TestARequestsIDBelongsToItsCallerAndOperation(t *testing.T) {
	first := recordIDFor(id.TopUp, "mem_a", "money.increase", "1")
	require.Equal(t, first, recordIDFor(id.TopUp, "mem_a", "money.increase", "1"))
	require.NotEqual(t, first, recordIDFor(id.TopUp, "mem_b", "money.increase", "1"))
	require.NotEqual(t, first, recordIDFor(id.TopUp, "mem_a", "money.decrease", "1"))
	require.NotEqual(t, first, recordIDFor(id.TopUp, "mem_a", "money.increase", "2"))
}

func TestPreferences(t *testing.T) {
	for header, want := range map[string]bool{"": false, "respond-async": true, "return=minimal, Respond-Async": true, "wait=5": false} {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request = httptest.NewRequest(http.MethodPost, "/", nil)
		c.Request.Header.Set("Prefer", header)
		require.Equal(t, want, respondAsync(c), header)
	}
}
