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

// Account is a corporate customer's access to the bank as the gateway secret holds it.
type Account struct {
	Tenant     ident.Tenant `json:"tenant"`
	Merchant   string       `json:"merchant"`
	PrivateKey string       `json:"private_key"`     // PEM, signs our requests
	BankKey    string       `json:"bank_public_key"` // PEM, verifies answers and notices
	// layout of batch files; the generic layout when it is missing
	Layout *Layout `json:"layout,omitempty"`
}

// The paths of the bank's interface.
const (
	BatchPath = "/v1/batches"
	OrderPath = "/v1/orders/" // then the order number
)

// Line is the bank's state of one order.
type Line struct {
	Key    string `json:"out_bill_no"`
	Serial string `json:"bank_serial,omitempty"`
	// State is ACCEPTED, PROCESSING, SUCCESS, FAIL or RETURNED; in the answer to a batch also REFUSED.
	State   string       `json:"state"`
	Amount  money.Amount `json:"amount"`
	Reason  string       `json:"reason,omitempty"` // a code
	Updated time.Time    `json:"updated_at"`
}

// Batch is the bank's answer to a batch file. A notice carries a single Line.
type Batch struct {
	Lines []Line `json:"lines"`
}

// Refusal is the bank's answer to a request that it does not accept.
type Refusal struct {
	Code string `json:"code"`
}

// NotFoundCode is the bank's code for a query of an order that it does not have.
const NotFoundCode = "NOT_FOUND"

// window is the greatest difference between the time of a signed message and ours; an older message
// may be a replay.
const window = 5 * time.Minute

// Gateway sends payments through one corporate account. Gateway is safe for concurrent use.
type Gateway struct {
	merchant string
	key      *rsa.PrivateKey
	bankKey  *rsa.PublicKey
	layout   Layout
	base     string
	http     *http.Client
	now      func() time.Time
}

// New makes a gateway that calls the base address; timeout is the longest time of one call.
func New(a Account, base string, timeout time.Duration, now func() time.Time) (*Gateway, error) {
	key, err := ParsePrivateKey(a.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("bank account: private_key: %w", err)
	}
	bankKey, err := ParsePublicKey(a.BankKey)
	if err != nil {
		return nil, fmt.Errorf("bank account: bank_public_key: %w", err)
	}
	layout, err := a.layoutOrGeneric()
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: timeout,
		// A signed payment must go to the configured host only.
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}
	return &Gateway{merchant: a.Merchant, key: key, bankKey: bankKey, layout: layout,
		base: strings.TrimSuffix(base, "/"), http: client, now: now}, nil
}

// layoutOrGeneric returns the account's layout, or the generic one.
func (a Account) layoutOrGeneric() (Layout, error) {
	if a.Layout == nil {
		return GenericLayout()
	}
	return *a.Layout, a.Layout.validate()
}

// Send submits a batch of one line; see payout.Gateway. The bank identifies an order by its number,
// so the same order in a second batch is still one order.
func (g *Gateway) Send(ctx context.Context, o payout.Order) (payout.Outcome, error) {
	file, err := g.layout.Encode([]payout.Order{o})
	if err != nil {
		return payout.Outcome{}, errors.New("the order cannot be written in the bank's layout")
	}
	answer, err := g.signAndCall(ctx, http.MethodPost, BatchPath, file)
	if err != nil {
		return payout.Outcome{}, err
	}
	if answer.unclear != "" {
		return g.unclearOutcome(answer.unclear), nil
	}
	var b Batch
	if !answer.decodeInto(&b) {
		return g.unclearOutcome(answerUnreadable), nil
	}
	return g.outcomeForKey(o.Key, b.Lines), nil
}

// QueryOutcome requests the state of one order; see payout.Gateway.
func (g *Gateway) QueryOutcome(ctx context.Context, key string) (payout.Outcome, error) {
	answer, err := g.signAndCall(ctx, http.MethodGet, OrderPath+url.PathEscape(key), nil)
	switch {
	case err != nil:
		return payout.Outcome{}, err
	case answer.status == http.StatusNotFound && answer.unclear == NotFoundCode:
		return payout.Outcome{State: payout.NotFound, Reason: NotFoundCode, At: g.now()}, nil
	case answer.unclear != "":
		return g.unclearOutcome(answer.unclear), nil
	}
	var l Line
	if !answer.decodeInto(&l) {
		return g.unclearOutcome(answerUnreadable), nil
	}
	return g.outcomeForKey(key, []Line{l}), nil
}

// The reasons of an unclear outcome for which the bank gave no code.
const (
	noAnswer         = "no_answer"
	answerUnverified = "answer_unverified"
	answerUnreadable = "answer_unreadable"
	answerOfOther    = "answer_of_other_order"
)

// unclearOutcome returns UNKNOWN with a reason.
func (g *Gateway) unclearOutcome(reason string) payout.Outcome {
	return payout.Outcome{State: payout.Unknown, Reason: reason, At: g.now()}
}

// outcomeForKey returns the outcome of the line with this key; UNKNOWN when the answer has no such
// line.
func (g *Gateway) outcomeForKey(key string, lines []Line) payout.Outcome {
	for _, l := range lines {
		if l.Key == key {
			return g.outcomeOfLine(l)
		}
	}
	return g.unclearOutcome(answerOfOther)
}

// outcomeOfLine translates the bank's state of an order.
func (g *Gateway) outcomeOfLine(l Line) payout.Outcome {
	at := l.Updated
	if at.IsZero() {
		at = g.now()
	}
	return payout.Outcome{State: payoutState(l.State), GatewayID: l.Serial,
		Reason: sanitizedCode(l.Reason),
		Amount: l.Amount, At: at}
}

// payoutState translates a state of the bank. A REFUSED line is UNKNOWN: an earlier sending of the
// order may still be processed, and only a query shows that.
func payoutState(s string) payout.State {
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

// sanitizedCode returns a code of the bank, and "other" for free text, which may contain the
// payee's name.
func sanitizedCode(s string) string {
	if s == "" || codeShape.MatchString(s) {
		return s
	}
	return "other"
}

// answer is a verified body, or the reason why there is none.
type answer struct {
	status  int
	body    []byte
	unclear string
}

// decodeInto decodes the verified body and reports whether that succeeded.
func (a answer) decodeInto(into any) bool { return json.Unmarshal(a.body, into) == nil }

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 1 << 20

// signAndCall signs and sends a request and verifies the answer. An error means that nothing was
// sent.
func (g *Gateway) signAndCall(ctx context.Context, method, path string,
	body []byte) (answer, error) {
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
	return g.sendRequest(req, m.Nonce), nil
}

// sendRequest sends a request and reads the answer. A failure of sendRequest leaves open whether
// the bank has the request, so it is returned as an unclear answer and not as an error.
func (g *Gateway) sendRequest(req *http.Request, nonce string) answer {
	res, err := g.http.Do(req)
	if err != nil {
		return answer{unclear: noAnswer}
	}
	defer func() { _ = res.Body.Close() }() // the body was read, so closing cannot lose data
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return answer{unclear: noAnswer}
	}
	return g.verifyAnswer(res, nonce, body)
}

// verifyAnswer verifies the signature of an answer and returns its body, or the code of a refusal.
func (g *Gateway) verifyAnswer(res *http.Response, nonce string, body []byte) answer {
	m := Message{What: "answer", Subject: strconv.Itoa(res.StatusCode), Merchant: g.merchant,
		Timestamp: res.Header.Get(HeaderTimestamp), Nonce: nonce, Body: body}
	if g.verifyMessage(m, res.Header.Get(HeaderSignature)) != nil {
		return answer{status: res.StatusCode, unclear: answerUnverified}
	}
	if res.StatusCode == http.StatusOK {
		return answer{status: res.StatusCode, body: body}
	}
	var r Refusal
	if json.Unmarshal(body, &r) != nil || r.Code == "" {
		return answer{status: res.StatusCode, unclear: answerUnreadable}
	}
	return answer{status: res.StatusCode, unclear: sanitizedCode(r.Code)}
}

// verifyMessage checks the signature and the age of a message. Errors: payout.ErrUnverified.
func (g *Gateway) verifyMessage(m Message, signature string) error {
	seconds, err := strconv.ParseInt(m.Timestamp, 10, 64)
	if err != nil || g.now().Sub(time.Unix(seconds, 0)).Abs() > window ||
		m.Verify(g.bankKey, signature) != nil {
		return payout.ErrUnverified
	}
	return nil
}

var keyShape = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)

// ParseNotice verifies and reads a notice, which reports the state of one order; see
// payout.Gateway.
func (g *Gateway) ParseNotice(_ context.Context, headers map[string]string,
	body []byte) (payout.Notice, error) {
	get := func(name string) string { return headers[strings.ToLower(name)] }
	m := Message{What: "notice", Merchant: g.merchant, Timestamp: get(HeaderTimestamp),
		Nonce: get(HeaderNonce), Body: body}
	if get(HeaderMerchant) != g.merchant || g.verifyMessage(m, get(HeaderSignature)) != nil {
		return payout.Notice{}, payout.ErrUnverified
	}
	return g.readNotice(body)
}

// readNotice reads and validates a notice whose signature is verified.
func (g *Gateway) readNotice(body []byte) (payout.Notice, error) {
	var l Line
	if err := json.Unmarshal(body, &l); err != nil {
		return payout.Notice{},
			fault.Invalid(fault.Field{Field: "", Problem: "must be one line of a batch"})
	}
	o := g.outcomeOfLine(l)
	var problems fault.Problems
	problems.AddIf(!keyShape.MatchString(l.Key), "out_bill_no", "must be 1 to 32 letters and digits")
	problems.AddIf(!l.Amount.Positive(), "amount", "must be above zero")
	problems.AddIf(o.State == payout.Unknown, "state", "is not a state of an order")
	if len(problems) > 0 {
		return payout.Notice{}, fault.Invalid(problems...)
	}
	return payout.Notice{Key: l.Key, Outcome: o}, nil
}
