package moneyquerydb_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/devenv/devtest"
	"durapay/schema"
	"durapay/services/membership"
	"durapay/services/membership/membershipdb"
	"durapay/services/money"
	"durapay/services/money/ledger"
	"durapay/services/money/moneydb"
	"durapay/services/moneyquery"
	"durapay/services/moneyquery/moneyquerydb"
)

// realFeeds are those of the services, as the platform wires them.
type realFeeds struct {
	*money.Service
	members *membershipdb.Store
}

func (f realFeeds) Journal(ctx context.Context, after int64, limit int) ([]moneyquery.JournalLine, int64, error) {
	from, last, err := f.Service.Journal(ctx, after, limit)
	lines := make([]moneyquery.JournalLine, len(from))
	for i, l := range from {
		lines[i] = moneyquery.JournalLine(l)
	}
	return lines, last, err
}

func (f realFeeds) RegionChanges(ctx context.Context, after int64, limit int) ([]moneyquery.RegionChange, error) {
	from, err := f.members.RegionChanges(ctx, after, limit)
	changes := make([]moneyquery.RegionChange, len(from))
	for i, c := range from {
		changes[i] = moneyquery.RegionChange(c)
	}
	return changes, err
}

func (f realFeeds) RegionHead(ctx context.Context) (int64, error) { return f.members.RegionHead(ctx) }

// The feeds of the real services, in three databases, meet in the model.
func TestTheServicesFeedTheModel(t *testing.T) {
	members := membershipdb.New(connect(t, devtest.DatabaseConfig(t, schema.FS("membership"))))
	books := connect(t, devtest.DatabaseConfig(t, schema.FS("money")))
	wallets := money.New(moneydb.New(books), ledger.New(moneydb.NewLedger(books), time.Now), money.Options{})
	model := moneyquery.New(moneyquerydb.New(connect(t, devtest.DatabaseConfig(t, schema.FS("moneyquery")))),
		realFeeds{Service: wallets, members: members}, moneyquery.Options{Regions: regions})

	for _, id := range []string{"mem_a", "mem_b"} {
		_, err := members.AddMembers(t.Context(), []membership.StoredMember{{ID: id, EmailIndex: []byte("the keyed hash of e-mail " + id), Region: "SEOUL",
			Name: []byte{}, Email: []byte{}, Phone: []byte{}, AddressDetail: []byte{},
			Role: membership.RoleMember, State: membership.Pending, Version: 1, CreatedAt: start, UpdatedAt: start}})
		require.NoError(t, err)
		_, err = wallets.OpenWallets(t.Context(), []money.OpenWallet{{MembershipID: id, OnceRef: "reg"}})
		require.NoError(t, err)
		require.NoError(t, members.ActivateMembers(t.Context(), []string{id}, start))
	}
	_, err := members.UpdateMember(t.Context(), "mem_b", func(m membership.StoredMember) (membership.MemberChange, error) {
		m.Region = "JEJU"
		return membership.MemberChange{Member: m}, nil
	})
	require.NoError(t, err)
	a, b := ledger.WalletAccount("mem_a"), ledger.WalletAccount("mem_b")
	results, err := wallets.Post(t.Context(), []ledger.Command{
		{Op: ledger.OpPost, Ref: "t", Kind: ledger.TopUp, Legs: []ledger.Leg{{From: ledger.BankFloat, To: a, Amount: 900}}},
		{Op: ledger.OpPost, Ref: "r", Kind: ledger.Remittance, Legs: []ledger.Leg{{From: a, To: b, Amount: 300}}},
		{Op: ledger.OpPost, Ref: "refused", Kind: ledger.TopUp, Legs: []ledger.Leg{{From: ledger.BankFloat, To: a, Amount: money.LimitUnverified}}},
		{Op: ledger.OpHold, Ref: "h", Kind: ledger.Withdrawal, From: b, To: ledger.InTransit, Amount: 50},
		{Op: ledger.OpCapture, Ref: "c", HoldRef: "h"},
	})
	require.NoError(t, err)
	require.False(t, results[2].Done())

	_, err = model.Project(t.Context())
	require.NoError(t, err)
	lag, err := model.Lag(t.Context())
	require.NoError(t, err)
	require.Zero(t, lag)
	totals, err := model.Regions(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int64{1, 600, 0, 0, 1, 250}, []int64{totals[0].Members, totals[0].Balance,
		totals[1].Members, totals[1].Balance, totals[2].Members, totals[2].Balance})
	require.NoError(t, model.Rebuild(t.Context()))
	again, err := model.Regions(t.Context())
	require.NoError(t, err)
	for i := range again {
		require.False(t, again[i].AsOf.Before(totals[i].AsOf))
		again[i].AsOf = totals[i].AsOf
	}
	require.Equal(t, totals, again)
}
