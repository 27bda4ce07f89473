package contract

import "go.temporal.io/sdk/temporal"

// FlowQueue is where workflows, and their local activities, run.
const FlowQueue = "durapay-flows"

// BankQueue is where the calls to one bank run: each bank has its own rate limit, and a
// slow one does not hold up the others.
func BankQueue(bankCode string) string { return "durapay-bank-" + bankCode }

// WebhookQueue is where messages to franchises are sent from.
const WebhookQueue = "durapay-webhooks"

// The search attributes every flow may carry. They are never encrypted: opaque ids only.
var (
	MembershipIDKey = temporal.NewSearchAttributeKeyKeyword("MembershipID")
	FranchiseIDKey  = temporal.NewSearchAttributeKeyKeyword("FranchiseID")
	FlowStateKey    = temporal.NewSearchAttributeKeyKeyword("FlowState")
	BusinessDateKey = temporal.NewSearchAttributeKeyKeyword("BusinessDate")
	BankCodeKey     = temporal.NewSearchAttributeKeyKeyword("BankCode")
)

// SearchAttributeNames lists them; all are keywords.
func SearchAttributeNames() []string {
	return []string{MembershipIDKey.GetName(), FranchiseIDKey.GetName(), FlowStateKey.GetName(), BusinessDateKey.GetName(), BankCodeKey.GetName()}
}
