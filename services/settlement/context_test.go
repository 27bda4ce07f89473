package settlement_test

import (
	"context"

	"github.com/stretchr/testify/require"
)

// ctxOf gives the context of a test, and of a property's step, which has one too.
func ctxOf(t require.TestingT) context.Context {
	if c, ok := t.(interface{ Context() context.Context }); ok {
		return c.Context()
	}
	return context.Background()
}
