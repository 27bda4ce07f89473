// Package activities connects the flows to the services: one struct for each service,
// one method for each step, each a single call. Refusals come back as values in the
// outcome; an error means trouble that a retry may cure.
package activities

import (
	"context"
	"log/slog"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/record"
)

// trouble turns a service's error into one that Temporal retries, with the code as its
// type so that it can be told apart in the Web UI. A refusal that reaches this place is
// retried too: it is a defect, and a flow that waits in sight of everybody loses
// nothing, while one that gives up may.
func trouble(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	e := errs.Of(err)
	// A local activity's failed attempts are in no history; the log is where they show.
	logger(ctx).Warn("step failed, to be retried", "code", e.Code, "error", err)
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Code), temporal.ApplicationErrorOptions{Cause: err})
}

// logger is that of the running step; one that another process called has no activity.
func logger(ctx context.Context) log.Logger {
	if activity.IsActivity(ctx) {
		return activity.GetLogger(ctx)
	}
	return slog.Default()
}

// refusal separates a refusal, which is an outcome, from trouble.
func refusal(ctx context.Context, err error) (record.Failure, error) {
	if err == nil {
		return record.Failure{}, nil
	}
	if errs.Retryable(err) {
		return record.Failure{}, trouble(ctx, err)
	}
	return record.FailureOf(errs.Of(err)), nil
}

// each maps a list.
func each[In, Out any](in []In, f func(In) Out) []Out {
	out := make([]Out, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}
