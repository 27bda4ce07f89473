package franchise_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/devenv/devtest"
	"durapay/internal/id"
	"durapay/internal/page"
	"durapay/internal/record"
	"durapay/internal/secret"
	"durapay/schema"
	"durapay/services/franchise"
	"durapay/services/franchise/franchisedb"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

type world struct {
	*franchise.Service
	db     *sqlx.DB
	micros atomic.Int64
	sent   receiver
}

// receiver is a franchise's server.
type receiver struct {
	mu        sync.Mutex
	answer    franchise.Answer
	meanwhile func() // what happens while it answers
	messages  []franchise.Message
}

func (r *receiver) Send(_ context.Context, m franchise.Message) franchise.Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, m)
	if r.meanwhile != nil {
		r.meanwhile()
	}
	return r.answer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ring, err := secret.ParseKeyRing("k1:" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef")))
	require.NoError(t, err)
	w := &world{db: devtest.Database(t, schema.FS("franchise"))}
	w.sent.answer = franchise.Answer{Status: 204}
	w.at(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	w.Service = franchise.New(franchisedb.New(w.db), &w.sent, ring, franchise.Options{Now: w.now})
	return w
}

func (w *world) at(t time.Time)                     { w.micros.Store(t.UnixMicro()) }
func (w *world) now() time.Time                     { return time.UnixMicro(w.micros.Load()).UTC() }
func (w *world) pass(d time.Duration)               { w.micros.Add(d.Microseconds()) }
func pointerTo[T any](v T) *T                       { return &v }
func succeeded(id string) []record.Move             { return []record.Move{{ID: id, State: record.Succeeded}} }
func ended(id string, s record.State) []record.Move { return []record.Move{{ID: id, State: s}} }

const number = "1248100998"

func request(number string) franchise.NewFranchise {
	return franchise.NewFranchise{
		ID: id.New(id.Franchise), Name: "밥집", BusinessNumber: number, Contact: "kim@example.com",
		Payout: franchise.Payout{BankCode: "088", Number: "110-123-456789", HolderName: "김사장"},
		Contract: franchise.NewContract{EffectiveFrom: "2026-03-02", FeeBasisPoints: pointerTo(176), Cycle: franchise.Weekly,
			PayoutBusinessDays: 2},
		Fingerprint: "one",
	}
}

// businessNumber gives the n-th well-formed business number.
func businessNumber(n int) string {
	for candidate := n * 10; candidate < n*10+10; candidate++ {
		s := "1" + strings.Repeat("0", 9)
		digits := []byte(s)
		for i, rest := 9, candidate; rest > 0; i, rest = i-1, rest/10 {
			digits[i] = byte('0' + rest%10)
		}
		if franchise.ValidBusinessNumber(string(digits)) {
			return string(digits)
		}
	}
	return ""
}

func (w *world) begin(t *testing.T, n franchise.NewFranchise) franchise.Franchise {
	t.Helper()
	w.micros.Add(1)
	out, err := w.Begin(t.Context(), []franchise.NewFranchise{n})
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

// register makes an active franchise with the n-th business number.
func (w *world) register(t *testing.T, n int) franchise.Franchise {
	t.Helper()
	f := w.begin(t, request(businessNumber(n)))
	require.NoError(t, w.Move(t.Context(), succeeded(f.ID)))
	return w.find(t, f.ID)
}

func (w *world) find(t *testing.T, id string) franchise.Franchise {
	t.Helper()
	f, err := w.Find(t.Context(), id)
	require.NoError(t, err)
	return f
}

func TestBeginIsIdempotent(t *testing.T) {
	w := newWorld(t)
	n := request("124-81-00998")
	first := w.begin(t, n)
	want := franchise.Franchise{
		ID: n.ID, Name: "밥집", BusinessNumber: number, Contact: "kim@example.com",
		Payout: franchise.Payout{BankCode: "088", Number: "110123456789", HolderName: "김사장"}, State: record.Requested,
		Contracts: []franchise.Contract{{EffectiveFrom: "2026-03-02", FeeBasisPoints: 176, Cycle: franchise.Weekly, PayoutBusinessDays: 2}},
		Version:   1, Fingerprint: "one", CreatedAt: w.now(), UpdatedAt: w.now(),
	}
	require.Equal(t, want, first)
	require.Equal(t, want, w.find(t, n.ID))

	other := n
	other.Fingerprint, other.Name = "two", "국집"
	require.Equal(t, want, w.begin(t, other))
	_, err := w.Begin(t.Context(), []franchise.NewFranchise{request(businessNumber(1)), {}})
	require.ErrorIs(t, err, errs.InvalidRequest)
	_, err = w.Find(t.Context(), id.New(id.Franchise))
	require.ErrorIs(t, err, errs.FranchiseNotFound)
}

func TestABusinessNumberHasOneFranchise(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	one, two, three := request(number), request(number), request(number)
	out, err := w.Begin(ctx, []franchise.NewFranchise{one, two, one})
	require.NoError(t, err)
	require.False(t, out[0].Refusal.Is())
	require.Equal(t, out[0], out[2])
	require.Equal(t, errs.BusinessNumberTaken.Code, out[1].Refusal.Code)

	require.ErrorIs(t, w.Move(ctx, succeeded(two.ID)), errs.ConcurrentEdit)
	require.NoError(t, w.Move(ctx, []record.Move{{ID: one.ID, State: record.Failed, Failure: record.FailureOf(errs.BankNameMismatch)}}))
	require.True(t, w.begin(t, two).Refusal.Is(), "a refusal is for good")
	require.False(t, w.begin(t, three).Refusal.Is(), "the number is free again")
	require.NoError(t, w.Move(ctx, ended(three.ID, record.Cancelled)))
	four := w.begin(t, request(number))
	require.NoError(t, w.Move(ctx, succeeded(four.ID)))
	_, err = w.Modify(ctx, four.ID, 2, franchise.Patch{Status: pointerTo(franchise.Deactivated)})
	require.NoError(t, err)
	require.True(t, w.begin(t, request(number)).Refusal.Is(), "a deactivated franchise keeps its number")
}

func TestConcurrentRegistrationsOfOneNumber(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	var won atomic.Int32
	for range 30 {
		wg.Go(func() {
			n := request(number)
			for range 2 {
				out, err := w.Begin(t.Context(), []franchise.NewFranchise{n})
				if err != nil {
					t.Errorf("begin: %v", err)
					return
				}
				if !out[0].Refusal.Is() {
					won.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 2, won.Load(), "one of them, twice")
}

func TestMove(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	a, b := w.begin(t, request(businessNumber(1))), w.begin(t, request(businessNumber(2)))
	until := w.now().Add(time.Hour)
	require.NoError(t, w.Move(ctx, []record.Move{{ID: a.ID, State: record.Waiting, Until: until}, {ID: b.ID, State: record.Processing}}))
	require.Equal(t, until, w.find(t, a.ID).Until)
	require.Equal(t, franchise.Unregistered, w.find(t, a.ID).Status)

	w.pass(time.Minute)
	require.NoError(t, w.Move(ctx, succeeded(a.ID)))
	got := w.find(t, a.ID)
	require.Equal(t, franchise.Active, got.Status)
	require.Equal(t, w.now(), got.PayoutVerifiedAt)
	require.Zero(t, got.Until)
	w.pass(time.Minute)
	require.NoError(t, w.Move(ctx, succeeded(a.ID)))
	require.Equal(t, got, w.find(t, a.ID), "a repeat changes nothing")

	failure := record.FailureOf(errs.BankNameMismatch)
	err := w.Move(ctx, []record.Move{{ID: a.ID, State: record.Failed}, {ID: b.ID, State: record.Failed, Failure: failure}, {ID: "fra_none", State: record.Failed}})
	require.ErrorIs(t, err, errs.ConcurrentEdit)
	require.Equal(t, failure, w.find(t, b.ID).Failure, "the allowed move is made")
	require.ErrorIs(t, w.Move(ctx, ended("fra_none", record.Failed)), errs.FranchiseNotFound)
	require.ErrorIs(t, w.Move(ctx, ended(a.ID, record.Returned)), errs.ConcurrentEdit)
	require.NoError(t, w.Move(ctx, nil))
}

func TestTerms(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	pending := w.begin(t, request(businessNumber(1)))
	active, off := w.register(t, 2), w.register(t, 3)
	later := request(businessNumber(4))
	later.Contract.EffectiveFrom = "2026-03-03"
	w.begin(t, later)
	require.NoError(t, w.Move(ctx, succeeded(later.ID)))
	_, err := w.Modify(ctx, off.ID, off.Version, franchise.Patch{Status: pointerTo(franchise.Deactivated)})
	require.NoError(t, err)
	_, _, err = w.SetWebhook(ctx, active.ID, "https://example.com/hooks")
	require.NoError(t, err)
	_, err = w.Modify(ctx, active.ID, active.Version, franchise.Patch{Contract: &franchise.NewContract{
		EffectiveFrom: "2026-03-03", FeeBasisPoints: pointerTo(0), Cycle: franchise.Daily}})
	require.NoError(t, err)

	ids := []string{active.ID, pending.ID, off.ID, id.New(id.Franchise), later.ID, active.ID}
	ask := func() []franchise.Terms {
		queries := make([]franchise.TermsQuery, len(ids))
		for i, id := range ids {
			queries[i].FranchiseID = id
		}
		terms, err := w.Terms(ctx, queries)
		require.NoError(t, err)
		return terms
	}
	today := franchise.Terms{Exists: true, Active: true, HasContract: true, FeeBasisPoints: 176, Webhook: true}
	deactivated := franchise.Terms{Exists: true, HasContract: true, FeeBasisPoints: 176}
	require.Equal(t, []franchise.Terms{today, {}, deactivated, {}, {Exists: true, Active: true}, today}, ask())
	w.at(time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)) // midnight in Seoul
	next := today
	next.FeeBasisPoints = 0
	require.Equal(t, []franchise.Terms{next, {}, deactivated, {}, {Exists: true, Active: true, HasContract: true, FeeBasisPoints: 176}, next}, ask())

	contracts, err := w.Contracts(ctx, []franchise.ContractQuery{
		{FranchiseID: active.ID, On: "2026-03-02"}, {FranchiseID: active.ID, On: "2026-03-04"}, {FranchiseID: off.ID, On: "2026-03-04"},
		{FranchiseID: active.ID, On: "2026-03-01"}, {FranchiseID: pending.ID, On: "2026-03-04"}, {FranchiseID: active.ID, On: "no date"},
	})
	require.NoError(t, err)
	weekly := franchise.ContractTerms{Exists: true, Cycle: franchise.Weekly, PayoutBusinessDays: 2}
	require.Equal(t, []franchise.ContractTerms{weekly, {Exists: true, Cycle: franchise.Daily}, weekly, {}, {}, {}}, contracts)

	payouts, err := w.Payouts(ctx, []string{off.ID, pending.ID, active.ID, off.ID})
	require.NoError(t, err)
	account := franchise.PayoutAccount{Exists: true, Payout: franchise.Payout{BankCode: "088", Number: "110123456789", HolderName: "김사장"}}
	require.Equal(t, []franchise.PayoutAccount{account, {}, account, account}, payouts)
	for _, empty := range []func() (int, error){
		func() (int, error) { x, err := w.Terms(ctx, nil); return len(x), err },
		func() (int, error) { x, err := w.Contracts(ctx, nil); return len(x), err },
		func() (int, error) { x, err := w.Payouts(ctx, nil); return len(x), err },
	} {
		n, err := empty()
		require.NoError(t, err)
		require.Zero(t, n)
	}
}

func TestModify(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	pending := w.begin(t, request(businessNumber(1)))
	f := w.register(t, 2)
	_, err := w.Modify(ctx, pending.ID, pending.Version, franchise.Patch{})
	require.ErrorIs(t, err, errs.FranchiseNotFound)
	_, err = w.Modify(ctx, id.New(id.Franchise), 1, franchise.Patch{})
	require.ErrorIs(t, err, errs.FranchiseNotFound)
	_, err = w.Modify(ctx, f.ID, f.Version+1, franchise.Patch{Name: pointerTo("새집")})
	require.ErrorIs(t, err, errs.EtagMismatch)
	for _, bad := range []franchise.Patch{
		{Name: pointerTo(" ")}, {Contact: pointerTo(strings.Repeat("a", 201))}, {Status: pointerTo(franchise.Unregistered)}, {Contract: &franchise.NewContract{}},
	} {
		_, err = w.Modify(ctx, f.ID, f.Version, bad)
		require.ErrorIs(t, err, errs.InvalidRequest)
	}

	w.pass(time.Minute)
	got, err := w.Modify(ctx, f.ID, f.Version, franchise.Patch{Name: pointerTo(" 새집 "), Contact: pointerTo("lee@example.com"), Status: pointerTo(franchise.Deactivated)})
	require.NoError(t, err)
	want := f
	want.Name, want.Contact, want.Status, want.Version, want.UpdatedAt = "새집", "lee@example.com", franchise.Deactivated, f.Version+1, w.now()
	require.Equal(t, want, got)
	require.Equal(t, want, w.find(t, f.ID))
}

func TestContractsBeginTomorrow(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.register(t, 1)
	plan := func(from string, bp int) (franchise.Franchise, error) {
		return w.Modify(ctx, f.ID, f.Version, franchise.Patch{Contract: &franchise.NewContract{EffectiveFrom: from, FeeBasisPoints: &bp, Cycle: franchise.Monthly}})
	}
	for _, from := range []string{"2026-03-02", "2026-03-01", "2020-01-01"} {
		_, err := plan(from, 1)
		require.ErrorIs(t, err, errs.ContractInForce)
		require.Equal(t, map[string]string{"since": "2026-03-02", "from": "2026-03-03"}, errs.Of(err).Params)
	}
	for i, from := range []string{"2026-03-10", "2026-03-03", "2026-03-10"} {
		var err error
		f, err = plan(from, i)
		require.NoError(t, err)
	}
	require.Len(t, f.Contracts, 3)
	require.Equal(t, []string{"2026-03-02", "2026-03-03", "2026-03-10"},
		[]string{f.Contracts[0].EffectiveFrom, f.Contracts[1].EffectiveFrom, f.Contracts[2].EffectiveFrom})
	require.Equal(t, 2, f.Contracts[2].FeeBasisPoints, "a planned one is replaced")

	w.at(time.Date(2026, 3, 9, 15, 0, 0, 0, time.UTC)) // midnight in Seoul
	_, err := plan("2026-03-10", 5)
	require.ErrorIs(t, err, errs.ContractInForce)
	f, err = w.Modify(ctx, f.ID, f.Version, franchise.Patch{Contract: &franchise.NewContract{
		EffectiveFrom: "2026-04-01", Tier: &franchise.Tier{YearlySales: 400_000_000, Method: franchise.CheckCard}, Cycle: franchise.Daily}})
	require.NoError(t, err)
	require.Equal(t, 75, f.Contracts[3].FeeBasisPoints)
}

func TestOneOfTwoModificationsWins(t *testing.T) {
	w := newWorld(t)
	f := w.register(t, 1)
	var wg sync.WaitGroup
	var won atomic.Int32
	for range 10 {
		wg.Go(func() {
			_, err := w.Modify(t.Context(), f.ID, f.Version, franchise.Patch{Name: pointerTo("새집")})
			if err == nil {
				won.Add(1)
			} else if errs.Of(err).Code != errs.EtagMismatch.Code {
				t.Errorf("modify: %v", err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, won.Load())
}

// pages reads a whole list, page by page.
func pages[T any](t *testing.T, limit int, read func(page.Request) (page.Page[T], error)) []T {
	t.Helper()
	var all []T
	q := page.Request{Limit: limit}
	for range 50 {
		p, err := read(q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(p.Items), limit)
		all = append(all, p.Items...)
		if p.Next == "" {
			return all
		}
		q, err = page.Parse(p.Next, limit)
		require.NoError(t, err)
	}
	t.Fatal("the list has no end")
	return nil
}

func TestList(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	var all []string
	for n := range 5 {
		all = append(all, w.register(t, n+1).ID)
	}
	pending := w.begin(t, request(businessNumber(9)))
	_, err := w.Modify(ctx, all[2], 2, franchise.Patch{Status: pointerTo(franchise.Deactivated)})
	require.NoError(t, err)
	ids := func(limit int, status franchise.Status) []string {
		return idsOf(pages(t, limit, func(q page.Request) (page.Page[franchise.Franchise], error) { return w.List(ctx, q, status) }))
	}
	for limit := 1; limit <= 7; limit++ {
		require.Equal(t, []string{pending.ID, all[4], all[3], all[2], all[1], all[0]}, ids(limit, ""))
		require.Equal(t, []string{all[4], all[3], all[1], all[0]}, ids(limit, franchise.Active))
		require.Equal(t, []string{all[2]}, ids(limit, franchise.Deactivated))
	}
	p, err := w.List(ctx, page.Request{Limit: 3}, "")
	require.NoError(t, err)
	require.Equal(t, w.find(t, all[4]), p.Items[1])
}

func idsOf(franchises []franchise.Franchise) []string {
	ids := make([]string, len(franchises))
	for i, f := range franchises {
		ids[i] = f.ID
	}
	return ids
}

func change(franchiseID, accountNumber string) franchise.PayoutChange {
	return franchise.PayoutChange{ID: id.New(id.PayoutChange), FranchiseID: franchiseID, Fingerprint: "one",
		Payout: franchise.Payout{BankCode: "004", Number: accountNumber, HolderName: "이사장"}}
}

func (w *world) beginChange(t *testing.T, c franchise.PayoutChange) franchise.PayoutChange {
	t.Helper()
	out, err := w.BeginPayoutChanges(t.Context(), []franchise.PayoutChange{c})
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

func TestPayoutChanges(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.register(t, 1)
	c := change(f.ID, "123-456-7890")
	first := w.beginChange(t, c)
	require.Equal(t, record.Requested, first.State)
	require.Equal(t, "1234567890", first.Payout.Number)
	require.Equal(t, first, w.beginChange(t, c))

	second := w.beginChange(t, change(f.ID, "9876543210"))
	require.Equal(t, errs.ConcurrentEdit.Code, second.Refusal.Code, "one change at a time")
	require.ErrorIs(t, w.MovePayoutChanges(ctx, succeeded(second.ID)), errs.ConcurrentEdit)
	require.NoError(t, w.MovePayoutChanges(ctx, ended(second.ID, record.Failed)))

	w.pass(time.Minute)
	require.NoError(t, w.MovePayoutChanges(ctx, succeeded(c.ID)))
	got := w.find(t, f.ID)
	require.Equal(t, first.Payout, got.Payout)
	require.Equal(t, w.now(), got.PayoutVerifiedAt)
	require.Equal(t, f.Version+1, got.Version)
	w.pass(time.Minute)
	require.NoError(t, w.MovePayoutChanges(ctx, succeeded(c.ID)))
	require.Equal(t, got, w.find(t, f.ID), "a repeat changes nothing")

	third := w.beginChange(t, change(f.ID, "5555555555"))
	require.False(t, third.Refusal.Is())
	require.NoError(t, w.MovePayoutChanges(ctx, []record.Move{{ID: third.ID, State: record.Failed, Failure: record.FailureOf(errs.BankNameMismatch)}}))
	require.Equal(t, got, w.find(t, f.ID), "a failed change changes nothing")

	for who, visible := range map[string]bool{"": true, f.ID: true, id.New(id.Franchise): false} {
		found, err := w.FindPayoutChange(ctx, who, third.ID)
		require.Equal(t, visible, err == nil, who)
		if visible {
			require.Equal(t, errs.BankNameMismatch.Code, found.Failure.Code)
		} else {
			require.ErrorIs(t, err, errs.PayoutChangeNotFound)
		}
	}
	_, err := w.FindPayoutChange(ctx, "", id.New(id.PayoutChange))
	require.ErrorIs(t, err, errs.PayoutChangeNotFound)
}

func TestAPayoutChangeNeedsAFranchise(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	pending := w.begin(t, request(number))
	for _, who := range []string{pending.ID, id.New(id.Franchise)} {
		c := w.beginChange(t, change(who, "1234567890"))
		require.Equal(t, errs.FranchiseNotFound.Code, c.Refusal.Code)
		require.ErrorIs(t, w.MovePayoutChanges(ctx, succeeded(c.ID)), errs.ConcurrentEdit)
	}
	for _, bad := range []franchise.PayoutChange{{}, change("fra", "1234567890"), change(pending.ID, "1")} {
		_, err := w.BeginPayoutChanges(ctx, []franchise.PayoutChange{bad})
		require.ErrorIs(t, err, errs.InvalidRequest)
	}
	require.Equal(t, "/accountNumber", w.CheckPayout(change("", "1").Payout).Fields[0].Pointer)
}

func TestKeys(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.register(t, 1)
	key, secret, err := w.CreateKey(ctx, f.ID, " till 1 ")
	require.NoError(t, err)
	require.Regexp(t, `^dpk_[A-Za-z0-9_-]{43}$`, secret)
	require.Equal(t, franchise.Key{ID: key.ID, FranchiseID: f.ID, Label: "till 1", CreatedAt: w.now()}, key)
	require.True(t, id.Valid(id.APIKey, key.ID))
	_, err = w.Modify(ctx, f.ID, f.Version, franchise.Patch{Status: pointerTo(franchise.Deactivated)})
	require.NoError(t, err)
	owner, err := w.Authenticate(ctx, secret)
	require.NoError(t, err, "a deactivated franchise may look at its settlements")
	require.Equal(t, f.ID, owner)
	for _, bad := range []string{"", "dpk_", secret[4:], secret[:46], secret + "a", "dpk_" + strings.Repeat("A", 43), strings.ToUpper(secret)} {
		_, err := w.Authenticate(ctx, bad)
		require.ErrorIs(t, err, errs.APIKeyInvalid, bad)
	}

	require.ErrorIs(t, w.RevokeKey(ctx, id.New(id.Franchise), key.ID), errs.APIKeyNotFound, "another franchise's")
	require.ErrorIs(t, w.RevokeKey(ctx, f.ID, id.New(id.APIKey)), errs.APIKeyNotFound)
	require.NoError(t, w.RevokeKey(ctx, f.ID, key.ID))
	revokedAt := w.now()
	w.pass(time.Minute)
	require.NoError(t, w.RevokeKey(ctx, f.ID, key.ID))
	_, err = w.Authenticate(ctx, secret)
	require.ErrorIs(t, err, errs.APIKeyInvalid)
	p, err := w.ListKeys(ctx, f.ID, page.Request{Limit: 5})
	require.NoError(t, err)
	require.Equal(t, revokedAt, p.Items[0].RevokedAt)

	for _, label := range []string{"", " ", strings.Repeat("a", 51), "a\nb"} {
		_, _, err := w.CreateKey(ctx, f.ID, label)
		require.ErrorIs(t, err, errs.InvalidRequest, label)
	}
	for _, who := range []string{id.New(id.Franchise), w.begin(t, request(number)).ID} {
		_, _, err := w.CreateKey(ctx, who, "till")
		require.ErrorIs(t, err, errs.FranchiseNotFound)
	}
}

func TestAFranchiseHasTenKeysAtMost(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.register(t, 1)
	var wg sync.WaitGroup
	var made atomic.Int32
	for range 25 {
		wg.Go(func() {
			_, _, err := w.CreateKey(ctx, f.ID, "till")
			if err == nil {
				made.Add(1)
			} else if errs.Of(err).Code != errs.TooManyAPIKeys.Code {
				t.Errorf("create: %v", err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, franchise.MaxKeys, made.Load())
	keys := pages(t, 3, func(q page.Request) (page.Page[franchise.Key], error) { return w.ListKeys(ctx, f.ID, q) })
	require.Len(t, keys, franchise.MaxKeys)
	require.NoError(t, w.RevokeKey(ctx, f.ID, keys[4].ID))
	_, _, err := w.CreateKey(ctx, f.ID, "till")
	require.NoError(t, err, "a revoked one makes room")
}

const hook = "https://example.com/hooks"

func TestWebhooks(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.register(t, 1)
	_, err := w.Webhook(ctx, f.ID)
	require.ErrorIs(t, err, errs.WebhookNotSet)
	_, _, err = w.RotateSecret(ctx, f.ID)
	require.ErrorIs(t, err, errs.WebhookNotSet)
	_, _, err = w.SetWebhook(ctx, f.ID, "http://example.com")
	require.ErrorIs(t, err, errs.InvalidRequest)
	for _, who := range []string{id.New(id.Franchise), w.begin(t, request(number)).ID} {
		_, _, err = w.SetWebhook(ctx, who, hook)
		require.ErrorIs(t, err, errs.FranchiseNotFound)
	}

	set, first, err := w.SetWebhook(ctx, f.ID, hook)
	require.NoError(t, err)
	require.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=$`, first)
	require.Equal(t, franchise.Webhook{FranchiseID: f.ID, URL: hook, CreatedAt: w.now(), UpdatedAt: w.now()}, set)
	got, err := w.Webhook(ctx, f.ID)
	require.NoError(t, err)
	require.Equal(t, set, got)

	w.pass(time.Hour)
	rotated, second, err := w.RotateSecret(ctx, f.ID)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	require.Equal(t, w.now().Add(franchise.SecretOverlap), rotated.OldSecretUntil)
	_, third, err := w.SetWebhook(ctx, f.ID, hook+"/2")
	require.NoError(t, err)
	require.NotEqual(t, second, third)
	got, err = w.Webhook(ctx, f.ID)
	require.NoError(t, err)
	require.Zero(t, got.OldSecretUntil, "an address that is set anew has one secret")
	require.Equal(t, hook+"/2", got.URL)
	require.NoError(t, w.RemoveWebhook(ctx, f.ID))
	require.NoError(t, w.RemoveWebhook(ctx, f.ID))
	_, err = w.Webhook(ctx, f.ID)
	require.ErrorIs(t, err, errs.WebhookNotSet)
}

func event(franchiseID string) franchise.NewEvent {
	return franchise.NewEvent{EventID: id.New(id.Event), FranchiseID: franchiseID, Type: franchise.PaymentApproved,
		Data: json.RawMessage(`{"paymentId": "pay_1", "amount": 5000}`), At: time.Date(2026, 3, 2, 8, 0, 0, 123456789, time.UTC)}
}

func (w *world) tell(t *testing.T, e franchise.NewEvent) franchise.Delivery {
	t.Helper()
	w.micros.Add(1)
	out, err := w.BeginDeliveries(t.Context(), []franchise.NewEvent{e})
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

func TestBeginDeliveries(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	with, without := w.register(t, 1), w.register(t, 2)
	_, _, err := w.SetWebhook(ctx, with.ID, hook)
	require.NoError(t, err)
	e := event(with.ID)
	out, err := w.BeginDeliveries(ctx, []franchise.NewEvent{event(without.ID), e, e})
	require.NoError(t, err)
	want := franchise.Delivery{ID: id.Derive(id.Delivery, e.EventID), EventID: e.EventID, FranchiseID: with.ID, Type: franchise.PaymentApproved,
		Payload: json.RawMessage(`{"type":"payment.approved","timestamp":"2026-03-02T08:00:00.123456Z","data":{"paymentId":"pay_1","amount":5000}}`),
		State:   record.Requested, CreatedAt: w.now(), UpdatedAt: w.now()}
	require.Equal(t, []franchise.Delivery{{}, want, want}, out)

	other := e
	other.Data = json.RawMessage(`{}`)
	require.Equal(t, want, w.tell(t, other))
	require.NoError(t, w.RemoveWebhook(ctx, with.ID))
	require.Equal(t, want, w.tell(t, e), "what was begun stays")
	require.Zero(t, w.tell(t, event(with.ID)))

	for _, spoil := range []func(*franchise.NewEvent){
		func(e *franchise.NewEvent) { e.EventID = "" }, func(e *franchise.NewEvent) { e.FranchiseID = "" }, func(e *franchise.NewEvent) { e.Type = "x" },
		func(e *franchise.NewEvent) { e.Data = json.RawMessage(`{`) }, func(e *franchise.NewEvent) { e.Data = json.RawMessage(`"` + strings.Repeat("a", 60_000) + `"`) },
	} {
		bad := event(with.ID)
		spoil(&bad)
		_, err := w.BeginDeliveries(ctx, []franchise.NewEvent{bad})
		require.ErrorIs(t, err, errs.InvalidRequest)
	}
}

func TestConcurrentEventsAreStoredOnceEach(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.register(t, 1)
	_, _, err := w.SetWebhook(ctx, f.ID, hook)
	require.NoError(t, err)
	events := make([]franchise.NewEvent, 10)
	for i := range events {
		events[i] = event(f.ID)
	}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			out, err := w.BeginDeliveries(ctx, events[i%10:i%10+1])
			if err != nil || out[0].EventID != events[i%10].EventID {
				t.Errorf("begin: %v %v", out, err)
				return
			}
			if err := w.MoveDeliveries(ctx, ended(out[0].ID, record.Processing)); err != nil {
				t.Errorf("move: %v", err)
			}
		})
	}
	wg.Wait()
	all := pages(t, 4, func(q page.Request) (page.Page[franchise.Delivery], error) { return w.ListDeliveries(ctx, f.ID, q) })
	require.Len(t, all, 10)
}

// valid tells whether one of a message's signatures is made with this secret, as a
// receiver would look at it.
func valid(t *testing.T, m franchise.Message, secret string) bool {
	t.Helper()
	for _, s := range strings.Split(m.Signature, " ") {
		if s == sign(t, secret, m) {
			return true
		}
	}
	return false
}

func TestADeliveryIsSignedByTheSecretsInForce(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.register(t, 1)
	_, first, err := w.SetWebhook(ctx, f.ID, hook)
	require.NoError(t, err)
	attempt := func() franchise.Message {
		outcome, err := w.Attempt(ctx, w.tell(t, event(f.ID)).ID)
		require.NoError(t, err)
		require.True(t, outcome.Delivered)
		return w.sent.messages[len(w.sent.messages)-1]
	}
	m := attempt()
	require.Equal(t, hook, m.URL)
	require.Equal(t, w.now(), m.At)
	require.True(t, valid(t, m, first))
	_, second, err := w.RotateSecret(ctx, f.ID)
	require.NoError(t, err)
	m = attempt()
	require.True(t, valid(t, m, first) && valid(t, m, second))
	w.pass(franchise.SecretOverlap)
	m = attempt()
	require.True(t, valid(t, m, second))
	require.False(t, valid(t, m, first))
}

func TestAttempts(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.register(t, 1)
	_, _, err := w.SetWebhook(ctx, f.ID, hook)
	require.NoError(t, err)
	d := w.tell(t, event(f.ID))
	attempt := func(want franchise.AttemptOutcome) {
		t.Helper()
		got, err := w.Attempt(ctx, d.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	w.sent.meanwhile = func() { w.pass(30 * time.Millisecond) }
	w.sent.answer = franchise.Answer{Code: franchise.CodeTimeout}
	attempt(franchise.AttemptOutcome{Code: franchise.CodeTimeout})
	w.sent.answer = franchise.Answer{Status: 500}
	attempt(franchise.AttemptOutcome{Status: 500, Code: franchise.CodeStatus})
	w.sent.answer = franchise.Answer{Status: 200}
	attempt(franchise.AttemptOutcome{Done: true, Delivered: true, Status: 200})
	attempt(franchise.AttemptOutcome{Done: true, Delivered: true})
	require.Len(t, w.sent.messages, 3, "a delivered message is not sent again")
	require.Equal(t, d.ID, w.sent.messages[0].ID)

	got, err := w.FindDelivery(ctx, f.ID, d.ID)
	require.NoError(t, err)
	require.Equal(t, 3, got.Attempts)
	require.Equal(t, w.now(), got.DeliveredAt)
	require.Equal(t, record.Requested, got.State, "the flow moves it")
	require.Equal(t, []franchise.Attempt{
		{Number: 1, At: w.now().Add(-90 * time.Millisecond), Code: franchise.CodeTimeout, DurationMS: 30},
		{Number: 2, At: w.now().Add(-60 * time.Millisecond), Status: 500, Code: franchise.CodeStatus, DurationMS: 30},
		{Number: 3, At: w.now().Add(-30 * time.Millisecond), Status: 200, DurationMS: 30},
	}, got.Log)
	require.NoError(t, w.MoveDeliveries(ctx, succeeded(d.ID)))
	require.ErrorIs(t, w.MoveDeliveries(ctx, succeeded(id.New(id.Delivery))), errs.WebhookDeliveryNotFound)

	_, err = w.FindDelivery(ctx, id.New(id.Franchise), d.ID)
	require.ErrorIs(t, err, errs.WebhookDeliveryNotFound)
	_, err = w.Attempt(ctx, id.New(id.Delivery))
	require.ErrorIs(t, err, errs.WebhookDeliveryNotFound)
	d = w.tell(t, event(f.ID))
	require.NoError(t, w.MoveDeliveries(ctx, ended(d.ID, record.Failed)))
	attempt(franchise.AttemptOutcome{Done: true, Code: franchise.CodeClosed})
}

func TestAReceiverThatIsGone(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.register(t, 1)
	_, _, err := w.SetWebhook(ctx, f.ID, hook)
	require.NoError(t, err)
	one, two := w.tell(t, event(f.ID)), w.tell(t, event(f.ID))
	w.sent.answer = franchise.Answer{Status: 410}
	w.sent.meanwhile = func() {
		w.pass(time.Second)
		_, _, err := w.SetWebhook(ctx, f.ID, hook+"/new")
		require.NoError(t, err)
	}
	_, err = w.Attempt(ctx, one.ID)
	require.NoError(t, err)
	_, err = w.Webhook(ctx, f.ID)
	require.NoError(t, err, "another one was set meanwhile")

	w.sent.meanwhile = nil
	outcome, err := w.Attempt(ctx, one.ID)
	require.NoError(t, err)
	require.Equal(t, franchise.AttemptOutcome{Done: true, Status: 410, Code: franchise.CodeGone}, outcome)
	_, err = w.Webhook(ctx, f.ID)
	require.ErrorIs(t, err, errs.WebhookNotSet)
	outcome, err = w.Attempt(ctx, two.ID)
	require.NoError(t, err)
	require.Equal(t, franchise.AttemptOutcome{Done: true, Code: franchise.CodeNotSet}, outcome)
}

func TestTheLogOfAttemptsHasAnEnd(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.register(t, 1)
	_, _, err := w.SetWebhook(ctx, f.ID, hook)
	require.NoError(t, err)
	d := w.tell(t, event(f.ID))
	w.sent.answer = franchise.Answer{Status: 500}
	var wg sync.WaitGroup
	const made = franchise.MaxLoggedAttempts + 5
	for range made { // as many at once as there are places
		wg.Go(func() {
			for busy := true; busy; {
				out, err := w.Attempt(ctx, d.ID)
				if err != nil {
					t.Errorf("attempt: %v", err)
					return
				}
				busy = out.Busy
			}
		})
	}
	wg.Wait()
	got, err := w.FindDelivery(ctx, "", d.ID)
	require.NoError(t, err)
	require.Equal(t, made, got.Attempts)
	require.Len(t, got.Log, franchise.MaxLoggedAttempts)
	require.Equal(t, 6, got.Log[0].Number)
	require.True(t, slices.IsSortedFunc(got.Log, func(a, b franchise.Attempt) int { return a.Number - b.Number }))
}

func TestNoColumnHoldsASecretInTheClear(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	f := w.register(t, 1)
	w.beginChange(t, change(f.ID, "1234567890"))
	_, key, err := w.CreateKey(ctx, f.ID, "till")
	require.NoError(t, err)
	_, signing, err := w.SetWebhook(ctx, f.ID, hook)
	require.NoError(t, err)
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signing, "whsec_"))
	require.NoError(t, err)
	hidden := []string{"kim@", "110123456789", "김사장", "1234567890", "이사장", key, key[4:], signing[6:], string(raw)}
	for _, table := range []string{"franchises", "payout_changes", "api_keys", "webhooks"} {
		rows, err := w.db.Queryx("SELECT * FROM " + table)
		require.NoError(t, err)
		require.True(t, rows.Next(), table)
		columns, err := rows.SliceScan()
		require.NoError(t, err)
		require.NoError(t, rows.Close())
		for _, c := range columns {
			b, _ := c.([]byte)
			for _, clear := range hidden {
				require.NotContains(t, string(b), clear, table)
			}
		}
	}
}
