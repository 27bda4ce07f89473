package workflows_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

// books are what the world has to settle.
type books struct {
	day        contract.ScheduledDay
	open       [][]string               // pages of franchises with something to settle
	noContract map[string]bool          // by franchise
	uncut      map[string]*int          // by franchise: so many steps leave something to cut
	sums       map[string]contract.Sums // by franchise
	due        [][]contract.Payout      // pages
	ended      map[string]contract.Begun
}

// countDown tells whether there is more to a number, and takes one from it.
func (w *world) countDown(n *int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	*n--
	return *n >= 0
}

func (w *world) noticeSteps() map[string]any {
	return map[string]any{
		contract.BankingNotices: func(_ context.Context, ids []string) ([]contract.Notice, error) {
			n := w.notice
			n.Begun = w.begin(ids[0], "")[0]
			return []contract.Notice{n}, nil
		},
		contract.BankingMoveNotices: func(_ context.Context, in []record.Move) error { return w.moves(in) },
		contract.BankingReturnTransfers: func(context.Context, []string) ([]contract.Returned, error) {
			w.note("return%s", suffix(w.returned.Failure))
			return []contract.Returned{w.returned}, nil
		},
	}
}

func (w *world) franchiseSteps() map[string]any {
	return map[string]any{
		contract.FranchiseBegin: func(_ context.Context, in []contract.Franchise) ([]contract.Begun, error) {
			return w.begin(in[0].ID, in[0].Fingerprint), nil
		},
		contract.FranchiseMove: func(_ context.Context, in []record.Move) error { return w.moves(in) },
		contract.FranchiseTerms: func(context.Context, []string) ([]contract.Terms, error) {
			if w.later != nil && slices.ContainsFunc(w.entries(), func(e string) bool { return strings.HasPrefix(e, "set top-up") }) {
				return []contract.Terms{*w.later}, nil
			}
			if w.terms != nil {
				return []contract.Terms{*w.terms}, nil
			}
			return []contract.Terms{{Exists: true, Active: true, FeeBasisPoints: 150}}, nil
		},
		contract.FranchiseContracts: func(_ context.Context, in []contract.ContractOn) ([]contract.Cycle, error) {
			out := make([]contract.Cycle, len(in))
			for i, q := range in {
				if q.On != lastDayCut {
					return nil, errors.New("another date")
				}
				if !w.books.noContract[q.FranchiseID] {
					out[i] = contract.Cycle{Exists: true, Cycle: "DAILY", PayoutBusinessDays: 1}
				}
			}
			return out, nil
		},
		contract.FranchisePayouts: func(context.Context, []string) ([]contract.PayoutAccount, error) {
			if w.homeless {
				return make([]contract.PayoutAccount, 1), nil
			}
			return []contract.PayoutAccount{{Exists: true, Account: payoutTo}}, nil
		},
		contract.FranchiseBeginPayoutChanges: func(_ context.Context, in []contract.PayoutChange) ([]contract.Begun, error) {
			return w.begin(in[0].ID, in[0].Fingerprint), nil
		},
		contract.FranchiseMovePayoutChanges: func(_ context.Context, in []record.Move) error { return w.moves(in) },
	}
}

func (w *world) webhookSteps() map[string]any {
	return map[string]any{
		contract.FranchiseBeginDeliveries: func(_ context.Context, in []contract.WebhookEvent) ([]contract.Begun, error) {
			if in[0].ID == "" || in[0].FranchiseID == "" || in[0].At.IsZero() || len(in[0].Data) == 0 {
				return nil, errors.New("a message that says nothing")
			}
			return w.begin(in[0].DeliveryID(), ""), nil
		},
		contract.FranchiseMoveDeliveries: func(_ context.Context, in []record.Move) error { return w.moves(in) },
		contract.FranchiseAttempt: func(context.Context, string) (contract.Attempt, error) {
			w.note("deliver")
			if w.countDown(&w.dying) {
				return contract.Attempt{}, errBank
			}
			return next(w, &w.attempts, contract.Attempt{Done: true, Delivered: true}), nil
		},
	}
}

func (w *world) paymentSteps() map[string]any {
	return map[string]any{
		contract.PaymentBegin: func(_ context.Context, in []contract.Payment) ([]contract.Begun, error) {
			return w.begin(in[0].ID, in[0].Fingerprint), nil
		},
		contract.PaymentMove: func(_ context.Context, in []contract.PaymentChange) error {
			for _, m := range in {
				if m.State == record.Succeeded {
					w.note("fee %d", m.FeeBasisPoints)
				}
			}
			return w.moves([]record.Move{in[0].Move})
		},
		contract.PaymentSetTopUp: w.setTopUp,
		contract.PaymentBeginCancels: func(_ context.Context, in []contract.Cancel) ([]contract.BegunCancel, error) {
			c := w.cancelled
			c.Begun = w.begin(in[0].ID, in[0].Fingerprint)[0]
			return []contract.BegunCancel{c}, nil
		},
		contract.PaymentMoveCancels: func(_ context.Context, in []record.Move) error { return w.moves(in) },
		contract.PaymentOpenFranchises: func(_ context.Context, in []contract.FranchisePage) ([]contract.FranchiseIDs, error) {
			if in[0].Before.IsZero() {
				return nil, errors.New("no bound")
			}
			return []contract.FranchiseIDs{{IDs: next(w, &w.books.open, nil)}}, nil
		},
		contract.PaymentCut:     w.cut,
		contract.PaymentSeal:    w.sums,
		contract.PaymentPreview: w.sums,
		contract.PaymentFinishStatements: func(_ context.Context, ids []string) ([]bool, error) {
			w.note("finish %s", ids[0])
			return []bool{w.countDown(&w.unfinished)}, nil
		},
	}
}

func (w *world) setTopUp(_ context.Context, in []contract.TopUpLink) error {
	w.note("set top-up %s", in[0].TopUpID)
	return nil
}

func (w *world) cut(_ context.Context, in []contract.Cut) ([]contract.CutOutcome, error) {
	out := make([]contract.CutOutcome, len(in))
	for i, c := range in {
		w.note("cut %s", c.StatementID)
		if left := w.books.uncut[c.FranchiseID]; left != nil {
			out[i].More = w.countDown(left)
		}
	}
	return out, nil
}

func (w *world) sums(_ context.Context, in []contract.Cut) ([]contract.Sums, error) {
	out := make([]contract.Sums, len(in))
	for i, c := range in {
		out[i] = w.books.sums[c.FranchiseID]
		out[i].StatementID = c.StatementID
	}
	return out, nil
}

// began is when the world's settlement runs began: what was approved later is not theirs.
var began = time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)

func (w *world) settlementSteps() map[string]any {
	return map[string]any{
		contract.SettlementScheduled: func(_ context.Context, at []time.Time) ([]contract.ScheduledDay, error) {
			if at[0].IsZero() {
				return nil, errors.New("no time")
			}
			return []contract.ScheduledDay{w.books.day}, nil
		},
		contract.SettlementDates: func(context.Context, []string) ([]contract.Dates, error) {
			return []contract.Dates{{CutThrough: lastDayCut, PayBy: "2026-11-23"}}, nil
		},
		contract.SettlementBeginRuns: func(_ context.Context, in []contract.Settlement) ([]contract.BegunRun, error) {
			return []contract.BegunRun{{Begun: w.begin(in[0].ID, in[0].Fingerprint)[0], AsOf: began}}, nil
		},
		contract.SettlementMoveRuns:       func(_ context.Context, in []record.Move) error { return w.moves(in) },
		contract.SettlementPlan:           w.plan,
		contract.SettlementOpenStatements: w.openStatements,
		contract.SettlementDue: func(context.Context, []contract.DuePage) ([]contract.DuePayouts, error) {
			return []contract.DuePayouts{{Payouts: next(w, &w.books.due, nil)}}, nil
		},
		contract.SettlementBeginPayouts: func(_ context.Context, in []contract.PayoutStart) ([]contract.Begun, error) {
			if in[0].FirmbankingID == "" {
				return nil, errors.New("no transfer")
			}
			return w.begin(in[0].ID(), ""), nil
		},
		contract.SettlementMovePayouts: func(_ context.Context, in []record.Move) error { return w.moves(in) },
		contract.SettlementPayees: func(_ context.Context, ids []string) ([]string, error) {
			if ids[0] != stmtID+"/1" {
				return nil, errs.StatementNotFound
			}
			return []string{cafe}, nil
		},
	}
}

func (w *world) plan(_ context.Context, in []contract.PlanItem) ([]contract.Cut, error) {
	out := make([]contract.Cut, len(in))
	for i, p := range in {
		if p.Exists {
			out[i] = contract.Cut{StatementID: statementOf[p.FranchiseID], FranchiseID: p.FranchiseID, Before: p.AsOf, Through: p.CutThrough, PayoutDate: "2026-11-23"}
		}
	}
	return out, nil
}

func (w *world) openStatements(_ context.Context, in []contract.NewStatement) ([]contract.Statement, error) {
	out := make([]contract.Statement, len(in))
	for i, n := range in {
		net := n.Sums.PaymentAmount - n.Sums.CancelAmount - n.Sums.Fee - n.Sums.VAT
		kind := "statement"
		if n.DryRun {
			kind = "draft"
		}
		w.note("%s %s %d", kind, n.StatementID, net)
		out[i] = contract.Statement{ID: n.StatementID, FranchiseID: n.FranchiseID, Fee: n.Sums.Fee, VAT: n.Sums.VAT, Net: net}
	}
	return out, nil
}
