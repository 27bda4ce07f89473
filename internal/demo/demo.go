// Package demo walks through a running platform as its members would, many at once, and
// proves from the outside that no won was lost, doubled or invented. It uses the public
// APIs of the platform and of the bank and nothing else, and it outlasts the death and
// restart of any part of them.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"durapay/internal/apiclient"
)

// Config says what is shown.
type Config struct {
	Gateway, Bank string // base URLs
	Members       int    // 2 to 1000
	Concurrency   int    // requests under way at once, 1 to 64
	Remittances   int    // in all; 0 is ten for each member
	Seed          uint64 // the same seed plans the same amounts; 0 draws one
	Out           io.Writer
	Progress      io.Writer
	Terminal      bool // Progress is a terminal
}

// The bounds of a run.
const (
	MinMembers, MaxMembers = 2, 1000
	MaxConcurrency         = 64
	MaxRemittances         = 100_000
)

const perMember = 10

func (c *Config) complete() error {
	switch {
	case c.Members < MinMembers || c.Members > MaxMembers:
		return fmt.Errorf("members: expected %d to %d, got %d", MinMembers, MaxMembers, c.Members)
	case c.Concurrency < 1 || c.Concurrency > MaxConcurrency:
		return fmt.Errorf("concurrency: expected 1 to %d, got %d", MaxConcurrency, c.Concurrency)
	case c.Remittances < 0 || c.Remittances > MaxRemittances:
		return fmt.Errorf("remittances: expected 0 to %d, got %d", MaxRemittances, c.Remittances)
	}
	if c.Remittances == 0 {
		c.Remittances = perMember * c.Members
	}
	if c.Seed == 0 {
		c.Seed = max(1, rand.Uint64())
	}
	return nil
}

// demo is one run.
type demo struct {
	Config
	gateway apiclient.Gateway
	bank    apiclient.Bank
	tag     string
	members []*member
	stats   *stats
	books   *books
	answers *answers
	pace    pace
}

// pace is how patient a run is.
type pace struct {
	retry  apiclient.Retry
	follow time.Duration // bound of waiting for one flow's end
	reach  time.Duration // bound of the first contact
}

const (
	// An outcome that a bank did not tell is inquired for, with pauses of up to a minute.
	followFor = 5 * time.Minute
	// What does not run is soon told.
	reachFor = 5 * time.Second
)

// ErrDifferent means that the platform's figures are not those of its clients. The
// differences have been printed.
var ErrDifferent = errors.New("the figures do not add up")

// Run runs the demo and prints its table and proof. Errors: ErrDifferent; what kept it
// from being run.
func Run(ctx context.Context, c Config) error {
	return run(ctx, c, pace{retry: apiclient.DefaultRetry(), follow: followFor, reach: reachFor})
}

func run(ctx context.Context, c Config, p pace) error {
	d, err := newDemo(c, p)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.Progress, "%d members, %d remittances, %d at once, seed %d\n", d.Members, d.Remittances, d.Concurrency, d.Seed)
	for _, step := range []func(context.Context) error{
		d.reach, d.openAccounts, d.register, d.signIn, d.link, d.moveMoney, d.readBack,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return d.prove(ctx)
}

func newDemo(c Config, p pace) (*demo, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	tag, err := runTag()
	if err != nil {
		return nil, err
	}
	d := &demo{Config: c, tag: tag, stats: newStats(), answers: &answers{}, pace: p}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: c.Concurrency, IdleConnTimeout: time.Minute}
	options := apiclient.Options{Retry: p.retry, Transport: transport, OnRetry: d.stats.retried}
	d.gateway, d.bank = apiclient.NewGateway(c.Gateway, options), apiclient.NewBank(c.Bank, options)
	opened := make([]int64, c.Members)
	for i := range c.Members {
		d.members = append(d.members, newMember(tag, i))
		opened[i] = d.members[i].account.Balance
	}
	d.books = newBooks(opened)
	return d, nil
}

// key names a request; its repeat has the same name.
func (d *demo) key(operation string, n int) string {
	return fmt.Sprintf("demo-%s-%s-%d", d.tag, strings.ReplaceAll(operation, " ", "-"), n)
}

// each does the work for every i below n, as many at once as the run allows. The first
// error ends it.
func (d *demo) each(ctx context.Context, phase string, n int, work func(ctx context.Context, i int) error) error {
	step, end := progress{out: d.Progress, terminal: d.Terminal}.begin(phase, n)
	defer end()
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(d.Concurrency)
	for i := range n {
		if together.Err() != nil {
			break
		}
		group.Go(func() error {
			defer step()
			return work(together, i)
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("%s: %w", phase, err)
	}
	return ctx.Err()
}

// eachMember does a step that every member has to take before money can be moved.
func (d *demo) eachMember(ctx context.Context, phase string, work func(ctx context.Context, i int, m *member) error) error {
	return d.each(ctx, phase, d.Members, func(ctx context.Context, i int) error {
		began := time.Now()
		if err := work(ctx, i, d.members[i]); err != nil {
			return fmt.Errorf("member %d: %w", i, err)
		}
		d.stats.add(phase, sample{began: began, ended: time.Now(), result: succeeded})
		return nil
	})
}

// reach makes sure that there is something to talk to.
func (d *demo) reach(ctx context.Context) error {
	options := apiclient.Options{Retry: apiclient.Retry{First: 100 * time.Millisecond, Longest: time.Second, Total: d.pace.reach, Attempt: d.pace.reach}}
	for name, base := range map[string]string{"platform": d.Gateway, "bank": d.Bank} {
		r, err := apiclient.New(base, options).Do(ctx, apiclient.Request{Method: http.MethodGet, Path: "/readyz"})
		if err != nil {
			return fmt.Errorf("no %s at %s (`durapay up` starts one): %w", name, base, err)
		}
		if r.Status != http.StatusOK {
			return fmt.Errorf("the %s at %s is not ready: %d", name, base, r.Status)
		}
	}
	return nil
}

func (d *demo) openAccounts(ctx context.Context) error {
	return d.eachMember(ctx, openingAccounts, func(ctx context.Context, _ int, m *member) error {
		return d.bank.Open(ctx, m.account)
	})
}

func (d *demo) register(ctx context.Context) error {
	return d.eachMember(ctx, registering, func(ctx context.Context, i int, m *member) error {
		accepted, err := d.gateway.Register(ctx, d.key(registering, i), m.registration)
		if err != nil {
			return err
		}
		m.id = accepted.ID
		flow, err := d.gateway.FollowRegistration(ctx, accepted.Flow.ID, d.pace.follow)
		if err != nil {
			return err
		}
		return mustSucceed(flow.ID, flow.State, flow.Failure)
	})
}

func (d *demo) signIn(ctx context.Context) error {
	return d.eachMember(ctx, signingIn, func(ctx context.Context, _ int, m *member) (err error) {
		m.session, err = d.gateway.SignIn(ctx, m.registration.Email, m.registration.Password)
		return err
	})
}

func (d *demo) link(ctx context.Context) error {
	return d.eachMember(ctx, linking, func(ctx context.Context, i int, m *member) error {
		outcome, err := m.session.Link(ctx, d.key(linking, i), apiclient.BankAccountLink{
			BankCode: m.account.BankCode, AccountNumber: m.account.AccountNumber, HolderName: m.account.HolderName, DebitConsent: true})
		if err == nil {
			outcome, err = m.session.Follow(ctx, outcome, d.pace.follow)
		}
		if err != nil {
			return err
		}
		m.bankAccountID = outcome.ID
		return mustSucceed(outcome.ID, outcome.State, &apiclient.Failure{Code: outcome.Code})
	})
}

func mustSucceed(id string, state apiclient.State, failure *apiclient.Failure) error {
	if state == apiclient.Succeeded {
		return nil
	}
	code := ""
	if failure != nil {
		code = failure.Code
	}
	return fmt.Errorf("%s is %s %s", id, state, code)
}

// moveMoney fills the wallets, then lets everybody send and withdraw.
func (d *demo) moveMoney(ctx context.Context) error {
	random := rand.New(rand.NewPCG(d.Seed, 0))
	topUps := planTopUps(random, d.Members)
	moves := planMoves(random, d.Members, d.Remittances)
	for _, phase := range []struct {
		name string
		plan []move
	}{{"top up", topUps}, {"remit and withdraw", moves}} {
		err := d.each(ctx, phase.name, len(phase.plan), func(ctx context.Context, i int) error {
			return d.ask(ctx, phase.plan[i])
		})
		if err != nil {
			return err
		}
	}
	d.books.breaks = append(d.books.breaks, d.answers.contradictions()...)
	return nil
}

// prove asks for all balances and compares them with the books.
func (d *demo) prove(ctx context.Context) error {
	balances := make([]told, d.Members)
	err := d.eachMember(ctx, readingBalances, func(ctx context.Context, i int, m *member) (err error) {
		balances[i], err = d.balance(ctx, m)
		return err
	})
	if err != nil {
		return err
	}
	p, err := d.books.prove(balances)
	if err != nil {
		return err
	}
	d.stats.print(d.Out)
	p.print(d.Out, d.Members)
	if len(p.differences) > 0 {
		return fmt.Errorf("%w: %d differences", ErrDifferent, len(p.differences))
	}
	return nil
}

func (d *demo) balance(ctx context.Context, m *member) (told, error) {
	wallet, err := m.session.Balance(ctx, m.id)
	if err != nil {
		return told{}, err
	}
	account, err := d.bank.Account(ctx, m.account.AccountKey)
	return told{wallet: wallet.Balance, held: wallet.Held, account: account.Balance}, err
}
