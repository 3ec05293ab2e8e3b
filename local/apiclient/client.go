// Package apiclient is a small typed client of the Fenzhang HTTP API. It needs only the standard
// library; amounts stay the decimal strings of the contract, so no figure passes through a float.
package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"fenzhang/shared/ident"
)

// Client calls one API as one principal. It is safe for use by many goroutines.
type Client struct {
	base   string
	token  func(context.Context) (string, error)
	http   *http.Client
	device string
	tries  int
	pause  time.Duration
}

// Option changes how a client behaves.
type Option func(*Client)

// WithDevice sets X-Device-Id, which takes part in the rate limit.
func WithDevice(id string) Option { return func(c *Client) { c.device = id } }

// WithRetries sets how often a call is made at most, and the first pause between two; the pause
// doubles, and a Retry-After of the server wins.
func WithRetries(tries int, pause time.Duration) Option {
	return func(c *Client) { c.tries, c.pause = tries, pause }
}

// New makes a client of the API at base (no trailing slash). token is asked before each call.
func New(base string, token func(context.Context) (string, error), options ...Option) *Client {
	c := &Client{base: base, token: token, http: &http.Client{Timeout: time.Minute}, tries: 5,
		pause: 200 * time.Millisecond}
	for _, o := range options {
		o(c)
	}
	return c
}

// Static gives a token source that always answers the same token.
func Static(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

// Answer tells how the API took a call.
type Answer struct {
	Status int
	// Replayed tells that the call had been made before and this is the first answer again.
	Replayed bool
}

// Error is a refusal of the API, as its error body says it.
type Error struct {
	Status     int              `json:"-"`
	Text       string           `json:"error"`
	Code       int              `json:"code"`
	Reason     string           `json:"reason"`
	Missing    string           `json:"missing,omitempty"`
	Settlement ident.Settlement `json:"settlement_id,omitempty"`
	RequestID  string           `json:"request_id,omitempty"`
	Fields     []Field          `json:"fields,omitempty"`
	retryAfter time.Duration
}

// Field is one problem of one field of a request.
type Field struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// Error gives status, code, reason and sentence.
func (e *Error) Error() string {
	text := fmt.Sprintf("%d code %d %s: %s", e.Status, e.Code, e.Reason, e.Text)
	for _, f := range e.Fields {
		text += fmt.Sprintf(" [%s %s]", f.Field, f.Problem)
	}
	return text
}

// Refusal gives the refusal in err, or nil when err is something else.
func Refusal(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// IsConflict tells that the API answered 409: a duplicate, an illegal move or a stale version.
func IsConflict(err error) bool {
	e := Refusal(err)
	return e != nil && e.Status == http.StatusConflict
}

// call makes one request, repeated while the API is busy or away, and decodes the answer into out.
// Every route of the API may be repeated: writes carry an id, a key or a version.
func (c *Client) call(ctx context.Context, method, path string, header http.Header, in,
	out any) (Answer, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return Answer{}, fmt.Errorf("apiclient: encode: %w", err)
		}
	}
	pause := c.pause
	for try := 1; ; try++ {
		answer, err := c.once(ctx, method, path, header, body, out)
		wait, again := retryable(err, pause)
		if !again || try >= c.tries {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, ctx.Err()
		case <-time.After(wait):
		}
		pause *= 2
	}
}

// retryable tells whether and after which pause a failed call is worth repeating.
func retryable(err error, pause time.Duration) (time.Duration, bool) {
	if err == nil {
		return 0, false
	}
	e := Refusal(err)
	if e == nil {
		var lost *url.Error
		return pause, errors.As(err, &lost) && !errors.Is(err, context.Canceled)
	}
	if e.Status != http.StatusTooManyRequests && e.Status < http.StatusBadGateway {
		return 0, false
	}
	return max(pause, e.retryAfter), true
}

func (c *Client) once(ctx context.Context, method, path string, header http.Header, body []byte,
	out any) (Answer, error) {
	req, err := c.request(ctx, method, path, header, body)
	if err != nil {
		return Answer{}, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return Answer{}, &url.Error{Op: method, URL: path, Err: err}
	}
	answer := Answer{Status: res.StatusCode,
		Replayed: res.Header.Get("Idempotency-Replayed") == "true"}
	if res.StatusCode >= 300 {
		return answer, refusal(res, raw)
	}
	if out == nil {
		return answer, nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return answer, fmt.Errorf("apiclient: answer of %s %s: %w", method, path, err)
	}
	return answer, nil
}

func (c *Client) request(ctx context.Context, method, path string, header http.Header,
	body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	token, err := c.token(ctx)
	if err != nil {
		return nil, fmt.Errorf("apiclient: token: %w", err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.device != "" {
		req.Header.Set("X-Device-Id", c.device)
	}
	return req, nil
}

// refusal reads an error body; the gateway's own answers have another shape and become a text.
func refusal(res *http.Response, raw []byte) *Error {
	e := &Error{Status: res.StatusCode}
	if json.Unmarshal(raw, e) != nil || e.Text == "" {
		e.Text = string(raw[:min(len(raw), 300)])
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		e.retryAfter = time.Duration(s) * time.Second
	}
	return e
}

func query(path string, pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// Ask calls any route: in is the body, nil for none, and the answer is read into out, nil for not
// at all.
func (c *Client) Ask(ctx context.Context, method, path string, in, out any) (Answer, error) {
	return c.call(ctx, method, path, nil, in, out)
}
