package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

type member struct {
	ID, Name, Email, Phone, Role, State string
	Verified                            bool
	Address                             apiclient.Address
}

func count(answers []harness.Answer, status int) (n int) {
	for _, a := range answers {
		if a.Status == status {
			n++
		}
	}
	return n
}

func TestD21_OneMemberForOneEmail(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	sheet := p.Sheet()
	register := harness.Call{Method: http.MethodPost, Path: "/v1/memberships", Body: sheet}
	answers := atOnce(50, func(int) harness.Answer { return p.Call(t, register) })
	require.Equal(t, 1, count(answers, http.StatusCreated))
	require.Equal(t, 49, count(answers, http.StatusConflict))

	sheet.Email = strings.ToUpper(sheet.Email)
	register.Body = sheet
	requireCode(t, http.StatusConflict, "email_taken", p.Call(t, register))
	register.Path = "/v1/memberships/async"
	receipt := harness.Read[apiclient.Accepted](t, p.Call(t, register), http.StatusAccepted)
	end := p.Follow(t, "", receipt.Flow.ID)
	require.Equal(t, apiclient.Failed, end.State)
	require.Equal(t, "email_taken", end.Failure.Code)
	require.Equal(t, http.StatusNotFound, p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/memberships/" + receipt.ID, Token: p.Operator(t)}).Status)
}

func TestD21_OneMemberForOneEmailByTheFlow(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	sheet := p.Sheet()
	answers := atOnce(20, func(int) harness.Answer {
		return p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/memberships/async", Body: sheet})
	})
	succeeded := 0
	for _, a := range answers {
		receipt := harness.Read[apiclient.Accepted](t, a, http.StatusAccepted)
		if end := p.Follow(t, "", receipt.Flow.ID); end.State == apiclient.Succeeded {
			succeeded++
		} else {
			require.Equal(t, "email_taken", end.Failure.Code)
		}
	}
	require.Equal(t, 1, succeeded)
}

func TestD21_OneRegistrationForOneKey(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	call := harness.Call{Method: http.MethodPost, Path: "/v1/memberships/async", Key: newKey(), Body: p.Sheet()}
	answers := atOnce(10, func(int) harness.Answer { return p.Call(t, call) })
	for _, a := range answers {
		require.Equal(t, answers[0].String(), a.String())
	}
	receipt := harness.Read[apiclient.Accepted](t, answers[0], http.StatusAccepted)
	require.Equal(t, apiclient.Succeeded, p.Follow(t, "", receipt.Flow.ID).State)
	require.Equal(t, answers[0].String(), p.Call(t, call).String(), "a repeat after the end")
}

func TestD21_OneWalletForOneMember(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	sheet := p.Sheet()
	require.Equal(t, http.StatusCreated, p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/memberships", Body: sheet}).Status)
	m := &harness.Member{Email: sheet.Email}
	tokens := p.Login(t, m.Email, sheet.Password)
	answers := atOnce(50, func(int) harness.Answer {
		return p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/money", Token: tokens.AccessToken})
	})
	require.Equal(t, 1, count(answers, http.StatusCreated))
	require.Equal(t, 49, count(answers, http.StatusConflict))

	joined := p.NewMember(t) // has one by the flow
	requireCode(t, http.StatusConflict, "wallet_exists", joined.Post(t, "/v1/money", "", "{}"))
	requireCode(t, http.StatusNotFound, "member_not_found", joined.Post(t, "/v1/money", "", `{"membershipId":"mem_01JZ0000000000000000000000"}`))
}

func TestAMemberIsWhatWasRegistered(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	sheet := p.Sheet()
	a := p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/memberships", Body: sheet})
	m := harness.Read[member](t, a, http.StatusCreated)
	require.Equal(t, "/v1/memberships/"+m.ID, a.Header.Get("Location"))
	want := member{ID: m.ID, Name: sheet.Name, Email: sheet.Email, Phone: "+82" + strings.ReplaceAll(sheet.Phone, "-", "")[1:],
		Role: "MEMBER", State: "ACTIVE", Address: sheet.Address}
	require.Equal(t, want, m)
	for _, token := range []string{p.Login(t, sheet.Email, sheet.Password).AccessToken, p.Operator(t)} {
		got := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/memberships/" + m.ID, Token: token})
		require.Equal(t, want, harness.Read[member](t, got, http.StatusOK))
	}
}

func patch(t *testing.T, token, id, ifMatch string, body any) harness.Answer {
	t.Helper()
	c := harness.Call{Method: http.MethodPatch, Path: "/v1/memberships/" + id, Token: token, Body: body}
	if ifMatch != "" {
		c.Header = map[string]string{"If-Match": ifMatch}
	}
	return harness.Shared(t).Call(t, c)
}

func TestD30_TheIDInThePathIsTheOneThatCounts(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m, bystander := p.NewMember(t), p.NewMember(t)
	before := me(t, bystander.Token).String()
	changed := harness.Read[member](t, patch(t, p.Operator(t), m.ID, "", map[string]any{"address": map[string]string{"region": "BUSAN"}}), http.StatusOK)
	require.Equal(t, m.ID, changed.ID)
	require.Equal(t, apiclient.Address{Region: "BUSAN", Detail: m.Detail}, changed.Address)
	require.Equal(t, m.ID, harness.Read[member](t, me(t, m.Token), http.StatusOK).ID)
	require.Equal(t, before, me(t, bystander.Token).String())
	requireCode(t, http.StatusNotFound, "member_not_found", patch(t, bystander.Token, m.ID, "", map[string]any{"name": "x"}))
}

func TestAnETagKeepsEditsApart(t *testing.T) {
	t.Parallel()
	m := harness.Shared(t).NewMember(t)
	tag := me(t, m.Token).Header.Get("ETag")
	require.NotEmpty(t, tag)
	answers := atOnce(20, func(i int) harness.Answer {
		return patch(t, m.Token, m.ID, tag, map[string]any{"name": "하나 " + string(rune('A'+i))})
	})
	require.Equal(t, 1, count(answers, http.StatusOK))
	require.Equal(t, 19, count(answers, http.StatusPreconditionFailed))
	require.NotEqual(t, tag, me(t, m.Token).Header.Get("ETag"))
	for _, stale := range []string{tag, `"0"`, `"-1"`, `"99999999999999999999"`, `"x"`, `x`, `W/"1"`, `"`} {
		require.Equal(t, http.StatusPreconditionFailed, patch(t, m.Token, m.ID, stale, map[string]any{"name": "둘"}).Status, stale)
	}
	require.Equal(t, http.StatusOK, patch(t, m.Token, m.ID, "*", map[string]any{"name": "셋"}).Status)
}

func TestADeactivatedMemberMovesNothing(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	other := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	require.Equal(t, http.StatusOK, patch(t, m.Token, m.ID, "", map[string]any{"state": "DEACTIVATED"}).Status)

	for name, a := range map[string]harness.Answer{
		"top-up": m.TopUp(t, newKey(), 1_000), "withdrawal": m.Withdraw(t, newKey(), 1_000), "remittance": m.Remit(t, newKey(), other.ID, 1_000),
	} {
		t.Log(name)
		requireRefused(t, m, a, http.StatusUnprocessableEntity, "member_deactivated")
	}
	requireRefused(t, other, other.Remit(t, newKey(), m.ID, 1_000), http.StatusUnprocessableEntity, "receiver_inactive")
	require.Equal(t, http.StatusUnauthorized, authPost(t, "/login", "", login(m.Email, "correct-Horse-7-battery")).Status)
	require.Equal(t, http.StatusUnauthorized, refresh(t, m.Refresh).Status)

	require.Equal(t, http.StatusOK, patch(t, p.Operator(t), m.ID, "", map[string]any{"state": "ACTIVE"}).Status)
	m.SignIn(t)
	requireSucceeded(t, other, other.Remit(t, newKey(), m.ID, 1_000))
	requireWallet(t, m, 51_000)
	require.EqualValues(t, 50_000, m.BankBalance(t))
}
