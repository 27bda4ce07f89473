// Package schema embeds the SQL migrations, a folder for each database. A service
// owns its database: nobody else reads it, and nobody joins across.
package schema

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed */*.sql
var files embed.FS

// Names lists the databases in the order in which they are migrated.
func Names() []string {
	return []string{"membership", "banking", "money", "remittance", "franchise", "payment", "settlement", "moneyquery", "bank"}
}

// FS gives the migrations of one database.
func FS(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil { // only for an invalid path, which a constant name is not
		panic(fmt.Sprintf("schema: %v", err))
	}
	return sub
}
