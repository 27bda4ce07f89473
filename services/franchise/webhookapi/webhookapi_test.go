package webhookapi_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"durapay/services/franchise"
	"durapay/services/franchise/webhookapi"
)

// server answers as told, and keeps what it got.
func server(t *testing.T, answer http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	s := httptest.NewUnstartedServer(answer)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are what some tests want
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, roots
}

func trial(roots *x509.CertPool) *webhookapi.Client {
	return webhookapi.New(webhookapi.Options{AllowPrivate: true, RootCAs: roots, Timeout: 5 * time.Second})
}

func message(url string) franchise.Message {
	return franchise.Message{URL: url, ID: "whd_1", At: time.Unix(1_700_000_000, 999), Signature: "v1,a v1,b", Body: []byte(`{"type":"payment.approved"}`)}
}

func TestSend(t *testing.T) {
	got := make(chan *http.Request, 1)
	body := make(chan string, 1)
	s, roots := server(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- r
		body <- string(b)
		w.WriteHeader(http.StatusAccepted)
	})
	c := trial(roots)
	defer c.Close()
	require.Equal(t, franchise.Answer{Status: 202}, c.Send(t.Context(), message(s.URL+"/hooks?a=b")))
	r := <-got
	require.Equal(t, http.MethodPost, r.Method)
	require.Equal(t, "/hooks?a=b", r.RequestURI)
	require.Equal(t, "application/json", r.Header.Get("Content-Type"))
	require.Equal(t, "whd_1", r.Header.Get("Webhook-Id"))
	require.Equal(t, "1700000000", r.Header.Get("Webhook-Timestamp"))
	require.Equal(t, "v1,a v1,b", r.Header.Get("Webhook-Signature"))
	require.Equal(t, `{"type":"payment.approved"}`, <-body)
}

func TestARedirectIsAnAnswer(t *testing.T) {
	calls := 0
	s, roots := server(t, func(w http.ResponseWriter, r *http.Request) {
		calls++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	c := trial(roots)
	defer c.Close()
	require.Equal(t, franchise.Answer{Status: 307}, c.Send(t.Context(), message(s.URL)))
	require.Equal(t, 1, calls)
}

func TestAnAnswerWithoutEndIsNotRead(t *testing.T) {
	s, roots := server(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := []byte(strings.Repeat("x", 4096))
		for range 1 << 16 { // 256 MB, unless the reader leaves
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	c := trial(roots)
	defer c.Close()
	require.Equal(t, franchise.Answer{Status: 200}, c.Send(t.Context(), message(s.URL)))
}

func TestPrivateAddressesAreNotConnectedTo(t *testing.T) {
	s, roots := server(t, func(http.ResponseWriter, *http.Request) { t.Error("it was called") })
	c := webhookapi.New(webhookapi.Options{RootCAs: roots})
	defer c.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		got := c.Send(t.Context(), message("https://"+host+":"+port+"/"))
		require.Equal(t, franchise.Answer{Code: franchise.CodeAddress}, got, host)
	}
}

func TestWhatIsNoAnswer(t *testing.T) {
	s, roots := server(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a server notices that the client has left once it has read all
		<-r.Context().Done()
	})
	short := webhookapi.New(webhookapi.Options{AllowPrivate: true, RootCAs: roots, Timeout: 50 * time.Millisecond})
	defer short.Close()
	require.Equal(t, franchise.CodeTimeout, short.Send(t.Context(), message(s.URL)).Code)
	stranger := trial(nil)
	defer stranger.Close()
	require.Equal(t, franchise.CodeTLS, stranger.Send(t.Context(), message(s.URL)).Code)

	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	defer old.Close()
	require.Equal(t, franchise.CodeTLS, stranger.Send(t.Context(), message(old.URL)).Code)

	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	require.Equal(t, franchise.CodeTLS, stranger.Send(t.Context(), message(strings.Replace(plain.URL, "http:", "https:", 1))).Code)
	plain.Close()
	require.Equal(t, franchise.CodeUnreachable, stranger.Send(t.Context(), message(strings.Replace(plain.URL, "http:", "https:", 1))).Code)
	require.Equal(t, franchise.CodeUnreachable, stranger.Send(t.Context(), message("https://a b/")).Code)

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.NotEmpty(t, stranger.Send(gone, message(s.URL)).Code)
}
