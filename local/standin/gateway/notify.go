package gateway

import (
	"bytes"
	"io"
	"net/http"
)

// sendNotices sends the notice of a bill, three times with the fault DuplicateNotice, and not at
// all with NoNotice.
func (s *Server) sendNotices(b Bill) {
	to := s.opts.NotifyURL
	if to == "" {
		to = b.NotifyURL
	}
	if to == "" || b.Fault == NoNotice {
		return
	}
	copies := 1
	if b.Fault == DuplicateNotice {
		copies = 3
	}
	for range copies {
		s.deliverNotice(to, b)
	}
}

// deliverNotice posts a notice and repeats it until the receiver accepts it or all retries have
// failed.
func (s *Server) deliverNotice(to string, b Bill) {
	for try := 0; ; try++ {
		spoil := b.Fault == BadSignature && try == 0
		if s.postNotice(to, b, spoil) {
			s.countNotice(b)
			return
		}
		if try >= len(s.opts.Retries) {
			s.opts.Log.Warn("notice given up", "out_bill_no", b.Key, "state", b.State)
			return
		}
		if !s.sleep(s.opts.Retries[try]) {
			return
		}
	}
}

// countNotice notes in the book that a notice was delivered. The bill may have changed since the
// notice was made, so that the present bill is updated.
func (s *Server) countNotice(b Bill) {
	_, err := s.book.updateBill(b.Merchant, b.Key, func(now *Bill) *Bill {
		now.Notices++
		now.Notified = b.State
		return now
	})
	if err != nil {
		s.opts.Log.Error("notice not counted", "out_bill_no", b.Key, "cause", err)
	}
}

// postNotice posts a freshly signed notice once, and reports whether the receiver accepted it.
func (s *Server) postNotice(to string, b Bill, spoil bool) bool {
	select {
	// wait for a slot, so that at most noticesAtOnce are sent
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-s.ctx.Done():
		return false
	}
	header, body, err := s.notice(b, spoil)
	if err != nil {
		s.opts.Log.Error("notice not made", "out_bill_no", b.Key, "cause", err)
		return false
	}
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		s.opts.Log.Error("notice address", "cause", err)
		return false
	}
	req.Header = header
	res, err := s.client.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, res.Body) // the body is read so that the connection can be reused
	_ = res.Body.Close()
	return res.StatusCode >= 200 && res.StatusCode < 300
}
