package gateway

import (
	"context"
	"slices"
	"strings"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/services/membership"
	"durapay/services/payment"
	"durapay/services/settlement"
)

// service says what of the API is whose.
type service struct {
	name     string
	here     func(Dependencies) bool // it is in this process
	tags     []string                // of its operations in the document
	prefixes []string                // of its paths
	records  []string                // prefixes of the ids of its flows' records
}

// services are all that the API is made of. A longer prefix goes before a shorter one.
func services() []service {
	return []service{
		{"membership", func(d Dependencies) bool { return d.Membership != nil }, []string{"auth", "membership"},
			[]string{"/v1/auth", "/v1/memberships", "/.well-known/jwks.json"}, []string{id.Registration}},
		{"banking", func(d Dependencies) bool { return d.Banking != nil }, []string{"banking"},
			[]string{"/v1/bank-accounts", "/v1/bank-notices", "/v1/firmbankings"}, []string{id.BankAccount, id.Firmbanking, id.BankNotice}},
		{"money-query", func(d Dependencies) bool { return d.MoneyQuery != nil }, []string{"money-query"}, []string{"/v1/money/query"}, nil},
		{"money", func(d Dependencies) bool { return d.Money != nil }, []string{"money"}, []string{"/v1/money"}, []string{id.TopUp, id.Withdrawal}},
		{"remittance", func(d Dependencies) bool { return d.Remittance != nil }, []string{"remittance"}, []string{"/v1/remittances"}, []string{id.Remittance}},
		{"payment", func(d Dependencies) bool { return d.Payment != nil }, []string{"payment"}, []string{"/v1/payments"}, []string{id.Payment, id.Cancel}},
		{"franchise", func(d Dependencies) bool { return d.Franchise != nil }, []string{"franchise"},
			[]string{"/v1/franchises", "/v1/franchise-fee-tiers"}, []string{id.Franchise, id.PayoutChange, id.Delivery}},
		{"settlement", func(d Dependencies) bool { return d.Settlement != nil }, []string{"settlement"}, []string{"/v1/settlements"},
			[]string{id.SettlementRun, id.Statement}},
	}
}

// ServiceNames lists the services that the API is made of.
func ServiceNames() []string {
	all := services()
	names := make([]string, len(all))
	for i, each := range all {
		names[i] = each.name
	}
	return names
}

// serviceOfPath finds whose path this is, "" for nobody's.
func serviceOfPath(path string) string {
	for _, each := range services() {
		for _, prefix := range each.prefixes {
			if rest, found := strings.CutPrefix(path, prefix); found && (rest == "" || rest[0] == '/') {
				return each.name
			}
		}
	}
	return ""
}

// serviceOfFlow finds whose flow has this id, "" for nobody's.
func serviceOfFlow(flowID string) string {
	for _, each := range services() {
		if slices.Contains(each.records, id.Prefix(flowID)) {
			return each.name
		}
	}
	return ""
}

// has tells whether a service is in this process.
func (d Dependencies) has(name string) bool {
	return slices.ContainsFunc(services(), func(each service) bool { return each.name == name && each.here(d) })
}

// tags lists those of the operations that this process answers, itself or by passing them
// on.
func (d Dependencies) tags() []string {
	tags := []string{"health"}
	for _, each := range services() {
		if d.Forward[each.name] != nil || each.here(d) {
			tags = append(tags, each.tags...)
			if len(each.records) > 0 {
				tags = append(tags, "flows")
			}
		}
	}
	return tags
}

// Neighbours are what the routes of one service ask of another one. What is nil is asked
// of that service in this process.
type Neighbours struct {
	Authenticate  func(ctx context.Context, key string) (franchiseID string, err error)
	Standings     func(ctx context.Context, memberIDs []string) ([]membership.Standing, error)
	FindStatement func(ctx context.Context, scope settlement.Scope, statementID string) (settlement.Statement, error)
	Lines         func(ctx context.Context, scope payment.Scope, statementID string, q page.Request) (page.Page[payment.Line], error)
}

// neighbours fills in those of this process.
func (d Dependencies) neighbours() Neighbours {
	n := d.Neighbours
	if n.Authenticate == nil && d.Franchise != nil {
		n.Authenticate = d.Franchise.Authenticate
	}
	if n.Authenticate == nil { // a process without franchises knows no key
		n.Authenticate = func(context.Context, string) (string, error) { return "", errs.ServiceUnavailable }
	}
	if n.Standings == nil && d.Membership != nil {
		n.Standings = d.Membership.Standings
	}
	if n.FindStatement == nil && d.Settlement != nil {
		n.FindStatement = d.Settlement.FindStatement
	}
	if n.Lines == nil && d.Payment != nil {
		n.Lines = d.Payment.Lines
	}
	return n
}
