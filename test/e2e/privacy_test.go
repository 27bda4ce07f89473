package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// The tests of this file do not run beside others: they look at everything there is.

func TestD29_NothingPersonalIsInClear(t *testing.T) {
	p := harness.Shared(t)
	fund(t)
	m := p.NewMember(t).WithAccount(t, 500_000).WithBalance(t, 100_000)
	receiver := register(t, p)
	memo := "memo " + newKey()
	p.Secret(memo)
	body := harness.RemitBody(p.NewMember(t).ID, 1_000)
	body.Memo = memo
	requireSucceeded(t, m, m.Post(t, "/v1/remittances", newKey(), body))
	m.End(t, m.Withdraw(t, newKey(), 1_000))
	m.End(t, m.Remit(t, newKey(), receiver, 1_000))
	m.End(t, m.TopUp(t, newKey(), 600_000))
	closed := p.OpenAccount(t, "004", "Somebody Else", 0)
	m.End(t, m.Post(t, "/v1/bank-accounts/async", "", harness.LinkBody(closed)))
	landlord := p.OpenAccount(t, "020", "집주인 "+newKey(), 10_000)
	p.Secret(landlord.HolderName)
	a := p.Call(t, harness.Call{Method: http.MethodPost, Path: "/v1/firmbankings", Token: p.Operator(t), Key: newKey(), Body: firmbankingBody("CREDIT", landlord, 1_000)})
	require.Equal(t, apiclient.Succeeded, p.End(t, p.Operator(t), a).State)
	for _, email := range []string{m.Email, "nobody-" + m.Email} { // what fails leaves traces too
		authPost(t, "/login", "", login(email, "wrong-Horse-7-battery"))
	}
	p.Secret("wrong-Horse-7-battery", m.Token, m.Refresh)
	for _, secret := range p.Secrets {
		p.Secret(secret)
	}
	require.NoError(t, p.AwaitQuiet(t.Context()))
	found, err := p.FindClear(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
}

// Equal texts do not look equal where they are stored: two links by the same holder.
func TestD29_EqualTextsAreEncryptedDifferently(t *testing.T) {
	p := harness.Shared(t)
	m := p.NewMember(t).WithAccount(t, 0)
	m.Link(t, p.OpenAccount(t, "004", m.Name, 0))
	db, err := p.DB()
	require.NoError(t, err)
	var sealed [][]byte
	require.NoError(t, db.Select(&sealed, "SELECT holder_sealed FROM durapay_banking.accounts WHERE membership_id = ?", m.ID))
	require.Len(t, sealed, 2)
	require.NotEqual(t, sealed[0], sealed[1])
	const block = 16
	for i := 0; i+block <= len(sealed[0]); i++ {
		for j := 0; j+block <= len(sealed[1]); j++ {
			require.NotEqual(t, sealed[0][i:i+block], sealed[1][j:j+block], "a block that is the same in both")
		}
	}
}

// No answer shows a hash, a cipher text, or a number that is to be masked.
func TestD20_AnswersKeepSecrets(t *testing.T) {
	p := harness.Shared(t)
	w := newWorld(t)
	secrets := map[string][]byte{"the account's number": []byte(w.m.Account.AccountNumber), "the password": []byte("correct-Horse-7-battery")}
	db, err := p.DB()
	require.NoError(t, err)
	var hash string
	var index, token, number []byte
	require.NoError(t, db.QueryRow("SELECT password_hash, email_index FROM durapay_membership.members WHERE id = ?", w.m.ID).Scan(&hash, &index))
	require.NoError(t, db.QueryRow("SELECT t.token_hash FROM durapay_membership.refresh_tokens t JOIN durapay_membership.refresh_families f ON f.id = t.family_id WHERE f.member_id = ?", w.m.ID).Scan(&token))
	require.NoError(t, db.QueryRow("SELECT number_sealed FROM durapay_banking.accounts WHERE id = ?", w.m.AccountID).Scan(&number))
	secrets["the password's hash"], secrets["the e-mail's index"] = []byte(hash), index
	secrets["the refresh token's hash"], secrets["the number's cipher text"] = token, number

	tokenField := regexp.MustCompile(`(?i)"\w*(hash|sealed|cipher|fingerprint|refreshToken|password)\w*"\s*:`) // an id may well spell HASH
	for name, r := range routes(t) {
		if r.method != http.MethodGet {
			continue
		}
		a := p.Call(t, r.call(t, w, r.token(t, w)))
		require.Equal(t, http.StatusOK, a.Status, a)
		require.Empty(t, tokenField.FindString(a.String()), "%s: %s", name, a)
		for what, secret := range secrets {
			for _, form := range []string{string(secret), hex.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret)} {
				require.NotContains(t, a.String(), form, "%s in %s", what, name)
			}
		}
	}
}

func TestD21_ReadingWritesNothing(t *testing.T) {
	p := harness.Shared(t)
	w := newWorld(t)
	operator := p.Operator(t)
	require.NoError(t, p.AwaitQuiet(t.Context()))
	awaitProjection(t)
	began := time.Now()
	before, corporate := tablesOf(t), p.CorporateBalance(t)
	for range 3 {
		for name, r := range routes(t) {
			if r.method != http.MethodGet {
				continue
			}
			for _, token := range []string{w.m.Token, w.stranger.Token, operator, ""} {
				if a := p.Call(t, r.call(t, w, token)); token == r.token(t, w) {
					require.Equal(t, http.StatusOK, a.Status, "%s: %s", name, a)
				}
			}
		}
	}
	require.Equal(t, before, tablesOf(t))
	require.Equal(t, corporate, p.CorporateBalance(t))
	requireSucceeded(t, w.m, w.m.Remit(t, newKey(), w.stranger.ID, 1)) // Temporal lists in order: with this flow, all before it
	var since []string
	harness.Eventually(t, time.Minute, "Temporal lists the last flow", func() bool {
		flows, err := p.Flows(t.Context(), "StartTime > '"+began.UTC().Format(time.RFC3339Nano)+"'")
		require.NoError(t, err)
		since = nil
		for _, flow := range flows {
			since = append(since, flow.Type.Name)
		}
		return len(since) > 0
	})
	require.Equal(t, []string{"Remittance"}, since, "no flow was started by reading")
}

// tablesOf gives the checksums of all tables but the one where the read model keeps on
// telling by itself how fresh it is.
func tablesOf(t *testing.T) map[string]int64 {
	t.Helper()
	sums := harness.Shared(t).Checksums(t)
	const fresh = "durapay_moneyquery.generations"
	require.Contains(t, sums, fresh)
	delete(sums, fresh)
	return sums
}
