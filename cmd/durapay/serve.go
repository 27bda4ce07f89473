package main

import (
	"context"
	"net/http"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"durapay/workers"
)

// serveCommand runs gateway and workers in one process, which lets a flow's first task
// go straight from the request that starts it to the worker beside it.
func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run gateway and workers in one process", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), true, true) },
	}
}

func gatewayCommand() *cobra.Command {
	return &cobra.Command{
		Use: "gateway", Short: "Run the gateway alone", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), true, false) },
	}
}

func workerCommand() *cobra.Command {
	return &cobra.Command{
		Use: "worker", Short: "Run the workers alone, with /livez, /readyz and /metrics", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), false, true) },
	}
}

// run serves until ctx ends: first the gateway drains, then the workers finish what is
// under way.
func run(ctx context.Context, withGateway, withWorkers bool) error {
	tuneGC()
	p, err := newPlatform(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	fatal := make(chan error, 1)
	if withWorkers {
		stop, err := p.work(ctx, fatal)
		if err != nil {
			return err
		}
		defer stop()
	}
	handler := p.gateway()
	if !withGateway {
		handler = onlyHealth(handler)
	}
	return p.serveHTTP(ctx, handler, fatal)
}

// work begins what runs by itself: the flows' workers, the schedule of the settlement,
// and the projector of the read model. stop ends it, and waits for what is under way.
func (p *platform) work(ctx context.Context, fatal chan<- error) (stop func(), err error) {
	w, err := p.workers(fatal)
	if err != nil {
		return nil, err
	}
	if err := w.Start(); err != nil {
		return nil, err
	}
	if err := workers.EnsureSchedule(ctx, p.temporal, p.config.Settlement.Cron); err != nil {
		w.Stop()
		return nil, err
	}
	projecting, end := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); p.regions.Run(projecting, 0) }()
	return func() { end(); w.Stop(); <-done }, nil
}

// gcPercent gives the collector room: the live heap of this process is a few MiB, over
// which Go's default collects all the time, a fifth of the CPU under load.
const gcPercent = 400

// tuneGC leaves alone what the operator has set.
func tuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// onlyHealth hides everything but health and metrics.
func onlyHealth(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		mux.Handle("GET "+path, h)
	}
	return mux
}
