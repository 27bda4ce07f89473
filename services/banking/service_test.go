package banking_test

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/devenv/devtest"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/internal/secret"
	"durapay/schema"
	"durapay/services/banking"
	"durapay/services/banking/bankingdb"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

const (
	validity = 10 * time.Second
	margin   = 2 * time.Second
)

var corporate = banking.CorporateAccount{BankCode: "088", Number: "1100000000001"}

// clock is a time that tests move.
type clock struct{ micros atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.micros.Store(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.micros.Add(d.Microseconds()) }

// fault is how the bank goes wrong with one transfer.
type fault int

const (
	none       fault = iota
	lostBefore       // no answer, nothing done
	lostAfter        // carried out, no answer
	late             // no answer, and it arrives at the bank when arrive is called
	declined
)

// fakeBank keeps the bank's promises: a reference is decided once, and what arrives
// after its validity is refused. Its clock runs behind by lag.
type fakeBank struct {
	mu          sync.Mutex
	clock       *clock
	lag         time.Duration
	fault       fault
	unreachable bool
	verdict     banking.Verification
	decided     map[string]banking.Answer
	pending     []banking.Transfer
	calls       map[string]int
	last        banking.Transfer
	gate        chan struct{} // when set, transfers wait for it
	entered     atomic.Int32  // transfers that have come so far as the gate
}

var errNoAnswer = errors.New("no answer")

func (b *fakeBank) Verify(context.Context, banking.BankAccountRef) (banking.Verification, error) {
	if b.unreachable {
		return "", errNoAnswer
	}
	return b.verdict, nil
}

func (b *fakeBank) Transfer(_ context.Context, t banking.Transfer) (banking.Answer, error) {
	b.entered.Add(1)
	if b.gate != nil {
		<-b.gate
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls[t.Reference]++
	b.last = t
	switch b.fault {
	case lostBefore:
		return banking.Answer{}, errNoAnswer
	case late:
		b.pending = append(b.pending, t)
		return banking.Answer{}, errNoAnswer
	case lostAfter:
		b.decide(t)
		return banking.Answer{}, errNoAnswer
	default:
		return b.decide(t), nil
	}
}

func (b *fakeBank) decide(t banking.Transfer) banking.Answer {
	if a, known := b.decided[t.Reference]; known {
		return a
	}
	a := banking.Answer{Kind: banking.Accepted, BankTransactionID: "BTX" + t.Reference}
	switch {
	case b.clock.now().Add(-b.lag).After(t.ValidUntil):
		a = banking.Answer{Kind: banking.Rejected, Reason: errs.BankNotExecuted.Code}
	case b.fault == declined:
		a = banking.Answer{Kind: banking.Rejected, Reason: errs.BankInsufficientFunds.Code}
	}
	b.decided[t.Reference] = a
	return a
}

// arrive brings the late transfers to the bank.
func (b *fakeBank) arrive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.pending {
		b.decide(t)
	}
	b.pending = nil
}

func (b *fakeBank) Inquire(_ context.Context, reference string) (banking.Inquiry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.unreachable {
		return banking.Inquiry{}, errNoAnswer
	}
	a, known := b.decided[reference]
	return banking.Inquiry{NotFound: !known, Answer: a}, nil
}

func (b *fakeBank) Statement(context.Context, banking.StatementQuery) (banking.StatementPage, error) {
	return banking.StatementPage{}, errNoAnswer
}

func (b *fakeBank) called(reference string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[reference]
}

func (b *fakeBank) accepted(reference string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.decided[reference].Kind == banking.Accepted
}

// world is a service on a database of its own and a bank that can be made to fail.
type world struct {
	*banking.Service
	bank  *fakeBank
	clock *clock
	db    *sqlx.DB
}

func newWorld(t *testing.T) *world {
	return newWorldOn(t, func(s banking.Store) banking.Store { return s })
}

func newWorldOn(t *testing.T, wrap func(banking.Store) banking.Store) *world {
	t.Helper()
	c := newClock()
	w := &world{clock: c, db: devtest.Database(t, schema.FS("banking"))}
	w.bank = &fakeBank{clock: c, verdict: banking.Match, decided: map[string]banking.Answer{}, calls: map[string]int{}}
	key := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	ring, err := secret.ParseKeyRing("k1:" + key)
	require.NoError(t, err)
	index, err := secret.NewIndexer([]byte("fedcba9876543210fedcba9876543210"))
	require.NoError(t, err)
	w.Service = banking.New(wrap(bankingdb.New(w.db)), w.bank, ring, index, banking.Options{
		Now: c.now, Corporate: corporate, TransferValidity: validity, ClockMargin: margin,
	})
	return w
}

const (
	clearNumber = "123456789012"
	clearName   = "홍길동일이삼"
)

func newAccount(member string) banking.NewAccount {
	return banking.NewAccount{ID: id.New(id.BankAccount), MembershipID: member, BankCode: "004", Number: "123-456-789012",
		HolderName: clearName, DebitConsent: true, Fingerprint: "f"}
}

func (w *world) link(t *testing.T, n banking.NewAccount) {
	t.Helper()
	outs, err := w.LinkAccounts(t.Context(), []banking.NewAccount{n})
	require.NoError(t, err)
	require.Equal(t, []record.Failure{{}}, outs)
}

func order(direction banking.Direction) banking.Firmbanking {
	f := id.New(id.Firmbanking)
	return banking.Firmbanking{ID: f, Reference: "topup/" + f + "/debit", FlowID: "topup/1", Direction: direction,
		BankCode: "004", Number: clearNumber, HolderName: clearName, Amount: 30_000, Fingerprint: "f"}
}

type tester interface {
	require.TestingT
	Helper()
	Context() context.Context
}

func (w *world) prepare(t tester, f banking.Firmbanking) banking.Firmbanking {
	t.Helper()
	rows, err := w.Prepare(t.Context(), []banking.Firmbanking{f})
	require.NoError(t, err)
	require.Len(t, rows, 1)
	return rows[0]
}

func (w *world) state(t tester, id string) banking.FirmbankingState {
	t.Helper()
	f, err := w.FindFirmbanking(t.Context(), id)
	require.NoError(t, err)
	return f.State
}

func TestVerify(t *testing.T) {
	w := newWorld(t)
	ref := banking.BankAccountRef{BankCode: "004", Number: clearNumber, HolderName: clearName}
	for verdict, want := range map[banking.Verification]errs.Code{
		banking.Match: "", banking.HolderMismatch: errs.BankNameMismatch.Code, banking.NoSuchAccount: errs.BankNoSuchAccount.Code,
		banking.AccountIsClosed: errs.BankAccountClosed.Code, banking.AccountIsSuspended: errs.BankAccountSuspended.Code,
		banking.AccountIsReported: errs.BankAccountReported.Code,
	} {
		w.bank.verdict = verdict
		failure, err := w.Verify(t.Context(), ref)
		require.NoError(t, err)
		require.Equal(t, want, failure.Code)
	}
	w.bank.verdict = "PERHAPS"
	_, err := w.Verify(t.Context(), ref)
	require.ErrorIs(t, err, errs.BankUnreachable)
	w.bank.unreachable = true
	_, err = w.Verify(t.Context(), ref)
	require.ErrorIs(t, err, errs.BankUnreachable)
	require.True(t, errs.Retryable(err))
	_, err = w.Verify(t.Context(), banking.BankAccountRef{BankCode: "999"})
	require.ErrorIs(t, err, errs.InvalidRequest)
}

func TestAnAccountIsLinkedOnceAtATime(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	mine, theirs := newAccount("mem_1"), newAccount("mem_2")
	w.link(t, mine)
	w.link(t, mine) // a repeat
	outs, err := w.LinkAccounts(ctx, []banking.NewAccount{theirs, mine, newAccount("mem_1"), {ID: "x"}})
	require.NoError(t, err)
	require.Equal(t, errs.BankAccountDuplicate.Code, outs[0].Code)
	require.False(t, outs[1].Is())
	require.Equal(t, errs.BankAccountDuplicate.Code, outs[2].Code)
	require.Equal(t, errs.InvalidRequest.Code, outs[3].Code)

	other := newAccount("mem_1")
	other.Number, other.ID = "9999999999", mine.ID
	outs, err = w.LinkAccounts(ctx, []banking.NewAccount{other})
	require.NoError(t, err)
	require.Equal(t, errs.IdempotencyReused.Code, outs[0].Code)

	w.clock.advance(time.Minute)
	gone, err := w.Unlink(ctx, "mem_1", mine.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Unlinked, gone.State)
	require.Equal(t, w.clock.now(), gone.RevokedAt)
	w.clock.advance(time.Minute)
	again, err := w.Unlink(ctx, "mem_1", mine.ID)
	require.NoError(t, err)
	require.Equal(t, gone, again)

	w.link(t, theirs) // free again, and a late repeat of the first does not take it back
	w.link(t, mine)
	_, err = w.Unlink(ctx, "mem_1", theirs.ID)
	require.ErrorIs(t, err, errs.BankAccountNotFound)
	found, err := w.FindAccount(ctx, "mem_2", theirs.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Linked, found.State)
	require.Equal(t, clearNumber, found.Number)
	require.Equal(t, clearName, found.HolderName)
	require.Equal(t, "********9012", found.MaskedNumber())
	_, err = w.FindAccount(ctx, "mem_1", theirs.ID)
	require.ErrorIs(t, err, errs.BankAccountNotFound)
	_, err = w.FindAccount(ctx, "mem_1", id.New(id.BankAccount))
	require.ErrorIs(t, err, errs.BankAccountNotFound)
}

func TestConcurrentLinksOfOneRealAccount(t *testing.T) {
	w := newWorld(t)
	const callers = 20
	var linked atomic.Int32
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			outs, err := w.LinkAccounts(t.Context(), []banking.NewAccount{newAccount("mem_1")})
			if err == nil && !outs[0].Is() {
				linked.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, linked.Load())
}

func TestAccountPages(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	var want []string
	for i := range 5 {
		n := newAccount("mem_1")
		n.Number = "123456789" + string(rune('0'+i)) + "0"
		w.link(t, n)
		want = append([]string{n.ID}, want...)
		w.clock.advance(time.Duration(i%2) * time.Second) // some at the same time
	}
	var got []string
	r := page.Request{Limit: 2}
	for range 4 {
		p, err := w.ListAccounts(ctx, "mem_1", r)
		require.NoError(t, err)
		for _, a := range p.Items {
			got = append(got, a.ID)
		}
		if p.Next == "" {
			break
		}
		r, err = page.Parse(p.Next, 2)
		require.NoError(t, err)
	}
	require.ElementsMatch(t, want, got)
	p, err := w.ListAccounts(ctx, "mem_2", page.Request{Limit: 2})
	require.NoError(t, err)
	require.Empty(t, p.Items)
}

func TestAuthorizeAccounts(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	a, b := newAccount("mem_1"), newAccount("mem_1")
	b.Number = "5555555555"
	w.link(t, a)
	w.link(t, b)
	_, err := w.Unlink(ctx, "mem_1", b.ID)
	require.NoError(t, err)
	grants, err := w.AuthorizeAccounts(ctx, []banking.AccountUse{
		{MembershipID: "mem_1", BankAccountID: a.ID}, {MembershipID: "mem_2", BankAccountID: a.ID},
		{MembershipID: "mem_1", BankAccountID: b.ID}, {MembershipID: "mem_1", BankAccountID: "acc_none"},
	})
	require.NoError(t, err)
	require.Equal(t, []banking.AccountGrant{
		{BankCode: "004"},
		{Failure: record.FailureOf(errs.BankAccountNotFound)},
		{Failure: record.FailureOf(errs.BankAccountUnlinked)},
		{Failure: record.FailureOf(errs.BankAccountNotFound)},
	}, grants)
	grants, err = w.AuthorizeAccounts(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, grants)
}

func TestLinkRequests(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	a := banking.LinkRecord{ID: id.New(id.BankAccount), MembershipID: "mem_1", Fingerprint: "one"}
	rows, err := w.BeginLinks(ctx, []banking.LinkRecord{a, a})
	require.NoError(t, err)
	require.Equal(t, record.Requested, rows[0].State)
	until := w.clock.now().Add(time.Hour)
	require.NoError(t, w.MoveLinks(ctx, []record.Move{{ID: a.ID, State: record.Waiting, Until: until}}))
	found, err := w.FindLink(ctx, a.ID)
	require.NoError(t, err)
	require.Equal(t, until, found.Until)

	failure := record.FailureOf(errs.BankNameMismatch)
	require.NoError(t, w.MoveLinks(ctx, []record.Move{{ID: a.ID, State: record.Failed, Failure: failure}}))
	other := a
	other.Fingerprint = "two"
	rows, err = w.BeginLinks(ctx, []banking.LinkRecord{other, {ID: id.New(id.BankAccount), MembershipID: "mem_2", Fingerprint: "x"}})
	require.NoError(t, err)
	require.Equal(t, "one", rows[0].Fingerprint)
	require.Equal(t, record.Failed, rows[0].State)
	require.Equal(t, failure, rows[0].Failure)
	require.True(t, rows[0].Until.IsZero())
	require.Equal(t, record.Requested, rows[1].State)
	require.ErrorIs(t, w.MoveLinks(ctx, []record.Move{{ID: a.ID, State: record.Succeeded}}), errs.ConcurrentEdit)
	require.ErrorIs(t, w.MoveLinks(ctx, []record.Move{{ID: "acc_none", State: record.Succeeded}}), errs.FlowNotFound)
	_, err = w.FindLink(ctx, "acc_none")
	require.ErrorIs(t, err, errs.BankAccountNotFound)
}

func TestPrepareIsIdempotent(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	a, b := order(banking.Debit), order(banking.Credit)
	rows, err := w.Prepare(ctx, []banking.Firmbanking{a, b, a})
	require.NoError(t, err)
	require.Equal(t, []string{a.ID, b.ID, a.ID}, []string{rows[0].ID, rows[1].ID, rows[2].ID})
	require.Equal(t, banking.StateRequested, rows[0].State)
	require.Empty(t, rows[0].Number)
	require.Empty(t, rows[0].HolderName)

	_, err = w.Submit(ctx, a.ID)
	require.NoError(t, err)
	require.Equal(t, banking.StateSettled, w.prepare(t, a).State)
	drawnAnew := a
	drawnAnew.ID = id.New(id.Firmbanking)
	require.Equal(t, a.ID, w.prepare(t, drawnAnew).ID, "the reference finds it")

	for name, change := range map[string]func(*banking.Firmbanking){
		"amount":           func(f *banking.Firmbanking) { f.Amount++ },
		"direction":        func(f *banking.Firmbanking) { f.Direction = banking.Credit },
		"account":          func(f *banking.Firmbanking) { f.Number = "9999999999" },
		"fingerprint":      func(f *banking.Firmbanking) { f.Fingerprint = "other" },
		"same id, new ref": func(f *banking.Firmbanking) { f.Reference = "other" },
	} {
		f := a
		change(&f)
		_, err := w.Prepare(ctx, []banking.Firmbanking{f})
		require.ErrorIs(t, err, errs.IdempotencyReused, name)
	}
	_, err = w.Prepare(ctx, []banking.Firmbanking{{}})
	require.ErrorIs(t, err, errs.InvalidRequest)
}

func TestPrepareTakesTheLinkedAccount(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	n := newAccount("mem_1")
	w.link(t, n)
	fromLinked := func(d banking.Direction) banking.Firmbanking {
		f := order(d)
		f.BankAccountID, f.MembershipID, f.Number, f.HolderName, f.BankCode = n.ID, "mem_1", "", "", ""
		return f
	}
	debit := fromLinked(banking.Debit)
	require.Equal(t, "004", w.prepare(t, debit).BankCode)
	_, err := w.Submit(ctx, debit.ID)
	require.NoError(t, err)
	require.Equal(t, banking.BankAccountRef{BankCode: "004", Number: clearNumber, HolderName: clearName}, w.bank.last.From)
	require.Equal(t, banking.BankAccountRef(banking.BankAccountRef{BankCode: corporate.BankCode, Number: corporate.Number}), w.bank.last.To)

	foreign := fromLinked(banking.Debit)
	foreign.MembershipID = "mem_2"
	_, err = w.Prepare(ctx, []banking.Firmbanking{foreign})
	require.ErrorIs(t, err, errs.BankAccountNotFound)

	_, err = w.Unlink(ctx, "mem_1", n.ID)
	require.NoError(t, err)
	require.Equal(t, banking.StateSettled, w.prepare(t, debit).State, "a repeat does not need the consent again")
	late := fromLinked(banking.Debit)
	require.Equal(t, banking.StateRejected, w.prepare(t, late).State)
	answer, err := w.Submit(ctx, late.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Answer{Kind: banking.Rejected, Reason: errs.BankAccountUnlinked.Code}, answer)
	require.Zero(t, w.bank.called(late.Reference))

	back := fromLinked(banking.Credit)
	w.prepare(t, back)
	answer, err = w.Submit(ctx, back.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Accepted, answer.Kind, "money may go back to an account that is no longer linked")
	require.Equal(t, clearNumber, w.bank.last.To.Number)
	require.Equal(t, corporate.Number, w.bank.last.From.Number)
}

func TestSubmitKeepsTheAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		fault fault
		state banking.FirmbankingState
		want  banking.Answer
	}{
		"accepted":    {none, banking.StateSettled, banking.Answer{Kind: banking.Accepted}},
		"declined":    {declined, banking.StateRejected, banking.Answer{Kind: banking.Rejected, Reason: errs.BankInsufficientFunds.Code}},
		"lost before": {lostBefore, banking.StateUnknown, banking.Answer{Kind: banking.Unknown}},
		"lost after":  {lostAfter, banking.StateUnknown, banking.Answer{Kind: banking.Unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			w, ctx := newWorld(t), t.Context()
			w.bank.fault = c.fault
			f := w.prepare(t, order(banking.Debit))
			if c.fault == none {
				c.want.BankTransactionID = "BTX" + f.Reference
			}
			for range 3 {
				answer, err := w.Submit(ctx, f.ID)
				require.NoError(t, err)
				require.Equal(t, c.want, answer)
			}
			require.Equal(t, 1, w.bank.called(f.Reference))
			require.Equal(t, c.state, w.state(t, f.ID))
			require.Equal(t, w.clock.now().Add(validity), w.bank.last.ValidUntil)
		})
	}
	w := newWorld(t)
	_, err := w.Submit(t.Context(), id.New(id.Firmbanking))
	require.ErrorIs(t, err, errs.FirmbankingNotFound)
	_, err = w.Inquire(t.Context(), id.New(id.Firmbanking))
	require.ErrorIs(t, err, errs.FirmbankingNotFound)
}

func TestConcurrentSubmitsCallTheBankOnce(t *testing.T) {
	w := newWorld(t)
	f := w.prepare(t, order(banking.Debit))
	const callers = 50
	w.bank.gate = make(chan struct{})
	answers := make(chan banking.Answer, callers)
	for range callers {
		go func() {
			a, err := w.Submit(t.Context(), f.ID)
			if err != nil {
				a = banking.Answer{}
			}
			answers <- a
		}()
	}
	for range callers - 1 { // all but the one at the bank
		require.Equal(t, banking.Unknown, next(t, answers).Kind)
	}
	close(w.bank.gate)
	require.Equal(t, banking.Accepted, next(t, answers).Kind)
	require.Equal(t, 1, w.bank.called(f.Reference))
}

// next waits for an answer, with a bound for the case that none comes.
func next(t *testing.T, answers <-chan banking.Answer) banking.Answer {
	t.Helper()
	select {
	case a := <-answers:
		return a
	case <-time.After(30 * time.Second):
		t.Fatal("no answer")
		return banking.Answer{}
	}
}

func TestInquireOfWhatWasNeverSentGivesItUp(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.prepare(t, order(banking.Debit))
	want := banking.Answer{Kind: banking.Rejected, Reason: errs.BankNotExecuted.Code}
	for range 2 {
		answer, err := w.Inquire(ctx, f.ID)
		require.NoError(t, err)
		require.Equal(t, want, answer)
	}
	answer, err := w.Submit(ctx, f.ID) // too late
	require.NoError(t, err)
	require.Equal(t, want, answer)
	require.Zero(t, w.bank.called(f.Reference))
}

func TestInquireWaitsUntilATransferCanNoLongerArrive(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.bank.fault = lostBefore
	f := w.prepare(t, order(banking.Debit))
	_, err := w.Submit(ctx, f.ID)
	require.NoError(t, err)
	w.clock.advance(validity + margin) // the very last moment
	answer, err := w.Inquire(ctx, f.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Unknown, answer.Kind)
	w.clock.advance(time.Microsecond)
	w.bank.unreachable = true
	answer, err = w.Inquire(ctx, f.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Unknown, answer.Kind)
	w.bank.unreachable = false
	answer, err = w.Inquire(ctx, f.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Answer{Kind: banking.Rejected, Reason: errs.BankNotExecuted.Code}, answer)
	require.Equal(t, banking.StateRejected, w.state(t, f.ID))
}

func TestInquireFindsWhatArrivedLate(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.bank.fault = late
	f := w.prepare(t, order(banking.Debit))
	_, err := w.Submit(ctx, f.ID)
	require.NoError(t, err)
	answer, err := w.Inquire(ctx, f.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Unknown, answer.Kind)
	w.clock.advance(validity)
	w.bank.arrive()
	answer, err = w.Inquire(ctx, f.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Answer{Kind: banking.Accepted, BankTransactionID: "BTX" + f.Reference}, answer)
	require.Equal(t, banking.StateSettled, w.state(t, f.ID))
}

// slowBank moves the clock while an inquiry is on its way back.
type slowBank struct{ *fakeBank }

func (b slowBank) Inquire(ctx context.Context, reference string) (banking.Inquiry, error) {
	i, err := b.fakeBank.Inquire(ctx, reference)
	b.arrive()
	b.clock.advance(time.Hour)
	return i, err
}

func TestANotFoundIsAsOldAsItsQuestion(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	key := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	ring, err := secret.ParseKeyRing("k1:" + key)
	require.NoError(t, err)
	index, err := secret.NewIndexer([]byte("fedcba9876543210fedcba9876543210"))
	require.NoError(t, err)
	w.Service = banking.New(bankingdb.New(w.db), slowBank{w.bank}, ring, index, banking.Options{Now: w.clock.now, Corporate: corporate})
	w.bank.fault = late
	f := w.prepare(t, order(banking.Debit))
	_, err = w.Submit(ctx, f.ID)
	require.NoError(t, err)
	answer, err := w.Inquire(ctx, f.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Unknown, answer.Kind, "it arrived right after the bank had looked")
	answer, err = w.Inquire(ctx, f.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Accepted, answer.Kind)
}

// failingStore loses what follows the claim of a transfer.
type failingStore struct {
	banking.Store
	failing atomic.Bool
}

func (s *failingStore) MoveFirmbanking(ctx context.Context, id string, m banking.FirmbankingMove) (bool, error) {
	if s.failing.Load() && m.To != banking.StateSent {
		return false, errs.ServiceUnavailable
	}
	return s.Store.MoveFirmbanking(ctx, id, m)
}

func TestAnAnswerThatCannotBeStoredIsUnknown(t *testing.T) {
	store := &failingStore{}
	w := newWorldOn(t, func(s banking.Store) banking.Store { store.Store = s; return store })
	f := w.prepare(t, order(banking.Debit))
	store.failing.Store(true)
	answer, err := w.Submit(t.Context(), f.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Unknown, answer.Kind)
	_, err = w.Inquire(t.Context(), f.ID)
	require.ErrorIs(t, err, errs.ServiceUnavailable)
	store.failing.Store(false)
	answer, err = w.Inquire(t.Context(), f.ID)
	require.NoError(t, err)
	require.Equal(t, banking.Accepted, answer.Kind)
	require.Equal(t, 1, w.bank.called(f.Reference))
}

func TestTheAnswerIsStoredWhenTheCallerHasLeft(t *testing.T) {
	w := newWorld(t)
	f := w.prepare(t, order(banking.Debit))
	w.bank.gate = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan banking.Answer, 1)
	go func() {
		a, _ := w.Submit(ctx, f.ID)
		done <- a
	}()
	require.Eventually(t, func() bool { return w.bank.entered.Load() == 1 }, 10*time.Second, time.Millisecond)
	cancel()
	close(w.bank.gate)
	require.Equal(t, banking.Accepted, next(t, done).Kind)
	require.Equal(t, banking.StateSettled, w.state(t, f.ID))
}

// Whatever goes wrong and whoever races whom: the bank is called at most once, no two
// answers contradict, and in the end our books say what the bank's say.
func TestSubmitAgainstInquire(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		w.bank.fault = rapid.SampledFrom([]fault{none, lostBefore, lostAfter, late, declined}).Draw(rt, "fault")
		w.bank.lag = time.Duration(rapid.Int64Range(0, int64(margin)).Draw(rt, "lag"))
		moves := rapid.SliceOfN(rapid.Int64Range(0, int64(validity)), 1, 4).Draw(rt, "clock")
		submits, inquiries := rapid.IntRange(1, 3).Draw(rt, "submits"), rapid.IntRange(1, 3).Draw(rt, "inquiries")
		f := w.prepare(rt, order(banking.Debit))

		var mu sync.Mutex
		var answers []banking.Answer
		var wg sync.WaitGroup
		told := func(a banking.Answer, err error) {
			if err == nil {
				mu.Lock()
				answers = append(answers, a)
				mu.Unlock()
			}
		}
		for range submits {
			wg.Go(func() { told(w.Submit(t.Context(), f.ID)) })
		}
		for range inquiries {
			wg.Go(func() { told(w.Inquire(t.Context(), f.ID)) })
		}
		wg.Go(func() {
			for _, d := range moves {
				w.clock.advance(time.Duration(d))
				w.bank.arrive()
			}
		})
		wg.Wait()
		w.bank.arrive()
		w.clock.advance(validity + margin + time.Second)
		last, err := w.Inquire(t.Context(), f.ID)
		require.NoError(rt, err)

		require.LessOrEqual(rt, w.bank.called(f.Reference), 1)
		require.NotEqual(rt, banking.Unknown, last.Kind)
		require.Equal(rt, w.bank.accepted(f.Reference), last.Kind == banking.Accepted)
		for _, a := range answers {
			require.True(rt, a.Kind == banking.Unknown || a == last, "told %v, is %v", a, last)
		}
	})
}

func TestListFirmbankings(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	a, b, c := order(banking.Debit), order(banking.Credit), order(banking.Debit)
	a.MembershipID, b.FlowID, c.BankCode = "mem_1", "withdrawal/1", "088"
	w.prepare(t, a)
	w.clock.advance(time.Second)
	w.prepare(t, b)
	w.clock.advance(24 * time.Hour)
	w.prepare(t, c)
	_, err := w.Submit(ctx, b.ID)
	require.NoError(t, err)
	for name, x := range map[string]struct {
		filter banking.Filter
		want   []string
	}{
		"all":    {banking.Filter{}, []string{c.ID, b.ID, a.ID}},
		"state":  {banking.Filter{State: banking.StateSettled}, []string{b.ID}},
		"member": {banking.Filter{MembershipID: "mem_1"}, []string{a.ID}},
		"flow":   {banking.Filter{FlowID: "withdrawal/1"}, []string{b.ID}},
		"bank":   {banking.Filter{BankCode: "088"}, []string{c.ID}},
		"date":   {banking.Filter{Date: "2026-03-02"}, []string{b.ID, a.ID}},
		"both":   {banking.Filter{Date: "2026-03-02", BankCode: "088"}, nil},
	} {
		p, err := w.ListFirmbankings(ctx, x.filter, page.Request{Limit: 10})
		require.NoError(t, err, name)
		var got []string
		for _, f := range p.Items {
			require.Equal(t, clearNumber, f.Number)
			got = append(got, f.ID)
		}
		require.Equal(t, x.want, got, name)
	}
	p, err := w.ListFirmbankings(ctx, banking.Filter{}, page.Request{Limit: 2})
	require.NoError(t, err)
	r, err := page.Parse(p.Next, 2)
	require.NoError(t, err)
	p, err = w.ListFirmbankings(ctx, banking.Filter{}, r)
	require.NoError(t, err)
	require.Len(t, p.Items, 1)
	require.Empty(t, p.Next)
}

func TestNoColumnHoldsPersonalDataInTheClear(t *testing.T) {
	w := newWorld(t)
	w.link(t, newAccount("mem_1"))
	w.prepare(t, order(banking.Debit))
	w.record(t, returnNotice("r"))
	for _, table := range []string{"accounts", "link_requests", "firmbankings", "bank_notices"} {
		rows, err := w.db.Queryx("SELECT * FROM " + table)
		require.NoError(t, err)
		for rows.Next() {
			columns, err := rows.SliceScan()
			require.NoError(t, err)
			for _, c := range columns {
				if b, isText := c.([]byte); isText {
					require.False(t, strings.Contains(string(b), clearNumber) || strings.Contains(string(b), clearName), table)
				}
			}
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
}

// A transfer may wait for its bank for hours; a consent that is revoked meanwhile counts.
func TestADebitIsNotSentAfterItsConsentIsRevoked(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	n := newAccount("mem_1")
	w.link(t, n)
	f := order(banking.Debit)
	f.BankAccountID, f.MembershipID, f.Number, f.HolderName, f.BankCode = n.ID, "mem_1", "", "", ""
	w.prepare(t, f)
	_, err := w.Unlink(ctx, "mem_1", n.ID)
	require.NoError(t, err)
	for range 2 {
		answer, err := w.Submit(ctx, f.ID)
		require.NoError(t, err)
		require.Equal(t, banking.Rejected, answer.Kind)
		require.Equal(t, errs.BankAccountUnlinked.Code, answer.Reason)
	}
	require.Zero(t, w.bank.called(f.Reference))
	require.Equal(t, banking.StateRejected, w.state(t, f.ID))
}
