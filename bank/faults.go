package bank

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"
)

// Operation is what a request asks of the bank, or what the bank does by itself, as far as faults care.
type Operation string

// The operations a fault can strike.
const (
	OpVerify    Operation = "VERIFY"
	OpTransfer  Operation = "TRANSFER"
	OpInquire   Operation = "INQUIRE"
	OpStatement Operation = "STATEMENT"
	OpNotice    Operation = "NOTICE" // a call-back of the bank's own
	OpAny       Operation = "ANY"    // every request; a notice is none
)

// EffectType is how a fault shows.
type EffectType string

// The effects. BEFORE and AFTER are seen from the effect on the books.
const (
	Decline       EffectType = "DECLINE"        // a stored rejection of a transfer, or the result of a verification
	Delay         EffectType = "DELAY"          // carried out late, even when the client has left
	TimeoutBefore EffectType = "TIMEOUT_BEFORE" // nothing is done, and no answer comes
	TimeoutAfter  EffectType = "TIMEOUT_AFTER"  // carried out, and no answer comes
	ErrorBefore   EffectType = "ERROR"          // nothing is done, 5xx
	ErrorAfter    EffectType = "ERROR_AFTER"    // carried out, 5xx
	RateLimit     EffectType = "RATE_LIMIT"     // nothing is done, 429

	LateReturn      EffectType = "LATE_RETURN"      // of a transfer: accepted, answered so, and sent back after the delay
	DuplicateNotice EffectType = "DUPLICATE_NOTICE" // of a notice: delivered twice
)

// Bounds of the fault language.
const (
	maxRules          = 256
	maxDelay          = time.Minute
	maxReturnDelay    = 24 * time.Hour
	maxProbability    = 10_000 // basis points: always
	maxTimes          = 1 << 30
	maxKnownDraws     = 1 << 16 // references a rule remembers the number of draws of
	defaultFaultError = 503
)

// Rule makes requests go wrong. The first rule of the list that matches, has times left and hits wins.
type Rule struct {
	Match  RuleMatch `json:"match"`
	Effect Effect    `json:"effect"`
	// Times is how often the rule fires; 0 is without end.
	Times int64 `json:"times,omitempty"`
	// Probability is in basis points, 1 to 10,000; 0 is always. The n-th request with one reference (without a reference: the n-th
	// request the rule matches) draws from Seed, so that a run can be repeated and a retry still draws anew.
	Probability int64 `json:"probability,omitempty"`
	Seed        int64 `json:"seed,omitempty"`
}

// RuleMatch says which requests a rule strikes. Everything given must hold; bank code and account number hold for either side of a transfer.
type RuleMatch struct {
	Operation     Operation `json:"operation"`
	BankCode      string    `json:"bankCode,omitempty"`
	AccountNumber string    `json:"accountNumber,omitempty"`
	Amount        *int64    `json:"amount,omitempty"`
	MinAmount     *int64    `json:"minAmount,omitempty"`
	MaxAmount     *int64    `json:"maxAmount,omitempty"`
	Reference     string    `json:"reference,omitempty"` // a prefix
}

// Effect says what happens to a struck request.
type Effect struct {
	Type        EffectType `json:"type"`
	Reason      Reason     `json:"reason,omitempty"`      // of DECLINE and LATE_RETURN
	DelayMillis int64      `json:"delayMillis,omitempty"` // of DELAY, and of LATE_RETURN, where 0 is at once
	Status      int        `json:"status,omitempty"`      // of ERROR and ERROR_AFTER: 5xx, 503 unless given
}

func (e Effect) delay() time.Duration { return time.Duration(e.DelayMillis) * time.Millisecond }

func (e Effect) status() int {
	if e.Status == 0 {
		return defaultFaultError
	}
	return e.Status
}

// declines gives the rejection the effect asks for, or "".
func (e Effect) declines() Reason {
	if e.Type == Decline {
		return e.Reason
	}
	return ""
}

// fate gives what the effect asks for an order.
func (e Effect) fate() fate {
	f := fate{declined: e.declines()}
	if e.Type == LateReturn {
		f.back = &lateReturn{reason: e.Reason, after: e.delay()}
	}
	return f
}

// call is one request, or one notice, as faults see it.
type call struct {
	operation Operation
	accounts  []AccountKey // one, or both sides of a transfer
	amount    int64        // won; 0 when the operation has none
	reference string       // "" when the operation has none
}

func (m RuleMatch) holds(c call) bool {
	return m.holdsOperation(c.operation) &&
		m.holdsAccount(c.accounts) && m.holdsAmount(c.amount) &&
		strings.HasPrefix(c.reference, m.Reference)
}

func (m RuleMatch) holdsOperation(operation Operation) bool {
	return m.Operation == operation || m.Operation == OpAny && operation != OpNotice
}

func (m RuleMatch) holdsAccount(accounts []AccountKey) bool {
	if m.BankCode == "" && m.AccountNumber == "" {
		return true
	}
	for _, a := range accounts {
		if (m.BankCode == "" || m.BankCode == a.BankCode) && (m.AccountNumber == "" || m.AccountNumber == a.AccountNumber) {
			return true
		}
	}
	return false
}

func (m RuleMatch) holdsAmount(amount int64) bool {
	if !m.boundsAmount() {
		return true
	}
	return amount > 0 &&
		(m.Amount == nil || amount == *m.Amount) &&
		(m.MinAmount == nil || amount >= *m.MinAmount) &&
		(m.MaxAmount == nil || amount <= *m.MaxAmount)
}

func (m RuleMatch) boundsAmount() bool {
	return m.Amount != nil || m.MinAmount != nil || m.MaxAmount != nil
}

// strikes tells whether the rule is about this request at all. A decline has nothing to say to an inquiry or a statement.
func (r Rule) strikes(c call) bool {
	if r.Effect.Type == Decline && c.operation != OpTransfer && c.operation != OpVerify {
		return false
	}
	return r.Match.holds(c)
}

// liveRule is a rule at work.
type liveRule struct {
	Rule
	fired int64
	draws map[string]uint64 // by reference: how often it was drawn
}

// hits draws whether the rule fires on this request.
func (r *liveRule) hits(c call) bool {
	if r.Probability == 0 {
		return true
	}
	if len(r.draws) >= maxKnownDraws {
		clear(r.draws)
	}
	n := r.draws[c.reference]
	r.draws[c.reference] = n + 1
	return draw(r.Seed, c.reference, n) < uint64(r.Probability)
}

// draw gives an even number from 0 to 9,999 that depends on its arguments alone.
func draw(seed int64, reference string, n uint64) uint64 {
	h := fnv.New64a()
	var word [16]byte
	binary.BigEndian.PutUint64(word[:8], uint64(seed)) //nolint:gosec // bits, not a quantity
	binary.BigEndian.PutUint64(word[8:], n)
	_, _ = h.Write(word[:])
	_, _ = h.Write([]byte(reference))
	return scramble(h.Sum64()) % maxProbability
}

// scramble is the finisher of SplitMix64: FNV alone leaves neighbouring inputs alike.
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// faultBook holds the rules in force. They live in memory: a restarted bank is a well-behaved one.
type faultBook struct {
	mu    sync.Mutex
	rules []*liveRule
}

// replace puts new rules in force, with fresh counts.
func (b *faultBook) replace(rules []Rule) {
	live := make([]*liveRule, len(rules))
	for i, r := range rules {
		live[i] = &liveRule{Rule: r, draws: map[string]uint64{}}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules = live
}

// strike gives the effect of the rule that fires on this request, and counts it; the zero Effect when none does.
func (b *faultBook) strike(c call) Effect {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.rules {
		spent := r.Times > 0 && r.fired >= r.Times
		if !spent && r.strikes(c) && r.hits(c) {
			r.fired++
			return r.Effect
		}
	}
	return Effect{}
}

// firedRule is a rule with how often it fired since it was put in force.
type firedRule struct {
	Rule
	Fired int64 `json:"fired"`
}

func (b *faultBook) list() []firedRule {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]firedRule, len(b.rules))
	for i, r := range b.rules {
		list[i] = firedRule{Rule: r.Rule, Fired: r.fired}
	}
	return list
}

// validateRules checks a whole list. Errors: *fieldError with the rule's index in its field.
func validateRules(rules []Rule) error {
	if len(rules) > maxRules {
		return invalid("rules", fmt.Sprintf("at most %d rules", maxRules))
	}
	for i, r := range rules {
		if err := firstError(r.Match.validate(), r.Effect.validate(r.Match.Operation), r.validateFrequency()); err != nil {
			return err.within(fmt.Sprintf("rules[%d]", i))
		}
	}
	return nil
}

func (r Rule) validateFrequency() *fieldError {
	switch {
	case r.Times < 0 || r.Times > maxTimes:
		return invalid("times", fmt.Sprintf("must be 0 (always) to %d", maxTimes))
	case r.Probability < 0 || r.Probability > maxProbability:
		return invalid("probability", "must be 1 to 10000 basis points, or absent for always")
	case r.Seed != 0 && r.Probability == 0:
		return invalid("seed", "needs a probability")
	}
	return nil
}

func (m RuleMatch) validate() *fieldError {
	switch m.Operation {
	case OpVerify, OpTransfer, OpInquire, OpStatement, OpNotice, OpAny:
	default:
		return invalid("match.operation", "must be VERIFY, TRANSFER, INQUIRE, STATEMENT, NOTICE or ANY")
	}
	if m.BankCode != "" && !isBankCode(m.BankCode) {
		return invalid("match.bankCode", bankCodeRule)
	}
	if m.AccountNumber != "" && !isAccountNumber(m.AccountNumber) {
		return invalid("match.accountNumber", accountNumberRule)
	}
	if m.Reference != "" && !isReference(m.Reference) {
		return invalid("match.reference", referenceRule)
	}
	return firstError(m.validateAmounts(), m.validateReach())
}

func (m RuleMatch) validateAmounts() *fieldError {
	for _, bound := range []struct {
		field string
		value *int64
	}{{"match.amount", m.Amount}, {"match.minAmount", m.MinAmount}, {"match.maxAmount", m.MaxAmount}} {
		if bound.value != nil && (*bound.value < 1 || *bound.value > MaxAmount) {
			return invalid(bound.field, amountRule)
		}
	}
	if m.MinAmount != nil && m.MaxAmount != nil && *m.MinAmount > *m.MaxAmount {
		return invalid("match.minAmount", "must not be above maxAmount")
	}
	return nil
}

// validateReach refuses a condition on something the operation does not have: such a rule would silently never fire.
func (m RuleMatch) validateReach() *fieldError {
	moves := m.Operation == OpTransfer || m.Operation == OpNotice || m.Operation == OpAny
	switch {
	case m.Operation == OpInquire && (m.BankCode != "" || m.AccountNumber != ""):
		return invalid("match.bankCode", "an inquiry names no account: match by reference")
	case !moves && m.boundsAmount():
		return invalid("match.amount", "only a transfer or a notice has an amount")
	case !moves && m.Operation != OpInquire && m.Reference != "":
		return invalid("match.reference", "only a transfer, a notice or an inquiry has a reference")
	}
	return nil
}

func (e Effect) validate(operation Operation) *fieldError {
	return firstError(e.validateType(operation), e.validateReason(operation), e.validateDelay(), e.validateStatus())
}

// validateType refuses an effect that has nothing to say to the operation.
func (e Effect) validateType(operation Operation) *fieldError {
	const field = "effect.type"
	switch e.Type {
	case Delay:
		return nil
	case Decline:
		return must(operation == OpVerify || operation == OpTransfer || operation == OpAny, field, "DECLINE is for VERIFY, TRANSFER or ANY")
	case LateReturn:
		return must(operation == OpTransfer, field, "LATE_RETURN is for TRANSFER")
	case DuplicateNotice:
		return must(operation == OpNotice, field, "DUPLICATE_NOTICE is for NOTICE")
	case TimeoutBefore, TimeoutAfter, ErrorBefore, ErrorAfter, RateLimit:
		return must(operation != OpNotice, field, "must be DUPLICATE_NOTICE or DELAY for NOTICE")
	}
	return invalid(field, "must be DECLINE, DELAY, TIMEOUT_BEFORE, TIMEOUT_AFTER, ERROR, ERROR_AFTER, RATE_LIMIT, LATE_RETURN or DUPLICATE_NOTICE")
}

func (e Effect) validateReason(operation Operation) *fieldError {
	const field = "effect.reason"
	needed := e.Type == Decline || e.Type == LateReturn
	switch {
	case !needed && e.Reason != "":
		return invalid(field, "only for DECLINE and LATE_RETURN")
	case !needed:
		return nil
	case !e.Reason.known():
		return invalid(field, reasonRule)
	case operation != OpTransfer && !e.Reason.verifiable():
		return invalid(field, "must be NO_SUCH_ACCOUNT, CLOSED, REPORTED, SUSPENDED or NAME_MISMATCH where VERIFY is declined")
	}
	return nil
}

func (e Effect) validateDelay() *fieldError {
	const field = "effect.delayMillis"
	switch e.Type {
	case Delay:
		return must(e.DelayMillis >= 1 && e.DelayMillis <= maxDelay.Milliseconds(), field, fmt.Sprintf("must be 1 to %d", maxDelay.Milliseconds()))
	case LateReturn:
		return must(e.DelayMillis >= 0 && e.DelayMillis <= maxReturnDelay.Milliseconds(), field, fmt.Sprintf("must be 0 to %d", maxReturnDelay.Milliseconds()))
	}
	return must(e.DelayMillis == 0, field, "only for DELAY and LATE_RETURN")
}

func (e Effect) validateStatus() *fieldError {
	const field = "effect.status"
	fails := e.Type == ErrorBefore || e.Type == ErrorAfter
	switch {
	case !fails && e.Status != 0:
		return invalid(field, "only for ERROR and ERROR_AFTER")
	case fails && e.Status != 0 && (e.Status < 500 || e.Status > 599):
		return invalid(field, "must be 500 to 599")
	}
	return nil
}
