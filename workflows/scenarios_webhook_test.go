package workflows_test

import (
	"encoding/json"
	"slices"
	"time"

	"durapay/errs"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

var (
	eventIn = contract.WebhookEvent{ID: eventID, FranchiseID: cafe, Type: contract.PaymentApproved, Data: json.RawMessage(`{"paymentId":"1"}`),
		At: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)}
	delivery = eventIn.DeliveryID()
)

// notTaken scripts attempts that the franchise's server does not take.
func notTaken(n int) []contract.Attempt { return make([]contract.Attempt, n) }

// tried is the diary of a delivery that is begun, fails so often, and ends as said.
func tried(failures int, end ...string) []string {
	again := slices.Repeat(lines("deliver\nmove $WHD WAITING\nmove $WHD PROCESSING"), failures)
	return slices.Concat(lines("begin $WHD"), again, lines("deliver"), end)
}

var webhooks = []scenario{
	{name: "taken at once", flow: contract.WebhookFlow, in: eventIn, state: record.Succeeded,
		world: func() *world { return &world{} }, diary: tried(0, "move "+delivery+" SUCCEEDED")},
	{name: "taken at the second attempt", flow: contract.WebhookFlow, in: eventIn, state: record.Succeeded,
		world: func() *world { return &world{attempts: notTaken(1)} }, diary: tried(1, "move "+delivery+" SUCCEEDED")},
	{name: "taken at the third attempt", flow: contract.WebhookFlow, in: eventIn, state: record.Succeeded, long: true,
		world: func() *world { return &world{attempts: notTaken(2)} }, diary: tried(2, "move "+delivery+" SUCCEEDED")},
	{name: "never taken", flow: contract.WebhookFlow, in: eventIn, state: record.Failed, code: errs.WebhookUndelivered.Code, long: true,
		world: func() *world { return &world{attempts: notTaken(8)} }, diary: tried(7, "move "+delivery+" FAILED webhook_undelivered")},
	{name: "refused for good", flow: contract.WebhookFlow, in: eventIn, state: record.Failed, code: errs.WebhookUndelivered.Code,
		world: func() *world { return &world{attempts: []contract.Attempt{{Done: true}}} }, diary: lines(`
			begin ` + delivery + `
			deliver
			move ` + delivery + ` FAILED webhook_undelivered`)},
	{name: "behind others", flow: contract.WebhookFlow, in: eventIn, state: record.Succeeded,
		world: func() *world { return &world{attempts: []contract.Attempt{{Busy: true}, {Busy: true}}} }, diary: lines("begin $WHD\ndeliver\ndeliver\ndeliver\nmove $WHD SUCCEEDED")},
	{name: "wanted by nobody", flow: contract.WebhookFlow, in: eventIn, state: record.Succeeded,
		world: func() *world { return &world{begun: contract.Begun{State: record.Succeeded}} }, diary: lines("begin $WHD")},
	{name: "the attempt dies", flow: contract.WebhookFlow, in: eventIn, state: record.Succeeded,
		world: func() *world { return &world{dying: 1} }, diary: tried(1, "move "+delivery+" SUCCEEDED")},
	{name: "cancelled between attempts", flow: contract.WebhookFlow, in: eventIn, state: record.Cancelled, code: errs.FlowCancelled.Code,
		cancel: "move " + delivery + " WAITING", world: func() *world { return &world{attempts: notTaken(1)} }, diary: lines(`
			begin $WHD
			deliver
			move $WHD WAITING
			move $WHD CANCELLED cancelled`)},
	{name: "cancelled before the attempt", flow: contract.WebhookFlow, in: eventIn, state: record.Cancelled, code: errs.FlowCancelled.Code,
		cancel: "begin", world: func() *world { return &world{} }, diary: lines(`
			begin $WHD
			move $WHD CANCELLED cancelled`)},
}
