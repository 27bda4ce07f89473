package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// world plays the services for a flow: scripted answers, and a diary of every step that
// changes something, in order. Reads are left out: some run side by side.
type world struct {
	mu    sync.Mutex
	diary []string

	begun    contract.Begun               // the row left by an earlier run; zero: none
	refusal  record.Failure               // a rule the request breaks by itself
	members  map[string]contract.Standing // absent: active
	grant    record.Failure               // refusal of the linked account
	refuse   map[string][]record.Failure  // ledger refusals by ref, one for each attempt
	prepare  record.Failure               // a transfer that is stored as rejected
	register record.Failure               // refusal of a registration
	open     record.Failure               // refusal of a wallet
	verify   record.Failure               // the bank's word on an account
	silent   bool                         // the bank never verifies
	link     record.Failure
	sameName bool
	submit   contract.Answer // zero kind: the call dies
	inquiry  []contract.Answer
	abandon  contract.Answer            // how a transfer that was thought unsent has ended; zero: unsent
	answered map[string]contract.Answer // what the bank has answered to transfers, in earlier runs too, by id
	cancel   func(step string)          // told of every step before it is done

	now        func() time.Time
	windows    []time.Duration    // how long the bank is shut, one for each time a flow asks; then it is open
	submits    []contract.Answer  // the answers before submit
	terms      *contract.Terms    // nil: active, 150 basis points, no webhook
	later      *contract.Terms    // the terms once a top-up has run; nil: no others
	attempts   []contract.Attempt // how messages are taken; then they are
	dying      int                // so many attempts die first
	homeless   bool               // the franchise has no payout account
	unfinished int                // so many steps leave payments to settle
	cancelled  contract.BegunCancel
	notice     contract.Notice
	returned   contract.Returned
	books      books
}

var errBank = errors.New("connection reset")

func (w *world) note(format string, args ...any) {
	entry := fmt.Sprintf(format, args...)
	if w.cancel != nil {
		w.cancel(entry)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.diary = append(w.diary, entry)
}

func (w *world) entries() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.diary...)
}

func (w *world) begin(id, fingerprint string) []contract.Begun {
	w.note("begin %s", id)
	if ended, there := w.books.ended[id]; there {
		return []contract.Begun{ended}
	}
	if w.begun.State != "" {
		return []contract.Begun{w.begun}
	}
	return []contract.Begun{{State: record.Requested, Fingerprint: fingerprint, Refusal: w.refusal}}
}

func (w *world) moves(in []record.Move) error {
	for _, m := range in {
		if (m.State == record.Waiting) == m.Until.IsZero() {
			return fmt.Errorf("%s until %s", m.State, m.Until)
		}
		w.note("move %s %s%s", m.ID, m.State, suffix(m.Failure))
	}
	return nil
}

// next takes the next of a script, or gives what comes after its end.
func next[T any](w *world, script *[]T, after T) T {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(*script) == 0 {
		return after
	}
	first := (*script)[0]
	*script = (*script)[1:]
	return first
}

func suffix(f record.Failure) string {
	if !f.Is() {
		return ""
	}
	return " " + string(f.Code)
}

// nextRefusal takes the next scripted refusal of a ledger reference.
func (w *world) nextRefusal(ref string) record.Failure {
	w.mu.Lock()
	defer w.mu.Unlock()
	script := w.refuse[ref]
	if len(script) == 0 {
		return record.Failure{}
	}
	w.refuse[ref] = script[1:]
	return script[0]
}

func (w *world) post(_ context.Context, in []contract.Command) ([]contract.Result, error) {
	out := make([]contract.Result, len(in))
	for i, c := range in {
		out[i] = contract.Result{Ref: c.Ref, Refusal: w.nextRefusal(c.Ref)}
		switch c.Op {
		case ledger.OpPost:
			w.note("POST %s %s%s", c.Ref, legs(c.Legs), suffix(out[i].Refusal))
		case ledger.OpHold:
			w.note("HOLD %s %s%s", c.Ref, legs([]ledger.Leg{{From: c.From, To: c.To, Amount: c.Amount}}), suffix(out[i].Refusal))
		case ledger.OpOpen:
			w.note("OPEN %s %s%s", c.Ref, c.AccountID, suffix(out[i].Refusal))
		case ledger.OpClose:
			w.note("CLOSE %s", c.OpenRef)
		default:
			w.note("%s %s", c.Op, c.HoldRef)
		}
	}
	return out, nil
}

func legs(in []ledger.Leg) string {
	texts := make([]string, len(in))
	for i, l := range in {
		texts[i] = fmt.Sprintf("%d %s>%s", l.Amount, l.From, l.To)
	}
	return strings.Join(texts, ", ")
}

// activities gives what the world plays, by name.
func (w *world) activities() map[string]any {
	all := map[string]any{}
	for _, service := range []map[string]any{w.moneySteps(), w.membershipSteps(), w.bankingSteps(), w.bankSteps(), w.noticeSteps(),
		w.remittanceSteps(), w.franchiseSteps(), w.webhookSteps(), w.paymentSteps(), w.settlementSteps()} {
		maps.Copy(all, service)
	}
	return all
}

func (w *world) moneySteps() map[string]any {
	return map[string]any{
		contract.MoneyBegin: func(_ context.Context, in []contract.MoneyRequest) ([]contract.Begun, error) {
			return w.begin(in[0].ID, in[0].Fingerprint), nil
		},
		contract.MoneyMove: func(_ context.Context, in []record.Move) error { return w.moves(in) },
		contract.MoneyPost: w.post,
		contract.MoneyBook: func(ctx context.Context, in []contract.Command) error {
			out, err := w.post(ctx, in)
			for _, o := range out {
				if o.Refusal.Is() {
					return temporal.NewApplicationError("refused", string(o.Refusal.Code))
				}
			}
			return err
		},
		contract.MoneyOpenWallets: func(_ context.Context, in []contract.OpenWallet) ([]record.Failure, error) {
			w.note("open wallet%s", suffix(w.open))
			return []record.Failure{w.open}, nil
		},
		contract.MoneyCloseWallets: func(context.Context, []contract.OpenWallet) error { w.note("close wallet"); return nil },
		contract.MoneyRaiseLimit:   func(context.Context, []string) error { w.note("raise limit"); return nil },
	}
}

func (w *world) membershipSteps() map[string]any {
	return map[string]any{
		contract.MembershipBeginRegistrations: func(_ context.Context, in []contract.Registration) ([]contract.Begun, error) {
			if len(in[0].Sealed) != 0 {
				return nil, errors.New("personal data where none is needed")
			}
			return w.begin(in[0].ID, in[0].Fingerprint), nil
		},
		contract.MembershipMoveRegistrations: func(_ context.Context, in []record.Move) error { return w.moves(in) },
		contract.MembershipRegister: func(context.Context, []contract.Registration) ([]record.Failure, error) {
			w.note("register%s", suffix(w.register))
			return []record.Failure{w.register}, nil
		},
		contract.MembershipUnregister: func(context.Context, []string) error { w.note("unregister"); return nil },
		contract.MembershipActivate:   func(context.Context, []string) error { w.note("activate"); return nil },
		contract.MembershipStandings: func(_ context.Context, ids []string) ([]contract.Standing, error) {
			out := make([]contract.Standing, len(ids))
			for i, member := range ids {
				out[i] = contract.Standing{Exists: true, Active: true}
				if s, scripted := w.members[member]; scripted {
					out[i] = s
				}
			}
			return out, nil
		},
		contract.MembershipConfirmName: func(context.Context, []contract.NameCheck) ([]bool, error) {
			w.note("confirm name %t", w.sameName)
			return []bool{w.sameName}, nil
		},
	}
}

func (w *world) bankingSteps() map[string]any {
	return map[string]any{
		contract.BankingBeginLinks: func(_ context.Context, in []contract.Link) ([]contract.Begun, error) {
			if in[0].Number != "" || in[0].HolderName != "" {
				return nil, errors.New("personal data where none is needed")
			}
			return w.begin(in[0].ID, in[0].Fingerprint), nil
		},
		contract.BankingMoveLinks: func(_ context.Context, in []record.Move) error { return w.moves(in) },
		contract.BankingLink: func(context.Context, []contract.Link) ([]record.Failure, error) {
			w.note("link%s", suffix(w.link))
			return []record.Failure{w.link}, nil
		},
		contract.BankingAuthorize: func(context.Context, []contract.Use) ([]contract.Grant, error) {
			return []contract.Grant{{BankCode: bankCode, Failure: w.grant}}, nil
		},
		contract.BankingPrepare: func(_ context.Context, in []contract.Transfer) ([]contract.Begun, error) {
			w.note("prepare %s %s %d", in[0].Direction, in[0].Reference, in[0].Amount)
			if w.begun.State != "" && in[0].Fingerprint != "" {
				return []contract.Begun{w.begun}, nil
			}
			if earlier := w.answerTo(in[0].ID); earlier.Kind == contract.Rejected {
				return []contract.Begun{{State: record.Failed, Failure: earlier.Failure, Fingerprint: in[0].Fingerprint}}, nil
			}
			return []contract.Begun{{State: record.Processing, Failure: w.prepare, Fingerprint: in[0].Fingerprint}}, nil
		},
		contract.BankingOpening: func(context.Context, []string) ([]contract.Opening, error) {
			if shut := next(w, &w.windows, 0); shut > 0 {
				return []contract.Opening{{Until: w.now().Add(shut)}}, nil
			}
			return make([]contract.Opening, 1), nil
		},
		contract.BankingAbandon: func(_ context.Context, ids []string) ([]contract.Answer, error) {
			w.note("abandon %s", stepOf(ids[0]))
			if w.abandon.Kind != "" {
				return []contract.Answer{w.abandon}, nil
			}
			if earlier := w.answerTo(ids[0]); earlier.Kind != "" {
				return []contract.Answer{earlier}, nil
			}
			return []contract.Answer{notDone}, nil
		},
	}
}

func (w *world) bankSteps() map[string]any {
	return map[string]any{
		contract.BankingVerify: func(context.Context, contract.Account) (record.Failure, error) {
			w.note("verify%s", suffix(w.verify))
			if w.silent {
				return record.Failure{}, temporal.NewNonRetryableApplicationError("silent", string(errs.BankUnreachable.Code), errBank)
			}
			return w.verify, nil
		},
		contract.BankingSubmit: func(_ context.Context, id string) (contract.Answer, error) {
			w.note("submit")
			if earlier := w.answerTo(id); earlier.Kind != "" {
				return earlier, nil
			}
			answer := next(w, &w.submits, w.submit)
			w.remember(id, answer)
			if answer.Kind == "" {
				return contract.Answer{}, errBank
			}
			return answer, nil
		},
		contract.BankingInquire: func(context.Context, string) (contract.Answer, error) {
			answer := next(w, &w.inquiry, accepted)
			w.note("inquire %s", answer.Kind)
			if answer.Kind == contract.Unknown {
				return answer, temporal.NewApplicationError("not yet", contract.StillUnknown)
			}
			return answer, nil
		},
	}
}

func (w *world) remittanceSteps() map[string]any {
	return map[string]any{
		contract.RemittanceBegin: func(_ context.Context, in []contract.Remittance) ([]contract.Begun, error) {
			return w.begin(in[0].ID, in[0].Fingerprint), nil
		},
		contract.RemittanceMove:     func(_ context.Context, in []record.Move) error { return w.moves(in) },
		contract.RemittanceSetTopUp: w.setTopUp,
	}
}

// answerTo gives what the bank has answered to a transfer; zero: nothing.
func (w *world) answerTo(id string) contract.Answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answered[id]
}

// remember keeps a clear answer.
func (w *world) remember(id string, a contract.Answer) {
	if a.Kind != contract.Accepted && a.Kind != contract.Rejected {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.answered == nil {
		w.answered = map[string]contract.Answer{}
	}
	w.answered[id] = a
}

// stepOf tells which step of the scenarios a transfer belongs to, and which attempt.
func stepOf(firmbankingID string) string {
	for recordID, step := range map[string]string{topUpID: "debit", wdrID: "credit", remID: "credit", stmtID: "attempt-1", stmtID2: "attempt-1",
		contract.AutoTopUpID(remID): "debit", contract.AutoTopUpID(payID): "debit"} {
		first, reference := contract.FirmbankingID(recordID, step)
		for attempt := range 20 {
			t := contract.Transfer{ID: first, Reference: reference}.Again(attempt + 1)
			if t.ID == firmbankingID {
				return strings.TrimPrefix(t.Reference, contract.WorkflowID(recordID)+"/")
			}
		}
	}
	return "firmbanking"
}

// registry is what activities and workflows are registered with.
type registry interface {
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

func (w *world) registerWith(r registry) {
	for name, f := range w.activities() {
		r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}
