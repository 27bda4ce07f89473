package banking

import (
	"context"

	"durapay/errs"
	"durapay/internal/record"
)

// Returned is what came of a notice that a transfer was sent back: the transfer it was,
// or why there is none. Amount is in won.
type Returned struct {
	FirmbankingID string
	FlowID        string
	MembershipID  string
	BankAccountID string
	Direction     Direction
	Amount        int64
	Reason        errs.Code // why the receiving bank sent it back, one of the bank_ codes
	Failure       record.Failure
}

// ReturnTransfers turns the transfers that these notices are about from SETTLED to
// RETURNED. It is idempotent, and a transfer comes back by one notice only. Failures:
// errs.BankNoticeNotFound for an unknown notice; errs.FirmbankingNotFound when there is
// no transfer of that reference and amount from the corporate account that the bank has
// accepted; errs.BankReturned when it came back by another notice.
// Errors: errs.Busy while the outcome of one of the transfers is not known here yet (the
// others are done), worth a retry; infrastructure trouble.
func (s *Service) ReturnTransfers(ctx context.Context, noticeIDs []string) ([]Returned, error) {
	notices, err := s.noticesByID(ctx, noticeIDs)
	if err != nil {
		return nil, err
	}
	transfers, err := s.transfersOf(ctx, notices)
	if err != nil {
		return nil, err
	}
	var early error
	outs := make([]Returned, len(noticeIDs))
	for i, id := range noticeIDs {
		n, known := notices[id]
		if !known {
			outs[i].Failure = record.FailureOf(errs.BankNoticeNotFound)
			continue
		}
		row, found := transfers[n.Reference]
		switch verdict := judgeReturn(n, row, found); verdict {
		case returnable:
			outs[i], err = s.returnOne(ctx, n, row)
		case tooEarly:
			early = errs.Busy.With("firmbanking", row.ID)
		default:
			s.o.Log.ErrorContext(ctx, "a bank returns what it cannot have", "notice", n.ID, "firmbanking", row.ID, "state", row.State)
			outs[i].Failure = record.FailureOf(errs.FirmbankingNotFound)
		}
		if err != nil {
			return nil, err
		}
	}
	if early != nil {
		return nil, early
	}
	return outs, nil
}

// transfersOf gives the transfers the notices name, by reference.
func (s *Service) transfersOf(ctx context.Context, notices map[string]Notice) (map[string]FirmbankingRow, error) {
	var references []string
	for _, n := range notices {
		references = append(references, n.Reference)
	}
	rows, err := s.store.FirmbankingsByReference(ctx, references)
	if err != nil {
		return nil, err
	}
	byReference := make(map[string]FirmbankingRow, len(rows))
	for _, r := range rows {
		byReference[r.Reference] = r
	}
	return byReference, nil
}

// returnVerdict is what is to be done about a notice of a return.
type returnVerdict int

const (
	returnable returnVerdict = iota + 1
	tooEarly                 // the transfer's own flow has not learnt yet that it was accepted
	unmatched
)

// judgeReturn decides whether a notice can be about this transfer. found is false when
// there is none of that reference.
func judgeReturn(n Notice, row FirmbankingRow, found bool) returnVerdict {
	if !found || n.Type != NoticeReturned || row.Direction != Credit || row.Amount != n.Amount {
		return unmatched
	}
	switch row.State {
	case StateSettled, StateReturned:
		return returnable
	case StateSent, StateUnknown:
		return tooEarly
	default:
		return unmatched
	}
}

// returnOne makes the transfer this notice's, and RETURNED. A crash in between is
// harmless: a repeat claims the same again.
func (s *Service) returnOne(ctx context.Context, n Notice, row FirmbankingRow) (Returned, error) {
	claimed, err := s.store.ClaimReturn(ctx, n.ID, row.ID, s.now())
	if err != nil {
		return Returned{}, err
	}
	if !claimed {
		return Returned{Failure: record.FailureOf(errs.BankReturned.With("reason", n.Reason))}, nil
	}
	_, err = s.store.MoveFirmbanking(ctx, row.ID, FirmbankingMove{
		From: sourcesOf(StateReturned), To: StateReturned, Reason: n.Reason, BankTransactionID: row.BankTransactionID, At: s.now(),
	})
	if err != nil { // no move at all means that this notice has moved it before
		return Returned{}, err
	}
	return Returned{
		FirmbankingID: row.ID, FlowID: row.FlowID, MembershipID: row.MembershipID, BankAccountID: row.BankAccountID,
		Direction: row.Direction, Amount: row.Amount, Reason: n.Reason,
	}, nil
}
