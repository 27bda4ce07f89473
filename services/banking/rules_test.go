package banking

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"durapay/errs"
	"durapay/internal/id"
)

func TestEveryEmbeddedBankIsWellFormed(t *testing.T) {
	all, err := Institutions()
	require.NoError(t, err)
	require.Len(t, all, 21)
	for _, b := range all {
		found, known := FindInstitution(b.Code)
		require.True(t, known)
		require.Equal(t, b, found)
		require.NotEmpty(t, b.Korean)
		require.NotEmpty(t, b.English)
	}
	_, known := FindInstitution("999")
	require.False(t, known)
}

func TestParseInstitutionsRefusesBadTables(t *testing.T) {
	const head = "code,ko,en,rate\n"
	for _, bad := range []string{"", head, head + "04,a,b,1\n", head + "004,a,b,0\n", head + "004,a,b,NaN\n", head + "004,a,b\n", head + "004,a,b,1\n004,c,d,1\n"} {
		_, err := ParseInstitutions(strings.NewReader(bad))
		require.Error(t, err, "%q", bad)
	}
}

func TestNewAccountCheck(t *testing.T) {
	good := NewAccount{BankCode: "004", Number: "123-456-7890", HolderName: "김영희", DebitConsent: true}
	require.NoError(t, good.Check())
	for name, c := range map[string]struct {
		change  func(*NewAccount)
		pointer string
		code    *errs.Error
	}{
		"no bank":        {func(n *NewAccount) { n.BankCode = "" }, "/bankCode", errs.FieldRequired},
		"unknown bank":   {func(n *NewAccount) { n.BankCode = "999" }, "/bankCode", errs.FieldNotOneOf},
		"no number":      {func(n *NewAccount) { n.Number = " - " }, "/accountNumber", errs.FieldRequired},
		"9 digits":       {func(n *NewAccount) { n.Number = "123-456-789" }, "/accountNumber", errs.FieldFormat},
		"17 digits":      {func(n *NewAccount) { n.Number = "12345678901234567" }, "/accountNumber", errs.FieldFormat},
		"letters":        {func(n *NewAccount) { n.Number = "12345678ab" }, "/accountNumber", errs.FieldFormat},
		"other digits":   {func(n *NewAccount) { n.Number = "１２３４５６７８９０" }, "/accountNumber", errs.FieldFormat},
		"no name":        {func(n *NewAccount) { n.HolderName = "  " }, "/holderName", errs.FieldRequired},
		"long name":      {func(n *NewAccount) { n.HolderName = strings.Repeat("김", 51) }, "/holderName", errs.FieldTooLong},
		"control":        {func(n *NewAccount) { n.HolderName = "a\x00b" }, "/holderName", errs.FieldFormat},
		"broken unicode": {func(n *NewAccount) { n.HolderName = "a\xff" }, "/holderName", errs.FieldFormat},
		"no consent":     {func(n *NewAccount) { n.DebitConsent = false }, "/debitConsent", errs.FieldMustBe},
	} {
		t.Run(name, func(t *testing.T) {
			n := good
			c.change(&n)
			fields := errs.Of(n.Check()).Fields
			require.Len(t, fields, 1)
			require.Equal(t, c.pointer, fields[0].Pointer)
			require.Equal(t, c.code.Code, fields[0].Code)
		})
	}
	require.Len(t, errs.Of(NewAccount{}.Check()).Fields, 4)
}

func TestMaskShowsFourDigitsOfAnyNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[0-9]{10,16}`).Draw(t, "number")
		masked := Account{Number: number}.MaskedNumber()
		require.Len(t, masked, len(number))
		require.True(t, strings.HasSuffix(number, masked[len(masked)-4:]))
		require.Equal(t, strings.Repeat("*", len(number)-4), masked[:len(masked)-4])
	})
	require.Empty(t, Firmbanking{}.MaskedNumber())
}

func TestHyphensDoNotMakeAnotherAccount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[0-9]{10,16}`).Draw(t, "number")
		at := rapid.IntRange(1, len(number)-1).Draw(t, "at")
		plain := BankAccountRef{BankCode: "004", Number: number, HolderName: "a"}
		hyphened := BankAccountRef{BankCode: "004", Number: number[:at] + "-" + number[at:], HolderName: " a "}
		require.Equal(t, plain, hyphened.Normal())
		require.Equal(t, plain, plain.Normal())
	})
}

func TestMovesBetweenStates(t *testing.T) {
	allowed := map[FirmbankingState][]FirmbankingState{
		StateRequested: {StateSent, StateRejected},
		StateSent:      {StateUnknown, StateSettled, StateRejected},
		StateUnknown:   {StateSettled, StateRejected},
		StateSettled:   {StateReturned},
	}
	for _, from := range firmbankingStates {
		for _, to := range firmbankingStates {
			require.Equal(t, contains(allowed[from], to), from.CanBecome(to), "%s to %s", from, to)
		}
		require.True(t, from.Valid())
	}
	require.False(t, FirmbankingState("LOST").Valid())
	require.Equal(t, []FirmbankingState{StateRequested}, sourcesOf(StateSent), "a transfer is sent from REQUESTED only, so once")
}

func contains(states []FirmbankingState, s FirmbankingState) bool {
	for _, other := range states {
		if s == other {
			return true
		}
	}
	return false
}

func TestAnyWayThroughTheStatesSendsOnceAndKeepsItsOutcome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state, sent, outcome := StateRequested, 0, Unknown
		for _, next := range rapid.SliceOf(rapid.SampledFrom(firmbankingStates)).Draw(t, "tries") {
			if !state.CanBecome(next) {
				continue
			}
			state = next
			if state == StateSent {
				sent++
			}
			now := answerOf(state, "bank_declined", "").Kind
			require.False(t, outcome != Unknown && now != outcome, "%s became %s", outcome, now)
			outcome = now
		}
		require.LessOrEqual(t, sent, 1)
		require.Equal(t, state.Final(), outcome != Unknown)
	})
}

func TestReferences(t *testing.T) {
	for _, good := range []string{"a", "payment/pay_01ABC/debit", "topup/top_1:refund-2.b"} {
		require.True(t, validReference(good), good)
	}
	for _, bad := range []string{"", "/", "a//b", "/a", "a/", "../a", "a/./b", "a b", "a?b", "a%2f", "김", "a#", strings.Repeat("a", 129)} {
		require.False(t, validReference(bad), bad)
	}
}

func TestOrdersAreChecked(t *testing.T) {
	good := Firmbanking{ID: id.New(id.Firmbanking), Reference: "r", Direction: Debit, BankCode: "004", Number: "1234567890", HolderName: "a", Amount: 1}
	require.NoError(t, good.check())
	linked := good
	linked.BankAccountID, linked.Number, linked.HolderName, linked.BankCode = "acc", "", "", ""
	require.NoError(t, linked.check())
	for name, change := range map[string]func(*Firmbanking){
		"id":           func(f *Firmbanking) { f.ID = "fbk" },
		"reference":    func(f *Firmbanking) { f.Reference = "" },
		"flow":         func(f *Firmbanking) { f.FlowID = strings.Repeat("a", 129) },
		"direction":    func(f *Firmbanking) { f.Direction = "" },
		"zero":         func(f *Firmbanking) { f.Amount = 0 },
		"negative":     func(f *Firmbanking) { f.Amount = -1 },
		"over the top": func(f *Firmbanking) { f.Amount = MaxAmount + 1 },
		"number":       func(f *Firmbanking) { f.Number = "" },
	} {
		f := good
		change(&f)
		require.ErrorIs(t, f.check(), errs.InvalidRequest, name)
	}
}

func TestADateIsADayInSeoul(t *testing.T) {
	s, err := Filter{Date: "2026-03-01"}.selection()
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 2, 28, 15, 0, 0, 0, time.UTC), s.From)
	require.Equal(t, 24*time.Hour, s.Until.Sub(s.From))
	for _, bad := range []Filter{{Date: "2026-02-30"}, {Date: "0000-01-01"}, {State: "LOST"}} {
		_, err := bad.selection()
		require.ErrorIs(t, err, errs.InvalidRequest)
	}
}

func TestLogsHoldNoPersonalData(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	const number, name = "1234567890", "Hong"
	ref := BankAccountRef{BankCode: "004", Number: number, HolderName: name}
	for _, v := range []any{
		Account{Number: number, HolderName: name}, NewAccount{Number: number, HolderName: name}, ref,
		Firmbanking{Number: number, HolderName: name}, Transfer{From: ref, To: ref},
		Notice{Account: ref, Counterparty: ref, Memo: name},
	} {
		logger.Info("x", "v", v)
	}
	require.NotContains(t, log.String(), number, fmt.Sprint(log.Len()))
	require.NotContains(t, log.String(), name)
}
