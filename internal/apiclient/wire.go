package apiclient

import "time"

// State is where a request stands.
type State string

// The states of a request.
const (
	Requested  State = "REQUESTED"
	Processing State = "PROCESSING"
	Waiting    State = "WAITING"
	Unknown    State = "UNKNOWN"
	Succeeded  State = "SUCCEEDED"
	Failed     State = "FAILED"
	Cancelled  State = "CANCELLED"
	Returned   State = "RETURNED"
)

// Final tells whether the platform is done with the request.
func (s State) Final() bool {
	switch s {
	case Succeeded, Failed, Cancelled, Returned:
		return true
	default:
		return false
	}
}

// Address is where a member lives.
type Address struct {
	Region string `json:"region"`
	Detail string `json:"detail"`
}

// Registration asks for a member.
type Registration struct {
	Name     string  `json:"name"`
	Email    string  `json:"email"`
	Password string  `json:"password"`
	Phone    string  `json:"phone"`
	Address  Address `json:"address"`
}

// Tokens are what a sign-in gives.
type Tokens struct {
	AccessToken  string `json:"accessToken"`
	RefreshToken string `json:"refreshToken"`
	TokenType    string `json:"tokenType"`
	ExpiresIn    int64  `json:"expiresIn"` // seconds
}

// BankAccountLink asks to link a bank account.
type BankAccountLink struct {
	BankCode      string `json:"bankCode"`
	AccountNumber string `json:"accountNumber"`
	HolderName    string `json:"holderName"`
	DebitConsent  bool   `json:"debitConsent"`
}

// MoneyRequest asks to move money between the wallet and a linked account. Amount is in won.
type MoneyRequest struct {
	BankAccountID string `json:"bankAccountId"`
	Amount        int64  `json:"amount"`
}

// Receiver is whom money is sent to: a member, or the holder of an account at a bank.
type Receiver struct {
	MembershipID  string `json:"membershipId,omitempty"`
	BankCode      string `json:"bankCode,omitempty"`
	AccountNumber string `json:"accountNumber,omitempty"` // masked in answers
	HolderName    string `json:"holderName,omitempty"`
}

// AutoTopUp allows a top-up when the balance is short.
type AutoTopUp struct {
	BankAccountID string `json:"bankAccountId"`
}

// RemittanceRequest asks to send money. Amount is in won.
type RemittanceRequest struct {
	To        Receiver   `json:"to"`
	Amount    int64      `json:"amount"`
	Memo      string     `json:"memo,omitempty"`
	AutoTopUp *AutoTopUp `json:"autoTopUp,omitempty"`
	ExecuteAt *time.Time `json:"executeAt,omitempty"` // absent means at once
}

// Failure is why a request was refused.
type Failure struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Money is the record of a top-up or a withdrawal. Amount is in won.
type Money struct {
	ID            string     `json:"id"`
	State         State      `json:"state"`
	Amount        int64      `json:"amount"`
	BankAccountID string     `json:"bankAccountId"`
	Failure       *Failure   `json:"failure"`
	Until         *time.Time `json:"until"`
}

// Remittance is the record of a remittance. Amount is in won.
type Remittance struct {
	ID      string   `json:"id"`
	State   State    `json:"state"`
	From    Receiver `json:"from"`
	To      Receiver `json:"to"`
	Amount  int64    `json:"amount"`
	TopUpID string   `json:"topUpId"` // the automatic top-up made for it, "" for none
	Failure *Failure `json:"failure"`

	ExecuteAt *time.Time `json:"executeAt"`
	Until     *time.Time `json:"until"` // when a waiting one goes on
}

// Balance is what a wallet holds, in won.
type Balance struct {
	MembershipID string `json:"membershipId"`
	Balance      int64  `json:"balance"`
	Held         int64  `json:"held"`
	Available    int64  `json:"available"`
	Limit        int64  `json:"limit"`
	Currency     string `json:"currency"`
}

// FlowRef is where a request that still runs can be followed.
type FlowRef struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

// Accepted is the receipt of a request that still runs.
type Accepted struct {
	ID    string  `json:"id"`
	State State   `json:"state"`
	Flow  FlowRef `json:"flow"`
}

// Flow is where a flow stands.
type Flow struct {
	ID      string     `json:"id"`
	State   State      `json:"state"`
	Doing   string     `json:"doing"`
	Until   *time.Time `json:"until"`
	Final   bool       `json:"final"`
	Failure *Failure   `json:"failure"`
}

// Outcome is how a request stands: its record, its state, and the code of its refusal.
type Outcome struct {
	ID    string // of the record
	State State
	Code  string // why it did not succeed, "" when it did or still runs
	Flow  string // where it can be followed, "" when its end was told at once
}

// AccountKey names an account at a bank.
type AccountKey struct {
	BankCode      string `json:"bankCode"`
	AccountNumber string `json:"accountNumber"`
}

// Account is an account at the bank. Balance is in won.
type Account struct {
	AccountKey
	HolderName string `json:"holderName"`
	Balance    int64  `json:"balance"`
}
