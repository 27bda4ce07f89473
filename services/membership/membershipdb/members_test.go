package membershipdb_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/membership"
)

func TestRegisteredMemberIsFound(t *testing.T) {
	e := newEnv(t)
	m, err := e.Register(t.Context(), newID(), registration(" Hong@Example.com "))
	require.NoError(t, err)
	require.Equal(t, membership.Member{
		ID: m.ID, Name: "홍길동", Email: "hong@example.com", Phone: "+821012345678",
		Address: membership.Address{Region: "SEOUL", Detail: "세종대로 110"},
		Role:    membership.RoleMember, State: membership.Active, Version: 1, CreatedAt: start, UpdatedAt: start,
	}, m)
	found, err := e.Find(t.Context(), m.ID)
	require.NoError(t, err)
	require.Equal(t, m, found)
	_, err = e.Find(t.Context(), newID())
	require.ErrorIs(t, err, errs.MemberNotFound)
}

func TestRegisterRefusesBadFields(t *testing.T) {
	e := newEnv(t)
	_, err := e.Register(t.Context(), newID(), membership.Registration{})
	require.ErrorIs(t, err, errs.InvalidRequest)
	_, err = e.Seal(t.Context(), newID(), membership.Registration{})
	require.ErrorIs(t, err, errs.InvalidRequest)
	require.Zero(t, e.count("SELECT COUNT(*) FROM members"))
}

func TestRegisteringTwiceIsOnce(t *testing.T) {
	e := newEnv(t)
	first := e.member("a@example.com")
	again, err := e.Register(t.Context(), first.ID, registration("A@example.com"))
	require.NoError(t, err)
	require.Equal(t, first, again)

	other := registration("a@example.com")
	other.Password = "another password"
	_, err = e.Register(t.Context(), first.ID, other)
	require.ErrorIs(t, err, errs.IdempotencyReused, "nobody is shown a member without the password")
	_, err = e.Register(t.Context(), first.ID, registration("b@example.com"))
	require.ErrorIs(t, err, errs.IdempotencyReused)
	_, err = e.Register(t.Context(), newID(), registration("a@EXAMPLE.com"))
	require.ErrorIs(t, err, errs.EmailTaken)
	require.Equal(t, 1, e.count("SELECT COUNT(*) FROM members"))
}

func TestManyRegistrationsOfOneEmailMakeOneMember(t *testing.T) {
	e := newEnv(t)
	made := 0
	for _, err := range together(50, func(int) error {
		_, err := e.Register(context.Background(), newID(), registration("a@example.com"))
		return err
	}) {
		if err == nil {
			made++
		} else {
			require.ErrorIs(t, err, errs.EmailTaken)
		}
	}
	require.Equal(t, 1, made)
	require.Equal(t, 1, e.count("SELECT COUNT(*) FROM members"))
}

func TestManyRepeatsOfOneRegistrationMakeOneMember(t *testing.T) {
	e := newEnv(t)
	memberID := newID()
	for _, err := range together(50, func(int) error {
		m, err := e.Register(context.Background(), memberID, registration("a@example.com"))
		if err == nil && m.ID != memberID {
			err = errors.New("another member")
		}
		return err
	}) {
		require.NoError(t, err)
	}
	require.Equal(t, 1, e.count("SELECT COUNT(*) FROM members"))
}

func TestSealedRegistrationsBecomePending(t *testing.T) {
	e := newEnv(t)
	taken := e.member("taken@example.com")
	items := []membership.SealedRegistration{
		e.sealed(newID(), "a@example.com"),
		e.sealed(newID(), "taken@example.com"),
		e.sealed(newID(), "A@example.com"), // twice in one list: the first one has it
		e.sealed(newID(), "b@example.com"),
		e.sealed(taken.ID, "c@example.com"),
		{MemberID: newID(), Sealed: e.sealed(newID(), "d@example.com").Sealed}, // another member's
		{MemberID: newID(), Sealed: []byte("not sealed")},
	}
	want := []errs.Code{"", errs.EmailTaken.Code, errs.EmailTaken.Code, "", errs.IdempotencyReused.Code, errs.InternalError.Code, errs.InternalError.Code}
	for range 2 { // a repeated step gives the same
		failures, err := e.RegisterSealed(t.Context(), items)
		require.NoError(t, err)
		for i, f := range failures {
			require.Equal(t, want[i], f.Code, i)
		}
	}
	require.Equal(t, 3, e.count("SELECT COUNT(*) FROM members"))
	m, err := e.Find(t.Context(), items[0].MemberID)
	require.NoError(t, err)
	require.Equal(t, membership.Pending, m.State)
	require.Equal(t, "SEOUL", m.Address.Region)
}

func TestSealedRegistrationsAtOnce(t *testing.T) {
	e := newEnv(t)
	const lists, emails = 16, 8
	items := make([][]membership.SealedRegistration, lists)
	for i := range items {
		for j := range emails { // every list wants the same e-mails, in another order
			items[i] = append(items[i], e.sealed(newID(), emailOf((i*3+j*5)%emails)))
		}
	}
	made := make([]int, lists)
	for _, err := range together(lists, func(i int) error {
		failures, err := e.RegisterSealed(context.Background(), items[i])
		for _, f := range failures {
			if !f.Is() {
				made[i]++
			} else if f.Code != errs.EmailTaken.Code {
				return f.Err()
			}
		}
		return err
	}) {
		require.NoError(t, err)
	}
	total := 0
	for _, n := range made {
		total += n
	}
	require.Equal(t, emails, total)
	require.Equal(t, emails, e.count("SELECT COUNT(*) FROM members"))
}

func TestActivationEndsThePendingState(t *testing.T) {
	e := newEnv(t)
	a, b := e.pending("a@example.com"), e.pending("b@example.com")
	require.ErrorIs(t, e.Activate(t.Context(), []string{a, newID()}), errs.MemberNotFound)
	for range 2 {
		require.NoError(t, e.Activate(t.Context(), []string{a, b, a}))
	}
	m, err := e.Find(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, membership.Active, m.State)
	require.EqualValues(t, 2, m.Version)

	_, err = e.Modify(t.Context(), a, m.Version, membership.Patch{State: ptr(membership.Deactivated)})
	require.NoError(t, err)
	require.NoError(t, e.Activate(t.Context(), []string{a}), "a late repeat")
	m, err = e.Find(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, membership.Deactivated, m.State)
}

func TestUnregisterTakesPendingMembersBack(t *testing.T) {
	e := newEnv(t)
	active, pending := e.member("a@example.com"), e.pending("b@example.com")
	for range 2 {
		require.NoError(t, e.Unregister(t.Context(), []string{active.ID, pending, newID()}))
	}
	_, err := e.Find(t.Context(), active.ID)
	require.NoError(t, err)
	_, err = e.Find(t.Context(), pending)
	require.ErrorIs(t, err, errs.MemberNotFound)
	e.member("b@example.com") // the e-mail is free again
}

func TestListsAreBounded(t *testing.T) {
	e := newEnv(t)
	many := make([]string, membership.MaxBatch+1)
	require.ErrorIs(t, e.Activate(t.Context(), many), errs.InvalidRequest)
	require.ErrorIs(t, e.Unregister(t.Context(), many), errs.InvalidRequest)
	_, err := e.Standings(t.Context(), many)
	require.ErrorIs(t, err, errs.InvalidRequest)
	_, err = e.RegisterSealed(t.Context(), make([]membership.SealedRegistration, len(many)))
	require.ErrorIs(t, err, errs.InvalidRequest)
	_, err = e.BeginRegistrations(t.Context(), make([]membership.RegistrationRecord, len(many)))
	require.ErrorIs(t, err, errs.InvalidRequest)
	require.ErrorIs(t, e.MoveRegistrations(t.Context(), make([]record.Move, len(many))), errs.InvalidRequest)

	require.NoError(t, e.Activate(t.Context(), nil))
	require.NoError(t, e.Unregister(t.Context(), nil))
	require.NoError(t, e.MoveRegistrations(t.Context(), nil))
	none, err := e.Standings(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestStandingsComeInTheOrderOfTheIDs(t *testing.T) {
	e := newEnv(t)
	a, b, nobody := e.member("a@example.com"), e.pending("b@example.com"), newID()
	e.verify(a)
	standings, err := e.Standings(t.Context(), []string{nobody, b, a.ID, b})
	require.NoError(t, err)
	pending := membership.Standing{ID: b, Exists: true, Role: membership.RoleMember}
	require.Equal(t, []membership.Standing{
		{ID: nobody}, pending, {ID: a.ID, Exists: true, Active: true, Verified: true, Role: membership.RoleMember}, pending,
	}, standings)
}

func TestModifyChangesTheVersionSeen(t *testing.T) {
	e := newEnv(t)
	m := e.member("a@example.com")
	e.verify(m)
	e.verify(m)
	e.advance(time.Second)
	_, err := e.Modify(t.Context(), m.ID, 1, membership.Patch{Phone: ptr("011-234-5678")})
	require.ErrorIs(t, err, errs.EtagMismatch)
	patch := membership.Patch{Phone: ptr("011-234-5678"), Address: &membership.AddressPatch{Region: ptr("제주")}}
	changed, err := e.Modify(t.Context(), m.ID, 2, patch)
	require.NoError(t, err)
	want := m
	want.Phone, want.Address.Region, want.Verified, want.Version, want.UpdatedAt = "+82112345678", "JEJU", true, 3, start.Add(time.Second)
	require.Equal(t, want, changed)
	found, err := e.Find(t.Context(), m.ID)
	require.NoError(t, err)
	require.Equal(t, want, found)

	same, err := e.Modify(t.Context(), m.ID, membership.AnyVersion, patch)
	require.NoError(t, err)
	require.Equal(t, want, same, "nothing changed, so the version is the same")
	_, err = e.Modify(t.Context(), newID(), 1, patch)
	require.ErrorIs(t, err, errs.MemberNotFound)
	_, err = e.Modify(t.Context(), m.ID, 3, membership.Patch{Phone: ptr("1")})
	require.ErrorIs(t, err, errs.InvalidRequest)
	_, err = e.Modify(t.Context(), e.pending("b@example.com"), 1, membership.Patch{State: ptr(membership.Active)})
	require.ErrorIs(t, err, errs.InvalidRequest, "only its registration activates a pending member")
}

func TestOneOfManyModificationsOfAVersionWins(t *testing.T) {
	e := newEnv(t)
	m := e.member("a@example.com")
	won := 0
	for _, err := range together(30, func(i int) error {
		_, err := e.Modify(context.Background(), m.ID, m.Version, membership.Patch{Name: ptr(fmt.Sprint("이름", i))})
		return err
	}) {
		if err == nil {
			won++
		} else {
			require.ErrorIs(t, err, errs.EtagMismatch)
		}
	}
	require.Equal(t, 1, won)
}

func TestConfirmNameVerifiesTheRightNameOnly(t *testing.T) {
	e := newEnv(t)
	m := e.member("a@example.com")
	for _, c := range []struct {
		holder   string
		same     bool
		version  int64
		verified bool
	}{{"홍길순", false, 1, false}, {"홍 길동", true, 2, true}, {"홍길동", true, 2, true}, {"홍길순", false, 2, true}} {
		same, err := e.ConfirmName(t.Context(), m.ID, c.holder)
		require.NoError(t, err)
		require.Equal(t, c.same, same)
		m, err = e.Find(t.Context(), m.ID)
		require.NoError(t, err)
		require.Equal(t, c.version, m.Version)
		require.Equal(t, c.verified, m.Verified)
	}
	_, err := e.ConfirmName(t.Context(), newID(), "홍길동")
	require.ErrorIs(t, err, errs.MemberNotFound)
}

func TestEnsureStaff(t *testing.T) {
	e := newEnv(t)
	ids := make([]string, 8)
	for _, err := range together(len(ids), func(i int) (err error) {
		ids[i], err = e.EnsureStaff(context.Background(), membership.RoleOperator, "Root@example.com", password)
		return err
	}) {
		require.NoError(t, err)
	}
	for _, operator := range ids {
		require.Equal(t, ids[0], operator)
	}
	tokens := e.login("root@example.com")
	claims, err := e.issuer.Verify(tokens.AccessToken)
	require.NoError(t, err)
	require.Equal(t, "OPERATOR", claims.Role)
	m, err := e.Find(t.Context(), ids[0])
	require.NoError(t, err)
	require.EqualValues(t, 1, m.Version, "the same password again changes nothing")

	_, err = e.EnsureStaff(t.Context(), membership.RoleOperator, "root@example.com", "a new password")
	require.NoError(t, err)
	_, err = e.Login(t.Context(), "root@example.com", password, ip)
	require.ErrorIs(t, err, errs.CredentialsWrong)
	_, err = e.Login(t.Context(), "root@example.com", "a new password", ip)
	require.NoError(t, err)
	_, err = e.Refresh(t.Context(), tokens.RefreshToken)
	require.ErrorIs(t, err, errs.RefreshInvalid, "signed out by the new password")

	e.member("member@example.com")
	_, err = e.EnsureStaff(t.Context(), membership.RoleOperator, "member@example.com", password)
	require.ErrorIs(t, err, errs.EmailTaken)
	_, err = e.EnsureStaff(t.Context(), membership.RoleOperator, "nobody", "short")
	require.Len(t, errs.Of(err).Fields, 2)

	_, err = e.EnsureStaff(t.Context(), membership.RoleAuditor, "root@example.com", password)
	require.ErrorIs(t, err, errs.EmailTaken, "an operator does not become an auditor")
	_, err = e.EnsureStaff(t.Context(), membership.RoleMember, "somebody@example.com", password)
	require.ErrorIs(t, err, errs.InvalidRequest)
	_, err = e.EnsureStaff(t.Context(), membership.RoleAuditor, "auditor@example.com", password)
	require.NoError(t, err)
	claims, err = e.issuer.Verify(e.login("auditor@example.com").AccessToken)
	require.NoError(t, err)
	require.Equal(t, "AUDITOR", claims.Role)
}

// Nothing personal and no secret lies in the clear in any column of any table.
func TestNothingPersonalIsStoredInTheClear(t *testing.T) {
	e := newEnv(t)
	m := e.member("hong.gildong@example.com")
	e.pending("im.kkeokjeong@example.com")
	tokens := e.login("hong.gildong@example.com")
	next, err := e.Refresh(t.Context(), tokens.RefreshToken)
	require.NoError(t, err)
	_, err = e.Login(t.Context(), "nobody@example.com", "wrong password", "2001:db8::1")
	require.ErrorIs(t, err, errs.CredentialsWrong)
	_, err = e.Modify(t.Context(), m.ID, 1, membership.Patch{Name: ptr("성춘향")})
	require.NoError(t, err)
	_, err = e.BeginRegistrations(t.Context(), []membership.RegistrationRecord{request()})
	require.NoError(t, err)

	hidden := []string{
		"홍길동", "성춘향", "hong.gildong", "im.kkeokjeong", "nobody", "example.com", "1012345678", "1234-5678", "세종대로",
		password, "wrong password", ip, "2001:db8",
	}
	for _, refresh := range []string{tokens.RefreshToken, next.RefreshToken} {
		raw, err := base64.RawURLEncoding.DecodeString(refresh)
		require.NoError(t, err)
		hidden = append(hidden, refresh, string(raw), hex.EncodeToString(raw))
	}
	for _, table := range e.tables() {
		cells := e.cells(table)
		require.NotEmpty(t, cells, "%s has rows for the scan to see", table)
		for _, cell := range cells {
			for _, text := range hidden {
				require.False(t, bytes.Contains(bytes.ToLower(cell), bytes.ToLower([]byte(text))), "%s holds %q", table, text)
			}
		}
	}
}

func (e *env) tables() (tables []string) {
	e.t.Helper()
	require.NoError(e.t, e.db.Select(&tables, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"))
	return tables
}

func (e *env) cells(table string) (cells [][]byte) {
	e.t.Helper()
	rows, err := e.db.Queryx("SELECT * FROM " + table)
	require.NoError(e.t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		columns, err := rows.SliceScan()
		require.NoError(e.t, err)
		for _, column := range columns {
			cells = append(cells, fmt.Appendf(nil, "%s", column))
		}
	}
	require.NoError(e.t, rows.Err())
	return cells
}

// A sealed column moved to another row or column is refused, not shown.
func TestSwappedColumnsDoNotOpen(t *testing.T) {
	e := newEnv(t)
	a, b := e.member("a@example.com"), e.member("b@example.com")
	_, err := e.db.Exec("UPDATE members SET name = (SELECT n FROM (SELECT name AS n FROM members WHERE id = ?) x) WHERE id = ?", a.ID, b.ID)
	require.NoError(t, err)
	_, err = e.Find(t.Context(), b.ID)
	require.Equal(t, errs.Internal, errs.KindOf(err))
}

// What an operator has deactivated stays so for the member, whose access token may still
// be good; what a member has deactivated itself, it may take back.
func TestOnlyAnOperatorTakesBackWhatAnOperatorDeactivated(t *testing.T) {
	off, on := membership.Patch{State: ptr(membership.Deactivated)}, membership.Patch{State: ptr(membership.Active)}
	byOperator := func(p membership.Patch) membership.Patch { p.ByOperator = true; return p }
	e := newEnv(t)
	m := e.member("a@example.com")
	modify := func(p membership.Patch) error {
		_, err := e.Modify(t.Context(), m.ID, membership.AnyVersion, p)
		return err
	}
	require.NoError(t, modify(off))
	require.NoError(t, modify(on), "its own doing")

	require.NoError(t, modify(byOperator(off)))
	require.ErrorIs(t, modify(on), errs.RoleForbidden)
	require.ErrorIs(t, modify(off), errs.RoleForbidden, "to deactivate itself would make it its own doing")
	require.ErrorIs(t, modify(membership.Patch{Name: ptr("다른이")}), errs.RoleForbidden)
	found, err := e.Find(t.Context(), m.ID)
	require.NoError(t, err)
	require.Equal(t, membership.Deactivated, found.State)

	require.NoError(t, modify(byOperator(on)))
	require.NoError(t, modify(off))
	require.NoError(t, modify(on), "the freeze is over")
}

// A member cannot get ahead of an operator by deactivating itself first.
func TestAnOperatorFreezesWhoHasDeactivatedItself(t *testing.T) {
	e := newEnv(t)
	m := e.member("a@example.com")
	for _, p := range []membership.Patch{{State: ptr(membership.Deactivated)}, {State: ptr(membership.Deactivated), ByOperator: true}} {
		_, err := e.Modify(t.Context(), m.ID, membership.AnyVersion, p)
		require.NoError(t, err)
	}
	_, err := e.Modify(t.Context(), m.ID, membership.AnyVersion, membership.Patch{State: ptr(membership.Active)})
	require.ErrorIs(t, err, errs.RoleForbidden)
}
