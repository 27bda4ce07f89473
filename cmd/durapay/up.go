package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"durapay/internal/devenv"
	"durapay/workflows/contract"
)

func upCommand() *cobra.Command {
	settings := devenv.UpConfig{Migrate: migrate, SearchAttributes: contract.SearchAttributeNames()}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run everything on this machine: database, Temporal, bank and platform",
		Long: `Run everything on this machine: a private MariaDB, Temporal's development server
with its Web UI, the simulated bank and the platform. Stops all of it on Ctrl-C; the
data stay and the next start takes seconds.

A database server or a Temporal cluster of yours is used instead when
DURAPAY_MYSQL_ADDRESS (with _USER, _PASSWORD) or DURAPAY_TEMPORAL_ADDRESS is set.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("path of this binary: %w", err)
			}
			settings.Self, settings.Say = self, devenv.NewSay(cmd.OutOrStdout())
			return devenv.Up(cmd.Context(), settings)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&settings.Data, "data", "", "folder for databases, logs and keys (default: durapay/data in the user's cache folder)")
	flags.IntVar(&settings.BasePort, "base-port", devenv.DefaultBasePort,
		"the gateway's port N; the bank gets N+10, MariaDB N+13, Temporal N+11 and its Web UI N+12 (7233 and 8233 with the default N)")
	flags.BoolVar(&settings.BankHours, "bank-hours", false, "have flows wait for the banks' maintenance windows, which are around midnight in Korea")
	flags.BoolVar(&settings.Reset, "reset", false, "wipe the data folder and begin anew")
	return cmd
}
