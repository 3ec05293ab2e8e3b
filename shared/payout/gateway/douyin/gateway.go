// Package payoutdouyin pays into creators' Douyin balances by Douyin Pay merchant transfers;
// requests are signed, and answers and notices verified, through gopay.
package payoutdouyin

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/go-pay/gopay"
	"github.com/go-pay/gopay/douyin"
	"github.com/go-pay/gopay/pkg/xhttp"

	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
)

// Account is a merchant account at Douyin Pay as the gateway secret holds it.
type Account struct {
	Tenant   ident.Tenant `json:"tenant"`
	Merchant string       `json:"mch_id"`
	// serial number of the merchant's certificate
	Serial     string `json:"serial"`
	PrivateKey string `json:"merchant_private_key"` // PEM
	APIKey     string `json:"api_key"`              // 32 bytes, decrypts notices
	// the gateway's public keys; the last key is the newest
	Platform  []PlatformKey `json:"platform_keys"`
	AppID     string        `json:"appid"`
	Scene     string        `json:"transfer_scene_id"`
	Reports   []SceneReport `json:"transfer_scene_report_infos,omitempty"`
	NotifyURL string        `json:"notify_url,omitempty"`
}

// PlatformKey is a public key of the gateway. PlatformKey verifies the gateway's signatures and
// encrypts the names of payees.
type PlatformKey struct {
	Serial    string `json:"serial"`
	PublicKey string `json:"public_key"` // PEM, key or certificate
}

// SceneReport is one line of what the gateway demands to know about a transfer scene.
type SceneReport struct {
	Type    string `json:"info_type"`
	Content string `json:"info_content"`
}

// nameFrom is the amount from which the gateway demands the name of the account holder. For smaller
// amounts the name is not sent, because personal data that is not needed is not passed on.
var nameFrom = money.Yuan(2000)

// window is the greatest difference between the time of a signed message and ours; an older message
// may be a replay.
const window = 5 * time.Minute

// Gateway sends payments through one merchant account. Gateway is safe for concurrent use.
type Gateway struct {
	account Account
	client  *douyin.Client
	now     func() time.Time
}

// New makes a gateway that calls the base address, which has no trailing path; timeout is the
// longest time of one call. Errors say which part of the account cannot be used and never contain
// its value.
func New(a Account, base string, timeout time.Duration, now func() time.Time) (*Gateway, error) {
	if len(a.APIKey) != 32 {
		return nil, errors.New("douyin account: api_key must have 32 bytes")
	}
	if len(a.Platform) == 0 {
		return nil, errors.New("douyin account: platform_keys are missing")
	}
	client, err := douyin.NewClient(a.Merchant, a.Serial, a.APIKey, a.PrivateKey)
	if err != nil { // the cause is not wrapped, because its text contains the private key
		return nil, errors.New("douyin account: mch_id, serial or merchant_private_key cannot be used")
	}
	for _, k := range a.Platform {
		if err := client.SetPlatformCert([]byte(k.PublicKey), k.Serial); err != nil {
			return nil, errors.New("douyin account: a platform key cannot be read")
		}
	}
	client.SetProxyHost(base)
	client.SetHttpClient(httpClient(timeout))
	return &Gateway{account: a, client: client, now: now}, nil
}

// httpClient returns a client that follows no redirect, because a signed payment must go to the
// configured host only.
func httpClient(timeout time.Duration) *xhttp.Client {
	c := xhttp.NewClient().SetTimeout(timeout).SetBodySize(1)
	c.HttpClient.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	return c
}

// Send requests a transfer; see payout.Gateway.
func (g *Gateway) Send(ctx context.Context, o payout.Order) (payout.Outcome, error) {
	body, err := g.transferBody(o)
	if err != nil {
		return payout.Outcome{}, err
	}
	rsp, err := g.client.Transfer(ctx, body)
	return g.readOutcome(o.Key, rsp, err), nil
}

// transferBody returns the request body of an order. transferBody fails when the name of the holder
// cannot be encrypted.
func (g *Gateway) transferBody(o payout.Order) (gopay.BodyMap, error) {
	body := gopay.BodyMap{
		"appid":             g.account.AppID,
		"out_bill_no":       o.Key,
		"transfer_scene_id": g.account.Scene,
		"openid":            o.Account,
		"transfer_amount":   o.Amount.Fen(),
		"transfer_remark":   o.Remark,
	}
	if g.account.NotifyURL != "" {
		body["notify_url"] = g.account.NotifyURL
	}
	if len(g.account.Reports) > 0 {
		body["transfer_scene_report_infos"] = g.account.Reports
	}
	if o.Amount.Cmp(nameFrom) >= 0 {
		name, err := g.client.EncryptText(o.HolderName)
		if err != nil {
			return nil, errors.New("holder's name cannot be encrypted for the gateway")
		}
		body["user_name"] = name
	}
	return body, nil
}

// QueryOutcome requests the state of the order with a key; see payout.Gateway.
func (g *Gateway) QueryOutcome(ctx context.Context, key string) (payout.Outcome, error) {
	rsp, err := g.client.TransferQueryByOutBillNo(ctx, key)
	o := g.readOutcome(key, rsp, err)
	// Only a verified answer with status 404 and this code proves that the gateway has no such order.
	if o.Reason == codeNotFound && rsp.Code == http.StatusNotFound {
		o.State = payout.NotFound
	}
	return o, nil
}

// The reasons of an unclear outcome for which the gateway gave no code.
const (
	noAnswer         = "no_answer"
	answerUnverified = "answer_unverified"
	answerUnreadable = "answer_unreadable"
	answerOfOther    = "answer_of_other_order"

	codeNotFound = "NOT_FOUND"
)

// readOutcome reads the answer to the request for a key. Whatever leaves open whether the order was
// taken is UNKNOWN. The text of an error may contain the whole answer with personal data, so it is
// never passed on.
func (g *Gateway) readOutcome(key string, rsp *douyin.TransferRsp, err error) payout.Outcome {
	unclear := func(reason string) payout.Outcome {
		return payout.Outcome{State: payout.Unknown, Reason: reason, At: g.now()}
	}
	switch {
	case errors.Is(err, gopay.UnmarshalErr):
		return unclear(answerUnreadable)
	case err != nil && rsp != nil:
		return unclear(answerUnverified)
	case err != nil || rsp == nil:
		return unclear(noAnswer)
	case g.verifySignature(rsp.SignInfo) != nil: // gopay verifies answers with status 200 only
		return unclear(answerUnverified)
	case rsp.Code != douyin.Success:
		return unclear(sanitizedCode(rsp.ErrResponse.Code))
	case rsp.Response.OutBillNo != key ||
		(rsp.Response.MchId != "" && rsp.Response.MchId != g.account.Merchant):
		return unclear(answerOfOther)
	}
	bill := rsp.Response
	return payout.Outcome{
		State:     payoutState(bill.State),
		GatewayID: bill.TransferBillNo,
		Reason:    sanitizedCode(bill.FailReason),
		Amount:    money.Fen(int64(bill.TransferAmount)),
		At:        g.firstValidTime(bill.UpdateTime, bill.CreateTime),
	}
}

// verifySignature checks the signature and the age of an answer or notice. Errors:
// payout.ErrUnverified.
func (g *Gateway) verifySignature(si *douyin.SignInfo) error {
	if si == nil {
		return payout.ErrUnverified
	}
	seconds, err := strconv.ParseInt(si.HeaderTimestamp, 10, 64)
	if err != nil || g.now().Sub(time.Unix(seconds, 0)).Abs() > window {
		return payout.ErrUnverified
	}
	key, ok := g.client.PlatformCertMap()[si.HeaderSerial]
	if !ok || douyin.VerifySignByPK(si.HeaderTimestamp, si.HeaderNonce, si.SignBody,
		si.HeaderSignature, key) != nil {
		return payout.ErrUnverified
	}
	return nil
}

// payoutState translates a transfer state of the gateway. The gateway's documents name four states;
// CANCELLED, WAIT_USER_CONFIRM and RETURNED are known from similar interfaces of the gateway. Any
// other state leaves the outcome UNKNOWN.
func payoutState(s string) payout.State {
	switch s {
	case douyin.TransferStateAccepted, douyin.TransferStateTransfering, "PROCESSING":
		return payout.Accepted
	case "WAIT_USER_CONFIRM":
		return payout.WaitingPayee
	case douyin.TransferStateSuccess:
		return payout.Paid
	case douyin.TransferStateFail:
		return payout.Failed
	case "CANCELLED":
		return payout.Cancelled
	case stateReturned:
		return payout.Returned
	default:
		return payout.Unknown
	}
}

const stateReturned = "RETURNED"

var codeShape = regexp.MustCompile(`^[A-Z0-9_]{1,64}$`)

// sanitizedCode returns a code of the gateway, and "other" for free text, which may contain the
// payee's name.
func sanitizedCode(s string) string {
	if s == "" || codeShape.MatchString(s) {
		return s
	}
	return "other"
}

// firstValidTime returns the first of the texts that is an RFC 3339 time, else the present time.
func (g *Gateway) firstValidTime(texts ...string) time.Time {
	for _, s := range texts {
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return t
		}
	}
	return g.now()
}
