package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/test/harness"
)

func TestD17_D19_EveryRouteAsksForAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad := badTokens(t, w.m)
	for name, r := range routes(t) {
		if r.public {
			continue
		}
		t.Run(name, func(t *testing.T) {
			requireCode(t, http.StatusUnauthorized, "token_missing", w.p.Call(t, r.call(t, w, "")))
			for what, token := range bad {
				a := w.p.Call(t, r.call(t, w, token))
				require.Equal(t, http.StatusUnauthorized, a.Status, "%s: %s", what, a)
			}
		})
	}
	requireWallet(t, w.m, 297_000)
}

func TestD17_EveryRouteAsksForItsRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, r := range routes(t) {
		for _, role := range []string{"MEMBER", "FRANCHISE", "OPERATOR", "AUDITOR", "SERVICE", "ROOT", "member"} {
			if r.public || slices.Contains(r.roles, role) {
				continue
			}
			a := w.p.Call(t, r.call(t, w, as(t, role)))
			require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, a.Status, "%s as %s: %s", name, role, a)
		}
	}
}

// What is somebody else's, or nobody's, is not there.
func TestD17_D27_ForeignAndUnknownIDsAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, r := range routes(t) {
		if r.id == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			mine := r.id(w)
			if !r.shared {
				c := r.call(t, w, w.stranger.Token)
				requireNotFound(t, w.p.Call(t, c), "a stranger")
			}
			for _, token := range []string{r.token(t, w), operatorsToken(t, w, r)} {
				for _, id := range wrongIDs(mine) {
					c := r.call(t, w, token)
					c.Path = r.of(w, url.PathEscape(id))
					requireNotFound(t, w.p.Call(t, c), id)
				}
			}
			if r.method == http.MethodGet {
				a := w.p.Call(t, r.call(t, w, r.token(t, w)))
				require.Equal(t, http.StatusOK, a.Status, a)
				require.NotContains(t, a.String(), "null")
			}
		})
	}
	require.Equal(t, http.StatusOK, me(t, w.m.Token).Status)
}

func operatorsToken(t *testing.T, w *world, r route) string {
	t.Helper()
	if slices.Contains(r.roles, "OPERATOR") {
		return w.p.Operator(t)
	}
	return r.token(t, w)
}

// wrongIDs are ids that name nothing: of the right form, and of none.
func wrongIDs(mine string) []string {
	prefix := mine[:4]
	return []string{
		prefix + "01JZ0000000000000000000000", strings.ToLower(mine), mine + " ", " " + mine, mine + "\x00", mine[:len(mine)-1], mine + "0",
		"top_01JZ0000000000000000000000", "xxx_01JZ0000000000000000000000", prefix + "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", prefix + strings.Repeat("0", 300),
		"x", "0", "-1", "null", "' OR '1'='1", "1; DROP TABLE members", "키", "..", "../" + mine, "%", "*", "<script>",
	}
}

// requireNotFound takes 404 for a missing resource; a path that a router cleans or does
// not know is none of ours either.
func requireNotFound(t *testing.T, a harness.Answer, id string) {
	t.Helper()
	require.Equal(t, http.StatusNotFound, a.Status, "%q: %s", id, a)
}

func TestNoRouteTakesAnotherMethod(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	d := readDocument(t)
	for path := range d.Paths {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
			if _, there := d.Paths[path][strings.ToLower(method)]; there {
				continue
			}
			a := p.Call(t, harness.Call{Method: method, Path: strings.NewReplacer("{id}", "x", "{membershipId}", "x").Replace(path)})
			require.Contains(t, []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed}, a.Status, "%s %s: %s", method, path, a)
		}
	}
	for _, path := range []string{"/", "/v1", "/v2/money", "/v1/money/", "/.env", "/debug/pprof/", "/v1//money", "/%2e%2e/etc/passwd"} {
		a := p.Call(t, harness.Call{Method: http.MethodGet, Path: path})
		require.Contains(t, []int{http.StatusUnauthorized, http.StatusNotFound}, a.Status, "%s: %s", path, a)
	}
}

func TestD06_EveryBodyIsReadStrictly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := readDocument(t)
	for name, r := range routes(t) {
		if r.body == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			valid := asJSON(t, r.valid(t, w))
			for what, body := range r.malformed(valid) {
				requireBadBody(t, r.send(t, w, body), what)
			}
			r.requireJSON(t, w, valid)
			for _, s := range r.spoilt(t, d, valid) {
				requirePointer(t, r.send(t, w, s.body), s)
			}
			if !r.empty {
				requireBadBody(t, r.send(t, w, "{}"), "no field at all")
			}
		})
	}
	b := w.m.Balance(t)
	require.Equal(t, []int64{297_000, 0}, []int64{b.Balance, b.Held}, "nothing of all this moved money")
}

func (r route) send(t *testing.T, w *world, body any) harness.Answer {
	t.Helper()
	c := r.bare(t, w, r.token(t, w))
	c.Body = body
	return w.p.Call(t, c)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// malformed are bodies that are not one JSON object of known fields.
func (r route) malformed(valid string) map[string]string {
	all := map[string]string{
		"cut": valid[:len(valid)-1], "an array": "[" + valid + "]", "a text": `"x"`, "a number": "5", "true": "true", "words": "hello", "an open brace": "{",
		"more behind": valid + "x", "two objects": valid + valid, "a comma": valid[:len(valid)-1] + ",}", "single quotes": "{'a':1}",
		"a byte order mark": "\xef\xbb\xbf" + valid, "an unknown field": valid[:len(valid)-1] + `,"isAdmin":true}`,
		"a field of ours": valid[:len(valid)-1] + `,"role":"OPERATOR"}`, "deep": strings.Repeat(`{"a":`, 20_000), "deep arrays": strings.Repeat("[", 60_000),
		"huge": valid[:len(valid)-1] + `,"x":"` + strings.Repeat("x", 100_000) + `"}`, "NUL": "\x00", "UTF-16": "\xff\xfe{\x00}\x00", "a NaN": `{"amount":NaN}`,
	}
	if !r.empty {
		all["nothing"], all["null"] = "", "null"
	}
	return all
}

func requireBadBody(t *testing.T, a harness.Answer, what string) {
	t.Helper()
	require.Contains(t, []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge}, a.Status, "%s: %s", what, a)
}

// requireJSON checks that a body has to say that it is JSON.
func (r route) requireJSON(t *testing.T, w *world, valid string) {
	t.Helper()
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "application/json-patch+json", "a/b/c", ";"} {
		c := r.bare(t, w, r.token(t, w))
		c.Body = valid
		if c.Header == nil {
			c.Header = map[string]string{}
		}
		c.Header["Content-Type"] = kind
		a := w.p.Call(t, c)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnsupportedMediaType}, a.Status, "%q: %s", kind, a)
		require.Equal(t, "unsupported_media_type", a.Problem(t).Code)
	}
}

// spoiltBody is a right body with one wrong value.
type spoiltBody struct{ body, pointer, value string }

// wrongTypes are JSON values that are not of a type.
var wrongTypes = map[string][]string{
	"string":  {"5", "true", "[]", "{}", "1e999"},
	"boolean": {`"true"`, "1", "[]", "{}"},
	"object":  {`"x"`, "5", "[]", "true"},
	"integer": slices.DeleteFunc(slices.Clone(hostileAmounts), func(v string) bool { return v == "null" }),
}

// spoilt puts each wrong value in each field's place.
func (r route) spoilt(t *testing.T, d document, valid string) []spoiltBody {
	t.Helper()
	var all []spoiltBody
	for pointer, s := range fields(d, *r.body, "") {
		if slices.ContainsFunc(r.apart, func(other string) bool { return strings.HasPrefix(pointer, other+"/") }) {
			continue
		}
		require.NotEmpty(t, wrongTypes[s.Type], "a field of a new type: %s", s.Type)
		for _, value := range wrongTypes[s.Type] {
			if strings.Trim(value, "-0") == "" && slices.Contains(r.zero, pointer) {
				continue
			}
			all = append(all, spoiltBody{replaced(t, valid, pointer, value), pointer, value})
		}
	}
	return all
}

// fields gives all fields of a body, by JSON pointer.
func fields(d document, s schema, at string) map[string]schema {
	all := map[string]schema{}
	for name, property := range s.Properties {
		property = d.resolve(property)
		all[at+"/"+name] = property
		maps.Copy(all, fields(d, property, at+"/"+name))
	}
	return all
}

func replaced(t *testing.T, valid, pointer, value string) string {
	t.Helper()
	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(valid), &body))
	parts := strings.Split(pointer[1:], "/")
	inner := body
	for _, part := range parts[:len(parts)-1] {
		next, there := inner[part].(map[string]any)
		if !there {
			next = map[string]any{}
			inner[part] = next
		}
		inner = next
	}
	inner[parts[len(parts)-1]] = json.RawMessage(value)
	return asJSON(t, body)
}

func requirePointer(t *testing.T, a harness.Answer, s spoiltBody) {
	t.Helper()
	require.Equal(t, http.StatusBadRequest, a.Status, "%s: %s: %s", s.pointer, s.value, a)
	p := a.Problem(t)
	require.Equal(t, "invalid_request", p.Code, a)
	pointers := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		pointers[i] = e.Pointer
	}
	require.Contains(t, pointers, s.pointer, s.value)
}

// strangeTexts are well-formed JSON strings that somebody may send; whatever becomes of
// them, it is no defect, and every flow they start has an end.
var strangeTexts = []string{
	`""`, `" "`, `"\u0000"`, `"\ud800"`, `"\u202e"`, `"👩‍👩‍👧‍👦"`, `"'; DROP TABLE members; --"`, `"${jndi:ldap://x}"`, `"{amount}"`, `"<script>alert(1)</script>"`,
	`"` + strings.Repeat("가", 4_000) + `"`, `"` + strings.Repeat("9", 65) + `"`, `"mem_00000000000000000000000000"`, `"../../etc/passwd"`, `"%s%n"`, `"\r\nX-Injected: 1"`,
}

func TestStrangeTextsAreNoDefect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := readDocument(t)
	for name, r := range routes(t) {
		// Signing in is left out: its failures count against everybody at this address.
		if r.body == nil || name == "loginMembership" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for pointer, s := range fields(d, *r.body, "") {
				if s.Type != "string" {
					continue
				}
				for _, text := range strangeTexts {
					a := r.send(t, w, replaced(t, asJSON(t, r.valid(t, w)), pointer, text))
					require.NotContains(t, a.Header, "X-Injected")
				}
			}
		})
	}
}
