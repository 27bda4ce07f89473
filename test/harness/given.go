package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/mysqlx"
)

// givenServer gives the database server that the tests are run for: the one that testenv
// has started of the kind mysql. Without one, durapay up starts a MariaDB of its own.
func givenServer() (mysqlx.Config, error) {
	if os.Getenv("DURAPAY_TEST_DATABASE") != "mysql" {
		return mysqlx.Config{}, nil
	}
	server := mysqlx.Config{
		Address: os.Getenv("DURAPAY_TEST_MYSQL_ADDRESS"), User: os.Getenv("DURAPAY_TEST_MYSQL_USER"),
		Password: os.Getenv("DURAPAY_TEST_MYSQL_PASSWORD"),
	}
	if server.Address == "" {
		return server, errors.New("DURAPAY_TEST_DATABASE=mysql needs the server that bin/testenv starts: make test-mysql")
	}
	return server, nil
}

// claimServer takes the given server for this platform. One with a platform's databases
// is refused: they are somebody's, and removing this platform would drop them.
func (p *Platform) claimServer(ctx context.Context) error {
	server, err := givenServer()
	if err != nil || server.Address == "" {
		return err
	}
	db, err := mysqlx.Open(server)
	if err != nil {
		return err
	}
	defer db.Close()
	names, err := platformDatabases(ctx, db)
	if err != nil {
		return fmt.Errorf("the server at %s: %w", server.Address, err)
	}
	if len(names) > 0 {
		return fmt.Errorf("the server at %s has databases of another platform: %s", server.Address, names)
	}
	p.given = server
	return nil
}

func platformDatabases(ctx context.Context, db *sqlx.DB) ([]string, error) {
	const q = `SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'durapay\_%'`
	var names []string
	return names, db.SelectContext(ctx, &names, q)
}

const dropBound = time.Minute

// dropDatabases leaves a given server as it was. A server of the platform's own goes with
// its data.
func (p *Platform) dropDatabases() error {
	if p.given.Address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), dropBound)
	defer cancel()
	db, err := mysqlx.Open(p.given)
	if err != nil {
		return err
	}
	defer db.Close()
	names, err := platformDatabases(ctx, db)
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range names {
		_, err := db.ExecContext(ctx, "DROP DATABASE `"+name+"`")
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
