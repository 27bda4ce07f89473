package banking

import (
	"bytes"
	"fmt"
	"time"

	"durapay/errs"
	"durapay/internal/secret"
)

// sealer turns accounts and transfers into rows without personal data in the clear, and back.
type sealer struct {
	ring  *secret.KeyRing
	index *secret.Indexer
}

// numberDomain is the blind index's domain: one real account has one hash, wherever it is stored.
const numberDomain = "banking.account"

func (s sealer) indexOf(ref BankAccountRef) []byte {
	return s.index.Index(numberDomain, ref.BankCode+"/"+ref.Number)
}

// sealed is a number and a name, encrypted for one row.
type sealed struct{ number, holder []byte }

func (s sealer) seal(table, id string, ref BankAccountRef) (sealed, error) {
	number, err := s.sealText(table, "number_sealed", id, ref.Number)
	if err != nil {
		return sealed{}, err
	}
	holder, err := s.sealText(table, "holder_sealed", id, ref.HolderName)
	return sealed{number: number, holder: holder}, err
}

func (s sealer) sealText(table, column, id, text string) ([]byte, error) {
	x, err := s.ring.Seal([]byte(text), place(table, column, id))
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", id, err)
	}
	return x, nil
}

func (s sealer) open(table, id string, x sealed) (number, holder string, err error) {
	number, err = s.openText(table, "number_sealed", id, x.number)
	if err != nil {
		return "", "", err
	}
	holder, err = s.openText(table, "holder_sealed", id, x.holder)
	return number, holder, err
}

func (s sealer) openText(table, column, id string, x []byte) (string, error) {
	text, err := s.ring.Open(x, place(table, column, id))
	if err != nil {
		return "", fmt.Errorf("open %s: %w", id, err)
	}
	return string(text), nil
}

// place binds a sealed text to its row, so that it does not open in another one.
func place(table, column, id string) string { return table + "." + column + "/" + id }

const (
	accountsTable     = "accounts"
	firmbankingsTable = "firmbankings"
	noticesTable      = "bank_notices"
)

func (s sealer) newAccount(n NewAccount, at time.Time) (AccountRow, error) {
	ref := n.Ref()
	x, err := s.seal(accountsTable, n.ID, ref)
	if err != nil {
		return AccountRow{}, err
	}
	return AccountRow{
		ID: n.ID, MembershipID: n.MembershipID, BankCode: ref.BankCode,
		NumberSealed: x.number, HolderSealed: x.holder, NumberIndex: s.indexOf(ref),
		State: Linked, Fingerprint: n.Fingerprint, ConsentAt: at, CreatedAt: at,
	}, nil
}

// sameAs tells whether a stored account is what a repeated request asks for.
func (r AccountRow) sameAs(asked AccountRow) bool {
	return r.MembershipID == asked.MembershipID && r.Fingerprint == asked.Fingerprint &&
		bytes.Equal(r.NumberIndex, asked.NumberIndex)
}

func (s sealer) openAccount(r AccountRow) (Account, error) {
	number, holder, err := s.open(accountsTable, r.ID, sealed{number: r.NumberSealed, holder: r.HolderSealed})
	if err != nil {
		return Account{}, err
	}
	return Account{
		ID: r.ID, MembershipID: r.MembershipID, BankCode: r.BankCode, Number: number, HolderName: holder,
		State: r.State, Fingerprint: r.Fingerprint, ConsentAt: r.ConsentAt, RevokedAt: timeOf(r.RevokedAt), CreatedAt: r.CreatedAt,
	}, nil
}

// newFirmbanking makes the row of an order whose account is known.
func (s sealer) newFirmbanking(f Firmbanking, ref BankAccountRef, at time.Time) (FirmbankingRow, error) {
	x, err := s.seal(firmbankingsTable, f.ID, ref)
	if err != nil {
		return FirmbankingRow{}, err
	}
	return FirmbankingRow{
		ID: f.ID, Reference: f.Reference, FlowID: f.FlowID, MembershipID: f.MembershipID, BankAccountID: f.BankAccountID,
		Direction: f.Direction, BankCode: ref.BankCode, NumberSealed: x.number, HolderSealed: x.holder, NumberIndex: s.indexOf(ref),
		Amount: f.Amount, State: StateRequested, Fingerprint: f.Fingerprint, CreatedAt: at, UpdatedAt: at,
	}, nil
}

// rejected makes a row final before it was sent.
func (r FirmbankingRow) rejected(reason *errs.Error) FirmbankingRow {
	r.State, r.Reason = StateRejected, reason.Code
	return r
}

// sameAs tells whether a stored transfer is what a repeated order asks for.
func (r FirmbankingRow) sameAs(asked FirmbankingRow) bool {
	return r.Direction == asked.Direction && r.Amount == asked.Amount && r.MembershipID == asked.MembershipID &&
		r.BankAccountID == asked.BankAccountID && r.Fingerprint == asked.Fingerprint &&
		(r.looksUpAccount() || bytes.Equal(r.NumberIndex, asked.NumberIndex))
}

// looksUpAccount tells whether a flow of ours looked the account up, as it does with a
// franchise's: asked again, it may find another one, and the stored one stands. What a
// client has named is either fingerprinted or linked, or in a request that is.
func (r FirmbankingRow) looksUpAccount() bool {
	return r.Fingerprint == "" && r.BankAccountID == "" && r.MembershipID == ""
}

// openFirmbanking gives the transfer with number and name.
func (s sealer) openFirmbanking(r FirmbankingRow) (Firmbanking, error) {
	f := r.closed()
	var err error
	f.Number, f.HolderName, err = s.open(firmbankingsTable, r.ID, sealed{number: r.NumberSealed, holder: r.HolderSealed})
	return f, err
}

// closed gives the transfer without number and name.
func (r FirmbankingRow) closed() Firmbanking {
	return Firmbanking{
		ID: r.ID, Reference: r.Reference, FlowID: r.FlowID, MembershipID: r.MembershipID, BankAccountID: r.BankAccountID,
		Direction: r.Direction, BankCode: r.BankCode, Amount: r.Amount, State: r.State, Reason: r.Reason,
		BankTransactionID: r.BankTransactionID, Fingerprint: r.Fingerprint, ValidUntil: timeOf(r.ValidUntil), SentAt: timeOf(r.SentAt),
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

func (r FirmbankingRow) answer() Answer { return answerOf(r.State, r.Reason, r.BankTransactionID) }

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
