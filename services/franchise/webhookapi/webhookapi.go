// Package webhookapi posts messages to franchises' servers. Where they are is for the
// franchises to say, so nothing they give is trusted: a connection is made to public
// addresses only, whatever a name resolves to; redirects are not followed; and an
// answer is read only so far.
package webhookapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"durapay/services/franchise"
)

// DefaultTimeout bounds one exchange, the answer's body included.
const DefaultTimeout = 10 * time.Second

const (
	maxBody          = 64 << 10 // bytes of an answer that are read, so that its connection can be used again
	maxHeader        = 64 << 10
	maxIdleConns     = 100
	maxConnsPerHost  = 16
	idleConnLifetime = 30 * time.Second
)

// Options are what differs between deployments.
type Options struct {
	Timeout      time.Duration  // 0 means DefaultTimeout
	AllowPrivate bool           // connect to any address: for trials, never in production
	RootCAs      *x509.CertPool // nil means the system's
}

// Client implements franchise.Sender.
type Client struct {
	http *http.Client
}

var _ franchise.Sender = (*Client)(nil)

// New makes a Client.
func New(o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	return &Client{http: &http.Client{Timeout: o.Timeout, Transport: transport(o), CheckRedirect: noRedirect}}
}

func transport(o Options) *http.Transport {
	dialer := &net.Dialer{Timeout: o.Timeout}
	if !o.AllowPrivate {
		dialer.Control = publicOnly
	}
	return &http.Transport{
		Proxy:                  nil, // a proxy of the environment would connect in our place, unchecked
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		TLSHandshakeTimeout:    o.Timeout,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxConnsPerHost:        maxConnsPerHost,
		MaxIdleConns:           maxIdleConns,
		IdleConnTimeout:        idleConnLifetime,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// noRedirect hands a redirect over as the answer.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// errAddress is what publicOnly refuses with.
var errAddress = errors.New("not a public address")

// publicOnly looks at the address that is about to be connected to: at this moment it
// can no longer change, as what a name resolves to can (DNS rebinding).
func publicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !franchise.PublicAddress(at.Addr()) {
		return errAddress
	}
	return nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Send posts a message once, with the headers of Standard Webhooks.
func (c *Client) Send(ctx context.Context, m franchise.Message) franchise.Answer {
	request, err := newRequest(ctx, m)
	if err != nil {
		return franchise.Answer{Code: franchise.CodeUnreachable}
	}
	response, err := c.http.Do(request)
	if err != nil {
		return franchise.Answer{Code: codeOf(err)}
	}
	// What the answer's body says, or that it breaks off, changes nothing.
	_, _ = io.CopyN(io.Discard, response.Body, maxBody)
	_ = response.Body.Close()
	return franchise.Answer{Status: response.StatusCode}
}

func newRequest(ctx context.Context, m franchise.Message) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return nil, fmt.Errorf("webhook request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Durapay-Webhooks/1")
	request.Header.Set("webhook-id", m.ID)
	request.Header.Set("webhook-timestamp", strconv.FormatInt(m.At.Unix(), 10))
	request.Header.Set("webhook-signature", m.Signature)
	return request, nil
}

// codeOf gives the word for an exchange without an answer; the error itself may name the
// URL, which is the franchise's secret.
func codeOf(err error) franchise.AttemptCode {
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError
	switch {
	case errors.Is(err, errAddress):
		return franchise.CodeAddress
	case errors.As(err, &timeout) && timeout.Timeout():
		return franchise.CodeTimeout
	case errors.As(err, &certificate), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch),
		errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error"): // crypto/tls's words for an alert
		return franchise.CodeTLS
	default:
		return franchise.CodeUnreachable
	}
}
