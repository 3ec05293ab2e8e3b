// Package payoutbank pays organisations to their corporate accounts with signed batch files sent to
// a bank.
package payoutbank

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
)

// Account is a corporate customer's access to the bank as the secret store keeps it.
type Account struct {
	Tenant     ident.Tenant `json:"tenant"`
	Merchant   string       `json:"merchant"`
	PrivateKey string       `json:"private_key"`      // PEM, signs our requests
	BankKey    string       `json:"bank_public_key"`  // PEM, verifies answers and notices
	Layout     *Layout      `json:"layout,omitempty"` // none: the generic one
}

// The paths of the bank's interface.
const (
	BatchPath = "/v1/batches"
	OrderPath = "/v1/orders/" // then the order number
)

// Line is what the bank says about one line of a batch.
type Line struct {
	Key    string `json:"out_bill_no"`
	Serial string `json:"bank_serial,omitempty"`
	// ACCEPTED, PROCESSING, SUCCESS, FAIL, RETURNED; REFUSED in answers to a batch
	State   string       `json:"state"`
	Amount  money.Amount `json:"amount"`
	Reason  string       `json:"reason,omitempty"` // a code
	Updated time.Time    `json:"updated_at"`
}

// Batch is the bank's answer to a batch file; a notice carries a single Line.
type Batch struct {
	Lines []Line `json:"lines"`
}

// Refusal is the bank's answer to what it does not take.
type Refusal struct {
	Code string `json:"code"`
}

// NotFoundCode is the refusal of a query for an order that the bank does not have.
const NotFoundCode = "NOT_FOUND"

// window is how far a signed message's time may lie from ours; older ones may be replays.
const window = 5 * time.Minute

// Gateway sends through one corporate account. It is safe for concurrent use.
type Gateway struct {
	merchant string
	key      *rsa.PrivateKey
	bankKey  *rsa.PublicKey
	layout   Layout
	base     string
	http     *http.Client
	now      func() time.Time
}

// New makes a gateway that talks to base; timeout bounds one call.
func New(a Account, base string, timeout time.Duration, now func() time.Time) (*Gateway, error) {
	key, err := ParsePrivateKey(a.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("bank account: private_key: %w", err)
	}
	bankKey, err := ParsePublicKey(a.BankKey)
	if err != nil {
		return nil, fmt.Errorf("bank account: bank_public_key: %w", err)
	}
	layout, err := a.layout()
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}
	return &Gateway{merchant: a.Merchant, key: key, bankKey: bankKey, layout: layout,
		base: strings.TrimSuffix(base, "/"), http: client, now: now}, nil
}

func (a Account) layout() (Layout, error) {
	if a.Layout == nil {
		return GenericLayout()
	}
	return *a.Layout, a.Layout.check()
}

// Send submits a batch of one line; see payout.Gateway. The bank knows an order by its number
// wherever it stands, so the same order in another batch is the same order.
func (g *Gateway) Send(ctx context.Context, o payout.Order) (payout.Outcome, error) {
	file, err := g.layout.Encode([]payout.Order{o})
	if err != nil {
		return payout.Outcome{}, errors.New("the order cannot be written in the bank's layout")
	}
	answer, err := g.call(ctx, http.MethodPost, BatchPath, file)
	if err != nil {
		return payout.Outcome{}, err
	}
	if answer.unclear != "" {
		return g.unclear(answer.unclear), nil
	}
	var b Batch
	if !answer.read(&b) {
		return g.unclear(answerUnreadable), nil
	}
	return g.lineOf(o.Key, b.Lines), nil
}

// Query asks for one order; see payout.Gateway.
func (g *Gateway) Query(ctx context.Context, key string) (payout.Outcome, error) {
	answer, err := g.call(ctx, http.MethodGet, OrderPath+url.PathEscape(key), nil)
	switch {
	case err != nil:
		return payout.Outcome{}, err
	case answer.status == http.StatusNotFound && answer.unclear == NotFoundCode:
		return payout.Outcome{State: payout.NotFound, Reason: NotFoundCode, At: g.now()}, nil
	case answer.unclear != "":
		return g.unclear(answer.unclear), nil
	}
	var l Line
	if !answer.read(&l) {
		return g.unclear(answerUnreadable), nil
	}
	return g.lineOf(key, []Line{l}), nil
}

// What we say where the bank gave no word of its own.
const (
	noAnswer         = "no_answer"
	answerUnverified = "answer_unverified"
	answerUnreadable = "answer_unreadable"
	answerOfOther    = "answer_of_other_order"
)

func (g *Gateway) unclear(reason string) payout.Outcome {
	return payout.Outcome{State: payout.Unknown, Reason: reason, At: g.now()}
}

func (g *Gateway) lineOf(key string, lines []Line) payout.Outcome {
	for _, l := range lines {
		if l.Key == key {
			return g.outcome(l)
		}
	}
	return g.unclear(answerOfOther)
}

func (g *Gateway) outcome(l Line) payout.Outcome {
	at := l.Updated
	if at.IsZero() {
		at = g.now()
	}
	return payout.Outcome{State: state(l.State), GatewayID: l.Serial, Reason: code(l.Reason),
		Amount: l.Amount, At: at}
}

// state translates the bank's states. A refused line leaves the outcome open: an earlier sending of
// the order may be under way, and only a query tells.
func state(s string) payout.State {
	switch s {
	case "ACCEPTED", "PROCESSING":
		return payout.Accepted
	case "SUCCESS":
		return payout.Paid
	case "FAIL":
		return payout.Failed
	case "RETURNED":
		return payout.Returned
	default:
		return payout.Unknown
	}
}

var codeShape = regexp.MustCompile(`^[A-Z0-9_]{1,64}$`)

// code keeps the bank's code and drops free text, which may name the payee.
func code(s string) string {
	if s == "" || codeShape.MatchString(s) {
		return s
	}
	return "other"
}

// answer is a verified body, or why there is none.
type answer struct {
	status  int
	body    []byte
	unclear string
}

// read tells whether a verified body is what was expected.
func (a answer) read(into any) bool { return json.Unmarshal(a.body, into) == nil }

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// call signs and sends a request and verifies the answer. Its error means that nothing was sent.
func (g *Gateway) call(ctx context.Context, method, path string, body []byte) (answer, error) {
	m := Message{What: "request", Subject: method + " " + path, Merchant: g.merchant,
		Timestamp: strconv.FormatInt(g.now().Unix(), 10), Nonce: rand.Text(), Body: body}
	signature, err := m.Sign(g.key)
	if err != nil {
		return answer{}, fmt.Errorf("bank request cannot be signed: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, g.base+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("bank address: %w", err)
	}
	req.Header.Set("Content-Type", "text/csv; charset="+g.layout.Charset)
	req.Header.Set(HeaderMerchant, m.Merchant)
	req.Header.Set(HeaderTimestamp, m.Timestamp)
	req.Header.Set(HeaderNonce, m.Nonce)
	req.Header.Set(HeaderSignature, signature)
	return g.exchange(req, m.Nonce), nil
}

// exchange sends a request. From here on no failure tells whether the bank has it.
func (g *Gateway) exchange(req *http.Request, nonce string) answer {
	res, err := g.http.Do(req)
	if err != nil {
		return answer{unclear: noAnswer}
	}
	defer func() { _ = res.Body.Close() }() // read to its end or of no use
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return answer{unclear: noAnswer}
	}
	return g.verified(res, nonce, body)
}

func (g *Gateway) verified(res *http.Response, nonce string, body []byte) answer {
	m := Message{What: "answer", Subject: strconv.Itoa(res.StatusCode), Merchant: g.merchant,
		Timestamp: res.Header.Get(HeaderTimestamp), Nonce: nonce, Body: body}
	if g.check(m, res.Header.Get(HeaderSignature)) != nil {
		return answer{status: res.StatusCode, unclear: answerUnverified}
	}
	if res.StatusCode == http.StatusOK {
		return answer{status: res.StatusCode, body: body}
	}
	var r Refusal
	if json.Unmarshal(body, &r) != nil || r.Code == "" {
		return answer{status: res.StatusCode, unclear: answerUnreadable}
	}
	return answer{status: res.StatusCode, unclear: code(r.Code)}
}

func (g *Gateway) check(m Message, signature string) error {
	seconds, err := strconv.ParseInt(m.Timestamp, 10, 64)
	if err != nil || g.now().Sub(time.Unix(seconds, 0)).Abs() > window ||
		m.Verify(g.bankKey, signature) != nil {
		return payout.ErrUnverified
	}
	return nil
}

var keyShape = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)

// ParseNotice verifies and reads a result notice, which is about one order; see payout.Gateway.
func (g *Gateway) ParseNotice(_ context.Context, headers map[string]string,
	body []byte) (payout.Notice, error) {
	get := func(name string) string { return headers[strings.ToLower(name)] }
	m := Message{What: "notice", Merchant: g.merchant, Timestamp: get(HeaderTimestamp),
		Nonce: get(HeaderNonce), Body: body}
	if get(HeaderMerchant) != g.merchant || g.check(m, get(HeaderSignature)) != nil {
		return payout.Notice{}, payout.ErrUnverified
	}
	return g.readNotice(body)
}

func (g *Gateway) readNotice(body []byte) (payout.Notice, error) {
	var l Line
	if err := json.Unmarshal(body, &l); err != nil {
		return payout.Notice{},
			fault.Invalid(fault.Field{Field: "", Problem: "must be one line of a batch"})
	}
	o := g.outcome(l)
	var problems fault.Problems
	problems.AddIf(!keyShape.MatchString(l.Key), "out_bill_no", "must be 1 to 32 letters and digits")
	problems.AddIf(!l.Amount.Positive(), "amount", "must be above zero")
	problems.AddIf(o.State == payout.Unknown, "state", "is not a state of an order")
	if len(problems) > 0 {
		return payout.Notice{}, fault.Invalid(problems...)
	}
	return payout.Notice{Key: l.Key, Outcome: o}, nil
}
