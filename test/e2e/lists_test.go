package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/test/harness"
)

type listed struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
	// CreatedAt is what the other lists have instead of At.
	CreatedAt time.Time `json:"createdAt"`
}

func (l listed) time() time.Time {
	if l.At.IsZero() {
		return l.CreatedAt
	}
	return l.At
}

// list is one list with a known number of items, which do not change meanwhile.
type list struct {
	path, token string
	items       int
}

func lists(t *testing.T) []list {
	t.Helper()
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	other := p.NewMember(t).WithAccount(t, 0)
	for i := range 6 {
		requireSucceeded(t, m, m.Remit(t, newKey(), other.ID, int64(1_000+i)))
		m.Link(t, p.OpenAccount(t, "004", m.Name, 0))
		m.WithBalance(t, int64(1_000+i))
	}
	requireSucceeded(t, other, other.Remit(t, newKey(), m.ID, 500))
	requireRefused(t, m, m.Remit(t, newKey(), m.ID, 500), http.StatusUnprocessableEntity, "self_transfer") // on record too
	return []list{
		{"/v1/money/" + m.ID + "/transactions", m.Token, 14},
		{"/v1/remittances", m.Token, 8},
		{"/v1/bank-accounts", m.Token, 7},
		{"/v1/firmbankings?membershipId=" + m.ID, p.Operator(t), 7},
	}
}

func (l list) page(t *testing.T, query string) harness.Answer {
	t.Helper()
	sign := "?"
	if strings.Contains(l.path, "?") {
		sign = "&"
	}
	return harness.Shared(t).Call(t, harness.Call{Method: http.MethodGet, Path: l.path + sign + query, Token: l.token})
}

// all pages through the whole list.
func (l list) all(t *testing.T, limit int) (items []listed, cursors []string) {
	t.Helper()
	query := fmt.Sprintf("limit=%d", limit)
	for range l.items + 1 {
		page := harness.Read[harness.List[listed]](t, l.page(t, query), http.StatusOK)
		require.LessOrEqual(t, len(page.Items), limit)
		items = append(items, page.Items...)
		if page.Next == "" {
			return items, cursors
		}
		cursors = append(cursors, page.Next)
		query = fmt.Sprintf("limit=%d&cursor=%s", limit, url.QueryEscape(page.Next))
	}
	require.Fail(t, "a list without an end", l.path)
	return nil, nil
}

func TestListsGiveEachItemOnce(t *testing.T) {
	t.Parallel()
	for _, l := range lists(t) {
		t.Run(strings.Trim(strings.FieldsFunc(l.path, func(r rune) bool { return r == '?' })[0], "/"), func(t *testing.T) {
			whole, _ := l.all(t, 100)
			require.Len(t, whole, l.items)
			require.True(t, slices.IsSortedFunc(whole, func(a, b listed) int { return b.time().Compare(a.time()) }), "newest first")
			for _, limit := range []int{1, 3} {
				items, _ := l.all(t, limit)
				require.Equal(t, whole, items, "limit %d", limit)
			}
			require.Len(t, harness.Read[harness.List[listed]](t, l.page(t, ""), http.StatusOK).Items, min(20, l.items))
			l.requireStrict(t)
		})
	}
}

// requireStrict checks that what is no limit and no cursor is refused.
func (l list) requireStrict(t *testing.T) {
	t.Helper()
	for _, limit := range []string{"0", "-1", "101", "1.5", "1e1", "x", "%00", "99999999999999999999", ""} {
		requireBadField(t, l.page(t, "limit="+limit), "?limit", limit)
	}
	_, cursors := l.all(t, 1)
	good := cursors[0]
	bad := []string{"x", "!", "e30", "bnVsbA", "W10", good + "x", good[1:], good[:len(good)-2], strings.Repeat("A", 10_000), "%00"}
	for _, raw := range []string{
		`{"t":"yesterday","i":"x"}`, `{"t":5,"i":"x"}`, `{"i":5}`, `{"t":"2026-01-01T00:00:00Z","i":"키"}`, `{"t":"2026-01-01T00:00:00Z","i":"\u0000"}`, `{"t":"2026-01-01T00:00:00Z"}`, `{"t":"2026-01-01T00:00:00Z","i":"` + strings.Repeat("x", 65) + `"}`,
	} {
		bad = append(bad, base64.RawURLEncoding.EncodeToString([]byte(raw)))
	}
	for _, cursor := range bad {
		a := l.page(t, "cursor="+cursor)
		require.Equal(t, http.StatusBadRequest, a.Status, "%s cursor %s: %s", l.path, cursor, a)
		require.Equal(t, "?cursor", a.Problem(t).Errors[0].Pointer)
	}
	for _, raw := range []string{ // well-formed, and nobody's: whatever comes, it is no defect
		`{"t":"0001-01-01T00:00:00Z","i":"x"}`, `{"t":"9999-12-31T23:59:59Z","i":"'OR'1'='1"}`,
		`{"t":"2026-01-01T00:00:00Z","i":"99999999999999999999.99999999999"}`,
	} {
		l.page(t, "cursor="+base64.RawURLEncoding.EncodeToString([]byte(raw)))
	}
}

// An item that comes while a list is paged through shifts nothing.
func TestListsStandStillWhileTheyGrow(t *testing.T) {
	t.Parallel()
	m := harness.Shared(t).NewMember(t).WithAccount(t, 100_000)
	for range 4 {
		m.WithBalance(t, 1_000)
	}
	l := list{"/v1/money/" + m.ID + "/transactions", m.Token, 4}
	whole, _ := l.all(t, 100)
	first := harness.Read[harness.List[listed]](t, l.page(t, "limit=2"), http.StatusOK)
	m.WithBalance(t, 1_000)
	rest := harness.Read[harness.List[listed]](t, l.page(t, "limit=2&cursor="+first.Next), http.StatusOK)
	require.Equal(t, whole, append(first.Items, rest.Items...))
	require.Empty(t, rest.Next)
}

func TestAPastBalance(t *testing.T) {
	t.Parallel()
	m := harness.Shared(t).NewMember(t).WithAccount(t, 100_000).WithBalance(t, 10_000).WithBalance(t, 5_000)
	lines := m.History(t)
	for _, line := range lines {
		a := m.Get(t, "/v1/money/"+m.ID+"?at="+url.QueryEscape(line.At.Format(time.RFC3339Nano)))
		require.Equal(t, line.BalanceAfter, harness.Read[struct{ Balance int64 }](t, a, http.StatusOK).Balance)
	}
	require.Equal(t, http.StatusNotFound, m.Get(t, "/v1/money/"+m.ID+"?at=2020-01-01T00:00:00Z").Status)
	for _, at := range []string{"", "yesterday", "2026-01-01", "2026-13-01T00:00:00Z", "0"} {
		requireBadField(t, m.Get(t, "/v1/money/"+m.ID+"?at="+at), "?at", at)
	}
}
