package workflows

import (
	"strings"

	"durapay/internal/record"
	"durapay/workflows/contract"
)

// sentences are the words of each step for the Web UI, in English; the gateway has them
// in the languages of its clients. {name} stands for a parameter of the step.
var sentences = map[contract.Step]string{
	contract.StepStarting:   "Recording the request.",
	contract.StepChecking:   "Checking the members and the account.",
	contract.StepVerifying:  "Asking bank {bank} whether the account is open and its holder's name matches.",
	contract.StepReserving:  "Reserving {amount} won in the ledger.",
	contract.StepAtBank:     "The transfer is at bank {bank}.",
	contract.StepInquiring:  "Bank {bank} has not told the outcome. Asking for it by our own reference; the transfer is not sent again.",
	contract.StepBooking:    "Booking {amount} won in the ledger.",
	contract.StepToppingUp:  "The balance is {short} won short. Topping up {amount} won first.",
	contract.StepOpening:    "Opening the wallet.",
	contract.StepScheduled:  "Scheduled: goes on at {until}.",
	contract.StepBankShut:   "Bank {bank} or ours is under maintenance: goes on at {until}.",
	contract.StepPayable:    "Opening the account of what the franchise is owed.",
	contract.StepCutting:    "Cutting the statements of {date}.",
	contract.StepPayingOut:  "Paying out what is due; each payout is a flow of its own.",
	contract.StepParked:     "The wallet has no room for the {amount} won that came back: tried again at {until}.",
	contract.StepDelivering: "Sending the message to the franchise's server.",
	contract.StepRetryLater: "The franchise's server has not taken the message: sent again at {until}.",
	contract.StepUndoing:    "Refused. Undoing what was done so far.",
	contract.StepEnded:      "Ended by hand before the work was done.",
	contract.StepSucceeded:  "Done.",
	contract.StepFailed:     "Refused: {code}.",
	contract.StepCancelled:  "Cancelled before any money left.",
}

// details is what the Web UI shows as the flow's current details.
func details(s contract.Status) string {
	text := sentences[s.Step]
	for i := 0; i+1 < len(s.Params); i += 2 {
		text = strings.ReplaceAll(text, "{"+s.Params[i]+"}", s.Params[i+1])
	}
	text = strings.ReplaceAll(text, "{code}", string(s.Failure.Code))
	if s.State == record.Unknown {
		return "**" + string(s.State) + "** " + text
	}
	return string(s.State) + ": " + text
}
