package errs

// Every error the platform can tell a client, by section. The words for each are in
// gateway/problem/messages.csv; a test keeps the two in step.
var (
	// Requests.
	InvalidRequest     = def(Invalid, "invalid_request")
	MalformedJSON      = def(Invalid, "malformed_json")
	BodyTooLarge       = def(Invalid, "body_too_large")
	UnsupportedMedia   = def(Invalid, "unsupported_media_type")
	IdempotencyMissing = def(Invalid, "idempotency_key_missing")
	IdempotencyInvalid = def(Invalid, "idempotency_key_invalid")
	IdempotencyReused  = def(Refused, "idempotency_key_reused")
	NoSuchRoute        = def(NotFound, "no_such_route")
	MethodNotAllowed   = def(Invalid, "method_not_allowed")
	EtagMismatch       = def(Precondition, "etag_mismatch")
	EtagMissing        = def(Precondition, "etag_missing")
	FlowNotFound       = def(NotFound, "flow_not_found")
	InternalError      = def(Internal, "internal_error")
	Busy               = def(Unavailable, "busy")
	ServiceUnavailable = def(Unavailable, "service_unavailable")
	RequestTimeout     = def(Unavailable, "request_timeout")
	ConcurrentEdit     = def(Conflict, "concurrent_edit")

	// What is wrong with one field.
	FieldRequired  = def(Invalid, "required")
	FieldUnknown   = def(Invalid, "unknown_field")
	FieldType      = def(Invalid, "wrong_type")
	FieldFormat    = def(Invalid, "wrong_format")
	FieldTooLong   = def(Invalid, "too_long")
	FieldTooShort  = def(Invalid, "too_short")
	FieldTooLarge  = def(Invalid, "too_large")
	FieldTooSmall  = def(Invalid, "too_small")
	FieldNotOneOf  = def(Invalid, "not_one_of")
	FieldForbidden = def(Invalid, "not_allowed_here")
	FieldMustBe    = def(Invalid, "must_be")

	// Credentials.
	TokenMissing      = def(Unauthenticated, "token_missing")
	TokenInvalid      = def(Unauthenticated, "token_invalid")
	TokenExpired      = def(Unauthenticated, "token_expired")
	CredentialsWrong  = def(Unauthenticated, "credentials_wrong")
	RefreshInvalid    = def(Unauthenticated, "refresh_token_invalid")
	RefreshReused     = def(Unauthenticated, "refresh_token_reused")
	RoleForbidden     = def(Forbidden, "role_forbidden")
	LoginThrottled    = def(TooMany, "login_throttled")
	MemberDeactivated = def(Refused, "member_deactivated")

	// Membership.
	MemberNotFound = def(NotFound, "member_not_found")
	EmailTaken     = def(Conflict, "email_taken")

	// Banking.
	BankAccountNotFound   = def(NotFound, "bank_account_not_found")
	BankAccountDuplicate  = def(Conflict, "bank_account_duplicate")
	BankAccountUnlinked   = def(Refused, "bank_account_unlinked")
	BankNoSuchAccount     = def(Refused, "bank_no_such_account")
	BankAccountClosed     = def(Refused, "bank_account_closed")
	BankAccountSuspended  = def(Refused, "bank_account_suspended")
	BankAccountReported   = def(Refused, "bank_account_reported")
	BankNameMismatch      = def(Refused, "bank_name_mismatch")
	BankInsufficientFunds = def(Refused, "bank_insufficient_funds")
	BankLimitExceeded     = def(Refused, "bank_limit_exceeded")
	BankMaintenance       = def(Refused, "bank_maintenance")
	BankNotExecuted       = def(Refused, "bank_not_executed")
	BankDeclined          = def(Refused, "bank_declined")
	BankUnreachable       = def(Unavailable, "bank_unreachable")
	FirmbankingNotFound   = def(NotFound, "firmbanking_not_found")

	// Money.
	WalletNotFound      = def(NotFound, "wallet_not_found")
	WalletExists        = def(Conflict, "wallet_exists")
	InsufficientBalance = def(Refused, "insufficient_balance")
	BalanceLimit        = def(Refused, "balance_limit_exceeded")
	TopUpNotFound       = def(NotFound, "top_up_not_found")
	WithdrawalNotFound  = def(NotFound, "withdrawal_not_found")

	// Ledger.
	LedgerAccountNotFound  = def(Refused, "ledger_account_not_found")
	LedgerAccountExists    = def(Refused, "ledger_account_exists")
	LedgerAccountUsed      = def(Refused, "ledger_account_used")
	LedgerReferenceReused  = def(Refused, "ledger_reference_reused")
	LedgerHoldNotFound     = def(Refused, "ledger_hold_not_found")
	LedgerHoldClosed       = def(Refused, "ledger_hold_closed")
	LedgerHoldExceeded     = def(Refused, "ledger_hold_exceeded")
	LedgerAmountOverflow   = def(Refused, "amount_overflow")
	LedgerPostingMalformed = def(Refused, "ledger_posting_malformed")

	// Remittance.
	RemittanceNotFound = def(NotFound, "remittance_not_found")
	ReceiverNotFound   = def(Refused, "receiver_not_found")
	ReceiverInactive   = def(Refused, "receiver_inactive")
	ReceiverLimit      = def(Refused, "receiver_limit_exceeded")
	SelfTransfer       = def(Refused, "self_transfer")
	TransferLimit      = def(Refused, "transfer_limit_exceeded")
	AutoTopUpFailed    = def(Refused, "auto_top_up_failed")
	FlowCancelled      = def(Refused, "cancelled")
	Interrupted        = def(Refused, "interrupted")

	// Bank remittance, its limits, and what a bank tells by itself.
	DailyLimit         = def(Refused, "daily_limit_exceeded")
	NotCancellable     = def(Conflict, "not_cancellable")
	BankReturned       = def(Refused, "bank_returned")
	SignatureInvalid   = def(Unauthenticated, "signature_invalid")
	BankNoticeNotFound = def(NotFound, "bank_notice_not_found")

	// Franchises.
	FranchiseNotFound       = def(NotFound, "franchise_not_found")
	FranchiseInactive       = def(Refused, "franchise_inactive")
	BusinessNumberTaken     = def(Conflict, "business_number_taken")
	ContractInForce         = def(Conflict, "contract_in_force")
	PayoutChangeNotFound    = def(NotFound, "payout_change_not_found")
	APIKeyNotFound          = def(NotFound, "api_key_not_found")
	APIKeyInvalid           = def(Unauthenticated, "api_key_invalid")
	TooManyAPIKeys          = def(Conflict, "too_many_api_keys")
	WebhookNotSet           = def(NotFound, "webhook_not_set")
	WebhookDeliveryNotFound = def(NotFound, "webhook_delivery_not_found")
	WebhookUndelivered      = def(Refused, "webhook_undelivered")

	// Payments.
	PaymentNotFound       = def(NotFound, "payment_not_found")
	OrderIDTaken          = def(Conflict, "order_id_taken")
	PaymentNotCancellable = def(Conflict, "payment_not_cancellable")
	PaymentNotFinishable  = def(Conflict, "payment_not_finishable")
	CancelExceeded        = def(Refused, "cancel_amount_exceeded")
	CancelNotFound        = def(NotFound, "cancel_not_found")
	MemberLimit           = def(Refused, "member_limit_exceeded")

	// Settlement.
	SettlementRunNotFound  = def(NotFound, "settlement_run_not_found")
	StatementNotFound      = def(NotFound, "statement_not_found")
	BusinessDateRefused    = def(Refused, "business_date_refused")
	PayoutNotRetryable     = def(Conflict, "payout_not_retryable")
	PayoutRetryNotFound    = def(NotFound, "payout_retry_not_found")
	SecondOperatorRequired = def(Conflict, "second_operator_required")

	// Regions.
	RegionNotFound = def(NotFound, "region_not_found")
)

// def declares an error. It only builds the value: All lists what is declared.
func def(kind Kind, code Code) *Error { return &Error{Kind: kind, Code: code} }

// All lists every declared error, for the catalogue of messages and for the API's documentation.
func All() []*Error {
	return []*Error{
		InvalidRequest,
		MalformedJSON,
		BodyTooLarge,
		UnsupportedMedia,
		IdempotencyMissing,
		IdempotencyInvalid,
		IdempotencyReused,
		NoSuchRoute,
		MethodNotAllowed,
		EtagMismatch,
		EtagMissing,
		FlowNotFound,
		InternalError,
		Busy,
		ServiceUnavailable,
		RequestTimeout,
		ConcurrentEdit,
		FieldRequired,
		FieldUnknown,
		FieldType,
		FieldFormat,
		FieldTooLong,
		FieldTooShort,
		FieldTooLarge,
		FieldTooSmall,
		FieldNotOneOf,
		FieldForbidden,
		FieldMustBe,
		TokenMissing,
		TokenInvalid,
		TokenExpired,
		CredentialsWrong,
		RefreshInvalid,
		RefreshReused,
		RoleForbidden,
		LoginThrottled,
		MemberDeactivated,
		MemberNotFound,
		EmailTaken,
		BankAccountNotFound,
		BankAccountDuplicate,
		BankAccountUnlinked,
		BankNoSuchAccount,
		BankAccountClosed,
		BankAccountSuspended,
		BankAccountReported,
		BankNameMismatch,
		BankInsufficientFunds,
		BankLimitExceeded,
		BankMaintenance,
		BankNotExecuted,
		BankDeclined,
		BankUnreachable,
		FirmbankingNotFound,
		WalletNotFound,
		WalletExists,
		InsufficientBalance,
		BalanceLimit,
		TopUpNotFound,
		WithdrawalNotFound,
		LedgerAccountNotFound,
		LedgerAccountExists,
		LedgerAccountUsed,
		LedgerReferenceReused,
		LedgerHoldNotFound,
		LedgerHoldClosed,
		LedgerHoldExceeded,
		LedgerAmountOverflow,
		LedgerPostingMalformed,
		RemittanceNotFound,
		ReceiverNotFound,
		ReceiverInactive,
		ReceiverLimit,
		SelfTransfer,
		TransferLimit,
		AutoTopUpFailed,
		FlowCancelled,
		Interrupted,
		DailyLimit,
		NotCancellable,
		BankReturned,
		SignatureInvalid,
		BankNoticeNotFound,
		FranchiseNotFound,
		FranchiseInactive,
		BusinessNumberTaken,
		ContractInForce,
		PayoutChangeNotFound,
		APIKeyNotFound,
		APIKeyInvalid,
		TooManyAPIKeys,
		WebhookNotSet,
		WebhookDeliveryNotFound,
		WebhookUndelivered,
		PaymentNotFound,
		OrderIDTaken,
		PaymentNotCancellable,
		PaymentNotFinishable,
		CancelExceeded,
		CancelNotFound,
		MemberLimit,
		SettlementRunNotFound,
		StatementNotFound,
		BusinessDateRefused,
		PayoutNotRetryable,
		PayoutRetryNotFound,
		SecondOperatorRequired,
		RegionNotFound,
	}
}
