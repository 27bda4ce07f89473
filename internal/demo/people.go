package demo

import (
	"crypto/rand"
	"fmt"
	"math/big"

	"durapay/internal/apiclient"
	"durapay/internal/calendar"
)

// member is one of the demo's people.
type member struct {
	registration  apiclient.Registration
	account       apiclient.Account // as it was opened at the bank
	id            string
	bankAccountID string
	session       *apiclient.Session
}

// franchise is one of the demo's shops.
type franchise struct {
	registration apiclient.FranchiseRegistration
	terms        terms
	account      apiclient.Account // where it is paid out
	id           string
	merchant     apiclient.Merchant
}

// runTag tells this run's people from those of all others, whatever the seed: ten digits,
// the first of which is not one that a platform's own account begins with.
func runTag() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(8_000_000_000))
	if err != nil {
		return "", fmt.Errorf("random number: %w", err)
	}
	return fmt.Sprint(n.Int64() + 2_000_000_000), nil
}

var (
	bankCodes  = []string{"004", "088", "020", "081", "011", "003", "090", "092"}
	regions    = []string{"SEOUL", "BUSAN", "INCHEON", "DAEGU", "DAEJEON", "GWANGJU", "GYEONGGI", "JEJU"}
	surnames   = []string{"김", "이", "박", "최", "정", "강", "조", "윤", "장", "임"}
	givenNames = []string{"하나", "두리", "세찬", "나래", "다온", "서윤", "지호", "은솔", "가람", "바다", "아라"}
	trades     = []string{"커피", "책방", "빵집", "꽃집", "문구", "분식"}
)

// agreements are the franchises' terms, in turn. The second one closes for a day, see
// plan.go; the first two are cut and paid with every date.
var agreements = []terms{
	{150, daily, 1}, {300, daily, 0}, {40, daily, 2}, {250, weekly, 1}, {85, daily, 1}, {176, monthly, 2}, {0, daily, 1}, {999, daily, 3},
}

// openingBalance is what each member's bank account begins with for each day, in won.
const openingBalance int64 = 1_000_000

// The accounts of a run are told apart by their last four digits: members from 0 on,
// payees and franchises from here on.
const (
	firstPayee     = 5_000
	firstFranchise = 6_000
)

func newAccount(tag string, place int, holder string, balance int64) apiclient.Account {
	return apiclient.Account{
		AccountKey: apiclient.AccountKey{BankCode: bankCodes[place%len(bankCodes)], AccountNumber: fmt.Sprintf("%s%04d", tag, place)},
		HolderName: holder, Balance: balance,
	}
}

func nameOf(i int) string { return surnames[i%len(surnames)] + givenNames[i%len(givenNames)] }

// newMember makes up the i-th person of a run.
func newMember(tag string, i, days int) *member {
	return &member{
		registration: apiclient.Registration{
			Name: nameOf(i), Email: fmt.Sprintf("demo-%s-%d@example.com", tag, i), Password: "demo-" + rand.Text(),
			Phone: fmt.Sprintf("010-%04d-%04d", i%10_000, i%7919), Address: apiclient.Address{Region: regions[i%len(regions)], Detail: "Sejong-daero 110"},
		},
		account: newAccount(tag, i, nameOf(i), openingBalance*int64(days)),
	}
}

// payeesFor is how many people without a membership are sent money.
func payeesFor(members int) int { return min(1+members/5, 25) }

// newPayee makes up the account of somebody who is sent money and is no member.
func newPayee(tag string, i int) apiclient.Account {
	return newAccount(tag, firstPayee+i, nameOf(i+3), 0)
}

// newFranchise makes up the i-th shop of a run, with a contract from a day on.
func newFranchise(tag string, i int, from calendar.Date) *franchise {
	agreed := agreements[i%len(agreements)]
	name := fmt.Sprintf("%s%s %d", givenNames[i%len(givenNames)], trades[i%len(trades)], i+1)
	account := newAccount(tag, firstFranchise+i, name, 0)
	return &franchise{
		terms: agreed, account: account,
		registration: apiclient.FranchiseRegistration{
			Name: name, BusinessNumber: businessNumber(tag, i), Contact: nameOf(i),
			Payout: apiclient.PayoutAccount{AccountKey: account.AccountKey, HolderName: name},
			Contract: apiclient.FranchiseContract{FeeBasisPoints: agreed.basisPoints, EffectiveFrom: from, Cycle: agreed.cycle,
				PayoutBusinessDays: agreed.payoutDays},
		},
	}
}

// businessNumber makes up a business registration number: two digits for the shop, seven
// for the run, and the check digit, which makes a multiple of ten of the weighted sum
// and the tens of five times the ninth.
func businessNumber(tag string, i int) string {
	digits := fmt.Sprintf("%02d", i%100) + tag[len(tag)-7:]
	sum := int(digits[8]-'0') * 5 / 10
	for n, weight := range []int{1, 3, 7, 1, 3, 7, 1, 3, 5} {
		sum += weight * int(digits[n]-'0')
	}
	return digits + fmt.Sprint((10-sum%10)%10)
}
