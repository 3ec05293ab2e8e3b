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

// Options are the settings of a simulated gateway.
type Options struct {
	State     string          // folder of its files
	NotifyURL string          // URL for notices; empty: the URL in the request
	Settle    time.Duration   // time from acceptance to success or failure
	Return    time.Duration   // time from success to a late return
	Retries   []time.Duration // pauses before a notice is posted again
	Hang      time.Duration   // how long a request is left unanswered
	Now       func() time.Time
	// Wait waits; it returns false when the context ended before.
	Wait func(context.Context, time.Duration) bool
	Log  *slog.Logger
}

// DefaultOptions returns settings for a demo: fast enough to watch, and slow enough that both
// states of a bill can be seen.
func DefaultOptions() Options {
	return Options{
		Settle: 200 * time.Millisecond, Return: 2 * time.Second, Hang: time.Minute, Now: time.Now,
		Wait: Wait, Log: slog.Default(),
		Retries: []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
			10 * time.Second, 30 * time.Second},
	}
}

// Server simulates one payment gateway.
type Server struct {
	http.Handler
	opts   Options
	book   *book
	faults faults
	// notice returns headers and body of the signed notice of a bill; with spoil the signature is
	// wrong.
	notice func(b Bill, spoil bool) (http.Header, []byte, error)

	client *http.Client
	slots  chan struct{} // bounds the notices under way
	ctx    context.Context
	stop   context.CancelFunc
	work   sync.WaitGroup
}

// noticesAtOnce bounds the notices that are sent in parallel, so that a payment run does not
// overload the receiver.
const noticesAtOnce = 4

// newServer opens the book of a simulated gateway.
func newServer(name string, o Options) (*Server, error) {
	b, err := openBook(filepath.Join(o.State, name+".jsonl"))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Server{opts: o, book: b, client: &http.Client{Timeout: 30 * time.Second},
		slots: make(chan struct{}, noticesAtOnce), ctx: ctx, stop: stop}, nil
}

// resumeOpenBills continues after a restart: open bills are settled, missing notices are sent, and
// late returns happen.
func (s *Server) resumeOpenBills() {
	for _, b := range s.book.listBills() {
		if !b.isFinal() {
			s.runLater(s.opts.Settle, func() { s.settleBill(b) })
			continue
		}
		if b.Notified != b.State {
			s.runLater(0, func() { s.sendNotices(b) })
		}
		s.scheduleLateReturn(b)
	}
}

// Close stops settling bills and sending notices, and closes the book.
func (s *Server) Close() error {
	s.stop()
	s.work.Wait()
	return s.book.close()
}

// runLater calls f after a delay, unless the server is closed first.
func (s *Server) runLater(wait time.Duration, f func()) {
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		if s.sleep(wait) {
			f()
		}
	}()
}

// sleep waits, and returns false when the server was closed meanwhile.
func (s *Server) sleep(wait time.Duration) bool { return s.opts.Wait(s.ctx, wait) }

// Wait implements Options.Wait with the clock of this machine.
func Wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// alreadyExists is the code with which acceptOrder refuses other content under a known number.
const alreadyExists = "ALREADY_EXISTS"

// acceptOrder enters an order in the book. A repeated order returns its bill with the present
// state. An order with a known number and other content is refused and changes nothing.
func (s *Server) acceptOrder(order Bill, f Fault) (bill Bill, refusal string, err error) {
	fresh := false
	bill, err = s.book.updateBill(order.Merchant, order.Key, func(b *Bill) *Bill {
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
		if !b.hasSameContent(order) {
			refusal = alreadyExists
		}
		return b
	})
	// only the first request starts the settlement of the bill
	if err == nil && fresh {
		s.runLater(s.opts.Settle, func() { s.settleBill(bill) })
	}
	return bill, refusal, err
}

// settleBill pays an open bill or lets it fail, and sends the notice.
func (s *Server) settleBill(b Bill) {
	b = s.changeState(b, accepted, func(b *Bill) {
		b.State = success
		if b.Fault == FailBill {
			b.State, b.Reason = fail, "ACCOUNT_ABNORMAL"
		}
	})
	s.runLater(0, func() { s.sendNotices(b) })
	s.scheduleLateReturn(b)
}

// scheduleLateReturn schedules the return of a paid bill with the fault LateReturn.
func (s *Server) scheduleLateReturn(b Bill) {
	if b.State == success && b.Fault == LateReturn {
		s.runLater(s.opts.Return, func() { s.returnPayment(b) })
	}
}

// returnPayment returns a payment as the payee's bank does.
func (s *Server) returnPayment(b Bill) {
	b = s.changeState(b, success, func(b *Bill) { b.State, b.Reason = returned, "RETURNED_BY_BANK" })
	s.runLater(0, func() { s.sendNotices(b) })
}

// changeState changes a bill when it is still in the state from.
func (s *Server) changeState(b Bill, from string, change func(*Bill)) Bill {
	out, err := s.book.updateBill(b.Merchant, b.Key, func(b *Bill) *Bill {
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

// leaveUnanswered never answers a request: it ends when the client leaves, and closes the
// connection.
func (s *Server) leaveUnanswered(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(s.opts.Hang):
	case <-s.ctx.Done():
	}
	// net/http then closes the connection without an answer
	panic(http.ErrAbortHandler)
}

// maxBody bounds the size of a request in bytes.
const maxBody = 1 << 20

// readBody reads the body of a request, up to maxBody.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
}
