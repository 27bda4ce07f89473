package e2e

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

func me(t *testing.T, token string) harness.Answer {
	t.Helper()
	return harness.Shared(t).Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/memberships/me", Token: token})
}

func authPost(t *testing.T, path, token string, body any) harness.Answer {
	t.Helper()
	return harness.Shared(t).Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/auth" + path, Token: token, Body: body})
}

func refresh(t *testing.T, token string) harness.Answer {
	t.Helper()
	return authPost(t, "/refresh", "", map[string]string{"refreshToken": token})
}

func requireCode(t *testing.T, status int, code string, a harness.Answer) {
	t.Helper()
	require.Equal(t, status, a.Status, a)
	require.Equal(t, code, a.Problem(t).Code)
}

func TestD17_NoSignInWithoutACredential(t *testing.T) {
	t.Parallel()
	m := harness.Shared(t).NewMember(t)
	for name, body := range map[string]string{
		"no password":         `{"email":"` + m.Email + `"}`,
		"an empty password":   `{"email":"` + m.Email + `","password":""}`,
		"null for a password": `{"email":"` + m.Email + `","password":null}`,
		"no e-mail":           `{"password":"correct-Horse-7-battery"}`,
		"nothing":             `{}`,
	} {
		require.Equal(t, http.StatusBadRequest, authPost(t, "/login", "", body).Status, name)
	}
	requireCode(t, http.StatusUnauthorized, "credentials_wrong", authPost(t, "/login", "", login(m.Email, "wrong-Horse-7-battery")))
	requireCode(t, http.StatusUnauthorized, "credentials_wrong", authPost(t, "/login", "", login(m.Email, "' OR '1'='1")))
	requireCode(t, http.StatusUnauthorized, "token_missing", me(t, ""))
}

func login(email, password string) map[string]string {
	return map[string]string{"email": email, "password": password}
}

func TestD18_TokensAreTakenForWhatTheyAre(t *testing.T) {
	t.Parallel()
	m := harness.Shared(t).NewMember(t)
	require.Equal(t, http.StatusOK, me(t, m.Token).Status)
	requireCode(t, http.StatusUnauthorized, "token_invalid", me(t, m.Refresh))
	requireCode(t, http.StatusUnauthorized, "refresh_token_invalid", refresh(t, m.Token))
	v := harness.Read[validation](t, authPost(t, "/validate", m.Token, map[string]string{"token": m.Token}), http.StatusOK)
	require.Equal(t, validation{Valid: true, Subject: m.ID, ExpiresAt: v.ExpiresAt}, v)
	require.NotEmpty(t, v.ExpiresAt)
	for _, scheme := range []string{"bearer ", "BEARER "} {
		a := harness.Shared(t).Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/memberships/me", Header: map[string]string{"Authorization": scheme + m.Token}})
		require.Equal(t, http.StatusOK, a.Status)
	}
	for _, header := range []string{m.Token, "Basic " + m.Token, "Bearer", "Bearer ", "Bearer  x y", "Bearer " + m.Token + " x"} {
		a := harness.Shared(t).Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/memberships/me", Header: map[string]string{"Authorization": header}})
		require.Equal(t, http.StatusUnauthorized, a.Status, header)
		require.Contains(t, a.Header.Get("WWW-Authenticate"), "Bearer")
	}
}

type validation struct {
	Valid                      bool
	Reason, Subject, ExpiresAt string
}

func TestD19_ATamperedTokenIsARefusal(t *testing.T) {
	t.Parallel()
	m := harness.Shared(t).NewMember(t)
	bad := badTokens(t, m)
	for i, token := range tampered(m.Token) {
		bad["changed at "+strconv.Itoa(7*i)] = token
	}
	for name, token := range bad {
		a := me(t, token)
		require.Equal(t, http.StatusUnauthorized, a.Status, "%s: %s", name, a)
		v := harness.Read[validation](t, authPost(t, "/validate", m.Token, map[string]string{"token": token}), http.StatusOK)
		require.False(t, v.Valid, name)
		require.NotEmpty(t, v.Reason, name)
		require.Empty(t, v.Subject, name)
	}
	requireCode(t, http.StatusUnauthorized, "token_expired", me(t, bad["expired"]))
	v := harness.Read[validation](t, authPost(t, "/validate", m.Token, map[string]string{"token": bad["expired"]}), http.StatusOK)
	require.Equal(t, "token_expired", v.Reason)
}

func TestARefreshTokenIsGoodOnce(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t)
	other := p.Login(t, m.Email, "correct-Horse-7-battery") // another sign-in of the same member

	next := harness.Read[apiclient.Tokens](t, refresh(t, m.Refresh), http.StatusOK)
	require.NotEqual(t, m.Refresh, next.RefreshToken)
	require.Equal(t, http.StatusOK, me(t, next.AccessToken).Status)
	require.Equal(t, "Bearer", next.TokenType)
	require.EqualValues(t, 600, next.ExpiresIn)

	requireCode(t, http.StatusUnauthorized, "refresh_token_reused", refresh(t, m.Refresh))
	require.Equal(t, http.StatusUnauthorized, refresh(t, next.RefreshToken).Status, "reuse revokes the whole family")
	require.Equal(t, http.StatusOK, refresh(t, other.RefreshToken).Status, "and no other family")
}

func TestARefreshTokenUsedAtOnceIsGoodOnce(t *testing.T) {
	t.Parallel()
	m := harness.Shared(t).NewMember(t)
	good := 0
	for _, a := range atOnce(20, func(int) harness.Answer { return refresh(t, m.Refresh) }) {
		if a.Status == http.StatusOK {
			good++
			continue
		}
		require.Equal(t, http.StatusUnauthorized, a.Status, a)
	}
	require.Equal(t, 1, good)
}

func TestLogoutRevokesTheFamily(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m, stranger := p.NewMember(t), p.NewMember(t)
	out := func(token, refreshToken string) {
		a := authPost(t, "/logout", token, map[string]string{"refreshToken": refreshToken})
		require.Equal(t, http.StatusNoContent, a.Status, a)
		require.Empty(t, a.Body)
	}
	out(stranger.Token, m.Refresh)
	next := harness.Read[apiclient.Tokens](t, refresh(t, m.Refresh), http.StatusOK)
	out(m.Token, next.RefreshToken)
	out(m.Token, next.RefreshToken)
	require.Equal(t, http.StatusUnauthorized, refresh(t, next.RefreshToken).Status)
}

func TestGuessingIsThrottledPerAccount(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m, bystander := p.NewMember(t), p.NewMember(t)
	throttled := 0
	for range 8 { // five failures are allowed
		if a := authPost(t, "/login", "", login(m.Email, "wrong-Horse-7-battery")); a.Status == http.StatusTooManyRequests {
			throttled++
			requireRetryAfter(t, a)
		}
	}
	require.Equal(t, 3, throttled)
	a := authPost(t, "/login", "", login(strings.ToUpper(m.Email), "correct-Horse-7-battery"))
	requireCode(t, http.StatusTooManyRequests, "login_throttled", a)
	require.Equal(t, http.StatusOK, authPost(t, "/login", "", login(bystander.Email, "correct-Horse-7-battery")).Status)
	require.Equal(t, http.StatusOK, me(t, m.Token).Status, "who is signed in stays so")
}

func requireRetryAfter(t *testing.T, a harness.Answer) {
	t.Helper()
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, seconds)
}

func TestNobodyLearnsWhoIsAMember(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t)
	wrong := authPost(t, "/login", "", login(m.Email, "wrong-Horse-7-battery"))
	unknown := authPost(t, "/login", "", login("nobody-"+m.Email, "wrong-Horse-7-battery"))
	require.Equal(t, told(t, wrong), told(t, unknown))
	for _, id := range []string{m.ID, "mem_01JZ0000000000000000000000"} {
		a := p.NewMember(t).Get(t, "/v1/memberships/"+id)
		requireCode(t, http.StatusNotFound, "member_not_found", a)
	}
}

func TestTheKeysOfTheTokensArePublic(t *testing.T) {
	t.Parallel()
	a := harness.Shared(t).Call(t, harness.Call{Method: http.MethodGet, Path: "/.well-known/jwks.json"})
	set := harness.Read[struct{ Keys []map[string]string }](t, a, http.StatusOK)
	kid, _ := signingKey(t)
	require.NotEmpty(t, set.Keys)
	require.Equal(t, kid, set.Keys[0]["kid"])
	for _, key := range set.Keys {
		require.NotContains(t, key, "d", "the private part")
		require.Equal(t, []string{"OKP", "Ed25519", "EdDSA", "sig"}, []string{key["kty"], key["crv"], key["alg"], key["use"]})
	}
}
