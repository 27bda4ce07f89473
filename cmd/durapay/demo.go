package main

import (
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"durapay/internal/demo"
)

func demoCommand() *cobra.Command {
	var c demo.Config
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Walk through a running platform and prove that its figures add up",
		Long: `Walk through a running platform and its bank as many members at once, through their
public APIs alone: register, sign in, link an account, top up, remit, withdraw. Some
requests are beyond the balance, some to oneself, some sent twice with one key.

Then ask for every balance and prove from the members' own notes that no won was lost,
doubled or invented. Kill any process of the platform meanwhile: requests that are not
answered are sent again, with the same key.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Out, c.Progress = cmd.OutOrStdout(), cmd.ErrOrStderr()
			c.Terminal = term.IsTerminal(int(os.Stderr.Fd()))
			return demo.Run(cmd.Context(), c)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.Gateway, "gateway", "http://127.0.0.1:8080", "URL of the platform's API")
	flags.StringVar(&c.Bank, "bank", "http://127.0.0.1:8090", "URL of the bank's API")
	flags.IntVar(&c.Members, "members", 20, "how many members take part, 2 to 1000")
	flags.IntVar(&c.Concurrency, "concurrency", 8, "how many requests are under way at once, 1 to 64")
	flags.IntVar(&c.Remittances, "remittances", 0, "how many remittances in all (default 10 per member)")
	flags.Uint64Var(&c.Seed, "seed", 0, "plans the same amounts again (default: a new plan)")
	return cmd
}
