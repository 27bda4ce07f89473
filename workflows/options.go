package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"durapay/workflows/contract"
)

// practicallyForever is how long a step on our own database is retried. A step has no
// other way out than to be done: giving up would leave money half moved. Temporal wants
// a figure, and a local activity's default would be a single attempt's time.
const practicallyForever = 10 * 365 * 24 * time.Hour

// databaseStep are the options of a step on our own database: short, idempotent, run
// in the worker without a task hop, retried until the database is there.
func databaseStep(summary string) workflow.LocalActivityOptions {
	return workflow.LocalActivityOptions{
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: practicallyForever,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    100 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    longestPause,
		},
		Summary: summary,
	}
}

// The longest pauses between two attempts of a step. A pause longer than a workflow task
// costs six events, and the server ends a flow at 51,200: with two minutes a database may
// be away for eleven days, and a booking that is refused may wait for its mending for two
// months.
const (
	longestPause        = 2 * time.Minute
	longestBookingPause = 10 * time.Minute
)

// bookingStep are the options of a booking that cannot be refused.
func bookingStep(summary string) workflow.LocalActivityOptions {
	o := databaseStep(summary)
	o.RetryPolicy.MaximumInterval = longestBookingPause
	return o
}

// bulkStep are the options of a step on many rows: the rows of a busy merchant's month.
func bulkStep(summary string) workflow.LocalActivityOptions {
	o := databaseStep(summary)
	o.StartToCloseTimeout = time.Minute
	return o
}

// bankCall bounds one call to a bank: its HTTP time-out (5 s unless configured) and the
// storing of the answer (10 s at most). It is also how long the death of a worker in the
// middle of a call goes unnoticed.
const bankCall = 15 * time.Second

// bankVerify may be repeated: it moves nothing. It gives up after verifyFor, since a
// person waits for it.
const verifyFor = time.Minute

func bankVerify(bankCode, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              contract.BankQueue(bankCode),
		StartToCloseTimeout:    bankCall,
		ScheduleToCloseTimeout: verifyFor,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second,
		},
		Summary: summary,
	}
}

// submitAttempts bounds how often a step that could not reach our own database before
// the bank was called is tried.
const submitAttempts = 5

// bankSubmit sends at most once, however often the activity runs: it first moves the row
// from REQUESTED to SENT, and only who does that calls the bank. So an attempt that
// failed before, on our own side, may be repeated; one that finds the row SENT answers
// unknown, and the flow inquires.
func bankSubmit(bankCode, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           contract.BankQueue(bankCode),
		StartToCloseTimeout: bankCall,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumAttempts: submitAttempts,
		},
		Summary: summary,
	}
}

// bankInquire asks until the bank knows. It has no end of its own: an unknown outcome
// stays unknown, in everybody's sight, until it is known.
func bankInquire(bankCode, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           contract.BankQueue(bankCode),
		StartToCloseTimeout: bankCall,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 1.5, MaximumInterval: time.Minute,
		},
		Summary: summary,
	}
}

// webhookCall is one attempt at a franchise's server: its HTTP time-out (10 s) and the
// storing of what it said. The flow decides about another one.
func webhookCall(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           contract.WebhookQueue,
		StartToCloseTimeout: 20 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:             summary,
	}
}
