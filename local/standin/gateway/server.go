package gateway

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"
)

// Options is how a stand-in runs.
type Options struct {
	State     string          // folder of its files
	NotifyURL string          // where notices go; empty: where the request or nobody asks for them
	Settle    time.Duration   // from acceptance to success or failure
	Return    time.Duration   // from success to a late return
	Retries   []time.Duration // waits between deliveries of a notice that was not taken
	Hang      time.Duration   // how long an order with a time-out fault is held
	Now       func() time.Time
	// lets time pass; false when the context ended before
	Wait func(context.Context, time.Duration) bool
	Log  *slog.Logger
}

// DefaultOptions suit a demo: quick enough to watch, slow enough for both states to be seen.
func DefaultOptions() Options {
	return Options{
		Settle: 200 * time.Millisecond, Return: 2 * time.Second, Hang: time.Minute, Now: time.Now,
		Wait: Wait, Log: slog.Default(),
		Retries: []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
			10 * time.Second, 30 * time.Second},
	}
}

// Server is a stand-in of one gateway.
type Server struct {
	http.Handler
	opts   Options
	book   *book
	faults faults
	// notice makes the signed notice of a bill; with spoil its signature is wrong.
	notice func(b Bill, spoil bool) (http.Header, []byte, error)

	client *http.Client
	slots  chan struct{} // bounds the notices under way
	ctx    context.Context
	stop   context.CancelFunc
	work   sync.WaitGroup
}

// noticesAtOnce bounds how many notices are under way, so that a payment run does not drown the
// receiver.
const noticesAtOnce = 4

func newServer(name string, o Options) (*Server, error) {
	b, err := openBook(filepath.Join(o.State, name+".jsonl"))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Server{opts: o, book: b, client: &http.Client{Timeout: 30 * time.Second},
		slots: make(chan struct{}, noticesAtOnce), ctx: ctx, stop: stop}, nil
}

// resume takes up what a restart interrupted: open bills settle, final ones notify, late returns
// come.
func (s *Server) resume() {
	for _, b := range s.book.all() {
		if !b.final() {
			s.later(s.opts.Settle, func() { s.settle(b) })
			continue
		}
		if b.Notified != b.State {
			s.later(0, func() { s.notify(b) })
		}
		s.returnLate(b)
	}
}

// Close stops settling and notifying and closes the files.
func (s *Server) Close() error {
	s.stop()
	s.work.Wait()
	return s.book.close()
}

// later runs f after a while unless the server is closed first.
func (s *Server) later(wait time.Duration, f func()) {
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		if s.sleep(wait) {
			f()
		}
	}()
}

func (s *Server) sleep(wait time.Duration) bool { return s.opts.Wait(s.ctx, wait) }

// Wait is Options.Wait by the clock of this machine.
func Wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// What accept refuses.
const alreadyExists = "ALREADY_EXISTS"

// accept takes an order. The same order again is the same bill, with the state it has by now; other
// content under a known number is refused and changes nothing.
func (s *Server) accept(order Bill, f Fault) (bill Bill, refusal string, err error) {
	fresh := false
	bill, err = s.book.change(order.Merchant, order.Key, func(b *Bill) *Bill {
		if b == nil {
			fresh = true
			order.State = accepted
			order.Requests = 1
			order.Fault = f
			order.Created = s.opts.Now()
			order.Updated = order.Created
			return &order
		}
		b.Requests++
		if !b.sameContent(order) {
			refusal = alreadyExists
		}
		return b
	})
	if err == nil && fresh {
		s.later(s.opts.Settle, func() { s.settle(bill) })
	}
	return bill, refusal, err
}

// settle ends an open bill and tells of it.
func (s *Server) settle(b Bill) {
	b = s.move(b, accepted, func(b *Bill) {
		b.State = success
		if b.Fault == FailBill {
			b.State, b.Reason = fail, "ACCOUNT_ABNORMAL"
		}
	})
	s.later(0, func() { s.notify(b) })
	s.returnLate(b)
}

func (s *Server) returnLate(b Bill) {
	if b.State == success && b.Fault == LateReturn {
		s.later(s.opts.Return, func() { s.giveBack(b) })
	}
}

// giveBack is the payee's bank returning the money.
func (s *Server) giveBack(b Bill) {
	b = s.move(b, success, func(b *Bill) { b.State, b.Reason = returned, "RETURNED_BY_BANK" })
	s.later(0, func() { s.notify(b) })
}

func (s *Server) move(b Bill, from string, change func(*Bill)) Bill {
	out, err := s.book.change(b.Merchant, b.Key, func(b *Bill) *Bill {
		if b.State == from {
			change(b)
			b.Updated = s.opts.Now()
		}
		return b
	})
	if err != nil {
		s.opts.Log.Error("bill not written", "out_bill_no", b.Key, "cause", err)
		return b
	}
	return out
}

// hang is an answer that never comes: it ends when the client leaves.
func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(s.opts.Hang):
	case <-s.ctx.Done():
	}
	panic(http.ErrAbortHandler)
}

// maxBody bounds a request, in bytes.
const maxBody = 1 << 20

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
}
