package membershipdb_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/services/membership"
)

func TestLoginGivesTokens(t *testing.T) {
	e := newEnv(t)
	m := e.member("a@example.com")
	tokens, err := e.Login(t.Context(), " A@Example.com", password, ip)
	require.NoError(t, err)
	require.Equal(t, 10*time.Minute, tokens.ExpiresIn)
	claims, err := e.issuer.Verify(tokens.AccessToken)
	require.NoError(t, err)
	require.Equal(t, m.ID, claims.Subject)
	require.Equal(t, "MEMBER", claims.Role)
	require.Len(t, tokens.RefreshToken, 43)
}

func TestRefusedLoginsAreTheSame(t *testing.T) {
	e := newEnv(t)
	e.member("a@example.com")
	e.pending("pending@example.com")
	gone := e.member("gone@example.com")
	_, err := e.Modify(t.Context(), gone.ID, 1, membership.Patch{State: ptr(membership.Deactivated)})
	require.NoError(t, err)
	for i, c := range []struct{ email, password string }{
		{"a@example.com", "wrong password"},
		{"a@example.com", ""},
		{"a@example.com", strings.Repeat("x", 10_000)},
		{"unknown@example.com", password},
		{"not an e-mail", password},
		{"", ""},
		{"pending@example.com", password},
		{"gone@example.com", password},
	} {
		_, err := e.Login(t.Context(), c.email, c.password, "203.0.113."+strconv.Itoa(i))
		require.ErrorIs(t, err, errs.CredentialsWrong, c.email)
		require.Equal(t, *errs.CredentialsWrong, *errs.Of(err), "the same answer for %s", c.email)
	}
}

func TestHashFollowsTheParameters(t *testing.T) {
	e := newEnv(t)
	m := e.member("a@example.com")
	stronger := e.another(membership.Options{Argon2: argon2id.Params{Memory: 128, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}})
	for range 2 {
		_, err := stronger.Login(t.Context(), "a@example.com", password, ip)
		require.NoError(t, err)
	}
	require.Equal(t, 1, e.count("SELECT COUNT(*) FROM members WHERE password_hash LIKE '$argon2id$v=19$m=128,%'"))
	found, err := e.Find(t.Context(), m.ID)
	require.NoError(t, err)
	require.Equal(t, m, found, "no version of its own")
}

// outcomes counts the answers to sign-ins.
type outcomes struct{ in, wrong, throttled int }

func outcomesOf(t *testing.T, results []error) (o outcomes) {
	t.Helper()
	for _, err := range results {
		switch {
		case err == nil:
			o.in++
		case errors.Is(err, errs.CredentialsWrong):
			o.wrong++
		case errors.Is(err, errs.LoginThrottled):
			o.throttled++
			seconds, err := strconv.Atoi(errs.Of(err).Params["retryAfterSeconds"])
			require.NoError(t, err)
			require.Positive(t, seconds)
		default:
			require.NoError(t, err)
		}
	}
	return o
}

func TestGuessesAtOnceDoNotSlipThrough(t *testing.T) {
	e := newEnv(t)
	e.member("a@example.com")
	processes := []*membership.Service{e.Service, e.another(membership.Options{}), e.another(membership.Options{})}
	for _, email := range []string{"a@example.com", "unknown@example.com"} {
		results := together(60, func(i int) error {
			address := fmt.Sprintf("203.0.113.%d", i) // one account from everywhere
			_, err := processes[i%len(processes)].Login(context.Background(), email, "wrong password", address)
			return err
		})
		require.Equal(t, outcomes{wrong: 5, throttled: 55}, outcomesOf(t, results), email)
	}
	_, err := e.Login(t.Context(), "a@example.com", password, ip)
	require.ErrorIs(t, err, errs.LoginThrottled, "the right password has to wait too")
	require.Equal(t, "60", errs.Of(err).Params["retryAfterSeconds"])
	e.advance(time.Minute)
	e.login("a@example.com")
	require.Zero(t, e.count("SELECT MIN(failures) FROM login_counters"), "a success resets the account")
}

func TestBlocksGrowUntilASuccess(t *testing.T) {
	e := newEnv(t)
	e.member("a@example.com")
	fail := func() error {
		_, err := e.Login(t.Context(), "a@example.com", "wrong password", "")
		return err
	}
	for range 4 {
		require.ErrorIs(t, fail(), errs.CredentialsWrong)
	}
	for _, seconds := range []string{"60", "120", "240"} {
		require.ErrorIs(t, fail(), errs.CredentialsWrong)
		err := fail()
		require.ErrorIs(t, err, errs.LoginThrottled)
		require.Equal(t, seconds, errs.Of(err).Params["retryAfterSeconds"])
		wait, err := time.ParseDuration(seconds + "s")
		require.NoError(t, err)
		e.advance(wait)
	}
	e.login("a@example.com")
	for range 5 {
		require.ErrorIs(t, fail(), errs.CredentialsWrong)
	}
	require.Equal(t, "60", errs.Of(fail()).Params["retryAfterSeconds"])
}

func TestAddressIsThrottled(t *testing.T) {
	o := membership.Options{Throttle: membership.Throttle{AddressFailures: 10}}
	e := newEnvWith(t, o)
	e.member("mine@example.com")
	other := e.another(o)
	results := together(40, func(i int) error {
		service := []*membership.Service{e.Service, other}[i%2]
		_, err := service.Login(context.Background(), emailOf(i), "wrong password", fmt.Sprintf("2001:db8:1:2::%d", i))
		return err
	})
	require.Equal(t, outcomes{wrong: 10, throttled: 30}, outcomesOf(t, results), "one network, many accounts")
	_, err := e.Login(t.Context(), "mine@example.com", password, "2001:db8:1:2:ffff::")
	require.ErrorIs(t, err, errs.LoginThrottled)
	_, err = e.Login(t.Context(), "mine@example.com", password, "2001:db8:1:3::1")
	require.NoError(t, err)
	e.advance(15 * time.Minute)
	_, err = e.Login(t.Context(), "mine@example.com", password, "2001:db8:1:2::1")
	require.NoError(t, err)
}

func TestOwnLoginsDoNotBuyGuesses(t *testing.T) {
	e := newEnvWith(t, membership.Options{Throttle: membership.Throttle{AddressFailures: 3}})
	e.member("mine@example.com")
	for i := range 3 {
		e.login("mine@example.com")
		_, err := e.Login(t.Context(), emailOf(i), "wrong password", ip)
		require.ErrorIs(t, err, errs.CredentialsWrong)
	}
	_, err := e.Login(t.Context(), "mine@example.com", password, ip)
	require.ErrorIs(t, err, errs.LoginThrottled)
}

func TestRightLoginsAtOnceAreNotThrottled(t *testing.T) {
	e := newEnvWith(t, membership.Options{Throttle: membership.Throttle{AddressFailures: 20}})
	e.member("a@example.com")
	e.member("b@example.com")
	results := together(60, func(i int) error {
		_, err := e.Login(context.Background(), []string{"a@example.com", "b@example.com"}[i%2], password, ip)
		return err
	})
	require.Equal(t, outcomes{in: 60}, outcomesOf(t, results))
}

func TestWaitingForACoreEndsWithTheContext(t *testing.T) {
	e := newEnv(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.Login(ctx, "a@example.com", password, ip)
	require.Error(t, err)
	_, err = e.Seal(ctx, newID(), registration("a@example.com"))
	require.ErrorIs(t, err, errs.RequestTimeout)
}

func TestRefreshTokensAreUsedOnce(t *testing.T) {
	e := newEnv(t)
	m := e.member("a@example.com")
	first := e.login("a@example.com")
	second, err := e.Refresh(t.Context(), first.RefreshToken)
	require.NoError(t, err)
	require.NotEqual(t, first.RefreshToken, second.RefreshToken)
	claims, err := e.issuer.Verify(second.AccessToken)
	require.NoError(t, err)
	require.Equal(t, m.ID, claims.Subject)
	third, err := e.Refresh(t.Context(), second.RefreshToken)
	require.NoError(t, err)

	elsewhere := e.login("a@example.com")
	_, err = e.Refresh(t.Context(), first.RefreshToken)
	require.ErrorIs(t, err, errs.RefreshReused)
	_, err = e.Refresh(t.Context(), third.RefreshToken)
	require.ErrorIs(t, err, errs.RefreshInvalid, "the family is revoked")
	_, err = e.Refresh(t.Context(), elsewhere.RefreshToken)
	require.NoError(t, err, "another sign-in goes on")
}

func TestManyUsesOfARefreshTokenHaveOneWinner(t *testing.T) {
	e := newEnv(t)
	e.member("a@example.com")
	processes := []*membership.Service{e.Service, e.another(membership.Options{})}
	for range 8 { // the first rounds find few open connections, and so little happens at once
		first := e.login("a@example.com")
		next := make([]membership.Tokens, 50)
		var winners []membership.Tokens
		for i, err := range together(len(next), func(i int) (err error) {
			next[i], err = processes[i%2].Refresh(context.Background(), first.RefreshToken)
			return err
		}) {
			if err == nil {
				winners = append(winners, next[i])
			} else {
				require.ErrorIs(t, err, errs.RefreshReused)
			}
		}
		require.Len(t, winners, 1)
		_, err := e.Refresh(t.Context(), winners[0].RefreshToken)
		require.ErrorIs(t, err, errs.RefreshInvalid, "the other uses were reuses: the family is revoked")
	}
}

// Uses of a whole chain at once, its spent tokens among them: whatever wins, the family ends revoked.
func TestNoTokenJoinsARevokedFamily(t *testing.T) {
	e := newEnv(t)
	e.member("a@example.com")
	for range 20 {
		spent := e.login("a@example.com")
		live, err := e.Refresh(t.Context(), spent.RefreshToken)
		require.NoError(t, err)
		next := make([]membership.Tokens, 8)
		together(len(next), func(i int) (err error) {
			next[i], err = e.Refresh(context.Background(), []string{spent.RefreshToken, live.RefreshToken}[i%2])
			return err
		})
		for _, tokens := range next {
			_, err := e.Refresh(t.Context(), tokens.RefreshToken)
			require.ErrorIs(t, err, errs.RefreshInvalid)
		}
	}
	require.Zero(t, e.count("SELECT COUNT(*) FROM refresh_families WHERE revoked_at IS NULL"))
}

func TestRefreshRefusesOtherTexts(t *testing.T) {
	e := newEnv(t)
	e.member("a@example.com")
	tokens := e.login("a@example.com")
	for name, text := range map[string]string{
		"empty": "", "an access token": tokens.AccessToken, "unknown": strings.Repeat("A", 43), "longer": tokens.RefreshToken + "A",
		"padded": tokens.RefreshToken + "=", "with a break": tokens.RefreshToken[:42] + "\n", "huge": strings.Repeat("A", 1<<20),
	} {
		_, err := e.Refresh(t.Context(), text)
		require.ErrorIs(t, err, errs.RefreshInvalid, name)
		require.NoError(t, e.Logout(t.Context(), newID(), text), name)
	}
	require.False(t, e.Validate(t.Context(), tokens.RefreshToken).Valid)
}

func TestRefreshTokensExpire(t *testing.T) {
	e := newEnvWith(t, membership.Options{SessionTTL: 30 * time.Hour})
	e.member("a@example.com")
	tokens := e.login("a@example.com")
	e.advance(24*time.Hour - time.Microsecond)
	next, err := e.Refresh(t.Context(), tokens.RefreshToken)
	require.NoError(t, err)
	e.advance(6*time.Hour + time.Microsecond) // the session ends before the token's own day is over
	_, err = e.Refresh(t.Context(), next.RefreshToken)
	require.ErrorIs(t, err, errs.RefreshInvalid)

	tokens = e.login("a@example.com")
	e.advance(24 * time.Hour)
	_, err = e.Refresh(t.Context(), tokens.RefreshToken)
	require.ErrorIs(t, err, errs.RefreshInvalid)
}

func TestLogoutRevokesOnesOwnFamily(t *testing.T) {
	e := newEnv(t)
	a, b := e.member("a@example.com"), e.member("b@example.com")
	first := e.login("a@example.com")
	require.NoError(t, e.Logout(t.Context(), b.ID, first.RefreshToken))
	second, err := e.Refresh(t.Context(), first.RefreshToken)
	require.NoError(t, err, "someone else's token is left alone")
	for range 2 {
		require.NoError(t, e.Logout(t.Context(), a.ID, second.RefreshToken))
	}
	_, err = e.Refresh(t.Context(), second.RefreshToken)
	require.ErrorIs(t, err, errs.RefreshInvalid)
	require.Equal(t, 1, e.count("SELECT COUNT(*) FROM refresh_families WHERE revoked_at IS NOT NULL"))
}

func TestDeactivationSignsOut(t *testing.T) {
	e := newEnv(t)
	m := e.member("a@example.com")
	tokens, others := e.login("a@example.com"), e.login("a@example.com")
	require.Equal(t, membership.Validation{
		Valid: true, Subject: m.ID, Role: "MEMBER", ExpiresAt: start.Add(10 * time.Minute),
	}, e.Validate(t.Context(), tokens.AccessToken))
	_, err := e.Modify(t.Context(), m.ID, 1, membership.Patch{State: ptr(membership.Deactivated)})
	require.NoError(t, err)
	require.Equal(t, membership.Validation{Reason: errs.MemberDeactivated.Code}, e.Validate(t.Context(), tokens.AccessToken))

	_, err = e.Modify(t.Context(), m.ID, 2, membership.Patch{State: ptr(membership.Active)})
	require.NoError(t, err)
	for _, old := range []membership.Tokens{tokens, others} {
		_, err = e.Refresh(t.Context(), old.RefreshToken)
		require.ErrorIs(t, err, errs.RefreshInvalid, "what was revoked stays revoked")
	}
	e.login("a@example.com")
}

// Whatever sign-ins and refreshes run at the same time, none outlives a deactivation.
func TestNoSessionOutlivesADeactivation(t *testing.T) {
	e := newEnv(t)
	for round := range 20 {
		m := e.member(emailOf(round))
		tokens := e.login(emailOf(round))
		for i, err := range together(9, func(i int) (err error) {
			switch {
			case i == 0:
				_, err = e.Modify(context.Background(), m.ID, 1, membership.Patch{State: ptr(membership.Deactivated)})
			case i%2 == 0:
				_, err = e.Login(context.Background(), emailOf(round), password, ip)
			default:
				_, err = e.Refresh(context.Background(), tokens.RefreshToken)
			}
			return err
		}) {
			if i == 0 {
				require.NoError(t, err)
			}
			require.True(t, err == nil || errs.KindOf(err) == errs.Unauthenticated, "%v", err)
		}
	}
	require.Zero(t, e.count("SELECT COUNT(*) FROM refresh_families WHERE revoked_at IS NULL"))
}

// A sign-in that found the member active waits for the deactivation under way, and is refused.
func TestLoginWaitsForADeactivation(t *testing.T) {
	e := newEnv(t)
	m := e.member("a@example.com")
	tx := e.db.MustBegin()
	defer func() { _ = tx.Rollback() }()
	tx.MustExec("UPDATE members SET state = 'DEACTIVATED' WHERE id = ?", m.ID)
	result := make(chan error, 1)
	go func() {
		_, err := e.Login(context.Background(), "a@example.com", password, ip)
		result <- err
	}()
	require.Eventually(t, func() bool { return e.somebodyWaits() || len(result) > 0 }, 10*time.Second, 200*time.Millisecond, "the table is a copy that is made anew after 0.1 s without a reader")
	require.NoError(t, tx.Commit())
	require.ErrorIs(t, <-result, errs.CredentialsWrong)
	require.Zero(t, e.count("SELECT COUNT(*) FROM refresh_families"))
}

// somebodyWaits tells whether a transaction waits for a lock. MySQL cannot show transactions
// whose text has bytes that are no text, as a keyed hash has, but lists the waits apart.
func (e *env) somebodyWaits() bool {
	for _, q := range []string{
		"SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'",
		"SELECT COUNT(*) FROM performance_schema.data_lock_waits",
	} {
		var n int
		if e.db.Get(&n, q) == nil && n > 0 {
			return true
		}
	}
	return false
}

func TestValidateTellsWhy(t *testing.T) {
	e := newEnv(t)
	m := e.member("a@example.com")
	tokens := e.login("a@example.com")
	pending, _, err := e.issuer.Issue(e.pending("b@example.com"), "MEMBER", time.Minute)
	require.NoError(t, err)
	unknown, _, err := e.issuer.Issue(newID(), "MEMBER", time.Minute)
	require.NoError(t, err)
	service, _, err := e.issuer.Issue("settlement", "SERVICE", time.Minute)
	require.NoError(t, err)
	require.True(t, e.Validate(t.Context(), service).Valid)
	for name, c := range map[string]struct {
		token  string
		reason *errs.Error
	}{
		"empty":         {"", errs.TokenInvalid},
		"tampered":      {strings.Replace(tokens.AccessToken, ".", ".A", 1), errs.TokenInvalid},
		"not a token":   {"한글.한글.한글", errs.TokenInvalid},
		"of nobody":     {unknown, errs.TokenInvalid},
		"of a pending":  {pending, errs.MemberDeactivated},
		"refresh token": {tokens.RefreshToken, errs.TokenInvalid},
	} {
		require.Equal(t, membership.Validation{Reason: c.reason.Code}, e.Validate(t.Context(), c.token), name)
	}
	e.advance(10 * time.Minute)
	require.Equal(t, membership.Validation{Reason: errs.TokenExpired.Code}, e.Validate(t.Context(), tokens.AccessToken))

	fresh, _, err := e.issuer.Issue(m.ID, "MEMBER", time.Minute)
	require.NoError(t, err)
	require.NoError(t, e.db.Close())
	v := e.Validate(t.Context(), fresh)
	require.False(t, v.Valid, "what cannot be looked up is not valid")
	require.NotEmpty(t, v.Reason)
}

func TestPruneRemovesWhatExpired(t *testing.T) {
	e := newEnv(t)
	e.member("a@example.com")
	old := e.login("a@example.com")
	_, err := e.Refresh(t.Context(), old.RefreshToken)
	require.NoError(t, err)
	_, err = e.Login(t.Context(), "unknown@example.com", password, "")
	require.ErrorIs(t, err, errs.CredentialsWrong)
	removed, err := e.Prune(t.Context())
	require.NoError(t, err)
	require.Zero(t, removed, "nothing has expired")
	e.advance(12 * time.Hour)
	live := e.login("a@example.com")
	e.advance(12*time.Hour + time.Second)
	_, err = e.Prune(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, e.count("SELECT COUNT(*) FROM refresh_tokens"))
	require.Equal(t, 1, e.count("SELECT COUNT(*) FROM refresh_families"))
	require.Zero(t, e.count("SELECT COUNT(*) FROM login_counters"))
	_, err = e.Refresh(t.Context(), live.RefreshToken)
	require.NoError(t, err)
}

func TestLoginsPruneAfterThemselves(t *testing.T) {
	e := newEnv(t)
	e.member("a@example.com")
	for range 5 {
		e.login("a@example.com")
	}
	e.advance(48 * time.Hour)
	for range 60 {
		e.login("a@example.com")
	}
	require.Equal(t, 60, e.count("SELECT COUNT(*) FROM refresh_families"))
}
