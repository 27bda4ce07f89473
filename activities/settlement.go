package activities

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"durapay/errs"
	"durapay/internal/calendar"
	"durapay/internal/record"
	"durapay/services/settlement"
	"durapay/workflows/contract"
)

// Settlement calls the settlement service.
type Settlement struct {
	Service *settlement.Service
	// RunFingerprint is that of a run's request, so that the schedule's and an operator's
	// run of a date are the same.
	RunFingerprint func(businessDate string, dryRun bool) string
}

// Scheduled tells what a scheduled start has to settle.
func (a *Settlement) Scheduled(ctx context.Context, in []time.Time) ([]contract.ScheduledDay, error) {
	out := make([]contract.ScheduledDay, len(in))
	for i, at := range in {
		date, open, err := a.Service.ScheduledDate(calendar.Of(at))
		if err != nil {
			return nil, trouble(ctx, err)
		}
		if !open {
			out[i].Skip = true
			continue
		}
		out[i] = contract.ScheduledDay{BusinessDate: date.String(), RunID: settlement.LiveRunID(date), Fingerprint: a.RunFingerprint(date.String(), false)}
	}
	return out, nil
}

// Dates gives the dates of runs.
func (a *Settlement) Dates(ctx context.Context, in []string) ([]contract.Dates, error) {
	out := make([]contract.Dates, len(in))
	for i, d := range in {
		date, err := calendar.Parse(d)
		if err == nil {
			var dates settlement.RunDates
			dates, err = a.Service.Dates(date)
			out[i] = contract.Dates{CutThrough: dates.CutThrough.String(), PayBy: dates.PayBy.String()}
		}
		if err != nil {
			return nil, trouble(ctx, err)
		}
	}
	return out, nil
}

// BeginRuns records runs, or finds what is recorded.
func (a *Settlement) BeginRuns(ctx context.Context, in []contract.Settlement) ([]contract.BegunRun, error) {
	asked := make([]settlement.NewRun, len(in))
	for i, s := range in {
		date, err := calendar.Parse(s.BusinessDate)
		if err != nil {
			return nil, trouble(ctx, err)
		}
		asked[i] = settlement.NewRun{ID: s.ID, BusinessDate: date, Dry: s.DryRun, AskedBy: s.AskedBy, Fingerprint: s.Fingerprint}
	}
	rows, err := a.Service.BeginRuns(ctx, asked)
	for i := range rows {
		if rows[i].Refusal.Is() {
			rows[i].Fingerprint = asked[i].Fingerprint
		}
	}
	return each(rows, func(r settlement.Run) contract.BegunRun {
		if r.Refusal.Is() { // not stored: nothing is to be done, and nothing to be moved
			return contract.BegunRun{Begun: contract.Begun{State: record.Failed, Failure: r.Refusal, Fingerprint: r.Fingerprint}}
		}
		return contract.BegunRun{Begun: contract.Begun{State: r.State, Failure: r.Failure, Fingerprint: r.Fingerprint}, AsOf: r.CreatedAt}
	}), trouble(ctx, err)
}

// MoveRuns stores changes of their states.
func (a *Settlement) MoveRuns(ctx context.Context, in []record.Move) error {
	return trouble(ctx, a.Service.MoveRuns(ctx, in))
}

// Plan decides what of franchises is to be settled. One without a contract, or with one
// that makes no sense, is left out: its outcome is the zero Cut, and its sales wait.
func (a *Settlement) Plan(ctx context.Context, in []contract.PlanItem) ([]contract.Cut, error) {
	out := make([]contract.Cut, len(in))
	for i, item := range in {
		if !item.Exists {
			continue
		}
		through, err := calendar.Parse(item.CutThrough)
		if err != nil {
			return nil, trouble(ctx, err)
		}
		planned, err := a.Service.Plan(ctx, []settlement.PlanItem{{RunID: item.RunID, Through: through, FranchiseID: item.FranchiseID,
			Cycle: settlement.Cycle(item.Cycle.Cycle), PayoutBusinessDays: item.PayoutBusinessDays}})
		if err != nil {
			return nil, trouble(ctx, err)
		}
		p := planned[0]
		if p.Refusal.Is() {
			logger(ctx).Error("franchise left out of a settlement", "franchise", item.FranchiseID, "run", item.RunID, "code", p.Refusal.Code)
			continue
		}
		out[i] = contract.Cut{StatementID: p.StatementID, FranchiseID: item.FranchiseID, Before: p.Before,
			Through: p.CutThrough.String(), PayoutDate: p.PayoutDate.String()}
	}
	return out, nil
}

// OpenStatements stores statements, or finds what is stored.
func (a *Settlement) OpenStatements(ctx context.Context, in []contract.NewStatement) ([]contract.Statement, error) {
	asked := make([]settlement.NewStatement, len(in))
	for i, n := range in {
		through, err := calendar.Parse(n.Through)
		if err != nil {
			return nil, trouble(ctx, err)
		}
		payout, err := calendar.Parse(n.PayoutDate)
		if err != nil {
			return nil, trouble(ctx, err)
		}
		asked[i] = settlement.NewStatement{ID: n.StatementID, RunID: n.RunID, FranchiseID: n.FranchiseID, CutThrough: through, PayoutDate: payout,
			Sums: settlement.Sums{PaymentCount: n.Sums.PaymentCount, PaymentAmount: n.Sums.PaymentAmount, TaxFreeAmount: n.Sums.TaxFreeAmount,
				CancelCount: n.Sums.CancelCount, CancelAmount: n.Sums.CancelAmount, Fee: n.Sums.Fee, VAT: n.Sums.VAT, From: n.Sums.From, Until: n.Sums.Until}}
	}
	opened, err := a.Service.OpenStatements(ctx, asked)
	if err != nil {
		return nil, trouble(ctx, err)
	}
	out := make([]contract.Statement, len(opened))
	for i, o := range opened {
		if o.Refusal.Is() { // a defect, which is not to stop the other franchises; the audit names what was cut
			activity.GetLogger(ctx).Error("statement refused", "statement", in[i].StatementID, "franchise", in[i].FranchiseID, "code", o.Refusal.Code)
			continue
		}
		s := o.Statement
		out[i] = contract.Statement{ID: s.ID, FranchiseID: s.FranchiseID, Fee: s.Sums.Fee, VAT: s.Sums.VAT, Net: s.Net}
	}
	return out, nil
}

// Due lists statements that are to be paid out.
func (a *Settlement) Due(ctx context.Context, in []contract.DuePage) ([]contract.DuePayouts, error) {
	out := make([]contract.DuePayouts, len(in))
	for i, p := range in {
		by, err := calendar.Parse(p.PayBy)
		if err != nil {
			return nil, trouble(ctx, err)
		}
		due, err := a.Service.DueStatements(ctx, by, p.After, p.Limit)
		if err != nil {
			return nil, trouble(ctx, err)
		}
		out[i].Payouts = each(due, func(d settlement.Due) contract.Payout {
			return contract.Payout{StatementID: d.StatementID, FranchiseID: d.FranchiseID, Net: d.Net, Attempt: d.Attempt}
		})
	}
	return out, nil
}

// BeginPayouts records attempts, or finds what is recorded. One that is not the
// statement's current one may not begin.
func (a *Settlement) BeginPayouts(ctx context.Context, in []contract.PayoutStart) ([]contract.Begun, error) {
	rows, err := a.Service.BeginPayouts(ctx, each(in, func(p contract.PayoutStart) settlement.PayoutStart {
		return settlement.PayoutStart{StatementID: p.StatementID, Attempt: p.Attempt, FirmbankingID: p.FirmbankingID}
	}))
	return each(rows, func(p settlement.PayoutBegun) contract.Begun {
		if p.State == "" { // not stored: nothing is to be done, and nothing to be moved
			return contract.Begun{State: record.Failed, Failure: p.Failure}
		}
		return contract.Begun{State: p.State, Failure: p.Failure}
	}), trouble(ctx, err)
}

// MovePayouts stores changes of their states.
func (a *Settlement) MovePayouts(ctx context.Context, in []record.Move) error {
	return trouble(ctx, a.Service.MovePayouts(ctx, in))
}

// Payees gives the franchises of payouts.
func (a *Settlement) Payees(ctx context.Context, payoutIDs []string) ([]string, error) {
	out := make([]string, len(payoutIDs))
	for i, p := range payoutIDs {
		statementID, _, ok := settlement.ParsePayoutID(p)
		if !ok {
			return nil, trouble(ctx, errs.InternalError.Because(fmt.Errorf("no payout: %s", p)))
		}
		s, err := a.Service.FindStatement(ctx, settlement.Scope{}, statementID)
		if err != nil {
			return nil, trouble(ctx, err)
		}
		out[i] = s.FranchiseID
	}
	return out, nil
}
