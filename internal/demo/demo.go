// Package demo plays business days on a running platform as its members, franchises and an
// operator would, many at once, and proves from the outside that no won was lost, doubled
// or invented. It uses the public APIs of the platform and of the bank and nothing else,
// and it outlasts the death and restart of any part of them.
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
	"durapay/internal/calendar"
)

// Config says what is shown.
type Config struct {
	Gateway, Bank string        // base URLs
	Operator      SignIn        // registers franchises and settles; not needed without franchises
	Members       int           // 2 to 1000
	Franchises    int           // 0 to 100; without any there are no payments and no settlement
	Concurrency   int           // requests under way at once, 1 to 64
	Remittances   int           // in all; 0 is ten for each member
	Payments      int           // in all; 0 is ten for each member
	Days          int           // business dates, one after another, 1 to 20; 0 is one
	BusinessDate  calendar.Date // the first one, from today on; none is today
	Seed          uint64        // the same seed plans the same amounts; 0 draws one
	Out           io.Writer
	Progress      io.Writer
	Terminal      bool // Progress is a terminal
}

// SignIn is what somebody signs in with.
type SignIn struct{ Email, Password string }

// The bounds of a run.
const (
	MinMembers, MaxMembers = 2, 1000
	MaxFranchises          = 100
	MaxConcurrency         = 64
	MaxRemittances         = 100_000
	MaxPayments            = 100_000
	MaxDays                = 20
)

const perMember = 10

// complete looks at what is asked for, and fills in what is not said.
func (c *Config) complete(today calendar.Date) error {
	c.Days = max(c.Days, 1)
	if err := c.check(today); err != nil {
		return err
	}
	if c.Remittances == 0 {
		c.Remittances = perMember * c.Members
	}
	if c.Payments == 0 && c.Franchises > 0 {
		c.Payments = perMember * c.Members
	}
	if c.Seed == 0 {
		c.Seed = max(1, rand.Uint64())
	}
	return nil
}

func (c *Config) check(today calendar.Date) error {
	for _, number := range []struct {
		name               string
		given, least, most int
	}{
		{"members", c.Members, MinMembers, MaxMembers}, {"franchises", c.Franchises, 0, MaxFranchises},
		{"concurrency", c.Concurrency, 1, MaxConcurrency}, {"remittances", c.Remittances, 0, MaxRemittances},
		{"payments", c.Payments, 0, MaxPayments}, {"days", c.Days, 1, MaxDays},
	} {
		if number.given < number.least || number.given > number.most {
			return fmt.Errorf("%s: expected %d to %d, got %d", number.name, number.least, number.most, number.given)
		}
	}
	switch last := today.AddDays(daysAhead); {
	case c.Franchises == 0 && c.Payments > 0:
		return errors.New("payments: there are no franchises to pay")
	case c.Franchises > 0 && c.Operator.Password == "":
		return errors.New("franchises: an operator registers them and settles, and there is no operator's sign-in")
	case !c.BusinessDate.IsZero() && (c.BusinessDate.Before(today) || last.Before(c.BusinessDate)):
		return fmt.Errorf("business date: expected %s to %s, got %s: what is paid now is part of no earlier date", today, last, c.BusinessDate)
	}
	return nil
}

// demo is one run.
type demo struct {
	Config
	gateway    apiclient.Gateway
	operator   apiclient.Operator
	bank       apiclient.Bank
	tag        string
	began      calendar.Date
	script     script
	members    []*member
	payees     []apiclient.Account
	franchises []*franchise
	stats      *stats
	books      *books
	answers    *answers
	pace       pace

	cancels  int             // planned so far
	sold     []*sold         // approved payments, by day and plan
	paid     map[string]bool // payments that their franchises have been paid for
	closings []closing
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
	fmt.Fprintf(d.Progress, "%d members, %d franchises, %d remittances, %d payments, %d days, %d at once, seed %d\n",
		d.Members, d.Franchises, d.Remittances, d.Payments, d.Days, d.Concurrency, d.Seed)
	for _, step := range []func(context.Context) error{
		d.reach, d.openAccounts, d.register, d.signIn, d.link, d.registerFranchises, d.play, d.readBack,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return d.prove(ctx)
}

func newDemo(c Config, p pace) (*demo, error) {
	today := calendar.Of(time.Now())
	if err := c.complete(today); err != nil {
		return nil, err
	}
	tag, err := runTag()
	if err != nil {
		return nil, err
	}
	d := &demo{Config: c, tag: tag, began: today, stats: newStats(), answers: &answers{}, pace: p, paid: map[string]bool{}}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: c.Concurrency, IdleConnTimeout: time.Minute}
	options := apiclient.Options{Retry: p.retry, Transport: transport, OnRetry: d.stats.retried}
	d.gateway, d.bank = apiclient.NewGateway(c.Gateway, options), apiclient.NewBank(c.Bank, options)
	d.script = script{cast: cast{c.Members, payeesFor(c.Members), c.Franchises}, days: c.Days, remittances: c.Remittances, payments: c.Payments}
	d.makeUp()
	return d, nil
}

// makeUp makes up everybody who takes part.
func (d *demo) makeUp() {
	opened := make([]int64, d.Members)
	for i := range d.Members {
		d.members = append(d.members, newMember(d.tag, i, d.Days))
		opened[i] = d.members[i].account.Balance
	}
	for i := range d.script.payees {
		d.payees = append(d.payees, newPayee(d.tag, i))
	}
	for i := range d.Franchises {
		d.franchises = append(d.franchises, newFranchise(d.tag, i, d.began))
	}
	d.books = newBooks(opened, len(d.payees), len(d.franchises))
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

// openAccounts opens everybody's account at a bank.
func (d *demo) openAccounts(ctx context.Context) error {
	var accounts []apiclient.Account
	for _, m := range d.members {
		accounts = append(accounts, m.account)
	}
	accounts = append(accounts, d.payees...)
	for _, f := range d.franchises {
		accounts = append(accounts, f.account)
	}
	return d.each(ctx, openingAccounts, len(accounts), func(ctx context.Context, i int) error {
		began := time.Now()
		if err := d.bank.Open(ctx, accounts[i]); err != nil {
			return fmt.Errorf("account %d: %w", i, err)
		}
		d.stats.add(openingAccounts, sample{began: began, ended: time.Now(), result: succeeded})
		return nil
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

// registerFranchises takes the franchises up, as an operator, with an API key for each.
func (d *demo) registerFranchises(ctx context.Context) (err error) {
	if len(d.franchises) == 0 {
		return nil
	}
	if d.operator.Session, err = d.gateway.SignIn(ctx, d.Operator.Email, d.Operator.Password); err != nil {
		return fmt.Errorf("sign-in of operator %s: %w", d.Operator.Email, err)
	}
	return d.each(ctx, openingShops, len(d.franchises), func(ctx context.Context, i int) error {
		began := time.Now()
		if err := d.registerFranchise(ctx, i, d.franchises[i]); err != nil {
			return fmt.Errorf("franchise %d: %w", i, err)
		}
		d.stats.add(openingShops, sample{began: began, ended: time.Now(), result: succeeded})
		return nil
	})
}

func (d *demo) registerFranchise(ctx context.Context, i int, f *franchise) error {
	outcome, err := d.operator.RegisterFranchise(ctx, d.key(openingShops, i), f.registration)
	if err == nil {
		outcome, err = d.operator.Follow(ctx, outcome, d.pace.follow)
	}
	if err != nil {
		return err
	}
	f.id = outcome.ID
	if err := mustSucceed(outcome.ID, outcome.State, &apiclient.Failure{Code: outcome.Code}); err != nil {
		return err
	}
	key, err := d.operator.NewAPIKey(ctx, f.id, "demo")
	f.merchant = d.gateway.Merchant(key)
	return err
}

// prove asks for all balances and statements, and compares them with the books.
func (d *demo) prove(ctx context.Context) error {
	balances := make([]told, d.Members)
	err := d.eachMember(ctx, readingBalances, func(ctx context.Context, i int, m *member) (err error) {
		balances[i], err = d.balance(ctx, m)
		return err
	})
	if err != nil {
		return err
	}
	payees, err := d.payeesHave(ctx)
	if err != nil {
		return err
	}
	bills, err := d.readBills(ctx)
	if err != nil {
		return err
	}
	return d.tell(balances, payees, bills)
}

func (d *demo) balance(ctx context.Context, m *member) (told, error) {
	wallet, err := m.session.Balance(ctx, m.id)
	if err != nil {
		return told{}, err
	}
	account, err := d.bank.Account(ctx, m.account.AccountKey)
	return told{wallet: wallet.Balance, held: wallet.Held, account: account.Balance}, err
}

// payeesHave gives what is on the payees' accounts, in won.
func (d *demo) payeesHave(ctx context.Context) ([]int64, error) {
	balances := make([]int64, len(d.payees))
	for i, p := range d.payees {
		account, err := d.bank.Account(ctx, p.AccountKey)
		if err != nil {
			return nil, fmt.Errorf("account of payee %d: %w", i, err)
		}
		balances[i] = account.Balance
	}
	return balances, nil
}

// tell works the proof out and prints it. Errors: ErrDifferent; amounts that overflow.
func (d *demo) tell(balances []told, payees []int64, bills []shopTold) error {
	agreed := make([]terms, len(d.franchises))
	for i, f := range d.franchises {
		agreed[i] = f.terms
	}
	sales := d.books.sales() // notes what is cancelled and was never paid
	p, err := d.books.prove(balances, payees)
	if err == nil {
		err = p.proveShops(sales, agreed, bills, d.closings)
	}
	if err != nil {
		return err
	}
	d.stats.print(d.Out)
	if err := p.print(d.Out, d.script.cast); err != nil {
		return err
	}
	if len(p.differences) > 0 {
		return fmt.Errorf("%w: %d differences", ErrDifferent, len(p.differences))
	}
	return nil
}
