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
	var listen, holder string
	cmd := &cobra.Command{
		Use:   "bank",
		Short: "Run the simulated bank",
		Long: `Run the simulated bank network with its own durable books, in the database "bank" of
the server at DURAPAY_MYSQL_ADDRESS, which ` + "`durapay migrate`" + ` has made.

It tells what happens on the account DURAPAY_CORPORATE_ACCOUNT (bankCode:accountNumber) by
itself: returned transfers and deposits, as webhooks to DURAPAY_BANK_CALLBACK_URL signed with
DURAPAY_BANK_CALLBACK_SECRET ("whsec_" and base64). Without the account nothing is told;
without an address the notices are kept until there is one.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			mysql, err := config.ReadMySQL()
			if err != nil {
				return err
			}
			options, err := bankOptions()
			if err != nil {
				return err
			}
			db, err := mysqlx.Open(mysql.Database("bank"))
			if err != nil {
				return err
			}
			defer db.Close()
			listener, err := net.Listen("tcp", listen)
			if err != nil {
				return fmt.Errorf("bank: %w", err)
			}
			server := bank.New(db, options)
			if holder != "" {
				err := server.Open(cmd.Context(), bank.Account{AccountKey: options.Subscribed, HolderName: holder})
				if err != nil {
					return fmt.Errorf("account %s: %w", config.Corporate, err)
				}
			}
			return server.Serve(cmd.Context(), listener)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8090", "address to listen on")
	cmd.Flags().StringVar(&holder, "corporate-holder", "", "opens the account DURAPAY_CORPORATE_ACCOUNT in this name, unless it is there")
	return cmd
}

// bankOptions reads whom the bank tells what.
func bankOptions() (bank.Options, error) {
	code, number, err := config.ReadCorporateAccount()
	if err != nil {
		return bank.Options{}, err
	}
	options := bank.Options{Subscribed: bank.AccountKey{BankCode: code, AccountNumber: number}}
	address, secret, err := config.ReadBankCallback()
	if err != nil || address == "" {
		return options, err
	}
	options.Callback, err = bank.NewCallback(address, secret)
	return options, err
}
