package audit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"durapay/audit"
	"durapay/bank"
	"durapay/errs"
	"durapay/internal/calendar"
	"durapay/internal/devenv/devtest"
	"durapay/internal/id"
	"durapay/internal/mysqlx"
	"durapay/internal/record"
	"durapay/internal/secret"
	"durapay/schema"
	"durapay/services/banking"
	"durapay/services/banking/bankapi"
	"durapay/services/banking/bankingdb"
	"durapay/services/membership/membershipdb"
	"durapay/services/money"
	"durapay/services/money/ledger"
	"durapay/services/money/moneydb"
	"durapay/services/moneyquery"
	"durapay/services/moneyquery/moneyquerydb"
	"durapay/services/payment"
	"durapay/services/payment/paymentdb"
	"durapay/services/remittance"
	"durapay/services/remittance/remittancedb"
	"durapay/services/settlement"
	"durapay/services/settlement/settlementdb"
	"durapay/workflows/contract"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

const (
	corporateBank, corporateNumber = "004", "10000000000001"
	memberBank                     = "088"
	testKey                        = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// world is a platform without Temporal: the services and the bank as they are, and flows
// that are played by hand, step by step.
type world struct {
	t          testing.TB
	dbs        map[string]*sqlx.DB
	money      *money.Service
	banking    *banking.Service
	remittance *remittance.Service
	payment    *payment.Service
	settlement *settlement.Service
	model      *moneyquery.Service
	bank       *httptest.Server
	flows      *playedFlows
	books      audit.Books
}

// playedFlows remembers how the flows ended.
type playedFlows struct {
	mu      sync.Mutex
	endings map[string]audit.Ending
}

func (f *playedFlows) Ending(_ context.Context, workflowID string) (audit.Ending, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, known := f.endings[workflowID]; known {
		return e, nil
	}
	return audit.Ending{Status: audit.FlowAbsent}, nil
}

func (f *playedFlows) set(recordID string, e audit.Ending) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.endings[contract.WorkflowID(recordID)] = e
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, dbs: map[string]*sqlx.DB{}, flows: &playedFlows{endings: map[string]audit.Ending{}}}
	for _, name := range schema.Names() {
		w.dbs[name] = devtest.Database(t, schema.FS(name))
	}
	w.bank = httptest.NewServer(bank.New(w.dbs["bank"], bank.Options{}).Handler())
	t.Cleanup(w.bank.Close)
	ring, err := secret.ParseKeyRing("k1:" + testKey)
	require.NoError(t, err)
	key, err := secret.DecodeKey(testKey)
	require.NoError(t, err)
	index, err := secret.NewIndexer(key)
	require.NoError(t, err)
	api, err := bankapi.New(bankapi.Options{BaseURL: w.bank.URL})
	require.NoError(t, err)
	w.banking = banking.New(bankingdb.New(w.dbs["banking"]), api, ring, index,
		banking.Options{Corporate: banking.CorporateAccount{BankCode: corporateBank, Number: corporateNumber}})
	w.money = money.New(moneydb.New(w.dbs["money"]), ledger.New(moneydb.NewLedger(w.dbs["money"]), time.Now), money.Options{})
	w.remittance = remittance.New(remittancedb.New(w.dbs["remittance"]), ring, remittance.Options{})
	w.payment = payment.New(paymentdb.New(w.dbs["payment"]), ring, payment.Options{})
	days, err := calendar.New("")
	require.NoError(t, err)
	w.settlement = settlement.New(settlementdb.New(w.dbs["settlement"]), days, settlement.Options{})
	w.model = moneyquery.New(moneyquerydb.New(w.dbs["moneyquery"]), modelFeeds{w.money, membershipdb.New(w.dbs["membership"])},
		moneyquery.Options{Regions: []string{"SEOUL", "JEJU"}})
	w.books = audit.Books{Money: w.dbs["money"], Banking: w.dbs["banking"], Remittance: w.dbs["remittance"], Membership: w.dbs["membership"],
		Franchise: w.dbs["franchise"], Payment: w.dbs["payment"], Settlement: w.dbs["settlement"], MoneyQuery: w.dbs["moneyquery"],
		Bank:  audit.Bank{URL: w.bank.URL, BankCode: corporateBank, AccountNumber: corporateNumber, Timeout: 5 * time.Second},
		Flows: w.flows, Index: index}
	w.openAtBank(corporateBank, corporateNumber, 0)
	return w
}

func (w *world) openAtBank(code, number string, balance int64) {
	w.t.Helper()
	w.callBank("POST", "/v1/accounts", fmt.Sprintf(`{"bankCode":%q,"accountNumber":%q,"holderName":"김하나","balance":%d}`, code, number, balance), http.StatusCreated)
}

func (w *world) callBank(method, path, body string, want int) {
	w.t.Helper()
	request, err := http.NewRequest(method, w.bank.URL+path, strings.NewReader(body))
	require.NoError(w.t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(w.t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(w.t, want, response.StatusCode, path)
}

func (w *world) audit() audit.Report {
	w.t.Helper()
	report, err := audit.Run(w.t.Context(), w.books)
	require.NoError(w.t, err)
	return report
}

// exec changes a database behind the platform's back.
func (w *world) exec(database, q string, args ...any) {
	w.t.Helper()
	result, err := w.dbs[database].Exec(q, args...)
	require.NoError(w.t, err)
	n, err := result.RowsAffected()
	require.NoError(w.t, err)
	require.Positive(w.t, n, q)
}

// member is somebody with a wallet and a linked account.
type member struct{ id, account, number string }

func (w *world) newMember(number string, verified bool) member {
	w.t.Helper()
	m := member{id: id.New(id.Member), account: id.New(id.BankAccount), number: number}
	w.exec("membership", `INSERT INTO members (id, email_index, name, email, phone, region, address_detail, role, state, verified, password_hash,
		version, created_at, updated_at) VALUES (?, UNHEX(SHA2(?, 256)), '', '', '', 'SEOUL', '', 'MEMBER', 'ACTIVE', ?, '', 1, NOW(6), NOW(6))`,
		m.id, m.id, verified)
	w.openAtBank(memberBank, number, 10_000_000)
	failures, err := w.money.OpenWallets(w.t.Context(), []money.OpenWallet{{MembershipID: m.id, Verified: false, OnceRef: "open/" + m.id}})
	require.NoError(w.t, err)
	require.False(w.t, failures[0].Is())
	if verified {
		require.NoError(w.t, w.money.RaiseLimit(w.t.Context(), m.id, true))
	}
	failures, err = w.banking.LinkAccounts(w.t.Context(), []banking.NewAccount{{ID: m.account, MembershipID: m.id, BankCode: memberBank,
		Number: number, HolderName: "김하나", DebitConsent: true}})
	require.NoError(w.t, err)
	require.False(w.t, failures[0].Is())
	return m
}

// transfer is a top-up, a withdrawal or an operator's firm banking under way.
type transfer struct {
	w         *world
	id        string
	from, to  string
	kind      ledger.Kind
	step      string
	direction banking.Direction
	member    member
	amount    int64
}

func (w *world) topUp(m member, amount int64) *transfer {
	return &transfer{w: w, id: id.New(id.TopUp), kind: ledger.TopUp, from: ledger.BankFloat, to: ledger.WalletAccount(m.id), step: "debit",
		direction: banking.Debit, member: m, amount: amount}
}

func (w *world) withdrawal(m member, amount int64) *transfer {
	return &transfer{w: w, id: id.New(id.Withdrawal), kind: ledger.Withdrawal, from: ledger.WalletAccount(m.id), to: ledger.BankFloat, step: "credit",
		direction: banking.Credit, member: m, amount: amount}
}

func (w *world) operators(m member, direction banking.Direction, amount int64) *transfer {
	t := &transfer{w: w, id: id.New(id.Firmbanking), kind: ledger.Firmbanking, from: ledger.BankFloat, to: ledger.Suspense,
		direction: direction, member: m, amount: amount}
	if direction == banking.Credit {
		t.from, t.to = t.to, t.from
	}
	return t
}

func (t *transfer) operator() bool { return t.kind == ledger.Firmbanking }

func (t *transfer) fingerprint() string { return "print/" + t.id }

func (t *transfer) firmbanking() (fbk, reference string) {
	if t.operator() {
		return t.id, contract.WorkflowID(t.id)
	}
	return contract.FirmbankingID(t.id, t.step)
}

// begin stores the request; its flow runs from now on.
func (t *transfer) begin() *transfer {
	t.w.flows.set(t.id, audit.Ending{Status: audit.FlowRunning})
	if t.operator() {
		t.prepare()
		return t
	}
	kinds := map[ledger.Kind]money.RequestType{ledger.TopUp: money.TypeTopUp, ledger.Withdrawal: money.TypeWithdrawal}
	_, err := t.w.money.Begin(context.Background(), []money.Request{{ID: t.id, Type: kinds[t.kind], MembershipID: t.member.id,
		BankAccountID: t.member.account, Amount: t.amount, Fingerprint: t.fingerprint()}})
	require.NoError(t.w.t, err)
	return t
}

func (t *transfer) post(c ledger.Command) *transfer {
	results, err := t.w.money.Post(context.Background(), []ledger.Command{c})
	require.NoError(t.w.t, err)
	require.True(t.w.t, results[0].Done(), results[0].Refusal.Code)
	return t
}

func (t *transfer) hold() *transfer {
	return t.post(ledger.Command{Op: ledger.OpHold, Ref: t.id, Kind: t.kind, From: t.from, To: t.to, Amount: t.amount, FlowID: t.id})
}

func (t *transfer) capture() *transfer {
	return t.post(ledger.Command{Op: ledger.OpCapture, Ref: t.id + "/capture", HoldRef: t.id})
}

func (t *transfer) release() *transfer {
	return t.post(ledger.Command{Op: ledger.OpRelease, Ref: t.id + "/release", HoldRef: t.id})
}

func (t *transfer) prepare() *transfer {
	fbk, reference := t.firmbanking()
	f := banking.Firmbanking{ID: fbk, Reference: reference, FlowID: t.id, Direction: t.direction, Amount: t.amount}
	if t.operator() {
		f.BankCode, f.Number, f.HolderName, f.Fingerprint = memberBank, t.member.number, "김하나", t.fingerprint()
	} else {
		f.MembershipID, f.BankAccountID = t.member.id, t.member.account
	}
	_, err := t.w.banking.Prepare(context.Background(), []banking.Firmbanking{f})
	require.NoError(t.w.t, err)
	return t
}

func (t *transfer) submit(want banking.AnswerKind) *transfer {
	fbk, _ := t.firmbanking()
	answer, err := t.w.banking.Submit(context.Background(), fbk)
	require.NoError(t.w.t, err)
	require.Equal(t.w.t, want, answer.Kind)
	return t
}

// end stores how it ended, in the row and then in the flow.
func (t *transfer) end(state record.State) *transfer {
	failure := record.Failure{}
	if state == record.Failed {
		failure = record.FailureOf(errs.BankDeclined)
	}
	if !t.operator() {
		require.NoError(t.w.t, t.w.money.Move(context.Background(), []record.Move{{ID: t.id, State: state, Failure: failure}}))
	}
	t.w.flows.set(t.id, audit.Ending{Status: audit.FlowCompleted, State: string(state), FailureCode: string(failure.Code), Fingerprint: t.fingerprint()})
	return t
}

func (t *transfer) succeed() *transfer {
	t.begin().hold()
	if !t.operator() {
		t.prepare()
	}
	return t.submit(banking.Accepted).capture().end(record.Succeeded)
}

// remit plays a remittance; it is refused when it has no posting.
func (w *world) remit(from, to member, amount int64, topUpID string, state record.State) string {
	ctx := context.Background()
	r := remittance.Remittance{ID: id.New(id.Remittance), SenderID: from.id, To: remittance.Receiver{MembershipID: to.id}, Amount: amount, Fingerprint: "rem"}
	_, err := w.remittance.Begin(ctx, []remittance.Remittance{r})
	require.NoError(w.t, err)
	w.flows.set(r.ID, audit.Ending{Status: audit.FlowRunning})
	if topUpID != "" {
		require.NoError(w.t, w.remittance.SetTopUp(ctx, r.ID, topUpID))
	}
	failure := record.Failure{}
	if state == record.Succeeded {
		results, err := w.money.Post(ctx, []ledger.Command{{Op: ledger.OpPost, Ref: r.ID, Kind: ledger.Remittance, FlowID: r.ID,
			Legs: []ledger.Leg{{From: ledger.WalletAccount(from.id), To: ledger.WalletAccount(to.id), Amount: amount}}}})
		require.NoError(w.t, err)
		require.True(w.t, results[0].Done(), results[0].Refusal.Code)
	} else { // refused: its ref is burnt
		results, err := w.money.Post(ctx, []ledger.Command{{Op: ledger.OpRelease, Ref: r.ID + "/release", HoldRef: r.ID}})
		require.NoError(w.t, err)
		require.True(w.t, results[0].Done(), results[0].Refusal.Code)
		failure = record.FailureOf(errs.InsufficientBalance)
	}
	require.NoError(w.t, w.remittance.Move(ctx, []record.Move{{ID: r.ID, State: state, Failure: failure}}))
	w.flows.set(r.ID, audit.Ending{Status: audit.FlowCompleted, State: string(state), FailureCode: string(failure.Code), Fingerprint: "rem"})
	return r.ID
}

// unbounded takes away the constraints of accounts, holds and firmbankings: what a
// server would keep out by itself is to be found as well.
func (w *world) unbounded() {
	for _, c := range []string{"floor", "ceiling", "pending", "closed", "wallet"} {
		_, err := w.dbs["money"].Exec("ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_" + c)
		require.NoError(w.t, err)
	}
	for _, c := range []string{"firmbankings_reason", "firmbankings_sent_first"} {
		_, err := w.dbs["banking"].Exec("ALTER TABLE firmbankings DROP CONSTRAINT " + c)
		require.NoError(w.t, err)
	}
}

// backup keeps a copy of every table, and gives what brings all of them back.
func (w *world) backup() (restore func()) {
	type table struct {
		db            *sqlx.DB
		name, columns string // all but the generated ones
	}
	var tables []table
	for name, db := range w.dbs {
		var names []string
		require.NoError(w.t, db.Select(&names, `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME <> 'goose_db_version'`), name)
		for _, n := range names {
			var columns []string
			require.NoError(w.t, db.Select(&columns, `SELECT COLUMN_NAME FROM information_schema.COLUMNS
				WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND EXTRA NOT LIKE '%GENERATED%'`, n))
			_, err := db.Exec("CREATE TABLE backup_" + n + " AS SELECT * FROM " + n)
			require.NoError(w.t, err)
			tables = append(tables, table{db, n, strings.Join(columns, ", ")})
		}
	}
	return func() {
		for _, t := range tables {
			err := mysqlx.InTx(context.Background(), t.db, func(tx *sqlx.Tx) error {
				for _, q := range []string{"SET SESSION foreign_key_checks = 0", "DELETE FROM " + t.name,
					"INSERT INTO " + t.name + " (" + t.columns + ") SELECT " + t.columns + " FROM backup_" + t.name, "SET SESSION foreign_key_checks = 1"} {
					if _, err := tx.Exec(q); err != nil {
						return err
					}
				}
				return nil
			})
			require.NoError(w.t, err)
		}
	}
}
