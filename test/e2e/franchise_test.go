package e2e

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/internal/apiclient"
	"durapay/test/harness"
)

// franchiseView is a franchise as the API shows it.
type franchiseView struct {
	ID, Name, State, BusinessNumber, Contact string
	Payout                                   struct{ BankCode, AccountNumber, VerifiedAt string }
	Contract                                 *harness.Contract
	Contracts                                []harness.Contract
	Failure                                  *apiclient.Failure
}

const nobody = "fra_01JZ0000000000000000000000"

// requireOnRecord checks that a request was refused, now or, on a busy machine, a little
// later, and gives its record's id.
func requireOnRecord(t *testing.T, a harness.Answer, status int, code string) (id string) {
	t.Helper()
	p := harness.Shared(t)
	require.Contains(t, []int{status, http.StatusAccepted}, a.Status, a)
	end := p.End(t, p.Operator(t), a)
	require.Equal(t, apiclient.Outcome{ID: end.ID, State: apiclient.Failed, Code: code}, end)
	return end.ID
}

func asOperator(t *testing.T, method, path string, body any) harness.Answer {
	t.Helper()
	return harness.Shared(t).AsOperator(t, method, path, "", body)
}

func readFranchise(t *testing.T, id string) franchiseView {
	t.Helper()
	return harness.Read[franchiseView](t, asOperator(t, http.MethodGet, "/v1/franchises/"+id, nil), http.StatusOK)
}

// modify changes a franchise as it now is.
func modify(t *testing.T, f *harness.Franchise, patch map[string]any) harness.Answer {
	t.Helper()
	return modifyAt(t, f, asOperator(t, http.MethodGet, f.Path(""), nil).Header.Get("ETag"), patch)
}

func modifyAt(t *testing.T, f *harness.Franchise, etag string, patch map[string]any) harness.Answer {
	t.Helper()
	p := harness.Shared(t)
	c := harness.Call{Method: http.MethodPatch, Path: f.Path(""), Token: p.Operator(t), Body: patch}
	if etag != "" {
		c.Header = map[string]string{"If-Match": etag}
	}
	return p.Call(t, c)
}

func TestAFranchiseIsShownToWhomItConcerns(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	sheet := p.FranchiseSheet(t, harness.Daily(176))
	written := sheet
	written.BusinessNumber = sheet.BusinessNumber[:3] + "-" + sheet.BusinessNumber[3:5] + "-" + sheet.BusinessNumber[5:]
	key := newKey()
	a := p.RegisterFranchise(t, key, written)
	id := p.End(t, p.Operator(t), a).ID
	require.Equal(t, id, p.End(t, p.Operator(t), p.RegisterFranchise(t, key, sheet)).ID, "the same request, written another way")
	again := sheet
	again.Name += " 2호점"
	requireReused(t, p.RegisterFranchise(t, key, again), "another body")

	f := readFranchise(t, id)
	number := sheet.Payout.AccountNumber
	require.Equal(t, strings.Repeat("*", len(number)-4)+number[len(number)-4:], f.Payout.AccountNumber)
	require.NotEmpty(t, f.Payout.VerifiedAt)
	require.Equal(t, []string{sheet.Name, "ACTIVE", sheet.BusinessNumber, sheet.Contact}, []string{f.Name, f.State, f.BusinessNumber, f.Contact})
	require.Equal(t, &sheet.Contract, f.Contract)
	require.Equal(t, []harness.Contract{sheet.Contract}, f.Contracts)

	requireShown(t, id, f)
	requireListed(t, id)
}

// requireListed checks that operators and auditors find an active franchise in the list.
func requireListed(t *testing.T, id string) {
	t.Helper()
	listed := func(token, query string) bool {
		all := harness.Read[harness.List[franchiseView]](t, getAs(t, token, "/v1/franchises?limit=100"+query), http.StatusOK).Items
		return slices.ContainsFunc(all, func(f franchiseView) bool { return f.ID == id })
	}
	for _, token := range []string{harness.Shared(t).Operator(t), as(t, "AUDITOR")} {
		require.True(t, listed(token, ""))
		require.True(t, listed(token, "&status=ACTIVE"))
		require.False(t, listed(token, "&status=DEACTIVATED"))
	}
	requireBadField(t, asOperator(t, http.MethodGet, "/v1/franchises?status=CLOSED", nil), "?status", "no status")
}

// requireShown checks what each role sees of a franchise.
func requireShown(t *testing.T, id string, f franchiseView) {
	t.Helper()
	p := harness.Shared(t)
	own := harness.Read[struct{ Key string }](t, asOperator(t, http.MethodPost, "/v1/franchises/"+id+"/api-keys", map[string]string{"label": "pos"}), http.StatusCreated)
	p.Secret(own.Key)
	self := p.WithKey(t, own.Key, harness.Call{Method: http.MethodGet, Path: "/v1/franchises/" + id})
	require.Equal(t, f, harness.Read[franchiseView](t, self, http.StatusOK))

	audited := f
	audited.Contact = "" // a person's data
	require.Equal(t, audited, harness.Read[franchiseView](t, getAs(t, as(t, "AUDITOR"), "/v1/franchises/"+id), http.StatusOK))

	m := p.NewMember(t)
	require.Equal(t, franchiseView{ID: id, Name: f.Name, State: "ACTIVE"}, harness.Read[franchiseView](t, m.Get(t, "/v1/franchises/"+id), http.StatusOK))
	other := p.NewFranchise(t, harness.Daily(0))
	for _, hidden := range []harness.Answer{
		other.Get(t, "/v1/franchises/"+id), other.Get(t, "/v1/franchises/"+nobody), m.Get(t, "/v1/franchises/"+nobody),
		asOperator(t, http.MethodGet, "/v1/franchises/"+nobody, nil), asOperator(t, http.MethodGet, "/v1/franchises/"+id+"x", nil), asOperator(t, http.MethodGet, "/v1/franchises/"+strings.ToLower(id), nil),
	} {
		requireCode(t, http.StatusNotFound, "franchise_not_found", hidden)
	}
	for _, forbidden := range []harness.Answer{m.Get(t, "/v1/franchises"), other.Get(t, "/v1/franchises")} {
		requireCode(t, http.StatusForbidden, "role_forbidden", forbidden)
	}
}

func getAs(t *testing.T, token, path string) harness.Answer {
	t.Helper()
	return harness.Shared(t).Call(t, harness.Call{Method: http.MethodGet, Path: path, Token: token})
}

func TestOnlyOperatorsRegisterAndChangeFranchises(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f, m := p.NewFranchise(t, harness.Daily(100)), p.NewMember(t)
	sheet := p.FranchiseSheet(t, harness.Daily(100))
	calls := []harness.Call{
		{Method: http.MethodPost, Path: "/v1/franchises", Body: sheet},
		{Method: http.MethodPatch, Path: f.Path(""), Body: map[string]any{"name": "x"}, Header: map[string]string{"If-Match": `"1"`}},
	}
	for _, c := range calls {
		requireCode(t, http.StatusUnauthorized, "token_missing", p.Call(t, c))
		for _, token := range []string{m.Token, as(t, "AUDITOR"), as(t, "FRANCHISE")} {
			c.Token = token
			requireCode(t, http.StatusForbidden, "role_forbidden", p.Call(t, c))
		}
		c.Token = ""
		requireCode(t, http.StatusForbidden, "role_forbidden", p.WithKey(t, f.Key, c))
	}
}

func TestRegistrationsOfFranchisesAreChecked(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	good := p.FranchiseSheet(t, harness.Daily(176))
	last := good.BusinessNumber[9]
	otherDigit := good.BusinessNumber[:9] + string('0'+(last-'0'+1)%10)
	with := func(change func(s *harness.FranchiseSheet)) harness.FranchiseSheet {
		s := good
		change(&s)
		return s
	}
	contract := func(changes map[string]any) map[string]any {
		all := map[string]any{"feeBasisPoints": 100, "effectiveFrom": "2026-03-02", "cycle": "DAILY", "payoutBusinessDays": 1}
		maps.Copy(all, changes)
		maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
		return map[string]any{"name": good.Name, "businessNumber": good.BusinessNumber, "contact": good.Contact, "payout": good.Payout, "contract": all}
	}
	for _, c := range []struct {
		pointer string
		body    any
	}{
		{"/businessNumber", with(func(s *harness.FranchiseSheet) { s.BusinessNumber = otherDigit })},
		{"/businessNumber", with(func(s *harness.FranchiseSheet) { s.BusinessNumber = "0000000000" })},
		{"/businessNumber", with(func(s *harness.FranchiseSheet) { s.BusinessNumber = good.BusinessNumber + "0" })},
		{"/name", with(func(s *harness.FranchiseSheet) { s.Name = "  " })},
		{"/name", with(func(s *harness.FranchiseSheet) { s.Name = strings.Repeat("가", 101) })},
		{"/contact", with(func(s *harness.FranchiseSheet) { s.Contact = "a\x00b" })},
		{"/payout/bankCode", with(func(s *harness.FranchiseSheet) { s.Payout.BankCode = "999" })},
		{"/payout/bankCode", with(func(s *harness.FranchiseSheet) { s.Payout.BankCode = "" })},
		{"/payout/accountNumber", with(func(s *harness.FranchiseSheet) { s.Payout.AccountNumber = "12ab567890" })},
		{"/payout/holderName", with(func(s *harness.FranchiseSheet) { s.Payout.HolderName = "" })},
		{"/contract/feeBasisPoints", contract(map[string]any{"feeBasisPoints": 10_001})},
		{"/contract/feeBasisPoints", contract(map[string]any{"feeBasisPoints": -1})},
		{"/contract/feeBasisPoints", contract(map[string]any{"feeBasisPoints": 1.5})},
		{"/contract/feeBasisPoints", contract(map[string]any{"feeBasisPoints": nil})},
		{"/contract/feeBasisPoints", contract(map[string]any{"tier": map[string]any{"yearlySales": 1, "method": "CHECK"}})},
		{"/contract/tier/yearlySales", contract(map[string]any{"feeBasisPoints": nil, "tier": map[string]any{"yearlySales": 3_000_000_001, "method": "CHECK"}})},
		{"/contract/tier/method", contract(map[string]any{"feeBasisPoints": nil, "tier": map[string]any{"yearlySales": 1, "method": "CASH"}})},
		{"/contract/cycle", contract(map[string]any{"cycle": "YEARLY"})},
		{"/contract/effectiveFrom", contract(map[string]any{"effectiveFrom": "2026-02-29"})},
		{"/contract/payoutBusinessDays", contract(map[string]any{"payoutBusinessDays": 11})},
		{"/contract/payoutBusinessDays", contract(map[string]any{"payoutBusinessDays": nil})},
		{"/contract/rate", contract(map[string]any{"rate": 1})},
	} {
		a := p.RegisterFranchise(t, "", c.body)
		if c.pointer == "/contract/rate" {
			c.pointer = "/rate" // the decoder names the member alone
		}
		requireBadField(t, a, c.pointer, c.pointer)
	}
	require.Equal(t, apiclient.Succeeded, p.End(t, p.Operator(t), p.RegisterFranchise(t, "", good)).State, "what all of them were made of is right")
}

func TestAFranchisesAccountIsConfirmedByItsBank(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	sheet := p.FranchiseSheet(t, harness.Daily(176))
	account := apiclient.AccountKey{BankCode: sheet.Payout.BankCode, AccountNumber: sheet.Payout.AccountNumber}

	another := sheet
	another.Payout.HolderName = "다른 사람"
	id := requireOnRecord(t, p.RegisterFranchise(t, "", another), http.StatusUnprocessableEntity, "bank_name_mismatch")
	refused := readFranchise(t, id)
	require.Equal(t, []string{"FAILED", "bank_name_mismatch", ""}, []string{refused.State, refused.Failure.Code, refused.Payout.VerifiedAt})
	requireCode(t, http.StatusNotFound, "franchise_not_found", p.NewMember(t).Get(t, "/v1/franchises/"+id))
	m := p.NewMember(t)
	requireRefused(t, m, m.Pay(t, newKey(), harness.PaymentRequest{FranchiseID: id, OrderID: "1", Amount: 1}), http.StatusNotFound, "franchise_not_found")

	none := sheet
	none.Payout.AccountNumber = "7999999999999999"
	requireOnRecord(t, p.RegisterFranchise(t, "", none), http.StatusUnprocessableEntity, "bank_no_such_account")
	p.SetAccountState(t, account, "CLOSED")
	requireOnRecord(t, p.RegisterFranchise(t, "", sheet), http.StatusUnprocessableEntity, "bank_account_closed")
	p.SetAccountState(t, account, "OPEN")
	require.Equal(t, apiclient.Succeeded, p.End(t, p.Operator(t), p.RegisterFranchise(t, "", sheet)).State, "a refusal takes no business number")
}

func TestABusinessNumberIsOneFranchise(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	sheet := p.FranchiseSheet(t, harness.Daily(176))
	succeeded := 0
	for _, a := range atOnce(10, func(int) harness.Answer { return p.RegisterFranchise(t, "", sheet) }) {
		require.Contains(t, []int{http.StatusCreated, http.StatusAccepted, http.StatusConflict}, a.Status, a)
		if end := p.End(t, p.Operator(t), a); end.State == apiclient.Succeeded {
			succeeded++
		} else {
			require.Equal(t, "business_number_taken", end.Code)
		}
	}
	require.Equal(t, 1, succeeded)
	sheet.BusinessNumber = sheet.BusinessNumber[:5] + "-" + sheet.BusinessNumber[5:]
	requireOnRecord(t, p.RegisterFranchise(t, "", sheet), http.StatusConflict, "business_number_taken")
}

func TestAFranchiseChangesOnlyAsItWasSeen(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	p.Secret("새 연락처 010")
	requireCode(t, http.StatusPreconditionRequired, "etag_missing", modifyAt(t, f, "", map[string]any{"name": "새 이름"}))
	for _, etag := range []string{`"0"`, `"-1"`, `"999"`, `"x"`} {
		requireCode(t, http.StatusPreconditionFailed, "etag_mismatch", modifyAt(t, f, etag, map[string]any{"name": "새 이름"}))
	}
	etag := asOperator(t, http.MethodGet, f.Path(""), nil).Header.Get("ETag")
	won := 0
	for _, a := range atOnce(8, func(int) harness.Answer { return modifyAt(t, f, etag, map[string]any{"contact": "새 연락처 010"}) }) {
		require.Contains(t, []int{http.StatusOK, http.StatusPreconditionFailed}, a.Status, a)
		if a.Status == http.StatusOK {
			won++
			require.NotEqual(t, etag, a.Header.Get("ETag"))
		}
	}
	require.Equal(t, 1, won)
	now := readFranchise(t, f.ID)
	require.Equal(t, []string{f.Sheet.Name, "새 연락처 010"}, []string{now.Name, now.Contact})
	gone := harness.Franchise{ID: nobody}
	requireCode(t, http.StatusNotFound, "franchise_not_found", modifyAt(t, &gone, `"1"`, map[string]any{"name": "x"}))
	for pointer, patch := range map[string]map[string]any{
		"/name":           {"name": " "},
		"/state":          {"state": "FROZEN"},
		"/contract/cycle": {"contract": map[string]any{"feeBasisPoints": 1, "effectiveFrom": "2199-01-01", "cycle": "NEVER", "payoutBusinessDays": 1}},
		"/businessNumber": {"businessNumber": harness.NewBusinessNumber()},
	} {
		requireBadField(t, modify(t, f, patch), pointer, pointer)
	}
}

func TestAContractChangesFromTomorrowOn(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	next := harness.Daily(300)
	for _, day := range []string{harness.Today().String(), harness.Today().AddDays(-1).String()} {
		next.EffectiveFrom = day
		requireCode(t, http.StatusConflict, "contract_in_force", modify(t, f, map[string]any{"contract": next}))
	}
	next.EffectiveFrom = harness.Today().AddDays(1).String()
	for _, fee := range []int64{300, 200} { // what is only planned can be planned anew
		next.FeeBasisPoints = fee
		v := harness.Read[franchiseView](t, modify(t, f, map[string]any{"contract": next}), http.StatusOK)
		require.Equal(t, &f.Sheet.Contract, v.Contract)
		require.Equal(t, []harness.Contract{f.Sheet.Contract, next}, v.Contracts)
	}
}

func TestAPayoutAccountIsChangedOnceItsBankConfirms(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	before := readFranchise(t, f.ID).Payout
	wrong := harness.PayoutBody(p.OpenAccount(t, "088", "예금주 하나", 0))
	wrong.HolderName = "예금주 두리"
	id := requireOnRecord(t, modify(t, f, map[string]any{"payout": wrong}), http.StatusUnprocessableEntity, "bank_name_mismatch")
	require.Equal(t, before, readFranchise(t, f.ID).Payout)
	type change struct {
		State   string
		Failure *apiclient.Failure
	}
	c := harness.Read[change](t, f.Get(t, f.Path("/payout-changes/"+id)), http.StatusOK)
	require.Equal(t, []string{"FAILED", "bank_name_mismatch"}, []string{c.State, c.Failure.Code})
	other := p.NewFranchise(t, harness.Daily(0))
	requireCode(t, http.StatusNotFound, "franchise_not_found", other.Get(t, f.Path("/payout-changes/"+id)))
	requireCode(t, http.StatusNotFound, "payout_change_not_found", other.Get(t, other.Path("/payout-changes/"+id)))

	requireBadField(t, modify(t, f, map[string]any{"payout": harness.PayoutAccount{BankCode: "999", AccountNumber: wrong.AccountNumber, HolderName: "x"}}), "/payout/bankCode", "no such bank")
	requireBadField(t, modify(t, f, map[string]any{"payout": wrong, "name": "x"}), "/name", "an account is changed alone")

	right := harness.PayoutBody(p.OpenAccount(t, "088", "예금주 하나", 0))
	v := changedPayout(t, f, right)
	require.Equal(t, "088", v.Payout.BankCode)
	require.True(t, strings.HasSuffix(right.AccountNumber, strings.TrimLeft(v.Payout.AccountNumber, "*")))
	require.Greater(t, v.Payout.VerifiedAt, before.VerifiedAt)
}

// changedPayout changes the account and waits for it.
func changedPayout(t *testing.T, f *harness.Franchise, to harness.PayoutAccount) franchiseView {
	t.Helper()
	a := modify(t, f, map[string]any{"payout": to})
	if a.Status == http.StatusAccepted {
		require.Equal(t, apiclient.Succeeded, f.End(t, a).State)
		return readFranchise(t, f.ID)
	}
	return harness.Read[franchiseView](t, a, http.StatusOK)
}

func TestADeactivatedFranchiseTakesNoPayments(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f := p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	paid := m.MustPay(t, f, 10_000)

	require.Equal(t, "DEACTIVATED", harness.Read[franchiseView](t, modify(t, f, map[string]any{"state": "DEACTIVATED"}), http.StatusOK).State)
	requireRefused(t, m, m.Pay(t, newKey(), f.PayBody(1_000)), http.StatusUnprocessableEntity, "franchise_inactive")
	requireCode(t, http.StatusNotFound, "franchise_not_found", m.Get(t, f.Path("")))
	require.Equal(t, http.StatusOK, f.Get(t, "/v1/payments/"+paid.ID).Status, "it still reads")
	require.EqualValues(t, 4_000, f.MustCancel(t, paid.ID, 4_000).Amount, "and gives back")
	requireWallet(t, m, 44_000)

	require.Equal(t, "ACTIVE", harness.Read[franchiseView](t, modify(t, f, map[string]any{"state": "ACTIVE"}), http.StatusOK).State)
	m.MustPay(t, f, 1_000)
	requireWallet(t, m, 43_000)
}

func TestAFranchiseWhoseContractHasNotBegunTakesNoPayments(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	later := harness.Daily(176)
	later.EffectiveFrom = harness.Today().AddDays(1).String()
	f := p.NewFranchise(t, later)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	requireRefused(t, m, m.Pay(t, newKey(), f.PayBody(1_000)), http.StatusUnprocessableEntity, "franchise_inactive")
	requireWallet(t, m, 50_000)
}

func TestFeesByTier(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	type tier struct {
		EffectiveFrom                       string
		MaxYearlySales                      int64
		CreditBasisPoints, CheckBasisPoints int64
	}
	table := harness.Read[harness.List[tier]](t, p.NewMember(t).Get(t, "/v1/franchise-fee-tiers"), http.StatusOK).Items
	require.Equal(t, []tier{{"2025-02-14", 300_000_000, 40, 15}, {"2025-02-14", 500_000_000, 100, 75},
		{"2025-02-14", 1_000_000_000, 115, 90}, {"2025-02-14", 3_000_000_000, 145, 115}}, table)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	for sales, want := range map[int64]int64{300_000_000: 15, 300_000_001: 75} {
		sheet := p.FranchiseSheet(t, harness.Contract{})
		body := map[string]any{"name": sheet.Name, "businessNumber": sheet.BusinessNumber, "contact": sheet.Contact, "payout": sheet.Payout,
			"contract": map[string]any{"tier": map[string]any{"yearlySales": sales, "method": "CHECK"}, "effectiveFrom": harness.Today().String(), "cycle": "WEEKLY", "payoutBusinessDays": 0}}
		id := p.End(t, p.Operator(t), p.RegisterFranchise(t, "", body)).ID
		require.Equal(t, want, readFranchise(t, id).Contract.FeeBasisPoints)
		end := m.End(t, m.Pay(t, newKey(), harness.PaymentRequest{FranchiseID: id, OrderID: "1", Amount: 10_000}))
		require.Equal(t, want, p.Payment(t, end.ID).FeeBasisPoints)
	}
}

type apiKey struct {
	ID, Label string
	RevokedAt *time.Time
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f, other := p.NewFranchise(t, harness.Daily(0)), p.NewFranchise(t, harness.Daily(0))
	keys := f.Path("/api-keys")

	list := f.Get(t, keys)
	require.NotContains(t, string(list.Body), f.Key[4:20], "a key is shown once")
	require.Equal(t, []apiKey{{ID: f.KeyID, Label: "계산대"}}, harness.Read[harness.List[apiKey]](t, list, http.StatusOK).Items)

	made := f.Send(t, http.MethodPost, keys, "", map[string]string{"label": "둘째"})
	second := harness.Read[struct{ ID, Key string }](t, made, http.StatusCreated)
	p.Secret(second.Key)
	require.Equal(t, keys+"/"+second.ID, made.Header.Get("Location"))
	require.NotEqual(t, f.Key, second.Key)
	read := harness.Call{Method: http.MethodGet, Path: f.Path("")}
	require.Equal(t, http.StatusOK, p.WithKey(t, second.Key, read).Status)

	requireCode(t, http.StatusNotFound, "franchise_not_found", other.Send(t, http.MethodDelete, keys+"/"+second.ID, "", nil))
	requireCode(t, http.StatusNotFound, "api_key_not_found", other.Send(t, http.MethodDelete, other.Path("/api-keys/"+second.ID), "", nil))
	require.Equal(t, http.StatusOK, p.WithKey(t, second.Key, read).Status, "nobody else revokes it")
	for range 2 {
		require.Equal(t, http.StatusNoContent, f.Send(t, http.MethodDelete, keys+"/"+second.ID, "", nil).Status)
		requireCode(t, http.StatusUnauthorized, "api_key_invalid", p.WithKey(t, second.Key, read))
	}
	require.Equal(t, http.StatusOK, f.Get(t, f.Path("")).Status, "the other key is not revoked")
	left := harness.Read[harness.List[apiKey]](t, f.Get(t, keys), http.StatusOK).Items
	require.Len(t, left, 2)
	require.NotNil(t, left[0].RevokedAt)

	requireCode(t, http.StatusForbidden, "role_forbidden", p.NewMember(t).Get(t, keys))
	requireCode(t, http.StatusNotFound, "franchise_not_found", other.Get(t, keys))
	for _, label := range []string{"", "  ", strings.Repeat("가", 51), "a\nb"} {
		requireBadField(t, f.Send(t, http.MethodPost, keys, "", map[string]string{"label": label}), "/label", label)
	}
	requireTenKeysAtMost(t, f, keys)
}

func requireTenKeysAtMost(t *testing.T, f *harness.Franchise, path string) {
	t.Helper()
	made := 1
	for _, a := range atOnce(12, func(int) harness.Answer {
		return asOperator(t, http.MethodPost, path, map[string]string{"label": "더"})
	}) {
		if a.Status == http.StatusCreated {
			made++
			continue
		}
		requireCode(t, http.StatusConflict, "too_many_api_keys", a)
	}
	require.Equal(t, 10, made)
}

func TestD19_AKeyThatIsNoneIsARefusal(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	f, m := p.NewFranchise(t, harness.Daily(0)), p.NewMember(t)
	bad := append(tampered(f.Key), "dpk_", "x", f.Key+"x", f.Key[:len(f.Key)-1], strings.ToUpper(f.Key), strings.Repeat("a", 8_000), m.Token, "' OR '1'='1")
	for _, key := range bad {
		for _, token := range []string{"", m.Token} { // a good token beside a bad key does not help
			a := p.WithKey(t, key, harness.Call{Method: http.MethodGet, Path: "/v1/payments", Token: token})
			requireCode(t, http.StatusUnauthorized, "api_key_invalid", a)
		}
	}
	a := p.Call(t, harness.Call{Method: http.MethodGet, Path: "/v1/payments", Token: f.Key})
	requireCode(t, http.StatusUnauthorized, "token_invalid", a)
	for _, token := range tampered(m.Token) {
		requireCode(t, http.StatusUnauthorized, "token_invalid", getAs(t, token, "/v1/payments"))
	}
}
