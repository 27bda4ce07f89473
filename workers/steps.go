package workers

import (
	"maps"

	"durapay/activities"
	"durapay/services/banking"
	"durapay/services/franchise"
	"durapay/services/membership"
	"durapay/services/money"
	"durapay/services/payment"
	"durapay/services/remittance"
	"durapay/services/settlement"
	"durapay/workflows/contract"
)

// Services are what the activities call.
type Services struct {
	Membership *membership.Service
	Banking    *banking.Service
	Money      *money.Service
	Remittance *remittance.Service
	Franchise  *franchise.Service
	Payment    *payment.Service
	Settlement *settlement.Service
	// RunFingerprint is that of a settlement run's request.
	RunFingerprint func(businessDate string, dryRun bool) string
}

// Remote are the services that other processes run, by name: what makes a step that
// calls one, of the type of a function.
type Remote map[string]Stepper

// Stepper makes a step that another process runs; see [durapay/internal/stepapi.Client].
type Stepper interface {
	Step(name string, like any) (any, error)
}

// localSteps are the steps on our own databases, by service and name. They run as local
// activities.
func localSteps(s Services) map[string]map[string]any {
	return map[string]map[string]any{
		"membership": membershipSteps(s), "banking": bankingSteps(s), "money": moneySteps(s), "remittance": remittanceSteps(s),
		"franchise": franchiseSteps(s), "payment": paymentSteps(s), "settlement": settlementSteps(s),
	}
}

// Steps are all steps of a service by name, those that leave the platform too.
func Steps(service string, s Services) map[string]any {
	all := map[string]any{}
	maps.Copy(all, localSteps(s)[service])
	switch service {
	case "banking":
		maps.Copy(all, bankSteps(s))
	case "franchise":
		maps.Copy(all, webhookSteps(s))
	}
	return all
}

// orRemote gives these steps of a service, or, where another process runs it, those that
// call it. Their names stay.
func (r Remote) orRemote(service string, steps map[string]any) (map[string]any, error) {
	stepper, there := r[service]
	if !there {
		return steps, nil
	}
	calls := make(map[string]any, len(steps))
	for name, like := range steps {
		var err error
		if calls[name], err = stepper.Step(name, like); err != nil {
			return nil, err
		}
	}
	return calls, nil
}

func membershipSteps(s Services) map[string]any {
	a := &activities.Membership{Service: s.Membership}
	return map[string]any{
		contract.MembershipBeginRegistrations: a.BeginRegistrations,
		contract.MembershipMoveRegistrations:  a.MoveRegistrations,
		contract.MembershipRegister:           a.Register,
		contract.MembershipUnregister:         a.Unregister,
		contract.MembershipActivate:           a.Activate,
		contract.MembershipStandings:          a.Standings,
		contract.MembershipConfirmName:        a.ConfirmName,
	}
}

func bankingSteps(s Services) map[string]any {
	a := &activities.Banking{Service: s.Banking}
	return map[string]any{
		contract.BankingBeginLinks:      a.BeginLinks,
		contract.BankingMoveLinks:       a.MoveLinks,
		contract.BankingLink:            a.Link,
		contract.BankingAuthorize:       a.Authorize,
		contract.BankingPrepare:         a.Prepare,
		contract.BankingAbandon:         a.Abandon,
		contract.BankingOpening:         a.Opening,
		contract.BankingNotices:         a.Notices,
		contract.BankingMoveNotices:     a.MoveNotices,
		contract.BankingReturnTransfers: a.ReturnTransfers,
	}
}

// bankSteps are the steps that leave the platform. They run on each bank's own queue.
func bankSteps(s Services) map[string]any {
	a := &activities.Banking{Service: s.Banking}
	return map[string]any{
		contract.BankingVerify:  a.Verify,
		contract.BankingSubmit:  a.Submit,
		contract.BankingInquire: a.Inquire,
	}
}

func moneySteps(s Services) map[string]any {
	a := &activities.Money{Service: s.Money}
	return map[string]any{
		contract.MoneyBegin:        a.Begin,
		contract.MoneyMove:         a.Move,
		contract.MoneyPost:         a.Post,
		contract.MoneyBook:         a.Book,
		contract.MoneyOpenWallets:  a.OpenWallets,
		contract.MoneyCloseWallets: a.CloseWallets,
		contract.MoneyRaiseLimit:   a.RaiseLimit,
	}
}

func remittanceSteps(s Services) map[string]any {
	a := &activities.Remittance{Service: s.Remittance}
	return map[string]any{
		contract.RemittanceBegin:    a.Begin,
		contract.RemittanceMove:     a.Move,
		contract.RemittanceSetTopUp: a.SetTopUp,
	}
}

func franchiseSteps(s Services) map[string]any {
	a := &activities.Franchise{Service: s.Franchise}
	return map[string]any{
		contract.FranchiseBegin:              a.Begin,
		contract.FranchiseMove:               a.Move,
		contract.FranchiseTerms:              a.Terms,
		contract.FranchiseContracts:          a.Contracts,
		contract.FranchisePayouts:            a.Payouts,
		contract.FranchiseBeginPayoutChanges: a.BeginPayoutChanges,
		contract.FranchiseMovePayoutChanges:  a.MovePayoutChanges,
		contract.FranchiseBeginDeliveries:    a.BeginDeliveries,
		contract.FranchiseMoveDeliveries:     a.MoveDeliveries,
	}
}

// webhookSteps leave the platform too, on a queue of their own.
func webhookSteps(s Services) map[string]any {
	a := &activities.Franchise{Service: s.Franchise}
	return map[string]any{contract.FranchiseAttempt: a.Attempt}
}

func paymentSteps(s Services) map[string]any {
	a := &activities.Payment{Service: s.Payment}
	return map[string]any{
		contract.PaymentBegin:            a.Begin,
		contract.PaymentMove:             a.Move,
		contract.PaymentSetTopUp:         a.SetTopUp,
		contract.PaymentBeginCancels:     a.BeginCancels,
		contract.PaymentMoveCancels:      a.MoveCancels,
		contract.PaymentOpenFranchises:   a.OpenFranchises,
		contract.PaymentCut:              a.Cut,
		contract.PaymentSeal:             a.Seal,
		contract.PaymentPreview:          a.Preview,
		contract.PaymentFinishStatements: a.FinishStatements,
	}
}

func settlementSteps(s Services) map[string]any {
	a := &activities.Settlement{Service: s.Settlement, RunFingerprint: s.RunFingerprint}
	return map[string]any{
		contract.SettlementDates:          a.Dates,
		contract.SettlementScheduled:      a.Scheduled,
		contract.SettlementBeginRuns:      a.BeginRuns,
		contract.SettlementMoveRuns:       a.MoveRuns,
		contract.SettlementPlan:           a.Plan,
		contract.SettlementOpenStatements: a.OpenStatements,
		contract.SettlementDue:            a.Due,
		contract.SettlementBeginPayouts:   a.BeginPayouts,
		contract.SettlementMovePayouts:    a.MovePayouts,
		contract.SettlementPayees:         a.Payees,
	}
}
