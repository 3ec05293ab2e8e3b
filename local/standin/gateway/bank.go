package gateway

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"fenzhang/shared/payout"
	"fenzhang/shared/payout/gateway/bank"
)

// bank simulates a bank that pays corporate accounts by batch files.
type bank struct {
	*Server
	key       *rsa.PrivateKey
	merchants map[string]bankMerchant
}

// bankMerchant is a customer of the bank: its key and the layout of its batch files.
type bankMerchant struct {
	key    *rsa.PublicKey
	layout payoutbank.Layout
}

// NewBank starts a simulated bank.
func NewBank(keys KeyFile, o Options) (*Server, error) {
	s, err := newServer("bank", o)
	if err != nil {
		return nil, err
	}
	b := &bank{Server: s, merchants: map[string]bankMerchant{}}
	if b.key, err = payoutbank.ParsePrivateKey(keys.Private.Bank); err != nil {
		return nil, err
	}
	for _, a := range keys.Bank {
		if b.merchants[a.Merchant], err = newBankMerchant(a); err != nil {
			return nil, fmt.Errorf("merchant %s: %w", a.Merchant, err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+payoutbank.BatchPath, b.handleBatch)
	mux.HandleFunc("GET "+payoutbank.OrderPath+"{no}", b.handleQuery)
	s.addControlRoutes(mux)
	s.Handler, s.notice = mux, b.makeNotice
	s.resumeOpenBills()
	return s, nil
}

// newBankMerchant returns the customer of an account.
func newBankMerchant(a payoutbank.Account) (bankMerchant, error) {
	private, err := payoutbank.ParsePrivateKey(a.PrivateKey)
	if err != nil {
		return bankMerchant{}, err
	}
	if a.Layout != nil {
		return bankMerchant{key: &private.PublicKey, layout: *a.Layout}, nil
	}
	layout, err := payoutbank.GenericLayout()
	return bankMerchant{key: &private.PublicKey, layout: layout}, err
}

// handleBatch accepts the lines of a batch file one by one. A fault of one line affects the whole
// answer.
func (b *bank) handleBatch(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		return
	}
	merchant, err := b.authorize(r, body)
	if err != nil {
		b.writeRefusal(w, r, http.StatusUnauthorized, "SIGN_ERROR")
		return
	}
	orders, err := b.merchants[merchant].layout.Decode(body)
	if err != nil || len(orders) == 0 {
		b.writeRefusal(w, r, http.StatusBadRequest, "FILE_ERROR")
		return
	}
	var answer payoutbank.Batch
	var fault Fault
	for _, o := range orders {
		if f := b.faults.takeFault(o.Key); f != "" {
			fault = f
		}
		if fault == Error500Before {
			b.writeRefusal(w, r, http.StatusInternalServerError, "SYSTEM_ERROR")
			return
		}
		answer.Lines = append(answer.Lines, b.acceptLine(merchant, o, fault))
	}
	if fault == TimeoutAfterAccept {
		b.leaveUnanswered(r)
	}
	b.writeAnswer(w, r, http.StatusOK, answer, fault == BadSignature)
}

// acceptLine accepts one line of a batch file, or returns the reason of its refusal; the other
// lines are not affected.
func (b *bank) acceptLine(merchant string, o payout.Order, f Fault) payoutbank.Line {
	refused := payoutbank.Line{Key: o.Key, State: "REFUSED", Amount: o.Amount, Reason: "LINE_ERROR",
		Updated: b.opts.Now()}
	if !billNo.MatchString(o.Key) || o.Account == "" || o.HolderName == "" {
		return refused
	}
	bill, refusal, err := b.acceptOrder(Bill{Merchant: merchant, Key: o.Key, Amount: o.Amount,
		Payee: o.Account, Name: o.HolderName, Bank: o.Bank, Remark: o.Remark}, f)
	switch {
	case err != nil:
		refused.Reason = "SYSTEM_ERROR"
		return refused
	case refusal != "":
		refused.Reason = refusal
		return refused
	}
	return billLine(bill)
}

// billLine returns a bill in the form of the bank's answers.
func billLine(b Bill) payoutbank.Line {
	return payoutbank.Line{Key: b.Key, Serial: b.GatewayID, State: b.State, Amount: b.Amount,
		Reason: b.Reason, Updated: b.Updated}
}

// handleQuery answers a query about one order.
func (b *bank) handleQuery(w http.ResponseWriter, r *http.Request) {
	merchant, err := b.authorize(r, nil)
	if err != nil {
		b.writeRefusal(w, r, http.StatusUnauthorized, "SIGN_ERROR")
		return
	}
	bill, ok := b.book.findBill(merchant, r.PathValue("no"))
	if !ok {
		b.writeRefusal(w, r, http.StatusNotFound, payoutbank.NotFoundCode)
		return
	}
	b.writeAnswer(w, r, http.StatusOK, billLine(bill), false)
}

// authorize verifies the signature of a request and returns the merchant that made the request.
func (b *bank) authorize(r *http.Request, body []byte) (string, error) {
	m := payoutbank.Message{
		What: "request", Subject: r.Method + " " + r.URL.RequestURI(),
		Merchant:  r.Header.Get(payoutbank.HeaderMerchant),
		Timestamp: r.Header.Get(payoutbank.HeaderTimestamp), Nonce: r.Header.Get(payoutbank.HeaderNonce),
		Body: body,
	}
	known, ok := b.merchants[m.Merchant]
	seconds, err := strconv.ParseInt(m.Timestamp, 10, 64)
	// a signature is valid for five minutes, which bounds replays
	if !ok || err != nil || b.opts.Now().Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return "", errors.New("unknown merchant or clock differs")
	}
	return m.Merchant, m.Verify(known.key, r.Header.Get(payoutbank.HeaderSignature))
}

// writeRefusal answers a request with an error code.
func (b *bank) writeRefusal(w http.ResponseWriter, r *http.Request, status int, code string) {
	b.writeAnswer(w, r, status, payoutbank.Refusal{Code: code}, false)
}

// writeAnswer writes a signed answer; with spoil the signature is wrong.
func (b *bank) writeAnswer(w http.ResponseWriter, r *http.Request, status int, v any, spoil bool) {
	body, err := json.Marshal(v)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	header, err := b.signMessage(payoutbank.Message{
		What: "answer", Subject: strconv.Itoa(status), Merchant: r.Header.Get(payoutbank.HeaderMerchant),
		Nonce: r.Header.Get(payoutbank.HeaderNonce), Body: body,
	}, spoil)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	for k, v := range header {
		w.Header()[k] = v
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // when the client has gone, it will repeat the request
}

// signMessage returns the headers of a signed message; with spoil the signature is wrong.
func (b *bank) signMessage(m payoutbank.Message, spoil bool) (http.Header, error) {
	m.Timestamp = strconv.FormatInt(b.opts.Now().Unix(), 10)
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set(payoutbank.HeaderMerchant, m.Merchant)
	h.Set(payoutbank.HeaderTimestamp, m.Timestamp)
	h.Set(payoutbank.HeaderNonce, m.Nonce)
	// the signature is made over another nonce than the header has
	if spoil {
		m.Nonce += "x"
	}
	signature, err := m.Sign(b.key)
	h.Set(payoutbank.HeaderSignature, signature)
	return h, err
}

// makeNotice returns headers and body of the signed notice of a bill.
func (b *bank) makeNotice(bill Bill, spoil bool) (http.Header, []byte, error) {
	body, err := json.Marshal(billLine(bill))
	if err != nil {
		return nil, nil, err
	}
	header, err := b.signMessage(payoutbank.Message{What: "notice", Merchant: bill.Merchant,
		Nonce: rand.Text(), Body: body}, spoil)
	return header, body, err
}
