package franchise

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
)

// EventType is what a franchise is told of.
type EventType string

// The events.
const (
	PaymentApproved  EventType = "payment.approved"
	PaymentCancelled EventType = "payment.cancelled"
	SettlementPaid   EventType = "settlement.paid"
)

var eventTypes = []EventType{PaymentApproved, PaymentCancelled, SettlementPaid}

// MaxLoggedAttempts is how many attempts of a delivery are kept, the latest ones.
const MaxLoggedAttempts = 50

// maxPayloadLen bounds a message, in bytes; the events' own data is far smaller.
const maxPayloadLen = 60_000

// NewEvent is something to tell a franchise of.
type NewEvent struct {
	EventID     string // derived from what happened: the same event is told once
	FranchiseID string
	Type        EventType
	Data        json.RawMessage // ids and amounts, no personal data: it is stored and sent as it is
	At          time.Time
}

// Delivery is the telling of one event. The zero Delivery is that of an event nobody
// wants to be told of.
type Delivery struct {
	ID          string // names the message to the receiver too
	EventID     string
	FranchiseID string
	Type        EventType
	Payload     json.RawMessage
	State       record.State
	Failure     record.Failure
	Until       time.Time // for WAITING; zero otherwise
	Attempts    int       // made so far
	DeliveredAt time.Time // zero before
	Log         []Attempt // by number, ascending; only FindDelivery fills it
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// AttemptCode is why an attempt did not deliver.
type AttemptCode string

// The codes. The empty one is a delivery.
const (
	CodeStatus      AttemptCode = "status"          // the answer was another than 2xx
	CodeGone        AttemptCode = "gone"            // 410: the franchise's webhook was removed
	CodeTimeout     AttemptCode = "timeout"         // no answer in time
	CodeUnreachable AttemptCode = "unreachable"     // no connection, or it broke
	CodeTLS         AttemptCode = "tls"             // the certificate, or the handshake
	CodeAddress     AttemptCode = "address_refused" // the host's address is not a public one
	CodeNotSet      AttemptCode = "webhook_not_set" // nothing was sent
	CodeClosed      AttemptCode = "closed"          // nothing was sent: the delivery has failed or was cancelled
)

// Attempt is one try to deliver.
type Attempt struct {
	Number     int         `db:"number"`
	At         time.Time   `db:"attempted_at"`
	Status     int         `db:"status"` // HTTP status; 0 without an answer
	Code       AttemptCode `db:"code"`
	DurationMS int64       `db:"duration_ms"`
}

// AttemptOutcome tells what came of an attempt. Done means that no further one makes
// sense: because it is Delivered, or because nobody takes it any more.
type AttemptOutcome struct {
	Busy      bool // nothing was sent: as many as may be are on their way to this franchise
	Done      bool
	Delivered bool
	Status    int // HTTP status; 0 without an answer
	Code      AttemptCode
}

// Message is a signed message, as it goes to a franchise's server by Standard Webhooks.
type Message struct {
	URL       string
	ID        string    // header webhook-id
	At        time.Time // header webhook-timestamp, in whole seconds
	Signature string    // header webhook-signature
	Body      []byte
}

// Answer is what came back: a status, or why there is none.
type Answer struct {
	Status int
	Code   AttemptCode
}

var errNoSender = errors.New("franchise: this process was made without a sender of webhooks")

// Sender posts messages.
type Sender interface {
	Send(ctx context.Context, m Message) Answer
}

// BeginDeliveries stores the telling of events as REQUESTED, or gives back the stored
// ones of those that came before. The outcome is the zero Delivery when the franchise
// has no webhook. Concurrent calls share their statements; all new: two round trips.
// Errors: errs.InvalidRequest; infrastructure trouble.
func (s *Service) BeginDeliveries(ctx context.Context, events []NewEvent) ([]Delivery, error) {
	now := s.now()
	rows := make([]DeliveryRow, len(events))
	for i, e := range events {
		var bad *errs.Error
		if rows[i], bad = e.row(now); bad != nil { // before the statement is shared: it would fail for everyone
			return nil, bad
		}
	}
	stored, err := s.deliveries.Do(ctx, rows)
	if err != nil {
		return nil, err
	}
	return deliveriesOf(stored), nil
}

func deliveriesOf(rows []DeliveryRow) []Delivery {
	all := make([]Delivery, len(rows))
	for i, r := range rows {
		all[i] = r.delivery()
	}
	return all
}

func (e NewEvent) row(at time.Time) (DeliveryRow, *errs.Error) {
	switch {
	case !id.Valid(id.Event, e.EventID):
		return DeliveryRow{}, errs.InvalidField("/eventId", errs.FieldFormat)
	case !id.Valid(id.Franchise, e.FranchiseID):
		return DeliveryRow{}, errs.InvalidField("/franchiseId", errs.FieldFormat)
	case !slices.Contains(eventTypes, e.Type):
		return DeliveryRow{}, errs.InvalidField("/type", errs.FieldNotOneOf, "allowed", "payment.approved, payment.cancelled, settlement.paid")
	}
	payload, bad := e.payload()
	if bad != nil {
		return DeliveryRow{}, bad
	}
	return DeliveryRow{
		ID: id.Derive(id.Delivery, e.EventID), EventID: e.EventID, FranchiseID: e.FranchiseID, Type: e.Type, Payload: payload,
		State: record.Requested, CreatedAt: at, UpdatedAt: at,
	}, nil
}

// payload writes the body as Standard Webhooks recommends it.
func (e NewEvent) payload() ([]byte, *errs.Error) {
	body, err := json.Marshal(struct {
		Type      EventType       `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{e.Type, e.At.UTC().Truncate(time.Microsecond), e.Data})
	switch {
	case err != nil:
		return nil, errs.InvalidField("/data", errs.FieldFormat, "expected", "JSON").Because(err)
	case len(body) > maxPayloadLen:
		return nil, errs.InvalidField("/data", errs.FieldTooLong)
	default:
		return body, nil
	}
}

// Attempt posts a delivery once, signed, and logs how it went. A 2xx answer is a
// delivery; 410 (Gone) removes the webhook; after anything else the caller tries again
// later. The receiver gets a message at least once: an answer that was lost before it
// was logged is asked for again, under the same message id. Errors:
// errs.WebhookDeliveryNotFound; infrastructure trouble of ours.
func (s *Service) Attempt(ctx context.Context, deliveryID string) (AttemptOutcome, error) {
	job, err := s.store.Job(ctx, deliveryID)
	if err != nil {
		return AttemptOutcome{}, orElse(err, errs.WebhookDeliveryNotFound)
	}
	if outcome, settled := job.settled(); settled {
		return outcome, nil
	}
	if s.sender == nil {
		return AttemptOutcome{}, errNoSender
	}
	leave, free := s.lanes.enter(job.Delivery.FranchiseID)
	if !free {
		return AttemptOutcome{Busy: true}, nil
	}
	defer leave()
	at := s.now()
	signature, err := s.sign(*job.Webhook, job.Delivery.ID, at, job.Delivery.Payload)
	if err != nil {
		return AttemptOutcome{}, err
	}
	answer := s.sender.Send(ctx, Message{URL: job.Webhook.URL, ID: job.Delivery.ID, At: at, Signature: signature, Body: job.Delivery.Payload})
	outcome := outcomeOf(answer)
	attempt := Attempt{At: at, Status: outcome.Status, Code: outcome.Code, DurationMS: max(s.now().Sub(at).Milliseconds(), 0)}
	return outcome, s.store.LogAttempt(ctx, job, attempt, outcome, s.now())
}

// settled tells whether there is nothing to send, and why.
func (j Job) settled() (AttemptOutcome, bool) {
	switch {
	case j.Delivery.DeliveredAt != nil, j.Delivery.State == record.Succeeded:
		return AttemptOutcome{Done: true, Delivered: true}, true
	case j.Delivery.State.Final():
		return AttemptOutcome{Done: true, Code: CodeClosed}, true
	case j.Webhook == nil:
		return AttemptOutcome{Done: true, Code: CodeNotSet}, true
	default:
		return AttemptOutcome{}, false
	}
}

const statusGone = 410

func outcomeOf(a Answer) AttemptOutcome {
	switch {
	case a.Code != "":
		return AttemptOutcome{Status: a.Status, Code: a.Code}
	case a.Status >= 200 && a.Status <= 299:
		return AttemptOutcome{Done: true, Delivered: true, Status: a.Status}
	case a.Status == statusGone:
		return AttemptOutcome{Done: true, Status: a.Status, Code: CodeGone}
	default:
		return AttemptOutcome{Status: a.Status, Code: CodeStatus}
	}
}

// MoveDeliveries changes the states of deliveries as record.State.CanBecome allows. It is
// idempotent, and all allowed moves are made. Concurrent calls share a statement; all
// allowed: one round trip. Errors: the first refused move's errs.WebhookDeliveryNotFound
// or errs.ConcurrentEdit, or infrastructure trouble.
func (s *Service) MoveDeliveries(ctx context.Context, moves []record.Move) error {
	return firstOf(s.moves.Do(ctx, moves))
}

func (s *Service) runDeliveryMoves(ctx context.Context, moves []record.Move) ([]error, error) {
	return s.store.MoveDeliveries(ctx, moves, s.now())
}

// ListDeliveries gives a franchise's deliveries, newest first, without their logs.
func (s *Service) ListDeliveries(ctx context.Context, franchiseID string, q page.Request) (page.Page[Delivery], error) {
	rows, err := s.store.Deliveries(ctx, franchiseID, q)
	if err != nil {
		return page.Page[Delivery]{}, err
	}
	return page.Of(deliveriesOf(rows), q.Limit, func(d Delivery) page.Cursor { return page.Cursor{At: d.CreatedAt, ID: d.ID} }), nil
}

// FindDelivery gives a delivery of this franchise's with its latest attempts; "" is an
// operator. Errors: errs.WebhookDeliveryNotFound.
func (s *Service) FindDelivery(ctx context.Context, franchiseID, deliveryID string) (Delivery, error) {
	row, log, err := s.store.Delivery(ctx, deliveryID)
	if err != nil {
		return Delivery{}, orElse(err, errs.WebhookDeliveryNotFound)
	}
	if franchiseID != "" && franchiseID != row.FranchiseID {
		return Delivery{}, errs.WebhookDeliveryNotFound
	}
	d := row.delivery()
	d.Log = log
	return d, nil
}

func (r DeliveryRow) delivery() Delivery {
	return Delivery{
		ID: r.ID, EventID: r.EventID, FranchiseID: r.FranchiseID, Type: r.Type, Payload: r.Payload, State: r.State, Failure: r.Failure,
		Until: timeOf(r.UntilAt), Attempts: r.Attempts, DeliveredAt: timeOf(r.DeliveredAt), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}
