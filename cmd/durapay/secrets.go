package main

import (
	"github.com/spf13/cobra"

	"durapay/internal/devenv"
)

func secretsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "secrets",
		Short: "Draw a fresh set of keys and passwords",
		Long: `Draw a fresh set of keys and passwords and print it as docker-compose.yml takes it from
a file .env. Each run draws another set. Keep it: what is encrypted with these keys cannot
be read without them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return devenv.WriteSecrets(cmd.OutOrStdout()) },
	}
}
