package money

import (
	"strconv"
	"time"

	"durapay/services/money/ledger"
)

// Currency of every amount: its minor unit is the won itself.
const Currency = "KRW"

// Wallet is a member's stored value, in won.
type Wallet struct {
	MembershipID string
	Balance      int64
	Held         int64 // part of Balance that is reserved
	Available    int64
	Limit        int64
	Currency     string
	CreatedAt    time.Time
}

// OpenWallet asks for a member's wallet. OnceRef is the asking flow's reference.
type OpenWallet struct {
	MembershipID string `json:"membershipId"`
	Verified     bool   `json:"verified"` // real name verified: the higher limit
	OnceRef      string `json:"onceRef"`
}

func (w OpenWallet) command() ledger.Command {
	return ledger.Command{
		Op: ledger.OpOpen, Ref: openRef(w.OnceRef, w.MembershipID), FlowID: w.OnceRef,
		AccountID: ledger.WalletAccount(w.MembershipID), AccountKind: ledger.KindWallet, Ceiling: Limit(w.Verified),
	}
}

func openRef(onceRef, membershipID string) string { return onceRef + "/open/" + membershipID }

// raise makes the command that sets a new limit. Its reference holds what it changes,
// and when the wallet was opened, so that a wallet opened anew can be raised anew.
func (w Wallet) raise(limit int64) ledger.Command {
	account := ledger.WalletAccount(w.MembershipID)
	return ledger.Command{
		Op:        ledger.OpCeiling,
		Ref:       account + "/limit/" + strconv.FormatInt(limit, 10) + "/" + strconv.FormatInt(w.CreatedAt.UnixMicro(), 10),
		AccountID: account, Ceiling: limit,
	}
}

func walletOf(membershipID string, a ledger.Account) Wallet {
	return Wallet{
		MembershipID: membershipID, Balance: a.Balance, Held: a.PendingOut, Available: a.Available(),
		Limit: a.Ceiling, Currency: Currency, CreatedAt: a.OpenedAt,
	}
}
