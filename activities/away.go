package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"

	"durapay/internal/stepapi"
)

// Away turns the error of a step that another process runs into what the step itself
// would have given here, so that Temporal sees no difference.
func Away(ctx context.Context, err error) error {
	var told *stepapi.Error
	if !errors.As(err, &told) {
		return trouble(ctx, err)
	}
	if told.Benign {
		return temporal.NewApplicationErrorWithOptions(told.Message, string(told.Code),
			temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
	}
	logger(ctx).Warn("step failed, to be retried", "code", told.Code, "error", told.Message)
	return temporal.NewApplicationErrorWithOptions(told.Message, string(told.Code), temporal.ApplicationErrorOptions{Cause: err})
}
