package devenv

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"

	"durapay/internal/mysqlx"
)

func freePort(t *testing.T) int {
	t.Helper()
	port, err := FreePort()
	require.NoError(t, err)
	return port
}

// newMariaDB describes a server of the test's own; nothing runs yet.
func newMariaDB(t *testing.T, l Layout) MariaDB {
	t.Helper()
	tools, err := EnsureMariaDB(t.Context(), NewSay(os.Stderr))
	require.NoError(t, err)
	server := MariaDB{
		Tools: tools, Data: l.MariaDB(), Socket: l.Socket("mariadb"), Port: freePort(t),
		User: "durapay", Password: `it's a \ "password"`, Grants: []string{"ALL ON `durapay\\_%`.*"}, BufferPoolMiB: 64,
	}
	require.NoError(t, server.Initialise(t.Context()))
	return server
}

func TestMariaDBSurvivesAHardKill(t *testing.T) {
	l := layout(t)
	server := newMariaDB(t, l)
	s := NewSupervisor(l, (&lines{}).say)
	defer s.Stop()
	require.NoError(t, s.Start(t.Context(), server.Child()))

	db, err := mysqlx.Open(mysqlx.Config{Address: server.Address(), User: server.User, Password: server.Password})
	require.NoError(t, err)
	defer db.Close()
	for _, statement := range []string{
		"CREATE DATABASE durapay_books", "CREATE TABLE durapay_books.won (id INT PRIMARY KEY)", "INSERT INTO durapay_books.won VALUES (1)",
	} {
		_, err := db.Exec(statement)
		require.NoError(t, err)
	}
	require.NoError(t, syscall.Kill(running(t, l, "mariadb"), syscall.SIGKILL))

	eventually(t, "the committed row", func() bool {
		var rows int
		return db.Get(&rows, "SELECT COUNT(*) FROM durapay_books.won") == nil && rows == 1
	})
}

func TestMariaDBLetsInNobodyElse(t *testing.T) {
	l := layout(t)
	server := newMariaDB(t, l)
	s := NewSupervisor(l, (&lines{}).say)
	defer s.Stop()
	require.NoError(t, s.Start(t.Context(), server.Child()))
	for user, password := range map[string]string{"durapay": "wrong", "root": "", "": "", "nobody": ""} {
		require.ErrorContains(t, PingMySQL(t.Context(), server.Address(), user, password), "Access denied", user)
	}
	db, err := mysqlx.Open(mysqlx.Config{Address: server.Address(), User: server.User, Password: server.Password})
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec("CREATE DATABASE somebody_elses")
	require.ErrorContains(t, err, "Access denied")
}

func TestTheDatabasePasswordFollowsTheSecrets(t *testing.T) {
	l := layout(t)
	server := newMariaDB(t, l)
	for _, password := range []string{"first", "second"} {
		server.Password = password
		s := NewSupervisor(l, (&lines{}).say)
		require.NoError(t, s.Start(t.Context(), server.Child()))
		s.Stop()
	}
}

func newTemporal(t *testing.T, l Layout) Temporal {
	t.Helper()
	binary, err := EnsureTemporal(t.Context(), NewSay(os.Stderr))
	require.NoError(t, err)
	return Temporal{Binary: binary, Data: l.Temporal(), Port: freePort(t), UIPort: freePort(t), SearchAttributes: []string{"MembershipID"}}
}

func TestTemporalKeepsItsStateOverARestart(t *testing.T) {
	l := layout(t)
	server := newTemporal(t, l)
	names := []string{"MembershipID", "FlowState"} // the second is not known to the server's flags
	for run := range 2 {
		s := NewSupervisor(l, (&lines{}).say)
		require.NoError(t, s.Start(t.Context(), server.Child()), "run %d", run)
		if run == 0 {
			require.NoError(t, RegisterSearchAttributes(t.Context(), server.Address(), "default", names))
			require.NoError(t, SetRetention(t.Context(), server.Address(), "default", retention))
		}
		requireTemporalState(t, server, names)
		s.Stop()
	}
}

func requireTemporalState(t *testing.T, server Temporal, names []string) {
	t.Helper()
	c, err := dialTemporal(server.Address(), "default")
	require.NoError(t, err)
	defer c.Close()
	known, err := c.OperatorService().ListSearchAttributes(t.Context(),
		&operatorservice.ListSearchAttributesRequest{Namespace: "default"})
	require.NoError(t, err)
	for _, name := range names {
		require.Contains(t, known.GetCustomAttributes(), name)
	}
	require.NoError(t, querySearchAttributes(t.Context(), c, "default", names))
	namespace, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "default"})
	require.NoError(t, err)
	require.Equal(t, retention, namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
}

func TestTemporalStartsAfterAFirstStartThatWasKilled(t *testing.T) {
	l := layout(t)
	server := newTemporal(t, l)
	require.NoError(t, os.WriteFile(server.database(), nil, 0o600)) // a database without tables
	s := NewSupervisor(l, (&lines{}).say)
	defer s.Stop()
	require.NoError(t, s.Start(t.Context(), server.Child()))
}

// TestTheTemporalCLIIsTheOneOfTheTools: the version is written down twice.
func TestTheTemporalCLIIsTheOneOfTheTools(t *testing.T) {
	root, err := checkoutRoot()
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(root, "tools", "go.mod"))
	require.NoError(t, err)
	require.Regexp(t, `(?m)^\s*`+regexp.QuoteMeta(temporalModule+" "+temporalVersion)+`\b`, string(content))
}

func TestAnOldTemporalIsNotUsable(t *testing.T) {
	for output, usable := range map[string]bool{
		"temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)": true,
		"temporal version 2.0.0 (Server 2.0.0, UI 3)":       true,
		"temporal version 1.1.0 (Server 1.25.0, UI 2.30.0)": false,
		"command not found": false,
	} {
		path := filepath.Join(t.TempDir(), "temporal")
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+output+"'\n"), 0o700))
		require.Equal(t, usable, usableTemporal(context.Background(), path), output)
	}
	require.False(t, usableTemporal(context.Background(), "/nonexistent"))
}
