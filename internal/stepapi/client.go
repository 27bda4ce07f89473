package stepapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"durapay/errs"
)

// Client calls the steps of one service.
type Client struct {
	BaseURL string                 // of the service, without [Path]
	Token   func() (string, error) // who we are, see [Identity]
	HTTP    *http.Client           // see [NewHTTP]
	// Translate, when there is one, makes the callers' errors of the client's.
	Translate func(ctx context.Context, err error) error
}

// The transport's bounds. Connections are closed here before the service does it, so
// that a call does not meet one that is just going.
const (
	dialTimeout  = 2 * time.Second
	idleTimeout  = 30 * time.Second
	idlePerHost  = 256
	tlsHandshake = 5 * time.Second
)

// NewHTTP makes a client for many calls at once to a few services.
func NewHTTP() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:     (&net.Dialer{Timeout: dialTimeout}).DialContext,
			IdleConnTimeout: idleTimeout, MaxIdleConnsPerHost: idlePerHost, TLSHandshakeTimeout: tlsHandshake,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a token goes to no other place
	}
}

// Step makes a function of the type of like that calls the step of this name. Its errors:
// *[Error] for what the step has told, errs.ServiceUnavailable when there was no telling.
// It errs for a type that is no step's.
func (c *Client) Step(name string, like any) (any, error) {
	if err := checkShape(name, like); err != nil {
		return nil, err
	}
	t := reflect.TypeOf(like)
	return reflect.MakeFunc(t, func(args []reflect.Value) []reflect.Value {
		ctx, _ := args[0].Interface().(context.Context) // checkShape has seen to it
		results := make([]reflect.Value, t.NumOut())
		var into any
		if len(results) > 1 {
			out := reflect.New(t.Out(0))
			into, results[0] = out.Interface(), out.Elem()
		}
		err := c.call(ctx, name, args[1].Interface(), into)
		if err != nil && len(results) > 1 {
			results[0] = reflect.Zero(t.Out(0))
		}
		results[len(results)-1] = errorValue(err)
		return results
	}).Interface(), nil
}

// errorValue is an error as reflection wants it: nil has no type of its own.
func errorValue(err error) reflect.Value {
	if err == nil {
		return reflect.Zero(errorType)
	}
	return reflect.ValueOf(&err).Elem()
}

// Call makes a function that calls the step of this name; see [Client.Step].
func Call[In, Out any](c *Client, name string) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (out Out, err error) {
		if err = c.call(ctx, name, in, &out); err != nil {
			return *new(Out), err
		}
		return out, nil
	}
}

// call runs a step; into is nil for one that gives nothing.
func (c *Client) call(ctx context.Context, name string, in, into any) error {
	ctx, cancel := context.WithTimeout(ctx, longestStep)
	defer cancel()
	err := c.exchange(ctx, name, in, into)
	if err != nil && c.Translate != nil {
		return c.Translate(ctx, err)
	}
	return err
}

func (c *Client) exchange(ctx context.Context, name string, in, into any) error {
	request, err := c.request(ctx, name, in)
	if err != nil {
		return errs.InternalError.Because(fmt.Errorf("step %s: %w", name, err))
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return away(name, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxOutput+1))
	if err == nil && len(body) > maxOutput {
		err = errors.New("the answer is too long")
	}
	if err != nil {
		return away(name, err)
	}
	return read(name, response.StatusCode, body, into)
}

func (c *Client) request(ctx context.Context, name string, in any) (*http.Request, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	token, err := c.Token()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BaseURL+Path+name, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	request.Header["Idempotency-Key"] = nil // the transport may repeat it on a new connection; nothing is sent
	if deadline, ok := ctx.Deadline(); ok {
		request.Header.Set(timeoutHeader, strconv.FormatInt(max(1, time.Until(deadline).Milliseconds()), 10))
	}
	return request, nil
}

// read takes the outcome, or the failure that the step has told. Anything else is trouble
// on the way: a service that does not know us or the step, or something in its place.
func read(name string, status int, body []byte, into any) error {
	switch status {
	case http.StatusOK:
		if into == nil {
			return nil
		}
		if err := json.Unmarshal(body, into); err != nil {
			return away(name, err)
		}
		return nil
	case http.StatusUnprocessableEntity, http.StatusServiceUnavailable:
		var f Failure
		if json.Unmarshal(body, &f) == nil && f.Code != "" {
			return &Error{f}
		}
	}
	return away(name, fmt.Errorf("answered %d", status))
}

func away(name string, cause error) error {
	return errs.ServiceUnavailable.Because(fmt.Errorf("step %s: %w", name, cause))
}
