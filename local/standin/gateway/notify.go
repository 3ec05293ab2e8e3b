package gateway

import (
	"bytes"
	"io"
	"net/http"
)

// notify delivers a bill's notice and tries again until it is taken or the retries are used up.
func (s *Server) notify(b Bill) {
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
		s.deliver(to, b)
	}
}

func (s *Server) deliver(to string, b Bill) {
	for try := 0; ; try++ {
		spoil := b.Fault == BadSignature && try == 0
		if s.post(to, b, spoil) {
			s.delivered(b)
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

// delivered counts; the bill may have moved on since its notice was made.
func (s *Server) delivered(b Bill) {
	_, err := s.book.change(b.Merchant, b.Key, func(now *Bill) *Bill {
		now.Notices++
		now.Notified = b.State
		return now
	})
	if err != nil {
		s.opts.Log.Error("notice not counted", "out_bill_no", b.Key, "cause", err)
	}
}

// post makes one delivery, freshly signed, and tells whether it was taken.
func (s *Server) post(to string, b Bill, spoil bool) bool {
	select {
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
	_, _ = io.Copy(io.Discard, res.Body) // drained so that the connection is used again
	_ = res.Body.Close()
	return res.StatusCode >= 200 && res.StatusCode < 300
}
