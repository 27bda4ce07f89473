package harness

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/jmoiron/sqlx"

	"durapay/internal/mysqlx"
)

// DB gives a connection to the platform's database server.
func (p *Platform) DB() (*sqlx.DB, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.db != nil {
		return p.db, nil
	}
	var err error
	server := p.given
	if server.Address == "" {
		server = mysqlx.Config{Address: p.MySQL, User: "durapay", Password: p.Secrets["DURAPAY_MYSQL_PASSWORD"]}
	}
	p.db, err = mysqlx.Open(server)
	return p.db, err
}

// Tables lists the platform's tables, database.table. The bank's books are not the
// platform's.
func (p *Platform) Tables(ctx context.Context) ([]string, error) {
	db, err := p.DB()
	if err != nil {
		return nil, err
	}
	const q = "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables " +
		"WHERE table_schema LIKE 'durapay\\_%' AND table_schema <> 'durapay_bank' AND table_type = 'BASE TABLE' ORDER BY 1"
	var tables []string
	return tables, db.SelectContext(ctx, &tables, q)
}

// Checksums gives a checksum of every table's content, the bank's excepted.
func (p *Platform) Checksums(t testing.TB) map[string]int64 {
	t.Helper()
	tables, err := p.Tables(t.Context())
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables: %d, %v", len(tables), err)
	}
	sums := map[string]int64{}
	for _, table := range tables {
		var name string
		var sum int64
		if err := p.db.QueryRowContext(t.Context(), "CHECKSUM TABLE "+table+" EXTENDED").Scan(&name, &sum); err != nil {
			t.Fatalf("checksum of %s: %v", table, err)
		}
		sums[name] = sum
	}
	return sums
}

// dump gives every column of every row of the platform's tables.
func (p *Platform) dump(ctx context.Context) ([]byte, error) {
	tables, err := p.Tables(ctx)
	if err != nil {
		return nil, err
	}
	if len(tables) == 0 {
		return nil, fmt.Errorf("no tables at %s", p.MySQL)
	}
	var all bytes.Buffer
	for _, table := range tables {
		if err := p.dumpTable(ctx, table, &all); err != nil {
			return nil, fmt.Errorf("dump %s: %w", table, err)
		}
	}
	return all.Bytes(), nil
}

func (p *Platform) dumpTable(ctx context.Context, table string, into *bytes.Buffer) error {
	rows, err := p.db.QueryxContext(ctx, "SELECT * FROM "+table)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.SliceScan()
		if err != nil {
			return err
		}
		for _, value := range values {
			if text, ok := value.([]byte); ok {
				into.Write(text)
			} else {
				fmt.Fprint(into, value)
			}
			into.WriteByte('\n')
		}
	}
	return rows.Err()
}
