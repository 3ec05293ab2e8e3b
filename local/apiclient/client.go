// Package apiclient is a small typed client of the Fenzhang HTTP API. It uses only the standard
// library; amounts are the decimal strings of the API, so that no amount is converted to a float.
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

// Client calls one API as one principal. It is safe for concurrent use.
type Client struct {
	base   string
	token  func(context.Context) (string, error)
	http   *http.Client
	device string
	tries  int
	pause  time.Duration
}

// Option changes the behaviour of a client.
type Option func(*Client)

// WithDevice sets the header X-Device-Id, by which the API counts its rate limit.
func WithDevice(id string) Option { return func(c *Client) { c.device = id } }

// WithRetries sets the largest number of tries of a call and the first pause between two tries.
// The pause doubles with each try; a longer Retry-After of the server is obeyed.
func WithRetries(tries int, pause time.Duration) Option {
	return func(c *Client) { c.tries, c.pause = tries, pause }
}

// New makes a client of the API at the URL base, without a trailing slash. The function token is
// called before each call of the API.
func New(base string, token func(context.Context) (string, error), options ...Option) *Client {
	c := &Client{base: base, token: token, http: &http.Client{Timeout: time.Minute}, tries: 5,
		pause: 200 * time.Millisecond}
	for _, o := range options {
		o(c)
	}
	return c
}

// StaticToken returns a token source that always returns the same token.
func StaticToken(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

// Answer is the status of a call.
type Answer struct {
	Status int
	// Replayed is true when the call was made before; the answer is then the first answer.
	Replayed bool
}

// Error is the error body of a refused call.
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

// Error returns status, code, reason and message in one line.
func (e *Error) Error() string {
	text := fmt.Sprintf("%d code %d %s: %s", e.Status, e.Code, e.Reason, e.Text)
	for _, f := range e.Fields {
		text += fmt.Sprintf(" [%s %s]", f.Field, f.Problem)
	}
	return text
}

// Refusal returns the API's refusal in err, and nil when err is another error.
func Refusal(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// IsConflict reports whether the API answered 409: a duplicate, an illegal status change or an
// outdated version.
func IsConflict(err error) bool {
	e := Refusal(err)
	return e != nil && e.Status == http.StatusConflict
}

// callWithRetries makes a request, repeats it while the API is busy or unreachable, and decodes
// the answer into out. Every route of the API is idempotent: writes carry an id, a key or a
// version.
func (c *Client) callWithRetries(ctx context.Context, method, path string, header http.Header, in,
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
		answer, err := c.callOnce(ctx, method, path, header, body, out)
		wait, again := retryAfter(err, pause)
		if !again || try >= c.tries {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, ctx.Err()
		case <-time.After(wait):
		}
		// exponential backoff
		pause *= 2
	}
}

// retryAfter returns whether a failed call is worth repeating, and after which pause.
func retryAfter(err error, pause time.Duration) (time.Duration, bool) {
	if err == nil {
		return 0, false
	}
	e := Refusal(err)
	if e == nil {
		var lost *url.Error
		return pause, errors.As(err, &lost) && !errors.Is(err, context.Canceled)
	}
	// other refusals than 429 and 502 or above would be the same in a second try
	if e.Status != http.StatusTooManyRequests && e.Status < http.StatusBadGateway {
		return 0, false
	}
	return max(pause, e.retryAfter), true
}

// callOnce makes one request and decodes the answer into out.
func (c *Client) callOnce(ctx context.Context, method, path string, header http.Header, body []byte,
	out any) (Answer, error) {
	req, err := c.newRequest(ctx, method, path, header, body)
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
		return answer, parseRefusal(res, raw)
	}
	if out == nil {
		return answer, nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return answer, fmt.Errorf("apiclient: answer of %s %s: %w", method, path, err)
	}
	return answer, nil
}

// newRequest builds a request with the token and the headers of the client.
func (c *Client) newRequest(ctx context.Context, method, path string, header http.Header,
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

// parseRefusal decodes an error body. An error of API Gateway itself has another form, and its
// text is kept.
func parseRefusal(res *http.Response, raw []byte) *Error {
	e := &Error{Status: res.StatusCode}
	if json.Unmarshal(raw, e) != nil || e.Text == "" {
		e.Text = string(raw[:min(len(raw), 300)])
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		e.retryAfter = time.Duration(s) * time.Second
	}
	return e
}

// pathWithQuery adds query parameters, given as pairs of name and value, to a path; empty values
// are left out.
func pathWithQuery(path string, pairs ...string) string {
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

// CallRoute calls any route. The request body is in, or empty when in is nil; the answer is decoded
// into out unless out is nil.
func (c *Client) CallRoute(ctx context.Context, method, path string, in, out any) (Answer, error) {
	return c.callWithRetries(ctx, method, path, nil, in, out)
}
