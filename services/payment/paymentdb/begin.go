package paymentdb

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"

	"durapay/errs"
	"durapay/internal/mysqlx"
	"durapay/internal/record"
	"durapay/internal/recorddb"
	"durapay/services/payment"
)

// Begin stores new payments and gives back the stored ones. All new, and no order id
// taken: one round trip.
func (s *Store) Begin(ctx context.Context, rows []payment.Row) ([]payment.Row, error) {
	return recorddb.Begin(ctx, rows, recorddb.Shelf[payment.Row]{
		Key:    func(r payment.Row) string { return r.ID },
		Insert: s.insert,
		Find:   s.findAll,
	})
}

// claimAttempts bounds insert: each further one needs a rival to take or to give up an
// order id between two statements.
const claimAttempts = 10

// insert stores all rows or none. Rows whose order id is taken are changed in place
// into refused ones, which is what Begin then gives back.
func (s *Store) insert(ctx context.Context, rows []payment.Row) error {
	for range claimAttempts {
		err := s.tryInsert(ctx, rows)
		switch {
		case err == nil:
			return nil
		case mysqlx.IsDuplicate(err, "PRIMARY"):
			return recorddb.ErrTaken
		case !mysqlx.IsDuplicate(err, "payments_order"):
			return wrap("insert payments", err)
		}
		if err := s.refuseTaken(ctx, rows); err != nil {
			return err
		}
	}
	return errs.Busy
}

func (s *Store) tryInsert(ctx context.Context, rows []payment.Row) error {
	const named = `INSERT INTO payments (` + columns + `)
		VALUES (:id, :membership_id, :franchise_id, :order_id, :order_claim, :amount, :tax_free_amount, :cancelled_amount,
		:fee_basis_points, :fee, :vat, :auto_top_up_account_id, :top_up_id, :fingerprint, :state, :failure, :refusal, :statement_id,
		:approved_at, :settled_at, :until_at, :created_at, :updated_at)`
	q, args, err := sqlx.Named(named, rows)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, q, args...)
	return err
}

// order names an order within its franchise.
type order struct {
	FranchiseID string `db:"franchise_id"`
	OrderID     string `db:"order_claim"`
}

// refuseTaken marks the rows whose order id belongs to another payment: a stored one,
// or one before it in rows.
func (s *Store) refuseTaken(ctx context.Context, rows []payment.Row) error {
	holders, err := s.holders(ctx, rows)
	if err != nil {
		return err
	}
	for i, r := range rows {
		if r.OrderClaim == nil {
			continue
		}
		o := order{r.FranchiseID, *r.OrderClaim}
		switch first := holders[o]; first.ID {
		case "":
			holders[o] = holder{r.ID, r.MembershipID}
		case r.ID: // stored by a rival of the same id: the next try sees that
		default:
			rows[i].OrderClaim = nil
			rows[i].Refusal = record.FailureOf(taken(first, r.MembershipID))
		}
	}
	return nil
}

// holder is the payment that has an order id.
type holder struct{ ID, MembershipID string }

// taken tells the member which payment it is only if it is theirs.
func taken(first holder, membershipID string) *errs.Error {
	if first.MembershipID != membershipID {
		return errs.OrderIDTaken
	}
	return errs.OrderIDTaken.With("paymentId", first.ID)
}

// holders gives the ids of the stored payments that have the orders of rows.
func (s *Store) holders(ctx context.Context, rows []payment.Row) (map[order]holder, error) {
	holders := make(map[order]holder, len(rows))
	var where []string
	var args []any
	for _, r := range rows {
		if r.OrderClaim != nil {
			where = append(where, "(franchise_id = ? AND order_claim = ?)")
			args = append(args, r.FranchiseID, *r.OrderClaim)
		}
	}
	if where == nil {
		return holders, nil
	}
	var found []struct {
		ID           string `db:"id"`
		MembershipID string `db:"membership_id"`
		order
	}
	q := `SELECT id, membership_id, franchise_id, order_claim FROM payments WHERE ` + strings.Join(where, " OR ")
	if err := s.db.SelectContext(ctx, &found, q, args...); err != nil {
		return nil, wrap("read holders of order ids", err)
	}
	for _, f := range found {
		holders[f.order] = holder{f.ID, f.MembershipID}
	}
	return holders, nil
}

func (s *Store) findAll(ctx context.Context, ids []string) ([]payment.Row, error) {
	q, args, err := sqlx.In(`SELECT `+columns+` FROM payments WHERE id IN (?)`, ids)
	if err != nil {
		return nil, wrap("read payments", err)
	}
	var rows []payment.Row
	err = s.db.SelectContext(ctx, &rows, q, args...)
	return rows, wrap("read payments", err)
}
