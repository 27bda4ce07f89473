// Package bankapi reaches banks over HTTP. What is not a complete, well-formed answer
// is an error, and an error means that nothing is known: the caller inquires.
//
// A transfer is put on the wire at most once. There are three ways in which net/http
// would send a request again by itself, and none of them is open here: redirects are
// not followed; HTTP/2, which replays refused streams, is off; and over HTTP/1 a
// request that was sent on a reused connection is replayed only when it is a GET, has
// an Idempotency-Key header, or not one byte of it was written, and a body without
// GetBody cannot be rewound.
package bankapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"durapay/services/banking"
)

// The defaults and bounds of a client.
const (
	DefaultTimeout  = 5 * time.Second
	DefaultMaxConns = 64

	maxBody          = 1 << 20 // bytes of an answer: a statement's page of 500 entries is far below
	maxHeader        = 64 << 10
	idleConnLifetime = 90 * time.Second
)

// Options say where the banks are.
type Options struct {
	BaseURL  string        // http://host:port, with or without a path
	Timeout  time.Duration // of one call, its answer's body included; 0 means DefaultTimeout
	MaxConns int           // connections at a time; 0 means DefaultMaxConns
}

// Client implements banking.Bank.
type Client struct {
	base    *url.URL
	http    *http.Client
	timeout time.Duration
}

var _ banking.Bank = (*Client)(nil)

// New makes a Client; it does not connect yet.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("bank's address: expected http://host:port or https://host")
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxConns == 0 {
		o.MaxConns = DefaultMaxConns
	}
	return &Client{base: base, timeout: o.Timeout, http: &http.Client{Transport: transport(o), CheckRedirect: noRedirect}}, nil
}

func transport(o Options) *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: o.Timeout}).DialContext,
		Protocols:              &http1,
		DisableCompression:     true,
		MaxConnsPerHost:        o.MaxConns,
		MaxIdleConnsPerHost:    o.MaxConns,
		IdleConnTimeout:        idleConnLifetime,
		TLSHandshakeTimeout:    o.Timeout,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// noRedirect hands a redirect over as the answer, which then is none.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// post sends a body once and reads the answer into out.
func (c *Client) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("bank request: %w", err)
	}
	return c.call(ctx, http.MethodPost, path, nil, body, out)
}

// get reads the answer into out.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.call(ctx, http.MethodGet, path, query, nil, out)
}

// call makes one exchange. Its errors name no URL, because a path may hold an account number.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := c.request(ctx, method, path, query, body)
	if err != nil {
		return withoutURL(err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = response.Body.Close() }() // all of it that matters has been read
	if d, ok := out.(dated); ok {
		d.answeredAt(response.Header)
	}
	return read(response, out)
}

func (c *Client) request(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Request, error) {
	at := *c.base
	at.Path = strings.TrimSuffix(c.base.Path, "/") + path
	at.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, at.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
		request.Body = io.NopCloser(bytes.NewReader(body)) // without GetBody: see the package comment
		request.ContentLength = int64(len(body))
	}
	return request, nil
}

func withoutURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err
	}
	return fmt.Errorf("bank call: %w", err)
}

// read takes an answer that is complete, JSON, and one value; nothing else is one.
func read(response *http.Response, out any) error {
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("bank answer: status %d", response.StatusCode)
	}
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return errors.New("bank answer: not JSON")
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return fmt.Errorf("bank answer: %w", err)
	}
	if len(body) > maxBody {
		return fmt.Errorf("bank answer: more than %d bytes", maxBody)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return errors.New("bank answer: malformed JSON") // the parser's words may repeat a value
	}
	return nil
}

// Verify asks whether an account exists, is open, and is held by that name.
func (c *Client) Verify(ctx context.Context, ref banking.BankAccountRef) (banking.Verification, error) {
	in := verifyRequest{accountKey: keyOf(ref), HolderName: ref.HolderName}
	var out verifyResponse
	if err := c.post(ctx, "/v1/accounts/verify", in, &out); err != nil {
		return "", err
	}
	return out.verification()
}

// Transfer hands a transfer over, once.
func (c *Client) Transfer(ctx context.Context, t banking.Transfer) (banking.Answer, error) {
	var out transferResponse
	if err := c.post(ctx, "/v1/transfers", newTransferRequest(t), &out); err != nil {
		return banking.Answer{}, err
	}
	if out.Reference != t.Reference {
		return banking.Answer{}, errors.New("bank answer: another reference")
	}
	return out.answer()
}

// dated is an answer whose time by the bank's clock matters.
type dated interface{ answeredAt(http.Header) }

// inquiryResponse is an answer with the bank's time, in whole seconds and never ahead.
type inquiryResponse struct {
	transferResponse
	at time.Time
}

func (r *inquiryResponse) answeredAt(h http.Header) {
	if at, err := http.ParseTime(h.Get("Date")); err == nil { // without one the time stays unknown
		r.at = at.UTC()
	}
}

// lookedAt is when the bank looked into its books, at the earliest: its answer is dated
// when it was written, which may be long after.
func lookedAt(answered time.Time, took time.Duration) time.Time {
	if answered.IsZero() {
		return answered
	}
	return answered.Add(-took)
}

// Inquire asks what became of a transfer. Only the bank's own NOT_FOUND says that it is
// not there; a 404 may come from anything on the way.
func (c *Client) Inquire(ctx context.Context, reference string) (banking.Inquiry, error) {
	var out inquiryResponse
	asked := time.Now()
	if err := c.get(ctx, "/v1/transfers/"+reference, nil, &out); err != nil {
		return banking.Inquiry{}, err
	}
	if out.Reference != reference {
		return banking.Inquiry{}, errors.New("bank answer: another reference")
	}
	if out.Status == statusNotFound {
		return banking.Inquiry{NotFound: true, At: lookedAt(out.at, time.Since(asked))}, nil
	}
	answer, err := out.answer()
	return banking.Inquiry{Answer: answer}, err
}

// Statement reads a page of an account's entries of one day.
func (c *Client) Statement(ctx context.Context, q banking.StatementQuery) (banking.StatementPage, error) {
	query := url.Values{"date": {q.Date}}
	if q.After != "" {
		query.Set("after", q.After)
	}
	if q.Limit > 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	var out statementResponse
	if err := c.get(ctx, "/v1/statements/"+q.BankCode+"/"+q.Number, query, &out); err != nil {
		return banking.StatementPage{}, err
	}
	return out.page()
}
