package gateway

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/money"
	"durapay/workflows/contract"
)

// krw is the currency of every amount.
const krw = "KRW"

// MoneyRequest asks to move money between the wallet and a linked account.
type MoneyRequest struct {
	BankAccountID string `json:"bankAccountId" validate:"required,id=acc" example:"acc_01JZ0000000000000000000000"`
	Amount        int64  `json:"amount" validate:"min=1,max=2000000" minimum:"1" maximum:"2000000" example:"100000"` // won
	Currency      string `json:"currency,omitempty" validate:"omitempty,eq=KRW" example:"KRW"`
} // @name MoneyRequest

// MoneyOutcome is how a top-up or a withdrawal stands.
type MoneyOutcome struct {
	ID            string       `json:"id" example:"top_01JZ0000000000000000000000"`
	State         record.State `json:"state" example:"SUCCEEDED"`
	Amount        int64        `json:"amount" example:"100000"`
	Currency      string       `json:"currency" example:"KRW"`
	BankAccountID string       `json:"bankAccountId" example:"acc_01JZ0000000000000000000000"`
	Failure       *Failure     `json:"failure,omitempty"`
	Until         *time.Time   `json:"until,omitempty" example:"2026-11-20T15:30:00Z"`
	CreatedAt     *time.Time   `json:"createdAt,omitempty" example:"2026-11-20T00:30:00Z"`
	UpdatedAt     *time.Time   `json:"updatedAt,omitempty" example:"2026-11-20T00:30:02Z"`
} // @name MoneyOutcome

// Balance is what a wallet holds, in won.
type Balance struct {
	MembershipID string `json:"membershipId" example:"mem_01JZ0000000000000000000000"`
	Balance      int64  `json:"balance" example:"150000"`
	Held         int64  `json:"held" example:"50000"`       // reserved by requests under way
	Available    int64  `json:"available" example:"100000"` // balance less held
	Limit        int64  `json:"limit" example:"500000"`     // most the wallet may hold
	Currency     string `json:"currency" example:"KRW"`
} // @name Balance

// Transaction is one line of a wallet's history.
type Transaction struct {
	ID           string    `json:"id" example:"rem_01JZ0000000000000000000000"`
	Kind         string    `json:"kind" example:"REMITTANCE_SENT"`
	Amount       int64     `json:"amount" example:"-5000"` // signed, won
	BalanceAfter int64     `json:"balanceAfter" example:"95000"`
	Currency     string    `json:"currency" example:"KRW"`
	Counterparty string    `json:"counterparty,omitempty" example:"mem_01JZ0000000000000000000000"`
	At           time.Time `json:"at" example:"2026-11-20T00:30:00Z"`
} // @name Transaction

// TransactionPage is a page of a wallet's history.
type TransactionPage struct {
	Items []Transaction `json:"items"`
	Next  string        `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name TransactionPage

// WalletRequest asks for the caller's wallet; membershipId, when given, must be the caller.
type WalletRequest struct {
	MembershipID string `json:"membershipId,omitempty" example:"mem_01JZ0000000000000000000000"`
} // @name WalletRequest

func balanceView(w money.Wallet) Balance {
	return Balance{MembershipID: w.MembershipID, Balance: w.Balance, Held: w.Held, Available: w.Available, Limit: w.Limit, Currency: krw}
}

// createMemberMoney opens the caller's wallet.
//
//	@Summary	Open the caller's wallet
//	@ID			createMemberMoney
//	@Tags		money
//	@Security	Bearer
//	@Param		body	body		WalletRequest	false	"may be empty"
//	@Success	201		{object}	Balance
//	@Header		201		{string}	Location	"the wallet"
//	@Failure	400,401,403,404,409,422,500,503	{object}	problem.Problem
//	@Router		/v1/money [post]
func (s *Server) createMemberMoney(c *gin.Context) {
	who := callerOf(c)
	var body WalletRequest
	if c.Request.ContentLength != 0 {
		if err := bind(c, &body); err != nil {
			fail(c, err)
			return
		}
	}
	if body.MembershipID != "" && body.MembershipID != who.ID {
		fail(c, errs.MemberNotFound)
		return
	}
	if err := s.openWallet(c, who.ID); err != nil {
		fail(c, err)
		return
	}
	w, err := s.Money.Balance(c, who.ID)
	if err != nil {
		fail(c, err)
		return
	}
	c.Header("Location", "/v1/money/"+who.ID)
	c.JSON(http.StatusCreated, balanceView(w))
}

// openWallet opens a wallet with the limit that the member's verification allows.
func (s *Server) openWallet(c *gin.Context, memberID string) error {
	standings, err := s.Neighbours.Standings(c, []string{memberID})
	if err != nil {
		return err
	}
	if !standings[0].Active {
		return errs.MemberDeactivated
	}
	failures, err := s.Money.OpenWallets(c, []money.OpenWallet{{MembershipID: memberID, Verified: standings[0].Verified, OnceRef: id.New(id.Request)}})
	if err != nil {
		return err
	}
	if failures[0].Is() {
		return failures[0].Err()
	}
	return nil
}

// getBalance shows a wallet; reading writes nothing.
//
//	@Summary	A wallet's balance
//	@ID			getBalanceRequest
//	@Tags		money
//	@Security	Bearer
//	@Param		membershipId	path		string	true	"whose wallet"
//	@Param		at				query		string	false	"a past moment, RFC 3339: the balance then"
//	@Success	200				{object}	Balance
//	@Failure	400,401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/money/{membershipId} [get]
func (s *Server) getBalance(c *gin.Context) {
	memberID := c.Param("membershipId")
	if !callerOf(c).sees(memberID) {
		fail(c, errs.WalletNotFound)
		return
	}
	w, err := s.balanceAt(c, memberID)
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, balanceView(w))
}

func (s *Server) balanceAt(c *gin.Context, memberID string) (money.Wallet, error) {
	q, given := c.GetQuery("at")
	if !given {
		return s.Money.Balance(c, memberID)
	}
	at, err := time.Parse(time.RFC3339Nano, q)
	if err != nil {
		return money.Wallet{}, errs.InvalidField("?at", errs.FieldFormat, "expected", "2026-01-31T12:00:00+09:00")
	}
	return s.Money.BalanceAt(c, memberID, at)
}

// increaseMoney tops the wallet up and waits a short time for the end.
//
//	@Summary		Top up from a linked account
//	@Description	Reserves room in the wallet, debits the account, credits the wallet. 201 when done, 422 when refused, 202 when it still runs.
//	@ID				increaseMoneyRequest
//	@Tags			money
//	@Security		Bearer
//	@Param			Idempotency-Key	header		string			true	"1 to 255 visible ASCII characters"
//	@Param			Prefer			header		string			false	"respond-async answers 202 at once"
//	@Param			body			body		MoneyRequest	true	"from where and how much"
//	@Success		201				{object}	MoneyOutcome
//	@Header			201				{string}	Location	"the top-up"
//	@Success		202				{object}	Accepted
//	@Failure		400,401,403,404,422,500,503	{object}	problem.Problem
//	@Router			/v1/money/increase [post]
func (s *Server) increaseMoney(c *gin.Context) { s.topUp(c, respondAsync(c)) }

// increaseMoneyByEvent tops the wallet up without waiting.
//
//	@Summary	Top up from a linked account, as a flow
//	@ID			increaseMoneyRequestByEvent
//	@Tags		money
//	@Security	Bearer
//	@Param		Idempotency-Key	header		string			true	"1 to 255 visible ASCII characters"
//	@Param		body			body		MoneyRequest	true	"from where and how much"
//	@Success	202				{object}	Accepted
//	@Header		202				{string}	Location	"the flow"
//	@Failure	400,401,403,422,500,503	{object}	problem.Problem
//	@Router		/v1/money/increase/async [post]
func (s *Server) increaseMoneyByEvent(c *gin.Context) { s.topUp(c, true) }

// decreaseMoney pays out to a linked account and waits a short time for the end.
//
//	@Summary		Withdraw to a linked account
//	@Description	Holds the amount, pays it out at the bank, settles the hold. 201 when done, 422 when refused, 202 when it still runs.
//	@ID				decreaseMoneyRequest
//	@Tags			money
//	@Security		Bearer
//	@Param			Idempotency-Key	header		string			true	"1 to 255 visible ASCII characters"
//	@Param			Prefer			header		string			false	"respond-async answers 202 at once"
//	@Param			body			body		MoneyRequest	true	"where to and how much"
//	@Success		201				{object}	MoneyOutcome
//	@Header			201				{string}	Location	"the withdrawal"
//	@Success		202				{object}	Accepted
//	@Failure		400,401,403,404,422,500,503	{object}	problem.Problem
//	@Router			/v1/money/decrease [post]
func (s *Server) decreaseMoney(c *gin.Context) { s.withdraw(c, respondAsync(c)) }

// decreaseMoneyByEvent pays out without waiting.
//
//	@Summary	Withdraw to a linked account, as a flow
//	@ID			decreaseMoneyRequestByEvent
//	@Tags		money
//	@Security	Bearer
//	@Param		Idempotency-Key	header		string			true	"1 to 255 visible ASCII characters"
//	@Param		body			body		MoneyRequest	true	"where to and how much"
//	@Success	202				{object}	Accepted
//	@Header		202				{string}	Location	"the flow"
//	@Failure	400,401,403,422,500,503	{object}	problem.Problem
//	@Router		/v1/money/decrease/async [post]
func (s *Server) decreaseMoneyByEvent(c *gin.Context) { s.withdraw(c, true) }

func (s *Server) topUp(c *gin.Context, async bool) {
	body, recordID, err := s.moneyRequest(c, id.TopUp, "money.increase")
	if err != nil {
		fail(c, err)
		return
	}
	in := contract.TopUp{ID: recordID, MembershipID: callerOf(c).ID, BankAccountID: body.BankAccountID, Amount: body.Amount,
		Fingerprint: s.fingerprint("money.increase", body)}
	s.serveMoney(c, async, "/v1/money/increase/", body, launch{recordID: recordID, workflow: contract.TopUpFlow, input: in,
		fingerprint: in.Fingerprint, summary: contract.TopUpSummary(in)})
}

func (s *Server) withdraw(c *gin.Context, async bool) {
	body, recordID, err := s.moneyRequest(c, id.Withdrawal, "money.decrease")
	if err != nil {
		fail(c, err)
		return
	}
	in := contract.Withdrawal{ID: recordID, MembershipID: callerOf(c).ID, BankAccountID: body.BankAccountID, Amount: body.Amount,
		Fingerprint: s.fingerprint("money.decrease", body)}
	s.serveMoney(c, async, "/v1/money/decrease/", body, launch{recordID: recordID, workflow: contract.WithdrawalFlow, input: in,
		fingerprint: in.Fingerprint, summary: contract.WithdrawalSummary(in)})
}

func (s *Server) moneyRequest(c *gin.Context, prefix, operation string) (body MoneyRequest, recordID string, err error) {
	key, err := idempotencyKey(c)
	if err != nil {
		return body, "", err
	}
	if err := bind(c, &body); err != nil {
		return body, "", err
	}
	body.Currency = krw // said or not, it is the same request
	return body, recordIDFor(prefix, callerOf(c).ID, operation, key), nil
}

func (s *Server) serveMoney(c *gin.Context, async bool, path string, body MoneyRequest, f launch) {
	f.row = s.rowReader(f.recordID)
	f.attributes = []temporal.SearchAttributeUpdate{contract.MembershipIDKey.ValueSet(callerOf(c).ID)}
	s.serve(c, f, async, path+f.recordID, func(o outcome) any {
		return MoneyOutcome{ID: f.recordID, State: o.State, Amount: body.Amount, Currency: krw, BankAccountID: body.BankAccountID}
	})
}

// findTopUp shows a top-up, a refused one too.
//
//	@Summary	One top-up
//	@ID			findTopUp
//	@Tags		money
//	@Security	Bearer
//	@Param		id		path		string	true	"the top-up's id"
//	@Success	200		{object}	MoneyOutcome
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/money/increase/{id} [get]
func (s *Server) findTopUp(c *gin.Context) { s.showRequest(c, errs.TopUpNotFound) }

// findWithdrawal shows a withdrawal, a refused one too.
//
//	@Summary	One withdrawal
//	@ID			findWithdrawal
//	@Tags		money
//	@Security	Bearer
//	@Param		id		path		string	true	"the withdrawal's id"
//	@Success	200		{object}	MoneyOutcome
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/money/decrease/{id} [get]
func (s *Server) findWithdrawal(c *gin.Context) {
	s.showRequest(c, errs.WithdrawalNotFound)
}

func (s *Server) showRequest(c *gin.Context, none error) {
	r, err := s.Money.Find(c, c.Param("id"))
	if err == nil && !callerOf(c).sees(r.MembershipID) {
		err = none
	}
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, MoneyOutcome{ID: r.ID, State: r.State, Amount: r.Amount, Currency: krw, BankAccountID: r.BankAccountID,
		Failure: failureView(c, r.Failure), Until: optionalTime(r.Until), CreatedAt: optionalTime(r.CreatedAt), UpdatedAt: optionalTime(r.UpdatedAt)})
}

// history lists what went in and out of a wallet.
//
//	@Summary	A wallet's history
//	@ID			findMoneyHistory
//	@Tags		money
//	@Security	Bearer
//	@Param		membershipId	path		string	true	"whose wallet"
//	@Param		cursor			query		string	false	"next of the page before"
//	@Param		limit			query		int		false	"1 to 100, default 20"
//	@Success	200				{object}	TransactionPage
//	@Failure	400,401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/money/{membershipId}/transactions [get]
func (s *Server) history(c *gin.Context) {
	memberID := c.Param("membershipId")
	if !callerOf(c).sees(memberID) {
		fail(c, errs.WalletNotFound)
		return
	}
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	p, err := s.Money.History(c, memberID, request)
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, func(t money.Transaction) Transaction {
		return Transaction{ID: t.FlowID, Kind: string(t.Kind), Amount: t.Amount, BalanceAfter: t.BalanceAfter, Currency: krw,
			Counterparty: t.Counterparty, At: t.At}
	})
	c.JSON(http.StatusOK, TransactionPage{Items: items, Next: next})
}
