package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"durapay/test/harness"
)

// event is a message of a webhook.
type event struct {
	Type      string
	Timestamp time.Time
	Data      struct {
		PaymentID, CancelID, OrderID, Currency string
		Amount, FeeBasisPoints                 int64
	}
}

// delivery is the telling of an event, as its franchise can read it.
type delivery struct {
	ID, EventID, Type, State string
	AttemptCount             int
	Attempts                 []struct {
		Number int
		At     time.Time
		Status int
		Code   string
	}
	Payload     json.RawMessage
	Failure     *struct{ Code string }
	Until       *time.Time
	DeliveredAt *time.Time
}

// told gives what a receiver was told of a payment, by its kinds. Settlements of other
// tests may tell it more.
func toldOf(t *testing.T, r *harness.Receiver, paymentID string) (events []event, messages []harness.Message) {
	t.Helper()
	for _, m := range r.Messages() {
		var e event
		require.NoError(t, json.Unmarshal(m.Body, &e), string(m.Body))
		if e.Data.PaymentID == paymentID {
			events, messages = append(events, e), append(messages, m)
		}
	}
	return events, messages
}

const tellBound = 30 * time.Second

// awaitTold waits until a receiver was told so often of a payment.
func awaitTold(t *testing.T, r *harness.Receiver, paymentID string, times int) ([]event, []harness.Message) {
	t.Helper()
	var events []event
	var messages []harness.Message
	harness.Eventually(t, tellBound, "the franchise is told", func() bool {
		events, messages = toldOf(t, r, paymentID)
		return len(events) >= times
	})
	require.Len(t, events, times)
	return events, messages
}

func deliveries(t *testing.T, f *harness.Franchise) []delivery {
	t.Helper()
	a := f.Get(t, f.Path("/webhook/deliveries?limit=100"))
	all := harness.Read[harness.List[delivery]](t, a, http.StatusOK).Items
	return slices.DeleteFunc(all, func(d delivery) bool { return d.Type == "settlement.paid" })
}

func readDelivery(t *testing.T, f *harness.Franchise, id string) delivery {
	t.Helper()
	return harness.Read[delivery](t, f.Get(t, f.Path("/webhook/deliveries/"+id)), http.StatusOK)
}

// awaitDelivery waits until a delivery has ended, and reads it with its attempts.
func awaitDelivery(t *testing.T, f *harness.Franchise, id string) delivery {
	t.Helper()
	harness.Shared(t).Follow(t, harness.Shared(t).Operator(t), id)
	return readDelivery(t, f, id)
}

// requireSigned checks a message with the official library, and that neither another
// secret nor another body goes with its signature.
func requireSigned(t *testing.T, m harness.Message, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		w, err := webhooks.NewWebhook(secret)
		require.NoError(t, err)
		require.NoError(t, w.Verify(m.Body, m.Header))
		require.Error(t, w.Verify(append(slices.Clone(m.Body), ' '), m.Header))
	}
	foreign, err := webhooks.NewWebhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	require.Error(t, foreign.Verify(m.Body, m.Header))
}

func TestAFranchiseIsToldOfPaymentsAndCancels(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	r := harness.NewReceiver(t, harness.Always(http.StatusNoContent))
	f := p.NewFranchise(t, harness.Daily(176))
	secret := f.SetWebhook(t, r.URL)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	key, body := newKey(), f.PayBody(10_000)
	end := m.End(t, m.Pay(t, key, body))
	awaitTold(t, r, end.ID, 1)
	m.Pay(t, key, body) // a repeat tells nothing
	requireRefused(t, m, m.Pay(t, newKey(), f.PayBody(1_000_000)), http.StatusUnprocessableEntity, "insufficient_balance")
	back := f.MustCancel(t, end.ID, 3_000)
	f.End(t, f.Cancel(t, newKey(), end.ID, 1_000_000)) // a refusal tells nothing either
	events, messages := awaitTold(t, r, end.ID, 2)

	paid, cancelled := events[0], events[1]
	require.Equal(t, []any{"payment.approved", body.OrderID, "KRW", int64(10_000), int64(176)},
		[]any{paid.Type, paid.Data.OrderID, paid.Data.Currency, paid.Data.Amount, paid.Data.FeeBasisPoints})
	require.Equal(t, []any{"payment.cancelled", body.OrderID, "KRW", int64(3_000), back.ID},
		[]any{cancelled.Type, cancelled.Data.OrderID, cancelled.Data.Currency, cancelled.Data.Amount, cancelled.Data.CancelID})
	requireDelivered(t, f, secret, messages)
	require.NotContains(t, string(slices.Concat(messages[0].Body, messages[1].Body)), m.ID, "who paid is not told")
}

// requireDelivered checks signed messages against the franchise's list of deliveries,
// which is newest first.
func requireDelivered(t *testing.T, f *harness.Franchise, secret string, messages []harness.Message) {
	t.Helper()
	all := deliveries(t, f)
	require.Len(t, all, len(messages))
	for i, message := range messages {
		requireSigned(t, message, secret)
		require.Equal(t, "application/json", message.Header.Get("Content-Type"))
		listed := all[len(all)-1-i]
		require.Equal(t, listed.ID, message.Header.Get("Webhook-Id"))
		d := awaitDelivery(t, f, listed.ID)
		require.Equal(t, []any{"SUCCEEDED", 1, http.StatusNoContent, ""}, []any{d.State, d.AttemptCount, d.Attempts[0].Status, d.Attempts[0].Code})
		require.NotNil(t, d.DeliveredAt)
		require.JSONEq(t, string(message.Body), string(d.Payload))
		require.Empty(t, listed.Payload, "a list is short")
	}
}

func TestAMessageIsSentAgainUntilItIsTaken(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	r := harness.NewReceiver(t, func(n int) int { return []int{http.StatusServiceUnavailable, http.StatusOK}[min(n, 2)-1] })
	f := p.NewFranchise(t, harness.Daily(176))
	secret := f.SetWebhook(t, r.URL)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	paid := m.MustPay(t, f, 10_000)
	require.Equal(t, "APPROVED", paid.State, "a franchise that is away holds up nothing")
	waiting := awaitWaiting(t, f)
	require.Equal(t, 1, waiting.AttemptCount)
	require.WithinDuration(t, waiting.Attempts[0].At.Add(5*time.Second), *waiting.Until, 2*time.Second)

	events, messages := awaitTold(t, r, paid.ID, 2)
	require.Equal(t, events[0], events[1])
	require.Equal(t, messages[0].Header.Get("Webhook-Id"), messages[1].Header.Get("Webhook-Id"), "the receiver can tell that it is the same")
	for _, message := range messages {
		requireSigned(t, message, secret)
	}
	d := awaitDelivery(t, f, waiting.ID)
	require.Equal(t, []any{"SUCCEEDED", 2}, []any{d.State, d.AttemptCount})
	require.Equal(t, []any{1, 503, "status", 2, 200, ""}, []any{d.Attempts[0].Number, d.Attempts[0].Status, d.Attempts[0].Code,
		d.Attempts[1].Number, d.Attempts[1].Status, d.Attempts[1].Code})
	require.GreaterOrEqual(t, d.Attempts[1].At.Sub(d.Attempts[0].At), 5*time.Second)
}

// awaitWaiting waits until the one delivery of a franchise waits for its next attempt.
func awaitWaiting(t *testing.T, f *harness.Franchise) delivery {
	t.Helper()
	var waiting delivery
	harness.Eventually(t, tellBound, "the delivery waits", func() bool {
		all := deliveries(t, f)
		if len(all) != 1 || all[0].State != "WAITING" {
			return false
		}
		waiting = readDelivery(t, f, all[0].ID)
		return waiting.State == "WAITING"
	})
	return waiting
}

func TestAWebhooksSecretIsChangedWithoutAGap(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	r := harness.NewReceiver(t, harness.Always(http.StatusOK))
	f := p.NewFranchise(t, harness.Daily(176))
	first := f.SetWebhook(t, r.URL)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	type rotated struct {
		Secret        string
		PreviousUntil time.Time
	}
	next := harness.Read[rotated](t, f.Send(t, http.MethodPost, f.Path("/webhook/rotate-secret"), "", nil), http.StatusOK)
	p.Secret(next.Secret)
	require.NotEqual(t, first, next.Secret)
	require.WithinDuration(t, time.Now().Add(24*time.Hour), next.PreviousUntil, time.Hour)
	_, messages := awaitTold(t, r, m.MustPay(t, f, 1_000).ID, 1)
	requireSigned(t, messages[0], first, next.Secret)
	shown := f.Get(t, f.Path("/webhook"))
	require.NotContains(t, string(shown.Body), "whsec_", "a secret is shown once")
	require.Equal(t, next.PreviousUntil, harness.Read[rotated](t, shown, http.StatusOK).PreviousUntil)

	fresh := f.SetWebhook(t, r.URL) // set anew: nobody shall sign as the one before
	_, messages = awaitTold(t, r, m.MustPay(t, f, 1_000).ID, 1)
	requireSigned(t, messages[0], fresh)
	for _, old := range []string{first, next.Secret} {
		w, err := webhooks.NewWebhook(old)
		require.NoError(t, err)
		require.Error(t, w.Verify(messages[0].Body, messages[0].Header))
	}
	awaitAllEnded(t, f)
}

// awaitAllEnded waits until all deliveries have ended, so that none finds its receiver away.
func awaitAllEnded(t *testing.T, f *harness.Franchise) {
	t.Helper()
	for _, d := range deliveries(t, f) {
		harness.Shared(t).Follow(t, harness.Shared(t).Operator(t), d.ID)
	}
}

func TestAWebhookThatIsRemovedIsToldNothing(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	r := harness.NewReceiver(t, harness.Always(http.StatusInternalServerError))
	f := p.NewFranchise(t, harness.Daily(176))
	path := f.Path("/webhook")
	requireCode(t, http.StatusNotFound, "webhook_not_set", f.Get(t, path))
	requireCode(t, http.StatusNotFound, "webhook_not_set", f.Send(t, http.MethodPost, path+"/rotate-secret", "", nil))
	f.SetWebhook(t, r.URL)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	first := m.MustPay(t, f, 1_000)
	waiting := awaitWaiting(t, f)
	for range 2 {
		require.Equal(t, http.StatusNoContent, f.Send(t, http.MethodDelete, path, "", nil).Status)
	}
	second := m.MustPay(t, f, 2_000)
	d := awaitDelivery(t, f, waiting.ID)
	require.Equal(t, "FAILED", d.State, "nobody has taken it")
	require.Nil(t, d.DeliveredAt)
	require.Equal(t, "webhook_undelivered", d.Failure.Code)
	awaitTold(t, r, first.ID, 1)
	events, _ := toldOf(t, r, second.ID)
	require.Empty(t, events)
	require.Len(t, deliveries(t, f), 1)
}

func TestAReceiverThatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	r := harness.NewReceiver(t, harness.Always(http.StatusGone))
	f := p.NewFranchise(t, harness.Daily(176))
	f.SetWebhook(t, r.URL)
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	paid := m.MustPay(t, f, 1_000)
	awaitTold(t, r, paid.ID, 1)
	d := awaitDelivery(t, f, deliveries(t, f)[0].ID)
	require.Equal(t, []any{"FAILED", 1, http.StatusGone, "gone"}, []any{d.State, d.AttemptCount, d.Attempts[0].Status, d.Attempts[0].Code})
	require.Nil(t, d.DeliveredAt)
	requireCode(t, http.StatusNotFound, "webhook_not_set", f.Get(t, f.Path("/webhook")))
}

func TestAWebhookIsItsFranchises(t *testing.T) {
	t.Parallel()
	p := harness.Shared(t)
	r := harness.NewReceiver(t, harness.Always(http.StatusOK))
	f, other := p.NewFranchise(t, harness.Daily(176)), p.NewFranchise(t, harness.Daily(176))
	m := p.NewMember(t).WithAccount(t, 100_000).WithBalance(t, 50_000)
	f.SetWebhook(t, r.URL)
	awaitTold(t, r, m.MustPay(t, f, 1_000).ID, 1)
	d := awaitDelivery(t, f, deliveries(t, f)[0].ID)
	for _, path := range []string{"/webhook", "/webhook/deliveries", "/webhook/deliveries/" + d.ID} {
		require.Equal(t, http.StatusOK, asOperator(t, http.MethodGet, f.Path(path), nil).Status, path)
		requireCode(t, http.StatusNotFound, "franchise_not_found", other.Get(t, f.Path(path)))
		requireCode(t, http.StatusForbidden, "role_forbidden", m.Get(t, f.Path(path)))
	}
	for _, id := range []string{d.ID, "whd_01JZ0000000000000000000000", "x"} {
		requireCode(t, http.StatusNotFound, "webhook_delivery_not_found", other.Get(t, other.Path("/webhook/deliveries/"+id)))
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		requireCode(t, http.StatusNotFound, "franchise_not_found", other.Send(t, method, f.Path("/webhook"), "", map[string]string{"url": r.URL}))
	}
	for _, url := range []string{"", "x", "ftp://example.com", "https://u:p@example.com/", "https://example.com/#f", "https://exa mple.com/", "https://" + strings.Repeat("a", 2_000)} {
		requireBadField(t, other.Send(t, http.MethodPut, other.Path("/webhook"), "", map[string]string{"url": url}), "/url", url)
	}
	require.Empty(t, deliveries(t, other))
}
