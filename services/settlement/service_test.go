package settlement_test

import (
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/calendar"
	"durapay/internal/devenv/devtest"
	"durapay/internal/id"
	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/schema"
	"durapay/services/settlement"
	"durapay/services/settlement/settlementdb"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

var today = calendar.Date{Year: 2026, Month: 11, Day: 23} // a Monday

type world struct {
	*settlement.Service
	db     *sqlx.DB
	micros atomic.Int64
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{db: devtest.Database(t, schema.FS("settlement"))}
	w.micros.Store(today.Start().Add(4 * time.Hour).UnixMicro())
	w.Service = w.another(t)
	return w
}

// another is the same service in another process.
func (w *world) another(t testing.TB) *settlement.Service {
	t.Helper()
	days, err := calendar.New("")
	require.NoError(t, err)
	return settlement.New(settlementdb.New(w.db), days, settlement.Options{Now: w.now})
}

func (w *world) now() time.Time { return time.UnixMicro(w.micros.Add(1)).UTC() }

func franchise(name string) string { return id.Derive(id.Franchise, name) }

func live(d calendar.Date) settlement.NewRun {
	return settlement.NewRun{ID: settlement.LiveRunID(d), BusinessDate: d, AskedBy: "schedule", Fingerprint: "f"}
}

func dry(d calendar.Date) settlement.NewRun {
	return settlement.NewRun{ID: id.New(id.SettlementRun), BusinessDate: d, Dry: true, AskedBy: "mem_operator", Fingerprint: "f"}
}

func (w *world) run(t require.TestingT, r settlement.NewRun) settlement.Run {
	out, err := w.BeginRuns(ctxOf(t), []settlement.NewRun{r})
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

func fresh(r settlement.Run, franchiseID string, s settlement.Sums) settlement.NewStatement {
	return settlement.NewStatement{ID: settlement.StatementID(r.ID, franchiseID), RunID: r.ID, FranchiseID: franchiseID,
		CutThrough: r.BusinessDate, PayoutDate: r.BusinessDate.AddDays(1), Sums: s}
}

func (w *world) open(t require.TestingT, n settlement.NewStatement) settlement.Statement {
	out, err := w.OpenStatements(ctxOf(t), []settlement.NewStatement{n})
	require.NoError(t, err)
	require.False(t, out[0].Refusal.Is(), "%v", out[0].Refusal)
	return out[0].Statement
}

func paid(won int64) settlement.Sums { return settlement.Sums{PaymentCount: 1, PaymentAmount: won} }

func cancelled(won int64) settlement.Sums { return settlement.Sums{CancelCount: 1, CancelAmount: won} }

// begin starts the first or a later attempt of a statement.
func (w *world) begin(t *testing.T, st settlement.Statement, attempt int) settlement.PayoutBegun {
	t.Helper()
	out, err := w.BeginPayouts(t.Context(), []settlement.PayoutStart{{StatementID: st.ID, Attempt: attempt, FirmbankingID: id.New(id.Firmbanking)}})
	require.NoError(t, err)
	return out[0]
}

func (w *world) move(t *testing.T, st settlement.Statement, attempt int, states ...record.State) {
	t.Helper()
	for _, s := range states {
		m := record.Move{ID: settlement.PayoutID(st.ID, attempt), State: s}
		if s == record.Failed {
			m.Failure = record.FailureOf(errs.BankAccountClosed)
		}
		require.NoError(t, w.MovePayouts(t.Context(), []record.Move{m}))
	}
}

func (w *world) find(t require.TestingT, statementID string) settlement.Statement {
	st, err := w.FindStatement(ctxOf(t), settlement.Scope{}, statementID)
	require.NoError(t, err)
	return st
}

func TestARunOfADateExistsOnce(t *testing.T) {
	w := newWorld(t)
	first := w.run(t, live(today))
	require.Equal(t, record.Requested, first.State)
	again := live(today)
	again.Fingerprint, again.AskedBy = "other", "mem_operator"
	require.Equal(t, first, w.run(t, again))
	require.NotEqual(t, first.ID, w.run(t, dry(today)).ID)
	require.NotEqual(t, first.ID, w.run(t, live(today.AddDays(1))).ID)

	far := w.run(t, live(today.AddDays(32)))
	require.Equal(t, errs.BusinessDateRefused.Code, far.Refusal.Code)
	require.Equal(t, map[string]string{"from": "2025-11-22", "until": "2026-12-24"}, far.Refusal.Params)
	_, err := w.FindRun(t.Context(), settlement.LiveRunID(today.AddDays(32)))
	require.ErrorIs(t, err, errs.SettlementRunNotFound)

	w.micros.Add((400 * 24 * time.Hour).Microseconds())
	require.Equal(t, first, w.run(t, live(today)), "what is stored is not refused later")
	_, err = w.BeginRuns(t.Context(), []settlement.NewRun{{}})
	require.ErrorIs(t, err, errs.InvalidRequest)
	_, err = w.db.Exec(`INSERT INTO runs SELECT 'run_second', business_date, live_date, dry, asked_by, fingerprint, state, failure, until_at, created_at, updated_at
		FROM runs WHERE id = ?`, first.ID)
	require.True(t, mysqlx.IsDuplicate(err, "runs_live_date"))
}

func TestConcurrentRunsOfADate(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			out, err := w.BeginRuns(t.Context(), []settlement.NewRun{live(today), dry(today)})
			if err != nil || out[0].ID != settlement.LiveRunID(today) {
				t.Errorf("begin: %v %v", out, err)
			}
		})
	}
	wg.Wait()
	var n int
	require.NoError(t, w.db.Get(&n, "SELECT COUNT(*) FROM runs WHERE live_date IS NOT NULL"))
	require.Equal(t, 1, n)
}

func TestRunsMoveAndAreListed(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	a, b := w.run(t, live(today)), w.run(t, dry(today))
	require.NoError(t, w.MoveRuns(ctx, []record.Move{{ID: a.ID, State: record.Processing}}))
	failure := record.FailureOf(errs.Interrupted)
	require.NoError(t, w.MoveRuns(ctx, []record.Move{{ID: a.ID, State: record.Succeeded}, {ID: b.ID, State: record.Failed, Failure: failure}}))
	require.ErrorIs(t, w.MoveRuns(ctx, []record.Move{{ID: a.ID, State: record.Failed}}), errs.ConcurrentEdit)
	require.ErrorIs(t, w.MoveRuns(ctx, []record.Move{{ID: "run_none", State: record.Failed}}), errs.SettlementRunNotFound)
	require.NoError(t, w.MoveRuns(ctx, nil))

	w.open(t, fresh(a, franchise("one"), paid(100)))
	w.open(t, fresh(a, franchise("two"), cancelled(30)))
	p, err := w.ListRuns(ctx, page.Request{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, b.ID, p.Items[0].ID)
	require.Equal(t, failure, p.Items[0].Failure)
	q, err := page.Parse(p.Next, 1)
	require.NoError(t, err)
	p, err = w.ListRuns(ctx, q)
	require.NoError(t, err)
	require.Empty(t, p.Next)
	want := settlement.Totals{Count: 2, Net: 70, ByState: map[settlement.PayoutState]settlement.StateTotal{
		settlement.PayoutScheduled: {Count: 1, Net: 100}, settlement.PayoutCarriedOver: {Count: 1, Net: -30}}}
	require.Equal(t, want, p.Items[0].Totals)
	found, err := w.FindRun(ctx, a.ID)
	require.NoError(t, err)
	require.Equal(t, want, found.Totals)
	require.Equal(t, record.Succeeded, found.State)
}

func TestPlan(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	r, early := w.run(t, live(today.AddDays(-1))), w.run(t, live(today.AddDays(7)))
	item := settlement.PlanItem{RunID: r.ID, Through: r.BusinessDate, FranchiseID: franchise("one"), Cycle: settlement.Daily, PayoutBusinessDays: 1}
	plan := func(it settlement.PlanItem) settlement.Planned {
		out, err := w.Plan(ctx, []settlement.PlanItem{it})
		require.NoError(t, err)
		return out[0]
	}
	first := plan(item)
	require.Equal(t, settlement.Planned{StatementID: settlement.StatementID(r.ID, item.FranchiseID), CutThrough: today.AddDays(-1),
		Before: today.Start(), PayoutDate: today}, first)
	monthly := item
	monthly.Cycle, monthly.PayoutBusinessDays = settlement.Monthly, 0
	require.Equal(t, "2026-10-31", plan(monthly).CutThrough.String())
	require.Equal(t, "2026-11-02", plan(monthly).PayoutDate.String(), "31 October is a Saturday")
	weekend := item
	weekend.Through, weekend.Cycle = today.AddDays(6), settlement.Weekly
	require.Equal(t, "2026-11-29", plan(weekend).CutThrough.String(), "a run may cut the days off that follow its date")
	ahead := item
	ahead.RunID, ahead.Through = early.ID, early.BusinessDate
	require.Equal(t, early.CreatedAt, plan(ahead).Before)
	w.micros.Add(time.Hour.Microseconds())
	require.Equal(t, early.CreatedAt, plan(ahead).Before, "a repeat cuts the same")

	w.open(t, settlement.NewStatement{ID: first.StatementID, RunID: r.ID, FranchiseID: item.FranchiseID, CutThrough: first.CutThrough, PayoutDate: first.PayoutDate, Sums: paid(1)})
	first.Opened = true
	require.Equal(t, first, plan(monthly), "an opened statement keeps its dates")

	for name, change := range map[string]func(*settlement.PlanItem){
		"cycle": func(it *settlement.PlanItem) { it.Cycle = "YEARLY" }, "days": func(it *settlement.PlanItem) { it.PayoutBusinessDays = 11 },
		"negative days": func(it *settlement.PlanItem) { it.PayoutBusinessDays = -1 },
		"date":          func(it *settlement.PlanItem) { it.Through = r.BusinessDate.AddDays(-1) }, "franchise": func(it *settlement.PlanItem) { it.FranchiseID = "" },
	} {
		bad := item
		bad.FranchiseID = franchise("two")
		change(&bad)
		require.Equal(t, errs.InvalidRequest.Code, plan(bad).Refusal.Code, name)
	}
	unknown := item
	unknown.RunID = "run_none"
	require.Equal(t, errs.SettlementRunNotFound.Code, plan(unknown).Refusal.Code)
	w.micros.Store(calendar.Date{Year: 2027, Month: 12, Day: 31}.Start().UnixMicro())
	last := w.run(t, live(calendar.Date{Year: 2027, Month: 12, Day: 31}))
	_, err := w.Plan(ctx, []settlement.PlanItem{{RunID: last.ID, Through: last.BusinessDate, FranchiseID: franchise("one"), Cycle: settlement.Daily, PayoutBusinessDays: 1}})
	require.ErrorIs(t, err, calendar.ErrUnknownYear)
}

func TestAStatementIsStoredOnce(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	r := w.run(t, live(today))
	n := fresh(r, franchise("one"), settlement.Sums{PaymentCount: 3, PaymentAmount: 10_000, TaxFreeAmount: 500, CancelCount: 1, CancelAmount: 1000, Fee: 90, VAT: 9,
		From: today.AddDays(-2).Start(), Until: today.Start()})
	st := w.open(t, n)
	require.EqualValues(t, 8901, st.Net)
	require.Equal(t, settlement.PayoutScheduled, st.Payout.State)
	require.Equal(t, 1, st.Payout.Attempt)
	require.Equal(t, today.AddDays(1), st.Payout.Date)
	require.Equal(t, settlement.Period{From: today.AddDays(-2), Through: today}, st.Period)
	require.Equal(t, st, w.find(t, st.ID))
	n.Sums = paid(1)
	require.Equal(t, st, w.open(t, n))

	zero := w.open(t, fresh(r, franchise("two"), settlement.Sums{PaymentCount: 1, PaymentAmount: 10, CancelCount: 1, CancelAmount: 10}))
	require.Equal(t, settlement.PayoutNone, zero.Payout.State)
	require.Zero(t, w.open(t, fresh(r, franchise("three"), settlement.Sums{})), "nothing to settle, no statement")

	wrongID, wrongRun, wrongSum, late := n, n, fresh(r, franchise("four"), paid(-1)), fresh(r, franchise("five"), paid(1))
	wrongID.ID, wrongRun.RunID = id.New(id.Statement), "run_none"
	late.Sums.Until = today.End()
	good := fresh(r, franchise("six"), paid(6))
	out, err := w.OpenStatements(ctx, []settlement.NewStatement{wrongID, wrongRun, wrongSum, late, good, good})
	require.NoError(t, err)
	for i, want := range []errs.Code{errs.InvalidRequest.Code, errs.SettlementRunNotFound.Code, errs.LedgerAmountOverflow.Code, errs.InvalidRequest.Code, "", ""} {
		require.Equal(t, want, out[i].Refusal.Code, i)
	}
	require.EqualValues(t, 6, out[4].Statement.Net, "a bad one does not hurt the others")
	require.Equal(t, out[4], out[5])
}

func TestANegativeNetIsCarriedOnce(t *testing.T) {
	w := newWorld(t)
	f := franchise("one")
	first, second, third := w.run(t, live(today)), w.run(t, live(today.AddDays(1))), w.run(t, live(today.AddDays(2)))
	a := w.open(t, fresh(first, f, cancelled(100)))
	require.Equal(t, settlement.PayoutCarriedOver, a.Payout.State)

	shown := w.open(t, fresh(w.run(t, dry(today)), f, paid(30)))
	require.EqualValues(t, -70, shown.Net)
	require.EqualValues(t, -100, shown.CarriedOver)
	require.Empty(t, shown.CarriedFrom)
	require.Empty(t, w.find(t, a.ID).CarriedTo, "a dry run takes nothing over")

	b := w.open(t, fresh(second, f, paid(30)))
	require.EqualValues(t, -70, b.Net)
	require.Equal(t, a.ID, b.CarriedFrom)
	require.Equal(t, b.ID, w.find(t, a.ID).CarriedTo)
	require.Equal(t, b, w.open(t, fresh(second, f, paid(30))))

	c := w.open(t, fresh(third, f, paid(100)))
	require.EqualValues(t, 30, c.Net)
	require.Equal(t, b.ID, c.CarriedFrom)
	d := w.open(t, fresh(w.run(t, live(today.AddDays(3))), f, paid(5)))
	require.EqualValues(t, 5, d.Net, "nothing is left to carry")
	_, err := w.db.Exec("UPDATE statements SET carried_from = ?, carried_over = -1, net = 4 WHERE id = ?", a.ID, d.ID)
	require.True(t, mysqlx.IsDuplicate(err, "statements_carried_from"))

	only := w.open(t, fresh(first, franchise("two"), cancelled(7)))
	require.Zero(t, w.open(t, fresh(second, franchise("two"), settlement.Sums{})), "a run without lines leaves it where it is")
	require.Equal(t, only.ID, w.open(t, fresh(third, franchise("two"), paid(7))).CarriedFrom)
}

func TestConcurrentStatementsOfAFranchiseFormOneChain(t *testing.T) {
	w := newWorld(t)
	services := []*settlement.Service{w.Service, w.another(t), w.another(t)}
	f, g := franchise("one"), franchise("two")
	var runs []settlement.Run
	for n := range 12 {
		runs = append(runs, w.run(t, live(today.AddDays(n))))
	}
	var wg sync.WaitGroup
	for i := range 36 {
		wg.Go(func() {
			r := runs[i%len(runs)]
			asked := []settlement.NewStatement{fresh(r, f, cancelled(10)), fresh(r, g, cancelled(1))}
			if i%2 == 0 {
				slices.Reverse(asked)
			}
			if _, err := services[i%3].OpenStatements(t.Context(), asked); err != nil {
				t.Errorf("open: %v", err)
			}
		})
	}
	wg.Wait()
	var nets []int64
	require.NoError(t, w.db.Select(&nets, "SELECT net FROM statements WHERE franchise_id = ? ORDER BY net DESC", f))
	require.Len(t, nets, len(runs))
	for i, net := range nets {
		require.EqualValues(t, -10*(i+1), net)
	}
	var open int
	require.NoError(t, w.db.Get(&open, "SELECT COUNT(*) FROM statements WHERE carried_to IS NULL"))
	require.Equal(t, 2, open, "one end of each chain")
}

// What is scheduled to be paid and what is still carried come to the nets of all lines.
func TestTheChainOfCarriesLosesNothing(t *testing.T) {
	w := newWorld(t)
	world := 0
	rapid.Check(t, func(t *rapid.T) {
		world++
		names := []string{"a", "b", "c"}
		sums := map[string]int64{}
		for n := range rapid.IntRange(1, 8).Draw(t, "days") {
			r := w.run(t, live(today.AddDays(n)))
			var asked []settlement.NewStatement
			for _, name := range rapid.Permutation(names).Draw(t, "order") {
				won := rapid.Int64Range(0, 50)
				s := settlement.Sums{PaymentCount: 1, PaymentAmount: won.Draw(t, "paid"), CancelCount: 1, CancelAmount: won.Draw(t, "cancelled"),
					Fee: won.Draw(t, "fee") - 25, VAT: won.Draw(t, "vat") - 25}
				if rapid.Bool().Draw(t, "idle") {
					s = settlement.Sums{}
				}
				sums[name] += s.PaymentAmount - s.CancelAmount - s.Fee - s.VAT
				asked = append(asked, fresh(r, franchise(t.Name()+name+string(rune(world))), s))
			}
			for range rapid.IntRange(1, 2).Draw(t, "times") {
				_, err := w.OpenStatements(ctxOf(t), asked)
				require.NoError(t, err)
			}
		}
		for _, name := range names {
			p, err := w.ListStatements(ctxOf(t), settlement.Scope{FranchiseID: franchise(t.Name() + name + string(rune(world)))}, settlement.Filter{}, page.Request{Limit: 100})
			require.NoError(t, err)
			var got int64
			for _, st := range p.Items {
				if st.Net > 0 || st.CarriedTo == "" {
					got += st.Net
				}
			}
			require.Equal(t, sums[name], got)
		}
	})
}

func TestDueStatements(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	r, later, shown := w.run(t, live(today)), w.run(t, live(today.AddDays(1))), w.run(t, dry(today))
	var due []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		due = append(due, w.open(t, fresh(r, franchise(name), paid(100))).ID)
		w.open(t, fresh(later, franchise(name), paid(100)))
		w.open(t, fresh(shown, franchise(name), paid(100)))
	}
	w.open(t, fresh(r, franchise("owes"), cancelled(1)))
	slices.Sort(due)
	pages := func(limit int) []string {
		var got []string
		after := ""
		for range 10 {
			p, err := w.DueStatements(ctx, today.AddDays(1), after, limit)
			require.NoError(t, err)
			if len(p) == 0 {
				return got
			}
			for _, d := range p {
				got, after = append(got, d.StatementID), d.StatementID
				require.EqualValues(t, 100, d.Net)
				require.Equal(t, 1, d.Attempt)
				require.True(t, id.Valid(id.Franchise, d.FranchiseID))
			}
		}
		return nil
	}
	require.Equal(t, due, pages(2))
	require.Equal(t, due, pages(0))
	none, err := w.DueStatements(ctx, today, "", 10)
	require.NoError(t, err)
	require.Empty(t, none)

	begun := w.find(t, due[0])
	w.begin(t, begun, 1)
	w.move(t, begun, 1, record.Processing, record.Unknown)
	require.Equal(t, due, pages(3), "what has begun and not ended stays due")
	w.move(t, begun, 1, record.Succeeded)
	failed := w.find(t, due[1])
	w.begin(t, failed, 1)
	w.move(t, failed, 1, record.Failed)
	require.Equal(t, due[2:], pages(3))
}

func TestAPayout(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	st := w.open(t, fresh(w.run(t, live(today)), franchise("one"), paid(100)))
	begun := w.begin(t, st, 1)
	require.Equal(t, settlement.PayoutBegun{State: record.Requested, FranchiseID: st.FranchiseID, Net: 100, Attempt: 1, FirmbankingID: begun.FirmbankingID, Current: true}, begun)
	require.Equal(t, begun, w.begin(t, st, 1), "the first one's firmbanking stays")
	require.Equal(t, begun.FirmbankingID, w.find(t, st.ID).Payout.FirmbankingID)
	require.Equal(t, settlement.PayoutScheduled, w.find(t, st.ID).Payout.State)

	until := today.End()
	require.NoError(t, w.MovePayouts(ctx, []record.Move{{ID: settlement.PayoutID(st.ID, 1), State: record.Waiting, Until: until}}))
	require.Equal(t, settlement.Payout{State: settlement.PayoutWaiting, Date: today.AddDays(1), Attempt: 1, FirmbankingID: begun.FirmbankingID, Until: until}, w.find(t, st.ID).Payout)
	w.move(t, st, 1, record.Processing, record.Unknown, record.Unknown, record.Succeeded)
	got := w.find(t, st.ID)
	require.Equal(t, settlement.PayoutPaid, got.Payout.State)
	require.Equal(t, got.UpdatedAt, got.Payout.PaidAt)
	w.move(t, st, 1, record.Succeeded)
	require.Equal(t, got, w.find(t, st.ID), "a repeat changes nothing")
	require.ErrorIs(t, w.MovePayouts(ctx, []record.Move{{ID: settlement.PayoutID(st.ID, 1), State: record.Failed}}), errs.ConcurrentEdit)
	require.Equal(t, record.Succeeded, w.begin(t, st, 1).State)

	w.move(t, st, 1, record.Returned)
	got = w.find(t, st.ID)
	require.Equal(t, settlement.PayoutReturned, got.Payout.State)
	require.True(t, got.Payout.PaidAt.IsZero())
	for _, unknown := range []string{"", "stl_none/1", settlement.PayoutID(st.ID, 2)} {
		require.ErrorIs(t, w.MovePayouts(ctx, []record.Move{{ID: unknown, State: record.Failed}}), errs.StatementNotFound, unknown)
	}
	require.NoError(t, w.MovePayouts(ctx, nil))
}

func TestWhatMayNotBePaid(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	r, shown := w.run(t, live(today)), w.run(t, dry(today))
	good := w.open(t, fresh(r, franchise("one"), paid(100)))
	for name, st := range map[string]settlement.Statement{
		"dry":  w.open(t, fresh(shown, franchise("one"), paid(100))),
		"owes": w.open(t, fresh(r, franchise("two"), cancelled(100))),
		"none": w.open(t, fresh(r, franchise("three"), settlement.Sums{PaymentCount: 1})),
	} {
		out := w.begin(t, st, 1)
		require.Empty(t, out.State, name)
		require.Equal(t, errs.ConcurrentEdit.Code, out.Failure.Code, name)
	}
	out := w.begin(t, good, 2)
	require.Empty(t, out.State)
	require.False(t, out.Current)
	none := settlement.Statement{ID: id.New(id.Statement)}
	require.Equal(t, errs.StatementNotFound.Code, w.begin(t, none, 1).Failure.Code)
	for _, bad := range []settlement.PayoutStart{{}, {StatementID: good.ID, FirmbankingID: id.New(id.Firmbanking)}, {StatementID: good.ID, Attempt: 1}} {
		_, err := w.BeginPayouts(ctx, []settlement.PayoutStart{bad})
		require.ErrorIs(t, err, errs.InvalidRequest)
	}

	other := w.open(t, fresh(r, franchise("four"), paid(100)))
	firmbanking := id.New(id.Firmbanking)
	outs, err := w.BeginPayouts(ctx, []settlement.PayoutStart{{good.ID, 1, firmbanking}, {other.ID, 1, firmbanking}, {other.ID, 1, id.New(id.Firmbanking)}})
	require.NoError(t, err)
	require.Equal(t, record.Requested, outs[0].State)
	require.Empty(t, outs[1].State, "one firmbanking pays one statement")
	require.Equal(t, record.Requested, outs[2].State)
}

func TestConcurrentBeginsStoreOneAttempt(t *testing.T) {
	w := newWorld(t)
	services := []*settlement.Service{w.Service, w.another(t)}
	r := w.run(t, live(today))
	var starts []settlement.Statement
	for _, name := range []string{"a", "b", "c"} {
		starts = append(starts, w.open(t, fresh(r, franchise(name), paid(100))))
	}
	seen := make([]sync.Map, len(starts))
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			n := i % len(starts)
			out, err := services[i%2].BeginPayouts(t.Context(), []settlement.PayoutStart{{starts[n].ID, 1, id.New(id.Firmbanking)}})
			if err != nil || !out[0].Current {
				t.Errorf("begin: %v %v", out, err)
				return
			}
			seen[n].Store(out[0].FirmbankingID, true)
			if err := services[i%2].MovePayouts(t.Context(), []record.Move{{ID: settlement.PayoutID(starts[n].ID, 1), State: record.Succeeded}}); err != nil {
				t.Errorf("move: %v", err)
			}
		})
	}
	wg.Wait()
	for i := range starts {
		n := 0
		seen[i].Range(func(any, any) bool { n++; return true })
		require.Equal(t, 1, n, "everybody is told of one firmbanking")
		require.Equal(t, settlement.PayoutPaid, w.find(t, starts[i].ID).Payout.State)
	}
}

func (w *world) failed(t *testing.T, name string) settlement.Statement {
	t.Helper()
	st := w.open(t, fresh(w.run(t, live(today)), franchise(name), paid(100)))
	w.begin(t, st, 1)
	w.move(t, st, 1, record.Failed)
	return w.find(t, st.ID)
}

func retryOf(st settlement.Statement) settlement.NewRetry {
	return settlement.NewRetry{ID: id.New(id.PayoutRetry), StatementID: st.ID, AskedBy: "mem_asker", Reason: "계좌 정정"}
}

func TestARetryTakesASecondOperator(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	st := w.failed(t, "one")
	require.Equal(t, errs.BankAccountClosed.Code, st.Payout.Failure.Code)
	n := retryOf(st)
	r, err := w.RequestRetry(ctx, n)
	require.NoError(t, err)
	require.Equal(t, settlement.Retry{ID: n.ID, StatementID: st.ID, Attempt: 2, State: settlement.RetryRequested, AskedBy: "mem_asker", Reason: "계좌 정정",
		CreatedAt: r.CreatedAt, UpdatedAt: r.CreatedAt}, r)
	again, err := w.RequestRetry(ctx, n)
	require.NoError(t, err)
	require.Equal(t, r, again)
	_, err = w.RequestRetry(ctx, retryOf(st))
	require.ErrorIs(t, err, errs.PayoutNotRetryable, "one at a time")

	_, err = w.ApproveRetry(ctx, r.ID, "mem_asker")
	require.ErrorIs(t, err, errs.SecondOperatorRequired)
	require.Equal(t, settlement.PayoutFailed, w.find(t, st.ID).Payout.State)
	approved, err := w.ApproveRetry(ctx, r.ID, "mem_second")
	require.NoError(t, err)
	require.Equal(t, settlement.RetryApproved, approved.State)
	require.Equal(t, 2, approved.Attempt)
	got := w.find(t, st.ID)
	require.Equal(t, settlement.Payout{State: settlement.PayoutScheduled, Date: st.Payout.Date, Attempt: 2}, got.Payout)
	due, err := w.DueStatements(ctx, today.AddDays(1), "", 10)
	require.NoError(t, err)
	require.Equal(t, []settlement.Due{{StatementID: st.ID, FranchiseID: st.FranchiseID, Net: 100, Attempt: 2}}, due)

	require.False(t, w.begin(t, st, 1).Current)
	w.begin(t, st, 2)
	w.move(t, st, 2, record.Succeeded)
	again, err = w.ApproveRetry(ctx, r.ID, "mem_second")
	require.NoError(t, err)
	require.Equal(t, approved, again, "a repeat does not pay again")
	require.Equal(t, settlement.PayoutPaid, w.find(t, st.ID).Payout.State)
	_, err = w.ApproveRetry(ctx, r.ID, "mem_third")
	require.ErrorIs(t, err, errs.ConcurrentEdit)
	_, err = w.RejectRetry(ctx, r.ID, "mem_second")
	require.ErrorIs(t, err, errs.ConcurrentEdit)
	_, err = w.RequestRetry(ctx, retryOf(st))
	require.ErrorIs(t, err, errs.PayoutNotRetryable)
	require.Equal(t, "PAID", errs.Of(err).Params["state"])
	_, err = w.db.Exec("UPDATE payouts SET state = 'SUCCEEDED', settled_statement_id = statement_id WHERE id = ?", settlement.PayoutID(st.ID, 1))
	require.True(t, mysqlx.IsDuplicate(err, "payouts_settled"), "a statement is paid by one pay-out")
}

func TestARejectedRetry(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	st := w.failed(t, "one")
	r, err := w.RequestRetry(ctx, retryOf(st))
	require.NoError(t, err)
	for range 2 {
		rejected, err := w.RejectRetry(ctx, r.ID, "mem_asker")
		require.NoError(t, err)
		require.Equal(t, settlement.RetryRejected, rejected.State)
	}
	_, err = w.ApproveRetry(ctx, r.ID, "mem_second")
	require.ErrorIs(t, err, errs.ConcurrentEdit)
	require.Equal(t, st, w.find(t, st.ID))
	next, err := w.RequestRetry(ctx, retryOf(st))
	require.NoError(t, err)
	list, err := w.ListRetries(ctx, st.ID)
	require.NoError(t, err)
	require.Equal(t, []string{next.ID, r.ID}, []string{list[0].ID, list[1].ID})
	found, err := w.FindRetry(ctx, next.ID)
	require.NoError(t, err)
	require.Equal(t, next, found)
	for _, unknown := range []func() error{
		func() error { _, err := w.FindRetry(ctx, "prt_none"); return err },
		func() error { _, err := w.ApproveRetry(ctx, "prt_none", "mem_second"); return err },
		func() error { _, err := w.RejectRetry(ctx, "prt_none", "mem_second"); return err },
	} {
		require.ErrorIs(t, unknown(), errs.PayoutRetryNotFound)
	}
	_, err = w.ListRetries(ctx, "stl_none")
	require.ErrorIs(t, err, errs.StatementNotFound)
	unknown := retryOf(settlement.Statement{ID: id.New(id.Statement)})
	_, err = w.RequestRetry(ctx, unknown)
	require.ErrorIs(t, err, errs.StatementNotFound)
	for _, reason := range []string{"", strings.Repeat("가", 201), "\xff"} {
		bad := retryOf(st)
		bad.Reason = reason
		_, err = w.RequestRetry(ctx, bad)
		require.ErrorIs(t, err, errs.InvalidRequest)
	}
	_, err = w.ApproveRetry(ctx, next.ID, "")
	require.ErrorIs(t, err, errs.InvalidRequest)
}

func TestConcurrentApprovalsPayOnce(t *testing.T) {
	w := newWorld(t)
	services := []*settlement.Service{w.Service, w.another(t)}
	st := w.failed(t, "one")
	var asks sync.WaitGroup
	var asked atomic.Pointer[settlement.Retry]
	var open atomic.Int64
	for i := range 10 {
		asks.Go(func() {
			r, err := services[i%2].RequestRetry(t.Context(), retryOf(st))
			if err == nil {
				open.Add(1)
				asked.Store(&r)
			} else if errs.Of(err).Code != errs.PayoutNotRetryable.Code {
				t.Errorf("request: %v", err)
			}
		})
	}
	asks.Wait()
	require.EqualValues(t, 1, open.Load())
	var approved atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			operator := "mem_" + string(rune('a'+i))
			var err error
			if i%4 == 0 {
				_, err = services[i%2].RejectRetry(t.Context(), asked.Load().ID, operator)
			} else {
				_, err = services[i%2].ApproveRetry(t.Context(), asked.Load().ID, operator)
			}
			if err == nil {
				approved.Add(1)
			} else if errs.Of(err).Code != errs.ConcurrentEdit.Code {
				t.Errorf("decide: %v", err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, approved.Load())
	r, err := w.FindRetry(t.Context(), asked.Load().ID)
	require.NoError(t, err)
	require.Equal(t, r.State == settlement.RetryApproved, w.find(t, st.ID).Payout.Attempt == 2)
}

func TestWhoSeesWhichStatements(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	one, two := franchise("one"), franchise("two")
	r, shown, later := w.run(t, live(today)), w.run(t, dry(today)), w.run(t, live(today.AddDays(1)))
	a, b := w.open(t, fresh(r, one, paid(100))), w.open(t, fresh(r, two, cancelled(5)))
	c, d := w.open(t, fresh(shown, one, paid(100))), w.open(t, fresh(later, one, paid(7)))
	list := func(s settlement.Scope, f settlement.Filter, limit int) []string {
		var ids []string
		q := page.Request{Limit: limit}
		for range 10 {
			p, err := w.ListStatements(ctx, s, f, q)
			require.NoError(t, err)
			for _, st := range p.Items {
				ids = append(ids, st.ID)
			}
			if p.Next == "" {
				return ids
			}
			q, err = page.Parse(p.Next, limit)
			require.NoError(t, err)
		}
		return nil
	}
	yes, no := true, false
	for limit := 1; limit < 6; limit++ {
		for want, ask := range map[string]settlement.Filter{
			"dcba": {}, "dba": {Dry: &no}, "c": {Dry: &yes}, "ba": {RunID: r.ID}, "dca": {FranchiseID: one}, "cba": {BusinessDate: today},
			"b": {PayoutState: settlement.PayoutCarriedOver}, "a": {RunID: r.ID, FranchiseID: one, BusinessDate: today, PayoutState: settlement.PayoutScheduled},
		} {
			var ids []string
			for _, letter := range want {
				ids = append(ids, map[rune]string{'a': a.ID, 'b': b.ID, 'c': c.ID, 'd': d.ID}[letter])
			}
			require.Equal(t, ids, list(settlement.Scope{}, ask, limit), want)
		}
		require.Equal(t, []string{d.ID, a.ID}, list(settlement.Scope{FranchiseID: one}, settlement.Filter{}, limit))
	}
	require.Empty(t, list(settlement.Scope{FranchiseID: one}, settlement.Filter{FranchiseID: two}, 5))
	require.Equal(t, []string{d.ID, a.ID}, list(settlement.Scope{FranchiseID: one}, settlement.Filter{Dry: &yes}, 5))
	for _, hidden := range []string{b.ID, c.ID, "stl_none"} {
		_, err := w.FindStatement(ctx, settlement.Scope{FranchiseID: one}, hidden)
		require.ErrorIs(t, err, errs.StatementNotFound)
	}
	got, err := w.FindStatement(ctx, settlement.Scope{FranchiseID: one}, a.ID)
	require.NoError(t, err)
	require.Equal(t, a, got)
}

// A key that asked for one thing is refused for another one, whoever was quicker.
func TestAKeyAsksForOneThing(t *testing.T) {
	w := newWorld(t)
	const key = "run_00000000000000000000000001"
	require.NoError(t, w.BindKey(t.Context(), key, "f1"))
	require.NoError(t, w.BindKey(t.Context(), key, "f1"))
	require.ErrorIs(t, w.BindKey(t.Context(), key, "f2"), errs.IdempotencyReused)
}
