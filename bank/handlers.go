package bank

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Page sizes of a statement.
const (
	defaultPage = 100
	maxPage     = 500
)

type accountBody struct {
	AccountKey
	HolderName string       `json:"holderName"`
	Balance    int64        `json:"balance"`
	State      AccountState `json:"state"`
	Currency   string       `json:"currency"`
}

func toAccountBody(a Account) accountBody {
	return accountBody{AccountKey: a.AccountKey, HolderName: a.HolderName, Balance: a.Balance, State: a.State, Currency: Currency}
}

type openRequest struct {
	AccountKey
	HolderName string `json:"holderName"`
	Balance    *int64 `json:"balance"`
}

func (q openRequest) account() (Account, *fieldError) {
	err := firstError(
		q.AccountKey.validate(),
		must(isHolderName(q.HolderName), "holderName", holderNameRule),
		must(q.Balance != nil && *q.Balance >= 0 && *q.Balance <= MaxAmount, "balance", balanceRule))
	if err != nil {
		return Account{}, err
	}
	return Account{AccountKey: q.AccountKey, HolderName: strings.TrimSpace(q.HolderName), Balance: *q.Balance}, nil
}

func (s *Server) openAccount(w http.ResponseWriter, r *http.Request) {
	var request openRequest
	if err := decode(w, r, &request); err != nil {
		s.answer(w, r, 0, nil, err)
		return
	}
	account, bad := request.account()
	if bad != nil {
		s.answer(w, r, 0, nil, bad)
		return
	}
	ctx, cancel := work(r)
	defer cancel()
	opened, err := s.books.open(ctx, account)
	if err == nil {
		w.Header().Set("Location", "/v1/accounts/"+opened.BankCode+"/"+opened.AccountNumber)
	}
	s.answer(w, r, http.StatusCreated, toAccountBody(opened), err)
}

// accountInPath gives the account a path names. Errors: *fieldError.
func accountInPath(r *http.Request) (AccountKey, *fieldError) {
	key := AccountKey{BankCode: r.PathValue("bankCode"), AccountNumber: r.PathValue("accountNumber")}
	return key, key.validate()
}

func (s *Server) readAccount(w http.ResponseWriter, r *http.Request) {
	key, bad := accountInPath(r)
	if bad != nil {
		s.answer(w, r, 0, nil, bad)
		return
	}
	ctx, cancel := work(r)
	defer cancel()
	account, err := s.books.account(ctx, key)
	s.answer(w, r, http.StatusOK, toAccountBody(account), err)
}

func (s *Server) changeAccount(w http.ResponseWriter, r *http.Request) {
	var request struct {
		State AccountState `json:"state"`
	}
	if err := decode(w, r, &request); err != nil {
		s.answer(w, r, 0, nil, err)
		return
	}
	key, bad := accountInPath(r)
	if bad = firstError(bad, must(request.State.known(), "state", stateRule)); bad != nil {
		s.answer(w, r, 0, nil, bad)
		return
	}
	ctx, cancel := work(r)
	defer cancel()
	account, err := s.books.setState(ctx, key, request.State)
	s.answer(w, r, http.StatusOK, toAccountBody(account), err)
}

type verifyRequest struct {
	AccountKey
	HolderName string `json:"holderName"`
}

type verifyBody struct {
	Result     VerifyResult `json:"result"`
	HolderName string       `json:"holderName,omitempty"` // only on a match: an enquirer does not learn names
}

func (s *Server) verifyAccount(w http.ResponseWriter, r *http.Request) {
	var request verifyRequest
	if err := decode(w, r, &request); err != nil {
		s.answer(w, r, 0, nil, err)
		return
	}
	bad := firstError(request.AccountKey.validate(), must(isHolderName(request.HolderName), "holderName", holderNameRule))
	if bad != nil {
		s.answer(w, r, 0, nil, bad)
		return
	}
	c := call{operation: OpVerify, accounts: []AccountKey{request.AccountKey}}
	s.perform(w, r, c, func(ctx context.Context, effect Effect) (any, error) {
		return s.verify(ctx, request, effect.declines())
	})
}

func (s *Server) verify(ctx context.Context, request verifyRequest, declined Reason) (verifyBody, error) {
	if declined != "" {
		return verifyBody{Result: VerifyResult(declined)}, nil
	}
	account, err := s.books.account(ctx, request.AccountKey)
	switch {
	case errors.Is(err, errAccountNotFound):
		return verifyBody{Result: NoSuch}, nil
	case err != nil:
		return verifyBody{}, err
	}
	result := verify(account, request.HolderName)
	if result != Match {
		return verifyBody{Result: result}, nil
	}
	return verifyBody{Result: result, HolderName: account.HolderName}, nil
}

type transferRequest struct {
	Reference string     `json:"reference"`
	From      AccountKey `json:"from"`
	To        struct {
		AccountKey
		HolderName string `json:"holderName"`
	} `json:"to"`
	Amount     int64  `json:"amount"`
	Currency   string `json:"currency"`
	ValidUntil string `json:"validUntil"`
	Memo       string `json:"memo"`
}

// order gives the validated order.
func (q transferRequest) order() (Order, *fieldError) {
	validUntil, late := parseMoment("validUntil", q.ValidUntil)
	err := firstError(
		must(isReference(q.Reference), "reference", referenceRule),
		must(!isReserved(q.Reference), "reference", reservedRule),
		nested("from", q.From.validate()),
		nested("to", q.To.AccountKey.validate()),
		must(q.To.HolderName == "" || isHolderName(q.To.HolderName), "to.holderName", holderNameRule),
		must(isAmount(q.Amount), "amount", amountRule),
		must(q.Currency == Currency, "currency", currencyRule),
		late,
		must(isText(q.Memo, maxMemoRunes), "memo", memoRule))
	if err != nil {
		return Order{}, err
	}
	return Order{Reference: q.Reference, From: q.From, To: q.To.AccountKey, ToHolderName: strings.TrimSpace(q.To.HolderName),
		Amount: q.Amount, ValidUntil: validUntil, Memo: q.Memo}, nil
}

func nested(parent string, err *fieldError) *fieldError {
	if err == nil {
		return nil
	}
	return err.within(parent)
}

// decisionBody is a decision as a submission answers it, and, with the amount, an inquiry.
type decisionBody struct {
	Reference         string     `json:"reference"`
	Status            Status     `json:"status"`
	Reason            Reason     `json:"reason,omitempty"`
	BankTransactionID string     `json:"bankTransactionId,omitempty"`
	Amount            int64      `json:"amount,omitempty"`
	Currency          string     `json:"currency,omitempty"`
	DecidedAt         *time.Time `json:"decidedAt,omitempty"`
	ReturnedAt        *time.Time `json:"returnedAt,omitempty"`
}

func toDecisionBody(d Decision) decisionBody {
	body := decisionBody{Reference: d.Reference, Status: d.Status, Reason: d.Reason, BankTransactionID: d.BankTransactionID, ReturnedAt: d.ReturnedAt}
	if d.Status != NotFound {
		body.DecidedAt = &d.DecidedAt
	}
	return body
}

func toInquiryBody(d Decision) decisionBody {
	body := toDecisionBody(d)
	if d.Status != NotFound {
		body.Amount, body.Currency = d.Amount, Currency
	}
	return body
}

func (s *Server) submitTransfer(w http.ResponseWriter, r *http.Request) {
	var request transferRequest
	if err := decode(w, r, &request); err != nil {
		s.answer(w, r, 0, nil, err)
		return
	}
	order, bad := request.order()
	if bad != nil {
		s.answer(w, r, 0, nil, bad)
		return
	}
	c := call{operation: OpTransfer, accounts: []AccountKey{order.From, order.To}, amount: order.Amount, reference: order.Reference}
	s.perform(w, r, c, func(ctx context.Context, effect Effect) (any, error) {
		asked := effect.fate()
		decision, err := s.books.transfer(ctx, order, asked)
		if asked.back != nil && err == nil {
			wake(s.errands.returns)
		}
		return toDecisionBody(decision), err
	})
}

func (s *Server) inquireTransfer(w http.ResponseWriter, r *http.Request) {
	reference := r.PathValue("reference")
	if bad := must(isReference(reference), "reference", referenceRule); bad != nil {
		s.answer(w, r, 0, nil, bad)
		return
	}
	c := call{operation: OpInquire, reference: reference}
	s.perform(w, r, c, func(ctx context.Context, _ Effect) (any, error) {
		decision, err := s.books.inquire(ctx, reference)
		return toInquiryBody(decision), err
	})
}

type returnRequest struct {
	Reference string `json:"reference"`
	Reason    Reason `json:"reason"`
}

func (s *Server) returnTransfer(w http.ResponseWriter, r *http.Request) {
	var request returnRequest
	if err := decode(w, r, &request); err != nil {
		s.answer(w, r, 0, nil, err)
		return
	}
	bad := firstError(must(isReference(request.Reference), "reference", referenceRule), must(request.Reason.known(), "reason", reasonRule))
	if bad != nil {
		s.answer(w, r, 0, nil, bad)
		return
	}
	ctx, cancel := work(r)
	defer cancel()
	decision, err := s.books.giveBack(ctx, request.Reference, request.Reason)
	if err == nil {
		wake(s.errands.notices)
	}
	s.answer(w, r, http.StatusOK, toInquiryBody(decision), err)
}

type depositRequest struct {
	Reference string     `json:"reference"`
	Account   AccountKey `json:"account"`
	Amount    int64      `json:"amount"`
	Memo      string     `json:"memo"`
}

func (q depositRequest) deposit() (Deposit, *fieldError) {
	err := firstError(
		must(isReference(q.Reference), "reference", referenceRule),
		nested("account", q.Account.validate()),
		must(isAmount(q.Amount), "amount", amountRule),
		must(isText(q.Memo, maxMemoRunes), "memo", memoRule))
	if err != nil {
		return Deposit{}, err
	}
	return Deposit{Reference: q.Reference, Account: q.Account, Amount: q.Amount, Memo: q.Memo}, nil
}

type depositBody struct {
	Reference         string     `json:"reference"`
	BankTransactionID string     `json:"bankTransactionId"` // what the entry carries as its reference
	Account           AccountKey `json:"account"`
	Amount            int64      `json:"amount"`
	Currency          string     `json:"currency"`
	Memo              string     `json:"memo"`
	At                time.Time  `json:"at"`
}

func toDepositBody(d Deposit) depositBody {
	return depositBody{Reference: d.Reference, BankTransactionID: d.BankReference(), Account: d.Account, Amount: d.Amount,
		Currency: Currency, Memo: d.Memo, At: d.At}
}

func (s *Server) makeDeposit(w http.ResponseWriter, r *http.Request) {
	var request depositRequest
	if err := decode(w, r, &request); err != nil {
		s.answer(w, r, 0, nil, err)
		return
	}
	asked, bad := request.deposit()
	if bad != nil {
		s.answer(w, r, 0, nil, bad)
		return
	}
	ctx, cancel := work(r)
	defer cancel()
	made, err := s.books.deposit(ctx, asked)
	if err == nil {
		wake(s.errands.notices)
	}
	s.answer(w, r, http.StatusCreated, toDepositBody(made), err)
}

type entryBody struct {
	EntryID      string      `json:"entryId"`
	Reference    string      `json:"reference"`
	Direction    Direction   `json:"direction"`
	Amount       int64       `json:"amount"`
	BalanceAfter int64       `json:"balanceAfter"`
	Counterparty *AccountKey `json:"counterparty,omitempty"` // absent on an opening entry and on a deposit
	Memo         string      `json:"memo"`
	At           time.Time   `json:"at"`
}

func toEntryBody(e Entry) entryBody {
	body := entryBody{EntryID: strconv.FormatInt(e.ID, 10), Reference: e.Reference, Direction: e.Direction, Amount: e.Amount,
		BalanceAfter: e.BalanceAfter, Memo: e.Memo, At: e.At}
	if e.CounterpartyBankCode != nil && e.CounterpartyAccountNumber != nil {
		body.Counterparty = &AccountKey{BankCode: *e.CounterpartyBankCode, AccountNumber: *e.CounterpartyAccountNumber}
	}
	return body
}

type statementBody struct {
	OpeningBalance int64       `json:"openingBalance"`
	ClosingBalance int64       `json:"closingBalance"`
	Currency       string      `json:"currency"`
	Items          []entryBody `json:"items"`
	Next           string      `json:"next,omitempty"` // absent on the last page
}

func toStatementBody(s Statement) statementBody {
	body := statementBody{OpeningBalance: s.OpeningBalance, ClosingBalance: s.ClosingBalance, Currency: Currency, Items: make([]entryBody, len(s.Items))}
	for i, e := range s.Items {
		body.Items[i] = toEntryBody(e)
	}
	if s.More {
		body.Next = body.Items[len(body.Items)-1].EntryID
	}
	return body
}

// statementQuery reads path and query. Errors: *fieldError.
func statementQuery(r *http.Request) (StatementQuery, *fieldError) {
	key, badKey := accountInPath(r)
	query := r.URL.Query()
	day, err := parseDay(query.Get("date"))
	limit, badLimit := number(query.Get("limit"), defaultPage, maxPage, "limit", limitRule)
	after, badAfter := number(query.Get("after"), 0, 1<<62, "after", afterRule)
	bad := firstError(badKey, must(err == nil && isYear(day.From), "date", dateRule), badLimit, badAfter)
	return StatementQuery{Account: key, Day: day, After: after, Limit: int(limit)}, bad
}

// number reads a positive number of a query, absent when it is not given.
func number(text string, absent, largest int64, field, rule string) (int64, *fieldError) {
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, must(err == nil && n >= 1 && n <= largest, field, rule)
}

func (s *Server) readStatement(w http.ResponseWriter, r *http.Request) {
	query, bad := statementQuery(r)
	if bad != nil {
		s.answer(w, r, 0, nil, bad)
		return
	}
	c := call{operation: OpStatement, accounts: []AccountKey{query.Account}}
	s.perform(w, r, c, func(ctx context.Context, _ Effect) (any, error) {
		statement, err := s.books.statement(ctx, query)
		return toStatementBody(statement), err
	})
}

type totalsBody struct {
	Accounts  int64       `json:"accounts"`
	Balance   json.Number `json:"balance"`
	Opened    json.Number `json:"opened"`
	Deposited json.Number `json:"deposited"`
	Transfers int64       `json:"transfers"`
	Currency  string      `json:"currency"`
}

func (s *Server) readTotals(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := work(r)
	defer cancel()
	t, err := s.books.totals(ctx)
	body := totalsBody{Accounts: t.Accounts, Balance: json.Number(t.Balance), Opened: json.Number(t.Opened),
		Deposited: json.Number(t.Deposited), Transfers: t.Transfers, Currency: Currency}
	s.answer(w, r, http.StatusOK, body, err)
}

type faultsBody struct {
	Rules []firedRule `json:"rules"`
}

func (s *Server) replaceFaults(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Rules []Rule `json:"rules"`
	}
	if err := decode(w, r, &request); err != nil {
		s.answer(w, r, 0, nil, err)
		return
	}
	if request.Rules == nil {
		s.answer(w, r, 0, nil, invalid("rules", "must be given; an empty list clears"))
		return
	}
	if err := validateRules(request.Rules); err != nil {
		s.answer(w, r, 0, nil, err)
		return
	}
	s.faults.replace(request.Rules)
	s.listFaults(w, r)
}

func (s *Server) listFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, faultsBody{Rules: s.faults.list()})
}

func (s *Server) clearFaults(w http.ResponseWriter, _ *http.Request) {
	s.faults.replace(nil)
	w.WriteHeader(http.StatusNoContent)
}
