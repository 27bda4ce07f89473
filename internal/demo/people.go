package demo

import (
	"crypto/rand"
	"fmt"
	"math/big"

	"durapay/internal/apiclient"
)

// member is one of the demo's people.
type member struct {
	registration  apiclient.Registration
	account       apiclient.Account // as it was opened at the bank
	id            string
	bankAccountID string
	session       *apiclient.Session
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
)

// openingBalance is what each bank account begins with, in won.
const openingBalance int64 = 1_000_000

// newMember makes up the i-th person of a run.
func newMember(tag string, i int) *member {
	name := surnames[i%len(surnames)] + givenNames[i%len(givenNames)]
	return &member{
		registration: apiclient.Registration{
			Name: name, Email: fmt.Sprintf("demo-%s-%d@example.com", tag, i), Password: "demo-" + rand.Text(),
			Phone: fmt.Sprintf("010-%04d-%04d", i%10_000, i%7919), Address: apiclient.Address{Region: regions[i%len(regions)], Detail: "Sejong-daero 110"},
		},
		account: apiclient.Account{
			AccountKey: apiclient.AccountKey{BankCode: bankCodes[i%len(bankCodes)], AccountNumber: fmt.Sprintf("%s%04d", tag, i)},
			HolderName: name, Balance: openingBalance,
		},
	}
}
