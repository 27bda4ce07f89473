package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"durapay/internal/config"
	"durapay/internal/devenv"
	"durapay/internal/mysqlx"
	"durapay/schema"
	"durapay/workflows/contract"
)

func migrateCommand() *cobra.Command {
	var withTemporal bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Create the databases and bring their tables up to date",
		Long: `Create the databases and bring their tables up to date. Which server, and the prefix
of the names, come from DURAPAY_MYSQL_ADDRESS, _USER, _PASSWORD and _PREFIX. Safe to run
by several at the same time.

With --temporal it also registers the namespace and the search attributes, where the
cluster at DURAPAY_TEMPORAL_ADDRESS lacks them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := config.ReadMySQL()
			if err != nil {
				return err
			}
			if err := migrate(cmd.Context(), server.Server(), server.Prefix); err != nil || !withTemporal {
				return err
			}
			return prepareTemporal(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&withTemporal, "temporal", false, "prepare the Temporal cluster too")
	return cmd
}

// retention is how long closed flows can be looked at in the Web UI.
const retention = 7 * 24 * time.Hour

func prepareTemporal(ctx context.Context) error {
	t, err := config.ReadTemporal()
	if err != nil {
		return err
	}
	if err := devenv.RegisterNamespace(ctx, t.Address, t.Namespace, retention); err != nil {
		return err
	}
	return devenv.RegisterSearchAttributes(ctx, t.Address, t.Namespace, contract.SearchAttributeNames())
}

// migrate creates and migrates every database of the platform and the bank.
func migrate(ctx context.Context, server mysqlx.Config, prefix string) error {
	for _, name := range schema.Names() {
		if err := migrateOne(ctx, server, prefix+name, name); err != nil {
			return err
		}
	}
	return nil
}

func migrateOne(ctx context.Context, server mysqlx.Config, database, name string) error {
	admin, err := mysqlx.Open(server)
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := mysqlx.CreateDatabase(ctx, admin, database); err != nil {
		return err
	}
	server.Database = database
	db, err := mysqlx.Open(server)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := mysqlx.Migrate(ctx, db, schema.FS(name)); err != nil {
		return fmt.Errorf("database %s: %w", database, err)
	}
	return nil
}
