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

// Account is a merchant account at Douyin Pay as the secret store keeps it.
type Account struct {
	Tenant     ident.Tenant  `json:"tenant"`
	Merchant   string        `json:"mch_id"`
	Serial     string        `json:"serial"`               // of the merchant's certificate
	PrivateKey string        `json:"merchant_private_key"` // PEM
	APIKey     string        `json:"api_key"`              // 32 bytes, decrypts notices
	Platform   []PlatformKey `json:"platform_keys"`        // the last one is the newest
	AppID      string        `json:"appid"`
	Scene      string        `json:"transfer_scene_id"`
	Reports    []SceneReport `json:"transfer_scene_report_infos,omitempty"`
	NotifyURL  string        `json:"notify_url,omitempty"`
}

// PlatformKey is a key with which the gateway signs, and for which names are encrypted.
type PlatformKey struct {
	Serial    string `json:"serial"`
	PublicKey string `json:"public_key"` // PEM, key or certificate
}

// SceneReport is one line of what the gateway wants to know about a transfer scene.
type SceneReport struct {
	Type    string `json:"info_type"`
	Content string `json:"info_content"`
}

// nameFrom is the amount from which the gateway demands the holder's name; below it the name stays
// here, because what is not needed is not passed on.
var nameFrom = money.Yuan(2000)

// window is how far a signed message's time may lie from ours; older ones may be replays.
const window = 5 * time.Minute

// Gateway sends through one merchant account. It is safe for concurrent use.
type Gateway struct {
	account Account
	client  *douyin.Client
	now     func() time.Time
}

// New makes a gateway that talks to base, without a trailing path; timeout bounds one call. Errors
// name the part of the account that cannot be used and never repeat it.
func New(a Account, base string, timeout time.Duration, now func() time.Time) (*Gateway, error) {
	if len(a.APIKey) != 32 {
		return nil, errors.New("douyin account: api_key must have 32 bytes")
	}
	if len(a.Platform) == 0 {
		return nil, errors.New("douyin account: platform_keys are missing")
	}
	client, err := douyin.NewClient(a.Merchant, a.Serial, a.APIKey, a.PrivateKey)
	if err != nil { // the cause would print the key
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

// httpClient follows no redirect: a signed payment goes to the configured host only.
func httpClient(timeout time.Duration) *xhttp.Client {
	c := xhttp.NewClient().SetTimeout(timeout).SetBodySize(1)
	c.HttpClient.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	return c
}

// Send asks for a transfer; see payout.Gateway.
func (g *Gateway) Send(ctx context.Context, o payout.Order) (payout.Outcome, error) {
	body, err := g.order(o)
	if err != nil {
		return payout.Outcome{}, err
	}
	rsp, err := g.client.Transfer(ctx, body)
	return g.outcome(o.Key, rsp, err), nil
}

func (g *Gateway) order(o payout.Order) (gopay.BodyMap, error) {
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

// Query asks what became of a key; see payout.Gateway.
func (g *Gateway) Query(ctx context.Context, key string) (payout.Outcome, error) {
	rsp, err := g.client.TransferQueryByOutBillNo(ctx, key)
	o := g.outcome(key, rsp, err)
	if o.Reason == codeNotFound && rsp.Code == http.StatusNotFound {
		o.State = payout.NotFound
	}
	return o, nil
}

// What we say where the gateway gave no word of its own.
const (
	noAnswer         = "no_answer"
	answerUnverified = "answer_unverified"
	answerUnreadable = "answer_unreadable"
	answerOfOther    = "answer_of_other_order"

	codeNotFound = "NOT_FOUND"
)

// outcome reads an answer. An error's text may hold the whole answer, so it is never passed on.
func (g *Gateway) outcome(key string, rsp *douyin.TransferRsp, err error) payout.Outcome {
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
	case g.verify(rsp.SignInfo) != nil: // gopay verifies answers with status 200 only
		return unclear(answerUnverified)
	case rsp.Code != douyin.Success:
		return unclear(code(rsp.ErrResponse.Code))
	case rsp.Response.OutBillNo != key ||
		(rsp.Response.MchId != "" && rsp.Response.MchId != g.account.Merchant):
		return unclear(answerOfOther)
	}
	bill := rsp.Response
	return payout.Outcome{
		State:     state(bill.State),
		GatewayID: bill.TransferBillNo,
		Reason:    code(bill.FailReason),
		Amount:    money.Fen(int64(bill.TransferAmount)),
		At:        g.when(bill.UpdateTime, bill.CreateTime),
	}
}

// verify checks signature and age of an answer or notice.
func (g *Gateway) verify(si *douyin.SignInfo) error {
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

// state translates the gateway's states. It documents four; CANCELLED, WAIT_USER_CONFIRM and
// RETURNED are known from its sister interfaces, and any other word leaves the outcome open.
func state(s string) payout.State {
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

// code keeps a gateway's code and drops free text, which may name the payee.
func code(s string) string {
	if s == "" || codeShape.MatchString(s) {
		return s
	}
	return "other"
}

func (g *Gateway) when(texts ...string) time.Time {
	for _, s := range texts {
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return t
		}
	}
	return g.now()
}
