package gateway

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/temporal"

	"durapay/internal/id"
	"durapay/services/banking"
	"durapay/workflows/contract"
)

// BankAccountRequest asks to link a bank account.
type BankAccountRequest struct {
	BankCode      string `json:"bankCode" example:"004"`
	AccountNumber string `json:"accountNumber" example:"110234567890"`
	HolderName    string `json:"holderName" example:"김하나"`
	DebitConsent  bool   `json:"debitConsent" example:"true"` // must be true: the holder agrees to debits
} // @name BankAccountRequest

// BankAccount is a linked account; its number is masked.
type BankAccount struct {
	ID            string     `json:"id" example:"acc_01JZ0000000000000000000000"`
	BankCode      string     `json:"bankCode" example:"004"`
	AccountNumber string     `json:"accountNumber" example:"********7890"`
	State         string     `json:"state" example:"LINKED"`
	ConsentAt     *time.Time `json:"consentAt,omitempty" example:"2026-11-20T00:30:00Z"`
	RevokedAt     *time.Time `json:"revokedAt,omitempty" example:"2026-11-20T00:30:00Z"`
	CreatedAt     *time.Time `json:"createdAt,omitempty" example:"2026-11-20T00:30:00Z"`
} // @name BankAccount

// BankAccountPage is a page of linked accounts.
type BankAccountPage struct {
	Items []BankAccount `json:"items"`
	Next  string        `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name BankAccountPage

func bankAccountView(a banking.Account) BankAccount {
	return BankAccount{ID: a.ID, BankCode: a.BankCode, AccountNumber: a.MaskedNumber(), State: string(a.State),
		ConsentAt: optionalTime(a.ConsentAt), RevokedAt: optionalTime(a.RevokedAt), CreatedAt: optionalTime(a.CreatedAt)}
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// registerBankAccount links an account once the bank has confirmed it.
//
//	@Summary		Link a bank account
//	@Description	The bank says whether the account exists, is open and the holder's name matches. An Idempotency-Key is optional.
//	@ID				registerBankAccount
//	@Tags			banking
//	@Security		Bearer
//	@Param			Idempotency-Key	header		string				false	"makes a repeat the same request"
//	@Param			body			body		BankAccountRequest	true	"the account"
//	@Success		201				{object}	BankAccount
//	@Header			201				{string}	Location	"the linked account"
//	@Success		202				{object}	Accepted
//	@Failure		400,401,403,409,422,500,503	{object}	problem.Problem
//	@Router			/v1/bank-accounts [post]
func (s *Server) registerBankAccount(c *gin.Context) { s.link(c, respondAsync(c)) }

// registerBankAccountByEvent links an account in a flow that is not waited for.
//
//	@Summary	Link a bank account, as a flow
//	@ID			registerBankAccountByEvent
//	@Tags		banking
//	@Security	Bearer
//	@Param		Idempotency-Key	header		string				false	"makes a repeat the same request"
//	@Param		body			body		BankAccountRequest	true	"the account"
//	@Success	202				{object}	Accepted
//	@Header		202				{string}	Location	"the flow"
//	@Failure	400,401,403,422,500,503	{object}	problem.Problem
//	@Router		/v1/bank-accounts/async [post]
func (s *Server) registerBankAccountByEvent(c *gin.Context) { s.link(c, true) }

func (s *Server) link(c *gin.Context, async bool) {
	var body BankAccountRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	account := banking.NewAccount{MembershipID: callerOf(c).ID, BankCode: body.BankCode, Number: body.AccountNumber,
		HolderName: body.HolderName, DebitConsent: body.DebitConsent}
	if err := account.Check(); err != nil {
		fail(c, err)
		return
	}
	ref := account.Ref().Normal() // a queue is named by the bank's code: as it is known, not as it was typed
	body.BankCode, body.AccountNumber, body.HolderName = ref.BankCode, ref.Number, ref.HolderName
	accountID, err := optionalKeyID(c, id.BankAccount, account.MembershipID, "link")
	if err != nil {
		fail(c, err)
		return
	}
	in := contract.Link{ID: accountID, MembershipID: account.MembershipID, BankCode: body.BankCode, Number: body.AccountNumber,
		HolderName: body.HolderName, Fingerprint: s.fingerprint("link", body)}
	f := launch{recordID: accountID, workflow: contract.LinkFlow, input: in, fingerprint: in.Fingerprint,
		summary: contract.LinkSummary(in), row: s.rowReader(accountID),
		attributes: []temporal.SearchAttributeUpdate{contract.MembershipIDKey.ValueSet(in.MembershipID), contract.BankCodeKey.ValueSet(in.BankCode)}}
	s.serve(c, f, async, "/v1/bank-accounts/"+accountID, func(outcome) any {
		return BankAccount{ID: accountID, BankCode: in.BankCode, State: string(banking.Linked),
			AccountNumber: banking.Account{Number: in.Number}.MaskedNumber()}
	})
}

// listBankAccounts lists the caller's own accounts.
//
//	@Summary	The caller's linked accounts
//	@ID			findBankAccount
//	@Tags		banking
//	@Security	Bearer
//	@Param		cursor	query		string	false	"next of the page before"
//	@Param		limit	query		int		false	"1 to 100, default 20"
//	@Success	200		{object}	BankAccountPage
//	@Failure	400,401,403,500,503	{object}	problem.Problem
//	@Router		/v1/bank-accounts [get]
func (s *Server) listBankAccounts(c *gin.Context) {
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	p, err := s.Banking.ListAccounts(c, callerOf(c).ID, request)
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, bankAccountView)
	c.JSON(http.StatusOK, BankAccountPage{Items: items, Next: next})
}

// findBankAccount shows one of the caller's accounts.
//
//	@Summary	One linked account
//	@ID			findBankAccountById
//	@Tags		banking
//	@Security	Bearer
//	@Param		id		path		string	true	"the account's id"
//	@Success	200		{object}	BankAccount
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/bank-accounts/{id} [get]
func (s *Server) findBankAccount(c *gin.Context) {
	a, err := s.Banking.FindAccount(c, callerOf(c).ID, c.Param("id"))
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, bankAccountView(a))
}

// unlinkBankAccount revokes the consent; the history stays.
//
//	@Summary	Unlink an account
//	@ID			unlinkBankAccount
//	@Tags		banking
//	@Security	Bearer
//	@Param		id		path		string	true	"the account's id"
//	@Success	200		{object}	BankAccount
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/bank-accounts/{id} [delete]
func (s *Server) unlinkBankAccount(c *gin.Context) {
	a, err := s.Banking.Unlink(c, callerOf(c).ID, c.Param("id"))
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, bankAccountView(a))
}
