package bank

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func TestRefuseDeposit(t *testing.T) {
	for name, c := range map[string]struct {
		account *Account
		want    error
	}{
		"fine":      {&Account{State: Open, Balance: MaxAmount - 5}, nil},
		"none":      {nil, errAccountNotFound},
		"closed":    {&Account{State: Closed}, errAccountNotOpen},
		"suspended": {&Account{State: Suspended}, errAccountNotOpen},
		"full":      {&Account{State: Open, Balance: MaxAmount - 4}, errAccountFull},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, refuseDeposit(5, c.account)) })
	}
}

func depositJSON(reference string, key AccountKey, amount int64) string {
	body, _ := json.Marshal(map[string]any{"reference": reference, "account": key, "amount": amount, "memo": "월세 <3>"})
	return string(body)
}

func (r *rig) deposit(reference string, key AccountKey, amount int64) depositBody {
	r.t.Helper()
	return read[depositBody](r.t, r.do("POST", "/v1/deposits", depositJSON(reference, key, amount), http.StatusCreated))
}

func TestADepositComesInOnce(t *testing.T) {
	r := newRig(t, Options{})
	key := account(1)
	r.open(key, 1000)
	made := r.deposit("in/1", key, 500)
	require.Equal(t, depositBody{Reference: "in/1", BankTransactionID: "BDP0000000000000001", Account: key, Amount: 500, Currency: "KRW",
		Memo: "월세 <3>", At: noon}, made)
	require.Equal(t, made, r.deposit("in/1", key, 500), "a repeat")
	r.problem("POST", "/v1/deposits", depositJSON("in/1", key, 501), http.StatusConflict, "reference_conflict")
	require.EqualValues(t, 1500, r.balance(key))
	items, _ := r.wholeStatement(key, "2026-03-02", 10)
	require.Equal(t, entryBody{EntryID: items[1].EntryID, Reference: made.BankTransactionID, Direction: In, Amount: 500, BalanceAfter: 1500,
		Memo: "월세 <3>", At: noon}, items[1])
	require.Equal(t, totalsBody{Accounts: 1, Balance: "1500", Opened: "1000", Deposited: "500", Currency: "KRW"}, r.totals())
	r.requireSums(key)
}

func TestARefusedDepositLeavesItsReferenceFree(t *testing.T) {
	r := newRig(t, Options{})
	key := account(1)
	r.problem("POST", "/v1/deposits", depositJSON("in/1", key, 500), http.StatusNotFound, "account_not_found")
	r.open(key, 0)
	path := "/v1/accounts/" + key.BankCode + "/" + key.AccountNumber
	r.do("PATCH", path, `{"state":"CLOSED"}`, http.StatusOK)
	r.problem("POST", "/v1/deposits", depositJSON("in/1", key, 500), http.StatusConflict, "account_not_open")
	r.do("PATCH", path, `{"state":"OPEN"}`, http.StatusOK)
	r.deposit("in/1", key, MaxAmount)
	r.problem("POST", "/v1/deposits", depositJSON("in/2", key, 1), http.StatusConflict, "account_full")
	for field, body := range map[string]string{
		"reference: ":        depositJSON("", key, 1),
		"account.bankCode: ": depositJSON("r", AccountKey{}, 1),
		"amount: ":           depositJSON("r", key, MaxAmount+1),
		"memo: ":             `{"reference":"r","account":{"bankCode":"088","accountNumber":"1234567890"},"amount":1,"memo":"\n"}`,
		"currency: ":         `{"reference":"r","currency":"KRW"}`,
	} {
		p := r.problem("POST", "/v1/deposits", body, http.StatusBadRequest, "invalid_request")
		require.Contains(t, p.Detail, field)
	}
}

// Whatever is transferred, returned and deposited at once, no won is made or lost.
func TestTheBooksHoldUnderEverythingAtOnce(t *testing.T) {
	r := newRig(t, Options{Subscribed: account(0)})
	keys := []AccountKey{account(0), account(1), account(2)}
	for _, key := range keys {
		r.open(key, 1000)
	}
	var all errgroup.Group
	for worker := range 4 {
		random := rand.New(rand.NewPCG(1, uint64(worker)))
		all.Go(func() error {
			for n := range 25 {
				reference := fmt.Sprintf("t/%d/%d", worker, n)
				o := Order{Reference: reference, From: keys[random.IntN(3)], To: keys[random.IntN(3)], Amount: random.Int64N(900) + 1, ValidUntil: noon}
				if _, err := r.server.books.transfer(t.Context(), o, fate{}); err != nil {
					return err
				}
				_, err := r.server.books.giveBack(t.Context(), fmt.Sprintf("t/%d/%d", random.IntN(4), random.IntN(n+1)), ReasonClosed)
				if p := problemOf(err); err != nil && p.Status == http.StatusServiceUnavailable {
					return err
				}
				d := Deposit{Reference: fmt.Sprintf("d/%d", n), Account: keys[n%3], Amount: 7} // of all workers the same
				if _, err := r.server.books.deposit(t.Context(), d); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, all.Wait())
	require.Equal(t, json.Number("175"), r.totals().Deposited)
	r.requireSums(keys...)
}
