package franchisedb

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"durapay/internal/mysqlx"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/internal/recorddb"
	"durapay/services/franchise"
)

const deliveryColumns = `id, event_id, franchise_id, type, payload, state, failure, until_at, attempts, delivered_at, created_at, updated_at`

// BeginDeliveries stores new deliveries to franchises that have a webhook, and gives back
// the stored ones. All new and with one: two round trips.
func (s *Store) BeginDeliveries(ctx context.Context, rows []franchise.DeliveryRow) ([]franchise.DeliveryRow, error) {
	wanting, rest, err := s.byWebhook(ctx, rows)
	if err != nil {
		return nil, err
	}
	begun, err := recorddb.Begin(ctx, wanting, recorddb.Shelf[franchise.DeliveryRow]{
		Key:    func(r franchise.DeliveryRow) string { return r.ID },
		Insert: s.insertDeliveries,
		Find:   s.findDeliveries,
	})
	if err != nil {
		return nil, err
	}
	earlier, err := s.findDeliveries(ctx, rest) // begun while there was a webhook
	if err != nil {
		return nil, err
	}
	byID := make(map[string]franchise.DeliveryRow, len(rows))
	for _, r := range append(begun, earlier...) {
		byID[r.ID] = r
	}
	outs := make([]franchise.DeliveryRow, len(rows))
	for i, r := range rows {
		outs[i] = byID[r.ID]
	}
	return outs, nil
}

// byWebhook parts the rows whose franchise has a webhook from the ids of the others.
func (s *Store) byWebhook(ctx context.Context, rows []franchise.DeliveryRow) ([]franchise.DeliveryRow, []string, error) {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.FranchiseID
	}
	found, err := selectIn[string](ctx, s.db, "read webhooks", `SELECT franchise_id FROM webhooks WHERE franchise_id IN (?)`, ids)
	if err != nil {
		return nil, nil, err
	}
	has := make(map[string]bool, len(found))
	for _, id := range found {
		has[id] = true
	}
	var wanting []franchise.DeliveryRow
	var rest []string
	for _, r := range rows {
		if has[r.FranchiseID] {
			wanting = append(wanting, r)
		} else {
			rest = append(rest, r.ID)
		}
	}
	return wanting, rest, nil
}

func (s *Store) insertDeliveries(ctx context.Context, rows []franchise.DeliveryRow) error {
	const q = `INSERT INTO webhook_deliveries (` + deliveryColumns + `)
		VALUES (:id, :event_id, :franchise_id, :type, :payload, :state, :failure, :until_at, :attempts, :delivered_at, :created_at, :updated_at)`
	_, err := s.db.NamedExecContext(ctx, q, rows)
	if mysqlx.IsDuplicate(err, "PRIMARY") {
		return recorddb.ErrTaken
	}
	return wrap("insert deliveries", err)
}

func (s *Store) findDeliveries(ctx context.Context, ids []string) ([]franchise.DeliveryRow, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	const q = `SELECT ` + deliveryColumns + ` FROM webhook_deliveries WHERE id IN (?)`
	return selectIn[franchise.DeliveryRow](ctx, s.db, "read deliveries", q, ids)
}

// MoveDeliveries changes states. All allowed: one round trip.
func (s *Store) MoveDeliveries(ctx context.Context, moves []record.Move, at time.Time) ([]error, error) {
	return s.deliveries.Move(ctx, moves, at)
}

// Deliveries gives a page of a franchise's deliveries.
func (s *Store) Deliveries(ctx context.Context, franchiseID string, q page.Request) ([]franchise.DeliveryRow, error) {
	const from = `SELECT ` + deliveryColumns + ` FROM webhook_deliveries`
	return list[franchise.DeliveryRow](ctx, s.db, "list deliveries", from, "franchise_id", franchiseID, q)
}

func (s *Store) findDelivery(ctx context.Context, id string) (franchise.DeliveryRow, error) {
	const q = `SELECT ` + deliveryColumns + ` FROM webhook_deliveries WHERE id = ?`
	return selectOne[franchise.DeliveryRow](ctx, s.db, "read delivery", q, id)
}

// Delivery gives one delivery with its attempts. Errors: franchise.ErrNotFound.
func (s *Store) Delivery(ctx context.Context, id string) (franchise.DeliveryRow, []franchise.Attempt, error) {
	const q = `SELECT number, attempted_at, status, code, duration_ms FROM webhook_attempts WHERE delivery_id = ? ORDER BY number`
	row, err := s.findDelivery(ctx, id)
	if err != nil {
		return row, nil, err
	}
	var log []franchise.Attempt
	err = s.db.SelectContext(ctx, &log, q, id)
	return row, log, wrap("read attempts", err)
}

// Job gives a delivery and the webhook of its franchise as it is now. Errors: franchise.ErrNotFound.
func (s *Store) Job(ctx context.Context, deliveryID string) (franchise.Job, error) {
	row, err := s.findDelivery(ctx, deliveryID)
	if err != nil {
		return franchise.Job{}, err
	}
	webhook, err := findWebhook(ctx, s.db, row.FranchiseID)
	if errors.Is(err, franchise.ErrNotFound) {
		return franchise.Job{Delivery: row}, nil
	}
	return franchise.Job{Delivery: row, Webhook: &webhook}, err
}

// LogAttempt keeps an attempt and what it says of the delivery and the webhook.
func (s *Store) LogAttempt(ctx context.Context, job franchise.Job, a franchise.Attempt, o franchise.AttemptOutcome, at time.Time) error {
	return mysqlx.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		number, err := countAttempt(ctx, tx, job.Delivery.ID, o.Delivered, at)
		if err != nil {
			return err
		}
		a.Number = number
		if err := insertAttempt(ctx, tx, job.Delivery.ID, a); err != nil {
			return err
		}
		if o.Code != franchise.CodeGone {
			return nil
		}
		return removeGone(ctx, tx, *job.Webhook)
	})
}

// countAttempt numbers an attempt, and locks its delivery so that each has its own number.
func countAttempt(ctx context.Context, tx *sqlx.Tx, id string, delivered bool, at time.Time) (int, error) {
	const q = `UPDATE webhook_deliveries SET attempts = attempts + 1, updated_at = ?,
			delivered_at = CASE WHEN ? THEN COALESCE(delivered_at, ?) ELSE delivered_at END
		WHERE id = ?`
	if _, err := tx.ExecContext(ctx, q, at, delivered, at, id); err != nil {
		return 0, wrap("count attempt", err)
	}
	return selectOne[int](ctx, tx, "count attempt", `SELECT attempts FROM webhook_deliveries WHERE id = ?`, id)
}

func insertAttempt(ctx context.Context, tx *sqlx.Tx, id string, a franchise.Attempt) error {
	const insert = `INSERT INTO webhook_attempts (delivery_id, number, attempted_at, status, code, duration_ms) VALUES (?, ?, ?, ?, ?, ?)`
	const forget = `DELETE FROM webhook_attempts WHERE delivery_id = ? AND number <= ?`
	if _, err := tx.ExecContext(ctx, insert, id, a.Number, a.At, a.Status, a.Code, a.DurationMS); err != nil {
		return wrap("insert attempt", err)
	}
	if a.Number <= franchise.MaxLoggedAttempts {
		return nil
	}
	_, err := tx.ExecContext(ctx, forget, id, a.Number-franchise.MaxLoggedAttempts)
	return wrap("forget attempts", err)
}

// removeGone forgets a webhook, unless another one was set while its receiver answered.
func removeGone(ctx context.Context, tx *sqlx.Tx, w franchise.WebhookRow) error {
	const q = `DELETE FROM webhooks WHERE franchise_id = ? AND url = ? AND created_at = ?`
	_, err := tx.ExecContext(ctx, q, w.FranchiseID, w.URL, w.CreatedAt)
	return wrap("remove webhook", err)
}
