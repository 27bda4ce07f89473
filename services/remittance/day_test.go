package remittance_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/devenv/devtest"
	"durapay/internal/id"
	"durapay/internal/mysqlx"
	"durapay/internal/record"
	"durapay/services/remittance"
	"durapay/services/remittance/remittancedb"
)

const today = "2026-03-02"

// total is what is counted for a sender's day, in won; 0 when there is no such day.
func (w *world) total(t *testing.T, sender, day string) int64 {
	t.Helper()
	var total int64
	require.NoError(t, w.db.Get(&total, "SELECT COALESCE(SUM(total), 0) FROM sender_days WHERE sender_id = ? AND day = ?", sender, day))
	return total
}

// requireTotals proves every total from the rows, and that what ended is not counted.
func (w *world) requireTotals(t *testing.T) {
	t.Helper()
	var wrong int
	require.NoError(t, w.db.Get(&wrong, `SELECT COUNT(*) FROM sender_days d WHERE total <>
		(SELECT COALESCE(SUM(amount), 0) FROM remittances r WHERE r.sender_id = d.sender_id AND r.counted_day = d.day)`))
	require.Zero(t, wrong, "totals that are not the sum of their rows")
	require.NoError(t, w.db.Get(&wrong, `SELECT COUNT(*) FROM remittances r WHERE counted_day IS NOT NULL AND
		(state IN ('FAILED', 'CANCELLED', 'RETURNED') OR NOT EXISTS (SELECT 1 FROM sender_days d WHERE d.sender_id = r.sender_id AND d.day = r.counted_day))`))
	require.Zero(t, wrong, "rows that should not be counted")
}

// processes gives more of the service, each with connections of its own.
func (w *world) processes(t *testing.T, n int) []*remittance.Service {
	t.Helper()
	config := devtest.Server(t)
	require.NoError(t, w.db.Get(&config.Database, "SELECT DATABASE()"))
	services := make([]*remittance.Service, n)
	for i := range services {
		db, err := mysqlx.Open(config)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		services[i] = w.service(db)
	}
	return services
}

func amount(r remittance.Remittance, won int64) remittance.Remittance {
	r.Amount = won
	return r
}

func TestTheDailyLimit(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	var requests []remittance.Remittance
	for range 4 {
		requests = append(requests, amount(request(alice, bob), 2_000_000))
	}
	requests = append(requests, amount(request(alice, bob), 2_000_001), amount(request(alice, alice), 1), // refused by the rules
		amount(toBank(alice), 1_500_000), amount(request(alice, bob), 500_001), amount(request(alice, bob), 500_000), amount(toBank(alice), 1),
		amount(request(bob, alice), 2_000_000))
	out, err := w.Begin(ctx, append(requests, requests[0]))
	require.NoError(t, err)
	refusal := func(left int64) record.Failure {
		return record.FailureOf(errs.DailyLimit.With("limit", remittance.MaxPerDay).With("left", left).With("day", today))
	}
	want := make([]record.Failure, 12)
	want[4] = record.FailureOf(errs.TransferLimit.With("limit", remittance.MaxPerTransfer))
	want[5] = record.FailureOf(errs.SelfTransfer)
	want[7], want[9] = refusal(500_000), refusal(0)
	for i, r := range out {
		require.Equal(t, want[i], r.Refusal, i)
	}
	require.Equal(t, remittance.MaxPerDay, w.total(t, alice, today))
	require.EqualValues(t, 2_000_000, w.total(t, bob, today))
	w.requireTotals(t)

	require.NoError(t, w.Move(ctx, []record.Move{{ID: requests[0].ID, State: record.Failed}, {ID: requests[7].ID, State: record.Failed}}))
	require.EqualValues(t, 8_000_000, w.total(t, alice, today), "what was not counted gives nothing back")
	again, err := w.Begin(ctx, requests)
	require.NoError(t, err)
	for i, r := range again {
		require.Equal(t, want[i], r.Refusal, "a refusal stays")
	}
	require.EqualValues(t, 8_000_000, w.total(t, alice, today), "a repeat is not counted again")
	found, err := w.Find(ctx, alice, requests[9].ID)
	require.NoError(t, err)
	require.Equal(t, want[9], found.Refusal)
	require.Equal(t, record.Requested, found.State)
	require.False(t, w.begin(t, amount(request(alice, bob), 2_000_000)).Refusal.Is(), "what was given back is there again")
	w.requireTotals(t)
}

func TestTheDayIsThatOfTheExecution(t *testing.T) {
	w := newWorld(t)
	tomorrow := toBank(alice)
	tomorrow.ExecuteAt = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)
	w.begin(t, tomorrow)
	w.begin(t, amount(request(alice, bob), 1))
	require.Equal(t, tomorrow.Amount, w.total(t, alice, "2026-03-03"))
	require.EqualValues(t, 1, w.total(t, alice, today))
	require.NoError(t, w.Move(t.Context(), []record.Move{{ID: tomorrow.ID, State: record.Cancelled, Failure: record.FailureOf(errs.FlowCancelled)}}))
	require.Zero(t, w.total(t, alice, "2026-03-03"))
	require.EqualValues(t, 1, w.total(t, alice, today))
}

func TestGivingBack(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	a, b, c := w.begin(t, request(alice, bob)), w.begin(t, request(alice, bob)), w.begin(t, request(bob, alice))
	moves := []record.Move{
		{ID: a.ID, State: record.Processing}, {ID: b.ID, State: record.Succeeded}, {ID: "rem_none", State: record.Failed},
		{ID: a.ID, State: record.Failed}, {ID: b.ID, State: record.Failed}, {ID: c.ID, State: record.Waiting},
	}
	for range 2 {
		outs, err := remittancedb.New(w.db).Move(ctx, moves, w.now())
		require.NoError(t, err)
		for i, want := range map[int]*errs.Error{2: errs.RemittanceNotFound, 4: errs.ConcurrentEdit} {
			require.ErrorIs(t, outs[i], want)
		}
		for _, i := range []int{1, 3, 5} {
			require.NoError(t, outs[i])
		}
		require.EqualValues(t, 5000, w.total(t, alice, today))
		require.EqualValues(t, 5000, w.total(t, bob, today))
		w.requireTotals(t)
	}
	got, err := w.Find(ctx, alice, b.ID)
	require.NoError(t, err)
	require.Equal(t, record.Succeeded, got.State)
}

func TestTheDailyLimitHoldsForManyProcesses(t *testing.T) {
	w := newWorld(t)
	services := w.processes(t, 5)
	var mu sync.Mutex
	var counted []string
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			out, err := services[i%len(services)].Begin(t.Context(), []remittance.Remittance{amount(request(alice, bob), 300_000)})
			if err != nil {
				t.Errorf("begin: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if !out[0].Refusal.Is() {
				counted = append(counted, out[0].ID)
			}
		})
	}
	wg.Wait()
	require.Len(t, counted, 33)
	require.EqualValues(t, 9_900_000, w.total(t, alice, today))
	w.requireTotals(t)
	for i := range 40 { // every fifth is given back, by two at a time
		wg.Go(func() {
			m := record.Move{ID: counted[i/2%8*4], State: []record.State{record.Failed, record.Cancelled}[i%2]}
			_ = services[i%len(services)].Move(t.Context(), []record.Move{m})
		})
	}
	wg.Wait()
	require.EqualValues(t, 9_900_000-8*300_000, w.total(t, alice, today))
	w.requireTotals(t)
}

// TestTotalsAreTheSumsOfTheirRows lets processes begin, repeat and move the requests of a
// few senders over two days at random.
func TestTotalsAreTheSumsOfTheirRows(t *testing.T) {
	w := newWorld(t)
	services := w.processes(t, 4)
	for round := range 5 {
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				d := driver{w: w, s: services[i%len(services)], rnd: rand.New(rand.NewPCG(uint64(round), uint64(i)))}
				for range 12 {
					if err := d.step(t); err != nil {
						t.Errorf("seed %d %d: %v", round, i, err)
					}
				}
			})
		}
		wg.Wait()
		w.requireTotals(t)
		var most int64
		require.NoError(t, w.db.Get(&most, "SELECT MAX(total) FROM sender_days"))
		require.LessOrEqual(t, most, remittance.MaxPerDay)
	}
}

// driver is a caller that does not remember everything it has asked for.
type driver struct {
	w    *world
	s    *remittance.Service
	rnd  *rand.Rand
	seen []remittance.Remittance
}

func (d *driver) step(t *testing.T) error {
	switch d.rnd.IntN(4) {
	case 0:
		return d.move(t)
	case 1:
		if len(d.seen) > 3 {
			return d.begin(t, d.seen[:3])
		}
	}
	fresh := make([]remittance.Remittance, 1+d.rnd.IntN(4))
	for i := range fresh {
		fresh[i] = d.fresh()
	}
	d.seen = append(d.seen, fresh...)
	d.rnd.Shuffle(len(d.seen), func(i, j int) { d.seen[i], d.seen[j] = d.seen[j], d.seen[i] })
	return d.begin(t, fresh)
}

func (d *driver) begin(t *testing.T, requests []remittance.Remittance) error {
	out, err := d.s.Begin(t.Context(), slices.Clone(requests))
	for i, r := range out {
		if r.ID != requests[i].ID || r.Amount != requests[i].Amount {
			return fmt.Errorf("asked for %s, got %s", requests[i].ID, r.ID)
		}
	}
	return err
}

func (d *driver) fresh() remittance.Remittance {
	senders := []string{alice, bob, carol}
	r := amount(request(senders[d.rnd.IntN(3)], id.New(id.Member)), 1+d.rnd.Int64N(2_100_000))
	if d.rnd.IntN(3) == 0 {
		r.ExecuteAt = d.w.now().Add(24 * time.Hour)
	}
	return r
}

// move moves some to states that may or may not be allowed.
func (d *driver) move(t *testing.T) error {
	states := []record.State{record.Processing, record.Succeeded, record.Failed, record.Cancelled, record.Returned}
	var moves []record.Move
	for range d.rnd.IntN(5) {
		if len(d.seen) > 0 {
			moves = append(moves, record.Move{ID: d.seen[d.rnd.IntN(len(d.seen))].ID, State: states[d.rnd.IntN(len(states))]})
		}
	}
	err := d.s.Move(t.Context(), moves)
	if errs.KindOf(err) == errs.Conflict {
		return nil
	}
	return err
}

// TestRoundTrips counts what one connection asks of the server.
func TestRoundTrips(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.db.SetMaxOpenConns(1)
	requests := func(n int) []remittance.Remittance {
		rs := make([]remittance.Remittance, n)
		for i := range rs {
			rs[i] = request(id.New(id.Member), bob)
		}
		return rs
	}
	asked := func(do func() error) int {
		before := questions(t, w.db)
		require.NoError(t, do())
		return questions(t, w.db) - before - 1
	}
	many := requests(100)
	// isolation, begin, lock days, read them, insert, store days, commit
	require.Equal(t, 7, asked(func() error { _, err := w.Begin(ctx, requests(1)); return err }))
	require.Equal(t, 7, asked(func() error { _, err := w.Begin(ctx, many); return err }))
	require.Equal(t, 1, asked(func() error { return w.Move(ctx, movesTo(many[:50], record.Succeeded)) }))
	require.LessOrEqual(t, asked(func() error { return w.Move(ctx, movesTo(many[50:], record.Failed)) }), 10)
}

func questions(t *testing.T, db *sqlx.DB) int {
	t.Helper()
	var name string
	var n int
	require.NoError(t, db.QueryRow("SHOW SESSION STATUS LIKE 'Questions'").Scan(&name, &n))
	return n
}

func movesTo(requests []remittance.Remittance, s record.State) []record.Move {
	moves := make([]record.Move, len(requests))
	for i, r := range requests {
		moves[i] = record.Move{ID: r.ID, State: s}
	}
	return moves
}
