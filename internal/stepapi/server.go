package stepapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Handler serves POST [Path]name for each of the steps. authorize decides whether a
// bearer token may call them. Answers: 200 with the outcome; 422 or, when a repeat may
// succeed, 503 with a [Failure]; 400, 401, 404, 405 and 413 when no step was run.
// It errs for a function that is no step.
func Handler(steps map[string]any, authorize func(token string) error) (http.Handler, error) {
	mux := http.NewServeMux()
	for name, f := range steps {
		if err := checkShape(name, f); err != nil {
			return nil, err
		}
		mux.Handle("POST "+Path+name, served{step: reflect.ValueOf(f), authorize: authorize})
	}
	return mux, nil
}

// served is one step.
type served struct {
	step      reflect.Value
	authorize func(token string) error
}

func (s served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); !found || s.authorize(token) != nil {
		http.Error(w, "a token of the role "+Role+" is needed", http.StatusUnauthorized)
		return
	}
	timeout := timeoutOf(r)
	allowTime(w, timeout)
	in, status := s.input(w, r)
	if status != http.StatusOK {
		http.Error(w, "the input cannot be read", status)
		return
	}
	// A caller that is gone leaves the step to its end: half a step is the worst of both.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), timeout)
	defer cancel()
	answer(w, s.step.Call([]reflect.Value{reflect.ValueOf(ctx), in}))
}

func (s served) input(w http.ResponseWriter, r *http.Request) (in reflect.Value, status int) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxInput))
	var tooMuch *http.MaxBytesError
	if errors.As(err, &tooMuch) {
		return in, http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return in, http.StatusBadRequest
	}
	into := reflect.New(s.step.Type().In(1))
	if err := json.Unmarshal(body, into.Interface()); err != nil {
		return in, http.StatusBadRequest
	}
	return into.Elem(), http.StatusOK
}

// answer writes what a step has returned.
func answer(w http.ResponseWriter, out []reflect.Value) {
	if err, failed := out[len(out)-1].Interface().(error); failed {
		answerFailure(w, failureOf(err))
		return
	}
	var value any
	if len(out) > 1 {
		value = out[0].Interface()
	}
	body, err := json.Marshal(value)
	if err != nil {
		answerFailure(w, failureOf(err))
		return
	}
	write(w, http.StatusOK, body)
}

func answerFailure(w http.ResponseWriter, f Failure) {
	status := http.StatusUnprocessableEntity
	if f.Retryable {
		status = http.StatusServiceUnavailable
	}
	body, err := json.Marshal(f)
	if err != nil { // texts only: cannot be
		http.Error(w, "the failure cannot be told", http.StatusInternalServerError)
		return
	}
	write(w, status, body)
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that is gone asks again
}

// timeoutOf gives how long the caller waits, at most longestStep.
func timeoutOf(r *http.Request) time.Duration {
	millis, err := strconv.ParseInt(r.Header.Get(timeoutHeader), 10, 64)
	if err != nil || millis < 1 || millis > longestStep.Milliseconds() {
		return longestStep
	}
	return time.Duration(millis) * time.Millisecond
}

// answerTime is what writing an answer may take after the step.
const answerTime = 10 * time.Second

// allowTime has the server wait for the step, whatever its time-outs for other requests
// are. A writer without a clock needs no permission.
func allowTime(w http.ResponseWriter, timeout time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout + answerTime))
}
