package e2e

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// estate is what the routes of franchises and settlement are tried on. It is made once,
// by the first test that asks for it: a business date is settled once.
type estate struct {
	f            *harness.Franchise // has sold, and was settled
	quiet        *harness.Franchise // has a webhook, and nothing happens to it
	payer        *harness.Member
	payment      string
	cancel       string
	delivery     string // of f, and delivered
	payoutChange string // of f, and refused
	run          string
	statement    string // of f; its payout has failed
	retry        string // of that payout, and not decided
	notice       string // of a deposit
}

var sharedEstate struct {
	once sync.Once
	made *estate
}

func theEstate(t *testing.T) *estate {
	t.Helper()
	sharedEstate.once.Do(func() { sharedEstate.made = newEstate(t) })
	require.NotNil(t, sharedEstate.made, "the test that made it has failed")
	return sharedEstate.made
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	p := harness.Shared(t)
	e := &estate{f: p.NewFranchise(t, harness.Daily(176)), quiet: p.NewFranchise(t, harness.Daily(176)),
		payer: p.NewMember(t).WithAccount(t, 1_000_000).WithBalance(t, 100_000)}
	e.sell(t)
	e.settle(t)
	e.notice = awaitNotice(t, p.Deposit(t, apiclient.Deposit{Reference: "outside-" + newKey(),
		Account: apiclient.AccountKey{BankCode: "004", AccountNumber: "10000000000001"}, Amount: 1_000}), apiclient.Succeeded).ID

	wrong := e.f.Sheet.Payout
	wrong.HolderName = "예금주 두리"
	refused := modify(t, e.f, map[string]any{"payout": wrong})
	require.Equal(t, http.StatusUnprocessableEntity, refused.Status, refused)
	e.payoutChange = refused.Problem(t).ID

	a := e.quiet.Send(t, http.MethodPut, e.quiet.Path("/webhook"), "", map[string]string{"url": "http://127.0.0.1:1/"})
	var set struct{ Secret string }
	a.Into(t, &set)
	require.NotEmpty(t, set.Secret, a)
	p.Secret(set.Secret)
	return e
}

// sell makes a payment that the franchise is told of, and gives a part of it back.
func (e *estate) sell(t *testing.T) {
	t.Helper()
	t.Run("sell", func(t *testing.T) { // its end takes the webhook away again
		e.f.SetWebhook(t, harness.NewReceiver(t, harness.Always(http.StatusOK)).URL)
		e.payment = e.payer.MustPay(t, e.f, 50_000).ID
		type told struct{ ID, State string }
		harness.Eventually(t, tellBound, "the franchise is told", func() bool {
			all := harness.Read[harness.List[told]](t, e.f.Get(t, e.f.Path("/webhook/deliveries")), http.StatusOK).Items
			if len(all) != 1 || all[0].State != string(apiclient.Succeeded) {
				return false
			}
			e.delivery = all[0].ID
			return true
		})
	})
	e.cancel = e.f.MustCancel(t, e.payment, 10_000).ID
}

// settle makes a statement whose payout fails, and asks for it to be made again.
func (e *estate) settle(t *testing.T) {
	t.Helper()
	p := harness.Shared(t)
	p.SetAccountState(t, e.f.Account, "CLOSED")
	e.run = p.Settle(t).ID
	p.SetAccountState(t, e.f.Account, "OPEN")
	e.statement = p.RunStatement(t, e.run, e.f.ID).ID
	a := p.AsOperator(t, http.MethodPost, "/v1/settlements/statements/"+e.statement+"/payout-retries", "", map[string]string{"reason": "계좌가 다시 열렸습니다"})
	e.retry = harness.Read[struct{ ID string }](t, a, http.StatusCreated).ID
}
