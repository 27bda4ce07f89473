package main

import (
	"context"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

const healthTimeout = 4 * time.Second // longer than /readyz takes at most

func healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health URL",
		Short: "Ask a URL and fail unless it answers 200, for a container's health check",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), healthTimeout)
			defer cancel()
			return checkHealth(ctx, http.DefaultClient, args[0])
		},
	}
}
