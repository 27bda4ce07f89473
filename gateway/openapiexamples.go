package gateway

import (
	"durapay/errs"
	"durapay/gateway/problem"
	"durapay/internal/record"
)

// What examples name.
const (
	exampleNumber    = "_01JZ0000000000000000000000"
	exampleRequestID = "req" + exampleNumber
)

// exampleOf is the problem of a refusal as a client gets it.
func exampleOf(r refusal) problem.Problem {
	p := problem.Of(exampleError(r.code), problem.English, exampleRequestID)
	p.Status = r.status
	if r.record != "" {
		p.ID, p.State = r.record+exampleNumber, string(record.Failed)
	}
	return p
}

// exampleError gives an error with parameters, as it would have them.
func exampleError(code *errs.Error) *errs.Error {
	if len(code.Fields) > 0 {
		return code
	}
	switch code.Code {
	case errs.InvalidRequest.Code:
		return errs.InvalidField("/amount", errs.FieldTooSmall, "min", "1")
	case errs.BodyTooLarge.Code:
		return code.With("limit", maxBody)
	case errs.LoginThrottled.Code:
		return code.With("retryAfterSeconds", 60)
	case errs.InsufficientBalance.Code:
		return code.With("available", 1000).With("needed", 5000)
	case errs.BalanceLimit.Code:
		return code.With("limit", 500_000).With("room", 20_000)
	case errs.TransferLimit.Code:
		return code.With("limit", 2_000_000)
	case errs.DailyLimit.Code:
		return code.With("limit", 5_000_000).With("left", 30_000).With("day", "2026-11-20")
	case errs.AutoTopUpFailed.Code:
		return code.With("reason", errs.BankInsufficientFunds.Code)
	case errs.BankReturned.Code:
		return code.With("reason", errs.BankAccountClosed.Code)
	default:
		return exampleBusinessError(code)
	}
}

// exampleBusinessError does so for what franchises and operators are told.
func exampleBusinessError(code *errs.Error) *errs.Error {
	switch code.Code {
	case errs.ContractInForce.Code:
		return code.With("since", "2026-11-01").With("from", "2026-11-21")
	case errs.TooManyAPIKeys.Code:
		return code.With("max", 10)
	case errs.WebhookUndelivered.Code:
		return code.With("attempts", 8)
	case errs.OrderIDTaken.Code:
		return code.With("paymentId", "pay"+exampleNumber)
	case errs.PaymentNotCancellable.Code:
		return code.With("state", "CANCELLED")
	case errs.PaymentNotFinishable.Code:
		return code.With("reason", "no statement")
	case errs.CancelExceeded.Code:
		return code.With("remaining", 10_000)
	case errs.BusinessDateRefused.Code:
		return code.With("from", "2025-11-20").With("until", "2026-12-21")
	case errs.PayoutNotRetryable.Code:
		return code.With("state", "PAID")
	default:
		return code
	}
}

// bodyExamples are of answers that have no members to give examples of, by their operations.
var bodyExamples = map[string]string{
	"downloadStatement": "type,id,paymentId,orderId,amount,feeBasisPoints,fee,vat,approvedAt\n" +
		"PAYMENT,pay" + exampleNumber + ",pay" + exampleNumber + ",order-20261120-1,15000,300,450,45,2026-11-20T03:00:00Z\n" +
		"TOTAL,payments,,,15000,,,,\nTOTAL,cancels,,,0,,,,\nTOTAL,fee,,,450,,,,\nTOTAL,vat,,,45,,,,\nTOTAL,carriedOver,,,0,,,,\nTOTAL,net,,,14505,,,,\n",
}

// payloadIn is the schema with a webhook's message, whose data is of the event's own form.
const payloadIn = "WebhookDelivery"

func payloadExample() map[string]any {
	return map[string]any{"type": "payment.approved", "timestamp": "2026-11-20T00:30:01Z", "data": map[string]any{
		"paymentId": "pay" + exampleNumber, "orderId": "order-20261122-0001", "amount": 12000, "currency": krw, "feeBasisPoints": 176}}
}
