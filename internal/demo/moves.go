package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"durapay/internal/apiclient"
)

func (k kind) String() string {
	switch k {
	case topUp:
		return "top-up"
	case withdrawal:
		return "withdrawal"
	case remittance:
		return "remittance"
	case toBank:
		return "remittance to a bank"
	case payment:
		return "payment"
	case cancel:
		return "cancel"
	default:
		return "nothing"
	}
}

// operation is the row of the table a move belongs to.
func (m move) operation() string {
	name := m.kind.String()
	if m.late {
		name += afterSettlement
	}
	if m.repeat {
		name += repeated
	}
	return name
}

// answer is what a move was told.
type answer struct {
	move
	outcome apiclient.Outcome
	err     error
}

// verdict is how the move ended for the client, with the code when it did not succeed.
// A refusal by the platform is clear; anything else may or may not have moved money.
func (a answer) verdict() (result, string) {
	var refusal *apiclient.Problem
	switch {
	case errors.As(a.err, &refusal) && isClear(refusal.Status):
		return refused, refusal.Code
	case refusal != nil:
		return pending, refusal.Code
	case a.err != nil:
		return pending, "unanswered"
	case a.outcome.State == apiclient.Succeeded:
		return succeeded, ""
	case a.outcome.State.Final():
		return refused, firstOf(a.outcome.Code, string(a.outcome.State))
	default:
		return pending, string(a.outcome.State)
	}
}

// isClear tells whether a status says that nothing was done.
func isClear(status int) bool {
	return status < http.StatusInternalServerError && status != http.StatusTooManyRequests
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// record is the answer as the books take it.
func (a answer) record() record {
	return record{id: a.outcome.ID, kind: a.kind, member: a.from, receiver: a.to, amount: a.amount, state: a.outcome.State, day: a.day, of: a.payment}
}

// answers gathers what all moves were told.
type answers struct {
	mu  sync.Mutex
	all []answer
}

func (s *answers) add(a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, a)
}

// request names a request; its repeat has the same name.
type request struct {
	kind kind
	key  int
}

// contradictions names the requests whose repeats were told another story.
func (s *answers) contradictions() []string {
	first := map[request]answer{}
	var all []string
	for _, a := range s.all {
		name := request{a.kind, a.key}
		before, known := first[name]
		if !known {
			first[name] = a
		} else if !before.agrees(a) {
			all = append(all, fmt.Sprintf("%s %d sent twice with one key was told %s, and %s", a.kind, a.key, before.words(), a.words()))
		}
	}
	return all
}

// agrees compares what is known for sure.
func (a answer) agrees(other answer) bool {
	one, oneCode := a.verdict()
	two, twoCode := other.verdict()
	if one == pending || two == pending {
		return a.outcome.ID == "" || other.outcome.ID == "" || a.outcome.ID == other.outcome.ID
	}
	return one == two && oneCode == twoCode && a.outcome.ID == other.outcome.ID
}

func (a answer) words() string {
	_, code := a.verdict()
	return fmt.Sprintf("%s %s %s", firstOf(a.outcome.ID, "no record"), a.outcome.State, code)
}

// ask sends a move, follows it to its end and notes what was told. What the platform says
// is no error of the demo.
func (d *demo) ask(ctx context.Context, m move) error {
	began := time.Now()
	a := d.send(ctx, m)
	if err := ctx.Err(); err != nil {
		return err
	}
	how, code := a.verdict()
	d.stats.add(m.operation(), sample{began: began, ended: time.Now(), result: how, code: code})
	d.answers.add(a)
	return nil
}

func (d *demo) send(ctx context.Context, m move) answer {
	a := answer{move: m}
	a.outcome, a.err = d.launch(ctx, m)
	if a.err == nil {
		a.outcome, a.err = d.follow(ctx, a)
	}
	return a
}

// follow waits for the end of a move, as whoever asked for it.
func (d *demo) follow(ctx context.Context, a answer) (apiclient.Outcome, error) {
	switch {
	case a.kind == cancel && a.operator:
		return d.operator.Follow(ctx, a.outcome, d.pace.follow)
	case a.kind == cancel:
		return d.franchises[a.to].merchant.Follow(ctx, a.outcome, d.pace.follow)
	default:
		return d.members[a.from].session.Follow(ctx, a.outcome, d.pace.follow)
	}
}

func (d *demo) launch(ctx context.Context, m move) (apiclient.Outcome, error) {
	from, key := d.members[m.from], d.key(m.kind.String(), m.key)
	switch m.kind {
	case topUp:
		return from.session.TopUp(ctx, key, apiclient.MoneyRequest{BankAccountID: from.bankAccountID, Amount: m.amount})
	case withdrawal:
		return from.session.Withdraw(ctx, key, apiclient.MoneyRequest{BankAccountID: from.bankAccountID, Amount: m.amount})
	case payment:
		return from.session.Pay(ctx, key, apiclient.PaymentRequest{FranchiseID: d.franchises[m.to].id,
			OrderID: d.key("order", m.order), Amount: m.amount, AutoTopUp: from.autoTopUp(m)})
	case cancel:
		return d.cancel(ctx, key, m)
	default:
		return from.session.Remit(ctx, key, apiclient.RemittanceRequest{To: d.receiver(m), Amount: m.amount, AutoTopUp: from.autoTopUp(m)})
	}
}

func (m *member) autoTopUp(asked move) *apiclient.AutoTopUp {
	if !asked.auto {
		return nil
	}
	return &apiclient.AutoTopUp{BankAccountID: m.bankAccountID}
}

func (d *demo) receiver(m move) apiclient.Receiver {
	if m.kind == remittance {
		return apiclient.Receiver{MembershipID: d.members[m.to].id}
	}
	a := d.payees[m.to]
	to := apiclient.Receiver{BankCode: a.BankCode, AccountNumber: a.AccountNumber, HolderName: a.HolderName}
	if m.wrong {
		to.HolderName = "아무개"
	}
	return to
}

func (d *demo) cancel(ctx context.Context, key string, m move) (apiclient.Outcome, error) {
	asked := apiclient.CancelRequest{Amount: m.amount, Reason: "demo"}
	if m.operator {
		return d.operator.CancelPayment(ctx, key, m.payment, asked)
	}
	return d.franchises[m.to].merchant.CancelPayment(ctx, key, m.payment, asked)
}

// readBack reads every record, now that all is quiet, and enters it in the books together
// with the automatic top-ups.
func (d *demo) readBack(ctx context.Context) error {
	var mu sync.Mutex
	asked := d.answers.requests()
	return d.each(ctx, readingRecords, len(asked), func(ctx context.Context, i int) error {
		found, err := d.find(ctx, asked[i])
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		found.enter(d.books)
		return nil
	})
}

// requests gives one answer for each request, the one that says most of it.
func (s *answers) requests() []answer {
	best := map[request]int{}
	var all []answer
	for _, a := range s.all {
		name := request{a.kind, a.key}
		at, known := best[name]
		if !known {
			best[name] = len(all)
			all = append(all, a)
		} else if how, _ := all[at].verdict(); how == pending {
			all[at] = a
		}
	}
	return all
}

// found is one request as it is on record.
type found struct {
	records []record
	breaks  []string
}

func (f found) enter(b *books) {
	for _, r := range f.records {
		b.enter(r)
	}
	b.breaks = append(b.breaks, f.breaks...)
}

// find reads a request's record. One whose answer never came is sent once more, with its
// own key, to learn its id.
func (d *demo) find(ctx context.Context, a answer) (found, error) {
	how, _ := a.verdict()
	if how == pending && a.outcome.ID == "" {
		a = d.send(ctx, a.move)
		how, _ = a.verdict()
	}
	if err := ctx.Err(); err != nil {
		return found{}, err
	}
	switch {
	case a.outcome.ID != "":
		return d.look(ctx, a)
	case how == pending:
		return found{breaks: []string{fmt.Sprintf("%s of %d won by member %d was never answered: %v", a.kind, a.amount, a.from, a.err)}}, nil
	default: // refused before it was a record
		return found{}, nil
	}
}

// look compares what was told with the record, and follows up on an automatic top-up.
func (d *demo) look(ctx context.Context, a answer) (found, error) {
	began := time.Now()
	read, topUpID, err := d.read(ctx, a)
	if err != nil {
		return found{}, fmt.Errorf("%s: %w", a.outcome.ID, err)
	}
	d.stats.add(readingRecords, sample{began: began, ended: time.Now(), result: succeeded})
	f := found{records: []record{read}}
	toldBefore := a.record()
	if a.kind == cancel && a.amount == 0 { // how much was left is for the platform to tell
		toldBefore.amount = read.amount
	}
	if toldBefore.state.Final() && toldBefore != read.story() {
		f.breaks = append(f.breaks, fmt.Sprintf("%s was told as %s of %d won, and is on record as %s of %d won",
			read.id, toldBefore.state, toldBefore.amount, read.state, read.amount))
	}
	if topUpID == "" {
		return f, nil
	}
	automatic, err := d.automatic(ctx, a.from, topUpID)
	f.records = append(f.records, automatic)
	return f, err
}

// read reads a record, and the id of the top-up that was made for it.
func (d *demo) read(ctx context.Context, a answer) (_ record, topUpID string, _ error) {
	session, r := d.members[a.from].session, a.record()
	switch a.kind {
	case topUp:
		m, err := session.FindTopUp(ctx, r.id)
		r.state, r.amount = m.State, m.Amount
		return r, "", err
	case withdrawal:
		m, err := session.FindWithdrawal(ctx, r.id)
		r.state, r.amount = m.State, m.Amount
		return r, "", err
	case payment:
		m, err := session.FindPayment(ctx, r.id)
		r.state, r.amount, r.left, r.rate, r.status, r.cut = m.State.Request(), m.Amount, m.Cancellable, m.FeeBasisPoints, m.State, m.StatementID
		r.receiver = d.shopOf(m.FranchiseID)
		return r, m.TopUpID, err
	case cancel:
		m, err := d.franchises[a.to].merchant.FindCancel(ctx, a.payment, r.id)
		r.state, r.amount, r.left, r.of = m.State, m.Amount, m.Remaining, m.PaymentID
		return r, "", err
	default:
		m, err := session.FindRemittance(ctx, r.id)
		r.state, r.amount = m.State, m.Amount
		r.receiver = d.receiverOf(m.To, a.move)
		return r, m.TopUpID, err
	}
}

// shopOf gives a franchise's place, and −1 for a stranger.
func (d *demo) shopOf(franchiseID string) int {
	return slices.IndexFunc(d.franchises, func(f *franchise) bool { return f.id == franchiseID })
}

// receiverOf gives the place of whom a remittance went to, and −1 for a stranger. Of an
// account no more is told than its bank and the end of its number.
func (d *demo) receiverOf(to apiclient.Receiver, asked move) int {
	if asked.kind == remittance {
		return d.position(to.MembershipID)
	}
	const shown = 4
	key := d.payees[asked.to].AccountKey
	if to.BankCode != key.BankCode || !strings.HasSuffix(to.AccountNumber, key.AccountNumber[len(key.AccountNumber)-shown:]) {
		return -1
	}
	return asked.to
}

// position gives a member's place, and −1 for a stranger.
func (d *demo) position(membershipID string) int {
	for i, m := range d.members {
		if m.id == membershipID {
			return i
		}
	}
	return -1
}

// automatic reads a top-up that a remittance or a payment made, once it has ended.
func (d *demo) automatic(ctx context.Context, owner int, topUpID string) (record, error) {
	session := d.members[owner].session
	m, err := session.FindTopUp(ctx, topUpID)
	if err == nil && !m.State.Final() {
		if _, err = session.FollowFlow(ctx, topUpID, d.pace.follow); err == nil {
			m, err = session.FindTopUp(ctx, topUpID)
		}
	}
	if err != nil {
		return record{}, fmt.Errorf("%s: %w", topUpID, err)
	}
	how, code := answer{outcome: apiclient.Outcome{ID: m.ID, State: m.State, Code: codeOf(m.Failure)}}.verdict()
	d.stats.add(automaticTopUp, sample{result: how, code: code})
	return record{id: m.ID, kind: topUp, member: owner, amount: m.Amount, state: m.State}, nil
}

func codeOf(f *apiclient.Failure) string {
	if f == nil {
		return ""
	}
	return f.Code
}
