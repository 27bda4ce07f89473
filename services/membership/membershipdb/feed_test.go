package membershipdb_test

import (
	"context"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/devenv/devtest"
	"durapay/internal/mysqlx"
	"durapay/schema"
	"durapay/services/membership"
	"durapay/services/membership/membershipdb"
)

func (e *env) changes(after int64) []membership.RegionChange {
	e.t.Helper()
	changes, err := e.RegionChanges(e.t.Context(), after, membership.MaxBatch)
	require.NoError(e.t, err)
	return changes
}

func (e *env) moveTo(memberID, region string) {
	e.t.Helper()
	_, err := e.Modify(e.t.Context(), memberID, membership.AnyVersion, toRegion(region))
	require.NoError(e.t, err)
}

func toRegion(region string) membership.Patch {
	return membership.Patch{Address: &membership.AddressPatch{Region: &region}}
}

func TestRegionsAreToldWhenAMemberBecomesVisibleAndWhenItMoves(t *testing.T) {
	e := newEnv(t)
	head, err := e.RegionHead(t.Context())
	require.NoError(t, err)
	require.Zero(t, head)

	direct := e.member("a@example.com")
	_, err = e.Register(t.Context(), direct.ID, registration("a@example.com"))
	require.NoError(t, err, "a repeat tells nothing")
	pending := e.pending("b@example.com")
	e.moveTo(pending, "BUSAN")
	require.Len(t, e.changes(0), 1, "who is pending is not there yet")
	e.advance(time.Second)
	for range 2 {
		require.NoError(t, e.Activate(t.Context(), []string{pending, direct.ID}))
	}
	e.advance(time.Second)
	e.moveTo(direct.ID, "JEJU")
	e.moveTo(direct.ID, "제주특별자치도")
	_, err = e.Modify(t.Context(), direct.ID, membership.AnyVersion, membership.Patch{State: ptr(membership.Deactivated)})
	require.NoError(t, err)
	e.moveTo(direct.ID, "SEOUL")
	_, err = e.EnsureStaff(t.Context(), membership.RoleOperator, "root@example.com", password)
	require.NoError(t, err)

	all := e.changes(0)
	require.Equal(t, []membership.RegionChange{
		{Seq: 1, MemberID: direct.ID, Region: "SEOUL", At: start},
		{Seq: 2, MemberID: pending, Region: "BUSAN", At: start.Add(time.Second)},
		{Seq: 3, MemberID: direct.ID, Region: "JEJU", At: start.Add(2 * time.Second)},
		{Seq: 4, MemberID: direct.ID, Region: "SEOUL", At: start.Add(2 * time.Second)},
	}, all)
	head, err = e.RegionHead(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 4, head)
	page, err := e.RegionChanges(t.Context(), 1, 2)
	require.NoError(t, err)
	require.Equal(t, all[1:3], page)
	for _, limit := range []int{0, membership.MaxBatch + 1} {
		_, err = e.RegionChanges(t.Context(), 0, limit)
		require.ErrorIs(t, err, errs.InvalidRequest)
	}
}

func TestARefusedModificationTellsNothing(t *testing.T) {
	e := newEnv(t)
	m := e.member("a@example.com")
	_, err := e.Modify(t.Context(), m.ID, m.Version+1, toRegion("BUSAN"))
	require.ErrorIs(t, err, errs.EtagMismatch)
	require.Len(t, e.changes(0), 1)
}

// Whoever reads on from the last number seen, misses no change, however the writers overtake each other: a number that
// became visible before a smaller one would be passed over for ever.
func TestAReaderOfRegionChangesMissesNone(t *testing.T) {
	e := newEnv(t)
	const writers, moves = 8, 12
	regions := []string{"BUSAN", "SEOUL"}
	members := make([]string, writers)
	for i := range members {
		members[i] = e.member(emailOf(i)).ID
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen, failed := make(chan []membership.RegionChange, 1), make(chan error, 1)
	go func() {
		all, err := readOn(ctx, membershipdb.New(e.db), writers*(1+moves))
		seen <- all
		failed <- err
	}()
	for _, err := range together(writers, func(i int) error {
		for n := range moves {
			if _, err := e.Modify(ctx, members[i], membership.AnyVersion, toRegion(regions[n%2])); err != nil {
				stop()
				return err
			}
		}
		return nil
	}) {
		require.NoError(t, err)
	}
	all := <-seen
	require.NoError(t, <-failed)
	next := map[string]string{}
	for _, c := range all {
		require.NotEqual(t, next[c.MemberID], c.Region, "each is told of once, and in its own order")
		next[c.MemberID] = c.Region
	}
}

// readOn reads one change at a time until it has as many as there will be, or one was passed over.
func readOn(ctx context.Context, store membership.Store, wanted int) ([]membership.RegionChange, error) {
	var all []membership.RegionChange
	for len(all) < wanted {
		page, err := store.RegionChanges(ctx, int64(len(all)), 1)
		if err != nil {
			return all, err
		}
		for _, c := range page {
			if c.Seq != int64(len(all)+1) {
				return all, fmt.Errorf("change %d came before change %d", c.Seq, len(all)+1)
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// Members who were there before the feed are told of by the migration that makes it.
func TestMembersFromBeforeTheFeedAreInIt(t *testing.T) {
	config := devtest.EmptyDatabase(t)
	db, err := mysqlx.Open(config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	_, err = mysqlx.Migrate(t.Context(), db, firstMigration(t))
	require.NoError(t, err)
	const add = `INSERT INTO members (id, email_index, name, email, phone, region, address_detail, role, state, verified,
		password_hash, version, created_at, updated_at) VALUES (?, ?, '', '', '', ?, '', ?, ?, FALSE, '', 1, ?, ?)`
	for i, m := range []struct{ id, region, role, state string }{
		{"mem_c", "BUSAN", "MEMBER", "ACTIVE"},
		{"mem_b", "JEJU", "MEMBER", "DEACTIVATED"},
		{"mem_p", "JEJU", "MEMBER", "PENDING"},
		{"mem_o", "", "OPERATOR", "ACTIVE"},
		{"mem_a", "SEOUL", "MEMBER", "ACTIVE"},
	} {
		at := start.Add(time.Duration(i) * time.Second)
		_, err := db.Exec(add, m.id, fmt.Appendf(nil, "%032d", i), m.region, m.role, m.state, at, at)
		require.NoError(t, err)
	}
	_, err = mysqlx.Migrate(t.Context(), db, schema.FS("membership"))
	require.NoError(t, err)
	store := membershipdb.New(db)
	require.NoError(t, store.ActivateMembers(t.Context(), []string{"mem_p", "mem_a"}, start))

	changes, err := store.RegionChanges(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Equal(t, []membership.RegionChange{
		{Seq: 1, MemberID: "mem_c", Region: "BUSAN", At: start},
		{Seq: 2, MemberID: "mem_b", Region: "JEJU", At: start.Add(time.Second)},
		{Seq: 3, MemberID: "mem_a", Region: "SEOUL", At: start.Add(4 * time.Second)},
		{Seq: 4, MemberID: "mem_p", Region: "JEJU", At: start},
	}, changes)
}

func firstMigration(t *testing.T) fs.FS {
	const name = "00001_members.sql"
	text, err := fs.ReadFile(schema.FS("membership"), name)
	require.NoError(t, err)
	return fstest.MapFS{name: {Data: text}}
}
