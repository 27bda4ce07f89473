package banking

import (
	"context"
	"errors"
	"time"

	"durapay/errs"
	"durapay/internal/page"
)

// Prepare writes transfers down as REQUESTED before any bank is called. It is
// idempotent by id and by reference: a repeat gets the stored row, in whatever state
// it is. A transfer without a Number is to or from the linked account BankAccountID; a
// debit of one that is no longer linked has lost its consent and is stored as REJECTED
// (errs.BankAccountUnlinked), whereas money may still go back to it. The rows come back
// without number and name.
// Round trips: one, plus one when linked accounts are to be looked up.
// Errors: errs.InvalidRequest; errs.BankAccountNotFound for an unknown or foreign
// linked account; errs.IdempotencyReused when id or reference are stored for another
// transfer.
func (s *Service) Prepare(ctx context.Context, orders []Firmbanking) ([]Firmbanking, error) {
	for _, f := range orders {
		if err := f.check(); err != nil {
			return nil, err
		}
	}
	rows, err := s.rowsOf(ctx, orders)
	if err != nil {
		return nil, err
	}
	stored, err := s.store.BeginFirmbankings(ctx, rows)
	if errors.Is(err, ErrTaken) {
		return nil, errs.IdempotencyReused.Because(err)
	}
	if err != nil {
		return nil, err
	}
	outs := make([]Firmbanking, len(stored))
	for i, row := range stored {
		if !row.sameAs(rows[i]) {
			return nil, errs.IdempotencyReused.With("reference", row.Reference)
		}
		outs[i] = row.closed()
	}
	return outs, nil
}

// rowsOf makes the rows to store, with the linked accounts' numbers where orders ask for them.
func (s *Service) rowsOf(ctx context.Context, orders []Firmbanking) ([]FirmbankingRow, error) {
	linked, err := s.linkedOf(ctx, orders)
	if err != nil {
		return nil, err
	}
	now := s.now()
	rows := make([]FirmbankingRow, len(orders))
	for i, f := range orders {
		if f.usesLinked() {
			rows[i], err = s.rowOfLinked(f, linked, now)
		} else {
			rows[i], err = s.sealer.newFirmbanking(f, f.ref().Normal(), now)
		}
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (s *Service) linkedOf(ctx context.Context, orders []Firmbanking) (map[string]AccountRow, error) {
	var ids []string
	for _, f := range orders {
		if f.usesLinked() {
			ids = append(ids, f.BankAccountID)
		}
	}
	return s.accountsByID(ctx, ids)
}

func (s *Service) rowOfLinked(f Firmbanking, linked map[string]AccountRow, at time.Time) (FirmbankingRow, error) {
	stored, found := linked[f.BankAccountID]
	if !found || f.MembershipID != "" && f.MembershipID != stored.MembershipID {
		return FirmbankingRow{}, errs.BankAccountNotFound
	}
	account, err := s.sealer.openAccount(stored)
	if err != nil {
		return FirmbankingRow{}, err
	}
	ref := BankAccountRef{BankCode: account.BankCode, Number: account.Number, HolderName: account.HolderName}
	row, err := s.sealer.newFirmbanking(f, ref, at)
	if err == nil && f.Direction == Debit && account.State != Linked {
		return row.rejected(errs.BankAccountUnlinked), nil
	}
	return row, err
}

// Submit hands a prepared transfer to the bank, at most once whoever calls how often:
// the one caller that turns REQUESTED into SENT does it. Everybody else gets the stored
// answer, which is UNKNOWN until the outcome is known. No answer, or one that makes no
// sense, is UNKNOWN.
// Errors: errs.FirmbankingNotFound; infrastructure trouble before the bank was called.
// After an error the bank has not been called by this call.
func (s *Service) Submit(ctx context.Context, id string) (Answer, error) {
	row, err := s.find(ctx, id)
	if err != nil || row.State != StateRequested {
		return row.answer(), err
	}
	if gone, err := s.consentGone(ctx, row); err != nil || gone {
		return Answer{Kind: Rejected, Reason: errs.BankAccountUnlinked.Code}, err
	}
	f, err := s.sealer.openFirmbanking(row) // before the claim: a row that cannot be opened is not to be lost as SENT
	if err != nil {
		return Answer{}, err
	}
	sentAt := s.now()
	f.ValidUntil = sentAt.Add(s.o.TransferValidity)
	won, err := s.store.MoveFirmbanking(ctx, id, FirmbankingMove{
		From: sourcesOf(StateSent), To: StateSent, SentAt: &sentAt, ValidUntil: &f.ValidUntil, At: sentAt,
	})
	if err != nil {
		return Answer{}, err
	}
	if !won { // another call did, or an inquiry has given it up
		row, err = s.find(ctx, id)
		return row.answer(), err
	}
	return s.send(ctx, f), nil
}

// consentGone tells whether the holder has revoked the consent to a debit since it was
// prepared; the transfer is then closed. A transfer may wait for its bank for hours.
func (s *Service) consentGone(ctx context.Context, row FirmbankingRow) (bool, error) {
	if row.Direction != Debit || row.BankAccountID == "" {
		return false, nil
	}
	accounts, err := s.accountsByID(ctx, []string{row.BankAccountID})
	if err != nil || accounts[row.BankAccountID].State == Linked {
		return false, err
	}
	return s.store.MoveFirmbanking(ctx, row.ID, FirmbankingMove{
		From: []FirmbankingState{StateRequested}, To: StateRejected, Reason: errs.BankAccountUnlinked.Code, At: s.now(),
	})
}

// send calls the bank and keeps its answer.
func (s *Service) send(ctx context.Context, f Firmbanking) Answer {
	answer, err := s.bank.Transfer(ctx, s.transferOf(f))
	if err != nil {
		s.o.Log.WarnContext(ctx, "transfer without an answer", "firmbanking", f.ID, "bank", f.BankCode, "error", err)
		answer = Answer{Kind: Unknown}
	}
	kept, err := s.keep(ctx, f.ID, answer)
	if err != nil { // the bank has it all the same: an inquiry will tell
		s.o.Log.ErrorContext(ctx, "bank's answer not stored", "firmbanking", f.ID, "error", err)
		return Answer{Kind: Unknown}
	}
	return kept
}

// transferOf gives the order as it goes to the bank.
func (s *Service) transferOf(f Firmbanking) Transfer {
	corporate := BankAccountRef{BankCode: s.o.Corporate.BankCode, Number: s.o.Corporate.Number}
	t := Transfer{Reference: f.Reference, Amount: f.Amount, ValidUntil: f.ValidUntil}
	if f.Direction == Debit {
		t.From, t.To = f.ref(), corporate
	} else {
		t.From, t.To = corporate, f.ref()
	}
	return t
}

// keepTimeout bounds the storing of an answer, which goes on when the caller has left:
// nobody else has heard it.
const keepTimeout = 10 * time.Second

// keep stores what the bank said and gives what is stored then: an answer does not
// change a row whose outcome is known.
func (s *Service) keep(ctx context.Context, id string, a Answer) (Answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	move := s.moveFor(a)
	moved, err := s.store.MoveFirmbanking(ctx, id, move)
	if err != nil {
		return Answer{}, err
	}
	if moved {
		return answerOf(move.To, move.Reason, move.BankTransactionID), nil
	}
	row, err := s.find(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	if stored := row.answer(); contradict(stored, a) {
		s.o.Log.ErrorContext(ctx, "bank's answer contradicts the stored one", "firmbanking", id, "stored", stored.Kind, "answer", a.Kind)
	}
	return row.answer(), nil
}

// moveFor gives the change of state that an answer asks for. Anything but a clear yes
// or a clear no is unknown.
func (s *Service) moveFor(a Answer) FirmbankingMove {
	m := FirmbankingMove{To: StateUnknown, At: s.now()}
	switch a.Kind {
	case Accepted:
		m.To, m.BankTransactionID = StateSettled, a.BankTransactionID
	case Rejected:
		m.To, m.Reason = StateRejected, a.Reason
		if m.Reason == "" {
			m.Reason = errs.BankDeclined.Code
		}
	}
	m.From = sourcesOf(m.To)
	if m.To == StateRejected { // what a bank rejects, a bank has got: a row that was never sent is not its business
		m.From = []FirmbankingState{StateSent, StateUnknown}
	}
	return m
}

// contradict tells whether two answers cannot both be true.
func contradict(a, b Answer) bool {
	return a.Kind != Unknown && b.Kind != Unknown && a.Kind != b.Kind
}

// inquireAttempts bounds Inquire: a row that is read as REQUESTED and then cannot be
// given up has been sent in between, and is read once more.
const inquireAttempts = 2

// Inquire finds out what became of a transfer. One that was never sent is given up
// (REJECTED, errs.BankNotExecuted), and cannot be sent any more. One the bank does not
// have is given up only when it can no longer arrive there; until then, and when the
// bank gives no answer, it is UNKNOWN.
// Errors: errs.FirmbankingNotFound; infrastructure trouble, worth a retry.
func (s *Service) Inquire(ctx context.Context, id string) (Answer, error) {
	for range inquireAttempts {
		row, err := s.find(ctx, id)
		if err != nil || row.State.Final() {
			return row.answer(), err
		}
		if row.State != StateRequested {
			return s.ask(ctx, row)
		}
		gone, err := s.giveUp(ctx, id)
		if err != nil {
			return Answer{}, err
		}
		if gone {
			return notExecuted(), nil
		}
	}
	return Answer{Kind: Unknown}, nil
}

func notExecuted() Answer { return Answer{Kind: Rejected, Reason: errs.BankNotExecuted.Code} }

// giveUp ends a transfer that was never sent; false when it was after all.
func (s *Service) giveUp(ctx context.Context, id string) (bool, error) {
	return s.store.MoveFirmbanking(ctx, id, FirmbankingMove{
		From: []FirmbankingState{StateRequested}, To: StateRejected, Reason: errs.BankNotExecuted.Code, At: s.now(),
	})
}

// ask inquires at the bank for a transfer that was sent.
func (s *Service) ask(ctx context.Context, row FirmbankingRow) (Answer, error) {
	asked := s.now() // before the question: the transfer may arrive after the bank has looked for it
	inquiry, err := s.bank.Inquire(ctx, row.Reference)
	if err != nil {
		s.o.Log.WarnContext(ctx, "inquiry without an answer", "firmbanking", row.ID, "bank", row.BankCode, "error", err)
		return s.keep(ctx, row.ID, Answer{Kind: Unknown})
	}
	return s.keep(ctx, row.ID, s.conclude(row, inquiry, asked))
}

// conclude turns the bank's word into an answer.
func (s *Service) conclude(row FirmbankingRow, inquiry Inquiry, asked time.Time) Answer {
	switch {
	case !inquiry.NotFound:
		return inquiry.Answer
	case row.ValidUntil != nil && s.expired(*row.ValidUntil, inquiry.At, asked):
		return notExecuted()
	default:
		return Answer{Kind: Unknown}
	}
}

// expired tells whether a bank that has not got a transfer would refuse it from now on.
// The bank refuses by its own clock, so its own time decides; where it tells none, ours
// does, with a margin for how far the two may be apart.
func (s *Service) expired(validUntil, banksTime, asked time.Time) bool {
	if !banksTime.IsZero() {
		return banksTime.After(validUntil)
	}
	return asked.After(validUntil.Add(s.o.ClockMargin))
}

// FindFirmbanking gives a transfer with number and name. Errors: errs.FirmbankingNotFound.
func (s *Service) FindFirmbanking(ctx context.Context, id string) (Firmbanking, error) {
	row, err := s.find(ctx, id)
	if err != nil {
		return Firmbanking{}, err
	}
	return s.sealer.openFirmbanking(row)
}

func (s *Service) find(ctx context.Context, id string) (FirmbankingRow, error) {
	row, err := s.store.FindFirmbanking(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return FirmbankingRow{}, errs.FirmbankingNotFound
	}
	return row, err
}

// ListFirmbankings gives the transfers a filter lets through, newest first, with number
// and name. Errors: errs.InvalidRequest for a filter that makes no sense.
func (s *Service) ListFirmbankings(ctx context.Context, f Filter, r page.Request) (page.Page[Firmbanking], error) {
	selection, err := f.selection()
	if err != nil {
		return page.Page[Firmbanking]{}, err
	}
	rows, err := s.store.ListFirmbankings(ctx, selection, r)
	if err != nil {
		return page.Page[Firmbanking]{}, err
	}
	items := make([]Firmbanking, len(rows))
	for i, row := range rows {
		if items[i], err = s.sealer.openFirmbanking(row); err != nil {
			return page.Page[Firmbanking]{}, err
		}
	}
	return page.Of(items, r.Limit, func(f Firmbanking) page.Cursor { return page.Cursor{At: f.CreatedAt, ID: f.ID} }), nil
}
