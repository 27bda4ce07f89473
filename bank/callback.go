package bank

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Bounds of one call-back.
const (
	callbackTimeout = 5 * time.Second
	maxCallbackBody = 64 << 10 // of the answer, which says nothing beyond its status
)

// Callback is where notices are sent, and how they are signed: by Standard Webhooks, version v1.
type Callback struct {
	url    string
	signer *webhooks.Webhook
	client *http.Client
}

// NewCallback gives a call-back to a URL, signed with a secret of the form "whsec_" and base64. Errors: a URL or a secret that is none.
func NewCallback(address, secret string) (*Callback, error) {
	if u, err := url.Parse(address); err != nil || u.Host == "" {
		return nil, errors.New("bank: the call-back address is no URL")
	}
	signer, err := webhooks.NewWebhook(secret)
	if err != nil {
		return nil, errors.New("bank: the call-back secret is not base64")
	}
	return &Callback{url: address, signer: signer, client: &http.Client{
		Timeout:       callbackTimeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: maxDeliveries, IdleConnTimeout: idleTimeout, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a redirect would turn the POST into a GET
	}}, nil
}

// post sends a notice once. Errors: no answer in time, or another one than 2xx; none repeats the address.
func (c *Callback) post(ctx context.Context, id string, body []byte, at time.Time) error {
	request, err := c.request(ctx, id, body, at)
	if err != nil {
		return err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return fmt.Errorf("call back: %w", withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, maxCallbackBody) // so that the connection can be used again; the status is the answer
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("call back: answered %d", response.StatusCode)
	}
	return nil
}

func (c *Callback) request(ctx context.Context, id string, body []byte, at time.Time) (*http.Request, error) {
	signature, err := c.signer.Sign(id, at, body)
	if err != nil {
		return nil, wrap("sign notice", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("call back: the address is no URL")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(webhooks.HeaderWebhookID, id)
	request.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	request.Header.Set(webhooks.HeaderWebhookSignature, signature)
	return request, nil
}

// withoutURL takes the address out of an error: it may carry a credential.
func withoutURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}
