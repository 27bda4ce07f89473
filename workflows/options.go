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
			MaximumInterval:    30 * time.Second,
		},
		Summary: summary,
	}
}

// The bounds of one call to a bank. The activity's own HTTP time-out is shorter, so that
// the answer "unknown" is stored by it and not guessed by the flow.
const bankCall = 30 * time.Second

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

// bankSubmit is never repeated: a transfer is sent at most once.
func bankSubmit(bankCode, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           contract.BankQueue(bankCode),
		StartToCloseTimeout: bankCall,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:             summary,
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
