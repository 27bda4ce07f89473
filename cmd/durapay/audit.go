package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"durapay/audit"
	"durapay/internal/config"
	"durapay/internal/devenv"
	"durapay/internal/mysqlx"
	"durapay/internal/secret"
	"durapay/internal/temporalx"
)

// errTold ends the command with a failure that its output has told already.
var errTold = errors.New("told already")

func auditCommand() *cobra.Command {
	var data string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Prove the books against the live databases and the bank",
		Long: `Prove the books: ledger, wallets, requests, settlement, firm banking and the sums by
region against each other, the bank's books and the flows' results. Prints the figures
of each invariant and, on a breach, what is concerned; exits with 1 when anything is
not proven. It writes nothing and may run while the platform does.

It finds the platform that durapay up runs in the data folder. What is set in the
environment (DURAPAY_MYSQL_ADDRESS and so on) goes before that.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := adoptPlatform(data); err != nil {
				return err
			}
			report, err := auditBooks(cmd.Context())
			if err != nil {
				return err
			}
			return writeReport(cmd.OutOrStdout(), report, asJSON)
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "data folder of durapay up (default: durapay/data in the user's cache folder)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the report as JSON")
	return cmd
}

func writeReport(w io.Writer, r audit.Report, asJSON bool) error {
	write := r.WriteText
	if asJSON {
		write = r.WriteJSON
	}
	if err := write(w); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if !r.Passed() {
		return errTold
	}
	return nil
}

// adoptPlatform takes over the settings of the platform that runs in a data folder,
// where the environment has none. An environment that names another database means
// another platform, whose books must not be mixed with this one's.
func adoptPlatform(data string) error {
	settings, err := devenv.PlatformEnviron(data)
	if named := os.Getenv(config.MySQLAddress); data == "" && named != "" && named != settings[config.MySQLAddress] {
		return nil
	}
	if err != nil {
		return err
	}
	for name, value := range settings {
		if os.Getenv(name) != "" || value == "" {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// auditConns is enough for the snapshot and what is looked up beside it.
const auditConns = 3

func auditBooks(ctx context.Context) (audit.Report, error) {
	books, closeAll, err := openBooks(ctx)
	if err != nil {
		return audit.Report{}, err
	}
	defer closeAll()
	return audit.Run(ctx, books)
}

func openBooks(ctx context.Context) (books audit.Books, closeAll func(), err error) {
	server, err := config.ReadMySQL()
	if err != nil {
		return books, nil, err
	}
	bank, err := config.ReadBank()
	if err != nil {
		return books, nil, err
	}
	var closers []func()
	closeAll = func() {
		for _, c := range closers {
			c()
		}
	}
	for name, db := range map[string]**sqlx.DB{
		"money": &books.Money, "banking": &books.Banking, "remittance": &books.Remittance, "membership": &books.Membership,
		"franchise": &books.Franchise, "payment": &books.Payment, "settlement": &books.Settlement, "moneyquery": &books.MoneyQuery,
	} {
		settings := server.Database(name)
		settings.MaxConns = auditConns
		if *db, err = mysqlx.Open(settings); err != nil {
			closeAll()
			return books, nil, err
		}
		closers = append(closers, func() { _ = (*db).Close() })
	}
	books.Bank = audit.Bank{URL: bank.URL, BankCode: bank.CorporateCode, AccountNumber: bank.CorporateNumber, Timeout: bank.Timeout}
	if books.Index, err = auditIndex(); err != nil {
		closeAll()
		return books, nil, err
	}
	flows, hangUp := auditFlows(ctx)
	books.Flows = flows
	closers = append(closers, hangUp)
	return books, closeAll, nil
}

// auditIndex gives the keyed hash of account numbers, nil when its key is not at hand.
func auditIndex() (*secret.Indexer, error) {
	encoded := os.Getenv(config.IndexKey)
	if encoded == "" {
		return nil, nil
	}
	key, err := secret.DecodeKey(encoded)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.IndexKey, err)
	}
	return secret.NewIndexer(key)
}

// dialFlows bounds the wait for a cluster that is not there.
const dialFlows = 5 * time.Second

// auditFlows gives the flows; none of them answers when there is no cluster to ask, and
// the report says why.
func auditFlows(ctx context.Context) (audit.Flows, func()) {
	cluster, err := config.ReadTemporal()
	if err != nil {
		return audit.NoFlows(err), func() {}
	}
	ring, err := secret.ParseKeyRing(os.Getenv(config.CodecKeys))
	if err != nil {
		return audit.NoFlows(fmt.Errorf("%s: %w", config.CodecKeys, err)), func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, dialFlows)
	defer cancel()
	c, err := temporalx.Dial(ctx, cluster, ring, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return audit.NoFlows(err), func() {}
	}
	payloads, _ := temporalx.Converters(ring)
	return audit.NewFlows(c, payloads), c.Close
}
