package bankapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"durapay/errs"
	"durapay/services/banking"
)

// What Standard Webhooks asks of a secret.
const (
	secretPrefix   = "whsec_"
	minSecretBytes = 24
	maxSecretBytes = 64
)

// NewNoticeParser makes the parser of a bank's call-backs, which are signed as Standard
// Webhooks has it. A secret is "whsec_" and base64 of 24 to 64 bytes; there may be
// several while the bank changes over from one to the next.
func NewNoticeParser(secrets ...string) (banking.NoticeParser, error) {
	if len(secrets) == 0 {
		return nil, errors.New("bank's call-backs: no secret")
	}
	hooks := make([]*standardwebhooks.Webhook, len(secrets))
	for i, secret := range secrets {
		key, err := decodeSecret(secret)
		if err != nil {
			return nil, fmt.Errorf("bank's call-backs: secret %d: %w", i+1, err)
		}
		if hooks[i], err = standardwebhooks.NewWebhookRaw(key); err != nil {
			return nil, fmt.Errorf("bank's call-backs: secret %d: %w", i+1, err)
		}
	}
	return func(header map[string][]string, body []byte) (banking.Notice, error) {
		if err := verify(hooks, header, body); err != nil {
			return banking.Notice{}, errs.SignatureInvalid.Because(err)
		}
		return decodeNotice(body)
	}, nil
}

// ParseNotice reads one call-back; see NewNoticeParser and banking.NoticeParser.
func ParseNotice(secrets []string, header http.Header, body []byte) (banking.Notice, error) {
	parse, err := NewNoticeParser(secrets...)
	if err != nil {
		return banking.Notice{}, err
	}
	return parse(header, body)
}

// decodeSecret refuses short keys, an empty one above all: anyone could sign with it.
func decodeSecret(secret string) ([]byte, error) {
	encoded, found := strings.CutPrefix(secret, secretPrefix)
	if !found {
		return nil, errors.New("expected whsec_ and base64")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("not base64")
	}
	if len(key) < minSecretBytes || len(key) > maxSecretBytes {
		return nil, fmt.Errorf("%d bytes, expected %d to %d", len(key), minSecretBytes, maxSecretBytes)
	}
	return key, nil
}

// verify checks signature and age of a call-back; one of the secrets has to fit.
func verify(hooks []*standardwebhooks.Webhook, header http.Header, body []byte) error {
	var err error
	for _, hook := range hooks {
		if err = hook.Verify(body, header); err == nil {
			return nil
		}
	}
	return err
}

type noticeBody struct {
	ID                string             `json:"id"`
	Type              banking.NoticeType `json:"type"`
	Reference         string             `json:"reference"`
	BankTransactionID string             `json:"bankTransactionId"`
	Amount            int64              `json:"amount"`
	Currency          string             `json:"currency"`
	Reason            string             `json:"reason"`
	Account           accountKey         `json:"account"`
	Counterparty      accountKey         `json:"counterparty"`
	Memo              string             `json:"memo"`
	At                time.Time          `json:"at"`
}

func decodeNotice(body []byte) (banking.Notice, error) {
	var b noticeBody
	decoder := json.NewDecoder(bytes.NewReader(body)) // members that are new to us are the bank's own business
	if err := decoder.Decode(&b); err != nil {
		return banking.Notice{}, errs.MalformedJSON.Because(errors.New("call-back: not the JSON of a notice"))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return banking.Notice{}, errs.MalformedJSON.Because(errors.New("call-back: more than one JSON text"))
	}
	if b.Currency != currency {
		return banking.Notice{}, errs.InvalidField("/currency", errs.FieldMustBe, "expected", currency)
	}
	return b.notice(), nil
}

// notice gives what the bank tells in our words. Its fields are checked where it is recorded.
func (b noticeBody) notice() banking.Notice {
	n := banking.Notice{
		BankNoticeID: b.ID, Type: b.Type, Reference: b.Reference, BankTransactionID: b.BankTransactionID, Amount: b.Amount,
		Account: b.Account.ref(), Counterparty: b.Counterparty.ref(), Memo: cut(b.Memo, banking.MaxMemoRunes), At: b.At,
	}
	if b.Type == banking.NoticeReturned {
		n.Reason = codeOf(b.Reason)
	}
	return n
}

func (k accountKey) ref() banking.BankAccountRef {
	return banking.BankAccountRef{BankCode: k.BankCode, Number: k.AccountNumber}
}

// cut keeps the first runes: money is not to be refused for a long memo.
func cut(s string, runes int) string {
	if r := []rune(s); len(r) > runes {
		return string(r[:runes])
	}
	return s
}
