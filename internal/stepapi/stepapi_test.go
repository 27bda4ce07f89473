package stepapi

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/token"
)

type question struct {
	Amount int64     `json:"amount"`
	At     time.Time `json:"at,omitzero"`
}

type reply struct{ Doubled int64 }

func doubled(_ context.Context, in []question) ([]reply, error) {
	out := make([]reply, len(in))
	for i, q := range in {
		out[i] = reply{2 * q.Amount}
	}
	return out, nil
}

func issuer(t testing.TB) *token.Issuer {
	t.Helper()
	i, err := token.NewIssuer("a:"+base64.StdEncoding.EncodeToString(make([]byte, 32)), time.Now)
	require.NoError(t, err)
	return i
}

// serve gives a client of a service with these steps.
func serve(t testing.TB, steps map[string]any) *Client {
	t.Helper()
	i := issuer(t)
	h, err := Handler(steps, Authorize(i))
	require.NoError(t, err)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &Client{BaseURL: server.URL, Token: NewIdentity(i, "test").Token, HTTP: NewHTTP()}
}

// step makes the remote form of a step.
func step[F any](t testing.TB, c *Client, name string, like F) F {
	t.Helper()
	f, err := c.Step(name, like)
	require.NoError(t, err)
	return f.(F)
}

func TestAStepThere(t *testing.T) {
	c := serve(t, map[string]any{"money.Double": doubled})
	out, err := step(t, c, "money.Double", doubled)(t.Context(), []question{{Amount: 1}, {Amount: 9007199254740993}})
	require.NoError(t, err)
	require.Equal(t, []reply{{2}, {18014398509481986}}, out)
	out, err = Call[[]question, []reply](c, "money.Double")(t.Context(), []question{{Amount: 4}})
	require.NoError(t, err)
	require.Equal(t, []reply{{8}}, out)
}

func TestAStepWithoutOutcome(t *testing.T) {
	var got []string
	keep := func(_ context.Context, in []string) error { got = in; return nil }
	c := serve(t, map[string]any{"keep": keep})
	require.NoError(t, step(t, c, "keep", keep)(t.Context(), []string{"a", "b"}))
	require.Equal(t, []string{"a", "b"}, got)
}

func TestManyAtOnce(t *testing.T) {
	c := serve(t, map[string]any{"d": doubled})
	remote := step(t, c, "d", doubled)
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			out, err := remote(t.Context(), []question{{Amount: int64(i)}})
			if err != nil || len(out) != 1 || out[0].Doubled != int64(2*i) {
				t.Errorf("%d: %v, %v", i, out, err)
			}
		})
	}
	group.Wait()
}

func TestErrorsKeepTheirCode(t *testing.T) {
	for name, c := range map[string]struct {
		err       error
		is        error
		retryable bool
	}{
		"refusal":       {errs.InsufficientBalance.With("available", 5), errs.InsufficientBalance, false},
		"not found":     {errs.StatementNotFound, errs.StatementNotFound, false},
		"away":          {errs.ServiceUnavailable.Because(errors.New("refused")), errs.ServiceUnavailable, true},
		"busy":          {errs.Busy, errs.Busy, true},
		"unclassified":  {errors.New("a defect"), errs.InternalError, true},
		"from a step":   {temporal.NewApplicationErrorWithOptions("m", string(errs.Busy.Code), temporal.ApplicationErrorOptions{Cause: errs.Busy}), errs.Busy, true},
		"context ended": {context.DeadlineExceeded, errs.InternalError, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := func(context.Context, int) (int, error) { return 7, c.err }
			client := serve(t, map[string]any{"f": f})
			out, err := step(t, client, "f", f)(t.Context(), 1)
			require.Zero(t, out)
			require.ErrorIs(t, err, c.is)
			require.Equal(t, c.retryable, errs.Retryable(err))
			var told *Error
			require.ErrorAs(t, err, &told)
			require.Equal(t, c.retryable, told.Retryable)
		})
	}
}

func TestParametersTravel(t *testing.T) {
	f := func(context.Context, int) error { return errs.InsufficientBalance.With("available", 5) }
	err := step(t, serve(t, map[string]any{"f": f}), "f", f)(t.Context(), 1)
	require.Equal(t, map[string]string{"available": "5"}, errs.Of(err).Params)
}

func TestABenignErrorStaysOne(t *testing.T) {
	f := func(context.Context, int) error {
		return temporal.NewApplicationErrorWithOptions("not yet", "still_unknown", temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
	}
	c := serve(t, map[string]any{"f": f})
	var told *Error
	require.ErrorAs(t, step(t, c, "f", f)(t.Context(), 1), &told)
	require.Equal(t, Failure{Code: "still_unknown", Message: "not yet", Retryable: true, Benign: true, Params: told.Params}, told.Failure)
	c.Translate = func(_ context.Context, err error) error { return errors.Join(errors.New("mine"), err) }
	require.ErrorContains(t, step(t, c, "f", f)(t.Context(), 1), "mine")
}

func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c := &Client{BaseURL: server.URL, Token: NewIdentity(issuer(t), "test").Token, HTTP: NewHTTP()}
	_, err := step(t, c, "d", doubled)(t.Context(), nil)
	require.ErrorIs(t, err, errs.ServiceUnavailable)
	require.True(t, errs.Retryable(err))
}

// TestTroubleOnTheWayIsNobodysRefusal: what is not the step's word must not be taken for it.
func TestTroubleOnTheWayIsNobodysRefusal(t *testing.T) {
	for _, answer := range []struct {
		status int
		body   string
	}{
		{http.StatusOK, "<html>"}, {http.StatusOK, `{"no":"list"}`}, {http.StatusNotFound, `{"code":"member_not_found"}`},
		{http.StatusUnauthorized, ""}, {http.StatusUnprocessableEntity, "no"}, {http.StatusServiceUnavailable, "{}"},
		{http.StatusBadGateway, ""}, {http.StatusFound, ""}, {http.StatusOK, strings.Repeat(" ", maxOutput+1)},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(answer.status)
			_, _ = w.Write([]byte(answer.body))
		}))
		c := &Client{BaseURL: server.URL, Token: NewIdentity(issuer(t), "test").Token, HTTP: NewHTTP()}
		_, err := step(t, c, "d", doubled)(t.Context(), nil)
		require.ErrorIs(t, err, errs.ServiceUnavailable, "%d", answer.status)
		server.Close()
	}
}

func TestAnUnknownStepIsToldByTheNextVersion(t *testing.T) {
	c := serve(t, map[string]any{"d": doubled})
	_, err := step(t, c, "e", doubled)(t.Context(), nil)
	require.ErrorIs(t, err, errs.ServiceUnavailable)
	require.ErrorContains(t, err, "404")
}

func TestTheCallersDeadlineIsTheSteps(t *testing.T) {
	waited := make(chan error, 1)
	wait := func(ctx context.Context, _ int) error {
		<-ctx.Done()
		waited <- context.Cause(ctx)
		return ctx.Err()
	}
	c := serve(t, map[string]any{"wait": wait})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.Error(t, step(t, c, "wait", wait)(ctx, 1))
	require.ErrorIs(t, <-waited, context.DeadlineExceeded)
}

func TestAStepGoesOnWithoutItsCaller(t *testing.T) {
	began, gone, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	work := func(ctx context.Context, _ int) error {
		close(began)
		<-gone
		ended <- ctx.Err()
		return nil
	}
	c := serve(t, map[string]any{"work": work})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	require.ErrorIs(t, step(t, c, "work", work)(ctx, 1), errs.ServiceUnavailable)
	close(gone)
	require.NoError(t, <-ended)
}

func TestOnlyServicesMayCall(t *testing.T) {
	i := issuer(t)
	ran := false
	f := func(context.Context, int) error { ran = true; return nil }
	h, err := Handler(map[string]any{"f": f}, Authorize(i))
	require.NoError(t, err)
	member, _, err := i.Issue("mem_x", "MEMBER", time.Minute)
	require.NoError(t, err)
	operator, _, err := i.Issue("mem_y", "OPERATOR", time.Minute)
	require.NoError(t, err)
	for _, header := range []string{"", "Bearer ", "Bearer " + member, "Bearer " + operator, "bearer nonsense", "Basic YTpi"} {
		r := httptest.NewRequest(http.MethodPost, Path+"f", strings.NewReader("1"))
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, http.StatusUnauthorized, w.Code, header)
	}
	require.False(t, ran)
}

func TestWhatIsNoStepIsNotServed(t *testing.T) {
	i := issuer(t)
	text, err := NewIdentity(i, "test").Token()
	require.NoError(t, err)
	h, err := Handler(map[string]any{"f": func(context.Context, []int) error { return nil }}, Authorize(i))
	require.NoError(t, err)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodPost, Path + "f", "[1]", http.StatusOK},
		{http.MethodPost, Path + "f", "[1", http.StatusBadRequest},
		{http.MethodPost, Path + "f", `{"a":1}`, http.StatusBadRequest},
		{http.MethodPost, Path + "f", "[" + strings.Repeat("1,", maxInput/2) + "1]", http.StatusRequestEntityTooLarge},
		{http.MethodPost, Path + "g", "[1]", http.StatusNotFound},
		{http.MethodPost, Path, "[1]", http.StatusNotFound},
		{http.MethodGet, Path + "f", "", http.StatusMethodNotAllowed},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer "+text)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, c.status, w.Code, "%s %s", c.method, c.path)
	}
}

func TestShapes(t *testing.T) {
	for _, f := range []any{nil, 1, func() {}, func(context.Context) error { return nil }, func(int, int) error { return nil },
		func(context.Context, ...int) error { return nil }, func(context.Context, int) int { return 0 },
		func(context.Context, int) (int, int, error) { return 0, 0, nil }} {
		_, err := Handler(map[string]any{"f": f}, nil)
		require.Error(t, err)
		_, err = (&Client{}).Step("f", f)
		require.Error(t, err)
	}
}

func TestATokenIsUsedForHalfItsLife(t *testing.T) {
	i := issuer(t)
	identity := NewIdentity(i, "worker")
	first, err := identity.Token()
	require.NoError(t, err)
	again, err := identity.Token()
	require.NoError(t, err)
	require.Equal(t, first, again)
	claims, err := i.Verify(first)
	require.NoError(t, err)
	require.Equal(t, "worker", claims.Subject)
	require.Equal(t, Role, claims.Role)
	require.WithinDuration(t, time.Now().Add(time.Minute), claims.ExpiresAt, 2*time.Second)
	require.WithinDuration(t, time.Now().Add(30*time.Second), identity.until, 2*time.Second)
	identity.until = time.Now()
	next, err := identity.Token()
	require.NoError(t, err)
	require.NotEqual(t, first, next)
}
