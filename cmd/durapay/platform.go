package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"

	"durapay/gateway"
	"durapay/internal/calendar"
	"durapay/internal/config"
	"durapay/internal/mysqlx"
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
	config    config.Platform
	log       *slog.Logger
	metrics   *prometheus.Registry
	tokens    *token.Issuer
	databases map[string]*sqlx.DB
	services  workers.Services
	regions   *moneyquery.Service
	notices   banking.NoticeParser
	temporal  client.Client
	closers   []io.Closer
}

// withPlatform connects, works, and lets go.
func withPlatform(ctx context.Context, work func(*platform) error) error {
	p, err := newPlatform(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	return work(p)
}

// newPlatform reads the environment and connects to everything.
func newPlatform(ctx context.Context) (*platform, error) {
	c, err := config.ReadPlatform()
	if err != nil {
		return nil, err
	}
	p := &platform{config: c, log: newLog(), metrics: prometheus.NewRegistry(), databases: map[string]*sqlx.DB{}}
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
	if err := p.openServices(); err != nil {
		return err
	}
	p.temporal, err = temporalx.Dial(ctx, p.config.Temporal, p.config.Secrets.Codec, p.log, meter)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, closer(p.temporal.Close))
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

// serviceDatabases are those of the services, by name.
var serviceDatabases = []string{"membership", "banking", "money", "remittance", "franchise", "payment", "settlement", "moneyquery"}

func (p *platform) openServices() error {
	db := map[string]*sqlx.DB{}
	for _, name := range serviceDatabases {
		var err error
		if db[name], err = p.database(name); err != nil {
			return err
		}
	}
	secrets := p.config.Secrets
	bnk, err := p.openBanking(db["banking"])
	if err != nil {
		return err
	}
	days, err := calendar.New(p.config.Settlement.HolidaysFile)
	if err != nil {
		return fmt.Errorf("%s: %w", config.HolidaysFile, err)
	}
	p.services = workers.Services{
		Membership: membership.New(membershipdb.New(db["membership"]), secrets.PII, secrets.Index, p.tokens, membership.Options{Log: p.log}),
		Banking:    bnk,
		Money:      money.New(moneydb.New(db["money"]), ledger.New(moneydb.NewLedger(db["money"]), time.Now), money.Options{}),
		Remittance: remittance.New(remittancedb.New(db["remittance"]), secrets.PII,
			remittance.Options{MaxPerTransfer: p.config.Limits.PerTransfer, MaxPerDay: p.config.Limits.PerDay}),
		Franchise: franchise.New(franchisedb.New(db["franchise"]), webhookapi.New(webhookapi.Options{AllowPrivate: p.config.AllowPrivateWebhooks}),
			secrets.PII, franchise.Options{AllowPrivateWebhooks: p.config.AllowPrivateWebhooks}),
		Payment:    payment.NewService(paymentdb.New(db["payment"]), secrets.PII, payment.Options{}),
		Settlement: settlement.New(settlementdb.New(db["settlement"]), days, settlement.Options{}),
		RunFingerprint: func(businessDate string, dryRun bool) string {
			return gateway.RunFingerprint(secrets.Index, businessDate, dryRun)
		},
	}
	p.regions, err = openRegions(db["moneyquery"], p.services.Membership, p.services.Money, p.log)
	return err
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
	if p.config.Operator.Password == "" {
		return nil
	}
	if _, err := p.services.Membership.EnsureStaff(ctx, membership.RoleOperator, p.config.Operator.Email, p.config.Operator.Password); err != nil {
		return fmt.Errorf("the operator's sign-in: %w", err)
	}
	return nil
}

func (p *platform) workers(fatal chan<- error) (*workers.Workers, error) {
	banks, err := banking.Institutions()
	if err != nil {
		return nil, err
	}
	return workers.New(p.temporal, p.services, banks, workers.ReportFatal(p.log, fatal)), nil
}

func (p *platform) gateway() http.Handler {
	payloads, _ := temporalx.Converters(p.config.Secrets.Codec)
	return gateway.New(gateway.Dependencies{
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
	checks := map[string]gateway.Check{"temporal": func(ctx context.Context) error {
		_, err := p.temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
		return err
	}}
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
)

// serveHTTP serves until ctx ends, then lets the requests under way finish.
func (p *platform) serveHTTP(ctx context.Context, h http.Handler, fatal <-chan error) error {
	listener, err := net.Listen("tcp", p.config.Listen)
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
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
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if shutdownErr := server.Shutdown(drain); shutdownErr != nil && err == nil {
		p.log.Warn("some requests were cut", "error", shutdownErr)
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}
