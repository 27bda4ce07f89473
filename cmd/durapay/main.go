// Command durapay is the whole platform in one binary: `durapay up` runs everything
// on one machine, the other commands run one part of it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// commands lists the subcommands; each is in a file of its name.
func commands() []*cobra.Command {
	return []*cobra.Command{
		upCommand(),
		bankCommand(),
		migrateCommand(),
		serveCommand(),
		gatewayCommand(),
		workerCommand(),
		serviceCommand(),
		auditCommand(),
		rebuildCommand(),
		staffCommand(),
		demoCommand(),
		healthCommand(),
		secretsCommand(),
	}
}

func main() {
	// A closed terminal is as good a reason to stop in order as a key press. After
	// the first signal the default is back: a second one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	if err := rootCommand().ExecuteContext(ctx); err != nil {
		if !errors.Is(err, errTold) {
			fmt.Fprintln(os.Stderr, "durapay:", err)
		}
		os.Exit(1)
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "durapay",
		Short:         "An easy-pay platform whose every money movement is a durable workflow",
		SilenceUsage:  true, // a failure is one line, not a page of flags
		SilenceErrors: true, // main prints it
	}
	root.AddCommand(commands()...)
	return root
}
