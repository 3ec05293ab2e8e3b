// Package runtimeapi implements the part of Lambda's Runtime API that functions use, so that the
// benchmarks and `make invoke` can run the binary of a function on this machine without a
// container.
package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// API hands events to one function and receives its answers.
type API struct {
	// Addr is the value of the function's environment variable AWS_LAMBDA_RUNTIME_API.
	Addr string

	function string
	server   *http.Server
	events   chan Event
	polled   chan struct{} // closed at the first poll
	pollOnce sync.Once
	next     atomic.Int64
	waiting  sync.Map // request id -> Event
	failed   chan []byte
}

// Event is one invocation of the function.
type Event struct {
	Payload []byte
	Due     time.Time // when the invocation should have begun; zero means when it is received
	Done    func(Answer)
}

// Answer is what the function answered to an event.
type Answer struct {
	Body   []byte
	Failed bool // Body is the error that the handler returned
	Took   time.Duration
}

// deadline is how long a function may take for one event.
const deadline = 5 * time.Minute

// Start starts the Runtime API for a function on a free port of this machine.
func Start(ctx context.Context, function string) (*API, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &API{
		Addr: l.Addr().String(), function: function,
		events: make(chan Event), polled: make(chan struct{}), failed: make(chan []byte, 1),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.handleNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", a.handleAnswer)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", a.handleInitError)
	a.server = &http.Server{Handler: mux}
	// Serve ends with Close; a function that cannot connect logs its own error
	go func() { _ = a.server.Serve(l) }()
	return a, nil
}

// Close stops the Runtime API. Requests that are under way get no answer; the caller must stop the
// function.
func (a *API) Close() { _ = a.server.Close() }

// Polled returns a channel that is closed when the function has started and asks for its first
// event.
func (a *API) Polled() <-chan struct{} { return a.polled }

// Events returns a channel for events; an event is received when the function asks for one.
func (a *API) Events() chan<- Event { return a.events }

// ErrEnded is returned when the function ended, or could not start, before it answered.
var ErrEnded = errors.New("the function ended before it answered")

// Invoke sends one event and waits for the answer. The channel ended must be closed when the
// process of the function has ended.
//
// Errors: ErrEnded when the function ended without an answer.
func (a *API) Invoke(ctx context.Context, payload []byte, ended <-chan struct{}) (Answer, error) {
	answers := make(chan Answer, 1)
	e := Event{Payload: payload, Done: func(answer Answer) { answers <- answer }}
	for waiting := a.events; ; {
		select {
		case waiting <- e:
			waiting = nil // the event is handed out only once
		case answer := <-answers:
			return answer, nil
		case reason := <-a.failed:
			return Answer{}, fmt.Errorf("%w: %s", ErrEnded, reason)
		case <-ended:
			return Answer{}, ErrEnded
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
	}
}

// handleNext answers the function's request for the next event.
func (a *API) handleNext(w http.ResponseWriter, req *http.Request) {
	// the first poll shows that the function has started
	a.pollOnce.Do(func() { close(a.polled) })
	select {
	case <-req.Context().Done():
	case e := <-a.events:
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", a.next.Add(1))
		if e.Due.IsZero() {
			e.Due = time.Now()
		}
		a.waiting.Store(id, e)
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(deadline).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:"+
			a.function)
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(e.Payload) // an event that does not arrive is never answered
	}
}

// handleAnswer receives the function's answer to an event.
func (a *API) handleAnswer(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body) // an incomplete answer counts as a wrong one
	if e, ok := a.waiting.LoadAndDelete(req.PathValue("id")); ok {
		e := e.(Event)
		e.Done(Answer{Body: body, Failed: req.PathValue("kind") != "response", Took: time.Since(e.Due)})
	}
	w.WriteHeader(http.StatusAccepted)
}

// handleInitError receives the error of a function that could not start.
func (a *API) handleInitError(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body) // the function also logs the error
	select {
	case a.failed <- body:
	default: // only the first error is kept: it is the cause of the others
	}
	w.WriteHeader(http.StatusAccepted)
}
