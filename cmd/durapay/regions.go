package main

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"durapay/services/membership"
	"durapay/services/money"
	"durapay/services/moneyquery"
	"durapay/services/moneyquery/moneyquerydb"
)

// openRegions wires the read model to the services that feed it, wherever they are.
func (p *platform) openRegions(db *sqlx.DB) (*moneyquery.Service, error) {
	regions, err := membership.Regions()
	if err != nil {
		return nil, err
	}
	codes := make([]string, len(regions))
	for i, r := range regions {
		codes[i] = r.Code
	}
	feeds := regionFeeds{wallets: p.services.Money, members: p.services.Membership}
	if c := p.client("money"); c != nil {
		feeds.wallets = remoteJournal{c}
	}
	if c := p.client("membership"); c != nil {
		feeds.members = remoteRegions{c}
	}
	return moneyquery.New(moneyquerydb.New(db), feeds, moneyquery.Options{Regions: codes, Log: p.log}), nil
}

// regionFeeds gives the journal and the members' regions in the read model's own types.
type regionFeeds struct {
	wallets interface {
		Journal(ctx context.Context, after int64, limit int) ([]money.JournalLine, int64, error)
		JournalHead(ctx context.Context) (int64, error)
	}
	members interface {
		RegionChanges(ctx context.Context, after int64, limit int) ([]membership.RegionChange, error)
		RegionHead(ctx context.Context) (int64, error)
	}
}

// project follows the feeds, if the read model is here. stop ends it, and waits for it.
func (p *platform) project(ctx context.Context) (stop func()) {
	if p.regions == nil {
		return func() {}
	}
	ctx, end := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); p.regions.Run(ctx, 0) }()
	return func() { end(); <-done }
}

func (f regionFeeds) Journal(ctx context.Context, after int64, limit int) ([]moneyquery.JournalLine, int64, error) {
	told, last, err := f.wallets.Journal(ctx, after, limit)
	lines := make([]moneyquery.JournalLine, len(told))
	for i, l := range told {
		lines[i] = moneyquery.JournalLine(l)
	}
	return lines, last, err
}

func (f regionFeeds) RegionChanges(ctx context.Context, after int64, limit int) ([]moneyquery.RegionChange, error) {
	told, err := f.members.RegionChanges(ctx, after, limit)
	changes := make([]moneyquery.RegionChange, len(told))
	for i, c := range told {
		changes[i] = moneyquery.RegionChange(c)
	}
	return changes, err
}

func (f regionFeeds) JournalHead(ctx context.Context) (int64, error) {
	return f.wallets.JournalHead(ctx)
}

func (f regionFeeds) RegionHead(ctx context.Context) (int64, error) { return f.members.RegionHead(ctx) }

func rebuildCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Build a read model anew from its source",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(rebuildMoneyQuery())
	return cmd
}

func rebuildMoneyQuery() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "moneyquery",
		Short: "Build the money by region anew from the journal",
		Long: `Build the money by region anew, from the first posting of the journal and the members'
regions. Readers see the old figures until the new ones are complete; the platform may
run meanwhile.

It finds the platform that durapay up runs in the data folder. What is set in the
environment (DURAPAY_MYSQL_ADDRESS and so on) goes before that.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := adoptPlatform(data); err != nil {
				return err
			}
			s, err := rebuildShare()
			if err != nil {
				return err
			}
			return withPlatform(cmd.Context(), s, func(p *platform) error {
				if err := p.regions.Rebuild(cmd.Context()); err != nil {
					return fmt.Errorf("rebuild: %w", err)
				}
				totals, err := p.regions.Regions(cmd.Context())
				if err != nil {
					return err
				}
				return tellRegions(cmd, totals)
			})
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "data folder of durapay up (default: durapay/data in the user's cache folder)")
	return cmd
}

// rebuildShare has the read model, and what feeds it unless that is remote.
func rebuildShare() (share, error) {
	s, err := shareOf("rebuild")
	if err != nil {
		return share{}, err
	}
	names := []string{"money-query"}
	for _, feed := range []string{"membership", "money", "franchise"} {
		if s.has(feed) {
			names = append(names, feed)
		}
	}
	return shareWith("rebuild", names...)
}

func tellRegions(cmd *cobra.Command, totals []moneyquery.RegionTotal) error {
	var members, balance int64
	for _, t := range totals {
		members, balance = members+t.Members, balance+t.Balance
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d regions, %d members, %d won\n", len(totals), members, balance)
	return err
}
