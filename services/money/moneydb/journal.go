package moneydb

import (
	"context"

	"durapay/internal/mysqlx"
	"durapay/services/money"
)

// Journal implements money.Store. The range is fixed before its entries are read: what is within it is committed and
// never changes, so the two queries need no transaction.
func (s *Store) Journal(ctx context.Context, after int64, limit int) ([]money.JournalLine, int64, error) {
	const last = `SELECT COALESCE(MAX(seq), ?) FROM (SELECT seq FROM ledger_postings WHERE seq > ? ORDER BY seq LIMIT ?) page`
	var lastSeq int64
	if err := s.db.GetContext(ctx, &lastSeq, last, after, after, limit); err != nil || lastSeq == after {
		return nil, after, mysqlx.Classify(err)
	}
	lines, err := s.walletLines(ctx, after, lastSeq)
	if err != nil {
		return nil, after, mysqlx.Classify(err)
	}
	return lines, lastSeq, nil
}

// walletLines reads the wallets' entries with numbers above after, up to last.
func (s *Store) walletLines(ctx context.Context, after, last int64) ([]money.JournalLine, error) {
	const q = `SELECT e.seq, e.line, e.account_id, e.amount, p.kind, p.flow_id, e.at
FROM ledger_entries e
JOIN ledger_postings p ON p.seq = e.seq
WHERE e.seq > ? AND e.seq <= ? AND e.account_id LIKE 'wallet/%'
ORDER BY e.seq, e.line`
	rows, err := s.db.QueryContext(ctx, q, after, last)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var lines []money.JournalLine
	for rows.Next() {
		var l money.JournalLine
		if err := rows.Scan(&l.Seq, &l.Line, &l.AccountID, &l.Amount, &l.Kind, &l.FlowID, &l.At); err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, rows.Err()
}

// JournalHead implements money.Store.
func (s *Store) JournalHead(ctx context.Context) (seq int64, err error) {
	const q = `SELECT COALESCE(MAX(seq), 0) FROM ledger_postings`
	err = s.db.GetContext(ctx, &seq, q)
	return seq, mysqlx.Classify(err)
}
