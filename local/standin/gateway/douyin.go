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

// douyinPay is Douyin Pay's merchant transfer as public client code describes it. It is written
// without the client library, so that a mistake of ours in using it shows.
type douyinPay struct {
	*Server
	key       *rsa.PrivateKey
	serial    string
	merchants map[string]douyinMerchant
}

type douyinMerchant struct {
	serial, apiKey, appID string
	key                   *rsa.PublicKey
}

const transferPath = "/v1/fund_trade/mch-transfer/transfer-bills"

// NewDouyin starts a stand-in of Douyin Pay.
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
	mux.HandleFunc("POST "+transferPath, d.transfer)
	mux.HandleFunc("GET "+transferPath+"/out-bill-no/{no}", d.query)
	s.control(mux)
	s.Handler, s.notice = mux, d.makeNotice
	s.resume()
	return s, nil
}

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

// nameNeeded is the amount in fen from which the payee's name is required.
const nameNeeded = 200_000

var (
	billNo     = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)
	authHeader = regexp.MustCompile(
		`^DouyinPay-RSA mchid="([^"]*)",nonce_str="([^"]*)",timestamp="([0-9]+)",serial_no="([^"]*)",signature="([^"]*)"$`)
)

func (d *douyinPay) transfer(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		return
	}
	merchant, err := d.authorize(r, body)
	if err != nil {
		d.refuse(w, http.StatusUnauthorized, "SIGN_ERROR")
		return
	}
	var req transferRequest
	if json.Unmarshal(body, &req) != nil {
		d.refuse(w, http.StatusBadRequest, "PARAM_ERROR")
		return
	}
	fault := d.faults.take(req.Key)
	if fault == Error500Before {
		d.refuse(w, http.StatusInternalServerError, "SYSTEM_ERROR")
		return
	}
	order, ok := d.order(merchant, req)
	if !ok {
		d.refuse(w, http.StatusBadRequest, "PARAM_ERROR")
		return
	}
	b, refusal, err := d.accept(order, fault)
	switch {
	case err != nil:
		d.refuse(w, http.StatusInternalServerError, "SYSTEM_ERROR")
	case refusal != "":
		d.refuse(w, http.StatusBadRequest, refusal)
	case fault == TimeoutAfterAccept:
		d.hang(r)
	default:
		d.answer(w, http.StatusOK, map[string]any{
			"out_bill_no": b.Key, "transfer_bill_no": b.GatewayID, "state": b.State,
			"create_time": b.Created.Format(time.RFC3339),
		}, fault == BadSignature)
	}
}

// order checks a request as the gateway documents it.
func (d *douyinPay) order(merchant string, req transferRequest) (Bill, bool) {
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
		name, err := rsa.DecryptPKCS1v15(nil, d.key,
			sealed) //nolint:staticcheck // the gateway fixes this padding for names
		if err != nil {
			return bill, false
		}
		bill.Name = string(name)
	}
	return bill, bill.Name != "" || req.Amount < nameNeeded
}

func (d *douyinPay) query(w http.ResponseWriter, r *http.Request) {
	merchant, err := d.authorize(r, nil)
	if err != nil {
		d.refuse(w, http.StatusUnauthorized, "SIGN_ERROR")
		return
	}
	b, ok := d.book.get(merchant, r.PathValue("no"))
	if !ok {
		d.refuse(w, http.StatusNotFound, payoutbank.NotFoundCode)
		return
	}
	d.answer(w, http.StatusOK, map[string]any{
		"mch_id": b.Merchant, "appid": d.merchants[merchant].appID, "out_bill_no": b.Key,
		"transfer_bill_no": b.GatewayID, "state": b.State,
		"transfer_amount": b.Amount.Fen(), "transfer_remark": b.Remark, "fail_reason": b.Reason,
		"openid":      b.Payee,
		"create_time": b.Created.Format(time.RFC3339), "update_time": b.Updated.Format(time.RFC3339),
	}, false)
}

// authorize verifies a request's signature over method, path with query, time, nonce and body, and
// gives the merchant who made it.
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
	if !ok || m.serial != serial {
		return "", errors.New("no such merchant or certificate")
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
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

func (d *douyinPay) refuse(w http.ResponseWriter, status int, code string) {
	d.answer(w, status, map[string]string{"code": code, "message": code}, false)
}

func (d *douyinPay) answer(w http.ResponseWriter, status int, v any, spoil bool) {
	body, err := json.Marshal(v)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	header, err := d.sign(body, spoil)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	for k, v := range header {
		w.Header()[k] = v
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone; it will ask again
}

// sign makes the headers of an answer or notice: time, nonce and body, each on its line.
func (d *douyinPay) sign(body []byte, spoil bool) (http.Header, error) {
	timestamp, nonce := strconv.FormatInt(d.opts.Now().Unix(), 10), rand.Text()
	signed := timestamp + "\n" + nonce + "\n" + string(body) + "\n"
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

// event names a notice by its bill's state. Public code knows TRANSFER.SUCCESS only; a failure and
// a return are assumed to be told in the same way.
func event(b Bill) string {
	switch b.State {
	case fail:
		return "TRANSFER.FAIL"
	case returned:
		return "TRANSFER.RETURNED"
	default:
		return "TRANSFER.SUCCESS"
	}
}

// makeNotice encrypts a bill for its merchant and signs the notice. The amount is a string here,
// unlike in answers.
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
	sealed, err := seal([]byte(m.apiKey), []byte(nonce), plain, []byte("transfer"))
	if err != nil {
		return nil, nil, err
	}
	body, err := json.Marshal(map[string]any{
		"id": rand.Text(), "create_time": d.opts.Now().Format(time.RFC3339), "event_type": event(b),
		"resource_type": "encrypt-resource", "summary": event(b),
		"resource": map[string]string{
			"algorithm": "AEAD_AES_256_GCM", "original_type": "transfer", "associated_data": "transfer",
			"nonce":      nonce,
			"ciphertext": base64.StdEncoding.EncodeToString(sealed), "mchid": b.Merchant,
		},
	})
	if err != nil {
		return nil, nil, err
	}
	header, err := d.sign(body, spoil)
	return header, body, err
}

func seal(key, nonce, plain, extra []byte) ([]byte, error) {
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
