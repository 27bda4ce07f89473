package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"durapay/gateway"
	"durapay/internal/stepapi"
)

func serviceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "service NAME",
		Short: "Run one service on its own port",
		Long: `Run one service on its own port, with its own database and no other one: its part of the
API with a Swagger UI of it, and the steps of flows under ` + stepapi.Path + `, which take a token that only
processes of the platform make. NAME is one of ` + strings.Join(gateway.ServiceNames(), ", ") + `.

DURAPAY_SERVICES names the others (name=http://host:port,…). The same value does for all
processes: a service does not look for itself there.`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: gateway.ServiceNames(),
		RunE:      func(cmd *cobra.Command, args []string) error { return runService(cmd.Context(), args[0]) },
	}
}

// runService serves one service until ctx ends.
func runService(ctx context.Context, name string) error {
	tuneGC()
	s, err := shareWith(name, name)
	if err != nil {
		return err
	}
	s.listen = own(s.parts[0].port)
	p, err := newPlatform(ctx, s)
	if err != nil {
		return err
	}
	defer p.Close()
	slog.SetDefault(p.log) // steps that other processes call log there
	steps, err := stepapi.Handler(p.asked(name), stepapi.Authorize(p.tokens))
	if err != nil {
		return err
	}
	defer p.project(ctx)()
	return p.serveHTTP(ctx, beside(steps, p.gateway()), stepDrain, nil)
}

// beside serves steps where they are, and everything else by the API.
func beside(steps, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, stepapi.Path) {
			steps.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// ready tells whether a service in another process is.
func (p *platform) ready(address string) gateway.Check {
	return func(ctx context.Context) error { return checkHealth(ctx, p.steps, address+"/readyz") }
}

func checkHealth(ctx context.Context, c *http.Client, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := c.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", address, response.StatusCode)
	}
	return nil
}
