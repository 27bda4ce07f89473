package harness

import (
	"crypto/rand"
	"net/http"
	"testing"

	"durapay/internal/apiclient"
)

// OpenReceiver opens an account at a bank for somebody who is no member. The holder's
// name is looked for at the end: it may be nowhere in clear.
func (p *Platform) OpenReceiver(t testing.TB, bankCode string, balance int64) apiclient.Account {
	t.Helper()
	holder := "김받음 " + rand.Text()[:8]
	p.clear.add(holder)
	return p.OpenAccount(t, bankCode, holder, balance)
}

// RemitToBank asks to send money to an account at a bank.
func (m *Member) RemitToBank(t testing.TB, key string, to apiclient.Account, amount int64) Answer {
	t.Helper()
	return m.Post(t, "/v1/remittances", key, BankRemitBody(to, amount))
}

// BankRemitBody asks to send money to an account at a bank.
func BankRemitBody(to apiclient.Account, amount int64) apiclient.RemittanceRequest {
	receiver := apiclient.Receiver{BankCode: to.BankCode, AccountNumber: to.AccountNumber, HolderName: to.HolderName}
	return apiclient.RemittanceRequest{To: receiver, Amount: amount}
}

// Remittance reads a remittance as this member.
func (m *Member) Remittance(t testing.TB, remittanceID string) apiclient.Remittance {
	t.Helper()
	return Read[apiclient.Remittance](t, m.Get(t, "/v1/remittances/"+remittanceID), http.StatusOK)
}

// CancelRemittance asks to call a remittance off.
func (m *Member) CancelRemittance(t testing.TB, remittanceID string) Answer {
	t.Helper()
	return m.Post(t, "/v1/remittances/"+remittanceID+"/cancel", "", nil)
}
