package bank

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRefuseOrder(t *testing.T) {
	valid := Order{From: account(1), To: account(2), Amount: 1, ValidUntil: noon}
	same := valid
	same.To = same.From
	for name, c := range map[string]struct {
		order    Order
		declined Reason
		now      time.Time
		want     Reason
	}{
		"in time":               {valid, "", noon, ""},
		"late":                  {valid, "", noon.Add(time.Microsecond), ReasonExpired},
		"late beats a decline":  {valid, ReasonClosed, noon.Add(time.Microsecond), ReasonExpired},
		"declined":              {valid, ReasonMaintenance, noon, ReasonMaintenance},
		"to the account itself": {same, "", noon, ReasonSameAccount},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, refuseOrder(c.order, c.declined, c.now)) })
	}
}

func TestRefuseAccounts(t *testing.T) {
	with := func(state AccountState, balance int64) *Account {
		return &Account{HolderName: "김하나", State: state, Balance: balance}
	}
	rich := with(Open, MaxAmount)
	for name, c := range map[string]struct {
		from, to *Account
		holder   string
		amount   int64
		limit    int64
		want     Reason
	}{
		"fine":                   {rich, with(Open, 0), "", 5, MaxAmount, ""},
		"all there is":           {with(Open, 5), with(Open, 0), "", 5, MaxAmount, ""},
		"name agrees":            {rich, with(Open, 0), "김하나", 5, MaxAmount, ""},
		"name differs":           {rich, with(Open, 0), "이둘", 5, MaxAmount, ReasonNameMismatch},
		"no sender":              {nil, with(Open, 0), "", 5, MaxAmount, ReasonNoSuchAccount},
		"no receiver":            {rich, nil, "", 5, MaxAmount, ReasonNoSuchAccount},
		"sender closed":          {with(Closed, 9), with(Open, 0), "", 5, MaxAmount, ReasonClosed},
		"receiver suspended":     {rich, with(Suspended, 0), "", 5, MaxAmount, ReasonSuspended},
		"receiver reported":      {rich, with(Reported, 0), "", 5, MaxAmount, ReasonReported},
		"one won short":          {with(Open, 4), with(Open, 0), "", 5, MaxAmount, ReasonInsufficientFunds},
		"at the limit":           {rich, with(Open, 0), "", 5, 5, ""},
		"over the limit":         {rich, with(Open, 0), "", 6, 5, ReasonLimitExceeded},
		"receiver would be full": {rich, with(Open, MaxAmount), "", 1, MaxAmount, ReasonLimitExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			order := Order{ToHolderName: c.holder, Amount: c.amount}
			require.Equal(t, c.want, refuseAccounts(order, c.from, c.to, c.limit))
		})
	}
}

func TestVerify(t *testing.T) {
	open := Account{HolderName: "김하나", State: Open}
	require.Equal(t, Match, verify(open, "김하나"))
	require.Equal(t, Match, verify(open, " 김하나 "))
	require.Equal(t, NameMismatch, verify(open, "김하"))
	for _, state := range []AccountState{Closed, Suspended, Reported} {
		require.Equal(t, VerifyResult(state), verify(Account{HolderName: "김하나", State: state}, "이둘"))
	}
}

func TestEntriesNeverGoBackInTime(t *testing.T) {
	earlier, later := &Account{LastEntryAt: noon}, &Account{LastEntryAt: noon.Add(time.Second)}
	require.Equal(t, noon.Add(time.Second), entryTime(noon.Add(-time.Hour), earlier, later))
	require.Equal(t, noon.Add(time.Minute), entryTime(noon.Add(time.Minute), earlier, later))
}

func TestFingerprintTellsOrdersApart(t *testing.T) {
	base := Order{From: account(1), To: account(2), ToHolderName: "a", Amount: 1, ValidUntil: noon, Memo: "b"}
	require.Equal(t, base.fingerprint(), base.fingerprint())
	for name, change := range map[string]func(o *Order){
		"from":   func(o *Order) { o.From = account(3) },
		"to":     func(o *Order) { o.To = account(3) },
		"name":   func(o *Order) { o.ToHolderName = "b" },
		"amount": func(o *Order) { o.Amount = 2 },
		"until":  func(o *Order) { o.ValidUntil = noon.Add(time.Microsecond) },
		"memo":   func(o *Order) { o.Memo = "c" },
		"shift":  func(o *Order) { o.ToHolderName, o.Memo = `a" "b`, "" },
	} {
		other := base
		change(&other)
		require.NotEqual(t, base.fingerprint(), other.fingerprint(), name)
	}
}

// Transfers decided by the rules keep the total, and no balance leaves its bounds, whatever is asked for.
func TestRulesConserveMoney(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		accounts := map[AccountKey]*Account{}
		var opened int64
		for n := range rapid.IntRange(2, 5).Draw(t, "accounts") {
			state := rapid.SampledFrom([]AccountState{Open, Open, Open, Closed, Suspended}).Draw(t, "state")
			balance := rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(MaxAmount-1000, MaxAmount)).Draw(t, "balance")
			accounts[account(n)] = &Account{AccountKey: account(n), State: state, Balance: balance}
			opened += balance
		}
		for range rapid.IntRange(1, 50).Draw(t, "transfers") {
			o := Order{From: account(rapid.IntRange(0, 5).Draw(t, "from")), To: account(rapid.IntRange(0, 5).Draw(t, "to")),
				Amount: rapid.OneOf(rapid.Int64Range(1, 1500), rapid.Int64Range(1, MaxAmount)).Draw(t, "amount"), ValidUntil: noon}
			from, to := accounts[o.From], accounts[o.To]
			if refuseOrder(o, "", noon) == "" && refuseAccounts(o, from, to, MaxAmount) == "" {
				from.Balance -= o.Amount
				to.Balance += o.Amount
			}
			requireBounds(t, accounts, opened)
		}
	})
}

func requireBounds(t *rapid.T, accounts map[AccountKey]*Account, opened int64) {
	var total int64
	for key, a := range accounts {
		if a.Balance < 0 || a.Balance > MaxAmount {
			t.Fatalf("balance of %v is %d", key, a.Balance)
		}
		total += a.Balance
	}
	if total != opened {
		t.Fatalf("total %d, opened %d", total, opened)
	}
}

func TestDayIsSeoulDay(t *testing.T) {
	day, err := parseDay("2026-03-02")
	require.NoError(t, err)
	require.Equal(t, "2026-03-01T15:00:00Z", day.From.Format(time.RFC3339))
	require.Equal(t, "2026-03-02T15:00:00Z", day.Until.Format(time.RFC3339))
	_, err = parseDay("2026-02-30")
	require.Error(t, err)
}

func ptr(n int64) *int64 { return &n }

func TestFaultMatch(t *testing.T) {
	transfer := call{operation: OpTransfer, accounts: []AccountKey{account(1), {BankCode: "004", AccountNumber: "9999999999"}}, amount: 500, reference: "topup/1/debit"}
	inquiry := call{operation: OpInquire, reference: "topup/1/debit"}
	for name, c := range map[string]struct {
		match RuleMatch
		call  call
		want  bool
	}{
		"operation":               {RuleMatch{Operation: OpTransfer}, transfer, true},
		"another operation":       {RuleMatch{Operation: OpInquire}, transfer, false},
		"any":                     {RuleMatch{Operation: OpAny}, transfer, true},
		"sender's bank":           {RuleMatch{Operation: OpAny, BankCode: "088"}, transfer, true},
		"receiver's bank":         {RuleMatch{Operation: OpAny, BankCode: "004"}, transfer, true},
		"number at another bank":  {RuleMatch{Operation: OpAny, BankCode: "088", AccountNumber: "9999999999"}, transfer, false},
		"bank, but no account":    {RuleMatch{Operation: OpAny, BankCode: "088"}, inquiry, false},
		"amount":                  {RuleMatch{Operation: OpAny, Amount: ptr(500)}, transfer, true},
		"another amount":          {RuleMatch{Operation: OpAny, Amount: ptr(501)}, transfer, false},
		"in the range":            {RuleMatch{Operation: OpAny, MinAmount: ptr(500), MaxAmount: ptr(500)}, transfer, true},
		"below":                   {RuleMatch{Operation: OpAny, MinAmount: ptr(501)}, transfer, false},
		"above":                   {RuleMatch{Operation: OpAny, MaxAmount: ptr(499)}, transfer, false},
		"amount, but it has none": {RuleMatch{Operation: OpAny, MaxAmount: ptr(499)}, inquiry, false},
		"reference prefix":        {RuleMatch{Operation: OpAny, Reference: "topup/"}, inquiry, true},
		"another reference":       {RuleMatch{Operation: OpAny, Reference: "opup/"}, inquiry, false},
		"any, but a notice":       {RuleMatch{Operation: OpAny}, call{operation: OpNotice}, false},
		"notice":                  {RuleMatch{Operation: OpNotice}, call{operation: OpNotice}, true},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.match.holds(c.call)) })
	}
}

func TestFirstRuleWithTimesLeftWins(t *testing.T) {
	var book faultBook
	book.replace([]Rule{
		{Match: RuleMatch{Operation: OpTransfer}, Effect: Effect{Type: RateLimit}, Times: 2},
		{Match: RuleMatch{Operation: OpAny}, Effect: Effect{Type: Decline, Reason: ReasonClosed}},
	})
	transfer := call{operation: OpTransfer, reference: "r"}
	var got []EffectType
	for range 3 {
		got = append(got, book.strike(transfer).Type)
	}
	require.Equal(t, []EffectType{RateLimit, RateLimit, Decline}, got)
	require.Empty(t, book.strike(call{operation: OpInquire}).Type, "a decline says nothing to an inquiry")
	require.Equal(t, []int64{2, 1}, []int64{book.list()[0].Fired, book.list()[1].Fired})
}

// strikes gives which of n requests of each of 100 references a rule of this seed hits.
func strikes(seed, probability int64, n int) []bool {
	var book faultBook
	book.replace([]Rule{{Match: RuleMatch{Operation: OpAny}, Effect: Effect{Type: RateLimit}, Probability: probability, Seed: seed}})
	var hits []bool
	for i := range 100 {
		for range n {
			hits = append(hits, book.strike(call{operation: OpInquire, reference: fmt.Sprintf("ref-%d", i)}).Type != "")
		}
	}
	return hits
}

func TestProbabilityIsDrawnFromTheSeed(t *testing.T) {
	count := func(hits []bool) (n int) {
		for _, hit := range hits {
			if hit {
				n++
			}
		}
		return n
	}
	require.Equal(t, strikes(7, 3000, 10), strikes(7, 3000, 10))
	require.NotEqual(t, strikes(7, 3000, 10), strikes(8, 3000, 10))
	require.InDelta(t, 300, count(strikes(7, 3000, 10)), 60)
	require.InDelta(t, 30, count(strikes(7, 3000, 1)), 20, "also over first draws alone")
	require.Equal(t, 1000, count(strikes(7, 10_000, 10)))
}

func TestValidateRules(t *testing.T) {
	ok := Rule{Match: RuleMatch{Operation: OpTransfer}, Effect: Effect{Type: RateLimit}}
	for field, change := range map[string]func(r *Rule){
		"match.operation":     func(r *Rule) { r.Match.Operation = "" },
		"match.bankCode":      func(r *Rule) { r.Match.BankCode = "88" },
		"match.accountNumber": func(r *Rule) { r.Match.AccountNumber = "1" },
		"match.reference":     func(r *Rule) { r.Match.Reference = "a b" },
		"match.amount":        func(r *Rule) { r.Match.Amount = ptr(0) },
		"match.maxAmount":     func(r *Rule) { r.Match.MaxAmount = ptr(-1) },
		"match.minAmount":     func(r *Rule) { r.Match.MinAmount, r.Match.MaxAmount = ptr(2), ptr(1) },
		"effect.type":         func(r *Rule) { r.Effect.Type = "NAP" },
		"effect.reason":       func(r *Rule) { r.Effect = Effect{Type: Decline} },
		"effect.delayMillis":  func(r *Rule) { r.Effect = Effect{Type: Delay} },
		"effect.status":       func(r *Rule) { r.Effect = Effect{Type: ErrorBefore, Status: 404} },
		"times":               func(r *Rule) { r.Times = -1 },
		"probability":         func(r *Rule) { r.Probability = 10_001 },
		"seed":                func(r *Rule) { r.Seed = 1 },
	} {
		t.Run(field, func(t *testing.T) {
			bad := ok
			change(&bad)
			require.ErrorContains(t, validateRules([]Rule{ok, bad}), "rules[1]."+field+": ")
		})
	}
	require.NoError(t, validateRules([]Rule{ok,
		{Match: RuleMatch{Operation: OpNotice, Reference: "a", Amount: ptr(1), BankCode: "088"}, Effect: Effect{Type: DuplicateNotice}},
		{Match: RuleMatch{Operation: OpNotice}, Effect: Effect{Type: Delay, DelayMillis: 1}},
		{Match: RuleMatch{Operation: OpTransfer}, Effect: Effect{Type: LateReturn, Reason: ReasonInsufficientFunds}},
	}))
	require.ErrorContains(t, validateRules(make([]Rule, maxRules+1)), "rules: ")
	for name, bad := range map[string]Rule{
		"inquiry by account":   {Match: RuleMatch{Operation: OpInquire, BankCode: "088"}, Effect: Effect{Type: RateLimit}},
		"decline a notice":     {Match: RuleMatch{Operation: OpNotice}, Effect: Effect{Type: Decline, Reason: ReasonClosed}},
		"limit a notice":       {Match: RuleMatch{Operation: OpNotice}, Effect: Effect{Type: RateLimit}},
		"double a transfer":    {Match: RuleMatch{Operation: OpTransfer}, Effect: Effect{Type: DuplicateNotice}},
		"double anything":      {Match: RuleMatch{Operation: OpAny}, Effect: Effect{Type: DuplicateNotice}},
		"return anything":      {Match: RuleMatch{Operation: OpAny}, Effect: Effect{Type: LateReturn, Reason: ReasonClosed}},
		"return, no reason":    {Match: RuleMatch{Operation: OpTransfer}, Effect: Effect{Type: LateReturn}},
		"return in two days":   {Match: RuleMatch{Operation: OpTransfer}, Effect: Effect{Type: LateReturn, Reason: ReasonClosed, DelayMillis: 48 * 3_600_000}},
		"verify by amount":     {Match: RuleMatch{Operation: OpVerify, Amount: ptr(1)}, Effect: Effect{Type: RateLimit}},
		"statement by ref":     {Match: RuleMatch{Operation: OpStatement, Reference: "a"}, Effect: Effect{Type: RateLimit}},
		"declined inquiry":     {Match: RuleMatch{Operation: OpInquire}, Effect: Effect{Type: Decline, Reason: ReasonClosed}},
		"verify short of cash": {Match: RuleMatch{Operation: OpVerify}, Effect: Effect{Type: Decline, Reason: ReasonInsufficientFunds}},
		"reason of a delay":    {Match: RuleMatch{Operation: OpAny}, Effect: Effect{Type: Delay, DelayMillis: 1, Reason: ReasonClosed}},
		"delay of an error":    {Match: RuleMatch{Operation: OpAny}, Effect: Effect{Type: ErrorAfter, DelayMillis: 1}},
		"status of a decline":  {Match: RuleMatch{Operation: OpAny}, Effect: Effect{Type: Decline, Reason: ReasonClosed, Status: 500}},
	} {
		require.Error(t, validateRules([]Rule{bad}), name)
	}
}
