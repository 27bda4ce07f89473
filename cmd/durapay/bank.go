package main

import (
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"durapay/bank"
	"durapay/internal/config"
	"durapay/internal/mysqlx"
)

func bankCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "bank",
		Short: "Run the simulated bank",
		Long: `Run the simulated bank network with its own durable books, in the database "bank" of
the server at DURAPAY_MYSQL_ADDRESS, which ` + "`durapay migrate`" + ` has made.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := config.ReadMySQL()
			if err != nil {
				return err
			}
			db, err := mysqlx.Open(server.Database("bank"))
			if err != nil {
				return err
			}
			defer db.Close()
			listener, err := net.Listen("tcp", listen)
			if err != nil {
				return fmt.Errorf("bank: %w", err)
			}
			return bank.Run(cmd.Context(), listener, db)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8090", "address to listen on")
	return cmd
}
