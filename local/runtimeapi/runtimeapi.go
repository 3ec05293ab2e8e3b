// Package runtimeapi is the part of Lambda's Runtime API that a function talks to. With it the
// bench and make invoke run a function's own binary on this machine, without a container.
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

// API hands events to one function and takes its answers.
type API struct {
	// Addr is what the function's variable AWS_LAMBDA_RUNTIME_API must hold.
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

// Event is one invocation.
type Event struct {
	Payload []byte
	Due     time.Time // when it should have begun; now, if nothing is named
	Done    func(Answer)
}

// Answer is what a function made of an event.
type Answer struct {
	Body   []byte
	Failed bool // Body is the error that the handler returned
	Took   time.Duration
}

// deadline is how long a function may take for one event.
const deadline = 5 * time.Minute

// Start listens on a free port of this machine for a function of the given name.
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
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.handOut)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", a.take)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", a.takeInitError)
	a.server = &http.Server{Handler: mux}
	// it ends with Close; a function that reaches nobody says so itself
	go func() { _ = a.server.Serve(l) }()
	return a, nil
}

// Close ends the API; the function is stopped by whoever started it.
func (a *API) Close() { _ = a.server.Close() } // nobody waits for an answer

// Polled is closed when the function has started and asks for its first event.
func (a *API) Polled() <-chan struct{} { return a.polled }

// Events takes events one by one, as fast as the function asks for them.
func (a *API) Events() chan<- Event { return a.events }

// ErrEnded means that the function ended, or could not start, before it answered.
var ErrEnded = errors.New("the function ended before it answered")

// Invoke sends one event and waits for its answer, or until ended is closed: the function's process
// is gone.
func (a *API) Invoke(ctx context.Context, payload []byte, ended <-chan struct{}) (Answer, error) {
	answers := make(chan Answer, 1)
	e := Event{Payload: payload, Done: func(answer Answer) { answers <- answer }}
	for waiting := a.events; ; {
		select {
		case waiting <- e:
			waiting = nil // it is handed out once
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

func (a *API) handOut(w http.ResponseWriter, req *http.Request) {
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
		_, _ = w.Write(e.Payload) // an event that does not arrive is never answered, and that shows
	}
}

func (a *API) take(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body) // a torn answer counts as a wrong one
	if e, ok := a.waiting.LoadAndDelete(req.PathValue("id")); ok {
		e := e.(Event)
		e.Done(Answer{Body: body, Failed: req.PathValue("kind") != "response", Took: time.Since(e.Due)})
	}
	w.WriteHeader(http.StatusAccepted)
}

func (a *API) takeInitError(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body) // the function's log holds the error too
	select {
	case a.failed <- body:
	default: // the first error is the cause
	}
	w.WriteHeader(http.StatusAccepted)
}
