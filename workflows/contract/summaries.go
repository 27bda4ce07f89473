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
	return fmt.Sprintf("%s sends %d won to %s", in.SenderID, in.Amount, in.ReceiverID)
}
