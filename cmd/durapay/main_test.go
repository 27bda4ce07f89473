package main

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/internal/devenv/devtest"
	"durapay/schema"
	"durapay/workflows/contract"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

func TestMigrateCanBeRepeatedAndRunTwiceAtOnce(t *testing.T) {
	server, prefix := devtest.Server(t), devtest.Prefix(t)
	done := make(chan error, 2)
	for range cap(done) {
		go func() { done <- migrate(context.Background(), server, prefix) }()
	}
	for range cap(done) {
		require.NoError(t, <-done)
	}
	require.NoError(t, migrate(t.Context(), server, prefix))
	require.NotEmpty(t, schema.Names())
}

func TestTheTestServerKnowsTheSearchAttributes(t *testing.T) {
	require.Equal(t, contract.SearchAttributeNames(), devtest.SearchAttributes())
}

func TestAnUnknownCommandIsOneError(t *testing.T) {
	root := rootCommand()
	root.SetArgs([]string{"nonsense"})
	require.ErrorContains(t, root.Execute(), `unknown command "nonsense"`)
}
