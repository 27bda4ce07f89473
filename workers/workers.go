// Package workers says which process polls which queue, with which limits.
package workers

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"durapay/services/banking"
	"durapay/workflows"
	"durapay/workflows/contract"
)

// stopTimeout is how long a stopping worker lets its activities finish. It is longer
// than a call to a bank, so that a stop leaves no outcome unknown that was on its way.
const stopTimeout = 35 * time.Second

// The bounds of what one process runs at once.
const (
	flowTasks      = 256
	stepsAtOnce    = 256
	flowPollers    = 8
	bankCalls      = 64
	bankPollers    = 1
	webhookCalls   = 64
	webhookPollers = 2
	deadlockFinder = 5 * time.Second
	// cachedFlows bounds the waiting flows that are kept in memory; another one is rebuilt
	// from its history when it goes on. A bank that is away makes many wait.
	cachedFlows = 2000
)

// Workers polls the flows' queue and one queue for each bank.
type Workers struct{ all []worker.Worker }

// New makes the workers of one process. The services that are not here are remote.
// onFatal is told when Temporal refuses a worker for good. It errs for a step that cannot
// be called from afar.
func New(c client.Client, s Services, remote Remote, banks []banking.Institution, onFatal func(error)) (*Workers, error) {
	worker.SetStickyWorkflowCacheSize(cachedFlows)
	flows, err := flowWorker(c, s, remote, onFatal)
	if err != nil {
		return nil, err
	}
	webhooks, err := remote.orRemote("franchise", webhookSteps(s))
	if err != nil {
		return nil, err
	}
	calls, err := remote.orRemote("banking", bankSteps(s))
	if err != nil {
		return nil, err
	}
	w := &Workers{all: []worker.Worker{flows, webhookWorker(c, webhooks, onFatal)}}
	for _, b := range banks {
		w.all = append(w.all, bankWorker(c, calls, b, onFatal))
	}
	return w, nil
}

// Start begins polling.
func (w *Workers) Start() error {
	for i, each := range w.all {
		if err := each.Start(); err != nil {
			w.stop(i)
			return fmt.Errorf("start a worker: %w", err)
		}
	}
	return nil
}

// Stop ends polling and waits for what is under way, at most stopTimeout.
func (w *Workers) Stop() { w.stop(len(w.all)) }

// stop stops the first n workers, all at once: they wait side by side.
func (w *Workers) stop(n int) {
	done := make(chan struct{}, n)
	for _, each := range w.all[:n] {
		go func() { each.Stop(); done <- struct{}{} }()
	}
	for range n {
		<-done
	}
}

func flowWorker(c client.Client, s Services, remote Remote, onFatal func(error)) (worker.Worker, error) {
	w := worker.New(c, contract.FlowQueue, worker.Options{
		MaxConcurrentWorkflowTaskExecutionSize:  flowTasks,
		MaxConcurrentLocalActivityExecutionSize: stepsAtOnce,
		MaxConcurrentWorkflowTaskPollers:        flowPollers,
		LocalActivityWorkerOnly:                 true,
		WorkerStopTimeout:                       stopTimeout,
		DeadlockDetectionTimeout:                deadlockFinder,
		DisableRegistrationAliasing:             true,
		OnFatalError:                            onFatal,
	})
	registerFlows(w)
	for service, local := range localSteps(s) {
		steps, err := remote.orRemote(service, local)
		if err != nil {
			return nil, err
		}
		register(w, steps)
	}
	return w, nil
}

// webhookWorker sends messages to franchises' servers, whose slowness is to hold up
// nothing else.
func webhookWorker(c client.Client, attempts map[string]any, onFatal func(error)) worker.Worker {
	w := worker.New(c, contract.WebhookQueue, worker.Options{
		DisableWorkflowWorker:              true,
		MaxConcurrentActivityExecutionSize: webhookCalls,
		MaxConcurrentActivityTaskPollers:   webhookPollers,
		WorkerStopTimeout:                  stopTimeout,
		DisableRegistrationAliasing:        true,
		OnFatalError:                       onFatal,
	})
	register(w, attempts)
	return w
}

func bankWorker(c client.Client, calls map[string]any, b banking.Institution, onFatal func(error)) worker.Worker {
	w := worker.New(c, contract.BankQueue(b.Code), worker.Options{
		DisableWorkflowWorker:              true,
		MaxConcurrentActivityExecutionSize: bankCalls,
		MaxConcurrentActivityTaskPollers:   bankPollers,
		TaskQueueActivitiesPerSecond:       float64(b.CallsPerSecond),
		WorkerStopTimeout:                  stopTimeout,
		DisableRegistrationAliasing:        true,
		OnFatalError:                       onFatal,
	})
	register(w, calls)
	return w
}

func registerFlows(w worker.WorkflowRegistry) {
	for name, flow := range map[string]any{
		contract.RegistrationFlow: workflows.Registration,
		contract.LinkFlow:         workflows.Link,
		contract.FirmbankingFlow:  workflows.Firmbanking,
		contract.TopUpFlow:        workflows.TopUp,
		contract.WithdrawalFlow:   workflows.Withdrawal,
		contract.RemittanceFlow:   workflows.Remittance,
		contract.FranchiseFlow:    workflows.FranchiseRegistration,
		contract.PayoutChangeFlow: workflows.PayoutAccountChange,
		contract.PaymentFlow:      workflows.Payment,
		contract.CancelFlow:       workflows.PaymentCancel,
		contract.SettlementFlow:   workflows.Settlement,
		contract.SettlementDay:    workflows.SettlementDay,
		contract.PayoutFlow:       workflows.Payout,
		contract.WebhookFlow:      workflows.WebhookDelivery,
		contract.BankNoticeFlow:   workflows.BankNotice,
	} {
		w.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: name})
	}
}

func register(w worker.ActivityRegistry, byName map[string]any) {
	for name, f := range byName {
		w.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

// ReportFatal logs a fatal error of a worker and hands it on.
func ReportFatal(log *slog.Logger, fatal chan<- error) func(error) {
	return func(err error) {
		log.Error("worker ended", "error", err)
		select {
		case fatal <- errors.Join(errors.New("a worker ended"), err):
		default: // somebody was told already
		}
	}
}
