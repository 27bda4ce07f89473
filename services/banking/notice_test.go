package banking

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
)

var ownAccount = CorporateAccount{BankCode: "088", Number: "1100000000001"}

func wellFormedNotice() Notice {
	return Notice{
		BankNoticeID: "ntc-1_A", Type: NoticeReturned, Reference: "withdrawal/1/credit", BankTransactionID: "B1", Amount: 1000,
		Reason: errs.BankAccountClosed.Code, Account: BankAccountRef{BankCode: "088", Number: "110-0000-000001"},
		Counterparty: BankAccountRef{BankCode: "004", Number: "1234567890"}, Memo: "메모",
		At: time.Date(2026, 3, 1, 9, 0, 0, 1234567, seoul),
	}
}

func TestNoticesAreChecked(t *testing.T) {
	good := wellFormedNotice().normal()
	require.NoError(t, good.check(ownAccount))
	require.Equal(t, id.Derive(id.BankNotice, "ntc-1_A"), good.ID)
	require.Equal(t, time.Date(2026, 3, 1, 0, 0, 0, 1234000, time.UTC), good.At)

	deposit := good
	deposit.Type, deposit.Reason, deposit.Counterparty, deposit.BankTransactionID, deposit.Memo = NoticeDeposit, "", BankAccountRef{}, "", ""
	require.NoError(t, deposit.check(ownAccount))

	for name, c := range map[string]struct {
		change  func(*Notice)
		pointer string
		code    *errs.Error
	}{
		"no id":               {func(n *Notice) { n.BankNoticeID = "" }, "/id", errs.FieldRequired},
		"long id":             {func(n *Notice) { n.BankNoticeID = strings.Repeat("a", 65) }, "/id", errs.FieldFormat},
		"odd id":              {func(n *Notice) { n.BankNoticeID = "a.b" }, "/id", errs.FieldFormat},
		"no type":             {func(n *Notice) { n.Type = "" }, "/type", errs.FieldNotOneOf},
		"no reference":        {func(n *Notice) { n.Reference = "" }, "/reference", errs.FieldRequired},
		"long reference":      {func(n *Notice) { n.Reference = strings.Repeat("a", 129) }, "/reference", errs.FieldFormat},
		"odd reference":       {func(n *Notice) { n.Reference = "김" }, "/reference", errs.FieldFormat},
		"odd transaction":     {func(n *Notice) { n.BankTransactionID = "a b" }, "/bankTransactionId", errs.FieldFormat},
		"return, no reason":   {func(n *Notice) { n.Reason = "" }, "/reason", errs.FieldRequired},
		"unknown reason":      {func(n *Notice) { n.Reason = "CLOSED" }, "/reason", errs.FieldNotOneOf},
		"deposit with reason": {func(n *Notice) { n.Type = NoticeDeposit }, "/reason", errs.FieldForbidden},
		"broken memo":         {func(n *Notice) { n.Memo = "\xff" }, "/memo", errs.FieldFormat},
		"long memo":           {func(n *Notice) { n.Memo = strings.Repeat("메", 101) }, "/memo", errs.FieldTooLong},
		"zero":                {func(n *Notice) { n.Amount = 0 }, "/amount", errs.FieldTooSmall},
		"negative":            {func(n *Notice) { n.Amount = -1 }, "/amount", errs.FieldTooSmall},
		"over the top":        {func(n *Notice) { n.Amount = MaxAmount + 1 }, "/amount", errs.FieldTooLarge},
		"no time":             {func(n *Notice) { n.At = time.Time{} }, "/at", errs.FieldFormat},
		"another account":     {func(n *Notice) { n.Account.Number = "1100000000002" }, "/account", errs.FieldMustBe},
		"another bank":        {func(n *Notice) { n.Account.BankCode = "004" }, "/account", errs.FieldMustBe},
		"half a counterparty": {func(n *Notice) { n.Counterparty.BankCode = "" }, "/counterparty/bankCode", errs.FieldFormat},
		"odd counterparty":    {func(n *Notice) { n.Counterparty.Number = "12x" }, "/counterparty/accountNumber", errs.FieldFormat},
	} {
		n := good
		c.change(&n)
		fields := errs.Of(n.check(ownAccount)).Fields
		require.Len(t, fields, 1, name)
		require.Equal(t, c.pointer, fields[0].Pointer, name)
		require.Equal(t, c.code.Code, fields[0].Code, name)
	}
}

func TestWhatMakesTwoNoticesTheSame(t *testing.T) {
	told := wellFormedNotice().normal()
	stored := told
	stored.State, stored.FirmbankingID, stored.CreatedAt = record.Succeeded, "fbk", told.At
	require.True(t, stored.sameAs(told))
	for name, change := range map[string]func(*Notice){
		"type":         func(n *Notice) { n.Type = NoticeDeposit },
		"reference":    func(n *Notice) { n.Reference = "x" },
		"transaction":  func(n *Notice) { n.BankTransactionID = "x" },
		"amount":       func(n *Notice) { n.Amount++ },
		"reason":       func(n *Notice) { n.Reason = "x" },
		"account":      func(n *Notice) { n.Account.Number = "x" },
		"counterparty": func(n *Notice) { n.Counterparty.BankCode = "x" },
		"memo":         func(n *Notice) { n.Memo = "x" },
		"time":         func(n *Notice) { n.At = n.At.Add(time.Microsecond) },
	} {
		other := told
		change(&other)
		require.False(t, stored.sameAs(other), name)
	}
}

func TestWhichTransferCanComeBack(t *testing.T) {
	n := wellFormedNotice().normal()
	for state, want := range map[FirmbankingState]returnVerdict{
		StateRequested: unmatched, StateSent: tooEarly, StateUnknown: tooEarly,
		StateSettled: returnable, StateReturned: returnable, StateRejected: unmatched,
	} {
		row := FirmbankingRow{Direction: Credit, Amount: n.Amount, State: state}
		require.Equal(t, want, judgeReturn(n, row, true), state)
		require.Equal(t, unmatched, judgeReturn(n, row, false), state)
		row.Amount++
		require.Equal(t, unmatched, judgeReturn(n, row, true), state)
		row.Amount, row.Direction = n.Amount, Debit
		require.Equal(t, unmatched, judgeReturn(n, row, true), state)
		deposit := n
		deposit.Type = NoticeDeposit
		row.Direction = Credit
		require.Equal(t, unmatched, judgeReturn(deposit, row, true), state)
	}
}
