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

	"durapay/activities"
	"durapay/services/banking"
	"durapay/services/membership"
	"durapay/services/money"
	"durapay/services/remittance"
	"durapay/workflows"
	"durapay/workflows/contract"
)

// Services are what the activities call.
type Services struct {
	Membership *membership.Service
	Banking    *banking.Service
	Money      *money.Service
	Remittance *remittance.Service
}

// stopTimeout is how long a stopping worker lets its activities finish. It is longer
// than a call to a bank, so that a stop leaves no outcome unknown that was on its way.
const stopTimeout = 35 * time.Second

// The bounds of what one process runs at once.
const (
	flowTasks      = 256
	localSteps     = 256
	flowPollers    = 8
	bankCalls      = 64
	bankPollers    = 1
	deadlockFinder = 5 * time.Second
	// cachedFlows bounds the waiting flows that are kept in memory; another one is rebuilt
	// from its history when it goes on. A bank that is away makes many wait.
	cachedFlows = 2000
)

// Workers polls the flows' queue and one queue for each bank.
type Workers struct{ all []worker.Worker }

// New makes the workers of one process. onFatal is told when Temporal refuses a worker
// for good.
func New(c client.Client, s Services, banks []banking.Institution, onFatal func(error)) *Workers {
	worker.SetStickyWorkflowCacheSize(cachedFlows)
	w := &Workers{all: []worker.Worker{flowWorker(c, s, onFatal)}}
	for _, b := range banks {
		w.all = append(w.all, bankWorker(c, s, b, onFatal))
	}
	return w
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

func flowWorker(c client.Client, s Services, onFatal func(error)) worker.Worker {
	w := worker.New(c, contract.FlowQueue, worker.Options{
		MaxConcurrentWorkflowTaskExecutionSize:  flowTasks,
		MaxConcurrentLocalActivityExecutionSize: localSteps,
		MaxConcurrentWorkflowTaskPollers:        flowPollers,
		LocalActivityWorkerOnly:                 true,
		WorkerStopTimeout:                       stopTimeout,
		DeadlockDetectionTimeout:                deadlockFinder,
		DisableRegistrationAliasing:             true,
		OnFatalError:                            onFatal,
	})
	registerFlows(w)
	registerSteps(w, s)
	return w
}

func bankWorker(c client.Client, s Services, b banking.Institution, onFatal func(error)) worker.Worker {
	w := worker.New(c, contract.BankQueue(b.Code), worker.Options{
		DisableWorkflowWorker:              true,
		MaxConcurrentActivityExecutionSize: bankCalls,
		MaxConcurrentActivityTaskPollers:   bankPollers,
		TaskQueueActivitiesPerSecond:       float64(b.CallsPerSecond),
		WorkerStopTimeout:                  stopTimeout,
		DisableRegistrationAliasing:        true,
		OnFatalError:                       onFatal,
	})
	registerBankCalls(w, s)
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
	} {
		w.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: name})
	}
}

func registerSteps(w worker.ActivityRegistry, s Services) {
	mem, bnk := &activities.Membership{Service: s.Membership}, &activities.Banking{Service: s.Banking}
	mon, rem := &activities.Money{Service: s.Money}, &activities.Remittance{Service: s.Remittance}
	register(w, map[string]any{
		contract.MembershipBeginRegistrations: mem.BeginRegistrations,
		contract.MembershipMoveRegistrations:  mem.MoveRegistrations,
		contract.MembershipRegister:           mem.Register,
		contract.MembershipUnregister:         mem.Unregister,
		contract.MembershipActivate:           mem.Activate,
		contract.MembershipStandings:          mem.Standings,
		contract.MembershipConfirmName:        mem.ConfirmName,

		contract.BankingBeginLinks: bnk.BeginLinks,
		contract.BankingMoveLinks:  bnk.MoveLinks,
		contract.BankingLink:       bnk.Link,
		contract.BankingAuthorize:  bnk.Authorize,
		contract.BankingPrepare:    bnk.Prepare,
		contract.BankingAbandon:    bnk.Abandon,

		contract.MoneyBegin:        mon.Begin,
		contract.MoneyMove:         mon.Move,
		contract.MoneyPost:         mon.Post,
		contract.MoneyBook:         mon.Book,
		contract.MoneyOpenWallets:  mon.OpenWallets,
		contract.MoneyCloseWallets: mon.CloseWallets,
		contract.MoneyRaiseLimit:   mon.RaiseLimit,

		contract.RemittanceBegin:    rem.Begin,
		contract.RemittanceMove:     rem.Move,
		contract.RemittanceSetTopUp: rem.SetTopUp,
	})
}

func registerBankCalls(w worker.ActivityRegistry, s Services) {
	bnk := &activities.Banking{Service: s.Banking}
	register(w, map[string]any{
		contract.BankingVerify:  bnk.Verify,
		contract.BankingSubmit:  bnk.Submit,
		contract.BankingInquire: bnk.Inquire,
	})
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
