package audit_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/audit"
	"durapay/errs"
	"durapay/internal/calendar"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/banking"
	"durapay/services/membership/membershipdb"
	"durapay/services/money"
	"durapay/services/money/ledger"
	"durapay/services/moneyquery"
	"durapay/services/payment"
	"durapay/services/remittance"
	"durapay/services/settlement"
	"durapay/workflows/contract"
)

// modelFeeds are what the read model is made of.
type modelFeeds struct {
	*money.Service
	members *membershipdb.Store
}

func (f modelFeeds) Journal(ctx context.Context, after int64, limit int) ([]moneyquery.JournalLine, int64, error) {
	from, last, err := f.Service.Journal(ctx, after, limit)
	lines := make([]moneyquery.JournalLine, len(from))
	for i, l := range from {
		lines[i] = moneyquery.JournalLine(l)
	}
	return lines, last, err
}

func (f modelFeeds) RegionChanges(ctx context.Context, after int64, limit int) ([]moneyquery.RegionChange, error) {
	from, err := f.members.RegionChanges(ctx, after, limit)
	changes := make([]moneyquery.RegionChange, len(from))
	for i, c := range from {
		changes[i] = moneyquery.RegionChange(c)
	}
	return changes, err
}

func (f modelFeeds) RegionHead(ctx context.Context) (int64, error) { return f.members.RegionHead(ctx) }

// livesIn tells where a member lives from now on.
func (w *world) livesIn(m member, region string) {
	w.exec("membership", `INSERT INTO region_changes SELECT COALESCE(MAX(seq), 0) + 1, ?, ?, NOW(6) FROM region_changes`, m.id, region)
}

func (w *world) project() {
	for {
		done, err := w.model.Project(w.t.Context())
		require.NoError(w.t, err)
		if done == 0 {
			return
		}
	}
}

func (w *world) book(commands ...ledger.Command) {
	results, err := w.money.Post(context.Background(), commands)
	require.NoError(w.t, err)
	for _, r := range results {
		require.True(w.t, r.Done(), r.Refusal.Code)
	}
}

func (w *world) leg(kind ledger.Kind, ref, flow, from, to string, amount int64) {
	w.book(ledger.Command{Op: ledger.OpPost, Ref: ref, Kind: kind, FlowID: flow, Legs: []ledger.Leg{{From: from, To: to, Amount: amount}}})
}

func (w *world) ended(recordID string, state record.State, fingerprint string) {
	w.flows.set(recordID, audit.Ending{Status: audit.FlowCompleted, ID: recordID, State: string(state), Fingerprint: fingerprint})
}

// shop is a franchise with an account at a bank.
type shop struct{ id, number string }

func (w *world) newShop(number string) shop {
	w.t.Helper()
	s := shop{id.New(id.Franchise), number}
	w.exec("franchise", `INSERT INTO franchises (id, name, business_number, number_claim, contact_sealed, bank_code, number_sealed, holder_sealed,
		payout_verified_at, state, status, version, fingerprint, created_at, updated_at)
		VALUES (?, '', ?, ?, '', '088', '', '', NOW(6), 'SUCCEEDED', 'ACTIVE', 1, '', NOW(6), NOW(6))`, s.id, number[4:], number[4:])
	w.book(ledger.OpenUnbounded(s.id+"/open", ledger.FranchisePayable(s.id), ledger.KindPayable))
	w.openAtBank(memberBank, number, 0)
	return s
}

// rate is the fee of every shop, in 1/10,000.
const rate = 170

func (w *world) pay(m member, s shop, amount int64) string {
	w.t.Helper()
	ctx, p := context.Background(), id.New(id.Payment)
	w.flows.set(p, audit.Ending{Status: audit.FlowRunning})
	_, err := w.payment.Begin(ctx, []payment.NewPayment{{ID: p, MembershipID: m.id, FranchiseID: s.id, OrderID: p, Amount: amount, Fingerprint: "pay"}})
	require.NoError(w.t, err)
	w.leg(ledger.Payment, p, p, ledger.WalletAccount(m.id), ledger.FranchisePayable(s.id), amount)
	require.NoError(w.t, w.payment.Move(ctx, []payment.Move{{Move: record.Move{ID: p, State: record.Succeeded}, FeeBasisPoints: rate}}))
	w.ended(p, record.Succeeded, "pay")
	return p
}

func (w *world) giveBack(m member, s shop, paymentID string, amount int64) string {
	w.t.Helper()
	ctx, c := context.Background(), id.New(id.Cancel)
	w.flows.set(c, audit.Ending{Status: audit.FlowRunning})
	begun, err := w.payment.BeginCancels(ctx, []payment.NewCancel{{ID: c, PaymentID: paymentID, FranchiseID: s.id, Amount: amount, Reason: "변심", Fingerprint: "cxl"}})
	require.NoError(w.t, err)
	require.False(w.t, begun[0].Refusal.Is(), begun[0].Refusal)
	w.leg(ledger.PaymentCancel, c, c, ledger.FranchisePayable(s.id), ledger.WalletAccount(m.id), begun[0].Amount)
	require.NoError(w.t, w.payment.MoveCancels(ctx, []record.Move{{ID: c, State: record.Succeeded}}))
	w.ended(c, record.Succeeded, "cxl")
	return c
}

// today is the business date that runs are counted from.
func today() calendar.Date { return calendar.Of(time.Now()) }

// beginRun stores a run of the date so many days from today.
func (w *world) beginRun(days int, dry bool) (string, calendar.Date) {
	w.t.Helper()
	date := today().AddDays(days)
	run := settlement.LiveRunID(date)
	if dry {
		run = id.New(id.SettlementRun)
	}
	w.flows.set(run, audit.Ending{Status: audit.FlowRunning})
	_, err := w.settlement.BeginRuns(context.Background(), []settlement.NewRun{{ID: run, BusinessDate: date, Dry: dry, AskedBy: "op", Fingerprint: "run"}})
	require.NoError(w.t, err)
	return run, date
}

// cut cuts what there is of a shop, without making the statement of it.
func (w *world) cut(run string, s shop) string {
	w.t.Helper()
	statement := settlement.StatementID(run, s.id)
	outs, err := w.payment.Cut(context.Background(), []payment.CutOrder{{StatementID: statement, FranchiseID: s.id, Before: time.Now().Add(time.Hour)}})
	require.NoError(w.t, err)
	require.False(w.t, outs[0].More)
	return statement
}

func (w *world) open(run string, date calendar.Date, s shop, sums payment.Sums) settlement.Statement {
	w.t.Helper()
	opened, err := w.settlement.OpenStatements(context.Background(), []settlement.NewStatement{{ID: settlement.StatementID(run, s.id), RunID: run, FranchiseID: s.id,
		CutThrough: date, PayoutDate: date, Sums: settlement.Sums{PaymentCount: sums.PaymentCount, PaymentAmount: sums.PaymentAmount,
			TaxFreeAmount: sums.TaxFreeAmount, CancelCount: sums.CancelCount, CancelAmount: sums.CancelAmount, Fee: sums.Fee, VAT: sums.VAT}}})
	require.NoError(w.t, err)
	require.False(w.t, opened[0].Refusal.Is(), opened[0].Refusal)
	return opened[0].Statement
}

func (w *world) bookFee(st settlement.Statement) {
	owed := ledger.FranchisePayable(st.FranchiseID)
	legs := append(legOf(owed, ledger.FeeIncome, st.Sums.Fee), legOf(owed, ledger.VATPayable, st.Sums.VAT)...)
	if len(legs) > 0 {
		w.book(ledger.Command{Op: ledger.OpPost, Ref: st.ID + "/fee", Kind: ledger.Settlement, FlowID: st.ID, Legs: legs})
	}
}

func legOf(from, to string, amount int64) []ledger.Leg {
	switch {
	case amount > 0:
		return []ledger.Leg{{From: from, To: to, Amount: amount}}
	case amount < 0:
		return []ledger.Leg{{From: to, To: from, Amount: -amount}}
	default:
		return nil
	}
}

// settle makes the statements of a date.
func (w *world) settle(days int, shops ...shop) []settlement.Statement {
	w.t.Helper()
	run, date := w.beginRun(days, false)
	statements := make([]settlement.Statement, len(shops))
	for i, s := range shops {
		sums, err := w.payment.Sums(context.Background(), []string{w.cut(run, s)})
		require.NoError(w.t, err)
		statements[i] = w.open(run, date, s, sums[0])
		w.bookFee(statements[i])
	}
	w.endRun(run)
	return statements
}

func (w *world) endRun(run string) {
	require.NoError(w.t, w.settlement.MoveRuns(context.Background(), []record.Move{{ID: run, State: record.Succeeded}}))
	w.ended(run, record.Succeeded, "run")
}

// payoutTry is an attempt to pay a statement.
type payoutTry struct {
	w         *world
	st        settlement.Statement
	shop      shop
	id        string
	fbk, ref  string
	transfers int
}

func (w *world) payout(st settlement.Statement, s shop, attempt int) *payoutTry {
	w.t.Helper()
	p := &payoutTry{w: w, st: st, shop: s, id: settlement.PayoutID(st.ID, attempt)}
	p.fbk, p.ref = contract.FirmbankingID(st.ID, fmt.Sprintf("attempt-%d", attempt))
	w.flows.set(st.ID, audit.Ending{Status: audit.FlowRunning})
	begun, err := w.settlement.BeginPayouts(context.Background(), []settlement.PayoutStart{{StatementID: st.ID, Attempt: attempt, FirmbankingID: p.fbk}})
	require.NoError(w.t, err)
	require.False(w.t, begun[0].Failure.Is(), begun[0].Failure)
	w.book(ledger.Command{Op: ledger.OpHold, Ref: p.id, Kind: ledger.Settlement, From: ledger.FranchisePayable(s.id), To: ledger.BankFloat, Amount: st.Net, FlowID: p.id})
	return p
}

func (p *payoutTry) submit(want banking.AnswerKind) *payoutTry {
	p.w.t.Helper()
	fbk, reference := p.fbk, p.ref
	if p.transfers++; p.transfers > 1 {
		reference = fmt.Sprintf("%s/%d", p.ref, p.transfers)
		fbk = id.Derive(id.Firmbanking, reference)
	}
	p.w.send(banking.Firmbanking{ID: fbk, Reference: reference, FlowID: p.id, Direction: banking.Credit, Amount: p.st.Net,
		BankCode: memberBank, Number: p.shop.number, HolderName: "김하나"}, want)
	return p
}

func (w *world) send(f banking.Firmbanking, want banking.AnswerKind) {
	w.t.Helper()
	_, err := w.banking.Prepare(context.Background(), []banking.Firmbanking{f})
	require.NoError(w.t, err)
	answer, err := w.banking.Submit(context.Background(), f.ID)
	require.NoError(w.t, err)
	require.Equal(w.t, want, answer.Kind)
}

func (p *payoutTry) capture() *payoutTry {
	p.w.book(ledger.Command{Op: ledger.OpCapture, Ref: p.id + "/capture", HoldRef: p.id})
	return p
}

func (p *payoutTry) end(state record.State) *payoutTry {
	p.w.t.Helper()
	move := record.Move{ID: p.id, State: state}
	if state == record.Failed {
		move.Failure = record.FailureOf(errs.BankDeclined)
		p.w.book(ledger.Command{Op: ledger.OpRelease, Ref: p.id + "/release", HoldRef: p.id})
	}
	require.NoError(p.w.t, p.w.settlement.MovePayouts(context.Background(), []record.Move{move}))
	if state == record.Succeeded {
		_, err := p.w.payment.FinishStatement(context.Background(), []string{p.st.ID})
		require.NoError(p.w.t, err)
	}
	p.w.flows.set(p.st.ID, audit.Ending{Status: audit.FlowCompleted, ID: p.id, State: string(state), FailureCode: string(move.Failure.Code)})
	return p
}

func (p *payoutTry) succeed() *payoutTry {
	return p.submit(banking.Accepted).capture().end(record.Succeeded)
}

func (w *world) retry(st settlement.Statement) {
	w.t.Helper()
	r, err := w.settlement.RequestRetry(context.Background(), settlement.NewRetry{ID: id.New(id.PayoutRetry), StatementID: st.ID, AskedBy: "one", Reason: "again"})
	require.NoError(w.t, err)
	_, err = w.settlement.ApproveRetry(context.Background(), r.ID, "two")
	require.NoError(w.t, err)
}

// told is a bank's notice under way.
type told struct {
	w      *world
	id     string
	kind   ledger.Kind
	amount int64
}

func (w *world) tell(n banking.Notice, kind ledger.Kind) *told {
	w.t.Helper()
	n.Account, n.At = banking.BankAccountRef{BankCode: corporateBank, Number: corporateNumber}, time.Now()
	stored, err := w.banking.RecordNotice(context.Background(), n)
	require.NoError(w.t, err)
	w.flows.set(stored.ID, audit.Ending{Status: audit.FlowRunning})
	return &told{w, stored.ID, kind, n.Amount}
}

// sendBack has the bank send a transfer back; it tells of it only when it is asked to.
func (w *world) sendBack(reference string) {
	w.callBank("POST", "/v1/returns", fmt.Sprintf(`{"reference":%q,"reason":"CLOSED"}`, reference), http.StatusOK)
}

func (w *world) tellReturn(reference string, amount int64) *told {
	return w.tell(banking.Notice{BankNoticeID: id.New(id.Request), Type: banking.NoticeReturned, Reference: reference, Amount: amount,
		Reason: errs.BankAccountClosed.Code}, ledger.BankReturn)
}

// deposit puts money on the corporate account and gives the bank's reference of it.
func (w *world) deposit(amount int64) (reference string) {
	w.callBank("POST", "/v1/deposits", fmt.Sprintf(`{"reference":%q,"account":{"bankCode":%q,"accountNumber":%q},"amount":%d,"memo":"x"}`,
		id.New(id.Request), corporateBank, corporateNumber, amount), http.StatusCreated)
	require.NoError(w.t, w.dbs["bank"].Get(&reference, `SELECT reference FROM entries WHERE reference LIKE 'BDP%' ORDER BY id DESC LIMIT 1`))
	return reference
}

func (w *world) tellDeposit(reference string, amount int64) *told {
	return w.tell(banking.Notice{BankNoticeID: "deposit-" + reference, Type: banking.NoticeDeposit, Reference: reference, Amount: amount}, ledger.Deposit)
}

func (n *told) claim() *told {
	returned, err := n.w.banking.ReturnTransfers(context.Background(), []string{n.id})
	require.NoError(n.w.t, err)
	require.False(n.w.t, returned[0].Failure.Is(), returned[0].Failure)
	return n
}

func (n *told) arrive() *told {
	n.w.leg(n.kind, n.id, n.id, ledger.BankFloat, ledger.Suspense, n.amount)
	return n
}

func (n *told) credit(to string) *told {
	n.w.leg(n.kind, n.id+"/credit", n.id, ledger.Suspense, to, n.amount)
	return n
}

func (n *told) end() *told {
	require.NoError(n.w.t, n.w.banking.MoveNotices(context.Background(), []record.Move{{ID: n.id, State: record.Succeeded}}))
	n.w.ended(n.id, record.Succeeded, "")
	return n
}

func returnedMove(recordID string) record.Move {
	return record.Move{ID: recordID, State: record.Returned, Failure: record.FailureOf(errs.BankReturned)}
}

// remitOut sends money to a bank account and gives the request and the bank's reference.
func (w *world) remitOut(from member, to string, amount int64) (remittanceID, reference string) {
	w.t.Helper()
	ctx := context.Background()
	r := remittance.Remittance{ID: id.New(id.Remittance), SenderID: from.id, Amount: amount, Fingerprint: "rem",
		To: remittance.Receiver{BankCode: memberBank, AccountNumber: to, HolderName: "김하나"}}
	_, err := w.remittance.Begin(ctx, []remittance.Remittance{r})
	require.NoError(w.t, err)
	w.book(ledger.Command{Op: ledger.OpHold, Ref: r.ID, Kind: ledger.Remittance, From: ledger.WalletAccount(from.id), To: ledger.BankFloat, Amount: amount, FlowID: r.ID})
	fbk, reference := contract.FirmbankingID(r.ID, "credit")
	w.send(banking.Firmbanking{ID: fbk, Reference: reference, FlowID: r.ID, MembershipID: from.id, Direction: banking.Credit, Amount: amount,
		BankCode: memberBank, Number: to, HolderName: "김하나"}, banking.Accepted)
	w.book(ledger.Command{Op: ledger.OpCapture, Ref: r.ID + "/capture", HoldRef: r.ID})
	require.NoError(w.t, w.remittance.Move(ctx, []record.Move{{ID: r.ID, State: record.Succeeded}}))
	w.ended(r.ID, record.Succeeded, "rem")
	return r.ID, reference
}

func (w *world) decline(reason string) {
	w.callBank("PUT", "/v1/faults", fmt.Sprintf(`{"rules":[{"match":{"operation":"TRANSFER"},"effect":{"type":"DECLINE","reason":%q},"times":1}]}`, reason), http.StatusOK)
}

// market is a book with something of everything that has to do with franchises.
type market struct {
	*world
	ann, ben                               member
	cafe, mart, gone                       shop
	paidPay, uncutPay, partCancel, gonePay string
	goneCancel, lateCancel                 string
	paid, failed, returned, carried, taken settlement.Statement
	dry                                    settlement.Statement
	paidOut                                *payoutTry
	remOut, remBack                        string
	remBackRef                             string
	payoutReturn, remReturn, depositNotice *told
}

func newMarket(w *world) *market {
	m := &market{world: w, ann: w.newMember("11000000000001", true), ben: w.newMember("11000000000002", false),
		cafe: w.newShop("21000000000011"), mart: w.newShop("22000000000012"), gone: w.newShop("23000000000013")}
	w.livesIn(m.ann, "JEJU")
	w.livesIn(m.ben, "SEOUL")
	w.topUp(m.ann, 900_000).succeed()
	w.topUp(m.ben, 100_000).succeed()
	w.livesIn(m.ann, "SEOUL")

	m.paidPay = w.pay(m.ann, m.cafe, 100_003)
	m.partCancel = w.giveBack(m.ann, m.cafe, m.paidPay, 33_333)
	martPay := w.pay(m.ann, m.mart, 50_001)
	m.gonePay = w.pay(m.ben, m.gone, 10_000)
	first := w.settle(0, m.cafe, m.mart, m.gone)
	m.paid, m.failed = first[0], first[1]
	w.decline("MAINTENANCE") // made anew, as a transfer of its own
	m.paidOut = w.payout(m.paid, m.cafe, 1).submit(banking.Rejected).succeed()
	w.decline("LIMIT_EXCEEDED")
	w.payout(m.failed, m.mart, 1).submit(banking.Rejected).end(record.Failed)
	w.retry(m.failed)
	w.payout(m.failed, m.mart, 2).succeed()
	w.payout(first[2], m.gone, 1).succeed()

	m.goneCancel = w.giveBack(m.ben, m.gone, m.gonePay, 0) // after it was paid: the next net is negative
	m.carried = w.settle(1, m.gone)[0]
	w.pay(m.ben, m.gone, 30_000)
	w.pay(m.ann, m.cafe, 70_000)
	m.lateCancel = w.giveBack(m.ann, m.mart, martPay, 1)
	second := w.settle(2, m.gone, m.cafe, m.mart)
	m.taken, m.returned = second[0], second[1]
	w.payout(m.taken, m.gone, 1).succeed()
	back := w.payout(m.returned, m.cafe, 1).succeed()
	w.sendBack(back.ref)
	m.payoutReturn = w.tellReturn(back.ref, m.returned.Net).claim().arrive().credit(ledger.FranchisePayable(m.cafe.id))
	require.NoError(w.t, w.settlement.MovePayouts(w.t.Context(), []record.Move{returnedMove(back.id)}))
	m.payoutReturn.end()

	m.remOut, _ = w.remitOut(m.ann, m.ben.number, 5_000)
	m.remBack, m.remBackRef = w.remitOut(m.ann, m.ben.number, 7_000)
	w.sendBack(m.remBackRef)
	m.remReturn = w.tellReturn(m.remBackRef, 7_000).claim().arrive().credit(ledger.WalletAccount(m.ann.id))
	require.NoError(w.t, w.remittance.Move(w.t.Context(), []record.Move{returnedMove(m.remBack)}))
	m.remReturn.end()
	m.depositNotice = w.tellDeposit(w.deposit(11_000), 11_000).arrive().end()
	w.deposit(13_000) // nobody has been told

	m.uncutPay = w.pay(m.ann, m.cafe, 12_345)
	m.inFlight()
	w.project()
	w.remit(m.ann, m.ben, 1_000, "", record.Succeeded) // the model is behind by that
	m.dryRun()
	return m
}

// inFlight leaves something at every step on its way.
func (m *market) inFlight() {
	ctx, p := context.Background(), id.New(id.Payment)
	m.flows.set(p, audit.Ending{Status: audit.FlowRunning})
	_, err := m.payment.Begin(ctx, []payment.NewPayment{{ID: p, MembershipID: m.ann.id, FranchiseID: m.mart.id, OrderID: p, Amount: 777, Fingerprint: "pay"}})
	require.NoError(m.t, err)
	m.leg(ledger.Payment, p, p, ledger.WalletAccount(m.ann.id), ledger.FranchisePayable(m.mart.id), 777)

	m.pay(m.ann, m.mart, 40_000)
	m.pay(m.ann, m.gone, 20_000)
	run, date := m.beginRun(5, false)
	sums, err := m.payment.Sums(ctx, []string{m.cut(run, m.mart)})
	require.NoError(m.t, err)
	m.open(run, date, m.mart, sums[0]) // its fee is not booked yet
	m.cut(run, m.gone)                 // its statement is not made yet
}

func (m *market) dryRun() {
	run, date := m.beginRun(0, true)
	sums, err := m.payment.Preview(context.Background(), []payment.CutOrder{{StatementID: settlement.StatementID(run, m.cafe.id), FranchiseID: m.cafe.id, Before: time.Now().Add(time.Hour)}})
	require.NoError(m.t, err)
	m.dry = m.open(run, date, m.cafe, sums[0])
	m.endRun(run)
}

func (m *market) payable(s shop) string { return ledger.FranchisePayable(s.id) }

// loosen takes away the constraints of the new tables too.
func (w *world) loosen() {
	for database, tables := range map[string][]string{
		"payment": {"payments", "cancels"}, "settlement": {"statements", "payouts", "carries"}, "remittance": {"remittances"},
		"banking": {"firmbankings", "bank_notices"},
	} {
		for _, table := range tables {
			var constraints []string
			require.NoError(w.t, w.dbs[database].Select(&constraints, `SELECT CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS
				WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND CONSTRAINT_TYPE = 'CHECK'`, table))
			for _, c := range constraints {
				_, err := w.dbs[database].Exec("ALTER TABLE " + table + " DROP CONSTRAINT " + c)
				require.NoError(w.t, err)
			}
		}
	}
}

// section gives what a report says of one invariant.
func section(out, invariant string) string {
	_, rest, _ := strings.Cut(out, "\n"+invariant+" ")
	for _, next := range []string{"\nI", "\ntook "} {
		if before, _, found := strings.Cut(rest, next); found {
			rest = before
		}
	}
	return rest
}
