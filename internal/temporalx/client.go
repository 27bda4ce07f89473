package temporalx

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/converter"
	tlog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	"durapay/internal/config"
	"durapay/internal/secret"
)

// dialTimeout bounds the first connection; after it the client reconnects by itself.
const dialTimeout = 30 * time.Second

// Converters gives the data and failure converters of every client and every replay:
// payloads and the texts of failures are encrypted alike, summaries are not.
func Converters(ring *secret.KeyRing) (converter.DataConverter, converter.FailureConverter) {
	plain := converter.GetDefaultDataConverter()
	data := labels{DataConverter: converter.NewCodecDataConverter(plain, NewCodec(ring)), open: plain}
	failure := temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter:          data,
		EncodeCommonAttributes: true,
	})
	return data, failure
}

// Dial connects to the cluster. The meter may be nil.
func Dial(ctx context.Context, c config.Temporal, ring *secret.KeyRing, log *slog.Logger, meter metric.Meter) (client.Client, error) {
	data, failure := Converters(ring)
	o := client.Options{
		HostPort: c.Address, Namespace: c.Namespace,
		DataConverter: data, FailureConverter: failure,
		Logger: tlog.NewStructuredLogger(log),
	}
	if meter != nil {
		o.MetricsHandler = metricsHandler(meter, log)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	cl, err := client.DialContext(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal at %s: %w", c.Address, err)
	}
	return cl, nil
}

// metricsHandler reports to the meter. The handler's own default is to panic when an
// instrument is refused; a metric must not end a payment.
func metricsHandler(meter metric.Meter, log *slog.Logger) client.MetricsHandler {
	return opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: meter, UseMonotonicCounters: true,
		OnError: func(err error) { log.Warn("temporal metric refused", "error", err) },
	})
}
