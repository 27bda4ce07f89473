package workflows

import (
	"durapay/services/money/ledger"
	"durapay/workflows/contract"
)

// The ledger commands of the flows. A flow's record id is the reference of what it
// posts or holds: it happens once, however often the flow's step runs.

func postCommand(kind ledger.Kind, recordID string, leg ledger.Leg) contract.Command {
	return contract.Command{Op: ledger.OpPost, Ref: recordID, Kind: kind, Legs: []ledger.Leg{leg}, FlowID: recordID}
}

func holdCommand(kind ledger.Kind, recordID string, leg ledger.Leg, detail string) contract.Command {
	return contract.Command{Op: ledger.OpHold, Ref: recordID, Kind: kind, From: leg.From, To: leg.To, Amount: leg.Amount,
		FlowID: recordID, Detail: detail}
}

func captureCommand(recordID string) contract.Command {
	return contract.Command{Op: ledger.OpCapture, Ref: recordID + "/capture", HoldRef: recordID}
}

func releaseCommand(recordID string) contract.Command {
	return contract.Command{Op: ledger.OpRelease, Ref: recordID + "/release", HoldRef: recordID}
}
