package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"durapay/internal/config"
	"durapay/internal/mysqlx"
	"durapay/schema"
)

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Create the databases and bring their tables up to date",
		Long: `Create the databases and bring their tables up to date. Which server, and the prefix
of the names, come from DURAPAY_MYSQL_ADDRESS, _USER, _PASSWORD and _PREFIX. Safe to run
by several at the same time.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := config.ReadMySQL()
			if err != nil {
				return err
			}
			return migrate(cmd.Context(), server.Server(), server.Prefix)
		},
	}
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
