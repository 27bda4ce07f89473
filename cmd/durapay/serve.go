package main

import (
	"context"
	"net/http"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"durapay/workers"
)

// inServices tells of the processes that there can be beside.
const inServices = `

DURAPAY_SERVICES (name=http://host:port,…) names the services that run in processes of
their own: their databases are not opened here.`

// serveCommand runs gateway and workers in one process, which lets a flow's first task
// go straight from the request that starts it to the worker beside it.
func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run gateway and workers in one process", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), "serve", true, true) },
	}
}

func gatewayCommand() *cobra.Command {
	return &cobra.Command{
		Use: "gateway", Short: "Run the gateway alone", Args: cobra.NoArgs,
		Long: "Run the gateway alone." + inServices + " Requests for them are passed on.",
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), "gateway", true, false) },
	}
}

func workerCommand() *cobra.Command {
	return &cobra.Command{
		Use: "worker", Short: "Run the workers alone, with /livez, /readyz and /metrics", Args: cobra.NoArgs,
		Long: "Run the workers alone, with /livez, /readyz and /metrics." + inServices + " The steps of\nflows on them are calls over HTTP.",
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), "worker", false, true) },
	}
}

// run serves until ctx ends: first the gateway drains, then the workers finish what is
// under way.
func run(ctx context.Context, name string, withGateway, withWorkers bool) error {
	tuneGC()
	s, err := shareOf(name)
	if err != nil {
		return err
	}
	s.flows, s.forward = withWorkers, withGateway
	if !withGateway {
		s.listen = own(workerPort)
	}
	p, err := newPlatform(ctx, s)
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
	return p.serveHTTP(ctx, handler, drainTimeout, fatal)
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
	endProjecting := p.project(ctx)
	return func() { endProjecting(); w.Stop() }, nil
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
