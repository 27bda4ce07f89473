package gateway

import (
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi2"

	"durapay/errs"
	"durapay/gateway/problem"
	"durapay/internal/id"
)

// refusal is a code that an operation can tell, and how it tells it.
type refusal struct {
	code   *errs.Error
	status int
	record string // the prefix of the id under which the refusal is kept; "" when nothing is
	member string // of a success's body that has the code; "" for a problem
}

// answers are problems of a request that left nothing on record.
func answers(codes ...*errs.Error) []refusal {
	all := make([]refusal, len(codes))
	for i, code := range codes {
		all[i] = refusal{code: code, status: problem.Status(code.Kind)}
	}
	return all
}

// ends are problems that tell how a flow has ended, with the id of its record. Such an end
// is final, so that none has a status that asks for a repeat (see Server.refused).
func ends(record string, codes ...*errs.Error) []refusal {
	all := answers(codes...)
	for i := range all {
		all[i].record = record
		if all[i].status >= http.StatusInternalServerError {
			all[i].status = http.StatusUnprocessableEntity
		}
	}
	return all
}

// told are codes that stand in the body of a success.
func told(status int, member string, codes ...*errs.Error) []refusal {
	all := make([]refusal, len(codes))
	for i, code := range codes {
		all[i] = refusal{code: code, status: status, member: member}
	}
	return all
}

// failureMember is where records and flows have the code of their refusal.
const failureMember = "failure.code"

// later are the ends of a flow that the operation does not wait for: its address tells them.
func later(codes ...*errs.Error) []refusal {
	return told(http.StatusAccepted, "flow's "+failureMember, codes...)
}

// kept are the ends of a flow that its record tells.
func kept(codes ...*errs.Error) []refusal { return told(http.StatusOK, failureMember, codes...) }

// What flows can end with, the most telling ones first.
var (
	// A bank is asked for the holder's name.
	nameRefusals = []*errs.Error{errs.BankNameMismatch, errs.BankNoSuchAccount, errs.BankAccountClosed, errs.BankAccountSuspended,
		errs.BankAccountReported, errs.BankUnreachable}
	// A bank is given a transfer.
	transferRefusals = []*errs.Error{errs.BankInsufficientFunds, errs.BankLimitExceeded, errs.BankNoSuchAccount, errs.BankAccountClosed,
		errs.BankAccountSuspended, errs.BankAccountReported, errs.BankNameMismatch, errs.BankMaintenance, errs.BankNotExecuted, errs.BankDeclined}
	// A flow is stopped on its way.
	stops = []*errs.Error{errs.FlowCancelled, errs.Interrupted}

	linkEnds  = slices.Concat([]*errs.Error{errs.BankAccountDuplicate}, nameRefusals, []*errs.Error{errs.MemberDeactivated, errs.FlowCancelled})
	topUpEnds = slices.Concat([]*errs.Error{errs.BalanceLimit, errs.MemberDeactivated, errs.BankAccountNotFound, errs.BankAccountUnlinked,
		errs.WalletNotFound}, transferRefusals, stops)
	withdrawalEnds = slices.Concat([]*errs.Error{errs.InsufficientBalance, errs.MemberDeactivated, errs.BankAccountNotFound,
		errs.BankAccountUnlinked, errs.WalletNotFound}, transferRefusals, stops)
	firmbankingEnds = slices.Concat(transferRefusals, stops)
	remittanceEnds  = slices.Concat([]*errs.Error{errs.InsufficientBalance, errs.AutoTopUpFailed, errs.TransferLimit, errs.DailyLimit, errs.SelfTransfer,
		errs.ReceiverNotFound, errs.ReceiverInactive, errs.ReceiverLimit, errs.MemberDeactivated, errs.WalletNotFound}, nameRefusals, transferRefusals, stops)
	paymentEnds = slices.Concat([]*errs.Error{errs.InsufficientBalance, errs.AutoTopUpFailed, errs.OrderIDTaken, errs.FranchiseNotFound,
		errs.FranchiseInactive, errs.MemberDeactivated, errs.WalletNotFound}, stops)
	cancelEnds       = []*errs.Error{errs.CancelExceeded, errs.PaymentNotCancellable, errs.PaymentNotFound, errs.MemberLimit, errs.Interrupted}
	franchiseEnds    = slices.Concat([]*errs.Error{errs.BusinessNumberTaken}, nameRefusals, stops)
	payoutChangeEnds = slices.Concat([]*errs.Error{errs.FranchiseNotFound, errs.ConcurrentEdit}, nameRefusals, []*errs.Error{errs.FlowCancelled})
	payoutEnds       = slices.Concat([]*errs.Error{errs.FranchiseNotFound}, transferRefusals, stops, []*errs.Error{errs.BankReturned})
)

// operationErrors has, for each operation of the document by its id, what it can tell
// beside what comes with its credentials, parameters and body ([commonErrors]).
var operationErrors = map[string][]refusal{
	// Health and sign-in.
	"livez":                         nil,
	"readyz":                        nil,
	"jwks":                          nil,
	"loginMembership":               answers(errs.CredentialsWrong, errs.LoginThrottled, errs.RequestTimeout),
	"refreshJwtTokenByRefreshToken": answers(errs.RefreshInvalid, errs.RefreshReused),
	"logout":                        nil,
	"validateJwtToken":              told(http.StatusOK, "reason", errs.TokenExpired, errs.TokenInvalid, errs.MemberDeactivated),

	// Membership.
	"registerMembership":      answers(errs.EmailTaken, errs.RequestTimeout),
	"registerMembershipEvent": slices.Concat(answers(errs.RequestTimeout), later(errs.EmailTaken)),
	"getMembershipByJwtToken": answers(errs.MemberNotFound), // a franchise is no member
	"findMembership":          answers(errs.MemberNotFound),
	"modifyMembership":        answers(errs.MemberNotFound, errs.EtagMismatch, errs.EtagMissing, errs.RoleForbidden),

	// Banking.
	"registerBankAccount":        ends(id.BankAccount, linkEnds...),
	"registerBankAccountByEvent": later(linkEnds...),
	"findBankAccount":            nil,
	"findBankAccountById":        answers(errs.BankAccountNotFound),
	"unlinkBankAccount":          answers(errs.BankAccountNotFound),
	"requestFirmbanking":         ends(id.Firmbanking, firmbankingEnds...),
	"requestFirmbankingByEvent":  later(firmbankingEnds...),
	"findFirmbanking":            nil,
	"findFirmbankingById":        slices.Concat(answers(errs.FirmbankingNotFound), kept(errs.BankAccountUnlinked), kept(transferRefusals...)),
	"receiveBankNotice":          answers(errs.SignatureInvalid, errs.InvalidRequest, errs.MalformedJSON, errs.BodyTooLarge, errs.IdempotencyReused),
	"findBankNotices":            nil,
	"findBankNotice":             slices.Concat(answers(errs.BankNoticeNotFound), kept(errs.BankReturned)),

	// Money.
	"createMemberMoney":           answers(errs.WalletExists, errs.MemberNotFound, errs.MemberDeactivated),
	"increaseMoneyRequest":        ends(id.TopUp, topUpEnds...),
	"increaseMoneyRequestByEvent": later(topUpEnds...),
	"decreaseMoneyRequest":        ends(id.Withdrawal, withdrawalEnds...),
	"decreaseMoneyRequestByEvent": later(withdrawalEnds...),
	"findTopUp":                   slices.Concat(answers(errs.TopUpNotFound), kept(topUpEnds...)),
	"findWithdrawal":              slices.Concat(answers(errs.WithdrawalNotFound), kept(withdrawalEnds...), kept(errs.BankReturned)),
	"getBalanceRequest":           answers(errs.WalletNotFound),
	"findMoneyHistory":            answers(errs.WalletNotFound),
	"queryMoneySumByRegions":      nil,
	"queryMoneySumByRegion":       answers(errs.RegionNotFound),

	// Remittance.
	"requestRemittance":     ends(id.Remittance, remittanceEnds...),
	"cancelRemittance":      answers(errs.RemittanceNotFound, errs.NotCancellable),
	"findRemittanceHistory": nil,
	"findRemittance":        slices.Concat(answers(errs.RemittanceNotFound), kept(remittanceEnds...), kept(errs.BankReturned)),

	// Payments.
	"requestPayment":          ends(id.Payment, paymentEnds...),
	"findPayments":            nil,
	"getNormalStatusPayments": answers(errs.FranchiseNotFound),
	"findPayment":             slices.Concat(answers(errs.PaymentNotFound), kept(paymentEnds...)),
	"finishPayment":           answers(errs.PaymentNotFinishable, errs.PaymentNotFound, errs.StatementNotFound),
	"cancelPayment":           ends(id.Cancel, cancelEnds...),
	"findPaymentCancels":      answers(errs.PaymentNotFound),
	"findPaymentCancel":       slices.Concat(answers(errs.CancelNotFound, errs.PaymentNotFound), kept(cancelEnds...)),

	// Franchises.
	"registerFranchise": ends(id.Franchise, franchiseEnds...),
	"listFranchises":    nil,
	"findFranchise":     slices.Concat(answers(errs.FranchiseNotFound), kept(franchiseEnds...)),
	"modifyFranchise": slices.Concat(answers(errs.FranchiseNotFound, errs.EtagMismatch, errs.EtagMissing, errs.ContractInForce),
		[]refusal{{code: errs.EtagMissing, status: http.StatusPreconditionRequired}}, ends(id.PayoutChange, payoutChangeEnds...)),
	"findPayoutChange":      slices.Concat(answers(errs.PayoutChangeNotFound, errs.FranchiseNotFound), kept(payoutChangeEnds...)),
	"listFeeTiers":          nil,
	"createFranchiseApiKey": answers(errs.TooManyAPIKeys, errs.FranchiseNotFound),
	"listFranchiseApiKeys":  answers(errs.FranchiseNotFound),
	"revokeFranchiseApiKey": answers(errs.APIKeyNotFound, errs.FranchiseNotFound),
	"setWebhook":            answers(errs.FranchiseNotFound),
	"findWebhook":           answers(errs.WebhookNotSet, errs.FranchiseNotFound),
	"removeWebhook":         answers(errs.FranchiseNotFound),
	"rotateWebhookSecret":   answers(errs.WebhookNotSet, errs.FranchiseNotFound),
	"listWebhookDeliveries": answers(errs.FranchiseNotFound),
	"findWebhookDelivery":   slices.Concat(answers(errs.WebhookDeliveryNotFound, errs.FranchiseNotFound), kept(errs.WebhookUndelivered, errs.FlowCancelled)),

	// Settlement.
	"startSettlement":            answers(errs.BusinessDateRefused),
	"findSettlementRuns":         nil,
	"findSettlementRun":          answers(errs.SettlementRunNotFound),
	"findRunStatements":          answers(errs.SettlementRunNotFound),
	"findStatements":             nil,
	"findStatement":              slices.Concat(answers(errs.StatementNotFound), told(http.StatusOK, "payout."+failureMember, payoutEnds...)),
	"findStatementLines":         answers(errs.StatementNotFound),
	"downloadStatement":          answers(errs.StatementNotFound),
	"requestPayoutRetry":         answers(errs.PayoutNotRetryable, errs.StatementNotFound),
	"findPayoutRetries":          answers(errs.StatementNotFound),
	"findPayoutRetry":            answers(errs.PayoutRetryNotFound),
	"approvePayoutRetry":         answers(errs.SecondOperatorRequired, errs.PayoutNotRetryable, errs.PayoutRetryNotFound, errs.ConcurrentEdit),
	"rejectPayoutRetry":          answers(errs.ConcurrentEdit, errs.PayoutRetryNotFound),
	"getSettlementSchedule":      nil,
	"pauseSettlementSchedule":    answers(errs.ConcurrentEdit),
	"resumeSettlementSchedule":   answers(errs.ConcurrentEdit),
	"backfillSettlementSchedule": nil,

	// Flows.
	"findFlow": answers(errs.FlowNotFound),
}

// healthTag is of the operations that ask nothing of anybody, and have no problems.
const healthTag = "health"

// commonErrors come with what an operation has: credentials, a body, parameters. Only
// who may do it is not in the document: a 403 is documented where a role is refused.
func commonErrors(o *openapi2.Operation) []refusal {
	if slices.Contains(o.Tags, healthTag) {
		return nil
	}
	var codes, ofKey []*errs.Error
	for _, p := range o.Parameters {
		codes, ofKey = append(codes, inputErrors(p)...), append(ofKey, keyErrors(p)...)
	}
	codes = append(codes, ofKey...) // they say less of an operation than the others
	if o.Security != nil && len(*o.Security) > 0 {
		codes = append(codes, errs.TokenMissing, errs.TokenInvalid, errs.TokenExpired, errs.APIKeyInvalid)
	}
	if o.Responses.Value("403") != nil {
		codes = append(codes, errs.RoleForbidden)
	}
	return answers(append(codes, errs.ServiceUnavailable, errs.Busy, errs.InternalError)...)
}

func inputErrors(p *openapi2.Parameter) []*errs.Error {
	switch p.In {
	case "body": // strict, whatever its members are
		return []*errs.Error{errs.InvalidField("/nickname", errs.FieldUnknown), errs.MalformedJSON, errs.BodyTooLarge, errs.UnsupportedMedia}
	case "query":
		return []*errs.Error{errs.InvalidField("?"+p.Name, errs.FieldMustBe, "expected", p.Description)}
	default:
		return nil
	}
}

func keyErrors(p *openapi2.Parameter) []*errs.Error {
	switch {
	case p.Name != keyHeader:
		return nil
	case p.Required:
		return []*errs.Error{errs.IdempotencyMissing, errs.IdempotencyInvalid, errs.IdempotencyReused}
	default:
		return []*errs.Error{errs.IdempotencyInvalid, errs.IdempotencyReused}
	}
}

// refusalsOf lists what an operation can tell by the status, its own before the common
// ones, each once.
func refusalsOf(o *openapi2.Operation) map[int][]refusal {
	byStatus := map[int][]refusal{}
	for _, r := range slices.Concat(operationErrors[o.OperationID], commonErrors(o)) {
		same := func(known refusal) bool { return known.code.Code == r.code.Code }
		if !slices.ContainsFunc(byStatus[r.status], same) {
			byStatus[r.status] = append(byStatus[r.status], r)
		}
	}
	return byStatus
}
