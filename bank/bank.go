// Package bank is a simulated Korean bank network: accounts of all banks, holder inquiry (예금주 조회), transfers by reference, inquiry,
// returns and deposits, statements, signed notices to a subscriber, and faults on demand. It runs as a process of its own with its own durable books, and knows nothing of the platform that uses it.
//
// What a caller can build on:
//   - A reference is decided once. A repeat gets the decision that stands; the same reference with another order is a conflict.
//   - After an order's validUntil, an inquiry that answers NOT_FOUND is final: that order will never be executed.
//   - A rejection for MAINTENANCE, and no other, may be followed by the same order under a new reference; its own reference stays rejected.
//   - An accepted transfer may come back later: its status is then RETURNED, its entries stay, and two more carry its reference and "/return".
//   - No won is made or lost: [Totals] Balance equals Opened and Deposited at any moment.
//   - What concerns the subscribed account is told by a [Notice], which is written with its effect and sent until it is answered by a 2xx:
//     at least once, in no particular order. Returns of transfers from that account and deposits to it are told.
//
// Faults (see [Rule]) live in memory and are gone after a restart; the books, with the returns that are still due and the notices that are
// still to be sent, are not.
package bank

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
)

// Bounds of the server.
const (
	DefaultHold        = time.Minute // how long a time-out fault holds a connection
	DefaultMaxInFlight = 1024

	headerTimeout   = 5 * time.Second
	idleTimeout     = 2 * time.Minute
	workTimeout     = 10 * time.Second
	pingTimeout     = 2 * time.Second
	shutdownTimeout = 15 * time.Second
	maxHeaderBytes  = 16 << 10
)

// Options are the settings of a bank; the zero value is a usable one.
type Options struct {
	Now           func() time.Time // time.Now unless given
	Logger        *slog.Logger     // slog.Default() unless given
	Hold          time.Duration    // DefaultHold unless given
	MaxInFlight   int              // requests at work at once, DefaultMaxInFlight unless given; more get 503
	TransferLimit int64            // most one transfer may move, in won; MaxAmount unless given
	Subscribed    AccountKey       // the account notices are about; none are written unless given
	Callback      *Callback        // where notices are sent; they are kept until there is one
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Hold <= 0 {
		o.Hold = DefaultHold
	}
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = DefaultMaxInFlight
	}
	if o.TransferLimit <= 0 || o.TransferLimit > MaxAmount {
		o.TransferLimit = MaxAmount
	}
	return o
}

// Server is the bank network.
type Server struct {
	books    *books
	faults   *faultBook
	errands  errands
	callback *Callback
	log      *slog.Logger
	hold     time.Duration
	inFlight chan struct{}
	closing  chan struct{}
	close    sync.Once
}

// New gives a bank on a database that has the migrations of schema/bank. The pool must parse times, in UTC.
func New(db *sqlx.DB, opts Options) *Server {
	opts = opts.withDefaults()
	return &Server{
		books:    &books{db: db, now: opts.Now, limit: opts.TransferLimit, subscribed: opts.Subscribed},
		faults:   &faultBook{},
		errands:  newErrands(),
		callback: opts.Callback,
		log:      opts.Logger,
		hold:     opts.Hold,
		inFlight: make(chan struct{}, opts.MaxInFlight),
		closing:  make(chan struct{}),
	}
}

// Open opens an account unless it is there, whatever else is on it by now.
func (s *Server) Open(ctx context.Context, a Account) error {
	_, err := s.books.open(ctx, a)
	if errors.Is(err, errAccountExists) {
		return nil
	}
	return err
}

// Close releases the connections that faults hold, and makes the bank say it is not ready. It may be called more than once.
func (s *Server) Close() { s.close.Do(func() { close(s.closing) }) }

// Run serves a bank until ctx ends, then lets running requests finish.
func Run(ctx context.Context, listener net.Listener, db *sqlx.DB, opts Options) error {
	return New(db, opts).Serve(ctx, listener)
}

// Serve serves, makes due returns and sends notices until ctx ends, then releases what faults hold and lets running requests finish, for a bounded time. It closes the listener.
// Errors: the listener's; a request that did not finish in time.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	defer s.Close()
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { s.runErrands(ctx) })
	defer running.Wait()
	defer stop()
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      maxDelay + s.hold + bodyReadTimeout + 2*workTimeout, // a held time-out is to be ended by us, not by this
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve bank: %w", err)
	case <-ctx.Done():
	}
	s.Close()
	return shutdown(ctx, server)
}

func shutdown(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("shut bank down: %w", errors.Join(err, server.Close()))
	}
	return nil
}
