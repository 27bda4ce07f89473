package contract

import "fmt"

// The summaries that the Web UI lists flows by. They are not encrypted: opaque ids and
// amounts only.

// RegistrationSummary tells of a registration.
func RegistrationSummary(in Registration) string { return "Registration of " + in.MemberID }

// LinkSummary tells of a link.
func LinkSummary(in Link) string {
	return fmt.Sprintf("%s links an account at bank %s", in.MembershipID, in.BankCode)
}

// FirmbankingSummary tells of a firm banking request.
func FirmbankingSummary(in Firmbanking) string {
	return fmt.Sprintf("Firm banking: %s of %d won at bank %s", in.Direction, in.Amount, in.BankCode)
}

// TopUpSummary tells of a top-up.
func TopUpSummary(in TopUp) string {
	return fmt.Sprintf("%s tops up %d won", in.MembershipID, in.Amount)
}

// WithdrawalSummary tells of a withdrawal.
func WithdrawalSummary(in Withdrawal) string {
	return fmt.Sprintf("%s withdraws %d won", in.MembershipID, in.Amount)
}

// RemittanceSummary tells of a remittance.
func RemittanceSummary(in Remittance) string {
	to := in.ReceiverID
	if to == "" {
		to = "an account at bank " + in.To.BankCode
	}
	return fmt.Sprintf("%s sends %d won to %s", in.SenderID, in.Amount, to)
}

// FranchiseSummary tells of a franchise's registration.
func FranchiseSummary(in Franchise) string { return "Registration of " + in.ID }

// PayoutChangeSummary tells of a change of a payout account.
func PayoutChangeSummary(in PayoutChange) string {
	return fmt.Sprintf("%s is to be paid out at bank %s", in.FranchiseID, in.Payout.BankCode)
}

// PaymentSummary tells of a payment.
func PaymentSummary(in Payment) string {
	return fmt.Sprintf("%s pays %d won to %s", in.MembershipID, in.Amount, in.FranchiseID)
}

// CancelSummary tells of a cancel.
func CancelSummary(in Cancel) string {
	amount := "what is left"
	if in.Amount > 0 {
		amount = fmt.Sprintf("%d won", in.Amount)
	}
	return fmt.Sprintf("%s cancels %s of %s", in.AskedBy, amount, in.PaymentID)
}

// SettlementSummary tells of a run.
func SettlementSummary(in Settlement) string {
	if in.DryRun {
		return "Dry run of " + in.BusinessDate
	}
	return "Settlement of " + in.BusinessDate
}

// PayoutSummary tells of a payout.
func PayoutSummary(in Payout) string {
	return fmt.Sprintf("%s is paid out %d won, attempt %d", in.FranchiseID, in.Net, in.Attempt)
}

// WebhookSummary tells of a delivery.
func WebhookSummary(in WebhookEvent) string {
	return fmt.Sprintf("%s is told of %s", in.FranchiseID, in.Type)
}

// BankNoticeSummary tells of a notice.
func BankNoticeSummary(in BankNotice) string { return "A bank tells by itself: " + in.ID }
