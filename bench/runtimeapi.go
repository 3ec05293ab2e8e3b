package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// runtimeAPI is the part of Lambda's Runtime API that a function talks to: it hands out events and takes answers.
type runtimeAPI struct {
	server *http.Server
	addr   string
	events chan call

	polled   chan struct{} // closed at the first poll
	pollOnce sync.Once
	next     atomic.Int64
	waiting  sync.Map // request id -> call
}

// call is one invocation.
type call struct {
	payload []byte
	due     time.Time // when it should have begun
	done    func(status int, body []byte, took time.Duration)
}

// listen opens a free port of this machine.
func listen(ctx context.Context) (net.Listener, error) {
	var c net.ListenConfig
	return c.Listen(ctx, "tcp", "127.0.0.1:0")
}

// serve answers until the server is closed.
func serve(s *http.Server, l net.Listener) {
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "bench: a stand-in ended:", err)
	}
}

func newRuntimeAPI(ctx context.Context) (*runtimeAPI, error) {
	l, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	r := &runtimeAPI{addr: l.Addr().String(), events: make(chan call), polled: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", r.handOut)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", r.take)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	r.server = &http.Server{Handler: mux}
	go serve(r.server, l)
	return r, nil
}

func (r *runtimeAPI) close() { _ = r.server.Close() } // the measurement is over; the function is stopped next

func (r *runtimeAPI) handOut(w http.ResponseWriter, req *http.Request) {
	r.pollOnce.Do(func() { close(r.polled) })
	select {
	case <-req.Context().Done():
	case c := <-r.events:
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", r.next.Add(1))
		if c.due.IsZero() {
			c.due = time.Now()
		}
		r.waiting.Store(id, c)
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(30*time.Second).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:bench")
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(c.payload) // an event that does not arrive is never answered, and that shows
	}
}

func (r *runtimeAPI) take(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body) // a torn answer counts as a wrong one
	if c, ok := r.waiting.LoadAndDelete(req.PathValue("id")); ok {
		c := c.(call)
		status := 0
		if req.PathValue("kind") == "response" {
			status = statusOf(body)
		}
		c.done(status, body, time.Since(c.due))
	}
	w.WriteHeader(http.StatusAccepted)
}

// statusOf finds the status in a gateway answer without decoding it.
func statusOf(body []byte) int {
	_, rest, _ := strings.Cut(string(body[:min(len(body), 400)]), `"statusCode":`)
	n, _ := strconv.Atoi(strings.TrimSpace(rest[:min(3, len(rest))]))
	return n
}
