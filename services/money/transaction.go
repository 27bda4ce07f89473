package money

import (
	"time"

	"durapay/services/money/ledger"
)

// Kind says what a line of a wallet's history is. It is the posting's kind, except
// that a remittance is told from its receiver's side.
type Kind string

// The kinds that a wallet's owner sees.
const (
	TopUp              Kind = "TOP_UP"
	Withdrawal         Kind = "WITHDRAWAL"
	RemittanceSent     Kind = "REMITTANCE_SENT"
	RemittanceReceived Kind = "REMITTANCE_RECEIVED"
	Payment            Kind = "PAYMENT"
	PaymentCancel      Kind = "PAYMENT_CANCEL"
)

// Transaction is one change of a wallet's balance.
type Transaction struct {
	ID           string // the posting's reference
	Kind         Kind
	FlowID       string
	Amount       int64 // won; negative when it left the wallet
	BalanceAfter int64
	Counterparty string // a member or franchise, else what the posting's detail names (a linked account)
	At           time.Time
}

// HistoryRow is an entry with its posting and its other side, as stored.
type HistoryRow struct {
	Seq          int64
	Line         int
	Ref          string
	Kind         ledger.Kind
	FlowID       string
	Detail       string
	Amount       int64
	BalanceAfter int64
	OtherAccount string
	At           time.Time
}

func (r HistoryRow) transaction() Transaction {
	return Transaction{
		ID: r.Ref, Kind: r.kind(), FlowID: r.FlowID, Amount: r.Amount, BalanceAfter: r.BalanceAfter,
		Counterparty: r.counterparty(), At: r.At,
	}
}

func (r HistoryRow) kind() Kind {
	switch {
	case r.Kind != ledger.Remittance:
		return Kind(r.Kind)
	case r.Amount < 0:
		return RemittanceSent
	default:
		return RemittanceReceived
	}
}

func (r HistoryRow) counterparty() string {
	if owner := ledger.Owner(r.OtherAccount); owner != "" {
		return owner
	}
	return r.Detail
}
