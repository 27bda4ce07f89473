package workflows

import (
	"errors"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// settlement settles a business date. First it cuts: what was approved by the close of
// the date goes into one statement for each franchise, and the fee is booked. Then it
// pays what is due, each statement by a flow of its own, so that a bad franchise or a
// silent bank holds up nobody else. The run of a date exists once; it goes on as a new
// run after some pages, since a history has a limit.
//
// Cost: seven database steps for a page of franchises, whatever their payments number
// (and one more for every two thousand payments of the largest), and a timer, which takes
// the server about a second; one flow for each payout.
type settlement struct {
	*flow
	in    contract.Settlement
	begun contract.BegunRun
	dates contract.Dates
}

// Settlement runs the flow of one settlement run. It takes no cancellation: half of a
// date is none. Nor is its own context ever cancelled: that would cancel the payouts that
// outlive it.
func Settlement(ctx workflow.Context, in contract.Settlement) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	return f.run(ctx, &settlement{flow: f, in: in})
}

func (s *settlement) begin(ctx workflow.Context) contract.Begun {
	s.begun = do[contract.BegunRun](ctx, contract.SettlementBeginRuns, "record of the run", s.in)
	return s.begun.Begun
}

func (s *settlement) move(ctx workflow.Context, m record.Move) {
	run(ctx, contract.SettlementMoveRuns, databaseStep("state of the run"), m)
}

func (s *settlement) do(ctx workflow.Context) (record.Failure, error) {
	s.dates = do[contract.Dates](ctx, contract.SettlementDates, "calendar", s.in.BusinessDate)
	if !s.in.Progress.Paying {
		if err := s.cut(ctx); err != nil {
			return record.Failure{}, err
		}
		s.in.Progress = contract.Progress{Paying: true}
	}
	if s.in.DryRun {
		return record.Failure{}, nil
	}
	return record.Failure{}, s.payOut(ctx)
}

// The sizes of a run's pages, and how many of them one history takes: each is some ten
// events and, while paying, two for every payout.
const (
	cutPage     = 100
	payPage     = 100
	pagesPerRun = 10
)

// pages walks through pages until one is the last, and goes on as a new run when this
// one's history has had enough. page gives where the next one begins, "" after the last.
func (s *settlement) pages(ctx workflow.Context, page func(workflow.Context, string) (next string)) error {
	for range pagesPerRun {
		next := page(ctx, s.in.Progress.After)
		if next == "" {
			return nil
		}
		s.in.Progress.After = next
	}
	return workflow.NewContinueAsNewError(ctx, contract.SettlementFlow, s.in)
}

// cut makes the statements.
func (s *settlement) cut(ctx workflow.Context) error { return s.pages(ctx, s.cutPage) }

func (s *settlement) cutPage(ctx workflow.Context, after string) (next string) {
	s.say(ctx, record.Processing, contract.StepCutting, "date", s.in.BusinessDate)
	franchises := do[contract.FranchiseIDs](ctx, contract.PaymentOpenFranchises, "franchises with something to settle",
		contract.FranchisePage{Before: s.begun.AsOf, After: after, Limit: cutPage}).IDs
	if len(franchises) == 0 {
		return ""
	}
	s.settleFranchises(ctx, franchises)
	if len(franchises) < cutPage {
		return ""
	}
	return franchises[len(franchises)-1]
}

func (s *settlement) settleFranchises(ctx workflow.Context, franchises []string) {
	cuts := s.plan(ctx, franchises)
	if len(cuts) == 0 {
		return
	}
	statements := start[contract.Statement](ctx, contract.SettlementOpenStatements, "statements", s.newStatements(cuts, s.sums(ctx, cuts))...).wait(ctx)
	if s.in.DryRun {
		return
	}
	s.bookFees(ctx, statements)
	finish(ctx, netted(statements))
}

// netted gives the statements with nothing to pay out: their payments have met what was
// cancelled, and are settled by that.
func netted(statements []contract.Statement) []string {
	var ids []string
	for _, st := range statements {
		if st.ID != "" && st.Net <= 0 {
			ids = append(ids, st.ID)
		}
	}
	return ids
}

// mostFinishes bounds the steps that settle the payments of statements; each settles some
// thousands of every one.
const mostFinishes = 10_000

// finish settles the payments of statements.
func finish(ctx workflow.Context, statementIDs []string) {
	for i := 0; i < mostFinishes && len(statementIDs) > 0; i++ {
		more := bulk[bool](ctx, contract.PaymentFinishStatements, "payments settled", statementIDs)
		var open []string
		for i, id := range statementIDs {
			if more[i] {
				open = append(open, id)
			}
		}
		statementIDs = open
	}
}

// plan decides for each franchise what of it is to be settled, by the contract in force
// on the last day that is cut.
func (s *settlement) plan(ctx workflow.Context, franchises []string) []contract.Cut {
	asked := make([]contract.ContractOn, len(franchises))
	for i, f := range franchises {
		asked[i] = contract.ContractOn{FranchiseID: f, On: s.dates.CutThrough}
	}
	cycles := start[contract.Cycle](ctx, contract.FranchiseContracts, "contracts", asked...).wait(ctx)
	items := make([]contract.PlanItem, 0, len(franchises))
	for i, c := range cycles {
		items = append(items, contract.PlanItem{RunID: s.in.ID, FranchiseID: franchises[i], CutThrough: s.dates.CutThrough, AsOf: s.begun.AsOf, Cycle: c})
	}
	planned := start[contract.Cut](ctx, contract.SettlementPlan, "cycles and dates", items...).wait(ctx)
	return slices.DeleteFunc(planned, func(c contract.Cut) bool { return c.StatementID == "" }) // without a contract there is nothing to go by
}

// mostCuts bounds the steps that cut one page; each takes some thousands of payments of
// every franchise in it.
const mostCuts = 10_000

// onRecord ends the workflow task, so that what was listed is in history before it is cut.
// A cut takes a franchise off the list: a task that is lost after it, and run again from
// before the list, would not find the franchise, and nobody would make its statement.
func onRecord(ctx workflow.Context) {
	must("timer", workflow.NewTimerWithOptions(ctx, time.Millisecond, workflow.TimerOptions{Summary: "what is listed, on record"}).Get(ctx, nil))
}

// sums cuts, and adds up what was cut. The last step seals the statements: nothing gets
// into them any more.
func (s *settlement) sums(ctx workflow.Context, cuts []contract.Cut) []contract.Sums {
	if s.in.DryRun {
		return bulk[contract.Sums](ctx, contract.PaymentPreview, "what would be cut", cuts)
	}
	onRecord(ctx)
	open := cuts
	for i := 0; i < mostCuts && len(open) > 0; i++ {
		outs := bulk[contract.CutOutcome](ctx, contract.PaymentCut, "payments and cancels cut", open)
		var more []contract.Cut
		for i, out := range outs {
			if out.More {
				more = append(more, open[i])
			}
		}
		open = more
	}
	return bulk[contract.Sums](ctx, contract.PaymentSeal, "sums", cuts)
}

func (s *settlement) newStatements(cuts []contract.Cut, sums []contract.Sums) []contract.NewStatement {
	out := make([]contract.NewStatement, len(cuts))
	for i, c := range cuts {
		out[i] = contract.NewStatement{RunID: s.in.ID, DryRun: s.in.DryRun, BusinessDate: s.in.BusinessDate, Cut: c, Sums: sums[i]}
	}
	return out
}

// bookFees books the fee and its VAT of each statement, once.
func (s *settlement) bookFees(ctx workflow.Context, statements []contract.Statement) {
	var commands []contract.Command
	for _, st := range statements {
		if legs := feeLegs(st); len(legs) > 0 {
			commands = append(commands, contract.Command{Op: ledger.OpPost, Ref: st.ID + "/fee", Kind: ledger.Settlement, Legs: legs, FlowID: st.ID})
		}
	}
	if len(commands) > 0 {
		runAll(ctx, contract.MoneyBook, bookingStep("fees and VAT"), commands)
	}
}

// feeLegs takes fee and VAT from what the franchise is owed, or gives them back when
// more was cancelled than paid.
func feeLegs(st contract.Statement) []ledger.Leg {
	var legs []ledger.Leg
	owed := ledger.FranchisePayable(st.FranchiseID)
	for _, part := range []struct {
		account string
		amount  int64
	}{{ledger.FeeIncome, st.Fee}, {ledger.VATPayable, st.VAT}} {
		switch {
		case part.amount > 0:
			legs = append(legs, ledger.Leg{From: owed, To: part.account, Amount: part.amount})
		case part.amount < 0:
			legs = append(legs, ledger.Leg{From: part.account, To: owed, Amount: -part.amount})
		}
	}
	return legs
}

// payOut starts the payout of each statement that is due. It does not wait for one that
// takes long: that goes on by itself, and the statement tells how it stands.
func (s *settlement) payOut(ctx workflow.Context) error { return s.pages(ctx, s.payPage) }

func (s *settlement) payPage(ctx workflow.Context, after string) (next string) {
	s.say(ctx, record.Processing, contract.StepPayingOut, "date", s.in.BusinessDate)
	due := do[contract.DuePayouts](ctx, contract.SettlementDue, "statements due", contract.DuePage{PayBy: s.dates.PayBy, After: after, Limit: payPage}).Payouts
	running := make([]workflow.ChildWorkflowFuture, 0, len(due))
	for _, p := range due {
		running = append(running, workflow.ExecuteChildWorkflow(s.child(ctx, p), contract.PayoutFlow, p))
	}
	awaitAll(ctx, running)
	if len(due) < payPage {
		return ""
	}
	return due[len(due)-1].StatementID
}

// child gives the context of a payout. It outlives the run, and an attempt that is under
// way is not begun twice.
func (s *settlement) child(ctx workflow.Context, p contract.Payout) workflow.Context {
	return workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            contract.WorkflowID(p.StatementID),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, // the attempt's row makes a second run harmless
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		TypedSearchAttributes: temporal.NewSearchAttributes(contract.FranchiseIDKey.ValueSet(p.FranchiseID),
			contract.BusinessDateKey.ValueSet(s.in.BusinessDate), contract.FlowStateKey.ValueSet(string(record.Processing))),
		Memo:          map[string]any{contract.FingerprintMemo: ""},
		StaticSummary: contract.PayoutSummary(p),
	})
}

// pagePatience is how long a run waits for the payouts of a page to end.
const pagePatience = time.Minute

// awaitAll waits until all payouts have begun, and a while for them to end. How they end
// is told by their statements, and does not concern the run.
func awaitAll(ctx workflow.Context, payouts []workflow.ChildWorkflowFuture) {
	if len(payouts) == 0 {
		return
	}
	for _, p := range payouts {
		began(p.GetChildWorkflowExecution().Get(ctx, nil))
	}
	timerCtx, stop := workflow.WithCancel(ctx)
	defer stop()
	patience := workflow.NewTimerWithOptions(timerCtx, pagePatience, workflow.TimerOptions{Summary: "patience with the payouts"})
	ended, over := 0, false
	selector := workflow.NewSelector(ctx).AddFuture(patience, func(workflow.Future) { over = true })
	for _, p := range payouts {
		selector.AddFuture(p, func(workflow.Future) { ended++ })
	}
	for ended < len(payouts) && !over {
		selector.Select(ctx)
	}
}

// began looks at the start of a child. One that runs already is the one we want.
func began(err error) {
	var running *temporal.ChildWorkflowExecutionAlreadyStartedError
	if !errors.As(err, &running) {
		must(contract.PayoutFlow, err)
	}
}

// scheduledTime is when a schedule meant a flow to start; it may start later, when the
// platform was down.
var scheduledTime = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// SettlementDay is what the schedule starts: it settles the business date that closed
// before the scheduled day, in that date's own run. On other days it does nothing.
func SettlementDay(ctx workflow.Context) (contract.Outcome, error) {
	at, scheduled := workflow.GetTypedSearchAttributes(ctx).GetTime(scheduledTime)
	if !scheduled {
		at = workflow.GetInfo(ctx).WorkflowStartTime
	}
	day := do[contract.ScheduledDay](ctx, contract.SettlementScheduled, "calendar", at)
	if day.Skip {
		workflow.SetCurrentDetails(ctx, "No business day.")
		return contract.Outcome{State: record.Succeeded}, nil
	}
	in := contract.Settlement{ID: day.RunID, BusinessDate: day.BusinessDate, AskedBy: "schedule", Fingerprint: day.Fingerprint}
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            contract.WorkflowID(in.ID),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			contract.BusinessDateKey.ValueSet(in.BusinessDate), contract.FlowStateKey.ValueSet(string(record.Processing))),
		Memo:          map[string]any{contract.FingerprintMemo: in.Fingerprint},
		StaticSummary: contract.SettlementSummary(in),
	})
	var out contract.Outcome
	err := workflow.ExecuteChildWorkflow(ctx, contract.SettlementFlow, in).Get(ctx, &out)
	var running *temporal.ChildWorkflowExecutionAlreadyStartedError
	if errors.As(err, &running) { // an operator was quicker
		return payDue(ctx, in)
	}
	return out, err
}

// mostDuePages bounds the payouts that a scheduled start makes by itself.
const mostDuePages = 50

// payDue pays what has become due since an operator ran the date, perhaps days ahead.
func payDue(ctx workflow.Context, in contract.Settlement) (contract.Outcome, error) {
	f, err := newFlow(ctx, in.ID, in.Fingerprint)
	if err != nil {
		return contract.Outcome{}, err
	}
	s := &settlement{flow: f, in: in, dates: do[contract.Dates](ctx, contract.SettlementDates, "calendar", in.BusinessDate)}
	next := ""
	for range mostDuePages {
		if next = s.payPage(ctx, next); next == "" {
			break
		}
	}
	f.enter(ctx, record.Succeeded, contract.StepSucceeded)
	return contract.Outcome{ID: in.ID, State: record.Succeeded}, nil
}
