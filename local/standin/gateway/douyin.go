package gateway

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"fenzhang/shared/money"
	"fenzhang/shared/payout/gateway/bank"
)

// douyinPay simulates the merchant transfer of Douyin Pay as public client code describes it. It
// does not use our client library, so that a mistake in that library shows.
type douyinPay struct {
	*Server
	key       *rsa.PrivateKey
	serial    string
	merchants map[string]douyinMerchant
}

// douyinMerchant is a merchant account of Douyin Pay.
type douyinMerchant struct {
	serial, apiKey, appID string
	key                   *rsa.PublicKey
}

// transferPath is the path of transfers in the interface of Douyin Pay.
const transferPath = "/v1/fund_trade/mch-transfer/transfer-bills"

// NewDouyin starts a simulated Douyin Pay.
func NewDouyin(keys KeyFile, o Options) (*Server, error) {
	s, err := newServer("douyinpay", o)
	if err != nil {
		return nil, err
	}
	d := &douyinPay{Server: s, merchants: map[string]douyinMerchant{}}
	if d.key, err = payoutbank.ParsePrivateKey(keys.Private.Douyin); err != nil {
		return nil, err
	}
	for _, a := range keys.Douyin {
		private, err := payoutbank.ParsePrivateKey(a.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("merchant %s: %w", a.Merchant, err)
		}
		d.serial = a.Platform[len(a.Platform)-1].Serial
		d.merchants[a.Merchant] = douyinMerchant{serial: a.Serial, apiKey: a.APIKey, appID: a.AppID,
			key: &private.PublicKey}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+transferPath, d.handleTransfer)
	mux.HandleFunc("GET "+transferPath+"/out-bill-no/{no}", d.handleQuery)
	s.addControlRoutes(mux)
	s.Handler, s.notice = mux, d.makeNotice
	s.resumeOpenBills()
	return s, nil
}

// transferRequest is the body of a transfer.
type transferRequest struct {
	AppID     string `json:"appid"`
	Key       string `json:"out_bill_no"`
	Scene     string `json:"transfer_scene_id"`
	OpenID    string `json:"openid"`
	Amount    int64  `json:"transfer_amount"`
	Remark    string `json:"transfer_remark"`
	Name      string `json:"user_name"`
	NotifyURL string `json:"notify_url"`
}

// nameRequiredFrom is the amount in fen from which Douyin Pay requires the name of the payee.
const nameRequiredFrom = 200_000

var (
	billNo     = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)
	authHeader = regexp.MustCompile(
		`^DouyinPay-RSA mchid="([^"]*)",nonce_str="([^"]*)",timestamp="([0-9]+)",serial_no="([^"]*)",` +
			`signature="([^"]*)"$`)
)

// handleTransfer accepts a transfer, or misbehaves when a fault is pending.
func (d *douyinPay) handleTransfer(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		return
	}
	merchant, err := d.authorize(r, body)
	if err != nil {
		d.writeRefusal(w, http.StatusUnauthorized, "SIGN_ERROR")
		return
	}
	var req transferRequest
	if json.Unmarshal(body, &req) != nil {
		d.writeRefusal(w, http.StatusBadRequest, "PARAM_ERROR")
		return
	}
	d.transfer(w, r, merchant, req)
}

// transfer accepts the transfer of a merchant whose signature was verified.
func (d *douyinPay) transfer(w http.ResponseWriter, r *http.Request, merchant string,
	req transferRequest) {
	fault := d.faults.takeFault(req.Key)
	if fault == Error500Before {
		d.writeRefusal(w, http.StatusInternalServerError, "SYSTEM_ERROR")
		return
	}
	order, ok := d.parseOrder(merchant, req)
	if !ok {
		d.writeRefusal(w, http.StatusBadRequest, "PARAM_ERROR")
		return
	}
	b, refusal, err := d.acceptOrder(order, fault)
	switch {
	case err != nil:
		d.writeRefusal(w, http.StatusInternalServerError, "SYSTEM_ERROR")
	case refusal != "":
		d.writeRefusal(w, http.StatusBadRequest, refusal)
	case fault == TimeoutAfterAccept:
		d.leaveUnanswered(r)
	default:
		d.writeAnswer(w, http.StatusOK, map[string]any{
			"out_bill_no": b.Key, "transfer_bill_no": b.GatewayID, "state": b.State,
			"create_time": b.Created.Format(time.RFC3339),
		}, fault == BadSignature)
	}
}

// parseOrder validates a request by the rules in the documentation of Douyin Pay and decrypts the
// payee's name.
func (d *douyinPay) parseOrder(merchant string, req transferRequest) (Bill, bool) {
	bill := Bill{Merchant: merchant, Key: req.Key, Amount: money.Fen(req.Amount), Payee: req.OpenID,
		Remark: req.Remark, NotifyURL: req.NotifyURL}
	if !billNo.MatchString(req.Key) || req.AppID != d.merchants[merchant].appID || req.Scene == "" ||
		req.OpenID == "" || req.Amount <= 0 || utf8.RuneCountInString(req.Remark) > 32 {
		return bill, false
	}
	if req.Name != "" {
		sealed, err := base64.StdEncoding.DecodeString(req.Name)
		if err != nil {
			return bill, false
		}
		//nolint:staticcheck // Douyin Pay prescribes this padding for names
		name, err := rsa.DecryptPKCS1v15(nil, d.key, sealed)
		if err != nil {
			return bill, false
		}
		bill.Name = string(name)
	}
	return bill, bill.Name != "" || req.Amount < nameRequiredFrom
}

// handleQuery answers a query about one transfer.
func (d *douyinPay) handleQuery(w http.ResponseWriter, r *http.Request) {
	merchant, err := d.authorize(r, nil)
	if err != nil {
		d.writeRefusal(w, http.StatusUnauthorized, "SIGN_ERROR")
		return
	}
	b, ok := d.book.findBill(merchant, r.PathValue("no"))
	if !ok {
		d.writeRefusal(w, http.StatusNotFound, payoutbank.NotFoundCode)
		return
	}
	d.writeAnswer(w, http.StatusOK, map[string]any{
		"mch_id": b.Merchant, "appid": d.merchants[merchant].appID, "out_bill_no": b.Key,
		"transfer_bill_no": b.GatewayID, "state": b.State,
		"transfer_amount": b.Amount.Fen(), "transfer_remark": b.Remark, "fail_reason": b.Reason,
		"openid":      b.Payee,
		"create_time": b.Created.Format(time.RFC3339), "update_time": b.Updated.Format(time.RFC3339),
	}, false)
}

// authorize verifies the signature of a request over method, path with query, time, nonce and
// body, and returns the merchant that made the request.
func (d *douyinPay) authorize(r *http.Request, body []byte) (string, error) {
	part := authHeader.FindStringSubmatch(r.Header.Get("Authorization"))
	if part == nil {
		return "", errors.New("no authorization")
	}
	mch := part[1]
	nonce := part[2]
	timestamp := part[3]
	serial := part[4]
	signature := part[5]
	m, ok := d.merchants[mch]
	// the serial number names the certificate with which the merchant signs
	if !ok || m.serial != serial {
		return "", errors.New("no such merchant or certificate")
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	// a signature is valid for five minutes, which bounds replays
	if err != nil || d.opts.Now().Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return "", errors.New("clock differs")
	}
	sig, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(r.Method + "\n" + r.URL.RequestURI() + "\n" + timestamp + "\n" +
		nonce + "\n" + string(body) + "\n"))
	return mch, rsa.VerifyPKCS1v15(m.key, crypto.SHA256, sum[:], sig)
}

// writeRefusal answers a request with an error code.
func (d *douyinPay) writeRefusal(w http.ResponseWriter, status int, code string) {
	d.writeAnswer(w, status, map[string]string{"code": code, "message": code}, false)
}

// writeAnswer writes a signed answer; with spoil the signature is wrong.
func (d *douyinPay) writeAnswer(w http.ResponseWriter, status int, v any, spoil bool) {
	body, err := json.Marshal(v)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	header, err := d.signBody(body, spoil)
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

// signBody returns the headers of a signed answer or notice. The signature covers time, nonce and
// body, each followed by a line break.
func (d *douyinPay) signBody(body []byte, spoil bool) (http.Header, error) {
	timestamp, nonce := strconv.FormatInt(d.opts.Now().Unix(), 10), rand.Text()
	signed := timestamp + "\n" + nonce + "\n" + string(body) + "\n"
	// the signature is made over another text than the body
	if spoil {
		signed += "x"
	}
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(nil, d.key, crypto.SHA256, sum[:])
	if err != nil {
		return nil, err
	}
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("Douyinpay-Timestamp", timestamp)
	h.Set("Douyinpay-Nonce", nonce)
	h.Set("Douyinpay-Signature", base64.StdEncoding.EncodeToString(sig))
	h.Set("Douyinpay-Serial", d.serial)
	return h, nil
}

// eventType returns the event type of a bill's notice. Public client code contains only
// TRANSFER.SUCCESS; the types of a failure and of a return are assumptions.
func eventType(b Bill) string {
	switch b.State {
	case fail:
		return "TRANSFER.FAIL"
	case returned:
		return "TRANSFER.RETURNED"
	default:
		return "TRANSFER.SUCCESS"
	}
}

// makeNotice returns headers and body of a notice: the bill is encrypted for its merchant, and the
// body is signed. The amount is a string here, unlike in answers.
func (d *douyinPay) makeNotice(b Bill, spoil bool) (http.Header, []byte, error) {
	m := d.merchants[b.Merchant]
	plain, err := json.Marshal(map[string]string{
		"mch_id": b.Merchant, "out_bill_no": b.Key, "transfer_bill_no": b.GatewayID, "state": b.State,
		"fail_reason":     b.Reason,
		"transfer_amount": strconv.FormatInt(b.Amount.Fen(), 10), "openid": b.Payee,
		"create_time": b.Created.Format(time.RFC3339), "update_time": b.Updated.Format(time.RFC3339),
	})
	if err != nil {
		return nil, nil, err
	}
	nonce := rand.Text()[:12]
	sealed, err := encryptAESGCM([]byte(m.apiKey), []byte(nonce), plain, []byte("transfer"))
	if err != nil {
		return nil, nil, err
	}
	body, err := json.Marshal(map[string]any{
		"id": rand.Text(), "create_time": d.opts.Now().Format(time.RFC3339), "event_type": eventType(b),
		"resource_type": "encrypt-resource", "summary": eventType(b),
		"resource": map[string]string{
			"algorithm": "AEAD_AES_256_GCM", "original_type": "transfer", "associated_data": "transfer",
			"nonce":      nonce,
			"ciphertext": base64.StdEncoding.EncodeToString(sealed), "mchid": b.Merchant,
		},
	})
	if err != nil {
		return nil, nil, err
	}
	header, err := d.signBody(body, spoil)
	return header, body, err
}

// encryptAESGCM encrypts and authenticates a text with AES-GCM.
func encryptAESGCM(key, nonce, plain, extra []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return gcm.Seal(nil, nonce, plain, extra), nil
}
