package settlement_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/internal/id"
	"durapay/services/settlement"
)

func TestReadsUseTheirIndexes(t *testing.T) {
	w := newWorld(t)
	for n := range 3 {
		r := w.run(t, live(today.AddDays(n)))
		var asked []settlement.NewStatement
		for range 300 {
			asked = append(asked, fresh(r, id.New(id.Franchise), paid(100)))
		}
		_, err := w.OpenStatements(t.Context(), asked)
		require.NoError(t, err)
	}
	_, err := w.db.Exec("UPDATE statements SET payout_state = 'PAID', paid_at = updated_at, due = NULL WHERE MOD(CRC32(id), 10) > 0")
	require.NoError(t, err)
	_, err = w.db.Exec("ANALYZE TABLE statements")
	require.NoError(t, err)
	run := settlement.LiveRunID(today)
	for q, key := range map[string]string{
		"SELECT id, net FROM statements FORCE INDEX (statements_due) WHERE due = 1 AND id > '' AND payout_date <= '2026-11-30' ORDER BY id LIMIT 10": "statements_due",
		"SELECT payout_state, COUNT(*), SUM(net) FROM statements WHERE run_id = '" + run + "' GROUP BY run_id, payout_state":                         "statements_totals",
		"SELECT * FROM statements WHERE franchise_id = '" + franchise("one") + "' AND dry = 0 ORDER BY created_at DESC, id DESC LIMIT 21":            "statements_of_franchise",
		"SELECT * FROM statements WHERE run_id = '" + run + "' ORDER BY created_at DESC, id DESC LIMIT 21":                                           "statements_of_run",
	} {
		rows, err := w.db.Queryx("EXPLAIN FORMAT=TRADITIONAL " + q)
		require.NoError(t, err)
		require.True(t, rows.Next())
		plan := map[string]any{}
		require.NoError(t, rows.MapScan(plan))
		require.NoError(t, rows.Close())
		used, _ := plan["key"].([]byte)
		require.Equal(t, key, string(used), q)
		extra, _ := plan["Extra"].([]byte)
		require.NotContains(t, string(extra), "filesort", q)
	}
}
