package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"

	"durapay/errs"
	"durapay/gateway"
	"durapay/internal/calendar"
	"durapay/internal/config"
	"durapay/internal/mysqlx"
	"durapay/internal/stepapi"
	"durapay/internal/temporalx"
	"durapay/internal/token"
	"durapay/services/banking"
	"durapay/services/banking/bankapi"
	"durapay/services/banking/bankingdb"
	"durapay/services/franchise"
	"durapay/services/franchise/franchisedb"
	"durapay/services/franchise/webhookapi"
	"durapay/services/membership"
	"durapay/services/membership/membershipdb"
	"durapay/services/money"
	"durapay/services/money/ledger"
	"durapay/services/money/moneydb"
	"durapay/services/moneyquery"
	"durapay/services/payment"
	"durapay/services/payment/paymentdb"
	"durapay/services/remittance"
	"durapay/services/remittance/remittancedb"
	"durapay/services/settlement"
	"durapay/services/settlement/settlementdb"
	"durapay/workers"
)

// platform is one process's share of Durapay, wired up.
type platform struct {
	share     share
	config    config.Platform
	log       *slog.Logger
	metrics   *prometheus.Registry
	tokens    *token.Issuer
	identity  *stepapi.Identity // who we are for services in other processes
	steps     *http.Client      // to them
	databases map[string]*sqlx.DB
	services  workers.Services
	regions   *moneyquery.Service
	notices   banking.NoticeParser
	temporal  client.Client
	closers   []io.Closer
}

// withPlatform connects, works, and lets go.
func withPlatform(ctx context.Context, s share, work func(*platform) error) error {
	p, err := newPlatform(ctx, s)
	if err != nil {
		return err
	}
	defer p.Close()
	return work(p)
}

// newPlatform reads the environment and connects to everything that a share needs.
func newPlatform(ctx context.Context, s share) (*platform, error) {
	c, err := config.Read(s.needs())
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return nil, err
	}
	p := &platform{share: s, config: c, log: newLog(), metrics: prometheus.NewRegistry(), databases: map[string]*sqlx.DB{}, steps: stepapi.NewHTTP()}
	if err := p.connect(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// newLog writes JSON lines, at the level that DURAPAY_LOG_LEVEL names.
func newLog() *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(os.Getenv("DURAPAY_LOG_LEVEL"))) // anything else is INFO
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

func (p *platform) connect(ctx context.Context) error {
	meter, err := p.meter()
	if err != nil {
		return err
	}
	if p.tokens, err = token.NewIssuer(p.config.Secrets.Token, time.Now); err != nil {
		return fmt.Errorf("%s: %w", config.TokenKeys, err)
	}
	p.identity = stepapi.NewIdentity(p.tokens, p.share.name)
	if err := p.openServices(); err != nil {
		return err
	}
	if p.share.needs().Flows {
		p.temporal, err = temporalx.Dial(ctx, p.config.Temporal, p.config.Secrets.Codec, p.log, meter)
		if err != nil {
			return err
		}
		p.closers = append(p.closers, closer(p.temporal.Close))
	}
	return p.prepare(ctx)
}

type closer func()

func (f closer) Close() error { f(); return nil }

// Close lets go of everything, the last opened first.
func (p *platform) Close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		_ = p.closers[i].Close() // on the way out; nothing waits for it
	}
}

func (p *platform) meter() (metric.Meter, error) {
	p.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(p.metrics))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter)).Meter("temporal"), nil
}

func (p *platform) database(name string) (*sqlx.DB, error) {
	db, err := mysqlx.Open(p.config.MySQL.Database(name))
	if err != nil {
		return nil, err
	}
	p.databases[name] = db
	p.closers = append(p.closers, db)
	return db, nil
}

// openServices opens the services of this process's share, the read model after what it
// is fed by.
func (p *platform) openServices() error {
	if index := p.config.Secrets.Index; index != nil {
		p.services.RunFingerprint = func(businessDate string, dryRun bool) string {
			return gateway.RunFingerprint(index, businessDate, dryRun)
		}
	}
	for _, each := range p.share.parts {
		db, err := p.database(each.database)
		if err != nil {
			return err
		}
		if err := p.openService(each.name, db); err != nil {
			return err
		}
	}
	if !p.share.has("money-query") {
		return nil
	}
	var err error
	p.regions, err = p.openRegions(p.databases["moneyquery"])
	return err
}

// openService opens a service on its database.
func (p *platform) openService(name string, db *sqlx.DB) (err error) {
	secrets, c := p.config.Secrets, p.config
	switch name {
	case "membership":
		p.services.Membership = membership.New(membershipdb.New(db), secrets.PII, secrets.Index, p.tokens, membership.Options{Log: p.log})
	case "banking":
		p.services.Banking, err = p.openBanking(db)
	case "money":
		p.services.Money = money.New(moneydb.New(db), ledger.New(moneydb.NewLedger(db), time.Now), money.Options{})
	case "remittance":
		p.services.Remittance = remittance.New(remittancedb.New(db), secrets.PII,
			remittance.Options{MaxPerTransfer: c.Limits.PerTransfer, MaxPerDay: c.Limits.PerDay})
	case "payment":
		p.services.Payment = payment.New(paymentdb.New(db), secrets.PII, payment.Options{})
	case "franchise":
		p.services.Franchise = franchise.New(franchisedb.New(db), webhookapi.New(webhookapi.Options{AllowPrivate: c.AllowPrivateWebhooks}),
			secrets.PII, franchise.Options{AllowPrivateWebhooks: c.AllowPrivateWebhooks})
	case "settlement":
		p.services.Settlement, err = p.openSettlement(db)
	}
	return err
}

func (p *platform) openSettlement(db *sqlx.DB) (*settlement.Service, error) {
	days, err := calendar.New(p.config.Settlement.HolidaysFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.HolidaysFile, err)
	}
	return settlement.New(settlementdb.New(db), days, settlement.Options{}), nil
}

func (p *platform) openBanking(db *sqlx.DB) (*banking.Service, error) {
	b := p.config.Bank
	bank, err := bankapi.New(bankapi.Options{BaseURL: b.URL, Timeout: b.Timeout})
	if err != nil {
		return nil, err
	}
	if _, err := banking.LoadWindows(b.WindowsFile); err != nil { // later, a broken file keeps the last good table
		return nil, fmt.Errorf("%s: %w", config.BankWindows, err)
	}
	if len(b.CallbackSecrets) > 0 {
		if p.notices, err = bankapi.NewNoticeParser(b.CallbackSecrets...); err != nil {
			return nil, fmt.Errorf("%s: %w", config.BankCallbackSecret, err)
		}
	}
	return banking.New(bankingdb.New(db), bank, p.config.Secrets.PII, p.config.Secrets.Index, banking.Options{Log: p.log,
		Corporate:        banking.CorporateAccount{BankCode: b.CorporateCode, Number: b.CorporateNumber},
		TransferValidity: b.TransferValidity, WindowsFile: b.WindowsFile}), nil
}

// prepare makes what has to be there before the first request.
func (p *platform) prepare(ctx context.Context) error {
	if p.services.Membership == nil || p.config.Operator.Password == "" {
		return nil
	}
	if err := p.patiently(ctx, func() error {
		_, err := p.services.Membership.EnsureStaff(ctx, membership.RoleOperator, p.config.Operator.Email, p.config.Operator.Password)
		return err
	}); err != nil {
		return fmt.Errorf("the operator's sign-in: %w", err)
	}
	return nil
}

// How long a start waits for a database that is away: as long as whoever started us waits
// for us to be ready, and a bit less.
const (
	startPatience = 45 * time.Second
	startPause    = 500 * time.Millisecond
)

// patiently tries again while a database is away: dying of it would only add to the trouble.
func (p *platform) patiently(ctx context.Context, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		err := try()
		if err == nil || !errs.Retryable(err) {
			return err
		}
		p.log.Warn("waiting for a database", "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(startPause):
		}
	}
}

func (p *platform) workers(fatal chan<- error) (*workers.Workers, error) {
	banks, err := banking.Institutions()
	if err != nil {
		return nil, err
	}
	return workers.New(p.temporal, p.services, p.remoteSteps(), banks, workers.ReportFatal(p.log, fatal))
}

func (p *platform) gateway() http.Handler {
	payloads, _ := temporalx.Converters(p.config.Secrets.Codec)
	forward := map[string]*url.URL{}
	if p.share.forward {
		forward = p.share.remote
	}
	return gateway.New(gateway.Dependencies{
		Forward: forward, Neighbours: p.neighbours(),
		Temporal: p.temporal, Payloads: payloads, Tokens: p.tokens,
		Membership: p.services.Membership, Banking: p.services.Banking, Money: p.services.Money, Remittance: p.services.Remittance,
		Franchise: p.services.Franchise, Payment: p.services.Payment, Settlement: p.services.Settlement, MoneyQuery: p.regions, Notices: p.notices,
		Fingerprint: p.config.Secrets.Index, Metrics: p.metrics, Log: p.log,
		FlowWait: p.config.FlowWait, Proxies: p.config.Proxies, WebURL: p.config.Temporal.WebURL, Namespace: p.config.Temporal.Namespace,
		Checks: p.checks(),
	})
}

// checks ask for everything a request needs. The bank is not among them: without it the
// platform still serves, and its flows wait.
func (p *platform) checks() map[string]gateway.Check {
	checks := map[string]gateway.Check{}
	if p.temporal != nil {
		checks["temporal"] = func(ctx context.Context) error {
			_, err := p.temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
			return err
		}
	}
	if p.share.forward {
		for name, address := range p.share.remote {
			checks[name] = p.ready(address.String())
		}
	}
	for name, db := range p.databases {
		checks[name] = db.PingContext
	}
	return checks
}

// The bounds of one HTTP exchange. Writing is longer than the longest poll of a flow.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 45 * time.Second
	idleTimeout   = 2 * time.Minute
	drainTimeout  = 10 * time.Second
	stepDrain     = 35 * time.Second // longer than a call to a bank, so that a stop leaves no outcome unknown
)

// serveHTTP serves until ctx ends, then lets the requests under way finish, for so long.
func (p *platform) serveHTTP(ctx context.Context, h http.Handler, drain time.Duration, fatal <-chan error) error {
	listener, err := net.Listen("tcp", p.config.Listen)
	if err != nil {
		return fmt.Errorf("%s: %w", p.share.name, err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelWarn)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	p.log.Info("serving", "address", listener.Addr().String())
	select {
	case err = <-served:
	case err = <-fatal:
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if shutdownErr := server.Shutdown(draining); shutdownErr != nil && err == nil {
		p.log.Warn("some requests were cut", "error", shutdownErr)
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}
